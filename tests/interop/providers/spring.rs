//! Spring Authorization Server with the defaults of Spring Boot.

use oidc_proto::{AuthMethod, Client, ClientAuth, ErrorCode, RedirectUri, Secret};

use super::world::{ALICE, REDIRECT_URI, Shared, Taken, World, login_by_cli, rotate_under, whole_session_by_cli};
use crate::support::cli::{Cli, Run};

const SECRET: &str = "a secret+with%every/thing: of 40 bytes &=";

static SERVER: Shared = Shared::new("spring");
/// Its registration endpoint is on, and registered clients get these scopes.
static REGISTERING: Shared = Shared::with("spring", &["--registration", "openid,profile"]);
/// The same with the endpoint's defaults: registered clients have no scope.
static WITHOUT_SCOPES: Shared = Shared::with("spring", &["--registration", ""]);

fn world(server: &Taken, client_id: &str, method: AuthMethod, secret: Option<&str>) -> World {
    let auth = ClientAuth::new(method, secret.map(Secret::from)).unwrap();
    let client = Client::new(client_id).with_auth(auth).with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
    World::new(server.issuer, |_| client)
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_whole_session_by_the_command_line() {
    let server = SERVER.take();
    for (method, more) in
        [("client_secret_basic", &[][..]), ("client_secret_post", &[]), ("client_secret_basic", &["--dpop"])]
    {
        let client = ["--client-id", "confidential", "--client-secret", SECRET, "--auth-method", method];
        let scope = ["--scope", "openid profile"];
        let login =
            whole_session_by_cli(ALICE, server.issuer, &[&client[..], &scope, more].concat(), || server.rotate_keys());
        assert_eq!(login.event("logged_in")["subject"], "alice");
        assert_eq!(login.event("logged_in")["dpop_thumbprint"].is_string(), !more.is_empty());
        login.hides(&[SECRET.to_owned()]);
    }
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_public_client_gets_no_refresh_token_and_may_not_revoke() {
    let server = SERVER.take();
    let cli = Cli::new();
    let login = login_by_cli(&cli, server.issuer, &["--client-id", "native"]).done();
    assert_eq!(login.event("logged_in")["refreshable"], false);
    assert_eq!(login.event("warning")["code"], "token.no_refresh_token");
    let logout = cli.run(&["logout"]).done();
    assert_eq!(logout.event("logged_out")["revoked"], false);
    assert_eq!(logout.event("logged_out")["code"], "token.invalid_client");
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn keys_are_rotated_while_a_client_holds_the_old_ones() {
    let server = SERVER.take();
    let world = world(&server, "confidential", AuthMethod::ClientSecretBasic, Some(SECRET));
    let tokens = rotate_under(&world, "openid", || server.rotate_keys());
    world.run(world.party.revoke(&tokens, &mut world.env()).unwrap()).unwrap();
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_spent_refresh_token_is_refused_where_they_rotate() {
    let server = SERVER.take();
    let world = world(&server, "rotating", AuthMethod::ClientSecretBasic, Some("another secret"));
    let first = world.tokens("openid");
    let second = world.refresh(&first).unwrap();
    assert_ne!(second.refresh_token().unwrap().expose(), first.refresh_token().unwrap().expose());
    assert_eq!(world.refresh(&first).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    world.refresh(&second).unwrap();
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_wrong_secret_or_method_is_named() {
    let server = SERVER.take();
    let login = |auth| World::login(&auth, World::request("openid")).unwrap_err();
    let refused = login(world(&server, "confidential", AuthMethod::ClientSecretBasic, Some("wrong")));
    assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_CLIENT);
    assert!(refused.to_string().contains("client_secret_basic"), "{refused}");
    let refused = login(world(&server, "rotating", AuthMethod::ClientSecretPost, Some("another secret")));
    assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_CLIENT);
    assert!(refused.to_string().contains("client_secret_post"), "{refused}");
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn the_browser_comes_back_from_the_logout() {
    let server = SERVER.take();
    world(&server, "native", AuthMethod::None, None).leaves("openid", Some("http://127.0.0.1/bye"));
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_client_gets_a_token_for_itself() {
    let server = SERVER.take();
    let cli = Cli::new();
    let client = ["--client-id", "confidential", "--client-secret", SECRET, "--auth-method", "client_secret_basic"];
    let ask = ["client-credentials", "--insecure-loopback", "--issuer", server.issuer];
    let run = cli.run(&[&ask[..], &client].concat()).done();
    assert_eq!(run.event("token")["token_type"], "Bearer");
}

/// An initial access token, which is for one registration. A client that may create others gets it for itself.
fn initial_access_token(server: &Taken) -> String {
    let client = ["--client-id", "registrar", "--client-secret", "registrar secret"];
    let method = ["--auth-method", "client_secret_basic", "--scope", "client.create"];
    let ask = ["--show-tokens", "client-credentials", "--insecure-loopback", "--issuer", server.issuer];
    let run = Cli::new().run(&[&ask[..], &client, &method].concat()).done();
    run.event("token")["access_token"].as_str().unwrap().to_owned()
}

fn register(cli: &Cli, server: &Taken, arguments: &[&str]) -> Run {
    cli.run(&[&["register", "--insecure-loopback", "--issuer", server.issuer], arguments].concat())
}

/// There is no public client among those that register: one that asks for `none` gets a secret.
#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_client_registers_itself_with_an_initial_access_token() {
    let server = REGISTERING.take();
    for (asked, method) in [
        (&[][..], "client_secret_basic"),
        (&["--auth-method", "client_secret_basic"], "client_secret_basic"),
        (&["--auth-method", "client_secret_post"], "client_secret_post"),
        (&["--auth-method", "client_secret_jwt"], "client_secret_jwt"),
    ] {
        let cli = Cli::new();
        let token = initial_access_token(&server);
        let registered = register(&cli, &server, &[&["--initial-access-token", &token], asked].concat()).done();
        registered.hides(&[token]);
        assert_eq!(registered.event("registered")["auth_method"], method);
        let login = login_by_cli(&cli, server.issuer, &["--scope", "openid profile"]).done();
        assert_eq!(login.event("logged_in")["client_id"], registered.event("registered")["client_id"]);
        assert_eq!(login.event("userinfo")["claims"]["sub"], "alice");
        let before = cli.secrets();
        server.rotate_keys();
        cli.run(&["refresh"]).done();
        assert_ne!(cli.secrets()[0], before[0]);
        cli.run(&["userinfo"]).done();
        assert_eq!(cli.run(&["logout"]).done().event("logged_out")["revoked"], true);
    }
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_registration_without_a_good_token_says_what_to_do() {
    let server = REGISTERING.take();
    let cli = Cli::new();
    let hint = |run: Run| {
        let run = run.failed(1, "denied", "registration.denied");
        run.event("error")["hint"].as_str().unwrap().to_owned()
    };
    let hint_of_none = hint(register(&cli, &server, &[]));
    assert!(hint_of_none.starts_with("Register with an initial access token"), "{hint_of_none}");
    let token = initial_access_token(&server);
    register(&cli, &server, &["--initial-access-token", &token]).done();
    let hint_of_spent = hint(register(&cli, &server, &["--anew", "--initial-access-token", &token]));
    assert!(hint_of_spent.starts_with("Ask for another initial access token"), "{hint_of_spent}");
}

#[test]
#[ignore = "needs Spring Authorization Server"]
fn a_registered_client_that_has_no_scope_is_told_so() {
    let server = WITHOUT_SCOPES.take();
    let cli = Cli::new();
    register(&cli, &server, &["--initial-access-token", &initial_access_token(&server)]).done();
    let refused = login_by_cli(&cli, server.issuer, &[]).failed(1, "denied", "authorization.invalid_scope");
    let hint = refused.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("the client may have"), "{hint}");
}
