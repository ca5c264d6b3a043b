//! A key store with one key.

use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey, RemoteKey, Signer as _};

fn key() -> SigningKey {
    // RFC 8410 section 7.
    let header = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    SigningKey::from_pkcs8_der(Algorithm::EdDsa, &[&header[..], &[9; 32]].concat(), None).unwrap()
}

pub(crate) fn remote() -> PrivateKey {
    let mut remote = RemoteKey::new("key", Algorithm::EdDsa);
    remote.public_key = Some(key().public_key().clone());
    PrivateKey::remote(remote)
}

pub(crate) fn sign(input: &[u8]) -> Vec<u8> {
    key().sign(input).unwrap()
}
