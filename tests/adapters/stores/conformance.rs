//! Each store keeps the contract.

use std::future::ready;
use std::time::Duration;

use oidc_proto::adapter::store::{BlockingSessionStore, FileStore, Offload, SessionStore};
use oidc_proto::adapter::tokio::offload;
use oidc_proto::session::StoreAction;

use crate::stores::contract;
use crate::stores::tools::{SOON, block_on, folder, told};

/// Runs the contract on this thread.
pub fn conforms<S: SessionStore>(open: impl Fn(Duration) -> S) {
    block_on(contract::conforms(&open));
}

/// The same for a store that works on the calling thread.
pub fn conforms_blocking<S: BlockingSessionStore>(open: impl Fn(Duration) -> S) {
    conforms(|patience| {
        let store = open(patience);
        move |action: StoreAction| ready(store.carry_out(action))
    });
}

#[test]
fn a_file_store_conforms() {
    let folder = folder();
    let path = folder.path().join("session.json");
    conforms_blocking(|patience| FileStore::with_patience(&path, patience));
}

#[test]
fn a_file_store_on_a_thread_conforms() {
    let folder = folder();
    let path = folder.path().join("session.json");
    conforms(|patience| Offload::new(FileStore::with_patience(&path, patience)));
}

#[test]
fn a_file_store_on_a_runtime_conforms() {
    let folder = folder();
    let path = folder.path().join("session.json");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let open = |patience| offload(FileStore::with_patience(&path, patience));
    {
        let _inside = runtime.enter();
        conforms(open);
    }
    // Outside of any runtime it has a thread.
    conforms(open);
    // And on one thread, which must stay free.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = open(SOON);
    let response = runtime.block_on(SessionStore::carry_out(&store, StoreAction::Lock));
    assert_eq!(told(response), "locked");
    let other = open(SOON);
    let waiting = SessionStore::carry_out(&other, StoreAction::Lock);
    drop(store);
    assert_eq!(told(block_on(waiting)), "locked");
}
