//! How a login ends before its time: the other device is told why, and the rendezvous is deleted.
//!
//! ```text
//!                                        ┌─ 412: look, once more ─┐
//! close ─▶ Wait(linger) ─▶ PUT m.login.failure ────────────────────┴▶ Wait(linger) ─▶ DELETE ─▶ the error
//!    │     what was said     what cannot be read without                                 │
//!    │     before is read    what was said before                                        │
//!    └────── nothing to say, or nobody to hear it ────────────────────────────────────────┘
//! ```

use std::time::Duration;

use super::channel::Farewell;
use super::message::{FailureReason, Message, Reason};
use super::options::Options;
use super::rendezvous::{Delivery, Rendezvous};
use super::stage::{Pause, Stage, then};
use crate::env::Env;
use crate::error::{Code, Error};
use crate::step::Step;

/// How long it is tried to tell the other device.
const TELLING: Duration = Duration::from_secs(10);

/// What is left of a login.
pub(super) struct End {
    pub(super) rendezvous: Rendezvous,
    /// To tell the other device, if it could read it.
    pub(super) farewell: Option<Farewell>,
    pub(super) options: Options,
}

impl End {
    /// Tells the other device and deletes the rendezvous; then the error.
    pub(super) fn close<T: 'static>(self, why: Error, env: &mut dyn Env) -> Stage<T> {
        let why = cancelled(why);
        let Self { rendezvous, farewell, options } = self;
        let told = last_words(&why).zip(farewell);
        match told.and_then(|(message, farewell)| farewell.seal(message.to_json().expose()).ok()) {
            Some(text) => match rendezvous.unread_since.map(|since| since.saturating_add(options.linger)) {
                Some(until) => {
                    then(Ok(Pause::until(until)), env, move |_, env| tell(rendezvous, text, true, options, why, env))
                }
                None => tell(rendezvous, text, true, options, why, env),
            },
            None => delete(rendezvous, why, env),
        }
    }

    /// The same where the caller knows why.
    pub(super) fn cancel(self, env: &mut dyn Env) -> Stage<()> {
        self.give_up(Code::QrCancelled.into(), env)
    }

    pub(super) fn give_up(self, why: Error, env: &mut dyn Env) -> Stage<()> {
        then(self.close::<()>(why, env), env, |_, _| Ok(Step::Done(())))
    }
}

/// That the driver gave up means that the user did.
pub(super) fn cancelled(why: Error) -> Error {
    match why.code() {
        Code::TransportCancelled => Error::new(Code::QrCancelled).with_source(why),
        _ => why,
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
            let until = env.ticks().saturating_add(options.linger);
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
    let reason = match why.code() {
        Code::QrCancelled | Code::QrCheckCode => FailureReason::UserCancelled,
        Code::DeviceDenied => return Some(Message::Declined),
        Code::DeviceExpired => FailureReason::AuthorizationExpired,
        Code::QrDeviceExists => FailureReason::DeviceAlreadyExists,
        Code::QrDeviceNotFound => FailureReason::DeviceNotFound,
        Code::QrUnsupportedProtocol => FailureReason::UnsupportedProtocol,
        Code::QrMessage
        | Code::QrUnexpectedMessage
        | Code::QrChannelMalformed
        | Code::QrChannelDecryption
        | Code::QrChannelGreeting => FailureReason::UnexpectedMessageReceived,
        Code::QrRendezvousExpired => return None,
        code if code.as_str().starts_with("qr.peer_") => return None,
        // The standard has no word for the rest.
        _ => return Some(Message::Failure { reason: Reason::Custom("internal_error".into()), homeserver: None }),
    };
    Some(reason.into())
}
