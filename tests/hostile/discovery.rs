//! Discovery: metadata that are someone else's, unusable, or not metadata at all.

use oidc_proto::flow::Discovery;
use oidc_proto::message::metadata::{Metadata, WellKnown};
use oidc_proto::provider::{Deviation, UnknownFields};
use oidc_proto::testing::{self, Lie, On};
use oidc_proto::{Code, Error, Issuer, Provider, ProviderOptions, Schemes, Scope};
use serde_json::json;

use crate::world::{At, Row, Say, World, pardons, refusals};

#[rustfmt::skip]
const REFUSED: &[(Say, Code)] = &[
    (Say::Lie(Lie::MetadataIssuerOther), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataIssuerSlash), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataText("issuer", "https://OP.example.org")), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataText("issuer", "https://op.example.org:443")), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataText("issuer", "https://op.example.org?")), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataText("issuer", "https://op.example.org#")), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataText("issuer", " https://op.example.org")), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataText("issuer", "https://{tenantid}")), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataText("issuer", "")), Code::MetadataIssuerMismatch),
    (Say::Lie(Lie::MetadataPkceWithoutS256), Code::MetadataPkceWithoutS256),
    (Say::Edit("an unknown PKCE method", |op| put(op, "code_challenge_methods_supported", json!(["S512"]))), Code::MetadataPkceWithoutS256),
    (Say::Edit("S256 in small letters", |op| put(op, "code_challenge_methods_supported", json!(["s256"]))), Code::MetadataPkceWithoutS256),
    (Say::Lie(Lie::MetadataList), Code::JsonType),
    (Say::Lie(Lie::MetadataAbsent("issuer")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataAbsent("authorization_endpoint")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataAbsent("token_endpoint")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataAbsent("jwks_uri")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataAbsent("response_types_supported")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataNull("issuer")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataNull("authorization_endpoint")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataNull("token_endpoint")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataNull("jwks_uri")), Code::MetadataMissingField),
    (Say::Lie(Lie::MetadataNull("response_types_supported")), Code::MetadataMissingField),
    (Say::Edit("booleans in words", |op| put(op, "authorization_response_iss_parameter_supported", json!("true"))), Code::JsonType),
    (Say::Edit("other words for booleans", |op| put(op, "authorization_response_iss_parameter_supported", json!("yes"))), Code::JsonType),
    (Say::Edit("a word for a list", |op| put(op, "response_types_supported", json!("code"))), Code::JsonType),
    (Say::Edit("numbers in a list of words", |op| put(op, "response_types_supported", json!([1]))), Code::JsonType),
    (Say::Edit("an object for an endpoint", |op| put(op, "token_endpoint", json!({ "url": "https://op.example.org/token" }))), Code::JsonType),
];

/// Members that are URLs.
const ENDPOINTS: [&str; 7] = [
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "userinfo_endpoint",
    "revocation_endpoint",
    "end_session_endpoint",
];

/// What an endpoint may not be, and why.
const URLS: &[(&str, Code)] = &[
    ("http://op.example.org/x", Code::UrlScheme),
    ("http://127.0.0.1/x", Code::UrlScheme),
    ("file:///etc/passwd", Code::UrlScheme),
    ("data:application/json,{}", Code::UrlScheme),
    ("javascript:alert(1)", Code::UrlScheme),
    ("ws://op.example.org/x", Code::UrlScheme),
    ("https://user@op.example.org/x", Code::UrlUserinfo),
    ("https://user:password@op.example.org/x", Code::UrlUserinfo),
    ("https://:password@op.example.org/x", Code::UrlUserinfo),
    ("https://op.example.org/x#", Code::UrlFragment),
    ("https://op.example.org/x#fragment", Code::UrlFragment),
    ("/x", Code::UrlSyntax),
    ("op.example.org/x", Code::UrlSyntax),
    ("", Code::UrlSyntax),
    ("https://", Code::UrlSyntax),
    ("https://op.example.org:99999/x", Code::UrlSyntax),
    ("https://[::1/x", Code::UrlSyntax),
];

/// What an issuer may not be.
const ISSUERS: &[(&str, Code)] = &[
    ("https://op.example.org?tenant=1", Code::UrlQuery),
    ("https://op.example.org?", Code::UrlQuery),
    ("https://op.example.org#fragment", Code::UrlFragment),
    ("https://op.example.org#", Code::UrlFragment),
    ("https://user@op.example.org", Code::UrlUserinfo),
    ("http://op.example.org", Code::UrlScheme),
    ("http://localhost", Code::UrlScheme),
    ("op.example.org", Code::UrlSyntax),
    ("https:", Code::UrlSyntax),
];

/// What a provider may leave out or say beside.
#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Lie(Lie::MetadataPkceAbsent),
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
const MISSED_LATER: &[(&str, At, Code)] = &[
    ("registration_endpoint", At::Registration, Code::RegistrationUnsupported),
    ("userinfo_endpoint", At::Userinfo, Code::UserinfoUnsupported),
    ("end_session_endpoint", At::Logout, Code::EndSessionUnsupported),
    ("revocation_endpoint", At::Revocation, Code::RevocationUnsupported),
];

pub(crate) fn rows() -> Vec<Row> {
    let scenario = |code: &Code| (Say::Edit("told by a scenario", |_| {}), Some(*code));
    let tables = URLS.iter().chain(ISSUERS).map(|(_, code)| code).chain(MISSED_LATER.iter().map(|(.., code)| code));
    let own = [
        Code::MetadataUrl,
        Code::MetadataNotFound,
        Code::MetadataUnsupported,
        Code::AuthorizationNonceRequired,
        Code::JsonType,
    ];
    let own = tables.chain(&own).map(scenario).collect::<Vec<_>>();
    refusals(REFUSED).chain(pardons(LIVED_WITH)).chain(own).collect()
}

fn put(op: &testing::Provider, name: &'static str, value: serde_json::Value) {
    op.edit_json(On::Metadata, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

fn told(say: &Say) -> World {
    let world = World::new();
    say.to(&world.op);
    world
}

/// The code of what an error was made from.
fn cause(error: &Error) -> Option<Code> {
    std::error::Error::source(error)?.downcast_ref::<Error>().map(Error::code)
}

#[test]
fn metadata_out_of_order_are_refused_and_nothing_else_is_asked() {
    for (say, code) in REFUSED {
        let mut world = told(say);
        let refusal = world.discover().unwrap_err();
        assert_eq!(refusal.what(), (At::Discovery, *code), "{say:?}");
        assert_eq!(world.op.requests(), [On::Metadata], "{say:?}");
    }
}

#[test]
fn no_endpoint_is_anything_but_an_https_url() {
    for name in ENDPOINTS {
        for (url, code) in URLS {
            let mut world = told(&Say::Lie(Lie::MetadataText(name, url)));
            let error = world.discover().unwrap_err().error;
            assert_eq!(
                (error.code(), error.name(), cause(&error)),
                (Code::MetadataUrl, Some(name), Some(*code)),
                "{url}"
            );
        }
        let mut world = told(&Say::Lie(Lie::MetadataNumber(name)));
        assert_eq!(world.discover().unwrap_err().error.code(), Code::JsonType, "{name}");
    }
}

#[test]
fn an_issuer_is_a_bare_https_url() {
    for (text, code) in ISSUERS {
        let error = Issuer::new(text, Schemes::HttpsOnly).unwrap_err();
        assert_eq!((error.code(), error.name()), (*code, Some("issuer")), "{text}");
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
    assert_eq!(world.discover().unwrap_err().error.code(), Code::MetadataIssuerMismatch);
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
    for (scope, expected) in [("openid", None), ("profile", Some(Code::AuthorizationNonceRequired))] {
        let mut world = told(&Lie::MetadataPkceAbsent.into());
        world.request = oidc_proto::AuthorizationRequest::new(crate::world::redirect(), Scope::new(scope).unwrap());
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
    world.op.edit_json(On::Metadata, |object| {
        object.remove("authorization_endpoint");
        object.insert("grant_types_supported".into(), json!(["urn:ietf:params:oauth:grant-type:device_code"]));
    });
    assert_eq!(world.login().err().unwrap().what(), (At::Request, Code::MetadataUnsupported));
}

#[test]
fn the_other_document_is_asked_for_only_where_there_is_none_of_the_first_kind() {
    let asked = |world: &mut World, or_else| {
        let issuer = Issuer::new(&world.issuer, Schemes::HttpsOnly).unwrap();
        let form = WellKnown::OauthAuthorizationServer;
        let step = Discovery::start_with(issuer, ProviderOptions::new(), form, or_else);
        world.run(step).map(|_| ()).map_err(|error| error.code())
    };
    let other = Some(WellKnown::OpenIdConfiguration);
    for (status, or_else, expected, requests) in [
        (404, None, Err(Code::MetadataNotFound), 1),
        (404, other, Ok(()), 2),
        (500, other, Err(Code::HttpServerError), 1),
        (302, other, Err(Code::HttpRedirect), 1),
        (403, other, Err(Code::HttpStatus), 1),
    ] {
        let mut world = World::new();
        world.op.fault(On::Metadata, testing::Fault::status(status), 1);
        assert_eq!((asked(&mut world, or_else), world.op.count(On::Metadata)), (expected, requests), "{status}");
    }
    // Nor does it go round.
    let mut world = World::new();
    world.op.fault(On::Metadata, testing::Fault::status(404), usize::MAX);
    assert_eq!(asked(&mut world, other), Err(Code::MetadataNotFound));
    assert_eq!(world.op.count(On::Metadata), 2);
}

#[test]
fn words_for_booleans_are_read_where_that_was_chosen() {
    for (word, read) in [("true", Some(true)), ("false", Some(false)), ("yes", None), ("True", None), ("", None)] {
        let mut world = World::new();
        world.options = world.options.accepting(Deviation::StringBooleans);
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
        (TEMPLATE, "https://login.example.org/t1/v2.0", Some("t2"), Err((At::Verification, Code::IdTokenIssuer))),
        (TEMPLATE, "https://login.example.org/t1/v2.0", None, Err((At::Verification, Code::IdTokenIssuer))),
        (TEMPLATE, TEMPLATE, Some("t1"), Err((At::Verification, Code::IdTokenIssuer))),
        (TEMPLATE, "https://login.example.org//v2.0", Some(""), Err((At::Verification, Code::IdTokenIssuer))),
        (TEMPLATE, "https://login.example.org/a/b/v2.0", Some("a/b"), Err((At::Verification, Code::IdTokenIssuer))),
        (TEMPLATE, "https://evil.example/t1/v2.0", Some("t1"), Err((At::Verification, Code::IdTokenIssuer))),
        ("https://{tenantid}", "", None, Err((At::Discovery, Code::MetadataIssuerMismatch))),
        ("https://evil.example/{tenantid}/v2.0", "", None, Err((At::Discovery, Code::MetadataIssuerMismatch))),
        ("{tenantid}", "", None, Err((At::Discovery, Code::MetadataIssuerMismatch))),
    ] {
        let mut world = World::new();
        world.op = testing::Provider::new(COMMON);
        world.issuer = COMMON.to_owned();
        world.options = world.options.accepting(Deviation::TenantIssuer);
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
    world.options = world.options.accepting(Deviation::TenantIssuer);
    put(&world.op, "issuer", json!(TEMPLATE));
    put(&world.op, "authorization_response_iss_parameter_supported", json!(false));
    world.op.edit_callback(|callback| callback.remove("iss"));
    world.op.edit_id_token(|token| {
        token.claim("iss", "https://login.example.org/t1/v2.0");
        token.claim("tid", "t1");
    });
    let (_, client) = world.client().unwrap();
    let (issuer, document) = (Issuer::new(COMMON, Schemes::HttpsOnly).unwrap(), world.received[0].clone());
    for (options, expected) in
        [(world.options, Ok(())), (ProviderOptions::new(), Err((At::Verification, Code::IdTokenIssuer)))]
    {
        let metadata = Metadata::parse(&document, &issuer, &world.options).unwrap();
        let provider = Provider::new(metadata, options);
        let login = world.login_with(provider, client.clone()).unwrap();
        let outcome = world.finish(login, None).map(|_| ()).map_err(|refusal| refusal.what());
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
        world.options = world.options.accepting(Deviation::TenantIssuer);
        put(&world.op, "issuer", json!(template));
        let refusal = world.discover().unwrap_err();
        assert_eq!(refusal.what(), (At::Discovery, Code::MetadataIssuerMismatch), "{template}");
    }
}
