//! A login that the user allows on another device.

use oidc_proto::matrix::{DeviceId, LoginOutcome, LoginRequest, PendingDeviceLogin};
use oidc_proto::testing::{On, OnMatrix, RequestTo};
use oidc_proto::{Error, ErrorCode};

use crate::matrix::world::*;

fn begin(world: &mut World, request: LoginRequest) -> PendingDeviceLogin {
    let server = world.server();
    let party = world.party(&server).unwrap();
    let step = request.start_device(&party, &mut world.env);
    world.run(step).unwrap()
}

fn poll(world: &mut World, pending: PendingDeviceLogin) -> Result<LoginOutcome, Error> {
    let server = world.server();
    let party = world.party(&server).unwrap();
    let step = pending.poll(&party, &mut world.env);
    world.run(step)
}

#[test]
fn the_user_allows_it_elsewhere() {
    let mut world = World::new();
    let device = DeviceId::new("TELEVISION1").unwrap();
    let pending = begin(&mut world, LoginRequest::new().with_device_id(device.clone()));
    assert_eq!(pending.device_id(), &device);
    assert!(pending.authorization().verification_uri_complete().unwrap().starts_with(ISSUER));
    let login = poll(&mut world, pending).unwrap().logged_in().unwrap();
    assert_eq!((login.session.user_id().as_str(), login.session.device_id()), ("@alice:example.org", &device));
    let last = &world.hs.requests()[world.hs.requests().len() - 2..];
    assert_eq!(last, [RequestTo::Provider(On::Token), RequestTo::Homeserver(OnMatrix::Whoami)]);
}

#[test]
fn nobody_allows_it() {
    let mut world = World::new();
    let _ = world.hs.provider().clone().with_device_polls(usize::MAX);
    let pending = begin(&mut world, LoginRequest::new());
    let error = poll(&mut world, pending).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DEVICE_EXPIRED_TOKEN);
}

#[test]
fn somebody_else_allows_it() {
    let mut world = World::new();
    let session = world.logged_in().session;
    let pending = begin(&mut world, LoginRequest::again(&session));
    world.hs.edit_json(OnMatrix::Whoami, |o| drop(o.insert("user_id".into(), "@mallory:example.org".into())));
    let error = poll(&mut world, pending).unwrap().logged_in().unwrap_err();
    assert_eq!((error.code(), error.field()), (ErrorCode::WHOAMI_USER_MISMATCH, Some("user_id")));
    for user in ["@alice:example.org", "@mallory:example.org"] {
        assert!(error.to_string().contains(user), "{error}");
    }
}

/// As in a login by QR code.
#[test]
fn the_polling_was_anothers() {
    for (homeserver, expected) in
        [(None, None), (Some("https://other.example.org"), Some(ErrorCode::MATRIX_HOMESERVER_MISMATCH))]
    {
        let mut world = World::new();
        let (server, pending) = (world.server(), begin(&mut world, LoginRequest::new()));
        let party = world.party(&server).unwrap();
        let step = party.relying_party().poll_device(pending.authorization().clone(), &mut world.env);
        let exchanged = world.run(step).unwrap();
        let mut stored = serde_json::to_value(&pending).unwrap();
        if let Some(url) = homeserver {
            stored["homeserver"] = url.into();
        }
        let pending = PendingDeviceLogin::from_json(&stored.to_string()).unwrap();
        let step = pending.complete(exchanged, &party, &mut world.env);
        match (world.run(step).unwrap(), expected) {
            (LoginOutcome::LoggedIn(login), None) => assert_eq!(login.session.user_id().as_str(), "@alice:example.org"),
            // The tokens are not lost.
            (LoginOutcome::Refused { error, tokens }, Some(code)) => {
                assert_eq!(error.code(), code);
                let step = tokens.revoke(&mut world.env);
                world.run(step).unwrap();
            }
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
}
