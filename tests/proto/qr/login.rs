//! Whole logins, of both devices at once, with everything that can go wrong.

use std::time::Duration;

use http::Method;
use oidc_proto::qr::{LoginFailureReason, Options, Progress, Proposal};
use oidc_proto::testing::{Disturbance, Lie, Meet, On, Trick};
use oidc_proto::{ErrorCode, Failure, FailureKind, Sent};

use crate::qr::town::{GRANT, Outcome, Plan, Town, codes, plans, plans_of, secrets};

#[test]
fn a_login_either_way_round_at_the_right_homeserver() {
    for plan in plans() {
        for homeserver_swapped in [false, true] {
            let town = Town::new();
            let outcome = town.run(&Plan { homeserver_swapped, ..plan.clone() });
            outcome.grant.unwrap();
            assert_eq!(outcome.login.unwrap().to_json().expose(), secrets().to_json().expose());
            assert_eq!(town.boxes(), 0);
            // One text each for: the two greetings, (protocols), protocol, accepted, success, secrets.
            let texts = town.hs.texts().len() + town.other_hs.texts().len();
            assert_eq!(texts, if plan.login_shows { 7 } else { 6 });
            assert_eq!(town.device_looks.get(), 2);
        }
    }
}

/// A request for each text to write and to read, one to make the box, one to join it, one to delete it; besides, nothing
/// but looks that find nothing new.
#[test]
fn no_more_round_trips_than_the_messages_need() {
    for plan in plans_of(Proposal::Msc4108) {
        let town = Town::hasty();
        town.run(&plan).grant.unwrap();
        let texts = if plan.login_shows { 7 } else { 6 };
        let count = |method: Method, status| {
            let statuses = town.statuses.borrow();
            statuses.iter().filter(|answer| **answer == (method.clone(), status)).count()
        };
        let counts = [(Method::POST, 201), (Method::PUT, 202), (Method::GET, 200), (Method::DELETE, 204)];
        assert_eq!(counts.map(|(method, status)| count(method, status)), [1, texts, texts + 1, 1]);
        let looks = count(Method::GET, 304);
        assert_eq!(town.statuses.borrow().len(), 1 + texts + texts + 1 + 1 + looks);
        assert_eq!((town.polls.borrow().len(), town.device_looks.get()), (1, 2));
    }
}

/// Each interval and each patience is the application's.
#[test]
fn who_waits_how_long_is_an_argument() {
    let options = Options::new().with_device_patience(Duration::from_secs(2));
    for (interval, looks) in [(Duration::from_millis(250), 9), (Duration::ZERO, 21)] {
        let options = options.with_device_interval(interval);
        for plan in plans() {
            let town = Town::new();
            let outcome = town.run(&Plan { device_never_appears: true, options, ..plan });
            assert_eq!(outcome.grant.unwrap_err().code(), ErrorCode::QR_DEVICE_NOT_FOUND);
            assert_eq!(town.device_looks.get(), 1 + looks);
        }
    }
    // How long a last word is left where it is.
    for linger in [0, 3, 7].map(Duration::from_secs) {
        for plan in plans() {
            let options = options.with_linger(linger);
            let town = Town::new();
            let stops_at = Some((GRANT, Progress::AskingUser));
            let outcome = town.run(&Plan { stops_at, options, ..plan });
            assert_eq!(outcome.ended.1.saturating_since(town.cancelled_at.get().unwrap()), linger);
        }
    }
    // How often either device looks while the user decides, which takes ten seconds.
    for (interval, expected) in [(100, 150..250), (1000, 15..30), (20_000, 0..10)] {
        for plan in plans() {
            let options = Options::new().with_interval(Duration::from_millis(interval));
            let town = Town::new();
            town.run(&Plan { options, ..plan }).grant.unwrap();
            let statuses = town.statuses.borrow();
            let looks = statuses.iter().filter(|answer| **answer == (Method::GET, 304)).count();
            assert!(expected.contains(&looks), "{interval} {looks}");
        }
    }
}

/// Signing is a step like any other, also in the middle of a login.
#[test]
fn a_login_whose_tokens_are_bound_to_a_key_in_a_key_store() {
    for plan in plans() {
        let town = Town::new();
        let outcome = town.run(&Plan { binds_tokens: true, ..plan });
        assert_eq!((codes(&outcome), town.boxes()), ((None, None), 0));
    }
}

/// The existing device asks the homeserver for the new one with a proof of its key each time.
#[test]
fn a_grant_of_a_session_whose_tokens_are_bound_to_a_key() {
    for plan in plans() {
        let town = Town::hasty();
        let outcome = town.run(&Plan { grant_binds_tokens: true, ..plan });
        assert_eq!((codes(&outcome), town.boxes(), town.device_looks.get()), ((None, None), 0, 2));
    }
}

/// In an earlier version a refusal went past the flow, and the other device waited for its deadline.
#[test]
fn a_key_store_that_refuses_is_told_to_the_other_device() {
    for plan in plans() {
        let town = Town::new();
        let outcome = town.run(&Plan { binds_tokens: true, key_refused: true, ..plan });
        assert_eq!(codes(&outcome), (Some(ErrorCode::KEY_REFUSED), Some(ErrorCode::QR_PEER_FAILURE)));
        assert_eq!(town.boxes(), 0);
    }
}

#[test]
fn progress_is_told_at_each_pause() {
    use Progress::*;
    for plan in plans() {
        let town = Town::new();
        town.run(&plan).grant.unwrap();
        let of = |device| -> Vec<Progress> {
            let all = town.progress.borrow();
            all.iter().filter(|(name, _)| *name == device).map(|(_, progress)| *progress).collect()
        };
        let (shows, scans) = (vec![ShowingCode, EnteringCheckCode, Secured], vec![ShowingCheckCode, Secured]);
        let (new, existing) = if plan.login_shows { (shows, scans) } else { (scans, shows) };
        assert_eq!(of("login"), [new, vec![StartingLogin, WaitingForUser, SharingSecrets]].concat());
        assert_eq!(of("grant"), [existing, vec![AskingUser, SharingSecrets]].concat());
    }
    let all = [ShowingCode, EnteringCheckCode, ShowingCheckCode, Secured, StartingLogin, WaitingForUser, AskingUser];
    let names =
        "showing_code entering_check_code showing_check_code secured starting_login waiting_for_user asking_user";
    assert_eq!(all.map(Progress::name).join(" "), names);
    assert_eq!(SharingSecrets.name(), "sharing_secrets");
}

/// What the humans and the servers can do: how each device ends, and that nothing is left behind or given away.
#[test]
fn every_no_is_told_to_the_other_device() {
    type Change = fn(&mut Plan, &Town);
    let cases: [(&str, Change, ErrorCode, ErrorCode); 8] = [
        (
            "a wrong check code",
            |plan, _| plan.wrong_check_code = true,
            ErrorCode::QR_PEER_CANCELLED,
            ErrorCode::QR_CHECK_CODE_MISMATCH,
        ),
        (
            "no endpoint",
            |plan, _| plan.gives_up = Some(LoginFailureReason::UnsupportedProtocol),
            ErrorCode::DEVICE_UNSUPPORTED,
            ErrorCode::QR_PEER_UNSUPPORTED_PROTOCOL,
        ),
        (
            "no at the existing device",
            |plan, _| plan.stops_at = Some((GRANT, Progress::AskingUser)),
            ErrorCode::QR_PEER_CANCELLED,
            ErrorCode::QR_CANCELLED,
        ),
        (
            "the device exists",
            |plan, _| plan.device_exists = true,
            ErrorCode::QR_PEER_DEVICE_EXISTS,
            ErrorCode::QR_DEVICE_EXISTS,
        ),
        (
            "the device never appears",
            |plan, _| plan.device_never_appears = true,
            ErrorCode::QR_PEER_DEVICE_NOT_FOUND,
            ErrorCode::QR_DEVICE_NOT_FOUND,
        ),
        (
            "no at the provider",
            |_, town| town.op.tamper(On::Token, deny),
            ErrorCode::DEVICE_ACCESS_DENIED,
            ErrorCode::QR_PEER_DECLINED,
        ),
        (
            "nobody decides",
            |_, town| town.op.lie(Lie::PendingForever),
            ErrorCode::DEVICE_EXPIRED_TOKEN,
            ErrorCode::QR_PEER_AUTHORIZATION_EXPIRED,
        ),
        (
            "the provider fails",
            |_, town| town.op.disturb(On::Token, Disturbance::Redirect, usize::MAX),
            ErrorCode::HTTP_REDIRECT,
            ErrorCode::QR_PEER_FAILURE,
        ),
    ];
    for (what, change, login, grant) in cases {
        for mut plan in plans() {
            let town = Town::new();
            change(&mut plan, &town);
            let outcome = town.run(&plan);
            let (mut login, mut grant) = (login, grant);
            if plan.wrong_check_code && plan.login_shows {
                // Whoever shows the code is who types.
                (login, grant) = (ErrorCode::QR_CHECK_CODE_MISMATCH, ErrorCode::QR_PEER_CANCELLED);
            }
            assert_eq!(codes(&outcome), (Some(login), Some(grant)), "{what} {plan:?}");
            assert_eq!((town.boxes(), town.secrets_were_sent()), (0, false), "{what} {plan:?}");
        }
    }
}

fn deny(response: &mut http::Response<Vec<u8>>) {
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    *response.body_mut() = br#"{"error":"access_denied"}"#.to_vec();
}

/// A trick at each request of its kind. Before it come some that do nothing.
fn tricked(meet: Meet, trick: &Trick, mut check: impl FnMut(&Plan, usize, &Town, Outcome)) {
    for plan in plans() {
        let town = Town::hasty();
        town.run(&plan).grant.unwrap();
        for at in 0..town.hs.count(meet) {
            let town = Town::hasty();
            town.hs.trick(meet, Trick::NoDates, at);
            town.hs.trick(meet, trick.clone(), 1);
            let outcome = town.run(&plan);
            check(&plan, at, &town, outcome);
        }
    }
}

#[test]
fn what_gets_lost_on_the_way_is_made_good() {
    let faults = [
        Disturbance::Timeout,
        Disturbance::Unreachable,
        Disturbance::LostResponse,
        Disturbance::status(502),
        Disturbance::status(429),
        Disturbance::Status { status: 503, retry_after: Some("5") },
    ];
    for fault in faults {
        for meet in [Meet::Receive, Meet::Send] {
            tricked(meet, &Trick::Disturbance(fault.clone()), |plan, at, town, outcome| {
                assert_eq!(codes(&outcome), (None, None), "{fault:?} at {meet:?} {at}, {plan:?}");
                assert_eq!(town.boxes(), 0);
            });
        }
        tricked(Meet::Delete, &Trick::Disturbance(fault.clone()), |plan, _, _, outcome| {
            assert_eq!(codes(&outcome), (None, None), "{fault:?} {plan:?}");
        });
    }
    for trick in [Trick::Withhold, Trick::Empty, Trick::ContentType("text/plain; charset=utf-8")] {
        tricked(Meet::Receive, &trick, |plan, at, _, outcome| {
            let ended = codes(&outcome);
            // The draft's is JSON.
            let is_draft = plan.options == Options::new().with_proposal(Proposal::Msc4388);
            if is_draft && matches!(trick, Trick::ContentType(_)) {
                return;
            }
            // The first look has nothing to compare with, so that there is no 304 for it.
            if trick == Trick::Withhold && [ended.0, ended.1].contains(&Some(ErrorCode::QR_RENDEZVOUS_RESPONSE)) {
                return;
            }
            assert_eq!(ended, (None, None), "{trick:?} at {at}, {plan:?}");
        });
    }
}

/// Whatever a rendezvous does to a text, no device believes it, and no secret goes to anyone.
#[test]
fn a_lying_rendezvous_ends_the_login_for_both() {
    let tricks = [
        Trick::Change,
        Trick::Truncate,
        Trick::Repeat,
        Trick::Replace("AAAA".into()),
        Trick::Replace("AAAA|9yA/CX8pJKF02Prd75ZyBQHg3fGTVVGDNl86q1z17Us".into()),
        Trick::Replace("{}".into()),
        Trick::Expire,
        Trick::NoEtag,
        Trick::Disturbance(Disturbance::LoginPage),
        Trick::Disturbance(Disturbance::Garbage),
        Trick::Disturbance(Disturbance::Oversized),
        Trick::Disturbance(Disturbance::Redirect),
        Trick::Disturbance(Disturbance::status(403)),
    ];
    for trick in tricks {
        let mut refused = 0;
        tricked(Meet::Receive, &trick, |plan, at, town, outcome| {
            let ended = codes(&outcome);
            refused += usize::from(ended.0.is_some());
            match ended {
                // The trick was played where nothing was to be read, or where it was the text before all texts.
                (None, None) => assert!(
                    matches!(
                        trick,
                        Trick::Change
                            | Trick::Truncate
                            | Trick::Repeat
                            | Trick::NoEtag
                            | Trick::Disturbance(Disturbance::Garbage)
                    ),
                    "{trick:?} at {at}, {plan:?}"
                ),
                // It ate the secrets, which were sent to the right device.
                (Some(_), None) if !town.was_alone.get() => {
                    assert!(town.secrets_were_sent(), "{trick:?} at {at}, {plan:?}");
                }
                // The rendezvous ended when the new device could log in.
                (Some(ErrorCode::QR_WITHOUT_SECRETS), None) => {
                    assert!(trick == Trick::Expire && !town.secrets_were_sent(), "{trick:?} at {at}, {plan:?}");
                }
                (Some(_), None) => panic!("{trick:?} at {at}, {plan:?} {ended:?}"),
                (Some(_), Some(_)) => {
                    assert!(!town.secrets_were_sent(), "{trick:?} at {at}, {plan:?} {ended:?}");
                }
                (None, Some(_)) => panic!("{trick:?} at {at}, {plan:?} {ended:?}"),
            }
            assert_eq!(town.boxes(), 0, "{trick:?} at {at}, {plan:?} {ended:?}");
        });
        // Each of the texts of the two logins at least.
        assert!(refused >= 7 + 6, "{trick:?} {refused}");
    }
    for trick in
        [Trick::Expire, Trick::TooLarge, Trick::Conflict, Trick::NoEtag, Trick::Disturbance(Disturbance::status(403))]
    {
        tricked(Meet::Send, &trick, |plan, at, town, outcome| {
            let ended = codes(&outcome);
            assert!(ended.0.is_some(), "{trick:?} at {at}, {plan:?} {ended:?}");
            let is_known = town.secrets_were_sent() || town.was_alone.get();
            assert!(ended.1.is_some() || is_known, "{trick:?} at {at}, {plan:?} {ended:?}");
            assert_eq!(town.boxes(), 0, "{trick:?} at {at}, {plan:?} {ended:?}");
        });
    }
}

/// What the other device has not got leaves it without the next nonce, so that nothing more is said.
#[test]
fn a_text_that_was_refused_is_the_last_one() {
    for trick in [Trick::TooLarge, Trick::Disturbance(Disturbance::status(403))] {
        tricked(Meet::Send, &trick, |plan, at, town, outcome| {
            let statuses = town.statuses.borrow();
            let refused =
                statuses.iter().position(|(method, status)| *method == Method::PUT && *status >= 300).unwrap();
            let after = statuses[refused + 1..].iter().filter(|(method, _)| *method == Method::PUT).count();
            assert_eq!(after, 0, "{trick:?} at {at}, {plan:?} {:?}", codes(&outcome));
        });
    }
}

/// The secrets may have arrived, or not: what the rendezvous says then counts.
#[test]
fn the_rendezvous_decides_whether_doubtful_secrets_arrived() {
    for plan in plans() {
        let is_draft = plan.options == Options::new().with_proposal(Proposal::Msc4388);
        let honest = Town::hasty();
        honest.run(&plan).grant.unwrap();
        // In the draft it looks before the new device does, and a refusal then ends the rendezvous.
        let too_early = is_draft.then_some(ErrorCode::QR_WITHOUT_SECRETS);
        let refused = Some(Trick::Disturbance(Disturbance::status(403)));
        for (afterwards, expected) in [(None, (None, None)), (refused, (too_early, Some(ErrorCode::HTTP_STATUS)))] {
            let town = Town::hasty();
            town.hs.trick(Meet::Send, Trick::NoDates, honest.hs.count(Meet::Send) - 1);
            town.hs.trick(Meet::Send, Trick::Disturbance(Disturbance::LostResponse), 1);
            town.hs.trick(Meet::Receive, Trick::NoDates, honest.hs.count(Meet::Receive) - usize::from(is_draft));
            if let Some(trick) = afterwards {
                town.hs.trick(Meet::Receive, trick, 1);
            }
            assert_eq!(codes(&town.run(&plan)), expected, "{plan:?}");
            assert_eq!(town.boxes(), 0);
        }
    }
}

/// Only the homeserver's own word counts: not a proxy's page, not a refused token, not silence.
#[test]
fn whether_a_device_exists_is_asked_until_there_is_an_answer() {
    let nothing = [
        Ok((500, "")),
        Ok((401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#)),
        Ok((200, "<html>")),
        Ok((200, "[]")),
        Ok((302, "")),
        Err(Failure::new(FailureKind::Timeout, Sent::Maybe)),
    ];
    for plan in plans() {
        let town = Town::new();
        town.device_failures.borrow_mut().extend(nothing.clone());
        assert_eq!(codes(&town.run(&plan)), (None, None));
        assert_eq!(town.device_looks.get(), 2 + nothing.len());
        for (answer, expected) in nothing.iter().zip([
            ErrorCode::HTTP_SERVER_ERROR,
            ErrorCode::HOMESERVER_UNKNOWN_TOKEN,
            ErrorCode::JSON_SYNTAX,
            ErrorCode::JSON_TYPE,
            ErrorCode::HTTP_REDIRECT,
            ErrorCode::TRANSPORT_TIMEOUT,
        ]) {
            let town = Town::new();
            town.device_failures.borrow_mut().extend(std::iter::repeat_n(answer.clone(), 1000));
            assert_eq!(codes(&town.run(&plan)), (Some(ErrorCode::QR_PEER_FAILURE), Some(expected)));
            assert_eq!((town.boxes(), town.secrets_were_sent()), (0, false));
        }
        // The new device takes a while to appear: half a second between looks, for 10 s.
        let town = Town::new();
        let outcome = town.run(&Plan { device_never_appears: true, ..plan.clone() });
        assert_eq!(outcome.grant.unwrap_err().code(), ErrorCode::QR_DEVICE_NOT_FOUND);
        assert_eq!(town.device_looks.get(), 1 + 21);
    }
}

#[test]
fn a_login_shows_no_secret() {
    for plan in plans() {
        let town = Town::new();
        town.run(&plan).grant.unwrap();
        let shown = town.shown.borrow();
        for secret in ["SECRET", "EXISTING", "user_code", "MATRIX_QR"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
    }
}
