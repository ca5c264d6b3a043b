//! Stored values: written by this version or an older one, by a newer one, or by nobody who knew how.

use oidc_proto::matrix::{DeviceId, LoginRequest, PendingDeviceLogin, PendingLogin, UserSession};
use oidc_proto::{Error, ErrorCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::matrix::world::*;

/// One file per type and version, as it was written once.
const LOGIN: &str = include_str!("../../fixtures/pending_login.v1.json");
const AGAIN: &str = include_str!("../../fixtures/pending_login_again.v1.json");
const DEVICE: &str = include_str!("../../fixtures/pending_device_login.v1.json");
const SESSION: &str = include_str!("../../fixtures/user_session.v1.json");

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[derive(Clone, Copy, Debug)]
enum Type {
    Login,
    Device,
    Session,
}

impl Type {
    fn read(self, json: &str) -> Result<String, Error> {
        match self {
            Self::Login => PendingLogin::from_json(json).map(|value| pretty(&value)),
            Self::Device => PendingDeviceLogin::from_json(json).map(|value| pretty(&value)),
            Self::Session => UserSession::from_json(json).map(|value| pretty(&value)),
        }
    }
}

const FIXTURES: [(Type, &str); 4] =
    [(Type::Login, LOGIN), (Type::Login, AGAIN), (Type::Device, DEVICE), (Type::Session, SESSION)];

#[test]
fn every_version_there_was_is_read_and_written_again() {
    for (kind, fixture) in FIXTURES {
        assert_eq!(kind.read(fixture).unwrap(), fixture, "{kind:?}");
    }
}

/// They are what this version writes.
#[test]
fn what_is_written_today_has_the_form_of_the_newest_fixture() {
    fn shape(value: &Value) -> Value {
        match value {
            Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
            _ => Value::Null,
        }
    }
    let mut world = World::new();
    let session = world.logged_in().session;
    let device = DeviceId::new("ABCDEFGHIJ").unwrap();
    let begun = world.begin(LoginRequest::new().with_device_id(device.clone())).unwrap();
    let again = world.begin(LoginRequest::again(&session)).unwrap();
    let server = world.server();
    let party = world.party_of(&session, &server);
    let step = LoginRequest::new().with_device_id(device).start_device(&party, &mut world.env);
    let pending = world.run(step).unwrap();
    for (written, fixture) in [
        (pretty(&begun.pending), LOGIN),
        (pretty(&again.pending), AGAIN),
        (pretty(&pending), DEVICE),
        (pretty(&session), SESSION),
    ] {
        let [written, fixture] = [&written, fixture].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(shape(&written), shape(&fixture));
    }
}

#[test]
fn a_newer_version_is_told_apart_from_a_damaged_one() {
    for (kind, fixture) in FIXTURES {
        for (version, code) in [
            (json!(2), ErrorCode::STORED_VERSION),
            (json!(0), ErrorCode::STORED_MALFORMED),
            (json!("1"), ErrorCode::STORED_MALFORMED),
            (Value::Null, ErrorCode::STORED_MALFORMED),
        ] {
            let mut value: Value = serde_json::from_str(fixture).unwrap();
            value["version"] = version.clone();
            assert_eq!(kind.read(&value.to_string()).unwrap_err().code(), code, "{kind:?} {version}");
        }
    }
}

#[test]
fn damage_is_told_and_not_quoted() {
    for (kind, fixture) in FIXTURES {
        for (name, values) in [
            (
                "homeserver",
                &["", "matrix.example.org", "http://matrix.example.org", "https://a.example?q=SENTINEL"][..],
            ),
            ("device_id", &["", "A B", "SENTINEL\n"]),
            ("user_id", &["", "SENTINEL", "@a b:example.org"]),
        ] {
            for damaged in values {
                let mut value: Value = serde_json::from_str(fixture).unwrap();
                value[name] = json!(damaged);
                let error = kind.read(&value.to_string()).unwrap_err();
                assert_eq!(error.code(), ErrorCode::STORED_MALFORMED, "{kind:?} {name} {damaged}");
                assert!(!format!("{error:?} {error}").contains("SENTINEL"));
            }
        }
        let object: Value = serde_json::from_str(fixture).unwrap();
        for name in
            object.as_object().unwrap().keys().filter(|name| *name != "user_id" || matches!(kind, Type::Session))
        {
            let mut less = object.clone();
            less.as_object_mut().unwrap().remove(name);
            assert_eq!(
                kind.read(&less.to_string()).unwrap_err().code(),
                ErrorCode::STORED_MALFORMED,
                "{kind:?} {name}"
            );
        }
        for end in (0..fixture.len() - 1).filter(|&end| fixture.is_char_boundary(end)) {
            if !fixture[end..].trim().is_empty() {
                assert_eq!(
                    kind.read(&fixture[..end]).unwrap_err().code(),
                    ErrorCode::STORED_MALFORMED,
                    "{kind:?} {end}"
                );
            }
        }
    }
}

/// A homeserver's metadata, which restore its sessions without the network.
#[test]
fn stored_metadata_are_read_and_written_again() {
    const SERVER: &str = include_str!("../../fixtures/auth_server.v1.json");
    let read = oidc_proto::matrix::AuthServer::from_json(SERVER, oidc_proto::ProviderOptions::new()).unwrap();
    assert_eq!(pretty(&*read), SERVER);
    let mut world = World::new();
    let written = serde_json::to_value(&*world.server()).unwrap();
    let fixture: Value = serde_json::from_str(SERVER).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&written), names(&fixture));
    for name in names(&fixture) {
        let mut less = fixture.clone();
        less.as_object_mut().unwrap().remove(&name);
        let read = oidc_proto::matrix::AuthServer::from_json(&less.to_string(), world.options);
        assert_eq!(what(read).0, ErrorCode::STORED_MALFORMED, "{name}");
    }
}
