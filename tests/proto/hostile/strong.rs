//! Keys of ours, and what is made with them: for clients that prove who they are, and that their tokens are theirs.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc_proto::DpopKey;
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey, RemoteKey, Signer as _};
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::{AuthMethod, GrantType};
use oidc_proto::{Failure, FailureKind};
use serde_json::Value;

use crate::hostile::world::World;

/// The number that a private key is made of. No two keys of these tests have the same.
pub(crate) const CLIENT_SEED: u8 = 7;
pub(crate) const DPOP_SEED: u8 = 9;

/// A key in the form of PKCS #8: a header that is always the same, and 32 bytes (RFC 5915 section 3, RFC 8410 section 7).
pub(crate) fn key(algorithm: Algorithm, seed: u8) -> SigningKey {
    let header: &[u8] = match algorithm {
        Algorithm::Es256 => {
            b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\
              \x04\x27\x30\x25\x02\x01\x01\x04\x20"
        }
        _ => b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
    };
    SigningKey::from_pkcs8_der(algorithm, &[header, &[seed; 32]].concat(), Some("own")).unwrap()
}

/// The same key, in a key store.
pub(crate) fn remote(algorithm: Algorithm, seed: u8) -> PrivateKey {
    let remote = RemoteKey::new(format!("{seed}")).with_key_id("own");
    PrivateKey::remote(remote.with_public_key(key(algorithm, seed).public_key().clone()), algorithm)
}

/// The key store.
pub(crate) fn sign_remotely(key_use: &KeyUse) -> Result<KeyOutput, Failure> {
    let KeyUse::Sign { key: named, algorithm, bytes, .. } = key_use else {
        return Err(FailureKind::Unsupported.into());
    };
    let key = key(*algorithm, named.name().parse().unwrap());
    Ok(key.sign(bytes).unwrap().into())
}

pub(crate) fn dpop_key(seed: u8) -> Arc<DpopKey> {
    DpopKey::new(PrivateKey::local(key(Algorithm::Es256, seed))).unwrap()
}

/// Header and claims of a JWT, whatever its signature.
pub(crate) fn read(jwt: &str) -> (Value, Value) {
    let part = |at| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(at).unwrap()).unwrap()).unwrap();
    (part(0), part(1))
}

/// The values of a header in all requests so far.
pub(crate) fn headers<'a>(sent: &'a [String], name: &str) -> Vec<&'a str> {
    sent.iter().flat_map(|request| request.lines()).filter_map(|line| line.strip_prefix(name)).collect()
}

/// The proofs that were sent.
pub(crate) fn proofs(sent: &[String]) -> Vec<(Value, Value)> {
    headers(sent, "dpop: ").into_iter().map(read).collect()
}

/// The values of a form's parameter in all requests so far.
pub(crate) fn parameters(sent: &[String], name: &str) -> Vec<String> {
    let bodies = sent.iter().filter_map(|request| request.split_once("\n\n")).map(|(_, body)| body);
    let pairs = bodies.flat_map(|body| url::form_urlencoded::parse(body.as_bytes()).into_owned());
    pairs.filter(|(own, _)| own == name).map(|(_, value)| value).collect()
}

impl World {
    /// With tokens that are bound to a key.
    pub(crate) fn bound() -> Self {
        Self { dpop: Some(dpop_key(DPOP_SEED)), ..Self::new() }
    }

    /// With a client that asserts itself by a key.
    pub(crate) fn with_key(key: PrivateKey) -> Self {
        let mut world = Self::new();
        world.metadata = world.metadata.clone().with_private_key(key).unwrap();
        world
    }

    /// Pushed requests, bound tokens, a key for the client, and the device grant; both keys at hand or elsewhere.
    pub(crate) fn strong(seed: u64, algorithm: Algorithm, is_remote: bool) -> Self {
        let own = |seed| if is_remote { remote(algorithm, seed) } else { PrivateKey::local(key(algorithm, seed)) };
        let mut world = Self::seeded(seed);
        world.metadata = world.metadata.clone().with_private_key(own(CLIENT_SEED)).unwrap();
        world.dpop = Some(DpopKey::new(own(DPOP_SEED)).unwrap());
        world.pushes = true;
        world.allowing_devices()
    }

    pub(crate) fn allowing_devices(mut self) -> Self {
        self.metadata = self.metadata.with_grant_type(GrantType::DeviceCode);
        self
    }

    /// With a client that may get tokens for itself.
    pub(crate) fn allowing_client_credentials(method: AuthMethod) -> Self {
        let mut world = Self::with_secret(method);
        world.metadata = world.metadata.with_grant_type(GrantType::ClientCredentials);
        world
    }
}
