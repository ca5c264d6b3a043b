//! What an error says: what was expected, what was found, in which request, and what to do.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use oidc_proto::testing::{self, Disturbance, Lie, On};
use oidc_proto::{AuthMethod, Error, ErrorCode, Family, Quote, QuoteSource, Recovery};
use serde_json::json;

use crate::hostile::world::{ISSUER, Refusal, Say, World};

/// What is said, and of the error: code, endpoint, field, status, expected, found.
type Row = (
    Say,
    ErrorCode,
    Option<&'static str>,
    Option<&'static str>,
    Option<u16>,
    Option<&'static str>,
    Option<&'static str>,
);

const SCOPE: &str = "a string of words in printable ASCII, without quotation marks and backslashes";

#[rustfmt::skip]
const FOUND: &[Row] = &[
    (Say::Disturbance(On::Token, Disturbance::status(418)), ErrorCode::HTTP_STATUS, Some("token_endpoint"), None, Some(418), None, None),
    (Say::Disturbance(On::Jwks, Disturbance::status(404)), ErrorCode::HTTP_STATUS, Some("jwks_uri"), None, Some(404), None, None),
    (Say::Disturbance(On::Token, Disturbance::status(502)), ErrorCode::HTTP_SERVER_ERROR, Some("token_endpoint"), None, Some(502), None, None),
    (Say::Disturbance(On::Token, Disturbance::Redirect), ErrorCode::HTTP_REDIRECT, Some("token_endpoint"), None, Some(302), None, Some("https://elsewhere.example/")),
    (Say::Edit("a redirect that shows too much", |op| redirect(op, "https://u:p@login.example/x?code=1#y")), ErrorCode::HTTP_REDIRECT, Some("token_endpoint"), None, Some(302), None, Some("https://login.example/x")),
    (Say::Edit("a redirect to a path", |op| redirect(op, "/login?next=/token")), ErrorCode::HTTP_REDIRECT, Some("token_endpoint"), None, Some(302), None, Some("/login")),
    (Say::Disturbance(On::Token, Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE, Some("token_endpoint"), None, Some(200), Some("application/json"), Some("text/html")),
    (Say::Disturbance(On::Jwks, Disturbance::LoginPage), ErrorCode::HTTP_CONTENT_TYPE, Some("jwks_uri"), None, Some(200), Some("JSON"), Some("text/html")),
    (Say::Edit("a number as access token", |op| member(op, "access_token", json!(7))), ErrorCode::JSON_TYPE, Some("token_endpoint"), None, None, Some("a string"), Some("access_token: number")),
    (Say::Edit("a list for an object", |op| op.tamper(On::Token, |r| *r.body_mut() = b"[]".to_vec())), ErrorCode::JSON_TYPE, Some("token_endpoint"), None, None, Some("an object"), None),
    (Say::Edit("an unknown token type", |op| member(op, "token_type", json!("mac"))), ErrorCode::TOKEN_TYPE, Some("token_endpoint"), Some("token_type"), None, Some("Bearer or DPoP"), Some("mac")),
    (Say::Lie(Lie::MetadataNumber("token_endpoint")), ErrorCode::METADATA_URL, Some("openid_configuration"), Some("token_endpoint"), None, None, Some("a value that is not a string")),
    (Say::Lie(Lie::MetadataText("token_endpoint", "http://op.example.org/token?x=1")), ErrorCode::METADATA_URL, Some("openid_configuration"), Some("token_endpoint"), None, None, Some("http://op.example.org/token")),
    (Say::Edit("another issuer", |op| claim(op, "iss", json!("https://evil.example/a?b=c"))), ErrorCode::ID_TOKEN_ISSUER_MISMATCH, None, Some("iss"), None, Some(ISSUER), Some("https://evil.example/a")),
    (Say::Edit("an audience too many", |op| op.edit_id_token(|t| { let aud = t.claims["aud"].take(); t.claim("aud", json!([aud, "project-7"])); })), ErrorCode::ID_TOKEN_EXTRA_AUDIENCE, None, Some("aud"), None, None, Some("project-7")),
    (Say::Edit("another party", |op| claim(op, "azp", json!("somebody"))), ErrorCode::ID_TOKEN_AZP_MISMATCH, None, Some("azp"), None, None, Some("somebody")),
    (Say::Edit("an object as sub", |op| claim(op, "sub", json!({}))), ErrorCode::ID_TOKEN_CLAIMS, None, None, None, Some("a string"), Some("sub: object")),
    (Say::Edit("a long sub", |op| claim(op, "sub", json!("s".repeat(256)))), ErrorCode::ID_TOKEN_SUBJECT, None, Some("sub"), None, None, Some("256 characters")),
    (Say::Edit("a text as exp", |op| claim(op, "exp", json!("1767229200"))), ErrorCode::ID_TOKEN_CLAIMS, None, None, None, Some("seconds since 1970 as a number"), Some("exp: string")),
    (Say::Edit("an exp without end", |op| claim(op, "exp", json!(1e308))), ErrorCode::ID_TOKEN_CLAIMS, None, None, None, Some("seconds since 1970 as a number"), Some("exp: number")),
    (Say::Edit("a list as iat", |op| claim(op, "iat", json!([1]))), ErrorCode::ID_TOKEN_CLAIMS, None, None, None, Some("seconds since 1970 as a number"), Some("iat: array")),
    (Say::Edit("a negative nbf", |op| claim(op, "nbf", json!(-1))), ErrorCode::ID_TOKEN_CLAIMS, None, None, None, Some("seconds since 1970 as a number"), Some("nbf: number")),
    (Say::Edit("a number as scope", |op| member(op, "scope", json!(7))), ErrorCode::JSON_TYPE, Some("token_endpoint"), Some("scope"), None, Some(SCOPE), Some("a number")),
    (Say::Edit("a list as scope", |op| member(op, "scope", json!(["openid"]))), ErrorCode::JSON_TYPE, Some("token_endpoint"), Some("scope"), None, Some(SCOPE), Some("an array")),
    (Say::Edit("an object as scope", |op| member(op, "scope", json!({}))), ErrorCode::JSON_TYPE, Some("token_endpoint"), Some("scope"), None, Some(SCOPE), Some("an object")),
    (Say::Edit("other characters in the scope", |op| member(op, "scope", json!("openid \"é\""))), ErrorCode::JSON_TYPE, Some("token_endpoint"), Some("scope"), None, Some(SCOPE), Some("a string with other characters")),
    (Say::Edit("a number as ID token", |op| member(op, "id_token", json!(7))), ErrorCode::JSON_TYPE, Some("token_endpoint"), Some("id_token"), None, Some("a string"), Some("a value that is not a string")),
    (Say::Edit("another user", |op| op.edit_json(On::UserInfo, |o| drop(o.insert("sub".into(), json!("mallory"))))), ErrorCode::USERINFO_SUBJECT_MISMATCH, Some("userinfo_endpoint"), Some("sub"), None, Some("that of the ID token, of 9 characters"), Some("another one, of 7 characters")),
    (Say::Lie(Lie::RefreshSubOther), ErrorCode::ID_TOKEN_CHANGED_CLAIM, None, Some("sub"), None, Some("that of the first ID token"), Some("another one")),
    (Say::Lie(Lie::RefreshNonceOther), ErrorCode::ID_TOKEN_CHANGED_CLAIM, None, Some("nonce"), None, Some("that of the first ID token, or none"), Some("another one")),
    (Say::Edit("a redirect that nobody can read", |op| redirect(op, "")), ErrorCode::HTTP_REDIRECT, Some("token_endpoint"), None, Some(302), None, Some("an empty Location header")),
    (Say::Edit("a redirect in other characters", |op| op.tamper(On::Token, |response| {
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(LOCATION, HeaderValue::from_bytes(b"https://op.example/\xfc").unwrap());
    })), ErrorCode::HTTP_REDIRECT, Some("token_endpoint"), None, Some(302), None, Some("a Location header that is not ASCII text")),
    (Say::Edit("an unknown algorithm", |op| op.edit_id_token(|t| t.member("alg", "XS256"))), ErrorCode::JWS_ALGORITHM, None, Some("alg"), None, None, Some("XS256")),
    (Say::Edit("an algorithm that is not the client's", |op| op.edit_id_token(|t| t.member("alg", "RS256"))), ErrorCode::JWS_ALGORITHM, None, Some("alg"), None, Some("ES256"), Some("RS256")),
];

fn redirect(op: &testing::Provider, location: &'static str) {
    op.tamper(On::Token, move |response| {
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(LOCATION, HeaderValue::from_static(location));
    });
}

fn member(op: &testing::Provider, name: &'static str, value: serde_json::Value) {
    op.edit_json(On::Token, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

fn claim(op: &testing::Provider, name: &'static str, value: serde_json::Value) {
    op.edit_id_token(move |token| token.claim(name, value.clone()));
}

fn refused(mut world: World) -> Error {
    world.course().unwrap_err().error
}

fn told(say: &Say) -> Error {
    let world = World::new();
    say.to(&world.op);
    refused(world)
}

#[test]
fn an_error_says_what_was_expected_and_found_and_where() {
    for (say, code, endpoint, field, status, expected, found) in FOUND {
        let error = told(say);
        assert_eq!(error.code(), *code, "{say:?}");
        assert_eq!(error.endpoint(), *endpoint, "{say:?}");
        assert_eq!(error.field(), *field, "{say:?}");
        // That it was a success goes without saying, unless the page is of another kind.
        let found_in = error.status().filter(|found| status.is_some() || !found.is_success());
        assert_eq!(found_in.map(|status| status.as_u16()), *status, "{say:?}");
        if expected.is_some() {
            assert_eq!(error.expected().map(|quote| quote.as_str()), *expected, "{say:?}");
        }
        assert_eq!(error.found().map(|quote| quote.as_str()), *found, "{say:?}");
        // All of it is in the line that people read, and what to do.
        let line = error.to_string();
        for part in [error.expected(), error.found()].into_iter().flatten() {
            assert!(line.contains(part.as_str()), "{line}");
        }
        assert!(status.is_none_or(|status| line.contains(&status.to_string())), "{line}");
        assert!(line.contains(error.hint()) && line.ends_with('.'), "{line}");
    }
}

#[test]
fn an_error_reads_as_a_sentence() {
    for (say, line) in [
        (
            Say::Disturbance(On::Token, Disturbance::status(418)),
            "token endpoint: unexpected HTTP status 418 (http.status; RFC 9110 section 15). Check the URL, and look \
             at the provider's log.",
        ),
        (
            Say::Disturbance(On::Jwks, Disturbance::LoginPage),
            "`jwks_uri`: unexpected content type: expected JSON, found \"text/html\", HTTP status 200 (http.content_type; \
             RFC 9110 section 8.3). Check that no proxy returns a page of its own, and the URL; if it is from the \
             provider's metadata, report it to the provider.",
        ),
        (
            Say::Edit("no iat", |op| op.edit_id_token(|token| drop(token.claims.remove("iat")))),
            "a required claim is missing in the ID token: `iat` (id_token.missing_claim; OpenID Connect Core 1.0 section 2). \
             Report it to the provider.",
        ),
        (
            Say::Edit("no such grant", |op| {
                op.tamper(On::Token, |response| {
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                    *response.body_mut() = br#"{"error":"invalid_grant"}"#.to_vec();
                });
            }),
            "token endpoint: the code or the refresh token is not valid (token.invalid_grant; RFC 6749 section 5.2). Log \
             in again; if it happens again, do what the provider's error description says.",
        ),
    ] {
        assert_eq!(told(&say).to_string(), line);
    }
}

/// Whatever the message is made of: "the ID token has expired from the token endpoint" is no sentence.
#[test]
fn every_message_stays_whole_where_the_request_is_named() {
    for code in ErrorCode::all() {
        let (message, section, cure) = (code.message(), code.section(), code.cure());
        for (endpoint, name) in [
            ("token_endpoint", "token endpoint"),
            ("pushed_authorization_request_endpoint", "pushed authorization request endpoint"),
            ("jwks_uri", "`jwks_uri`"),
            ("/_matrix/client/versions", "`/_matrix/client/versions`"),
        ] {
            let error = Error::new(code).with_endpoint(endpoint);
            assert_eq!(error.to_string(), format!("{name}: {message} ({code}; {section}). {cure}"));
            let error = error.at("iss").with_expected(Quote::library("a")).with_found(Quote::caller("b"));
            let details = "`iss`, expected a, found \"b\"";
            assert_eq!(error.to_string(), format!("{name}: {message}: {details} ({code}; {section}). {cure}"));
        }
    }
}

#[test]
fn whose_words_they_are_is_said() {
    let error = told(&Say::Edit("another issuer", |op| claim(op, "iss", json!("https://evil.example"))));
    assert_eq!(error.expected().unwrap().source(), QuoteSource::Caller);
    assert_eq!(error.found().unwrap().source(), QuoteSource::Provider);
    let error = told(&Say::Disturbance(On::Token, Disturbance::LoginPage));
    assert_eq!(error.expected().unwrap().source(), QuoteSource::Library);
}

#[test]
fn two_issuers_are_shown_and_what_differs_is_said() {
    for (asked, named, hint) in [
        (ISSUER, "https://op.example.org/", "with a slash at its end"),
        ("https://op.example.org/", ISSUER, "without a slash at its end"),
        ("https://op.example.org/.well-known/openid-configuration", ISSUER, "probably \"https://op.example.org\""),
        (ISSUER, "http://op.example.org", "Only the scheme differs"),
        (ISSUER, "https://other.example/realms/a", "exactly as the provider publishes it"),
    ] {
        let mut world = World::new();
        let document = serde_json::to_vec(&json!({ "issuer": named })).unwrap();
        asked.clone_into(&mut world.issuer);
        let issuer = oidc_proto::Issuer::new(asked, oidc_proto::Schemes::HttpsOnly).unwrap();
        let error = oidc_proto::ServerMetadata::parse(&document, &issuer, &world.options).unwrap_err();
        assert_eq!(error.code(), ErrorCode::METADATA_ISSUER_MISMATCH);
        assert_eq!((error.expected().unwrap().as_str(), error.found().unwrap().as_str()), (asked, named));
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
}

#[test]
fn an_issuer_without_its_scheme_is_told_so() {
    let hint = |text, code| {
        let error = oidc_proto::Issuer::new(text, oidc_proto::Schemes::HttpsOnly).unwrap_err();
        assert_eq!(error.code(), code, "{text}");
        error.hint().to_owned()
    };
    // To a URL parser a name before a colon is a scheme.
    let (syntax, scheme) = (ErrorCode::URL_SYNTAX, ErrorCode::URL_SCHEME);
    assert_eq!(hint("op.example.org/realms/a", syntax), "Give the scheme, too: \"https://op.example.org/realms/a\".");
    assert!(hint("op.example.org:8443", scheme).contains("\"https://op.example.org:8443\""));
    assert!(!hint("alice:password@op.example.org", scheme).contains("password"));
    assert!(!hint("/realms/a", syntax).contains("https:///"));
}

#[test]
fn whoever_pasted_the_well_known_url_is_told_so() {
    let mut world = World::new();
    world.issuer.push_str("/.well-known/openid-configuration");
    Say::Disturbance(On::ServerMetadata, Disturbance::status(404)).to(&world.op);
    let error = world.discover().unwrap_err().error;
    assert_eq!(error.code(), ErrorCode::METADATA_NOT_FOUND);
    assert!(error.hint().contains("probably \"https://op.example.org\""), "{}", error.hint());
}

#[test]
fn clocks_that_differ_are_told_with_the_seconds() {
    for (lie, name, found) in
        [(Lie::IatFuture, "iat", "ahead"), (Lie::NbfFuture, "nbf", "ahead"), (Lie::ExpPast, "exp", "ago")]
    {
        let error = told(&Say::Lie(lie));
        assert_eq!(error.field(), Some(name));
        let words: Vec<_> = error.found().unwrap().as_str().split(' ').collect();
        assert!(words[0].parse::<u64>().unwrap() > 60 && words[1..] == ["seconds", found], "{words:?}");
        assert!(error.hint().contains("check the clock"), "{}", error.hint());
        assert_eq!(error.recovery(), Recovery::FixEnvironment);
    }
}

#[test]
fn a_key_that_is_not_there_is_named_and_so_are_those_that_are() {
    let error = told(&Say::Edit("a key of another use", |op| {
        op.edit_json(On::Jwks, |set| {
            for key in set["keys"].as_array_mut().unwrap() {
                if key["kty"] == "EC" {
                    key["use"] = json!("enc");
                }
            }
        });
    }));
    assert_eq!((error.code(), error.family()), (ErrorCode::JWS_UNKNOWN_KEY, Family::Keys));
    let (expected, found) = (error.expected().unwrap().as_str(), error.found().unwrap().as_str());
    assert!(found.starts_with("kid ") && found.ends_with(", ES256"), "{found}");
    assert!(expected.contains("keys (") && expected.contains("dropped: its `use` is not `sig`"), "{expected}");
    assert_eq!(error.hint(), "The provider publishes this key, but it cannot be used: its `use` is not `sig`.");
}

#[test]
fn a_callback_that_proves_nothing_still_tells_its_error() {
    let mut world = World::new();
    let login = world.login().unwrap();
    world.op.edit_callback(|callback| {
        ["code", "state"].iter().for_each(|name| callback.remove(name));
        callback.set("error", "invalid_scope");
        callback.set("error_description", "unknown scope");
    });
    let error = world.check(&login).unwrap_err().error;
    assert_eq!(error.code(), ErrorCode::CALLBACK_STATE_MISSING);
    assert_eq!(error.provider_text().unwrap().description(), Some("unknown scope"));
    assert!(error.hint().contains("nothing shows that it is this login's"), "{}", error.hint());
}

#[test]
fn a_client_that_is_not_accepted_is_told_how_it_authenticated() {
    for (method, other) in [
        (AuthMethod::ClientSecretBasic, "client_secret_post"),
        (AuthMethod::ClientSecretPost, "client_secret_basic"),
        (AuthMethod::None, "no credentials: check the client ID"),
    ] {
        let mut world = World::with_secret(method);
        refuse_client(&world, On::Token);
        let error = world.course().unwrap_err().error;
        assert_eq!((error.code(), error.status()), (ErrorCode::TOKEN_INVALID_CLIENT, Some(StatusCode::UNAUTHORIZED)));
        let name = method.name();
        assert_eq!(error.found().unwrap().as_str(), format!("authentication by `{name}`"));
        assert!(error.hint().contains(other), "{}", error.hint());
    }
}

/// Wherever the client authenticates.
#[test]
fn no_endpoint_refuses_a_client_without_that_hint() {
    type Ask = fn(&mut World) -> Result<(), Refusal>;
    let asks: [(On, Ask); 5] = [
        (On::Par, |world| {
            world.pushes = true;
            world.login().map(drop)
        }),
        (On::Token, |world| world.logged_in().map(drop)),
        (On::DeviceAuthorization, |world| world.logged_in_by_device().map(drop)),
        (On::Token, |world| world.logged_in_by_device().map(drop)),
        (On::Revoke, |world| {
            let user = world.logged_in()?;
            world.revoke(&user)
        }),
    ];
    for (on, ask) in asks {
        let mut world = World::with_secret(AuthMethod::ClientSecretBasic).allowing_devices();
        refuse_client(&world, on);
        let error = ask(&mut world).unwrap_err().error;
        assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_CLIENT, "{on:?}");
        assert!(error.hint().contains("`client_secret_basic`"), "{on:?}: {}", error.hint());
    }
}

/// Glewlwyd refuses an assertion by 403 and an empty body. A firewall says 403, too, so this is no verdict.
#[test]
fn a_forbidden_request_without_words_is_told_how_the_client_authenticated() {
    type Ask = fn(&mut World) -> Result<(), Refusal>;
    let asks: [(On, Ask); 3] = [
        (On::Token, |world| world.logged_in().map(drop)),
        (On::DeviceAuthorization, |world| world.logged_in_by_device().map(drop)),
        (On::Token, |world| world.logged_in_by_device().map(drop)),
    ];
    for (on, ask) in asks {
        let mut world = World::with_secret(AuthMethod::ClientSecretBasic).allowing_devices();
        world.op.tamper(on, |response| {
            *response.status_mut() = StatusCode::FORBIDDEN;
            response.body_mut().clear();
        });
        let error = ask(&mut world).unwrap_err().error;
        assert_eq!((error.code(), error.status()), (ErrorCode::HTTP_STATUS, Some(StatusCode::FORBIDDEN)), "{on:?}");
        assert!(
            error.hint().contains("`client_secret_basic`") && error.hint().contains("firewall"),
            "{}",
            error.hint()
        );
    }
}

fn refuse_client(world: &World, on: On) {
    world.op.tamper(on, |response| {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        *response.body_mut() = br#"{"error":"invalid_client"}"#.to_vec();
    });
}

#[test]
fn when_to_ask_again_is_part_of_the_recovery() {
    let error = told(&Say::Disturbance(On::Jwks, Disturbance::Status { status: 429, retry_after: Some("7") }));
    let after = Some(std::time::Duration::from_secs(7));
    assert_eq!((error.family(), error.recovery()), (Family::Unavailable, Recovery::Retry { after }));
    let error = told(&Say::Disturbance(On::Jwks, Disturbance::Timeout));
    assert_eq!(error.recovery(), Recovery::Retry { after: None });
}
