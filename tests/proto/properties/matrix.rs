//! The Matrix profile: names and addresses are what was written, stored values are read again as they were.

use oidc_proto::Schemes;
use oidc_proto::matrix::{
    Address, DeviceId, Homeserver, PendingDeviceLogin, PendingLogin, ServerName, UserId, UserSession,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::properties::generate::*;
use crate::properties::stored::{damage, damaged, pending_authorization, pending_device, put, round_trip, token_set};

fn server_name() -> impl Strategy<Value = String> {
    let host = select(vec!["example.org", "Matrix.Example.org", "localhost", "127.0.0.1", "[::1]", "a-b.example"]);
    (host, proptest::option::of(1..=u16::MAX))
        .prop_map(|(host, port)| port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn homeserver() -> impl Strategy<Value = String> {
    let host = select(vec!["matrix.example.org", "[::1]:8448", "127.0.0.1:8008"]);
    (host, "(/[a-z0-9._~-]{1,6}){0,2}")
        .prop_map(|(host, path)| format!("https://{host}{path}"))
        .prop_filter("a path with dots is another path", |url| {
            Homeserver::new(url, Schemes::HttpsOnly).is_ok_and(|homeserver| homeserver.as_str() == url)
        })
}

fn device_id() -> impl Strategy<Value = String> {
    "[!#-\\[\\]-~]{1,40}"
}

fn user_id() -> impl Strategy<Value = String> {
    ("[!-9;-~é]{1,20}", server_name()).prop_map(|(local, server)| format!("@{local}:{server}"))
}

/// A login that waits for its user, with an authorization of some kind.
fn awaited(authorization: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (homeserver(), device_id(), proptest::option::of(user_id()), authorization).prop_map(
        |(homeserver, device_id, user_id, authorization)| {
            let mut stored = json!({
                "version": 1, "homeserver": homeserver, "device_id": device_id, "authorization": authorization,
            });
            put(&mut stored, "user_id", user_id);
            stored
        },
    )
}

fn user_session() -> impl Strategy<Value = Value> {
    (homeserver(), user_id(), device_id(), token_set()).prop_map(|(homeserver, user_id, device_id, tokens)| {
        json!({
            "version": 1, "homeserver": homeserver, "user_id": user_id, "device_id": device_id, "tokens": tokens,
        })
    })
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn names_are_what_was_written(server in server_name(), device in device_id(), user in user_id()) {
        let at = ServerName::new(&server).unwrap();
        prop_assert_eq!(at.as_str(), &server);
        prop_assert_eq!(DeviceId::new(&device).unwrap().to_string(), device);
        let read = UserId::new(&user).unwrap();
        prop_assert_eq!(read.as_str(), &user);
        prop_assert_eq!(read.server_name().to_string(), user.split_once(':').unwrap().1);
    }

    #[test]
    fn anything_may_be_typed_in(typed in text(), server in server_name(), user in user_id()) {
        let _ = (ServerName::new(&typed), UserId::new(&typed), DeviceId::new(&typed));
        if let Ok(Address::Url(homeserver)) = Address::parse(&typed, Schemes::HttpsOnly) {
            prop_assert!(homeserver.as_str().starts_with("https://"));
        }
        let Ok(Address::Name(name)) = Address::parse(&server, Schemes::HttpsOnly) else { panic!("{server}") };
        prop_assert_eq!(name.as_str(), &server);
        let Ok(Address::Name(name)) = Address::parse(&user, Schemes::HttpsOnly) else { panic!("{user}") };
        prop_assert!(user.ends_with(name.as_str()));
    }

    #[test]
    fn a_stored_matrix_login_is_written_as_it_was_read(stored in awaited(pending_authorization()), damage in damage()) {
        let (read, written) = round_trip!(PendingLogin, stored);
        prop_assert_eq!(&written, &stored);
        prop_assert_eq!(read.device_id().as_str(), stored["device_id"].as_str().unwrap());
        prop_assert_eq!(read.key(), stored["authorization"]["state_digest"].as_str().unwrap());
        let _ = PendingLogin::from_json(&damaged(&stored, &damage));
    }

    #[test]
    fn a_stored_matrix_device_login_is_written_as_it_was_read(stored in awaited(pending_device()), damage in damage()) {
        let (read, written) = round_trip!(PendingDeviceLogin, stored);
        prop_assert_eq!(&written, &stored);
        prop_assert_eq!(read.authorization().user_code(), stored["authorization"]["user_code"].as_str().unwrap());
        let _ = PendingDeviceLogin::from_json(&damaged(&stored, &damage));
    }

    #[test]
    fn a_stored_matrix_session_is_written_as_it_was_read(stored in user_session(), damage in damage()) {
        let (read, written) = round_trip!(UserSession, stored);
        prop_assert_eq!(&written, &stored);
        prop_assert_eq!(read.user_id().as_str(), stored["user_id"].as_str().unwrap());
        let _ = UserSession::from_json(&damaged(&stored, &damage));
    }
}
