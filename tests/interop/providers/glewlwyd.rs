//! Glewlwyd.

use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::{AuthMethod, Client, ClientAuth, Deviation, ErrorCode, ProviderOptions, RedirectUri, Secret};

use super::world::{
    ALICE, REDIRECT_URI, Shared, Taken, World, free_port, login_by_cli, rotate_under, whole_session_by_cli,
};
use crate::support::cli::Cli;

const SECRET: &str = "a secret+with%every/thing: of 40 bytes &=";

static SERVER: Shared = Shared::new("glewlwyd");

fn web(server: &Taken, method: AuthMethod, options: ProviderOptions) -> World {
    let auth = ClientAuth::new(method, Some(Secret::from(SECRET))).unwrap();
    let client = Client::new("web").with_auth(auth).with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
    World::with(server.issuer, options, |_| client)
}

/// The secret of `client_secret_basic` is compared as it comes, so it has no character that is encoded.
#[test]
#[ignore = "needs Glewlwyd"]
fn a_client_registers_itself_with_a_secret() {
    let server = SERVER.take();
    for method in ["client_secret_basic", "client_secret_post"] {
        let (cli, port) = (Cli::new(), free_port());
        let register = ["register", "--insecure-loopback", "--issuer", server.issuer, "--redirect-port", &port];
        cli.run(&[&register[..], &["--auth-method", method]].concat()).done();
        login_by_cli(&cli, server.issuer, &["--redirect-port", &port]).done();
        let before = cli.secrets();
        server.rotate_keys();
        cli.run(&["refresh"]).done();
        assert_ne!(cli.secrets()[0], before[0]);
        cli.run(&["userinfo"]).done();
        assert_eq!(cli.run(&["logout"]).done().event("logged_out")["revoked"], true);
    }
}

#[test]
#[ignore = "needs Glewlwyd"]
fn a_client_that_registered_without_a_secret_is_not_served() {
    let server = SERVER.take();
    let (cli, port) = (Cli::new(), free_port());
    let refused = login_by_cli(&cli, server.issuer, &["--redirect-port", &port]);
    let refused = refused.failed(1, "denied", "token.unauthorized_client");
    let hint = refused.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("register --auth-method"), "{hint}");
}

#[test]
#[ignore = "needs Glewlwyd"]
fn a_whole_session_by_the_command_line() {
    let server = SERVER.take();
    let client = ["--client-id", "web", "--client-secret", SECRET, "--auth-method", "client_secret_post"];
    let uri = ["--redirect-uri", "http://127.0.0.1:7879/callback"];
    for more in [&[][..], &["--dpop"]] {
        let arguments = [&client[..], &uri, more].concat();
        let login = whole_session_by_cli(ALICE, server.issuer, &arguments, || server.rotate_keys());
        assert_eq!(login.event("userinfo")["claims"]["name"], "Alice Test");
        login.hides(&[SECRET.to_owned()]);
    }
}

#[test]
#[ignore = "needs Glewlwyd"]
fn a_secret_is_sent_unencoded_by_choice() {
    let server = SERVER.take();
    let refused = web(&server, AuthMethod::ClientSecretBasic, ProviderOptions::new()).login(World::request("openid"));
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TOKEN_UNAUTHORIZED_CLIENT);
    assert!(refused.hint().contains("client_secret_basic"), "{}", refused.hint());
    let options = ProviderOptions::new().with_deviation(Deviation::UnencodedBasic);
    let world = web(&server, AuthMethod::ClientSecretBasic, options);
    let tokens = rotate_under(&world, "openid", || server.rotate_keys());
    let second = world.refresh(&tokens).unwrap();
    world.run(world.party.revoke(&second, &mut world.env()).unwrap()).unwrap();
    // Refresh tokens that were spent or revoked: 400 without a body.
    for dead in [tokens, second] {
        let refused = world.refresh(&dead).unwrap_err();
        assert_eq!((refused.code(), refused.status().unwrap().as_u16()), (ErrorCode::HTTP_STATUS, 400), "{refused}");
    }
}

#[test]
#[ignore = "needs Glewlwyd"]
fn assertions_name_the_token_endpoint_by_choice() {
    let server = SERVER.take();
    let options = || ProviderOptions::new().with_deviation(Deviation::TokenEndpointAudience);
    let pair = rcgen::KeyPair::generate().unwrap();
    let key =
        || PrivateKey::local(SigningKey::from_pkcs8_der(Algorithm::Es256, &pair.serialize_der(), Some("k")).unwrap());
    let with_key =
        |options| World::register(server.issuer, options, |metadata| metadata.with_private_key(key()).unwrap());
    for refusing in
        [with_key(ProviderOptions::new()), web(&server, AuthMethod::ClientSecretJwt, ProviderOptions::new())]
    {
        let refused = refusing.login(World::request("openid")).unwrap_err();
        assert_eq!((refused.code(), refused.status().unwrap().as_u16()), (ErrorCode::HTTP_STATUS, 403));
        assert!(refused.hint().contains("_jwt`"), "{}", refused.hint());
    }
    for world in [with_key(options()), web(&server, AuthMethod::ClientSecretJwt, options())] {
        let tokens = world.tokens("openid");
        world.refresh(&tokens).unwrap();
    }
}

/// The page of the logout is a program, which asks the user. `browser.py` sends what its button does: the session of the
/// client is ended, then that of the user.
#[test]
#[ignore = "needs Glewlwyd"]
fn a_logout_in_the_browser_ends_the_session_there() {
    let server = SERVER.take();
    web(&server, AuthMethod::ClientSecretPost, ProviderOptions::new()).leaves("openid", None);
}
