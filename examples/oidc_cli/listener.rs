//! The loopback listener: it takes the callback of one login, refuses everything else, and ends at its deadline.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oidc_proto::ResponseMode;
use oidc_proto::limits::CALLBACK_LIMIT;
use oidc_proto::{Callback, Error, ErrorCode as Core, Fault};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};
use url::{Host, Url};

use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::loopback::{self, NoBody};
use crate::output::Output;

/// A browser opens a handful of connections. If there are more, the oldest ends: it has had time for its one request.
const CONNECTIONS: usize = 32;
/// For a connection as a whole: it has one short request to make.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Refused callbacks that are shown. One may be the provider's; a flood is not.
const WARNINGS: usize = 3;
/// For the last response to reach the browser.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits for the browser to come back.
pub(crate) struct Listener {
    listener: TcpListener,
    place: Place,
}

/// Where the browser comes back to.
#[derive(Clone)]
struct Place {
    /// As it stands in the redirect URI.
    authority: String,
    path: String,
    query: Option<String>,
}

impl Place {
    /// Whether this is our own name. A browser leaves the port of `http` out (RFC 9110 section 7.2).
    fn is_host(&self, host: &[u8]) -> bool {
        let short = self.authority.strip_suffix(":80");
        [Some(self.authority.as_str()), short].into_iter().flatten().any(|own| own.as_bytes() == host)
    }
}

/// A callback, and whoever waits for what became of it.
struct Arrival {
    callback: Result<Callback, Error>,
    /// Gets the fault, if there is one.
    verdict: Option<oneshot::Sender<Option<Fault>>>,
    flushed: Option<oneshot::Receiver<Infallible>>,
}

/// What one connection knows.
struct Connection {
    place: Place,
    mode: ResponseMode,
    arrivals: mpsc::Sender<Arrival>,
    flushed: Mutex<Option<oneshot::Receiver<Infallible>>>,
}

impl Listener {
    /// Listens where this redirect URI leads, on this port, or on any free one; `None` if that is another machine, or no
    /// `http`.
    pub(crate) fn bind(redirect_uri: &Url, port: Option<u16>) -> Result<Option<Self>, Failure> {
        let address: IpAddr = match redirect_uri.host() {
            Some(Host::Domain("localhost")) => Ipv4Addr::LOCALHOST.into(),
            Some(Host::Ipv4(address)) if address.is_loopback() => address.into(),
            Some(Host::Ipv6(address)) if address.is_loopback() => address.into(),
            _ => return Ok(None),
        };
        if redirect_uri.scheme() != "http" {
            return Ok(None);
        }
        let (listener, port) = loopback::bind(address, port.unwrap_or(0))?;
        let authority = format!("{}:{port}", redirect_uri.host_str().unwrap_or_default());
        let (path, query) = (redirect_uri.path().to_owned(), redirect_uri.query().map(str::to_owned));
        Ok(Some(Self { listener, place: Place { authority, path, query } }))
    }

    pub(crate) fn redirect_uri(&self) -> String {
        let Place { authority, path, query } = &self.place;
        let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("http://{authority}{path}{query}")
    }

    /// Waits for the callback with the `state` of the login, and tells the browser what became of it. Other callbacks are
    /// refused, and the first few are shown.
    pub(crate) fn wait<T>(
        self,
        mode: ResponseMode,
        deadline: Duration,
        out: Output,
        judge: impl Fn(&Callback) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let runtime = loopback::runtime()?;
        runtime.block_on(async move {
            match timeout_at(Instant::now() + deadline, self.judged(mode, out, judge)).await {
                Err(_) => Err(Code::Deadline.because(format_args!("{} s", deadline.as_secs()))),
                Ok(Err(error)) => Err(Code::Listener.because(error)),
                Ok(Ok(judged)) => Ok(judged?),
            }
        })
    }

    async fn judged<T>(
        self,
        mode: ResponseMode,
        out: Output,
        judge: impl Fn(&Callback) -> Result<T, Error>,
    ) -> std::io::Result<Result<T, Error>> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let (arrivals, mut inbox) = mpsc::channel(1);
        // They end when the set is dropped.
        let mut connections = JoinSet::new();
        let mut open = VecDeque::<AbortHandle>::new();
        let mut warnings = 0..WARNINGS;
        loop {
            tokio::select! {
                Some(Arrival { callback, verdict, flushed }) = inbox.recv() => {
                    let judged = callback.and_then(|callback| judge(&callback));
                    if let Some(verdict) = verdict {
                        let _ = verdict.send(judged.as_ref().err().map(Error::fault));
                    }
                    match judged {
                        Err(error) if is_strange(&error) => {
                            if warnings.next().is_some() {
                                out.emit(&Event::warning(&error.into()));
                            }
                        }
                        judged => {
                            if let Some(flushed) = flushed {
                                let _ = timeout(FLUSH_TIMEOUT, flushed).await;
                            }
                            return Ok(judged);
                        }
                    }
                }
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        loopback::pause().await;
                        continue;
                    };
                    open.retain(|connection| !connection.is_finished());
                    if open.len() >= CONNECTIONS && let Some(oldest) = open.pop_front() {
                        oldest.abort();
                    }
                    let (done, flushed) = oneshot::channel();
                    let flushed = Mutex::new(Some(flushed));
                    let connection = Connection { place: self.place.clone(), mode, arrivals: arrivals.clone(), flushed };
                    open.push_back(connections.spawn(async move {
                        let _ = timeout(CONNECTION_TIMEOUT, connection.serve(stream)).await;
                        drop(done);
                    }));
                }
            }
        }
    }
}

/// Whether a callback did not show the `state` of the login: anyone can send the browser here, and people paste the wrong
/// address.
pub(crate) fn is_strange(error: &Error) -> bool {
    matches!(
        error.code(),
        Core::CALLBACK_STATE_MISSING
            | Core::CALLBACK_STATE_MISMATCH
            | Core::CALLBACK_REDIRECT_URI
            | Core::CALLBACK_MALFORMED
            | Core::CALLBACK_DUPLICATE_PARAMETER
            | Core::CALLBACK_TOO_LARGE
    )
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let connection = Arc::new(self);
        let service = service_fn(|request| {
            let connection = Arc::clone(&connection);
            async move { Ok::<_, Infallible>(connection.answer(request).await) }
        });
        let served = loopback::connections().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
        // Too large for its URL to be read: it may be the callback.
        if served.is_err_and(|error| error.is_parse_too_large()) {
            let callback = Err(Core::CALLBACK_TOO_LARGE.into());
            let _ = connection.arrivals.send(Arrival { callback, verdict: None, flushed: None }).await;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != self.place.path {
            return page(StatusCode::NOT_FOUND, "There is nothing here.");
        }
        // A name of somebody else's may lead to this machine, and a page under it may then read what comes.
        // Two of them are read in two ways (RFC 9112 section 3.2).
        let mut hosts = request.headers().get_all(HOST).iter();
        if hosts.next().is_none_or(|host| !self.place.is_host(host.as_bytes())) || hosts.next().is_some() {
            return page(StatusCode::BAD_REQUEST, "This is not the host of the redirect URI.");
        }
        let bare = request.uri().query() == self.place.query.as_deref();
        match *request.method() {
            // The response is in the fragment, which a browser does not send by itself.
            Method::GET if bare && self.mode == ResponseMode::Fragment => respond(StatusCode::OK, FRAGMENT_PAGE),
            // The response will be in the form.
            Method::GET if bare && self.mode == ResponseMode::FormPost => {
                page(StatusCode::NOT_FOUND, "There is nothing here.")
            }
            Method::GET => {
                self.arrived(Callback::from_url(&format!("http://{}{}", self.place.authority, request.uri()))).await
            }
            Method::POST => match loopback::read(request.into_body(), CALLBACK_LIMIT).await {
                Ok(form) => self.arrived(self.posted(&form)).await,
                Err(NoBody::TooLarge) => self.arrived(Err(Core::CALLBACK_TOO_LARGE.into())).await,
                Err(NoBody::Broken) => page(StatusCode::BAD_REQUEST, "The form did not arrive. Go back and try again."),
            },
            _ => {
                let mut response = page(StatusCode::METHOD_NOT_ALLOWED, "Only GET and POST are answered here.");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
                response
            }
        }
    }

    /// A form: the provider's, or the fragment that our own page sent.
    fn posted(&self, form: &[u8]) -> Result<Callback, Error> {
        match form.strip_prefix(b"fragment=") {
            Some(fragment) if self.mode == ResponseMode::Fragment => {
                let fragment = url::form_urlencoded::parse(&[b"fragment=", fragment].concat())
                    .next()
                    .map_or(String::new(), |(_, fragment)| fragment.into_owned());
                Callback::from_fragment(&fragment)
            }
            _ => Callback::from_form_post(form),
        }
    }

    /// Hands the callback over and waits for what becomes of it.
    async fn arrived(&self, callback: Result<Callback, Error>) -> Response<Full<Bytes>> {
        let (verdict, outcome) = oneshot::channel();
        let flushed = self.flushed.lock().await.take();
        if self.arrivals.send(Arrival { callback, verdict: Some(verdict), flushed }).await.is_err() {
            return page(StatusCode::GONE, "The login is over.");
        }
        match outcome.await {
            Ok(None) => page(StatusCode::OK, "The response has arrived. You can close this window."),
            Ok(Some(Fault::Denied)) => page(StatusCode::OK, "The login was denied. See the terminal."),
            _ => page(StatusCode::BAD_REQUEST, "This response was not accepted. See the terminal."),
        }
    }
}

/// Posts the fragment to where it came to, and so takes it out of the address bar, too.
const FRAGMENT_PAGE: &str = concat!(
    "<!DOCTYPE html><meta charset=\"utf-8\"><title>oidc_cli</title>",
    "<form method=\"post\" id=\"fragment\"><input type=\"hidden\" name=\"fragment\"></form>",
    "<noscript>Without scripts, use oidc_cli login --paste.</noscript>",
    "<script>const form = document.getElementById('fragment');",
    "form.elements.fragment.value = location.hash.slice(1); form.action = location.pathname; form.submit();</script>",
);

fn page(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, format!("<!DOCTYPE html><meta charset=\"utf-8\"><title>oidc_cli</title><p>{text}</p>\n"))
}

fn respond(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    // Scripts: the one of our own page; nothing from outside is ever in a page.
    let policy = "default-src 'none'; script-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, policy),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
