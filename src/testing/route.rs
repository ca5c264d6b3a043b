//! Which endpoint a request is for.

use http::Uri;

/// Where a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum On {
    /// `/.well-known/openid-configuration` or `/.well-known/oauth-authorization-server`.
    ServerMetadata,
    /// `/jwks`.
    Jwks,
    /// `/register`.
    Register,
    /// `/authorize`.
    Authorize,
    /// `/token`.
    Token,
    /// `/userinfo`.
    UserInfo,
    /// `/revoke`.
    Revoke,
    /// `/introspect`.
    Introspect,
    /// `/end_session`.
    EndSession,
    /// `/par`.
    Par,
    /// `/device_authorization`.
    DeviceAuthorization,
    /// `/device`, the page for the user.
    Device,
    /// Anywhere else: 404.
    Elsewhere,
}

/// Which endpoint a URL names; `None` for another host. A URL without host, as servers get it, is this host's.
pub(super) fn route(issuer: &str, uri: &Uri) -> Option<On> {
    let base: Uri = issuer.trim_end_matches('/').parse().ok()?;
    if uri.authority().is_some() && (uri.authority() != base.authority() || uri.scheme() != base.scheme()) {
        return None;
    }
    let (path, prefix) = (uri.path(), base.path().trim_end_matches('/'));
    // RFC 8414 section 3.1 puts the well-known name before the issuer's path.
    if path.strip_prefix("/.well-known/oauth-authorization-server") == Some(prefix) {
        return Some(On::ServerMetadata);
    }
    Some(match path.strip_prefix(prefix) {
        Some("/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server") => On::ServerMetadata,
        Some("/jwks") => On::Jwks,
        Some("/register") => On::Register,
        Some("/authorize") => On::Authorize,
        Some("/token") => On::Token,
        Some("/userinfo") => On::UserInfo,
        Some("/revoke") => On::Revoke,
        Some("/introspect") => On::Introspect,
        Some("/end_session") => On::EndSession,
        Some("/par") => On::Par,
        Some("/device_authorization") => On::DeviceAuthorization,
        Some("/device") => On::Device,
        _ => On::Elsewhere,
    })
}
