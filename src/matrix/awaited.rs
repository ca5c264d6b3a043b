//! What every login that waits for its user knows: where it is, for whom, and what is asked of the provider.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::completion::Expected;
use super::homeserver::Homeserver;
use super::id::{DeviceId, UserId};
use super::party::Party;
use crate::base::versioned::Version;

/// A login whose authorization is an `A`. It is stored as it is.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Awaited<A> {
    version: Version,
    pub(super) homeserver: Homeserver,
    pub(super) device_id: DeviceId,
    /// For a new login of a known session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    pub(super) authorization: A,
}

impl Awaited<()> {
    pub(super) fn new(homeserver: Homeserver, device_id: DeviceId, user_id: Option<UserId>) -> Self {
        Self { version: Version, homeserver, device_id, user_id, authorization: () }
    }
}

impl<A> Awaited<A> {
    pub(super) fn with<B>(self, authorization: B) -> Awaited<B> {
        let Self { version, homeserver, device_id, user_id, .. } = self;
        Awaited { version, homeserver, device_id, user_id, authorization }
    }

    /// Who has to log in there, and what was asked of the provider.
    pub(super) fn expecting(self, party: &Party) -> (Expected, A) {
        let Self { device_id, user_id, authorization, .. } = self;
        (Expected { party: party.clone(), device_id, user_id }, authorization)
    }
}

impl<A: fmt::Debug> fmt::Debug for Awaited<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:?}, {:?}, {:?})", self.homeserver, self.device_id, self.authorization)
    }
}
