//! Tokens that no session will use any more, and that the provider may still honour. Somebody has to revoke them.

use crate::base::secret::same_bytes;
use crate::flow::token_outcome::UnverifiedTokens;
use crate::token::token_set::TokenSet;

/// Nothing but a pointer while there are none.
#[derive(Default)]
pub(super) struct Orphans(Option<Box<Lists>>);

#[derive(Default)]
struct Lists {
    /// Of logins that a new one replaces. Until the new one is saved, they may be all that is stored.
    replaced: Vec<TokenSet>,
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
    fn is(&self, access_token: &[u8]) -> bool {
        matches!(self, Self::Tokens(tokens) if same_bytes(tokens.access_token().expose().as_bytes(), access_token))
    }
}

impl Orphans {
    /// A new login replaces these once it is saved.
    pub(super) fn replace(&mut self, tokens: TokenSet) {
        self.lists().replaced.push(tokens);
    }

    /// The new login is saved. Returns whether it has replaced another.
    pub(super) fn settle(&mut self) -> bool {
        let Some(lists) = &mut self.0 else { return false };
        let replaced = std::mem::take(&mut lists.replaced);
        let is_any = !replaced.is_empty();
        replaced.into_iter().for_each(|tokens| lists.push(tokens.into()));
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
        let is_known = match &orphan {
            Orphan::Tokens(tokens) => {
                let own = tokens.access_token().expose().as_bytes();
                self.ready.iter().any(|other| other.is(own))
            }
            Orphan::Unverified(_) => false,
        };
        if !is_known {
            self.ready.push(orphan);
        }
    }
}
