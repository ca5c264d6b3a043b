//! Records, folders, a way to wait, and a loop that drives a session.

use std::error::Error as _;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use oidc_proto::adapter::BlockingHttpClient;
use oidc_proto::adapter::store::BlockingSessionStore;
use oidc_proto::session::{Session, StoreAction, Transmit};
use oidc_proto::{Env, Error};
use tempfile::TempDir;

pub use crate::stores::lines::{LEASE, NOW, SOON, erase, prepare, record, save, token, told};

pub fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
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
