//! A private key as a client has it: here, or where only signatures come out of.

use std::fmt;
use std::sync::Arc;

use super::{Algorithm, PublicKey, Signer, backend};
use crate::error::Error;

/// A private key that a client signs with.
#[derive(Clone)]
#[non_exhaustive]
pub enum PrivateKey {
    /// Signs at once, inside the machine.
    Local(Arc<dyn Signer>),
    /// Signs elsewhere: a flow that needs it yields [`Step::UseKey`](crate::Step::UseKey).
    Remote(Arc<RemoteKey>),
}

/// A key in a key store, a browser's WebCrypto or a KMS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteKey {
    /// The application's name for it, handed out with each signing input.
    pub name: String,
    /// The algorithm of its signatures.
    pub algorithm: Algorithm,
    /// The `kid` that others know it by.
    pub key_id: Option<String>,
    /// The public key. DPoP needs it; `private_key_jwt` does not.
    pub public_key: Option<PublicKey>,
}

impl RemoteKey {
    /// A key by the application's name for it.
    pub fn new(name: impl Into<String>, algorithm: Algorithm) -> Self {
        Self { name: name.into(), algorithm, key_id: None, public_key: None }
    }
}

impl PrivateKey {
    /// Reads a key that signs at once, by the [default backend](super::backend::default), from PEM (RFC 7468): PKCS #8
    /// (`PRIVATE KEY`), PKCS #1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`). `kid` is the name that the provider knows
    /// the key by. Text and other blocks before the key are passed over.
    ///
    /// ```
    /// # use oidc_proto::jose::{Algorithm, PrivateKey};
    /// use oidc_proto::{Client, ClientAuth};
    ///
    /// # let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n".replace('_', "/");
    /// let key = PrivateKey::from_pem(Algorithm::EdDsa, &pem, Some("my key"))?;
    /// let client = Client::new("app").with_auth(ClientAuth::PrivateKeyJwt(key));
    /// # Ok::<(), oidc_proto::Error>(())
    /// ```
    ///
    /// # Errors
    /// `private_key.pem`, `private_key.missing`, `private_key.encrypted`, `private_key.unusable`; `jws.no_backend`. None of
    /// them holds a part of the key.
    pub fn from_pem(algorithm: Algorithm, pem: &str, kid: Option<&str>) -> Result<Self, Error> {
        backend::signer_from_pem(algorithm, pem, kid).map(Self::Local)
    }

    /// A key that signs at once.
    pub fn local(signer: impl Signer) -> Self {
        Self::Local(Arc::new(signer))
    }

    /// A key that signs elsewhere.
    pub fn remote(key: RemoteKey) -> Self {
        Self::Remote(Arc::new(key))
    }

    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Local(signer) => signer.algorithm(),
            Self::Remote(key) => key.algorithm,
        }
    }

    /// The `kid` that others know it by.
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Self::Local(signer) => signer.key_id(),
            Self::Remote(key) => key.key_id.as_deref(),
        }
    }

    /// The public key, if it is known.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Local(signer) => signer.public_key(),
            Self::Remote(key) => key.public_key.as_ref(),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm().name())
    }
}
