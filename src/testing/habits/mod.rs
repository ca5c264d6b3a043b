//! The habits of real providers, so that an application can be tested against "Keycloak" or "Entra" in one line.
//!
//! A value has the provider's metadata document and what else it does, from its public documentation and from public
//! reports. It is a model: it shows that a client copes with what is known of the provider, not that the provider works
//! so today.

// | file | holds |
// |---|---|
// | `value.rs` | [`Habits`]: the value |
// | `table.rs` `documents/` | the providers |
// | `habit.rs` | one habit |
// | `adopted.rs` | habits that a provider has taken on, and where they show |

pub(super) mod adopted;
mod habit;
mod table;
pub(super) mod value;

pub use value::Habits;
