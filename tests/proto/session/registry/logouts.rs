//! Logouts by name, by user and by session of the provider, also of sessions that are only in the store.

use std::time::Duration;

use oidc_proto::adapter::session::{LoggedOut, NoToken};
use oidc_proto::adapter::{BlockingDriver, Driver};
use oidc_proto::session::{End, Erased, Event};
use oidc_proto::{Env, ErrorCode, LogoutToken};
use tokio::time::sleep;

use super::shelf::Shelf;
use super::{IDLE, MOMENT, Server, expired, stored, two_users};
use crate::session::tasks::{VirtualEnv, provider};
use crate::session::world::World;

fn names(logged_out: &[LoggedOut<VirtualEnv>]) -> Vec<&str> {
    logged_out.iter().map(LoggedOut::name).collect()
}

/// Alice is logged in three times and Bob once. Two of Alice's sessions are in memory.
async fn crowd(world: &mut World, shelf: &Shelf) -> Server {
    for (name, user) in [("a1", "alice"), ("a2", "alice"), ("a3", "alice"), ("b", "bob")] {
        world.op.honest();
        world.op.edit_id_token(move |token| token.claim("sid", format!("at {name}")));
        stored(world, shelf, name, user);
    }
    world.op.honest();
    let server = Server::start(world, shelf);
    server.session("a1").await;
    server.session("a2").await;
    server.session("b").await;
    server
}

#[tokio::test(start_paused = true)]
async fn a_logout_by_subject_reaches_sessions_that_are_only_in_the_store() {
    let (mut world, shelf) = (two_users(), Shelf::default());
    let server = crowd(&mut world, &shelf).await;
    let alice = shelf.record("a1").unwrap().tokens;
    let subject = alice.subject().unwrap();
    let done = server.registry.log_out_subject(&world.party, subject).await.unwrap();
    assert_eq!((names(done.sessions()), done.reaches_stores()), (vec!["a1", "a2", "a3"], true));
    assert!(done.sessions().iter().all(|session| session.logout().erased == Erased::Record));
    for name in ["a1", "a2", "a3"] {
        assert!(shelf.record(name).is_none() && server.registry.session(name).await.unwrap().is_none());
    }
    assert!(server.session("b").await.access().await.is_ok());
    // Each gives back what is to be revoked, also if nobody asks for it.
    let mut sessions = done.into_sessions();
    let driver = Driver::new(provider(&world, MOMENT));
    let last = sessions.pop().unwrap();
    drop(sessions);
    sleep(MOMENT).await;
    let mut revoked = 0;
    while let Some(revocation) = last.poll_revocation().or_else(|| server.registry.poll_revocation()) {
        driver.run(revocation.unwrap(), &mut VirtualEnv::new(&world)).await.unwrap();
        revoked += 1;
    }
    assert!(revoked >= 3 && !world.honours(alice.access_token().expose()));
    assert_eq!(server.registry.log_out_subject(&world.party, subject).await.unwrap().sessions().len(), 0);
    // Nothing is left of them but the other user's entries: of the subject, and of the session.
    assert_eq!((shelf.entries(), server.present()), (2, 2));
    drop(last);
    sleep(MOMENT).await;
    assert_eq!(server.present(), 1);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_an_index_a_logout_by_subject_says_that_there_may_be_more() {
    let (mut world, shelf) = (two_users(), Shelf::without_index());
    let server = crowd(&mut world, &shelf).await;
    let subject = shelf.record("a1").unwrap().tokens.subject().unwrap().to_owned();
    let done = server.registry.log_out_subject(&world.party, &subject).await.unwrap();
    assert_eq!((names(done.sessions()), done.reaches_stores()), (vec!["a1", "a2"], false));
    assert!(shelf.record("a3").is_some());
    drop(done);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_logout_by_session_id_ends_that_session_only() {
    let (mut world, shelf) = (two_users(), Shelf::default());
    let server = crowd(&mut world, &shelf).await;
    let done = server.registry.log_out_session_id(&world.party, "at a3").await.unwrap();
    assert_eq!(names(done.sessions()), ["a3"]);
    drop(done);
    assert!(shelf.record("a3").is_none() && shelf.record("a1").is_some());
    // Another client's user with the same subject is somebody else.
    let other = world.party.with_client(oidc_proto::Client::new("other"));
    let done = server.registry.log_out_session_id(&other, "at a1").await.unwrap();
    assert!(done.sessions().is_empty());
    drop(done);
    // Where the index fails, those in memory are ended all the same.
    shelf.fails("find");
    let error = server.registry.log_out_session_id(&world.party, "at a2").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::STORE_IO);
    assert!(shelf.record("a2").is_none() && server.registry.present("a2").is_none());
    server.stop().await;
}

/// What the provider sends.
fn logout_token(world: &mut World, user: &str) -> LogoutToken {
    let body = world.op.logout_request("app", user, world.env.now());
    let http = BlockingDriver::new(world.op.http(world.env.clock()));
    let step = world.party.back_channel_logout(body.as_bytes(), &mut world.env).unwrap();
    http.run(step, &mut world.env).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_back_channel_logout_that_failed_half_way_can_be_repeated_and_no_other() {
    let (mut world, shelf) = (two_users(), Shelf::default());
    let server = crowd(&mut world, &shelf).await;
    let token = logout_token(&mut world, "alice");
    let party = world.party.clone();
    let deliver = || server.registry.back_channel_logout(&party, &token);
    for action in ["erase", "load"] {
        shelf.fails(action);
        assert_eq!(deliver().await.unwrap_err().code(), ErrorCode::STORE_IO, "{action}");
        // Logged out here, but not erased: what is in the store is not taken for a session again.
        for _ in 0..2 {
            let error = server.session("a1").await.access().await.unwrap_err();
            assert!(matches!(error, NoToken::Ended(End::LoggedOut)), "{error}");
            sleep(3 * IDLE).await;
        }
    }
    shelf.fails("");
    let done = deliver().await.unwrap();
    assert_eq!(names(done.sessions()), ["a1", "a2", "a3"]);
    assert!(["a1", "a2", "a3"].iter().all(|name| shelf.record(name).is_none()));
    // A new login is not ended by the old token.
    server.registry.log_in("a4", world.login("alice")).unwrap();
    assert_eq!(deliver().await.unwrap_err().code(), ErrorCode::LOGOUT_TOKEN_REPLAYED);
    assert!(server.session("a4").await.access().await.is_ok());
    drop(done);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_logout_by_name_ends_what_is_under_way() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    expired(&mut world);
    let server = Server::start(&world, &shelf);
    let mut events = server.registry.subscribe();
    let session = server.session("a").await;
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.access().await }
    });
    sleep(MOMENT / 2).await;
    let (first, second) = tokio::join!(server.registry.log_out("a"), server.registry.log_out("a"));
    assert!(matches!(waiting.await.unwrap(), Err(NoToken::Ended(End::LoggedOut))));
    // Both saw it, or one came too late.
    let logged_out = first.unwrap().or(second.unwrap()).unwrap();
    assert!(logged_out.logout().is_certain() && logged_out.logout().erased == Erased::Record);
    assert!(server.registry.log_out("a").await.unwrap().is_none() && server.registry.present("a").is_none());
    let mut ends = 0;
    while let Ok(Some(event)) = tokio::time::timeout(MOMENT, events.next()).await {
        ends += usize::from(matches!(event.event(), Event::LoggedOut(_)));
    }
    assert_eq!(ends, 1);
    // The tokens of the refresh that was under way are given back, too.
    let driver = Driver::new(provider(&world, MOMENT));
    while let Some(revocation) = logged_out.poll_revocation() {
        driver.run(revocation.unwrap(), &mut VirtualEnv::new(&world)).await.unwrap();
    }
    assert!(!world.honours(logged_out.tokens().access_token().expose()));
    drop((session, logged_out));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_logout_goes_on_without_the_one_who_asked_for_it() {
    let (mut world, shelf) = (World::new(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    let server = Server::start(&world, &shelf);
    server.session("a").await;
    shelf.takes(MOMENT);
    let asked = tokio::spawn({
        let registry = server.registry.clone();
        async move { registry.log_out("a").await.map(drop) }
    });
    sleep(MOMENT / 2).await;
    asked.abort();
    // While it goes on, nobody gets a session of the record that is about to be erased.
    let meanwhile = server.session("a").await;
    assert!(matches!(meanwhile.access().await, Err(NoToken::Ended(End::LoggedOut))));
    sleep(Duration::from_secs(1)).await;
    assert!(shelf.record("a").is_none() && server.registry.session("a").await.unwrap().is_none());
    drop(meanwhile);
    server.stop().await;
}
