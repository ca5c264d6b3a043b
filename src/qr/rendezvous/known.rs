//! A rendezvous, from the view of one device.

use std::fmt;
use std::time::Duration;

use http::{Request, Uri};

use super::options::RendezvousOptions;
use super::place::{Note, Place, Revision};
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::Body;
use crate::qr::channel::AssociatedData;
use crate::qr::code::{Intent, QrCode};
use crate::qr::homeserver::NamedHomeserver;
use crate::qr::proposal::Proposal;

/// A rendezvous that both devices use, and the state that this device last saw.
#[derive(Clone)]
pub struct Rendezvous {
    pub(super) place: Place,
    pub(super) revision: Revision,
    options: RendezvousOptions,
    expires_at: Option<MonotonicTime>,
    /// What this device has written last, to know it again.
    pub(super) own: Option<Box<str>>,
    /// When it wrote that, as long as the other device has not written since, and may not have read it.
    pub(in crate::qr) unread_since: Option<MonotonicTime>,
}

impl Rendezvous {
    /// One that a response tells of; nothing was written by this device.
    pub(super) fn of(place: Place, options: RendezvousOptions, note: Note, env: &mut dyn Env) -> Self {
        let Note { revision, lifetime } = note;
        let expires_at = lifetime.map(|lifetime| env.monotonic().saturating_add(lifetime));
        Self { place, revision, options, expires_at, own: None, unread_since: None }
    }

    /// The QR code for it: of an existing device if a homeserver is given, where the new device shall log in; else of a
    /// new device. A code of MSC4388 names the homeserver that has the rendezvous, and no other one.
    pub fn code(&self, public_key: [u8; 32], homeserver: Option<NamedHomeserver>) -> QrCode {
        match (&self.place, homeserver) {
            (Place::Url(url), None) => QrCode::login(public_key, url.clone()),
            (Place::Url(url), Some(homeserver)) => QrCode::reciprocate(public_key, url.clone(), homeserver),
            (Place::Id(rendezvous), homeserver) => {
                let intent = if homeserver.is_some() { Intent::Reciprocate } else { Intent::Login };
                QrCode::with_id(intent, public_key, rendezvous.clone())
            }
        }
    }

    /// Its URL.
    pub fn uri(&self) -> &Uri {
        self.place.uri()
    }

    /// The proposal that it follows.
    pub fn proposal(&self) -> Proposal {
        self.place.proposal()
    }

    /// When it ends, if the server says so. The server decides: this is for display. Some servers keep a rendezvous
    /// longer each time a text is written, others do not (Synapse: one minute from its creation).
    pub fn expires_at(&self) -> Option<MonotonicTime> {
        self.expires_at
    }

    /// How long it still lasts, if the server says so.
    pub fn lifetime(&self, now: MonotonicTime) -> Option<Duration> {
        self.expires_at.map(|at| at.saturating_since(now))
    }

    /// What the next message that this device writes is bound to.
    pub fn binding(&self) -> AssociatedData {
        self.place.binding(&self.revision)
    }

    /// The options.
    pub fn options(&self) -> RendezvousOptions {
        self.options
    }

    /// A request that looks whether there is something new.
    pub(super) fn look(&self) -> Request<Body> {
        self.place.look(Some(&self.revision))
    }

    pub(super) fn write(&self, text: &str) -> Request<Body> {
        self.place.write(&self.revision, text)
    }

    /// Takes note of what a success says beside its text.
    pub(super) fn note(&mut self, note: Note, env: &mut dyn Env) {
        self.revision = note.revision;
        if let Some(lifetime) = note.lifetime {
            self.expires_at = Some(env.monotonic().saturating_add(lifetime));
        }
    }
}

impl fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who knows the path can write there.
        write!(f, "Rendezvous({})", self.uri().host().unwrap_or(""))
    }
}
