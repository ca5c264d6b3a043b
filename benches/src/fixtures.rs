//! What every contestant gets: the same metadata, keys, tokens and answers. `fixtures/make.py` wrote them.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

pub const ISSUER: &str = "https://id.example.com/realms/main";
pub const CLIENT_ID: &str = "bench-client-0123456789";
pub const REDIRECT_URI: &str = "http://127.0.0.1:8080/callback";
pub const LOGIN_HINT: &str = "alice@example.com";
pub const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// When the ID tokens were issued, in seconds since the Unix epoch.
pub const ISSUED_AT: u64 = 1_767_225_600;

/// What the fixed `state`, `code_verifier` and `nonce` encode. The nonce is the ID tokens'.
pub const STATE_BYTES: [u8; 32] = [0x5a; 32];
pub const VERIFIER_BYTES: [u8; 32] = [0xa5; 32];
pub const NONCE_BYTES: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 32 {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};
pub const STATE: &str = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo";
#[cfg(feature = "peers")]
pub const VERIFIER: &str = "paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU";
#[cfg(feature = "peers")]
pub const NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
#[cfg(feature = "peers")]
pub const AUTHORIZATION_ENDPOINT: &str = "https://id.example.com/realms/main/protocol/openid-connect/auth";
#[cfg(feature = "peers")]
pub const TOKEN_ENDPOINT: &str = "https://id.example.com/realms/main/protocol/openid-connect/token";

pub const DISCOVERY: &[u8] = include_bytes!("../fixtures/discovery.json");
pub const JWKS_4: &[u8] = include_bytes!("../fixtures/jwks4.json");
pub const JWKS_100: &[u8] = include_bytes!("../fixtures/jwks100.json");
pub const REFRESH_RESPONSE: &[u8] = include_bytes!("../fixtures/refresh_response.json");
pub const CODE: &str = include_str!("../fixtures/code.txt");
#[cfg(feature = "peers")]
pub const ACCESS_TOKEN: &str = include_str!("../fixtures/access_token.txt");
#[cfg(feature = "peers")]
pub const REFRESH_TOKEN: &str = include_str!("../fixtures/refresh_token.txt");

/// An algorithm, and what the provider signed with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alg {
    Rs256,
    Es256,
    EdDsa,
}

impl Alg {
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The work item that verifies an ID token of this algorithm.
    pub fn id_token_work(self) -> &'static str {
        match self {
            Self::Rs256 => "W4-idtoken-RS256",
            Self::Es256 => "W4-idtoken-ES256",
            Self::EdDsa => "W4-idtoken-EdDSA",
        }
    }

    #[cfg(feature = "peers")]
    pub fn id_token(self) -> &'static str {
        match self {
            Self::Rs256 => include_str!("../fixtures/id_token_RS256.txt"),
            Self::Es256 => include_str!("../fixtures/id_token_ES256.txt"),
            Self::EdDsa => include_str!("../fixtures/id_token_EdDSA.txt"),
        }
    }

    pub fn token_response(self) -> &'static [u8] {
        match self {
            Self::Rs256 => include_bytes!("../fixtures/token_response_RS256.json"),
            Self::Es256 => include_bytes!("../fixtures/token_response_ES256.json"),
            Self::EdDsa => include_bytes!("../fixtures/token_response_EdDSA.json"),
        }
    }

    fn registration_response(self) -> &'static [u8] {
        match self {
            Self::Rs256 => include_bytes!("../fixtures/registration_response_RS256.json"),
            Self::Es256 => include_bytes!("../fixtures/registration_response_ES256.json"),
            Self::EdDsa => include_bytes!("../fixtures/registration_response_EdDSA.json"),
        }
    }
}

/// The logins of W7: their work items and algorithms.
pub const LOGINS: [(&str, Alg); 2] = [("W7-login-RS256", Alg::Rs256), ("W7-login-ES256", Alg::Es256)];

/// A login whose ID token is checked in all but its signature.
pub const WITHOUT_SIGNATURE: &str = "W7n-login-without-signature";

/// A response as an HTTP client hands it over. It costs every contestant the same.
pub fn respond(status: u16, body: &[u8]) -> Response<Vec<u8>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body.to_vec())
        .expect("a valid response")
}

/// The provider.
pub fn serve(path: &str, alg: Alg) -> Response<Vec<u8>> {
    if path.ends_with("/.well-known/openid-configuration") {
        respond(200, DISCOVERY)
    } else if path.ends_with("/certs") {
        respond(200, JWKS_4)
    } else if path.ends_with("/clients-registrations/openid-connect") {
        respond(201, alg.registration_response())
    } else if path.ends_with("/token") {
        respond(200, alg.token_response())
    } else {
        respond(404, b"{}")
    }
}

/// Where the user's browser ends up.
pub fn callback(state: &str) -> String {
    let issuer = "https%3A%2F%2Fid.example.com%2Frealms%2Fmain";
    let session = "8d1f2f0e-41c9-4c3e-b7d6-0a9e5f3c2b1d";
    format!("{REDIRECT_URI}?state={state}&session_state={session}&iss={issuer}&code={CODE}")
}
