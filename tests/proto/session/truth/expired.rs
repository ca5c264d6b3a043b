//! New tokens whose access token has expired when they can be used.

use oidc_proto::session::{Event, Persistence, Record, SessionOptions, Standing};

use super::{refresh, rotating};
use crate::session::unverified::behind;
use crate::session::world::{Store, World, shared};

/// The process was suspended while it saved, for longer than the token lives. What the provider gave is newer, and is dead.
#[test]
fn a_new_token_that_has_expired_before_anyone_sees_it_is_no_success() {
    let (mut world, store) = (rotating(), Store::default());
    let mut session = world.session(shared());
    let epoch = refresh(&mut world, &mut session);
    world.keep(&mut session, &store);
    world.exchange(&mut session);
    world.advance(301);
    world.keep(&mut session, &store);
    assert_eq!((session.poll_event(), session.standing(&world.env)), (Some(Event::TokensRefreshed), Standing::Expired));
    assert_eq!(world.outcome(&session, epoch), Err("session.token_late"));
    // Nothing is lost: the next attempt goes on with what came.
    let epoch = refresh(&mut world, &mut session);
    world.pump(&mut session, &store);
    assert!(world.outcome(&session, epoch).is_ok_and(|token| world.honours(&token)));
}

/// What came next could not be verified, and its refresh token was kept. The access token counts as expired: its lifetime in the
/// record is none that a provider gives.
#[test]
fn a_token_that_counts_as_expired_is_not_given_to_whoever_looks_late() {
    let (mut world, store) = (World::new(), Store::default());
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    let epoch = refresh(&mut world, &mut session);
    world.pump(&mut session, &store);
    behind(&world);
    let mut other = world.restore(store.record().unwrap(), shared());
    let _ = refresh(&mut world, &mut other);
    world.pump(&mut other, &store);
    session.reload();
    world.pump(&mut session, &store);
    assert_eq!(session.standing(&world.env), Standing::Expired);
    assert_eq!(world.outcome(&session, epoch), Err("session.token_late"));
}

/// Another process has saved a new login, whose access token has expired since: nobody is told that it is new. It is refreshed, under the lock.
#[test]
fn a_new_login_elsewhere_that_has_expired_is_refreshed() {
    for persistence in [Persistence::Shared, Persistence::Own] {
        let (mut world, store) = (World::new(), Store::default());
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let options = SessionOptions::default().with_persistence(persistence);
        let mut session = world.restore(store.record().unwrap(), options);
        let theirs = world.login("alice");
        let their_token = theirs.access_token().expose().to_owned();
        world.advance(301);
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        world.keep(&mut session, &store);
        world.exchange(&mut session);
        let next = Record::of_login(theirs, session.stored(), &mut world.env);
        store.put(next.clone());
        store.break_lock();
        store.log();
        assert_eq!(world.pump(&mut session, &store), [Event::Orphaned, Event::TokensRefreshed]);
        let token = world.outcome(&session, epoch).unwrap();
        assert!(token != their_token && world.honours(&token));
        let record = store.record().unwrap();
        assert_eq!((session.login(), record.generation), (next.login, next.generation + 1));
        assert_eq!(record.tokens.access_token().expose(), token);
        let is_locked_anew = store.log().starts_with(&["save", "unlock", "lock", "load"]);
        assert_eq!(is_locked_anew, persistence == Persistence::Shared);
        assert!(session.is_idle() && !store.is_locked() && !store.is_begun());
    }
}
