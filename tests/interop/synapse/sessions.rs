//! What comes after a login.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use oidc_proto::adapter::BlockingHttpClient as _;
use oidc_proto::matrix::{
    AccountAction, DeviceCheck, Errcode, ErrorBody, OAuthStage, Session, SessionEvent, UserSession,
};
use oidc_proto::session::{Access, Event, SessionOptions, Transmit};
use oidc_proto::{AccessToken, ErrorCode};

use crate::support::synapse::Synapse;
use crate::synapse::world::*;

struct Live {
    world: World,
    session: Session,
}

impl Live {
    fn at(synapse: &Synapse, name: &str) -> Self {
        let mut world = World::at(synapse);
        let session = world.logged_in(name).session;
        let party = world.party_of(&session);
        let session = Session::new(session, None, &party, SessionOptions::default(), &mut world.env).unwrap();
        Self { world, session }
    }

    fn token(&self) -> AccessToken {
        self.session.core().tokens().access_token().clone()
    }

    /// A request with the current token; what the homeserver says of the token goes to the session.
    fn call(&mut self) -> (StatusCode, Option<ErrorBody>) {
        let token = self.token();
        let response = self.world.whoami(&token);
        let error = ErrorBody::parse(response.body());
        if let Some(error) = &error {
            let _ = self.session.unauthorized(&token, response.status(), error, &mut self.world.env);
        }
        (response.status(), error)
    }

    /// Carries out what the session asks for.
    fn pump(&mut self) -> Vec<SessionEvent> {
        let env = &mut self.world.env;
        while let Some(Transmit::Call { ticket, request, policy }) = self.session.core_mut().poll_transmit(env) {
            match self.world.web.call(request, policy) {
                Ok(response) => self.session.core_mut().handle_response(ticket, response, env),
                Err(failure) => self.session.core_mut().handle_failure(ticket, failure, env),
            }
        }
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// What an administrator does elsewhere.
    fn revoke_elsewhere(&mut self) {
        let session = self.session.user_session();
        let party = self.world.party_of(&session);
        let step = session.revoke(&party, &mut self.world.env);
        self.world.run(step).unwrap();
    }

    fn has_device(&mut self, of: &UserSession) -> bool {
        let session = self.session.user_session();
        let party = self.world.party_of(&session);
        let step = DeviceCheck::start(of.device_id(), session.tokens(), &party, &mut self.world.env);
        self.world.run(step).unwrap()
    }
}

/// What the homeserver had said of the device, if this is all that happened: the provider said that the grant is gone.
fn login_again(events: &[SessionEvent]) -> Option<Option<bool>> {
    match events {
        [SessionEvent::LoginAgain { soft_logout, error }] if error.code() == ErrorCode::TOKEN_INVALID_GRANT => {
            Some(*soft_logout)
        }
        _ => None,
    }
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn an_expired_token_is_refreshed_before_anyone_is_asked() {
    let synapse = Synapse::start(&[("AT_TTL", "3")]);
    let mut live = Live::at(&synapse, "alice");
    let old = live.token();
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = loop {
        // Other programs do not look at the lifetime: the homeserver tells them.
        let response = live.world.whoami(&old);
        if response.status() != StatusCode::OK {
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            break ErrorBody::parse(response.body()).unwrap();
        }
        assert!(Instant::now() < deadline, "a token that does not expire");
        std::thread::sleep(Duration::from_millis(200));
    };
    // Nor does it tell an expired token from a deleted device.
    assert_eq!((error.errcode, error.soft_logout), (Some(Errcode::UnknownToken), false));
    let access = live.session.unauthorized(&old, StatusCode::UNAUTHORIZED, &error, &mut live.world.env);
    assert!(matches!(access, Access::Wait(_)));
    assert_eq!(live.pump(), [SessionEvent::Core(Event::TokensRefreshed)]);
    assert_ne!(live.token().expose(), old.expose());
    assert_eq!(live.call().0, StatusCode::OK);
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn when_the_grant_is_gone_the_same_user_logs_in_with_the_same_device() {
    let synapse = shared();
    let mut live = Live::at(synapse, "returning");
    let before = live.session.user_session();
    assert_eq!(live.call().0, StatusCode::OK);
    live.revoke_elsewhere();
    let (status, error) = live.call();
    assert_eq!((status, error.unwrap().errcode), (StatusCode::UNAUTHORIZED, Some(Errcode::UnknownToken)));
    assert_eq!(login_again(&live.pump()), Some(Some(false)));

    let request = live.session.login_again();
    let login = live.world.log_in(request, "auto:returning").unwrap().logged_in().unwrap();
    live.session.adopt(&login, &mut live.world.env).unwrap();
    assert_eq!(live.pump(), [SessionEvent::Core(Event::TokensRefreshed)]);
    assert_eq!(live.call().0, StatusCode::OK);
    let after = live.session.user_session();
    assert_eq!((after.user_id(), after.device_id()), (before.user_id(), before.device_id()));
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn logging_out_ends_the_device() {
    let synapse = shared();
    let (mut leaving, mut staying) = (Live::at(synapse, "leaver"), Live::at(synapse, "leaver"));
    let session = leaving.session.user_session();
    assert!(staying.has_device(&session));
    leaving.session.log_out(&mut leaving.world.env);
    assert_eq!(leaving.pump().first(), Some(&SessionEvent::Erase));
    let step = leaving.session.poll_revocation(&mut leaving.world.env).unwrap();
    leaving.world.run(step).unwrap();
    assert_eq!(leaving.world.whoami(session.tokens().access_token()).status(), StatusCode::UNAUTHORIZED);
    assert!(!staying.has_device(&session));
    assert_eq!(staying.call().0, StatusCode::OK);
}

/// The reset of the keys for cross-signing, which the user allows at the provider's page.
#[test]
#[ignore = "needs Synapse and Node.js"]
fn a_reset_of_cross_signing_goes_on_once_the_user_has_allowed_it() {
    let synapse = shared();
    let mut live = Live::at(synapse, "resetter");
    let upload = |live: &mut Live, key: &str, auth: Option<&str>| {
        let key = format!(r#""user_id":"@resetter:hs.test","usage":["master"],"keys":{{"ed25519:{key}":"{key}"}}"#);
        let auth = auth.map_or(String::new(), |auth| format!(r#","auth":{auth}"#));
        let body = format!(r#"{{"master_key":{{{key}}}{auth}}}"#);
        live.world.ask(Method::POST, "/_matrix/client/v3/keys/device_signing/upload", &live.token(), &body)
    };
    let (first, second) = ("A".repeat(43), format!("{}E", "B".repeat(42)));
    assert_eq!(upload(&mut live, &first, None).status(), StatusCode::OK);
    let refused = upload(&mut live, &second, None);
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let stage = OAuthStage::parse(refused.body(), LOOPBACK).unwrap().expect("a stage");
    let account = live.world.server().account.clone().unwrap();
    assert_eq!(stage.url(), account.url(Some(AccountAction::CrossSigningReset), None));
    // Nobody has allowed it.
    let again = upload(&mut live, &second, Some(&stage.auth_json()));
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    synapse.allow_cross_signing_reset("resetter");
    assert_eq!(upload(&mut live, &second, Some(&stage.auth_json())).status(), StatusCode::OK);
}
