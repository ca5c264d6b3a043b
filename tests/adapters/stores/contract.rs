//! The contract of stores. It runs on any executor: `tests/browser` includes this file, too.

use std::time::Duration;

use oidc_proto::Env;
use oidc_proto::adapter::BlockingHttpClient;
use oidc_proto::adapter::store::SessionStore;
use oidc_proto::session::{Access, Event, Record, Session, StoreAction, Transmit};
use oidc_proto::testing::On;

use super::lines::{NOW, SOON, erase, prepare, record, save, token, told};
use super::world::{World, call, shared};

/// What every store does alike. `open` makes a store of one and the same record, which waits so long for its lock. Each is
/// a holder of its own.
pub async fn conforms<S: SessionStore>(open: &impl Fn(Duration) -> S) {
    locks_and_records(open).await;
    the_login_counts(open).await;
    a_refresh_that_was_begun_is_marked(open).await;
    a_session_refreshes(open).await;
    the_first_to_save_wins(open).await;
}

async fn act(store: &impl SessionStore, action: StoreAction) -> String {
    told(store.carry_out(action).await)
}

async fn locks_and_records<S: SessionStore>(open: &impl Fn(Duration) -> S) {
    let mut world = World::new();
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    let (other, third) = (record(&mut world, 2), record(&mut world, 3));
    let (a, b) = (open(NOW), open(NOW));
    let (a, b) = (&a, &b);

    assert_eq!(act(a, StoreAction::Load).await, "nothing");
    // Where nobody shares the record, nobody locks.
    assert_eq!(act(a, save(None, &first)).await, "saved");
    assert_eq!(act(b, StoreAction::Load).await, format!("1 {}", token(&first)));

    // One holds the lock, and asking again changes nothing.
    assert_eq!(act(a, StoreAction::Lock).await, "locked");
    assert_eq!(act(a, StoreAction::Lock).await, "locked");
    assert_eq!(act(b, StoreAction::Lock).await, "failed");
    assert_eq!(act(b, StoreAction::Unlock).await, "done");
    assert_eq!(act(b, StoreAction::Lock).await, "failed");
    assert_eq!(act(a, StoreAction::Load).await, format!("1 {}", token(&first)));
    assert_eq!(act(a, save(&first, &second)).await, "saved");
    // A response that was lost is asked for again.
    assert_eq!(act(a, save(&first, &second)).await, "saved");
    assert_eq!(act(a, StoreAction::Unlock).await, "done");
    assert_eq!(act(a, StoreAction::Unlock).await, "done");

    // Who has lost the lock comes second.
    assert_eq!(act(b, StoreAction::Lock).await, "locked");
    assert_eq!(act(a, StoreAction::Lock).await, "failed");
    assert_eq!(act(b, save(&first, &other)).await, format!("conflict 2 {}", token(&second)));
    assert_eq!(act(b, StoreAction::Unlock).await, "done");
    assert_eq!(act(a, save(&first, &other)).await, format!("conflict 2 {}", token(&second)));
    assert_eq!(act(b, StoreAction::Load).await, format!("2 {}", token(&second)));
    // A store had lost the other one with this number.
    for action in [save(&other, &third), prepare(&other), erase(&other)] {
        assert_eq!(act(b, action).await, format!("conflict 2 {}", token(&second)));
    }

    assert_eq!(act(b, erase(&second)).await, "done");
    assert_eq!(act(b, erase(&second)).await, "done");
    assert_eq!(act(a, StoreAction::Load).await, "nothing");
    // What was logged out elsewhere is not written back.
    assert_eq!(act(a, save(&second, &first)).await, "conflict nothing");
    assert_eq!(act(a, StoreAction::Load).await, "nothing");
}

async fn loaded(store: &impl SessionStore) -> String {
    assert_eq!(act(store, StoreAction::Lock).await, "locked");
    let loaded = act(store, StoreAction::Load).await;
    assert_eq!(act(store, StoreAction::Unlock).await, "done");
    loaded
}

/// A refresh that was begun is marked until the next record is there, or until it is said that nothing was spent.
async fn a_refresh_that_was_begun_is_marked<S: SessionStore>(open: &impl Fn(Duration) -> S) {
    let mut world = World::new();
    let (a, b) = (open(NOW), open(NOW));
    let (a, b) = (&a, &b);
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    assert_eq!(act(a, save(None, &first)).await, "saved");
    assert_eq!(act(a, prepare(&second)).await, format!("conflict 1 {}", token(&first)));
    assert_eq!(act(a, StoreAction::Prepare { expect: None }).await, format!("conflict 1 {}", token(&first)));
    assert_eq!(loaded(b).await, format!("1 {}", token(&first)));
    for _ in 0..2 {
        assert_eq!(act(a, StoreAction::Lock).await, "locked");
        assert_eq!(act(a, prepare(&first)).await, "prepared");
        assert_eq!(act(a, StoreAction::Unlock).await, "done");
        assert_eq!(loaded(b).await, format!("1 {}, begun", token(&first)));
    }
    assert_eq!(act(a, StoreAction::Discard).await, "done");
    assert_eq!(act(a, StoreAction::Discard).await, "done");
    assert_eq!(loaded(b).await, format!("1 {}", token(&first)));
    assert_eq!(act(b, prepare(&first)).await, "prepared");
    assert_eq!(act(b, save(&first, &second)).await, "saved");
    assert_eq!(loaded(a).await, format!("2 {}", token(&second)));
    assert_eq!(act(b, prepare(&second)).await, "prepared");
    assert_eq!(act(a, erase(&second)).await, "done, begun");
    assert_eq!(loaded(b).await, "nothing");
}

/// A login is replaced and erased only by whoever knows that it is there.
async fn the_login_counts<S: SessionStore>(open: &impl Fn(Duration) -> S) {
    let mut world = World::new();
    let store = open(NOW);
    let store = &store;
    let tokens = world.login("alice");
    let [one, other] = [(); 2].map(|()| Record::of_login(tokens.clone(), None, &mut world.env));
    let next = Record::of_login(tokens, Some(one.version()), &mut world.env);
    assert_eq!(act(store, save(None, &one)).await, "saved");
    assert_eq!(act(store, save(&next, &next)).await, format!("conflict 1 {}", token(&one)));
    assert_eq!(act(store, save(None, &other)).await, format!("conflict 1 {}", token(&one)));
    assert_eq!(act(store, erase(&other)).await, format!("conflict 1 {}", token(&one)));
    assert_eq!(act(store, save(&one, &next)).await, "saved");
    assert_eq!(act(store, erase(&one)).await, format!("conflict 2 {}", token(&next)));
    assert_eq!(act(store, erase(&next)).await, "done");
    assert_eq!(act(store, StoreAction::Load).await, "nothing");
}

async fn a_session_refreshes<S: SessionStore>(open: &impl Fn(Duration) -> S) {
    let mut world = World::new();
    let (mut first, mut second) = (world.session(shared()), world.session(shared()));
    let (http, clock) = (world.op.http(world.env.clock()), world.env.clock().clone());
    let asked = world.op.count(On::Token);
    clock.advance(Duration::from_secs(301));
    for (session, store) in [(&mut first, open(SOON)), (&mut second, open(SOON))] {
        assert!(matches!(session.access(&mut world.env), Access::Wait(_)));
        drive(session, &store, &http, &mut world.env).await;
        assert_eq!(session.poll_event(), Some(Event::TokensRefreshed));
        assert_eq!((session.poll_event(), session.generation()), (None, 1));
    }
    // The second one found what the first one had saved.
    assert_eq!(world.op.count(On::Token), asked + 1);
    assert_eq!(world.tokens_of(&first), world.tokens_of(&second));

    let store = open(SOON);
    first.log_out(&mut world.env);
    drive(&mut first, &store, &http, &mut world.env).await;
    assert_eq!(act(&store, StoreAction::Load).await, "nothing");
}

/// The lock is lost while the provider answers; another process logs in anew meanwhile.
async fn the_first_to_save_wins<S: SessionStore>(open: &impl Fn(Duration) -> S) {
    let mut world = World::new();
    let (mine, other) = (open(SOON), open(SOON));
    let mut session = world.session(shared());
    let clock = world.env.clock().clone();
    clock.advance(Duration::from_secs(301));
    assert!(matches!(session.access(&mut world.env), Access::Wait(_)));
    while let Some((ticket, action)) = session.poll_store(&mut world.env) {
        let response = mine.carry_out(action).await;
        session.handle_store(ticket, response, &mut world.env);
    }
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    assert_eq!(act(&mine, StoreAction::Unlock).await, "done");
    clock.advance(Duration::from_secs(5));
    let theirs = record(&mut world, 4);
    assert_eq!(act(&other, save(None, &theirs)).await, "saved");
    world.send(&mut session, ticket, request);
    let http = world.op.http(&clock);
    drive(&mut session, &mine, &http, &mut world.env).await;
    assert_eq!((world.tokens_of(&session).as_str(), session.generation()), (token(&theirs), 4));
    assert_eq!(act(&other, StoreAction::Load).await, format!("4 {}", token(&theirs)));
    assert_eq!(act(&other, erase(&theirs)).await, "done");
}

/// Carries out whatever the session asks for.
async fn drive(session: &mut Session, store: &impl SessionStore, http: &impl BlockingHttpClient, env: &mut dyn Env) {
    loop {
        if let Some((ticket, action)) = session.poll_store(env) {
            let answer = store.carry_out(action).await;
            session.handle_store(ticket, answer, env);
        } else if let Some(transmit) = session.poll_transmit(env) {
            let Transmit::Call { ticket, request, policy } = transmit else { panic!("no key lives elsewhere") };
            match http.call(request, policy) {
                Ok(response) => session.handle_response(ticket, response, env),
                Err(failure) => session.handle_failure(ticket, failure, env),
            }
        } else {
            return;
        }
    }
}
