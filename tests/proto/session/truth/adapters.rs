//! The same through the adapters, on threads and on an executor.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oidc_proto::adapter::session::{BlockingSession, NoToken, Sessions};
use oidc_proto::adapter::store::NoStore;
use oidc_proto::adapter::{BlockingHttpClient, Driver, HttpClient, from_fn};
use oidc_proto::session::{SessionOptions, Standing};
use oidc_proto::testing::TestEnv;
use oidc_proto::{ErrorCode, Failure, FailureKind, Sent};

use super::{answered, rotating, unanswered};
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
