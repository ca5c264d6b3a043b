//! Tokens that no session will use any more, and that the provider may still honour. Somebody has to revoke them.

use crate::flow::token_outcome::UnverifiedTokens;
use crate::session::same::are_same;
use crate::token::token_set::TokenSet;

/// Nothing but a pointer while there are none.
#[derive(Default)]
pub(super) struct Orphans(Option<Box<Lists>>);

#[derive(Default)]
struct Lists {
    /// Of logins that a new one replaces. Until the new one is saved, they may be all that is stored.
    replaced: Vec<Orphan>,
    ready: Vec<Orphan>,
}

/// Tokens to revoke.
#[allow(clippy::large_enum_variant, reason = "there is hardly ever one")]
pub(super) enum Orphan {
    Tokens(TokenSet),
    /// Their ID token was not verified.
    Unverified(UnverifiedTokens),
}

impl From<TokenSet> for Orphan {
    fn from(tokens: TokenSet) -> Self {
        Self::Tokens(tokens)
    }
}

impl Orphan {
    fn is(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Tokens(own), Self::Tokens(other)) if are_same(own, other))
    }
}

impl Orphans {
    /// A new login replaces these once it is saved.
    pub(super) fn replace(&mut self, orphan: impl Into<Orphan>) {
        self.lists().replaced.push(orphan.into());
    }

    /// The new login is saved, or will not be. Returns whether it has replaced another.
    pub(super) fn settle(&mut self) -> bool {
        let Some(lists) = &mut self.0 else { return false };
        let replaced = std::mem::take(&mut lists.replaced);
        let is_any = !replaced.is_empty();
        replaced.into_iter().for_each(|orphan| lists.push(orphan));
        is_any
    }

    pub(super) fn push(&mut self, orphan: impl Into<Orphan>) {
        self.lists().push(orphan.into());
    }

    pub(super) fn pop(&mut self) -> Option<Orphan> {
        let lists = self.0.as_mut()?;
        let tokens = lists.ready.pop();
        if lists.ready.is_empty() && lists.replaced.is_empty() {
            self.0 = None;
        }
        tokens
    }

    fn lists(&mut self) -> &mut Lists {
        self.0.get_or_insert_default()
    }
}

impl Lists {
    fn push(&mut self, orphan: Orphan) {
        if !self.ready.iter().any(|other| other.is(&orphan)) {
            self.ready.push(orphan);
        }
    }
}
