//! The example server of `zitadel/oidc`.

use oidc_proto::{AuthMethod, Client, ClientAuth, ErrorCode, RedirectUri, Secret};

use super::world::{ALICE, REDIRECT_URI, Shared, Taken, World, rotate_under, whole_session_by_cli};
use crate::support::cli::Cli;
use crate::support::provider::form_browser;

const SCOPE: &str = "openid profile offline_access";

static SERVER: Shared = Shared::new("zitadel");

fn world(server: &Taken, client_id: &str, method: AuthMethod, secret: Option<&str>) -> World {
    let auth = ClientAuth::new(method, secret.map(Secret::from)).unwrap();
    let client = Client::new(client_id).with_auth(auth).with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
    World::new(server.issuer, |_| client)
}

#[test]
#[ignore = "needs zitadel/oidc"]
fn a_whole_session_by_the_command_line() {
    let server = SERVER.take();
    let login = whole_session_by_cli(ALICE, server.issuer, &["--client-id", "native", "--scope", SCOPE], || {
        server.rotate_keys()
    });
    assert_eq!(login.event("userinfo")["claims"]["name"], "Alice Test");
}

#[test]
#[ignore = "needs zitadel/oidc"]
fn keys_are_rotated_while_a_client_holds_the_old_ones() {
    let server = SERVER.take();
    for (client_id, method, secret) in
        [("native", AuthMethod::None, None), ("web", AuthMethod::ClientSecretBasic, Some("secret"))]
    {
        let world = world(&server, client_id, method, secret);
        let tokens = rotate_under(&world, SCOPE, || server.rotate_keys());
        world.run(world.party.revoke(&tokens, &mut world.env()).unwrap()).unwrap();
        assert_eq!(world.userinfo(&tokens).unwrap_err().code(), ErrorCode::USERINFO_UNAUTHORIZED);
        let refused = world.refresh(&tokens).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_GRANT, "{refused}");
    }
}

#[test]
#[ignore = "needs zitadel/oidc"]
fn a_spent_refresh_token_is_refused() {
    let server = SERVER.take();
    let world = world(&server, "native", AuthMethod::None, None);
    let first = world.tokens(SCOPE);
    let second = world.refresh(&first).unwrap();
    let refused = world.refresh(&first).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_GRANT, "{refused}");
    world.refresh(&second).unwrap();
}

#[test]
#[ignore = "needs zitadel/oidc"]
fn a_logout_in_the_browser_ends_the_tokens() {
    let server = SERVER.take();
    let world = world(&server, "native", AuthMethod::None, None);
    let tokens = world.tokens(SCOPE);
    world.userinfo(&tokens).unwrap();
    world.leave_for_good(&tokens);
    assert_eq!(world.userinfo(&tokens).unwrap_err().code(), ErrorCode::USERINFO_UNAUTHORIZED);
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
}

#[test]
#[ignore = "needs zitadel/oidc"]
fn a_wrong_secret_is_named() {
    let server = SERVER.take();
    let refused = world(&server, "web", AuthMethod::ClientSecretBasic, Some("wrong")).login(World::request("openid"));
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_CLIENT, "{refused}");
}

#[test]
#[ignore = "needs zitadel/oidc"]
fn a_device_is_allowed_or_refused_in_the_browser() {
    let server = SERVER.take();
    let cli = Cli::new();
    let client = ["--client-id", "device", "--client-secret", "secret", "--auth-method", "client_secret_basic"];
    let device = ["device", "--insecure-loopback", "--deadline", "100", "--issuer", server.issuer];
    for deny in [false, true] {
        let mut running = cli.start(&[&device[..], &client].concat());
        let code = running.until("device_code");
        let page = code["verification_uri_complete"].as_str().unwrap();
        let options = [&ALICE.options()[..], if deny { &["--deny"] } else { &[] }].concat();
        let browsed = form_browser(&options).arg(page).output().unwrap();
        assert!(browsed.status.success(), "{}", String::from_utf8_lossy(&browsed.stderr));
        let run = running.end();
        if deny {
            run.failed(1, "denied", "device.access_denied");
        } else {
            run.done().event("logged_in");
            cli.run(&["userinfo"]).done();
            cli.run(&["logout"]).done();
        }
    }
}

#[test]
#[ignore = "needs zitadel/oidc"]
fn that_no_client_can_register_is_known_before_and_said() {
    let server = SERVER.take();
    let cli = Cli::new();
    let place = ["--insecure-loopback", "--issuer", server.issuer];
    let discovered = cli.run(&[&["discover"], &place[..]].concat()).done();
    let discovered = discovered.event("discovered");
    assert!(discovered["endpoints"]["registration"].is_null());
    assert_eq!(discovered["needs"][0], "--client-id");
    for command in [&["register"][..], &["login", "--no-browser"]] {
        let refused = cli.run(&[command, &place].concat()).failed(1, "remote", "registration.unsupported");
        let hint = refused.event("error")["hint"].as_str().unwrap();
        assert!(hint.contains("--client-id"), "{hint}");
    }
}
