//! The same commands at the certified provider of `tests/peers/`.

use serde_json::json;

use crate::harness::{Cli, browser};
use crate::support::peer::Peer;

#[test]
fn a_whole_session_at_the_certified_provider() {
    let Some(peer) = Peer::start(&[]) else { return };
    let (cli, browser) = (Cli::new(), browser());
    let login = |arguments: &[&str]| {
        let login =
            ["login", "--insecure-loopback", "--deadline", "60", "--issuer", &peer.issuer, "--browser", &browser];
        cli.run(&[&login, arguments].concat())
    };
    for mode in ["query", "fragment", "form_post"] {
        let scope = ["--scope", "openid offline_access email", "--prompt", "consent", "--response-mode", mode];
        let run = login(&[&["--login-hint", "auto:alice"], &scope[..]].concat()).done();
        assert_eq!(run.event("logged_in")["subject"], "alice", "{mode}");
        assert_eq!(run.event("userinfo")["claims"]["email"], "alice@example.org", "{mode}");
    }
    let before = cli.secrets();
    cli.run(&["token"]).done();
    assert_eq!(cli.run(&["refresh"]).done().event("refreshed")["refreshable"], true);
    // Access and refresh token. An ID token of the same second is the same.
    let after = cli.secrets();
    assert!(before[0] != after[0] && before[1] != after[1]);
    assert_eq!(cli.run(&["userinfo"]).done().event("userinfo")["claims"]["sub"], "alice");
    let denied = login(&["--login-hint", "deny:alice"]).failed(1, "denied", "authorization.access_denied");
    assert!(!denied.stdout.contains("registered"), "the client is in the store");
    let logout = cli.run(&["logout", "--end-session", "--browser", &browser]).done();
    assert_eq!(logout.event("logged_out")["revoked"], json!(true));
    assert!(logout.event("end_session_url")["url"].as_str().unwrap().starts_with(&peer.issuer));
    cli.run(&["token"]).failed(1, "local", "cli.no_session");
}
