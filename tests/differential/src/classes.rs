//! The classes of tokens: how each is made, and why the three libraries differ on it where they do.

mod broken;
mod good;

pub use broken::BROKEN;
pub use good::{GOOD, KID_IS_A_HINT};

use crate::token::Token;

/// Tokens that are good or broken in one way.
pub struct Class {
    pub name: &'static str,
    /// Why the verdicts are not the same; `None` if they are.
    pub differs: Option<&'static str>,
    pub change: fn(&mut Token),
}

/// A class that all agree on.
const fn same(name: &'static str, change: fn(&mut Token)) -> Class {
    Class { name, differs: None, change }
}

/// A class that they do not agree on.
const fn differs(name: &'static str, reason: &'static str, change: fn(&mut Token)) -> Class {
    Class { name, differs: Some(reason), change }
}
