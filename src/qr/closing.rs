//! How a login ends before its time: the other device is told why, and the rendezvous is deleted.
//!
//! ```text
//!                                        ┌─ 412: look, once more ─┐   (MSC4108)
//! close ─▶ Wait(linger) ─▶ PUT m.login.failure ────────────────────┴▶ Wait(linger) ─▶ DELETE ─▶ the error
//!    │     what was said     what cannot be read without                                 │
//!    │     before is read    what was said before (MSC4388: GET before the PUT)          │
//!    └────── nothing to say, or nobody to hear it ────────────────────────────────────────┘
//! ```

use std::time::Duration;

use super::channel::LastMessage;
use super::message::{LoginFailureReason, Message, Reason};
use super::options::Options;
use super::proposal::Proposal;
use super::rendezvous::{Delivery, Rendezvous};
use super::stage::{Pause, Stage, then};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode, Family};
use crate::step::Step;

/// How long it is tried to tell the other device.
const TELLING: Duration = Duration::from_secs(10);

/// What is left of a login.
pub(super) struct End {
    pub(super) rendezvous: Rendezvous,
    /// To tell the other device, if it could read it.
    pub(super) last_message: Option<LastMessage>,
    pub(super) options: Options,
}

impl End {
    /// Tells the other device and deletes the rendezvous; then the error.
    pub(super) fn close<T: 'static>(self, why: Error, env: &mut dyn Env) -> Stage<T> {
        // No response that comes from now on belongs to this error.
        let why = cancelled(why).settled();
        self.part(last_words(&why), why, env)
    }

    fn part<T: 'static>(self, message: Option<Message>, why: Error, env: &mut dyn Env) -> Stage<T> {
        let Self { rendezvous, last_message, options } = self;
        let Some((message, last_message)) = message.zip(last_message) else {
            return delete(rendezvous, why, env);
        };
        let parting = Parting { last_message, message, options };
        match rendezvous.unread_since.map(|since| since.saturating_add(options.linger)) {
            Some(until) => then(Ok(Pause::until(until)), env, move |_, env| parting.begin(rendezvous, why, env)),
            None => parting.begin(rendezvous, why, env),
        }
    }

    /// The same where the caller knows why.
    pub(super) fn cancel(self, env: &mut dyn Env) -> Stage<()> {
        self.give_up(LoginFailureReason::UserCancelled, env)
    }

    pub(super) fn give_up(self, reason: impl Into<Reason>, env: &mut dyn Env) -> Stage<()> {
        let message = Message::Failure { reason: reason.into(), homeserver: None };
        let parted = self.part::<()>(Some(message), ErrorCode::QR_CANCELLED.into(), env);
        then(parted, env, |_, _| Ok(Step::Done(())))
    }

    /// Deletes the rendezvous without a word.
    pub(super) fn leave(self, env: &mut dyn Env) -> Stage<()> {
        then(Ok(self.rendezvous.delete()), env, |_, _| Ok(Step::Done(())))
    }
}

/// That the driver gave up means that the user did.
pub(super) fn cancelled(why: Error) -> Error {
    match why.code() {
        ErrorCode::TRANSPORT_CANCELLED => Error::new(ErrorCode::QR_CANCELLED).with_source(why),
        _ => why,
    }
}

/// What the other device is still to be told.
struct Parting {
    last_message: LastMessage,
    message: Message,
    options: Options,
}

impl Parting {
    fn begin<T: 'static>(self, rendezvous: Rendezvous, why: Error, env: &mut dyn Env) -> Stage<T> {
        match rendezvous.proposal() {
            Proposal::Msc4108 => self.tell(rendezvous, true, why, env),
            // What is bound to another state than the last one cannot be read: this device looks which one that is.
            Proposal::Msc4388 => {
                let last_seen = rendezvous.clone();
                let step = rendezvous.receive(Duration::ZERO, env);
                then(Ok(step), env, move |received, env| match received {
                    Ok(received) => self.tell(received.rendezvous, false, why, env),
                    Err(error) if error.code() == ErrorCode::QR_RENDEZVOUS_EXPIRED => Err(why),
                    Err(_) => self.tell(last_seen, false, why, env),
                })
            }
        }
    }

    fn tell<T: 'static>(self, rendezvous: Rendezvous, once_more: bool, why: Error, env: &mut dyn Env) -> Stage<T> {
        let Self { last_message, message, options } = self;
        match last_message.seal(message.to_json_of(rendezvous.proposal()).expose(), &rendezvous.binding()) {
            Ok(text) => tell(rendezvous, text, once_more, options, why, env),
            Err(_) => delete(rendezvous, why, env),
        }
    }
}

fn tell<T: 'static>(
    rendezvous: Rendezvous,
    text: String,
    once_more: bool,
    options: Options,
    why: Error,
    env: &mut dyn Env,
) -> Stage<T> {
    let last_seen = rendezvous.clone();
    let step = rendezvous.send(&text, TELLING, env);
    then(Ok(step), env, move |delivery, env| match delivery {
        Ok(Delivery::Delivered(rendezvous) | Delivery::Uncertain(rendezvous)) => {
            let until = env.monotonic().saturating_add(options.linger);
            then(Ok(Pause::until(until)), env, move |_, env| delete(rendezvous, why, env))
        }
        // The other device has written, to no avail: the same text goes over it.
        Ok(Delivery::Overtaken(rendezvous)) if once_more => {
            let step = rendezvous.receive(options.linger, env);
            then(Ok(step), env, move |received, env| match received {
                Ok(received) => tell(received.rendezvous, text, false, options, why, env),
                Err(_) => delete(last_seen, why, env),
            })
        }
        Ok(Delivery::Overtaken(_)) | Err(_) => delete(last_seen, why, env),
    })
}

fn delete<T: 'static>(rendezvous: Rendezvous, why: Error, env: &mut dyn Env) -> Stage<T> {
    // If it cannot be deleted now, it expires.
    then(Ok(rendezvous.delete()), env, move |_, _| Err(why))
}

/// What the other device has to know. Nothing if it said so itself, or cannot be there.
fn last_words(why: &Error) -> Option<Message> {
    match why.code() {
        ErrorCode::DEVICE_ACCESS_DENIED => Some(Message::Declined),
        ErrorCode::QR_RENDEZVOUS_EXPIRED => None,
        code if code.family() == Family::Peer => None,
        _ => Some(Message::Failure { reason: Reason::of(why), homeserver: None }),
    }
}

impl Reason {
    /// What to tell the other device of this error. The standard has no word for most: then it is `internal_error`.
    pub fn of(error: &Error) -> Self {
        let reason = match error.code() {
            ErrorCode::QR_CANCELLED | ErrorCode::QR_CHECK_CODE_MISMATCH | ErrorCode::TRANSPORT_CANCELLED => {
                LoginFailureReason::UserCancelled
            }
            ErrorCode::DEVICE_EXPIRED_TOKEN => LoginFailureReason::AuthorizationExpired,
            ErrorCode::QR_DEVICE_EXISTS => LoginFailureReason::DeviceAlreadyExists,
            ErrorCode::QR_DEVICE_NOT_FOUND => LoginFailureReason::DeviceNotFound,
            ErrorCode::QR_MESSAGE
            | ErrorCode::QR_UNEXPECTED_MESSAGE
            | ErrorCode::QR_CHANNEL_MALFORMED
            | ErrorCode::QR_CHANNEL_DECRYPTION
            | ErrorCode::QR_CHANNEL_GREETING => LoginFailureReason::UnexpectedMessageReceived,
            // The homeserver or its provider lacks what this login needs.
            code if code.family() == Family::Unsupported => LoginFailureReason::UnsupportedProtocol,
            _ => return Self::Custom("internal_error".into()),
        };
        reason.into()
    }
}
