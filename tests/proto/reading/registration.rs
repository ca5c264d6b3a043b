//! Registration: what is asked for, what the provider answers instead, and what is kept.

use oidc_proto::flow::Registration;
use oidc_proto::jose::Algorithm;
use oidc_proto::testing::{self, On, RegisteredClient};
use oidc_proto::{
    ApplicationType, AuthMethod, Client, ClientAuth, Deviation, ErrorCode, Recovery, Registered, Registrations,
};
use serde_json::{Value, json};

use crate::hostile::strong::{CLIENT_SEED, key};
use crate::hostile::world::{At, REDIRECT, World, redirect};

fn put(op: &testing::Provider, name: &'static str, value: Value) {
    op.edit_json(On::Register, move |object| drop(object.insert(name.to_owned(), value.clone())));
}

/// The metadata list these methods only.
fn listing(methods: &'static [&'static str]) -> World {
    let world = World::new();
    world.op.edit_json(On::ServerMetadata, move |object| {
        object.insert("token_endpoint_auth_methods_supported".into(), json!(methods));
    });
    world
}

#[test]
fn an_initial_access_token_is_sent_and_what_it_yields_is_kept() {
    let mut world = World::new();
    world.op = world.op.with_initial_access_token("initial-1");
    let provider = world.discover().unwrap();
    let refused = world.register(&provider).unwrap_err();
    assert_eq!(refused.what(), (At::Registration, ErrorCode::REGISTRATION_DENIED));
    assert!(refused.error.hint().contains("initial access token"));

    let step = Registration::start_with_token(&provider, world.metadata.clone(), "initial-0".into());
    let refused = world.run(step).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::REGISTRATION_DENIED);
    assert!(refused.hint().contains("another initial access token"), "{}", refused.hint());

    let step = Registration::start_with_token(&provider, world.metadata.clone(), "initial-1".into());
    let registered: Registered = world.run(step).unwrap();
    let uri = format!("https://op.example.org/register/{}", registered.client_id());
    assert_eq!(registered.management_uri(), Some(&*uri));
    let token = registered.access_token().unwrap().expose().to_owned();
    assert!(!format!("{registered:?}").contains(&token));

    let mut registrations = Registrations::default();
    registrations.insert(provider.issuer(), &world.metadata, registered.clone());
    let stored = serde_json::to_string(&registrations).unwrap();
    let read = Registrations::from_json(&stored).unwrap();
    let again = read.by_client_id(provider.issuer(), registered.client_id()).unwrap();
    assert_eq!((again.access_token().unwrap().expose(), again.management_uri()), (&*token, Some(&*uri)));
    for malformed in ["", " ", "a b", "a\nb", "a\u{7f}", "ä"] {
        let refused = Registration::start_with_token(&provider, world.metadata.clone(), malformed.into());
        assert_eq!(refused.err().unwrap().code(), ErrorCode::TOKEN_MALFORMED, "{malformed:?}");
    }
}

/// A 401 or 403 without words says the same.
#[test]
fn a_silent_no_is_a_no() {
    for status in [401, 403] {
        let mut world = World::new();
        world.op.disturb(On::Register, testing::Disturbance::status(status), 1);
        assert_eq!(world.login().err().unwrap().what(), (At::Registration, ErrorCode::REGISTRATION_DENIED));
    }
}

#[test]
fn a_method_is_asked_for_that_the_provider_lists() {
    for (listed, asked, application_type, sent) in [
        (&["client_secret_basic"][..], AuthMethod::None, ApplicationType::Web, "client_secret_basic"),
        (&["client_secret_post", "private_key_jwt"], AuthMethod::None, ApplicationType::Web, "client_secret_post"),
        (&["none"], AuthMethod::None, ApplicationType::Web, "none"),
        (&["client_secret_basic"], AuthMethod::None, ApplicationType::Native, "none"),
        (&["client_secret_post"], AuthMethod::ClientSecretBasic, ApplicationType::Web, "client_secret_post"),
        (&["tls_client_auth"], AuthMethod::ClientSecretBasic, ApplicationType::Web, "client_secret_basic"),
    ] {
        let mut world = listing(listed);
        world.metadata = world.metadata.with_token_endpoint_auth_method(asked).with_application_type(application_type);
        let provider = world.discover().unwrap();
        world.register(&provider).unwrap();
        let expected = format!(r#""token_endpoint_auth_method":"{sent}""#);
        assert!(world.sent.last().unwrap().contains(&expected), "{listed:?} {asked:?}");
    }
}

/// RFC 7591 section 2: a secret without a method is `client_secret_basic`.
#[test]
fn a_secret_that_nobody_asked_for_is_used() {
    for answered in [None, Some(json!("")), Some(Value::Null)] {
        let mut world = World::new();
        world.op.edit_json(On::Register, move |object| {
            object.remove("token_endpoint_auth_method");
            answered.iter().for_each(|value| drop(object.insert("token_endpoint_auth_method".into(), value.clone())));
            object.insert("client_secret".into(), json!("s3cret"));
        });
        let provider = world.discover().unwrap();
        let registered = world.register(&provider).unwrap();
        assert!(matches!(registered.auth(), ClientAuth::SecretBasic(secret) if secret.expose() == "s3cret"));
        assert!(registered.flaws().is_empty());
    }
}

#[test]
fn a_registration_with_an_unusable_member_is_kept_and_says_so() {
    for (name, value, code) in [
        ("id_token_signed_response_alg", json!("none"), ErrorCode::JWS_ALGORITHM),
        ("id_token_signed_response_alg", json!(7), ErrorCode::JWS_ALGORITHM),
        ("userinfo_signed_response_alg", json!("RS1"), ErrorCode::JWS_ALGORITHM),
        ("token_endpoint_auth_method", json!("tls_client_auth"), ErrorCode::REGISTRATION_AUTH_METHOD),
        ("token_endpoint_auth_method", json!("private_key_jwt"), ErrorCode::REGISTRATION_AUTH_METHOD),
    ] {
        let mut world = World::new();
        put(&world.op, name, value.clone());
        let provider = world.discover().unwrap();
        let registered = world.register(&provider).unwrap();
        let [flaw] = registered.flaws() else { panic!("{name} {value}") };
        assert_eq!((flaw.code(), flaw.field()), (code, Some(name)), "{value}");
        // The login that follows holds to what was asked for.
        let party = oidc_proto::RelyingParty::new(provider, registered.client(&[redirect()]));
        let login = world.login_with(&party).unwrap();
        world.finish(login).unwrap();
    }
    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    world.op.lie(testing::Lie::RegistrationSecretAbsent);
    let provider = world.discover().unwrap();
    let registered = world.register(&provider).unwrap();
    assert_eq!(registered.flaws()[0].code(), ErrorCode::REGISTRATION_NO_SECRET);
}

/// Hydra echoes that userinfo is not signed.
#[test]
fn unsigned_userinfo_may_be_echoed() {
    for echo in [json!("none"), json!(""), Value::Null] {
        let mut world = World::new();
        put(&world.op, "userinfo_signed_response_alg", echo);
        let user = world.logged_in().unwrap();
        world.userinfo(&user).unwrap();
    }
}

#[test]
fn a_secret_goes_into_the_header_unless_only_the_form_is_listed() {
    for (listed, method) in [
        (&["client_secret_basic", "client_secret_post", "client_secret_jwt"][..], AuthMethod::ClientSecretBasic),
        (&["client_secret_jwt", "client_secret_post"], AuthMethod::ClientSecretPost),
        (&["none"], AuthMethod::ClientSecretBasic),
        (&[], AuthMethod::ClientSecretBasic),
    ] {
        let provider = listing(listed).discover().unwrap();
        let auth = ClientAuth::for_secret("a secret of thirty-two bytes and more".into(), &provider);
        assert_eq!(auth.method(), method, "{listed:?}");
    }
}

#[test]
fn an_assertion_is_for_the_token_endpoint_where_that_was_chosen() {
    for (chosen, audience) in [(false, "https://op.example.org"), (true, "https://op.example.org/token")] {
        let mut world = World::new();
        if chosen {
            world.options = world.options.with_deviation(Deviation::TokenEndpointAudience);
        }
        world.metadata = world
            .metadata
            .with_private_key(oidc_proto::jose::PrivateKey::local(key(Algorithm::Es256, CLIENT_SEED)))
            .unwrap();
        let user = world.logged_in().unwrap();
        world.refresh(&user).unwrap();
        let form = world.sent.last().unwrap().clone();
        let assertion = form.split("client_assertion=").nth(1).unwrap().split('&').next().unwrap();
        assert_eq!(crate::hostile::strong::read(assertion).1["aud"], audience);
    }
}

#[test]
fn basic_credentials_are_sent_as_they_are_where_that_was_chosen() {
    for chosen in [false, true] {
        let mut world = World::new();
        let secret = "a+b/c=";
        world.op = world.op.with_client(RegisteredClient::confidential("app", secret, REDIRECT));
        world.client =
            Some(Client::new("app").with_auth(ClientAuth::SecretBasic(secret.into())).with_redirect_uri(redirect()));
        if chosen {
            world.options = world.options.with_deviation(Deviation::UnencodedBasic);
        }
        // The embedded provider decodes, so that a plain `+` is a space to it.
        assert_eq!(world.logged_in().is_ok(), !chosen);
    }
}

/// Written all the same, it would make everything that is stored beside it unreadable.
#[test]
fn a_client_id_that_could_not_be_read_back_is_refused_where_it_is_given() {
    for id in ["", "a\nb", "a\u{202e}b", "\u{200b}", "a\0"] {
        assert_eq!(Registered::preregistered(id, ClientAuth::None).unwrap_err().code(), ErrorCode::CLIENT_ID, "{id:?}");
    }
    let issuer = World::new().discover().unwrap().issuer().clone();
    let mut registrations = Registrations::default();
    registrations.set_static(&issuer, Registered::preregistered("Bücherei 1", ClientAuth::None).unwrap());
    let stored = serde_json::to_string(&registrations).unwrap();
    assert!(Registrations::from_json(&stored).unwrap().static_client(&issuer).is_some());
}

#[test]
fn a_client_that_is_gone_is_registered_anew() {
    let mut world = World::with_secret(AuthMethod::ClientSecretBasic);
    let login = world.login().unwrap();
    world.op.tamper(On::Token, |response| {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        *response.body_mut() = br#"{"error":"invalid_client","error_description":"Client not found"}"#.to_vec();
    });
    let party = login.party.clone();
    let error = world.finish(login).err().unwrap().error;
    assert_eq!(error.recovery(), Recovery::RegisterAgain);
    let (issuer, id) = (party.provider().issuer(), party.client().id());
    let mut registrations = Registrations::default();
    let registered = Registered::preregistered(id, party.client().auth().clone()).unwrap();
    registrations.insert(issuer, &world.metadata, registered);
    assert!(registrations.remove(issuer, id));
    assert!(registrations.find(issuer, &world.metadata, oidc_proto::Env::now(&world.env)).is_none());
    world.op.honest();
    world.logged_in().unwrap();
    assert_eq!(world.op.count(On::Register), 2);
}
