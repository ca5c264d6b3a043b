//! Spring Authorization Server with the defaults of Spring Boot.

use oidc_proto::{AuthMethod, Client, ClientAuth, ErrorCode, RedirectUri, Secret};

use super::world::{ALICE, REDIRECT_URI, Shared, Taken, World, login_by_cli, rotate_under, whole_session_by_cli};
use crate::support::cli::Cli;

const SECRET: &str = "a secret+with%every/thing: of 40 bytes &=";

static SERVER: Shared = Shared::new("spring");

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
    let world = world(&server, "native", AuthMethod::None, None);
    let tokens = world.tokens("openid");
    world.leave(&tokens, "http://127.0.0.1/bye");
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
