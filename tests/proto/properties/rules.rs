//! Rules that hold for every value: which redirect URI stands for which, how long a document is fresh, when time is up.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use oidc_proto::{AuthorizationRequest, Client, ErrorCode, Freshness, RedirectUri, Timestamp};
use proptest::prelude::*;
use url::Url;

use crate::properties::generate::*;

const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

fn headers() -> impl Strategy<Value = HeaderMap> {
    let control = prop_oneof![
        "max-age=[0-9]{1,12}",
        "(public|private), max-age=\"?[0-9]{0,30}\"?",
        "no-(store|cache)",
        "[ -~]{0,20}",
    ];
    let date = prop_oneof![
        (0..60_u32).prop_map(|second| format!("Thu, 01 Jan 2026 00:00:{second:02} GMT")),
        Just("Fri, 31 Dec 2049 23:59:59 GMT".to_owned()),
        "[ -~]{0,20}",
    ];
    let header = prop_oneof![
        control.prop_map(|value| ("cache-control", value)),
        date.clone().prop_map(|value| ("expires", value)),
        date.prop_map(|value| ("date", value)),
        "[0-9]{1,10}".prop_map(|value| ("age", value)),
    ];
    proptest::collection::vec(header, 0..5).prop_map(|headers| {
        let parsed = |value: String| HeaderValue::from_str(&value).unwrap();
        HeaderMap::from_iter(headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), parsed(value))))
    })
}

fn with_port(uri: &RedirectUri, port: Option<u16>) -> Option<RedirectUri> {
    let mut url = Url::parse(uri.as_str()).unwrap();
    url.set_port(port).ok()?;
    RedirectUri::new(url.as_str()).ok()
}

fn is_loopback(uri: &RedirectUri) -> bool {
    let url = Url::parse(uri.as_str()).unwrap();
    url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn a_redirect_uri_stands_for_itself_and_on_loopback_for_its_other_ports(uri in redirect_uri(), port in any::<u16>()) {
        prop_assert!(uri.covers(&uri));
        let Some(other) = with_port(&uri, Some(port)) else { return Ok(()) };
        prop_assert_eq!(uri.covers(&other), uri == other || is_loopback(&uri), "{:?} {:?}", uri, other);
    }

    #[test]
    fn covering_goes_both_ways_and_on(a in redirect_uri(), b in redirect_uri(), ports in [any::<u16>(), any::<u16>()]) {
        let family = [Some(a.clone()), Some(b.clone()), with_port(&a, Some(ports[0])), with_port(&b, Some(ports[1]))];
        let family: Vec<_> = family.into_iter().flatten().collect();
        for one in &family {
            for other in &family {
                prop_assert_eq!(one.covers(other), other.covers(one), "{:?} {:?}", one, other);
                for third in &family {
                    prop_assert!(!one.covers(other) || !other.covers(third) || one.covers(third));
                }
                // Nothing but the port is ever left open.
                if one.covers(other) && one != other {
                    prop_assert_eq!(with_port(one, None), with_port(other, None));
                }
            }
        }
    }

    #[test]
    fn a_login_is_started_for_covered_redirect_uris_only(own in redirect_uri(), asked in redirect_uri()) {
        let client = Client::new("app").with_redirect_uri(own.clone());
        let request = AuthorizationRequest::new(asked.clone(), scope(&["openid".into()]));
        let started = party(client).authorize(request, &mut env()).map(|_| ()).map_err(|error| error.code());
        let expected = if own.covers(&asked) { Ok(()) } else { Err(ErrorCode::AUTHORIZATION_REDIRECT_URI) };
        prop_assert_eq!(started, expected);
    }

    #[test]
    fn what_is_stale_stays_stale(headers in headers(), now in millis(), ages in [0..1_000_000_u64, 0..1_000_000_u64]) {
        let now = Timestamp::from_unix_millis(now);
        let freshness = Freshness::from_headers(&headers, now);
        let hour = Duration::from_secs(3600);
        prop_assert_eq!(freshness.fetched_at, now);
        prop_assert!(freshness.fresh_until.is_none_or(|until| until >= now && until <= now.saturating_add(LONGEST)));
        let [sooner, later] = [ages[0].min(ages[1]), ages[0].max(ages[1])].map(|age| now.saturating_add(Duration::from_secs(age)));
        prop_assert!(!freshness.is_stale(sooner, hour) || freshness.is_stale(later, hour));
        prop_assert!(freshness.is_stale(now.saturating_add(LONGEST), hour), "nothing is fresh for ever");
        if now.unix_millis() > 0 {
            prop_assert!(freshness.is_stale(now.saturating_sub(Duration::from_millis(1)), hour), "a clock set back");
        }
    }

    #[test]
    fn age_never_makes_a_document_fresher(headers in headers(), now in millis(), age in any::<u32>()) {
        let now = Timestamp::from_unix_millis(now);
        let mut without = headers;
        without.remove("age");
        let mut with = without.clone();
        with.insert("age", HeaderValue::from(age));
        let until = |headers: &HeaderMap| Freshness::from_headers(headers, now).fresh_until;
        prop_assert_eq!(until(&without).is_some(), until(&with).is_some());
        prop_assert!(until(&with) <= until(&without));
    }

    #[test]
    fn time_never_overflows(millis in any::<u64>(), by in any::<u64>(), nanos in 0..1_000_000_000_u32) {
        let (at, by) = (Timestamp::from_unix_millis(millis), Duration::new(by, nanos));
        prop_assert!(at.saturating_add(by) >= at && at.saturating_sub(by) <= at);
        let since = at.saturating_add(by).saturating_since(at);
        prop_assert!(since <= by && at.saturating_since(at.saturating_add(by)).is_zero());
    }
}
