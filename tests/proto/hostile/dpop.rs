//! Bound tokens: nonces that make no sense, tokens that are not bound after all, and what a proof says.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response};
use oidc_proto::TokenType;
use oidc_proto::flow::ResourceCall;
use oidc_proto::jose::{Algorithm, PrivateKey, RemoteKey};
use oidc_proto::testing::{self, Lie, On};
use oidc_proto::{Accept, Body, Client, DpopKey, Env as _, Error, ErrorCode, Fault, Policy, Step};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::hostile::strong::{DPOP_SEED, dpop_key, key, proofs};
use crate::hostile::transport::respond;
use crate::hostile::world::{At, ISSUER, Row, Say, User, World};

/// A demand, and how often a request is sent at most.
#[rustfmt::skip]
const DEMANDS: &[(Say, usize)] = &[
    (Say::Lie(Lie::DpopNonceForever), 2),
    // What cannot be sent back is not worth a second request.
    (Say::Lie(Lie::DpopNonceHuge), 1),
    (Say::Lie(Lie::DpopNonceNotText), 1),
    (Say::Lie(Lie::DpopNonceAbsent), 1),
];

pub(crate) fn rows() -> Vec<Row> {
    let demands = DEMANDS.iter().map(|(say, _)| (say.clone(), Some(ErrorCode::DPOP_NONCE)));
    let own = [ErrorCode::DPOP_KEY, ErrorCode::DPOP_KEY_MISMATCH, ErrorCode::DPOP_ALGORITHM, ErrorCode::DPOP_PROOF];
    let own = own.into_iter().chain([ErrorCode::DPOP_REQUIRED]);
    let own = own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    demands.chain(own).chain([(Say::Lie(Lie::DpopNonceOdd), None)]).collect()
}

fn get(url: &str) -> Request<Body> {
    Request::get(url).body(Body::default()).unwrap()
}

fn call(user: &User, url: &str, world: &mut World) -> Result<Step<ResourceCall>, Error> {
    user.party.call(get(url), Policy::read(4096, Accept::Any), &user.tokens, &mut world.env)
}

/// Every endpoint that proofs go to: a way to get there, and where the proof was asked for.
#[derive(Clone, Copy, Debug)]
enum Place {
    Push,
    Code,
    Refresh,
    Userinfo,
}

impl Place {
    const ALL: [Self; 4] = [Self::Push, Self::Code, Self::Refresh, Self::Userinfo];

    fn on(self) -> On {
        match self {
            Self::Push => On::Par,
            Self::Code | Self::Refresh => On::Token,
            Self::Userinfo => On::UserInfo,
        }
    }

    /// Goes there honestly, and says it then. Gives the error, and how many requests it took.
    fn meet(self, say: &Say) -> (Option<(At, ErrorCode)>, usize) {
        let mut world = World { pushes: matches!(self, Self::Push), ..World::bound() };
        let outcome = match self {
            Self::Push => {
                say.to(&world.op);
                world.login().err()
            }
            Self::Code => {
                let login = world.login().unwrap();
                say.to(&world.op);
                world.finish(login).err()
            }
            Self::Refresh | Self::Userinfo => {
                let user = world.logged_in().unwrap();
                let before = world.op.count(self.on());
                say.to(&world.op);
                let outcome = match self {
                    Self::Refresh => world.refresh(&user).err(),
                    _ => world.userinfo(&user).err(),
                };
                return (outcome.map(|refusal| refusal.what()), world.op.count(self.on()) - before);
            }
        };
        (outcome.map(|refusal| refusal.what()), world.op.count(self.on()))
    }
}

#[test]
fn a_server_that_is_never_content_is_asked_twice_and_no_more() {
    for (say, requests) in DEMANDS {
        for place in Place::ALL {
            let (error, count) = place.meet(say);
            assert_eq!(
                (error.map(|(_, code)| code), count),
                (Some(ErrorCode::DPOP_NONCE), *requests),
                "{say:?} at {place:?}"
            );
        }
    }
}

/// It is text in a JSON string, whatever it is made of.
#[test]
fn odd_nonces_are_sent_back() {
    for place in Place::ALL {
        assert_eq!(place.meet(&Say::Lie(Lie::DpopNonceOdd)), (None, 2), "{place:?}");
    }
}

#[test]
fn a_nonce_that_was_told_is_in_the_next_proof_at_once() {
    let mut world = World { pushes: true, ..World::bound() };
    world.op = world.op.with_dpop_nonce(true);
    world.course().unwrap();
    assert_eq!(world.counts([On::Par, On::Token, On::UserInfo, On::Revoke]), [2, 2, 1, 1]);
    world.op.rotate_dpop_nonce();
    world.course().unwrap();
    // One refusal tells the new one.
    assert_eq!(world.counts([On::Par, On::Token, On::UserInfo, On::Revoke]), [4, 4, 2, 2]);
}

#[test]
fn a_proof_that_is_refused_is_told_to_be() {
    let say = |place: Place| match place {
        Place::Userinfo => Say::Edit("a challenge", |op| {
            op.tamper(On::UserInfo, |response| {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
                response
                    .headers_mut()
                    .insert("www-authenticate", r#"DPoP error="invalid_dpop_proof""#.parse().unwrap());
            });
        }),
        Place::Push => {
            Say::Edit("no", |op| respond(op, On::Par, 400, "application/json", r#"{"error":"invalid_dpop_proof"}"#))
        }
        _ => Say::Edit("no", |op| respond(op, On::Token, 400, "application/json", r#"{"error":"invalid_dpop_proof"}"#)),
    };
    for place in Place::ALL {
        let (error, count) = place.meet(&say(place));
        assert_eq!((error.map(|(_, code)| code), count), (Some(ErrorCode::DPOP_PROOF), 1), "{place:?}");
    }
}

/// What it is about is told by whether there was a proof: the cure of one is nothing for the other.
#[test]
fn a_refusal_tells_a_missing_proof_from_a_wrong_one() {
    let refused = |is_bound: bool, body: &'static str, on: On| {
        let mut world = if is_bound { World::bound() } else { World::new() };
        world.pushes = on == On::Par;
        respond(&world.op, on, 400, "application/json", body);
        world.logged_in().err().unwrap().error
    };
    for body in [r#"{"error":"invalid_dpop_proof"}"#, r#"{"error":"use_dpop_nonce"}"#] {
        for on in [On::Par, On::Token] {
            let error = refused(false, body, on);
            assert_eq!(error.code(), ErrorCode::DPOP_REQUIRED, "{body} {on:?}");
            let hint = error.hint();
            assert!(hint.contains("`Client::with_dpop`") && !hint.contains("clock"), "{hint}");
            assert!(error.provider_text().is_some());
        }
    }
    let error = refused(true, r#"{"error":"invalid_dpop_proof"}"#, On::Token);
    assert_eq!(error.code(), ErrorCode::DPOP_PROOF);
    assert!(error.hint().contains("clock"), "{}", error.hint());
    // Keycloak's form.
    const LATE: &str = r#"{"error":"invalid_request","error_description":"DPoP proof is not active"}"#;
    for (on, code) in
        [(On::Par, ErrorCode::AUTHORIZATION_INVALID_REQUEST), (On::Token, ErrorCode::TOKEN_INVALID_REQUEST)]
    {
        let error = refused(true, LATE, on);
        assert_eq!(error.code(), code);
        assert!(error.hint().contains("clock"), "{}", error.hint());
        assert!(!refused(false, LATE, on).hint().contains("clock"));
    }
}

#[test]
fn a_client_that_must_send_proofs_is_told_so_when_it_registers() {
    let mut world = World::new();
    world.op = world.op.with_dpop(testing::Dpop::Required);
    world.options = world.options.with_unknown_fields(oidc_proto::UnknownFields::Keep);
    let provider = world.discover().unwrap();
    let registered = world.register(&provider).unwrap();
    let fields: Value = registered.fields().unwrap().read().unwrap();
    assert_eq!(fields["dpop_bound_access_tokens"], json!(true));
    assert_eq!(world.logged_in().err().unwrap().what(), (At::Exchange, ErrorCode::DPOP_REQUIRED));
}

#[test]
fn tokens_that_are_not_bound_are_not_taken_and_can_be_revoked() {
    let mut world = World::bound();
    world.op.lie(Lie::TokenTypeBearer);
    let refusal = world.logged_in().err().unwrap();
    assert_eq!(refusal.what(), (At::Verification, ErrorCode::DPOP_NOT_BOUND));
    assert_eq!(refusal.error.fault(), Fault::Remote);
    let (expected, found) = (refusal.error.expected().unwrap(), refusal.error.found().unwrap());
    assert_eq!((expected.as_str(), found.as_str()), ("DPoP", "Bearer"));
    world.give_up(*refusal.tokens.unwrap()).unwrap();
    assert_eq!(world.op.count(On::Revoke), 1);

    let mut world = World::bound();
    let user = world.logged_in().unwrap();
    assert_eq!(user.tokens.token_type(), TokenType::Dpop);
    world.op.lie(Lie::TokenTypeBearer);
    assert_eq!(world.refresh(&user).err().unwrap().what(), (At::Verification, ErrorCode::DPOP_NOT_BOUND));

    // The other way round.
    let mut world = World::new();
    world.op.edit_json(On::Token, |o| drop(o.insert("token_type".into(), json!("DPoP"))));
    let error = world.logged_in().err().unwrap().error;
    assert_eq!(error.code(), ErrorCode::DPOP_NOT_BOUND);
    assert_eq!((error.expected().unwrap().as_str(), error.found().unwrap().as_str()), ("Bearer", "DPoP"));
    assert!(error.hint().contains("give it a DPoP key"), "{}", error.hint());
}

/// What is bound to one key is not used with another, or with none; nor is anything unbound used with one.
#[test]
fn a_value_belongs_to_its_key() {
    for mut world in [World::bound(), World::new()] {
        let user = world.logged_in().unwrap();
        let login = world.login_with(&user.party).unwrap();
        let (tokens, client) = (&user.tokens, user.party.client());
        let other_key = user.party.with_client(client.clone().with_dpop(dpop_key(8)));
        let no_key = user.party.with_client(Client::new(client.id()));
        let others = if client.dpop().is_some() { vec![other_key, no_key] } else { vec![other_key] };
        let before = world.op.requests().len();
        for other in &others {
            let env = &mut world.env.clone();
            let callback = world.callback(&login).unwrap();
            let evidence = user.party.check(&login.pending, &callback, env.now()).unwrap();
            let outcomes = [
                other.check(&login.pending, &callback, env.now()).err(),
                other.redeem(login.pending.clone(), evidence, env).err(),
                other.refresh(tokens, env).err(),
                other.userinfo(tokens, env).err(),
                other.revoke(tokens, env).err(),
                other.call(get(ISSUER), Policy::read(1, Accept::Any), tokens, env).err(),
            ];
            for error in outcomes.map(Option::unwrap) {
                assert_eq!((error.code(), error.fault()), (ErrorCode::DPOP_KEY_MISMATCH, Fault::Local));
            }
        }
        let browsers = others.len();
        assert_eq!(world.op.requests().len(), before + browsers);
    }
}

#[test]
fn a_key_has_two_halves_and_fits_its_algorithm() {
    let remote = |algorithm, public: Option<Algorithm>| {
        let remote = match public {
            Some(public) => RemoteKey::new("x").with_public_key(key(public, 3).public_key().clone()),
            None => RemoteKey::new("x"),
        };
        PrivateKey::remote(remote, algorithm)
    };
    for (key, usable) in [
        (remote(Algorithm::Es256, Some(Algorithm::Es256)), true),
        (remote(Algorithm::EdDsa, Some(Algorithm::Ed25519)), true),
        (remote(Algorithm::Es256, None), false),
        (remote(Algorithm::Es256, Some(Algorithm::EdDsa)), false),
        (remote(Algorithm::Rs256, Some(Algorithm::Es256)), false),
        (remote(Algorithm::Hs256, None), false),
        (remote(Algorithm::Hs256, Some(Algorithm::Es256)), false),
    ] {
        let code = DpopKey::new(key.clone()).err().map(|error| (error.code(), error.fault()));
        assert_eq!(code, (!usable).then_some((ErrorCode::DPOP_KEY, Fault::Local)), "{key:?}");
    }
}

#[test]
fn an_algorithm_that_is_not_advertised_is_not_tried() {
    for (advertised, usable) in [
        (json!(["ES256"]), true),
        (Value::Null, true),
        (json!(["PS256", "EdDSA"]), false),
        (json!(["none", "x"]), false),
    ] {
        let mut world = World::bound();
        let value = advertised.clone();
        world.op.edit_json(On::ServerMetadata, move |o| {
            drop(o.insert("dpop_signing_alg_values_supported".into(), value.clone()));
        });
        let refusal = world.logged_in().err();
        if let Some(refusal) = &refusal {
            let listed = if advertised == json!(["none", "x"]) { "no algorithm of this crate" } else { "PS256" };
            let (found, text) = (refusal.error.found().unwrap().as_str(), refusal.error.to_string());
            assert!(found == "ES256" && text.contains(listed), "{text}");
        }
        let what = refusal.map(|refusal| (refusal.what(), refusal.error.fault()));
        assert_eq!(
            what,
            (!usable).then_some(((At::Request, ErrorCode::DPOP_ALGORITHM), Fault::Remote)),
            "{advertised}"
        );
        assert_eq!(world.op.count(On::Token), usize::from(usable));
    }
}

#[test]
fn a_proof_says_what_it_is_for_and_no_more() {
    let mut world = World::bound();
    world.op.lie(Lie::MetadataText("token_endpoint", "https://op.example.org/token?tenant=7"));
    let user = world.logged_in().unwrap();
    world.pass(90);
    world.userinfo(&user).unwrap();
    let user = world.refresh(&user).unwrap();
    let _ = world.run(call(&user, &format!("{ISSUER}/userinfo?x=y#z"), &mut World::new()));

    let proofs = proofs(&world.sent);
    let claims: Vec<&Value> = proofs.iter().map(|(_, claims)| claims).collect();
    let [login, userinfo, refresh, own] = claims[..] else { panic!("{} proofs", claims.len()) };
    assert!(world.sent.iter().any(|request| request.starts_with("POST https://op.example.org/token?tenant=7\n")));
    for (claims, method, path) in [
        (login, "POST", "/token"),
        (userinfo, "GET", "/userinfo"),
        (refresh, "POST", "/token"),
        (own, "GET", "/userinfo"),
    ] {
        assert_eq!((&claims["htm"], &claims["htu"]), (&json!(method), &json!(format!("{ISSUER}{path}"))));
    }
    let hash = |token: &str| json!(URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    assert_eq!((login.get("ath"), refresh.get("ath")), (None, None));
    assert_ne!(userinfo["ath"], own["ath"]);
    assert_eq!(own["ath"], hash(user.tokens.access_token().expose()));
    let start = testing::Clock::START.unix_seconds();
    assert_eq!([&login["iat"], &userinfo["iat"]], [&json!(start), &json!(start + 90)]);
    let jtis: BTreeSet<_> = claims.iter().map(|claims| claims["jti"].as_str().unwrap()).collect();
    assert!(jtis.len() == 4 && jtis.iter().all(|jti| jti.len() >= 16));

    let public: Value = serde_json::from_str(&key(Algorithm::Es256, DPOP_SEED).public_jwk()).unwrap();
    for (header, claims) in &proofs {
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert_eq!(names(header), ["alg", "jwk", "typ"].map(str::to_owned).into());
        // The public key, and nothing of the private one.
        assert_eq!(names(&header["jwk"]), ["crv", "kty", "x", "y"].map(str::to_owned).into());
        assert_eq!((&header["jwk"]["x"], &header["jwk"]["y"]), (&public["x"], &public["y"]));
        assert!(names(claims).is_subset(&["ath", "htm", "htu", "iat", "jti"].map(str::to_owned).into()));
    }
    // The code is bound before it exists.
    assert!(world.browsed.borrow()[0].contains(&format!("dpop_jkt={}", dpop_key(DPOP_SEED).thumbprint())));
}

/// The next process goes on with them, and knows no others.
#[test]
fn nonces_that_were_stored_are_supplied() {
    let (first, next) = (dpop_key(DPOP_SEED), dpop_key(DPOP_SEED));
    first.supply_nonces([("https://op.example.org".to_owned(), "n-1".to_owned())]);
    next.supply_nonces([("https://op.example.org".to_owned(), "n-2".to_owned())]);
    next.supply_nonces(first.nonces());
    assert_eq!(next.nonces(), [("https://op.example.org".to_owned(), "n-2".to_owned())], "the newer one is kept");
    let many = (0..20).map(|n| (format!("https://rs{n}.example.org"), "n".repeat(n * 100)));
    next.supply_nonces(many);
    assert_eq!(next.nonces().len(), 8);
    assert!(next.nonces().iter().all(|(_, nonce)| (1..=1024).contains(&nonce.len())));
}

/// A nonce is between a client and one server.
#[test]
fn a_nonce_is_shown_to_no_other_server() {
    let mut world = World::bound();
    world.op = world.op.with_dpop_nonce(true);
    let user = world.logged_in().unwrap();
    let nonce = |step: &Step<ResourceCall>| {
        let Step::Call(call) = step else { panic!("a request") };
        let proof = call.request().headers()["dpop"].to_str().unwrap().to_owned();
        crate::hostile::strong::read(&proof).1.get("nonce").map(|nonce| nonce.as_str().unwrap().to_owned())
    };
    let own = nonce(&call(&user, &format!("{ISSUER}/elsewhere"), &mut world).unwrap());
    assert!(own.is_some());
    for other in [
        "https://rs.example.org/",
        "https://op.example.org:8443/",
        "https://op.example.org.evil.example/",
        "https://example.org/",
    ] {
        assert_eq!(nonce(&call(&user, other, &mut world).unwrap()), None, "{other}");
    }
    // And the other way round, for as many servers as there are.
    for n in 0..20 {
        let url = format!("https://rs{n}.example.org/");
        let Step::Call(call) = call(&user, &url, &mut world).unwrap() else { panic!("a request") };
        let told = Response::builder().header("dpop-nonce", format!("of-{n}")).body(Vec::new()).unwrap();
        assert!(matches!(call.into_parts().2.receive(told, &mut world.env).unwrap(), Step::Done(_)));
        assert_eq!(nonce(&self::call(&user, &url, &mut world).unwrap()), Some(format!("of-{n}")));
    }
    assert_eq!(nonce(&call(&user, "https://rs0.example.org/", &mut world).unwrap()), None, "the oldest are forgotten");
    assert!(nonce(&call(&user, ISSUER, &mut world).unwrap()).is_none_or(|nonce| Some(nonce) == own));
    world.refresh(&user).unwrap();
    let now = world.env.now().unix_seconds();
    assert!(proofs(&world.sent).iter().all(|(_, claims)| claims["iat"].as_u64().unwrap() <= now));
    assert!(!world.sent.iter().any(|request| request.contains("of-")));
}
