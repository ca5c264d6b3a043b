//! The same commands at the certified provider of `tests/peers/`.

use oidc_proto::adapter::HttpOptions;
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::cli::{Cli, browser};
use crate::support::peer::Peer;

#[test]
#[ignore = "needs Node.js"]
fn a_whole_session_at_the_certified_provider() {
    let peer = Peer::start(&[]);
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

#[test]
#[ignore = "needs Node.js"]
fn a_strong_client_with_bound_tokens_at_the_certified_provider() {
    let peer = Peer::start(&[("REQUIRE_PAR", "1"), ("DPOP_NONCE", "1")]);
    let (cli, browser) = (Cli::new(), browser());
    let login = ["login", "--insecure-loopback", "--deadline", "60", "--issuer", &peer.issuer, "--browser", &browser];
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
        let key = cli.file("key.pem", rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_pem());
        let user = ["--login-hint", "auto:alice", "--scope", "openid offline_access", "--prompt", "consent"];
        let run = cli.run(&[&login[..], &user, &["--dpop", "--key", &key]].concat()).done();
        assert_eq!(run.event("registered")["auth_method"], "private_key_jwt");
        assert_eq!(run.event("userinfo")["claims"]["sub"], "alice");
        let thumbprint = &run.event("logged_in")["dpop_thumbprint"];
        assert!(thumbprint.is_string());
        assert_eq!(cli.run(&["refresh"]).done().event("refreshed")["dpop_thumbprint"], *thumbprint);
        assert_eq!(cli.run(&["token"]).done().event("token")["token_type"], "DPoP");
        cli.run(&["userinfo"]).done();
        run.hides(&cli.secrets()[3..]);
        assert_eq!(cli.run(&["logout"]).done().event("logged_out")["revoked"], json!(true));
    }
}

#[test]
#[ignore = "needs Node.js"]
fn a_device_and_a_client_for_itself_at_the_certified_provider() {
    let peer = Peer::start(&[]);
    let (cli, secret) = (Cli::new(), "conf-secret-conf-secret-conf-secret-0123");
    let device = ["device", "--insecure-loopback", "--deadline", "60", "--issuer", &peer.issuer];
    let conf = ["--client-id", "conf", "--client-secret", secret, "--auth-method", "client_secret_basic"];
    for (more, yes) in [(&[][..], true), (&["--dpop"], true), (&conf, true), (&conf, false)] {
        let mut running = cli.start(&[&device[..], more].concat());
        let code = running.until("device_code");
        let page = code["verification_uri_complete"].as_str().unwrap();
        Browser::new(HttpOptions::new()).confirm_device(page, "alice", yes);
        let run = running.end();
        run.hides(&[secret.to_owned()]);
        if yes {
            assert_eq!(run.done().event("logged_in")["subject"], "alice");
            cli.run(&["userinfo"]).done();
            cli.run(&["logout"]).done();
        } else {
            run.failed(1, "denied", "device.access_denied");
        }
    }
    let ask = ["client-credentials", "--insecure-loopback", "--issuer", &peer.issuer];
    let run = cli.run(&[&ask[..], &conf].concat()).done();
    assert_eq!(run.event("token")["access_token"], json!(null));
    run.hides(&[secret.to_owned()]);
}
