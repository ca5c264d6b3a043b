//! Who does the arithmetic: the RustCrypto crates or AWS-LC, chosen by features; or another one, brought along.

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc;
mod contract;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;

pub use contract::{Backend, VerifyingKey};

/// The backend of key sets that name no other: AWS-LC if compiled in, else RustCrypto, else none.
pub fn default() -> Option<&'static dyn Backend> {
    compiled().first().copied()
}

/// Those compiled in, the default one first.
pub fn compiled() -> &'static [&'static dyn Backend] {
    &[
        #[cfg(feature = "aws-lc-rs")]
        &aws_lc::AwsLc,
        #[cfg(feature = "rustcrypto")]
        &rustcrypto::RustCrypto,
    ]
}
