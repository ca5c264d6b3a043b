//! The contract between a flow and whoever drives it.

pub(crate) mod contract;

pub use contract::{Awaiting, AwaitingSignature, BoxFlow, Call, Sign, SigningInput, Wait};
pub(crate) use contract::{Flow, Step};
