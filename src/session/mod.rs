//! A state machine that lives as long as a login. It owns a token set and keeps its access token valid for many callers
//! and many processes.
//!
//! ```text
//!   access, refresh, unauthorized ─▶ ┌─────────┐ ─▶ poll_transmit ─▶ HTTP, key store ─▶ handle_response, handle_failure,
//!   adopt, log_out ────────────────▶ │ Session │                                        handle_key_output
//!   reload ────────────────────────▶ │         │ ─▶ poll_store ─▶ the store ──────────▶ handle_store
//!   handle_timeout ────────────────▶ └─────────┘ ─▶ poll_timeout, poll_event
//!
//!   Idle ─▶ Attempting: [lock ─▶ load ─▶ prepare ─▶] refresh [─▶ save] ─┬─▶ Idle
//!     ▲                                                                 ├─▶ Pausing ─▶ Attempting
//!     └──────────────────────────── adopt ──────────────────────────────┴─▶ Stopped
//!   log_out: [lock ─▶] load ─▶ erase ─▶ [refresh] ─▶ LoggedOut
//! ```
//!
//! After each input, call the `poll_…` functions until they return `None`. These rules hold for all inputs:
//!
//! - At most one refresh runs at a time, for any number of callers. Each caller gets the outcome of the attempt that it
//!   waited for.
//! - A caller of [`Session::refresh`] gets new tokens or the error of the attempt. A caller of [`Session::access`] gets
//!   the old token while it is good.
//! - If a refresh was sent and the provider may have rotated, but no new tokens came, the old access token is
//!   [doubtful](Standing::Doubtful): some providers end the old access token at the rotation. A caller gets the
//!   doubtful token, marked as doubtful, only if the provider cannot be asked again in time. New tokens end the doubt.
//! - Outcomes, events and store responses contain the whole [`Error`](crate::Error).
//! - With a store, new tokens are passed to the store before any caller can use them.
//! - Before the provider is asked, the store has shown that it can save what comes.
//! - A session ends only if the provider rejects the refresh token or the client, if the tokens of
//!   a refresh cannot be trusted, if there is no refresh token, if its record is gone or was
//!   replaced ([`End::Replaced`]), or if its owner calls [`Session::log_out`]. All other failures
//!   cause a pause.
//! - Tokens that nobody will use any more are given back to be revoked: [`Session::poll_revocation`].
//! - A ticket that is not awaited, and a time-out that is not due, have no effect. There are two
//!   exceptions for a late response of the store: a lock that it gives is used or released, and if
//!   it shows that unsaved tokens were saved, they are not saved again.
//! - At most one event of each kind waits to be read.
//!
//! What the response to a refresh means:
//!
//! | the refresh ends with | the session |
//! |---|---|
//! | new tokens | continues with them |
//! | `invalid_grant` or `interaction_required`, well-formed; or there is no refresh token | needs a new login |
//! | 400 or 401 without a reason, three times in a row; with a shared store, all processes count together in the record, and a lost response in between does not end the count | needs a new login |
//! | 403 without a reason, however often: a firewall or a proxy refuses everybody like this | backs off, tokens kept |
//! | `invalid_client`, `unauthorized_client` | stops, tokens kept: the client is rejected |
//! | new tokens whose ID token is another user's, or otherwise wrong | stops, old tokens kept: the response is refused, and the new tokens are to be revoked |
//! | new tokens that cannot be verified now: no keys, or a clock that is wrong | keeps the new refresh token, backs off, and verifies the tokens again; after eight failures in a row it asks for others; if they turn out to be wrong, it stops, and all of them are to be revoked |
//! | a new refresh token, and no access token that can be used | keeps the new refresh token, and backs off |
//! | no response, 408, 425, 429, 5xx, a body that cannot be read, any other error | backs off, tokens kept |
//!
//! The old access token is doubtful after these results: no response to a request that may have
//! been sent, 502, 504, a success without usable tokens (unless it has a member `error`),
//! `invalid_grant`. After all other results its standing does not change.
//!
//! With a shared store, `invalid_grant` ends the session only after two more tries: the session loads the record again,
//! and it tries the previous refresh token once more. While the response to an earlier request may still come, it backs
//! off instead, for at most eight failures in a row. If such a response brings tokens after the end, the session asks
//! with their refresh token and goes on.
//!
//! If a resource server refuses the access token, the session refreshes, unless the policy is `Manual`. If the server
//! refuses the new token at once, the session backs off.
//!
//! ```
//! use std::time::Duration;
//! use oidc_proto::session::{Access, Outcome, Session, SessionOptions, Transmit};
//! # use oidc_proto::Env;
//! # fn send(_: http::Request<oidc_proto::Body>) -> Result<http::Response<Vec<u8>>, oidc_proto::Failure> { todo!() }
//! fn good_token(session: &mut Session, env: &mut impl Env) -> Option<String> {
//!     let epoch = match session.access(env) {
//!         Access::Ready(token) => return Some(token.expose().to_owned()),
//!         Access::Wait(epoch) => epoch,
//!         // Use a doubtful one, too, if that is better than none: `Access::Doubtful { token, error }`.
//!         Access::Doubtful { .. } | Access::Expired | Access::Ended(_) => return None,
//!     };
//!     while let Some(Transmit::Call { ticket, request, .. }) = session.poll_transmit(env) {
//!         match send(request) {
//!             Ok(response) => session.handle_response(ticket, response, env),
//!             Err(failure) => session.handle_failure(ticket, failure, env),
//!         }
//!     }
//!     match session.outcome(epoch, env) {
//!         Outcome::Ready(token) => Some(token.expose().to_owned()),
//!         _ => None,
//!     }
//! }
//! ```

mod access;
mod attempts;
mod current;
mod event;
mod lock;
mod machine;
mod policy;
mod question;
mod record;
mod reload;
mod same;
mod store;
mod store_protocol;
mod timer;
mod unsaved;

pub use access::{Access, End, Epoch, Erased, Logout, Outcome, Refusal, Standing, Ticket, Transmit, Uncertainty};
pub(crate) use access::{Activity, EndedForGood};
pub(crate) use current::Validity;
pub use event::Event;
pub(crate) use event::Events;
pub use machine::Session;
pub use policy::{Persistence, RefreshPolicy, SessionOptions};
pub use record::{LoginId, Record, RecordVersion};
pub use store::{StoreAction, StoreResponse, StoreTicket};
