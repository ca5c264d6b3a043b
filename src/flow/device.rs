//! A login on a device without a browser or a keyboard (RFC 8628).
//!
//! ```text
//! authorize_device ─▶ POST device_authorization_endpoint ─▶ Done(PendingDevice)
//!
//! poll_device ─▶ TokenRequest
//! ```

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use super::device_poll::DevicePoll;
use super::prerequisites;
use super::token_outcome;
use super::token_request::TokenRequest;
use crate::base::env::{Env, Timestamp};
use crate::base::secret::{self, Secret};
use crate::base::url::{Endpoint, Issuer, Schemes};
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode};
use crate::message::device;
use crate::party::client_auth::explained;
use crate::party::metadata::GrantType;
use crate::party::owner::Owner;
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::token::scope::Scope;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits the device code and the user code.
#[derive(Debug)]
pub struct DeviceAuthorization(AuthenticatedRequest<Parsing>);

/// The request.
#[derive(Debug)]
struct Parsing {
    party: RelyingParty,
    scope: Scope,
}

impl Parse for Parsing {
    type Output = PendingDevice;
    const REQUEST: &'static str = "device_authorization_endpoint";

    fn parse(self, response: Response<'_>, now: Timestamp) -> Result<PendingDevice, Error> {
        let Self { party, scope } = self;
        let granted =
            device::parse(response, party.provider().options().schemes()).map_err(|error| explained(error, &party))?;
        Ok(PendingDevice {
            owner: party.owner().clone(),
            scope,
            device_code: granted.device_code,
            user_code: granted.user_code,
            verification_uri: granted.verification_uri,
            verification_uri_complete: granted.verification_uri_complete,
            interval: granted.interval,
            expires_at: now.saturating_add(granted.lifetime),
        })
    }
}

impl RelyingParty {
    /// Requests the device code and the user code of a login for this scope (RFC 8628 section 3.1).
    ///
    /// # Errors
    /// `device.unsupported`, `client.id`, `authorization.parameter`, `sign.failed`. What would end the login only after
    /// the user has allowed it is an error here, too: `dpop.algorithm`, `token.client_auth`, `jws.no_backend`,
    /// `id_token.trust_tls_over_http`, `jwks.missing`.
    pub fn authorize_device(&self, scope: Scope, env: &mut dyn Env) -> Result<Step<DeviceAuthorization>, Error> {
        let (metadata, code) = (self.provider().metadata(), ErrorCode::DEVICE_UNSUPPORTED);
        let endpoint = &metadata.device_authorization_endpoint;
        if !self.client().grants(GrantType::DeviceCode) {
            return Err(Error::new(code).at("grant_types"));
        }
        let endpoint = metadata.endpoint(endpoint, "device_authorization_endpoint", code)?;
        prerequisites::check(self, scope.contains("openid"))?;
        let request = device::request(endpoint, self.client(), &scope);
        let (policy, asked) = (Policy::own_write(Accept::AnyButMarkup), Parsing { party: self.clone(), scope });
        let step = AuthenticatedRequest::start(self, request, policy, Credential::Client, asked, env)?;
        Ok(step.wrap(DeviceAuthorization))
    }

    /// Polls for tokens until the user has decided on another device (RFC 8628 section 3.4). The driver needs a timer.
    ///
    /// # Errors
    /// `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`, `jws.no_backend`,
    /// `id_token.trust_tls_over_http`; `device.expired_token` if the code expires before the first
    /// poll; `token.client_auth` if ID tokens are signed by HS256 and the client has no secret for
    /// that.
    pub fn poll_device(&self, pending: PendingDevice, env: &mut dyn Env) -> Result<Step<TokenRequest>, Error> {
        self.owner().check(&pending.owner)?;
        if pending.scope.contains("openid") {
            token_outcome::check_trust(self)?;
        }
        // A clock that was set back since the value was stored would leave more than there ever was.
        let left = pending.expires_at.saturating_since(env.now()).min(device::LONGEST_LIFETIME);
        let deadline = env.monotonic().saturating_add(left);
        let PendingDevice { scope, device_code, interval, .. } = pending;
        TokenRequest::poll(Box::new(DevicePoll::new(self, scope, device_code, interval, deadline)), env)
    }
}

impl Flow for DeviceAuthorization {
    type Output = PendingDevice;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}

/// A login that the user has to allow on another device (RFC 8628 section 3.2).
///
/// Show the user [`PendingDevice::verification_uri`] and [`PendingDevice::user_code`], or the complete URL as a QR
/// code. It implements serde and has a version. The JSON has about 500 bytes. It contains the device code in clear
/// text. Keep it secret: after the user has consented, the device code yields the tokens.
#[derive(Clone)]
pub struct PendingDevice {
    owner: Owner,
    scope: Scope,
    device_code: Secret,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    interval: Duration,
    expires_at: Timestamp,
}

impl PendingDevice {
    /// Reads a stored pending login.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The provider that the login is at.
    pub fn issuer(&self) -> &Issuer {
        self.owner.issuer()
    }

    /// The provider, the client and the DPoP key of the login.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The code that the user types in: printable ASCII, at most 64 characters.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// The URL that the user opens on the other device.
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// The URL with the user code in it (`verification_uri_complete`), if the provider sent one.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.verification_uri_complete.as_deref()
    }

    /// How long to wait between polls.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The time until which the user can decide.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for PendingDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingDevice({}, expires {:?})", self.issuer(), self.expires_at)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredDevice {
    version: Version,
    issuer: String,
    client_id: String,
    scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_thumbprint: Option<String>,
    #[serde(serialize_with = "secret::store")]
    device_code: Secret,
    user_code: String,
    verification_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification_uri_complete: Option<String>,
    interval_seconds: u32,
    expires_at: Timestamp,
}

impl Serialize for PendingDevice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredDevice {
            version: Version,
            issuer: self.issuer().as_str().to_owned(),
            client_id: self.owner.client_id().into(),
            scope: self.scope.clone(),
            dpop_thumbprint: self.owner.dpop_thumbprint().map(Into::into),
            device_code: self.device_code.clone(),
            user_code: self.user_code.clone(),
            verification_uri: self.verification_uri.clone(),
            verification_uri_complete: self.verification_uri_complete.clone(),
            interval_seconds: u32::try_from(self.interval.as_secs()).unwrap_or(u32::MAX),
            expires_at: self.expires_at,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingDevice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredDevice::deserialize(deserializer)?;
        // What is shown to the user is what it was when it came: no damage makes it a script.
        let is_url = |text: &String| Endpoint::page(text, Schemes::DangerousHttpOnPrivateNetwork).is_ok();
        let is_sound = is_url(&stored.verification_uri)
            && stored.verification_uri_complete.as_ref().is_none_or(is_url)
            && device::is_user_code(&stored.user_code)
            && stored.interval_seconds != 0
            && !stored.device_code.expose().is_empty();
        if !is_sound {
            return Err(de::Error::custom(ErrorCode::STORED_MALFORMED));
        }
        Ok(Self {
            owner: Owner::read(&stored.issuer, &stored.client_id, stored.dpop_thumbprint.as_deref())?,
            scope: stored.scope,
            device_code: stored.device_code,
            user_code: stored.user_code,
            verification_uri: stored.verification_uri,
            verification_uri_complete: stored.verification_uri_complete,
            interval: Duration::from_secs(stored.interval_seconds.into()),
            expires_at: stored.expires_at,
        })
    }
}
