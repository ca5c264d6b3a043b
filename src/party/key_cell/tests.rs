#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::base::env::Timestamp;
use crate::error::ErrorCode;

fn cell() -> Arc<KeyCell> {
    KeyCell::new(None)
}

fn keys() -> Arc<Keys> {
    Arc::new(Keys::read(None, br#"{"keys":[]}"#, Timestamp::from_unix_seconds(1)).unwrap())
}

fn at(seconds: u64) -> MonotonicTime {
    MonotonicTime::from_millis(seconds * 1000)
}

fn own(cell: &KeyCell) -> Asker {
    Asker::own(cell.mark(), cell.mark())
}

fn fetch(cell: &Arc<KeyCell>, asker: &Asker, tried: &mut Tried, now: MonotonicTime) -> Claim {
    match cell.next(asker, tried, now) {
        NextKeys::None(NoKeys::Fetch(claim)) => claim,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fetch_after_the_tokens_came_proves_that_there_is_no_such_key() {
    let (cell, mut tried) = (cell(), Tried::default());
    let asker = own(&cell);
    fetch(&cell, &asker, &mut tried, at(0)).fulfil(&keys(), Duration::MAX, at(0));
    assert!(matches!(cell.next(&asker, &mut tried, at(0)), NextKeys::Try(_)));
    assert!(matches!(cell.next(&asker, &mut tried, at(0)), NextKeys::Unknown));
    // For tokens that come now it proves nothing, however young it is.
    let (asker, mut tried) = (own(&cell), Tried::default());
    assert!(matches!(cell.next(&asker, &mut tried, at(0)), NextKeys::Try(_)));
    drop(fetch(&cell, &asker, &mut tried, at(0)));
}

#[test]
fn tokens_that_come_while_a_fetch_is_under_way_cost_one_more_together() {
    let cell = cell();
    let claim = fetch(&cell, &own(&cell), &mut Tried::default(), at(0));
    let (first, second) = (own(&cell), own(&cell));
    let (mut a, mut b) = (Tried::default(), Tried::default());
    assert!(matches!(cell.next(&first, &mut a, at(0)), NextKeys::None(NoKeys::Wait(..))));
    assert!(matches!(cell.next(&second, &mut b, at(0)), NextKeys::None(NoKeys::Wait(..))));
    claim.fulfil(&keys(), Duration::MAX, at(0));
    for (asker, tried) in [(&first, &mut a), (&second, &mut b)] {
        assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Try(_)));
    }
    let claim = fetch(&cell, &first, &mut a, at(0));
    assert!(matches!(cell.next(&second, &mut b, at(0)), NextKeys::None(NoKeys::Wait(..))));
    claim.fulfil(&keys(), Duration::MAX, at(0));
    for (asker, tried) in [(&first, &mut a), (&second, &mut b)] {
        assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Try(_)));
        assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Unknown | NextKeys::Try(_)));
        assert!(matches!(cell.next(asker, tried, at(0)), NextKeys::Unknown));
    }
}

#[test]
fn a_claim_that_is_dropped_rings_and_one_that_is_stuck_is_passed_over() {
    let cell = cell();
    let (asker, mut tried) = (own(&cell), Tried::default());
    let claim = fetch(&cell, &asker, &mut Tried::default(), at(0));
    let NextKeys::None(NoKeys::Wait(until, bell)) = cell.next(&asker, &mut tried, at(0)) else {
        panic!("nothing to wait for")
    };
    assert_eq!((until, bell.has_rung()), (MonotonicTime::from_millis(50), false));
    drop(claim);
    assert!(bell.has_rung());
    let stuck = fetch(&cell, &asker, &mut tried, at(0));
    assert!(matches!(cell.next(&asker, &mut tried, at(59)), NextKeys::None(NoKeys::Wait(..))));
    let claim = fetch(&cell, &asker, &mut tried, at(60));
    claim.fulfil(&keys(), Duration::MAX, at(60));
    // The slow response comes after all, and replaces nothing.
    let newest = cell.newest().unwrap();
    stuck.fulfil(&keys(), Duration::MAX, at(61));
    assert!(Arc::ptr_eq(&newest, &cell.newest().unwrap()));
}

#[test]
fn a_failure_is_told_to_those_who_waited_for_that_fetch_and_not_remembered() {
    let cell = cell();
    let (asker, mut waited) = (own(&cell), Tried::default());
    let claim = fetch(&cell, &asker, &mut Tried::default(), at(0));
    assert!(matches!(cell.next(&asker, &mut waited, at(0)), NextKeys::None(NoKeys::Wait(..))));
    claim.fail(&ErrorCode::HTTP_SERVER_ERROR.into());
    let NextKeys::None(NoKeys::Failed(error)) = cell.next(&asker, &mut waited, at(0)) else { panic!("not told") };
    assert_eq!(error.code(), ErrorCode::HTTP_SERVER_ERROR);
    drop(fetch(&cell, &asker, &mut Tried::default(), at(0)));
}

#[test]
fn strangers_fetch_once_a_minute_and_hold_up_nobody_else() {
    let cell = cell();
    fetch(&cell, &own(&cell), &mut Tried::default(), at(0)).fulfil(&keys(), Duration::MAX, at(0));
    let mut fetches = 0;
    for second in 0..3600 {
        let (asker, mut tried) = (Asker::stranger(cell.mark()), Tried::default());
        loop {
            match cell.next(&asker, &mut tried, at(second)) {
                NextKeys::Try(_) => {}
                NextKeys::None(NoKeys::Fetch(claim)) => {
                    fetches += 1;
                    claim.fulfil(&keys(), Duration::MAX, at(second));
                }
                NextKeys::Unknown => break,
                other => panic!("{other:?}"),
            }
        }
        // An honest login between them may fetch.
        let (asker, mut tried) = (own(&cell), Tried::default());
        assert!(matches!(cell.next(&asker, &mut tried, at(second)), NextKeys::Try(_)));
        drop(fetch(&cell, &asker, &mut tried, at(second)));
    }
    assert_eq!(fetches, 60);
}

/// Somebody uses two clocks that count from different moments: nobody waits longer for a fetch than it may take, and
/// keys do not live longer than they may.
#[test]
fn a_clock_that_is_far_behind_neither_waits_nor_keeps_keys() {
    let cell = cell();
    let stuck = fetch(&cell, &own(&cell), &mut Tried::default(), at(360_000));
    let claim = fetch(&cell, &own(&cell), &mut Tried::default(), at(10));
    drop(stuck);
    drop(claim);
    fetch(&cell, &own(&cell), &mut Tried::default(), at(360_000)).fulfil(&keys(), Duration::MAX, at(360_000));
    assert!(cell.first(&mut Tried::default(), at(360_010)).is_some());
    assert!(cell.first(&mut Tried::default(), at(10)).is_none());

    // A stranger's fetch at the time of one clock does not delay a fetch at the time of the other
    // clock.
    let cell = self::cell();
    let stranger = Asker::stranger(cell.mark());
    drop(fetch(&cell, &stranger, &mut Tried::default(), at(400_000)));
    drop(fetch(&cell, &stranger, &mut Tried::default(), at(10)));
}

#[test]
fn keys_that_are_too_old_are_fetched_anew_before_they_verify() {
    for (fresh_for, until) in [(Duration::MAX, OLDEST_KEYS), (Duration::ZERO, YOUNGEST_KEYS)] {
        let cell = cell();
        fetch(&cell, &own(&cell), &mut Tried::default(), at(0)).fulfil(&keys(), fresh_for, at(0));
        let until = until.as_secs();
        assert!(cell.first(&mut Tried::default(), at(until - 1)).is_some());
        let mut tried = Tried::default();
        assert!(cell.first(&mut tried, at(until)).is_none());
        drop(fetch(&cell, &own(&cell), &mut tried, at(until)));
    }
}
