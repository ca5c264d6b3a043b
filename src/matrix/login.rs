//! A login by the user's browser.
//!
//! ```text
//! LoginRequest::start ────────────────┬─▶ AuthorizationUrl (to the browser)
//! LoginRequest::push ─▶ PushedLogin ──┴─▶ PendingLogin (kept, or stored)
//!                           │ check(&callback) ─ wrong: the login goes on waiting
//!                           ▼
//!                        VerifiedCallback ─▶ redeem ─▶ TokenRequest ─▶ Whoami ─▶ Done(LoginOutcome)
//! ```
//!
//! A login is aborted by dropping it.
//!
//! ```
//! use oidc_proto::adapter::BlockingDriver;
//! use oidc_proto::matrix::{self, Application, AuthMetadataFetch, LoginRequest};
//! use oidc_proto::{ApplicationType, ClientMetadata};
//! use oidc_proto::testing::{Homeserver, Provider, TestEnv};
//! use oidc_proto::{Callback, Env, ProviderOptions, RedirectUri, Registrations, Schemes};
//!
//! let mut env = TestEnv::seeded(1);
//! let op = Provider::new("https://account.example.org");
//! let hs = Homeserver::new("https://matrix.example.org", "example.org", op);
//! let http = BlockingDriver::new(hs.http(env.clock()));
//! let homeserver = matrix::Homeserver::new("https://matrix.example.org", Schemes::HttpsOnly)?;
//! let server = http.run(AuthMetadataFetch::start(homeserver, ProviderOptions::new())?, &mut env)?.supported()?;
//!
//! let redirect_uri = RedirectUri::new("org.example.app:/callback")?;
//! let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()])
//!     .with_client_uri("https://app.example.org/");
//! let mut application = Application::new(metadata, Registrations::default())?;
//! let registered = http.run(application.register(&server)?, &mut env)?;
//! let party = application.keep(&server, registered);
//!
//! let (url, pending) = LoginRequest::new().start(redirect_uri, &party, &mut env)?;
//! let callback = Callback::from_url(hs.visit(url.as_str(), env.clock().now()).callback())?;
//! let verified = pending.check(&callback, &party, env.now())?;
//! let step = pending.redeem(verified, &party, &mut env)?;
//! let login = http.run(step, &mut env)?.logged_in()?;
//! assert_eq!(login.session.user_id().as_str(), "@alice:example.org");
//! # Ok::<(), oidc_proto::Error>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use super::awaited::Awaited;
use super::completion::Completion;
use super::homeserver::Homeserver;
use super::id::DeviceId;
use super::party::Party;
use crate::base::env::{Env, Timestamp};
use crate::base::versioned;
use crate::error::Error;
use crate::flow::authorization::{PendingAuthorization, VerifiedCallback};
use crate::message::callback::Callback;
use crate::party::metadata::ResponseMode;
use crate::party::redirect_uri::RedirectUri;
use crate::step::Step;

/// A login that waits for its callback.
///
/// It implements serde and has a version. Keep it secret, like a [`PendingAuthorization`].
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingLogin(pub(super) Awaited<PendingAuthorization>);

impl PendingLogin {
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

    /// The redirect URI of the request.
    pub fn redirect_uri(&self) -> &RedirectUri {
        self.0.authorization.redirect_uri()
    }

    /// The response mode of the request.
    pub fn response_mode(&self) -> ResponseMode {
        self.0.authorization.response_mode()
    }

    /// The time from which callbacks are refused.
    pub fn expires_at(&self) -> Timestamp {
        self.0.authorization.expires_at()
    }

    /// A name for the login, to find it by [`Callback::key`]. Not a secret.
    pub fn key(&self) -> String {
        self.0.authorization.key()
    }

    /// Checks that a callback belongs to this login, and takes the code from it. The error
    /// `authorization.access_denied` means that the user or the provider refused.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, and as [`RelyingParty::check`](crate::RelyingParty::check).
    pub fn check(&self, callback: &Callback, party: &Party, now: Timestamp) -> Result<VerifiedCallback, Error> {
        party.check_home(&self.0.homeserver)?;
        party.relying_party().check(&self.0.authorization, callback, now)
    }

    /// Redeems the code, and asks the homeserver who has logged in. Keys are needed only for the scope `openid`, and
    /// fetched if there are none.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, and as [`RelyingParty::redeem`](crate::RelyingParty::redeem).
    pub fn redeem(
        self,
        verified: VerifiedCallback,
        party: &Party,
        env: &mut dyn Env,
    ) -> Result<Step<Completion>, Error> {
        party.check_home(&self.0.homeserver)?;
        let (expected, authorization) = self.0.expecting(party);
        let step = party.relying_party().redeem(authorization, verified, env)?;
        Completion::exchanging(step, expected, env)
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingLogin{:?}", self.0)
    }
}
