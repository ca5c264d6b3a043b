//! Which client ID a login uses, and for how long.

use oidc_proto::matrix::{Application, LoginRequest, Party, PendingDeviceLogin, PendingLogin, UserSession};
use oidc_proto::testing::{Decision, On, OnMatrix, Par, RegisteredClient};
use oidc_proto::{ApplicationType, Callback, ClientMetadata, Env as _, Error, ErrorCode, GrantType, Registrations};

use crate::matrix::world::*;

/// A world whose application registers for each login, as the specification demands.
fn world() -> World {
    let mut world = World::new();
    world.application = Application::new(metadata(), Registrations::default()).unwrap();
    world
}

fn client_id(session: &UserSession) -> &str {
    session.tokens().client_id()
}

#[test]
fn each_login_registers_and_each_session_keeps_its_own_client() {
    let mut world = world();
    let sessions = [world.logged_in().session, world.logged_in().session];
    assert_ne!(client_id(&sessions[0]), client_id(&sessions[1]));
    assert_eq!(world.hs.provider().count(On::Register), 2);

    // In another process, too.
    let stored = serde_json::to_string(world.application.registrations()).unwrap();
    world.application = Application::new(metadata(), Registrations::from_json(&stored).unwrap()).unwrap();
    let server = world.server();
    for session in &sessions {
        assert_eq!(world.party_of(session, &server).client().id(), client_id(session));
    }
    assert!(world.application.party(&server, world.env.now()).is_none());
    world.application = world.application.with_reuse();
    let newest = world.application.party(&server, world.env.now()).unwrap();
    assert_eq!(newest.client().id(), client_id(&sessions[1]));
}

/// One of them wrote the file last.
#[test]
fn two_processes_that_register_at_once_orphan_no_session() {
    let mut world = world();
    let mut written = Vec::new();
    let sessions = [(); 2].map(|()| {
        world.application = Application::new(metadata(), Registrations::default()).unwrap();
        let session = world.logged_in().session;
        written.push(world.application.registrations().clone());
        session
    });
    let server = world.server();
    for session in &sessions {
        let party = world.party_of(session, &server);
        let step = session.revoke(&party, &mut world.env);
        world.run(step).unwrap();
    }
    // Where the clients have secrets, the files are joined.
    let mut joined = written.remove(0);
    joined.merge(written.remove(0));
    for session in &sessions {
        assert!(joined.by_client_id(session.tokens().issuer(), client_id(session)).is_some());
    }
}

#[test]
fn a_client_id_can_be_configured_for_a_homeserver() {
    let mut world = world();
    let server = world.server();
    for id in ["by_issuer", "by_homeserver"] {
        drop(world.hs.provider().clone().with_client(RegisteredClient::public(id, REDIRECT)));
    }
    world.application.set_static(server.provider.issuer(), "by_issuer").unwrap();
    world.application.set_static_at(&server.homeserver, "by_homeserver").unwrap();
    let session = world.logged_in().session;
    assert_eq!(client_id(&session), "by_homeserver");
    for id in ["", "a\u{202e}b"] {
        assert_eq!(what(world.application.set_static(server.provider.issuer(), id)).0, ErrorCode::CLIENT_ID);
        assert_eq!(what(world.application.set_static_at(&server.homeserver, id)).0, ErrorCode::CLIENT_ID);
    }
    world.application.unset_static_at(&server.homeserver);
    assert_eq!(client_id(&world.logged_in().session), "by_issuer");
    assert_eq!(world.party_of(&session, &server).client().id(), "by_homeserver");
    assert_eq!(world.hs.provider().count(On::Register), 0);
}

/// Where the request goes at which the provider says that it does not know the client.
#[derive(Clone, Copy, Debug)]
enum Place {
    Pushed,
    Device,
    Code,
    Browser,
}

fn attempt(world: &mut World, party: &Party, place: Place) -> Result<(), Error> {
    let request = LoginRequest::new();
    match place {
        Place::Pushed => {
            let step = request.push(redirect(), party, &mut world.env);
            world.run(step).map(drop)
        }
        Place::Device => {
            let step = request.start_device(party, &mut world.env);
            world.run(step).map(drop)
        }
        Place::Code | Place::Browser => {
            let (url, pending) = request.start(redirect(), party, &mut world.env)?;
            let visit = world.hs.visit(url.as_str(), world.env.now());
            // The browser stays on the provider's error page until the application's patience ends.
            let callback = Callback::from_url(visit.callback()).map_err(|_| ErrorCode::CALLBACK_EXPIRED)?;
            if matches!(place, Place::Code) {
                world.hs.provider().forget_clients();
            }
            let verified = pending.check(&callback, party, world.env.now())?;
            let step = pending.redeem(verified, party, &mut world.env);
            world.run(step).map(drop)
        }
    }
}

#[test]
fn a_client_that_the_provider_forgot_is_registered_anew_once() {
    for (place, code) in [
        (Place::Pushed, ErrorCode::TOKEN_INVALID_CLIENT),
        (Place::Device, ErrorCode::TOKEN_INVALID_CLIENT),
        (Place::Browser, ErrorCode::CALLBACK_EXPIRED),
    ] {
        let mut world = world();
        world.application = world.application.with_reuse();
        drop(world.hs.provider().clone().with_par(Par::Advertised));
        let session = world.logged_in().session;
        let server = world.server();
        world.hs.provider().forget_clients();

        let party = world.party(&server).unwrap();
        assert_eq!(party.client().id(), client_id(&session));
        let error = attempt(&mut world, &party, place).unwrap_err();
        assert_eq!(error.code(), code, "{place:?}");
        assert!(world.application.retire(&party, &error), "{place:?} {error}");
        // Whether its session can go on is for the session to find out.
        assert_eq!(world.party_of(&session, &server).client().id(), client_id(&session));
        let anew = world.party(&server).unwrap();
        assert_ne!(anew.client().id(), client_id(&session));
        attempt(&mut world, &anew, place).unwrap();

        // A provider that knows no client at all is not asked for more of them.
        world.hs.provider().forget_clients();
        let error = attempt(&mut world, &anew, place).unwrap_err();
        assert_eq!(error.code(), code, "{place:?}");
        assert!(!world.application.retire(&anew, &error), "{place:?}");
    }
}

#[test]
fn a_code_that_an_unknown_client_redeems_is_followed_by_a_login_with_a_new_one() {
    let mut world = world();
    world.application = world.application.with_reuse();
    world.logged_in();
    let server = world.server();
    let party = world.party(&server).unwrap();
    let error = attempt(&mut world, &party, Place::Code).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_CLIENT);
    assert!(world.application.retire(&party, &error));
    world.logged_in();
}

#[test]
fn other_failures_and_configured_clients_retire_nothing() {
    let mut world = world();
    let server = world.server();
    world.application.set_static(server.provider.issuer(), "configured").unwrap();
    let configured = world.party(&server).unwrap();
    assert!(!world.application.retire(&configured, &ErrorCode::TOKEN_INVALID_CLIENT.into()));
    world.application.unset_static(server.provider.issuer());
    world.application = world.application.with_reuse();
    world.logged_in();
    let party = world.party(&server).unwrap();
    for code in [ErrorCode::TOKEN_INVALID_GRANT, ErrorCode::HTTP_SERVER_ERROR, ErrorCode::AUTHORIZATION_ACCESS_DENIED] {
        assert!(!world.application.retire(&party, &code.into()));
    }
    assert!(world.application.party(&server, world.env.now()).is_some());
}

/// The device grant is switched off: nothing is shown to a user that could not work.
#[test]
fn a_device_login_is_refused_where_the_provider_did_not_grant_it() {
    for with_grant in [false, true] {
        let mut world = world();
        world.application = world.application.with_reuse();
        if !with_grant {
            world.hs.provider().edit_json(On::Register, |o| {
                o.insert("grant_types".into(), serde_json::json!(["authorization_code", "refresh_token", "urn:x"]));
            });
        }
        let server = world.server();
        let registered = world.party(&server).unwrap();
        let stored = serde_json::to_string(world.application.registrations()).unwrap();
        world.application =
            Application::new(metadata(), Registrations::from_json(&stored).unwrap()).unwrap().with_reuse();
        let restored = world.party(&server).unwrap();
        for party in [registered, restored] {
            assert_eq!(party.client().grants(GrantType::DeviceCode), with_grant);
            let asked = world.hs.requests().len();
            let step = LoginRequest::new().start_device(&party, &mut world.env);
            match world.run(step) {
                Ok(_) => assert!(with_grant),
                Err(error) => {
                    assert_eq!((error.code(), error.field()), (ErrorCode::DEVICE_UNSUPPORTED, Some("grant_types")));
                    assert_eq!(world.hs.requests().len(), asked);
                }
            }
        }
        assert_eq!(world.asked(), [OnMatrix::AuthMetadata]);
        world.logged_in();
    }
}

/// The program ended while the user was in the browser, or at the other device.
#[test]
fn a_login_that_was_stored_finds_its_client_again() {
    for reuses in [false, true] {
        let mut world = world();
        let application = |registrations| {
            let application = Application::new(metadata(), registrations).unwrap();
            if reuses { application.with_reuse() } else { application }
        };
        world.application = application(Registrations::default());
        let server = world.server();
        // Another login has begun since.
        let begun = world.begin(LoginRequest::new()).unwrap();
        let party = world.party(&server).unwrap();
        let step = LoginRequest::new().start_device(&party, &mut world.env);
        let device = world.run(step).unwrap();
        let callback = world.callback(&begun);
        let stored = [serde_json::to_string(&begun.pending).unwrap(), serde_json::to_string(&device).unwrap()];
        let registrations = serde_json::to_string(world.application.registrations()).unwrap();

        world.application = application(Registrations::from_json(&registrations).unwrap());
        let pending = PendingLogin::from_json(&stored[0]).unwrap();
        assert_eq!(pending.client_id(), begun.party.client().id());
        let party = world.application.party_with(&server, pending.client_id()).unwrap();
        // A client that was registered for this login is not worth another try; one that was registered before is.
        let mut other = world.application.clone();
        assert_eq!(other.retire(&party, &ErrorCode::TOKEN_INVALID_CLIENT.into()), reuses);
        let verified = pending.check(&callback, &party, world.env.now()).unwrap();
        let step = pending.redeem(verified, &party, &mut world.env);
        let login = world.run(step).unwrap().logged_in().unwrap();
        assert_eq!(client_id(&login.session), begun.party.client().id());

        let pending = PendingDeviceLogin::from_json(&stored[1]).unwrap();
        let party = world.application.party_with(&server, pending.client_id()).unwrap();
        let user_code = pending.authorization().user_code().to_owned();
        assert!(world.hs.provider().decide_device(&user_code, Decision::Allow));
        let step = pending.poll(&party, &mut world.env);
        let login = world.run(step).unwrap().logged_in().unwrap();
        assert_eq!(client_id(&login.session), party.client().id());
    }
}

/// Each rule of a redirect URI has its own advice, and the URI is named.
#[test]
fn a_redirect_uri_that_is_refused_says_which_rule_it_breaks() {
    for (uri, advice) in [
        ("org.example.app://callback", "org.example.app:/callback"),
        ("com.example.other:/callback", "org.example.app:/"),
        ("app:/callback", "org.example.app:/"),
        ("https://elsewhere.example/callback", "app.example.org"),
        ("http://127.0.0.1:8080/callback", "http://127.0.0.1/callback"),
        ("http://app.example.org/callback", "localhost"),
    ] {
        let error = Application::new(metadata_with(&[REDIRECT, uri]), Registrations::default()).unwrap_err();
        assert_eq!((error.code(), error.field()), (ErrorCode::REGISTRATION_REDIRECT_URI, Some("redirect_uris")));
        assert!(error.hint().contains(advice), "{uri}: {error}");
        assert!(error.found().is_some_and(|found| uri.starts_with(found.as_str())), "{uri}: {error}");
    }
    let web = ClientMetadata::new(ApplicationType::Web, vec![redirect()]).with_client_uri("https://app.example.org/");
    let error = Application::new(web, Registrations::default()).unwrap_err();
    assert!(error.hint().contains("web") && error.hint().contains("https"), "{error}");
    // Other pages have the same host.
    let logo = metadata().with_logo_uri("https://cdn.example/logo.png");
    let error = Application::new(logo, Registrations::default()).unwrap_err();
    assert_eq!((error.code(), error.field()), (ErrorCode::REGISTRATION_URI, Some("logo_uri")));
    assert_eq!(error.expected().map(|host| host.as_str()), Some("a URL on app.example.org"));
}

#[test]
fn a_client_that_is_used_no_more_is_told_from_one_in_use() {
    let mut world = world();
    world.application = world.application.with_reuse();
    let session = world.logged_in().session;
    let (server, issuer) = (world.server(), session.tokens().issuer().clone());
    let is_retired = |world: &World| world.application.registrations().is_retired(&issuer, client_id(&session));
    assert!(!is_retired(&world));
    assert!(!world.application.registrations().is_retired(&issuer, "nobody"));
    let party = world.party(&server).unwrap();
    world.application.retire(&party, &ErrorCode::TOKEN_INVALID_CLIENT.into());
    assert!(is_retired(&world));
    world.application.set_static(&issuer, client_id(&session)).unwrap();
    assert!(!is_retired(&world));
}
