//! The policy of a request: rules for the HTTP client that sends it.

use std::sync::Arc;

use super::headers::Names;

/// Largest metadata document in bytes. The largest document seen has 12 KiB.
pub const METADATA_LIMIT: usize = 256 * 1024;
/// Largest response of any other endpoint in bytes.
pub const JSON_LIMIT: usize = 1024 * 1024;

/// The policy of a request: rules for the HTTP client that sends it.
///
/// The flow itself checks the size of the body and the content type, and decides what a redirect
/// means: most flows refuse it. The HTTP client enforces the rest. It should stop reading a body at
/// the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    body_limit: usize,
    repeatable: bool,
    accept: Accept,
    client_certificate: Option<Arc<str>>,
    names: Names,
}

impl Policy {
    /// For a request that changes nothing at the server.
    pub const fn read(body_limit: usize, accept: Accept) -> Self {
        Self { body_limit, repeatable: true, accept, client_certificate: None, names: Names::ALL }
    }

    /// For a request that must not be sent twice.
    pub const fn write(accept: Accept) -> Self {
        Self { body_limit: JSON_LIMIT, repeatable: false, accept, client_certificate: None, names: Names::ALL }
    }

    /// [`Policy::read`] for a flow of this crate.
    pub(crate) const fn own_read(body_limit: usize, accept: Accept) -> Self {
        Self { body_limit, repeatable: true, accept, client_certificate: None, names: Names::READ }
    }

    /// [`Policy::write`] for a flow of this crate.
    pub(crate) const fn own_write(accept: Accept) -> Self {
        Self { body_limit: JSON_LIMIT, repeatable: false, accept, client_certificate: None, names: Names::READ }
    }

    /// The same policy with another limit of the body, in bytes.
    #[must_use]
    pub fn with_body_limit(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }

    /// The same policy for a request that may be sent twice, or must not.
    #[must_use]
    pub fn with_repeatable(self, repeatable: bool) -> Self {
        Self { repeatable, ..self }
    }

    /// The same policy with other content types.
    #[must_use]
    pub fn with_accept(self, accept: Accept) -> Self {
        Self { accept, ..self }
    }

    /// The same policy for a connection that presents this client certificate.
    #[must_use]
    pub fn with_client_certificate(self, name: impl Into<Arc<str>>) -> Self {
        Self { client_certificate: Some(name.into()), ..self }
    }

    /// Largest body to read, in bytes, after any content decoding. Stop reading there.
    pub const fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Whether the request may be sent twice: an HTTP client may then repeat it after a broken connection.
    pub const fn repeatable(&self) -> bool {
        self.repeatable
    }

    /// The content types that the body may have.
    pub const fn accept(&self) -> Accept {
        self.accept
    }

    /// The client certificate that the connection has to present (RFC 8705), by the name that the application gave it.
    pub fn client_certificate(&self) -> Option<&str> {
        self.client_certificate.as_deref()
    }

    /// How the names of the response's headers are read. An HTTP client may leave out headers that this does not know.
    #[allow(dead_code, reason = "the other HTTP clients get their headers from a library")]
    pub(crate) const fn names(&self) -> Names {
        self.names
    }

    /// Always `false`: an HTTP client returns a 3xx response unchanged, as RFC 9110 section 15.4 allows.
    pub const fn follow_redirects(&self) -> bool {
        false
    }
}

/// Which content types a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accept {
    /// Any type except HTML and XML. No type is allowed, too. The reason: servers send static files
    /// with any content type.
    AnyButMarkup,
    /// `application/json`, `application/…+json`, or no content type.
    Json,
    /// Any content type; it is not checked.
    Any,
}
