//! A session and a store that do not fit together are refused before anything is asked for.

use std::time::Duration;

use oidc_proto::adapter::session::{BlockingSession, Sessions};
use oidc_proto::adapter::store::{BlockingSessionStore, NoStore, Offload, SessionStore};
use oidc_proto::adapter::{Driver, from_fn};
use oidc_proto::session::{Persistence, SessionOptions, StoreAction, StoreResponse};
use oidc_proto::testing::{On, TestEnv};
use oidc_proto::{ErrorCode, Fault};

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
async fn the_same_holds_for_sessions_that_an_executor_drives() {
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

fn sessions_of(world: &World) -> Sessions<Offload, TestEnv> {
    Sessions::new(Driver::new(from_fn(|_, _| async { unreachable!() })), world.env.clone()).0
}
