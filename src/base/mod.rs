//! Values: time, entropy, secrets, JSON, URLs, sets of words, versions of stored values.

pub(crate) mod base64;
pub(crate) mod base64url;
pub(crate) mod bell;
#[cfg(test)]
pub(crate) mod counting_env;
pub(crate) mod env;
pub(crate) mod json;
mod plain_url;
pub(crate) mod secret;
pub(crate) mod small;
pub(crate) mod sorting;
pub(crate) mod url;
pub(crate) mod versioned;
pub(crate) mod word_set;
