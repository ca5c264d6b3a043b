//! The scenarios of the tests of `matrix-sdk`, under their names there. `docs/matrix_tests.md` says where the others are.

use oidc_proto::adapter::BlockingHttpClient as _;
use oidc_proto::matrix::{
    Application, AuthServer, Homeserver, LoginOutcome, LoginRequest, Session, SessionEvent, UserSession, Whoami,
};
use oidc_proto::session::{Access, Event, Outcome, Persistence, RecordVersion, SessionOptions, Transmit};
use oidc_proto::testing::{Disturbance, On, OnMatrix, Reuse};
use oidc_proto::{Callback, Env as _, ErrorCode, Registrations, Schemes};

use crate::matrix::world::*;
use crate::session::world::Store;

/// A process with the session of a login. All processes of a test have the same record.
struct Process {
    session: Session,
    store: Store,
}

impl Process {
    /// A process that is restored with the session of a record, which may be old.
    fn restore(world: &mut World, stored: &UserSession, record: Option<RecordVersion>, store: &Store) -> Self {
        let server = world.server();
        let party = world.party_of(stored, &server);
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let session = Session::new(stored.clone(), record, &party, options, &mut world.env).unwrap();
        Self { session, store: store.clone() }
    }

    /// What the store has to do. Ends where somebody else holds the lock.
    fn keep(&mut self, world: &mut World) {
        while let Some((ticket, action)) = self.session.core_mut().poll_store(&mut world.env) {
            let Some(response) = self.store.response(action) else { return };
            self.session.core_mut().handle_store(ticket, response, &mut world.env);
        }
    }

    /// All that the session asks for.
    fn pump(&mut self, world: &mut World) -> Vec<SessionEvent> {
        loop {
            self.keep(world);
            let transmit = self.session.core_mut().poll_transmit(&mut world.env);
            let Some(Transmit::Call { ticket, request, policy }) = transmit else { break };
            match world.hs.http(world.env.clock()).call(request, policy) {
                Ok(response) => self.session.core_mut().handle_response(ticket, response, &mut world.env),
                Err(failure) => self.session.core_mut().handle_failure(ticket, failure, &mut world.env),
            }
        }
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    fn refresh(&mut self, world: &mut World) -> String {
        let Access::Wait(epoch) = self.session.refresh(&mut world.env) else { panic!("an attempt") };
        self.pump(world);
        match self.session.outcome(epoch, &world.env) {
            Outcome::Ready(token) => token.expose().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn token(&self) -> String {
        self.session.core().tokens().access_token().expose().to_owned()
    }
}

/// A user who is logged in, and the record of the session in a store that processes share.
struct Kept {
    world: World,
    session: UserSession,
    record: Option<RecordVersion>,
    store: Store,
}

impl Kept {
    fn new() -> Self {
        let (mut world, store) = (World::new(), Store::default());
        let session = world.logged_in().session;
        let mut process = Process::restore(&mut world, &session, None, &store);
        process.session.core_mut().save(&world.env);
        process.pump(&mut world);
        let record = store.record().map(|record| record.version());
        assert!(record.is_some());
        Self { world, session, record, store }
    }

    fn process(&mut self) -> Process {
        Process::restore(&mut self.world, &self.session, self.record, &self.store)
    }
}

#[test]
fn high_level_login() {
    let mut world = World::new();
    let begun = world.begin(LoginRequest::new()).unwrap();
    let session = world.finish(begun).unwrap().logged_in().unwrap().session;
    assert_eq!(session.user_id().as_str(), "@alice:example.org");
    assert!(session.tokens().refresh_token().is_some());
}

/// Somebody who cancels can begin again at once, by the same client.
#[test]
fn high_level_login_cancellation() {
    let mut world = World::new();
    let begun = world.begin(LoginRequest::new().with_login_hint("deny:alice")).unwrap();
    let error = begun.pending.check(&world.callback(&begun), &begun.party, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::AUTHORIZATION_ACCESS_DENIED);
    drop(begun);
    world.logged_in();
    assert_eq!((world.hs.provider().count(On::Register), world.hs.provider().count(On::Token)), (1, 1));
}

#[test]
fn high_level_login_invalid_state() {
    let mut world = World::new();
    let begun = world.begin(LoginRequest::new()).unwrap();
    let forged = Callback::from_url(&format!("{REDIRECT}?code=42&state=imposter_alert")).unwrap();
    let error = begun.pending.check(&forged, &begun.party, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_STATE_MISMATCH);
    assert_eq!(world.hs.provider().count(On::Token), 0);
    // The forged one has used nothing up.
    world.finish(begun).unwrap().logged_in().unwrap();
}

/// A whole URL or its query: the SDK takes both. The answer has a code or an error.
#[test]
fn authorization_response() {
    let query = "code=123&state=456";
    let key = Callback::from_query(query).unwrap().key().unwrap();
    assert_eq!(Callback::from_url(&format!("{REDIRECT}?{query}")).unwrap().key().unwrap(), key);
    let denied = Callback::from_query("error=access_denied&state=456").unwrap();
    assert_eq!(denied.key().unwrap(), key);
}

/// A code is redeemed once. What the token endpoint refuses leaves nothing behind.
#[test]
fn finish_login() {
    let mut world = World::new();
    let begun = world.begin(LoginRequest::new()).unwrap();
    let callback = world.callback(&begun);
    world.hs.provider().disturb(On::Token, Disturbance::status(404), 1);
    let verified = begun.pending.check(&callback, &begun.party, world.env.now()).unwrap();
    let step = begun.pending.redeem(verified, &begun.party, &mut world.env);
    let error = world.run(step).unwrap_err();
    assert_eq!((error.code(), error.endpoint()), (ErrorCode::HTTP_STATUS, Some("token_endpoint")));
    assert_eq!(error.status(), Some(http::StatusCode::NOT_FOUND));
    assert!(matches!(world.log_in(LoginRequest::new()), Ok(LoginOutcome::LoggedIn(_))));
}

/// The session and the client are stored apart, and are joined again.
#[test]
fn oauth_session() {
    let mut world = World::new();
    let session = world.logged_in().session;
    let stored = serde_json::to_string(&session).unwrap();
    let registrations = serde_json::to_string(world.application.registrations()).unwrap();
    world.application = Application::new(metadata(), Registrations::from_json(&registrations).unwrap()).unwrap();
    let restored = UserSession::from_json(&stored).unwrap();
    assert_eq!(restored.binding(), session.binding());
    let server = world.server();
    assert_eq!(world.party_of(&restored, &server).client().id(), session.tokens().client_id());
}

/// `http` is refused at the homeserver and at the provider, unless it was allowed by name.
#[test]
fn insecure_clients() {
    assert_eq!(what(Homeserver::new("http://localhost:8008", Schemes::HttpsOnly)).0, ErrorCode::URL_SCHEME);
    assert!(Homeserver::new("http://localhost:8008", Schemes::DangerousHttpOnLoopback).is_ok());
    let mut world = World::new();
    world.hs.edit_json(OnMatrix::AuthMetadata, |document| {
        document.insert("token_endpoint".into(), "http://account.example.org/token".into());
    });
    assert_eq!(what(world.support()), (ErrorCode::METADATA_URL, Some("token_endpoint")));
}

/// Without a registration endpoint a client has to be configured. A response is kept for the logins that follow.
#[test]
fn register_client() {
    let mut world = World::new();
    world.hs.edit_json(OnMatrix::AuthMetadata, |document| drop(document.remove("registration_endpoint")));
    let server = world.server();
    let refused = world.application.register(&server).map(drop);
    assert_eq!(refused.unwrap_err().code(), ErrorCode::REGISTRATION_UNSUPPORTED);
    world.application.set_static(server.provider.issuer(), "configured").unwrap();
    assert_eq!(world.party(&server).unwrap().client().id(), "configured");

    let mut world = World::new();
    let server = world.server();
    let id = world.party(&server).unwrap().client().id().to_owned();
    assert_eq!(world.application.party(&server, world.env.now()).unwrap().client().id(), id);
}

/// The value says how long it is good, and its stored form serves where the homeserver does not answer.
#[test]
fn server_metadata_cache() {
    let mut world = World::new();
    let server = world.server();
    let stored = serde_json::to_string(&*server).unwrap();
    let now = world.env.now();
    const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
    assert!(!server.freshness.is_stale(now, DAY));
    world.pass(7 * 24 * 3600);
    assert!(server.freshness.is_stale(world.env.now(), DAY));
    world.hs.disturb(OnMatrix::AuthMetadata, Disturbance::status(500), 1);
    assert_eq!(world.support().unwrap_err().code(), ErrorCode::HTTP_SERVER_ERROR);
    // The failure is not kept: the stored value serves, and the next question is asked.
    assert!(AuthServer::from_json(&stored, world.options).is_ok());
    assert!(!world.server().freshness.is_stale(world.env.now(), DAY));
}

/// A process that was restored with old tokens uses those that another process saved.
#[test]
fn restore_session_lock() {
    let mut kept = Kept::new();
    let newer = kept.process().refresh(&mut kept.world);
    kept.world.pass(301);
    let mut process = kept.process();
    let Kept { mut world, session: old, store, .. } = kept;
    let asked = world.hs.provider().count(On::Token);
    let Access::Wait(epoch) = process.session.access(&mut world.env) else { panic!("an old token") };
    process.pump(&mut world);
    assert!(matches!(process.session.outcome(epoch, &world.env), Outcome::Ready(_)));
    assert_ne!(process.token(), old.tokens().access_token().expose());
    // Those had expired too, by now: one refresh, with the refresh token that the other process saved.
    assert_ne!(process.token(), newer);
    assert_eq!(world.hs.provider().count(On::Token), asked + 1);
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), process.token());
    assert!(!store.is_locked());
}

#[test]
fn refresh_access_token_twice() {
    let mut kept = Kept::new();
    let (mut process, mut world) = (kept.process(), kept.world);
    let asked = world.hs.provider().count(On::Token);
    let Access::Wait(first) = process.session.refresh(&mut world.env) else { panic!("an attempt") };
    let Access::Wait(second) = process.session.refresh(&mut world.env) else { panic!("an attempt") };
    assert_eq!(process.pump(&mut world), [SessionEvent::Core(Event::TokensRefreshed)]);
    for epoch in [first, second] {
        let Outcome::Ready(token) = process.session.outcome(epoch, &world.env) else { panic!("new tokens") };
        assert_eq!(token.expose(), process.token());
    }
    assert_eq!(world.hs.provider().count(On::Token), asked + 1);
}

#[test]
fn cross_process_concurrent_refresh() {
    let mut kept = Kept::new();
    let (mut app, mut extension) = (kept.process(), kept.process());
    let Kept { mut world, store, .. } = kept;
    world.pass(301);
    let asked = world.hs.provider().count(On::Token);
    let Access::Wait(_) = app.session.access(&mut world.env) else { panic!("an expired token") };
    let Access::Wait(waiting) = extension.session.access(&mut world.env) else { panic!("an expired token") };
    // The application has the lock. The extension waits for it, and then finds the new tokens.
    app.keep(&mut world);
    let (ticket, lock) = extension.session.core_mut().poll_store(&mut world.env).unwrap();
    assert!(store.is_locked());
    app.pump(&mut world);
    let response = store.response(lock).unwrap();
    extension.session.core_mut().handle_store(ticket, response, &mut world.env);
    extension.pump(&mut world);
    let Outcome::Ready(token) = extension.session.outcome(waiting, &world.env) else { panic!("new tokens") };
    assert_eq!(token.expose(), app.token());
    assert_eq!(world.hs.provider().count(On::Token), asked + 1);
}

/// The application is suspended after it took the lock, which lapses. Another process refreshes: the refresh token is
/// spent. The application goes on with what the other one saved, whether its own request was sent or not.
#[test]
fn refresh_interrupted_by_suspension_does_not_sign_out() {
    for was_sent in [false, true] {
        let mut kept = Kept::new();
        let (mut app, mut extension) = (kept.process(), kept.process());
        let Kept { mut world, store, .. } = kept;
        drop(world.hs.provider().clone().with_reuse(Reuse::EndsGrant));
        let server = world.server();
        let Access::Wait(waiting) = app.session.refresh(&mut world.env) else { panic!("an attempt") };
        app.keep(&mut world);
        let sent = was_sent.then(|| app.session.core_mut().poll_transmit(&mut world.env).unwrap());
        store.break_lock();
        extension.refresh(&mut world);
        world.pass(60);
        if let Some(Transmit::Call { ticket, .. }) = sent {
            // It did not arrive: the machine slept.
            let failure = oidc_proto::Failure::new(oidc_proto::FailureKind::Timeout, oidc_proto::Sent::No);
            app.session.core_mut().handle_failure(ticket, failure, &mut world.env);
        }
        app.session.core_mut().handle_timeout(&mut world.env);
        let events = app.pump(&mut world);
        assert!(!events.iter().any(|event| matches!(event, SessionEvent::LoginAgain { .. })), "{events:?}");
        // Its own attempt may have come to nothing. The next one begins with what the other process saved.
        let failed = !matches!(app.session.outcome(waiting, &world.env), Outcome::Ready(_));
        world.pass(10);
        app.session.core_mut().handle_timeout(&mut world.env);
        let mut events = app.pump(&mut world);
        if failed {
            app.refresh(&mut world);
        }
        events.extend(app.pump(&mut world));
        assert!(!events.iter().any(|event| matches!(event, SessionEvent::LoginAgain { .. })), "{events:?}");
        // A spent refresh token would have ended the grant.
        let party = world.party_of(&app.session.user_session(), &server);
        let step = Whoami::start(app.session.core().tokens(), &party, &mut world.env);
        assert!(world.run(step).is_ok());
    }
}

/// The record goes, both tokens are revoked, and the lock is free.
#[test]
fn logout() {
    let mut kept = Kept::new();
    let mut process = kept.process();
    let Kept { mut world, session, store, .. } = kept;
    process.session.log_out(&mut world.env);
    let events = process.pump(&mut world);
    assert!(events.contains(&SessionEvent::Erase), "{events:?}");
    assert!(store.record().is_none() && !store.is_locked());
    while let Some(step) = process.session.poll_revocation(&mut world.env) {
        world.run(step).unwrap();
    }
    let server = world.server();
    let party = world.party_of(&session, &server);
    let step = party.relying_party().refresh(session.tokens(), &mut world.env);
    assert_eq!(world.run(step).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    assert!(world.hs.provider().count(On::Revoke) > 0);
}
