//! Stored values: read, written and read again they are the same, for every value that can be stored; and what was
//! changed in storage is read as changed or not at all, never with a panic.

use oidc_proto::PendingDevice;
use oidc_proto::session::Record;
use oidc_proto::{AuthorizationRequest, Client, PendingAuthorization, RedirectUri, Registrations, TokenSet};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::properties::generate::*;

pub(crate) fn put(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[name] = value.into();
    }
}

fn id_token() -> impl Strategy<Value = (Value, String)> {
    let texts = (proptest::collection::vec(proptest::option::of(some_text()), 3), client_id());
    (
        issuer(),
        some_text(),
        proptest::collection::vec(text(), 0..3),
        texts,
        [millis(), millis(), millis()],
        any::<bool>(),
    )
        .prop_filter("a subject has at most 255 bytes", |(_, subject, ..)| subject.len() <= 255)
        .prop_map(|(issuer, subject, mut audience, (texts, client), [expires, issued, auth], has_auth)| {
            audience.push(client.clone());
            let mut token = json!({
                "compact": "e30.e30.c2ln", "issuer": issuer, "subject": subject, "audience": audience,
                "expires_at": expires, "issued_at": issued,
            });
            for (name, text) in ["authorized_party", "nonce", "acr"].into_iter().zip(texts) {
                put(&mut token, name, text);
            }
            put(&mut token, "auth_time", has_auth.then_some(auth));
            (token, client)
        })
}

pub(crate) fn token_set() -> impl Strategy<Value = Value> {
    let kind = select(vec!["Bearer", "DPoP"]);
    let optional = (proptest::option::of(token()), proptest::option::of(millis()), proptest::option::of(id_token()));
    (issuer(), token(), kind, scope_values(), millis(), optional, proptest::option::of("[A-Za-z0-9_-]{43}")).prop_map(
        |(issuer, access, kind, scope, obtained, (refresh, expires, id_token), thumbprint)| {
            let (id_token, client) = id_token.map_or((None, "app".to_owned()), |(token, client)| (Some(token), client));
            let mut stored = json!({
                "version": 1, "issuer": issuer, "client_id": client, "access_token": access, "token_type": kind,
                "scope": scope.join(" "), "obtained_at": obtained,
            });
            put(&mut stored, "refresh_token", refresh);
            put(&mut stored, "expires_at", expires);
            put(&mut stored, "id_token", id_token);
            put(&mut stored, "dpop_thumbprint", thumbprint);
            stored
        },
    )
}

pub(crate) fn pending_authorization() -> impl Strategy<Value = Value> {
    let expectation = (some_text(), proptest::option::of(millis()), proptest::collection::vec(text(), 0..3));
    let mode = select(vec!["query", "fragment", "form_post"]);
    let verifier = "[A-Za-z0-9._~-]{43,128}";
    // 256 bits fill 43 characters but for the last two bits.
    let digest = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]";
    (
        issuer(),
        client_id(),
        redirect_uri(),
        scope_values(),
        mode,
        digest,
        verifier,
        proptest::option::of(expectation),
        millis(),
    )
        .prop_map(|(issuer, client, redirect, mut scope, mode, digest, verifier, expectation, expires)| {
            scope.retain(|value| value != "openid");
            scope.extend(expectation.as_ref().map(|_| "openid".to_owned()));
            let mut stored = json!({
                "version": 1, "issuer": issuer, "client_id": client, "redirect_uri": redirect.as_str(),
                "scope": scope.join(" "), "response_mode": mode, "state_digest": digest, "code_verifier": verifier,
                "expires_at": expires,
            });
            if let Some((nonce, earliest, acr_values)) = expectation {
                let mut expected = json!({ "nonce": nonce });
                put(&mut expected, "not_logged_in_before", earliest);
                put(&mut expected, "acr_values", Some(acr_values).filter(|values| !values.is_empty()));
                stored["expectation"] = expected;
            }
            stored
        })
}

pub(crate) fn pending_device() -> impl Strategy<Value = Value> {
    let complete = proptest::option::of("[ -~]{0,12}");
    (issuer(), client_id(), scope_values(), some_text(), "[ -~]{1,64}", complete, 1..=120_u64, millis()).prop_map(
        |(issuer, client, scope, code, user_code, complete, interval, expires)| {
            let uri = format!("{ISSUER}/link");
            let mut stored = json!({
                "version": 1, "issuer": issuer, "client_id": client, "scope": scope.join(" "), "device_code": code,
                "user_code": user_code, "verification_uri": uri, "interval_seconds": interval, "expires_at": expires,
            });
            let complete = complete.map(|code| format!("{uri}?{}", write_form(&[("c".into(), code)])));
            put(&mut stored, "verification_uri_complete", complete);
            stored
        },
    )
}

fn registrations() -> impl Strategy<Value = Value> {
    let method =
        select(vec!["none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]);
    let client = (issuer(), proptest::option::of("[A-Za-z0-9_-]{43}"), client_id(), method, some_text(), millis());
    proptest::collection::vec(client, 0..5).prop_map(|clients| {
        let clients: Vec<_> = clients
            .into_iter()
            .map(|(issuer, fingerprint, id, method, secret, expires)| {
                let mut client = json!({ "issuer": issuer, "client_id": id, "auth_method": method });
                put(&mut client, "fingerprint", fingerprint);
                match method {
                    "none" => {}
                    "private_key_jwt" => client["key"] = json!({ "key_id": secret, "algorithm": "ES256" }),
                    _ => client["client_secret"] = secret.into(),
                }
                put(&mut client, "secret_expires_at", (expires % 2 == 0).then_some(expires));
                put(&mut client, "id_token_algorithm", (expires % 3 == 0).then_some("EdDSA"));
                client
            })
            .collect();
        json!({ "version": 1, "clients": clients })
    })
}

/// Reads, writes, and reads what was written.
/// Reads a stored value, writes it and reads it again: the value, and what was written.
macro_rules! round_trip {
    ($kind:ty, $stored:expr) => {{
        let stored: &Value = &$stored;
        let read = <$kind>::from_json(&stored.to_string()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let written = serde_json::to_string(&read).unwrap();
        let again = <$kind>::from_json(&written).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), written.clone());
        (read, serde_json::from_str::<Value>(&written).unwrap())
    }};
}
pub(crate) use round_trip;

/// Something that a disk, a hand or an enemy can do to one member.
pub(crate) fn damage() -> impl Strategy<Value = (prop::sample::Index, Option<Value>)> {
    let other = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!([])),
        Just(json!({ "version": 1 })),
    ];
    (any::<prop::sample::Index>(), proptest::option::of(other))
}

pub(crate) fn damaged(stored: &Value, (at, with): &(prop::sample::Index, Option<Value>)) -> String {
    let mut object: Map<String, Value> = stored.as_object().unwrap().clone();
    let name = object.keys().nth(at.index(object.len())).unwrap().clone();
    match with {
        Some(value) => drop(object.insert(name, value.clone())),
        None => drop(object.remove(&name)),
    }
    Value::Object(object).to_string()
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn a_stored_token_set_is_written_as_it_was_read(stored in token_set(), damage in damage()) {
        let (read, written) = round_trip!(TokenSet, stored);
        prop_assert_eq!(&written, &stored);
        prop_assert_eq!(read.access_token().expose(), stored["access_token"].as_str().unwrap());
        prop_assert_eq!(read.subject(), stored["id_token"]["subject"].as_str());
        prop_assert_eq!(read.expires_at().map(|at| at.unix_millis()), stored["expires_at"].as_u64());
        if let Ok(read) = TokenSet::from_json(&damaged(&stored, &damage)) {
            // Whatever was read can be sent.
            prop_assert!(read.authorization().is_sensitive() && !read.access_token().expose().is_empty());
        }
    }

    #[test]
    fn a_stored_record_is_written_as_it_was_read(
        tokens in token_set(),
        generation in any::<u64>(),
        spent in proptest::option::of(token()),
        from in proptest::option::of(any::<u64>()),
        refusals in proptest::option::of(1..=u16::MAX),
        damage in damage(),
    ) {
        let mut stored = json!({ "version": 1, "generation": generation, "tokens": tokens });
        put(&mut stored, "spent_refresh_token", spent);
        put(&mut stored, "refreshed_from", from);
        put(&mut stored, "silent_refusals", refusals);
        put(&mut stored, "may_be_spent", refusals.map(|_| true));
        let (read, written) = round_trip!(Record, stored);
        prop_assert_eq!((&written, read.generation), (&stored, generation));
        let _ = Record::from_json(&damaged(&stored, &damage));
    }

    #[test]
    fn a_stored_pending_login_is_written_as_it_was_read(stored in pending_authorization(), damage in damage()) {
        let (read, written) = round_trip!(PendingAuthorization, stored);
        prop_assert_eq!(&written, &stored);
        prop_assert_eq!(read.key(), stored["state_digest"].as_str().unwrap());
        if let Ok(read) = PendingAuthorization::from_json(&damaged(&stored, &damage)) {
            let written = serde_json::to_value(&read).unwrap();
            prop_assert_eq!(written["scope"].as_str().unwrap().split(' ').any(|value| value == "openid"),
                !written["expectation"]["nonce"].is_null(), "an ID token is never taken without a nonce");
        }
    }

    #[test]
    fn a_stored_pending_device_is_written_as_it_was_read(stored in pending_device(), damage in damage()) {
        let (read, written) = round_trip!(PendingDevice, stored);
        prop_assert_eq!(&written, &stored);
        prop_assert_eq!(read.user_code(), stored["user_code"].as_str().unwrap());
        if let Ok(read) = PendingDevice::from_json(&damaged(&stored, &damage)) {
            prop_assert!(!read.interval().is_zero() && read.interval().as_secs() <= 3600);
        }
    }

    #[test]
    fn stored_client_ids_are_written_as_they_were_read(stored in registrations(), damage in damage()) {
        let (_, written) = round_trip!(Registrations, stored);
        // The last one of an issuer and a fingerprint counts, and the order is the store's.
        for client in written["clients"].as_array().unwrap() {
            prop_assert!(stored["clients"].as_array().unwrap().contains(client), "{client}");
        }
        let _ = Registrations::from_json(&damaged(&stored, &damage));
    }

    #[test]
    fn a_login_that_was_just_started_is_written_and_read(redirect in redirect_uri(), values in scope_values(), id in client_id()) {
        let client = Client::new(id).with_redirect_uri(redirect.clone());
        let request = AuthorizationRequest::new(redirect.clone(), scope(&values));
        let (_, pending) = party(client).authorize(request, &mut env()).unwrap();
        let stored = serde_json::to_value(&pending).unwrap();
        let (read, written) = round_trip!(PendingAuthorization, stored);
        prop_assert_eq!(written, stored);
        prop_assert_eq!((read.redirect_uri(), read.key()), (&redirect, pending.key()));
        prop_assert!(RedirectUri::new(read.redirect_uri().as_str()).is_ok());
    }
}
