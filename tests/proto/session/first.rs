//! The tokens of a login: how they get into the store before they are refreshed.

use std::future::ready;
use std::time::Duration;

use http::{Request, Response};
use oidc_proto::adapter::session::{BlockingSession, Sessions};
use oidc_proto::adapter::{Driver, from_fn};
use oidc_proto::session::{Event, Persistence, SessionOptions, StoreResponse};
use oidc_proto::{Body, Failure, Policy};

use crate::session::memory::Memory;
use crate::session::world::{Store, World, broken, shared};

fn own() -> SessionOptions {
    SessionOptions::default().with_persistence(Persistence::Own)
}

#[test]
fn a_crash_before_the_first_refresh_loses_nothing() {
    for options in [shared(), own()] {
        let (mut world, store) = (World::new(), Store::default());
        let mut session = world.session(options);
        session.save(&world.env);
        assert!(world.ask(&mut session).is_ok(), "they can be used meanwhile");
        assert!(!session.is_idle(), "something would be lost");
        assert_eq!(world.pump(&mut session, &store), []);
        assert_eq!((store.log(), session.generation(), session.is_idle()), (vec!["save"], 1, true));
        drop(session);

        let mut session = world.restore(store.record().unwrap(), options);
        assert_eq!(world.ask(&mut session).unwrap(), world.tokens.access_token().expose());
        world.advance(301);
        let epoch = world.ask(&mut session).unwrap_err().unwrap();
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
        assert!(world.honours(&world.outcome(&session, epoch).unwrap()));
        assert_eq!(store.record().unwrap().generation, 2);
    }
}

#[test]
fn a_store_that_is_away_gets_the_tokens_of_a_login_later() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = world.session(shared());
    store.fails("save");
    session.save(&world.env);
    // Once more is no more.
    session.save(&world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::NotSaved(broken("save"))]);
    session.save(&world.env);
    assert_eq!((world.pump(&mut session, &store), store.log()), (vec![], vec!["save"]));
    store.fails("");
    world.wait(&mut session);
    assert_eq!(world.pump(&mut session, &store), []);
    assert_eq!(store.record().unwrap().tokens.access_token().expose(), world.tokens.access_token().expose());
    assert!(session.is_idle() && !store.is_locked());
}

/// A response that never comes does not keep them out of the store.
#[test]
fn a_store_that_says_nothing_is_asked_again() {
    let (mut world, store) = (World::new(), Store::default());
    let mut session = world.session(own());
    session.save(&world.env);
    let (silent, _) = session.poll_store(&mut world.env).unwrap();
    assert!(session.poll_store(&mut world.env).is_none());
    world.wait(&mut session);
    world.pump(&mut session, &store);
    assert!(store.record().is_some() && session.is_idle());
    session.handle_store(silent, StoreResponse::Failed(broken("save")), &mut world.env);
    assert!(session.is_idle() && session.poll_event().is_none());
}

#[test]
fn there_is_nothing_to_save_without_a_store_or_after_the_end() {
    let mut world = World::new();
    let mut session = world.session(SessionOptions::default());
    session.save(&world.env);
    assert!(session.poll_store(&mut world.env).is_none() && session.is_idle());

    let store = Store::default();
    let mut session = world.session(shared());
    session.save(&world.env);
    session.log_out(&mut world.env);
    session.save(&world.env);
    world.pump(&mut session, &store);
    assert_eq!((store.log(), store.record().is_none()), (vec!["lock", "load", "unlock"], true));
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_login_are_saved_by_a_task_and_by_a_thread_without_anyone_asking_for_a_token() {
    fn never(_: Request<Body>, _: Policy) -> Result<Response<Vec<u8>>, Failure> {
        panic!("nothing is to be sent")
    }
    let mut world = World::new();
    let memory = Memory::default();
    let mut session = world.session(shared());
    session.save(&world.env);
    let (sessions, run) =
        Sessions::new(Driver::new(from_fn(|request, policy| ready(never(request, policy)))), world.env.clone());
    let handle = sessions.add(session, memory.store()).unwrap();
    drop((handle, sessions));
    tokio::time::timeout(Duration::from_secs(3600), run).await.unwrap();
    assert_eq!(memory.record().unwrap().generation, 1);

    let memory = Memory::default();
    let mut session = world.session(shared());
    session.save(&world.env);
    let session = BlockingSession::new(session, from_fn(never), memory.blocking(), world.env.clone()).unwrap();
    session.tend(Duration::ZERO);
    assert_eq!(memory.record().unwrap().generation, 1);
}
