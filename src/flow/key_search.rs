//! Searches the key that verifies a token that the provider signed.
//!
//! ```text
//! begin ─▶ check by the newest keys ─┬─ verdict ─────────────────────────▶ Done(output)
//!   ▲                                └─ unknown key: the cell says ─┬─ try other keys ─▶ (check)
//!   │                                                               ├─ fetch ─▶ GET jwks_uri ─▶ (check)
//!   │                                                               ├─ wait ──▶ Wait ─▶ (check)
//!   └───────────────────────────────────────────────────────────────┴─ unknown ─▶ Done(output)
//! ```
//!
//! If the client chose external verification, the flow returns one `UseKey` for each key that fits.

use std::fmt;

use super::keys_fetch;
use crate::base::env::{Env, Timestamp};
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithms, Jws, Keys, Signed};
use crate::party::client::IdTokenTrust;
use crate::party::key_cell::{Asker, Claim, NextKeys, NoKeys, Tried};
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, KeyOutput, KeyUse, Step};

/// What is checked, and what follows from it.
pub(super) trait Check: Sized + Send + Sync + 'static {
    type Verified;
    type Output;

    fn party(&self) -> &RelyingParty;

    /// The compact JWS, and the algorithms that it may be signed with.
    fn signed(&self) -> (&str, Algorithms);

    /// Checks everything, the signature by these means. `jws.unknown_key` asks for other keys.
    fn check(&self, by: By<'_>, now: Timestamp) -> Result<Self::Verified, Error>;

    /// Turns the verdict into the output: what was obtained must not get lost, whatever the verdict is.
    fn conclude(self, verdict: Result<Self::Verified, Error>) -> Self::Output;
}

/// How a signature is checked.
pub(super) enum By<'a> {
    /// By these keys.
    Keys(&'a Keys),
    /// There are no keys yet: whatever needs none is checked.
    Nothing,
    /// The key store has verified it.
    Elsewhere,
}

impl By<'_> {
    /// The evidence that the signature is right.
    ///
    /// # Errors
    /// `jws.…`; `jws.unknown_key` without keys.
    pub(super) fn signed(self, jws: &Jws<'_>, allowed: Algorithms) -> Result<Signed, Error> {
        match self {
            Self::Keys(keys) => jws.verify(keys, allowed),
            Self::Elsewhere => Ok(jws.verified_elsewhere()),
            Self::Nothing => Err(ErrorCode::JWS_UNKNOWN_KEY.into()),
        }
    }
}

/// Awaits keys. Boxed, because it is seldom needed, and the flows that contain it are moved often.
pub(super) struct KeySearch<C>(Box<Search<C>>, State);

enum State {
    /// This flow fetches.
    ExpectKeys(Claim),
    /// Another one does.
    Waiting,
    /// The key store verifies by one key; these are still to be tried.
    ExpectVerdict(Vec<KeyUse>),
}

struct Search<C> {
    check: C,
    asker: Asker,
    tried: Tried,
}

impl<C: Check> KeySearch<C> {
    /// Call it when the tokens have just arrived. It cannot fail: every failure is a verdict.
    pub(super) fn begin(check: C, asker: Asker, env: &mut dyn Env) -> Step<Self> {
        let mut tried = Tried::default();
        let cell = check.party().key_cell();
        let is_elsewhere = check.party().client().id_token_trust == IdTokenTrust::VerifyElsewhere;
        let keys = if is_elsewhere { None } else { cell.first(&mut tried, env.monotonic()) };
        let verdict = check.check(keys.as_deref().map_or(By::Nothing, By::Keys), env.now());
        match verdict {
            Err(error) if error.code() == ErrorCode::JWS_UNKNOWN_KEY => {
                Box::new(Search { check, asker, tried }).go_on(error, env)
            }
            verdict => Step::Done(check.conclude(verdict)),
        }
    }
}

impl<C: Check> Search<C> {
    /// Goes on from an unknown key.
    fn go_on(mut self: Box<Self>, mut unknown: Error, env: &mut dyn Env) -> Step<KeySearch<C>> {
        loop {
            let party = self.check.party();
            let verdict = match party.key_cell().next(&self.asker, &mut self.tried, env.monotonic()) {
                NextKeys::Try(keys) if party.client().id_token_trust == IdTokenTrust::VerifyElsewhere => {
                    match self.key_uses(&keys) {
                        Ok(key_uses) => return self.verify(key_uses),
                        Err(error) => Err(error),
                    }
                }
                NextKeys::Try(keys) => self.check.check(By::Keys(&keys), env.now()),
                NextKeys::Unknown => return self.conclude(Err(unknown)),
                NextKeys::None(NoKeys::Wait(until, bell)) => {
                    return Step::wait_for(until, bell, KeySearch(self, State::Waiting));
                }
                NextKeys::None(NoKeys::Failed(cause)) => return self.without_keys(cause),
                NextKeys::None(NoKeys::Fetch(claim)) => match keys_fetch::request(party) {
                    Ok((request, policy)) => {
                        return Step::call(request, policy, KeySearch(self, State::ExpectKeys(claim)));
                    }
                    Err(error) => return self.without_keys(error),
                },
            };
            match verdict {
                Err(error) if error.code() == ErrorCode::JWS_UNKNOWN_KEY => unknown = error,
                verdict => return self.conclude(verdict),
            }
        }
    }

    /// One use for each key that fits, the last one first.
    fn key_uses(&self, keys: &Keys) -> Result<Vec<KeyUse>, Error> {
        let (compact, allowed) = self.check.signed();
        let jws = Jws::parse(compact)?;
        let signature = jws.signature()?;
        let mut key_uses: Vec<_> = jws
            .candidates(keys, allowed)?
            .map(|key| KeyUse::verify(key.clone(), jws.algorithm(), jws.signing_input(), signature.clone()))
            .collect();
        key_uses.reverse();
        Ok(key_uses)
    }

    fn verify(self: Box<Self>, mut key_uses: Vec<KeyUse>) -> Step<KeySearch<C>> {
        match key_uses.pop() {
            Some(key_use) => Step::use_key(key_use, KeySearch(self, State::ExpectVerdict(key_uses))),
            None => self.conclude(Err(ErrorCode::JWS_SIGNATURE.into())),
        }
    }

    /// No keys came: the failure itself, or an unknown key if a set was tried before.
    fn without_keys(self, cause: Error) -> Step<KeySearch<C>> {
        let error = if self.tried.any() { Error::new(ErrorCode::JWS_UNKNOWN_KEY).with_source(cause) } else { cause };
        self.conclude(Err(error))
    }

    fn conclude(self, verdict: Result<C::Verified, Error>) -> Step<KeySearch<C>> {
        Step::Done(self.check.conclude(verdict))
    }
}

impl<C: Check> Flow for KeySearch<C> {
    type Output = C::Output;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self(search, state) = self;
        Ok(match state {
            State::Waiting => match input.woken() {
                Ok(()) => search.go_on(ErrorCode::JWS_UNKNOWN_KEY.into(), env),
                Err(error) => search.without_keys(error),
            },
            State::ExpectKeys(claim) => match keys_fetch::receive(claim, input.response(), search.check.party(), env) {
                Ok(_) => search.go_on(ErrorCode::JWS_UNKNOWN_KEY.into(), env),
                Err(error) => search.without_keys(error),
            },
            State::ExpectVerdict(others) => match input.key_output().and_then(KeyOutput::into_verdict) {
                Ok(true) => {
                    let verdict = search.check.check(By::Elsewhere, env.now());
                    search.conclude(verdict)
                }
                Ok(false) => search.verify(others),
                Err(error) => search.conclude(Err(error)),
            },
        })
    }
}

impl<C> fmt::Debug for KeySearch<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.1 {
            State::ExpectKeys(_) => "ExpectKeys",
            State::Waiting => "Waiting",
            State::ExpectVerdict(_) => "ExpectVerdict",
        })
    }
}
