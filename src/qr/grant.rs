//! The existing device, which logs in the new device.
//!
//! ```text
//! Grant::show or Grant::scan ─▶ …  (meet.rs)  … ─▶ Secured
//!  └ begin ─▶ (if it scanned the code: PUT protocols) ─▶ GET … protocol ─▶ GET /devices/{id}
//!     │                                              there already: PUT failure ─▶ DELETE ─▶ qr.device_exists
//!     └▶ AwaitingConsent   the user is asked whether the new device may log in
//!         ├ refuse ─▶ PUT failure ─▶ DELETE
//!         └ allow ─▶ PUT protocol_accepted ─▶ GET … success
//!             │                                      declined, failure: DELETE ─▶ qr.peer_…
//!             ├▶ Succeeded   the new device says that it is logged in
//!             │   └ share(secrets) ─▶ GET /devices/{id} until it is there ─▶ PUT secrets ─▶ Done
//!             │                                      not there in time: PUT failure ─▶ DELETE ─▶ qr.device_not_found
//!             └▶ Unreachable   the rendezvous has ended, and the new device may still log in
//!                 └ find ─▶ GET /devices/{id} until it is there ─▶ Done
//!                                                    not there in time: qr.device_not_found
//! ```
//!
//! This device sends the secrets only if the check code was right (or this device scanned the code), the user has
//! allowed the login on this device, and the homeserver knows the new device. The new device deletes the rendezvous
//! when it has read them.

use std::time::Duration;

use super::account::Account;
use super::closing::cancelled;
use super::code::{Intent, QrCode};
use super::dialog::{Heard, Talk};
use super::meet::{self, Role, Scanned, Secured, Shown, Side};
use super::message::{DeviceAuthorizationGrant, LoginProtocol, Message};
use super::options::{Options, Progress};
use super::probe::{Probe, Until};
use super::redacted::redacted;
use super::secrets::Secrets;
use super::stage::{Stage, expires_at, then};
use crate::base::env::Env;
use crate::base::word_set::Words;
use crate::error::{Error, ErrorCode, Quote};
use crate::step::Step;

/// The existing device.
#[derive(Clone, Copy, Debug)]
pub struct Grant;

impl meet::sealed::Sealed for Grant {}

impl Role for Grant {
    const INTENT: Intent = Intent::Reciprocate;
}

impl Grant {
    /// Makes a code for the new device to scan, with a rendezvous at this device's homeserver.
    ///
    /// # Errors
    /// `qr.rendezvous_…`, `url.…`, `transport.…`, `http.…`, `json.…`; those of
    /// [`RelyingParty::call`](crate::RelyingParty::call) where the access token is sent along (MSC4388).
    pub fn show(account: &Account, options: Options, env: &mut dyn Env) -> Stage<Shown<Self>> {
        let creation = account.create(options.rendezvous(), env);
        meet::show(creation, Some(account.homeserver_name().clone()), options, env)
    }

    /// Responds to the code that the new device shows.
    ///
    /// # Errors
    /// `qr.other_signed_in` if that is an existing device, too; `qr.channel_…`, `qr.rendezvous_…`, `qr.timeout`,
    /// `transport.…`, `http.…`.
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
                let homeserver = account.homeserver_name().clone();
                talk.exchange(&Message::Protocols { protocols, homeserver }, timeout, env)
            }
        };
        then(heard, env, move |heard, env| {
            let Heard { talk, message } = heard?;
            let Message::Protocol(login) = message else { return talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env) };
            let options = talk.options;
            let waits = (Until::Known, options.interval, options.response);
            let probe = Probe::start(&account, login.device_id(), waits, env);
            then(probe, env, move |is_there, env| match is_there {
                Ok(false) => Ok(Step::Done(AwaitingConsent { login, talk })),
                Ok(true) => talk.fail(ErrorCode::QR_DEVICE_EXISTS, env),
                Err(error) => talk.fail(error, env),
            })
        })
    }
}

/// The new device requests a login. The user decides.
pub struct AwaitingConsent {
    login: DeviceAuthorizationGrant,
    talk: Talk,
}

impl AwaitingConsent {
    /// The request of the new device: the page to open after the user has allowed the login here, and the device ID.
    pub fn login(&self) -> &DeviceAuthorizationGrant {
        &self.login
    }

    expires_at!(self, self.talk.rendezvous);

    /// [`Progress::AskingUser`].
    pub fn progress(&self) -> Progress {
        Progress::AskingUser
    }

    /// The user has allowed the login. Tells the new device, and waits until it is logged in. Open the page for the
    /// user at the same time.
    ///
    /// # Errors
    /// `qr.peer_declined` if the user refused at the provider; `qr.peer_…`, `qr.…`, `transport.…`, `http.…`.
    pub fn allow(self, env: &mut dyn Env) -> Stage<Allowed> {
        let Self { login, talk } = self;
        let timeout = talk.options.patience;
        let step = talk.say(&Message::ProtocolAccepted, env);
        then(step, env, move |talk, env| {
            let talk = talk?;
            let options = talk.options;
            let step = talk.hear(timeout, env);
            then(step, env, move |heard, env| match heard {
                Ok(Heard { talk, message: Message::Success }) => {
                    Ok(Step::Done(Allowed::Succeeded(Succeeded { login, talk: talk.into() })))
                }
                Ok(Heard { talk, .. }) => talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env),
                // The new device knows that it may log in, and goes on.
                Err(error) if error.code() == ErrorCode::QR_RENDEZVOUS_EXPIRED => {
                    Ok(Step::Done(Allowed::Unreachable(Unreachable { login, options })))
                }
                Err(error) => Err(error),
            })
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

/// What became of the new device after it was told that it may log in.
///
/// Exhaustive: it says that it is logged in, or it can say nothing any more.
#[derive(Debug)]
pub enum Allowed {
    /// The new device says that it is logged in.
    Succeeded(Succeeded),
    /// The rendezvous has ended. The new device can still log in, without the secrets.
    Unreachable(Unreachable),
}

/// The new device says that it is logged in.
pub struct Succeeded {
    login: DeviceAuthorizationGrant,
    talk: Box<Talk>,
}

impl Succeeded {
    expires_at!(self, self.talk.rendezvous);

    /// [`Progress::SharingSecrets`].
    pub fn progress(&self) -> Progress {
        Progress::SharingSecrets
    }

    /// Checks that the homeserver knows the new device, then sends the secrets. The access token must be good.
    ///
    /// # Errors
    /// `qr.device_not_found`, also if another user has allowed the login; the error of the
    /// homeserver, if it did not say whether the device exists; `qr.rendezvous_expired` if the
    /// secrets did not arrive in time: the new device stays logged in; other `qr.…`, `transport.…`,
    /// `http.…`.
    pub fn share(self, secrets: Secrets, account: &Account, env: &mut dyn Env) -> Stage<()> {
        self.when_found(account, env, |talk, env| talk.say_last(&Message::Secrets(secrets), env))
    }

    /// Checks that the homeserver knows the new device, and shares nothing, for an account without secrets: the new
    /// device stays logged in, and hears no more (`qr.without_secrets`). The access token must be good.
    ///
    /// # Errors
    /// As [`Succeeded::share`].
    pub fn share_nothing(self, account: &Account, env: &mut dyn Env) -> Stage<()> {
        self.when_found(account, env, |talk, env| talk.end().leave(env))
    }

    fn when_found(
        self,
        account: &Account,
        env: &mut dyn Env,
        next: impl FnOnce(Talk, &mut dyn Env) -> Stage<()> + Send + Sync + 'static,
    ) -> Stage<()> {
        let Self { login, talk } = self;
        let options = talk.options;
        let waits = (Until::Present, options.device_interval, options.device_patience);
        let probe = Probe::start(account, login.device_id(), waits, env);
        let not_found = not_found(account, &login);
        then(probe, env, move |is_there, env| match is_there {
            Ok(true) => next(*talk, env),
            Ok(false) => talk.fail(not_found, env),
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

/// The rendezvous has ended, and the new device has not said yet whether it is logged in.
pub struct Unreachable {
    login: DeviceAuthorizationGrant,
    options: Options,
}

impl Unreachable {
    /// [`Progress::FindingDevice`].
    pub fn progress(&self) -> Progress {
        Progress::FindingDevice
    }

    /// Asks the homeserver for the new device until it is there, for at most the time of
    /// [`Options::with_patience`]. Pass an account with new tokens.
    ///
    /// # Errors
    /// `qr.device_not_found` if the new device is not logged in, or another user has allowed its
    /// login; the error of the homeserver, if it did not say whether the device exists;
    /// `qr.cancelled`, `transport.…`, `http.…`.
    pub fn find(self, account: &Account, env: &mut dyn Env) -> Stage<()> {
        let Self { login, options } = self;
        let waits = (Until::Present, options.device_interval.max(FINDING), options.patience);
        let probe = Probe::start(account, login.device_id(), waits, env);
        let not_found = not_found(account, &login);
        then(probe, env, move |is_there, _| match is_there {
            Ok(true) => Ok(Step::Done(())),
            Ok(false) => Err(not_found.with_source(Error::new(ErrorCode::QR_RENDEZVOUS_EXPIRED))),
            Err(error) => Err(cancelled(error)),
        })
    }
}

/// The pause between two looks for a device whose user is at the provider.
const FINDING: Duration = Duration::from_secs(2);

/// Names the device, and the user who should have it.
fn not_found(account: &Account, login: &DeviceAuthorizationGrant) -> Error {
    let error = Error::new(ErrorCode::QR_DEVICE_NOT_FOUND).with_found(Quote::library(login.device_id()));
    match account.user_id() {
        Some(user_id) => error.with_expected(Quote::caller(user_id.as_str())).with_hint(format!(
            "Another user than {user_id} may have allowed the login. Then the new device belongs to that other user."
        )),
        None => error,
    }
}

redacted!(AwaitingConsent Succeeded Unreachable);
