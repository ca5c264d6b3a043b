//! The existing device, which logs in the new device.
//!
//! ```text
//! Grant::show or Grant::scan ─▶ …  (meet.rs)  … ─▶ Secured
//!  └ begin ─▶ (if it scanned the code: PUT protocols) ─▶ GET … protocol ─▶ GET /devices/{id}
//!     │                                              there already: PUT failure ─▶ DELETE ─▶ qr.device_exists
//!     └▶ AwaitingConsent   the user is shown the page, and says yes or no
//!         ├ refuse ─▶ PUT failure ─▶ DELETE
//!         └ allow ─▶ PUT protocol_accepted ─▶ GET … success
//!             │                                      declined, failure: DELETE ─▶ qr.peer_…
//!             └▶ Succeeded   the new device says that it is logged in
//!                 └ share(secrets) ─▶ GET /devices/{id} until it is there ─▶ PUT secrets ─▶ Done
//!                                                    not there in time: PUT failure ─▶ DELETE ─▶ qr.device_not_found
//! ```
//!
//! This device sends the secrets only if the check code was right (or this device scanned the code), the user has
//! allowed the login on this device, and the homeserver knows the new device. The new device deletes the rendezvous
//! when it has read them.

use std::fmt;

use super::code::{Intent, QrCode};
use super::dialog::{Heard, Talk};
use super::homeserver::NamedHomeserver;
use super::meet::{self, Role, Scanned, Secured, Shown, Side};
use super::message::{DeviceLogin, LoginProtocol, Message};
use super::options::{Options, Progress};
use super::probe::{Probe, Until};
use super::secrets::Secrets;
use super::stage::{Stage, then};
use crate::base::env::Env;
use crate::base::secret::AccessToken;
use crate::base::word_set::Words;
use crate::error::ErrorCode;
use crate::matrix::Homeserver;
use crate::step::Step;

/// The existing device.
#[derive(Clone, Copy, Debug)]
pub struct Grant;

impl meet::sealed::Sealed for Grant {}

impl Role for Grant {
    const INTENT: Intent = Intent::Reciprocate;
}

/// What the existing device knows of its homeserver.
#[derive(Clone, Debug)]
pub struct Account {
    /// The homeserver.
    pub homeserver: Homeserver,
    /// The name of the homeserver for the new device: the server name, or the base URL, as deployed clients do.
    pub named: NamedHomeserver,
    /// A good access token. Each stage that needs a token takes a new one.
    pub access_token: AccessToken,
}

impl Grant {
    /// Makes a code for the new device to scan, with a rendezvous at this device's homeserver.
    ///
    /// # Errors
    /// `qr.rendezvous_…`, `url.…`, `transport.…`, `http.…`, `json.…`.
    pub fn show(account: &Account, options: Options, env: &mut dyn Env) -> Stage<Shown<Self>> {
        meet::show(&account.homeserver, Some(account.named.clone()), options, env)
    }

    /// Responds to the code that the new device shows.
    ///
    /// # Errors
    /// `qr.other_signed_in` if that is an existing device, too; `qr.code_version` for a code of MSC4388;
    /// `qr.channel_…`, `qr.rendezvous_…`, `qr.timeout`, `transport.…`, `http.…`.
    pub fn scan(code: &QrCode, options: Options, env: &mut dyn Env) -> Stage<Scanned<Self>> {
        meet::scan(code, options, env)
    }
}

impl Secured<Grant> {
    /// Receives the request of the new device, and checks that its device ID is not in use.
    ///
    /// # Errors
    /// `qr.device_exists`; the error of the homeserver, if it did not say whether the device exists; `qr.…`,
    /// `transport.…`, `http.…`.
    pub fn begin(self, account: &Account, env: &mut dyn Env) -> Stage<AwaitingConsent> {
        let talk = self.talk;
        let timeout = talk.options.patience;
        let account = account.clone();
        let heard = match self.side {
            Side::Showed => talk.hear(timeout, env),
            Side::Scanned { .. } => {
                let protocols = Words::of(&[LoginProtocol::DeviceAuthorizationGrant]);
                talk.exchange(&Message::Protocols { protocols, homeserver: account.named.clone() }, timeout, env)
            }
        };
        then(heard, env, move |heard, env| {
            let Heard { talk, message } = heard?;
            let Message::Protocol(login) = message else { return talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env) };
            let options = talk.options;
            let waits = (Until::Known, options.interval, options.response);
            let Account { homeserver, access_token, .. } = &account;
            let probe = Probe::start(homeserver, access_token, login.device_id(), options.schemes, waits, env);
            then(probe, env, move |is_there, env| match is_there {
                Ok(false) => Ok(Step::Done(AwaitingConsent { login, homeserver: account.homeserver, talk })),
                Ok(true) => talk.fail(ErrorCode::QR_DEVICE_EXISTS, env),
                Err(error) => talk.fail(error, env),
            })
        })
    }
}

/// The new device requests a login. The user decides.
pub struct AwaitingConsent {
    login: DeviceLogin,
    homeserver: Homeserver,
    talk: Talk,
}

impl AwaitingConsent {
    /// The request of the new device: the page to open after the user has allowed the login here, and the device ID.
    pub fn login(&self) -> &DeviceLogin {
        &self.login
    }

    /// [`Progress::AskingUser`].
    pub fn progress(&self) -> Progress {
        Progress::AskingUser
    }

    /// The user has allowed the login. Tells the new device, and waits until it is logged in. Open the page for the
    /// user at the same time.
    ///
    /// # Errors
    /// `qr.peer_declined` if the user refused at the provider; `qr.peer_…`, `qr.…`, `transport.…`, `http.…`.
    pub fn allow(self, env: &mut dyn Env) -> Stage<Succeeded> {
        let Self { login, homeserver, talk } = self;
        let timeout = talk.options.patience;
        let step = talk.exchange(&Message::ProtocolAccepted, timeout, env);
        then(step, env, move |heard, env| {
            let Heard { talk, message } = heard?;
            match message {
                Message::Success => Ok(Step::Done(Succeeded { login, homeserver, talk })),
                _ => talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env),
            }
        })
    }

    /// The user has refused or cancelled. Tells the new device and deletes the rendezvous.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn refuse(self, env: &mut dyn Env) -> Stage<()> {
        self.talk.end().cancel(env)
    }
}

/// The new device says that it is logged in.
pub struct Succeeded {
    login: DeviceLogin,
    homeserver: Homeserver,
    talk: Talk,
}

impl Succeeded {
    /// [`Progress::SharingSecrets`].
    pub fn progress(&self) -> Progress {
        Progress::SharingSecrets
    }

    /// Checks that the homeserver knows the new device, then sends the secrets. The access token must be good.
    ///
    /// # Errors
    /// `qr.device_not_found`; the error of the homeserver, if it did not say whether the device exists; `qr.…`,
    /// `transport.…`, `http.…`.
    pub fn share(self, secrets: Secrets, access_token: &AccessToken, env: &mut dyn Env) -> Stage<()> {
        let Self { login, homeserver, talk } = self;
        let options = talk.options;
        let waits = (Until::Present, options.device_interval, options.device_patience);
        let probe = Probe::start(&homeserver, access_token, login.device_id(), options.schemes, waits, env);
        then(probe, env, move |is_there, env| match is_there {
            Ok(true) => talk.say_last(&Message::Secrets(secrets), env),
            Ok(false) => talk.fail(ErrorCode::QR_DEVICE_NOT_FOUND, env),
            Err(error) => talk.fail(error, env),
        })
    }

    /// Shares nothing: tells the new device and deletes the rendezvous. It stays logged in.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn refuse(self, env: &mut dyn Env) -> Stage<()> {
        self.talk.end().cancel(env)
    }
}

impl fmt::Debug for AwaitingConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitingConsent(…)")
    }
}

impl fmt::Debug for Succeeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Succeeded(…)")
    }
}
