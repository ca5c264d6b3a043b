//! Logging in.

use oidc_proto::ResponseMode;
use oidc_proto::adapter::HttpOptions;
use oidc_proto::matrix::{AccountAction, DeviceCheck, DeviceId, LoginOutcome, LoginRequest, Whoami};
use oidc_proto::{AuthorizationRequest, Callback, Env as _, ErrorCode, RedirectUri, Scope};

use crate::support::browser::Browser;
use crate::synapse::world::*;

#[test]
#[ignore = "needs Synapse and Node.js"]
fn the_response_comes_in_the_query_and_in_the_fragment() {
    let synapse = shared();
    let mut world = World::at(synapse);
    for (redirect, request) in [
        (NATIVE, LoginRequest::new()),
        ("http://127.0.0.1:51000/callback", LoginRequest::new()),
        (PAGE, LoginRequest::new()),
        (NATIVE, LoginRequest::new().with_response_mode(ResponseMode::Fragment)),
    ] {
        let login = world.log_in_by(redirect, request, "auto:visitor").unwrap().logged_in().unwrap();
        assert_eq!(login.session.user_id().as_str(), "@visitor:hs.test");
    }
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn a_new_account_is_made_and_a_login_can_be_denied() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let login =
        world.log_in(LoginRequest::new().with_account_creation(), "auto:newcomer").unwrap().logged_in().unwrap();
    assert_eq!(login.session.user_id().as_str(), "@newcomer:hs.test");
    assert!(world.knows(login.session.tokens().access_token()));
    let denied = world.log_in(LoginRequest::new(), "deny:newcomer");
    assert_eq!(code(denied), ErrorCode::AUTHORIZATION_ACCESS_DENIED);
}

/// The session of the one goes on, and the grant of the other does not.
#[test]
#[ignore = "needs Synapse and Node.js"]
fn another_user_does_not_get_into_a_known_session() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let session = world.logged_in("owner").session;
    let LoginOutcome::Refused { error, tokens } = world.log_in(LoginRequest::again(&session), "auto:intruder").unwrap()
    else {
        panic!("let in")
    };
    assert_eq!((error.code(), error.field()), (ErrorCode::WHOAMI_USER_MISMATCH, Some("user_id")));
    let step = tokens.revoke(&mut world.env);
    world.run(step).unwrap();
    assert!(world.knows(session.tokens().access_token()));
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn the_user_allows_it_on_another_device() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let party = world.party();
    for yes in [true, false] {
        let device = DeviceId::new(&format!("TELEVISION-{yes}")).unwrap();
        let step = LoginRequest::new().with_device_id(device.clone()).start_device(&party, &mut world.env);
        let pending = world.run(step).unwrap();
        let page = pending.authorization().verification_uri_complete().unwrap().to_owned();
        Browser::new(HttpOptions::new()).confirm_device(&page, "viewer", yes);
        let step = pending.poll(&party, &mut world.env);
        let outcome = world.run(step);
        if yes {
            let session = outcome.unwrap().logged_in().unwrap().session;
            assert_eq!((session.user_id().as_str(), session.device_id()), ("@viewer:hs.test", &device));
        } else {
            assert_eq!(code(outcome), ErrorCode::DEVICE_ACCESS_DENIED);
        }
    }
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn the_account_has_a_page_and_its_devices_are_known() {
    let synapse = shared();
    let mut world = World::at(synapse);
    let session = world.logged_in("manager").session;
    let server = world.server();
    let account = server.account.clone().unwrap();
    assert!(account.supports(AccountAction::DeviceView));
    let issuer = &synapse.service.as_ref().unwrap().issuer;
    let device = session.device_id();
    assert_eq!(
        account.url(Some(AccountAction::DeviceView), Some(device)),
        format!("{issuer}/account/?action=org.matrix.device_view&device_id={device}")
    );
    let party = world.party_of(&session);
    for (device, is_there) in [(device.clone(), true), (DeviceId::new("NOSUCHDEVICE").unwrap(), false)] {
        let step = DeviceCheck::start(&device, session.tokens(), &party, &mut world.env);
        assert_eq!(world.run(step).unwrap(), is_there);
    }
}

/// A grant of the core, whose scope has nothing of Matrix.
#[test]
#[ignore = "needs Synapse and Node.js"]
fn a_token_for_something_else_is_unknown() {
    let synapse = shared();
    let mut world = World::at(synapse);
    world.logged_in("stranger");
    let party = world.party();
    let redirect_uri = RedirectUri::new(NATIVE).unwrap();
    let request =
        AuthorizationRequest::new(redirect_uri, Scope::new("openid").unwrap()).with_login_hint("auto:stranger");
    let (url, pending) = party.relying_party().authorize(request, &mut world.env).unwrap();
    let callback = Browser::new(HttpOptions::new()).visit(url.as_str(), NATIVE);
    let callback = Callback::from_url(&callback.url).unwrap();
    let verified = party.relying_party().check(&pending, &callback, world.env.now()).unwrap();
    let step = party.relying_party().redeem(pending, verified, &mut world.env);
    let tokens = world.run(step).unwrap().verified().unwrap().tokens;
    let step = Whoami::start(&tokens, &party, &mut world.env);
    assert_eq!(code(world.run(step)), ErrorCode::HOMESERVER_UNKNOWN_TOKEN);
}
