//! Callback: anyone can send one. None but the provider's own is believed, and none uses the login up.

use std::time::Duration;

use oidc_proto::ResponseMode;
use oidc_proto::limits::CALLBACK_LIMIT;
use oidc_proto::testing::{self, Lie, On, Visit};
use oidc_proto::{Callback, Env as _, Error, ErrorCode, Fault, RelyingParty};

use crate::hostile::world::{At, ISSUER, Login, REDIRECT, Row, Say, World, refusals};

/// What the provider, or someone in its place, sends through the browser.
#[rustfmt::skip]
const FORGED: &[(Say, ErrorCode)] = &[
    (Say::Lie(Lie::CallbackStateAbsent), ErrorCode::CALLBACK_STATE_MISSING),
    (Say::Lie(Lie::CallbackStateWrong), ErrorCode::CALLBACK_STATE_MISMATCH),
    (Say::Lie(Lie::CallbackStateTwice), ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
    (Say::Lie(Lie::CallbackCodeTwice), ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
    (Say::Lie(Lie::CallbackCodeAndError), ErrorCode::CALLBACK_CODE_AND_ERROR),
    (Say::Lie(Lie::CallbackCodeEmpty), ErrorCode::CALLBACK_CODE_MISSING),
    (Say::Lie(Lie::CallbackCodeAbsent), ErrorCode::CALLBACK_CODE_MISSING),
    (Say::Lie(Lie::CallbackIssAbsent), ErrorCode::CALLBACK_ISS_MISSING),
    (Say::Lie(Lie::CallbackIssWrong), ErrorCode::CALLBACK_ISS_MISMATCH),
    (Say::Lie(Lie::CallbackOtherMode), ErrorCode::CALLBACK_RESPONSE_MODE),
    (Say::Lie(Lie::CallbackHtmlError), ErrorCode::AUTHORIZATION_SERVER_ERROR),
    (Say::Lie(Lie::CallbackControlCharacters), ErrorCode::AUTHORIZATION_SERVER_ERROR),
    (Say::Lie(Lie::CallbackErrorIssWrong), ErrorCode::CALLBACK_ISS_MISMATCH),
    (Say::Lie(Lie::CallbackErrorStateWrong), ErrorCode::CALLBACK_STATE_MISMATCH),
    (Say::Lie(Lie::CallbackHuge), ErrorCode::CALLBACK_TOO_LARGE),
    (Say::Edit("iss with a slash", |op| op.edit_callback(|c| c.set("iss", "https://op.example.org/"))), ErrorCode::CALLBACK_ISS_MISMATCH),
    (Say::Edit("iss in capitals", |op| op.edit_callback(|c| c.set("iss", "https://OP.example.org"))), ErrorCode::CALLBACK_ISS_MISMATCH),
    (Say::Edit("iss empty", |op| op.edit_callback(|c| c.set("iss", ""))), ErrorCode::CALLBACK_ISS_MISMATCH),
    (Say::Edit("iss twice, the same", |op| op.edit_callback(|c| c.add("iss", ISSUER))), ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
    (Say::Edit("error twice", |op| op.edit_callback(|c| { c.add("error", "a"); c.add("error", "a"); })), ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
    (Say::Edit("description twice", |op| op.edit_callback(|c| { c.add("error_description", "a"); c.add("error_description", "b"); })), ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
    (Say::Edit("state empty", |op| op.edit_callback(|c| c.set("state", ""))), ErrorCode::CALLBACK_STATE_MISMATCH),
    (Say::Edit("state with a zero byte", |op| op.edit_callback(|c| change_state(c, |state| state.push('\0')))), ErrorCode::CALLBACK_STATE_MISMATCH),
    (Say::Edit("state cut", |op| op.edit_callback(|c| change_state(c, |state| state.truncate(state.len() - 1)))), ErrorCode::CALLBACK_STATE_MISMATCH),
    (Say::Edit("state in capitals", |op| op.edit_callback(|c| change_state(c, |state| state.make_ascii_uppercase()))), ErrorCode::CALLBACK_STATE_MISMATCH),
    (Say::Edit("name of state in capitals", |op| op.edit_callback(|c| rename(c, "state", "STATE"))), ErrorCode::CALLBACK_STATE_MISSING),
    (Say::Edit("code as a list", |op| op.edit_callback(|c| rename(c, "code", "code[]"))), ErrorCode::CALLBACK_CODE_MISSING),
    (Say::Edit("error and an empty code", |op| op.edit_callback(|c| { c.set("code", ""); c.set("error", "access_denied"); })), ErrorCode::CALLBACK_CODE_AND_ERROR),
    (Say::Edit("error without iss", |op| op.edit_callback(|c| { c.remove("code"); c.remove("iss"); c.set("error", "access_denied"); })), ErrorCode::CALLBACK_ISS_MISSING),
    (Say::Edit("error without state", |op| op.edit_callback(|c| { c.remove("code"); c.remove("state"); c.set("error", "access_denied"); })), ErrorCode::CALLBACK_STATE_MISSING),
    (Say::Edit("another path", |op| op.edit_callback(|c| c.redirect_uri = "https://app.example.org/cb2".into())), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("another host", |op| op.edit_callback(|c| c.redirect_uri = "https://app.example.org.evil.example/cb".into())), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("another port", |op| op.edit_callback(|c| c.redirect_uri = "https://app.example.org:8443/cb".into())), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("another scheme", |op| op.edit_callback(|c| c.redirect_uri = "http://app.example.org/cb".into())), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("with a user name", |op| op.edit_callback(|c| c.redirect_uri = "https://x@app.example.org/cb".into())), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("another path, no state", |op| op.edit_callback(|c| { c.redirect_uri = "https://app.example.org/favicon.ico".into(); c.params.clear(); })), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("another host, no state", |op| op.edit_callback(|c| { c.redirect_uri = "https://evil.example/cb".into(); c.remove("state"); })), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("another port, another state", |op| op.edit_callback(|c| { c.redirect_uri = "https://app.example.org:8443/cb".into(); c.set("state", "x"); })), ErrorCode::CALLBACK_REDIRECT_URI),
    (Say::Edit("not a URL", |op| op.edit_callback(|c| c.redirect_uri = "/cb".into())), ErrorCode::CALLBACK_MALFORMED),
];

/// What the provider may say no with (RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6).
const DENIED: &[(&str, ErrorCode)] = &[
    ("access_denied", ErrorCode::AUTHORIZATION_ACCESS_DENIED),
    ("login_required", ErrorCode::AUTHORIZATION_LOGIN_REQUIRED),
    ("interaction_required", ErrorCode::AUTHORIZATION_INTERACTION_REQUIRED),
    ("consent_required", ErrorCode::AUTHORIZATION_CONSENT_REQUIRED),
    ("account_selection_required", ErrorCode::AUTHORIZATION_ACCOUNT_SELECTION_REQUIRED),
    ("invalid_request", ErrorCode::AUTHORIZATION_INVALID_REQUEST),
    ("invalid_scope", ErrorCode::AUTHORIZATION_INVALID_SCOPE),
    ("unauthorized_client", ErrorCode::AUTHORIZATION_UNAUTHORIZED_CLIENT),
    ("unsupported_response_type", ErrorCode::AUTHORIZATION_UNSUPPORTED_RESPONSE_TYPE),
    ("server_error", ErrorCode::AUTHORIZATION_SERVER_ERROR),
    ("temporarily_unavailable", ErrorCode::AUTHORIZATION_TEMPORARILY_UNAVAILABLE),
    ("ACCESS_DENIED", ErrorCode::AUTHORIZATION_ERROR),
    ("", ErrorCode::AUTHORIZATION_ERROR),
    ("\u{1b}[31m\r\nSet-Cookie: a=b", ErrorCode::AUTHORIZATION_ERROR),
];

/// What is no error, however odd.
#[rustfmt::skip]
const LIVED_WITH: &[Say] = &[
    Say::Edit("unknown parameters", |op| op.edit_callback(|c| { c.add("session_state", "a.b"); c.add("x", ""); c.add("x", ""); })),
    Say::Edit("a fragment of the provider's own", |op| op.edit_callback(|c| c.add("ui", "#_=_"))),
    Say::Edit("parameters in another order", |op| op.edit_callback(|c| c.params.reverse())),
];

pub(crate) fn rows() -> Vec<Row> {
    let denied = DENIED.iter().map(|(_, code)| (Say::Edit("an error", |_| {}), Some(*code)));
    let own = [
        ErrorCode::CALLBACK_EXPIRED,
        ErrorCode::CALLBACK_MALFORMED,
        ErrorCode::PROVIDER_MISMATCH,
        ErrorCode::TOKEN_INVALID_GRANT,
    ];
    let own = own.map(|code| (Say::Edit("told by a scenario", |_| {}), Some(code)));
    refusals(FORGED).chain(denied).chain(own).collect()
}

fn change_state(callback: &mut testing::Callback, change: impl Fn(&mut String)) {
    callback.params.iter_mut().filter(|(name, _)| name == "state").for_each(|(_, value)| change(value));
}

fn rename(callback: &mut testing::Callback, from: &str, to: &str) {
    callback.params.iter_mut().filter(|(name, _)| name == from).for_each(|(name, _)| *name = to.to_owned());
}

/// Whether the login still works, from the browser on.
fn assert_usable(world: &mut World, login: Login) {
    world.op.honest();
    let user = world.finish(login).unwrap();
    assert_eq!(user.tokens.subject(), Some("sub-alice"));
}

#[test]
fn a_forged_callback_is_refused_and_does_not_use_the_login_up() {
    for (say, code) in FORGED {
        let mut world = World::new();
        let login = world.login().unwrap();
        say.to(&world.op);
        let refusal = world.check(&login).unwrap_err();
        assert_eq!(refusal.what(), (At::Callback, *code), "{say:?}");
        assert_eq!(world.counts([On::Token, On::Jwks]), [0, 0], "{say:?}");
        assert_usable(&mut world, login);
    }
}

#[test]
fn odd_callbacks_are_lived_with() {
    for say in LIVED_WITH {
        let mut world = World::new();
        say.to(&world.op);
        let login = world.login().unwrap();
        assert!(world.finish(login).is_ok(), "{say:?}");
    }
    let mut world = World::new();
    let login = world.login().unwrap();
    let url = format!("{}#_=_", world.visit(&login).callback());
    let callback = Callback::from_url(&url).unwrap();
    assert!(login.party.check(&login.pending, &callback, world.env.now()).is_ok());
}

/// RFC 9207 section 2.4: none is demanded where none was promised, but one that comes counts, also beside an error.
#[test]
fn an_issuer_that_was_not_promised_is_compared_too() {
    type Edit = fn(&mut testing::Callback);
    let error: Edit = |callback| {
        callback.remove("code");
        callback.set("error", "access_denied");
        callback.set("iss", "https://evil.example");
    };
    let cases: [(Edit, Option<ErrorCode>); 4] = [
        (|callback| callback.remove("iss"), None),
        (|_| {}, None),
        (|callback| callback.set("iss", "https://op.example.org/"), Some(ErrorCode::CALLBACK_ISS_MISMATCH)),
        (error, Some(ErrorCode::CALLBACK_ISS_MISMATCH)),
    ];
    for (edit, code) in cases {
        let mut world = World::new();
        world.op.lie(Lie::MetadataIssAbsent);
        let login = world.login().unwrap();
        world.op.edit_callback(edit);
        assert_eq!(world.finish(login).err().map(|refusal| refusal.what()), code.map(|code| (At::Callback, code)));
    }
}

#[test]
fn a_no_is_a_denial_and_its_words_are_data() {
    for (name, code) in DENIED {
        let mut world = World::new();
        let login = world.login().unwrap();
        world.op.edit_callback(|callback| {
            callback.remove("code");
            callback.set("error", name);
            callback.set("error_description", "<script>alert(1)</script>\r\nSet-Cookie: a=b\u{0}\u{1b}[2J\u{202e}é");
            callback.set("error_uri", "javascript:alert(1)");
        });
        let error = world.check(&login).unwrap_err().error;
        assert_eq!((error.code(), error.fault()), (*code, Fault::Denied), "{name:?}");
        let said = error.provider_text().unwrap();
        assert_eq!(
            said.description(),
            Some("<script>alert(1)</script>\\r\\nSet-Cookie: a=b\\u{0}\\u{1b}[2J\\u{202e}é")
        );
        assert_eq!(said.uri(), Some("javascript:alert(1)"));
        assert!(said.to_string().chars().all(|c| matches!(c, ' '..='~' | 'é')));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("<script") && !shown.contains("Cookie"), "{shown}");
        assert_usable(&mut world, login);
    }
}

#[test]
fn what_the_provider_says_is_cut() {
    let mut world = World::new();
    let login = world.login().unwrap();
    world.op.edit_callback(|callback| {
        callback.remove("code");
        callback.set("error", &"x".repeat(10_000));
        callback.set("error_description", &"\u{0}".repeat(10_000));
    });
    let error = world.check(&login).unwrap_err().error;
    assert_eq!(error.code(), ErrorCode::AUTHORIZATION_ERROR);
    let said = error.provider_text().unwrap();
    assert_eq!(said.error().unwrap().len(), 500 + "...".len());
    assert_eq!(said.description().unwrap().len(), 500 * "\\u{0}".len() + "...".len());
}

#[test]
fn a_callback_of_exactly_the_limit_is_read() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let honest = format!("{}&x=", world.visit(&login).callback());
    let padded = |length: usize| honest.clone() + &"x".repeat(length - honest.len());
    let check = |url: &str| login.party.check(&login.pending, &Callback::from_url(url)?, world.env.now());
    assert!(check(&padded(CALLBACK_LIMIT)).is_ok());
    let code = |result: Result<Callback, Error>| result.unwrap_err().code();
    let large = padded(CALLBACK_LIMIT + 1);
    assert_eq!(code(Callback::from_url(&large)), ErrorCode::CALLBACK_TOO_LARGE);
    assert_eq!(code(Callback::from_query(&large)), ErrorCode::CALLBACK_TOO_LARGE);
    assert_eq!(code(Callback::from_fragment(&large)), ErrorCode::CALLBACK_TOO_LARGE);
    assert_eq!(code(Callback::from_form_post(large.as_bytes())), ErrorCode::CALLBACK_TOO_LARGE);
}

#[test]
fn a_posted_response_is_text() {
    let error = Callback::from_form_post(b"state=\xff\xfe&code=a").unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_MALFORMED);
}

/// What came in at another URL is told to be that, with both URLs, not to lack a `state`; and its words are not lost.
#[test]
fn a_callback_at_another_url_names_both() {
    let mut world = World::new();
    let login = world.login().unwrap();
    for (url, found) in [
        ("https://app.example.org/favicon.ico", "https://app.example.org/favicon.ico"),
        ("https://app.example.org:8443/cb?state=x&code=y#z", "https://app.example.org:8443/cb"),
        ("http://127.0.0.1/cb?error=access_denied", "http://127.0.0.1/cb"),
    ] {
        let callback = Callback::from_url(url).unwrap();
        let error = login.party.check(&login.pending, &callback, world.env.now()).unwrap_err();
        assert_eq!((error.code(), error.fault()), (ErrorCode::CALLBACK_REDIRECT_URI, Fault::Remote), "{url}");
        let said = format!("expected {REDIRECT:?}, found {found:?}");
        assert!(error.to_string().contains(&said), "{error}: {said}");
        assert_eq!(error.provider_text().is_some(), url.contains("error="), "{url}");
    }
    // At the redirect URI, and where the URL is not known, it is the `state` that is missed.
    for callback in [Callback::from_url(REDIRECT), Callback::from_query("code=y")] {
        let error = login.party.check(&login.pending, &callback.unwrap(), world.env.now()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CALLBACK_STATE_MISSING);
    }
    assert_usable(&mut world, login);
}

/// Each way in which a response can come, given to a login that waits for each.
#[test]
fn a_response_counts_only_in_the_way_that_was_asked_for() {
    let modes = [ResponseMode::Query, ResponseMode::Fragment, ResponseMode::FormPost];
    for asked in modes {
        let mut world = World::new();
        world.request = world.request.with_response_mode(asked);
        let login = world.login().unwrap();
        let params = match world.visit(&login) {
            Visit::Post { body, .. } => body,
            visit => visit.callback().split_once(['?', '#']).unwrap().1.to_owned(),
        };
        for came in modes {
            let callback = match came {
                ResponseMode::Query => Callback::from_query(&format!("?{params}")),
                ResponseMode::Fragment => Callback::from_fragment(&format!("#{params}")),
                _ => Callback::from_form_post(params.as_bytes()),
            };
            let checked = login.party.check(&login.pending, &callback.unwrap(), world.env.now());
            let expected = if came == asked { None } else { Some(ErrorCode::CALLBACK_RESPONSE_MODE) };
            assert_eq!(checked.err().map(|error| error.code()), expected, "{came:?} for {asked:?}");
        }
    }
}

#[test]
fn parameters_hidden_behind_escapes_are_still_the_same_parameters() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let honest = world.visit(&login).callback().to_owned();
    for (more, expected) in [
        ("&%73tate=x", ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
        ("&st%61te=x", ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
        ("&%63ode=x", ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
        ("&code", ErrorCode::CALLBACK_DUPLICATE_PARAMETER),
        ("&%65rror=access_denied", ErrorCode::CALLBACK_CODE_AND_ERROR),
        // A response in the fragment hides the one in the query.
        ("#state=x&code=y", ErrorCode::CALLBACK_STATE_MISMATCH),
        ("#error=access_denied", ErrorCode::CALLBACK_STATE_MISSING),
    ] {
        let checked = Callback::from_url(&format!("{honest}{more}"))
            .and_then(|callback| login.party.check(&login.pending, &callback, world.env.now()));
        assert_eq!(checked.unwrap_err().code(), expected, "{more}");
    }
}

#[test]
fn a_login_that_took_too_long_is_over() {
    let mut world = World::new();
    world.request = world.request.with_lifetime(Duration::from_secs(600));
    let login = world.login().unwrap();
    world.pass(599);
    assert!(world.check(&login).is_ok());
    world.pass(1);
    assert_eq!(world.check(&login).unwrap_err().what(), (At::Callback, ErrorCode::CALLBACK_EXPIRED));
    // A forged answer to it is told to be forged, not to be late.
    world.op.lie(Lie::CallbackStateWrong);
    assert_eq!(world.check(&login).unwrap_err().what(), (At::Callback, ErrorCode::CALLBACK_STATE_MISMATCH));
}

#[test]
fn a_callback_belongs_to_one_login() {
    let mut world = World::new();
    let first = world.login().unwrap();
    let second = world.login_with(&first.party).unwrap();
    let callback = world.callback(&first).unwrap();
    assert_eq!(callback.key(), Some(first.pending.key()));
    assert_ne!(callback.key(), Some(second.pending.key()));
    let error = second.party.check(&second.pending, &callback, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_STATE_MISMATCH);
    // Nor is the evidence of one login good for another.
    let evidence = first.party.check(&first.pending, &callback, world.env.now()).unwrap();
    let refusal = world.redeem(second, evidence).err().unwrap();
    assert_eq!(refusal.what(), (At::Exchange, ErrorCode::CALLBACK_LOGIN_MISMATCH));
    assert_eq!(world.counts([On::Token, On::Jwks]), [0, 0]);
    assert_usable(&mut world, first);
}

/// The mix-up attack of RFC 9207: a hostile provider sends the browser on to an honest one, with the `state` it was given.
#[test]
fn the_response_of_one_provider_does_not_count_at_another() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let honest = World::new();
    let mut elsewhere = World::new();
    elsewhere.op = testing::Provider::new("https://other.example.org")
        .with_client(testing::RegisteredClient::public(login.party.client().id(), REDIRECT));
    let url = login.url.as_str().replace(ISSUER, "https://other.example.org");
    let callback = Callback::from_url(elsewhere.op.visit(&url, honest.env.now()).callback()).unwrap();
    let error = login.party.check(&login.pending, &callback, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_ISS_MISMATCH);

    elsewhere.issuer = "https://other.example.org".to_owned();
    let other = RelyingParty::new(elsewhere.discover().unwrap(), login.party.client().clone());
    let callback = world.callback(&login).unwrap();
    let error = other.check(&login.pending, &callback, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::PROVIDER_MISMATCH);
    assert_usable(&mut world, login);
}

/// RFC 9700 section 4.4.2.2: without `iss` it is the redirect URI that tells providers apart, one for each.
#[test]
fn the_response_of_one_provider_without_iss_does_not_count_at_the_redirect_uri_of_another() {
    const OTHER: &str = "https://app.example.org/cb/other";
    let mut world = World::new();
    world.op.lie(Lie::MetadataIssAbsent);
    let login = world.login().unwrap();
    let honest = testing::Provider::new("https://other.example.org")
        .with_client(testing::RegisteredClient::public(login.party.client().id(), OTHER));
    honest.edit_callback(|callback| callback.remove("iss"));
    let mut url = url::Url::parse(login.url.as_str()).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.set_host(Some("other.example.org")).unwrap();
    let pairs = pairs.iter().map(|(name, value)| (name, if name == "redirect_uri" { OTHER } else { value }));
    url.query_pairs_mut().clear().extend_pairs(pairs);
    let callback = Callback::from_url(honest.visit(url.as_str(), world.env.now()).callback()).unwrap();
    let error = login.party.check(&login.pending, &callback, world.env.now()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CALLBACK_REDIRECT_URI);
    assert_usable(&mut world, login);
}

#[test]
fn a_response_that_comes_again_is_refused_by_the_provider_and_ends_the_grant() {
    let mut world = World::new();
    let login = world.login().unwrap();
    let callback = world.callback(&login).unwrap();
    let (copy, party) = (login.pending.clone(), login.party.clone());
    let evidence = party.check(&copy, &callback, world.env.now()).unwrap();
    let first = party.check(&login.pending, &callback, world.env.now()).unwrap();
    let user = world.redeem(login, first).unwrap();
    let step = party.redeem(copy, evidence, &mut world.env);
    let error = world.run(step).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_GRANT);
    let access_token = user.tokens.access_token().expose();
    assert!(world.op.bearer(access_token, world.env.now()).is_none());
}
