//! When a session refreshes, how it backs off, and what a response means for it.

use std::time::Duration;

use crate::error::{Error, ErrorCode, Family, Recovery};
use crate::token::token_set::TokenSet;

/// When a session refreshes by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshPolicy {
    /// Before the access token expires, and when a resource server refuses it. Callers normally do not wait for a
    /// refresh.
    #[default]
    Ahead,
    /// When a caller asks for a token and there is no good one. A user who does not come back costs no request, and the
    /// provider's time-out for idle users works. After a failure, too, the session tries again only for a caller. It
    /// tries again by itself if a request has had no response in time, or if it does not know which tokens are the
    /// newest.
    OnDemand,
    /// When [`Session::refresh`](super::Session::refresh) is called, and when
    /// [`Session::access`](super::Session::access) finds a [doubtful](super::Standing::Doubtful)
    /// token. A refresh that has failed is tried again after a pause, without another call. With
    /// any policy, a session that does not know which tokens are the newest finds out by a refresh.
    Manual,
}

/// Where a session's tokens are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Persistence {
    /// The session stores nothing. The application can store the tokens when it reads the events
    /// [`TokensRefreshed`](super::Event::TokensRefreshed) and [`BackingOff`](super::Event::BackingOff).
    #[default]
    Nowhere,
    /// In a store that only this process uses. New tokens are passed to the store before any caller
    /// can use them. Refusals without a reason are counted in memory, not in the record: after a
    /// restart the count begins anew.
    Own,
    /// In a store that several processes share. The session locks the store and loads the record
    /// before each refresh. The store compares the version of the record when it saves.
    Shared,
}

/// The options of a session. Small and `Copy`.
#[derive(Clone, Copy, Debug)]
pub struct SessionOptions {
    refresh: RefreshPolicy,
    persistence: Persistence,
    deadline: Duration,
    keeps_id_token_text: bool,
}

impl SessionOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            refresh: RefreshPolicy::Ahead,
            persistence: Persistence::Nowhere,
            deadline: DEADLINE,
            keeps_id_token_text: true,
        }
    }

    /// Sets when the session refreshes by itself; by default [`RefreshPolicy::Ahead`].
    #[must_use]
    pub const fn with_refresh(self, refresh: RefreshPolicy) -> Self {
        Self { refresh, ..self }
    }

    /// Sets where its tokens are stored; by default [`Persistence::Nowhere`].
    #[must_use]
    pub const fn with_persistence(self, persistence: Persistence) -> Self {
        Self { persistence, ..self }
    }

    /// Sets how long a response of the provider or of the store may take; by default 45 seconds, at most 49 days.
    #[must_use]
    pub const fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sets whether the session keeps the text of the ID token, in memory and in its record; by
    /// default it does. Without it, a server with many sessions needs less memory for each: a text
    /// has a thousand characters or more. The claims that this crate checks stay
    /// ([`IdToken::subject`](crate::IdToken::subject) and the others beside it). It costs the
    /// `id_token_hint`: many providers then ask the user whether to log out, and `claims` has
    /// nothing to read.
    #[must_use]
    pub const fn with_id_token_text(self, is_kept: bool) -> Self {
        Self { keeps_id_token_text: is_kept, ..self }
    }

    /// When the session refreshes by itself.
    pub const fn refresh(self) -> RefreshPolicy {
        self.refresh
    }

    /// Where its tokens are stored.
    pub const fn persistence(self) -> Persistence {
        self.persistence
    }

    /// How long a response of the provider or of the store may take.
    pub const fn deadline(self) -> Duration {
        self.deadline
    }

    /// Whether the session keeps the text of the ID token.
    pub const fn keeps_id_token_text(self) -> bool {
        self.keeps_id_token_text
    }
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The same, in a third of the room.
#[derive(Clone, Copy)]
pub(super) struct Options {
    deadline_millis: u32,
    pub(super) refresh: RefreshPolicy,
    pub(super) persistence: Persistence,
    /// Attempts wait until the driver admits them.
    pub(super) queues: bool,
    keeps_id_token_text: bool,
}

impl Options {
    pub(super) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_millis.into())
    }

    /// Leaves out of tokens what the session does not keep.
    pub(super) fn trim(&self, tokens: &mut TokenSet) {
        if !self.keeps_id_token_text {
            tokens.drop_id_token_text();
        }
    }
}

impl From<SessionOptions> for Options {
    fn from(options: SessionOptions) -> Self {
        let SessionOptions { refresh, persistence, deadline, keeps_id_token_text } = options;
        let deadline_millis = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
        Self { deadline_millis, refresh, persistence, queues: false, keeps_id_token_text }
    }
}

/// A little longer than the HTTP clients' own time-out, which names the failure better.
const DEADLINE: Duration = Duration::from_secs(45);

/// Longest margin before expiry at which a token is refreshed.
const MARGIN: Duration = Duration::from_secs(60);

/// Tokens with a shorter lifetime are refreshed only when a caller asks. Otherwise the session would refresh without
/// end.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// A token that is refused at this age was never good.
pub(super) const YOUNG: Duration = Duration::from_secs(10);

/// The owner is told after this number of fresh tokens in a row that a resource server refused.
pub(super) const REFUSED_AFTER: u8 = 2;

/// The first pause after a failure, which doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The longest `Retry-After` that is believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The owner is told after this number of failures in a row, if the access token is not good.
pub(super) const STALLED_AFTER: u32 = 8;

/// After this number of refusals without a reason in a row the refresh token counts as not valid any more.
pub(super) const SILENT_REFUSALS: u16 = 3;

/// The last of these refusals.
pub(super) fn silently_refused(error: Error) -> Error {
    let hint = "The provider refused the refresh token three times in a row and gave no reason: log in again.";
    error.with_recovery(Recovery::LogInAgain).with_hint(hint)
}

/// How long before its expiry a token of this lifetime is refreshed: 10 % of it, at most a minute, plus up to half as
/// much again, so that sessions that were made together do not refresh together. `chance` is any random number.
pub(super) fn margin(lifetime: Duration, chance: u32) -> Duration {
    let margin = MARGIN.min(lifetime / 10);
    // In milliseconds, of which a minute has fewer than 2^32.
    let millis = u32::try_from(margin.as_millis()).unwrap_or(u32::MAX);
    margin + Duration::from_millis(u64::from(millis) * u64::from(chance) / (2 * u64::from(u32::MAX)))
}

/// The pause after this number of failures in a row, between 80 and 120 % of its nominal length.
pub(super) fn pause(failures: u32, retry_after: Option<Duration>, chance: u32) -> Duration {
    let nominal = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    let pause = nominal.mul_f64(0.8 + 0.4 * f64::from(chance) / f64::from(u32::MAX));
    retry_after.map_or(pause, |after| pause.max(after.min(LONGEST_RETRY_AFTER)))
}

/// What an error of a refresh means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The grant is gone.
    NeedsLogin,
    /// The client may not refresh, now or ever: nothing that time would mend.
    ClientRejected,
    /// The tokens of the response cannot be trusted.
    Refused,
    /// Time may mend it.
    Later,
}

/// What came with the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Nothing,
    /// Tokens that can be verified again.
    Unverified,
    /// Tokens in a response that stays wrong.
    Flawed,
}

pub(super) fn verdict(error: &Error, came: Came) -> Verdict {
    match error.code() {
        ErrorCode::TOKEN_INVALID_GRANT | ErrorCode::TOKEN_INTERACTION_REQUIRED | ErrorCode::TOKEN_NO_REFRESH_TOKEN => {
            Verdict::NeedsLogin
        }
        ErrorCode::TOKEN_INVALID_CLIENT | ErrorCode::TOKEN_UNAUTHORIZED_CLIENT => Verdict::ClientRejected,
        // Keys that cannot be had now may be had later, and a clock may be set right. What came is verified again.
        _ => match came {
            Came::Nothing => Verdict::Later,
            Came::Unverified if is_about_keys(error) || is_about_clocks(error) => Verdict::Later,
            Came::Unverified | Came::Flawed => Verdict::Refused,
        },
    }
}

/// Whether the keys could not be fetched or read, or the right one is not among them.
fn is_about_keys(error: &Error) -> bool {
    matches!(error.family(), Family::Transport | Family::Unavailable | Family::Response | Family::Keys)
}

/// Whether the times of the ID token and this machine's clock do not fit.
fn is_about_clocks(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE | ErrorCode::ID_TOKEN_EXPIRED | ErrorCode::ID_TOKEN_NOT_YET_VALID
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_and_pauses_stay_in_their_bounds() {
        for (lifetime, least, most) in [(3600, 60.0, 90.0), (100, 10.0, 15.0), (0, 0.0, 0.0)] {
            let lifetime = Duration::from_secs(lifetime);
            assert_eq!(margin(lifetime, 0).as_secs_f64(), least);
            assert_eq!(margin(lifetime, u32::MAX).as_secs_f64(), most);
        }
        for (failures, after, least, most) in [
            (1, None, 0.8, 1.2),
            (4, None, 6.4, 9.6),
            (100, None, 240.0, 360.0),
            (1, Some(9), 9.0, 9.0),
            (1, Some(1 << 40), 3600.0, 3600.0),
        ] {
            let after = after.map(Duration::from_secs);
            assert!((pause(failures, after, 0).as_secs_f64() - least).abs() < 1e-6, "{failures}");
            assert!((pause(failures, after, u32::MAX).as_secs_f64() - most).abs() < 1e-6, "{failures}");
        }
    }

    #[test]
    fn what_a_response_means() {
        for (code, came, expected) in [
            (ErrorCode::TOKEN_INVALID_GRANT, Came::Nothing, Verdict::NeedsLogin),
            (ErrorCode::TOKEN_INTERACTION_REQUIRED, Came::Nothing, Verdict::NeedsLogin),
            (ErrorCode::TOKEN_NO_REFRESH_TOKEN, Came::Nothing, Verdict::NeedsLogin),
            (ErrorCode::TOKEN_INVALID_CLIENT, Came::Nothing, Verdict::ClientRejected),
            (ErrorCode::TOKEN_UNAUTHORIZED_CLIENT, Came::Nothing, Verdict::ClientRejected),
            (ErrorCode::ID_TOKEN_CHANGED_CLAIM, Came::Unverified, Verdict::Refused),
            (ErrorCode::JWS_SIGNATURE, Came::Unverified, Verdict::Refused),
            (ErrorCode::DPOP_NOT_BOUND, Came::Unverified, Verdict::Refused),
            (ErrorCode::JWS_UNKNOWN_KEY, Came::Unverified, Verdict::Later),
            (ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE, Came::Unverified, Verdict::Later),
            (ErrorCode::ID_TOKEN_EXPIRED, Came::Unverified, Verdict::Later),
            (ErrorCode::ID_TOKEN_NOT_YET_VALID, Came::Unverified, Verdict::Later),
            (ErrorCode::TRANSPORT_TIMEOUT, Came::Unverified, Verdict::Later),
            (ErrorCode::HTTP_SERVER_ERROR, Came::Unverified, Verdict::Later),
            (ErrorCode::JSON_SYNTAX, Came::Unverified, Verdict::Later),
            (ErrorCode::JSON_TYPE, Came::Unverified, Verdict::Later),
            (ErrorCode::JSON_TYPE, Came::Flawed, Verdict::Refused),
            (ErrorCode::JWKS_TOO_MANY_KEYS, Came::Unverified, Verdict::Later),
            (ErrorCode::TRANSPORT_TIMEOUT, Came::Nothing, Verdict::Later),
            (ErrorCode::HTTP_SERVER_ERROR, Came::Nothing, Verdict::Later),
            (ErrorCode::HTTP_TOO_MANY_REQUESTS, Came::Nothing, Verdict::Later),
            (ErrorCode::HTTP_CONTENT_TYPE, Came::Nothing, Verdict::Later),
            (ErrorCode::JSON_SYNTAX, Came::Nothing, Verdict::Later),
            (ErrorCode::HTTP_STATUS, Came::Nothing, Verdict::Later),
            (ErrorCode::TOKEN_INVALID_REQUEST, Came::Nothing, Verdict::Later),
            (ErrorCode::TOKEN_INVALID_SCOPE, Came::Nothing, Verdict::Later),
            (ErrorCode::TOKEN_ERROR, Came::Nothing, Verdict::Later),
            (ErrorCode::TOKEN_ERROR_WITH_SUCCESS, Came::Nothing, Verdict::Later),
        ] {
            assert_eq!(verdict(&code.into(), came), expected, "{code}");
        }
    }
}
