//! What a rendezvous server can do wrong, and when.

use crate::testing::disturbance::Disturbance;

/// A request to a rendezvous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Meet {
    /// `POST`.
    Create,
    /// `GET`.
    Receive,
    /// `PUT`.
    Send,
    /// `DELETE`.
    Delete,
    /// `GET` of the collection: whether a rendezvous can be made (MSC4388).
    Check,
}

/// A misbehaviour of the rendezvous server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trick {
    /// Any disturbance.
    Disturbance(Disturbance),
    /// `Receive`: the third text from the end comes again, as if it were new.
    Repeat,
    /// `Receive`: the reader's own text comes back, as if it were new.
    Echo,
    /// `Receive`: half of the text.
    Truncate,
    /// `Receive`: one character of the text is changed.
    Change,
    /// `Receive`: somebody else's text.
    Replace(String),
    /// `Receive`: reports no new text although there is one. `Send`: reports success without writing the text.
    Withhold,
    /// `Receive`: the old text again, with status 200.
    Insist,
    /// `Receive`: no text.
    Empty,
    /// `Send`: 412 or 409, although nobody else has written.
    Conflict,
    /// Any: 413.
    TooLarge,
    /// `Receive`, `Send`, `Delete`: 404, and the rendezvous ends.
    Expire,
    /// Any: no `ETag`, no `sequence_token`.
    NoEtag,
    /// Any: no `Expires`, `Last-Modified` or `Date`; no `expires_in_ms`.
    NoDates,
    /// Any: another `Content-Type`.
    ContentType(&'static str),
    /// `Create`: another URL; another ID (MSC4388).
    Url(&'static str),
}
