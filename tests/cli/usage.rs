//! Command lines that are refused before anything is done.

use crate::support::cli::Cli;

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
        &["login", "--issuer", "https://op.example", "--scope", "openid \"x\""],
        &["login", "--issuer", "https://op.example", "--redirect-port", "65536"],
        &["login", "--issuer", "https://op.example", "--redirect-port", "0"],
        &["status", "--timeout", "0"],
        &["status", "--deadline", "soon"],
        &["status", "--clock-skew", "301"],
        &["serve", "--claim", "iss=x"],
        &["serve", "--claim", "sub=x"],
        &["serve", "--claim", "a=x", "--claim", "a=y"],
        &["serve", "--user", ""],
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
fn a_picture_that_is_not_there_is_said_to_be_missing() {
    let cli = Cli::new();
    for name in ["missing.png", "./missing", "pictures/code.txt"] {
        let run = cli.run(&["qr", "login", "--scan", name]).failed(1, "local", "cli.qr_image");
        let message = run.event("error")["message"].as_str().unwrap().to_owned();
        assert!(message.contains("no such file") && message.contains(name), "{message}");
    }
}
