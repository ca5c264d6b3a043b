//! What drivers and sessions do, as events for the crate `tracing` (feature `tracing`). No event holds a secret, a
//! path, a query or what identifies a user. Without the feature these functions do nothing.

use std::time::Duration;

use http::Uri;
#[cfg(feature = "tracing")]
use tracing::Level;

use crate::base::url::Issuer;
use crate::error::Error;
use crate::error::transport::Failure;
use crate::session::{Activity, End, Event, Session};
use crate::step::KeyUse;

/// An event of the target `oidc_proto`, with a name that stays.
#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $name:literal, $($fields:tt)*) => {
        tracing::event!(name: $name, target: "oidc_proto", Level::$level, $($fields)*)
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($level:ident, $name:literal, $($field:ident = $value:expr),* $(,)?) => {{ $( let _ = || $value; )* }};
}

/// The host and port: an authority can hold a password.
fn server(uri: &Uri) -> &str {
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    authority.rsplit('@').next().unwrap_or("")
}

/// A request is handed to the HTTP client.
pub(super) fn request(method: &http::Method, uri: &Uri) {
    event!(DEBUG, "oidc_proto.request", method = method.as_str(), server = server(uri));
}

/// The response, or why there is none.
pub(super) fn response<B>(uri: &Uri, result: &Result<http::Response<B>, Failure>) {
    let server = server(uri);
    match result {
        Ok(response) => event!(DEBUG, "oidc_proto.response", server = server, status = response.status().as_u16()),
        Err(failure) => {
            let text = failure.text().unwrap_or("");
            event!(DEBUG, "oidc_proto.failure", server = server, kind = failure.kind.name(), text = text);
        }
    }
}

/// A flow waits.
pub(super) fn wait(duration: Duration) {
    event!(DEBUG, "oidc_proto.wait", milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
}

/// A key operation is handed to the key store.
pub(super) fn key_use(key_use: &KeyUse) {
    event!(DEBUG, "oidc_proto.key_use", operation = key_use.operation());
}

/// A flow ended with an error. The provider's own text is left out: it can hold anything that the provider knows.
pub(super) fn error(error: &Error) {
    event!(DEBUG, "oidc_proto.error", code = error.code().as_str(), endpoint = error.endpoint().unwrap_or(""));
}

/// What became of a session's attempt, if it failed.
pub(super) fn attempt(session: &Session) {
    match session.activity() {
        Activity::BackingOff => session.last_failure().map(error),
        _ => session.end().as_ref().and_then(End::error).map(error),
    };
}

/// A session reports an event.
pub(super) fn session(issuer: &Issuer, reported: &Event) {
    let code = reported.error().map_or("", |error| error.code().as_str());
    event!(INFO, "oidc_proto.session", event = reported.name(), issuer = issuer.as_str(), code = code);
}
