//! A session and a store that do not fit together are refused before anything is asked for.

use std::future::{Ready, ready};
use std::time::Duration;

use oidc_proto::adapter::session::{BlockingSession, NoToken, Registry, RegistryOptions, Sessions};
use oidc_proto::adapter::store::{
    BlockingSessionStore, Holder, IndexEntry, IndexKey, NoStore, Offload, SessionStore, SessionStores,
};
use oidc_proto::adapter::{Driver, from_fn};
use oidc_proto::session::{Erased, Event, Persistence, SessionOptions, StoreAction, StoreResponse, Uncertainty};
use oidc_proto::testing::{On, TestEnv};
use oidc_proto::{Env, Error, ErrorCode, Fault};

use super::tasks::VirtualEnv;
use super::world::World;

/// A store whose lock is a lease.
struct Leased(Duration);

impl BlockingSessionStore for Leased {
    fn carry_out(&self, _: StoreAction) -> StoreResponse {
        panic!("asked although the session was refused")
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.0)
    }
}

impl SessionStore for Leased {
    type Future = std::future::Ready<StoreResponse>;

    fn carry_out(&self, action: StoreAction) -> Self::Future {
        std::future::ready(BlockingSessionStore::carry_out(self, action))
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.0)
    }
}

#[test]
fn a_store_that_does_not_fit_the_session_is_refused_and_nothing_is_lost() {
    let kept =
        |persistence| SessionOptions::default().with_persistence(persistence).with_deadline(Duration::from_secs(30));
    let cases = [
        (Persistence::Nowhere, Some(60), false),
        (Persistence::Nowhere, None, true),
        (Persistence::Own, None, false),
        (Persistence::Shared, None, false),
        (Persistence::Shared, Some(29), false),
        (Persistence::Shared, Some(30), true),
        // Nobody else takes the lock.
        (Persistence::Own, Some(29), true),
    ];
    for (persistence, lease, fits) in cases {
        let mut world = World::new();
        let session = world.session(kept(persistence));
        let token = session.tokens().access_token().expose().to_owned();
        let (http, env, asked) = (world.op.http(world.env.clock()), world.env.clone(), world.op.count(On::Token));
        let refused = match lease {
            Some(lease) => BlockingSession::new(session, http, Leased(Duration::from_secs(lease)), env)
                .err()
                .map(|misfit| (misfit.error.clone(), misfit.session)),
            None => BlockingSession::new(session, http, NoStore, env)
                .err()
                .map(|misfit| (misfit.error.clone(), misfit.session)),
        };
        assert_eq!(refused.is_none(), fits, "{persistence:?} {lease:?}");
        if let Some((error, session)) = refused {
            assert_eq!((error.code(), error.fault()), (ErrorCode::SESSION_SETUP, Fault::Local));
            assert!(error.expected().is_some() && error.found().is_some(), "{error}");
            assert_eq!(session.tokens().access_token().expose(), token);
        }
        assert_eq!(world.op.count(On::Token), asked);
    }
}

#[tokio::test]
async fn a_store_that_does_not_fit_is_refused_also_on_an_executor() {
    let mut world = World::new();
    let (sessions, _run) = Sessions::new(Driver::new(from_fn(|_, _| async { unreachable!() })), world.env.clone());
    let session = world.session(SessionOptions::default());
    let misfit = sessions.add(session, Leased(Duration::from_secs(60))).unwrap_err();
    assert_eq!(misfit.error.code(), ErrorCode::SESSION_SETUP);
    // A store on a thread of its own is what it was.
    let shared = || SessionOptions::default().with_persistence(Persistence::Shared);
    let misfit = sessions_of(&world).add(world.session(shared()), Offload::new(NoStore)).unwrap_err();
    assert_eq!(misfit.error.code(), ErrorCode::SESSION_SETUP);
    let leased = Offload::new(Leased(Duration::from_secs(29)));
    let misfit = sessions_of(&world).add(world.session(shared()), leased).unwrap_err();
    assert_eq!(misfit.error.code(), ErrorCode::SESSION_SETUP);
}

/// Before any session is there, and before anybody has logged in.
#[test]
fn a_registry_with_too_short_a_lease_is_refused_when_it_is_made() {
    let world = World::new();
    for (lease, deadline, is_shared, fits) in
        [(29, 30, true, false), (30, 30, true, true), (60, 45, true, true), (29, 30, false, true)]
    {
        let options = RegistryOptions::new(world.party.clone()).with_deadline(Duration::from_secs(deadline));
        let options = if is_shared { options } else { options.for_one_process() };
        let driver = Driver::new(from_fn(|_, _| async { unreachable!() }));
        let made = Registry::new(driver, world.env.clone(), Leases(Duration::from_secs(lease)), options);
        assert_eq!(made.is_ok(), fits, "{lease} {deadline} {is_shared}");
        if let Err(error) = made {
            assert_eq!((error.code(), error.fault()), (ErrorCode::SESSION_SETUP, Fault::Local));
            assert!(error.expected().unwrap().to_string().contains("30000 ms"), "{error}");
        }
    }
}

/// The stores of a server whose locks are leases.
struct Leases(Duration);

impl SessionStores for Leases {
    type Store = Leased;
    type Noted = Ready<Result<(), Error>>;
    type Found = Ready<Result<Option<Vec<String>>, Error>>;

    fn store(&self, _: &str, _: &mut dyn Env) -> Leased {
        Leased(self.0)
    }

    fn note(&self, _: &IndexEntry) -> Self::Noted {
        ready(Ok(()))
    }

    fn forget(&self, _: &IndexEntry) -> Self::Noted {
        ready(Ok(()))
    }

    fn find(&self, _: IndexKey) -> Self::Found {
        ready(Ok(None))
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.0)
    }
}

/// A store that knows where its record is, and that never responds.
struct Hanging(Holder);

impl SessionStore for Hanging {
    type Future = std::future::Pending<StoreResponse>;

    fn carry_out(&self, _: StoreAction) -> Self::Future {
        std::future::pending()
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.0.clone())
    }
}

fn assert_named(error: &Error) {
    assert_eq!((error.code(), error.fault()), (ErrorCode::SESSION_STORE, Fault::Environment));
    assert!(error.to_string().contains("a response about records/alice.json"), "{error}");
}

/// To a caller, in the event, after a logout, and to who wants the session of a registry.
#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_respond_is_named() {
    let mut world = World::new();
    world.tokens = world.login("alice");
    let driver = || Driver::new(from_fn(|_, _| async { unreachable!() })).with_timer(tokio::time::sleep);
    let (sessions, run) = Sessions::new(driver(), VirtualEnv::new(&world));
    tokio::spawn(run);
    let shared = SessionOptions::default().with_persistence(Persistence::Shared);
    let session = sessions.add(world.session(shared), Hanging(Holder::at("records/alice.json"))).unwrap();
    let mut events = session.subscribe();
    let Err(NoToken::Failed(error)) = session.refresh().await else { panic!("a refresh without a store") };
    assert_named(&error);
    let Some(Event::BackingOff { error, .. }) = events.next().await else { panic!("nobody was told") };
    assert_named(&error);
    session.log_out();
    let logout = loop {
        if let Some(Event::LoggedOut(logout)) = events.next().await {
            break logout;
        }
    };
    let (Erased::Failed(erased), Some(Uncertainty::Store(uncertain))) = (&logout.erased, &logout.uncertainty) else {
        panic!("{logout:?}")
    };
    assert_named(erased);
    assert_named(uncertain);

    let stores = |_: &str| Hanging(Holder::at("records/alice.json"));
    let options = RegistryOptions::new(world.party.clone());
    let (registry, run) = Registry::new(driver(), VirtualEnv::new(&world), stores, options).unwrap();
    tokio::spawn(run);
    assert_named(&registry.session("alice").await.unwrap_err());
}

fn sessions_of(world: &World) -> Sessions<Offload, TestEnv> {
    Sessions::new(Driver::new(from_fn(|_, _| async { unreachable!() })), world.env.clone()).0
}
