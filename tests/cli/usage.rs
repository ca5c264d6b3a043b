//! Command lines that are refused before anything is done.

use oidc_proto::Word as _;
use oidc_proto::testing::On;

use crate::support::cli::{Cli, Op};

#[test]
fn wrong_usage_exits_with_2() {
    let cli = Cli::new();
    for arguments in [
        &["nonsense"][..],
        &["login"],
        &["login", "--issuer"],
        &["login", "--issuer", "https://op.example", "--nonsense"],
        &["login", "--issuer", "https://op.example", "--client-secret", "s"],
        &["login", "--issuer", "https://op.example", "--client-id", "c", "--auth-method", "private_key_jwt"],
        &["login", "--issuer", "https://op.example", "--client-id", "c", "--auth-method", "client_secret_post"],
        &["login", "--issuer", "https://op.example", "--client-id", "c", "--auth-method", "client_secret_jwt"],
        &["login", "--issuer", "https://op.example", "--key", "k", "--client-id", "c", "--auth-method", "none"],
        &["login", "--issuer", "https://op.example", "--key", "k", "--client-id", "c", "--client-secret", "s"],
        &["login", "--issuer", "https://op.example", "--key", "k", "--key-algorithm", "HS256"],
        &["login", "--issuer", "https://op.example", "--key-algorithm", "ES256"],
        &["login", "--issuer", "https://op.example", "--par", "perhaps"],
        &["device"],
        &["device", "--issuer", "https://op.example", "--scope", "profile"],
        &["device", "--issuer", "https://op.example", "--par", "always"],
        &["client-credentials", "--issuer", "https://op.example"],
        &["client-credentials", "--issuer", "https://op.example", "--client-id", "c"],
        &["client-credentials", "--issuer", "https://op.example", "--client-id", "c", "--auth-method", "none"],
        &["client-credentials", "--issuer", "https://op.example", "--key", "k"],
        &["login", "--issuer", "https://op.example", "--browser", "unclosed 'quote"],
        &["login", "--issuer", "https://op.example", "--browser", ""],
        &["login", "--issuer", "https://op.example", "--browser", "x", "--no-browser"],
        &["login", "--issuer", "https://op.example", "--response-mode", "carrier_pigeon"],
        &["login", "--issuer", "https://op.example", "--prompt", "please"],
        &["login", "--issuer", "https://op.example", "--id-token", "ignore"],
        &["login", "--issuer", "https://op.example", "--scope", "profile"],
        &["login", "--issuer", "https://op.example", "--redirect-port", "65536"],
        &["login", "--issuer", "https://op.example", "--redirect-port", "0"],
        &["login", "--issuer", "https://op.example", "--redirect-port", "8000,0"],
        &["login", "--issuer", "https://op.example", "--client-id", "a\u{1b}[2J"],
        &["login", "--issuer", "https://op.example", "--client-id", "a\u{202e}b"],
        &["device", "--issuer", "https://op.example", "--client-id", "\u{200b}"],
        &["login", "--issuer", "https://op.example", "--client-id", ""],
        &["status", "--proxy", "nope nope"],
        &["status", "--proxy", "http://proxy.example:3128/path"],
        &["status", "--proxy", "http://proxy.example:3128?a=b"],
        &["status", "--user-agent", "a\nb"],
        &["status", "--timeout", "0"],
        &["status", "--deadline", "soon"],
        &["status", "--clock-skew", "301"],
        &["serve", "--claim", "iss=x"],
        &["serve", "--claim", "sub=x"],
        &["serve", "--claim", "a=x", "--claim", "a=y"],
        &["serve", "--user", ""],
        &["serve", "--dpop", "perhaps"],
        &["serve", "--dpop", "off", "--dpop-nonce"],
        &["serve", "--user", "carol", "--user", "carol"],
    ] {
        let run = cli.run(arguments).failed(2, "local", "cli.usage");
        assert_eq!(run.events.len(), 1, "{arguments:?}");
        let run = cli.plain(arguments);
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{arguments:?}");
    }
    assert_eq!(cli.plain(&["--help"]).exit, 0);
}

#[test]
fn what_can_be_accepted_stands_in_the_help_and_in_the_refusal() {
    let cli = Cli::new();
    let help = cli.plain(&["login", "--help"]).stdout;
    let run = cli.run(&["status", "--accept", "everything"]).failed(2, "local", "cli.usage");
    let refusal = run.event("error")["message"].as_str().unwrap().to_owned();
    for deviation in oidc_proto::Deviation::ALL {
        assert!(help.contains(deviation.name()), "{}", deviation.name());
        assert!(refusal.contains(deviation.name()), "{refusal}");
    }
}

#[test]
fn a_scope_with_commas_is_told_to_have_spaces() {
    let cli = Cli::new();
    for (scope, said) in [("openid,profile", "separated by spaces"), ("profile", "`openid` must be in --scope")] {
        let run = cli.run(&["login", "--issuer", "https://op.example", "--scope", scope]);
        let run = run.failed(2, "local", "cli.usage");
        assert!(run.event("error")["message"].as_str().unwrap().contains(said), "{}", run.event("error"));
    }
}

/// Where the metadata are elsewhere, it says what they have to name.
#[test]
fn the_issuer_that_is_expected_can_be_called_so() {
    let (op, cli) = (Op::start(), Cli::new());
    let url = format!("{}/.well-known/openid-configuration", op.issuer);
    let discover = ["discover", "--insecure-loopback", "--metadata-url", &url, "--expect-issuer"];
    cli.run(&[&discover[..], &[&op.issuer]].concat()).done();
    let other = format!("{}/other", op.issuer);
    cli.run(&[&discover[..], &[&other]].concat()).failed(1, "remote", "metadata.issuer_mismatch");
}

#[test]
fn wrong_usage_is_said_whole_to_programs_too() {
    let cli = Cli::new();
    let run = cli.run(&["login"]).failed(2, "local", "cli.usage");
    assert!(run.event("error")["message"].as_str().unwrap().contains("--issuer"), "{}", run.event("error"));
    let uri = ["login", "--issuer", "https://op.example", "--redirect-uri", "localhost:8080/cb"];
    let run = cli.run(&uri).failed(2, "local", "url.syntax");
    assert_eq!(run.event("error")["found"], "localhost:8080/cb");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("Write the scheme"), "{}", run.event("error"));
}

#[test]
fn an_option_of_another_command_is_said_to_be_one() {
    let cli = Cli::new();
    for (arguments, commands) in [
        (&["relogin", "--client-id", "other"][..], &["login", "device", "the session's own client"][..]),
        (&["token", "--homeserver", "https://hs.example"], &["login", "qr login"]),
    ] {
        let hint = cli.run(arguments).failed(2, "local", "cli.usage").event("error")["hint"].to_string();
        let text = cli.plain(arguments).stderr;
        for command in commands {
            assert!(hint.contains(command) && text.contains(command), "{hint} {text}");
        }
    }
    let hint = cli.run(&["token", "--nonsense"]).failed(2, "local", "cli.usage").event("error")["hint"].clone();
    assert_eq!(hint, "See --help.");
}

#[test]
fn a_picture_that_is_not_there_is_said_to_be_missing() {
    let cli = Cli::new();
    for name in ["missing.png", "./missing", "pictures/code.txt", "/nonexist", "pictures/code"] {
        let run = cli.run(&["qr", "login", "--scan", name]).failed(1, "local", "cli.qr_image");
        let message = run.event("error")["message"].as_str().unwrap().to_owned();
        assert!(message.contains("no such file") && message.contains(name), "{message}");
    }
    // It may be a name or a text, so both are told.
    let run = cli.run(&["qr", "login", "--scan", "missing1"]).failed(1, "remote", "qr.code_prefix");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("no such file"));
}

/// Whatever the store, the network and the provider would say: it is the command line that has to be mended.
#[test]
fn what_is_wrong_with_the_command_line_by_itself_exits_with_2() {
    let cli = Cli::new();
    let homeserver = ["login", "--homeserver", "https://hs.example"];
    let at_home = |more: &[&'static str]| [&homeserver[..], more].concat();
    for (arguments, code) in [
        (vec!["login", "--issuer", "notaurl"], "url.syntax"),
        (vec!["login", "--issuer", "http://op.example"], "url.scheme"),
        (vec!["login", "--issuer", "https://op.example?a=b"], "url.query"),
        (vec!["login", "--issuer", "https://op.example", "--metadata-url", "nope"], "url.syntax"),
        (vec!["login", "--issuer", "https://op.example", "--redirect-uri", "nope"], "url.syntax"),
        (vec!["device", "--issuer", "notaurl"], "url.syntax"),
        (vec!["register", "--issuer", "notaurl"], "url.syntax"),
        (vec!["register", "--issuer", "https://op.example", "--metadata-url", "nope"], "url.syntax"),
        (vec!["discover", "--issuer", "notaurl"], "url.syntax"),
        (vec!["client-credentials", "--issuer", "notaurl", "--client-id", "c", "--client-secret", "s"], "url.syntax"),
        (vec!["login", "--homeserver", "https://hs.example?a=b"], "url.query"),
        (vec!["login", "--homeserver", "@joe"], "matrix.user_id"),
        (vec!["device", "--homeserver", "a b"], "matrix.server_name"),
        (vec!["discover", "--homeserver", "a b"], "matrix.server_name"),
        (vec!["register", "--homeserver", "a b"], "matrix.server_name"),
        (vec!["qr", "login", "--show", "--homeserver", "a b"], "matrix.server_name"),
        (
            at_home(&["--redirect-uri", "http://app.example/cb", "--paste", "--insecure-redirect-uri"]),
            "registration.redirect_uri",
        ),
    ] {
        let run = cli.run(&arguments).failed(2, "local", code);
        assert_eq!(run.events.len(), 1, "{arguments:?}");
    }
    // What a file, the store or the network says is no matter of usage.
    for (arguments, fault, code) in [
        (vec!["login", "--issuer", "https://op.example", "--key", "/nowhere/key.pem"], "local", "cli.key_file"),
        (vec!["status", "--ca-certificate", "/nowhere/ca.pem"], "local", "cli.setup"),
        (vec!["status", "--session", "x"], "local", "cli.session_unknown"),
    ] {
        cli.run(&arguments).failed(1, fault, code);
    }
}

/// Nothing is registered, and nobody is sent to the provider, for a request that cannot be made.
#[test]
fn what_a_request_must_not_have_is_refused_before_anything_is_registered() {
    let (op, cli) = (Op::start(), Cli::new());
    for (option, value, code) in [
        ("--parameter", "state=mine", "authorization.parameter"),
        ("--token-parameter", "grant_type=x", "authorization.parameter"),
        ("--token-parameter", "code_verifier=x", "authorization.parameter"),
        ("--token-parameter", "client_id=x", "authorization.parameter"),
        ("--prompt", "none login", "authorization.prompt"),
    ] {
        let run = cli.login(&op, &[option, value]).failed(2, "local", code);
        let hint = run.event("error")["hint"].as_str().unwrap();
        assert!(hint.contains(option) && !hint.contains("with_"), "{hint}");
        assert!(run.events.iter().all(|event| event["event"] != "authorization_url"), "{option} {value}");
    }
    cli.login(&op, &["--token-parameter", "a=b", "--token-parameter", "a=c"]).failed(
        2,
        "local",
        "authorization.parameter",
    );
    cli.device(&op, &["--token-parameter", "device_code=x"]).failed(2, "local", "authorization.parameter");
    assert_eq!(op.provider.count(On::Register), 0);
    // By the provider's own word it is no matter of usage, and still nothing is registered.
    op.provider.edit_json(On::ServerMetadata, |document| {
        document.insert("response_modes_supported".into(), serde_json::json!(["query"]));
    });
    cli.login(&op, &["--response-mode", "form_post"]).failed(1, "local", "authorization.response_mode");
    assert_eq!(op.provider.count(On::Register), 0);
}

/// The login would end at the provider, and its response be refused.
#[test]
fn a_redirect_uri_with_a_parameter_of_the_response_is_refused() {
    let (op, cli) = (Op::start(), Cli::new());
    for name in ["code", "state", "iss", "error", "%73tate"] {
        let uri = format!("http://127.0.0.1/cb?a=b&{name}=x");
        let run = cli.login(&op, &["--redirect-uri", &uri]).failed(2, "local", "cli.usage");
        assert!(run.event("error")["message"].as_str().unwrap().contains("--redirect-uri"), "{name}");
    }
    assert!(op.provider.requests().is_empty());
    // It has it once.
    cli.login(&op, &["--redirect-uri", "http://127.0.0.1/cb?code=x", "--response-mode", "form_post"]).done();
    cli.login(&op, &["--redirect-uri", "http://127.0.0.1/cb?app=x"]).done();
}

/// A header would be cut in two, or name no token. The value is a secret: the refusal does not repeat it.
#[test]
fn a_token_or_secret_that_cannot_be_sent_is_refused_before_anything_is_asked() {
    let (op, cli) = (Op::start(), Cli::new());
    let register = ["register", "--insecure-loopback", "--issuer", &op.issuer, "--initial-access-token"];
    let login = ["login", "--insecure-loopback", "--issuer", &op.issuer, "--client-id", "app", "--client-secret"];
    let homeserver = ["register", "--insecure-loopback", "--homeserver", &op.issuer, "--initial-access-token"];
    let client = ["client-credentials", "--insecure-loopback", "--issuer", &op.issuer, "--client-id", "app"];
    let client = [&client[..], &["--client-secret"]].concat();
    for command in [&register[..], &homeserver] {
        for token in ["hush hush", "", " ", "hush\nhush", "hush\r\nx: y", "\thush", "hush\u{7f}", "hüsh"] {
            let run = cli.run(&[command, &[token]].concat()).failed(2, "local", "cli.usage");
            assert!(run.event("error")["message"].as_str().unwrap().contains("--initial-access-token"), "{token:?}");
            assert!(!run.stdout.contains("hush") && !run.stderr.contains("hush"), "{token:?}");
        }
    }
    for command in [&login[..], &client] {
        let run = cli.run(&[command, &[""]].concat()).failed(2, "local", "cli.usage");
        assert!(run.event("error")["message"].as_str().unwrap().contains("--client-secret"), "{command:?}");
    }
    for agent in ["", " ", "\u{202e}app", "\u{200b}"] {
        cli.run(&["status", "--user-agent", agent]).failed(2, "local", "cli.usage");
    }
    assert!(op.provider.requests().is_empty());
}

/// `VARIABLE= oidc_cli …` is how a shell leaves a variable out for one command.
#[test]
fn an_empty_variable_is_none() {
    let (op, cli) = (Op::start(), Cli::new());
    let none = [("OIDC_CLI_CLIENT_SECRET", ""), ("OIDC_CLI_INITIAL_ACCESS_TOKEN", "")];
    for command in ["register", "login"] {
        let arguments = [command, "--insecure-loopback", "--issuer", &op.issuer];
        let browser = crate::support::cli::browser();
        let with_browser = ["--browser", &browser];
        let more = if command == "login" { &with_browser[..] } else { &[] };
        cli.start_with(&none, &[&arguments[..], more].concat()).end().done();
    }
}

#[test]
fn a_secret_that_comes_from_a_variable_is_said_to() {
    let cli = Cli::new();
    let secret = [("OIDC_CLI_CLIENT_SECRET", "hush")];
    let login = ["login", "--issuer", "https://op.example"];
    for more in [&[][..], &["--client-id", "app", "--key", "client.pem"]] {
        let run = cli.start_with(&secret, &[&login[..], more].concat()).end().failed(2, "local", "cli.usage");
        let hint = run.event("error")["hint"].as_str().unwrap();
        assert!(hint.contains("OIDC_CLI_CLIENT_SECRET") && !run.stdout.contains("hush"), "{hint}");
    }
}

/// A value may have been copied from anywhere.
#[test]
fn a_refusal_shows_no_control_character_of_a_value() {
    let cli = Cli::new();
    for value in ["\u{1b}[2Jx", "\u{9b}2Jx", "a\u{202e}b"] {
        for arguments in [["login", "--client-id", value], ["status", "--timeout", value], ["status", value, value]] {
            let said = cli.plain(&arguments).stderr;
            assert!(!said.replace('\n', "").contains(|c: char| c.is_control() || c == '\u{202e}'), "{said:?}");
        }
    }
}
