//! HTTP by `reqwest`, for a tokio runtime.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, ready};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;

use super::causes::{causes, root_cause};
use super::driver::HttpClient;
use super::options::{HttpOptions, OptionsError, is_public};
use super::tls;
use crate::base::secret::Body;
use crate::error::transport::{Failure, FailureKind, FailureReason, Sent};
use crate::wire::policy::Policy;

/// An asynchronous HTTP client. Clones share their connections.
///
/// HTTP/1.1 and HTTP/2 with rustls. By default it trusts the root certificates of the operating system. It needs a
/// tokio runtime with IO and time enabled, and **panics outside of one**. Dropping the future of a response cancels the
/// request. The client refuses a request whose policy names a client certificate
/// ([`Policy::client_certificate`]), because it cannot choose a certificate for each request.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The same choice of a proxy as that of the library, whose errors do not name it.
    proxies: Option<Arc<Matcher>>,
    options: HttpOptions,
}

impl Client {
    /// A client with the default options.
    ///
    /// # Errors
    /// As [`Client::with`].
    pub fn new() -> Result<Self, OptionsError> {
        Self::with(HttpOptions::new())
    }

    /// A client with these options.
    ///
    /// # Errors
    /// What is wrong with the options; [`OptionsError::Library`] on a machine without root certificates.
    pub fn with(options: HttpOptions) -> Result<Self, OptionsError> {
        options.check()?;
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .tls_backend_preconfigured(tls::config(&options, &[b"h2", b"http/1.1"])?)
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout);
        if !options.env_proxy || options.proxy.is_some() {
            builder = builder.no_proxy();
        }
        let proxies = match &options.proxy {
            Some(url) => {
                builder = builder.proxy(reqwest::Proxy::all(url).map_err(|_| OptionsError::Proxy)?);
                Some(Arc::new(Matcher::builder().all(url.as_str()).build()))
            }
            None if options.env_proxy => Some(Arc::new(Matcher::from_system())),
            None => None,
        };
        if options.public_only {
            builder = builder.dns_resolver(PublicNames);
        }
        Ok(Self { http: builder.build().map_err(|_| OptionsError::Library)?, proxies, options })
    }

    /// The host and port of the proxy of a request.
    fn proxy(&self, uri: &Uri) -> Option<(String, u16)> {
        let proxy = self.proxies.as_ref()?.intercept(uri)?;
        let default = if proxy.uri().scheme_str() == Some("https") { 443 } else { 80 };
        Some((proxy.uri().host()?.to_owned(), proxy.uri().port_u16().unwrap_or(default)))
    }
}

impl HttpClient for Client {
    type Response = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, Failure>> + Send>>;

    fn call(&self, mut request: Request<Body>, policy: Policy) -> Self::Response {
        if policy.client_certificate().is_some() {
            return Box::pin(ready(Err(Failure::new(FailureKind::Refused, Sent::No))));
        }
        if let Err(failure) = self.options.prepare(&mut request) {
            return Box::pin(ready(Err(failure)));
        }
        let proxy = self.proxy(request.uri());
        match reqwest::Request::try_from(request.map(Vec::from)) {
            Ok(request) => {
                let (http, patience) = (self.http.clone(), self.options.patience());
                let exchange = async move {
                    exchange(http, request, policy.body_limit()).await.map_err(|failure| {
                        let failure = patience.explain(failure);
                        match (proxy, failure.kind, failure.sent) {
                            // A server that the proxy cannot reach is also reported as a failure of
                            // the proxy.
                            (Some((host, port)), FailureKind::Unreachable, _)
                            | (Some((host, port)), FailureKind::Timeout, Sent::No) => failure.with_proxy(&host, port),
                            _ => failure,
                        }
                    })
                };
                Box::pin(exchange)
            }
            Err(_) => Box::pin(ready(Err(Failure::new(FailureKind::Other, Sent::No)))),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("reqwest::Client").field(&self.options).finish()
    }
}

async fn exchange(
    http: reqwest::Client,
    request: reqwest::Request,
    limit: usize,
) -> Result<http::Response<Vec<u8>>, Failure> {
    let mut response = http.execute(request).await.map_err(|error| failure(&error))?;
    let status = response.status();
    let too_large = Failure::new(FailureKind::BodyTooLarge, Sent::Maybe).with_status(status);
    let length = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if length > limit {
        return Err(too_large);
    }
    let mut bytes = Vec::with_capacity(length);
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error).with_status(status))? {
        if chunk.len() > limit.saturating_sub(bytes.len()) {
            return Err(too_large);
        }
        bytes.extend_from_slice(&chunk);
    }
    let mut whole = http::Response::new(bytes);
    *whole.status_mut() = status;
    *whole.version_mut() = response.version();
    *whole.headers_mut() = std::mem::take(response.headers_mut());
    Ok(whole)
}

/// Every address of a name was refused.
#[derive(Debug, thiserror::Error)]
#[error("no public address")]
struct Refused;

/// The name lookup that keeps public addresses only.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
            if kept.is_empty() { Err(Refused.into()) } else { Ok(Box::new(kept.into_iter()) as Addrs) }
        })
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Failure::new(FailureKind::Other, Sent::No);
    }
    if causes(error).any(|cause| cause.is::<Refused>()) {
        return Failure::new(FailureKind::Refused, Sent::No).with_text(Refused);
    }
    let kinds: Vec<_> = causes(error).filter_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind())).collect();
    // A time-out of the whole exchange does not say how far it got.
    let connecting = error.is_connect();
    let sent = if connecting { Sent::No } else { Sent::Maybe };
    if let Some(failure) = tls::failure(error, sent) {
        return failure;
    }
    let kind = if error.is_timeout() || kinds.contains(&ErrorKind::TimedOut) {
        FailureKind::Timeout
    } else if connecting && kinds.contains(&ErrorKind::UnexpectedEof) {
        // While connecting, an end can only come in the handshake.
        FailureKind::Tls
    } else if connecting && !kinds.iter().any(|kind| BROKEN.contains(kind)) {
        FailureKind::Unreachable
    } else {
        FailureKind::Interrupted
    };
    let failure = Failure::new(kind, sent);
    match kind {
        FailureKind::Tls => return failure.because(FailureReason::NoTlsResponse),
        FailureKind::Timeout if connecting && error.url().is_some_and(|url| url.scheme() == "https") => {
            return failure.because(FailureReason::NotConnected);
        }
        _ => {}
    }
    let failure = match root_cause(error) {
        Some(text) => failure.with_text(text),
        None => failure,
    };
    if kind != FailureKind::Unreachable {
        failure
    } else if kinds.contains(&ErrorKind::ConnectionRefused) {
        failure.because(FailureReason::ConnectionRefused)
    } else if is_about_name(error) {
        failure.because(FailureReason::HostNotFound)
    } else {
        failure
    }
}

/// Whether the name lookup failed. The library's error for it has no type to tell it by, only this text.
fn is_about_name(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with("dns error"))
}

const BROKEN: [ErrorKind; 3] = [ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted, ErrorKind::BrokenPipe];
