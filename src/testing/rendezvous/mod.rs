//! A rendezvous server (MSC4108, MSC4388) that can simulate network failures and attacks.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response};

use super::disturbance::gateway;
use super::http::empty;
use super::reach::{Reached, reachable};
use crate::base::env::Timestamp;
use crate::error::transport::{Failure, FailureKind, Sent};
use content::Incoming;
use state::State;

mod content;
mod forms;
mod state;
mod trick;

pub(super) use forms::{BOXES, CREATE_4108, CREATE_4388};
pub use trick::{Meet, Trick};

/// A rendezvous server as a pure function from request to response. For tests.
///
/// Clones are handles to the same server.
#[derive(Clone)]
pub struct Rendezvous(Arc<Mutex<State>>);

impl Rendezvous {
    /// A server with this base URL. A rendezvous expires one minute after its last text, and accepts 4 KiB.
    pub fn new(base: &str) -> Self {
        Self(Arc::new(Mutex::new(State::new(base))))
    }

    /// Sets the time after its last text at which a rendezvous expires.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        self.lock().lifetime = lifetime;
        self
    }

    /// Counts the lifetime from the creation of a rendezvous, as Synapse does: texts do not extend it.
    #[must_use]
    pub fn with_fixed_lifetime(self) -> Self {
        self.lock().is_lifetime_fixed = true;
        self
    }

    /// Leaves the rendezvous to another host: a `POST` of MSC4108 is sent on there (307). This
    /// server is that host, too.
    #[must_use]
    pub fn with_other_host(self, base: &str) -> Self {
        self.lock().other_host = Some(base.trim_end_matches('/').to_owned());
        self
    }

    /// Lets only requests with a credential make a rendezvous of MSC4388.
    #[must_use]
    pub fn with_users_only(self) -> Self {
        self.lock().is_for_users = true;
        self
    }

    /// Follows MSC4108 only.
    #[must_use]
    pub fn without_msc4388(self) -> Self {
        self.lock().lacks_msc4388 = true;
        self
    }

    /// Sets the maximum size of a text in bytes.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        self.lock().limit = limit;
        self
    }

    /// Handles a request. A disturbance without a response becomes status 502.
    pub fn handle<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Response<Vec<u8>> {
        self.exchange(request, now).unwrap_or_else(gateway)
    }

    /// Handles a request; a disturbance can cause a [`Failure`](crate::Failure).
    ///
    /// # Errors
    /// The failure that an HTTP client would report. A request to another host is unreachable.
    pub fn exchange<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Reached {
        let (parts, body) = request.into_parts();
        let mut state = self.lock();
        let uri = parts.uri.to_string();
        let (path, is_other_host) = state.path(&uri).ok_or(Failure::new(FailureKind::Unreachable, Sent::No))?;
        let meet = match parts.method {
            Method::POST => Meet::Create,
            Method::PUT => Meet::Send,
            Method::DELETE => Meet::Delete,
            Method::GET if path == CREATE_4388 => Meet::Check,
            Method::GET => Meet::Receive,
            _ => return Ok(empty(405)),
        };
        state.requests.push(meet);
        let trick = state.next_trick(meet);
        if let Some(Trick::Disturbance(disturbance)) = &trick
            && let Some(outcome) = disturbance.before()
        {
            return outcome;
        }
        let incoming = Incoming { meet, path, is_other_host, headers: &parts.headers, body: body.as_ref(), now };
        let response = state.respond(&incoming, trick.as_ref());
        match trick {
            Some(Trick::Disturbance(disturbance)) => disturbance.after(response),
            _ => Ok(response),
        }
    }

    /// Plays a trick on the next requests of a kind. Tricks of one kind come in the order they were set.
    pub fn trick(&self, meet: Meet, trick: Trick, times: usize) {
        self.lock().tricks.push((meet, trick, times));
    }

    /// Removes all tricks.
    pub fn honest(&self) {
        self.lock().tricks.clear();
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<Meet> {
        self.lock().requests.clone()
    }

    /// The number of requests of this kind so far.
    pub fn count(&self, meet: Meet) -> usize {
        self.lock().requests.iter().filter(|&&done| done == meet).count()
    }

    /// The number of rendezvous that were not deleted, and that were not expired at the last request.
    pub fn boxes(&self) -> usize {
        self.lock().boxes.len()
    }

    /// Every text that a `PUT` has written, as the server read it.
    pub fn texts(&self) -> Vec<String> {
        self.lock().texts.clone()
    }

    /// Writes a text into every rendezvous, like an attacker who knows the URL.
    pub fn intrude(&self, text: &str) {
        self.lock().intrude(text);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendezvous({})", self.lock().base)
    }
}

reachable!(Rendezvous);
