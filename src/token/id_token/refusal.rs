//! Errors of claims: what was expected, what was found, and what to do.

use crate::base::env::Timestamp;
use crate::error::{Error, ErrorCode, Quote};
use crate::party::client::Client;

/// The token names somebody else than the client.
pub(in crate::token) fn other_party(code: ErrorCode, claim: &'static str, client: &Client, found: &str) -> Error {
    Error::new(code).at(claim).with_expected(Quote::caller(&client.id)).with_found(Quote::provider(found))
}

/// The time of a claim does not fit this machine's clock.
pub(in crate::token) fn clocks(code: ErrorCode, claim: &'static str, time: Timestamp, now: Timestamp) -> Error {
    let (ago, ahead) = (now.saturating_since(time).as_secs(), time.saturating_since(now).as_secs());
    let found = if ahead > 0 { format!("{ahead} seconds ahead") } else { format!("{ago} seconds ago") };
    let hint = format!("By this machine's clock `{claim}` is {found}: check the clock here and at the provider.");
    Error::new(code).at(claim).with_found(Quote::library(found)).with_hint(hint)
}

/// Types of tokens for other purposes (RFC 8725 section 3.11): access tokens, logout tokens, proofs, and others.
const OTHER_TYPES: [&str; 6] =
    ["at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt", "oauth-authz-req+jwt"];

/// Checks that the header's `typ` does not name a token of another kind. ID tokens have no type of their own.
pub(crate) fn check_type(typ: Option<&str>) -> Result<(), Error> {
    let Some(typ) = typ else { return Ok(()) };
    let name = typ.rsplit_once('/').map_or(typ, |(_, name)| name);
    if OTHER_TYPES.iter().any(|other| name.eq_ignore_ascii_case(other)) {
        return Err(Error::new(ErrorCode::ID_TOKEN_TYPE).at("typ").with_found(Quote::provider(typ)));
    }
    Ok(())
}

/// The token is another issuer's.
pub(super) fn other_issuer(expected: &str, iss: &str) -> Error {
    let error = Error::new(ErrorCode::ID_TOKEN_ISSUER_MISMATCH).at("iss");
    error.with_expected(Quote::caller(expected)).with_found(Quote::provider_url(iss))
}

/// The user logged in before the earliest time that the request allows.
pub(super) fn logged_in_too_early(auth_time: Timestamp, earliest: Timestamp) -> Error {
    let seconds = earliest.saturating_since(auth_time).as_secs();
    let found = Quote::library(format_args!("{seconds} seconds before the earliest time that was asked for"));
    Error::new(ErrorCode::ID_TOKEN_AUTH_TIME).at("auth_time").with_found(found)
}

/// `acr` is not one of the requested values.
pub(super) fn other_acr(asked: &[String], acr: Option<&str>) -> Error {
    let error = Error::new(ErrorCode::ID_TOKEN_ACR).at("acr").with_expected(Quote::caller(&asked.join(" ")));
    error.with_found(acr.map_or_else(|| Quote::library("no acr"), Quote::provider))
}

/// A claim differs from that of the first ID token, and both are quoted where they may be.
pub(super) fn changed(claim: &'static str, old: Option<Quote>, new: Option<Quote>) -> Error {
    let error = Error::new(ErrorCode::ID_TOKEN_CHANGED_CLAIM).at(claim);
    match (old, new) {
        (Some(expected), Some(found)) => error.with_expected(expected).with_found(found),
        _ => error,
    }
}
