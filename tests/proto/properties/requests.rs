//! Requests: every parameter comes out of the URL or the form as it went in, and the bytes are those that the `url` crate
//! would have written.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use oidc_proto::EndSessionRequest;
use oidc_proto::flow::GrantRequest;
use oidc_proto::{AuthorizationRequest, Callback, Client, ClientAuth, Env as _, TokenSet};
use oidc_proto::{Prompt, ResponseMode};
use proptest::prelude::*;
use proptest::sample::select;
use url::Url;

use crate::properties::generate::*;

/// What an application can ask for, and the parameters that must come of it.
fn asked() -> impl Strategy<Value = (AuthorizationRequest, Pairs)> {
    let texts = proptest::collection::vec(proptest::option::of(text()), 3);
    let acr_values = proptest::collection::vec("[!-~]{1,8}", 0..3);
    let extra = proptest::collection::btree_map("x[\\PC]{0,6}", text(), 0..4);
    let mode = select(vec![None, Some("query"), Some("fragment"), Some("form_post")]);
    (redirect_uri(), scope_values(), mode, any::<bool>(), texts, acr_values, extra, proptest::option::of(0..1u64 << 40))
        .prop_map(|(redirect_uri, scope_values, mode, login, texts, acr_values, extra, max_age)| {
            let values = [vec!["openid".to_owned()], scope_values].concat();
            let mut expected = pairs(&[
                ("response_type", "code"),
                ("redirect_uri", redirect_uri.as_str()),
                ("code_challenge_method", "S256"),
            ]);
            expected.push(("scope".into(), values.join(" ")));
            let mut request = AuthorizationRequest::new(redirect_uri, scope(&values));
            if let Some(mode) = mode {
                request = request.with_response_mode(ResponseMode::from_name(mode).unwrap());
                expected.push(("response_mode".into(), mode.into()));
            }
            if login {
                request = request.with_prompt(Prompt::Consent).with_prompt(Prompt::Login);
                expected.push(("prompt".into(), "login consent".into()));
            }
            type Set = fn(AuthorizationRequest, String) -> AuthorizationRequest;
            let setters: [(&str, Set); 3] = [
                ("login_hint", |request, text| request.with_login_hint(text)),
                ("display", |request, text| request.with_display(text)),
                ("ui_locales", |request, text| request.with_ui_locales(text)),
            ];
            for ((name, set), text) in setters.into_iter().zip(texts) {
                let Some(text) = text else { continue };
                request = set(request, text.clone());
                expected.push((name.into(), text));
            }
            if let Some(seconds) = max_age {
                request = request.with_max_age(Duration::from_secs(seconds));
                expected.push(("max_age".into(), seconds.to_string()));
            }
            if !acr_values.is_empty() {
                expected.push(("acr_values".into(), acr_values.join(" ")));
                request = request.with_acr_values(acr_values);
            }
            for (name, value) in extra {
                request = request.with_parameter(name.clone(), value.clone());
                expected.push((name, value));
            }
            (request, expected)
        })
}

/// Takes out what is drawn anew for each login.
fn without_fresh(mut seen: Pairs) -> Pairs {
    for name in ["state", "nonce", "code_challenge"] {
        let at = seen.iter().position(|(own, _)| own == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(seen.remove(at).1.len(), 43, "{name}: 256 bits");
    }
    seen.sort();
    seen
}

fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.sort();
    pairs
}

/// The client, with the redirect URI that is asked for.
fn registered(client: Client, expected: &Pairs) -> Client {
    let uri = &expected.iter().find(|(name, _)| name == "redirect_uri").unwrap().1;
    client.with_redirect_uri(oidc_proto::RedirectUri::new(uri).unwrap())
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn an_authorization_url_says_what_was_asked(
        (request, mut expected) in asked(),
        id in client_id(),
        query in select(vec!["", "?", "?a=b+c", "?a=%C3%BC&b"]),
    ) {
        let party = party_with_query(query, registered(Client::new(id.clone()), &expected));
        let (url, _) = party.authorize(request, &mut env()).unwrap();
        let read = Url::parse(url.as_str()).unwrap();
        prop_assert_eq!(read.as_str(), url.as_str(), "a browser sends it as it is");
        expected.push(("client_id".into(), id));
        expected.extend(read_form(query.trim_start_matches('?')));
        let seen: Pairs = read.query_pairs().into_owned().collect();
        prop_assert_eq!(without_fresh(seen), sorted(expected));
    }

    #[test]
    fn a_pushed_request_says_the_same_as_the_url((request, expected) in asked(), (client, own) in client()) {
        let party = party(registered(client, &expected));
        let (url, _) = party.authorize(request.clone(), &mut env()).unwrap();
        let pushed = crate::properties::generate::request(party.push(request, &mut env()).unwrap());
        let mut expected: Pairs = Url::parse(url.as_str()).unwrap().query_pairs().into_owned().collect();
        // The URL names the client, too; the secret is not for a browser.
        expected.extend(own.into_iter().filter(|(name, _)| name == "client_secret"));
        prop_assert_eq!(read_form(body(&pushed)), expected);
    }

    #[test]
    fn a_code_is_redeemed_as_it_came(code in token(), (client, own) in client()) {
        let (party, mut env) = (party(client), env());
        let request = AuthorizationRequest::new(redirect(), scope(&["openid".into()]));
        let (url, pending) = party.authorize(request, &mut env).unwrap();
        let asked = read_form(Url::parse(url.as_str()).unwrap().query().unwrap());
        let asked = |wanted: &str| asked.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
        let response = write_form(&[("code".into(), code.clone()), ("state".into(), asked("state"))]);
        let verified = party.check(&pending, &Callback::from_query(&response).unwrap(), env.now()).unwrap();
        let sent = crate::properties::generate::request(party.redeem(pending, verified, &mut env).unwrap());

        prop_assert_eq!(sent.headers()[CONTENT_TYPE].to_str().unwrap(), "application/x-www-form-urlencoded");
        let mut form = read_form(body(&sent));
        prop_assert_eq!(write_form(&form), body(&sent), "as the url crate writes it");
        let at = form.iter().position(|(name, _)| name == "code_verifier").unwrap();
        let verifier = form.remove(at).1;
        use sha2::Digest as _;
        let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier));
        prop_assert_eq!(challenge, asked("code_challenge"), "RFC 7636 section 4.6");
        let code = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT)];
        prop_assert_eq!(sorted(form), sorted([pairs(&code), own].concat()));
    }

    #[test]
    fn basic_credentials_are_read_as_they_were(id in client_id(), secret in some_text()) {
        let client = Client::new(id.clone()).with_auth(ClientAuth::SecretBasic(secret.as_str().into()));
        let sent = request(party(client).request_tokens(GrantRequest::client_credentials(), &mut env()).unwrap());
        let value = sent.headers()[AUTHORIZATION].to_str().unwrap();
        let joined = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap()).unwrap();
        let (first, second) = joined.split_once(':').unwrap();
        // RFC 6749 section 2.3.1: both are form-encoded.
        let read = |text: &str| read_form(&format!("x={text}")).remove(0).1;
        prop_assert_eq!((read(first), read(second)), (id, secret));
        prop_assert!(sent.headers()[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn a_grant_of_any_parameters_is_written_as_the_url_crate_writes_it(
        grant in some_text(),
        parameters in proptest::collection::btree_map("[a-z][\\PC]{0,6}", text(), 0..5),
        values in scope_values(),
        (client, own) in client(),
    ) {
        let mut expected = vec![("grant_type".to_owned(), grant.clone())];
        if !values.is_empty() {
            expected.push(("scope".to_owned(), values.join(" ")));
        }
        let mut request = GrantRequest::new(grant).with_scope(scope(&values));
        for (name, value) in parameters {
            request = request.with_parameter(name.clone(), value.as_str());
            expected.push((name, value));
        }
        expected.extend(own);
        let sent = crate::properties::generate::request(party(client).request_tokens(request, &mut env()).unwrap());
        prop_assert_eq!(body(&sent), write_form(&expected));
    }

    #[test]
    fn tokens_are_refreshed_revoked_and_shown_as_they_are(
        access in token(),
        refresh in token(),
        values in scope_values(),
        (client, own) in client(),
    ) {
        let mut env = env();
        let stored = serde_json::json!({
            "version": 1, "issuer": ISSUER, "client_id": client.id(), "access_token": access, "token_type": "Bearer",
            "refresh_token": refresh, "scope": values.join(" "), "obtained_at": 1,
        });
        let (tokens, party) = (TokenSet::from_json(&stored.to_string()).unwrap(), party(client));
        let shown = tokens.authorization();
        prop_assert_eq!(shown.to_str().unwrap(), format!("Bearer {access}"));

        let sent = request(party.refresh(&tokens, &mut env).unwrap());
        let form = [pairs(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]), own.clone()].concat();
        prop_assert_eq!(body(&sent), write_form(&form));

        let sent = request(party.revoke(&tokens, &mut env).unwrap());
        let form = read_form(body(&sent));
        prop_assert!(form.contains(&("token".into(), refresh)), "{form:?}");
        prop_assert_eq!(write_form(&form), body(&sent));

        let sent = request(party.authorize_device(scope(&values), &mut env).unwrap());
        let asked = if values.is_empty() { Pairs::new() } else { vec![("scope".into(), values.join(" "))] };
        prop_assert_eq!(body(&sent), write_form(&[asked, own].concat()));
    }

    #[test]
    fn an_end_session_url_says_what_was_asked(
        hint in text(),
        locales in text(),
        id in client_id(),
        query in select(vec!["", "?", "?a=b"]),
    ) {
        let party = party_with_query(query, Client::new(id.clone()));
        let request = EndSessionRequest::new().with_logout_hint(hint.clone()).with_ui_locales(locales.clone());
        let (url, pending) = party.end_session(request.with_post_logout_redirect_uri(redirect()), &mut env()).unwrap();
        let read = Url::parse(url.as_str()).unwrap();
        prop_assert_eq!(read.as_str(), url.as_str());
        let mut seen: Pairs = read.query_pairs().into_owned().collect();
        let at = seen.iter().position(|(name, _)| name == "state").unwrap();
        let state = seen.remove(at).1;
        let asked: [(&str, &str); 4] = [
            ("logout_hint", &hint), ("client_id", &id), ("post_logout_redirect_uri", REDIRECT), ("ui_locales", &locales),
        ];
        prop_assert_eq!(sorted(seen), sorted([read_form(query.trim_start_matches('?')), pairs(&asked)].concat()));
        let landing = format!("{REDIRECT}?state={state}");
        let (right, wrong) = (pending.check(&landing), pending.check(&(landing + "x")));
        prop_assert!(right.is_ok());
        prop_assert_eq!(wrong.unwrap_err().code(), oidc_proto::ErrorCode::END_SESSION_STATE_MISMATCH);
    }
}
