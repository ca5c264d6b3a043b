//! From what a user typed in to the homeserver and its provider.

use std::cell::RefCell;
use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use oidc_proto::UnknownFields;
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient as _, from_fn};
use oidc_proto::matrix::{
    AccountAction, Address, AuthServer, DeviceId, HomeserverDiscovery, LoginRequest, MetadataSource, ScopeForm,
    Support, SupportCheck,
};
use oidc_proto::testing::{Disturbance, On, OnMatrix, RequestTo};
use oidc_proto::{Body, Env as _, ErrorCode, Freshness, Schemes};
use serde_json::{Value, json};

use crate::matrix::world::*;

#[test]
fn a_homeserver_is_found_by_what_a_user_types_in() {
    use OnMatrix::{Versions, WellKnown};
    for (text, asked) in [
        ("example.org", &[WellKnown, Versions][..]),
        (" @joe:example.org ", &[WellKnown, Versions]),
        ("https://matrix.example.org", &[Versions]),
        ("https://matrix.example.org/", &[Versions]),
        // The name itself, since its host has no such document.
        ("matrix.example.org", &[OnMatrix::Elsewhere, Versions]),
        // No homeserver there, but the name of one.
        ("https://example.org", &[OnMatrix::Elsewhere, WellKnown, Versions]),
    ] {
        let mut world = World::new();
        let found = world.find(text).unwrap();
        assert_eq!(found.homeserver.as_str(), HOMESERVER, "{text}");
        assert!(found.versions.contains(&"v1.18".to_owned()));
        assert_eq!(world.asked(), asked, "{text}");
    }
}

/// As deployed clients do. The user is told.
#[test]
fn a_broken_document_leads_to_the_name_itself_with_a_warning() {
    let say = |text: &'static str| move |response: &mut Response<Vec<u8>>| *response.body_mut() = text.into();
    for (document, code) in [
        ("<html>", ErrorCode::JSON_SYNTAX),
        ("{}", ErrorCode::HOMESERVER_WELL_KNOWN),
        (r#"{"m.homeserver":{"base_url":"http://matrix.example.org"}}"#, ErrorCode::HOMESERVER_WELL_KNOWN),
    ] {
        // The homeserver is at its server's name; or it is not, and the document is what is wrong.
        for is_there in [true, false] {
            let mut world = World::new();
            let base_url = if is_there { "https://example.org" } else { HOMESERVER };
            world.hs = oidc_proto::testing::Homeserver::new(base_url, SERVER_NAME, world.hs.provider().clone());
            world.hs.tamper(OnMatrix::WellKnown, say(document));
            match world.find("example.org") {
                Ok(found) => {
                    assert!(is_there);
                    assert_eq!(found.homeserver.as_str(), base_url);
                    assert_eq!(found.warning.unwrap().code(), code);
                }
                Err(error) => assert_eq!((is_there, error.code()), (false, code)),
            }
        }
    }
    let mut world = World::new();
    world.hs = oidc_proto::testing::Homeserver::new("https://example.org", SERVER_NAME, world.hs.provider().clone());
    assert_eq!(world.find("example.org").unwrap().warning, None);
    world.hs.disturb(OnMatrix::WellKnown, Disturbance::Timeout, 1);
    assert_eq!(world.find("example.org").unwrap().warning.unwrap().code(), ErrorCode::TRANSPORT_TIMEOUT);
}

/// For development, by name.
#[test]
fn http_on_a_private_network_is_a_choice() {
    for host in [
        "10.0.2.2",
        "192.168.1.5",
        "172.16.0.1",
        "169.254.1.1",
        "mac.local",
        "synapse",
        "[fd00::1]",
        "[fe80::1]",
        "localhost",
    ] {
        let url = format!("http://{host}:8008");
        let new = |schemes| oidc_proto::matrix::Homeserver::new(&url, schemes);
        let homeserver = new(Schemes::DangerousHttpOnPrivateNetwork).unwrap();
        let stored = serde_json::to_string(&homeserver).unwrap();
        assert_eq!(serde_json::from_str::<oidc_proto::matrix::Homeserver>(&stored).unwrap(), homeserver);
        assert_eq!(what(new(Schemes::HttpsOnly)).0, ErrorCode::URL_SCHEME);
        assert_eq!(new(Schemes::DangerousHttpOnLoopback).is_ok(), host == "localhost");
    }
    for host in ["example.org", "8.8.8.8", "172.32.0.1", "local.example.org", "[2001:db8::1]", "evil-local.org"] {
        let homeserver =
            oidc_proto::matrix::Homeserver::new(&format!("http://{host}"), Schemes::DangerousHttpOnPrivateNetwork);
        assert_eq!(what(homeserver).0, ErrorCode::URL_SCHEME, "{host}");
    }
}

#[test]
fn metadata_are_found_by_the_whole_chain() {
    use OnMatrix::{AuthIssuer, AuthMetadata, AuthMetadataUnstable};
    for (missing, source, form) in [
        (&[][..], Some(MetadataSource::Stable), Some(ScopeForm::Stable)),
        (&[AuthMetadata], Some(MetadataSource::Unstable), Some(ScopeForm::Unstable)),
        (&[AuthMetadata, AuthMetadataUnstable], Some(MetadataSource::Issuer), Some(ScopeForm::Unstable)),
        (&[AuthMetadata, AuthMetadataUnstable, AuthIssuer], None, None),
    ] {
        let mut world = World::with(|hs| missing.iter().fold(hs, |hs, &on| hs.without(on)));
        let (found, at_provider) = match world.support().unwrap() {
            Support::Supported(server) => {
                assert_eq!(server.provider.issuer().as_str(), ISSUER);
                assert!(server.freshness.fresh_until.is_some() && server.creates_accounts());
                (Some((server.source, server.scope_form())), server.source == MetadataSource::Issuer)
            }
            Support::NotSupported => (None, false),
        };
        assert_eq!(found, source.zip(form));
        assert_eq!(world.asked(), [AuthMetadata, AuthMetadataUnstable, AuthIssuer][..(missing.len() + 1).min(3)]);
        assert_eq!(world.hs.provider().count(On::ServerMetadata), usize::from(at_provider));
    }
}

/// `Cache-Control` at any place of the chain.
#[test]
fn the_homeserver_says_how_long_its_metadata_are_fresh() {
    const DAY: Duration = Duration::from_secs(86_400);
    for (value, fresh, stale) in [
        (Some("max-age=600"), Duration::from_secs(599), Duration::from_secs(600)),
        (Some("public, max-age=0"), Duration::ZERO, Duration::ZERO),
        (Some("no-store"), Duration::ZERO, Duration::ZERO),
        // Nothing said: the caller's choice.
        (None, DAY - Duration::from_secs(1), DAY),
    ] {
        for missing in [&[][..], &[OnMatrix::AuthMetadata]] {
            let mut world = World::with(|hs| missing.iter().fold(hs, |hs, &on| hs.without(on)));
            for on in [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable] {
                world.hs.tamper(on, move |response| {
                    response.headers_mut().remove(header::CACHE_CONTROL);
                    response.headers_mut().extend(value.map(|value| (header::CACHE_CONTROL, value.parse().unwrap())));
                });
            }
            let (now, freshness) = (world.env.now(), world.server().freshness);
            assert_eq!(freshness.is_stale(now.saturating_add(fresh), DAY), fresh == stale, "{value:?}");
            assert!(freshness.is_stale(now.saturating_add(stale), DAY), "{value:?}");
        }
    }
}

/// A login in another process, with the metadata and the registration of this one: two requests.
#[test]
fn metadata_can_be_stored() {
    let missing = [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable];
    for gone in 0..=missing.len() {
        let mut world = World::with(|hs| missing.iter().take(gone).fold(hs, |hs, &on| hs.without(on)));
        world.options = world.options.with_unknown_fields(UnknownFields::Keep);
        let server = world.server();
        world.party(&server).unwrap();
        let metadata = server.provider.metadata();
        let document = metadata.fields.as_ref().unwrap().read::<Value>().unwrap();
        let stored = serde_json::to_string(&(document, server.source, server.freshness)).unwrap();
        assert!(stored.contains(&format!("\"{}\"", server.source.as_str())));

        let (document, source, freshness): (Value, MetadataSource, Freshness) = serde_json::from_str(&stored).unwrap();
        assert!(!freshness.is_stale(world.env.now(), Duration::ZERO));
        let (document, asked) = (document.to_string(), world.hs.requests().len());
        let at = server.homeserver.clone();
        let again = AuthServer::parse(document.as_bytes(), at, source, None, world.options, freshness).unwrap();
        assert_eq!((again.scope_form(), again.account.is_some()), (server.scope_form(), server.account.is_some()));
        let begun = world.begin_at(&again, LoginRequest::new()).unwrap();
        world.finish(begun).unwrap().logged_in().unwrap();
        assert_eq!(
            world.hs.requests()[asked..],
            [RequestTo::Provider(On::Token), RequestTo::Homeserver(OnMatrix::Whoami)]
        );
    }
}

#[test]
fn no_api_is_a_response_and_anything_else_a_failure() {
    for (say, expected) in [
        ((OnMatrix::AuthMetadata, Disturbance::status(500)), (ErrorCode::HTTP_SERVER_ERROR, "auth_metadata")),
        ((OnMatrix::AuthMetadata, Disturbance::status(403)), (ErrorCode::HTTP_STATUS, "auth_metadata")),
        ((OnMatrix::AuthMetadata, Disturbance::Redirect), (ErrorCode::HTTP_REDIRECT, "auth_metadata")),
        ((OnMatrix::AuthMetadata, Disturbance::Timeout), (ErrorCode::TRANSPORT_TIMEOUT, "auth_metadata")),
        ((OnMatrix::AuthMetadataUnstable, Disturbance::status(400)), (ErrorCode::HTTP_STATUS, "auth_metadata")),
        ((OnMatrix::AuthIssuer, Disturbance::LoginPage), (ErrorCode::HTTP_CONTENT_TYPE, "auth_issuer")),
        ((OnMatrix::AuthIssuer, Disturbance::Unreachable), (ErrorCode::TRANSPORT_UNREACHABLE, "auth_issuer")),
    ] {
        let (on, fault) = say;
        let chain = [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable, OnMatrix::AuthIssuer];
        let before = chain.into_iter().take_while(|&step| step != on);
        let mut world = World::with(|hs| before.fold(hs, |hs, step| hs.without(step)));
        world.hs.disturb(on, fault.clone(), 1);
        assert_eq!(what(world.support()), (expected.0, Some(expected.1)), "{on:?} {fault:?}");
    }
    // 404 says it even without an error object, as some proxies answer.
    let mut world = World::new();
    for on in [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable, OnMatrix::AuthIssuer] {
        world.hs.disturb(on, Disturbance::status(404), 1);
    }
    let support = world.support().unwrap();
    assert!(matches!(support, Support::NotSupported));
    assert_eq!(support.supported().unwrap_err().code(), ErrorCode::MATRIX_UNSUPPORTED);
}

#[test]
fn the_homeserver_names_its_provider_and_the_provider_itself() {
    let no_metadata = |hs: oidc_proto::testing::Homeserver| {
        hs.without(OnMatrix::AuthMetadata).without(OnMatrix::AuthMetadataUnstable)
    };
    // By the older way the provider has to agree.
    let mut world = World::with(no_metadata);
    world.hs.edit_json(OnMatrix::AuthIssuer, |o| drop(o.insert("issuer".into(), json!(format!("{ISSUER}/")))));
    assert_eq!(what(world.support()), (ErrorCode::METADATA_ISSUER_MISMATCH, Some("issuer")));

    let mut world = World::with(no_metadata);
    world.hs.provider().disturb(On::ServerMetadata, Disturbance::status(404), 1);
    assert_eq!(what(world.support()), (ErrorCode::METADATA_NOT_FOUND, Some("openid_configuration")));
}

#[test]
fn what_matrix_demands_of_a_provider_is_checked() {
    let remove: fn(&mut serde_json::Map<String, Value>, &str) = |o, name| drop(o.remove(name));
    for name in [
        "registration_endpoint",
        "response_types_supported",
        "response_modes_supported",
        "account_management_uri",
        "jwks_uri",
    ] {
        let mut world = World::new();
        world.hs.edit_json(OnMatrix::AuthMetadata, move |o| remove(o, name));
        assert!(world.support().is_ok(), "{name}");
    }
    for (name, code) in [
        ("issuer", ErrorCode::METADATA_MISSING_FIELD),
        ("authorization_endpoint", ErrorCode::METADATA_MISSING_FIELD),
        ("token_endpoint", ErrorCode::METADATA_MISSING_FIELD),
        ("revocation_endpoint", ErrorCode::METADATA_MISSING_FIELD),
        ("grant_types_supported", ErrorCode::METADATA_UNSUPPORTED),
        ("code_challenge_methods_supported", ErrorCode::METADATA_UNSUPPORTED),
    ] {
        let mut world = World::new();
        world.hs.edit_json(OnMatrix::AuthMetadata, move |o| remove(o, name));
        assert_eq!(what(world.support()), (code, Some(name)));
    }
    for (name, value, code) in [
        ("issuer", json!("http://account.example.org"), ErrorCode::METADATA_URL),
        ("issuer", json!("https://account.example.org?a"), ErrorCode::METADATA_URL),
        ("token_endpoint", json!("http://account.example.org/token"), ErrorCode::METADATA_URL),
        ("response_types_supported", json!(["token"]), ErrorCode::METADATA_UNSUPPORTED),
        ("response_modes_supported", json!(["query"]), ErrorCode::METADATA_UNSUPPORTED),
        ("response_modes_supported", json!([]), ErrorCode::METADATA_UNSUPPORTED),
        ("grant_types_supported", json!(["authorization_code"]), ErrorCode::METADATA_UNSUPPORTED),
    ] {
        let mut world = World::new();
        world.hs.edit_json(OnMatrix::AuthMetadata, move |o| drop(o.insert(name.into(), value.clone())));
        assert_eq!(what(world.support()), (code, Some(name)));
    }
    // A page that is not usable is none.
    for value in [json!("javascript:alert(1)"), json!(7)] {
        let mut world = World::new();
        world.hs.edit_json(OnMatrix::AuthMetadata, move |o| {
            o.insert("account_management_uri".into(), value.clone());
        });
        assert!(world.support().is_ok());
    }
    let mut world = World::new();
    world.hs.edit_json(OnMatrix::AuthMetadata, |o| {
        o.insert("code_challenge_methods_supported".into(), json!(["plain"]));
    });
    assert_eq!(
        what(world.support()),
        (ErrorCode::METADATA_PKCE_WITHOUT_S256, Some("code_challenge_methods_supported"))
    );
}

/// Each response on the way to the homeserver, and what is wrong with it.
#[test]
fn nonsense_on_the_way_names_the_request_that_it_answers() {
    let put = |name: &'static str, value: Value| {
        move |o: &mut serde_json::Map<String, Value>| drop(o.insert(name.into(), value.clone()))
    };
    for (value, name) in [
        (json!(null), "m.homeserver.base_url"),
        (json!({}), "m.homeserver.base_url"),
        (json!({ "base_url": "" }), "m.homeserver.base_url"),
        (json!({ "base_url": "matrix.example.org" }), "m.homeserver.base_url"),
        (json!({ "base_url": "http://matrix.example.org" }), "m.homeserver.base_url"),
        (json!({ "base_url": "file:///etc/passwd" }), "m.homeserver.base_url"),
        (json!({ "base_url": "https://matrix.example.org?a=" }), "m.homeserver.base_url"),
    ] {
        let mut world = World::new();
        world.hs.edit_json(OnMatrix::WellKnown, put("m.homeserver", value.clone()));
        assert_eq!(what(world.find(SERVER_NAME)), (ErrorCode::HOMESERVER_WELL_KNOWN, Some(name)), "{value}");
    }
    for (on, request) in [(OnMatrix::WellKnown, "well_known"), (OnMatrix::Versions, "versions")] {
        for (fault, code) in [
            (Disturbance::status(500), ErrorCode::HTTP_SERVER_ERROR),
            (Disturbance::status(403), ErrorCode::HTTP_STATUS),
            (Disturbance::LoginPage, ErrorCode::HTTP_CONTENT_TYPE),
            (Disturbance::Truncated, ErrorCode::JSON_SYNTAX),
            (Disturbance::Garbage, ErrorCode::JSON_SYNTAX),
            (Disturbance::EmptyBody, ErrorCode::JSON_SYNTAX),
            (Disturbance::DeepNesting, ErrorCode::JSON_TOO_DEEP),
            (Disturbance::DuplicateName, ErrorCode::JSON_DUPLICATE_NAME),
            (Disturbance::Oversized, ErrorCode::HTTP_BODY_TOO_LARGE),
            (Disturbance::Timeout, ErrorCode::TRANSPORT_TIMEOUT),
            (Disturbance::Unreachable, ErrorCode::TRANSPORT_UNREACHABLE),
        ] {
            let mut world = World::new();
            world.hs.disturb(on, fault.clone(), 1);
            assert_eq!(what(world.find(SERVER_NAME)), (code, Some(request)), "{fault:?}");
        }
        let mut world = World::new();
        world.hs.disturb(on, Disturbance::ByteOrderMark, 1);
        assert!(world.find(SERVER_NAME).is_ok());
    }
    for (versions, code) in [
        (json!([]), ErrorCode::HOMESERVER_VERSIONS),
        (json!(null), ErrorCode::HOMESERVER_VERSIONS),
        (json!("v1.1"), ErrorCode::JSON_TYPE),
        (json!([1]), ErrorCode::JSON_TYPE),
    ] {
        let mut world = World::new();
        world.hs.edit_json(OnMatrix::Versions, put("versions", versions));
        assert_eq!(what(world.find(SERVER_NAME)), (code, Some("versions")));
    }
    let nowhere = |text: &str| {
        let mut world = World::new();
        for on in [OnMatrix::WellKnown, OnMatrix::Versions] {
            world.hs.disturb(on, Disturbance::status(404), 9);
        }
        what(world.find(text))
    };
    for text in ["matrix.example.org", HOMESERVER] {
        assert_eq!(nowhere(text), (ErrorCode::HOMESERVER_NOT_FOUND, Some("versions")), "{text}");
    }
}

/// Hosts send their visitors on, `example.org` to `www.example.org`: up to three times, by any status that says so, to what
/// may be asked at all.
#[test]
fn redirects_of_the_well_known_document_are_followed() {
    const THERE: &str = "https://example.org/.well-known/matrix/client";
    let find = |status: u16, redirects: &[Option<&str>]| {
        let mut world = World::new();
        let clock = world.env.clock().clone();
        let (redirects, hs) = (RefCell::new(redirects.iter()), world.hs.http(&clock));
        let http = BlockingDriver::new(from_fn(move |request: Request<Body>, policy| {
            assert!(request.headers().get(header::AUTHORIZATION).is_none());
            let Some(location) = redirects.borrow_mut().next() else { return hs.call(request, policy) };
            let mut response = Response::new(Vec::new());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(location) = location {
                response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
            }
            Ok(response)
        }));
        let address = Address::parse("other.example.org", Schemes::HttpsOnly).unwrap();
        let step = HomeserverDiscovery::start(address, Schemes::HttpsOnly).unwrap();
        http.run(step, &mut world.env).map(|found| found.homeserver.as_str().to_owned())
    };
    for status in [301, 302, 303, 307, 308] {
        assert_eq!(find(status, &[Some(THERE)]).unwrap(), HOMESERVER);
    }
    assert_eq!(find(302, &[Some("/a"), Some("b?c"), Some(THERE)]).unwrap(), HOMESERVER);
    for (status, redirects) in [
        (302, &[Some("/a"), Some("/b"), Some("/c"), Some(THERE)][..]),
        (302, &[None]),
        (300, &[Some(THERE)]),
        (304, &[Some(THERE)]),
    ] {
        assert_eq!(
            what(find(status, redirects)),
            (ErrorCode::HTTP_REDIRECT, Some("well_known")),
            "{status} {redirects:?}"
        );
    }
    for location in ["http://example.org/", "https://u:p@example.org/", "https://example.org/#a", "javascript:a", "//"]
    {
        assert_eq!(
            what(find(302, &[Some(location)])),
            (ErrorCode::HOMESERVER_WELL_KNOWN, Some("Location")),
            "{location}"
        );
    }
    // Nothing else is followed, at the same server.
    let mut world = World::new();
    world.hs.disturb(OnMatrix::Versions, Disturbance::Redirect, 1);
    assert_eq!(what(world.find(SERVER_NAME)), (ErrorCode::HTTP_REDIRECT, Some("versions")));
}

#[test]
fn one_call_tells_how_one_logs_in() {
    let mut world = World::new();
    let options = world.options;
    let address = |text| Address::parse(text, Schemes::HttpsOnly).unwrap();
    let checkup = world.run(SupportCheck::start(address(SERVER_NAME), options)).unwrap();
    assert_eq!(checkup.found.homeserver.as_str(), HOMESERVER);
    assert_eq!(checkup.support.supported().unwrap().provider.issuer().as_str(), ISSUER);

    let chain = [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable, OnMatrix::AuthIssuer];
    let mut world = World::with(|hs| chain.into_iter().fold(hs, |hs, on| hs.without(on)));
    let checkup = world.run(SupportCheck::start(address(HOMESERVER), options)).unwrap();
    assert!(matches!(checkup.support, Support::NotSupported));
    world.hs.disturb(OnMatrix::Versions, Disturbance::status(StatusCode::BAD_GATEWAY.as_u16()), 1);
    assert_eq!(
        what(world.run(SupportCheck::start(address(HOMESERVER), options))),
        (ErrorCode::HTTP_SERVER_ERROR, Some("versions"))
    );
}

#[test]
fn the_account_page_is_asked_for_what_it_says_it_can() {
    let device = DeviceId::new("ABCDEFGHIJ").unwrap();
    let page = "https://account.example.org/account?from=matrix";
    for (mut world, name) in [
        (World::new(), "org.matrix.device_delete"),
        (World::with(|hs| hs.with_older_action_names()), "org.matrix.session_end"),
    ] {
        let account = world.server().account.clone().unwrap();
        assert_eq!(account.url(None, None), page);
        let url = account.url(Some(AccountAction::DeviceDelete), Some(&device));
        assert_eq!(url, format!("{page}&action={name}&device_id=ABCDEFGHIJ"));
        assert!(account.supports(AccountAction::DeviceDelete));
    }
}
