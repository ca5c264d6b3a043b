//! A login on a device without a browser: the user allows it on another (client-server API 1.18, device authorization
//! grant; RFC 8628).
//!
//! ```text
//! LoginRequest::start_device ─▶ POST device_authorization_endpoint ─▶ Done(PendingDeviceLogin)
//!
//! PendingDeviceLogin::poll ─▶ DevicePolling ─┬─▶ Whoami ─▶ Done(LoginOutcome)
//! PendingDeviceLogin::complete(Exchanged) ───┘
//! ```

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::auth_server::AuthServer;
use super::completion::{Completion, Expected};
use super::homeserver::Homeserver;
use super::id::{DeviceId, UserId};
use super::login::LoginRequest;
use crate::client::Client;
use crate::env::Env;
use crate::error::Error;
use crate::failure::Failure;
use crate::flow::{DeviceAuthorization, DevicePolling, Exchanged, PendingDevice, Verification};
use crate::jose::Keys;
use crate::reply::Reply;
use crate::step::{Flow, Step};
use crate::stored;

/// Awaits the codes.
#[derive(Debug)]
pub struct DeviceLogin(DeviceAuthorization, Box<Binding>);

#[derive(Debug)]
struct Binding {
    homeserver: Homeserver,
    device_id: DeviceId,
    user_id: Option<UserId>,
}

impl LoginRequest {
    /// Asks for the codes of a login by another device. `prompt`, `login_hint`, `response_mode` and the lifetime have no
    /// meaning for it.
    ///
    /// # Errors
    /// `matrix.device_id`, `matrix.scope`, `device.unsupported`, `sign.failed`.
    pub fn start_device(
        self,
        server: &AuthServer,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<DeviceLogin>, Error> {
        let (device_id, scope) = self.bind(server, env)?;
        let binding = Binding { homeserver: server.homeserver.clone(), device_id, user_id: self.user() };
        let step = DeviceAuthorization::start(scope, &server.provider, client, env)?;
        DeviceLogin::going_on(step, Box::new(binding))
    }
}

impl DeviceLogin {
    fn going_on(step: Step<DeviceAuthorization>, binding: Box<Binding>) -> Result<Step<Self>, Error> {
        step.embed_with(
            binding,
            |binding, flow| Self(flow, binding),
            |binding, authorization| {
                let Binding { homeserver, device_id, user_id } = *binding;
                Ok(Step::Done(PendingDeviceLogin { homeserver, device_id, user_id, authorization }))
            },
        )
    }
}

impl Flow for DeviceLogin {
    type Output = PendingDeviceLogin;

    fn on_response(self, reply: Reply<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::going_on(self.0.on_response(reply, env)?, self.1)
    }

    fn on_failure(self, failure: Failure, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::going_on(self.0.on_failure(failure, env)?, self.1)
    }

    fn on_signature(self, signature: &[u8], env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::going_on(self.0.on_signature(signature, env)?, self.1)
    }
}

/// A login that the user has to allow on another device.
///
/// Serde, versioned. What is said of [`PendingDevice`] goes for it, too.
#[derive(Clone)]
pub struct PendingDeviceLogin {
    homeserver: Homeserver,
    device_id: DeviceId,
    user_id: Option<UserId>,
    authorization: PendingDevice,
}

impl PendingDeviceLogin {
    /// Reads what was stored.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        stored::from_json(json)
    }

    /// The homeserver that the login is at.
    pub fn homeserver(&self) -> &Homeserver {
        &self.homeserver
    }

    /// The device that it is for.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// What to show to the user, and until when.
    pub fn authorization(&self) -> &PendingDevice {
        &self.authorization
    }

    /// Waits for the user, and asks the homeserver who has logged in. The driver needs a timer.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, and as [`PendingDevice::poll`].
    pub fn poll(
        self,
        server: &Arc<AuthServer>,
        client: &Arc<Client>,
        keys: Option<Arc<Keys>>,
        env: &mut dyn Env,
    ) -> Result<Step<Completion<DevicePolling>>, Error> {
        let Self { homeserver, device_id, user_id, authorization } = self;
        server.check_home(&homeserver)?;
        let step = authorization.poll(&server.provider, client, keys, env)?;
        let expected = Expected { server: server.clone(), client: client.clone(), device_id, user_id };
        Completion::exchanging(step, expected, env)
    }

    /// Asks the homeserver who has logged in, where the polling was another's: that of a login by QR code.
    ///
    /// # Errors
    /// None: what is wrong comes with the tokens, as [`LoginOutcome::Refused`](super::LoginOutcome::Refused).
    pub fn complete(
        self,
        exchanged: Exchanged,
        server: &Arc<AuthServer>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<Completion<Verification>>, Error> {
        let Self { homeserver, device_id, user_id, .. } = self;
        let expected = Expected { server: server.clone(), client: client.clone(), device_id, user_id };
        match server.check_home(&homeserver) {
            Ok(()) => Completion::exchanging(Step::Done(exchanged), expected, env),
            Err(error) => Ok(Step::Done(expected.refuse(exchanged, error))),
        }
    }
}

impl fmt::Debug for PendingDeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingDeviceLogin({:?}, {:?}, {:?})", self.homeserver, self.device_id, self.authorization)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredDeviceLogin {
    version: u32,
    homeserver: Homeserver,
    device_id: DeviceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    authorization: PendingDevice,
}

const VERSION: u32 = 1;

impl Serialize for PendingDeviceLogin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { homeserver, device_id, user_id, authorization } = self.clone();
        StoredDeviceLogin { version: VERSION, homeserver, device_id, user_id, authorization }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingDeviceLogin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredDeviceLogin::deserialize(deserializer)?;
        stored::check_version(stored.version, VERSION)?;
        let StoredDeviceLogin { homeserver, device_id, user_id, authorization, .. } = stored;
        Ok(Self { homeserver, device_id, user_id, authorization })
    }
}
