//! The state of the homeserver.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Response;

use super::route::{OnMatrix, RequestTo};
use crate::testing::disturbance::Disturbance;

type Edit = Arc<dyn Fn(&mut Response<Vec<u8>>) + Send + Sync>;

/// Which spelling of the scope values a homeserver knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KnownScopes {
    /// Both.
    #[default]
    Both,
    /// `urn:matrix:client:…`.
    Stable,
    /// `urn:matrix:org.matrix.msc2967.client:…`.
    Unstable,
}

pub(super) struct State {
    pub(super) base_url: String,
    pub(super) server_name: String,
    pub(super) missing: BTreeSet<OnMatrix>,
    pub(super) scopes: KnownScopes,
    pub(super) has_older_names: bool,
    pub(super) soft_logout: bool,
    /// Login names of users whose accounts are locked.
    pub(super) locked: BTreeSet<String>,
    /// Devices that did not come by a login here, with their users' login names.
    pub(super) devices: BTreeSet<(String, String)>,
    /// Locked accounts look like dead tokens.
    pub(super) is_lock_hidden: bool,
    /// `account_deactivate` is not among the actions.
    pub(super) keeps_accounts: bool,
    /// The homeserver cannot reach its provider.
    pub(super) has_lost_provider: bool,
    /// It has had the provider's metadata.
    pub(super) has_metadata: bool,
    pub(super) edits: Vec<(OnMatrix, Edit)>,
    pub(super) disturbances: Vec<(OnMatrix, Disturbance, usize)>,
    pub(super) requests: Vec<RequestTo>,
}

impl State {
    pub(super) fn user_id(&self, login: &str) -> String {
        format!("@{login}:{}", self.server_name)
    }

    pub(super) fn next_disturbance(&mut self, on: OnMatrix) -> Option<Disturbance> {
        let (_, disturbance, times) =
            self.disturbances.iter_mut().find(|(place, _, times)| *place == on && *times > 0)?;
        *times -= 1;
        Some(disturbance.clone())
    }
}
