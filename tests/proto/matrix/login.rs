//! Registering and logging in.

use oidc_proto::ResponseMode;
use oidc_proto::jose::Algorithm;
use oidc_proto::matrix::{
    AccountAction, Application, AuthMetadataFetch, DeviceCheck, DeviceId, Homeserver, LoginRequest, PendingLogin,
    ScopeForm, UserId,
};
use oidc_proto::testing::{self, KnownScopes, On, OnMatrix, Par, RegisteredClient, RequestTo};
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{Callback, Env as _, ErrorCode, Issuer, RedirectUri, Registrations, Schemes, Scope};

use crate::matrix::world::*;

/// What a login costs: from the homeserver's URL to a user ID.
#[test]
fn a_login_takes_five_requests_and_two_with_what_is_known() {
    let metadata = RequestTo::Homeserver(OnMatrix::AuthMetadata);
    let (register, keys, token) =
        (RequestTo::Provider(On::Register), RequestTo::Provider(On::Jwks), RequestTo::Provider(On::Token));
    let whoami = RequestTo::Homeserver(OnMatrix::Whoami);

    let mut world = World::new();
    world.logged_in();
    assert_eq!(world.hs.requests(), [metadata, register, token, whoami]);

    let mut world = World::new();
    let openid = || LoginRequest::new().with_further_scope(&Scope::new("openid").unwrap());
    let begun = world.begin(openid()).unwrap();
    let server = begun.party.server().clone();
    let login = world.finish(begun).unwrap().logged_in().unwrap();
    assert_eq!(world.hs.requests(), [metadata, register, keys, token, whoami]);
    assert!(login.session.tokens().id_token().is_some());

    // The second user of the same application.
    let begun = world.begin_at(&server, openid()).unwrap();
    world.finish(begun).unwrap().logged_in().unwrap();
    assert_eq!(world.hs.requests()[5..], [token, whoami]);
}

#[test]
fn the_device_is_made_or_given_and_spelled_as_the_homeserver_knows_it() {
    let given = DeviceId::new("MYDEVICE-01").unwrap();
    for (missing, known, prefix) in [
        (None, KnownScopes::Stable, "urn:matrix:client:"),
        (Some(OnMatrix::AuthMetadata), KnownScopes::Unstable, "urn:matrix:org.matrix.msc2967.client:"),
    ] {
        let mut world = World::with(|hs| missing.into_iter().fold(hs.with_scopes(known), |hs, on| hs.without(on)));
        let login = world.log_in(LoginRequest::new().with_device_id(given.clone())).unwrap().logged_in().unwrap();
        assert_eq!((login.session.user_id().as_str(), login.session.device_id()), ("@alice:example.org", &given));
        let scope = login.session.tokens().scope();
        assert_eq!(scope.as_str(), format!("{prefix}api:* {prefix}device:MYDEVICE-01"));

        let made = world.logged_in();
        let made = made.session.device_id().as_str();
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        assert!(made != given.as_str() && made.len() >= 10 && made.bytes().all(unreserved));
    }
    // A named choice goes before what the homeserver's age suggests.
    let mut world = World::with(|hs| hs.with_scopes(KnownScopes::Unstable));
    let refused = world.log_in(LoginRequest::new()).unwrap();
    assert_eq!(what(refused.logged_in()), (ErrorCode::HOMESERVER_UNKNOWN_TOKEN, Some("whoami")));
    assert!(world.log_in(LoginRequest::new().with_scope_form(ScopeForm::Unstable)).unwrap().logged_in().is_ok());
}

/// Deployed clients use the device's Curve25519 key; older homeservers made IDs of 8 characters.
#[test]
fn a_device_that_exists_keeps_its_id_whatever_it_looks_like() {
    for id in ["3On7QFJyLQMAErua9K/yIOcJALvuMYax1AW0iWgf64+", "ABCDEFGH", "A", "a!#$%&'()*+,/:;<=>?@[]^`{|}~"] {
        let mut world = World::new();
        let device = DeviceId::new(id).unwrap();
        let login = world.log_in(LoginRequest::new().with_device_id(device.clone())).unwrap().logged_in().unwrap();
        assert_eq!(login.session.device_id(), &device);
        let again = world.log_in(LoginRequest::again(&login.session)).unwrap().logged_in().unwrap();
        assert_eq!(again.session.device_id(), &device);

        let server = world.server();
        let party = world.party_of(&again.session, &server);
        let step = DeviceCheck::start(&device, again.session.tokens(), &party, &mut world.env);
        assert!(world.run(step).unwrap());
        let url = server.account.as_ref().unwrap().url(Some(AccountAction::DeviceView), Some(&device));
        let url = url::Url::parse(&url).unwrap();
        assert!(url.query_pairs().any(|(name, value)| name == "device_id" && value == id), "{url}");
    }
}

/// Where the provider takes nothing else (RFC 9126 section 5), or takes it, too.
#[test]
fn the_request_can_be_pushed() {
    for par in [Par::Required, Par::Advertised] {
        let mut world = World::new();
        drop(world.hs.provider().clone().with_par(par));
        let server = world.server();
        let party = world.party(&server).unwrap();
        if par == Par::Required {
            let refused = LoginRequest::new().start(redirect(), &party, &mut world.env);
            assert_eq!(what(refused).0, ErrorCode::PAR_REQUIRED);
        }
        let device_id = DeviceId::new("MYDEVICE-01").unwrap();
        let step = LoginRequest::new().with_device_id(device_id.clone()).push(redirect(), &party, &mut world.env);
        let (url, pending) = world.run(step).unwrap();
        let parsed = url::Url::parse(url.as_str()).unwrap();
        let names: Vec<_> = parsed.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["client_id", "request_uri"]);
        let pending = PendingLogin::from_json(&serde_json::to_string(&pending).unwrap()).unwrap();
        let login = world.finish(Begun { party, url, pending }).unwrap().logged_in().unwrap();
        assert_eq!(login.session.device_id(), &device_id);
    }
    let mut world = World::new();
    drop(world.hs.provider().clone().with_par(Par::Off));
    let server = world.server();
    let party = world.party(&server).unwrap();
    let step = LoginRequest::new().push(redirect(), &party, &mut world.env);
    assert_eq!(what(step).0, ErrorCode::PAR_UNSUPPORTED);
}

#[test]
fn the_request_says_what_was_asked_for() {
    let mut world = World::new();
    let joe = UserId::new("@joe:example.org").unwrap();
    let request = LoginRequest::new()
        .with_account_creation()
        .with_login_hint_for(&joe)
        .with_further_scope(&Scope::new("urn:synapse:admin:*").unwrap());
    let begun = world.begin(request).unwrap();
    let url = url::Url::parse(begun.url.as_str()).unwrap();
    let param = |name: &str| url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
    assert_eq!(param("prompt").as_deref(), Some("create"));
    assert_eq!(param("login_hint").as_deref(), Some("mxid:@joe:example.org"));
    assert_eq!(param("response_mode").as_deref(), Some("query"));
    assert_eq!(param("code_challenge_method").as_deref(), Some("S256"));
    assert!(param("scope").unwrap().ends_with(" urn:synapse:admin:*"));
    assert_eq!(param("nonce"), None);

    let mut world = World::new();
    world.hs.edit_json(OnMatrix::AuthMetadata, |o| {
        o.insert("prompt_values_supported".into(), serde_json::json!(["login"]));
    });
    assert_eq!(
        world.begin(LoginRequest::new().with_account_creation()).err().unwrap().field(),
        Some("prompt_values_supported")
    );
    assert!(!world.server().creates_accounts());
}

/// The code is kept out of the logs of whatever server the page is on.
#[test]
fn the_response_comes_in_the_fragment_where_the_page_is_elsewhere() {
    for (application_type, uri, mode) in [
        (ApplicationType::Web, "https://app.example.org/cb", ResponseMode::Fragment),
        (ApplicationType::Native, "https://app.example.org/cb", ResponseMode::Fragment),
        (ApplicationType::Native, "http://127.0.0.1/cb", ResponseMode::Query),
        (ApplicationType::Native, "http://localhost/cb", ResponseMode::Query),
        (ApplicationType::Native, "org.example.app:/cb", ResponseMode::Query),
    ] {
        let mut world = World::new();
        let uri = RedirectUri::new(uri).unwrap();
        let metadata =
            ClientMetadata::new(application_type, vec![uri.clone()]).with_client_uri("https://app.example.org/");
        world.application = Application::new(metadata, Registrations::default()).unwrap();
        let server = world.server();
        let party = world.party(&server).unwrap();
        let (url, pending) = LoginRequest::new().start(uri, &party, &mut world.env).unwrap();
        assert_eq!(pending.response_mode(), mode);
        let callback = Callback::from_url(world.hs.visit(url.as_str(), world.env.now()).callback()).unwrap();
        let verified = pending.check(&callback, &party, world.env.now()).unwrap();
        let step = pending.redeem(verified, &party, &mut world.env);
        assert!(world.run(step).unwrap().logged_in().is_ok());
    }
    let mut world = World::new();
    let begun = world.begin(LoginRequest::new().with_response_mode(ResponseMode::Fragment)).unwrap();
    assert!(world.finish(begun).unwrap().logged_in().is_ok());
}

#[test]
fn a_login_waits_for_its_own_response_and_not_for_ever() {
    let mut world = World::new();
    let begun = world.begin(LoginRequest::new().with_login_hint("deny:alice")).unwrap();
    let error = begun.pending.check(&world.callback(&begun), &begun.party, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::AUTHORIZATION_ACCESS_DENIED);

    // Another login's answer does not use this one up.
    let (first, second) = (world.begin(LoginRequest::new()).unwrap(), world.begin(LoginRequest::new()).unwrap());
    let (response, other) = (world.callback(&first), world.callback(&second));
    assert_eq!((first.pending.key(), second.pending.key()), (response.key().unwrap(), other.key().unwrap()));
    let error = first.pending.check(&other, &first.party, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_STATE_MISMATCH);
    assert!(first.pending.check(&response, &first.party, world.env.now()).is_ok());
    world.pass(15 * 60);
    assert_eq!(first.pending.expires_at(), world.env.now());
    let error = first.pending.check(&response, &first.party, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_EXPIRED);
}

#[test]
fn an_application_is_registered_once_per_provider_and_per_what_it_says() {
    let mut world = World::new();
    let server = world.server();
    let first = world.party(&server).unwrap().client().clone();
    assert_eq!(world.party(&server).unwrap().client().id(), first.id());

    // What was stored is found again by another process.
    let stored = serde_json::to_string(world.application.registrations()).unwrap();
    world.application = Application::new(metadata(), Registrations::from_json(&stored).unwrap()).unwrap().with_reuse();
    assert_eq!(world.party(&server).unwrap().client().id(), first.id());
    assert_eq!(world.hs.provider().count(On::Register), 1);

    let session = world.logged_in().session;
    let changed = metadata().with_logo_uri("https://app.example.org/logo.png");
    world.application.set_metadata(changed).unwrap();
    assert!(world.application.party(&server, world.env.now()).is_none());
    let second = world.party(&server).unwrap().client().clone();
    assert_ne!(second.id(), first.id());
    // Sessions go on with the client that they were made with.
    assert_eq!(world.party_of(&session, &server).client().id(), first.id());

    // Configured by hand: no registration, and the others are still there for their sessions.
    world.application.set_static(server.provider.issuer(), "configured").unwrap();
    assert_eq!(world.party(&server).unwrap().client().id(), "configured");
    assert_eq!(world.party_of(&session, &server).client().id(), first.id());

    // At another provider it is someone else.
    let other = Issuer::new("https://other.example.org", Schemes::HttpsOnly).unwrap();
    world.application.set_static(&other, "elsewhere").unwrap();
    assert_eq!(world.party(&server).unwrap().client().id(), "configured");
    assert!(world.application.forget(&server, "configured") && world.application.forget(&server, first.id()));
    assert_eq!(world.party(&server).unwrap().client().id(), second.id());
}

/// What other SDKs panic on.
#[test]
fn a_client_id_can_be_changed_while_sessions_live_on_the_old_one() {
    let mut world = World::new();
    let server = world.server();
    let issuer = server.provider.issuer().clone();
    let registered = world.party(&server).unwrap().client().clone();
    let sessions = ["first", "second"].map(|client_id| {
        drop(world.hs.provider().clone().with_client(RegisteredClient::public(client_id, REDIRECT)));
        world.application.set_static(&issuer, client_id).unwrap();
        world.logged_in().session
    });
    world.application.set_static(&issuer, "third").unwrap();
    world.application.set_static(&issuer, "second").unwrap();
    let stored = serde_json::to_string(world.application.registrations()).unwrap();
    world.application = Application::new(metadata(), Registrations::from_json(&stored).unwrap()).unwrap().with_reuse();
    for (session, client_id) in sessions.iter().zip(["first", "second"]) {
        assert_eq!(world.party_of(session, &server).client().id(), client_id);
    }
    assert_eq!(world.party(&server).unwrap().client().id(), "second");
    world.application.unset_static(&issuer);
    assert_eq!(world.party(&server).unwrap().client().id(), registered.id());
    for (session, client_id) in sessions.iter().zip(["first", "second"]) {
        assert_eq!(world.party_of(session, &server).client().id(), client_id);
        assert!(world.application.forget(&server, client_id) && !world.application.forget(&server, client_id));
    }
}

/// Two homeservers with a provider each, and one that shares the first one's.
#[test]
fn one_application_is_known_at_any_number_of_homeservers() {
    let place = |url: &str, name: &str, issuer: &str| {
        let op = testing::Provider::new(issuer).with_seed(1002);
        (testing::Homeserver::new(url, name, op), Homeserver::new(url, Schemes::HttpsOnly).unwrap())
    };
    let mut world = World::new();
    let (other, other_at) = place("https://matrix.example.net", "example.net", "https://account.example.net");
    let sibling_at = Homeserver::new("https://matrix2.example.org", Schemes::HttpsOnly).unwrap();
    let sibling = testing::Homeserver::new(sibling_at.as_str(), "2.example.org", world.hs.provider().clone());
    let (first, at_first) = (world.logged_in().session, world.server());
    let log_in = |world: &mut World, hs: &testing::Homeserver, at: &Homeserver| {
        let own = std::mem::replace(&mut world.hs, hs.clone());
        let server = world.run(AuthMetadataFetch::start(at.clone(), world.options)).unwrap().supported().unwrap();
        let begun = world.begin_at(&server, LoginRequest::new()).unwrap();
        let session = world.finish(begun).unwrap().logged_in().unwrap().session;
        world.hs = own;
        (session, server)
    };
    let (second, at_second) = log_in(&mut world, &other, &other_at);
    let (third, at_third) = log_in(&mut world, &sibling, &sibling_at);
    assert_eq!(second.user_id().as_str(), "@alice:example.net");
    assert_eq!((third.user_id().as_str(), third.homeserver()), ("@alice:2.example.org", &sibling_at));
    // Per provider one registration, whatever the number of homeservers.
    assert_eq!(world.hs.provider().count(On::Register), 1);
    assert_eq!(other.provider().count(On::Register), 1);
    let own = world.party_of(&first, &at_first);
    for (session, server) in [(&first, &at_first), (&second, &at_second), (&third, &at_third)] {
        let party = world.party_of(session, server);
        assert_eq!(party.client().id(), session.tokens().client_id());
        assert_eq!(party.client().id() == own.client().id(), *session.tokens().issuer() == *first.tokens().issuer());
    }
}

/// What is sent is what Matrix asks for.
#[test]
fn metadata_are_localized_and_those_that_no_server_takes_are_not_sent() {
    let document = serde_json::to_value(metadata()).unwrap();
    for (name, value) in [
        ("client_uri", "https://app.example.org/"),
        ("client_name", "Example"),
        ("client_name#fr", "Exemple"),
        ("application_type", "native"),
        ("token_endpoint_auth_method", "none"),
    ] {
        assert_eq!(document[name], value);
    }
    assert_eq!(document["grant_types"].as_array().unwrap().len(), 3);

    let metadata = metadata().with_redirect_uris([RedirectUri::new("http://127.0.0.1:8080/cb").unwrap()]);
    let refused = Application::new(metadata.clone(), Registrations::default());
    assert_eq!(what(refused), (ErrorCode::REGISTRATION_REDIRECT_URI, Some("redirect_uris")));
    let mut world = World::new();
    let refused = world.application.set_metadata(metadata);
    assert_eq!(what(refused), (ErrorCode::REGISTRATION_REDIRECT_URI, Some("redirect_uris")));
    assert!(world.log_in(LoginRequest::new()).is_ok());
}

#[test]
fn id_tokens_are_verified_where_they_are_asked_for() {
    let mut world = World::new();
    let metadata = metadata().with_id_token_signed_response_alg(Algorithm::Es256);
    world.application.set_metadata(metadata).unwrap();
    world.hs.provider().lie(oidc_proto::testing::Lie::SignatureWrong);
    let request = LoginRequest::new().with_further_scope(&Scope::new("openid").unwrap());
    assert_eq!(what(world.log_in(request).unwrap().logged_in()).0, ErrorCode::JWS_SIGNATURE);
}
