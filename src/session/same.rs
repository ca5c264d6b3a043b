//! When two sets are the same tokens: the same access token, and the same refresh token or none.
//! One of the two is not enough: a provider may give the same access token again, and the refresh
//! token of tokens that cannot be verified yet stands beside the old access token.

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
    /// It is never the default, which is that of no tokens.
    pub(super) fn of(tokens: &TokenSet) -> Self {
        let [first, second, third, fourth, fifth, sixth, ..] = hash(tokens).to_be_bytes();
        let own = Self([first, second, third, fourth, fifth, sixth]);
        if own == Self::default() { Self([1; 6]) } else { own }
    }
}

/// A checksum of both tokens. It is the same in every process, build and version.
pub(super) fn checksum(tokens: &TokenSet) -> u32 {
    let [first, second, third, fourth, ..] = hash(tokens).to_be_bytes();
    u32::from_be_bytes([first, second, third, fourth])
}

/// A hash of both tokens' lengths and ends; the end is the signature of a JWT. The whole would cost more than everything else
/// that a session does for a refresh. Whoever issues the tokens could make two with one hash, and would gain nothing.
fn hash(tokens: &TokenSet) -> u64 {
    let refresh_token = tokens.refresh_token().map_or("", |token| token.expose());
    let ends = [tokens.access_token().expose(), refresh_token].map(|token| {
        let bytes = token.as_bytes();
        (bytes.len() as u64, bytes.last_chunk::<32>().map_or(bytes, |end| end))
    });
    let mut hash = 0;
    for (length, end) in ends {
        let (words, rest) = end.as_chunks::<8>();
        let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = words.iter().map(|word| u64::from_le_bytes(*word)).chain([rest, length]).fold(hash, mix);
    }
    hash
}

/// The multiplication carries each bit upwards, and the rotation brings the upper half down.
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(32) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
