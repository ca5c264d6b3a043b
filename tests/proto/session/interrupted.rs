//! The environment panics within a call, and the caller goes on with the session.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use oidc_proto::session::{Access, End, Erased, Event, Outcome, Record, Session, Standing};
use oidc_proto::testing::{self, Reuse, TestEnv};
use oidc_proto::{Env, MonotonicTime, Timestamp};

use crate::session::world::{ISSUER, Store, World, call, shared};

/// More than a session needs to recover.
const MUCH: usize = 20;

/// Panics when its clocks have been read this often.
struct Panics {
    env: TestEnv,
    left: Cell<u32>,
}

impl Panics {
    fn read(&self) {
        self.left.set(self.left.get().checked_sub(1).expect("as the test wants"));
    }
}

impl Env for Panics {
    fn now(&self) -> Timestamp {
        self.read();
        self.env.now()
    }

    fn monotonic(&self) -> MonotonicTime {
        self.read();
        self.env.monotonic()
    }

    fn rng(&mut self) -> &mut dyn rand_core::CryptoRng {
        self.env.rng()
    }
}

/// A session with a record in a shared store, of a provider that takes a spent refresh token until its successor is
/// used.
fn begin() -> (World, Store, Session) {
    let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
    let (store, record) = (Store::default(), Record::new(1, world.tokens.clone()));
    store.put(record.clone());
    let session = world.restore(record, shared());
    (world, store, session)
}

/// Makes a call, and carries out what follows, with an environment that panics at this reading. Returns whether it did.
fn is_interrupted(
    world: &World,
    session: &mut Session,
    store: &Store,
    readings: u32,
    ask: impl Fn(&mut Session, &mut dyn Env),
) -> bool {
    let mut env = Panics { env: world.env.clone(), left: Cell::new(readings) };
    let all = || {
        ask(session, &mut env);
        for _ in 0..MUCH {
            if let Some((ticket, action)) = session.poll_store(&mut env) {
                let response = store.response(action).unwrap();
                session.handle_store(ticket, response, &mut env);
            } else if let Some(transmit) = session.poll_transmit(&mut env) {
                let (ticket, request) = call(transmit);
                let response = world.op.exchange(request, env.env.now()).unwrap();
                session.handle_response(ticket, response, &mut env);
            }
        }
    };
    catch_unwind(AssertUnwindSafe(all)).is_err()
}

/// Whoever waits gets newer tokens, though nobody asks again, and no caller gets a token that the provider has ended.
#[test]
fn a_refresh_that_is_interrupted_is_made_again() {
    for readings in 0.. {
        let (mut world, store, mut session) = begin();
        let Access::Wait(first) = session.refresh(&mut world.env) else { panic!("it refreshes") };
        world.pump(&mut session, &store);
        let old = world.tokens_of(&session);
        assert!(matches!(session.outcome(first, &world.env), Outcome::Ready(_)));
        let panicked = is_interrupted(&world, &mut session, &store, readings, |session, env| {
            let _ = session.refresh(env);
        });
        if let Some(token) = session.current(&world.env) {
            assert!(world.honours(token.expose()), "{readings}");
        }
        if session.standing(&world.env) == Standing::Good {
            assert!(world.honours(&world.tokens_of(&session)), "{readings}");
        }
        for _ in 0..MUCH {
            world.pump(&mut session, &store);
            if session.tokens().access_token().expose() != old && session.is_idle() {
                break;
            }
            if session.poll_timeout().is_none() {
                let _ = session.access(&mut world.env);
            } else {
                world.wait(&mut session);
            }
        }
        let token = session.current(&world.env).map(|token| token.expose().to_owned());
        assert!(token.is_some_and(|token| token != old && world.honours(&token)), "{readings}: {session:?}");
        assert!(!store.is_locked() && !store.is_begun(), "{readings}");
        if !panicked {
            assert!(readings > 10, "{readings}");
            return;
        }
    }
}

/// Its result says whether the record is gone, and the session asks for no tokens any more.
#[test]
fn a_logout_that_is_interrupted_comes_to_an_end() {
    for readings in 0.. {
        let (mut world, store, mut session) = begin();
        let panicked = is_interrupted(&world, &mut session, &store, readings, Session::log_out);
        session.log_out(&mut world.env);
        assert_eq!(session.end(), Some(End::LoggedOut));
        let mut events = world.pump(&mut session, &store);
        for _ in 0..MUCH {
            if session.poll_timeout().is_none() {
                break;
            }
            world.wait(&mut session);
            events.extend(world.pump(&mut session, &store));
        }
        let result = events.iter().find_map(|event| match event {
            Event::LoggedOut(logout) => Some(logout),
            _ => None,
        });
        let result = result.unwrap_or_else(|| panic!("{readings}: {events:?} {session:?}"));
        // If the action was lost with the panic, the owner is told to erase the record.
        assert!(store.record().is_none() || matches!(result.erased, Erased::Failed(_)), "{readings}");
        assert!(!store.is_locked(), "{readings}");
        assert_eq!((session.end(), session.is_idle()), (Some(End::LoggedOut), true), "{readings}");
        world.revoke(&mut session);
        let asked = world.op.count(testing::On::Token);
        session.handle_timeout(&mut world.env);
        world.pump(&mut session, &store);
        assert_eq!(world.op.count(testing::On::Token), asked, "{readings}");
        if !panicked {
            assert!(readings > 2, "{readings}");
            return;
        }
    }
}
