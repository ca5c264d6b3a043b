//! Demonstrating proof of possession (RFC 9449): tokens that only the holder of a key can use.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Method, Uri};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::base::base64url;
use crate::base::env::{Env, Timestamp};
use crate::base::secret::{AccessToken, Secret};
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, PrivateKey, PublicKey, asymmetric, signing_input_with_key};
use crate::wire::headers::DPOP_NONCE;

/// How many servers' nonces are remembered: an authorization server and a few resource servers.
const NONCE_LIMIT: usize = 8;

/// Longest nonce that is taken from a server, in bytes.
const NONCE_LENGTH_LIMIT: usize = 1024;

/// A key that tokens are bound to, and the nonces that servers issued for it (RFC 9449 section 8).
///
/// Share one `DpopKey` among all users of the tokens: it remembers the nonces, so that the server
/// does not refuse each request once. [`DpopKey::new`] returns it in an [`Arc`] for that. It is not
/// `Clone`, because a copy would not learn the nonces of the original.
pub struct DpopKey {
    key: PrivateKey,
    public_key: PublicKey,
    thumbprint: String,
    nonces: Mutex<Vec<(String, String)>>,
}

impl DpopKey {
    /// A key for binding tokens. It must be asymmetric, and its public key must be known.
    ///
    /// # Errors
    /// `dpop.key`.
    pub fn new(key: PrivateKey) -> Result<Arc<Self>, Error> {
        let public_key = key.public_key().cloned().filter(|public| public.fits(key.algorithm()));
        let public_key = public_key.filter(|_| asymmetric().contains(key.algorithm())).ok_or(ErrorCode::DPOP_KEY)?;
        let thumbprint = public_key.thumbprint_text();
        Ok(Arc::new(Self { key, public_key, thumbprint, nonces: Mutex::default() }))
    }

    /// The key's thumbprint (RFC 7638), as in `dpop_jkt` and `cnf.jkt`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The algorithm of its proofs.
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The servers' nonces by origin, newest first. Store them beside the key for the next process: some providers
    /// spend a refresh token before they look at the nonce.
    pub fn nonces(&self) -> Vec<(String, String)> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Supplies nonces that were stored. A nonce that came from the server since is kept; what cannot be one is
    /// dropped.
    pub fn supply_nonces(&self, stored: impl IntoIterator<Item = (String, String)>) {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        for (origin, nonce) in stored {
            let is_new = nonces.iter().all(|(own, _)| *own != origin);
            if is_new && nonces.len() < NONCE_LIMIT && (1..=NONCE_LENGTH_LIMIT).contains(&nonce.len()) {
                nonces.push((origin, nonce));
            }
        }
    }

    pub(crate) fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// What is to be signed for a proof (section 4.2); `now` is the server's time.
    pub(crate) fn proof_input(
        &self,
        method: &Method,
        uri: &Uri,
        access_token: Option<&AccessToken>,
        now: Timestamp,
        env: &mut dyn Env,
    ) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Claims<'a> {
            jti: &'a str,
            htm: &'a str,
            htu: &'a str,
            iat: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            ath: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            nonce: Option<String>,
        }

        let htu = format!("{}{}", origin(uri), uri.path());
        let claims = serde_json::to_vec(&Claims {
            jti: Secret::random(env.rng()).expose(),
            htm: method.as_str(),
            htu: &htu,
            iat: now.unix_seconds(),
            ath: access_token.map(|token| base64url::encode(Sha256::digest(token.expose()))),
            nonce: self.nonce(uri),
        });
        let claims = claims.map_err(|_| ErrorCode::SIGN_FAILED)?;
        Ok(signing_input_with_key(self.algorithm(), &self.public_key, "dpop+jwt", &claims))
    }

    fn nonce(&self, uri: &Uri) -> Option<String> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = origin(uri);
        nonces.iter().find(|(own, _)| *own == origin).map(|(_, nonce)| nonce.clone())
    }

    /// Remembers the nonce of a response (section 8.2): any response of a server can have a new nonce. Returns whether
    /// the response has a nonce that can be used.
    pub(crate) fn note(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let nonce = headers.get(&DPOP_NONCE).and_then(|value| value.to_str().ok());
        let Some(nonce) = nonce.filter(|nonce| (1..=NONCE_LENGTH_LIMIT).contains(&nonce.len())) else { return false };
        let origin = origin(uri);
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.retain(|(own, _)| *own != origin);
        nonces.truncate(NONCE_LIMIT - 1);
        nonces.insert(0, (origin, nonce.to_owned()));
        true
    }
}

fn origin(uri: &Uri) -> String {
    format!("{}://{}", uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |authority| authority.as_str()))
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DpopKey({}, {})", self.algorithm().name(), self.thumbprint)
    }
}
