//! The two forms of a login by QR code.

/// Which proposal a QR code, its channel and its rendezvous follow. A code says it when it is scanned; the device that
/// shows a code chooses ([`Options::with_proposal`](super::Options::with_proposal)).
///
/// | | [`Msc4108`](Self::Msc4108) | [`Msc4388`](Self::Msc4388) |
/// |---|---|---|
/// | channel | ECIES: X25519, HKDF-SHA512, ChaCha20-Poly1305 | HPKE (RFC 9180), base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305 |
/// | messages are bound to | nothing | the rendezvous and its sequence token |
/// | check code | `00` to `99` | `10` to `99` |
/// | rendezvous | a URL, `ETag`, text | an ID at a homeserver, `sequence_token`, JSON |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proposal {
    /// MSC4108 as deployed since 2024.
    #[default]
    Msc4108,
    /// MSC4388, its successor. **A draft**, which still changes: this crate follows the deployed servers and clients of
    /// 2026, which have the unstable names. The draft's current text has another label in the secure channel, and
    /// lengths of one byte in the QR code: a code that is written that way is refused.
    Msc4388,
}

impl Proposal {
    /// The name, for logs and for programs: `msc4108` or `msc4388`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Msc4108 => "msc4108",
            Self::Msc4388 => "msc4388",
        }
    }
}
