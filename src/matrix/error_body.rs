//! Error responses of a homeserver (client-server API, standard error response).

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::base::json::{self, Scalar, Text};
use crate::base::word_set::words;
use crate::error::{Error, ErrorCode, ProviderText};
use crate::session::Refusal;
use crate::wire::policy::Accept;
use crate::wire::response::Response;

words! {
    /// An error code of Matrix that this crate knows.
    Errcode {
        /// The access token is not or no longer good.
        UnknownToken = "M_UNKNOWN_TOKEN",
        MissingToken = "M_MISSING_TOKEN",
        UserLocked = "M_USER_LOCKED",
        UserSuspended = "M_USER_SUSPENDED",
        UserDeactivated = "M_USER_DEACTIVATED",
        Forbidden = "M_FORBIDDEN",
        NotFound = "M_NOT_FOUND",
        /// The homeserver does not know the endpoint.
        Unrecognized = "M_UNRECOGNIZED",
        LimitExceeded = "M_LIMIT_EXCEEDED",
    }
}

/// An error response of a homeserver: to any request, also the application's own.
///
/// ```
/// use oidc_proto::matrix::{Errcode, ErrorBody};
/// let body = br#"{"errcode":"M_UNKNOWN_TOKEN","error":"Token is not active","soft_logout":true}"#;
/// let error = ErrorBody::parse(body).unwrap();
/// assert!(error.errcode == Some(Errcode::UnknownToken) && error.soft_logout);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// `errcode`, if it is a known one.
    pub errcode: Option<Errcode>,
    /// `errcode` and `error`, escaped. The homeserver's text: untrusted.
    pub text: ProviderText,
    /// `soft_logout`: the device still exists, and a new login can use it.
    pub soft_logout: bool,
    /// `retry_after_ms`: how long to wait before the next request. Not capped.
    pub retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    errcode: Option<Text<'a>>,
    #[serde(borrow, default)]
    error: Scalar<'a>,
    #[serde(borrow, default)]
    soft_logout: Scalar<'a>,
    #[serde(borrow, default)]
    retry_after_ms: Scalar<'a>,
}

impl ErrorBody {
    /// Reads the body; `None` if it is not a JSON object with an `errcode`.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let document: Document<'_> = json::document(body).ok()?;
        let errcode = document.errcode?;
        Some(Self {
            errcode: Errcode::from_name(&errcode),
            text: ProviderText::new(Some(&errcode), document.error.text().as_deref(), None),
            soft_logout: document.soft_logout == Scalar::Bool(true),
            retry_after: document.retry_after_ms.whole().map(Duration::from_millis),
        })
    }

    /// The refusal of the access token, for [`Session::unauthorized`](super::Session::unauthorized). `None` if the
    /// response says nothing about the token, for example if the request had no token.
    pub fn refusal(&self, status: StatusCode) -> Option<Refusal> {
        match self.errcode {
            Some(Errcode::UnknownToken) if status == StatusCode::UNAUTHORIZED => Some(Refusal::Token),
            // Some servers say 403.
            Some(Errcode::UserLocked) if status.is_client_error() => Some(Refusal::Locked),
            _ => None,
        }
    }

    fn code(&self, status: StatusCode) -> ErrorCode {
        match self.errcode {
            Some(Errcode::UnknownToken) if status == StatusCode::UNAUTHORIZED => ErrorCode::HOMESERVER_UNKNOWN_TOKEN,
            Some(Errcode::MissingToken) if status == StatusCode::UNAUTHORIZED => ErrorCode::HOMESERVER_MISSING_TOKEN,
            Some(Errcode::UserLocked) => ErrorCode::HOMESERVER_USER_LOCKED,
            Some(Errcode::LimitExceeded) => ErrorCode::HTTP_TOO_MANY_REQUESTS,
            _ => ErrorCode::HOMESERVER_DENIED,
        }
    }
}

/// Names the request in an error that names nothing else.
pub(super) fn during(request: &'static str) -> impl Fn(Error) -> Error {
    move |error| error.during(request)
}

/// The body of a successful response to the request of that name.
///
/// As with every other endpoint, a verdict is accepted only from a 4xx response with a well-formed
/// error object. What the homeserver says with another status, for example while its provider is
/// down, is kept as its text.
///
/// # Errors
/// `homeserver.…`, `http.…`.
pub(crate) fn success<'a>(response: &Response<'a>, request: &'static str) -> Result<&'a [u8], Error> {
    let error = match response.success() {
        Ok(body) => return Ok(body),
        Err(error) => error,
    };
    let told = ErrorBody::parse(response.body);
    let is_verdict = response.status.is_client_error() && error.code() == ErrorCode::HTTP_STATUS;
    let in_body = told.as_ref().and_then(|told| told.retry_after);
    let retry_after = error.retry_after().or(in_body);
    // The response says how long to wait.
    let cure = error.code().cure();
    let error = if in_body.is_some() { error.with_hint(cure) } else { error };
    let error = match told {
        Some(told) if is_verdict => Error::new(told.code(response.status)).with_text(told.text),
        Some(told) => error.with_text(told.text),
        None => error,
    };
    Err(error.with_retry_after(retry_after).during(request))
}

/// A response of a [`ResourceCall`](crate::flow::ResourceCall), or of the application's own HTTP
/// client, in the form that [`success`] takes.
pub(crate) fn response_of<'a>(response: &'a http::Response<impl AsRef<[u8]>>, accept: Accept) -> Response<'a> {
    Response { status: response.status(), headers: response.headers(), body: response.body().as_ref(), accept }
}
