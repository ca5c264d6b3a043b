//! The new device: it logs in.
//!
//! ```text
//! Login::show or Login::scan ─▶ …  (meet.rs)  … ─▶ Secured
//!  └ begin ─▶ (if it showed the code: GET … protocols)
//!     └▶ AtHomeserver   the application discovers the provider, registers, asks for a device authorization
//!         └ ask ─▶ PUT protocol ─▶ GET … protocol_accepted
//!             └▶ Accepted   the user says yes at the provider
//!                 └ poll ─▶ POST token endpoint … ─┬─ refused ─▶ PUT declined ─▶ DELETE ─▶ device.access_denied
//!                           (watch.rs)             ├─ too late ─▶ PUT failure ─▶ DELETE ─▶ device.expired_token
//!                           GET rendezvous …       ├─ the other device gives up ─▶ DELETE ─▶ qr.peer_…
//!                     ┌────────────────────────────┘
//!                     └▶ LoggedIn   the tokens are the application's; it asks the homeserver who it is
//!                         └ succeed ─▶ PUT success ─▶ GET … secrets ─▶ DELETE ─▶ Done(Secrets)
//!                                      404: the rendezvous has ended ─▶ qr.without_secrets
//! ```
//!
//! The login is at the homeserver that the other device names. Another homeserver can have the rendezvous. Between two
//! stages, use the flows of the core and of the Matrix profile for discovery, registration and device authorization.

use super::code::{Intent, QrCode};
use super::dialog::{Heard, Talk};
use super::homeserver::NamedHomeserver;
use super::meet::{self, Role, Scanned, Secured, Shown, Side};
use super::message::{DeviceAuthorizationGrant, LoginProtocol, Message, Reason};
use super::options::{Options, Progress};
use super::redacted::redacted;
use super::rendezvous::Rendezvous;
use super::secrets::Secrets;
use super::stage::{Stage, expires_at, then};
use super::watch::{Outcome, Watch};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode, Quote};
use crate::flow::device::PendingDevice;
use crate::flow::token_outcome::TokenOutcome;
use crate::matrix::{Homeserver, UserId};
use crate::party::relying_party::RelyingParty;
use crate::step::Step;

/// The new device.
#[derive(Clone, Copy, Debug)]
pub struct Login;

impl meet::sealed::Sealed for Login {}

impl Role for Login {
    const INTENT: Intent = Intent::Login;
}

impl Login {
    /// Makes a code for the existing device to scan, with a rendezvous at this homeserver. The login can be at another
    /// homeserver.
    ///
    /// # Errors
    /// `qr.rendezvous_…`, `url.…`, `transport.…`, `http.…`, `json.…`.
    pub fn show(rendezvous_at: &Homeserver, options: Options, env: &mut dyn Env) -> Stage<Shown<Self>> {
        meet::show(Rendezvous::create(rendezvous_at, options.rendezvous()), None, options, env)
    }

    /// Responds to the code that the existing device shows.
    ///
    /// # Errors
    /// `qr.other_not_signed_in` if that is a new device, too; `qr.channel_…`, `qr.rendezvous_…`, `qr.timeout`,
    /// `transport.…`, `http.…`.
    pub fn scan(code: &QrCode, options: Options, env: &mut dyn Env) -> Stage<Scanned<Self>> {
        meet::scan(code, options, env)
    }
}

impl Secured<Login> {
    /// Gets the homeserver to log in at: from the code if this device scanned it, otherwise from the other device.
    ///
    /// # Errors
    /// `qr.…`, `transport.…`, `http.…`.
    pub fn begin(self, env: &mut dyn Env) -> Stage<AtHomeserver> {
        let talk = self.talk;
        if let Side::Scanned { homeserver: Some(homeserver) } = self.side {
            return Ok(Step::Done(AtHomeserver { homeserver, talk }));
        }
        let timeout = talk.options.patience;
        let step = talk.hear(timeout, env);
        then(step, env, |heard, env| {
            let Heard { talk, message } = heard?;
            match message {
                Message::Protocols { protocols, homeserver } => {
                    if !protocols.contains(LoginProtocol::DeviceAuthorizationGrant) {
                        return talk.fail(ErrorCode::QR_UNSUPPORTED_PROTOCOL, env);
                    }
                    Ok(Step::Done(AtHomeserver { homeserver, talk }))
                }
                _ => talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env),
            }
        })
    }
}

/// The homeserver is known. Now find its provider, register a client, and request a device authorization.
pub struct AtHomeserver {
    homeserver: NamedHomeserver,
    talk: Talk,
}

impl AtHomeserver {
    /// Where to log in.
    pub fn homeserver(&self) -> &NamedHomeserver {
        &self.homeserver
    }

    expires_at!(self, self.talk.rendezvous);

    /// [`Progress::StartingLogin`].
    pub fn progress(&self) -> Progress {
        Progress::StartingLogin
    }

    /// Sends to the other device the page where the user allows the login, and waits until that
    /// device accepts.
    ///
    /// The device ID is the one in the scope of the device authorization: the other device looks for it later.
    ///
    /// # Errors
    /// `qr.message` if the device ID or a URL cannot be sent to the other device; `qr.…`, `transport.…`, `http.…`.
    pub fn ask(self, pending: PendingDevice, device_id: &str, env: &mut dyn Env) -> Stage<Accepted> {
        let talk = self.talk;
        let (uri, complete) = (pending.verification_uri(), pending.verification_uri_complete());
        let login = match DeviceAuthorizationGrant::new(uri, complete, device_id, talk.options.schemes) {
            Ok(login) => login,
            Err(error) => return talk.fail(error, env),
        };
        let timeout = talk.options.patience;
        let step = talk.exchange(&Message::Protocol(login), timeout, env);
        then(step, env, |heard, env| {
            let Heard { talk, message } = heard?;
            match message {
                Message::ProtocolAccepted => Ok(Step::Done(Accepted { pending, talk })),
                _ => talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env),
            }
        })
    }

    /// Gives up and tells the other device the reason, for example that the provider has no device authorization
    /// endpoint: [`Reason::of`] an error.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn give_up(self, reason: impl Into<Reason>, env: &mut dyn Env) -> Stage<()> {
        self.talk.end().give_up(reason, env)
    }
}

/// The other device shows the user the page where they allow the login.
pub struct Accepted {
    pending: PendingDevice,
    talk: Talk,
}

impl Accepted {
    /// The user code, which the user compares or types in.
    pub fn user_code(&self) -> &str {
        self.pending.user_code()
    }

    expires_at!(self, self.talk.rendezvous);

    /// [`Progress::WaitingForUser`].
    pub fn progress(&self) -> Progress {
        Progress::WaitingForUser
    }

    /// Waits for the user's decision, and looks at the rendezvous meanwhile: the user may cancel on the other device.
    ///
    /// # Errors
    /// `device.access_denied` and `device.expired_token`, which are also sent to the other device; the other errors of
    /// [`RelyingParty::poll_device`](crate::RelyingParty::poll_device) and its flow; `qr.peer_cancelled` and other
    /// `qr.…`, `transport.…`, `http.…`.
    pub fn poll(self, party: &RelyingParty, env: &mut dyn Env) -> Stage<LoggedIn> {
        let Self { pending, talk } = self;
        let polling = match party.poll_device(pending, env) {
            Ok(polling) => polling,
            Err(error) => return talk.fail(error, env),
        };
        let watch = Watch::start(polling, talk, env);
        then(watch, env, |outcome, env| match outcome? {
            Outcome::Decided(talk, Ok(exchanged)) => {
                Ok(Step::Done(LoggedIn { exchanged, rest: NotConfirmed { talk, user_id: None } }))
            }
            Outcome::Decided(talk, Err(error)) => talk.fail(error, env),
            Outcome::Spoken(talk, received) => {
                let heard = talk.read(received, env);
                then(heard, env, |heard, env| heard?.talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env))
            }
        })
    }

    /// Gives up and tells the other device the reason.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn give_up(self, reason: impl Into<Reason>, env: &mut dyn Env) -> Stage<()> {
        self.talk.end().give_up(reason, env)
    }
}

/// The tokens, and the rest of the login. The application owns the tokens from now on.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    /// The tokens.
    pub exchanged: TokenOutcome,
    /// Continues the login, after the homeserver has confirmed whose the tokens are.
    pub rest: NotConfirmed,
}

/// The other device does not know yet that the login succeeded.
pub struct NotConfirmed {
    talk: Talk,
    user_id: Option<UserId>,
}

impl NotConfirmed {
    expires_at!(self, self.talk.rendezvous);

    /// [`Progress::SharingSecrets`].
    pub fn progress(&self) -> Progress {
        Progress::SharingSecrets
    }

    /// Sets whom this device is logged in as. Errors name the user: the other device may belong to another.
    #[must_use]
    pub fn of_user(self, user_id: UserId) -> Self {
        Self { user_id: Some(user_id), ..self }
    }

    /// Tells the other device, waits for the secrets, and deletes the rendezvous.
    ///
    /// # Errors
    /// `qr.without_secrets` if the rendezvous has ended; `qr.peer_device_not_found` if the other
    /// device does not find this one at the homeserver, also because another user has allowed the
    /// login; `qr.…`, `transport.…`, `http.…`. After each of these errors this device is still
    /// logged in, without secrets. Keep the login, even if [`Error::hint`](crate::Error::hint) or
    /// [`Error::recovery`](crate::Error::recovery) says to start again.
    pub fn succeed(self, env: &mut dyn Env) -> Stage<Secrets> {
        let Self { talk, user_id } = self;
        let timeout = talk.options.response;
        let step = talk.exchange(&Message::Success, timeout, env);
        then(step, env, move |heard, env| {
            let Heard { talk, message } = heard.map_err(|error| without_secrets(error, user_id.as_ref()))?;
            match message {
                // That the box could not be deleted is no reason to lose what was in it.
                Message::Secrets(secrets) => then(Ok(talk.rendezvous.delete()), env, |_, _| Ok(Step::Done(secrets))),
                _ => talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env),
            }
        })
    }

    /// Gives up and tells the other device the reason, for example because the ID token is wrong or the tokens are for
    /// another user.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn give_up(self, reason: impl Into<Reason>, env: &mut dyn Env) -> Stage<()> {
        self.talk.end().give_up(reason, env)
    }
}

/// Why there are no secrets, where this device is logged in all the same.
fn without_secrets(error: Error, user_id: Option<&UserId>) -> Error {
    match (error.code(), user_id) {
        (ErrorCode::QR_RENDEZVOUS_EXPIRED, _) => Error::new(ErrorCode::QR_WITHOUT_SECRETS).with_source(error).settled(),
        (ErrorCode::QR_PEER_DEVICE_NOT_FOUND, Some(user_id)) => error
            .with_found(Quote::library(user_id))
            .with_hint(format!("This device is logged in as {user_id}. The other device may belong to another user.")),
        _ => error,
    }
}

redacted!(AtHomeserver Accepted NotConfirmed);
