//! A store with its clones is one holder of the lock of a record, also where a registry has it.

use std::future::Future;
use std::pin::Pin;

use oidc_proto::adapter::Driver;
use oidc_proto::adapter::session::{Registry, RegistryOptions};
use oidc_proto::adapter::store::{Holder, SessionStore};
use oidc_proto::session::{Record, StoreAction, StoreResponse};
use oidc_proto::{Error, ErrorCode};
use tokio::time::sleep;

use super::{IDLE, MOMENT};
use crate::session::memory::Memory;
use crate::session::tasks::{VirtualEnv, provider};
use crate::session::world::World;

/// Clones are one holder.
#[derive(Clone, Default)]
struct Held {
    holder: Holder,
    memory: Memory,
}

impl SessionStore for Held {
    type Future = Pin<Box<dyn Future<Output = StoreResponse> + Send>>;

    fn carry_out(&self, action: StoreAction) -> Self::Future {
        Box::pin(self.memory.store().carry_out(action))
    }

    fn holder(&self) -> Option<Holder> {
        Some(self.holder.clone())
    }
}

fn is_refused(error: &Error) -> bool {
    error.code() == ErrorCode::SESSION_SETUP && error.found().is_some()
}

/// Both would have the lock, and refresh with one refresh token. When the first has left the memory, the store is free.
#[tokio::test(start_paused = true)]
async fn rule_10_a_registry_refuses_a_store_that_another_session_uses() {
    let (mut world, store) = (World::new(), Held::default());
    store.memory.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let driver = Driver::new(provider(&world, MOMENT)).with_timer(sleep);
    let options = RegistryOptions::new(world.party.clone());
    let (registry, run) =
        Registry::new(driver, VirtualEnv::new(&world), move |_: &str| store.clone(), options).unwrap();
    let run = tokio::spawn(run);
    let first = registry.session("a").await.unwrap().unwrap();
    assert!(is_refused(&registry.session("b").await.unwrap_err()));
    assert!(is_refused(&registry.log_in("b", world.tokens.clone()).unwrap_err()));
    assert!(first.access().await.is_ok() && registry.health().sessions == 1);
    drop(first);
    sleep(IDLE * 2).await;
    assert!(registry.session("b").await.unwrap().unwrap().access().await.is_ok());
    assert!(is_refused(&registry.session("a").await.unwrap_err()));
    drop(registry);
    run.await.unwrap();
}
