//! better-auth with its OAuth provider.

use oidc_proto::{AuthMethod, ErrorCode, ProviderOptions, RedirectUri};

use super::world::{Shared, Taken, User, World, free_port, login_by_cli_as, rotate_under, send, whole_session_by_cli};
use crate::support::cli::Cli;

const ALICE: User = User("alice@example.org", "correct horse battery");
const SCOPE: &str = "openid profile offline_access";

static SERVER: Shared = Shared::new("better_auth");

fn world(server: &Taken, method: AuthMethod) -> World {
    let mut world = World::register(server.issuer, ProviderOptions::new(), |metadata| {
        metadata.with_token_endpoint_auth_method(method)
    });
    world.user = ALICE;
    world
}

#[test]
#[ignore = "needs better-auth"]
fn a_whole_session_by_the_command_line() {
    let server = SERVER.take();
    let (port, cli) = (free_port(), Cli::new());
    let key = cli.file("key.pem", rcgen::KeyPair::generate().unwrap().serialize_pem());
    for (more, method) in [
        (&[][..], "none"),
        (&["--redirect-port", &port], "none"),
        (&["--dpop"], "none"),
        (&["--key", &key], "private_key_jwt"),
    ] {
        let arguments = [&["--scope", SCOPE], more].concat();
        let login = whole_session_by_cli(ALICE, server.issuer, &arguments, || server.rotate_keys());
        assert_eq!(login.event("userinfo")["claims"]["name"], "Alice Test");
        assert_eq!(login.event("registered")["auth_method"], method);
        assert_eq!(login.event("logged_in")["dpop_thumbprint"].is_string(), more == ["--dpop"]);
    }
}

#[test]
#[ignore = "needs better-auth"]
fn keys_are_rotated_while_a_client_holds_the_old_ones() {
    let server = SERVER.take();
    for method in [AuthMethod::None, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
        let world = world(&server, method);
        let tokens = rotate_under(&world, SCOPE, || server.rotate_keys());
        world.run(world.party.revoke(&tokens, &mut world.env()).unwrap()).unwrap();
        let refused = world.refresh(&tokens).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_GRANT, "{refused}");
    }
}

#[test]
#[ignore = "needs better-auth"]
fn a_spent_refresh_token_ends_the_session() {
    let server = SERVER.take();
    let world = world(&server, AuthMethod::None);
    let first = world.tokens(SCOPE);
    let second = world.refresh(&first).unwrap();
    assert_eq!(world.refresh(&first).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    assert_eq!(world.refresh(&second).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
}

/// No client can register for it.
#[test]
#[ignore = "needs better-auth"]
fn the_browser_comes_back_from_the_logout_of_a_client_that_an_administrator_allows_it() {
    const GOODBYE_URI: &str = "http://127.0.0.1:7878/bye";
    let server = SERVER.take();
    let mut world = World::register(server.issuer, ProviderOptions::new(), |metadata| {
        metadata.with_post_logout_redirect_uri(RedirectUri::new(GOODBYE_URI).unwrap())
    });
    world.user = ALICE;
    let allow = server.issuer.replace("/api/auth", "/allow-logout");
    assert_eq!(send("GET", &allow, "", "text/plain", "").0, 200);
    world.leaves(SCOPE, Some(GOODBYE_URI));
}

#[test]
#[ignore = "needs better-auth"]
fn a_refresh_token_is_for_offline_access() {
    let server = SERVER.take();
    let login = login_by_cli_as(ALICE, &Cli::new(), server.issuer, &["--scope", "openid profile"]).done();
    assert_eq!(login.event("logged_in")["refreshable"], false);
    let hint = login.event("logged_in")["hint"].as_str().unwrap();
    assert!(hint.contains("offline_access"), "{hint}");
}
