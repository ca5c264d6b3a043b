//! The generated test of `members.rs` for the documents of a Matrix homeserver.

use oidc_proto::ErrorCode;
use oidc_proto::Schemes;
use oidc_proto::matrix::{ErrorBody, LoginFlows, LoginRequest, OAuthStage};
use oidc_proto::testing::OnMatrix;
use serde_json::{Map, Value, json};

use super::members::{TWICE, VALUES, write};
use crate::matrix::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Document {
    WellKnown,
    Versions,
    AuthMetadata,
    Whoami,
    Refusal,
    Flows,
    Flow,
    StageParams,
}
use Document::*;

/// The optional members of each document, with values that are right.
fn members(document: Document) -> Vec<(&'static str, Value)> {
    match document {
        WellKnown => vec![
            ("m.identity_server", json!({ "base_url": "https://id.example.org" })),
            ("org.matrix.msc2965.authentication", json!({ "issuer": "https://account.example.org" })),
            ("m.tile_server", json!({})),
        ],
        Versions => vec![("unstable_features", json!({ "org.matrix.msc4108": true }))],
        AuthMetadata => vec![
            ("account_management_uri", json!("https://account.example.org/account")),
            ("account_management_actions_supported", json!(["org.matrix.profile"])),
            ("registration_endpoint", json!("https://account.example.org/register")),
            ("device_authorization_endpoint", json!("https://account.example.org/device")),
            ("prompt_values_supported", json!(["create"])),
            ("jwks_uri", json!("https://account.example.org/jwks")),
        ],
        Whoami => vec![("device_id", json!("ABCDEFGHIJ")), ("is_guest", json!(false))],
        Refusal => vec![("error", json!("gone")), ("soft_logout", json!(true)), ("retry_after_ms", json!(5))],
        Flows => vec![("flows", json!([{ "type": "m.login.sso" }]))],
        Flow => vec![
            ("oauth_aware_preferred", json!(true)),
            ("org.matrix.msc3824.delegated_oidc_compatibility", json!(true)),
        ],
        StageParams => vec![("org.matrix.cross_signing_reset", json!({ "url": "https://account.example.org/reset" }))],
    }
}

/// The members that this crate does not read in these documents: they may stand twice. A member that it reads may not, since
/// nobody knows which of the two counts.
const UNREAD: &[(Document, &[&str])] = &[
    (WellKnown, &["m.identity_server", "org.matrix.msc2965.authentication", "m.tile_server"]),
    (Versions, &["unstable_features"]),
    (Whoami, &["is_guest"]),
];

/// The members that are refused, the values for which they are, and why.
#[rustfmt::skip]
const REFUSED: &[(Document, &str, &[&str], &str)] = &[
    (Whoami, "device_id", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "a login is for a device: tokens of another, or of none, are no login"),
];

fn edit(world: &World, on: OnMatrix, name: &'static str, value: &'static str, right: Value) {
    world.hs.tamper(on, move |response| {
        let object: Map<String, Value> = serde_json::from_slice(response.body()).unwrap();
        *response.body_mut() = write(&object, name, value, &right).into_bytes();
    });
}

fn is_taken(document: Document, name: &'static str, value: &'static str, right: Value) -> Result<(), ErrorCode> {
    let mut world = World::new();
    let code = |error: oidc_proto::Error| error.code();
    match document {
        WellKnown => {
            edit(&world, OnMatrix::WellKnown, name, value, right);
            let found = world.find("example.org").map_err(code)?;
            found.warning.map_or(Ok(()), |warning| Err(code(warning)))
        }
        Versions => {
            edit(&world, OnMatrix::Versions, name, value, right);
            world.find("example.org").map(drop).map_err(code)
        }
        AuthMetadata => {
            edit(&world, OnMatrix::AuthMetadata, name, value, right);
            world.support().map(drop).map_err(code)
        }
        Whoami => {
            edit(&world, OnMatrix::Whoami, name, value, right);
            match world.log_in(LoginRequest::new()).map_err(code)?.logged_in() {
                Ok(_) => Ok(()),
                Err(error) => Err(code(error)),
            }
        }
        Refusal => {
            let body = json!({ "errcode": "M_UNKNOWN_TOKEN" }).as_object().unwrap().clone();
            let read = ErrorBody::parse(write(&body, name, value, &right).as_bytes());
            read.map(drop).ok_or(ErrorCode::JSON_TYPE)
        }
        Flows => LoginFlows::parse(write(&Map::new(), name, value, &right).as_bytes()).map(drop).map_err(code),
        Flow => {
            let flow = json!({ "type": "m.login.password" }).as_object().unwrap().clone();
            let flows = format!(r#"{{"flows":[{}]}}"#, write(&flow, name, value, &right));
            let read = LoginFlows::parse(flows.as_bytes()).map_err(code)?;
            if read.contains("m.login.password") { Ok(()) } else { Err(ErrorCode::JSON_TYPE) }
        }
        StageParams => {
            let params = json!({ "m.oauth": { "url": "https://account.example.org/reset" } });
            let params = write(params.as_object().unwrap(), name, value, &right);
            let stage = format!(r#"{{"flows":[{{"stages":["m.oauth"]}}],"session":"s","params":{params}}}"#);
            let read = OAuthStage::parse(stage.as_bytes(), Schemes::HttpsOnly).map_err(code)?;
            read.map(drop).ok_or(ErrorCode::JSON_TYPE)
        }
    }
}

#[test]
fn odd_members_of_a_homeservers_documents_are_passed_over_unless_listed() {
    let mut wrong = Vec::new();
    for document in [WellKnown, Versions, AuthMetadata, Whoami, Refusal, Flows, Flow, StageParams] {
        for (name, right) in members(document) {
            for value in VALUES {
                let is_its = |row: &&(Document, &str, &[&str], &str)| row.0 == document && row.1 == name;
                let listed = match value {
                    TWICE => !UNREAD.iter().any(|(own, names)| *own == document && names.contains(&name)),
                    value => REFUSED.iter().filter(is_its).any(|row| row.2.contains(&value)),
                };
                let taken = is_taken(document, name, value, right.clone());
                if taken.is_ok() == listed {
                    wrong.push(format!("{document:?} {name} {value}: {taken:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not as listed:\n{}", wrong.join("\n"));
    assert!(REFUSED.iter().all(|row| !row.2.is_empty() && !row.3.is_empty()));
}
