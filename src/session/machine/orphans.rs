//! Tokens that no session will use any more, and that the provider may still honour. Somebody has to revoke them.

use crate::base::secret::Secret;
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
    /// Of this login, and perhaps the newest: another process has refreshed at the same time, or the provider was asked
    /// again before they came. If it rejects the current refresh token, it is asked with these.
    set_aside: Vec<Orphan>,
    ready: Vec<Orphan>,
}

/// How many are set aside. Each is of a refresh of its own.
const MOST: usize = 8;

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
    fn refresh_token(&self) -> Option<&Secret> {
        match self {
            Self::Tokens(tokens) => tokens.refresh_token(),
            Self::Unverified(tokens) => tokens.refresh_token(),
        }
    }

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
        lists.give_back(replaced)
    }

    /// Keeps these until the provider has issued others.
    pub(super) fn set_aside(&mut self, orphan: impl Into<Orphan>) {
        let (orphan, set_aside) = (orphan.into(), &mut self.lists().set_aside);
        if orphan.refresh_token().is_none() || set_aside.iter().any(|other| other.is(&orphan)) {
            return;
        }
        if set_aside.len() == MOST {
            set_aside.remove(0);
        }
        set_aside.push(orphan);
    }

    /// The refresh tokens that were set aside, those that came last first.
    pub(super) fn refresh_tokens(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter().flat_map(|lists| lists.set_aside.iter().rev()).filter_map(Orphan::refresh_token)
    }

    pub(super) fn has_set_aside(&self) -> bool {
        self.refresh_tokens().next().is_some()
    }

    /// The provider has issued others.
    pub(super) fn drop_set_aside(&mut self) {
        if let Some(lists) = &mut self.0 {
            lists.set_aside.clear();
        }
        self.shrink();
    }

    /// A new login replaces them once it is saved.
    pub(super) fn replace_set_aside(&mut self) {
        if let Some(lists) = &mut self.0 {
            lists.replaced.append(&mut lists.set_aside);
        }
    }

    /// The session does not go on with their login. Returns whether there were any.
    pub(super) fn give_set_aside_back(&mut self) -> bool {
        let Some(lists) = &mut self.0 else { return false };
        let set_aside = std::mem::take(&mut lists.set_aside);
        lists.give_back(set_aside)
    }

    pub(super) fn push(&mut self, orphan: impl Into<Orphan>) {
        self.lists().push(orphan.into());
    }

    pub(super) fn pop(&mut self) -> Option<Orphan> {
        let lists = self.0.as_mut()?;
        let tokens = lists.ready.pop();
        self.shrink();
        tokens
    }

    fn shrink(&mut self) {
        self.0.take_if(|lists| [&lists.replaced, &lists.set_aside, &lists.ready].into_iter().all(Vec::is_empty));
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

    /// Returns whether there were any.
    fn give_back(&mut self, orphans: Vec<Orphan>) -> bool {
        let is_any = !orphans.is_empty();
        orphans.into_iter().for_each(|orphan| self.push(orphan));
        is_any
    }
}
