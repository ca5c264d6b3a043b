//! The states of a session and the transitions between them.
//!
//! A transition takes the state by value and returns the next state. It also gets the rest of the session, as [`Core`].
//! No other code sees the session without its state. If a transition does not return, because the caller's environment
//! panicked in it, the session is `Interrupted`: it asks the provider again.
//!
//! ```text
//!   session.rs, driving.rs     inputs and outputs
//!      │
//!      ├─▶ refreshing.rs   the stages with the provider
//!      ├─▶ storing.rs      the stages with the store
//!      ├─▶ leaving.rs      the stages of a logout
//!      ├─▶ reloading.rs    a record that may have changed
//!      └─▶ ending.rs       how attempts end
//!             │
//!             └─▶ counting.rs, giving_back.rs, records.rs, late.rs, logout.rs, state.rs, flight.rs, exchange.rs, orphans.rs
//! ```

mod counting;
mod driving;
mod ending;
mod exchange;
mod flight;
mod giving_back;
mod late;
mod leaving;
mod logout;
mod orphans;
mod records;
mod refreshing;
mod reloading;
mod session;
mod setup;
mod state;
mod storing;

use self::late::LateResponses;
use self::orphans::Orphans;
use self::state::State;
use super::attempts::Attempts;
use super::current::CurrentTokens;
use super::event::Events;
use super::policy::Options;
use super::reload::Reload;
use super::store_protocol::StoreProtocol;
use crate::base::env::{Env, MonotonicTime};
use crate::party::relying_party::RelyingParty;

/// A token set whose access token is kept valid. See [the module](crate::session) for how to drive a session.
pub struct Session {
    core: Core,
    state: State,
}

/// All of a session but its state.
struct Core {
    party: RelyingParty,
    current: CurrentTokens,
    options: Options,
    attempts: Attempts,
    store: StoreProtocol,
    events: Events,
    /// Responses that may still come, or have.
    late: LateResponses,
    orphans: Orphans,
    /// Whether the record is to be read again beside all this.
    reload: Option<Box<Reload>>,
}

impl Core {
    /// The deadline of a request that is made now.
    fn deadline(&self, env: &dyn Env) -> MonotonicTime {
        env.monotonic().saturating_add(self.options.deadline())
    }
}
