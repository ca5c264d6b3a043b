//! How the two devices get a secure channel: one device shows a code, and the other device scans it.
//!
//! ```text
//! this device shows                               this device scans
//!
//! show ─▶ POST rendezvous                         scan(code) ─▶ GET rendezvous
//!  └▶ Shown      the user scans it there            ├─ PUT first text
//!      └ wait ─▶ GET … first text                   └─ GET … response
//!          └─ PUT response                              └▶ Scanned   the user types its check code in there
//!              └▶ AwaitingCheckCode   the user types in               └ go_on ─▶ Secured
//!                  └ confirm(check code) ─▶ Secured
//! ```
//!
//! Each name in this diagram is a pause: a value that waits for the user. If a flow between two pauses fails, it tells
//! the other device the reason (if there is a channel) and deletes the rendezvous.

use std::marker::PhantomData;

use super::channel::{ChannelError, CheckCode, Generator, Initiated, Unconfirmed};
use super::closing::{End, cancelled};
use super::code::{Intent, QrCode};
use super::dialog::Talk;
use super::homeserver::NamedHomeserver;
use super::options::{Options, Progress};
use super::redacted::redacted;
use super::rendezvous::{Creation, Delivery, Rendezvous};
use super::stage::{Stage, expires_at, then};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::step::Step;

pub(super) mod sealed {
    pub trait Sealed {}
}

/// Which of the two devices this is: [`Login`](super::Login), the new one, or [`Grant`](super::Grant), which is signed
/// in.
pub trait Role: sealed::Sealed + Send + Sync + 'static {
    /// What it says in its code.
    const INTENT: Intent;
}

/// A code to be shown.
pub struct Shown<R> {
    code: QrCode,
    generator: Generator,
    end: End,
    role: PhantomData<fn() -> R>,
}

pub(super) fn show<R: Role>(
    creation: Result<Step<Creation>, Error>,
    homeserver: Option<NamedHomeserver>,
    options: Options,
    env: &mut dyn Env,
) -> Stage<Shown<R>> {
    then(creation, env, move |made, env| {
        let rendezvous = made.map_err(cancelled)?;
        let generator = Generator::new(rendezvous.proposal(), env);
        let code = rendezvous.code(*generator.public_key(), homeserver);
        let end = End { rendezvous, last_message: None, options };
        Ok(Step::Done(Shown { code, generator, end, role: PhantomData }))
    })
}

impl<R: Role> Shown<R> {
    /// The code to show.
    pub fn code(&self) -> &QrCode {
        &self.code
    }

    expires_at!(self, self.end.rendezvous);

    /// [`Progress::ShowingCode`].
    pub fn progress(&self) -> Progress {
        Progress::ShowingCode
    }

    /// Waits until the other device has scanned the code.
    ///
    /// # Errors
    /// `qr.timeout`, `qr.channel_…`, `qr.rendezvous_…`, `qr.unexpected_message`, `qr.cancelled`, `transport.…`,
    /// `http.…`.
    pub fn wait(self, env: &mut dyn Env) -> Stage<AwaitingCheckCode<R>> {
        let Self { generator, mut end, .. } = self;
        let step = end.rendezvous.clone().receive(end.options.patience, env);
        then(Ok(step), env, move |received, env| {
            let (unconfirmed, response) = match received.and_then(|received| {
                end.rendezvous = received.rendezvous;
                generator.receive(&received.text, &received.binding, &end.rendezvous.binding(), env)
            }) {
                Ok(received) => received,
                Err(error) => return end.close(error, env),
            };
            let step = end.rendezvous.clone().send(&response, end.options.response, env);
            then(Ok(step), env, move |delivery, env| match delivery {
                Ok(Delivery::Delivered(rendezvous) | Delivery::Uncertain(rendezvous)) => {
                    end.rendezvous = rendezvous;
                    Ok(Step::Done(AwaitingCheckCode { unconfirmed, end, role: PhantomData }))
                }
                Ok(Delivery::Overtaken(_)) => end.close(ErrorCode::QR_UNEXPECTED_MESSAGE.into(), env),
                Err(error) => end.close(error, env),
            })
        })
    }

    /// Deletes the rendezvous.
    ///
    /// # Errors
    /// None: what cannot be deleted expires.
    pub fn cancel(self, env: &mut dyn Env) -> Stage<()> {
        self.end.cancel(env)
    }
}

/// A code that was scanned. The other device is not verified until the user has typed in the check code.
pub struct AwaitingCheckCode<R> {
    unconfirmed: Unconfirmed,
    end: End,
    role: PhantomData<fn() -> R>,
}

impl<R: Role> AwaitingCheckCode<R> {
    expires_at!(self, self.end.rendezvous);

    /// [`Progress::EnteringCheckCode`].
    pub fn progress(&self) -> Progress {
        Progress::EnteringCheckCode
    }

    /// Compares the check code that the user typed in. There is one try.
    ///
    /// # Errors
    /// `qr.check_code_mismatch`.
    pub fn confirm(self, typed: &CheckCode, env: &mut dyn Env) -> Stage<Secured<R>> {
        let End { rendezvous, options, .. } = self.end;
        match self.unconfirmed.confirm(typed) {
            Ok(channel) => {
                let talk = Talk { rendezvous, channel, options };
                Ok(Step::Done(Secured { talk, side: Side::Showed, role: PhantomData }))
            }
            Err(ChannelError { error, last_message }) => {
                End { rendezvous, last_message: Some(last_message), options }.close(error, env)
            }
        }
    }

    /// Tells the other device and deletes the rendezvous.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn cancel(self, env: &mut dyn Env) -> Stage<()> {
        End { last_message: Some(self.unconfirmed.give_up()), ..self.end }.cancel(env)
    }
}

/// This device scanned the code, and the other device responded, which proves that it has the code's private key. The
/// other device has not verified this device yet: the user types in the check code there.
pub struct Scanned<R> {
    check_code: CheckCode,
    secured: Secured<R>,
}

pub(super) fn scan<R: Role>(code: &QrCode, options: Options, env: &mut dyn Env) -> Stage<Scanned<R>> {
    code.check_scanned_by(R::INTENT)?;
    let code = code.clone();
    let step = Rendezvous::join(&code, options.rendezvous(), options.response, env);
    then(Ok(step), env, move |joined, env| {
        let joined = match joined {
            Ok(joined) => joined,
            // Whoever waits there need not wait any longer.
            Err(error) => return then(Ok(Rendezvous::delete_at(&code)), env, |_, _| Err(cancelled(error))),
        };
        let mut end = End { rendezvous: joined, last_message: None, options };
        let binding = end.rendezvous.binding();
        let (initiated, first) = match Initiated::new(code.proposal(), code.public_key(), &binding, env) {
            Ok(initiated) => initiated,
            Err(error) => return end.close(error, env),
        };
        let step = end.rendezvous.clone().send(&first, options.response, env);
        then(Ok(step), env, move |delivery, env| {
            match delivery {
                // What the box has by now is the response, or it cannot be read.
                Ok(Delivery::Delivered(rendezvous) | Delivery::Uncertain(rendezvous)) => end.rendezvous = rendezvous,
                Ok(Delivery::Overtaken(_)) => return end.close(ErrorCode::QR_RENDEZVOUS_USED.into(), env),
                Err(error) => return end.close(error, env),
            }
            let step = end.rendezvous.clone().receive(options.response, env);
            then(Ok(step), env, move |received, env| {
                let received = match received {
                    Ok(received) => received,
                    Err(error) => return end.close(error, env),
                };
                end.rendezvous = received.rendezvous;
                match initiated.receive(&received.text, &received.binding) {
                    Ok((channel, check_code)) => {
                        let talk = Talk { rendezvous: end.rendezvous, channel, options };
                        let secured = Secured {
                            talk,
                            side: Side::Scanned { homeserver: code.homeserver().cloned() },
                            role: PhantomData,
                        };
                        Ok(Step::Done(Scanned { check_code, secured }))
                    }
                    Err(ChannelError { error, last_message }) => {
                        End { last_message: Some(last_message), ..end }.close(error, env)
                    }
                }
            })
        })
    })
}

impl<R: Role> Scanned<R> {
    /// The two digits to show.
    pub fn check_code(&self) -> &CheckCode {
        &self.check_code
    }

    expires_at!(self, self.secured.talk.rendezvous);

    /// [`Progress::ShowingCheckCode`].
    pub fn progress(&self) -> Progress {
        Progress::ShowingCheckCode
    }

    /// Continues. Show the check code until the other device sends its next message.
    pub fn go_on(self) -> Secured<R> {
        self.secured
    }

    /// Tells the other device and deletes the rendezvous.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn cancel(self, env: &mut dyn Env) -> Stage<()> {
        self.secured.cancel(env)
    }
}

/// Which of the two devices had the code.
pub(super) enum Side {
    /// This one.
    Showed,
    /// The other one: with the homeserver in it, if that device is signed in.
    Scanned { homeserver: Option<NamedHomeserver> },
}

/// A secure channel between the two devices.
pub struct Secured<R> {
    pub(super) talk: Talk,
    pub(super) side: Side,
    role: PhantomData<fn() -> R>,
}

impl<R: Role> Secured<R> {
    expires_at!(self, self.talk.rendezvous);

    /// [`Progress::Secured`].
    pub fn progress(&self) -> Progress {
        Progress::Secured
    }

    /// Tells the other device and deletes the rendezvous.
    ///
    /// # Errors
    /// None: what cannot be told or deleted expires.
    pub fn cancel(self, env: &mut dyn Env) -> Stage<()> {
        self.talk.end().cancel(env)
    }
}

redacted!(Shown<R> AwaitingCheckCode<R> Scanned<R> Secured<R>);
