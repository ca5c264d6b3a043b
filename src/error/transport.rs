//! Transport failures. A failure is an input of a flow, like a response.

/// Why no response came, and whether the server may still have received the request.
///
/// Two failures are equal if `kind` and `sent` are equal; the reason is only for people to read.
#[derive(Clone, Copy, Debug, Eq, thiserror::Error)]
#[error("no response: {kind}")]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// Whether the server may have seen the request. It decides whether a one-time code may be sent again.
    pub sent: Sent,
    reason: Option<FailureReason>,
}

impl Failure {
    /// A failure.
    pub const fn new(kind: FailureKind, sent: Sent) -> Self {
        Self { kind, sent, reason: None }
    }

    /// Adds a more exact reason, for people to read.
    #[must_use]
    pub const fn because(self, reason: FailureReason) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The more exact reason, if the HTTP client knows one. No decision depends on it.
    pub const fn reason(&self) -> Option<FailureReason> {
        self.reason
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.sent) == (other.kind, other.sent)
    }
}

/// Why there was no connection, for people to read.
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

/// Whether the server may have seen a request.
///
/// Exhaustive: it is yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Certainly not: there was no connection.
    No,
    /// The server may have received the request.
    Maybe,
}
