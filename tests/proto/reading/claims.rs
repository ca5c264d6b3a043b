//! Claims and members that nobody asked about, and what becomes of them when somebody does.

use std::time::Duration;

use oidc_proto::testing::{self, On};
use oidc_proto::{Deviation, EndSessionRequest, Error, ErrorCode, ProviderOptions, Scope};
use serde_json::{Value, json};

use crate::hostile::world::{At, World};

fn claim(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_id_token(move |token| token.claim(name, value.clone()));
}

#[test]
fn unreadable_claims_that_nobody_asked_for_are_passed_over() {
    for (name, value) in [
        ("tid", json!(42)),
        ("sid", json!(42)),
        ("acr", json!(1)),
        ("acr", json!({ "values": ["a"] })),
        ("acr", json!(["a"])),
        ("auth_time", json!("1700000000")),
        ("auth_time", json!(1_700_000_000_000_u64)),
        ("auth_time", json!(-1)),
        ("auth_time", json!("2026-01-01T00:00:00Z")),
    ] {
        let mut world = World::new();
        claim(&world.op, name, value.clone());
        let user = world.logged_in().unwrap();
        let id_token = user.tokens.id_token().unwrap();
        let is_absent = match name {
            "acr" => id_token.acr().is_none(),
            "auth_time" => id_token.auth_time().is_none(),
            _ => id_token.session_id().is_none(),
        };
        assert!(is_absent, "{name} {value}");
        world.refresh(&user).unwrap();
    }
}

#[test]
fn unreadable_claims_that_were_asked_for_are_refused_by_name() {
    type Ask = fn(World) -> World;
    let max_age: Ask = |world| World { request: world.request.clone().with_max_age(Duration::from_secs(60)), ..world };
    let acr: Ask = |world| World { request: world.request.clone().with_acr_values(["a"]), ..world };
    for (name, value, ask, code) in [
        ("auth_time", json!("1700000000"), max_age, ErrorCode::ID_TOKEN_MISSING_CLAIM),
        ("acr", json!(["a"]), acr, ErrorCode::ID_TOKEN_ACR),
    ] {
        let mut world = ask(World::new());
        claim(&world.op, name, value);
        let refusal = world.logged_in().err().unwrap();
        assert_eq!((refusal.what(), refusal.error.field()), ((At::Verification, code), Some(name)));
    }
}

/// A template of issuers asks for `tid`.
#[test]
fn a_tenant_that_cannot_be_read_is_refused_where_a_template_needs_it() {
    const COMMON: &str = "https://login.example.org/common/v2.0";
    for tid in [json!(42), json!(["t1"]), json!({ "t1": 1 }), json!(null)] {
        let mut world = World { op: testing::Provider::new(COMMON), issuer: COMMON.to_owned(), ..World::new() };
        world.options = world.options.with_deviation(Deviation::TenantIssuer);
        world.op.edit_json(On::ServerMetadata, |object| {
            object.insert("issuer".into(), json!("https://login.example.org/{tenantid}/v2.0"));
            object.remove("authorization_response_iss_parameter_supported");
        });
        world.op.edit_callback(|callback| callback.remove("iss"));
        let value = tid.clone();
        world.op.edit_id_token(move |token| {
            token.claim("iss", "https://login.example.org/42/v2.0");
            token.claim("tid", value.clone());
        });
        let refusal = world.logged_in().err().unwrap();
        assert_eq!(refusal.what(), (At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH), "{tid}");
    }
}

#[test]
fn userinfo_is_read_for_its_subject_alone() {
    for (name, value) in [("aud", json!(7)), ("iss", json!({})), ("tid", json!(7)), ("address", json!("x"))] {
        let mut world = World::new();
        world.op.edit_json(On::UserInfo, move |object| drop(object.insert(name.into(), value.clone())));
        let user = world.logged_in().unwrap();
        world.userinfo(&user).unwrap();
    }
}

#[test]
fn a_name_twice_inside_a_claim_is_passed_over() {
    let mut world = World::new();
    world.op.edit_id_token(|token| {
        let honest = Value::Object(token.claims.clone()).to_string();
        token.claims_text = honest.strip_suffix('}').map(|open| format!(r#"{open},"groups":{{"a":1,"a":2}}}}"#));
    });
    world.logged_in().unwrap();
}

/// Never contacted, and named when somebody wants it.
#[test]
fn an_optional_endpoint_that_is_not_usable_counts_as_absent() {
    type Want = fn(&mut World) -> Error;
    let wants: [(&str, On, ErrorCode, Want); 6] = [
        ("registration_endpoint", On::Register, ErrorCode::REGISTRATION_UNSUPPORTED, |world| {
            world.login().err().unwrap().error
        }),
        ("userinfo_endpoint", On::UserInfo, ErrorCode::USERINFO_UNSUPPORTED, |world| {
            let user = world.logged_in().unwrap();
            world.userinfo(&user).err().unwrap().error
        }),
        ("revocation_endpoint", On::Revoke, ErrorCode::REVOCATION_UNSUPPORTED, |world| {
            let user = world.logged_in().unwrap();
            world.revoke(&user).err().unwrap().error
        }),
        ("end_session_endpoint", On::EndSession, ErrorCode::END_SESSION_UNSUPPORTED, |world| {
            let user = world.logged_in().unwrap();
            world.sign_out(&user).err().unwrap().error
        }),
        ("pushed_authorization_request_endpoint", On::Par, ErrorCode::PAR_UNSUPPORTED, |world| {
            world.pushes = true;
            world.login().err().unwrap().error
        }),
        ("device_authorization_endpoint", On::DeviceAuthorization, ErrorCode::DEVICE_UNSUPPORTED, |world| {
            let party = world.party().unwrap();
            let step = party.authorize_device(Scope::new("openid").unwrap(), &mut world.env);
            step.err().unwrap()
        }),
    ];
    for (name, on, code, want) in wants {
        let fragment = (on != On::EndSession).then_some("https://op.example.org/#/x");
        let urls = ["", "/logout", "http://op.example.org/x", "javascript:alert(1)", "javascript:alert(1)#x"];
        for url in urls.into_iter().chain(fragment) {
            let mut world = World::new();
            world.op.edit_json(On::ServerMetadata, move |object| drop(object.insert(name.into(), json!(url))));
            let error = want(&mut world);
            assert_eq!((error.code(), error.field(), world.op.count(on)), (code, Some(name), 0), "{url}");
            assert!(error.found().is_some());
            let provider = world.discover().unwrap();
            let unusable: Vec<_> = provider.metadata().unusable().map(|(own, error)| (own, error.code())).collect();
            assert_eq!(unusable, [(name, ErrorCode::METADATA_URL)]);
        }
    }
}

#[test]
fn odd_lists_in_metadata_are_read_for_what_they_hold() {
    for (name, value) in [
        ("response_types_supported", json!(["code", null])),
        ("response_types_supported", json!("code")),
        ("response_types_supported", Value::Null),
        ("prompt_values_supported", json!("login")),
        ("token_endpoint_auth_methods_supported", json!(["none", 7, {}])),
        ("code_challenge_methods_supported", json!("S256")),
        ("dpop_signing_alg_values_supported", json!({})),
    ] {
        let mut world = World::new();
        world.op.edit_json(On::ServerMetadata, move |object| drop(object.insert(name.into(), value.clone())));
        world.logged_in().unwrap();
    }
}

/// A page with a fragment is opened by a browser alone.
#[test]
fn an_end_session_endpoint_may_have_a_fragment() {
    let mut world = World::new();
    world.op.edit_json(On::ServerMetadata, |object| {
        object.insert("end_session_endpoint".into(), json!("https://op.example.org/?a=b#/log out"));
    });
    let user = world.logged_in().unwrap();
    let (url, _) = user.party.end_session(EndSessionRequest::new(), &mut world.env).unwrap();
    let (start, end) =
        (url.as_str().starts_with("https://op.example.org/?a=b&client_id="), url.as_str().split_once('#'));
    assert!(start && end.is_some_and(|(_, fragment)| fragment == "/log%20out"), "{}", url.as_str());
}

/// The same.
#[test]
fn a_verification_uri_may_have_a_fragment() {
    let mut world = World::new().allowing_devices();
    world.op.edit_json(On::DeviceAuthorization, |object| {
        object.insert("verification_uri".into(), json!("https://op.example.org/#/device"));
        object.insert("verification_uri_complete".into(), json!("javascript:alert(1)"));
    });
    let party = world.party().unwrap();
    let pending = world.device(&party).unwrap();
    assert_eq!(pending.verification_uri(), "https://op.example.org/#/device");
    assert_eq!(pending.verification_uri_complete(), None);
    let stored = serde_json::to_string(&pending).unwrap();
    assert!(oidc_proto::PendingDevice::from_json(&stored).is_ok());
}

/// One table: names, parsing and what `--accept` lists.
#[test]
fn every_deviation_is_found_by_its_name() {
    use oidc_proto::Word as _;
    for deviation in Deviation::ALL {
        assert_eq!(Deviation::from_name(deviation.name()), Some(*deviation));
        assert!(ProviderOptions::new().with_deviation(*deviation).accepts(*deviation));
        assert!(!ProviderOptions::new().accepts(*deviation));
        assert!(deviation.about().ends_with('.'), "{}", deviation.name());
    }
}
