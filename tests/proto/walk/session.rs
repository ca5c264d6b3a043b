//! A session, whose driver brings wrong outputs of keys, wrong responses and failures.

use oidc_proto::jose::Signer as _;
use oidc_proto::session::{Access, Epoch, Event, Outcome, SessionOptions, Transmit};
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::{Error, Failure, FailureKind, Sent};
use proptest::prelude::*;

use super::assert_expected;
use crate::properties::config;
use crate::session::signing::{key, keyed};

fn error_of(event: &Event) -> Option<&Error> {
    match event {
        Event::NeedsLogin(error)
        | Event::ClientRejected(error)
        | Event::Unverified(error)
        | Event::TokensRefused(error)
        | Event::NotSaved(error)
        | Event::NotErased(error)
        | Event::Stalled(error)
        | Event::BackingOff { error, .. } => Some(error),
        _ => None,
    }
}

fn output(choice: u8, key_use: &KeyUse) -> Result<KeyOutput, Failure> {
    let KeyUse::Sign { bytes, .. } = key_use else { panic!("{}", key_use.operation()) };
    match choice % 8 {
        0 => Ok(KeyOutput::verified(true)),
        1 => Ok(KeyOutput::derived([1; 32])),
        2 => Ok(KeyOutput::bytes([])),
        3 => Err(FailureKind::KeyRefused.into()),
        4 => Err(FailureKind::Cancelled.into()),
        _ => Ok(key().sign(bytes).unwrap().into()),
    }
}

fn epoch(access: Access<'_>) -> Option<Epoch> {
    if let Access::Wait(epoch) = access { Some(epoch) } else { None }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_session_expects_every_sequence_of_calls(script in proptest::collection::vec(any::<u8>(), 0..24)) {
        let mut world = keyed();
        let mut session = world.session(SessionOptions::default());
        let mut epoch = epoch(session.refresh(&mut world.env));
        for choice in script {
            match session.poll_transmit(&mut world.env) {
                Some(Transmit::UseKey { ticket, key_use }) => {
                    session.handle_key_output(ticket, output(choice, &key_use), &mut world.env);
                }
                Some(Transmit::Call { ticket, request, .. }) => match choice % 4 {
                    0 => session.handle_failure(ticket, Failure::new(FailureKind::Cancelled, Sent::Maybe), &mut world.env),
                    1 => session.handle_response(ticket, http::Response::new(b"{}"), &mut world.env),
                    // The time of the response passes.
                    2 => world.wait(&mut session),
                    _ => world.send(&mut session, ticket, request),
                },
                None if session.poll_timeout().is_some() && choice & 1 == 0 => world.wait(&mut session),
                None => {
                    session.handle_timeout(&mut world.env);
                    epoch = self::epoch(session.refresh(&mut world.env)).or(epoch);
                }
            }
            while let Some(event) = session.poll_event() {
                error_of(&event).into_iter().for_each(assert_expected);
            }
            if let Some(Outcome::Failed(error)) = epoch.map(|epoch| session.outcome(epoch, &world.env)) {
                assert_expected(&error);
            }
        }
    }
}
