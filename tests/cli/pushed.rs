//! Requests that go to the provider first.

use oidc_proto::testing::{Lie, On, Par, RegisteredClient};

use crate::support::cli::{Cli, Op, Run, parameter};

fn op(par: Par) -> Op {
    let post = RegisteredClient::confidential("post", "post secret: &+", "http://127.0.0.1/callback");
    Op::with(|provider| provider.with_par(par).with_client(post.with_auth_method("client_secret_post")))
}

fn url(run: &Run) -> &str {
    run.event("authorization_url")["url"].as_str().unwrap()
}

#[test]
fn a_request_is_pushed_where_the_provider_takes_it() {
    for (par, choice, is_pushed) in [
        (Par::Advertised, "auto", true),
        (Par::Required, "auto", true),
        (Par::Off, "auto", false),
        (Par::Advertised, "always", true),
        (Par::Required, "always", true),
        (Par::Advertised, "never", false),
        (Par::Off, "never", false),
    ] {
        let (op, cli) = (op(par), Cli::new());
        let run = cli.login(&op, &["--par", choice, "--login-hint", "auto:bob", "--response-mode", "form_post"]).done();
        assert_eq!(run.event("logged_in")["subject"], "sub-bob");
        assert_eq!(op.provider.count(On::Par), usize::from(is_pushed), "{par:?} {choice}");
        let shown = url::Url::parse(url(&run)).unwrap();
        let names: Vec<_> = shown.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names == ["client_id", "request_uri"], is_pushed, "{par:?} {choice}: {names:?}");
        assert_eq!(parameter(url(&run), "login_hint").is_none(), is_pushed);
    }
}

#[test]
fn a_client_with_a_secret_pushes_too() {
    let (op, cli) = (op(Par::Required), Cli::new());
    let post = ["--client-id", "post", "--client-secret", "post secret: &+", "--auth-method", "client_secret_post"];
    cli.login(&op, &post).done();
    let wrong = ["--client-id", "post", "--client-secret", "not the secret", "--auth-method", "client_secret_post"];
    let run = cli.login(&op, &wrong).failed(1, "denied", "token.invalid_client");
    assert!(!run.stdout.contains("authorization_url") && !run.stdout.contains("not the secret"));
}

#[test]
fn what_the_provider_does_not_take_is_not_done() {
    let (off, required, cli) = (op(Par::Off), op(Par::Required), Cli::new());
    cli.login(&off, &["--par", "always"]).failed(1, "remote", "par.unsupported");
    cli.login(&required, &["--par", "never"]).failed(1, "local", "par.required");
    for (lie, fault, code) in [
        (Lie::ParRequestUriAbsent, "remote", "par.no_request_uri"),
        (Lie::ParRequestUriEmpty, "remote", "par.no_request_uri"),
    ] {
        required.provider.lie(lie);
        cli.login(&required, &[]).failed(1, fault, code);
        required.provider.honest();
    }
    assert_eq!((off.provider.count(On::Authorize), required.provider.count(On::Authorize)), (0, 0));
}
