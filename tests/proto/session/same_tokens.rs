//! Records whose access token is known and whose refresh token is not, and the other way round: the same tokens are the
//! same access token and the same refresh token.

use std::time::Duration;

use oidc_proto::session::{Event, Record, StoreAction};
use oidc_proto::testing::{self, Disturbance, Lie, On, Reuse};

use crate::session::endings::ignores_spent;
use crate::session::unverified::{attempts, behind, refused_after};
use crate::session::world::{ISSUER, Store, World, broken, call, record, shared};

/// The record before a refresh token was kept has the same access token, and a refresh token that is spent.
#[test]
fn a_refresh_token_that_is_kept_is_not_given_up_for_the_one_before() {
    for reloads in [false, true] {
        let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::EndsGrant));
        let (mut session, store, before) = refused_after(&mut world);
        // A backup is put back.
        store.put(before);
        world.op.honest();
        world.advance(10);
        if reloads {
            session.reload();
            world.pump(&mut session, &store);
        }
        attempts(&mut world, &mut session, &store);
        assert!(world.honours(&world.tokens_of(&session)), "{reloads}");
    }
}

/// The same at the end: both refresh tokens are given back.
#[test]
fn a_logout_gives_back_a_refresh_token_that_is_kept_and_the_one_before() {
    let mut world = World::with(ignores_spent());
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    behind(&world);
    let before = store.record().unwrap();
    let _ = session.refresh(&mut world.env);
    world.pump(&mut session, &store);
    store.put(before);
    session.log_out(&mut world.env);
    world.pump(&mut session, &store);
    let revoked = world.revoke(&mut session);
    let before = world.tokens.refresh_token().unwrap();
    assert_eq!(revoked.iter().filter(|token| before.matches(token)).count(), 1);
    assert!(revoked.len() > 1);
    assert!(!world.op.has_grant_of(world.tokens.refresh_token().unwrap().expose()));
}

/// A refresh token that another process has kept is newer than what this one has, also where this one has refreshed from
/// the same access token before.
#[test]
fn a_refresh_token_that_another_process_kept_is_not_taken_for_an_earlier_one() {
    let mut world = World::with(testing::Provider::new(ISSUER).with_reuse(Reuse::Allowed));
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let [mut keeper, mut session] = [(), ()].map(|()| world.restore(store.record().unwrap(), shared()));
    behind(&world);
    store.fails("save");
    let _ = keeper.refresh(&mut world.env);
    world.pump(&mut keeper, &store);
    store.fails("");
    world.wait(&mut keeper);
    let kept = loop {
        let (ticket, action) = keeper.poll_store(&mut world.env).expect("saves again");
        match action {
            StoreAction::Save { next, .. } => break next,
            action => keeper.handle_store(ticket, store.response(action).unwrap(), &mut world.env),
        }
    };
    // The lock was lost: both have asked with one refresh token.
    store.break_lock();
    world.op.honest();
    let _ = session.refresh(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    let generation = session.generation();
    let kept = record(&session, generation + 1, &kept.tokens);
    store.put(kept.clone());
    let _ = session.refresh(&mut world.env);
    let (mut saved, mut asked) = (Vec::new(), None);
    for _ in 0..20 {
        if let Some((ticket, action)) = session.poll_store(&mut world.env) {
            if let StoreAction::Save { next, .. } = &action {
                saved.push(next.tokens.clone());
            }
            session.handle_store(ticket, store.response(action).unwrap(), &mut world.env);
        } else if let Some(transmit) = session.poll_transmit(&mut world.env) {
            let (ticket, request) = call(transmit);
            asked = asked.or(Some(String::from_utf8_lossy(request.body().as_ref()).into_owned()));
            world.send(&mut session, ticket, request);
        }
    }
    let token = kept.tokens.refresh_token().unwrap().expose();
    assert!(asked.unwrap().contains(token), "it goes on from what was kept");
    assert_eq!(saved.len(), 1, "its own older tokens are not saved once more");
}

/// Two records back, and by a clock that is ahead: the tokens that could not be saved are still the newest.
#[test]
fn tokens_that_were_not_saved_are_not_given_up_for_those_before_the_last() {
    let (mut world, store) = (World::new(), Store::default());
    let is_ahead = Duration::from_secs(200);
    world.env.clock().jump(is_ahead);
    let first = world.login("alice");
    world.env.clock().jump_back(is_ahead);
    store.put(Record::of_login(first, None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    let before = store.record().unwrap();
    let second = world.login("alice");
    store.put(record(&session, 2, &second));
    let _ = session.refresh(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    assert_eq!(world.tokens_of(&session), second.access_token().expose());
    world.advance(10);
    store.fails("save");
    let asked = world.op.count(On::Token);
    let _ = session.refresh(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed, Event::NotSaved(broken("save"))]);
    let newest = world.tokens_of(&session);
    assert!(before.tokens.obtained_at() > session.tokens().obtained_at() && world.op.count(On::Token) == asked + 1);
    // A replica that was behind.
    store.put(before);
    store.fails("");
    world.wait(&mut session);
    world.pump(&mut session, &store);
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), newest);
    assert!(session.is_idle());
}

/// Others have asked from the same record, and have saved theirs. The refresh token stays the same: it does not say that
/// theirs are no successors of ours, which nobody has seen.
#[test]
fn tokens_that_were_not_saved_do_not_make_others_from_the_same_record_good() {
    let op = testing::Provider::new(ISSUER).with_reuse(Reuse::Allowed);
    op.lie(Lie::RefreshTokenKept);
    let (mut world, store) = (World::with(op), Store::default());
    let stored = Record::of_login(world.tokens.clone(), None, &mut world.env);
    store.put(stored.clone());
    let [mut ours, mut others] = [(); 2].map(|()| world.restore(stored.clone(), shared()));
    let _ = others.refresh(&mut world.env);
    world.keep(&mut others, &store);
    world.exchange(&mut others);
    let (_, action) = others.poll_store(&mut world.env).unwrap();
    let StoreAction::Save { next, .. } = action else { panic!("{action:?}") };
    store.break_lock();
    store.fails("save");
    let _ = ours.refresh(&mut world.env);
    assert_eq!(world.pump(&mut ours, &store), [Event::TokensRefreshed, Event::NotSaved(broken("save"))]);
    store.put(next.clone());
    store.fails("");
    let asked = world.op.count(On::Token);
    let _ = ours.refresh(&mut world.env);
    assert_eq!(world.pump(&mut ours, &store), [Event::TokensRefreshed]);
    assert_eq!(world.op.count(On::Token), asked + 1);
    assert_ne!(world.tokens_of(&ours), next.tokens.access_token().expose());
}

/// Two processes compare it that may be of different builds.
#[test]
fn the_checksum_of_a_record_is_the_same_everywhere() {
    let record = Record::from_json(include_str!("../../fixtures/record.v1.json")).unwrap();
    assert_eq!(record.version().checksum, 3_443_936_893);
}

/// The store goes back to a record whose tokens were refused twice. The session asks with later ones.
#[test]
fn a_count_of_refusals_is_of_the_tokens_that_were_refused() {
    let (mut world, store) = (World::new(), Store::default());
    let first = Record::of_login(world.tokens.clone(), None, &mut world.env);
    store.put(first.clone());
    let mut session = world.restore(first.clone(), shared());
    let _ = session.refresh(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    let mut earlier = serde_json::to_value(&first).unwrap();
    earlier["silent_refusals"] = 2.into();
    store.put(serde_json::from_value(earlier).unwrap());
    world.op.disturb(On::Token, Disturbance::status(400), 1);
    let _ = session.refresh(&mut world.env);
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
}
