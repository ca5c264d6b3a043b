//! Callbacks: by query, fragment or form post, the response comes out as the provider wrote it.

use oidc_proto::ResponseMode;
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env as _, Error, ErrorCode, PendingAuthorization, RelyingParty,
};
use proptest::prelude::*;
use proptest::sample::select;
use url::Url;

use crate::properties::generate::*;

struct Login {
    party: RelyingParty,
    pending: PendingAuthorization,
    state: String,
}

fn login(mode: ResponseMode) -> Login {
    let party = party(Client::new("app").with_redirect_uri(redirect()));
    let request = AuthorizationRequest::new(redirect(), scope(&["openid".into()])).with_response_mode(mode);
    let (url, pending) = party.authorize(request, &mut env()).unwrap();
    let url = Url::parse(url.as_str()).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    Login { party, pending, state }
}

const MODES: [ResponseMode; 3] = [ResponseMode::Query, ResponseMode::Fragment, ResponseMode::FormPost];

/// The response by every way in which this mode can bring it.
fn carried(mode: ResponseMode, form: &str) -> Vec<Result<Callback, ErrorCode>> {
    let code = |error: oidc_proto::Error| error.code();
    match mode {
        ResponseMode::Query => vec![
            Callback::from_url(&format!("{REDIRECT}?{form}")).map_err(code),
            Callback::from_url(&format!("{REDIRECT}?{form}#_=_")).map_err(code),
            Callback::from_query(form).map_err(code),
            Callback::from_query(&format!("?{form}")).map_err(code),
        ],
        ResponseMode::Fragment => vec![
            Callback::from_url(&format!("{REDIRECT}#{form}")).map_err(code),
            Callback::from_fragment(form).map_err(code),
            Callback::from_fragment(&format!("#{form}")).map_err(code),
        ],
        _ => vec![Callback::from_form_post(form.as_bytes()).map_err(code)],
    }
}

const KNOWN: [&str; 6] = ["state", "code", "iss", "error", "error_description", "error_uri"];

fn others() -> impl Strategy<Value = Pairs> {
    let name = text().prop_filter("known", |name| !KNOWN.contains(&name.as_str()));
    proptest::collection::vec((name, text()), 0..4)
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn a_code_comes_back_by_every_way_and_no_other(
        code in some_text(),
        others in others(),
        mode in select(MODES.to_vec()),
        other in select(MODES.to_vec()),
        place in any::<prop::sample::Index>(),
    ) {
        let Login { party, pending, state } = login(mode);
        let mut response = others;
        let own = [("code", code.as_str()), ("state", state.as_str()), ("iss", ISSUER)];
        for pair in pairs(&own) {
            response.insert(place.index(response.len() + 1), pair);
        }
        let form = write_form(&response);
        for callback in carried(other, &form) {
            let callback = callback.unwrap();
            prop_assert_eq!(callback.key(), Some(pending.key()));
            let outcome = party.check(&pending, &callback, env().now()).map_err(|error| error.code());
            if mode == other {
                let step = party.redeem(pending.clone(), outcome.unwrap(), &mut env());
                let sent = read_form(body(&request(step.unwrap())));
                prop_assert!(sent.contains(&("code".into(), code.clone())), "{sent:?}");
            } else {
                prop_assert_eq!(outcome.unwrap_err(), ErrorCode::CALLBACK_RESPONSE_MODE);
            }
        }
    }

    #[test]
    fn one_character_of_state_more_or_less_or_changed_is_another_login(
        place in any::<prop::sample::Index>(),
        change in select(vec!["remove", "insert", "replace"]),
        with in any::<char>(),
    ) {
        let Login { party, pending, state } = login(ResponseMode::Query);
        let mut characters: Vec<char> = state.chars().collect();
        let at = place.index(characters.len());
        match change {
            "remove" => drop(characters.remove(at)),
            "insert" => characters.insert(at, with),
            _ if characters[at] == with => return Ok(()),
            _ => characters[at] = with,
        }
        let forged = String::from_iter(characters);
        prop_assume!(forged != state);
        let form = write_form(&pairs(&[("code", "c"), ("state", &forged)]));
        let callback = Callback::from_query(&form).unwrap();
        prop_assert_ne!(callback.key(), Some(pending.key()));
        let code = party.check(&pending, &callback, env().now()).unwrap_err().code();
        prop_assert_eq!(code, ErrorCode::CALLBACK_STATE_MISMATCH);
    }

    #[test]
    fn a_known_parameter_twice_is_refused_wherever_it_stands(
        others in others(),
        twice in select(KNOWN.to_vec()),
        values in [text(), text()],
        places in [any::<prop::sample::Index>(), any::<prop::sample::Index>()],
        mode in select(MODES.to_vec()),
    ) {
        let mut response = others;
        for (value, place) in values.into_iter().zip(places) {
            response.insert(place.index(response.len() + 1), (twice.to_owned(), value));
        }
        // A URL with neither `state`, `code` nor `error` in its fragment has no response there.
        let form = format!("{}&x=1", write_form(&response));
        for callback in carried(mode, &form) {
            if let Ok(callback) = &callback {
                prop_assert!(mode == ResponseMode::Fragment && callback.key().is_none());
                continue;
            }
            prop_assert_eq!(callback.unwrap_err(), ErrorCode::CALLBACK_DUPLICATE_PARAMETER);
        }
    }

    #[test]
    fn what_a_provider_says_no_with_is_kept_printable(
        error in some_text(),
        description in proptest::option::of(text()),
        mode in select(MODES.to_vec()),
    ) {
        let Login { party, pending, state } = login(mode);
        let mut response = pairs(&[("error", &error), ("state", &state)]);
        response.extend(description.clone().map(|text| ("error_description".to_owned(), text)));
        for callback in carried(mode, &write_form(&response)) {
            let refused = party.check(&pending, &callback.unwrap(), env().now()).unwrap_err();
            prop_assert_eq!(refused.fault(), oidc_proto::Fault::Denied);
            let text = refused.provider_text().unwrap();
            prop_assert_eq!(text.description().is_some(), description.is_some());
            for said in [text.error(), text.description()].into_iter().flatten() {
                let deceives = |c: char| c.is_control() || matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
                prop_assert!(!said.contains(deceives), "{said:?}");
            }
            // Errors and logs have none of it.
            let silent = Error::from(refused.code());
            prop_assert_eq!(format!("{refused} {refused:?}"), format!("{silent} {silent:?}"));
        }
    }
}
