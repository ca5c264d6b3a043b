//! What a user who starts with this crate stumbles over: the error says what is wrong with it, and what helps.

use oidc_proto::testing::{Disturbance, On};
use oidc_proto::{Callback, ErrorCode, Issuer, ProviderOptions, Recovery, RedirectUri, Schemes, Scope, ServerMetadata};
use serde_json::json;

use crate::hostile::world::{Say, World};

#[test]
fn what_is_wrong_with_a_redirect_uri_is_said() {
    for (text, code, found, hint) in [
        ("/cb", ErrorCode::URL_SYNTAX, "/cb", "Write the whole URL"),
        ("app.example.org/cb", ErrorCode::URL_SYNTAX, "app.example.org/cb", "\"https://app.example.org/cb\""),
        ("localhost:8080/cb", ErrorCode::URL_SYNTAX, "localhost:8080/cb", "Write the scheme"),
        ("http://127.0.0.1:99999/cb", ErrorCode::URL_SYNTAX, "http://127.0.0.1:99999/cb", "up to 65535"),
        ("app.example.org:443", ErrorCode::URL_SYNTAX, "app.example.org:443", "Write the scheme"),
        ("https://app.example.org/#/cb", ErrorCode::URL_FRAGMENT, "https://app.example.org/", "Remove the `#`"),
        ("javascript:alert(1)", ErrorCode::URL_SCHEME, "javascript:alert(1)", "A browser runs or reads"),
        (
            "https://u:p@app.example.org/cb",
            ErrorCode::URL_USERINFO,
            "https://app.example.org/cb",
            "Remove the user name",
        ),
        ("https://app.example.org/cb\n", ErrorCode::URL_SYNTAX, "https://app.example.org/cb\\n", "beginning or end"),
    ] {
        let error = RedirectUri::new(text).unwrap_err();
        assert_eq!((error.code(), error.field(), error.found().unwrap().as_str()), (code, Some("redirect_uri"), found));
        assert!(error.hint().contains(hint), "{text}: {error}");
    }
}

#[test]
fn a_space_around_an_issuer_is_told() {
    for text in [" https://op.example.org", "https://op.example.org\n", "\top.example.org"] {
        let error = Issuer::new(text, Schemes::HttpsOnly).unwrap_err();
        assert_eq!((error.code(), error.field()), (ErrorCode::URL_SYNTAX, Some("issuer")));
        assert!(error.hint().contains("at the beginning or end"), "{error}");
    }
}

/// Plain http was chosen for the issuer, but not for what its metadata name.
#[test]
fn a_choice_of_plain_http_that_was_made_by_half_is_told() {
    let issuer = Issuer::new("http://127.0.0.1:8080", Schemes::DangerousHttpOnLoopback).unwrap();
    let document = json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": "http://127.0.0.1:8080/authorize",
        "token_endpoint": "http://127.0.0.1:8080/token",
    });
    let document = document.to_string();
    let error = ServerMetadata::parse(document.as_bytes(), &issuer, &ProviderOptions::new()).unwrap_err();
    assert_eq!((error.code(), error.recovery()), (ErrorCode::METADATA_URL, Recovery::ProviderBroken));
    assert!(error.hint().contains("ProviderOptions::with_schemes"), "{error}");
    let issuer = Issuer::new("http://127.0.0.1:8080", Schemes::HttpsOnly).unwrap_err();
    assert_eq!(issuer.code(), ErrorCode::URL_SCHEME);
    assert!(issuer.hint().contains("Schemes::DangerousHttpOnLoopback"), "{issuer}");
}

/// A web server's framework hands out the path and the query only.
#[test]
fn what_a_server_gives_for_a_callback_is_told_to_it() {
    let error = Callback::from_url("/cb?code=a&state=b").unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_MALFORMED);
    assert!(error.hint().contains("public URL") && error.hint().contains("Callback::from_query"), "{error}");
    assert_eq!(ErrorCode::CALLBACK_REDIRECT_URI.recovery(), Recovery::FixConfiguration);
}

/// The code is spent, or may be. A refresh token can be sent again.
#[test]
fn after_a_lost_response_to_a_code_the_user_logs_in_again() {
    for (fault, recovery) in [
        (Disturbance::LostResponse, Recovery::LogInAgain),
        (Disturbance::Timeout, Recovery::LogInAgain),
        (Disturbance::status(502), Recovery::LogInAgain),
        (Disturbance::status(500), Recovery::LogInAgain),
        (Disturbance::status(503), Recovery::LogInAgain),
        (Disturbance::status(429), Recovery::LogInAgain),
        (Disturbance::status(504), Recovery::LogInAgain),
        (Disturbance::Unreachable, Recovery::Retry { after: None }),
    ] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        let login = world.login().unwrap();
        world.op.disturb(On::Token, fault.clone(), 1);
        assert_eq!(world.finish(login).err().unwrap().error.recovery(), recovery, "{fault:?}");
        world.op.disturb(On::Token, fault, 1);
        assert_eq!(world.refresh(&user).err().unwrap().error.recovery(), Recovery::Retry { after: None });
    }
}

/// A provider that says that it is busy may have spent the code, also if the body of its response is not taken.
#[test]
fn a_busy_provider_may_have_spent_the_code_whatever_its_body_is() {
    for (status, recovery) in [(503, Recovery::LogInAgain), (502, Recovery::LogInAgain)] {
        let mut world = World::new();
        let login = world.login().unwrap();
        world.op.tamper(On::Token, move |response| {
            *response.status_mut() = status.try_into().unwrap();
            *response.body_mut() = vec![b' '; 2 << 20];
        });
        let error = world.finish(login).err().unwrap().error;
        assert_eq!((error.code(), error.recovery()), (ErrorCode::HTTP_SERVER_ERROR, recovery), "{status}");
    }
}

#[test]
fn metadata_that_are_not_there_name_the_url_that_was_asked() {
    let mut world = World::new();
    Say::Disturbance(On::ServerMetadata, Disturbance::status(404)).to(&world.op);
    let error = world.discover().unwrap_err().error;
    assert_eq!(error.code(), ErrorCode::METADATA_NOT_FOUND);
    assert_eq!(error.expected().unwrap().as_str(), "https://op.example.org/.well-known/openid-configuration");
}

#[test]
fn a_scope_that_is_none_and_one_that_is_too_wide_are_told_apart() {
    let error = Scope::new("openid \u{e9}").unwrap_err();
    assert_eq!((error.code(), error.found().unwrap().as_str()), (ErrorCode::AUTHORIZATION_SCOPE, "openid \u{e9}"));
    assert!(error.hint().contains("character"), "{error}");
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let wider = Scope::new("openid wider").unwrap();
    let error = user.party.refresh_with_scope(&user.tokens, &wider, &mut world.env).unwrap_err();
    assert_eq!((error.code(), error.found().unwrap().as_str()), (ErrorCode::AUTHORIZATION_SCOPE, "openid wider"));
    assert_eq!(error.expected().unwrap().as_str(), user.tokens.scope().to_string());
    assert!(error.hint().contains("log in"), "{error}");
}

#[test]
fn a_logout_token_that_is_none_is_to_be_refused() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let error = user.party.back_channel_logout(b"logout_token=garbage", &mut world.env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::JWS_MALFORMED);
    assert!(error.hint().contains("Refuse the request"), "{error}");
}

/// What helps is what the cure says.
#[test]
fn a_recovery_does_not_contradict_its_cure() {
    for code in ErrorCode::all() {
        let (recovery, cure) = (code.recovery(), code.cure());
        if cure.starts_with("Scan it again")
            || cure.starts_with("Log in again;")
            || cure.starts_with("Log in again later")
        {
            assert_eq!(recovery, Recovery::LogInAgain, "{code}: {cure}");
        }
        // A program that decides by this must not end a login for what somebody else has sent.
        let is_to_go_on = cure.starts_with("Ignore ")
            || cure.starts_with("Refuse the request") && !cure.contains("report it") && !cure.contains("clocks");
        assert_eq!(recovery == Recovery::Ignore, is_to_go_on, "{code}: {cure}");
    }
    for code in [
        ErrorCode::SESSION_TOKEN_REFUSED,
        ErrorCode::DPOP_NOT_BOUND,
        ErrorCode::JWKS_MISSING,
        ErrorCode::ID_TOKEN_MISSING,
    ] {
        assert_eq!(code.recovery(), Recovery::FixConfiguration, "{code}");
    }
}

#[test]
fn an_id_token_is_the_hint_of_the_next_login() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    let id_token = user.tokens.id_token().unwrap();
    world.request = world.request.clone().with_id_token_hint(id_token);
    let url = world.login_with(&user.party).unwrap().url.as_str().to_owned();
    assert!(url.contains(&format!("id_token_hint={}", id_token.expose())), "{url}");
}

/// A template of tenants is no issuer that somebody could configure.
#[test]
fn a_template_of_tenants_names_the_two_ways_out() {
    let template = "https://login.example/{tenantid}/v2.0";
    for (asked, is_template) in [
        ("https://login.example/common/v2.0", true),
        ("https://login.example/a/b/v2.0", false),
        ("https://other.example/common/v2.0", false),
    ] {
        let issuer = Issuer::new(asked, Schemes::HttpsOnly).unwrap();
        let document = json!({ "issuer": template }).to_string();
        let error = ServerMetadata::parse(document.as_bytes(), &issuer, &ProviderOptions::new()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::METADATA_ISSUER_MISMATCH);
        assert_eq!(error.hint().contains("accept `Deviation::TenantIssuer`"), is_template, "{asked} {error}");
        assert_eq!(error.hint().contains("your own tenant"), is_template, "{asked} {error}");
    }
}

/// What a deviation is known for is named at the member that has it.
#[test]
fn a_member_of_a_known_deviation_names_it() {
    for (on, name, value, deviation) in [
        (On::Token, "scope", json!(["openid"]), Some("accept `Deviation::ScopeArray`")),
        (On::Token, "scope", json!(7), None),
        (
            On::ServerMetadata,
            "authorization_response_iss_parameter_supported",
            json!("true"),
            Some("accept `Deviation::StringBooleans`"),
        ),
    ] {
        let mut world = World::new();
        let spoilt = value.clone();
        world.op.edit_json(on, move |object| drop(object.insert(name.into(), spoilt.clone())));
        let error = world.logged_in().err().unwrap().error;
        assert_eq!((error.code(), error.field()), (ErrorCode::JSON_TYPE, Some(name)));
        let hint = error.hint();
        assert!(deviation.map_or(!hint.contains("Deviation"), |named| hint.contains(named)), "{value} {error}");
        assert!(hint.contains("report it to the provider") || hint.contains("Report it"), "{value} {error}");
    }
}

#[test]
fn a_name_of_this_machine_that_is_none_is_told() {
    for (text, hint) in [
        ("http://0.0.0.0:8080", "127.0.0.1"),
        ("http://[::]:8080", "127.0.0.1"),
        ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1"),
        ("http://localhost.:8080", "without the dot"),
        ("http://app.localhost:8080", "`localhost`"),
        ("http://localhost.localdomain:8080", "`localhost`"),
        ("http://10.0.0.7", "DangerousHttpOnPrivateNetwork"),
        ("http://op.internal", "DangerousHttpOnPrivateNetwork"),
    ] {
        for schemes in [Schemes::HttpsOnly, Schemes::DangerousHttpOnLoopback] {
            let error = Issuer::new(text, schemes).unwrap_err();
            assert_eq!(error.code(), ErrorCode::URL_SCHEME, "{text}");
            assert!(error.hint().contains(hint), "{text} {error}");
        }
    }
    let error = Issuer::new("http://op.example.org", Schemes::DangerousHttpOnLoopback).unwrap_err();
    assert_eq!(error.hint(), ErrorCode::URL_SCHEME.cure());
}

/// Which of the reasons it is.
#[test]
fn a_parameter_that_is_refused_says_why() {
    let mut world = World::new();
    let party = world.party().unwrap();
    let base = world.request.clone();
    for (request, why) in [
        (base.clone().with_parameter("state", "x"), "`state`, which this crate sets itself"),
        (
            base.clone().with_parameter("client_secret", "x"),
            "`client_secret`, which comes from the client's configuration",
        ),
        (base.clone().with_parameter("x", "1").with_parameter("x", "2"), "`x` twice"),
        (base.with_parameter("", "1"), "a parameter without a name"),
    ] {
        let error = party.authorize(request, &mut world.env).err().unwrap();
        assert_eq!(error.code(), ErrorCode::AUTHORIZATION_PARAMETER);
        assert_eq!(error.found().unwrap().as_str(), why);
    }
    let client = party.client().clone();
    for (client, why) in [
        (client.clone().with_token_parameter("code", "x"), "`code`, which this crate sets itself"),
        (
            client.clone().with_token_parameter("client_id", "x"),
            "`client_id`, which comes from the client's configuration",
        ),
        (client.with_token_parameter("x", "1").with_token_parameter("x", "2"), "`x` twice"),
    ] {
        let error = party.with_client(client).authorize(world.request.clone(), &mut world.env).err().unwrap();
        assert_eq!((error.code(), error.endpoint()), (ErrorCode::AUTHORIZATION_PARAMETER, None));
        assert_eq!(error.found().unwrap().as_str(), why);
    }
}

/// Nobody polls at a refresh.
#[test]
fn a_refresh_is_not_told_to_poll() {
    for name in ["authorization_pending", "slow_down"] {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        let body = json!({ "error": name }).to_string();
        world.op.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = body.clone().into();
        });
        let error = world.refresh(&user).err().unwrap().error;
        assert!(!error.hint().contains("Poll") && error.hint().contains("device"), "{error}");
    }
}

#[test]
fn a_claim_that_is_missing_is_reported_by_its_name() {
    for (claim, asked_for) in [("exp", false), ("iat", false), ("sub", false), ("auth_time", true)] {
        let mut world = World::new();
        if asked_for {
            world.request = world.request.with_max_age(std::time::Duration::from_secs(60));
        }
        world.op.edit_id_token(move |token| drop(token.claims.remove(claim)));
        let error = world.logged_in().err().unwrap().error;
        assert_eq!((error.code(), error.field()), (ErrorCode::ID_TOKEN_MISSING_CLAIM, Some(claim)));
        assert_eq!(error.hint().contains("max_age"), asked_for, "{error}");
        assert!(error.hint().contains("eport it to the provider"), "{error}");
    }
}

#[test]
fn a_redirect_of_the_metadata_says_which_issuer_to_try() {
    for (location, hint) in [
        ("https://new.example.org/.well-known/openid-configuration", "probably \"https://new.example.org\""),
        ("https://sso.example.org/login", "check the issuer"),
    ] {
        let mut world = World::new();
        world.op.tamper(On::ServerMetadata, move |response| {
            *response.status_mut() = http::StatusCode::MOVED_PERMANENTLY;
            response.headers_mut().insert("location", location.parse().unwrap());
        });
        let error = world.discover().err().unwrap().error;
        assert_eq!(error.code(), ErrorCode::HTTP_REDIRECT);
        assert!(error.hint().contains(hint), "{error}");
    }
}
