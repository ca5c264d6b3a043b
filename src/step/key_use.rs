//! External keys: the operations that a flow asks a key store for, and the outputs of the key store.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, PublicKey, RemoteKey};

/// An operation for a key store. Each operation names its key.
///
/// A key store that does not know an operation fails with
/// [`FailureKind::Unsupported`](crate::FailureKind::Unsupported). A later version of this crate may add operations.
#[derive(Clone)]
#[non_exhaustive]
pub enum KeyUse {
    /// Sign these bytes, the signing input of RFC 7515 section 5.1. The output is [`KeyOutput::bytes`]: the signature
    /// of RFC 7518 section 3 (`r ‖ s` for ECDSA).
    #[non_exhaustive]
    Sign {
        /// The key to sign with.
        key: Arc<RemoteKey>,
        /// The algorithm of the signature.
        algorithm: Algorithm,
        /// What to sign.
        bytes: Vec<u8>,
    },
    /// Decrypt the encrypted key of a JWE (RFC 7518 sections 4.3, 4.4 and 4.8). The output is [`KeyOutput::bytes`]: the
    /// content encryption key.
    #[non_exhaustive]
    Decrypt {
        /// The key to decrypt with.
        key: Arc<RemoteKey>,
        /// `alg` of the JWE.
        algorithm: String,
        /// The encrypted key.
        encrypted_key: Vec<u8>,
    },
    /// Agree on a secret by ECDH-ES (RFC 7518 section 4.6). The output is [`KeyOutput::bytes`] with the shared secret
    /// Z. A store that does not reveal Z derives the key by Concat KDF itself and returns [`KeyOutput::derived`].
    #[non_exhaustive]
    Agree {
        /// The key to agree with.
        key: Arc<RemoteKey>,
        /// The ephemeral public key of the sender.
        peer: PublicKey,
        /// OtherInfo of the Concat KDF.
        other_info: Vec<u8>,
        /// The length of the derived key in bytes.
        length: usize,
    },
    /// Verify a signature. The output is [`KeyOutput::verified`]. A failure of the store does not mean that the
    /// signature is wrong.
    ///
    /// Flows ask for this only if the client chose
    /// [`IdTokenTrust::VerifyElsewhere`](crate::IdTokenTrust::VerifyElsewhere).
    #[non_exhaustive]
    Verify {
        /// The public key.
        key: PublicKey,
        /// The algorithm of the signature.
        algorithm: Algorithm,
        /// The signing input.
        bytes: Vec<u8>,
        /// The signature of RFC 7518 section 3.
        signature: Vec<u8>,
    },
}

impl KeyUse {
    /// The operation: `sign`, `decrypt`, `agree` or `verify`.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Sign { .. } => "sign",
            Self::Decrypt { .. } => "decrypt",
            Self::Agree { .. } => "agree",
            Self::Verify { .. } => "verify",
        }
    }

    /// Asks for a signature over these bytes.
    pub fn sign(key: Arc<RemoteKey>, algorithm: Algorithm, bytes: impl Into<Vec<u8>>) -> Self {
        Self::Sign { key, algorithm, bytes: bytes.into() }
    }

    /// Asks for the content encryption key in an encrypted key. `algorithm` is `alg` of the JWE.
    pub fn decrypt(key: Arc<RemoteKey>, algorithm: impl Into<String>, encrypted_key: impl Into<Vec<u8>>) -> Self {
        Self::Decrypt { key, algorithm: algorithm.into(), encrypted_key: encrypted_key.into() }
    }

    /// Asks for the secret that is shared with the owner of another key. `length` is in bytes.
    pub fn agree(key: Arc<RemoteKey>, peer: PublicKey, other_info: impl Into<Vec<u8>>, length: usize) -> Self {
        Self::Agree { key, peer, other_info: other_info.into(), length }
    }

    /// Asks whether a signature is right.
    pub fn verify(
        key: PublicKey,
        algorithm: Algorithm,
        bytes: impl Into<Vec<u8>>,
        signature: impl Into<Vec<u8>>,
    ) -> Self {
        Self::Verify { key, algorithm, bytes: bytes.into(), signature: signature.into() }
    }
}

impl fmt::Debug for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUse({})", self.operation())
    }
}

/// The output of a key store: bytes, a derived key or a verdict. The kinds are distinct, so that empty bytes never mean
/// "verified". The output is wiped when it is dropped.
pub struct KeyOutput(Inner);

enum Inner {
    Bytes(Zeroizing<Vec<u8>>),
    Derived(Zeroizing<Vec<u8>>),
    Verified(bool),
}

impl KeyOutput {
    /// A signature, a content encryption key, or a shared secret Z.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Inner::Bytes(Zeroizing::new(bytes.into())))
    }

    /// A key that the store itself derived from the shared secret.
    pub fn derived(key: impl Into<Vec<u8>>) -> Self {
        Self(Inner::Derived(Zeroizing::new(key.into())))
    }

    /// Whether the signature is right.
    pub const fn verified(is_right: bool) -> Self {
        Self(Inner::Verified(is_right))
    }

    /// The bytes, for a flow that asked for a signature, a decryption or an agreement.
    ///
    /// # Errors
    /// `key.output` if the output is of another kind or empty.
    pub fn into_bytes(self) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self.0 {
            Inner::Bytes(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(ErrorCode::KEY_OUTPUT.into()),
        }
    }

    /// The derived key, if the store derived one.
    ///
    /// # Errors
    /// The unchanged output, if it is of another kind or empty.
    pub fn into_derived(self) -> Result<Zeroizing<Vec<u8>>, Self> {
        match self.0 {
            Inner::Derived(key) if !key.is_empty() => Ok(key),
            other => Err(Self(other)),
        }
    }

    /// The verdict, for a flow that asked for a verification.
    ///
    /// # Errors
    /// `key.output` if the output is of another kind.
    pub fn into_verdict(self) -> Result<bool, Error> {
        match self.0 {
            Inner::Verified(is_right) => Ok(is_right),
            _ => Err(ErrorCode::KEY_OUTPUT.into()),
        }
    }
}

impl From<Vec<u8>> for KeyOutput {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<&[u8]> for KeyOutput {
    fn from(bytes: &[u8]) -> Self {
        Self::bytes(bytes)
    }
}

impl fmt::Debug for KeyOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Inner::Bytes(_) => "KeyOutput(bytes)",
            Inner::Derived(_) => "KeyOutput(derived)",
            Inner::Verified(_) => "KeyOutput(verdict)",
        })
    }
}
