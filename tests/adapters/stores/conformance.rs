//! What every store does alike.

use std::time::Duration;

use oidc_proto::adapter::store::{BlockingSessionStore, FileStore, Offload};
use oidc_proto::adapter::tokio::offload;
use oidc_proto::session::{Access, Event, Record, RecordVersion, StoreAction};
use oidc_proto::testing::On;

use crate::stores::tools::{NOW, SOON, Waited, act, block_on, drive, erase, folder, record, save, token};
use crate::stores::world::{World, call, shared};

/// Makes a store of one and the same record, which waits so long for its lock. Each is a holder of its own.
pub type Open<'a> = &'a dyn Fn(Duration) -> Box<dyn BlockingSessionStore>;

pub fn conforms(open: Open<'_>) {
    locks_and_records(open);
    the_login_counts(open);
    a_refresh_that_was_begun_is_marked(open);
    a_session_refreshes(open);
    the_first_to_save_wins(open);
}

fn locks_and_records(open: Open<'_>) {
    let mut world = World::new();
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    let other = record(&mut world, 2);
    let (a, b) = (open(NOW), open(NOW));
    let (a, b) = (&*a, &*b);

    assert_eq!(act(a, StoreAction::Load), "nothing");
    // Where nobody shares the record, nobody locks.
    assert_eq!(act(a, save(0, &first)), "saved");
    assert_eq!(act(b, StoreAction::Load), format!("1 {}", token(&first)));

    // One holds the lock, and asking again changes nothing.
    assert_eq!(act(a, StoreAction::Lock), "locked");
    assert_eq!(act(a, StoreAction::Lock), "locked");
    assert_eq!(act(b, StoreAction::Lock), "failed");
    assert_eq!(act(b, StoreAction::Unlock), "done");
    assert_eq!(act(b, StoreAction::Lock), "failed");
    assert_eq!(act(a, StoreAction::Load), format!("1 {}", token(&first)));
    assert_eq!(act(a, save(1, &second)), "saved");
    // A response that was lost is asked for again.
    assert_eq!(act(a, save(1, &second)), "saved");
    assert_eq!(act(a, StoreAction::Unlock), "done");
    assert_eq!(act(a, StoreAction::Unlock), "done");

    // Who has lost the lock comes second.
    assert_eq!(act(b, StoreAction::Lock), "locked");
    assert_eq!(act(a, StoreAction::Lock), "failed");
    assert_eq!(act(b, save(1, &other)), format!("conflict 2 {}", token(&second)));
    assert_eq!(act(b, StoreAction::Unlock), "done");
    assert_eq!(act(a, save(1, &other)), format!("conflict 2 {}", token(&second)));
    assert_eq!(act(b, StoreAction::Load), format!("2 {}", token(&second)));

    assert_eq!(act(b, erase(2)), "done");
    assert_eq!(act(b, erase(2)), "done");
    assert_eq!(act(a, StoreAction::Load), "nothing");
    // What was logged out elsewhere is not written back.
    assert_eq!(act(a, save(7, &first)), "conflict nothing");
    assert_eq!(act(a, StoreAction::Load), "nothing");
}

/// A refresh that was begun is marked until the next record is there, or until it is said that nothing was spent.
fn a_refresh_that_was_begun_is_marked(open: Open<'_>) {
    let mut world = World::new();
    let (a, b) = (open(NOW), open(NOW));
    let (a, b) = (&*a, &*b);
    let (first, second) = (record(&mut world, 1), record(&mut world, 2));
    assert_eq!(act(a, save(0, &first)), "saved");
    let prepare = |generation| StoreAction::Prepare { expect: Some(RecordVersion { login: None, generation }) };
    let loaded = |store: &dyn BlockingSessionStore| {
        assert_eq!(act(store, StoreAction::Lock), "locked");
        let loaded = act(store, StoreAction::Load);
        assert_eq!(act(store, StoreAction::Unlock), "done");
        loaded
    };
    assert_eq!(act(a, prepare(2)), format!("conflict 1 {}", token(&first)));
    assert_eq!(act(a, StoreAction::Prepare { expect: None }), format!("conflict 1 {}", token(&first)));
    assert_eq!(loaded(b), format!("1 {}", token(&first)));
    for _ in 0..2 {
        assert_eq!(act(a, StoreAction::Lock), "locked");
        assert_eq!(act(a, prepare(1)), "prepared");
        assert_eq!(act(a, StoreAction::Unlock), "done");
        assert_eq!(loaded(b), format!("1 {}, begun", token(&first)));
    }
    assert_eq!(act(a, StoreAction::Discard), "done");
    assert_eq!(act(a, StoreAction::Discard), "done");
    assert_eq!(loaded(b), format!("1 {}", token(&first)));
    assert_eq!(act(b, prepare(1)), "prepared");
    assert_eq!(act(b, save(1, &second)), "saved");
    assert_eq!(loaded(a), format!("2 {}", token(&second)));
    assert_eq!(act(b, prepare(2)), "prepared");
    assert_eq!(act(a, erase(2)), "done, begun");
    assert_eq!(loaded(b), "nothing");
}

/// A login is replaced and erased only by whoever knows that it is there.
fn the_login_counts(open: Open<'_>) {
    let mut world = World::new();
    let store = open(NOW);
    let store = &*store;
    let tokens = world.login("alice");
    let [one, other] = [(); 2].map(|()| Record::of_login(tokens.clone(), None, &mut world.env));
    let next = Record::of_login(tokens, Some(one.version()), &mut world.env);
    assert_eq!(act(store, save(0, &one)), "saved");
    assert_eq!(act(store, save(1, &next)), format!("conflict 1 {}", token(&one)));
    assert_eq!(act(store, save(0, &other)), format!("conflict 1 {}", token(&one)));
    assert_eq!(act(store, StoreAction::Erase { expect: Some(other.version()) }), format!("conflict 1 {}", token(&one)));
    let replaces = StoreAction::Save { expect: Some(one.version()), next: Box::new(next.clone()) };
    assert_eq!(act(store, replaces), "saved");
    assert_eq!(act(store, StoreAction::Erase { expect: Some(one.version()) }), format!("conflict 2 {}", token(&next)));
    assert_eq!(act(store, StoreAction::Erase { expect: Some(next.version()) }), "done");
    assert_eq!(act(store, StoreAction::Load), "nothing");
}

fn a_session_refreshes(open: Open<'_>) {
    let mut world = World::new();
    let (mut first, mut second) = (world.session(shared()), world.session(shared()));
    let (http, clock) = (world.op.http(world.env.clock()), world.env.clock().clone());
    let asked = world.op.count(On::Token);
    clock.advance(Duration::from_secs(301));
    for (session, store) in [(&mut first, open(SOON)), (&mut second, open(SOON))] {
        assert!(matches!(session.access(&mut world.env), Access::Wait(_)));
        drive(session, &*store, &http, &mut world.env);
        assert_eq!(session.poll_event(), Some(Event::TokensRefreshed));
        assert_eq!((session.poll_event(), session.generation()), (None, 1));
    }
    // The second one found what the first one had saved.
    assert_eq!(world.op.count(On::Token), asked + 1);
    assert_eq!(world.tokens_of(&first), world.tokens_of(&second));

    let store = open(SOON);
    first.log_out(&mut world.env);
    drive(&mut first, &*store, &http, &mut world.env);
    assert_eq!(act(&*store, StoreAction::Load), "nothing");
}

/// The lock is lost while the provider answers; another process logs in anew meanwhile.
fn the_first_to_save_wins(open: Open<'_>) {
    let mut world = World::new();
    let (mine, other) = (open(SOON), open(SOON));
    let mut session = world.session(shared());
    let clock = world.env.clock().clone();
    clock.advance(Duration::from_secs(301));
    assert!(matches!(session.access(&mut world.env), Access::Wait(_)));
    while let Some((ticket, action)) = session.poll_store(&mut world.env) {
        let response = mine.carry_out(action);
        session.handle_store(ticket, response, &mut world.env);
    }
    let (ticket, request) = call(session.poll_transmit(&mut world.env).unwrap());
    assert_eq!(act(&*mine, StoreAction::Unlock), "done");
    clock.advance(Duration::from_secs(5));
    let theirs = record(&mut world, 4);
    assert_eq!(act(&*other, save(0, &theirs)), "saved");
    world.send(&mut session, ticket, request);
    let http = world.op.http(&clock);
    drive(&mut session, &*mine, &http, &mut world.env);
    assert_eq!((world.tokens_of(&session).as_str(), session.generation()), (token(&theirs), 4));
    assert_eq!(act(&*other, StoreAction::Load), format!("4 {}", token(&theirs)));
    assert_eq!(act(&*other, erase(4)), "done");
}

#[test]
fn a_file_store_conforms() {
    let folder = folder();
    let path = folder.path().join("session.json");
    conforms(&|patience| Box::new(FileStore::with_patience(&path, patience)));
}

#[test]
fn a_file_store_on_a_thread_conforms() {
    let folder = folder();
    let path = folder.path().join("session.json");
    conforms(&|patience| Box::new(Waited(Offload::new(FileStore::with_patience(&path, patience)))));
}

#[test]
fn a_file_store_on_a_runtime_conforms() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let open = |patience| offload(FileStore::with_patience(&path, patience));
    {
        let _inside = runtime.enter();
        conforms(&|patience| Box::new(Waited(open(patience))));
    }
    // Outside of any runtime it has a thread.
    conforms(&|patience| Box::new(Waited(open(patience))));
    // And on one thread, which must stay free.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = open(SOON);
    let response = runtime.block_on(oidc_proto::adapter::store::SessionStore::carry_out(&store, StoreAction::Lock));
    assert_eq!(crate::stores::tools::told(response), "locked");
    let other = open(SOON);
    let waiting = oidc_proto::adapter::store::SessionStore::carry_out(&other, StoreAction::Lock);
    drop(store);
    assert_eq!(crate::stores::tools::told(block_on(waiting)), "locked");
}
