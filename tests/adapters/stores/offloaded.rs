//! Answers that nobody waits for, and work that is not done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oidc_proto::adapter::Timer;
use oidc_proto::adapter::store::{FileStore, Offload, SessionStore};
use oidc_proto::adapter::tokio::TokioTimer;
use oidc_proto::session::{StoreAction, StoreResponse};

use crate::stores::tools::{NOW, SOON, act, block_on, erase, folder, record, save, token, told};
use crate::stores::world::World;

fn ask(store: &impl SessionStore, action: StoreAction) -> String {
    told(block_on(store.carry_out(action)))
}

#[test]
fn a_lock_that_nobody_waits_for_is_given_back() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let (holder, next) = (FileStore::new(&path), FileStore::with_patience(&path, SOON));
    let store = Offload::new(FileStore::with_patience(&path, SOON));

    // Dropped while it waits.
    assert_eq!(act(&holder, StoreAction::Lock), "locked");
    let waiting = store.carry_out(StoreAction::Lock);
    drop(waiting);
    assert_eq!(act(&holder, StoreAction::Unlock), "done");
    assert_eq!(ask(&store, StoreAction::Load), "nothing");
    assert_eq!(act(&next, StoreAction::Lock), "locked");
    assert_eq!(act(&next, StoreAction::Unlock), "done");

    // Dropped when it was answered.
    let answered = store.carry_out(StoreAction::Lock);
    assert_eq!(ask(&store, StoreAction::Load), "nothing");
    assert_eq!(act(&FileStore::with_patience(&path, NOW), StoreAction::Lock), "failed");
    drop(answered);
    assert_eq!(act(&next, StoreAction::Lock), "locked");
    assert_eq!(act(&next, StoreAction::Unlock), "done");

    // Dropped when a later one was asked for: that one holds it now.
    let answered = store.carry_out(StoreAction::Lock);
    assert_eq!(ask(&store, StoreAction::Lock), "locked");
    drop(answered);
    assert_eq!(ask(&store, StoreAction::Load), "nothing");
    assert_eq!(act(&FileStore::with_patience(&path, NOW), StoreAction::Lock), "failed");
    assert_eq!(ask(&store, StoreAction::Unlock), "done");
    assert_eq!(act(&next, StoreAction::Lock), "locked");
}

#[test]
fn what_is_asked_for_is_done_in_order_whoever_waits() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let mut world = World::new();
    let first = record(&mut world, 1);
    let store = Offload::new(FileStore::with_patience(&path, SOON));
    let other = FileStore::with_patience(&path, NOW);
    for _ in 0..50 {
        drop(store.carry_out(save(None, &first)));
        drop(store.carry_out(erase(&first)));
        drop(store.carry_out(StoreAction::Unlock));
        assert_eq!(ask(&store, StoreAction::Lock), "locked");
        assert_eq!(act(&other, StoreAction::Lock), "failed");
        assert_eq!(act(&other, StoreAction::Load), "nothing");
    }
    drop(store.carry_out(save(None, &first)));
    assert!(ask(&store, StoreAction::Load).starts_with("1 "));
}

#[test]
fn work_that_waits_shows_no_token() {
    let record = record(&mut World::new(), 1);
    // Nobody takes it, and the future has what is to be saved.
    let store = Offload::on(|_: StoreAction| StoreResponse::Done, drop);
    let waiting = store.carry_out(save(None, &record));
    assert!(!format!("{store:?} {waiting:?}").contains(token(&record)));
}

#[test]
fn work_that_is_not_done_is_a_failure() {
    // Nobody takes it.
    let store = Offload::on(|_: StoreAction| StoreResponse::Done, drop);
    assert_eq!(ask(&store, StoreAction::Load), "failed");
    drop(store.carry_out(StoreAction::Lock));
    assert_eq!(ask(&store, StoreAction::Lock), "failed");

    // The store panics, and the next time it does not.
    let count = AtomicUsize::new(0);
    let store = Offload::new(move |_: StoreAction| {
        assert!(count.fetch_add(1, Ordering::SeqCst) != 0, "a panic on purpose");
        StoreResponse::Done
    });
    assert_eq!(ask(&store, StoreAction::Load), "failed");
    assert_eq!(ask(&store, StoreAction::Load), "done");
}

#[test]
fn the_timer_is_the_runtimes() {
    assert!(TokioTimer.sleep(Duration::ZERO).is_none());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { TokioTimer.sleep(Duration::from_millis(1)).unwrap().await });
}
