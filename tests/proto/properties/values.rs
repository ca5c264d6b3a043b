//! Scopes, dates, numbers and challenges: written by the test, read by the crate.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use oidc_proto::Challenge;
use oidc_proto::ResourceError;
use oidc_proto::WellKnown;
use oidc_proto::{Endpoint, Issuer, Schemes, Scope};
use oidc_proto::{Lifetime, NumericDate};
use proptest::prelude::*;
use proptest::sample::select;

use crate::properties::generate::*;

/// A quoted string (RFC 9110 section 5.6.4), with an escape where it is needed and where it is not.
fn quoted(text: &str, escape: bool) -> String {
    let escaped: String =
        text.chars().flat_map(|c| (escape || matches!(c, '"' | '\\')).then_some('\\').into_iter().chain([c])).collect();
    format!("\"{escaped}\"")
}

#[derive(Clone, Debug)]
struct Written {
    scheme: String,
    parameters: Vec<(String, String)>,
}

fn challenge() -> impl Strategy<Value = Written> {
    let names =
        select(vec!["error", "error_description", "scope", "acr_values", "realm", "resource_metadata", "x", "nonce"]);
    let parameters = proptest::collection::btree_map(names, "[ -~]{0,16}", 1..5);
    (select(vec!["Bearer", "DPoP", "BASIC", "x-own"]), parameters).prop_map(|(scheme, parameters)| Written {
        scheme: scheme.to_owned(),
        parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    })
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn a_scope_is_read_whatever_its_spaces(values in scope_values(), spaces in 0..3_usize) {
        let padding = " ".repeat(spaces);
        let written = format!("{padding}{}{padding}", values.join(&" ".repeat(spaces + 1)));
        let scope = Scope::new(&written).unwrap();
        prop_assert_eq!(scope.iter().collect::<Vec<_>>(), values.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(&Scope::new(scope.as_str()).unwrap(), &scope);
        prop_assert_eq!(&serde_json::from_str::<Scope>(&serde_json::to_string(&scope).unwrap()).unwrap(), &scope);
        prop_assert!(values.iter().all(|value| scope.contains(value)));
    }

    #[test]
    fn a_scope_of_other_characters_is_refused(text in text()) {
        let plain = text.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        prop_assert_eq!(Scope::new(&text).is_ok(), plain);
    }

    #[test]
    fn a_numeric_date_is_exact_to_the_millisecond(millis in millis(), seconds in any::<u64>()) {
        let read = |text: &str| serde_json::from_str::<NumericDate>(text).ok().map(|date| date.0.unix_millis());
        // Fractions are exact to the millisecond or one before it: a float cannot always say which.
        let fraction = read(&format!("{}.{:03}", millis / 1000, millis % 1000)).unwrap();
        prop_assert!(fraction == millis || fraction + 1 == millis, "{millis} {fraction}");
        prop_assert_eq!(read(&(millis / 1000).to_string()), Some(millis / 1000 * 1000));
        prop_assert_eq!(read(&seconds.to_string()), (seconds < 253_402_300_800).then(|| seconds * 1000));
        prop_assert_eq!(read(&format!("-{}", seconds.max(1))), None);
    }

    #[test]
    fn a_lifetime_is_a_whole_number_or_unreadable(seconds in prop_oneof![0..1_u64 << 53, any::<u64>()], text in text()) {
        let read = |text: &str| serde_json::from_str::<Lifetime>(text).unwrap();
        let expected = if seconds <= 1 << 53 { Lifetime::Seconds(seconds) } else { Lifetime::Unreadable };
        for written in [format!("{seconds}"), format!("\"{seconds}\"")] {
            prop_assert_eq!(read(&written), expected);
        }
        // Beyond that the JSON parser's floats are not exact to the last digit.
        if seconds < 1 << 49 {
            prop_assert_eq!(read(&format!("{seconds}.0")), expected);
        }
        prop_assert_eq!(read(&format!("{}.5", seconds % (1 << 40))), Lifetime::Unreadable);
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let read = read(&serde_json::to_string(&text).unwrap());
        prop_assert!(is_number || read == Lifetime::Unreadable);
    }

    #[test]
    fn a_challenge_is_read_as_it_was_written(
        written in proptest::collection::vec(challenge(), 0..4),
        escape in any::<bool>(),
        apart in any::<bool>(),
        max_age in any::<u32>(),
    ) {
        let texts: Vec<String> = written.iter().map(|challenge| {
            let parameters: Vec<_> =
                challenge.parameters.iter().map(|(name, value)| format!("{name}={}", quoted(value, escape))).collect();
            format!("{} max_age={max_age}, {}", challenge.scheme, parameters.join(" , "))
        }).collect();
        let mut headers = HeaderMap::new();
        // One header for all, or one for each.
        let lines = if apart || texts.is_empty() { texts } else { vec![texts.join(", ")] };
        for line in &lines {
            headers.append("www-authenticate", HeaderValue::from_str(line).unwrap());
        }
        let read = Challenge::parse_all(&headers);
        prop_assert_eq!(read.len(), written.len(), "{:?}", lines);
        for (read, written) in read.iter().zip(&written) {
            let value = |wanted: &str| {
                written.parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
            };
            prop_assert_eq!(&read.scheme, &written.scheme.to_ascii_lowercase());
            prop_assert_eq!(read.error, value("error").and_then(ResourceError::from_name));
            prop_assert_eq!(read.scope.as_deref(), value("scope"));
            prop_assert_eq!(read.realm.as_deref(), value("realm"));
            prop_assert_eq!(read.resource_metadata.as_deref(), value("resource_metadata"));
            prop_assert_eq!(read.max_age, Some(Duration::from_secs(max_age.into())));
            let acr_values: Vec<_> = value("acr_values").unwrap_or("").split(' ').filter(|value| !value.is_empty()).collect();
            prop_assert_eq!(&read.acr_values, &acr_values);
            prop_assert_eq!(read.text.description().is_some(), value("error_description").is_some());
        }
    }

    #[test]
    fn any_header_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let headers = HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, value)]);
            prop_assert!(Challenge::parse_all(&headers).len() <= 16);
        }
    }

    #[test]
    fn an_issuer_is_kept_and_its_documents_are_below_it(text in issuer()) {
        let issuer = Issuer::new(&text, Schemes::HttpsOnly).unwrap();
        prop_assert_eq!(issuer.as_str(), &text);
        for well_known in [WellKnown::OpenIdConfiguration, WellKnown::OauthAuthorizationServer] {
            let uri = well_known.uri(&issuer).unwrap();
            let own = url::Url::parse(&text).unwrap();
            prop_assert_eq!(&url::Url::parse(&uri.to_string()).unwrap().origin(), &own.origin());
            prop_assert!(uri.path().contains(own.path().trim_end_matches('/')) && uri.query().is_none());
        }
    }

    #[test]
    fn what_is_an_endpoint_is_one_for_the_url_crate_too(text in prop_oneof![text(), "https://[ -~]{0,20}", issuer()]) {
        if let Ok(endpoint) = Endpoint::new(&text, Schemes::HttpsOnly) {
            let url = url::Url::parse(&text).unwrap();
            prop_assert_eq!(endpoint.uri().to_string(), url.as_str());
            prop_assert_eq!(endpoint.uri().host(), url.host_str());
            prop_assert!(endpoint.is_https() && url.username().is_empty() && url.fragment().is_none());
        }
    }
}
