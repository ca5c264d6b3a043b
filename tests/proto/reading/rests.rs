//! What providers say without saying it: an empty refusal, a lifetime, a clock.

use std::time::Duration;

use oidc_proto::jose::Algorithm;
use oidc_proto::session::{End, Event, Record, SessionOptions};
use oidc_proto::testing::{self, Disturbance, On, Reuse};
use oidc_proto::{AuthMethod, Env as _, ErrorCode, Provider, Recovery, Registrations, RelyingParty, TokenSet};
use serde_json::json;

use crate::hostile::strong::{CLIENT_SEED, DPOP_SEED, dpop_key, headers, key, parameters, read};
use crate::hostile::world::{At, World};
use crate::session::world::{ISSUER, Store, World as SessionWorld, shared, stalled};

/// Glewlwyd's answer to a refresh token that is not good any more.
#[test]
fn three_silent_refusals_in_a_row_need_a_login() {
    for status in [400, 401] {
        let mut world = SessionWorld::new();
        let mut session = world.session(SessionOptions::default());
        world.op.disturb(On::Token, Disturbance::status(status), usize::MAX);
        world.advance(301);
        let mut seen = Vec::new();
        for _ in 0..3 {
            let _ = world.ask(&mut session);
            seen.extend(world.pump(&mut session, &Store::default()));
            world.advance(10);
            session.handle_timeout(&mut world.env);
        }
        seen.extend(world.pump(&mut session, &Store::default()));
        assert!(matches!(seen[..2], [Event::BackingOff { .. }, Event::BackingOff { .. }]), "{status} {seen:?}");
        let Some(End::NeedsLogin(error)) = session.end() else { panic!("{status} {seen:?}") };
        assert_eq!((error.code(), error.recovery()), (ErrorCode::HTTP_STATUS, Recovery::LogInAgain));
        assert!(error.hint().contains("three times"), "{}", error.hint());
    }
}

/// Each process asks once, and has the count from the record.
#[test]
fn three_silent_refusals_in_a_row_need_a_login_also_of_three_processes() {
    let process = |world: &mut SessionWorld, store: &Store| {
        let mut session = world.restore(store.record().unwrap(), shared());
        let _ = session.refresh(&mut world.env);
        let seen = world.pump(&mut session, store);
        assert!(!store.is_locked(), "{seen:?}");
        (seen, session)
    };
    let mut world = SessionWorld::new();
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let first = store.record().unwrap();
    // Two, an error that has a reason, and the count begins anew.
    for status in [400, 401, 503, 400, 401] {
        world.op.disturb(On::Token, Disturbance::status(status), 1);
        let (seen, session) = process(&mut world, &store);
        assert!(matches!(seen[..], [Event::BackingOff { .. }]), "{status} {seen:?}");
        assert!(session.end().is_none() && !store.is_begun(), "{status}");
    }
    // The tokens are the same, and so is what else the record says.
    let counted = serde_json::to_value(store.record().unwrap()).unwrap();
    let mut before = serde_json::to_value(&first).unwrap();
    assert_eq!(counted["silent_refusals"], 2);
    before["generation"] = counted["generation"].clone();
    before["silent_refusals"] = json!(2);
    assert_eq!(counted, before);
    world.op.disturb(On::Token, Disturbance::status(400), 1);
    let (seen, session) = process(&mut world, &store);
    assert!(matches!(seen[..], [Event::NeedsLogin(_)]), "{seen:?}");
    let Some(End::NeedsLogin(error)) = session.end() else { panic!("{seen:?}") };
    assert_eq!((error.code(), error.recovery()), (ErrorCode::HTTP_STATUS, Recovery::LogInAgain));
    assert!(error.hint().contains("three times"), "{}", error.hint());
    // New tokens end the count.
    let (seen, _) = process(&mut world, &store);
    assert_eq!(seen, [Event::TokensRefreshed]);
    assert_eq!(serde_json::to_value(store.record().unwrap()).unwrap().get("silent_refusals"), None);
}

/// A response was lost before: whoever counts does not forget that the refresh token may be spent.
#[test]
fn a_refresh_without_an_end_stays_one_where_refusals_are_counted() {
    let mut world = SessionWorld::new();
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    for (disturbance, refusals) in [
        (Disturbance::LostResponse, None),
        (Disturbance::status(400), Some(1)),
        (Disturbance::status(503), None),
        (Disturbance::status(401), Some(1)),
        (Disturbance::status(400), Some(2)),
    ] {
        world.op.disturb(On::Token, disturbance, 1);
        let mut session = world.restore(store.record().unwrap(), shared());
        let _ = session.refresh(&mut world.env);
        assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
        let record = serde_json::to_value(store.record().unwrap()).unwrap();
        assert_eq!(record.get("silent_refusals").and_then(|count| count.as_u64()), refusals);
        assert!(store.is_begun() || record["may_be_spent"] == true, "{record}");
    }
    // So a logout knows that what it revokes may not be the newest.
    let mut session = world.restore(store.record().unwrap(), shared());
    world.op.disturb(On::Token, Disturbance::Unreachable, usize::MAX);
    session.log_out(&mut world.env);
    let mut seen = world.pump(&mut session, &store);
    while !matches!(seen.last(), Some(Event::LoggedOut(_))) {
        world.wait(&mut session);
        seen.extend(world.pump(&mut session, &store));
    }
    let Some(Event::LoggedOut(logout)) = seen.last() else { panic!("{seen:?}") };
    assert!(logout.uncertainty.is_some(), "{logout:?}");
}

/// The refresh token before the current one is in the record still, and a store that fails costs the count only.
#[test]
fn a_count_changes_nothing_else_in_the_record() {
    let mut world = SessionWorld::new();
    let store = Store::default();
    store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
    let mut session = world.restore(store.record().unwrap(), shared());
    let _ = session.refresh(&mut world.env);
    assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    let mut refreshed = serde_json::to_value(store.record().unwrap()).unwrap();
    assert!(refreshed["spent_refresh_token"].is_string());
    world.op.disturb(On::Token, Disturbance::status(400), usize::MAX);
    let _ = session.refresh(&mut world.env);
    assert!(matches!(world.pump(&mut session, &store)[..], [Event::BackingOff { .. }]));
    let counted = serde_json::to_value(store.record().unwrap()).unwrap();
    (refreshed["generation"], refreshed["silent_refusals"]) = (json!(3), json!(1));
    assert_eq!(counted, refreshed);
    for action in ["save", "load"] {
        let mut session = world.restore(store.record().unwrap(), shared());
        let _ = session.refresh(&mut world.env);
        world.keep(&mut session, &store);
        store.fails(action);
        let seen = world.pump(&mut session, &store);
        store.fails("");
        let [Event::BackingOff { error, .. }] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(error.code(), ErrorCode::HTTP_STATUS, "{action}");
        assert!(!store.is_locked() && !store.is_begun(), "{action}");
        assert_eq!(serde_json::to_value(store.record().unwrap()).unwrap(), counted, "{action}");
    }
}

/// Something else in between, and the count begins anew.
#[test]
fn silent_refusals_that_are_not_in_a_row_do_not_count() {
    let mut world = SessionWorld::new();
    let mut session = world.session(SessionOptions::default());
    for status in [400, 400, 503, 400, 401, 403, 400, 400] {
        world.op.disturb(On::Token, Disturbance::status(status), 1);
    }
    world.advance(301);
    for _ in 0..8 {
        let _ = world.ask(&mut session);
        let _ = world.pump(&mut session, &Store::default());
        assert!(session.end().is_none());
        world.advance(200);
        session.handle_timeout(&mut world.env);
    }
    let _ = world.ask(&mut session);
    assert_eq!(world.pump(&mut session, &Store::default()), [Event::TokensRefreshed]);
}

/// A firewall in front of the provider refuses everybody so, and a provider assertions that it does not accept. The session
/// is kept, however often it happens, and the owner is told after a while.
#[test]
fn a_403_without_a_reason_is_no_verdict() {
    for body in ["", "<html><title>403 Forbidden</title></html>"] {
        let mut world = SessionWorld::with(testing::Provider::new(ISSUER).with_reuse(Reuse::Allowed));
        let store = Store::default();
        store.put(Record::of_login(world.tokens.clone(), None, &mut world.env));
        let mut session = world.restore(store.record().unwrap(), shared());
        crate::hostile::transport::respond(&world.op, On::Token, 403, "text/html", body);
        world.advance(301);
        let _ = world.ask(&mut session);
        let mut events = world.pump(&mut session, &store);
        for _ in 0..10 {
            world.wait(&mut session);
            events.extend(world.pump(&mut session, &store));
        }
        assert!(session.end().is_none(), "{events:?}");
        assert!(stalled(&events, ErrorCode::HTTP_STATUS), "{events:?}");
        world.op.honest();
        world.wait(&mut session);
        assert_eq!(world.pump(&mut session, &store), [Event::TokensRefreshed]);
    }
}

/// By whatever name it is refused, and without one.
#[test]
fn a_refresh_that_is_refused_for_no_known_reason_suggests_a_login() {
    for (status, body) in
        [(400, ""), (400, r#"{"error":"Bad Request","status":400,"message":"Invalid refresh token"}"#), (403, "")]
    {
        let mut world = World::new();
        let user = world.logged_in().unwrap();
        crate::hostile::transport::respond(&world.op, On::Token, status, "application/json", body);
        let error = world.refresh(&user).err().unwrap().error;
        assert!(error.hint().contains("log in again"), "{body}: {}", error.hint());
    }
}

/// Keycloak: the access token lives longer than the refresh token.
#[test]
fn a_session_refreshes_before_the_refresh_token_dies() {
    for member in ["refresh_expires_in", "refresh_token_expires_in"] {
        let mut world = SessionWorld::new();
        world.op.edit_json(On::Token, move |object| drop(object.insert(member.to_owned(), json!(30))));
        world.tokens = world.login("alice");
        let expires_at = world.tokens.refresh_expires_at().unwrap();
        assert_eq!(expires_at.saturating_since(world.env.now()), Duration::from_secs(30), "{member}");
        let session = world.session(SessionOptions::default());
        let due = session.poll_timeout().unwrap();
        let left = due.saturating_since(world.env.monotonic()).as_secs();
        assert!((25..30).contains(&left), "{member} {left}");
        let stored = serde_json::to_string(&world.tokens).unwrap();
        assert_eq!(TokenSet::from_json(&stored).unwrap().refresh_expires_at(), Some(expires_at));
    }
}

/// A refresh token that stays keeps its end; a new one has its own, or none.
#[test]
fn the_end_of_a_refresh_token_goes_with_the_token() {
    for (keeps, again, expected) in [(true, false, Some(30)), (true, true, Some(130)), (false, false, None)] {
        let mut world = World::new();
        world.op.edit_json(On::Token, |object| drop(object.insert("refresh_expires_in".to_owned(), json!(30))));
        if keeps {
            world.op.lie(oidc_proto::testing::Lie::RefreshTokenKept);
        }
        let begun = world.env.now();
        let user = world.logged_in().unwrap();
        if !again {
            world.op.edit_json(On::Token, |object| drop(object.remove("refresh_expires_in")));
        }
        world.pass(100);
        let user = world.refresh(&user).unwrap();
        let left = user.tokens.refresh_expires_at().map(|at| at.saturating_since(begun).as_secs());
        assert_eq!(left, expected, "{keeps} {again}");
    }
}

/// Its clock is told by `Date`, or by the `iat` of its tokens where it sends none. It moves proofs, and nothing else.
#[test]
fn proofs_are_made_by_the_providers_clock() {
    for (sends_date, ahead) in [(true, 40), (true, -40), (false, 40), (false, -40)] {
        let mut world = World::new();
        world.dpop = Some(dpop_key(DPOP_SEED));
        let offset = move |now: i64| now + ahead;
        if sends_date {
            let date = if ahead > 0 { "Thu, 01 Jan 2026 00:00:40 GMT" } else { "Wed, 31 Dec 2025 23:59:20 GMT" };
            world.op.tamper(On::Token, move |response| {
                response.headers_mut().insert("date", date.parse().unwrap());
            });
        }
        world.op.edit_id_token(move |token| {
            token.claim("iat", offset(token.date("iat")));
            token.claim("exp", offset(token.date("exp")));
        });
        let user = world.logged_in().unwrap();
        world.sent.clear();
        world.refresh(&user).unwrap();
        let proofs = headers(&world.sent, "dpop: ");
        let iat = read(proofs.last().unwrap()).1["iat"].as_i64().unwrap();
        let own = i64::try_from(world.env.now().unix_seconds()).unwrap();
        assert_eq!(iat, offset(own), "{sends_date} {ahead}");
        // The lifetime of the tokens is by our own clock.
        assert_eq!(user.tokens.obtained_at(), world.env.now());
    }
}

/// Whoever can write `Date` does not make an ID token good.
#[test]
fn the_providers_clock_judges_no_token() {
    let mut world = World::new();
    world.dpop = Some(dpop_key(DPOP_SEED));
    for on in [On::ServerMetadata, On::Jwks, On::Token] {
        world.op.tamper(on, |response| {
            let headers = response.headers_mut();
            headers.remove("cache-control");
            headers.insert("date", "Thu, 01 Jan 2026 00:02:00 GMT".parse().unwrap());
        });
    }
    world.op.edit_id_token(|token| {
        for name in ["iat", "exp"] {
            token.claim(name, token.date(name) + 120);
        }
    });
    let refusal = world.logged_in().err().unwrap();
    assert_eq!(refusal.what(), (At::Verification, ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE));
}

/// The times of an assertion are read by the provider's clock, too.
#[test]
fn assertions_are_made_by_the_providers_clock() {
    for (date, ahead) in [("Thu, 01 Jan 2026 00:00:40 GMT", 40), ("Wed, 31 Dec 2025 23:59:20 GMT", -40)] {
        let key = oidc_proto::jose::PrivateKey::local(key(Algorithm::Es256, CLIENT_SEED));
        for mut world in [World::with_secret(AuthMethod::ClientSecretJwt), World::with_key(key)] {
            world.op.tamper(On::Token, move |response| {
                response.headers_mut().insert("date", date.parse().unwrap());
            });
            let user = world.logged_in().unwrap();
            world.sent.clear();
            world.refresh(&user).unwrap();
            let (_, claims) = read(parameters(&world.sent, "client_assertion").last().unwrap());
            let expected = i64::try_from(world.env.now().unix_seconds()).unwrap() + ahead;
            assert_eq!((&claims["iat"], &claims["exp"]), (&json!(expected), &json!(expected + 60)), "{ahead}");
        }
    }
}

#[test]
fn a_clock_that_is_off_by_more_than_a_day_moves_no_proof() {
    let mut world = World::new();
    world.dpop = Some(dpop_key(DPOP_SEED));
    world.op.tamper(On::Token, |response| {
        response.headers_mut().insert("date", "Thu, 01 Jan 2099 00:00:00 GMT".parse().unwrap());
    });
    let user = world.logged_in().unwrap();
    world.refresh(&user).unwrap();
    let iat = read(headers(&world.sent, "dpop: ").last().unwrap()).1["iat"].as_u64();
    assert_eq!(iat, Some(world.env.now().unix_seconds()));
}

#[test]
fn a_proof_that_is_refused_names_the_seconds_that_the_clocks_differ() {
    let bodies: [&str; 2] = [
        r#"{"error":"invalid_dpop_proof","error_description":"iat"}"#,
        r#"{"error":"invalid_request","error_description":"DPoP proof is not active"}"#,
    ];
    for body in bodies {
        let mut world = World::new();
        world.dpop = Some(dpop_key(DPOP_SEED));
        let user = world.logged_in().unwrap();
        world.op.tamper(On::Token, move |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = body.as_bytes().to_vec();
            response.headers_mut().insert("date", "Thu, 01 Jan 2026 00:01:30 GMT".parse().unwrap());
        });
        let error = world.refresh(&user).err().unwrap().error;
        let hint = error.hint();
        assert!(hint.contains("90 seconds") && hint.contains("clock"), "{hint}");
    }
    // An assertion has times, too.
    let mut world = World::with_secret(AuthMethod::ClientSecretJwt);
    let user = world.logged_in().unwrap();
    world.op.tamper(On::Token, |response| {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        *response.body_mut() = br#"{"error":"invalid_client"}"#.to_vec();
        response.headers_mut().insert("date", "Wed, 31 Dec 2025 23:58:30 GMT".parse().unwrap());
    });
    let error = world.refresh(&user).err().unwrap().error;
    assert!(error.hint().contains("90 seconds"), "{}", error.hint());
}

/// Nobody can register one, so nobody has stored one.
#[test]
fn a_client_id_with_control_characters_is_none() {
    for id in ["a\nb", "\u{1b}[2J", "a\u{0}"] {
        let mut world = World::new();
        world.op.edit_json(On::Register, move |object| drop(object.insert("client_id".to_owned(), json!(id))));
        let provider = world.discover().unwrap();
        let error = world.register(&provider).unwrap_err().error;
        assert_eq!(error.code(), ErrorCode::REGISTRATION_NO_CLIENT_ID, "{id:?}");
        let stored = json!({ "version": 1, "clients": [
            { "issuer": "https://op.example.org", "client_id": id, "auth_method": "none" }
        ] });
        assert_eq!(Registrations::from_json(&stored.to_string()).unwrap_err().code(), ErrorCode::STORED_MALFORMED);
    }
}

/// What the next process knows of the clock stands in the stored ID token.
#[test]
fn the_next_process_makes_its_proofs_by_the_same_clock() {
    let mut world = World::new();
    world.dpop = Some(dpop_key(DPOP_SEED));
    world.op.edit_id_token(|token| token.claim("iat", token.date("iat") + 40));
    let mut user = world.logged_in().unwrap();
    let (metadata, options) = (user.party.provider().metadata().clone(), *user.party.provider().options());
    user.party = RelyingParty::new(Provider::new(metadata, options), user.party.client().clone());
    world.sent.clear();
    world.refresh(&user).unwrap();
    let iat = read(headers(&world.sent, "dpop: ").last().unwrap()).1["iat"].as_u64();
    assert_eq!(iat, Some(world.env.now().unix_seconds() + 40));
}
