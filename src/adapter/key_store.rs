//! Key stores: keys that live in a device, a browser or a key management service.

use std::future::{Future, Ready, ready};

use crate::error::transport::{Failure, FailureKind};
use crate::step::{KeyOutput, KeyUse};

/// An asynchronous key store: it uses keys that are stored elsewhere. A closure of this shape implements it:
///
/// ```
/// use oidc_proto::{Failure, FailureKind};
/// use oidc_proto::adapter::KeyStore;
/// use oidc_proto::step::{KeyOutput, KeyUse};
///
/// async fn device(key_use: KeyUse) -> Result<KeyOutput, Failure> {
///     match key_use {
///         KeyUse::Sign { key, bytes, .. } if key.name() == "device" => Ok(KeyOutput::bytes(sign(&bytes))),
///         KeyUse::Sign { .. } => Err(FailureKind::KeyRefused.into()),
///         _ => Err(FailureKind::Unsupported.into()),
///     }
/// }
/// # fn sign(bytes: &[u8]) -> Vec<u8> { bytes.to_vec() }
/// # fn is_store(_: &impl KeyStore) {}
/// # is_store(&device);
/// ```
pub trait KeyStore {
    /// The future of the output. A store fails with `KeyRefused` or `Unsupported`. A store on a network can also fail
    /// with the kinds of a request. Its own text goes into [`Failure::with_text`].
    type Output: Future<Output = Result<KeyOutput, Failure>>;

    /// Starts the operation.
    fn use_key(&self, key_use: KeyUse) -> Self::Output;
}

impl<K, R> KeyStore for K
where
    K: Fn(KeyUse) -> R,
    R: Future<Output = Result<KeyOutput, Failure>>,
{
    type Output = R;

    fn use_key(&self, key_use: KeyUse) -> R {
        self(key_use)
    }
}

/// A key store that works on the calling thread. A closure of this shape implements it.
pub trait BlockingKeyStore {
    /// Carries the operation out.
    ///
    /// # Errors
    /// As [`KeyStore::Output`].
    fn use_key(&self, key_use: KeyUse) -> Result<KeyOutput, Failure>;
}

impl<K> BlockingKeyStore for K
where
    K: Fn(KeyUse) -> Result<KeyOutput, Failure>,
{
    fn use_key(&self, key_use: KeyUse) -> Result<KeyOutput, Failure> {
        self(key_use)
    }
}

/// No key store: every key operation fails with `Unsupported`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeyStore;

impl KeyStore for NoKeyStore {
    type Output = Ready<Result<KeyOutput, Failure>>;

    fn use_key(&self, _: KeyUse) -> Self::Output {
        ready(Err(FailureKind::Unsupported.into()))
    }
}

impl BlockingKeyStore for NoKeyStore {
    fn use_key(&self, _: KeyUse) -> Result<KeyOutput, Failure> {
        Err(FailureKind::Unsupported.into())
    }
}
