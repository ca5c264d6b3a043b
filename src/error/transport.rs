//! A transport failure: input to the machine, like a response.

/// Why no response came, and whether the request may have arrived all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no response: {kind}")]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// Whether the server may have seen the request. It decides whether a one-time code may be sent again.
    pub sent: Sent,
}

impl Failure {
    /// A failure.
    pub const fn new(kind: FailureKind, sent: Sent) -> Self {
        Self { kind, sent }
    }
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FailureKind {
    /// No answer in time.
    #[error("no answer in time")]
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
    /// The adapter refused to send it, by a choice of its owner: a private address, say.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Surely not: there was no connection.
    No,
    /// Possibly.
    Maybe,
}
