use super::*;
use crate::error::ErrorCode;

const IDLE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> MonotonicTime {
    MonotonicTime::from_millis(seconds * 1000)
}

fn key(number: u8) -> IndexKey {
    let owner = crate::party::owner::Owner::stored(
        crate::base::url::Issuer::new("https://op.example.org", crate::base::url::Schemes::HttpsOnly).unwrap(),
        "app",
        None,
    );
    IndexKey::subject(&owner, &number.to_string())
}

fn present(names: u64) -> Roster<u64> {
    let mut roster = Roster::new();
    for name in 0..names {
        roster.insert(name.to_string().into(), name, vec![key((name % 3) as u8)], at(name));
    }
    roster
}

#[test]
fn who_was_not_used_for_long_goes_first_and_who_may_not_go_stays() {
    let mut roster = present(5);
    // Used once more, a moment after and much later.
    assert!(matches!(roster.find("0", at(1), IDLE, |_| true, |_| false), Found::Present(0)));
    assert!(matches!(roster.find("1", at(30), IDLE, |_| true, |_| false), Found::Present(1)));
    assert_eq!(roster.next_idle(IDLE), Some(at(60)));
    assert_eq!(roster.take_idle(at(59), IDLE, 5, |_| true), (vec![], false));
    assert_eq!(roster.take_idle(at(63), IDLE, 5, |handle| *handle != 2), (vec![0, 3], false));
    assert_eq!(roster.take_idle(at(63), IDLE, 1, |_| true), (vec![4, 1], false));
    assert_eq!((roster.present("2"), roster.next_idle(IDLE)), (Some(2), Some(at(123))));
}

#[test]
fn names_are_found_by_their_keys_while_they_are_there() {
    let mut roster = present(7);
    assert_eq!(roster.names(key(0)).len(), 3);
    assert_eq!(roster.remove_if("3", |handle| *handle == 4), None);
    assert_eq!(roster.remove_if("3", |handle| *handle == 3), Some(3));
    roster.insert("0".into(), 9, vec![key(1)], at(9));
    assert_eq!((roster.names(key(0)), roster.names(key(1)).len()), (vec!["6".into()], 3));
    assert_eq!(roster.take_removed(), [0]);
    assert_eq!(roster.clear().0, [9, 1, 2, 4, 5, 6]);
    assert!(roster.names(key(1)).is_empty());
}

#[test]
fn a_name_is_loaded_once_and_a_login_meanwhile_counts() {
    let mut roster = present(1);
    let [first, second] = [(); 2].map(|()| match roster.find("a", at(0), IDLE, |_| true, |_| false) {
        Found::Loading(loading) => loading,
        Found::Present(_) => panic!(),
    });
    assert!(Arc::ptr_eq(&first, &second));
    let (_, name, loading) = roster.next_wanted(at(0)).unwrap();
    assert!(Arc::ptr_eq(&first, &loading) && roster.next_wanted(at(0)).is_none());
    assert_eq!(roster.loaded(&name, &loading, Ok(Some((1, vec![]))), at(0)).unwrap(), Some(1));
    // One that is of no use any more is loaded again.
    let Found::Loading(loading) = roster.find("a", at(0), IDLE, |_| false, |_| false) else { panic!() };
    assert!(roster.insert("a".into(), 2, vec![], at(0)).is_some());
    assert!(roster.next_wanted(at(0)).is_none());
    assert_eq!(roster.loaded(&name, &loading, Ok(Some((3, vec![]))), at(0)).unwrap(), Some(2));
    let Found::Loading(loading) = roster.find("b", at(0), IDLE, |_| true, |_| false) else { panic!() };
    assert_eq!(roster.loaded(&"b".into(), &loading, Ok(None), at(0)).unwrap(), None);
    assert!(roster.present("b").is_none());
}

#[test]
fn a_name_that_nobody_waits_for_is_not_loaded() {
    let mut roster = present(1);
    for name in ["a", "b", "c"] {
        assert!(matches!(roster.find(name, at(1), IDLE, |_| true, |_| false), Found::Loading(_)));
    }
    // One that stays is there again.
    assert!(matches!(roster.find("0", at(1), IDLE, |_| false, |_| true), Found::Loading(_)));
    let Found::Loading(waiting) = roster.find("b", at(2), IDLE, |_| true, |_| false) else { panic!() };
    assert_eq!((roster.first_wanted(), roster.next_wanted(at(0)).is_none()), (Some(at(1)), true));
    let (_, name, loading) = roster.next_wanted(at(1)).unwrap();
    assert!(&*name == "b" && Arc::ptr_eq(&loading, &waiting));
    assert!(roster.next_wanted(at(9)).is_none() && roster.first_wanted().is_none());
    assert_eq!((roster.present("0"), roster.entries.len()), (Some(0), 2));
}

#[test]
fn one_that_stays_does_so_until_another_one_was_loaded() {
    let (mut roster, name) = (present(1), Arc::from("0"));
    let mut load = |result: Result<_, ErrorCode>| {
        let Found::Loading(loading) = roster.find("0", at(0), IDLE, |_| false, |_| true) else { panic!() };
        // Others get it meanwhile.
        assert!(matches!(roster.find("0", at(0), IDLE, |_| true, |_| true), Found::Present(0)));
        let result = result.map_err(Error::from);
        (roster.loaded(&name, &loading, result, at(0)).is_ok(), roster.present("0"))
    };
    assert_eq!(load(Err(ErrorCode::STORE_IO)), (false, Some(0)));
    assert_eq!(load(Ok(Some((1, vec![])))), (true, Some(1)));
}

/// However many there are, a look costs a few steps.
#[test]
fn a_look_for_idle_ones_is_bounded() {
    let mut roster = present(1000);
    let mut asked = 0;
    let (taken, more) = roster.take_idle(at(5000), IDLE, 1000, |_| {
        asked += 1;
        false
    });
    assert_eq!((taken.len(), more, asked), (0, true, SOME));
    assert_eq!(roster.take_idle(at(5000), IDLE, 1000, |_| true).0.len(), SOME);
    // More than may be there, and none may go: each is looked at once, and again after a while. Nothing spins.
    let (mut roster, idle) = (present(1000), Duration::from_secs(9999));
    for seconds in [1000, 1001] {
        let mut asked = 0;
        let mut look = |now| {
            roster.take_idle(now, idle, 10, |_| {
                asked += 1;
                false
            })
        };
        while look(at(seconds)).1 {}
        assert!(!look(at(seconds)).1);
        assert!((1000..1000 + 3 * SOME).contains(&asked), "{asked}");
        assert_eq!(roster.next_idle(idle), Some(at(seconds + 1)));
    }
    while roster.take_idle(at(1002), idle, 10, |_| true).1 {}
    assert_eq!((roster.order.len(), roster.next_idle(idle) > Some(at(1003))), (10, true));
}
