//! One file per contestant.

#[cfg(feature = "peers")]
mod floor;
#[cfg(feature = "peers")]
mod huskarl;
#[cfg(feature = "peers")]
mod jsonwebtoken;
#[cfg(feature = "peers")]
mod oauth2;
#[cfg(feature = "peers")]
mod openidconnect;
mod ours;
mod session;

use crate::case::{Case, Held};

pub use session::{Login, VirtualEnv, idle_session, soak, soak_until};

/// All operations, in the order of the work items.
pub fn cases() -> Vec<Case> {
    let mut cases = ours::cases();
    cases.extend(session::cases());
    #[cfg(feature = "peers")]
    for more in [openidconnect::cases(), oauth2::cases(), jsonwebtoken::cases(), huskarl::cases(), floor::cases()] {
        cases.extend(more);
    }
    cases.sort_by_key(|case| case.work);
    cases
}

/// All values that an application keeps.
pub fn held() -> Vec<Held> {
    #[cfg(feature = "peers")]
    let peers = [openidconnect::held(), oauth2::held(), jsonwebtoken::held(), floor::held()];
    #[cfg(not(feature = "peers"))]
    let peers: [Vec<Held>; 0] = [];
    ours::held().into_iter().chain(session::held()).chain(peers.into_iter().flatten()).collect()
}

/// Measures a value.
fn hold<T>(who: impl Into<String>, size: usize, make: impl Fn() -> T) -> Held {
    drop(make());
    let (value, counted) = crate::counting::count(&make);
    drop(value);
    Held { who: who.into(), size, heap: usize::try_from(counted.live).unwrap_or(0), allocations: counted.allocations }
}
