//! What happens to a session when the administrator acts: a user disabled and enabled again, a deleted client.

use oidc_proto::ErrorCode;

use super::super::world::login_by_cli;
use super::Realm;
use crate::support::cli::Cli;

#[test]
#[ignore = "needs Keycloak"]
fn a_user_is_disabled_and_enabled_again() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    login_by_cli(&cli, &realm.issuer, &["--client-id", "native"]).done();
    realm.enable_user(false);
    cli.run(&["refresh"]).failed(1, "denied", "token.invalid_grant");
    let status = cli.run(&["status"]).done();
    assert_eq!(status.event("session")["needs_login"], "token.invalid_grant");
    // The same refresh token is good again.
    realm.enable_user(true);
    cli.run(&["refresh"]).done();
    assert!(cli.run(&["status"]).done().event("session")["needs_login"].is_null());
    cli.run(&["logout"]).done();
}

#[test]
#[ignore = "needs Keycloak"]
fn the_client_is_deleted() {
    let (realm, cli) = (Realm::new(|_| {}), Cli::new());
    let world = realm.world();
    let tokens = world.tokens("openid");
    login_by_cli(&cli, &realm.issuer, &["--client-id", "native"]).done();
    realm.delete_client("native");
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_CLIENT);
    let refused = cli.run(&["refresh"]);
    let error = refused.events.iter().find(|event| event["event"] == "error").unwrap();
    assert_eq!(error["code"], "token.invalid_client", "{error}");
    let logout = cli.run(&["logout"]).done();
    assert_eq!(logout.event("logged_out")["revoked"], false);
}
