//! Makes a JWS: for `private_key_jwt`, for DPoP proofs, and for the provider for tests.

use super::algorithm::Algorithm;
use super::member::push_member;
use super::public_key::PublicKey;
use crate::base::base64url::encode_onto;
use crate::error::Error;

/// A private key that signs in this process. For a key in a key store, flows return the step `UseKey`.
pub trait Signer: Send + Sync + 'static {
    /// The algorithm of its signatures.
    fn algorithm(&self) -> Algorithm;

    /// The `kid` that others know the key by.
    fn key_id(&self) -> Option<&str>;

    /// The public key. DPoP needs it; `private_key_jwt` does not.
    fn public_key(&self) -> Option<&PublicKey> {
        None
    }

    /// Signs `input`. The signature has the form of RFC 7518 section 3 (for ECDSA `r ‖ s`).
    ///
    /// # Errors
    /// `sign.failed`
    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Error>;
}

/// What has to be signed: the header, a dot, the payload (RFC 7515 section 5.1 step 5).
pub fn signing_input(algorithm: Algorithm, kid: Option<&str>, typ: Option<&str>, payload: &[u8]) -> String {
    let mut header = format!(r#"{{"alg":"{}""#, algorithm.name());
    push_member(&mut header, "kid", kid);
    push_member(&mut header, "typ", typ);
    header.push('}');
    join(&header, payload)
}

/// The same with the public key in the header in place of its name, as a DPoP proof has it (RFC 9449 section 4.2).
pub(crate) fn signing_input_with_key(algorithm: Algorithm, key: &PublicKey, typ: &str, payload: &[u8]) -> String {
    let header = format!(r#"{{"alg":"{}","typ":"{typ}","jwk":{}}}"#, algorithm.name(), key.required_members());
    join(&header, payload)
}

fn join(header: &str, payload: &[u8]) -> String {
    let mut input = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 8);
    for (part, separator) in [(header.as_bytes(), "."), (payload, "")] {
        encode_onto(&mut input, part);
        input.push_str(separator);
    }
    input
}

/// The compact JWS: the signing input, a dot, the signature.
pub fn with_signature(mut signing_input: String, signature: &[u8]) -> String {
    // In one piece: what a text leaves behind when it grows is not wiped.
    signing_input.reserve_exact(1 + (signature.len() * 4).div_ceil(3));
    signing_input.push('.');
    encode_onto(&mut signing_input, signature);
    signing_input
}
