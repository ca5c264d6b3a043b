//! The client IDs of an application: one store for all providers, separate from the users' sessions.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::client::{ClientAuth, is_client_id};
use super::client_metadata::ClientMetadata;
use super::metadata::{AuthMethod, GrantType};
use super::registered::Registered;
use crate::base::env::Timestamp;
use crate::base::secret::Secret;
use crate::base::url::Issuer;
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, PrivateKey, RemoteKey};

/// The registered clients for each issuer and each client metadata, and static clients that override them.
///
/// Serde, versioned: store it as JSON. It holds client secrets, so keep the file secret. Also protect it against
/// changes: whoever can write the file can make a login use a client of their own.
///
/// Private keys are not stored. A client that authenticates by a private key is restored with an external key that has
/// the same `kid`. Carry out its [`KeyUse::Sign`](crate::step::KeyUse::Sign), or set the private key again with
/// [`Client::with_auth`](crate::Client::with_auth).
///
/// ```
/// use oidc_proto::{ClientAuth, Issuer, Registered, Registrations, Schemes};
/// let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
/// let mut registrations = Registrations::default();
/// registrations.set_static(&issuer, Registered::preregistered("s6BhdRkqt3", ClientAuth::None)?);
/// let stored = serde_json::to_string(&registrations).unwrap();
/// assert!(Registrations::from_json(&stored)?.static_client(&issuer).is_some());
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registrations {
    fixed: BTreeMap<Issuer, Registered>,
    dynamic: BTreeMap<(Issuer, String), Registered>,
}

impl Registrations {
    /// Reads stored registrations.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The client to use at a provider: the static client, or the client that was registered with exactly these
    /// metadata and whose secret has not expired at `now`.
    pub fn find(&self, issuer: &Issuer, metadata: &ClientMetadata, now: Timestamp) -> Option<&Registered> {
        let current = |registered: &&Registered| registered.secret_expires_at.is_none_or(|expiry| now < expiry);
        self.static_client(issuer)
            .or_else(|| self.dynamic.get(&(issuer.clone(), metadata.fingerprint())).filter(current))
    }

    /// The static client of an issuer.
    pub fn static_client(&self, issuer: &Issuer) -> Option<&Registered> {
        self.fixed.get(issuer)
    }

    /// Sets the static client of an issuer. It overrides every registered client. [`Registrations::by_client_id`] still
    /// finds an earlier static client, because sessions may use it.
    pub fn set_static(&mut self, issuer: &Issuer, client: Registered) {
        if self.static_client(issuer).is_some_and(|old| old.client_id() != client.client_id()) {
            self.unset_static(issuer);
        }
        self.dynamic.remove(&set_aside(issuer, &client));
        self.fixed.insert(issuer.clone(), client);
    }

    /// Removes the static client of an issuer, so that registered clients are used again.
    /// [`Registrations::by_client_id`] still finds the removed client.
    pub fn unset_static(&mut self, issuer: &Issuer) {
        if let Some(client) = self.fixed.remove(issuer) {
            self.dynamic.insert(set_aside(issuer, &client), client);
        }
    }

    /// Stores a registered client. Older clients of the same issuer stay, because sessions may use them.
    pub fn insert(&mut self, issuer: &Issuer, metadata: &ClientMetadata, client: Registered) {
        self.dynamic.remove(&set_aside(issuer, &client));
        let new_id = client.client_id.clone();
        let older = self.dynamic.insert((issuer.clone(), metadata.fingerprint()), client);
        if let Some(older) = older.filter(|older| older.client_id != new_id) {
            self.dynamic.insert(set_aside(issuer, &older), older);
        }
    }

    /// Uses a registered client for no further login. [`Registrations::by_client_id`] still finds it. Returns whether
    /// there was such a client.
    pub fn retire(&mut self, issuer: &Issuer, client_id: &str) -> bool {
        let is_meant = |own: &Issuer, client: &Registered| own == issuer && client.client_id() == client_id;
        let place =
            self.dynamic.iter().find(|((own, _), client)| is_meant(own, client)).map(|(place, _)| place.clone());
        let Some(client) = place.and_then(|place| self.dynamic.remove(&place)) else { return false };
        self.dynamic.insert(set_aside(issuer, &client), client);
        true
    }

    /// Whether a client that is here is used for no further login: it was retired, or another one has taken its place.
    pub fn is_retired(&self, issuer: &Issuer, client_id: &str) -> bool {
        let here = self.dynamic.iter().filter(|((own, _), client)| own == issuer && client.client_id() == client_id);
        let mut places = here.map(|((_, place), client)| place == &set_aside(issuer, client).1).peekable();
        let is_static = self.static_client(issuer).is_some_and(|client| client.client_id() == client_id);
        !is_static && places.peek().is_some() && places.all(|is_aside| is_aside)
    }

    /// Adds what another process has stored since this value was read. For the same metadata this value's client is
    /// used for further logins; sessions find the other one, too.
    pub fn merge(&mut self, other: Self) {
        for (issuer, client) in other.fixed {
            self.fixed.entry(issuer).or_insert(client);
        }
        for ((issuer, fingerprint), client) in other.dynamic {
            if self.by_client_id(&issuer, client.client_id()).is_some() {
                continue;
            }
            let is_taken = self.dynamic.contains_key(&(issuer.clone(), fingerprint.clone()));
            let place = if is_taken { set_aside(&issuer, &client) } else { (issuer, fingerprint) };
            self.dynamic.insert(place, client);
        }
    }

    /// The client with this client ID, for restoring a session that was made with it.
    pub fn by_client_id(&self, issuer: &Issuer, client_id: &str) -> Option<&Registered> {
        let dynamic = self.dynamic.iter().filter(|((own, _), _)| own == issuer).map(|(_, client)| client);
        self.static_client(issuer).into_iter().chain(dynamic).find(|client| client.client_id() == client_id)
    }

    /// Removes a client, for example because the provider does not know it any more. Returns whether there was such a
    /// client.
    pub fn remove(&mut self, issuer: &Issuer, client_id: &str) -> bool {
        let before = self.fixed.len() + self.dynamic.len();
        self.fixed.retain(|own, client| own != issuer || client.client_id() != client_id);
        self.dynamic.retain(|(own, _), client| own != issuer || client.client_id() != client_id);
        self.fixed.len() + self.dynamic.len() < before
    }
}

/// Where a client is kept that no metadata lead to: fingerprints have no colon.
fn set_aside(issuer: &Issuer, client: &Registered) -> (Issuer, String) {
    (issuer.clone(), format!("fixed:{}", client.client_id()))
}

#[derive(Serialize, Deserialize)]
struct StoredRegistrations {
    version: Version,
    clients: Vec<StoredClient>,
}

#[derive(Serialize, Deserialize)]
struct StoredClient {
    issuer: String,
    /// Of the metadata; absent for a fixed client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    client_id: String,
    auth_method: String,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "versioned::optional_secret")]
    client_secret: Option<Secret>,
    /// Of `private_key_jwt`: the key itself is not stored, only what finds it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<StoredKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token_algorithm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    userinfo_algorithm: Option<String>,
    /// Only where some were asked for in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant_types: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "versioned::optional_secret")]
    registration_access_token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registration_client_uri: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    algorithm: String,
}

impl Serialize for Registrations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fixed = self.fixed.iter().map(|(issuer, client)| (issuer, None, client));
        let dynamic = self.dynamic.iter().map(|((issuer, print), client)| (issuer, Some(print), client));
        let clients = fixed.chain(dynamic).map(|(issuer, fingerprint, client)| StoredClient {
            issuer: issuer.as_str().to_owned(),
            fingerprint: fingerprint.cloned(),
            client_id: client.client_id().to_owned(),
            auth_method: client.auth.method().name().to_owned(),
            client_secret: client.auth.secret().cloned(),
            key: match &client.auth {
                ClientAuth::PrivateKeyJwt(key) => Some(StoredKey {
                    key_id: key.key_id().map(str::to_owned),
                    algorithm: key.algorithm().name().to_owned(),
                }),
                _ => None,
            },
            id_token_algorithm: client.id_token_algorithm.map(|algorithm| algorithm.name().to_owned()),
            userinfo_algorithm: client.userinfo_algorithm.map(|algorithm| algorithm.name().to_owned()),
            grant_types: client.granted.map(|granted| granted.iter().map(|grant| grant.name().to_owned()).collect()),
            secret_expires_at: client.secret_expires_at,
            issued_at: client.issued_at,
            registration_access_token: client.access_token.clone(),
            registration_client_uri: client.management_uri.as_deref().map(str::to_owned),
        });
        StoredRegistrations { version: Version, clients: clients.collect() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Registrations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredRegistrations::deserialize(deserializer)?;
        let mut out = Self::default();
        for client in stored.clients {
            let (issuer, fingerprint) = (versioned::issuer(&client.issuer)?, client.fingerprint.clone());
            let registered = client.live().map_err(de::Error::custom)?;
            match fingerprint {
                None => out.fixed.insert(issuer, registered),
                Some(fingerprint) => out.dynamic.insert((issuer, fingerprint), registered),
            };
        }
        Ok(out)
    }
}

fn algorithm(name: String) -> Result<Algorithm, Error> {
    Algorithm::from_name(&name).ok_or_else(|| ErrorCode::STORED_MALFORMED.into())
}

impl StoredKey {
    fn live(self) -> Result<PrivateKey, Error> {
        let algorithm = algorithm(self.algorithm)?;
        let key = RemoteKey::new(self.key_id.clone().unwrap_or_default());
        let key = match self.key_id {
            Some(key_id) => key.with_key_id(key_id),
            None => key,
        };
        Ok(PrivateKey::remote(key, algorithm))
    }
}

impl StoredClient {
    fn live(self) -> Result<Registered, Error> {
        let method = AuthMethod::from_name(&self.auth_method).ok_or(ErrorCode::STORED_MALFORMED)?;
        if !is_client_id(&self.client_id) {
            return Err(ErrorCode::STORED_MALFORMED.into());
        }
        Ok(Registered {
            client_id: self.client_id.into(),
            auth: match (method, self.key) {
                (AuthMethod::PrivateKeyJwt, Some(key)) => ClientAuth::PrivateKeyJwt(key.live()?),
                _ => ClientAuth::new(method, self.client_secret).map_err(|_| ErrorCode::STORED_MALFORMED)?,
            },
            id_token_algorithm: self.id_token_algorithm.map(algorithm).transpose()?,
            userinfo_algorithm: self.userinfo_algorithm.map(algorithm).transpose()?,
            granted: self.grant_types.map(|names| names.iter().filter_map(|name| GrantType::from_name(name)).collect()),
            secret_expires_at: self.secret_expires_at,
            issued_at: self.issued_at,
            access_token: self.registration_access_token,
            management_uri: self.registration_client_uri.map(Into::into),
            flaws: Vec::new(),
            fields: None,
        })
    }
}
