//! What the provider keeps of grants, codes, tokens, and of requests that wait.

use std::time::Duration;

use super::http::Params;
use super::user::Decision;
use crate::base::env::Timestamp;

/// What a user has allowed to a client.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) login: String,
    pub(super) subject: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) acr: Option<String>,
    pub(super) auth_time: Timestamp,
}

pub(super) struct AuthorizationCode {
    pub(super) grant: u64,
    pub(super) redirect_uri: String,
    pub(super) code_challenge: String,
    /// The key that it has to be redeemed with (RFC 9449 section 10).
    pub(super) jkt: Option<String>,
    pub(super) expires_at: Timestamp,
    pub(super) used: bool,
}

pub(super) struct Access {
    pub(super) grant: u64,
    pub(super) scope: String,
    /// The key that it is bound to (RFC 9449 section 5).
    pub(super) jkt: Option<String>,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) used: bool,
}

pub(super) struct Refresh {
    pub(super) grant: u64,
    pub(super) jkt: Option<String>,
    /// The tokens it was exchanged for.
    pub(super) successors: Option<Tokens>,
    /// When that was done first.
    pub(super) spent_at: Option<Timestamp>,
}

#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
}

/// A request that waits for the browser.
pub(super) struct Pushed {
    pub(super) client_id: String,
    pub(super) params: Params,
    pub(super) jkt: Option<String>,
    pub(super) expires_at: Timestamp,
}

impl Pushed {
    /// What each `request_uri` begins with (RFC 9126 section 2.2).
    pub(super) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
}

/// A device that waits for its user.
pub(super) struct Waiting {
    pub(super) client_id: String,
    pub(super) user_code: String,
    pub(super) scope: String,
    pub(super) decision: Option<(Decision, Timestamp)>,
    /// Whose decision it is, if not the first user's.
    pub(super) login: Option<String>,
    pub(super) pending_polls: usize,
    pub(super) interval: Duration,
    pub(super) last_poll: Option<Timestamp>,
    pub(super) expires_at: Timestamp,
}
