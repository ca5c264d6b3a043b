//! Redirects, for the few requests that follow one: discovery, and the rendezvous of a login by QR code.

use http::{Uri, header};
use url::Url;

use crate::base::url::{Endpoint, Schemes};
use crate::error::{Error, ErrorCode};
use crate::wire::response::Response;

impl<'a> Response<'a> {
    /// Where a redirect leads: a reference, possibly relative (RFC 9110 section 10.2.2).
    pub(crate) fn location(&self) -> Result<&'a str, Error> {
        let location = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        location.ok_or_else(|| self.redirect(ErrorCode::HTTP_REDIRECT.into()).with_status(self.status))
    }
}

impl Endpoint {
    /// The URL of a reference that was read at `base`.
    pub(crate) fn join(base: &Uri, reference: &str, schemes: Schemes) -> Result<Self, Error> {
        let base = Url::parse(&base.to_string()).map_err(|_| ErrorCode::URL_SYNTAX)?;
        Self::new(base.join(reference).map_err(|_| ErrorCode::URL_SYNTAX)?.as_str(), schemes)
    }
}
