//! A rendezvous that ends in the middle, or is somewhere else; a login that somebody else allowed.

use std::time::Duration;

use http::Method;
use oidc_proto::ErrorCode;
use oidc_proto::qr::{Options, Progress, Proposal};
use oidc_proto::testing::Lie;

use crate::qr::town::{GRANT, Plan, Town, codes, plans, plans_of};

/// Synapse keeps a rendezvous for a minute in all. Nobody decides in time, so there is nothing to find.
#[test]
fn a_rendezvous_that_expires_meanwhile_leaves_both_alone() {
    for plan in plans() {
        let mut town = Town::new();
        town.hs = town.hs.with_lifetime(Duration::from_secs(8)).with_fixed_lifetime();
        town.op.lie(Lie::PendingForever);
        let outcome = town.run(&plan);
        assert_eq!(codes(&outcome), (Some(ErrorCode::DEVICE_EXPIRED_TOKEN), Some(ErrorCode::QR_DEVICE_NOT_FOUND)));
        let error = outcome.grant.unwrap_err();
        assert_eq!(error.expected().unwrap().as_str(), "@joe:example.org");
        assert!(town.progress.borrow().contains(&(GRANT, Progress::FindingDevice)));
        // Whoever knows that it is gone does not write there: the new device has not looked any more. In the draft it
        // looks before its last word.
        let is_draft = plan.options == Options::new().with_proposal(Proposal::Msc4388);
        let written = town.statuses.borrow().iter().filter(|answer| **answer == (Method::PUT, 404)).count();
        assert_eq!(written, usize::from(!is_draft));
        assert!(!town.secrets_were_sent());
    }
}

/// The user decides after the minute is over: the new device is logged in and says that it has no secrets; the existing
/// device finds it by itself.
#[test]
fn what_became_of_the_new_device_is_found_out_after_the_minute() {
    for plan in plans() {
        let mut town = Town::new();
        town.op = town.op.with_device_polls(20);
        town.hs = town.hs.with_lifetime(Duration::from_secs(60)).with_fixed_lifetime();
        let outcome = town.run(&plan);
        assert_eq!(codes(&outcome), (Some(ErrorCode::QR_WITHOUT_SECRETS), None), "{plan:?}");
        assert!(town.was_alone.get() && !town.secrets_were_sent());
        let (new, existing) = outcome.ended;
        // It is looked for every two seconds.
        assert!(existing.saturating_since(new) <= Duration::from_secs(2), "{new:?} {existing:?}");
        assert!(town.progress.borrow().contains(&(GRANT, Progress::FindingDevice)));
    }
}

/// Somebody else was logged in at the provider: each device names whom it knows.
#[test]
fn another_account_that_approved_is_named() {
    for plan in plans() {
        let town = Town::new();
        let outcome = town.run(&Plan { device_never_appears: true, ..plan });
        let (login, grant) = (outcome.login.unwrap_err(), outcome.grant.unwrap_err());
        assert_eq!(login.code(), ErrorCode::QR_PEER_DEVICE_NOT_FOUND);
        assert_eq!(login.found().unwrap().as_str(), "@bob:example.org");
        assert!(login.hint().contains("@bob:example.org"), "{}", login.hint());
        assert_eq!(grant.code(), ErrorCode::QR_DEVICE_NOT_FOUND);
        assert_eq!(grant.expected().unwrap().as_str(), "@joe:example.org");
        assert!(grant.hint().contains("@joe:example.org"), "{}", grant.hint());
    }
}

/// A homeserver that lets only its own users make a rendezvous: the existing device shows the code, with a credential.
#[test]
fn a_rendezvous_that_is_for_users_is_made_by_the_existing_device() {
    for plan in plans_of(Proposal::Msc4388) {
        for grant_binds_tokens in [true, false] {
            let mut town = Town::hasty();
            town.hs = town.hs.with_users_only();
            let outcome = town.run(&Plan { grant_binds_tokens, ..plan.clone() });
            let expected = plan.login_shows.then_some(ErrorCode::QR_RENDEZVOUS_FORBIDDEN);
            assert_eq!(outcome.login.err().map(|error| error.code()), expected);
            assert_eq!(town.boxes(), 0);
        }
    }
}

/// The code names the other host, where both devices meet.
#[test]
fn a_login_by_a_rendezvous_at_another_host() {
    for plan in plans_of(Proposal::Msc4108) {
        let mut town = Town::new();
        town.hs = town.hs.with_other_host("https://rendezvous.example.org");
        assert_eq!((codes(&town.run(&plan)), town.boxes()), ((None, None), 0));
    }
}
