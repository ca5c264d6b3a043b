//! The error type. It says whose fault the failure was, what was expected and found, what to do, and which section of
//! which standard applies.
//!
//! An error never holds a response body, a token, a code or a secret. The provider's own words (`error`,
//! `error_description`, `error_uri`) are kept apart in [`ProviderText`] and are never part of the error's `Display`. A
//! value that was found in a response is a [`Quote`]: it is escaped and cut, and its opaque parts are shortened.

pub(crate) mod code;
pub(crate) mod codes;
pub(crate) mod provider_text;
pub(crate) mod quote;
pub(crate) mod transport;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use code::{ErrorCode, Family, Fault, Recovery};
pub use provider_text::ProviderText;
pub use quote::{Quote, QuoteSource};
pub use transport::{Failure, FailureKind, FailureReason, Sent};

/// An error of this crate: a stable code, and the details of this failure.
///
/// Its `Display` says in which request it happened, what happened, what was found, and what to do:
///
/// ```
/// use oidc_proto::{Error, ErrorCode, Quote};
/// let error = Error::new(ErrorCode::HTTP_CONTENT_TYPE).with_endpoint("token_endpoint");
/// assert_eq!(
///     error.with_found(Quote::provider("text/html")).to_string(),
///     "token endpoint: unexpected content type: found \"text/html\" (http.content_type; RFC 9110 section 8.3). \
///      Check that no proxy returns a page of its own, and the URL; if it is from the provider's metadata, report it to \
///      the provider."
/// );
/// ```
///
/// An error is one pointer, so that a `Result` of this crate stays small. Clones share the content: an event and all
/// waiting callers can get the same error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    code: ErrorCode,
    status: Option<StatusCode>,
    endpoint: Option<&'static str>,
    field: Option<&'static str>,
    expected: Option<Quote>,
    found: Option<Quote>,
    hint: Option<Cow<'static, str>>,
    recovery: Option<Recovery>,
    text: Option<ProviderText>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    retry_after: Option<Duration>,
    /// Whether the error is older than the requests that follow: `with_status` then adds no status
    /// of their responses.
    is_settled: bool,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { code, status, endpoint, field, ref expected, ref found, .. } = *self.0;
        // The name of the endpoint stands before a colon, so that each message stays as it is.
        match endpoint.map(|name| (name, name.strip_suffix("_endpoint"))) {
            Some((_, Some(name))) => write!(f, "{} endpoint: ", name.replace('_', " "))?,
            Some((name, None)) => match name {
                "openid_configuration" | "oauth_authorization_server" => f.write_str("provider metadata: ")?,
                "versions" => f.write_str("homeserver versions: ")?,
                "well_known" => f.write_str("Matrix well-known document: ")?,
                _ => write!(f, "`{name}`: ")?,
            },
            None => {}
        }
        f.write_str(code.message())?;
        let is_about_response = matches!(code.family(), Family::Response | Family::Unavailable);
        let mut status = status.filter(|_| is_about_response);
        if code == ErrorCode::HTTP_STATUS
            && let Some(status) = status.take()
        {
            write!(f, " {}", status.as_u16())?;
        }
        let mut separator = ": ";
        let mut detail = |f: &mut fmt::Formatter<'_>, part: fmt::Arguments<'_>| {
            write!(f, "{separator}{part}")?;
            separator = ", ";
            fmt::Result::Ok(())
        };
        if let Some(field) = field {
            detail(f, format_args!("`{field}`"))?;
        }
        if let Some(expected) = expected {
            detail(f, format_args!("expected {expected}"))?;
        }
        if let Some(found) = found {
            detail(f, format_args!("found {found}"))?;
        }
        if let Some(status) = status {
            detail(f, format_args!("HTTP status {}", status.as_u16()))?;
        }
        write!(f, " ({code}; {}). {}", code.section(), self.hint())
    }
}

/// Two errors are equal if all their fields are equal, including `Retry-After`, the provider's text, and the failure of
/// the HTTP client. Sources of other types are equal only in clones of one error.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        fn parts(error: &Error) -> impl PartialEq + '_ {
            let Inner {
                code,
                status,
                endpoint,
                field,
                retry_after,
                recovery,
                ref expected,
                ref found,
                ref hint,
                ref text,
                ..
            } = *error.0;
            ((code, status, endpoint, field, retry_after, recovery), (expected, found, hint, text), error.failure())
        }
        let same_source = match (&self.0.source, &other.0.source) {
            (Some(own), Some(others)) => self.failure().is_some() || Arc::ptr_eq(own, others),
            (own, others) => own.is_none() && others.is_none(),
        };
        parts(self) == parts(other) && same_source
    }
}

impl Eq for Error {}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl Error {
    /// An error with this code.
    ///
    /// Flows outside of this crate can use it to fail with the same type.
    pub fn new(code: ErrorCode) -> Self {
        Self(Arc::new(Inner {
            code,
            status: None,
            endpoint: None,
            field: None,
            expected: None,
            found: None,
            hint: None,
            recovery: None,
            text: None,
            source: None,
            retry_after: None,
            is_settled: false,
        }))
    }

    fn with(mut self, set: impl FnOnce(&mut Inner)) -> Self {
        set(Arc::make_mut(&mut self.0));
        self
    }

    /// Names the field, parameter, claim or header in question.
    #[must_use]
    pub fn at(self, field: &'static str) -> Self {
        self.with(|inner| inner.field = Some(field))
    }

    /// Names the request that failed.
    #[must_use]
    pub fn with_endpoint(self, endpoint: &'static str) -> Self {
        self.with(|inner| inner.endpoint = Some(endpoint))
    }

    /// Names the request that it happened in, unless one is named already.
    #[must_use]
    pub(crate) fn during(self, endpoint: &'static str) -> Self {
        if self.0.endpoint.is_some() { self } else { self.with_endpoint(endpoint) }
    }

    /// The same under another code, which says more about where it happened.
    #[must_use]
    pub(crate) fn with_code(self, code: ErrorCode) -> Self {
        self.with(|inner| inner.code = code)
    }

    /// Adds the HTTP status of the response that has the error, unless the error already has a status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        let is_known = self.0.status.is_some() || self.0.is_settled;
        if is_known { self } else { self.with(|inner| inner.status = Some(status)) }
    }

    /// This error, for a flow that sends more requests before it returns the error. Their statuses
    /// are not added to it.
    #[must_use]
    #[allow(dead_code, reason = "only profiles tidy up after an error, and a build may have none")]
    pub(crate) fn settled(self) -> Self {
        self.with(|inner| inner.is_settled = true)
    }

    /// Adds what was expected.
    #[must_use]
    pub fn with_expected(self, expected: Quote) -> Self {
        self.with(|inner| inner.expected = Some(expected))
    }

    /// Adds what was found.
    #[must_use]
    pub fn with_found(self, found: Quote) -> Self {
        self.with(|inner| inner.found = Some(found))
    }

    /// Replaces the code's cure by a sentence that says what to do in this case. The hint must not quote the provider.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.with(|inner| inner.hint = Some(hint.into()))
    }

    /// Replaces the code's recovery by what helps in this case.
    #[must_use]
    pub(crate) fn with_recovery(self, recovery: Recovery) -> Self {
        self.with(|inner| inner.recovery = Some(recovery))
    }

    /// Adds what the provider said.
    #[must_use]
    pub fn with_text(self, text: ProviderText) -> Self {
        self.with(|inner| inner.text = Some(text))
    }

    /// Adds the underlying error, which becomes this error's `source()`. It must not hold secrets.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.with(|inner| inner.source = Some(Arc::from(source.into())))
    }

    /// Adds when the server wants to be asked again.
    #[must_use]
    pub(crate) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        self.with(|inner| inner.retry_after = retry_after)
    }

    /// `Retry-After` (RFC 9110 section 10.2.3): the time after which to try again. It is not capped.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whose fault it was.
    pub fn fault(&self) -> Fault {
        self.0.code.fault()
    }

    /// The kind of failure.
    pub fn family(&self) -> Family {
        self.0.code.family()
    }

    /// What helps after this failure; `Retry-After` is included.
    pub fn recovery(&self) -> Recovery {
        match self.0.recovery.unwrap_or(self.0.code.recovery()) {
            Recovery::Retry { .. } => Recovery::Retry { after: self.retry_after() },
            other => other,
        }
    }

    /// The stable code, for programs. Its `Display` is a dotted name.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The section of the standard that was broken or applied.
    pub fn section(&self) -> &'static str {
        self.0.code.section()
    }

    /// The HTTP status of the response that has the error, which may be a success; `None` if no response came, or if
    /// the error is not about a response.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The request that failed, by the metadata's name of its endpoint (`token_endpoint`, `jwks_uri`).
    pub fn endpoint(&self) -> Option<&'static str> {
        self.0.endpoint
    }

    /// The field, parameter, claim or header in question.
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }

    /// What was expected.
    pub fn expected(&self) -> Option<&Quote> {
        self.0.expected.as_ref()
    }

    /// What was found.
    pub fn found(&self) -> Option<&Quote> {
        self.0.found.as_ref()
    }

    /// What to do: a hint for this case if there is one, otherwise the code's cure.
    pub fn hint(&self) -> &str {
        self.0.hint.as_deref().unwrap_or(self.0.code.cure())
    }

    /// How the HTTP client failed, and whether the request may have been sent; `None` if it did not fail.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.source.as_ref()?.downcast_ref()
    }

    /// The provider's own words, if it sent any. Untrusted.
    pub fn provider_text(&self) -> Option<&ProviderText> {
        self.0.text.as_ref()
    }
}

impl Error {
    /// A body of more bytes than this.
    pub(crate) fn body_too_large(limit: usize) -> Self {
        Self::new(ErrorCode::HTTP_BODY_TOO_LARGE).with_expected(Quote::library(format_args!("at most {limit} bytes")))
    }

    /// What a status says that is not a success, whatever its body says; `None` for a success.
    pub(crate) fn of_status(status: StatusCode) -> Option<Self> {
        let code = match status.as_u16() {
            200..=299 => return None,
            300..=399 => ErrorCode::HTTP_REDIRECT,
            408 => ErrorCode::TRANSPORT_TIMEOUT,
            425 | 429 => ErrorCode::HTTP_TOO_MANY_REQUESTS,
            500..=599 => ErrorCode::HTTP_SERVER_ERROR,
            _ => ErrorCode::HTTP_STATUS,
        };
        let error = Self::new(code).with_status(status);
        Some(match code {
            ErrorCode::TRANSPORT_TIMEOUT => {
                error.with_hint("The server did not receive the request in time (408): try again.")
            }
            _ => error,
        })
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

/// If a status came and is not a success, the error has the code of the status, not that of the
/// missing body.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        if let Some(error) = failure.status().and_then(Self::of_status) {
            return error.with_source(failure);
        }
        let code = match failure.kind {
            FailureKind::Timeout => ErrorCode::TRANSPORT_TIMEOUT,
            FailureKind::Unreachable => ErrorCode::TRANSPORT_UNREACHABLE,
            FailureKind::Tls => ErrorCode::TRANSPORT_TLS,
            FailureKind::Interrupted => ErrorCode::TRANSPORT_INTERRUPTED,
            FailureKind::BodyTooLarge => ErrorCode::HTTP_BODY_TOO_LARGE,
            FailureKind::Refused => ErrorCode::TRANSPORT_REFUSED,
            FailureKind::Cancelled => ErrorCode::TRANSPORT_CANCELLED,
            FailureKind::KeyRefused => ErrorCode::KEY_REFUSED,
            FailureKind::Unsupported => ErrorCode::KEY_UNSUPPORTED,
            FailureKind::Other => ErrorCode::TRANSPORT_OTHER,
        };
        let (found, hint, limit) = (failure.found(), failure.hint(), failure.limit());
        let error = match limit {
            Some(limit) => Self::body_too_large(limit),
            None => Self::new(code),
        };
        error.with(|inner| {
            inner.status = failure.status();
            inner.found = found;
            inner.hint = hint.map(Cow::Borrowed);
            inner.source = Some(Arc::new(failure));
        })
    }
}
