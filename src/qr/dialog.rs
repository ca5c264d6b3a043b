//! Talking over the secure channel, message by message.
//!
//! If a message does not get into the rendezvous, the two devices count the messages differently,
//! and the other device cannot read any later message. Then this device deletes the rendezvous
//! without a last message. The other device sees that the rendezvous is gone.

use std::fmt;
use std::time::Duration;

use super::channel::{Channel, ChannelError};
use super::closing::End;
use super::message::Message;
use super::options::Options;
use super::rendezvous::{Delivery, Received, Rendezvous};
use super::stage::{Stage, then};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::step::Step;

/// Both devices at their rendezvous, with a channel between them.
pub(super) struct Talk {
    pub(super) rendezvous: Rendezvous,
    pub(super) channel: Channel,
    pub(super) options: Options,
}

impl Talk {
    pub(super) fn end(self) -> End {
        End { rendezvous: self.rendezvous, last_message: Some(self.channel.last_message()), options: self.options }
    }

    /// Ends the talk by an error, of which the other device is told.
    pub(super) fn fail<T: 'static>(self, why: impl Into<Error>, env: &mut dyn Env) -> Stage<T> {
        self.end().close(why.into(), env)
    }

    /// Says something.
    pub(super) fn say(self, message: &Message, env: &mut dyn Env) -> Stage<Self> {
        let Self { rendezvous, channel, options } = self;
        let silent = End { rendezvous: rendezvous.clone(), last_message: None, options };
        let (channel, text) =
            match channel.seal(message.to_json_of(rendezvous.proposal()).expose(), &rendezvous.binding()) {
                Ok(sealed) => sealed,
                Err(error) => return silent.close(error, env),
            };
        let step = rendezvous.clone().send(&text, options.response, env);
        then(Ok(step), env, move |delivery, env| match delivery {
            // What the box has by now is the response, or it cannot be read.
            Ok(Delivery::Delivered(rendezvous) | Delivery::Uncertain(rendezvous)) => {
                Ok(Step::Done(Self { rendezvous, channel, options }))
            }
            Ok(Delivery::Overtaken(rendezvous)) => silent.overtaken(rendezvous, channel, env),
            Err(error) if error.code() == ErrorCode::TRANSPORT_CANCELLED => {
                // What is on its way goes first, so that the last_message can be read.
                let step = rendezvous.send_again(&text, options.linger, env);
                then(Ok(step), env, move |delivery, env| match delivery {
                    Ok(Delivery::Delivered(rendezvous) | Delivery::Uncertain(rendezvous)) => {
                        Self { rendezvous, channel, options }.fail(error, env)
                    }
                    Ok(Delivery::Overtaken(_)) | Err(_) => silent.close(error, env),
                })
            }
            Err(error) => silent.close(error, env),
        })
    }

    /// Waits for a message. The other device's failure, and a login that was declined there, are errors.
    pub(super) fn hear(self, timeout: Duration, env: &mut dyn Env) -> Stage<Heard> {
        let Self { rendezvous, channel, options } = self;
        let step = rendezvous.clone().receive(timeout, env);
        then(Ok(step), env, move |received, env| {
            let talk = Self { rendezvous, channel, options };
            match received {
                Ok(received) => talk.read(received, env),
                Err(error) => talk.fail(error, env),
            }
        })
    }

    /// Reads a message that has come.
    pub(super) fn read(self, Received { rendezvous, text, binding }: Received, env: &mut dyn Env) -> Stage<Heard> {
        let Self { channel, options, .. } = self;
        match channel.open(&text, &binding) {
            Ok((channel, json)) => {
                let talk = Self { rendezvous, channel, options };
                match understand(json.expose(), &options) {
                    Ok(message) => Ok(Step::Done(Heard { talk, message })),
                    Err(error) => talk.fail(error, env),
                }
            }
            Err(ChannelError { error, last_message }) => {
                End { rendezvous, last_message: Some(last_message), options }.close(error, env)
            }
        }
    }

    /// Says the last thing, which the other device reads and then deletes the rendezvous.
    pub(super) fn say_last(self, message: &Message, env: &mut dyn Env) -> Stage<()> {
        let step = self.say(message, env);
        then(step, env, |talk, env| {
            let talk = talk?;
            if talk.rendezvous.unread_since.is_some() {
                return Ok(Step::Done(()));
            }
            let linger = talk.options.linger;
            let step = talk.rendezvous.clone().receive(linger, env);
            then(Ok(step), env, move |received, env| match received {
                Err(error) if error.code() == ErrorCode::QR_RENDEZVOUS_EXPIRED => Ok(Step::Done(())),
                Err(error) => talk.fail(error, env),
                Ok(_) => talk.fail(ErrorCode::QR_UNEXPECTED_MESSAGE, env),
            })
        })
    }

    /// Says something, and waits for a message.
    pub(super) fn exchange(self, message: &Message, timeout: Duration, env: &mut dyn Env) -> Stage<Heard> {
        let step = self.say(message, env);
        then(step, env, move |talk, env| talk?.hear(timeout, env))
    }
}

impl End {
    /// The other device spoke when it was not its turn. It may say that it gives up, and nothing else.
    fn overtaken<T: 'static>(self, rendezvous: Rendezvous, channel: Channel, env: &mut dyn Env) -> Stage<T> {
        let options = self.options;
        let step = rendezvous.receive(options.response, env);
        then(Ok(step), env, move |received, env| {
            let why = match received {
                Ok(Received { text, binding, .. }) => match channel.open(&text, &binding) {
                    Ok((_, json)) => understand(json.expose(), &options).err(),
                    Err(broken) => Some(broken.error),
                },
                Err(error) => Some(error),
            };
            self.close(why.unwrap_or_else(|| ErrorCode::QR_UNEXPECTED_MESSAGE.into()), env)
        })
    }
}

/// A message of the other device that is not its end of the login.
fn understand(json: &str, options: &Options) -> Result<Message, Error> {
    match Message::from_json(json, options.schemes)? {
        Message::Failure { reason, .. } => Err(reason.into_error()),
        Message::Declined => Err(ErrorCode::QR_PEER_DECLINED.into()),
        message => Ok(message),
    }
}

/// A message, and the talk it is part of.
pub(super) struct Heard {
    pub(super) talk: Talk,
    pub(super) message: Message,
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Talk(…)")
    }
}
