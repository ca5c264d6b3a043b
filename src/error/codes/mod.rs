//! The tables of error codes, one file for each subject. The codes of a profile are in the profile's directory.

mod authorization;
mod claims;
mod provider;
mod response;
mod session;
mod signature;
mod token;

use super::code::Row;

/// The tables of the core.
pub(crate) const TABLES: [&[Row]; 7] = [
    response::CODES,
    provider::CODES,
    authorization::CODES,
    token::CODES,
    signature::CODES,
    claims::CODES,
    session::CODES,
];
