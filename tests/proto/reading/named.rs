//! Deviations that are accepted by name, and only as far as their names say.

use std::time::Duration;

use oidc_proto::flow::ServerMetadataFetch;
use oidc_proto::testing::Lie;
use oidc_proto::{Deviation, Endpoint, ErrorCode, Issuer, Schemes};

use crate::hostile::logout_token::{request, take};
use crate::hostile::world::{At, ISSUER, World};

/// Azure AD B2C: the document is at another URL than the issuer's, and names the issuer all the same.
#[test]
fn metadata_may_be_at_another_url_than_the_issuers() {
    for (expected, code) in [(ISSUER, None), ("https://other.example.org", Some(ErrorCode::METADATA_ISSUER_MISMATCH))] {
        let mut world = World::new();
        let url = format!("{ISSUER}/.well-known/openid-configuration?p=b2c_1_sign_in");
        let url = Endpoint::new(&url, Schemes::HttpsOnly).unwrap();
        let issuer = Issuer::new(expected, Schemes::HttpsOnly).unwrap();
        let found = world.run(Ok(ServerMetadataFetch::start_at(&url, issuer, world.options)));
        assert_eq!(found.err().map(|error| error.code()), code);
        assert!(world.sent[0].starts_with(&format!("GET {}\n", url.uri())));
    }
}

/// Zitadel's project IDs.
#[test]
fn audiences_are_trusted_by_a_function() {
    for (audience, code) in [("273951", None), ("partner", Some(ErrorCode::ID_TOKEN_EXTRA_AUDIENCE))] {
        let mut world = World::with_fixed_client("ES256");
        let is_project = |audience: &str| audience.bytes().all(|byte| byte.is_ascii_digit());
        world.client = world.client.map(|client| client.with_trusted_audiences(is_project));
        world.op.edit_id_token(move |token| token.claim("aud", ["app", audience]));
        assert_eq!(world.logged_in().err().map(|refusal| refusal.error.code()), code, "{audience}");
    }
}

#[test]
fn clocks_may_differ_by_what_was_chosen_and_five_minutes_at_most() {
    for (chosen, seconds, code) in [
        (None, 59, None),
        (None, 120, Some(ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE)),
        (Some(240), 239, None),
        (Some(3600), 299, None),
        (Some(3600), 301, Some(ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE)),
        (Some(0), 1, Some(ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE)),
    ] {
        let mut world = World::new();
        if let Some(chosen) = chosen {
            world.options = world.options.with_clock_skew(Duration::from_secs(chosen));
        }
        world.op.edit_id_token(move |token| token.claim("iat", token.date("iat") + seconds));
        assert_eq!(world.logged_in().err().map(|refusal| refusal.error.code()), code, "{chosen:?} {seconds}");
    }
}

/// At the edge of what is allowed by default. The hint names the claim, the seconds and the clock.
#[test]
fn a_clock_that_is_off_by_about_a_minute_is_named_as_soon_as_it_matters() {
    const LIFETIME: i64 = 3600;
    for off in 58..=62_i64 {
        for (claim, shift, code, said) in [
            ("iat", off, ErrorCode::ID_TOKEN_ISSUED_IN_FUTURE, "ahead"),
            ("nbf", off, ErrorCode::ID_TOKEN_NOT_YET_VALID, "ahead"),
            ("exp", -off - LIFETIME, ErrorCode::ID_TOKEN_EXPIRED, "ago"),
        ] {
            let mut world = World::new();
            world.op.edit_id_token(move |token| {
                let now = token.date("iat");
                assert_eq!(token.date("exp"), now + LIFETIME);
                token.claim("exp", now + LIFETIME + shift.min(0));
                if claim != "exp" {
                    token.claim(claim, now + shift);
                }
            });
            // Of an expiry the last moment is the first at which the token is not good any more.
            let is_fine = off < 60 || off == 60 && claim != "exp";
            let refused = world.logged_in().err().map(|refusal| refusal.error);
            assert_eq!(refused.as_ref().map(oidc_proto::Error::code), (!is_fine).then_some(code), "{claim} {off}");
            let hint = refused.map(|error| error.hint().to_owned());
            let named = |hint: &String| {
                [&*format!("`{claim}`"), &format!("{off} seconds {said}"), "check the clock"]
                    .iter()
                    .all(|part| hint.contains(part))
            };
            assert!(hint.as_ref().is_none_or(named), "{claim} {off}: {hint:?}");
        }
    }
}

/// Servers that read a query as a URL take `+` for itself.
#[test]
fn a_space_in_the_authorization_url_is_percent_encoded() {
    let mut world = World::new();
    let login = world.login().unwrap();
    assert!(login.url.as_str().contains("scope=openid%20profile") && !login.url.as_str().contains('+'));
}

/// LinkedIn. Without PKCE nothing else would bind the code to the login.
#[test]
fn a_nonce_may_be_missing_where_pkce_is_advertised_and_that_was_chosen() {
    for (chosen, has_pkce, lie, code) in [
        (true, true, Lie::NonceAbsent, None),
        (true, false, Lie::NonceAbsent, Some(ErrorCode::ID_TOKEN_NONCE_MISSING)),
        (false, true, Lie::NonceAbsent, Some(ErrorCode::ID_TOKEN_NONCE_MISSING)),
        (true, true, Lie::NonceWrong, Some(ErrorCode::ID_TOKEN_NONCE_MISMATCH)),
    ] {
        let mut world = World::new();
        if chosen {
            world.options = world.options.with_deviation(Deviation::NoNonce);
        }
        if !has_pkce {
            world.op.lie(Lie::MetadataPkceAbsent);
        }
        world.op.lie(lie);
        let refused = world.logged_in().err().map(|refusal| refusal.what());
        assert_eq!(refused, code.map(|code| (At::Verification, code)), "{chosen} {has_pkce} {lie:?}");
    }
}

/// Hydra and older versions of Keycloak. Such a token is good for five minutes and the clocks' tolerance.
#[test]
fn a_logout_token_without_exp_is_good_for_minutes_where_that_was_chosen() {
    for (chosen, age, code) in [
        (false, 0, Some(ErrorCode::LOGOUT_TOKEN_MISSING_CLAIM)),
        (true, 0, None),
        (true, 299, None),
        (true, 361, Some(ErrorCode::LOGOUT_TOKEN_EXPIRED)),
    ] {
        let mut world = World::new();
        if chosen {
            world.options = world.options.with_deviation(Deviation::LogoutTokenWithoutExp);
        }
        let user = world.logged_in().unwrap();
        world.op.edit_logout_token(|token| drop(token.claims.remove("exp")));
        let body = request(&world, &user.party);
        world.pass(age);
        let taken = take(&mut world, &user.party, &body);
        assert_eq!(taken.err().map(|error| error.code()), code, "{chosen} {age}");
    }
}
