//! What another SDK has stored goes on here; what this one has stored goes on without the network.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc_proto::matrix::{Application, AuthServer, LoginRequest, SdkSession, Session, UserSession, Whoami};
use oidc_proto::session::{Access, SessionOptions};
use oidc_proto::testing::{On, OnMatrix};
use oidc_proto::{AccessToken, Env as _, ErrorCode, Registrations, Scope, Secret, TokenSet};
use serde_json::{Value, json};

use crate::matrix::world::*;

/// As the SDK would have stored the session.
fn stored(session: &UserSession) -> Value {
    json!({
        "user_id": session.user_id(), "device_id": session.device_id(),
        "access_token": session.tokens().access_token().expose(),
        "refresh_token": session.tokens().refresh_token().unwrap().expose(),
    })
}

fn with(mut value: Value, name: &str, member: impl Into<Value>) -> Value {
    value[name] = member.into();
    value
}

/// The session works, and refreshes.
fn goes_on(world: &mut World, session: &UserSession) {
    let server = world.server();
    let party = world.party_of(session, &server);
    let step = Whoami::start(session.tokens(), &party, &mut world.env);
    let identity = world.run(step).unwrap();
    assert_eq!((&identity.user_id, identity.device_id.as_ref()), (session.user_id(), Some(session.device_id())));
    let step = party.relying_party().refresh(session.tokens(), &mut world.env);
    world.run(step).unwrap().verified().unwrap();
}

#[test]
fn sessions_of_both_generations_of_the_sdk_go_on() {
    for form in 0..5 {
        let mut world = World::new();
        let session = world.logged_in().session;
        world.application = Application::new(metadata(), Registrations::default()).unwrap();
        let (user, id) = (stored(&session), session.tokens().client_id().to_owned());
        let (oauth, oidc) = (user.clone(), with(user.clone(), "issuer", format!("{ISSUER}/")));
        let text = match form {
            0 => oauth,
            1 => json!({ "client_id": id, "user": oauth }),
            2 => json!({ "client_id": id, "user_session": oauth, "client_session": { "homeserver": HOMESERVER } }),
            3 => {
                json!({ "client_credentials": { "client_id": id }, "user_session": with(oidc, "latest_id_token", "e.e.e") })
            }
            _ => json!({ "client_id": id, "user": with(user, "issuer_info", json!({ "issuer": ISSUER })) }),
        };
        let read = SdkSession::from_json(&text.to_string()).unwrap();
        assert_eq!((read.client_id().is_some(), read.issuer().is_some()), (form != 0, form > 2));
        let read = if form == 0 { read.with_client_id(&id) } else { read };
        let server = world.server();
        let imported = read.join(&server, world.env.now()).unwrap();
        assert_eq!(imported.binding(), session.binding());
        goes_on(&mut world, &imported);
    }
}

/// 0.10 asked for ID tokens. The newest one is the hint for the provider's pages, there as here.
#[test]
fn the_id_token_that_the_sdk_stored_stays_the_hint() {
    let mut world = World::new();
    let request = LoginRequest::new().with_further_scope(&Scope::new("openid").unwrap());
    let session = world.log_in(request).unwrap().logged_in().unwrap().session;
    let (server, now) = (world.server(), world.env.now());
    let (user, id) = (stored(&session), session.tokens().client_id().to_owned());
    let own = session.tokens().id_token().unwrap();
    let join = |id_token: &str, issuer: &str, client_id: &str| {
        let user = with(with(user.clone(), "latest_id_token", id_token), "issuer", issuer);
        let read = SdkSession::from_json(&json!({ "client_id": client_id, "user": user }).to_string()).unwrap();
        assert!(!format!("{read:?}").contains(id_token));
        read.join(&server, now).unwrap()
    };
    let imported = join(own.expose(), ISSUER, &id);
    assert_eq!(imported.tokens().subject(), Some(own.subject()));
    assert_eq!(serde_json::to_value(imported.tokens().id_token()).unwrap(), serde_json::to_value(own).unwrap());
    let account = server.account.as_ref().unwrap();
    assert!(imported.account_url(account, None, None).as_str().contains(own.expose()));
    goes_on(&mut world, &imported);

    // One of another client, of another issuer or of nobody costs no session.
    let claims = |change: fn(&mut Value)| {
        let mut parts: Vec<_> = own.expose().split('.').map(str::to_owned).collect();
        let mut claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&parts[1]).unwrap()).unwrap();
        change(&mut claims);
        parts[1] = URL_SAFE_NO_PAD.encode(claims.to_string());
        parts.join(".")
    };
    for damaged in [
        claims(|claims| claims["aud"] = "another".into()),
        claims(|claims| claims["iss"] = "https://id.example.net".into()),
        claims(|claims| claims["sub"] = "".into()),
        claims(|claims| claims["exp"] = Value::Null),
        "e.e.e".to_owned(),
        own.expose()[..40].to_owned(),
    ] {
        assert!(join(&damaged, ISSUER, &id).tokens().id_token().is_none(), "{damaged}");
    }
    assert!(join(own.expose(), ISSUER, "another").tokens().id_token().is_none());
}

/// 0.10 named the issuer, which has another name by now. The homeserver is the same.
#[test]
fn a_session_whose_provider_was_renamed_is_taken_over_by_name() {
    let mut world = World::new();
    let session = world.logged_in().session;
    let (server, now) = (world.server(), world.env.now());
    let user = with(stored(&session), "issuer", "https://old.example.org/");
    let text = json!({ "client_id": session.tokens().client_id(), "user": user }).to_string();
    let read = SdkSession::from_json(&text).unwrap();
    assert_eq!(what(read.clone().join(&server, now)).0, ErrorCode::PROVIDER_MISMATCH);
    let imported = read.without_issuer().join(&server, now).unwrap();
    assert_eq!(imported.tokens().issuer().as_str(), ISSUER);
    goes_on(&mut world, &imported);
}

#[test]
fn what_the_sdk_did_not_store_is_not_made_up() {
    let mut world = World::new();
    let user = stored(&world.logged_in().session);
    let server = world.server();
    let now = world.env.now();
    let join = |value: Value| SdkSession::from_json(&value.to_string()).and_then(|read| read.join(&server, now));
    assert_eq!(what(join(user.clone())), (ErrorCode::CLIENT_MISMATCH, Some("client_id")));
    let hint = join(user.clone()).unwrap_err().hint().to_owned();
    assert!(hint.contains("names no client") && hint.contains("SdkSession::with_client_id"), "{hint}");
    let elsewhere = json!({ "client_id": "a", "user": with(user.clone(), "issuer", "https://id.example.net/") });
    let error = join(elsewhere).unwrap_err();
    assert_eq!(error.code(), ErrorCode::PROVIDER_MISMATCH);
    assert!(error.to_string().contains("id.example.net") && error.to_string().contains(ISSUER), "{error}");
    let refresh = json!({ "client_id": "a", "user": with(user.clone(), "refresh_token", "\u{7}") });
    assert_eq!(what(join(refresh)), (ErrorCode::TOKEN_MALFORMED, Some("refresh_token")));
    for damaged in [
        json!({}),
        json!([]),
        with(user.clone(), "user_id", "SENTINEL"),
        with(user.clone(), "device_id", ""),
        with(user.clone(), "access_token", "SENTINEL\n"),
        with(user, "access_token", 1),
    ] {
        let error = SdkSession::from_json(&damaged.to_string()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::STORED_MALFORMED);
        assert!(!format!("{error:?} {error}").contains("SENTINEL"));
    }
}

#[test]
fn client_ids_that_the_sdk_registered_or_was_given_are_taken_over() {
    let mut world = World::new();
    let server = world.server();
    for (file, expected) in [
        (
            json!({ "metadata": {}, "dynamic_registrations": { "https://account.example.org/": "registered" } }),
            "registered",
        ),
        (json!({ "static_registrations": { "https://account.example.org/": "by_issuer" } }), "by_issuer"),
        (json!({ "metadata": {}, "static_registrations": { "https://matrix.example.org/": "at_home" } }), "at_home"),
    ] {
        let mut application = Application::new(metadata(), Registrations::default()).unwrap().with_reuse();
        assert!(application.import(&server, &file.to_string()).unwrap());
        assert_eq!(application.party(&server, world.env.now()).unwrap().client().id(), expected);
    }
    let elsewhere = json!({ "dynamic_registrations": { "https://id.example.net/": "elsewhere" } });
    assert!(!world.application.import(&server, &elsewhere.to_string()).unwrap());
    // What could not be read back from storage is passed over.
    for clients in ["dynamic_registrations", "static_registrations"] {
        let file = json!({ "dynamic_registrations": {}, clients: { ISSUER: "a\u{202e}b" } });
        assert!(!world.application.import(&server, &file.to_string()).unwrap());
    }
    let damaged = world.application.import(&server, r#"{"dynamic_registrations":[]}"#);
    assert_eq!(what(damaged).0, ErrorCode::STORED_MALFORMED);
}

/// The SDK registers again when its metadata change. A client of older ones serves its sessions, and no login.
#[test]
fn a_client_that_the_sdk_registered_for_other_redirect_uris_is_for_its_sessions_only() {
    for (uris, is_used) in [
        (json!([REDIRECT]), true),
        (json!(["org.example.app:/other", REDIRECT]), true),
        (json!(["org.example.app:/other"]), false),
        (json!([]), false),
    ] {
        let mut world = World::new();
        let session = world.logged_in().session;
        let server = world.server();
        let id = session.tokens().client_id();
        let file = json!({ "metadata": { "redirect_uris": uris }, "dynamic_registrations": { ISSUER: id } });
        world.application = Application::new(metadata(), Registrations::default()).unwrap().with_reuse();
        assert!(world.application.import(&server, &file.to_string()).unwrap());
        let party = world.application.party(&server, world.env.now());
        assert_eq!(party.is_some(), is_used, "{file}");
        assert_eq!(world.party_of(&session, &server).client().id(), id);
        goes_on(&mut world, &session);
    }
    // As the SDK writes it: its URLs have a path.
    let mut world = World::new();
    let server = world.server();
    let metadata = metadata_with(&["http://127.0.0.1", "https://app.example.org"]);
    let written = ["http://127.0.0.1/", "https://app.example.org/"];
    let file = json!({ "metadata": { "redirect_uris": written }, "dynamic_registrations": { ISSUER: "registered" } });
    let mut application = Application::new(metadata, Registrations::default()).unwrap().with_reuse();
    assert!(application.import(&server, &file.to_string()).unwrap());
    assert!(application.party(&server, world.env.now()).is_some());
}

/// The application starts where there is no network.
#[test]
fn a_session_is_restored_with_stored_metadata() {
    for missing in [&[][..], &[OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable]] {
        let mut world = World::with(|hs| missing.iter().fold(hs, |hs, &on| hs.without(on)));
        let session = world.logged_in().session;
        let server = world.server();
        let (text, asked) = (serde_json::to_string(&*server).unwrap(), world.hs.requests().len());
        let restored = AuthServer::from_json(&text, world.options).unwrap();
        assert_eq!((&restored.homeserver, restored.source), (&server.homeserver, server.source));
        assert_eq!((restored.freshness, restored.account.is_some()), (server.freshness, server.account.is_some()));
        let party = world.party_of(&session, &restored);
        let mut live = Session::new(session, None, &party, SessionOptions::default(), &mut world.env).unwrap();
        assert!(matches!(live.access(&mut world.env), Access::Ready(_)));
        assert_eq!(world.hs.requests().len(), asked);

        let mut damaged: Value = serde_json::from_str(&text).unwrap();
        damaged["issuer"] = "https://id.example.net".into();
        let refused = AuthServer::from_json(&damaged.to_string(), world.options);
        assert_eq!(what(refused).0, ErrorCode::METADATA_ISSUER_MISMATCH);
        for (name, value, code) in [
            ("version", json!(2), ErrorCode::STORED_VERSION),
            ("homeserver", json!("x"), ErrorCode::STORED_MALFORMED),
            ("homeserver", json!("http://localhost"), ErrorCode::URL_SCHEME),
        ] {
            let mut damaged: Value = serde_json::from_str(&text).unwrap();
            damaged[name] = value;
            assert_eq!(what(AuthServer::from_json(&damaged.to_string(), world.options)).0, code);
        }
    }
}

#[test]
fn tokens_that_one_has_make_a_session() {
    let mut world = World::new();
    let own = world.logged_in().session;
    let tokens = own.tokens();
    let parts = TokenSet::from_parts(
        tokens.issuer(),
        tokens.client_id(),
        AccessToken::new(tokens.access_token().expose()).unwrap(),
        tokens.refresh_token().cloned(),
        world.env.now(),
    );
    let parts = parts.unwrap().with_scope(tokens.scope().clone()).with_expires_at(tokens.expires_at().unwrap());
    assert_eq!(serde_json::to_value(&parts).unwrap(), serde_json::to_value(tokens).unwrap());
    goes_on(&mut world, &own.binding().with_tokens(parts));
    let refused = TokenSet::from_parts(
        tokens.issuer(),
        "app",
        tokens.access_token().clone(),
        Some(Secret::from("\n")),
        world.env.now(),
    );
    assert_eq!(what(refused), (ErrorCode::TOKEN_MALFORMED, Some("refresh_token")));
    assert_eq!(world.hs.provider().count(On::Register), 1);
}
