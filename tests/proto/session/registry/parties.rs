//! The clients of a registry, and the records of others.

use oidc_proto::adapter::session::{Registry, RegistryOptions};
use oidc_proto::adapter::{BlockingDriver, Driver};
use oidc_proto::session::RefreshPolicy;
use oidc_proto::{Client, ErrorCode, Issuer, RelyingParty, Schemes};
use tokio::time::sleep;

use super::shelf::Shelf;
use super::{MOMENT, Server, stored, two_users};
use crate::hostile::strong::dpop_key;
use crate::session::tasks::{VirtualEnv, provider};
use crate::session::world::World;

#[tokio::test(start_paused = true)]
async fn the_record_of_a_client_that_the_registry_does_not_know_is_refused() {
    let (mut world, shelf) = (two_users(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    let other = world.party.with_client(Client::new("other"));
    let driver = Driver::new(provider(&world, MOMENT)).with_timer(sleep);
    let options = RegistryOptions::new(other).with_refresh(RefreshPolicy::Ahead);
    let (registry, run) = Registry::new(driver, VirtualEnv::new(&world), shelf.clone(), options.clone()).unwrap();
    let _run = tokio::spawn(run);
    assert_eq!(registry.session("a").await.unwrap_err().code(), ErrorCode::CLIENT_MISMATCH);
    assert_eq!(registry.log_in("b", world.login("bob")).unwrap_err().code(), ErrorCode::CLIENT_MISMATCH);
    // One registry has the sessions of several clients.
    let server = Server::with(&world, &shelf, |own| {
        let _ = own;
        options.with_party(world.party.clone())
    });
    assert!(server.session("a").await.access().await.is_ok());
}

/// The app at another provider.
fn elsewhere(world: &mut World) -> RelyingParty {
    let name = "https://elsewhere.example";
    let http = BlockingDriver::new(oidc_proto::testing::Provider::new(name).http(world.env.clock()));
    let issuer = Issuer::new(name, Schemes::HttpsOnly).unwrap();
    http.run(RelyingParty::discover(issuer, world.party.client().clone()).unwrap(), &mut world.env).unwrap()
}

#[tokio::test(start_paused = true)]
async fn of_several_clients_the_one_that_differs_least_gives_the_error() {
    let (mut world, shelf) = (two_users(), Shelf::default());
    stored(&mut world, &shelf, "a", "alice");
    let elsewhere = elsewhere(&mut world);
    let other = world.party.with_client(Client::new("other"));
    let bound = world.party.with_client(world.party.client().clone().with_dpop(dpop_key(8)));
    for (parties, code) in [
        ([&elsewhere, &other], ErrorCode::CLIENT_MISMATCH),
        ([&other, &elsewhere], ErrorCode::CLIENT_MISMATCH),
        ([&elsewhere, &bound], ErrorCode::DPOP_KEY_MISMATCH),
        ([&other, &bound], ErrorCode::DPOP_KEY_MISMATCH),
        ([&bound, &other], ErrorCode::DPOP_KEY_MISMATCH),
        ([&elsewhere, &elsewhere], ErrorCode::PROVIDER_MISMATCH),
    ] {
        let options = RegistryOptions::new(parties[0].clone()).with_party(parties[1].clone());
        let driver = Driver::new(provider(&world, MOMENT)).with_timer(sleep);
        let (registry, run) = Registry::new(driver, VirtualEnv::new(&world), shelf.clone(), options).unwrap();
        let _run = tokio::spawn(run);
        assert_eq!(registry.session("a").await.unwrap_err().code(), code);
    }
}
