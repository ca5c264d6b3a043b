//! The same through the adapters, on threads and on an executor.

use std::future::{pending, ready};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use oidc_proto::adapter::session::{BlockingSession, NoToken, Sessions};
use oidc_proto::adapter::store::NoStore;
use oidc_proto::adapter::{BlockingHttpClient, Driver, HttpClient, from_fn};
use oidc_proto::session::{Persistence, RefreshPolicy, Session, SessionOptions, Standing, StoreAction};
use oidc_proto::testing::TestEnv;
use oidc_proto::{AccessToken, ErrorCode, Failure, FailureKind, Sent};

use super::{answered, rotating, unanswered};
use crate::session::kept::Kept;
use crate::session::world::World;

type Threaded<C> = BlockingSession<C, NoStore, TestEnv>;

fn on_threads(world: &mut World) -> Threaded<impl BlockingHttpClient + use<>> {
    let session = world.session(SessionOptions::default());
    BlockingSession::new(session, world.op.http(world.env.clock()), NoStore, world.env.clone()).unwrap()
}

#[test]
fn on_threads_a_refresh_that_failed_is_an_error() {
    let cases = answered().into_iter().map(|case| (case, Standing::Good));
    for ((response, code, _), standing) in cases.chain(unanswered().into_iter().map(|case| (case, Standing::Doubtful)))
    {
        let mut world = if standing == Standing::Good { World::new() } else { rotating() };
        let session = on_threads(&mut world);
        response.clone().set(&world.op);
        let error = session.refresh(Duration::ZERO).unwrap_err();
        assert!(matches!(&error, NoToken::Failed(error) if error.code() == code), "{response:?}: {error}");
        assert_eq!(session.standing(), standing, "{response:?}");
        match (session.access(Duration::ZERO), standing) {
            (Ok(token), Standing::Good) => assert!(world.honours(token.expose())),
            (Err(NoToken::Doubtful { token, error }), Standing::Doubtful) => {
                assert_eq!((token.expose(), error.code()), (world.tokens.access_token().expose(), code));
            }
            (other, _) => panic!("{response:?}: {other:?}"),
        }
        // During the pause a refresh waits for the next attempt; without patience it is told why there is a pause.
        let error = session.refresh(Duration::ZERO).unwrap_err();
        assert!(matches!(&error, NoToken::Late(Some(error)) if error.code() == code), "{response:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn on_an_executor_a_refresh_that_failed_is_an_error() {
    let cases = answered().into_iter().map(|case| (case, Standing::Good));
    for ((response, code, _), standing) in cases.chain(unanswered().into_iter().map(|case| (case, Standing::Doubtful)))
    {
        let mut world = if standing == Standing::Good { World::new() } else { rotating() };
        let session = world.session(SessionOptions::default());
        let driver = Driver::new(world.op.http_async(world.env.clock())).with_timer(tokio::time::sleep);
        let (sessions, run) = Sessions::new(driver, world.env.clone());
        tokio::spawn(run);
        let session = sessions.add(session, NoStore).unwrap();
        response.clone().set(&world.op);
        let error = session.refresh().await.unwrap_err();
        assert!(matches!(&error, NoToken::Failed(error) if error.code() == code), "{response:?}: {error}");
        assert_eq!(session.standing(), standing, "{response:?}");
        match (session.access().await, standing) {
            (Ok(token), Standing::Good) => assert!(world.honours(token.expose())),
            (Err(NoToken::Doubtful { error, .. }), Standing::Doubtful) => assert_eq!(error.code(), code),
            (other, _) => panic!("{response:?}: {other:?}"),
        }
    }
}

/// A provider that never answers the second time.
fn silent() -> impl HttpClient<Response: Send> + Send + 'static + use<> {
    let silent = AtomicBool::new(false);
    from_fn(move |_, _| {
        let is_silent = silent.swap(true, Ordering::SeqCst);
        async move {
            if is_silent {
                pending::<()>().await;
            }
            Err(Failure::new(FailureKind::Interrupted, Sent::Maybe))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn whose_time_is_up_gets_the_doubtful_token_and_whoever_wants_a_new_one_gets_none() {
    let mut world = World::new();
    let session = world.session(SessionOptions::default());
    let driver = Driver::new(silent()).with_timer(tokio::time::sleep);
    let (sessions, run) = Sessions::new(driver, world.env.clone());
    tokio::spawn(run);
    let session = sessions.add(session, NoStore).unwrap();
    assert!(matches!(session.refresh().await, Err(NoToken::Failed(_))));
    // The pause is over, and the provider is asked again.
    world.advance(2);
    let waiting = session.access_before(tokio::time::sleep(Duration::from_secs(5)));
    let error = waiting.await.unwrap_err();
    assert!(
        matches!(&error, NoToken::Doubtful { error, .. } if error.code() == ErrorCode::TRANSPORT_INTERRUPTED),
        "{error}"
    );
    // Expired: there is nothing left to hand out.
    world.advance(43);
    world.advance(301);
    let error = session.access_before(std::future::ready(())).await.unwrap_err();
    let why = error.error().map(|error| error.code());
    assert!(matches!(error, NoToken::Late(_)) && why == Some(ErrorCode::TRANSPORT_INTERRUPTED), "{error}");
}

/// The first save of this many takes longer than the access token lives.
fn is_slow(world: &World, saves: u32) -> impl Fn(&StoreAction) + Send + Sync + 'static + use<> {
    let (clock, left) = (world.env.clone(), AtomicU32::new(saves));
    move |action| {
        let takes_one = |left: u32| left.checked_sub(1);
        if matches!(action, StoreAction::Save { .. })
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes_one).is_ok()
        {
            clock.clock().advance(Duration::from_secs(301));
        }
    }
}

fn own(world: &mut World) -> Session {
    let options = SessionOptions::default().with_persistence(Persistence::Own);
    let session = world.session(options.with_refresh(RefreshPolicy::OnDemand));
    world.advance(301);
    session
}

/// What a caller of `access` and one of `refresh` get.
const LATE: [(u32, bool, bool); 3] = [(0, true, true), (1, true, false), (2, false, false)];

fn is_late(result: &Result<AccessToken, NoToken>) -> bool {
    matches!(result, Err(NoToken::Failed(error)) if error.code() == ErrorCode::SESSION_TOKEN_LATE)
}

#[test]
fn on_threads_whoever_has_patience_gets_the_token_after_one_that_came_too_late() {
    for (saves, access, refresh) in LATE {
        for (is_new, succeeds) in [(false, access), (true, refresh)] {
            let mut world = World::new();
            let (session, slow, kept) = (own(&mut world), is_slow(&world, saves), Mutex::<Kept>::default());
            let store = move |action| {
                slow(&action);
                kept.lock().unwrap().respond(action, true)
            };
            let http = world.op.http(world.env.clock());
            let session = BlockingSession::new(session, http, store, world.env.clone()).unwrap();
            let patience = Duration::from_secs(60);
            let result = if is_new { session.refresh(patience) } else { session.access(patience) };
            assert!(if succeeds { result.is_ok() } else { is_late(&result) }, "{saves} {is_new} {result:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn on_an_executor_whoever_has_patience_gets_the_token_after_one_that_came_too_late() {
    for (saves, access, refresh) in LATE {
        for (is_new, succeeds) in [(false, access), (true, refresh)] {
            let mut world = World::new();
            let (session, slow, kept) = (own(&mut world), is_slow(&world, saves), Mutex::<Kept>::default());
            let store = move |action| {
                slow(&action);
                ready(kept.lock().unwrap().respond(action, true))
            };
            let driver = Driver::new(world.op.http_async(world.env.clock())).with_timer(tokio::time::sleep);
            let (sessions, run) = Sessions::new(driver, world.env.clone());
            tokio::spawn(run);
            let session = sessions.add(session, store).unwrap();
            let result = if is_new { session.refresh().await } else { session.access_before(pending::<()>()).await };
            assert!(if succeeds { result.is_ok() } else { is_late(&result) }, "{saves} {is_new} {result:?}");
        }
    }
}

/// The message says nothing that its error contradicts.
#[test]
fn a_message_about_a_token_that_came_too_late_is_true() {
    let late = NoToken::Failed(ErrorCode::SESSION_TOKEN_LATE.into()).to_string();
    assert!(late.starts_with("no good access token: the new access token expired before it could be used"), "{late}");
}
