//! Deviations that are accepted by name, and only as far as their names say.

use oidc_proto::testing::Lie;
use oidc_proto::{Deviation, ErrorCode};

use crate::hostile::logout_token::{request, take};
use crate::hostile::world::{At, World};

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
            world.options = world.options.accepting(Deviation::NoNonce);
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
            world.options = world.options.accepting(Deviation::LogoutTokenWithoutExp);
        }
        let user = world.logged_in().unwrap();
        world.op.edit_logout_token(|token| drop(token.claims.remove("exp")));
        let body = request(&world, &user.party);
        world.pass(age);
        let taken = take(&mut world, &user.party, &body);
        assert_eq!(taken.err().map(|error| error.code()), code, "{chosen} {age}");
    }
}
