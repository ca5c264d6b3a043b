//! django-oauth-toolkit.

use oidc_proto::{AuthMethod, Client, ClientAuth, ErrorCode, RedirectUri, Secret};

use super::world::{REDIRECT_URI, Shared, Taken, World, login_by_cli, rotate_under};
use crate::support::cli::Cli;

const SECRET: &str = "a secret+with%every/thing: of 40 bytes &=";
const SCOPE: &str = "openid profile";

static SERVER: Shared = Shared::new("django");

fn world(server: &Taken, client_id: &str, method: AuthMethod, secret: Option<&str>) -> World {
    let auth = ClientAuth::new(method, secret.map(Secret::from)).unwrap();
    let client = Client::new(client_id).with_auth(auth).with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
    World::new(server.issuer, |_| client)
}

/// Its OpenID metadata have no revocation endpoint, though there is one.
#[test]
#[ignore = "needs django-oauth-toolkit"]
fn a_whole_session_by_the_command_line() {
    let server = SERVER.take();
    let secret = ["--client-id", "web", "--client-secret", SECRET, "--auth-method"];
    for client in [
        &["--client-id", "native"][..],
        &[&secret[..], &["client_secret_basic"]].concat(),
        &[&secret[..], &["client_secret_post"]].concat(),
    ] {
        let cli = Cli::new();
        let login = login_by_cli(&cli, server.issuer, &[client, &["--scope", SCOPE]].concat()).done();
        assert_eq!(login.event("userinfo")["claims"]["sub"], "1");
        let before = cli.secrets();
        server.rotate_keys();
        cli.run(&["refresh"]).done();
        assert_ne!(cli.secrets()[0], before[0]);
        cli.run(&["userinfo"]).done();
        let logout = cli.run(&["logout"]).done();
        assert_eq!(logout.event("logged_out")["code"], "revocation.unsupported");
        logout.hides(&[&before[..], &[SECRET.to_owned()]].concat());
    }
}

/// The registration endpoint is in its metadata of RFC 8414 only, and so is the one for revocation. The token of a user who
/// is logged in is the permission to register.
#[test]
#[ignore = "needs django-oauth-toolkit"]
fn a_client_registers_itself_with_the_token_of_a_user() {
    let server = SERVER.take();
    let metadata_url = server.issuer.replace("/o", "/.well-known/oauth-authorization-server/o");
    let place = ["--insecure-loopback", "--issuer", server.issuer, "--metadata-url", &metadata_url];
    let user = Cli::new();
    login_by_cli(&user, server.issuer, &["--client-id", "native"]).done();
    let token = user.secrets()[0].clone();
    for asked in [&[][..], &["--auth-method", "client_secret_basic"]] {
        let cli = Cli::new();
        let unseen = cli.run(&["register", "--insecure-loopback", "--issuer", server.issuer]);
        unseen.failed(1, "remote", "registration.unsupported");
        let register = [&["register"], &place[..], asked].concat();
        cli.run(&register).failed(1, "denied", "registration.denied");
        let registered = cli.run(&[&register[..], &["--initial-access-token", &token]].concat()).done();
        registered.hides(std::slice::from_ref(&token));
        let login = login_by_cli(&cli, server.issuer, &["--scope", SCOPE]).done();
        assert_eq!(login.event("logged_in")["client_id"], registered.event("registered")["client_id"]);
        assert_eq!(login.event("userinfo")["claims"]["sub"], "1");
        let before = cli.secrets();
        server.rotate_keys();
        cli.run(&["refresh"]).done();
        assert_ne!(cli.secrets()[0], before[0]);
        cli.run(&["userinfo"]).done();
        login_by_cli(&cli, server.issuer, &["--scope", SCOPE, "--metadata-url", &metadata_url]).done();
        cli.run(&["refresh"]).done();
        assert_eq!(cli.run(&["logout"]).done().event("logged_out")["revoked"], true);
    }
}

#[test]
#[ignore = "needs django-oauth-toolkit"]
fn keys_are_rotated_while_a_client_holds_the_old_ones() {
    let server = SERVER.take();
    for (client_id, method, secret) in
        [("native", AuthMethod::None, None), ("web", AuthMethod::ClientSecretBasic, Some(SECRET))]
    {
        let world = world(&server, client_id, method, secret);
        let tokens = rotate_under(&world, SCOPE, || server.rotate_keys());
        world.refresh(&tokens).unwrap();
        assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
        // In place of `prompt=none`, which is a 500 there. The user has consented before.
        let again = || World::request("openid").with_parameter("approval_prompt", "auto");
        let world = world.with_one_browser();
        let third = world.tokens(SCOPE);
        assert!(world.needs_no_user(again()));
        world.leave(&third, "http://127.0.0.1:7878/bye");
        assert!(!world.needs_no_user(again()));
        assert_eq!(world.refresh(&third).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    }
}

#[test]
#[ignore = "needs django-oauth-toolkit"]
fn a_wrong_secret_is_named() {
    let server = SERVER.take();
    let refused = world(&server, "web", AuthMethod::ClientSecretBasic, Some("wrong")).login(World::request("openid"));
    assert_eq!(refused.unwrap_err().code(), ErrorCode::TOKEN_INVALID_CLIENT);
}
