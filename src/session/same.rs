//! When two sets are the same tokens: the same access token, and the same refresh token or none.
//! One of the two is not enough: a provider may give the same access token again, and a refresh
//! token that was kept stands beside an old access token
//! ([`Session::keep_unverified`](super::Session::keep_unverified)).

use std::hash::{DefaultHasher, Hasher as _};

use crate::base::secret::{Secret, same_bytes};
use crate::error::{Error, ErrorCode, Quote};
use crate::token::token_set::TokenSet;

/// Whether these are the same tokens.
pub(super) fn are_same(one: &TokenSet, other: &TokenSet) -> bool {
    let [own, their] = [one, other].map(|tokens| tokens.access_token().expose().as_bytes());
    same_bytes(own, their) && are_same_secrets(one.refresh_token(), other.refresh_token())
}

/// These tokens are another user's than the session's own.
pub(super) fn other_user(own: &TokenSet, other: &TokenSet) -> Error {
    let error = Error::new(ErrorCode::SESSION_MISMATCH);
    match [own, other].map(TokenSet::subject) {
        [None, None] => error.with_hint(
            "Neither login has an ID token, so it is not known whether it is the same user: start a separate session.",
        ),
        users => {
            let [own, other] = users.map(|user| user.map_or_else(|| Quote::library("no ID token"), Quote::provider));
            error.with_expected(own).with_found(other)
        }
    }
}

/// Whether these are the same refresh token, or neither is there.
pub(super) fn are_same_secrets(one: Option<&Secret>, other: Option<&Secret>) -> bool {
    match (one, other) {
        (Some(own), Some(other)) => own.matches(other.expose()),
        (own, other) => own.is_none() && other.is_none(),
    }
}

/// Enough to know the same tokens again: 48 bits, and no more, because an idle session is small.
/// Two others are taken for the same once in 281 million million times.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 6]);

impl Fingerprint {
    /// A hash of both tokens' lengths and ends; the end is the signature of a JWT. The whole would cost more than
    /// everything else that a session does for a refresh. It is never the default, which is that of no tokens.
    pub(super) fn of(tokens: &TokenSet) -> Self {
        let mut hasher = DefaultHasher::new();
        let refresh_token = tokens.refresh_token().map_or("", |token| token.expose());
        for bytes in [tokens.access_token().expose().as_bytes(), refresh_token.as_bytes()] {
            hasher.write_usize(bytes.len());
            hasher.write(bytes.last_chunk::<32>().map_or(bytes, |end| end));
        }
        let [first, second, third, fourth, fifth, sixth, ..] = hasher.finish().to_le_bytes();
        let own = Self([first, second, third, fourth, fifth, sixth]);
        if own == Self::default() { Self([1; 6]) } else { own }
    }
}
