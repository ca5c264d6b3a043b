//! Canaille.

use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::{AuthMethod, Deviation, ErrorCode, ProviderOptions, RedirectUri};
use serde_json::{Value, json};

use super::world::{ALICE, Shared, Taken, World, free_port, login_by_cli, rotate_under, send, whole_session_by_cli};
use crate::support::cli::Cli;
use crate::support::provider::form_browser_words;

const SCOPE: &str = "openid profile email";
const GOODBYE_URI: &str = "http://127.0.0.1:7878/bye";

static SERVER: Shared = Shared::new("canaille");

#[test]
#[ignore = "needs Canaille"]
fn a_whole_session_by_the_command_line() {
    let server = SERVER.take();
    let port = free_port();
    let metadata = json!({
        "client_name": "a test", "redirect_uris": [format!("http://127.0.0.1:{port}/callback")],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": SCOPE,
        "token_endpoint_auth_method": "client_secret_basic",
    });
    let url = format!("{}/oauth/register", server.issuer);
    let (status, client): (_, Value) = send("POST", &url, "", "application/json", &metadata.to_string());
    assert_eq!(status, 201, "{client}");
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let client = ["--client-id", id, "--client-secret", secret, "--auth-method", "client_secret_basic"];
    let more = ["--redirect-port", &port, "--scope", SCOPE];
    let login = whole_session_by_cli(ALICE, server.issuer, &[&client[..], &more].concat(), || server.rotate_keys());
    assert_eq!(login.event("userinfo")["claims"]["email"], "alice@example.org");
    login.hides(&[secret.to_owned()]);
}

/// Only clients with a secret may revoke.
#[test]
#[ignore = "needs Canaille"]
fn a_client_registers_itself_and_may_not_revoke() {
    let server = SERVER.take();
    let (cli, port) = (Cli::new(), free_port());
    let login = login_by_cli(&cli, server.issuer, &["--redirect-port", &port, "--scope", SCOPE]).done();
    assert_eq!(login.event("registered")["auth_method"], "none");
    server.rotate_keys();
    cli.run(&["refresh"]).done();
    cli.run(&["userinfo"]).done();
    let logout = cli.run(&["logout"]).done();
    assert_eq!(logout.event("logged_out")["revoked"], false);
    assert_eq!(logout.event("logged_out")["code"], "token.invalid_client");
}

/// The provider shows the user an error, and no callback comes.
#[test]
#[ignore = "needs Canaille"]
fn the_redirect_uri_is_compared_to_the_letter() {
    let server = SERVER.take();
    let cli = Cli::new();
    let browser = form_browser_words(&ALICE.options());
    let login = ["login", "--insecure-loopback", "--deadline", "5", "--issuer", server.issuer, "--browser", &browser];
    let refused = cli.run(&login).failed(1, "transport", "cli.deadline");
    let hint = refused.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("--redirect-port"), "{hint}");
}

#[test]
#[ignore = "needs Canaille"]
fn keys_are_rotated_while_a_client_holds_the_old_ones() {
    let server = SERVER.take();
    let world = World::register(server.issuer, ProviderOptions::new(), |metadata| {
        metadata
            .with_token_endpoint_auth_method(AuthMethod::ClientSecretBasic)
            .with_post_logout_redirect_uri(RedirectUri::new(GOODBYE_URI).unwrap())
    });
    let tokens = rotate_under(&world, SCOPE, || server.rotate_keys());
    let second = world.refresh(&tokens).unwrap();
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    world.run(world.party.revoke(&second, &mut world.env()).unwrap()).unwrap();
    assert_eq!(world.refresh(&second).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    world.leaves(SCOPE, Some(GOODBYE_URI));
}

fn with_key(server: &Taken, options: ProviderOptions) -> World {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = SigningKey::from_pkcs8_der(Algorithm::Es256, &pair.serialize_der(), Some("only")).unwrap();
    World::register(server.issuer, options, |metadata| metadata.with_private_key(PrivateKey::local(key)).unwrap())
}

#[test]
#[ignore = "needs Canaille"]
fn assertions_name_the_token_endpoint_by_choice() {
    let server = SERVER.take();
    let refused = with_key(&server, ProviderOptions::new()).login(World::request("openid")).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TOKEN_INVALID_CLIENT);
    let words = refused.provider_text().and_then(|text| text.description()).unwrap_or_default();
    assert!(words.contains("aud"), "{words}");
    let world = with_key(&server, ProviderOptions::new().with_deviation(Deviation::TokenEndpointAudience));
    let tokens = world.tokens("openid");
    world.refresh(&tokens).unwrap();
}
