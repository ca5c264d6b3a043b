//! Known providers by their public documentation: each is logged in to, refreshed and logged out of, by default or by
//! choices that have a name. `docs/providers.md` is made from the same table.

mod course;
#[allow(dead_code, reason = "the command line's own file")]
#[path = "../../examples/oidc_cli/known.rs"]
mod known;
mod options;
mod page;
mod table;

use oidc_proto::testing::{Habits, Lie, On, Provider, TestEnv};
use oidc_proto::{AuthMethod, Deviation, ErrorCode};

use crate::hostile::world::At;
use course::{Course, Outcome};
use table::{Choice, ROWS};

#[test]
fn each_provider_is_logged_in_to_refreshed_and_logged_out_of() {
    let wrong = ROWS.iter().filter_map(|row| {
        let outcome = Course::new(row, None).outcome().map(|outcome| (outcome.after, outcome.dead));
        (outcome != Ok((row.after, row.dead))).then(|| format!("{}: {outcome:?}", row.habits.name()))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A choice that is not needed does not stand in the table.
#[test]
fn each_choice_is_needed() {
    let mut wrong = Vec::new();
    for row in ROWS {
        let whole = Course::new(row, None).outcome();
        for (at, choice) in row.choices.iter().enumerate() {
            if Course::new(row, Some(at)).outcome() == whole {
                wrong.push(format!("{}: {choice:?}", row.habits.name()));
            }
            let Choice::ByHand(members) = choice else { continue };
            let lacking = members.iter().map(|(name, _)| *name);
            let needless = lacking.filter(|name| Course::lacking(row, name).outcome() == whole);
            wrong.extend(needless.map(|name| format!("{}: {name} of the metadata by hand", row.habits.name())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The choices of a provider let no attacker in.
#[test]
fn what_is_hostile_stays_refused_with_all_choices() {
    const ALWAYS: [(Lie, ErrorCode); 1] = [(Lie::CallbackStateWrong, ErrorCode::CALLBACK_STATE_MISMATCH)];
    const OF_ID_TOKENS: [(Lie, ErrorCode); 6] = [
        (Lie::SubEmpty, ErrorCode::ID_TOKEN_SUBJECT),
        (Lie::SignatureWrong, ErrorCode::JWS_SIGNATURE),
        (Lie::NonceWrong, ErrorCode::ID_TOKEN_NONCE_MISMATCH),
        (Lie::AudOther, ErrorCode::ID_TOKEN_AUDIENCE_MISMATCH),
        (Lie::IssLonger, ErrorCode::ID_TOKEN_ISSUER_MISMATCH),
        (Lie::ExpPast, ErrorCode::ID_TOKEN_EXPIRED),
    ];
    let mut wrong = Vec::new();
    for row in ROWS {
        let of_id_tokens = OF_ID_TOKENS.into_iter().filter(|_| row.has_id_token());
        for (lie, code) in ALWAYS.into_iter().chain(of_id_tokens) {
            let mut course = Course::new(row, None);
            course.world.op.lie(lie);
            let outcome = course.outcome().map_err(|(_, found)| found);
            if outcome != Err(code) {
                wrong.push(format!("{} {lie:?}: {outcome:?}", row.habits.name()));
            }
        }
        // Tokens of somebody else, where something else says whose they are.
        let honest = outcome(row);
        let of_others = [
            (Lie::UserInfoSubOther, honest.userinfo, ErrorCode::USERINFO_SUBJECT_MISMATCH),
            (Lie::RefreshSubOther, honest.has_new_id_token, ErrorCode::ID_TOKEN_CHANGED_CLAIM),
        ];
        for (lie, _, code) in of_others.into_iter().filter(|(_, can_be, _)| *can_be) {
            let mut course = Course::new(row, None);
            course.world.op.lie(lie);
            let outcome = course.outcome().map_err(|(_, found)| found);
            if outcome != Err(code) {
                wrong.push(format!("{} {lie:?}: {outcome:?}", row.habits.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// PKCE: a code of another login is not redeemed, whatever the choices are; and `plain` is no way in.
#[test]
fn a_code_of_another_login_stays_refused_with_all_choices() {
    let mut wrong = Vec::new();
    for row in ROWS {
        let injected = Course::new(row, None).injected();
        if injected != (At::Exchange, ErrorCode::TOKEN_INVALID_GRANT) {
            wrong.push(format!("{}: {injected:?}", row.habits.name()));
        }
        if row.choices.iter().any(|choice| matches!(choice, Choice::ByHand(_))) {
            continue;
        }
        let mut course = Course::new(row, None);
        course.world.op.lie(Lie::MetadataPkceWithoutS256);
        let plain = course.outcome().map_err(|(_, found)| found);
        if plain != Err(ErrorCode::METADATA_PKCE_WITHOUT_S256) {
            wrong.push(format!("{}, plain: {plain:?}", row.habits.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_provider_of_the_table_has_habits_and_the_other_way_round() {
    let names = |habits: &[Habits]| habits.iter().map(Habits::name).collect::<Vec<_>>();
    let rows: Vec<_> = ROWS.iter().map(|row| row.habits).collect();
    assert_eq!(names(&rows), names(Habits::ALL));
    for habits in Habits::ALL {
        assert!(habits.documentation().starts_with("https://"), "{habits:?}");
        serde_json::from_str::<serde_json::Value>(habits.document()).unwrap();
    }
}

/// Canaille and Glewlwyd take an assertion for their token endpoint only.
#[test]
fn an_assertion_names_what_the_provider_wants() {
    for habits in [Habits::CANAILLE, Habits::GLEWLWYD] {
        for deviation in [None, Some(Deviation::TokenEndpointAudience)] {
            let row = ROWS.iter().find(|row| row.habits.name() == habits.name()).unwrap();
            let mut course = Course::with_key(row, deviation);
            let refused = deviation.is_none().then_some((At::Exchange, ErrorCode::TOKEN_INVALID_CLIENT));
            assert_eq!(course.outcome().err(), refused, "{habits:?}");
        }
    }
}

/// As an application has it in its own tests: the same habits at another issuer, with all endpoints below it.
#[test]
fn habits_move_to_another_issuer() {
    for habits in Habits::ALL.iter().filter(|habits| habits.has_discovery() && habits.metadata_url().is_none()) {
        let op = Provider::new("http://127.0.0.1:9080").with_habits(*habits);
        let env = TestEnv::seeded(1);
        let request = http::Request::get("/.well-known/openid-configuration").body(Vec::new()).unwrap();
        let response = op.handle(request, oidc_proto::Env::now(&env));
        let document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let keys = document["jwks_uri"].as_str().unwrap();
        assert!(keys.starts_with("http://127.0.0.1:9080/"), "{habits:?} {keys}");
        let request = http::Request::get(keys).body(Vec::new()).unwrap();
        assert_eq!(op.handle(request, oidc_proto::Env::now(&env)).status(), 200, "{habits:?}");
        assert_eq!(op.count(On::Jwks), 1);
    }
}

/// The methods that a provider lists decide how a secret is sent.
#[test]
fn a_secret_goes_where_the_provider_takes_it() {
    for row in ROWS.iter().filter(|row| row.client == table::Who::Secret) {
        let is_named = row.choices.iter().any(|choice| matches!(choice, Choice::Method(_)));
        let method = Course::new(row, None).party().unwrap().client().auth().method();
        let form_alone = row.habits.document().contains("client_secret_post")
            && !row.habits.document().contains("client_secret_basic");
        let expected =
            if is_named || form_alone { AuthMethod::ClientSecretPost } else { AuthMethod::ClientSecretBasic };
        assert_eq!(method, expected, "{}", row.habits.name());
    }
}

/// What each row shows, for the page.
fn outcome(row: &'static table::Row) -> Outcome {
    Course::new(row, None).outcome().unwrap()
}
