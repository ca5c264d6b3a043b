//! HTTP by `fetch`.

use std::cell::Cell;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, Response};

use super::failure::rejected;
use super::request::convert;
use super::timer::Sleep;
use super::violation::Watch;
use crate::adapter::driver::HttpClient;
use crate::base::secret::Body;
use crate::error::transport::{Failure, FailureKind, FailureReason, Sent};
use crate::wire::headers::Names;
use crate::wire::policy::Policy;

#[wasm_bindgen]
extern "C" {
    fn fetch(request: &web_sys::Request) -> Promise;

    /// What a reader of a stream returns.
    type Chunk;

    #[wasm_bindgen(method, getter, structural)]
    fn done(this: &Chunk) -> bool;

    #[wasm_bindgen(method, getter, structural)]
    fn value(this: &Chunk) -> Uint8Array;
}

/// For a whole exchange, as for the other HTTP clients of this crate.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP client by `fetch`.
///
/// It sends no cookies and no referrer, and uses no cache. It refuses redirects: a browser does not show where they lead.
/// It reads a body only up to the request's limit, and aborts at the deadline. Dropping the future of a response aborts
/// the request. The client refuses a request whose policy names a client certificate, because a
/// page cannot choose one.
///
/// # What a browser hides
/// - **Failures.** A browser reports all failures alike: no connection, TLS, a redirect, a server that does not allow the
///   page's origin. The failure is then [`FailureKind::Other`] with [`Sent::Maybe`] and
///   [`FailureReason::HiddenByBrowser`]. Without CORS headers the server may have received the
///   request all the same. If the browser first sent a preflight request (`OPTIONS`), the server
///   has received only that. Two kinds of failure can be told apart: a URL or header that the
///   browser refuses, and a request that the page's content security policy stops. Both have
///   [`Sent::No`]. Node.js says more, and its failures are as exact as those of the other HTTP
///   clients.
/// - **Headers.** A page sees the response headers `Cache-Control`, `Content-Language`,
///   `Content-Length`, `Content-Type`, `Expires`, `Last-Modified` and `Pragma`. It sees others only
///   if the server names them in `Access-Control-Expose-Headers`. Flows need `DPoP-Nonce` (RFC 9449
///   section 8.2), `Retry-After`, `Date` and `WWW-Authenticate`. A login by QR code also needs
///   `ETag` of the rendezvous server (MSC4108). In responses to requests of this crate's own flows
///   the client leaves out headers that they do not read. A response to
///   [`RelyingParty::call`](crate::RelyingParty::call) has all that the page sees.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    timeout: Duration,
}

impl Client {
    /// A client with a time limit of 30 s.
    pub const fn new() -> Self {
        Self { timeout: TIMEOUT }
    }

    /// The time for a whole exchange, to the last byte of the body.
    #[must_use]
    pub const fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

type Exchanged = Result<http::Response<Vec<u8>>, Failure>;

impl HttpClient for Client {
    type Response = Pin<Box<dyn Future<Output = Exchanged>>>;

    fn call(&self, request: Request<Body>, policy: Policy) -> Self::Response {
        if policy.client_certificate().is_some() {
            return Box::pin(ready(Err(Failure::new(FailureKind::Refused, Sent::No))));
        }
        let timeout = self.timeout;
        Box::pin(async move {
            let status = Cell::new(None);
            let exchanged = within(timeout, exchange(request, &policy, &status)).await;
            exchanged.map_err(|failure| match status.get() {
                Some(status) => failure.with_status(status),
                None => failure,
            })
        })
    }
}

/// Drops the exchange at the deadline, which aborts it.
async fn within(timeout: Duration, exchange: impl Future<Output = Exchanged>) -> Exchanged {
    let (mut exchange, mut deadline) = (pin!(exchange), Sleep::new(timeout));
    poll_fn(|cx| {
        if let Poll::Ready(exchanged) = exchange.as_mut().poll(cx) {
            return Poll::Ready(exchanged);
        }
        Pin::new(&mut deadline).poll(cx).map(|()| Err(Failure::new(FailureKind::Timeout, Sent::Maybe)))
    })
    .await
}

/// `came` is set when the head of the response has come.
async fn exchange(request: Request<Body>, policy: &Policy, came: &Cell<Option<StatusCode>>) -> Exchanged {
    let refused = |_| {
        let failure = Failure::new(FailureKind::Other, Sent::No);
        failure.with_text("fetch does not accept the method, the URL or a header of the request")
    };
    let abort = AbortOnDrop(AbortController::new().map_err(refused)?);
    let converted = convert(&request, &abort.0.signal()).map_err(refused)?;
    drop(request);
    let watch = Watch::start(converted.url());
    let response: Response = match JsFuture::from(fetch(&converted)).await {
        Ok(response) => response.unchecked_into(),
        Err(_) if watch.has_stopped_it().await => {
            let failure = Failure::new(FailureKind::Refused, Sent::No);
            return Err(failure.because(FailureReason::ContentSecurityPolicy));
        }
        Err(error) => return Err(rejected(&error)),
    };
    drop(watch);
    let status = StatusCode::from_u16(response.status()).map_err(|_| interrupted())?;
    came.set(Some(status));
    let body = read(&response, policy.body_limit()).await?;
    let mut whole = http::Response::new(body);
    *whole.status_mut() = status;
    *whole.headers_mut() = headers(&response, policy.names());
    Ok(whole)
}

/// The body. The limit counts what was decoded, which `Content-Length` does not.
async fn read(response: &Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let Some(body) = response.body() else { return Ok(bytes) };
    let reader = ReadableStreamDefaultReader::new(&body).map_err(|_| interrupted())?;
    loop {
        let chunk: Chunk = JsFuture::from(reader.read()).await.map_err(|_| interrupted())?.unchecked_into();
        if chunk.done() {
            return Ok(bytes);
        }
        let value = chunk.value();
        let length = usize::try_from(value.length()).unwrap_or(usize::MAX);
        if length > limit.saturating_sub(bytes.len()) {
            return Err(Failure::new(FailureKind::BodyTooLarge, Sent::Maybe));
        }
        bytes.extend_from_slice(&value.to_vec());
    }
}

/// The headers that the browser shows, and that are read.
fn headers(response: &Response, names: Names) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for entry in response.headers().entries().into_iter().flatten() {
        let entry = Array::from(&entry);
        let (Some(name), Some(value)) = (entry.get(0).as_string(), entry.get(1).as_string()) else { continue };
        // Each character is a byte.
        let value: Vec<u8> = value.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect();
        if let (Some(name), Ok(value)) = (names.read(&name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, Sent::Maybe)
}

/// Ends a request that nobody awaits any more, and the transfer of a body that is not read to its end. It has no effect
/// after that.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
