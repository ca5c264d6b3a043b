//! The whole session: login, userinfo, key rotation, refresh, logout.

use oidc_proto::{Callback, Env as _, ErrorCode};
use serde_json::{Value, json};

use super::super::world::{REDIRECT_URI, World, login_by_cli};
use super::Realm;
use crate::support::cli::Cli;
use crate::support::provider::form_browser;
use crate::support::provider::form_browser_words;

#[test]
#[ignore = "needs Keycloak"]
fn a_whole_session_by_the_command_line() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    let run = login_by_cli(&cli, &realm.issuer, &["--client-id", "native", "--scope", "openid email"]).done();
    assert_eq!(run.event("userinfo")["claims"]["email"], "alice@example.org");
    assert_eq!(run.event("logged_in")["refreshable"], true);
    let before = cli.secrets();
    realm.rotate_keys();
    cli.run(&["refresh"]).done();
    assert_ne!(cli.secrets()[0], before[0]);
    cli.run(&["userinfo"]).done();
    cli.run(&["token"]).done();
    cli.run(&["status"]).done();
    let browser = form_browser_words(&[]);
    let logout = cli.run(&["logout", "--end-session", "--browser", &browser]).done();
    assert_eq!(logout.event("logged_out")["revoked"], true);
    logout.hides(&before);
}

#[test]
#[ignore = "needs Keycloak"]
fn a_callback_comes_in_each_response_mode() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    for mode in ["query", "fragment", "form_post"] {
        login_by_cli(&cli, &realm.issuer, &["--client-id", "native", "--response-mode", mode]).done();
    }
}

/// The provider refuses it at the PAR endpoint, by 401 `invalid_request`.
#[test]
#[ignore = "needs Keycloak"]
fn a_client_that_the_provider_does_not_know_is_told_so() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    let refused = login_by_cli(&cli, &realm.issuer, &["--client-id", "unknown"]);
    let refused = refused.failed(1, "denied", "token.invalid_client");
    let hint = refused.event("error")["hint"].as_str().unwrap();
    assert!(hint.contains("check the client ID"), "{hint}");
    let native = ["--client-id", "native", "--redirect-uri", "http://127.0.0.1/other"];
    let refused = login_by_cli(&cli, &realm.issuer, &native);
    let refused = refused.failed(1, "denied", "authorization.invalid_request");
    assert_eq!(refused.event("error")["provider"]["description"], "Invalid parameter: redirect_uri");
}

#[test]
#[ignore = "needs Keycloak"]
fn a_client_registers_itself_with_an_initial_access_token() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    // Anonymous registration is for trusted hosts only.
    let refused = login_by_cli(&cli, &realm.issuer, &[]);
    let refused = refused.failed(1, "denied", "registration.denied");
    let hint = refused.events.last().unwrap()["hint"].as_str().unwrap();
    assert!(hint.contains("--initial-access-token"), "{hint}");
    let token = realm.api("POST", "/clients-initial-access", &json!({ "count": 1, "expiration": 600 }));
    let token = token["token"].as_str().unwrap();
    let register = ["register", "--insecure-loopback", "--issuer", &realm.issuer, "--initial-access-token", token];
    let registered = cli.run(&register).done();
    registered.hides(&[token.to_owned()]);
    let method = registered.event("registered")["auth_method"].as_str().unwrap();
    assert!(["none", "client_secret_basic"].contains(&method), "{method}");
    login_by_cli(&cli, &realm.issuer, &[]).done();
    cli.run(&["refresh"]).done();
    cli.run(&["logout"]).done();
}

#[test]
#[ignore = "needs Keycloak"]
fn keys_are_rotated_while_a_client_holds_the_old_ones() {
    let realm = Realm::new(|_| {});
    let world = realm.world();
    let first = world.tokens("openid");
    let held = world.party.provider().keys().unwrap();
    realm.rotate_keys();
    let second = world.refresh(&first).unwrap();
    assert_eq!(second.subject(), first.subject());
    assert!(!std::sync::Arc::ptr_eq(&held, &world.party.provider().keys().unwrap()), "the keys were fetched again");
    realm.rotate_keys();
    let third = world.tokens("openid");
    assert_eq!(world.userinfo(&third).unwrap().subject(), third.subject().unwrap());
}

#[test]
#[ignore = "needs Keycloak"]
fn the_first_key_of_an_algorithm_is_made_while_the_token_request_is_answered() {
    for algorithm in ["ES256", "EdDSA", "PS256", "ES512", "RS512"] {
        let realm = Realm::new(|realm| {
            realm["clients"][0]["attributes"]["id.token.signed.response.alg"] = json!(algorithm);
        });
        let cli = Cli::new();
        login_by_cli(&cli, &realm.issuer, &["--client-id", "native"]).done();
        cli.run(&["refresh"]).done();
    }
}

#[test]
#[ignore = "needs Keycloak"]
fn a_spent_refresh_token_is_refused_where_they_rotate_strictly() {
    let realm = Realm::new(|realm| {
        realm["revokeRefreshToken"] = json!(true);
        realm["refreshTokenMaxReuse"] = json!(0);
    });
    let world = realm.world();
    let first = world.tokens("openid");
    let second = world.refresh(&first).unwrap();
    // A reuse within the same second is not noticed.
    let next_second = || world.env().now().unix_seconds() > second.obtained_at().unix_seconds() + 1;
    while !next_second() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let third = world.refresh(&second).unwrap();
    assert_ne!(first.refresh_token().unwrap().expose(), second.refresh_token().unwrap().expose());
    assert_eq!(world.refresh(&first).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    // The reuse ends the whole session.
    assert_eq!(world.refresh(&third).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
}

#[test]
#[ignore = "needs Keycloak"]
fn an_offline_session_is_refreshed_and_revoked() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    let arguments = ["--client-id", "native", "--scope", "openid offline_access"];
    // A user that was imported lacks the role.
    let refused = login_by_cli(&cli, &realm.issuer, &arguments).failed(1, "denied", "token.error");
    assert_eq!(refused.event("error")["provider"]["error"], "not_allowed");
    realm.allow_offline();
    let run = login_by_cli(&cli, &realm.issuer, &arguments).done();
    assert_eq!(run.event("logged_in")["refreshable"], true);
    cli.run(&["refresh"]).done();
    assert_eq!(cli.run(&["logout"]).done().event("logged_out")["revoked"], true);
}

#[test]
#[ignore = "needs Keycloak"]
fn revoked_tokens_are_dead_and_the_browser_comes_back_from_the_logout() {
    let realm = Realm::new(|_| {});
    let (world, tokens) = realm.world().leaves("openid", Some("http://127.0.0.1/bye"));
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);

    let tokens = world.tokens("openid");
    world.run(world.party.revoke(&tokens, &mut world.env()).unwrap()).unwrap();
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    assert_eq!(world.userinfo(&tokens).unwrap_err().code(), ErrorCode::USERINFO_UNAUTHORIZED);
}

#[test]
#[ignore = "needs Keycloak"]
fn a_device_is_allowed_or_refused_in_the_browser() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    let device = ["device", "--insecure-loopback", "--deadline", "100", "--client-id", "native"];
    for deny in [false, true] {
        let mut running = cli.start(&[&device[..], &["--issuer", &realm.issuer]].concat());
        let code = running.until("device_code");
        let page = code["verification_uri_complete"].as_str().unwrap();
        let deny_or_not: &[&str] = if deny { &["--deny"] } else { &[] };
        let browsed = form_browser(deny_or_not).arg(page).output().unwrap();
        assert!(browsed.status.success(), "{}", String::from_utf8_lossy(&browsed.stderr));
        let run = running.end();
        if deny {
            run.failed(1, "denied", "device.access_denied");
        } else {
            assert_ne!(run.done().event("logged_in")["subject"], Value::Null);
            cli.run(&["refresh"]).done();
            cli.run(&["logout"]).done();
        }
    }
}

#[test]
#[ignore = "needs Keycloak"]
fn a_denied_login_says_so() {
    let realm = Realm::new(|realm| realm["clients"][0]["consentRequired"] = json!(true));
    let world = realm.world();
    let mut env = world.env();
    let (url, pending) = world.party.authorize(World::request("openid"), &mut env).unwrap();
    let output = form_browser(&["--deny", "--until", REDIRECT_URI, url.as_str()]).output().unwrap();
    let callback = Callback::from_url(String::from_utf8(output.stdout).unwrap().trim()).unwrap();
    let denied = world.party.check(&pending, &callback, env.now()).unwrap_err();
    assert_eq!(denied.code(), ErrorCode::AUTHORIZATION_ACCESS_DENIED);
}
