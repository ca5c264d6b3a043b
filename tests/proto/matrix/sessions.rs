//! A session after its login: the ladder of an unknown token, a locked account, a new login, the end.

use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient as _};
use oidc_proto::matrix::{
    Application, DeviceCheck, ErrorBody, Homeserver, Login, LoginRequest, Session, SessionEvent, UserSession, Whoami,
};
use oidc_proto::session::{Access, Event, SessionOptions, Transmit};
use oidc_proto::testing::{On, OnMatrix};
use oidc_proto::{AccessToken, Body, Env as _, Error, ErrorCode, Policy, Quote, Registrations, Schemes, Scope};

use crate::matrix::world::*;

struct Live {
    world: World,
    session: Session,
}

impl Live {
    fn new() -> Self {
        let mut world = World::new();
        let session = world.logged_in().session;
        Self::of(world, session)
    }

    fn of(mut world: World, session: UserSession) -> Self {
        let server = world.server();
        let party = world.party_of(&session, &server);
        let session = Session::new(session, None, &party, SessionOptions::default(), &mut world.env).unwrap();
        Self { world, session }
    }

    fn token(&self) -> AccessToken {
        self.session.core().tokens().access_token().clone()
    }

    /// A request to the homeserver with the current token; what it says of the token goes to the session.
    fn call(&mut self) -> u16 {
        let token = self.token();
        let mut request = http::Request::new(Body::default());
        *request.uri_mut() = format!("{HOMESERVER}/_matrix/client/v3/account/whoami").parse().unwrap();
        request.headers_mut().insert("authorization", token.bearer());
        let response = self.world.hs.handle(request, self.world.env.now());
        if let Some(error) = ErrorBody::parse(response.body()) {
            let _ = self.session.unauthorized(&token, response.status(), &error, &mut self.world.env);
        }
        response.status().as_u16()
    }

    /// Carries out what the session asks for.
    fn pump(&mut self) -> Vec<SessionEvent> {
        let http = self.world.hs.http(self.world.env.clock());
        while let Some(Transmit::Call { ticket, request, policy }) =
            self.session.core_mut().poll_transmit(&mut self.world.env)
        {
            let _: &Policy = &policy;
            match http.call(request, policy) {
                Ok(response) => self.session.core_mut().handle_response(ticket, response, &mut self.world.env),
                Err(failure) => self.session.core_mut().handle_failure(ticket, failure, &mut self.world.env),
            }
        }
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    fn again(&mut self) -> Login {
        let request = self.session.login_again();
        self.world.log_in(request).unwrap().logged_in().unwrap()
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
fn an_unknown_token_is_refreshed_before_anyone_is_asked() {
    let mut live = Live::new();
    assert_eq!(live.call(), 200);
    live.world.hs.provider().forget_access_tokens();
    assert_eq!(live.call(), 401);
    assert_eq!(live.pump(), [SessionEvent::Core(Event::TokensRefreshed)]);
    assert_eq!(live.call(), 200);
    // A late response about the old token starts nothing.
    let refreshes = live.world.hs.provider().count(On::Token);
    let error = ErrorBody::parse(br#"{"errcode":"M_UNKNOWN_TOKEN"}"#).unwrap();
    let old = AccessToken::new("at_old").unwrap();
    let access = live.session.unauthorized(&old, http::StatusCode::UNAUTHORIZED, &error, &mut live.world.env);
    assert!(matches!(access, Access::Ready(_)));
    assert!(live.pump().is_empty());
    assert_eq!(live.world.hs.provider().count(On::Token), refreshes);
}

#[test]
fn when_the_grant_is_gone_the_same_user_logs_in_with_the_same_device() {
    for soft_logout in [true, false] {
        let mut live = Live::new();
        let before = live.session.user_session();
        live.world.hs.soft_logout(soft_logout);
        live.world.hs.provider().end_grants();
        assert_eq!(live.call(), 401);
        assert_eq!(login_again(&live.pump()), Some(Some(soft_logout)));

        let login = live.again();
        live.session.adopt(&login, &mut live.world.env).unwrap();
        assert_eq!(live.pump(), [SessionEvent::Core(Event::TokensRefreshed)]);
        assert_eq!(live.call(), 200);

        // Nothing of it but the tokens has changed.
        let without_tokens = |session: &UserSession| {
            let mut value = serde_json::to_value(session).unwrap();
            value["tokens"].take();
            value
        };
        let after = live.session.user_session();
        assert_eq!(without_tokens(&after), without_tokens(&before));
        assert_ne!(after.tokens().access_token().expose(), before.tokens().access_token().expose());
        assert_eq!(after.tokens().client_id(), before.tokens().client_id());
        assert_eq!(live.world.hs.provider().count(On::Register), 1);
    }
}

/// The provider was asked first, before the access token expired.
#[test]
fn what_the_homeserver_has_not_said_is_not_made_up() {
    let mut live = Live::new();
    live.world.hs.provider().end_grants();
    let _ = live.session.refresh(&mut live.world.env);
    assert_eq!(login_again(&live.pump()), Some(None));
    let login = live.again();
    live.session.adopt(&login, &mut live.world.env).unwrap();
    assert_eq!(live.call(), 200);
}

/// It was said of a token that was replaced since. Synapse says it of every token that is not good any more.
#[test]
fn what_the_homeserver_said_of_an_older_token_is_forgotten() {
    let mut live = Live::new();
    live.world.hs.provider().forget_access_tokens();
    assert_eq!(live.call(), 401);
    assert_eq!(live.pump(), [SessionEvent::Core(Event::TokensRefreshed)]);
    live.world.hs.provider().end_grants();
    let _ = live.session.refresh(&mut live.world.env);
    assert_eq!(login_again(&live.pump()), Some(None));
}

/// Then a new one is registered, and the same user goes on with the same device.
#[test]
fn a_provider_that_has_forgotten_the_client_costs_a_login() {
    let mut live = Live::new();
    let before = live.session.user_session();
    live.world.hs.provider().tamper(On::Token, |response| {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        *response.body_mut() = br#"{"error":"invalid_client"}"#.to_vec();
    });
    let _ = live.session.refresh(&mut live.world.env);
    let events = live.pump();
    let [SessionEvent::Core(Event::ClientRejected(error))] = &events[..] else { panic!("{events:?}") };
    assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_CLIENT);
    live.world.hs.honest();
    let server = live.world.server();
    assert!(live.world.application.forget(&server, before.tokens().client_id()));
    let login = live.again();
    assert_ne!(login.session.tokens().client_id(), before.tokens().client_id());
    // Nobody takes tokens for a client that they were not made for.
    assert_eq!(live.session.adopt(&login, &mut live.world.env).unwrap_err().code(), ErrorCode::CLIENT_MISMATCH);
    let mut live = Live::of(live.world, login.session);
    assert_eq!((live.session.user_id(), live.session.device_id()), (before.user_id(), before.device_id()));
    assert_eq!(live.call(), 200);
}

/// Two logins of one device are two grants. The device stays until both end.
#[test]
fn a_login_again_leaves_one_grant_and_the_device() {
    let mut live = Live::new();
    let more = Scope::new("urn:synapse:admin:*").unwrap();
    let request = live.session.login_again().with_further_scope(&more);
    let login = live.world.log_in(request).unwrap().logged_in().unwrap();
    let replaced = live.session.core().tokens().clone();
    live.session.adopt(&login, &mut live.world.env).unwrap();
    assert!(live.session.core().tokens().scope().contains("urn:synapse:admin:*"));
    let server = live.world.server();
    let party = live.world.party_of(&login.session, &server);
    live.pump();
    let step = live.session.poll_revocation(&mut live.world.env).unwrap();
    live.world.run(step).unwrap();
    assert_eq!(live.call(), 200);
    let gone = Whoami::start(&replaced, &party, &mut live.world.env);
    assert_eq!(live.world.run(gone).unwrap_err().code(), ErrorCode::HOMESERVER_UNKNOWN_TOKEN);
    let device =
        DeviceCheck::start(live.session.device_id(), live.session.core().tokens(), &party, &mut live.world.env);
    assert!(live.world.run(device).unwrap());
}

#[test]
fn a_user_who_does_not_log_in_again_is_signed_out() {
    let mut live = Live::new();
    live.world.hs.provider().end_grants();
    live.call();
    assert_eq!(login_again(&live.pump()), Some(Some(false)));
    live.session.give_up(&mut live.world.env);
    assert_eq!(live.pump().first(), Some(&SessionEvent::Erase));
    assert!(matches!(live.session.access(&mut live.world.env), Access::Ended(_)));
    assert_eq!(live.world.hs.provider().count(On::Revoke), 0);
}

#[test]
fn a_locked_account_loses_nothing() {
    let mut live = Live::new();
    live.world.hs.lock_account("alice", true);
    let token = live.token();
    for _ in 0..3 {
        assert_eq!(live.call(), 401);
        assert_eq!(live.pump(), [SessionEvent::Locked]);
    }
    assert_eq!(live.token().expose(), token.expose());
    assert_eq!(live.world.hs.provider().count(On::Token), 1);
    live.world.hs.lock_account("alice", false);
    assert_eq!(live.call(), 200);
}

#[test]
fn a_missing_token_is_the_callers_mistake() {
    let mut live = Live::new();
    let error = ErrorBody::parse(br#"{"errcode":"M_MISSING_TOKEN"}"#).unwrap();
    let token = live.token();
    let access = live.session.unauthorized(&token, http::StatusCode::UNAUTHORIZED, &error, &mut live.world.env);
    assert!(matches!(access, Access::Ready(_)));
    assert!(live.pump().is_empty());
}

#[test]
fn a_login_of_another_user_or_device_is_not_adopted() {
    let mut live = Live::new();
    let before = serde_json::to_string(&live.session.user_session()).unwrap();
    let other_device = live.world.logged_in();
    live.world.hs.edit_json(OnMatrix::Whoami, |o| drop(o.insert("user_id".into(), "@bob:example.org".into())));
    let device = live.session.device_id().clone();
    let other_user = live.world.log_in(LoginRequest::new().with_device_id(device)).unwrap().logged_in().unwrap();
    let elsewhere = {
        let own = &other_user.session;
        let homeserver = Homeserver::new("https://elsewhere.org", Schemes::HttpsOnly).unwrap();
        let tokens = own.tokens().clone();
        let mut login = other_user.clone();
        login.session = UserSession::new(homeserver, own.user_id().clone(), own.device_id().clone(), tokens);
        login
    };
    for (login, code) in [
        (&other_device, ErrorCode::WHOAMI_DEVICE_MISMATCH),
        (&other_user, ErrorCode::WHOAMI_USER_MISMATCH),
        (&elsewhere, ErrorCode::MATRIX_HOMESERVER_MISMATCH),
    ] {
        let error = live.session.adopt(login, &mut live.world.env).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.expected().is_some() && error.found().is_some(), "{error}");
        assert_eq!(serde_json::to_string(&live.session.user_session()).unwrap(), before);
        assert!(live.pump().is_empty());
    }
}

#[test]
fn values_of_another_homeserver_are_told() {
    let mut world = World::new();
    let session = world.logged_in().session;
    let begun = world.begin(LoginRequest::new()).unwrap();
    let elsewhere = Homeserver::new("https://elsewhere.org", Schemes::HttpsOnly).unwrap();
    let document = world.hs.handle(
        http::Request::get(format!("{HOMESERVER}/_matrix/client/v1/auth_metadata")).body(Vec::new()).unwrap(),
        world.env.now(),
    );
    let other = oidc_proto::matrix::AuthServer::parse(
        document.body(),
        elsewhere.clone(),
        begun.party.server().source,
        None,
        world.options,
        begun.party.server().freshness,
    )
    .unwrap();
    let options = SessionOptions::default();
    let other = world.party_of(&session, &other);
    let restored = Session::new(session.clone(), None, &other, options, &mut world.env);
    assert_names(&restored.unwrap_err(), elsewhere.as_str(), HOMESERVER);
    let revocation = session.revoke(&other, &mut world.env);
    assert_names(&revocation.unwrap_err(), elsewhere.as_str(), HOMESERVER);
    let callback = world.callback(&begun);
    let refused = begun.pending.check(&callback, &other, world.env.now());
    assert_names(&refused.unwrap_err(), elsewhere.as_str(), HOMESERVER);
    let verified = begun.pending.check(&callback, &begun.party, world.env.now()).unwrap();
    let refused = begun.pending.redeem(verified, &other, &mut world.env);
    assert_names(&refused.unwrap_err(), elsewhere.as_str(), HOMESERVER);
}

/// Which homeserver was expected, and which was found.
fn assert_names(error: &Error, expected: &str, found: &str) {
    let named = [error.expected(), error.found()].map(|quote| quote.map(Quote::as_str));
    assert_eq!((error.code(), named), (ErrorCode::MATRIX_HOMESERVER_MISMATCH, [Some(expected), Some(found)]));
}

#[test]
fn logging_out_ends_the_device_and_does_not_wait_for_the_network() {
    let mut live = Live::new();
    let device = live.session.device_id().clone();
    live.session.log_out(&mut live.world.env);
    assert_eq!(live.pump().first(), Some(&SessionEvent::Erase));
    assert!(matches!(live.session.access(&mut live.world.env), Access::Ended(_)));
    let http = BlockingDriver::new(live.world.hs.http(live.world.env.clock()));
    let step = live.session.poll_revocation(&mut live.world.env).unwrap().unwrap();
    http.run(step, &mut live.world.env).unwrap();
    assert_eq!(live.call(), 401);

    // A stored session that is not live is revoked in the same way.
    let mut world = live.world;
    let session = world.log_in(LoginRequest::new().with_device_id(device)).unwrap().logged_in().unwrap().session;
    let server = world.server();
    let party = world.party_of(&session, &server);
    let step = session.revoke(&party, &mut world.env);
    world.run(step).unwrap();

    // The provider's own session ends in the browser.
    let (url, _) = party.relying_party().end_session(session.end_session(), &mut world.env).unwrap();
    assert!(url.as_str().contains("logout_hint=mxid%3A%40alice%3Aexample.org"));
}

#[test]
fn a_stored_session_goes_on_in_another_process() {
    let mut world = World::new();
    let session = serde_json::to_string(&world.logged_in().session).unwrap();
    let registrations = serde_json::to_string(world.application.registrations()).unwrap();

    world.application = Application::new(metadata(), Registrations::from_json(&registrations).unwrap()).unwrap();
    let mut live = Live::of(world, UserSession::from_json(&session).unwrap());
    assert_eq!(live.call(), 200);
    live.world.hs.provider().forget_access_tokens();
    assert_eq!(live.call(), 401);
    assert_eq!(live.pump(), [SessionEvent::Core(Event::TokensRefreshed)]);
    assert_eq!((live.call(), live.world.hs.provider().count(On::Register)), (200, 1));
}

/// Its users log in elsewhere from now on. Their old tokens are shown to nobody there.
#[test]
fn a_homeserver_that_has_another_provider_wants_a_login() {
    let mut world = World::new();
    let session = world.logged_in().session;
    world.hs.edit_json(OnMatrix::AuthMetadata, |o| drop(o.insert("issuer".into(), "https://id.example.net".into())));
    let server = world.server();
    let options = SessionOptions::default();
    let party = world.party_of(&session, &server);
    let restored = Session::new(session.clone(), None, &party, options, &mut world.env);
    assert_eq!(restored.unwrap_err().code(), ErrorCode::PROVIDER_MISMATCH);
    assert_eq!(session.revoke(&party, &mut world.env).unwrap_err().code(), ErrorCode::PROVIDER_MISMATCH);
    assert!(world.application.party(&server, world.env.now()).is_none());
}

/// For an adapter, which takes the core's session for itself.
#[test]
fn what_a_session_is_bound_to_can_stand_beside_it() {
    let live = Live::new();
    let (stored, mut world) = (live.session.user_session(), live.world);
    let (core, binding) = live.session.into_parts();
    assert_eq!((binding.user_id(), binding.device_id()), (stored.user_id(), stored.device_id()));
    assert_eq!(&binding, stored.binding());
    let other = world.logged_in();
    assert_eq!(binding.check(&other).unwrap_err().code(), ErrorCode::WHOAMI_DEVICE_MISMATCH);
    let again = world.log_in(binding.login_again(core.tokens())).unwrap().logged_in().unwrap();
    binding.check(&again).unwrap();
    let kept = binding.with_tokens(core.tokens().clone());
    assert_eq!(serde_json::to_string(&kept).unwrap(), serde_json::to_string(&stored).unwrap());
    assert_eq!(binding.homeserver().as_str(), HOMESERVER);
}
