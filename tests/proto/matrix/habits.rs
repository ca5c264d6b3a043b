//! The habits of Synapse with the Matrix Authentication Service, and what they must not lead to.

use std::time::Duration;

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::adapter::BlockingHttpClient as _;
use oidc_proto::matrix::{
    AccountAction, Application, ErrorBody, LoginRequest, Party, Session, SessionEvent, UserSession, Whoami,
};
use oidc_proto::session::{Access, Event, SessionOptions, Transmit};
use oidc_proto::testing::{On, OnMatrix, RegisteredClient};
use oidc_proto::{Callback, Client, ClientAuth, DpopKey, Env as _, ErrorCode, Registrations, TokenSet};

use crate::hostile::strong::dpop_key;
use crate::matrix::world::*;

fn world() -> World {
    World::with(|hs| hs.with_habits_of_mas())
}

fn party(world: &mut World, session: &UserSession) -> Party {
    let server = world.server();
    world.party_of(session, &server)
}

fn refresh(world: &mut World, session: &UserSession, tokens: &TokenSet) -> Result<TokenSet, oidc_proto::Error> {
    let party = party(world, session);
    let step = party.relying_party().refresh(tokens, &mut world.env);
    world.run(step)?.verified().map(|granted| granted.tokens)
}

fn whoami(world: &mut World, session: &UserSession, tokens: &TokenSet) -> Result<(), oidc_proto::Error> {
    let party = party(world, session);
    let step = Whoami::start(tokens, &party, &mut world.env);
    world.run(step).map(drop)
}

#[test]
fn a_login_works_without_iss_and_by_an_existing_device_that_the_policy_allows() {
    for id in ["ABCDEFGHIJ", "3On7QFJyLQMAErua9K/yIOcJALvuMYax1AW0iWgf64+"] {
        let mut world = world();
        let device = oidc_proto::matrix::DeviceId::new(id).unwrap();
        let login = world.log_in(LoginRequest::new().with_device_id(device.clone())).unwrap().logged_in().unwrap();
        assert_eq!(login.session.device_id(), &device);
    }
}

/// A refusal by policy never calls back.
#[test]
fn a_device_that_the_policy_refuses_is_an_error_page_and_nothing_is_lost() {
    for id in ["ABCDEFGH", "ABCDEFGHIJ^", "ABCDEFGHIJ%"] {
        let mut world = world();
        let device = oidc_proto::matrix::DeviceId::new(id).unwrap();
        let begun = world.begin(LoginRequest::new().with_device_id(device)).unwrap();
        assert_eq!(world.hs.visit(begun.url.as_str(), world.env.now()).callback(), "");
        let nothing = Callback::from_url("").err().map(|error| error.code());
        assert!(nothing.is_some());
        world.logged_in();
    }
}

#[test]
fn a_spent_refresh_token_works_until_its_successors_are_used_and_the_session_lives_on() {
    let mut world = world();
    let session = world.logged_in().session;
    let first = refresh(&mut world, &session, session.tokens()).unwrap();
    // The older access token ended at once.
    assert_eq!(what(whoami(&mut world, &session, session.tokens())).0, ErrorCode::HOMESERVER_UNKNOWN_TOKEN);
    let second = refresh(&mut world, &session, session.tokens()).unwrap();
    assert_ne!(first.access_token().expose(), second.access_token().expose());
    whoami(&mut world, &session, &second).unwrap();
    assert_eq!(what(refresh(&mut world, &session, session.tokens())).0, ErrorCode::TOKEN_INVALID_GRANT);
    refresh(&mut world, &session, &second).unwrap();
}

#[test]
fn a_logout_after_a_refresh_ends_the_grant_and_not_only_the_spent_token() {
    let mut world = world();
    let session = world.logged_in().session;
    let server = world.server();
    let party = world.party_of(&session, &server);
    let mut live = Session::new(session.clone(), None, &party, SessionOptions::default(), &mut world.env).unwrap();
    let newer = refresh(&mut world, &session, session.tokens()).unwrap();
    let login = oidc_proto::matrix::UserSession::clone(&session).with_tokens(newer);
    live.core_mut().adopt(login.tokens().clone(), &mut world.env).unwrap();
    // The spent one: a success that ends nothing.
    let step = session.revoke(&party, &mut world.env);
    world.run(step).unwrap();
    whoami(&mut world, &session, login.tokens()).unwrap();
    live.log_out(&mut world.env);
    while let Some(step) = live.poll_revocation(&mut world.env) {
        world.run(step).unwrap();
    }
    assert_eq!(what(whoami(&mut world, &session, login.tokens())).0, ErrorCode::HOMESERVER_UNKNOWN_TOKEN);
}

/// It looks like a dead token, while refreshes succeed.
#[test]
fn a_locked_account_is_not_taken_for_a_device_that_is_gone() {
    let mut world = world();
    let session = world.logged_in().session;
    let party = party(&mut world, &session);
    let mut live = Session::new(session, None, &party, SessionOptions::default(), &mut world.env).unwrap();
    world.hs.lock_account("alice", true);
    let error = ErrorBody::parse(br#"{"errcode":"M_UNKNOWN_TOKEN","soft_logout":false}"#).unwrap();
    let mut refreshes = 0;
    for _ in 0..20 {
        let token = live.core().tokens().access_token().clone();
        let _ = live.unauthorized(&token, http::StatusCode::UNAUTHORIZED, &error, &mut world.env);
        let http = world.hs.http(world.env.clock());
        while let Some(Transmit::Call { ticket, request, policy }) = live.core_mut().poll_transmit(&mut world.env) {
            refreshes += 1;
            match http.call(request, policy) {
                Ok(response) => live.core_mut().handle_response(ticket, response, &mut world.env),
                Err(failure) => live.core_mut().handle_failure(ticket, failure, &mut world.env),
            }
        }
        while let Some(event) = live.poll_event() {
            assert!(
                !matches!(
                    event,
                    SessionEvent::LoginAgain { .. }
                        | SessionEvent::Erase
                        | SessionEvent::Core(Event::ClientRejected(_))
                ),
                "{event:?}"
            );
        }
    }
    assert!(refreshes < 3, "{refreshes} refreshes");
    world.hs.lock_account("alice", false);
    world.env.clock().advance(Duration::from_secs(600));
    assert!(!matches!(live.access(&mut world.env), Access::Ended(_)));
    let session = live.user_session();
    let tokens = refresh(&mut world, &session, session.tokens()).unwrap();
    whoami(&mut world, &session, &tokens).unwrap();
}

#[test]
fn the_same_metadata_are_the_same_client_and_only_others_get_a_grant_that_came_later() {
    let mut world = world();
    world.application = Application::new(metadata(), Registrations::default()).unwrap();
    let first = world.logged_in().session;
    let second = world.logged_in().session;
    assert_eq!(first.tokens().client_id(), second.tokens().client_id());
    assert_eq!(world.hs.provider().count(On::Register), 2);

    let changed = metadata().with_software_version("2");
    world.application.set_metadata(changed).unwrap();
    let third = world.logged_in().session;
    assert_ne!(third.tokens().client_id(), first.tokens().client_id());
    for session in [&first, &third] {
        assert_eq!(party(&mut world, session).client().id(), session.tokens().client_id());
    }
}

#[test]
fn a_device_is_allowed_without_a_complete_uri_and_pending_is_403() {
    let mut world = world();
    let server = world.server();
    let party = world.party(&server).unwrap();
    let step = LoginRequest::new().start_device(&party, &mut world.env);
    let pending = world.run(step).unwrap();
    assert_eq!(pending.authorization().verification_uri_complete(), None);
    let step = pending.poll(&party, &mut world.env);
    world.run(step).unwrap().logged_in().unwrap();
}

#[test]
fn a_renamed_issuer_is_told_with_both_names_and_the_session_can_be_moved() {
    let mut world = world();
    let session = world.logged_in().session;
    let renamed = format!("{ISSUER}/");
    world.hs.edit_json(OnMatrix::AuthMetadata, {
        let renamed = renamed.clone();
        move |o| drop(o.insert("issuer".into(), renamed.clone().into()))
    });
    let server = world.server();
    let party = world.party_of(&session, &server);
    let error = session.revoke(&party, &mut world.env).unwrap_err();
    assert_eq!(error.code(), ErrorCode::PROVIDER_MISMATCH);
    assert!(error.to_string().contains(&renamed), "{error}");

    let moved = session.moved_to_provider_of(&server).unwrap();
    let party = world.party_of(&moved, &server);
    let live = Session::new(moved.clone(), None, &party, SessionOptions::default(), &mut world.env).unwrap();
    whoami(&mut world, &moved, live.core().tokens()).unwrap();
    let tokens = refresh(&mut world, &moved, moved.tokens()).unwrap();
    let step = moved.with_tokens(tokens).revoke(&party, &mut world.env);
    world.run(step).unwrap();

    // Another homeserver's provider gets nothing.
    let mut elsewhere = serde_json::to_value(&*server).unwrap();
    elsewhere["homeserver"] = "https://elsewhere.org".into();
    let elsewhere = oidc_proto::matrix::AuthServer::from_json(&elsewhere.to_string(), world.options).unwrap();
    let refused = world.logged_in().session.moved_to_provider_of(&elsewhere);
    assert_eq!(what(refused).0, ErrorCode::MATRIX_HOMESERVER_MISMATCH);
}

/// Synapse cannot ask whose token it is. It knows the metadata that it has had.
#[test]
fn a_provider_that_is_down_costs_nothing_but_time() {
    let mut world = world();
    world.hs.lose_provider(true);
    let error = world.support().unwrap_err();
    assert_eq!(error.code(), ErrorCode::HTTP_SERVER_ERROR);
    assert_eq!(error.provider_text().unwrap().error(), Some("M_UNKNOWN"));
    // What it says of caching is about an error, which nobody keeps.
    world.hs.lose_provider(false);
    let session = world.logged_in().session;
    world.hs.lose_provider(true);
    world.server();
    let error = whoami(&mut world, &session, session.tokens()).unwrap_err();
    assert_eq!((error.code(), error.fault()), (ErrorCode::HTTP_SERVER_ERROR, oidc_proto::Fault::Transport));
    let text = error.provider_text().unwrap();
    assert_eq!(text.description(), Some("Failed to introspect the access token"));
    world.hs.lose_provider(false);
    whoami(&mut world, &session, session.tokens()).unwrap();
}

#[test]
fn a_registration_needs_a_page_at_a_domain_and_redirects_without_authority() {
    let mut world = world();
    let server = world.server();
    let mut register = |client_uri: Option<&str>, redirect_uri: &str| {
        let uris = vec![oidc_proto::RedirectUri::new(redirect_uri).unwrap()];
        let metadata = oidc_proto::ClientMetadata::new(oidc_proto::ApplicationType::Native, uris);
        let metadata = match client_uri {
            Some(uri) => metadata.with_client_uri(uri),
            None => metadata,
        };
        let step = oidc_proto::flow::Registration::start(&server.provider, metadata);
        world.run(step).map(drop).map_err(|error| error.code())
    };
    let page = Some("https://app.example.org/");
    for client_uri in [None, Some("https://localhost/"), Some("https://192.0.2.1/"), Some("https://org/")] {
        assert_eq!(register(client_uri, REDIRECT), Err(ErrorCode::REGISTRATION_INVALID_CLIENT_METADATA));
    }
    let authority = register(page, "org.example.app://callback");
    assert_eq!(authority, Err(ErrorCode::REGISTRATION_INVALID_REDIRECT_URI));
    for redirect_uri in [REDIRECT, "org.example.app:///callback", "http://127.0.0.1/callback"] {
        assert_eq!(register(page, redirect_uri), Ok(()), "{redirect_uri}");
    }
}

#[test]
fn what_is_not_offered_is_not_looked_for() {
    let mut world = world();
    let server = world.server();
    let account = server.account.as_ref().unwrap();
    assert!(!account.supports(AccountAction::AccountDeactivate));
    assert!(account.supports(AccountAction::DeviceDelete));
    let _ = world.hs.clone().without(OnMatrix::AuthMetadata).without(OnMatrix::AuthMetadataUnstable);
    assert_eq!(what(world.support().unwrap().supported()).0, ErrorCode::MATRIX_UNSUPPORTED);
}

/// Credentials of `client_secret_basic` are not form-decoded there.
#[test]
fn a_secret_with_reserved_characters_works_in_the_form() {
    const SECRET: &str = "a:b%+&c";
    for (method, auth, works) in [
        ("client_secret_basic", ClientAuth::SecretBasic(SECRET.into()), false),
        ("client_secret_post", ClientAuth::SecretPost(SECRET.into()), true),
    ] {
        let mut world = world();
        let client = RegisteredClient::confidential("app", SECRET, REDIRECT).with_auth_method(method);
        drop(world.hs.provider().clone().with_client(client));
        let server = world.server();
        let party = Party::new(server, Client::new("app").with_redirect_uri(redirect()).with_auth(auth));
        let (url, pending) = LoginRequest::new().start(redirect(), &party, &mut world.env).unwrap();
        match world.finish(Begun { party, url, pending }) {
            Ok(outcome) => assert!(works && outcome.logged_in().is_ok()),
            Err(error) => assert_eq!((works, error.code()), (false, ErrorCode::TOKEN_INVALID_CLIENT)),
        }
    }
}

/// A token that is bound to a key comes with its proof, at the homeserver, too.
#[test]
fn tokens_that_are_bound_to_a_key_log_in() {
    bound_tokens_log_in(false);
    bound_tokens_log_in(true);
}

fn bound_tokens_log_in(needs_nonce: bool) {
    let mut world = World::new();
    drop(world.hs.provider().clone().with_dpop_nonce(needs_nonce));
    let server = world.server();
    let client = world.party(&server).unwrap().client().clone();
    let key: std::sync::Arc<DpopKey> = dpop_key(7);
    let party = Party::new(server, client.clone().with_dpop(key));
    let (url, pending) = LoginRequest::new().start(redirect(), &party, &mut world.env).unwrap();
    let login = world.finish(Begun { party: party.clone(), url, pending }).unwrap().logged_in().unwrap();
    assert!(login.session.tokens().dpop_thumbprint().is_some());

    // Without its proof it is worth nothing.
    let mut request = http::Request::new(oidc_proto::Body::default());
    *request.uri_mut() = format!("{HOMESERVER}/_matrix/client/v3/account/whoami").parse().unwrap();
    request.headers_mut().insert("authorization", login.session.tokens().access_token().bearer());
    assert_eq!(world.hs.handle(request, world.env.now()).status(), 401);
    let http = BlockingDriver::new(world.hs.http(world.env.clock()));
    let step = login.session.revoke(&party, &mut world.env).unwrap();
    http.run(step, &mut world.env).unwrap();
}
