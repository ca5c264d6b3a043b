//! Tokens that no session will use any more, and that the provider may still honour. Somebody has to revoke them.

use crate::base::secret::same_bytes;
use crate::token::token_set::TokenSet;

/// Nothing but a pointer while there are none.
#[derive(Default)]
pub(super) struct Orphans(Option<Box<Lists>>);

#[derive(Default)]
struct Lists {
    /// Of logins that a new one replaces. Until the new one is saved, they may be all that is stored.
    replaced: Vec<TokenSet>,
    ready: Vec<TokenSet>,
}

impl Orphans {
    /// A new login replaces these once it is saved.
    pub(super) fn replace(&mut self, tokens: TokenSet) {
        push(&mut self.lists().replaced, tokens);
    }

    /// The new login is saved. Returns whether it has replaced another.
    pub(super) fn settle(&mut self) -> bool {
        let Some(lists) = &mut self.0 else { return false };
        let replaced = std::mem::take(&mut lists.replaced);
        let is_any = !replaced.is_empty();
        replaced.into_iter().for_each(|tokens| push(&mut lists.ready, tokens));
        is_any
    }

    pub(super) fn push(&mut self, tokens: TokenSet) {
        push(&mut self.lists().ready, tokens);
    }

    pub(super) fn pop(&mut self) -> Option<TokenSet> {
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

fn push(list: &mut Vec<TokenSet>, tokens: TokenSet) {
    let own = tokens.access_token().expose().as_bytes();
    if !list.iter().any(|other| same_bytes(other.access_token().expose().as_bytes(), own)) {
        list.push(tokens);
    }
}
