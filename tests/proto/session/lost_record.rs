//! The store has lost the newest record, and has an earlier one: a replica that was behind has taken the place of its primary.

use std::time::Duration;

use oidc_proto::session::{Event, Record};
use oidc_proto::testing::{self, Reuse};

use crate::session::world::{ISSUER, Store, World, broken, shared};

fn strict() -> World {
    World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::EndsGrant))
}

/// The earlier one is of a machine whose clock is ahead, and of before this process: only its number says that it is earlier.
#[test]
fn an_earlier_record_is_known_by_its_number_whatever_the_clocks_say() {
    for is_saved in [false, true] {
        let (mut world, store) = (strict(), Store::default());
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let mut earlier = world.restore(store.record().unwrap(), shared());
        let is_ahead = Duration::from_secs(200);
        world.env.clock().jump(is_ahead);
        let _ = earlier.refresh(&mut world.env);
        assert_eq!(world.pump(&mut earlier, &store), [Event::TokensRefreshed]);
        let before = store.record().unwrap();
        world.env.clock().jump_back(is_ahead);
        let _ = earlier.refresh(&mut world.env);
        assert_eq!(world.pump(&mut earlier, &store), [Event::TokensRefreshed]);
        let mut session = world.restore(store.record().unwrap(), shared());
        if !is_saved {
            store.fails("save");
            let _ = session.refresh(&mut world.env);
            assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed, Event::NotSaved(broken("save"))]);
            store.fails("");
        }
        let newest = session.tokens().clone();
        assert!(before.tokens.obtained_at() > newest.obtained_at());
        store.put(before);
        if !is_saved {
            world.wait(&mut session);
            world.pump(&mut session, &store);
            assert_eq!(store.record().unwrap().tokens.access_token().expose(), newest.access_token().expose());
        }
        let _ = session.refresh(&mut world.env);
        let events = world.pump(&mut session, &store);
        assert_eq!(events, [Event::TokensRefreshed], "the spent refresh token is sent");
        assert!(world.honours(&world.tokens_of(&session)) && session.is_idle());
        assert_eq!(store.record().unwrap().tokens.access_token().expose(), world.tokens_of(&session));
    }
}

/// The record of the login that a new one has replaced is there again. Its tokens are revoked.
#[test]
fn the_record_of_a_login_that_was_replaced_does_not_come_back() {
    let (mut world, store) = (strict(), Store::default());
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let before = store.record().unwrap();
    let mut first = world.restore(before.clone(), shared());
    let mut second = world.restore(before.clone(), shared());
    let newer = world.login("alice");
    first.adopt(newer, &mut world.env).unwrap();
    world.pump(&mut first, &store);
    world.revoke(&mut first);
    // Another process has taken it.
    let _ = second.refresh(&mut world.env);
    world.pump(&mut second, &store);
    world.revoke(&mut second);
    assert_eq!(world.tokens_of(&first), world.tokens_of(&second));
    store.put(before);
    for session in [&mut second, &mut first] {
        session.reload();
        world.pump(session, &store);
        let _ = session.refresh(&mut world.env);
        assert_eq!(world.pump(session, &store).last(), Some(&Event::TokensRefreshed));
        world.revoke(session);
        let record = store.record().unwrap();
        assert_eq!((record.login, session.end()), (session.login(), None));
        assert_eq!(record.tokens.access_token().expose(), world.tokens_of(session));
        assert!(world.honours(&world.tokens_of(session)) && session.is_idle());
    }
    assert_eq!(first.login(), second.login());
}
