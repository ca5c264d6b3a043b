//! The scenarios of the QR tests of `matrix-sdk`, under their names there. Each of a login is shown for the device that
//! scans and for the one that generates the code, and by both drafts. `docs/matrix_tests.md` says where the others are.

use std::time::Duration;

use oidc_proto::qr::{LoginFailureReason, Progress};
use oidc_proto::testing::{Lie, On};
use oidc_proto::{ErrorCode, Family};

use crate::qr::town::{GRANT, Outcome, Plan, REASONS, Town, codes, plans, secrets};

/// Runs each way round, and returns how it ended. Nothing is left at the rendezvous.
fn each_way(change: impl Fn(&mut Plan, &mut Town)) -> Vec<Outcome> {
    let ways = plans().into_iter().map(|mut plan| {
        let mut town = Town::new();
        change(&mut plan, &mut town);
        let outcome = town.run(&plan);
        assert_eq!(town.boxes(), 0, "{plan:?}");
        assert!(outcome.login.is_ok() || !town.secrets_were_sent(), "{plan:?}");
        outcome
    });
    ways.collect()
}

/// How the new device ended, and how the existing one.
#[track_caller]
fn ends(login: ErrorCode, grant: ErrorCode, change: impl Fn(&mut Plan, &mut Town)) {
    for outcome in each_way(change) {
        assert_eq!(codes(&outcome), (Some(login), Some(grant)));
        for error in [outcome.login.unwrap_err(), outcome.grant.unwrap_err()] {
            // What a device says is no response of a server, least of all the one that deleted the rendezvous.
            let by_provider = [ErrorCode::DEVICE_ACCESS_DENIED, ErrorCode::DEVICE_EXPIRED_TOKEN];
            let of_response = by_provider.contains(&error.code()).then_some(400);
            assert_eq!(error.status().map(|status| status.as_u16()), of_response, "{error:?}");
        }
    }
}

#[track_caller]
fn succeeds(change: impl Fn(&mut Plan, &mut Town)) {
    for outcome in each_way(change) {
        outcome.grant.unwrap();
        assert_eq!(outcome.login.unwrap().to_json().expose(), secrets().to_json().expose());
    }
}

#[test]
fn qr_login() {
    succeeds(|_, _| {});
}

#[test]
fn qr_login_with_homeserver_swap() {
    succeeds(|plan, _| plan.homeserver_swapped = true);
}

#[test]
fn qr_login_refused_access_token() {
    ends(ErrorCode::DEVICE_ACCESS_DENIED, ErrorCode::QR_PEER_DECLINED, |_, town| {
        town.op.tamper(On::Token, |response| {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            *response.body_mut() = br#"{"error":"access_denied"}"#.to_vec();
        });
    });
}

#[test]
fn qr_login_expired_token() {
    ends(ErrorCode::DEVICE_EXPIRED_TOKEN, ErrorCode::QR_PEER_AUTHORIZATION_EXPIRED, |_, town| {
        town.op.lie(Lie::PendingForever);
    });
}

#[test]
fn qr_login_declined_protocol() {
    ends(ErrorCode::QR_PEER_CANCELLED, ErrorCode::QR_CANCELLED, |plan, _| {
        plan.stops_at = Some((GRANT, Progress::AskingUser));
    });
}

#[test]
fn qr_login_refuse_secrets() {
    ends(ErrorCode::QR_PEER_DEVICE_NOT_FOUND, ErrorCode::QR_DEVICE_NOT_FOUND, |plan, _| {
        plan.device_never_appears = true;
    });
}

/// The rendezvous is gone before the devices have met: both know, and both can begin again.
#[test]
fn qr_login_session_expired() {
    let outcomes = each_way(|_, town| {
        for server in [&mut town.hs, &mut town.other_hs] {
            *server = server.clone().with_lifetime(Duration::from_secs(1)).with_fixed_lifetime();
        }
    });
    for outcome in outcomes {
        for error in [outcome.login.unwrap_err(), outcome.grant.unwrap_err()] {
            assert!(matches!(error.family(), Family::Expired | Family::Authorization), "{error}");
        }
    }
}

#[test]
fn device_authorization_endpoint_missing() {
    ends(ErrorCode::DEVICE_UNSUPPORTED, ErrorCode::QR_PEER_UNSUPPORTED_PROTOCOL, |plan, _| {
        plan.gives_up = Some(LoginFailureReason::UnsupportedProtocol);
    });
}

#[test]
fn grant_login_device_already_exists() {
    ends(ErrorCode::QR_PEER_DEVICE_EXISTS, ErrorCode::QR_DEVICE_EXISTS, |plan, _| plan.device_exists = true);
}

#[test]
fn grant_login_device_not_found() {
    ends(ErrorCode::QR_PEER_DEVICE_NOT_FOUND, ErrorCode::QR_DEVICE_NOT_FOUND, |plan, _| {
        plan.device_never_appears = true;
    });
}

#[test]
fn grant_login_cancelled_while_waiting_for_auth() {
    ends(ErrorCode::QR_PEER_CANCELLED, ErrorCode::QR_CANCELLED, |plan, _| {
        plan.stops_at = Some((GRANT, Progress::AskingUser));
    });
}

/// Somebody else scanned the code: the check codes differ, and whoever types one in finds it out.
#[test]
fn grant_login_secure_channel_error() {
    for outcome in each_way(|plan, _| plan.wrong_check_code = true) {
        let (login, grant) = codes(&outcome);
        let mut ends = [login.unwrap(), grant.unwrap()];
        ends.sort_by_key(|code| code.as_str());
        assert_eq!(ends, [ErrorCode::QR_CHECK_CODE_MISMATCH, ErrorCode::QR_PEER_CANCELLED]);
    }
}

/// Every reason that a device can give reaches the other one as an error of its own.
#[test]
fn login_failure() {
    for (reason, told) in REASONS {
        ends(ErrorCode::DEVICE_UNSUPPORTED, told, |plan, _| plan.gives_up = Some(reason));
    }
}
