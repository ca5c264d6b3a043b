//! Wrong calls: nothing is sent, and the error says that it is ours.

use oidc_proto::flow::{GrantRequest, Registration};
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::testing::{self, Lie, On, RegisteredClient};
use oidc_proto::{ApplicationType, ClientMetadata, Endpoint};
use oidc_proto::{AuthMethod, Prompt, ResponseMode};
use oidc_proto::{
    AuthorizationRequest, Client, ClientAuth, EndSessionRequest, Env as _, Error, ErrorCode, Fault, IdTokenTrust,
    RedirectUri, RelyingParty, Schemes, Scope,
};
use serde_json::json;

use crate::hostile::strong::key;
use crate::hostile::world::{At, REDIRECT, Row, Say, World, redirect};

type Ask = fn(AuthorizationRequest) -> AuthorizationRequest;

/// What cannot be asked for.
#[rustfmt::skip]
const REQUESTS: &[(&str, Ask, ErrorCode)] = &[
    ("prompt none and more", |r| r.with_prompt(Prompt::None).with_prompt(Prompt::Login), ErrorCode::AUTHORIZATION_PROMPT),
    ("a parameter twice", |r| r.with_parameter("x", "1").with_parameter("x", "2"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("a parameter without a name", |r| r.with_parameter("", "1"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("a state of one's own", |r| r.with_parameter("state", "x"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("a nonce of one's own", |r| r.with_parameter("nonce", "x"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("a challenge of one's own", |r| r.with_parameter("code_challenge", "x"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("plain PKCE", |r| r.with_parameter("code_challenge_method", "plain"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("another response type", |r| r.with_parameter("response_type", "token"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("another redirect URI", |r| r.with_parameter("redirect_uri", "https://evil.example"), ErrorCode::AUTHORIZATION_PARAMETER),
    ("a request object", |r| r.with_parameter("request_uri", "https://evil.example"), ErrorCode::AUTHORIZATION_PARAMETER),
];

/// What is no redirect URI.
const REDIRECTS: &[&str] = &[
    "",
    "/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///cb",
    "blob:https://app.example.org/x",
    "about:blank",
    "https://app.example.org/cb#",
    "https://app.example.org/cb#x",
    "https://user@app.example.org/cb",
    " https://app.example.org/cb",
    "https://app.example.org/cb\n",
    "https://app.example.org/a\tb",
    "https://app.example.org/\u{0}",
    "https://app.example.org/\u{9b}2J",
    "https://app.example.org/\u{202e}txt",
    "https://app.example.org/\u{200b}",
    "https://app.example.org/\u{e0041}",
    "com.example.app:/\u{2066}cb",
];

pub(crate) fn rows() -> Vec<Row> {
    let own = [
        ErrorCode::AUTHORIZATION_REDIRECT_URI,
        ErrorCode::AUTHORIZATION_SCOPE,
        ErrorCode::AUTHORIZATION_RESPONSE_MODE,
        ErrorCode::REGISTRATION_REDIRECT_URI,
        ErrorCode::REGISTRATION_MEMBER,
        ErrorCode::PROVIDER_MISMATCH,
        ErrorCode::CLIENT_MISMATCH,
        ErrorCode::CLIENT_ID,
        ErrorCode::TOKEN_CLIENT_AUTH,
        ErrorCode::JWKS_MISSING,
        ErrorCode::ID_TOKEN_TRUST_TLS_OVER_HTTP,
    ];
    let codes = REQUESTS.iter().map(|(.., code)| *code).chain(own);
    codes.map(|code| (Say::Edit("asked by us", |_| {}), Some(code))).collect()
}

#[track_caller]
fn assert_ours<T>(result: Result<T, Error>, code: ErrorCode) {
    let error = result.err().unwrap();
    assert_eq!((error.code(), error.fault()), (code, Fault::Local));
}

#[test]
fn what_cannot_be_asked_for_is_not_asked() {
    for (what, ask, code) in REQUESTS {
        let mut world = World::new();
        world.request = ask(world.request);
        assert_eq!(world.login().err().unwrap().what(), (At::Request, *code), "{what}");
        assert_eq!(code.fault(), Fault::Local);
    }
    for scope in ["openid \"x\"", "openid\n", "é", "a\\b"] {
        assert_ours(Scope::new(scope), ErrorCode::AUTHORIZATION_SCOPE);
    }
}

/// A hint is a user's address, and a parameter of the application's own can be anything.
#[test]
fn no_value_that_the_application_adds_is_shown() {
    let mut world = World::new();
    let request = world.request.clone().with_login_hint("hint-of-alice").with_parameter("name", "value-of-ours");
    world.show(&request);
    world.show(&EndSessionRequest::new().with_logout_hint("hint-of-alice"));
    world.show(&oidc_proto::matrix::LoginRequest::new().with_login_hint("hint-of-alice"));
    world.show(&GrantRequest::client_credentials().with_parameter("name", "value-of-ours"));
    world.show(&Client::new("app").with_token_parameter("name", "value-of-ours"));
    let user = oidc_proto::matrix::UserId::new("@hint-of-alice:example.org").unwrap();
    world.show(&oidc_proto::matrix::LoginRequest::new().with_login_hint_for(&user));
    assert!(!world.shown.contains("hint-of-alice") && !world.shown.contains("value-of-ours"));
    // They are sent all the same.
    world.request = request;
    let url = world.login().unwrap().url.as_str().to_owned();
    assert!(url.contains("login_hint=hint-of-alice") && url.contains("name=value-of-ours"));
}

#[test]
fn a_redirect_uri_is_one_and_ours() {
    for text in REDIRECTS {
        let error = RedirectUri::new(text).unwrap_err();
        assert!(error.code().as_str().starts_with("url.") && error.fault() == Fault::Local, "{text:?}: {error}");
        assert_eq!(error.field(), Some("redirect_uri"));
    }
    let mut world = World::new();
    let elsewhere = RedirectUri::new("https://app.example.org/cb2").unwrap();
    world.request = AuthorizationRequest::new(elsewhere, Scope::new("openid").unwrap());
    let refusal = world.login().err().unwrap();
    assert_eq!(refusal.what(), (At::Request, ErrorCode::AUTHORIZATION_REDIRECT_URI));
    assert_eq!(refusal.error.expected().unwrap().as_str(), REDIRECT);
    assert_eq!(refusal.error.found().unwrap().as_str(), "https://app.example.org/cb2");

    let provider = World::new().discover().unwrap();
    for (application_type, uri, allowed) in [
        (ApplicationType::Web, "https://app.example.org/cb", true),
        (ApplicationType::Web, "http://localhost/cb", true),
        (ApplicationType::Web, "http://app.example.org/cb", false),
        (ApplicationType::Web, "com.example.app:/cb", false),
        (ApplicationType::Native, "com.example.app:/cb", true),
        (ApplicationType::Native, "http://127.0.0.1:0/cb", true),
        (ApplicationType::Native, "http://192.168.0.1/cb", false),
    ] {
        let metadata = ClientMetadata::new(application_type, vec![RedirectUri::new(uri).unwrap()]);
        let started = Registration::start(&provider, metadata).map(|_| ());
        assert_eq!(
            started.as_ref().err().map(Error::code),
            (!allowed).then_some(ErrorCode::REGISTRATION_REDIRECT_URI),
            "{uri}"
        );
    }
}

#[test]
fn a_member_that_the_crate_sets_is_not_set_twice() {
    let new = || ClientMetadata::new(ApplicationType::Web, vec![redirect()]);
    for name in ["", "#fr", "redirect_uris", "client_name", "client_name#fr", "jwks", "software_statement"] {
        assert_ours(new().with_member(name, "x"), ErrorCode::REGISTRATION_MEMBER);
    }
    let once = new().with_member("initiate_login_uri#fr", "https://app.example.org/fr").unwrap();
    assert_ours(once.clone().with_member("initiate_login_uri#fr", "x"), ErrorCode::REGISTRATION_MEMBER);
    assert_ours(
        once.clone().with_member("map", std::collections::BTreeMap::from([([1], 2)])),
        ErrorCode::REGISTRATION_MEMBER,
    );
    assert!(once.with_member("default_max_age", 3600).is_ok());

    // Every member that is sent is one that cannot be added.
    let all = new()
        .with_client_name("x")
        .with_client_uri("x")
        .with_logo_uri("x")
        .with_tos_uri("x")
        .with_policy_uri("x")
        .with_contact("x")
        .with_post_logout_redirect_uri(redirect())
        .with_backchannel_logout_uri(Endpoint::new("https://app.example.org/", Schemes::HttpsOnly).unwrap())
        .with_software_id("x")
        .with_software_version("x")
        .with_software_statement("x")
        .with_id_token_signed_response_alg(Algorithm::Es256)
        .with_userinfo_signed_response_alg(Algorithm::Es256)
        .with_private_key(PrivateKey::local(key(Algorithm::Es256, 7)))
        .unwrap();
    let sent: serde_json::Map<String, serde_json::Value> =
        serde_json::from_value(serde_json::to_value(&all).unwrap()).unwrap();
    assert_eq!(sent.len(), 21);
    for name in sent.keys() {
        assert_ours(all.clone().with_member(name, "x"), ErrorCode::REGISTRATION_MEMBER);
    }
}

/// RFC 8252 section 7.3: the port is known only once the listener has one.
#[test]
fn a_loopback_redirect_uri_stands_for_all_ports() {
    for (registered, asked, allowed) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", true),
        ("http://[::1]/cb", "http://[::1]:49152/cb", true),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:49152/cb", true),
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb2", false),
        ("http://127.0.0.1/cb", "http://[::1]:49152/cb", false),
        ("http://127.0.0.1/cb", "https://127.0.0.1:49152/cb", false),
        ("https://app.example.org/cb", "https://app.example.org:8443/cb", false),
        ("com.example.app:/cb", "com.example.app:/cb2", false),
    ] {
        let (registered, asked) = (RedirectUri::new(registered).unwrap(), RedirectUri::new(asked).unwrap());
        let mut world = World::new();
        world.client = Some(Client::new("app").with_redirect_uri(registered));
        world.request = AuthorizationRequest::new(asked.clone(), Scope::new("openid").unwrap());
        let code = world.login().map(|_| ()).map_err(|refusal| refusal.error.code());
        assert_eq!(code.err(), (!allowed).then_some(ErrorCode::AUTHORIZATION_REDIRECT_URI), "{asked:?}");
    }
}

#[test]
fn a_response_mode_has_to_be_offered() {
    let mut world = World::new();
    world.op.edit_json(On::ServerMetadata, |o| drop(o.insert("response_modes_supported".into(), json!(["query"]))));
    world.request = world.request.with_response_mode(ResponseMode::FormPost);
    let refusal = world.login().err().unwrap();
    assert_eq!(refusal.what(), (At::Request, ErrorCode::AUTHORIZATION_RESPONSE_MODE));
    let (expected, found) = (refusal.error.expected().unwrap().as_str(), refusal.error.found().unwrap().as_str());
    assert_eq!((expected, found), ("query", "form_post"));
}

/// What was made for one provider or one client is not shown to another.
#[test]
fn nothing_is_sent_to_another_provider_or_by_another_client() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let login = world.login_with(&user.party).unwrap();
    let callback = world.callback(&login).unwrap();
    let mut elsewhere = World::new();
    elsewhere.issuer = "https://other.example.org".into();
    elsewhere.op = testing::Provider::new(&elsewhere.issuer);
    let elsewhere_too = RelyingParty::new(elsewhere.discover().unwrap(), user.party.client().clone());
    let stranger = user.party.with_client(Client::new("stranger").with_redirect_uri(redirect()));
    let before = world.op.requests().len();
    let (tokens, env) = (&user.tokens, &mut world.env.clone());
    for (other, code) in [(elsewhere_too, ErrorCode::PROVIDER_MISMATCH), (stranger, ErrorCode::CLIENT_MISMATCH)] {
        let evidence = user.party.check(&login.pending, &callback, env.now()).unwrap();
        assert_ours(other.check(&login.pending, &callback, env.now()), code);
        assert_ours(other.redeem(login.pending.clone(), evidence, env), code);
        assert_ours(other.refresh(tokens, env), code);
        assert_ours(other.userinfo(tokens, env), code);
        assert_ours(other.revoke(tokens, env), code);
    }
    assert_eq!((world.op.requests().len(), elsewhere.op.requests().len()), (before, 1));
}

#[test]
fn a_method_that_needs_a_secret_has_one() {
    for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
        assert_ours(ClientAuth::new(method, None), ErrorCode::TOKEN_CLIENT_AUTH);
    }
}

/// OAuth servers may publish no keys; then nobody can log in by `openid`, and the code is not spent to find that out.
#[test]
fn without_keys_there_is_no_id_token() {
    let mut world = World::with_fixed_client("ES256");
    world.op.lie(Lie::MetadataAbsent("jwks_uri"));
    let issuer = oidc_proto::Issuer::new(&world.issuer, Schemes::HttpsOnly).unwrap();
    let form = oidc_proto::WellKnown::OauthAuthorizationServer;
    let step = oidc_proto::flow::ServerMetadataFetch::start_with(issuer, world.options, form, None);
    let provider = world.run(step).unwrap().provider;
    let party = RelyingParty::new(provider, world.client.clone().unwrap());
    assert_eq!(world.keys(&party).unwrap_err().code(), ErrorCode::JWKS_MISSING);
    assert_eq!(world.login_with(&party).err().unwrap().what(), (At::Request, ErrorCode::JWKS_MISSING));
    assert_eq!(world.op.count(On::Token), 0);
}

/// Trust in TLS waives the signature and nothing else, and never where there is no TLS.
#[test]
fn trust_in_tls_waives_the_signature_alone() {
    let trusting = || {
        let mut world = World::with_fixed_client("ES256");
        world.client = world.client.map(|client| client.with_id_token_trust(IdTokenTrust::DangerousTrustTls));
        world
    };
    for (lie, expected) in [
        (Lie::SignatureForeign, None),
        (Lie::KidUnknown, None),
        (Lie::NonceWrong, Some(ErrorCode::ID_TOKEN_NONCE_MISMATCH)),
        (Lie::AudOther, Some(ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH)),
        (Lie::AtHashWrong, Some(ErrorCode::ID_TOKEN_AT_HASH_MISMATCH)),
        (Lie::AlgorithmNone("none"), Some(ErrorCode::JWS_ALGORITHM)),
        (Lie::IdTokenAbsent, Some(ErrorCode::ID_TOKEN_MISSING)),
    ] {
        let mut world = trusting();
        world.op.lie(lie);
        assert_eq!(world.logged_in().err().map(|refusal| refusal.error.code()), expected, "{lie:?}");
        assert_eq!(world.op.count(On::Jwks), 0, "{lie:?}");
    }

    let mut world = trusting();
    world.issuer = "http://127.0.0.1:8080".into();
    world.op = testing::Provider::new(&world.issuer).with_client(RegisteredClient::public("app", REDIRECT));
    world.options = world.options.with_schemes(Schemes::DangerousHttpOnLoopback);
    let issuer = oidc_proto::Issuer::new(&world.issuer, Schemes::DangerousHttpOnLoopback).unwrap();
    let provider = world.run(oidc_proto::flow::ServerMetadataFetch::start(issuer, world.options)).unwrap().provider;
    let party = RelyingParty::new(provider, world.client.clone().unwrap());
    let refusal = world.login_with(&party).err().unwrap();
    assert_eq!(refusal.what(), (At::Request, ErrorCode::ID_TOKEN_TRUST_TLS_OVER_HTTP));
    assert_eq!(world.op.count(On::Token), 0);
}

#[test]
fn what_is_text_is_parsed_checked_and_shown_as_it_was() {
    fn check<T>(good: &str, bad: &str, code: ErrorCode)
    where
        T: std::str::FromStr<Err = Error> + std::fmt::Display + PartialEq + std::fmt::Debug,
    {
        let value: T = good.parse().unwrap();
        assert_eq!(value.to_string(), good);
        assert_eq!(value, good.parse().unwrap());
        assert_ours(bad.parse::<T>(), code);
    }
    check::<Scope>("openid email", "é", ErrorCode::AUTHORIZATION_SCOPE);
    check::<oidc_proto::Issuer>("https://op.example.org/", "http://127.0.0.1", ErrorCode::URL_SCHEME);
    check::<Endpoint>("https://op.example.org/token?x=1", "http://127.0.0.1/token", ErrorCode::URL_SCHEME);
    check::<RedirectUri>("com.example.app:/cb", "javascript:alert(1)", ErrorCode::URL_SCHEME);
    assert_eq!(Prompt::SelectAccount.to_string(), "select_account");
}

#[test]
fn a_parameter_that_is_refused_is_named() {
    for (name, found) in [
        ("state", "`state`"),
        ("client_secret", "`client_secret`"),
        ("client_assertion", "`client_assertion`"),
        ("client_assertion_type", "`client_assertion_type`"),
        ("x", "`x`"),
        ("", "a parameter without a name"),
    ] {
        let mut world = World::new();
        world.request = world.request.with_parameter(name, "1");
        if name == "x" {
            world.request = world.request.with_parameter(name, "2");
        }
        let error = world.logged_in().err().unwrap().error;
        assert_eq!(error.code(), ErrorCode::AUTHORIZATION_PARAMETER);
        assert!(error.to_string().contains(found), "{error}");
    }
    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    world.client = Some(Client::new("app").with_auth(ClientAuth::SecretBasic("s3cret".into())));
    let party = world.party().unwrap();
    let request = GrantRequest::new("urn:example:grant").with_parameter("client_secret", oidc_proto::Secret::from("x"));
    let error = party.request_tokens(request, &mut world.env).err().unwrap();
    assert!(error.to_string().contains("`client_secret`"), "{error}");
}

/// What came of it could not be read back from storage.
#[test]
fn nothing_is_asked_for_with_a_client_id_that_nobody_can_have() {
    for id in ["", "a\nb", "\u{1b}[2J", "a\u{202e}b", "a\u{200b}"] {
        let mut world = World::new();
        let provider = world.discover().unwrap();
        let party = RelyingParty::new(provider, Client::new(id).with_redirect_uri(redirect()));
        let before = world.op.requests().len();
        assert_ours(party.authorize(world.request.clone(), &mut world.env), ErrorCode::CLIENT_ID);
        assert_ours(party.push(world.request.clone(), &mut world.env), ErrorCode::CLIENT_ID);
        let scope = Scope::new("openid").unwrap();
        assert_ours(party.authorize_device(scope, &mut world.env), ErrorCode::CLIENT_ID);
        assert_ours(party.request_tokens(GrantRequest::client_credentials(), &mut world.env), ErrorCode::CLIENT_ID);
        let token = oidc_proto::AccessToken::new("at").unwrap();
        let (issuer, now) = (party.provider().issuer().clone(), world.env.now());
        assert_ours(oidc_proto::TokenSet::from_parts(&issuer, id, token, None, now), ErrorCode::CLIENT_ID);
        assert_eq!(world.op.requests().len(), before);
    }
}

/// Parameters of token requests are refused before the user is asked.
#[test]
fn a_parameter_of_token_requests_that_cannot_be_sent_stops_the_login() {
    for name in ["grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "device_code", "client_id", ""]
    {
        let mut world = World::new();
        let provider = world.discover().unwrap();
        let client = Client::new("app").with_redirect_uri(redirect()).with_token_parameter(name, "x");
        let party = RelyingParty::new(provider, client);
        assert_ours(party.authorize(world.request.clone(), &mut world.env), ErrorCode::AUTHORIZATION_PARAMETER);
        let scope = Scope::new("openid").unwrap();
        assert_ours(party.authorize_device(scope, &mut world.env), ErrorCode::AUTHORIZATION_PARAMETER);
    }
    let mut world = World::new();
    let provider = world.discover().unwrap();
    let client = Client::new("app").with_redirect_uri(redirect());
    let twice = client.clone().with_token_parameter("a", "1").with_token_parameter("a", "2");
    let party = RelyingParty::new(provider.clone(), twice);
    assert_ours(party.authorize(world.request.clone(), &mut world.env), ErrorCode::AUTHORIZATION_PARAMETER);
    let party = RelyingParty::new(provider, client.with_token_parameter("resource", "https://api.example.org/"));
    assert!(party.authorize(world.request.clone(), &mut world.env).is_ok());
}
