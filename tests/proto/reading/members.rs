//! The generated test: each optional member of each document is given each odd value. The document is accepted, unless the
//! member is on the list below, with its reason.

use std::collections::BTreeSet;

use oidc_proto::jose::Algorithm;
use oidc_proto::testing::{self, On};
use oidc_proto::{ErrorCode, RelyingParty};
use serde_json::{Map, Value, json};

use crate::hostile::logout_token::{request, take};
use crate::hostile::world::{Refusal, World};

macro_rules! documents {
    ($($list:ident: $($document:ident)*;)*) => {
        /// A document, and where it comes from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        enum Document { $($($document),*),* }
        use Document::*;

        $(const $list: &[Document] = &[$($document),*];)*

        const DOCUMENTS: &[&[Document]] = &[$($list),*];
    };
}

documents! {
    PUBLISHED: Metadata KeySet Key;
    RESPONSES: Registration Push Device Tokens Refresh Userinfo;
    VERDICTS: Error PushError DeviceError;
    SIGNED: IdTokenHeader IdToken LogoutTokenHeader LogoutToken;
}

/// The optional members of each document, with values that are right.
fn members(document: Document) -> Vec<(&'static str, Value)> {
    let url = || json!("https://op.example.org/somewhere");
    match document {
        Metadata => vec![
            ("authorization_endpoint", url()),
            ("registration_endpoint", url()),
            ("userinfo_endpoint", url()),
            ("revocation_endpoint", url()),
            ("end_session_endpoint", url()),
            ("introspection_endpoint", url()),
            ("pushed_authorization_request_endpoint", url()),
            ("device_authorization_endpoint", url()),
            ("response_types_supported", json!(["code"])),
            ("response_modes_supported", json!(["query"])),
            ("grant_types_supported", json!(["authorization_code"])),
            ("code_challenge_methods_supported", json!(["S256"])),
            ("token_endpoint_auth_methods_supported", json!(["none"])),
            ("token_endpoint_auth_signing_alg_values_supported", json!(["ES256"])),
            ("id_token_signing_alg_values_supported", json!(["ES256"])),
            ("dpop_signing_alg_values_supported", json!(["ES256"])),
            ("prompt_values_supported", json!(["login"])),
            ("require_pushed_authorization_requests", json!(false)),
            ("authorization_response_iss_parameter_supported", json!(true)),
            ("scopes_supported", json!(["openid"])),
            ("claims_supported", json!(["sub"])),
            ("subject_types_supported", json!(["public"])),
        ],
        KeySet => vec![("issuer", url())],
        Key => vec![
            ("kid", json!("es256-1")),
            ("alg", json!("ES256")),
            ("use", json!("sig")),
            ("key_ops", json!(["verify"])),
            ("x5c", json!([])),
            ("x5t", json!("AA")),
            ("n", json!("AA")),
            ("d", json!("AA")),
            ("k", json!("AA")),
            ("p", json!("AA")),
            ("q", json!("AA")),
            ("dp", json!("AA")),
            ("dq", json!("AA")),
            ("qi", json!("AA")),
            ("oth", json!([])),
        ],
        Registration => vec![
            ("client_secret", json!("s3cret")),
            ("client_secret_expires_at", json!(0)),
            ("client_id_issued_at", json!(0)),
            ("token_endpoint_auth_method", json!("none")),
            ("id_token_signed_response_alg", json!("ES256")),
            ("userinfo_signed_response_alg", json!("ES256")),
            ("registration_access_token", json!("t")),
            ("registration_client_uri", url()),
            ("redirect_uris", json!([])),
            ("grant_types", json!(["authorization_code"])),
            ("client_name", json!("x")),
        ],
        Push => vec![("expires_in", json!(60))],
        Device => vec![
            ("verification_uri_complete", url()),
            ("verification_url", url()),
            ("message", json!("Go there")),
            ("interval", json!(5)),
            ("expires_in", json!(600)),
        ],
        Tokens | Refresh => vec![
            ("id_token", json!("x.y.z")),
            ("refresh_token_expires_in", json!(300)),
            ("token_type", json!("Bearer")),
            ("expires_in", json!(300)),
            ("refresh_token", json!("rt_other")),
            ("scope", json!("openid profile")),
            ("error", Value::Null),
            ("error_description", json!("x")),
            ("refresh_expires_in", json!(300)),
        ],
        Error | PushError | DeviceError => {
            vec![
                ("error_description", json!("gone")),
                ("error_uri", url()),
                ("suberror", json!("bad_token")),
                ("error_codes", json!([1])),
            ]
        }
        Userinfo => vec![
            ("iss", json!("https://op.example.org")),
            ("aud", json!("app")),
            ("tid", json!("t")),
            ("name", json!("Alice")),
            ("address", json!({})),
        ],
        IdTokenHeader => {
            vec![
                ("kid", json!("es256-1")),
                ("typ", json!("JWT")),
                ("cty", json!("x")),
                ("jwk", json!({})),
                ("b64", json!(false)),
                ("crit", json!(["x"])),
            ]
        }
        IdToken => vec![
            ("nonce", json!("n")),
            ("acr", json!("x")),
            ("amr", json!(["pwd"])),
            ("auth_time", json!(1)),
            ("sid", json!("s")),
            ("tid", json!("t")),
            ("azp", json!("app")),
            ("nbf", json!(0)),
            ("at_hash", Value::Null),
            ("jti", json!("j")),
            ("name", json!("Alice")),
        ],
        LogoutTokenHeader => vec![
            ("kid", json!("es256-1")),
            ("typ", json!("logout+jwt")),
            ("cty", json!("x")),
            ("b64", json!(false)),
            ("crit", json!(["x"])),
        ],
        LogoutToken => vec![
            ("sub", json!("sub-alice")),
            ("tid", json!("t")),
            ("sid", json!("s")),
            ("nonce", Value::Null),
            ("trace", json!("x")),
        ],
    }
}

/// The odd values, as they are written. The last one stands for the right value twice.
pub(super) const VALUES: [&str; 7] = ["null", r#""""#, "[]", "{}", "7", r#""wrong""#, TWICE];
pub(super) const TWICE: &str = "twice";

/// The documents in which no name may stand twice, also none that this crate does not read, and why.
const UNIQUE: &[(Document, &str)] = &[
    (KeySet, "RFC 7517 section 4: others who read the set would disagree on which keys are in it"),
    (Key, "RFC 7517 section 4: others who read the key would disagree on which key it is"),
    (IdTokenHeader, "RFC 7515 section 4: others who read the header would disagree on how it is signed"),
    (IdToken, "RFC 7519 section 4: others who read the token would disagree on what it says"),
    (LogoutTokenHeader, "RFC 7515 section 4: others who read the header would disagree on how it is signed"),
    (LogoutToken, "RFC 7519 section 4: others who read the token would disagree on what it says"),
];

/// The members of the other documents that this crate does not read: they may stand twice. A member that it reads may
/// not, since nobody knows which of the two counts.
const UNREAD: &[(Document, &[&str])] = &[
    (Metadata, &["introspection_endpoint", "scopes_supported", "claims_supported", "subject_types_supported"]),
    (Registration, &["redirect_uris", "client_name"]),
    (Push, &["expires_in"]),
    (Device, &["message"]),
    (Tokens, &["error_description"]),
    (Refresh, &["error_description"]),
    (Error, &["error_codes"]),
    (PushError, &["error_codes"]),
    (DeviceError, &["error_codes"]),
    (Userinfo, &["iss", "aud", "tid", "name", "address"]),
];

fn may_stand_twice(document: Document, name: &str) -> bool {
    UNIQUE.iter().all(|(own, _)| *own != document)
        && UNREAD.iter().any(|(own, names)| *own == document && names.contains(&name))
}

/// The members that are refused, the values for which they are, and why.
#[rustfmt::skip]
const REFUSED: &[(Document, &str, &[&str], &str)] = &[
    (Metadata, "authorization_endpoint", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "a login by browser begins there"),
    (Metadata, "code_challenge_methods_supported", &[r#""""#, "{}", "7", r#""wrong""#], "a list without S256 leaves PKCE to `plain`"),
    (Metadata, "authorization_response_iss_parameter_supported", &["[]", "{}", "7", r#""wrong""#], "it says whether a callback without `iss` is forged"),
    (Metadata, "require_pushed_authorization_requests", &["[]", "{}", "7", r#""wrong""#], "it says how every login starts"),
    (Key, "alg", &["[]", "{}", "7", r#""wrong""#], "the only key is for another algorithm"),
    (Key, "use", &["[]", "{}", "7", r#""wrong""#], "the only key is for another use"),
    (Key, "key_ops", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "the only key is for other operations"),
    (Key, "d", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a private key that was published verifies nothing"),
    (Key, "k", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a secret that was published verifies nothing"),
    (Key, "p", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a private key that was published verifies nothing"),
    (Key, "q", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a private key that was published verifies nothing"),
    (Key, "dp", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a private key that was published verifies nothing"),
    (Key, "dq", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a private key that was published verifies nothing"),
    (Key, "qi", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a private key that was published verifies nothing"),
    (Key, "oth", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a private key that was published verifies nothing"),
    (Tokens, "id_token", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "it says who logged in: kept unverified"),
    (Tokens, "token_type", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "it says how the token is used: kept unverified"),
    (Tokens, "refresh_token", &["[]", "{}", "7"], "the session would be lost in silence: kept unverified"),
    (Tokens, "scope", &["[]", "{}", "7"], "nobody knows what was granted: kept unverified"),
    (Tokens, "error", &["[]", "{}", "7", r#""wrong""#], "an error beside tokens is a contradiction: kept unverified"),
    (Refresh, "id_token", &["[]", "{}", "7", r#""wrong""#], "it says whose tokens they are: kept unverified"),
    (Refresh, "token_type", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "it says how the token is used: kept unverified"),
    (Refresh, "refresh_token", &["[]", "{}", "7"], "the session would be lost in silence: kept unverified"),
    (Refresh, "scope", &["[]", "{}", "7"], "nobody knows what was granted: kept unverified"),
    (Refresh, "error", &["[]", "{}", "7", r#""wrong""#], "an error beside tokens is a contradiction: kept unverified"),
    (IdTokenHeader, "crit", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "RFC 7515 section 4.1.11: an extension that is not understood"),
    (IdTokenHeader, "b64", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "RFC 7797 section 6: it changes what is signed, and stands in `crit`"),
    (IdToken, "nonce", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "it binds the token to this login"),
    (IdToken, "azp", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "the token may be for somebody else"),
    (IdToken, "nbf", &[r#""""#, "[]", "{}", r#""wrong""#], "the token may not be valid yet"),
    (IdToken, "at_hash", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "it binds the access token"),
    (LogoutTokenHeader, "typ", &[r#""""#, "[]", "{}", "7", r#""wrong""#], "a token of another type is no logout token"),
    (LogoutTokenHeader, "crit", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "RFC 7515 section 4.1.11: an extension that is not understood"),
    (LogoutTokenHeader, "b64", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "RFC 7797 section 6: it changes what is signed, and stands in `crit`"),
    (LogoutToken, "sub", &["null", r#""""#, "[]", "{}", "7"], "it says who is logged out"),
    (LogoutToken, "sid", &["[]", "{}", "7"], "it says who is logged out"),
    (LogoutToken, "nonce", &["null", r#""""#, "[]", "{}", "7", r#""wrong""#], "Back-Channel Logout 1.0 section 2.4: it would be an ID token"),
];

/// The object with the member in that form, last.
pub(super) fn write(object: &Map<String, Value>, name: &str, value: &str, right: &Value) -> String {
    let mut object = object.clone();
    object.remove(name);
    let text = Value::Object(object).to_string();
    let open = text.strip_suffix('}').unwrap();
    let comma = if open == "{" { "" } else { "," };
    match value {
        TWICE => format!(r#"{open}{comma}"{name}":{right},"{name}":{right}}}"#),
        value => format!(r#"{open}{comma}"{name}":{value}}}"#),
    }
}

fn edit(op: &testing::Provider, on: On, name: &'static str, value: &'static str, right: Value) {
    op.tamper(on, move |response| {
        let object: Map<String, Value> = serde_json::from_slice(response.body()).unwrap();
        let is_key = on == On::Jwks && name != "issuer";
        let text = if is_key {
            let key = object["keys"].as_array().unwrap().iter().find(|key| key["crv"] == "P-256").unwrap().clone();
            format!(r#"{{"keys":[{}]}}"#, write(key.as_object().unwrap(), name, value, &right))
        } else {
            write(&object, name, value, &right)
        };
        *response.body_mut() = text.into_bytes();
    });
}

fn edit_token(token: &mut testing::IdToken, is_header: bool, name: &str, value: &str, right: &Value) {
    if is_header {
        token.header_text = Some(write(&token.header, name, value, right));
    } else {
        token.claims_text = Some(write(&token.claims, name, value, right));
    }
}

/// Whether the document is taken.
fn is_taken(document: Document, name: &'static str, value: &'static str, right: Value) -> Result<(), ErrorCode> {
    let mut world = World::with_fixed_client("ES256").allowing_devices();
    world.client = world.client.map(|client| client.with_registered_algorithm(Algorithm::Es256));
    let log_in = |mut world: World| world.logged_in().map(drop).map_err(|refusal| refusal.error.code());
    let refused = |error: oidc_proto::Error| error.code();
    match document {
        Metadata => {
            edit(&world.op, On::ServerMetadata, name, value, right);
            log_in(world)
        }
        KeySet | Key => {
            edit(&world.op, On::Jwks, name, value, right);
            log_in(world)
        }
        Registration => {
            edit(&world.op, On::Register, name, value, right);
            let provider = world.discover().map_err(|refusal| refusal.error.code())?;
            world.register(&provider).map(drop).map_err(|refusal| refusal.error.code())
        }
        Push => {
            edit(&world.op, On::Par, name, value, right);
            log_in(World { pushes: true, ..world })
        }
        Device => {
            world.client = None;
            edit(&world.op, On::DeviceAuthorization, name, value, right);
            let party = world.party().unwrap();
            world.device(&party).map(drop).map_err(|refusal| refusal.error.code())
        }
        Tokens => {
            edit(&world.op, On::Token, name, value, right);
            log_in(world)
        }
        Refresh => {
            let user = world.logged_in().unwrap();
            edit(&world.op, On::Token, name, value, right);
            world.refresh(&user).map(drop).map_err(|refusal| refusal.error.code())
        }
        Error => {
            let user = world.logged_in().unwrap();
            refuse(&world.op, On::Token, "invalid_grant");
            edit(&world.op, On::Token, name, value, right);
            is_verdict(world.refresh(&user), ErrorCode::TOKEN_INVALID_GRANT)
        }
        PushError => {
            refuse(&world.op, On::Par, "invalid_client");
            edit(&world.op, On::Par, name, value, right);
            is_verdict(World { pushes: true, ..world }.logged_in(), ErrorCode::TOKEN_INVALID_CLIENT)
        }
        DeviceError => {
            world.client = None;
            refuse(&world.op, On::DeviceAuthorization, "invalid_scope");
            edit(&world.op, On::DeviceAuthorization, name, value, right);
            let party = world.party().unwrap();
            is_verdict(world.device(&party), ErrorCode::TOKEN_INVALID_SCOPE)
        }
        Userinfo => {
            let user = world.logged_in().unwrap();
            edit(&world.op, On::UserInfo, name, value, right);
            world.userinfo(&user).map(drop).map_err(|refusal| refusal.error.code())
        }
        IdTokenHeader | IdToken => {
            let is_header = document == IdTokenHeader;
            world.op.edit_id_token(move |token| edit_token(token, is_header, name, value, &right));
            log_in(world)
        }
        LogoutTokenHeader | LogoutToken => {
            let user = world.logged_in().unwrap();
            let party: RelyingParty = user.party.clone();
            let is_header = document == LogoutTokenHeader;
            world.op.edit_logout_token(move |token| edit_token(token, is_header, name, value, &right));
            let body = request(&world, &party);
            take(&mut world, &party, &body).map(drop).map_err(refused)
        }
    }
}

fn refuse(op: &testing::Provider, on: On, error: &str) {
    let body: &'static str = format!(r#"{{"error":"{error}"}}"#).leak();
    crate::hostile::transport::respond(op, on, 400, "application/json", body);
}

/// Whether the provider's verdict was read.
fn is_verdict<T>(outcome: Result<T, Refusal>, verdict: ErrorCode) -> Result<(), ErrorCode> {
    match outcome.err().unwrap().error.code() {
        code if code == verdict => Ok(()),
        code => Err(code),
    }
}

fn check(documents: &[Document]) {
    let mut wrong = Vec::new();
    for &document in documents {
        for (name, right) in members(document) {
            for value in VALUES {
                let listed = match value {
                    TWICE => !may_stand_twice(document, name),
                    value => REFUSED
                        .iter()
                        .any(|(own, member, values, _)| *own == document && *member == name && values.contains(&value)),
                };
                let taken = is_taken(document, name, value, right.clone());
                if taken.is_ok() == listed {
                    wrong.push(format!("{document:?} {name} {value}: {taken:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not as listed:\n{}", wrong.join("\n"));
}

#[test]
fn odd_members_of_published_documents_are_passed_over_unless_listed() {
    check(PUBLISHED);
}

#[test]
fn odd_members_of_responses_are_passed_over_unless_listed() {
    check(RESPONSES);
}

#[test]
fn odd_members_of_verdicts_are_passed_over() {
    check(VERDICTS);
}

#[test]
fn odd_members_of_signed_tokens_are_passed_over_unless_listed() {
    check(SIGNED);
}

#[test]
fn every_listed_member_is_one() {
    let known: BTreeSet<(Document, &str)> = DOCUMENTS
        .concat()
        .into_iter()
        .flat_map(|document| members(document).into_iter().map(move |(name, _)| (document, name)))
        .collect();
    for (document, name, values, reason) in REFUSED {
        assert!(known.contains(&(*document, *name)) && values.iter().all(|value| VALUES.contains(value)), "{name}");
        assert!(!reason.is_empty() && !values.is_empty(), "{name}");
    }
    for (document, names) in UNREAD {
        assert!(names.iter().all(|name| known.contains(&(*document, *name))), "{document:?} {names:?}");
    }
}
