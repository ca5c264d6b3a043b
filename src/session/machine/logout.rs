//! What is known of a logout that is under way.

use super::exchange::is_by;
use crate::base::secret::Secret;
use crate::session::access::{Erased, Logout};

pub(super) struct Leaving {
    pub(super) logout: Logout,
    /// The refresh that was under way, if its tokens came. They are given back.
    brought: Option<Brought>,
}

/// The end of a refresh: tokens that were asked for with this refresh token, if the store is shared.
struct Brought {
    spent: Option<Secret>,
}

impl Leaving {
    pub(super) fn new() -> Self {
        Self { logout: Logout { erased: Erased::Nothing, uncertainty: None }, brought: None }
    }

    /// The tokens came that were asked for with this refresh token.
    pub(super) fn brought(&mut self, spent: Option<Secret>) {
        self.brought = Some(Brought { spent });
    }

    /// Whether the tokens came that were asked for with this refresh token.
    pub(super) fn has_brought(&self, refresh_token: Option<&Secret>) -> bool {
        self.brought.as_ref().is_some_and(|brought| is_by(brought.spent.as_ref(), refresh_token))
    }
}
