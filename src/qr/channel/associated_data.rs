//! What the messages of a channel are bound to.

/// The state of the rendezvous that a message is bound to: the additional authenticated data of MSC4388. Messages of
/// MSC4108 are bound to nothing.
///
/// [`Rendezvous::binding`](crate::qr::Rendezvous::binding) returns the one to seal with, and
/// [`Received::binding`](crate::qr::rendezvous::Received::binding) holds the one to open with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AssociatedData(Box<[u8]>);

impl AssociatedData {
    /// Nothing (MSC4108).
    pub fn none() -> Self {
        Self(Box::default())
    }

    /// The base URL as it is in the QR code, the ID of the rendezvous, and the sequence token that the device which
    /// writes the message has seen last (MSC4388).
    ///
    /// Each text follows its length, two bytes in big-endian, as in the QR code. The draft still changes here.
    pub fn new(base_url: &str, rendezvous_id: &str, sequence_token: &str) -> Self {
        let mut out = Vec::with_capacity(6 + base_url.len() + rendezvous_id.len() + sequence_token.len());
        for text in [base_url, rendezvous_id, sequence_token] {
            // The limits of the three are lower.
            out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        Self(out.into())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for AssociatedData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Who knows the ID can write to the rendezvous.
        f.write_str("AssociatedData(…)")
    }
}
