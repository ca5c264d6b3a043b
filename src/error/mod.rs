//! One error type. It tells whose fault it was, what was expected and which section of which standard says so.
//!
//! An error never holds a response body, a token, a code, a secret or a URL. What the provider said about itself
//! (`error`, `error_description`, `error_uri`) is kept apart in [`ProviderText`] and is never part of the error's own
//! `Display`.

pub(crate) mod code;
pub(crate) mod codes;
pub(crate) mod provider_text;
pub(crate) mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use code::{ErrorCode, Fault};
pub use provider_text::ProviderText;
pub use transport::{Failure, FailureKind, Sent};

/// What went wrong, and everything that is known about it beforehand.
///
/// A pointer, so that a `Result` of this crate stays as small as its success. Clones share what they hold: the same error
/// can be kept in an event and handed to each caller who waited.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    code: ErrorCode,
    at: Option<&'static str>,
    text: Option<ProviderText>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    retry_after: Option<Duration>,
    status: Option<StatusCode>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { code, at, .. } = &*self.0;
        f.write_str(code.message())?;
        if let Some(at) = at {
            write!(f, ": `{at}`")?;
        }
        write!(f, " ({code}; {})", code.section())
    }
}

/// Two errors are equal if they say the same: code, field, status, `Retry-After`, the provider's words, and the failure of
/// the HTTP client. Sources of other types are equal only in clones of one error.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        let parts = |error: &Self| {
            let Inner { code, at, retry_after, status, .. } = *error.0;
            (code, at, retry_after, status, error.failure())
        };
        let same_source = match (&self.0.source, &other.0.source) {
            (Some(own), Some(others)) => self.failure().is_some() || Arc::ptr_eq(own, others),
            (own, others) => own.is_none() && others.is_none(),
        };
        parts(self) == parts(other) && self.0.text == other.0.text && same_source
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
    /// An error of this code.
    ///
    /// Flows written outside this crate use it to answer in the same form.
    pub fn new(code: ErrorCode) -> Self {
        Self(Arc::new(Inner { code, at: None, text: None, source: None, retry_after: None, status: None }))
    }

    /// Names the field, parameter or header in question.
    #[must_use]
    pub fn at(mut self, name: &'static str) -> Self {
        Arc::make_mut(&mut self.0).at = Some(name);
        self
    }

    /// Names the request that it happened in, where nothing else is named. A denial says by itself what was denied.
    #[must_use]
    pub(crate) fn during(self, request: &'static str) -> Self {
        if self.name().is_none() && self.fault() != Fault::Denied { self.at(request) } else { self }
    }

    /// Adds what the provider said.
    #[must_use]
    pub fn with_text(mut self, text: ProviderText) -> Self {
        Arc::make_mut(&mut self.0).text = Some(text);
        self
    }

    /// Adds the underlying error. It must not hold secrets: it becomes this error's `source()`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    /// Adds when the server wants to be asked again.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        Arc::make_mut(&mut self.0).retry_after = retry_after;
        self
    }

    /// Adds the status of the response that it was found in, unless there is one already.
    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        if self.0.status.is_none() {
            Arc::make_mut(&mut self.0).status = Some(status);
        }
        self
    }

    /// The HTTP status of the response that it was found in, also where that is a success; `None` if no response came, or
    /// if the error is about something else.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// `Retry-After`: when the server wants to be asked again. Not capped.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whose fault it was.
    pub fn fault(&self) -> Fault {
        self.0.code.fault()
    }

    /// The stable code, for programs. Its `Display` is a dotted name.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The section of the standard that was broken or applied.
    pub fn section(&self) -> &'static str {
        self.0.code.section()
    }

    /// The field, parameter or header in question; where none can be named, the request that it happened in, by the
    /// metadata's name for its endpoint (`token_endpoint`, `jwks_uri`).
    pub fn name(&self) -> Option<&'static str> {
        self.0.at
    }

    /// How the HTTP client failed, if it did, and whether the request may have been sent.
    pub fn failure(&self) -> Option<Failure> {
        self.0.source.as_ref()?.downcast_ref().copied()
    }

    /// What the provider said, where it said something.
    pub fn provider_text(&self) -> Option<&ProviderText> {
        self.0.text.as_ref()
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
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
        Self::new(code).with_source(failure)
    }
}
