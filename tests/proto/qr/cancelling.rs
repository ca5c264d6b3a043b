//! The user gives up: at any pause, at any step, on either device.

use std::time::Duration;

use oidc_proto::ErrorCode;
use oidc_proto::qr::Progress;
use oidc_proto::testing::Lie;

use crate::qr::town::{GRANT, LOGIN, Plan, Town, codes, plans};

/// The user gives up at any step of either device: the other one ends as well, and nothing is left behind.
#[test]
fn a_device_that_cancels_at_any_step_ends_the_other() {
    for plan in plans() {
        let whole = Town::new().run(&plan);
        for (is_login, steps) in [(true, whole.login_steps), (false, whole.grant_steps)] {
            for at in 1..=steps {
                let mut plan = plan.clone();
                *(if is_login { &mut plan.login_cancels_at } else { &mut plan.grant_cancels_at }) = Some(at);
                let town = Town::new();
                let outcome = town.run(&plan);
                let (login, grant) = codes(&outcome);
                let (own, other) = if is_login { (login, grant) } else { (grant, login) };
                let shared = town.progress.borrow().contains(&("grant", Progress::SharingSecrets));
                let device = if is_login { LOGIN } else { GRANT };
                let had_channel = town.progress.borrow().contains(&(device, Progress::Secured));
                match (own, other) {
                    // There was nothing to give up any more.
                    (None, None) => {}
                    (Some(ErrorCode::QR_CANCELLED), None) => assert!(town.secrets_were_sent()),
                    (Some(ErrorCode::QR_CANCELLED), Some(ErrorCode::QR_PEER_CANCELLED)) if had_channel => {}
                    other if had_channel => panic!("not told: {plan:?} {other:?}"),
                    // Told, found out, or had nothing to scan or to type in.
                    (
                        Some(ErrorCode::QR_CANCELLED),
                        Some(ErrorCode::QR_PEER_CANCELLED | ErrorCode::QR_RENDEZVOUS_EXPIRED | ErrorCode::QR_CANCELLED),
                    ) => {}
                    other => panic!("{plan:?} {other:?}"),
                }
                assert!(shared || !town.secrets_were_sent(), "{plan:?}");
                // A rendezvous whose URL was on its way nobody can delete.
                let shows = is_login == plan.login_shows;
                assert_eq!(town.boxes(), usize::from(shows && at == 1), "{plan:?}");
            }
        }
    }
}

/// Every pause can be cancelled: the other device is told, and soon, and nothing is left behind or given away.
#[test]
fn a_device_that_cancels_in_any_pause_ends_the_other() {
    use Progress::*;
    let pauses = [ShowingCode, EnteringCheckCode, ShowingCheckCode, Secured];
    let of_login = [&pauses[..], &[StartingLogin, WaitingForUser, SharingSecrets]].concat();
    let of_grant = [&pauses[..], &[AskingUser, SharingSecrets]].concat();
    for (device, pauses) in [(LOGIN, of_login), (GRANT, of_grant)] {
        for progress in pauses {
            let mut reached = 0;
            for plan in plans() {
                let town = Town::new();
                let outcome = town.run(&Plan { stops_at: Some((device, progress)), ..plan });
                let (login, grant) = codes(&outcome);
                let (own, other) = if device == LOGIN { (login, grant) } else { (grant, login) };
                let Some(at) = town.cancelled_at.get() else {
                    // It scans where the other way round it shows, or the reverse.
                    assert_eq!((own, other), (None, None), "{device} {progress:?}");
                    continue;
                };
                reached += 1;
                let told = if progress == ShowingCode {
                    ErrorCode::QR_RENDEZVOUS_EXPIRED
                } else {
                    ErrorCode::QR_PEER_CANCELLED
                };
                assert_eq!((own, other), (Some(ErrorCode::QR_CANCELLED), Some(told)), "{device} {progress:?}");
                assert_eq!((town.boxes(), town.secrets_were_sent()), (0, false), "{device} {progress:?}");
                let ended = if device == LOGIN { outcome.ended.1 } else { outcome.ended.0 };
                // What was said before is left to be read for three seconds; then the other one looks.
                assert!(ended.saturating_since(at) <= Duration::from_secs(4), "{device} {progress:?}");
            }
            let is_either = [ShowingCode, EnteringCheckCode, ShowingCheckCode].contains(&progress);
            assert_eq!(reached, if is_either { 2 } else { 4 }, "{device} {progress:?}");
        }
    }
}

/// At every step of the wait for the new device, which waits for the user at the provider: it looks once a second.
#[test]
fn an_existing_device_that_cancels_after_it_said_yes_is_noticed_at_once() {
    let mut noticed = 0;
    for plan in plans() {
        for at in 1..50 {
            let town = Town::new();
            town.op.lie(Lie::PendingForever);
            let outcome = town.run(&Plan { grant_cancels_at: Some(at), ..plan.clone() });
            let is_waited_for = town.progress.borrow().contains(&(LOGIN, Progress::WaitingForUser));
            let (true, Some(cancelled_at)) = (is_waited_for, town.cancelled_at.get()) else { continue };
            noticed += 1;
            assert_eq!(codes(&outcome), (Some(ErrorCode::QR_PEER_CANCELLED), Some(ErrorCode::QR_CANCELLED)), "{at}");
            let waited = outcome.ended.0.saturating_since(cancelled_at);
            // Its yes, if that is not read yet, is left for three seconds.
            assert!(waited <= Duration::from_secs(4), "{at} {waited:?}");
            assert_eq!((town.boxes(), town.secrets_were_sent()), (0, false));
        }
    }
    assert!(noticed > 40, "{noticed}");
}

/// Looks for the other device's word are made between two polls, and put none of them off.
#[test]
fn the_provider_is_asked_as_often_as_it_wants() {
    for plan in plans() {
        let town = Town::new();
        town.op.lie(Lie::PendingForever);
        town.run(&Plan { grant_cancels_at: Some(100), ..plan });
        let polls = town.polls.borrow();
        let pauses: Vec<Duration> = polls.windows(2).map(|pair| pair[1].saturating_since(pair[0])).collect();
        assert!(pauses.len() > 3 && pauses.iter().all(|pause| *pause == Duration::from_secs(5)), "{pauses:?}");
    }
}
