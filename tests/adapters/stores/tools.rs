//! Records, folders, a way to wait, and a loop that drives a session.

use std::error::Error as _;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use oidc_proto::adapter::BlockingHttpClient;
use oidc_proto::adapter::store::BlockingSessionStore;
use oidc_proto::adapter::store::SessionStore;
use oidc_proto::session::{Record, RecordVersion, Session, StoreAction, StoreResponse, Transmit};
use oidc_proto::{Env, Error};
use tempfile::TempDir;

use crate::stores::world::World;

/// For a lock that somebody else holds and does not give back.
pub const NOW: Duration = Duration::ZERO;
/// For a lock that is about to be free. Nothing waits so long unless it is broken.
pub const SOON: Duration = Duration::from_secs(20);

pub fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A record of a new login of the same user.
pub fn record(world: &mut World, generation: u64) -> Record {
    Record::new(generation, world.login("alice"))
}

/// Of the same login; 0 for no record.
pub fn save(expect: u64, next: &Record) -> StoreAction {
    let expect = (expect > 0).then_some(RecordVersion { login: next.login, generation: expect });
    StoreAction::Save { expect, next: Box::new(next.clone()) }
}

/// Of a record without a login.
pub fn erase(generation: u64) -> StoreAction {
    StoreAction::Erase { expect: Some(RecordVersion { login: None, generation }) }
}

pub fn token(record: &Record) -> &str {
    record.tokens.access_token().expose()
}

/// What a response says, in a line.
pub fn told(answer: StoreResponse) -> String {
    match answer {
        StoreResponse::Loaded { record, begun } => {
            let record = record.map(|record| format!("{} {}", record.generation, token(&record)));
            format!("{}{}", record.as_deref().unwrap_or("nothing"), if begun { ", begun" } else { "" })
        }
        StoreResponse::Prepared => "prepared".to_owned(),
        StoreResponse::Conflict(None) => "conflict nothing".to_owned(),
        StoreResponse::Conflict(Some(record)) => format!("conflict {} {}", record.generation, token(&record)),
        StoreResponse::Locked => "locked".to_owned(),
        StoreResponse::Saved => "saved".to_owned(),
        StoreResponse::Done | StoreResponse::Erased { begun: false } => "done".to_owned(),
        StoreResponse::Erased { begun: true } => "done, begun".to_owned(),
        StoreResponse::Failed(_) => "failed".to_owned(),
    }
}

pub fn act(store: &(impl BlockingSessionStore + ?Sized), action: StoreAction) -> String {
    told(store.carry_out(action))
}

/// An error and all that is behind it.
pub fn chain(error: &Error) -> String {
    let mut out = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        out.push_str(&format!(": {error} {error:?}"));
        source = error.source();
    }
    out
}

/// Waits on this thread, without any runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// An asynchronous store, waited for.
pub struct Waited<S>(pub S);

impl<S: SessionStore> BlockingSessionStore for Waited<S> {
    fn carry_out(&self, action: StoreAction) -> StoreResponse {
        block_on(self.0.carry_out(action))
    }
}

/// Carries out whatever the session asks for.
pub fn drive(
    session: &mut Session,
    store: &(impl BlockingSessionStore + ?Sized),
    http: &impl BlockingHttpClient,
    env: &mut dyn Env,
) {
    loop {
        if let Some((ticket, action)) = session.poll_store(env) {
            let answer = store.carry_out(action);
            session.handle_store(ticket, answer, env);
        } else if let Some(transmit) = session.poll_transmit(env) {
            let Transmit::Call { ticket, request, policy } = transmit else { panic!("no key lives elsewhere") };
            match http.call(request, policy) {
                Ok(response) => session.handle_response(ticket, response, env),
                Err(failure) => session.handle_failure(ticket, failure, env),
            }
        } else {
            return;
        }
    }
}
