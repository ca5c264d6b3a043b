//! A callback that is pasted, in all the forms in which people copy an address.

use oidc_proto::Timestamp;

use crate::support::cli::{Cli, Op, Running, parameter};

fn start(cli: &Cli, op: &Op, arguments: &[&str]) -> (Running, String) {
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--paste", "--par", "never"];
    let mut running = cli.start(&[&login[..], &["--deadline", "30"], arguments].concat());
    let url = running.url();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let callback = op.provider.visit(&url, Timestamp::from_unix_seconds(now)).callback().to_owned();
    (running, callback)
}

/// How an address is copied.
type Form<'a> = &'a dyn Fn(&str) -> String;

#[test]
fn an_address_is_understood_in_each_form_in_which_it_is_copied() {
    let (op, cli) = (Op::start(), Cli::new());
    let query = |callback: &str| callback.split_once('?').unwrap().1.to_owned();
    let forms: [(&str, Form<'_>); 11] = [
        ("whole", &|callback| callback.to_owned()),
        ("in quotation marks", &|callback| format!("\"{callback}\"")),
        ("in single ones", &|callback| format!(" '{callback}' ")),
        ("in angle brackets", &|callback| format!("<{callback}>")),
        ("with spaces", &|callback| format!("  {}  ", callback.replace("&state", " &state"))),
        ("without its scheme", &|callback| callback.trim_start_matches("http://").to_owned()),
        ("only its query", &query),
        ("its query with the mark", &|callback| format!("?{}", query(callback))),
        ("broken into lines", &|callback| callback.replacen("&state=", "&sta\nte=", 1)),
        ("broken into three", &|callback| callback.replacen("?code=", "?co\nde=", 1).replacen("&iss=", "\n&iss=", 1)),
        ("after an empty line", &|callback| format!("\n\r\n{callback}\r")),
    ];
    for (name, form) in forms {
        let (mut running, callback) = start(&cli, &op, &[]);
        assert!(callback.starts_with("http://127.0.0.1/callback?"));
        running.paste(&form(&callback));
        let run = running.end();
        assert_eq!(run.exit, 0, "{name}: {:?}", run.events);
    }
}

#[test]
fn fragments_and_forms_are_pasted_too() {
    let (op, cli) = (Op::start(), Cli::new());
    for mark in ["", "#"] {
        let (mut running, callback) = start(&cli, &op, &["--response-mode", "fragment"]);
        running.paste(&format!("{mark}{}", callback.split_once('#').unwrap().1));
        running.end().done();
    }
}

#[test]
fn a_slip_is_explained_and_asked_again() {
    let (op, cli) = (Op::start(), Cli::new());
    const WHOLE: &str = "Paste the whole address";
    for (slip, code, part, advice) in [
        ("SplxlOBeZQQYbYS6WxSbIA", "cli.no_callback", "a code by itself", WHOLE),
        ("http://127.0.0.1/callback", "cli.no_callback", "without a response", WHOLE),
        (
            "http://127.0.0.1/callback?code=c&state=of-another-login",
            "callback.state_mismatch",
            "state",
            "This address is of another login",
        ),
        ("code=SplxlOBeZQQYbYS6WxSbIA", "callback.state_missing", "state", WHOLE),
        (
            "https://op.example.org/cb?code=c&state=s",
            "callback.redirect_uri",
            "another URL",
            "it begins with http://127.0.0.1/callback",
        ),
    ] {
        let (mut running, callback) = start(&cli, &op, &[]);
        running.say(slip);
        let warning = running.until("warning");
        assert_eq!(warning["code"], code, "{slip}");
        let message = warning["message"].as_str().unwrap();
        assert!(message.contains(part) && !message.contains("ended"), "{warning}");
        assert!(warning["hint"].as_str().unwrap().contains(advice), "{warning}");
        running.say(&callback);
        running.until("logged_in");
        running.end().done();
    }
}

#[test]
fn what_the_provider_refused_ends_the_wait() {
    let (op, cli) = (Op::start(), Cli::new());
    let (mut running, callback) = start(&cli, &op, &["--login-hint", "deny:alice"]);
    running.say(&callback);
    running.until("error");
    running.end().failed(1, "denied", "authorization.access_denied");
}

#[test]
fn the_redirect_uri_needs_no_port() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--no-browser", "--paste", "--par", "never"];
    let mut running = cli.start(&login);
    assert_eq!(parameter(&running.url(), "redirect_uri").as_deref(), Some("http://127.0.0.1/callback"));
    running.kill();
}

/// Once as a warning, or once as the error: not twice.
#[test]
fn a_slip_is_told_once() {
    let (op, cli) = (Op::start(), Cli::new());
    let slip = "http://127.0.0.1/callback?code=c&state=of-another-login";
    let (mut running, _) = start(&cli, &op, &[]);
    running.paste(slip);
    let run = running.end().failed(1, "remote", "callback.state_mismatch");
    assert!(run.events.iter().all(|event| event["event"] != "warning"), "{:?}", run.events);

    let (mut running, _) = start(&cli, &op, &[]);
    running.say(slip);
    running.until("warning");
    running.close_input();
    running.end().failed(1, "local", "cli.no_callback");
}
