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
    Some(path.strip_prefix(prefix).map_or(On::Elsewhere, by_path))
}

/// Which endpoint has this path below the issuer.
pub(super) fn by_path(path: &str) -> On {
    match path {
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => On::ServerMetadata,
        "/jwks" => On::Jwks,
        "/register" => On::Register,
        "/authorize" => On::Authorize,
        "/token" => On::Token,
        "/userinfo" => On::UserInfo,
        "/revoke" => On::Revoke,
        "/introspect" => On::Introspect,
        "/end_session" => On::EndSession,
        "/par" => On::Par,
        "/device_authorization" => On::DeviceAuthorization,
        "/device" => On::Device,
        _ => On::Elsewhere,
    }
}
