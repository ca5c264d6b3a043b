//! The rendezvous: a box at a homeserver that holds one text, which the two devices write in turn (MSC4108).
//!
//! ```text
//! create ─▶ POST (once more where a 307 or 308 points) ─▶ Done(Rendezvous)
//! join ───▶ GET ─▶ Done(Rendezvous)                                   the box is empty, or it is not ours
//!
//! send ───▶ PUT If-Match ─┬─ 2xx ─▶ Done(Delivered)
//!                ▲        ├─ 412 ─▶ Done(Overtaken)                   the other side wrote first: receive, then decide
//!                │        └─ no answer ─▶ Wait(pause) ─▶ PUT If-Match ─┬─ 2xx ─▶ Done(Delivered)
//!                └── 304: it is not ── GET If-None-Match ◀─ 412 ───────┘
//!                                       ├─ our own text: it was the first PUT ─▶ Done(Delivered)
//!                                       └─ another text, or 404 ─▶ Done(Uncertain)   receive, then decide
//!
//! receive ▶ GET If-None-Match ─┬─ a new text ─▶ Done(Received)
//!                ▲             ├─ 304, no text, our own text ─▶ Wait(interval) ─┐
//!                │             └─ no answer ─▶ Wait(pause) ─────────────────────┤
//!                └──────────────────────────────────────────────────────────────┘
//! delete ─▶ DELETE ─▶ Done
//! ```
//!
//! 404 says that the box is gone. Times are counted by the monotonic clock; what the server says of its own clock is used
//! for differences only. No request carries a credential.

mod create;
mod receive;
mod send;

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, ETAG, EXPIRES, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Method, Request, StatusCode, header};

use super::channel::MESSAGE_LIMIT;
use super::code::CodeUrl;
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Body;
use crate::base::url::Schemes;
use crate::error::transport::{Failure, FailureKind};
use crate::error::{Error, ErrorCode, Fault};
use crate::matrix::Homeserver;
use crate::step::{Flow, Input, Step};
use crate::wire::date;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

pub use create::{Creation, Joining};
pub use receive::{Received, Receiving};
pub use send::{Delivery, Sending};

/// How often a deployed client looks for a new text.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest interval: more would be a flood.
pub(super) const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The longest pause after failures, and the longest `Retry-After` that is believed: the other device waits, too.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

/// How a rendezvous is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RendezvousOptions {
    /// Which URLs it may have.
    pub schemes: Schemes,
    /// How long to wait before looking again; at least 100 ms.
    pub interval: Duration,
}

impl RendezvousOptions {
    /// `https` only, an interval of a second.
    pub const fn new() -> Self {
        Self { schemes: Schemes::HttpsOnly, interval: DEFAULT_INTERVAL }
    }

    /// Sets which URLs it may have.
    #[must_use]
    pub const fn with_schemes(self, schemes: Schemes) -> Self {
        Self { schemes, ..self }
    }

    /// Sets how long to wait before looking again.
    #[must_use]
    pub const fn with_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval.max(SHORTEST_INTERVAL)
    }
}

impl Default for RendezvousOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A box that both devices know, and what this one has last seen in it.
#[derive(Clone)]
pub struct Rendezvous {
    url: CodeUrl,
    etag: HeaderValue,
    options: RendezvousOptions,
    lifetime: Option<Duration>,
    /// What this device has written last, to know it again.
    own: Option<Box<str>>,
    /// When it wrote that, as long as the other device has not written since, and may not have read it.
    pub(super) unread_since: Option<MonotonicTime>,
}

impl Rendezvous {
    /// Its URL, for the QR code.
    pub fn url(&self) -> &CodeUrl {
        &self.url
    }

    /// How long it lasts from its last answer on, where the server says so. The server decides; this is to show.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// How it is used.
    pub fn options(&self) -> RendezvousOptions {
        self.options
    }

    /// Asks a homeserver for a new rendezvous.
    ///
    /// # Errors
    /// `url.scheme` if the base URL is not one of those that the options allow.
    pub fn create(homeserver: &Homeserver, options: RendezvousOptions) -> Result<Step<Creation>, Error> {
        Creation::start(homeserver, options)
    }

    /// Looks at the rendezvous of a QR code that was scanned; nothing may be in it yet.
    pub fn join(url: &CodeUrl, options: RendezvousOptions, timeout: Duration, env: &mut dyn Env) -> Step<Joining> {
        Joining::start(url.clone(), options, Patience::new(&options, timeout, env))
    }

    /// Writes a text, if the box is as this device has last seen it. Failures are tried again for so long.
    pub fn send(self, text: &str, timeout: Duration, env: &mut dyn Env) -> Step<Sending> {
        let patience = Patience::new(&self.options, timeout, env);
        Sending::start(self, text, patience)
    }

    /// The same for a text that may be there already: an answer was not waited for.
    pub(super) fn send_again(self, text: &str, timeout: Duration, env: &mut dyn Env) -> Step<Sending> {
        let patience = Patience::new(&self.options, timeout, env);
        Sending::again(self, text, patience)
    }

    /// Waits so long for a text of the other device. The driver needs a timer.
    pub fn receive(self, timeout: Duration, env: &mut dyn Env) -> Step<Receiving> {
        let patience = Patience::new(&self.options, timeout, env);
        Receiving::start(self, patience)
    }

    /// Waits for a text that need not come, and looks for the first time when an interval is over.
    pub(super) fn watch(self, env: &mut dyn Env) -> Step<Receiving> {
        let patience = Patience::new(&self.options, Duration::MAX, env);
        Receiving::start_later(self, patience, env)
    }

    /// Ends the rendezvous for both devices.
    pub fn delete(self) -> Step<Deletion> {
        Self::delete_at(&self.url)
    }

    /// The same for one that this device could not join.
    pub fn delete_at(url: &CodeUrl) -> Step<Deletion> {
        let mut request = Request::new(Body::default());
        *request.method_mut() = Method::DELETE;
        *request.uri_mut() = url.endpoint().uri().clone();
        Step::call(request, policy(false), Deletion)
    }

    /// A request that looks whether there is something new.
    fn look(&self) -> Request<Body> {
        let mut request = look(&self.url);
        request.headers_mut().insert(IF_NONE_MATCH, self.etag.clone());
        request
    }

    fn write(&self, text: &str) -> Request<Body> {
        let mut request = Request::new(text.to_owned().into());
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = self.url.endpoint().uri().clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, TEXT);
        headers.insert(IF_MATCH, self.etag.clone());
        request
    }

    /// Takes note of what a success says beside its body.
    fn note(&mut self, response: &Response<'_>) -> Result<(), Error> {
        self.etag = etag(response)?;
        self.lifetime = lifetime(response);
        Ok(())
    }
}

impl fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who knows the path can write there.
        self.url.fmt(f)
    }
}

/// Awaits the end of a rendezvous.
#[derive(Debug)]
pub struct Deletion;

impl Flow for Deletion {
    type Output = ();

    fn on(self, input: Input<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let response = input.response()?;
        // That it is gone already is as good.
        match response.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Step::Done(())),
            _ => response.check_status().map(Step::Done),
        }
    }
}

fn look(url: &CodeUrl) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = url.endpoint().uri().clone();
    request.headers_mut().insert(ACCEPT, TEXT);
    request
}

fn policy(repeatable: bool) -> Policy {
    let policy = Policy::write(Accept::Any);
    Policy { body_limit: MESSAGE_LIMIT, repeatable, ..policy }
}

/// The `ETag`, as it is: it is only ever sent back.
fn etag(response: &Response<'_>) -> Result<HeaderValue, Error> {
    let etag = response.headers.get(ETAG).filter(|etag| !etag.is_empty());
    etag.cloned().ok_or_else(|| Error::new(ErrorCode::QR_RENDEZVOUS_ANSWER).at("ETag"))
}

/// `Expires`, relative to the server's own `Date`.
fn lifetime(response: &Response<'_>) -> Option<Duration> {
    let date = |name| date::parse(response.headers.get(name)?.to_str().ok()?);
    Some(date(EXPIRES)?.saturating_since(date(header::DATE)?))
}

/// The text in an answer to a look, which must be text.
fn text<'a>(response: &Response<'a>) -> Result<&'a str, Error> {
    let content_type = response.content_type();
    if !content_type.is_empty() && !content_type.eq_ignore_ascii_case("text/plain") {
        return Err(ErrorCode::HTTP_CONTENT_TYPE.into());
    }
    std::str::from_utf8(response.body).map_err(|_| ErrorCode::QR_CHANNEL_MALFORMED.into())
}

/// What a status says of the rendezvous, where it is no success.
fn refusal(response: &Response<'_>) -> Result<(), Error> {
    match response.status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(ErrorCode::QR_RENDEZVOUS_EXPIRED.into()),
        StatusCode::PAYLOAD_TOO_LARGE => Err(ErrorCode::QR_RENDEZVOUS_TOO_LARGE.into()),
        _ => response.check_status(),
    }
}

/// How long something is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    deadline: MonotonicTime,
    interval: Duration,
    /// What failures make of the interval.
    pause: Duration,
}

impl Patience {
    pub(super) fn new(options: &RendezvousOptions, timeout: Duration, env: &mut dyn Env) -> Self {
        let interval = options.interval();
        Self { deadline: env.monotonic().saturating_add(timeout), interval, pause: interval }
    }

    /// When to look again after an answer that says nothing new.
    fn next(&mut self, env: &mut dyn Env) -> Result<MonotonicTime, Error> {
        self.pause = self.interval;
        self.until(self.interval, env)
    }

    /// When to try again after a failure, if time may mend it; else the failure itself.
    pub(super) fn again(&mut self, error: Error, env: &mut dyn Env) -> Result<MonotonicTime, Error> {
        let is_final = error.failure().is_some_and(|failure| {
            matches!(failure.kind, FailureKind::Cancelled | FailureKind::Refused | FailureKind::Tls)
        });
        if error.fault() != Fault::Transport || is_final {
            return Err(error);
        }
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE).max(self.interval);
        let pause = error.retry_after().map_or(self.pause, |after| after.min(LONGEST_PAUSE).max(self.pause));
        // The failure says more than that time is up.
        self.until(pause, env).map_err(|_| error)
    }

    /// Not later than the deadline, so that the last look is at the deadline itself.
    fn until(&self, pause: Duration, env: &mut dyn Env) -> Result<MonotonicTime, Error> {
        if env.monotonic() >= self.deadline {
            return Err(ErrorCode::QR_TIMEOUT.into());
        }
        Ok(env.monotonic().saturating_add(pause).min(self.deadline))
    }
}

/// Whether the request may have reached the server, which then did not say what it did.
fn is_uncertain(failure: Failure) -> bool {
    failure.sent == crate::error::transport::Sent::Maybe
}
