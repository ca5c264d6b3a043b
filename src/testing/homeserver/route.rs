//! Which endpoint a request is for.

use http::Uri;

use crate::testing::rendezvous;
use crate::testing::route::On;

/// Where a request to the homeserver went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OnMatrix {
    /// `/.well-known/matrix/client` at the server's name.
    WellKnown,
    /// `/_matrix/client/versions`.
    Versions,
    /// `/_matrix/client/v1/auth_metadata`.
    AuthMetadata,
    /// `/_matrix/client/unstable/org.matrix.msc2965/auth_metadata`.
    AuthMetadataUnstable,
    /// `/_matrix/client/unstable/org.matrix.msc2965/auth_issuer`.
    AuthIssuer,
    /// `/_matrix/client/v3/account/whoami`.
    Whoami,
    /// `/_matrix/client/v3/devices/` and the ID of a device.
    Device,
    /// `/_matrix/client/unstable/org.matrix.msc4108/rendezvous` and
    /// `/_matrix/client/unstable/io.element.msc4388/rendezvous`, and what was made there.
    Rendezvous,
    /// Anywhere else: 404.
    Elsewhere,
}

/// Where a request went.
///
/// Exhaustive: there are two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestTo {
    /// To the homeserver.
    Homeserver(OnMatrix),
    /// To its provider.
    Provider(On),
}

/// The path that a device's ID stands after.
pub(super) const DEVICES: &str = "/_matrix/client/v3/devices/";

/// Which endpoint of the homeserver a URL names; `None` if it is none of the homeserver's. A URL without host, as
/// servers get it, is the homeserver's if its path is one of Matrix.
pub(super) fn route(base_url: &str, server_name: &str, uri: &Uri) -> Option<OnMatrix> {
    let base: Uri = base_url.parse().ok()?;
    let authority = uri.authority().map(|authority| authority.as_str());
    let is_at = |host: &str| authority.is_none_or(|own| own == host);
    if is_at(server_name) && uri.path() == "/.well-known/matrix/client" {
        return Some(OnMatrix::WellKnown);
    }
    let is_matrix = |path: &str| path.starts_with("/_matrix/") || path.starts_with("/.well-known/matrix/");
    let path = uri.path().strip_prefix(base.path().trim_end_matches('/')).unwrap_or(uri.path());
    if !is_at(base.authority().map_or("", |authority| authority.as_str())) {
        return (authority == Some(server_name)).then_some(OnMatrix::Elsewhere);
    }
    Some(match path {
        "/_matrix/client/versions" => OnMatrix::Versions,
        "/_matrix/client/v1/auth_metadata" => OnMatrix::AuthMetadata,
        "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata" => OnMatrix::AuthMetadataUnstable,
        "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer" => OnMatrix::AuthIssuer,
        "/_matrix/client/v3/account/whoami" => OnMatrix::Whoami,
        path if path.starts_with(DEVICES) => OnMatrix::Device,
        path if path == rendezvous::CREATE_4108 || path.starts_with(rendezvous::BOXES) => OnMatrix::Rendezvous,
        path if path.starts_with(rendezvous::CREATE_4388) => OnMatrix::Rendezvous,
        path if is_matrix(path) => OnMatrix::Elsewhere,
        // The provider may be at the same host.
        _ => return None,
    })
}
