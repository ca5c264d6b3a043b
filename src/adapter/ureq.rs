//! HTTP by `ureq`, on the calling thread.

use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::sync::Arc;

use http::{Request, Response, Uri};
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, SocksConnector, TcpConnector, Transport,
};
use ureq::{Agent, AsSendBody, Error, Proxy};

use super::blocking::BlockingHttpClient;
use super::causes::root_cause;
use super::options::{HttpOptions, OptionsError, is_public};
use super::tls;
use super::ureq_tls::{NoResponse, Tls};
use crate::base::secret::Body;
use crate::error::transport::{Failure, FailureKind, FailureReason, Sent};
use crate::wire::policy::Policy;

/// A blocking HTTP client. Clones share their connections.
///
/// HTTP/1.1 with rustls. By default it trusts the root certificates of the operating system. The
/// client refuses a request whose policy names a client certificate
/// ([`Policy::client_certificate`]), because it cannot choose a certificate for each request.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
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
        let proxy = match options.proxy.as_deref() {
            Some(url) => Some(Proxy::new(url).map_err(|_| OptionsError::Proxy)?),
            None if options.env_proxy => Proxy::try_from_env(),
            None => None,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .timeout_global(Some(options.timeout))
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .build();
        let tls = Tls(Arc::new(tls::config(&options, &[b"http/1.1"])?));
        let to_proxy = ().chain(Socks(SocksConnector::default())).chain(ConnectProxyConnector::default());
        let connector = to_proxy.chain(TcpConnector::default()).chain(tls);
        let names = Names { lookup: DefaultResolver::default(), public_only: options.public_only };
        Ok(Self { agent: Agent::with_parts(config, Connect(connector), names), options })
    }

    fn exchange(&self, request: Request<impl AsSendBody>, limit: usize) -> Result<Response<Vec<u8>>, Failure> {
        let response = self.agent.run(request).map_err(failure)?;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let status = response.status();
        let too_large = Failure::new(FailureKind::BodyTooLarge, Sent::Maybe).with_status(status);
        let length = response.body().content_length().unwrap_or(0);
        if length > limit {
            return Err(too_large);
        }
        let (parts, body) = response.into_parts();
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let read = body.into_reader().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        let read = read.map_err(|error| failure(error.into()).with_status(status))?;
        if u64::try_from(read).unwrap_or(u64::MAX) > limit {
            return Err(too_large);
        }
        Ok(Response::from_parts(parts, bytes))
    }
}

impl BlockingHttpClient for Client {
    fn call(&self, mut request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure> {
        if policy.client_certificate().is_some() {
            return Err(Failure::new(FailureKind::Refused, Sent::No));
        }
        self.options.prepare(&mut request)?;
        // The bytes are lent, so that they are wiped afterwards.
        let (parts, body) = request.into_parts();
        let exchanged = if body.is_empty() && parts.method != http::Method::POST {
            self.exchange(Request::from_parts(parts, ()), policy.body_limit())
        } else {
            self.exchange(Request::from_parts(parts, body.as_ref()), policy.body_limit())
        };
        exchanged.map_err(|failure| self.options.patience().explain(failure))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ureq::Client").field(&self.options).finish()
    }
}

/// A failure before there was a connection. `ureq` tells the same errors before and after; this tells them apart.
#[derive(Debug, thiserror::Error)]
#[error("not connected: {0}")]
struct NotConnected(Failure);

impl NotConnected {
    fn new(kind: FailureKind) -> Self {
        Self(Failure::new(kind, Sent::No))
    }

    fn because(reason: FailureReason) -> Self {
        Self(Failure::new(FailureKind::Unreachable, Sent::No).because(reason))
    }
}

impl From<NotConnected> for Error {
    fn from(error: NotConnected) -> Self {
        Self::Other(Box::new(error))
    }
}

/// The name lookup, with the choice of addresses.
#[derive(Debug)]
struct Names {
    lookup: DefaultResolver,
    public_only: bool,
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.lookup.resolve(uri, config, timeout).map_err(|error| match error {
            Error::Timeout(_) => NotConnected::new(FailureKind::Timeout),
            _ => NotConnected::because(FailureReason::HostNotFound),
        })?;
        if !self.public_only {
            return Ok(found);
        }
        let mut kept = self.empty();
        found.iter().filter(|address| is_public(address.ip())).for_each(|address| kept.push(*address));
        if kept.is_empty() { Err(NotConnected::new(FailureKind::Refused).into()) } else { Ok(kept) }
    }
}

/// The connection that a SOCKS proxy makes, if there is one. What fails is the proxy's affair.
#[derive(Debug)]
struct Socks(SocksConnector);

impl<In: Transport> Connector<In> for Socks {
    type Out = <SocksConnector as Connector<In>>::Out;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained).map_err(|error| {
            let NotConnected(failure) = match &error {
                // The proxy has closed the connection; no TLS handshake has begun yet.
                Error::Io(end) if end.kind() == ErrorKind::UnexpectedEof => NotConnected::new(FailureKind::Unreachable),
                error => connect_failure(error, None),
            };
            match details.config.proxy() {
                Some(proxy) => NotConnected(failure.with_proxy(proxy.host(), proxy.port())).into(),
                None => NotConnected(failure).into(),
            }
        })
    }
}

/// The connection, TLS included.
#[derive(Debug)]
struct Connect<C>(C);

impl<C: Connector> Connector for Connect<C> {
    type Out = C::Out;

    fn connect(&self, details: &ConnectionDetails, chained: Option<()>) -> Result<Option<Self::Out>, Error> {
        let proxy = details.config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri));
        self.0.connect(details, chained).map_err(|error| connect_failure(&error, proxy).into())
    }
}

fn connect_failure(error: &Error, proxy: Option<&Proxy>) -> NotConnected {
    let of_proxy = |failure: Failure| match proxy {
        Some(proxy) => NotConnected(failure.with_proxy(proxy.host(), proxy.port())),
        None => NotConnected(failure),
    };
    match error {
        Error::Other(inner) if inner.is::<NoResponse>() => {
            let failure = Failure::new(FailureKind::Timeout, Sent::No);
            return NotConnected(failure.because(FailureReason::NoTlsResponse));
        }
        // Of the connection to the proxy, which is made in the same way, or of the lookup of its name.
        Error::Other(inner) => {
            if let Some(NotConnected(failure)) = inner.downcast_ref() {
                return of_proxy(failure.clone());
            }
        }
        // The time-out is the proxy's. If the server behind the proxy does not respond, the TLS
        // handshake fails instead (`NoTlsResponse`).
        Error::Timeout(_) if proxy.is_some() => return of_proxy(Failure::new(FailureKind::Timeout, Sent::No)),
        Error::ConnectProxyFailed(text) => {
            // The status is there twice: as a number and as text.
            let text = text.split('/').next().unwrap_or_default();
            return of_proxy(Failure::new(FailureKind::Unreachable, Sent::No).with_text(text));
        }
        _ => {}
    }
    if let Some(failure) = tls_failure(error, Sent::No) {
        return NotConnected(failure);
    }
    let kind = match error {
        Error::Timeout(_) => FailureKind::Timeout,
        Error::Tls(_) | Error::TlsRequired => FailureKind::Tls,
        Error::Io(error) => match error.kind() {
            // An end can only come in the handshake.
            ErrorKind::UnexpectedEof => {
                return NotConnected(Failure::new(FailureKind::Tls, Sent::No).because(FailureReason::NoTlsResponse));
            }
            ErrorKind::TimedOut => FailureKind::Timeout,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                FailureKind::Interrupted
            }
            ErrorKind::ConnectionRefused => return NotConnected::because(FailureReason::ConnectionRefused),
            _ => FailureKind::Unreachable,
        },
        _ => FailureKind::Unreachable,
    };
    NotConnected(with_text(Failure::new(kind, Sent::No), error))
}

/// What is wrong with TLS, if that is it.
fn tls_failure(error: &Error, sent: Sent) -> Option<Failure> {
    match error {
        Error::Io(error) => tls::failure(error, sent),
        Error::Other(error) => tls::failure(&**error, sent),
        _ => None,
    }
}

/// What the library says about it, where its text has no URL.
fn text(error: &Error) -> Option<String> {
    match error {
        Error::Io(error) => Some(root_cause(error).unwrap_or_else(|| error.to_string())),
        Error::Tls(_) | Error::Protocol(_) | Error::LargeResponseHeader(..) | Error::BodyStalled => {
            Some(error.to_string())
        }
        _ => None,
    }
}

fn with_text(failure: Failure, error: &Error) -> Failure {
    match text(error) {
        Some(text) => failure.with_text(text),
        None => failure,
    }
}

fn failure(error: Error) -> Failure {
    // With TLS 1.3 a server may reject the handshake after the client has ended its own part.
    if let Some(failure) = tls_failure(&error, Sent::Maybe) {
        return failure;
    }
    let kind = match &error {
        Error::Other(error) => {
            return match error.downcast_ref() {
                Some(NotConnected(failure)) => failure.clone(),
                None => Failure::new(FailureKind::Other, Sent::Maybe),
            };
        }
        Error::BadUri(_) | Error::Http(_) => return Failure::new(FailureKind::Other, Sent::No),
        Error::Timeout(_) => FailureKind::Timeout,
        Error::Tls(_) => FailureKind::Tls,
        Error::Io(error) if error.kind() == ErrorKind::TimedOut => FailureKind::Timeout,
        // For example too many headers, or too many interim (1xx) responses: no usable response
        // came.
        Error::Io(_) | Error::Protocol(_) | Error::LargeResponseHeader(..) | Error::BodyStalled => {
            FailureKind::Interrupted
        }
        _ => FailureKind::Other,
    };
    with_text(Failure::new(kind, Sent::Maybe), &error)
}
