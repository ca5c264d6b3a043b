//! What was made for one provider or one client is not taken from another, and both are named.

use http::Request;
use oidc_proto::session::{Session, SessionOptions};
use oidc_proto::testing::{self, On};
use oidc_proto::{
    Accept, AuthorizationRequest, Body, Client, EndSessionRequest, Env as _, Error, ErrorCode, Fault, Owner, Policy,
    Quote, RelyingParty, Scope,
};

use crate::hostile::strong::dpop_key;
use crate::hostile::world::{World, redirect};

/// Tokens, a login, its callback, a login by another device: each has an owner, and nobody else is shown any of it.
#[test]
fn a_party_takes_nothing_that_another_one_owns() {
    const ELSEWHERE: &str = "https://other.example.org";
    for mut world in [World::bound().allowing_devices(), World::new().allowing_devices()] {
        let user = world.logged_in().unwrap();
        let login = world.login_with(&user.party).unwrap();
        let callback = world.callback(&login).unwrap();
        let device = world.device(&user.party).unwrap();
        let mut elsewhere =
            World { issuer: ELSEWHERE.to_owned(), op: testing::Provider::new(ELSEWHERE), ..World::new() };
        let (own, provider) = (user.party.client().clone(), elsewhere.discover().unwrap());
        let other_key = own.clone().with_dpop(dpop_key(8));
        let stranger = Client::new("stranger").with_redirect_uri(redirect());
        let mut others = vec![
            (RelyingParty::new(provider.clone(), own.clone()), ErrorCode::PROVIDER_MISMATCH),
            // The first that is wrong is told.
            (RelyingParty::new(provider, stranger.clone().with_dpop(dpop_key(8))), ErrorCode::PROVIDER_MISMATCH),
            (user.party.with_client(stranger.clone()), ErrorCode::CLIENT_MISMATCH),
            (user.party.with_client(stranger.with_dpop(dpop_key(8))), ErrorCode::CLIENT_MISMATCH),
            (user.party.with_client(other_key), ErrorCode::DPOP_KEY_MISMATCH),
        ];
        if own.dpop().is_some() {
            let bare = Client::new(own.id()).with_redirect_uri(redirect());
            others.push((user.party.with_client(bare), ErrorCode::DPOP_KEY_MISMATCH));
        }
        let before = world.op.requests();
        let (tokens, scope) = (&user.tokens, Scope::new("openid").unwrap());
        let env = &mut world.env;
        for (other, code) in &others {
            let verified = user.party.check(&login.pending, &callback, env.now()).unwrap();
            let resource = Request::get("https://rs.example.org/").body(Body::default()).unwrap();
            let outcomes = [
                ("callback", other.check(&login.pending, &callback, env.now()).err()),
                ("pending login", other.redeem(login.pending.clone(), verified, env).err()),
                ("pending device login", other.poll_device(device.clone(), env).err()),
                ("refresh", other.refresh(tokens, env).err()),
                ("refresh with a scope", other.refresh_with_scope(tokens, &scope, env).err()),
                ("userinfo", other.userinfo(tokens, env).err()),
                ("resource", other.call(resource, Policy::read(1, Accept::Any), tokens, env).err()),
                ("revocation", other.revoke(tokens, env).err()),
                ("session", Session::new(tokens.clone(), None, other.clone(), SessionOptions::default(), env).err()),
            ];
            for (what, error) in outcomes {
                let error = error.unwrap_or_else(|| panic!("{what}: taken from {other:?}"));
                assert_mismatch(&error, *code, other.owner(), tokens.owner());
            }
        }
        assert_eq!((world.op.requests(), elsewhere.op.requests()), (before, vec![On::ServerMetadata]));
        // Nor do the metadata of one provider renew another.
        let error = user.party.provider().renewed(others[0].0.provider()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PROVIDER_MISMATCH);
        let said = format!("expected \"{}\", found \"{ELSEWHERE}\"", user.party.provider().issuer());
        assert!(error.to_string().contains(&said), "{error}");
        // It is the value of the owner that counts, not which handle it came by; and nothing was used up.
        let same = RelyingParty::new(user.party.provider().clone(), own);
        let verified = same.check(&login.pending, &callback, world.env.now()).unwrap();
        let step = same.redeem(login.pending, verified, &mut world.env);
        assert!(world.run(step).unwrap().verified().is_ok());
        world.poll(device, &same).unwrap();
    }
}

/// A callback is redeemed with the login that it was checked against. The error names both logins by their keys.
#[test]
fn a_checked_callback_is_of_one_login() {
    let mut world = World::new();
    let party = world.party().unwrap();
    let (login, other) = (world.login_with(&party).unwrap(), world.login_with(&party).unwrap());
    let (own, passed) = (login.pending.key(), other.pending.key());
    let verified = world.check(&login).unwrap();
    let error = party.redeem(other.pending, verified, &mut world.env).unwrap_err();
    assert_eq!((error.code(), error.fault()), (ErrorCode::CALLBACK_LOGIN_MISMATCH, Fault::Local));
    assert_eq!(error.expected().map(Quote::as_str), Some(&*own));
    assert_eq!(error.found().map(Quote::as_str), Some(&*passed));
}

/// The tokens of a later login are for the session of the same provider and client.
#[test]
fn a_session_adopts_no_tokens_that_another_one_owns() {
    let mut world = World::new();
    let (user, other) = (world.logged_in().unwrap(), world.logged_in().unwrap());
    let elsewhere = "https://other.example.org";
    let op = testing::Provider::new(elsewhere);
    let mut elsewhere = World { issuer: elsewhere.to_owned(), op, ..World::new() };
    let stranger = elsewhere.logged_in().unwrap();
    let (tokens, party) = (user.tokens, user.party);
    let mut session =
        Session::new(tokens.clone(), None, party.clone(), SessionOptions::default(), &mut world.env).unwrap();
    for (foreign, code) in [(stranger.tokens, ErrorCode::PROVIDER_MISMATCH), (other.tokens, ErrorCode::CLIENT_MISMATCH)]
    {
        let error = session.adopt(foreign.clone(), &mut world.env).unwrap_err();
        assert_mismatch(&error, code, party.owner(), foreign.owner());
        assert_eq!(session.tokens().access_token().expose(), tokens.access_token().expose());
    }
}

/// The same client at another provider, and another client at the same one.
fn others(party: &RelyingParty) -> [(RelyingParty, ErrorCode); 2] {
    let issuer = "https://other.example.org";
    let mut elsewhere = World { issuer: issuer.to_owned(), op: testing::Provider::new(issuer), ..World::new() };
    let stranger = Client::new("stranger").with_redirect_uri(redirect());
    [
        (RelyingParty::new(elsewhere.discover().unwrap(), party.client().clone()), ErrorCode::PROVIDER_MISMATCH),
        (party.with_client(stranger), ErrorCode::CLIENT_MISMATCH),
    ]
}

/// An ID token names its provider and its client: no other provider is shown it, and no other client shows it.
#[test]
fn no_other_party_logs_out_by_an_id_token() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    for (other, code) in others(&user.party) {
        let request = || EndSessionRequest::new().with_id_token_hint(user.tokens.id_token().unwrap());
        let error = other.end_session(request(), &mut world.env).unwrap_err();
        assert_mismatch(&error, code, other.owner(), user.tokens.owner());
        user.party.end_session(request(), &mut world.env).unwrap();
    }
}

/// Nor is another provider shown it where the user logs in, in a URL or in a pushed request.
#[test]
fn no_other_party_logs_in_by_an_id_token() {
    let mut world = World::new();
    let user = world.logged_in().unwrap();
    for (other, code) in others(&user.party) {
        let hint = user.tokens.id_token().unwrap();
        let request = || AuthorizationRequest::new(redirect(), Scope::new("openid").unwrap()).with_id_token_hint(hint);
        let error = other.authorize(request(), &mut world.env).unwrap_err();
        assert_mismatch(&error, code, other.owner(), user.tokens.owner());
        let error = other.push(request(), &mut world.env).err().unwrap();
        assert_mismatch(&error, code, other.owner(), user.tokens.owner());
        user.party.authorize(request(), &mut world.env).unwrap();
    }
}

/// Both are named: whose it would have to be, and whose it is.
#[track_caller]
fn assert_mismatch(error: &Error, code: ErrorCode, own: &Owner, stored: &Owner) {
    assert_eq!((error.code(), error.fault()), (code, Fault::Local), "{own:?}");
    let (own, stored) = (part(own, code), part(stored, code));
    let said = format!("expected {own}, found {stored}");
    assert!(own != stored && error.to_string().contains(&said), "{error}: {said}");
}

/// What an error of this code says about an owner.
fn part(owner: &Owner, code: ErrorCode) -> String {
    let part = match code {
        ErrorCode::PROVIDER_MISMATCH => Some(owner.issuer().as_str()),
        ErrorCode::CLIENT_MISMATCH => Some(owner.client_id()),
        _ => owner.dpop_thumbprint(),
    };
    part.map_or("no key".to_owned(), |part| format!("{part:?}"))
}
