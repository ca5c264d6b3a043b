//! Logging in with a QR code (MSC4108, and its draft successor MSC4388: [`Proposal`]): a new device
//! and a device that is signed in meet at a rendezvous, establish a secure channel, and the
//! signed-in device allows the login of the new device.
//!
//! Each device carries out a chain of flows. Each flow ends with a pause: a value that waits for the user or the
//! application. A method of the pause consumes it and returns the next flow.
//!
//! ```text
//! the new device, Login                                  the existing device, Grant
//!
//! show ─▶ Shown ─ wait ─▶ AwaitingCheckCode ─ confirm ─┐   ┌─── go_on ─ Scanned ◀─ scan
//!                                                      ├──▶┤                              either way round
//! scan ─▶ Scanned ─ go_on ─────────────────────────────┘   └─── confirm ─ AwaitingCheckCode ◀─ wait ─ Shown ◀─ show
//!                                                   Secured<R>
//! begin ──────────────────────────── (protocols) ◀────── begin
//!   AtHomeserver
//! ask ─────────────────────────────── protocol ────────▶    AwaitingConsent
//!                                protocol_accepted ◀──── allow
//!   Accepted
//! poll                          success, or declined, or failure
//!   LoggedIn
//! rest.succeed ────────────────────── success ─────────▶    Allowed::Succeeded
//!                                     secrets ◀───────── share
//! ```
//!
//! A rendezvous lasts for one minute at some servers, and the user may need longer at the provider. If it ends after
//! `protocol_accepted`, the login goes on: the new device gets its tokens, and `rest.succeed` fails with
//! `qr.without_secrets`; the existing device gets [`Allowed::Unreachable`] and asks the homeserver for the new device.
//! Each pause tells when the rendezvous ends.
//!
//! If something fails, the flow tells the other device if that is still possible, deletes the rendezvous, and then
//! returns the error. Every pause and every flow can be cancelled (see [`Stage`]).
//!
//! The new device, where the existing one shows the code:
//!
//! ```
//! use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient};
//! use oidc_proto::matrix::{Party, SupportCheck};
//! use oidc_proto::qr::{QrCode, LoggedIn, Login, Options, Secrets};
//! use oidc_proto::{Client, Env, Error, ProviderOptions, Schemes, Scope, TokenOutcome};
//!
//! fn log_in(
//!     scanned: &[u8],
//!     http: impl BlockingHttpClient,
//!     env: &mut impl Env,
//!     show: impl Fn(&str),
//!     keep: impl Fn(TokenOutcome),
//! ) -> Result<Secrets, Error> {
//!     let driver = BlockingDriver::new(http);
//!     let code = QrCode::from_bytes(scanned, Schemes::HttpsOnly)?;
//!     let scanned = driver.run(Login::scan(&code, Options::new(), env)?, env)?;
//!     show(&scanned.check_code().digits());
//!     let at = driver.run(scanned.go_on().begin(env)?, env)?;
//!
//!     // The flows of the Matrix profile and of the core, at the homeserver that the other device names.
//!     let support = SupportCheck::start(at.homeserver().address().clone(), ProviderOptions::new())?;
//!     let server = driver.run(support, env)?.support.supported()?;
//!     let party = Party::new(server, Client::new("app")).relying_party().clone();
//!     let scope = Scope::new("urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ")?;
//!     let pending = driver.run(party.authorize_device(scope, env)?, env)?;
//!
//!     let accepted = driver.run(at.ask(pending, "ABCDEFGHIJ", env)?, env)?;
//!     show(accepted.user_code());
//!     let LoggedIn { exchanged, rest, .. } = driver.run(accepted.poll(&party, env)?, env)?;
//!     keep(exchanged);
//!     driver.run(rest.succeed(env)?, env)
//! }
//! ```
//!
// | file | holds |
// |---|---|
// | `code/` `homeserver.rs` | [`QrCode`], [`NamedHomeserver`]: what one device shows and the other scans |
// | `channel/` | [`Generator`], [`Initiated`], [`Channel`]: the secure channel |
// | `message/` `secrets.rs` | [`Message`]: the messages between the devices |
// | `fields.rs` `lenient_base64.rs` | what the formats have in common |
// | `rendezvous/` | [`Rendezvous`]: a mailbox at a homeserver that holds one text |
// | `meet.rs` | [`Shown`], [`AwaitingCheckCode`], [`Scanned`], [`Secured`]: from a code to a secure channel |
// | `login.rs` `watch.rs` | [`Login`]: the new device |
// | `grant.rs` `account.rs` `probe.rs` | [`Grant`]: the existing device |
// | `redacted.rs` | `Debug` without secrets |
// | `proposal.rs` | [`Proposal`]: which of the two forms |
// | `dialog.rs` `closing.rs` `stage.rs` | what both devices share: messages, the end of a login, the sequence of flows |
// | `options.rs` | [`Options`], [`Progress`] |

mod account;
mod channel;
mod closing;
mod code;
pub(crate) mod codes;
mod dialog;
mod fields;
mod grant;
mod homeserver;
mod lenient_base64;
mod login;
mod meet;
mod message;
mod options;
mod probe;
mod proposal;
mod redacted;
pub mod rendezvous;
mod secrets;
mod stage;
mod watch;

pub use account::Account;
pub use channel::{
    AssociatedData, Channel, ChannelError, CheckCode, Generator, Initiated, LastMessage, MESSAGE_LIMIT, Unconfirmed,
};
pub use code::{CODE_LIMIT, CodeUrl, Intent, QrCode, RendezvousAddress, RendezvousId};
pub use grant::{Allowed, AwaitingConsent, Grant, Succeeded, Unreachable};
pub use homeserver::NamedHomeserver;
pub use login::{Accepted, AtHomeserver, LoggedIn, Login, NotConfirmed};
pub use meet::{AwaitingCheckCode, Role, Scanned, Secured, Shown};
pub use message::{DeviceAuthorizationGrant, Kind, LoginFailureReason, LoginProtocol, Message, Reason};
pub use options::{Options, Progress};
pub use proposal::Proposal;
pub use rendezvous::known::Rendezvous;
pub use rendezvous::options::RendezvousOptions;
pub use secrets::{Backup, CrossSigning, Secrets};
pub use stage::Stage;
