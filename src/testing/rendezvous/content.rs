//! A request to the rendezvous server, and what it is about.

use http::HeaderMap;

use super::trick::Meet;
use crate::base::env::Timestamp;

pub(super) struct Content {
    pub(super) texts: Vec<Vec<u8>>,
    /// Counts what was written, and tricks.
    pub(super) version: u64,
    pub(super) expires_at: Timestamp,
}

impl Content {
    pub(super) fn text(&self) -> &[u8] {
        self.texts.last().map_or(&[], Vec::as_slice)
    }
}

/// A request, taken apart.
pub(super) struct Incoming<'a> {
    pub(super) meet: Meet,
    pub(super) path: &'a str,
    /// Whether the request came to the host of
    /// [`Rendezvous::with_other_host`](super::Rendezvous::with_other_host).
    pub(super) is_other_host: bool,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
}
