//! Two devices whose drivers bring wrong responses, wrong outputs of keys and failures, wake too early and cancel: the flows
//! of a login expect all of it, and both devices end.

use proptest::prelude::*;

use crate::properties::config;
use crate::qr::town::{GRANT, LOGIN, Outcome, Plan, Town};
use crate::walk::assert_expected;

fn check(outcome: &Outcome) {
    outcome.login.as_ref().err().into_iter().for_each(assert_expected);
    outcome.grant.as_ref().err().into_iter().for_each(assert_expected);
}

/// One step of five goes wrong.
fn strays() -> impl Strategy<Value = Vec<Option<u8>>> {
    proptest::collection::vec(prop_oneof![4 => Just(None), 1 => any::<u8>().prop_map(Some)], 0..64)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn devices_expect_every_sequence_of_calls(
        login_shows in any::<bool>(),
        binds_tokens in any::<bool>(),
        login_strays in strays(),
        grant_strays in strays(),
    ) {
        let plan = Plan { login_shows, binds_tokens, login_strays, grant_strays, ..Plan::default() };
        check(&Town::new().run(&plan));
    }
}

/// One thing goes wrong, at each step of each device and in each way.
#[test]
fn a_device_expects_whatever_goes_wrong_at_any_step() {
    for (login_shows, binds_tokens) in [(true, true), (false, false)] {
        let plan = Plan { login_shows, binds_tokens, ..Plan::default() };
        let whole = Town::new();
        whole.run(&plan);
        for device in [LOGIN, GRANT] {
            let steps = whole.ways.borrow();
            for (at, (_, ways)) in steps.iter().filter(|(name, _)| *name == device).enumerate() {
                for way in 0..*ways {
                    let strays = std::iter::repeat_n(None, at).chain([Some(way)]).collect();
                    let mut plan = plan.clone();
                    *(if device == LOGIN { &mut plan.login_strays } else { &mut plan.grant_strays }) = strays;
                    check(&Town::new().run(&plan));
                }
            }
        }
    }
}
