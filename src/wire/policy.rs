//! What an HTTP client has to know about a request beside the request itself.

use std::sync::Arc;

/// Largest metadata document: the largest seen is 12 KiB.
pub const METADATA_LIMIT: usize = 256 * 1024;
/// Largest JWK set: 100 RSA keys of 4096 bits with certificates fit.
pub const JWKS_LIMIT: usize = 512 * 1024;
/// Largest answer of every other endpoint.
pub const JSON_LIMIT: usize = 1024 * 1024;

/// What an HTTP client has to know about a request beside the request itself.
///
/// The machine enforces what it can see: the size of the body, the content type, and that a redirect is not a usable
/// response. The adapter does the rest, and may stop earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Largest body to read, in bytes, after any content decoding. Stop reading there.
    pub body_limit: usize,
    /// Whether sending the request twice does no harm, so that an HTTP client may repeat it on a broken connection.
    pub repeatable: bool,
    /// What the body may be.
    pub accept: Accept,
    /// The client certificate that the connection has to show (RFC 8705): the application's own name for it.
    pub client_certificate: Option<Arc<str>>,
}

impl Policy {
    /// For a request that changes nothing at the server.
    pub const fn read(body_limit: usize, accept: Accept) -> Self {
        Self { body_limit, repeatable: true, accept, client_certificate: None }
    }

    /// For a request that must not be sent twice.
    pub const fn write(accept: Accept) -> Self {
        Self { body_limit: JSON_LIMIT, repeatable: false, accept, client_certificate: None }
    }

    /// The same for a connection that shows this client certificate.
    #[must_use]
    pub fn with_client_certificate(self, name: impl Into<Arc<str>>) -> Self {
        Self { client_certificate: Some(name.into()), ..self }
    }

    /// Redirects are never followed: an adapter hands a 3xx back as it came, as RFC 9110 section 15.4 allows.
    pub const fn follow_redirects(&self) -> bool {
        false
    }
}

/// Which content types a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accept {
    /// Anything but HTML and XML: static files are served with any type, or none.
    AnyButMarkup,
    /// `application/json`, `application/…+json`, or no content type.
    Json,
    /// The content type says nothing here.
    Any,
}
