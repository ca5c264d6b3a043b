//! A logout that is not certain says why.

use oidc_proto::ErrorCode;
use oidc_proto::session::{Event, Persistence, Record, SessionOptions, StoreAction, Uncertainty};
use oidc_proto::testing::{Disturbance, On, Reuse, User};

use crate::session::endings::ignores_spent;
use crate::session::world::{Store, World, shared};

#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    /// The response of a refresh is lost.
    Lost(Reuse),
    /// The same where nothing can be asked any more: there is no lock.
    LostAndLocked,
    Store,
    Locked,
    OtherUser,
}

/// What a logout says after this trouble: whether it is certain, and why not.
fn why(trouble: Trouble) -> (bool, Option<Uncertainty>) {
    let reuse = if let Trouble::Lost(reuse) = trouble { reuse } else { Reuse::AllowedUntilSuccessorIsUsed };
    let op = ignores_spent().with_reuse(reuse).with_user(User::new("alice")).with_user(User::new("bob"));
    let (mut world, store) = (World::with(op), Store::default());
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    if matches!(trouble, Trouble::Lost(_) | Trouble::LostAndLocked) {
        world.op.disturb(On::Token, Disturbance::LostResponse, 1);
        let _ = session.refresh(&mut world.env);
        world.pump(&mut session, &store);
    }
    match trouble {
        Trouble::None | Trouble::Lost(_) => {}
        Trouble::Store => store.fails("load"),
        Trouble::Locked | Trouble::LostAndLocked => {
            store.break_lock();
            assert!(store.response(StoreAction::Lock).is_some());
        }
        Trouble::OtherUser => {
            let theirs = world.login("bob");
            store.put(Record::of_login(theirs, session.stored(), &mut world.env));
        }
    }
    session.log_out(&mut world.env);
    let mut events = world.pump(&mut session, &store);
    while !session.is_idle() {
        world.wait(&mut session);
        events.extend(world.pump(&mut session, &store));
    }
    let logout = events.into_iter().find_map(|event| match event {
        Event::LoggedOut(logout) => Some(logout),
        _ => None,
    });
    let logout = logout.unwrap();
    (logout.is_certain(), logout.uncertainty)
}

#[test]
fn rule_13_a_logout_that_is_not_certain_says_why() {
    assert_eq!(why(Trouble::None), (true, None));
    assert_eq!(why(Trouble::Lost(Reuse::AllowedUntilSuccessorIsUsed)), (true, None));
    let (is_certain, denied) = why(Trouble::Lost(Reuse::EndsGrant));
    let denied = match denied {
        Some(Uncertainty::RefreshFailed(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!((is_certain, denied.code()), (false, ErrorCode::TOKEN_INVALID_GRANT));
    for (trouble, code) in [
        (Trouble::Store, ErrorCode::STORE_IO),
        (Trouble::Locked, ErrorCode::SESSION_STORE),
        (Trouble::LostAndLocked, ErrorCode::SESSION_STORE),
    ] {
        match why(trouble) {
            (false, Some(Uncertainty::Store(error))) => assert_eq!(error.code(), code, "{trouble:?}"),
            other => panic!("{trouble:?}: {other:?}"),
        }
    }
    assert_eq!(why(Trouble::OtherUser), (false, Some(Uncertainty::OtherLogin)));
    // Without a store nobody else could have begun a refresh.
    let mut world = World::with(ignores_spent());
    let mut session = world.session(SessionOptions::default().with_persistence(Persistence::Nowhere));
    session.log_out(&mut world.env);
    let events = world.pump(&mut session, &Store::default());
    assert!(events.iter().any(|event| matches!(event, Event::LoggedOut(logout) if logout.uncertainty.is_none())));
}
