//! Discovery: metadata that are someone else's, unusable, or not metadata at all.

use oidc_proto::flow::ServerMetadataFetch;
use oidc_proto::testing::{self, Lie, On};
use oidc_proto::{Deviation, UnknownFields};
use oidc_proto::{Error, ErrorCode, Issuer, Provider, ProviderOptions, RelyingParty, Schemes, Scope};
use oidc_proto::{ServerMetadata, WellKnown};
use serde_json::json;

use crate::hostile::world::{At, Row, Say, World, pardons, refusals};

#[rustfmt::skip]
const REFUSED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::MetadataIssuerOther), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataIssuerSlash), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataText("issuer", "https://OP.example.org")), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataText("issuer", "https://op.example.org:443")), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataText("issuer", "https://op.example.org?")), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataText("issuer", "https://op.example.org#")), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataText("issuer", " https://op.example.org")), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataText("issuer", "https://{tenantid}")), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataText("issuer", "")), ErrorCode::METADATA_ISSUER_MISMATCH),
    (Say::Lie(Lie::MetadataPkceWithoutS256), ErrorCode::METADATA_PKCE_WITHOUT_S256),
    (Say::Edit("an unknown PKCE method", |op| put(op, "code_challenge_methods_supported", json!(["S512"]))), ErrorCode::METADATA_PKCE_WITHOUT_S256),
    (Say::Edit("S256 in small letters", |op| put(op, "code_challenge_methods_supported", json!(["s256"]))), ErrorCode::METADATA_PKCE_WITHOUT_S256),
    (Say::Lie(Lie::MetadataList), ErrorCode::JSON_TYPE),
    (Say::Lie(Lie::MetadataAbsent("issuer")), ErrorCode::METADATA_MISSING_FIELD),
    (Say::Lie(Lie::MetadataAbsent("token_endpoint")), ErrorCode::METADATA_MISSING_FIELD),
    (Say::Lie(Lie::MetadataAbsent("jwks_uri")), ErrorCode::METADATA_MISSING_FIELD),
    (Say::Lie(Lie::MetadataNull("issuer")), ErrorCode::METADATA_MISSING_FIELD),
    (Say::Lie(Lie::MetadataNull("token_endpoint")), ErrorCode::METADATA_MISSING_FIELD),
    (Say::Lie(Lie::MetadataNull("jwks_uri")), ErrorCode::METADATA_MISSING_FIELD),
    (Say::Edit("booleans in words", |op| put(op, "authorization_response_iss_parameter_supported", json!("true"))), ErrorCode::JSON_TYPE),
    (Say::Edit("other words for booleans", |op| put(op, "authorization_response_iss_parameter_supported", json!("yes"))), ErrorCode::JSON_TYPE),
    (Say::Edit("an object for an endpoint", |op| put(op, "token_endpoint", json!({ "url": "https://op.example.org/token" }))), ErrorCode::METADATA_URL),
];

/// Members that are URLs and have to be there. The others count as absent: tests/proto/reading/claims.rs.
const ENDPOINTS: [&str; 2] = ["token_endpoint", "jwks_uri"];

/// What an endpoint may not be, and why.
const URLS: &[(&str, ErrorCode)] = &[
    ("http://op.example.org/x", ErrorCode::URL_SCHEME),
    ("http://127.0.0.1/x", ErrorCode::URL_SCHEME),
    ("file:///etc/passwd", ErrorCode::URL_SCHEME),
    ("data:application/json,{}", ErrorCode::URL_SCHEME),
    ("javascript:alert(1)", ErrorCode::URL_SCHEME),
    ("ws://op.example.org/x", ErrorCode::URL_SCHEME),
    ("https://user@op.example.org/x", ErrorCode::URL_USERINFO),
    ("https://user:password@op.example.org/x", ErrorCode::URL_USERINFO),
    ("https://:password@op.example.org/x", ErrorCode::URL_USERINFO),
    ("https://op.example.org/x#", ErrorCode::URL_FRAGMENT),
    ("https://op.example.org/x#fragment", ErrorCode::URL_FRAGMENT),
    ("/x", ErrorCode::URL_SYNTAX),
    ("op.example.org/x", ErrorCode::URL_SYNTAX),
    ("", ErrorCode::URL_SYNTAX),
    ("https://", ErrorCode::URL_SYNTAX),
    ("https://op.example.org:99999/x", ErrorCode::URL_SYNTAX),
    ("https://[::1/x", ErrorCode::URL_SYNTAX),
];

/// What an issuer may not be.
const ISSUERS: &[(&str, ErrorCode)] = &[
    ("https://op.example.org?tenant=1", ErrorCode::URL_QUERY),
    ("https://op.example.org?", ErrorCode::URL_QUERY),
    ("https://op.example.org#fragment", ErrorCode::URL_FRAGMENT),
    ("https://op.example.org#", ErrorCode::URL_FRAGMENT),
    ("https://user@op.example.org", ErrorCode::URL_USERINFO),
    ("http://op.example.org", ErrorCode::URL_SCHEME),
    ("http://localhost", ErrorCode::URL_SCHEME),
    ("op.example.org", ErrorCode::URL_SYNTAX),
    ("https:", ErrorCode::URL_SYNTAX),
    (" https://op.example.org", ErrorCode::URL_SYNTAX),
    ("https://op.example.org\n", ErrorCode::URL_SYNTAX),
    ("https://op.example.org/a\tb", ErrorCode::URL_SYNTAX),
    ("https://op.example.org/\u{1b}[2J", ErrorCode::URL_SYNTAX),
    ("https://op.example.org/\u{9b}2J", ErrorCode::URL_SYNTAX),
    ("https://op.example.org/\u{202e}gro", ErrorCode::URL_SYNTAX),
    ("https://op.example.org/\u{feff}", ErrorCode::URL_SYNTAX),
    ("https://op.example.org/\u{e0041}", ErrorCode::URL_SYNTAX),
];

/// What a provider may leave out or say beside.
#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::MetadataPkceAbsent),
    Say::Lie(Lie::MetadataAbsent("response_types_supported")),
    Say::Lie(Lie::MetadataNull("response_types_supported")),
    Say::Edit("a word for a list", |op| put(op, "response_types_supported", json!("code"))),
    Say::Edit("numbers in a list of words", |op| put(op, "response_types_supported", json!([1]))),
    Say::Lie(Lie::MetadataIssAbsent),
    Say::Lie(Lie::MetadataWeakAlgorithms),
    Say::Lie(Lie::MetadataNull("code_challenge_methods_supported")),
    Say::Lie(Lie::MetadataNull("id_token_signing_alg_values_supported")),
    Say::Lie(Lie::MetadataAbsent("scopes_supported")),
    Say::Lie(Lie::MetadataNumber("scopes_supported")),
    Say::Lie(Lie::MetadataNumber("a_field_of_tomorrow")),
    Say::Lie(Lie::MetadataNull("authorization_response_iss_parameter_supported")),
];

/// What is missing is told when it is needed.
const MISSED_LATER: &[(&str, At, ErrorCode)] = &[
    ("registration_endpoint", At::Registration, ErrorCode::REGISTRATION_UNSUPPORTED),
    ("userinfo_endpoint", At::Userinfo, ErrorCode::USERINFO_UNSUPPORTED),
    ("end_session_endpoint", At::Logout, ErrorCode::END_SESSION_UNSUPPORTED),
    ("revocation_endpoint", At::Revocation, ErrorCode::REVOCATION_UNSUPPORTED),
];

pub(crate) fn rows() -> Vec<Row> {
    let scenario = |code: &ErrorCode| (Say::Edit("told by a scenario", |_| {}), Some(*code));
    let tables = URLS.iter().chain(ISSUERS).map(|(_, code)| code).chain(MISSED_LATER.iter().map(|(.., code)| code));
    let own = [
        ErrorCode::METADATA_URL,
        ErrorCode::METADATA_NOT_FOUND,
        ErrorCode::METADATA_UNSUPPORTED,
        ErrorCode::AUTHORIZATION_NONCE_REQUIRED,
        ErrorCode::JSON_TYPE,
    ];
    let own = tables.chain(&own).map(scenario).collect::<Vec<_>>();
    refusals(REFUSED).chain(pardons(LIVED_WITH)).chain(own).collect()
}

fn put(op: &testing::Provider, name: &'static str, value: serde_json::Value) {
    op.edit_json(On::ServerMetadata, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

fn told(say: &Say) -> World {
    let world = World::new();
    say.to(&world.op);
    world
}

/// The code of what an error was made from.
fn cause(error: &Error) -> Option<ErrorCode> {
    std::error::Error::source(error)?.downcast_ref::<Error>().map(Error::code)
}

#[test]
fn metadata_out_of_order_are_refused_and_nothing_else_is_asked() {
    for (say, code) in REFUSED {
        let mut world = told(say);
        let refusal = world.discover().unwrap_err();
        assert_eq!(refusal.what(), (At::ServerMetadataFetch, *code), "{say:?}");
        assert_eq!(world.op.requests(), [On::ServerMetadata], "{say:?}");
    }
}

#[test]
fn no_endpoint_is_anything_but_an_https_url() {
    for name in ENDPOINTS {
        for (url, code) in URLS {
            let mut world = told(&Say::Lie(Lie::MetadataText(name, url)));
            let error = world.discover().unwrap_err().error;
            assert_eq!(
                (error.code(), error.field().or(error.endpoint()), cause(&error)),
                (ErrorCode::METADATA_URL, Some(name), Some(*code)),
                "{url}"
            );
        }
        let mut world = told(&Say::Lie(Lie::MetadataNumber(name)));
        assert_eq!(world.discover().unwrap_err().error.code(), ErrorCode::METADATA_URL, "{name}");
    }
}

/// A device grant needs none, so that only a login by browser fails for it.
#[test]
fn a_browser_is_sent_to_no_url_that_is_not_usable() {
    for (url, _) in URLS {
        let mut world = told(&Say::Lie(Lie::MetadataText("authorization_endpoint", url)));
        let party = world.party().unwrap();
        let error = party.authorize(world.request.clone(), &mut world.env).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            (ErrorCode::METADATA_UNSUPPORTED, Some("authorization_endpoint")),
            "{url}"
        );
        assert!(error.found().is_some(), "{url}");
    }
}

#[test]
fn an_issuer_is_a_bare_https_url() {
    for (text, code) in ISSUERS {
        let error = Issuer::new(text, Schemes::HttpsOnly).unwrap_err();
        assert_eq!((error.code(), error.field().or(error.endpoint())), (*code, Some("issuer")), "{text}");
    }
    for (text, allowed) in [
        ("http://localhost:8080", true),
        ("http://127.0.0.1", true),
        ("http://127.1.2.3", true),
        ("http://[::1]:8080", true),
        ("http://localhost.example.org", false),
        ("http://127.0.0.1.example.org", false),
        ("http://0.0.0.0", false),
        ("http://192.168.0.1", false),
        ("http://[::ffff:127.0.0.1]", false),
        ("ftp://localhost", false),
    ] {
        assert_eq!(Issuer::new(text, Schemes::DangerousHttpOnLoopback).is_ok(), allowed, "{text}");
    }
}

/// One slash makes another issuer, but not another document.
#[test]
fn a_trailing_slash_counts_in_the_comparison_and_not_in_the_address() {
    let mut world = World::new();
    world.issuer += "/";
    assert_eq!(world.discover().unwrap_err().error.code(), ErrorCode::METADATA_ISSUER_MISMATCH);
    assert!(world.sent[0].starts_with("GET https://op.example.org/.well-known/openid-configuration\n"));
    world.op.lie(Lie::MetadataIssuerSlash);
    assert_eq!(world.discover().unwrap().issuer().as_str(), "https://op.example.org/");
}

#[test]
fn what_may_be_missing_is_not_missed() {
    for say in LIVED_WITH {
        let mut world = told(say);
        assert!(world.course().is_ok(), "{say:?}");
    }
    for (name, at, code) in MISSED_LATER {
        for lie in [Lie::MetadataAbsent(name), Lie::MetadataNull(name)] {
            assert_eq!(told(&lie.into()).course().unwrap_err().what(), (*at, *code), "{lie:?}");
        }
    }
}

#[test]
fn without_advertised_pkce_there_is_a_nonce_or_no_login() {
    for (scope, expected) in [("openid", None), ("profile", Some(ErrorCode::AUTHORIZATION_NONCE_REQUIRED))] {
        let mut world = told(&Lie::MetadataPkceAbsent.into());
        world.request =
            oidc_proto::AuthorizationRequest::new(crate::hostile::world::redirect(), Scope::new(scope).unwrap());
        let login = world.login();
        assert_eq!(login.as_ref().err().map(|refusal| refusal.error.code()), expected);
        if let Ok(login) = login {
            assert!(login.url.as_str().contains("code_challenge_method=S256"));
            assert!(login.url.as_str().contains("&nonce="));
        }
    }
}

#[test]
fn a_provider_without_an_authorization_endpoint_cannot_be_logged_in_at() {
    let mut world = World::new();
    world.op.edit_json(On::ServerMetadata, |object| {
        object.remove("authorization_endpoint");
    });
    // The metadata are of use all the same, for grants without a browser.
    assert!(world.discover().is_ok());
    assert_eq!(world.login().err().unwrap().what(), (At::Request, ErrorCode::METADATA_UNSUPPORTED));
}

#[test]
fn the_other_document_is_asked_for_only_where_there_is_none_of_the_first_kind() {
    let asked = |world: &mut World, or_else| {
        let issuer = Issuer::new(&world.issuer, Schemes::HttpsOnly).unwrap();
        let form = WellKnown::OauthAuthorizationServer;
        let step = ServerMetadataFetch::start_with(issuer, ProviderOptions::new(), form, or_else);
        world.run(step).map(|_| ()).map_err(|error| error.code())
    };
    let other = Some(WellKnown::OpenIdConfiguration);
    for (status, or_else, expected, requests) in [
        (404, None, Err(ErrorCode::METADATA_NOT_FOUND), 1),
        (404, other, Ok(()), 2),
        (500, other, Err(ErrorCode::HTTP_SERVER_ERROR), 1),
        (302, other, Err(ErrorCode::HTTP_REDIRECT), 1),
        (403, other, Err(ErrorCode::HTTP_STATUS), 1),
    ] {
        let mut world = World::new();
        world.op.disturb(On::ServerMetadata, testing::Disturbance::status(status), 1);
        assert_eq!((asked(&mut world, or_else), world.op.count(On::ServerMetadata)), (expected, requests), "{status}");
    }
    // Nor does it go round.
    let mut world = World::new();
    world.op.disturb(On::ServerMetadata, testing::Disturbance::status(404), usize::MAX);
    assert_eq!(asked(&mut world, other), Err(ErrorCode::METADATA_NOT_FOUND));
    assert_eq!(world.op.count(On::ServerMetadata), 2);
}

#[test]
fn words_for_booleans_are_read_where_that_was_chosen() {
    for (word, read) in [("true", Some(true)), ("false", Some(false)), ("yes", None), ("True", None), ("", Some(false))]
    {
        let mut world = World::new();
        world.options = world.options.with_deviation(Deviation::StringBooleans);
        put(&world.op, "authorization_response_iss_parameter_supported", json!(word));
        let found = world.discover().map(|provider| provider.metadata().authorization_response_iss);
        assert_eq!(found.ok(), read, "{word}");
    }
}

#[test]
fn unknown_fields_are_kept_for_those_who_ask() {
    #[derive(serde::Deserialize)]
    struct Mine {
        a_field_of_tomorrow: Vec<String>,
    }
    for (unknown_fields, kept) in [(UnknownFields::Drop, false), (UnknownFields::Keep, true)] {
        let mut world = World::new();
        world.options = world.options.with_unknown_fields(unknown_fields);
        put(&world.op, "a_field_of_tomorrow", json!(["one"]));
        let provider = world.discover().unwrap();
        let mine = provider.metadata().fields.as_ref().map(|fields| fields.read::<Mine>().unwrap());
        assert_eq!(mine.map(|mine| mine.a_field_of_tomorrow), kept.then(|| vec!["one".to_owned()]));
    }
}

/// A template of an issuer, its tenant, and what the provider of `common` then signs: `iss` and `tid`.
#[test]
fn a_template_of_issuers_is_bound_to_the_tenant_claim() {
    const COMMON: &str = "https://login.example.org/common/v2.0";
    const TEMPLATE: &str = "https://login.example.org/{tenantid}/v2.0";
    for (template, iss, tid, expected) in [
        (TEMPLATE, "https://login.example.org/t1/v2.0", Some("t1"), Ok(())),
        (
            TEMPLATE,
            "https://login.example.org/t1/v2.0",
            Some("t2"),
            Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH)),
        ),
        (
            TEMPLATE,
            "https://login.example.org/t1/v2.0",
            None,
            Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH)),
        ),
        (TEMPLATE, TEMPLATE, Some("t1"), Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH))),
        (
            TEMPLATE,
            "https://login.example.org//v2.0",
            Some(""),
            Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH)),
        ),
        (
            TEMPLATE,
            "https://login.example.org/a/b/v2.0",
            Some("a/b"),
            Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH)),
        ),
        (
            TEMPLATE,
            "https://login.example.org/t\u{202e}1/v2.0",
            Some("t\u{202e}1"),
            Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH)),
        ),
        (
            TEMPLATE,
            "https://evil.example/t1/v2.0",
            Some("t1"),
            Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH)),
        ),
        ("https://{tenantid}", "", None, Err((At::ServerMetadataFetch, ErrorCode::METADATA_ISSUER_MISMATCH))),
        (
            "https://evil.example/{tenantid}/v2.0",
            "",
            None,
            Err((At::ServerMetadataFetch, ErrorCode::METADATA_ISSUER_MISMATCH)),
        ),
        ("{tenantid}", "", None, Err((At::ServerMetadataFetch, ErrorCode::METADATA_ISSUER_MISMATCH))),
    ] {
        let mut world = World::new();
        world.op = testing::Provider::new(COMMON);
        world.issuer = COMMON.to_owned();
        world.options = world.options.with_deviation(Deviation::TenantIssuer);
        put(&world.op, "issuer", json!(template));
        put(&world.op, "authorization_response_iss_parameter_supported", json!(false));
        world.op.edit_callback(|callback| callback.remove("iss"));
        world.op.edit_id_token(move |token| {
            token.claim("iss", iss);
            token.claim("tid", tid);
        });
        let outcome = world.logged_in().map(|_| ()).map_err(|refusal| refusal.what());
        assert_eq!(outcome, expected, "{template} {iss} {tid:?}");
    }
}

/// Metadata that were accepted once may come to someone who accepts less.
#[test]
fn a_template_is_no_more_than_text_to_who_does_not_accept_templates() {
    const COMMON: &str = "https://login.example.org/common/v2.0";
    const TEMPLATE: &str = "https://login.example.org/{tenantid}/v2.0";
    let mut world = World::new();
    world.op = testing::Provider::new(COMMON);
    world.issuer = COMMON.to_owned();
    world.options = world.options.with_deviation(Deviation::TenantIssuer);
    put(&world.op, "issuer", json!(TEMPLATE));
    put(&world.op, "authorization_response_iss_parameter_supported", json!(false));
    world.op.edit_callback(|callback| callback.remove("iss"));
    world.op.edit_id_token(|token| {
        token.claim("iss", "https://login.example.org/t1/v2.0");
        token.claim("tid", "t1");
    });
    let client = world.party().unwrap().client().clone();
    let (issuer, document) = (Issuer::new(COMMON, Schemes::HttpsOnly).unwrap(), world.received[0].clone());
    for (options, expected) in [
        (world.options, Ok(())),
        (ProviderOptions::new(), Err((At::Verification, ErrorCode::ID_TOKEN_ISSUER_MISMATCH))),
    ] {
        let metadata = ServerMetadata::parse(&document, &issuer, &world.options).unwrap();
        let provider = Provider::new(metadata, options);
        let login = world.login_with(&RelyingParty::new(provider, client.clone())).unwrap();
        let outcome = world.finish(login).map(|_| ()).map_err(|refusal| refusal.what());
        assert_eq!(outcome, expected);
    }
}

/// The provider decides what is a tenant: if that reached into the host, it could speak for every other provider.
#[test]
fn a_template_does_not_reach_into_the_host() {
    for (asked, template) in [
        ("https://login.example.org", "https://{tenantid}"),
        ("https://login.example.org", "https://login{tenantid}"),
        ("https://login.example.org", "https://{tenantid}.example.org"),
    ] {
        let mut world = World::new();
        world.op = testing::Provider::new(asked);
        world.issuer = asked.to_owned();
        world.options = world.options.with_deviation(Deviation::TenantIssuer);
        put(&world.op, "issuer", json!(template));
        let refusal = world.discover().unwrap_err();
        assert_eq!(refusal.what(), (At::ServerMetadataFetch, ErrorCode::METADATA_ISSUER_MISMATCH), "{template}");
    }
}
