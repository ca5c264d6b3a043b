//! The rendezvous of a real homeserver (MSC4108).

use std::time::Duration;

use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::Rendezvous;
use oidc_proto::qr::RendezvousOptions;
use oidc_proto::qr::rendezvous::Delivery;
use oidc_proto::{Env as _, Error, ErrorCode};

use crate::synapse::world::*;

const MINUTE: Duration = Duration::from_secs(60);

fn options() -> RendezvousOptions {
    RendezvousOptions::new().with_schemes(LOOPBACK).with_interval(Duration::from_millis(100))
}

impl World {
    fn create(&mut self) -> Rendezvous {
        let base = Homeserver::new(&self.base, LOOPBACK).unwrap();
        self.run(Rendezvous::create(&base, options())).unwrap()
    }

    fn join(&mut self, other: &Rendezvous) -> Rendezvous {
        let step = Rendezvous::join(&other.code([9; 32], None), options(), MINUTE, &mut self.env);
        self.run(Ok(step)).unwrap()
    }

    fn send(&mut self, rendezvous: Rendezvous, text: &str) -> Result<Delivery, Error> {
        let step = rendezvous.send(text, MINUTE, &mut self.env);
        self.run(Ok(step))
    }

    fn sent(&mut self, rendezvous: Rendezvous, text: &str) -> Rendezvous {
        match self.send(rendezvous, text).unwrap() {
            Delivery::Delivered(rendezvous) => rendezvous,
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, rendezvous: Rendezvous, timeout: Duration) -> Result<(Rendezvous, String), Error> {
        let step = rendezvous.receive(timeout, &mut self.env);
        self.run(Ok(step)).map(|received| (received.rendezvous, received.text))
    }
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn two_devices_write_in_turn() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let mut a = world.create();
    let lifetime = a.lifetime(world.env.monotonic());
    // `Expires` and `Date` are whole seconds, and the first may be of the next one.
    let longest = MINUTE + Duration::from_secs(1);
    assert!(lifetime.is_some_and(|lifetime| lifetime <= longest), "{lifetime:?}");
    let mut b = world.join(&a);
    for turn in 0..3 {
        a = world.sent(a, &format!("a{turn}"));
        let (next, text) = world.receive(b, MINUTE).unwrap();
        assert_eq!(text, format!("a{turn}"));
        b = world.sent(next, &format!("b{turn}"));
        let (next, text) = world.receive(a, MINUTE).unwrap();
        assert_eq!(text, format!("b{turn}"));
        a = next;
    }
    assert_eq!(*world.web.statuses.borrow(), [&[201, 200][..], &[202, 200].repeat(6)].concat());
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn nothing_new_is_waited_for() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let a = world.create();
    world.web.statuses.borrow_mut().clear();
    let error = world.receive(a.clone(), Duration::from_millis(250)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::QR_TIMEOUT);
    let statuses = world.web.statuses.borrow().clone();
    assert!(statuses.len() >= 2 && statuses.iter().all(|status| *status == 304), "{statuses:?}");
    // One's own text is nothing new either.
    let a = world.sent(a, "own");
    assert_eq!(code(world.receive(a, Duration::from_millis(250))), ErrorCode::QR_TIMEOUT);
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn who_writes_second_is_told() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let a = world.create();
    let b = world.join(&a);
    world.sent(a, "first");
    let Delivery::Overtaken(b) = world.send(b, "second").unwrap() else { panic!("written over") };
    assert_eq!(world.web.statuses.borrow().last(), Some(&412));
    let (b, text) = world.receive(b, MINUTE).unwrap();
    assert_eq!(text, "first");
    world.sent(b, "second");
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn what_is_too_large_is_told_and_what_is_over_is_gone() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let a = world.create();
    let b = world.join(&a);
    assert_eq!(code(world.send(a.clone(), &"x".repeat(4 * 1024 + 1))), ErrorCode::QR_RENDEZVOUS_TOO_LARGE);
    let a = world.sent(a, &"x".repeat(4 * 1024));
    world.run(Ok(a.clone().delete())).unwrap();
    // That it is gone already is as good.
    world.run(Ok(a.clone().delete())).unwrap();
    assert_eq!(code(world.send(a, "late")), ErrorCode::QR_RENDEZVOUS_EXPIRED);
    assert_eq!(code(world.receive(b, MINUTE)), ErrorCode::QR_RENDEZVOUS_EXPIRED);
}
