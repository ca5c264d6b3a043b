//! Transport failures. A failure is an input of a flow, like a response.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::quote::Quote;

/// Why no usable response came from a server or a key store, and whether the server may still have
/// received the request.
///
/// Two failures are equal if `kind` and `sent` are equal; the reason and the text are only for people to read.
#[derive(Clone, Debug, Eq, thiserror::Error)]
#[error("no usable response: {kind}")]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// Whether the server may have seen the request. It decides whether a one-time code may be sent again.
    pub sent: Sent,
    reason: Option<FailureReason>,
    details: Option<Arc<Details>>,
}

/// What people can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Details {
    text: Option<Quote>,
    hint: Option<&'static str>,
    status: Option<StatusCode>,
    /// Of the body, in bytes.
    limit: Option<usize>,
    server: Option<String>,
    proxy: Option<String>,
    /// In milliseconds.
    waited: Option<u64>,
}

impl Failure {
    /// A failure.
    pub const fn new(kind: FailureKind, sent: Sent) -> Self {
        Self { kind, sent, reason: None, details: None }
    }

    /// Adds a more exact reason, for people to read.
    #[must_use]
    pub fn because(self, reason: FailureReason) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Adds the text of the HTTP library or of the key store, for people to read. The text is escaped and cut at 200
    /// characters, and long opaque parts are shortened. It must not contain the URL of the request or anything secret.
    #[must_use]
    pub fn with_text(self, text: impl fmt::Display) -> Self {
        self.with(|details| details.text = Some(Quote::adapter(&text.to_string())))
    }

    /// Says what to do, in a sentence that errors with this failure show in place of their code's cure.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        self.with(|details| details.hint = Some(hint))
    }

    /// Adds the status of a response whose body was too large or did not arrive whole. If the status is not a success,
    /// the error has the code of the status instead of the code of this failure: a response of 503 with a body that is
    /// too large is `http.server_error`.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        self.with(|details| details.status = Some(status))
    }

    /// Says how large the body may be, in bytes.
    pub(crate) fn with_limit(self, limit: usize) -> Self {
        if self.kind == FailureKind::BodyTooLarge { self.with(|details| details.limit = Some(limit)) } else { self }
    }

    /// Names the server of the request: host and port of this URL. For drivers and own loops: flows
    /// do not know how far the connection got. Errors name the server only if the connection or its
    /// TLS handshake failed.
    #[must_use]
    pub fn with_server(self, request: &http::Uri) -> Self {
        let had_no_connection = match self.kind {
            FailureKind::Unreachable | FailureKind::Tls => true,
            FailureKind::Timeout => self.sent == Sent::No,
            _ => false,
        };
        if !had_no_connection {
            return self;
        }
        let Some(host) = request.host() else { return self };
        let port = match (request.port_u16(), request.scheme_str()) {
            (Some(port), _) => port,
            (None, Some("http")) => 80,
            _ => 443,
        };
        self.with(|details| details.server = Some(format!("{host}:{port}")))
    }

    /// Names the proxy that failed on the way to the server: its host and port. Errors name it in place of the server.
    #[must_use]
    pub fn with_proxy(self, host: &str, port: u16) -> Self {
        self.with(|details| details.proxy = Some(format!("{host}:{port}")))
    }

    /// Says after which time the HTTP client gave up.
    #[must_use]
    pub fn after(self, waited: Duration) -> Self {
        self.with(|details| details.waited = Some(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)))
    }

    fn with(mut self, set: impl FnOnce(&mut Details)) -> Self {
        set(Arc::make_mut(self.details.get_or_insert_default()));
        self
    }

    /// The more exact reason, if the HTTP client knows one. No decision depends on it.
    pub const fn reason(&self) -> Option<FailureReason> {
        self.reason
    }

    /// The text of the HTTP library or of the key store, if there is one. No decision depends on it.
    pub fn text(&self) -> Option<&str> {
        self.details.as_ref()?.text.as_ref().map(Quote::as_str)
    }

    /// The status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.details.as_ref()?.status
    }

    /// The proxy that failed on the way to the server, if the HTTP client knows that it was the proxy.
    pub fn proxy(&self) -> Option<&str> {
        self.details.as_ref()?.proxy.as_deref()
    }

    /// What to do, where the kind alone does not tell.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self.reason {
            _ if self.proxy().is_some() => {
                Some("Check the proxy's address, its user and password, and that it allows this server.")
            }
            Some(FailureReason::NotTls | FailureReason::NoTlsResponse) => {
                Some("Check the scheme and the port of the URL: the port may be one of `http`.")
            }
            Some(FailureReason::HiddenByBrowser) => {
                Some("Look at the browser's console. The server must allow this page's origin (CORS).")
            }
            Some(FailureReason::ContentSecurityPolicy) => {
                Some("Add the server to `connect-src` of the page's content security policy.")
            }
            // A browser tells none of the others, and they would be in its module.
            _ if cfg!(target_family = "wasm") => self.details.as_ref()?.hint,
            Some(FailureReason::HostNotFound) => Some("Check the spelling of the host name, and the network."),
            Some(FailureReason::NotConnected) => Some(
                "Check the host, the scheme and the port of the URL, and the network: the port may be one of `http`.",
            ),
            _ => self.details.as_ref()?.hint,
        }
    }

    /// How large the body may be, in bytes, if it was larger.
    pub(super) fn limit(&self) -> Option<usize> {
        self.details.as_ref()?.limit
    }

    /// What was found, for an error: the proxy or the server, the reason or the text, and how long the client waited.
    pub(super) fn found(&self) -> Option<Quote> {
        let Details { text, server, proxy, waited, .. } = self.details.as_deref().cloned().unwrap_or_default();
        let waited = waited.map(seconds);
        let reason = match (self.reason, waited) {
            (Some(reason), Some(waited)) => Some(Quote::library(format_args!("{reason} in {waited}"))),
            (Some(reason), None) => Some(Quote::library(reason)),
            (None, Some(waited)) => Some(Quote::library(format_args!("no response after {waited}"))),
            (None, None) => text,
        };
        let place = proxy.map(|proxy| format!("the proxy {proxy}")).or(server);
        match (place, reason) {
            (Some(place), Some(reason)) => Some(reason.after(&place)),
            (Some(place), None) => Some(Quote::library(place)),
            (None, reason) => reason,
        }
    }
}

/// As `0.3 s`. The standard library's way to write a fraction is 4 kB of a module for browsers.
fn seconds(millis: u64) -> String {
    let exact = format!("{}.{:03}", millis / 1000, millis % 1000);
    format!("{} s", exact.trim_end_matches('0').trim_end_matches('.'))
}

/// The server may have received the request: the assumption that is safe.
impl From<FailureKind> for Failure {
    fn from(kind: FailureKind) -> Self {
        Self::new(kind, Sent::Maybe)
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.sent) == (other.kind, other.sent)
    }
}

/// Why there was no response, for people to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FailureReason {
    /// The name has no address.
    #[error("no such host")]
    HostNotFound,
    /// Nothing listens on the port.
    #[error("connection refused")]
    ConnectionRefused,
    /// The server's certificate is from an authority that is not trusted.
    #[error("its certificate is from an unknown authority")]
    UnknownAuthority,
    /// The server's certificate is for another host.
    #[error("its certificate is for another host")]
    CertificateHost,
    /// The server's certificate has expired, by this machine's clock.
    #[error("its certificate has expired")]
    CertificateExpired,
    /// The server's certificate is not valid yet, by this machine's clock.
    #[error("its certificate is not valid yet")]
    CertificateNotYetValid,
    /// The server's certificate was revoked.
    #[error("its certificate was revoked")]
    CertificateRevoked,
    /// The port speaks another protocol than TLS.
    #[error("the port does not speak TLS")]
    NotTls,
    /// There was a connection, and no response to the TLS handshake: the server closed the connection, or time ran out.
    #[error("connected, but no response to the TLS handshake")]
    NoTlsResponse,
    /// Time ran out before there was a connection, or in the TLS handshake. The HTTP client does not tell which.
    #[error("no connection, or no response to the TLS handshake")]
    NotConnected,
    /// A browser failed, and does not tell a page why: no connection, TLS, a redirect, or a server
    /// that does not allow the page's origin.
    #[error(
        "the browser does not say why: no connection, TLS, a redirect, or no CORS header for this page's origin; its console says more"
    )]
    HiddenByBrowser,
    /// The page's content security policy does not allow the request.
    #[error("the page's content security policy (connect-src) does not allow it")]
    ContentSecurityPolicy,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FailureKind {
    /// No response in time.
    #[error("no response in time")]
    Timeout,
    /// No connection: name, address or port.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The TLS handshake failed.
    #[error("TLS failed")]
    Tls,
    /// The connection broke in the middle.
    #[error("the connection broke")]
    Interrupted,
    /// The body grew beyond the policy's limit.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The adapter is configured to refuse this request, for example because of a private address.
    #[error("refused by the HTTP client")]
    Refused,
    /// The application gave up.
    #[error("cancelled")]
    Cancelled,
    /// The key store refused to use the key.
    #[error("the key store refused")]
    KeyRefused,
    /// The key store does not know the operation, or there is none.
    #[error("not supported by the key store")]
    Unsupported,
    /// Anything else.
    #[error("the HTTP client failed")]
    Other,
}

impl FailureKind {
    /// A stable name, for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Interrupted => "interrupted",
            Self::BodyTooLarge => "body_too_large",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::KeyRefused => "key_refused",
            Self::Unsupported => "unsupported",
            Self::Other => "other",
        }
    }
}

/// Whether the server may have seen a request.
///
/// Exhaustive: the request was certainly not sent, or it may have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Certainly not: there was no connection, its TLS handshake failed, or the HTTP client refused
    /// to send.
    No,
    /// The server may have received the request.
    Maybe,
}
