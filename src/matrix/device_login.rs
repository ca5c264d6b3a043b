//! A login on a device without a browser: the user allows it on another (client-server API 1.18, device authorization
//! grant; RFC 8628).
//!
//! ```text
//! LoginRequest::start_device ─▶ POST device_authorization_endpoint ─▶ Done(PendingDeviceLogin)
//!
//! PendingDeviceLogin::poll ─▶ DevicePolling ─┬─▶ Whoami ─▶ Done(LoginOutcome)
//! PendingDeviceLogin::complete(TokenOutcome) ───┘
//! ```

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::auth_server::AuthServer;
use super::awaited::Awaited;
use super::completion::Completion;
use super::homeserver::Homeserver;
use super::id::DeviceId;
use super::login::LoginRequest;
use crate::base::env::Env;
use crate::base::versioned;
use crate::error::Error;
use crate::flow::device::PendingDevice;
use crate::flow::verification::TokenOutcome;
use crate::flow::{DeviceAuthorization, DevicePolling, Verification};
use crate::jose::Keys;
use crate::party::client::Client;
use crate::step::{Flow, Input, Step};

/// Awaits the codes.
#[derive(Debug)]
pub struct DeviceLogin(DeviceAuthorization, Box<Awaited<()>>);

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
        let awaited = Awaited::new(server.homeserver.clone(), device_id, self.user());
        let step = DeviceAuthorization::start(scope, &server.provider, client, env)?;
        DeviceLogin::go_on(step, Box::new(awaited))
    }
}

impl DeviceLogin {
    fn go_on(step: Step<DeviceAuthorization>, awaited: Box<Awaited<()>>) -> Result<Step<Self>, Error> {
        step.embed(
            awaited,
            |awaited, flow| Self(flow, awaited),
            |awaited, authorization| Ok(Step::Done(PendingDeviceLogin(awaited.with(authorization)))),
        )
    }
}

impl Flow for DeviceLogin {
    type Output = PendingDeviceLogin;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env)?, self.1)
    }
}

/// A login that the user has to allow on another device.
///
/// Serde, versioned. What is said of [`PendingDevice`] goes for it, too.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingDeviceLogin(Awaited<PendingDevice>);

impl PendingDeviceLogin {
    /// Reads what was stored.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        versioned::from_json(json)
    }

    /// The homeserver that the login is at.
    pub fn homeserver(&self) -> &Homeserver {
        &self.0.homeserver
    }

    /// The device that it is for.
    pub fn device_id(&self) -> &DeviceId {
        &self.0.device_id
    }

    /// What to show to the user, and until when.
    pub fn authorization(&self) -> &PendingDevice {
        &self.0.authorization
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
        server.check_home(&self.0.homeserver)?;
        let (expected, authorization) = self.0.expecting(server, client);
        let step = authorization.poll(&server.provider, client, keys, env)?;
        Completion::exchanging(step, expected, env)
    }

    /// Asks the homeserver who has logged in, where the polling was another's: that of a login by QR code.
    ///
    /// # Errors
    /// None: what is wrong comes with the tokens, as [`LoginOutcome::Refused`](super::LoginOutcome::Refused).
    pub fn complete(
        self,
        exchanged: TokenOutcome,
        server: &Arc<AuthServer>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<Completion<Verification>>, Error> {
        let homely = server.check_home(&self.0.homeserver);
        let (expected, _) = self.0.expecting(server, client);
        match homely {
            Ok(()) => Completion::exchanging(Step::Done(exchanged), expected, env),
            Err(error) => Ok(Step::Done(expected.refuse(exchanged, error))),
        }
    }
}

impl fmt::Debug for PendingDeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingDeviceLogin{:?}", self.0)
    }
}
