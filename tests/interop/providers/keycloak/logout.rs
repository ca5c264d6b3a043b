//! A logout that the provider tells: a logout token at the client's back channel.

use std::sync::mpsc;
use std::time::Duration;

use oidc_proto::{Env as _, ErrorCode, SeenLogoutTokens};
use serde_json::{Value, json};

use super::Realm;
use crate::support::server::Server;

#[test]
#[ignore = "needs Keycloak"]
fn a_logout_by_the_administrator_reaches_the_client() {
    let (tell, told) = mpsc::channel();
    let listener = Server::start(move |mut connection| {
        let seen = connection.request()?;
        let _ = tell.send(seen.body);
        connection.response("200 OK", "Cache-Control: no-store\r\n", "")
    });
    let realm = Realm::new(|realm| {
        let attributes = &mut realm["clients"][0]["attributes"];
        attributes["backchannel.logout.url"] = json!(listener.url("/logout"));
        attributes["backchannel.logout.session.required"] = json!("true");
    });
    let world = realm.world();
    let tokens = world.tokens("openid");
    // The client has not seen the key that signs the logout token.
    realm.rotate_keys();
    let id = realm.find("/users?username=alice");
    realm.api("POST", &format!("/users/{id}/logout"), &Value::Null);

    let body = told.recv_timeout(Duration::from_secs(60)).unwrap();
    let mut env = world.env();
    let token = world.run(world.party.back_channel_logout(body.as_bytes(), &mut env).unwrap()).unwrap();
    assert_eq!(token.subject(), tokens.subject());
    assert_eq!(token.session_id(), tokens.id_token().unwrap().session_id());
    let mut seen = SeenLogoutTokens::new(10);
    seen.check(&token).unwrap();
    seen.remember(&token, env.now());
    assert_eq!(seen.check(&token).unwrap_err().code(), ErrorCode::LOGOUT_TOKEN_REPLAYED);
    assert_eq!(world.refresh(&tokens).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
}
