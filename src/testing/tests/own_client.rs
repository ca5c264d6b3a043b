//! The client of this crate at the provider: what one signs, the other must take.

use super::signing::{asymmetric, key, public_jwk};
use super::*;
use crate::adapter::BlockingDriver;
use crate::base::secret::Secret;
use crate::base::url::{Issuer, Schemes};
use crate::error::Error;
use crate::jose::{Algorithm, PrivateKey};
use crate::message::authorization::AuthorizationRequest;
use crate::message::callback::Callback as Answered;
use crate::party::client::{Client, ClientAuth};
use crate::party::dpop::DpopKey;
use crate::party::redirect_uri::RedirectUri;
use crate::party::relying_party::RelyingParty;
use crate::token::scope::Scope;

/// A login, a refresh, a look at userinfo, and the end of it all.
fn everything(op: &Provider, client: Client) -> Result<(), Error> {
    let mut env = TestEnv::seeded(1);
    let http = BlockingDriver::new(op.http(env.clock()));
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly)?;
    let redirect_uri = RedirectUri::new(REDIRECT)?;
    let party = RelyingParty::discover(issuer, client.with_redirect_uri(redirect_uri.clone()));
    let party = http.run(party?, &mut env)?;
    let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid")?);
    let (url, pending) = party.authorize(request, &mut env)?;
    let callback = Answered::from_url(op.visit(url.as_str(), env.clock().now()).callback())?;
    let checked = party.check(&pending, &callback, env.now())?;
    let tokens = http.run(party.redeem(pending, checked, &mut env)?, &mut env)?.verified()?.tokens;
    let tokens = http.run(party.refresh(&tokens, &mut env)?, &mut env)?.verified()?.tokens;
    let info = http.run(party.userinfo(&tokens, &mut env)?, &mut env)?;
    assert_eq!(info.subject(), "sub-alice");
    env.clock().advance(Duration::from_secs(90));
    let tokens = http.run(party.refresh(&tokens, &mut env)?, &mut env)?.verified()?.tokens;
    http.run(party.revoke(&tokens, &mut env)?, &mut env)
}

#[test]
fn it_authenticates_in_every_way() {
    for algorithm in asymmetric() {
        let op = provider().with_all_algorithms().with_client(RegisteredClient::with_key(
            "app",
            public_jwk(&key(algorithm)),
            REDIRECT,
        ));
        let auth = ClientAuth::PrivateKeyJwt(PrivateKey::local(key(algorithm)));
        everything(&op, Client::new("app").with_auth(auth)).unwrap();
    }
    // As long as HS256 needs it.
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    for (method, auth) in [
        ("client_secret_basic", ClientAuth::SecretBasic(Secret::new(SECRET))),
        ("client_secret_post", ClientAuth::SecretPost(Secret::new(SECRET))),
        ("client_secret_jwt", ClientAuth::SecretJwt(Secret::new(SECRET))),
    ] {
        let registered = RegisteredClient::confidential("app", SECRET, REDIRECT).with_auth_method(method);
        everything(&provider().with_client(registered), Client::new("app").with_auth(auth)).unwrap();
    }
}

#[test]
fn it_proves_its_key_with_and_without_nonces() {
    for algorithm in asymmetric() {
        for nonces in [false, true] {
            let dpop = DpopKey::new(PrivateKey::local(key(algorithm))).unwrap();
            let op = provider().with_all_algorithms().with_dpop_nonce(nonces);
            everything(&op, Client::new("app").with_dpop(dpop.clone())).unwrap();
            let bearer = provider().with_all_algorithms();
            bearer.lie(Lie::TokenTypeBearer);
            let error = everything(&bearer, Client::new("app").with_dpop(dpop)).unwrap_err();
            assert_eq!(error.code(), crate::ErrorCode::DPOP_NOT_BOUND);
        }
    }
}

#[test]
fn a_nonce_that_is_never_right_ends_in_an_error() {
    for lie in [Lie::DpopNonceForever, Lie::DpopNonceHuge, Lie::DpopNonceNotText, Lie::DpopNonceAbsent] {
        let op = provider();
        op.lie(lie);
        let dpop = DpopKey::new(PrivateKey::local(key(Algorithm::Es256))).unwrap();
        let error = everything(&op, Client::new("app").with_dpop(dpop)).unwrap_err();
        assert_eq!(error.code(), crate::ErrorCode::DPOP_NONCE, "{lie:?}");
        assert!(op.count(On::Token) <= 2, "{lie:?}");
        // A browser shows no header that is not exposed: there, a missing nonce means this most often.
        let is_missing = lie != Lie::DpopNonceForever;
        assert_eq!(error.hint().contains("`DPoP-Nonce`. If this program runs in a browser"), is_missing, "{lie:?}");
    }
}

#[test]
fn a_token_that_is_refused_without_a_challenge_has_a_hint() {
    for (body, is_unexplained) in [("", true), (r#"{"error":"invalid_token"}"#, false)] {
        let op = provider();
        op.tamper(On::UserInfo, move |response| {
            *response.status_mut() = ::http::StatusCode::UNAUTHORIZED;
            *response.body_mut() = body.into();
        });
        let dpop = DpopKey::new(PrivateKey::local(key(Algorithm::Es256))).unwrap();
        let error = everything(&op, Client::new("app").with_dpop(dpop)).unwrap_err();
        assert_eq!(error.code(), crate::ErrorCode::USERINFO_UNAUTHORIZED);
        assert_eq!(error.hint().contains("no `WWW-Authenticate`"), is_unexplained, "{body}");
    }
}
