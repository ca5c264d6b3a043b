//! A login on a device without a browser: the user allows it on another (client-server API 1.18, device authorization
//! grant; RFC 8628).
//!
//! ```text
//! LoginRequest::start_device ─▶ POST device_authorization_endpoint ─▶ Done(PendingDeviceLogin)
//!
//! PendingDeviceLogin::poll ─▶ TokenRequest ─────┬─▶ Whoami ─▶ Done(LoginOutcome)
//! PendingDeviceLogin::complete(TokenOutcome) ───┘
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use super::awaited::Awaited;
use super::completion::Completion;
use super::homeserver::Homeserver;
use super::id::DeviceId;
use super::login_request::LoginRequest;
use super::party::Party;
use crate::base::env::Env;
use crate::base::versioned;
use crate::error::Error;
use crate::flow::DeviceAuthorization;
use crate::flow::device::PendingDevice;
use crate::flow::token_outcome::TokenOutcome;
use crate::step::{Flow, Input, Step};

/// Awaits the codes.
#[derive(Debug)]
pub struct DeviceLogin(DeviceAuthorization, Box<Awaited<()>>);

impl LoginRequest {
    /// Requests the codes for a login by another device. It uses only the device, the scope form
    /// and the further scope values of this request, and the user for the check of the tokens.
    ///
    /// # Errors
    /// `matrix.device_id`, `matrix.scope`; `metadata.unsupported` if the client has a DPoP key and the
    /// provider does not know DPoP; and as
    /// [`RelyingParty::authorize_device`](crate::RelyingParty::authorize_device).
    pub fn start_device(self, party: &Party, env: &mut dyn Env) -> Result<Step<DeviceLogin>, Error> {
        let (device_id, scope) = self.bind(party, env)?;
        let awaited = Awaited::new(party.homeserver().clone(), device_id, self.user());
        let step = party.relying_party().authorize_device(scope, env)?;
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
/// It implements serde and has a version. Keep it secret, like a [`PendingDevice`].
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

    /// The client ID that it was started with, for [`Application::party_with`](super::Application::party_with).
    pub fn client_id(&self) -> &str {
        self.0.authorization.owner().client_id()
    }

    /// What to show to the user, and until when.
    pub fn authorization(&self) -> &PendingDevice {
        &self.0.authorization
    }

    /// Waits until the user has decided, then asks the homeserver who has logged in. The driver needs a timer.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, and as [`RelyingParty::poll_device`](crate::RelyingParty::poll_device).
    pub fn poll(self, party: &Party, env: &mut dyn Env) -> Result<Step<Completion>, Error> {
        party.check_home(&self.0.homeserver)?;
        let (expected, authorization) = self.0.expecting(party);
        let step = party.relying_party().poll_device(authorization, env)?;
        Completion::exchanging(step, expected, env)
    }

    /// Asks the homeserver who has logged in, after another flow has polled for the tokens: for a login by QR code.
    ///
    /// # Errors
    /// None. Errors are returned with the tokens, as [`LoginOutcome::Refused`](super::LoginOutcome::Refused).
    pub fn complete(
        self,
        exchanged: TokenOutcome,
        party: &Party,
        env: &mut dyn Env,
    ) -> Result<Step<Completion>, Error> {
        let homely = party.check_home(&self.0.homeserver);
        let (expected, _) = self.0.expecting(party);
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
