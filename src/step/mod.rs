//! The contract between a flow and its driver.
//!
//! ```text
//!            ┌─────────────────────── Step ◀───────────────────────┐
//!            │                                                     │
//!   Call ────┼─ into_parts ─▶ (your HTTP client) ─▶ Awaiting: receive(response) or fail(failure)
//!   Wait ────┼─ until, bell ─▶ (your timer) ──────▶ wake, or cancel
//!   UseKey ──┼─ into_parts ─▶ (your key store) ───▶ AwaitingKey: receive(output) or fail(failure)
//!   Done ────┴─ the output
//! ```
//!
//! The driver responds to each step with the matching input or with a failure. The flow receives it
//! in either case. After a failure the flow may return further steps: if a key store refuses, a
//! QR-code login first tells the other device.
//!
//! Every transition consumes the state it starts from, so a wrong order does not compile:
//!
//! ```compile_fail,E0382
//! use oidc_proto::Flow;
//! use oidc_proto::step::Awaiting;
//! fn twice<F: Flow>(awaiting: Awaiting<F>, response: http::Response<Vec<u8>>, env: &mut dyn oidc_proto::Env) {
//!     let _ = awaiting.receive(response.clone(), env);
//!     let _ = awaiting.receive(response, env); // error: `awaiting` was moved
//! }
//! ```
//!
// | file | holds |
// |---|---|
// | `contract.rs` | [`Flow`], [`Step`], [`Input`]: a flow, its steps and its inputs |
// | `handles.rs` | [`Call`], [`Awaiting`], [`Wait`], [`UseKey`]: what a step holds |
// | `caller.rs` | what a caller does with them; [`AwaitingKey`] |
// | `key_use.rs` | [`KeyUse`] and [`KeyOutput`]: the use of an external key |
// | `boxed.rs` | [`BoxFlow`]: a flow of any type |
//!
//! # Writing a flow
//!
//! A flow is a type for its states and one function, [`Flow::on`]. A state takes its input with [`Input::response`],
//! [`Input::woken`] or [`Input::key_output`]. These return an error for a failure and for any other input. A flow that
//! contains another flow passes the input on and wraps the step that the inner flow returns:
//!
//! ```
//! use oidc_proto::flow::Revocation;
//! use oidc_proto::step::Input;
//! use oidc_proto::{Env, Error, Flow, Step};
//!
//! /// A name for another flow.
//! struct Goodbye(Revocation);
//!
//! impl Flow for Goodbye {
//!     type Output = ();
//!
//!     fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
//!         Ok(self.0.on(input, env)?.wrap(Self))
//!     }
//! }
//! ```

mod boxed;
mod caller;
pub(crate) mod contract;
mod handles;
mod key_use;
#[cfg(test)]
pub(crate) mod toy;

pub use boxed::BoxFlow;
pub use caller::AwaitingKey;
pub use contract::Input;
pub(crate) use contract::{Flow, Step};
pub use handles::{Awaiting, Call, UseKey, Wait};
pub use key_use::{KeyOutput, KeyUse};

pub use crate::base::bell::Bell;
