//! Registration: what a client says about itself, and what a provider answers.

use std::collections::BTreeMap;

use http::Response;
use oidc_proto::flow::Registration;
use oidc_proto::jose::Algorithm;
use oidc_proto::testing::TestEnv;
use oidc_proto::{ApplicationType, Client, ClientMetadata, Localized};
use oidc_proto::{AuthMethod, GrantType};
use oidc_proto::{Endpoint, Issuer, RedirectUri, Registrations, Schemes, Step, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::properties::generate::*;

/// A member, and the method that sets it.
type Builder<T> = (&'static str, fn(ClientMetadata, T) -> ClientMetadata);

/// Metadata, and the JSON that they must be sent as.
fn metadata() -> impl Strategy<Value = (ClientMetadata, Map<String, Value>)> {
    let localized = (text(), proptest::collection::btree_map("[a-z]{2}(-[A-Z]{2})?", text(), 0..3));
    let fields = proptest::collection::vec(proptest::option::of(localized), 5);
    let uris = proptest::collection::vec(redirect_uri(), 1..4);
    let method = select(vec![AuthMethod::None, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]);
    let algorithm = proptest::option::of(select(vec![Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa]));
    let software = proptest::collection::vec(proptest::option::of(text()), 3);
    let logout = proptest::option::of("[a-z]{1,8}(\\?[a-z]=1)?");
    let value = prop_oneof![text().prop_map(Value::from), any::<bool>().prop_map(Value::from), Just(json!([1, "a"]))];
    let further = proptest::collection::btree_map("x_[a-z]{1,8}(#[a-z]{2})?", value, 0..3);
    (uris, any::<bool>(), method, fields, proptest::collection::vec(text(), 0..3), algorithm, software, logout, further)
        .prop_map(|(uris, web, method, fields, contacts, algorithm, software, logout, further)| {
            let kind = if web { ApplicationType::Web } else { ApplicationType::Native };
            // A scheme of its own is for native applications only.
            let kind =
                if uris.iter().all(|uri| uri.as_str().starts_with("http")) { kind } else { ApplicationType::Native };
            let mut metadata = ClientMetadata::new(kind, uris.clone());
            metadata = metadata.with_token_endpoint_auth_method(method);
            let list: Vec<_> = uris.iter().map(RedirectUri::as_str).collect();
            let mut expected = json!({
                "application_type": kind.name(), "redirect_uris": list, "response_types": ["code"],
                "grant_types": [GrantType::AuthorizationCode.name(), GrantType::RefreshToken.name()],
                "token_endpoint_auth_method": method.name(),
            });
            let builders: [Builder<Localized>; 5] = [
                ("client_name", ClientMetadata::with_client_name),
                ("client_uri", ClientMetadata::with_client_uri),
                ("logo_uri", ClientMetadata::with_logo_uri),
                ("tos_uri", ClientMetadata::with_tos_uri),
                ("policy_uri", ClientMetadata::with_policy_uri),
            ];
            for ((name, with), field) in builders.into_iter().zip(fields) {
                let Some((default, languages)) = field else { continue };
                expected[name] = default.clone().into();
                let mut localized = Localized::new(default);
                for (tag, value) in languages {
                    expected[format!("{name}#{tag}")] = value.clone().into();
                    localized = localized.with_language(tag, value);
                }
                metadata = with(metadata, localized);
            }
            if !contacts.is_empty() {
                expected["contacts"] = contacts.clone().into();
            }
            metadata = metadata.with_contacts(contacts);
            if let Some(algorithm) = algorithm {
                expected["id_token_signed_response_alg"] = algorithm.name().into();
                metadata = metadata.with_id_token_signed_response_alg(algorithm);
            }
            if let Some(path) = logout {
                let uri = format!("https://app.example.org/{path}");
                expected["backchannel_logout_uri"] = uri.clone().into();
                expected["backchannel_logout_session_required"] = web.into();
                metadata = metadata
                    .with_backchannel_logout_uri(Endpoint::new(&uri, Schemes::HttpsOnly).unwrap())
                    .with_backchannel_logout_session_required(web);
            }
            let builders: [Builder<String>; 3] = [
                ("software_id", ClientMetadata::with_software_id),
                ("software_version", ClientMetadata::with_software_version),
                ("software_statement", ClientMetadata::with_software_statement),
            ];
            for ((name, with), text) in builders.into_iter().zip(software) {
                let Some(text) = text else { continue };
                expected[name] = text.clone().into();
                metadata = with(metadata, text);
            }
            for (name, value) in further {
                metadata = metadata.with_member(name.clone(), value.clone()).unwrap();
                expected[name] = value;
            }
            let Value::Object(expected) = expected else { unreachable!() };
            (metadata, expected)
        })
}

/// What a provider may answer, by a client's own words.
fn answer() -> impl Strategy<Value = Map<String, Value>> {
    let unknown = proptest::collection::btree_map("x_[a-z]{1,8}", text().prop_map(Value::from), 0..3);
    let seconds = prop_oneof![Just(json!(0)), (1..1u64 << 40).prop_map(Value::from), Just(Value::Null)];
    (client_id(), some_text(), seconds, unknown).prop_map(|(id, secret, expiry, unknown): (_, _, _, BTreeMap<_, _>)| {
        let mut answer: Map<String, Value> = unknown.into_iter().collect();
        answer.insert("client_id".into(), id.into());
        answer.insert("client_secret".into(), secret.into());
        answer.insert("client_secret_expires_at".into(), expiry);
        answer
    })
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn metadata_are_sent_as_they_are((metadata, expected) in metadata()) {
        let sent = request(Registration::start(party(Client::new("app")).provider(), metadata.clone()).unwrap());
        let read: Map<String, Value> = serde_json::from_slice(sent.body().as_ref()).unwrap();
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(metadata.fingerprint(), metadata.clone().fingerprint());
    }

    #[test]
    fn an_answer_is_kept_and_stored_as_it_came((metadata, _) in metadata(), answer in answer(), at in issuer()) {
        let body = Value::Object(answer.clone()).to_string();
        let response = Response::builder().status(201).body(body.into_bytes()).unwrap();
        let Step::Call(call) = Registration::start(party(Client::new("app")).provider(), metadata.clone()).unwrap() else { panic!("a request") };
        let step = call.into_parts().2.receive(response, &mut TestEnv::seeded(1)).unwrap();
        let Step::Done(registered) = step else { panic!("one request") };
        prop_assert_eq!(registered.client_id(), answer["client_id"].as_str().unwrap());
        let expiry = answer["client_secret_expires_at"].as_u64().filter(|&seconds| seconds > 0);
        prop_assert_eq!(registered.secret_expires_at(), expiry.map(Timestamp::from_unix_seconds));
        let fields: Map<String, Value> = registered.fields().unwrap().read().unwrap();
        prop_assert_eq!(&fields, &answer);

        let issuer = Issuer::new(&at, Schemes::HttpsOnly).unwrap();
        let mut all = Registrations::default();
        all.insert(&issuer, &metadata, registered.clone());
        let stored = serde_json::to_string(&all).unwrap();
        let again = Registrations::from_json(&stored).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), stored);
        let (early, late) = (Timestamp::from_unix_millis(0), Timestamp::from_unix_seconds(u64::MAX));
        let found = again.find(&issuer, &metadata, early).unwrap();
        prop_assert_eq!(found.client_id(), registered.client_id());
        // A secret that was not asked for is one for the header (RFC 7591 section 2).
        let method = match metadata.token_endpoint_auth_method() {
            AuthMethod::None => AuthMethod::ClientSecretBasic,
            asked => asked,
        };
        prop_assert_eq!(found.auth().method(), method);
        // Once its secret is over the client registers anew; sessions find it by its ID.
        prop_assert_eq!(again.find(&issuer, &metadata, late).is_some(), expiry.is_none());
        prop_assert!(again.by_client_id(&issuer, registered.client_id()).is_some());

        let other = metadata.clone().with_contact("new@example.org");
        prop_assert_ne!(other.fingerprint(), metadata.fingerprint());
        prop_assert!(again.find(&issuer, &other, early).is_none());
    }
}
