//! Whether and where one logs in.

use oidc_proto::adapter::BlockingHttpClient as _;
use oidc_proto::matrix::{Address, DeviceId, LoginRequest, MetadataSource, Support, SupportCheck};
use oidc_proto::{Accept, Body, Policy, ProviderOptions, Scope};

use crate::support::synapse::Synapse;
use crate::synapse::world::*;

const STABLE: &str = "/_matrix/client/v1/auth_metadata";
const UNSTABLE: &str = "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata";
const ISSUER: &str = "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer";

#[test]
#[ignore = "needs Synapse and Node.js"]
fn without_the_service_there_is_nothing_to_log_in_at() {
    let synapse = Synapse::start_alone();
    let mut world = World::at(&synapse);
    let address = Address::parse(&synapse.url, LOOPBACK).unwrap();
    let step = SupportCheck::start(address, ProviderOptions::new().with_schemes(LOOPBACK));
    assert!(matches!(world.run(step).unwrap().support, Support::NotSupported));
    assert_eq!(world.web.seen.borrow()[1..], [STABLE, UNSTABLE, ISSUER]);
    let request = http::Request::get(format!("{}{STABLE}", synapse.url)).body(Body::default()).unwrap();
    let response = world.web.call(request, Policy::write(Accept::Json)).unwrap();
    let response: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(response["errcode"], "M_UNRECOGNIZED");
}

/// By what an older homeserver lacks, its age is known, and the spelling of the scopes follows from it.
#[test]
#[ignore = "needs Synapse and Node.js"]
fn each_place_of_the_metadata_leads_to_a_login_in_its_form_of_scopes() {
    let synapse = shared();
    // Synapse has only two of the three.
    let mut world = World::through(synapse, Web::without(&[STABLE, UNSTABLE]));
    assert!(matches!(world.support().unwrap(), Support::NotSupported));
    for (missing, source, prefix) in [
        (&[][..], MetadataSource::Stable, "urn:matrix:client:"),
        (&[STABLE], MetadataSource::Unstable, "urn:matrix:org.matrix.msc2967.client:"),
    ] {
        let mut world = World::through(synapse, Web::without(missing));
        let server = world.server();
        assert_eq!(server.source, source);
        assert_eq!(server.provider.issuer().as_str(), synapse.service.as_ref().unwrap().issuer);
        assert!(server.creates_accounts() && server.freshness.fresh_until.is_some());

        let device = DeviceId::new(&format!("FINDING-{}", source.as_str())).unwrap();
        let request = LoginRequest::new().with_device_id(device.clone());
        let login = world.log_in(request, "auto:finder").unwrap().logged_in().unwrap();
        assert_eq!((login.session.user_id().as_str(), login.session.device_id()), ("@finder:hs.test", &device));
        let scope = login.session.tokens().scope();
        assert_eq!(scope.as_str(), format!("{prefix}api:* {prefix}device:{device}"));
    }
}

/// From the homeserver's URL to a user ID, with an ID token that is verified.
#[test]
#[ignore = "needs Synapse and Node.js"]
fn a_login_takes_five_requests() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let request = LoginRequest::new().with_further_scope(&Scope::new("openid").unwrap());
    let login = world.log_in(request, "auto:counter").unwrap().logged_in().unwrap();
    assert_eq!(login.session.tokens().id_token().unwrap().subject(), "counter");
    let expected =
        [STABLE, "/oauth2/registration", "/oauth2/keys.json", "/oauth2/token", "/_matrix/client/v3/account/whoami"];
    assert_eq!(*world.web.seen.borrow(), expected);
}
