//! The sessions of a server, by name.
//!
// | file | holds |
// |---|---|
// | `named.rs` | [`Registry`]: the handle of callers |
// | `leaving.rs` | logouts by name, by user, by session of the provider |
// | `run.rs` | [`RegistryRun`]: the future that does the work, to be spawned |
// | `shared.rs` | what both have in common |
// | `roster.rs` | the names, without IO: who is in memory, and who leaves it |
// | `loading.rs` | a session that is being loaded, and who waits for it |
// | `options.rs` | [`RegistryOptions`] |

mod leaving;
mod loading;
mod named;
mod options;
mod roster;
mod run;
mod shared;

pub use leaving::{LoggedOut, LoggedOutSessions};
pub use named::Registry;
pub use options::RegistryOptions;
pub use run::RegistryRun;
