//! How long a document may be used before it is fetched again (RFC 9111).

use std::time::Duration;

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use super::date;
use crate::base::env::Timestamp;

/// Longest freshness that is believed: a provider that rotates its keys must not be held off for a year.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// When a document was fetched, and how long it is fresh (RFC 9111 section 4.2). Serde: store it with the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// When the response came, by the client's clock.
    pub fetched_at: Timestamp,
    /// Until when the document is fresh, by the client's clock: at most seven days later. `None` if the server said
    /// nothing.
    pub fresh_until: Option<Timestamp>,
}

impl Freshness {
    /// Reads `Cache-Control`, else `Expires` against `Date` (RFC 9111 section 4.2.1), less `Age`.
    ///
    /// `Expires` is compared with the server's own `Date`, so that a wrong clock on either side has
    /// no effect. Without a `Date`, it is compared with `now`.
    pub fn from_headers(headers: &HeaderMap, now: Timestamp) -> Self {
        let lifetime = cache_control(headers).or_else(|| expires(headers, now)).map(|lifetime| {
            let age = text(headers, header::AGE).and_then(|age| age.trim().parse().ok()).map_or(0, |age: u64| age);
            lifetime.saturating_sub(Duration::from_secs(age)).min(LONGEST)
        });
        Self { fetched_at: now, fresh_until: lifetime.map(|lifetime| now.saturating_add(lifetime)) }
    }

    /// Whether the document should be fetched again: it is no longer fresh, or the server said nothing and `or_after`
    /// has passed since the fetch. It is also stale if the clock is now before the time of the fetch.
    pub fn is_stale(&self, now: Timestamp, or_after: Duration) -> bool {
        now < self.fetched_at || now >= self.fresh_until.unwrap_or_else(|| self.fetched_at.saturating_add(or_after))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn cache_control(headers: &HeaderMap) -> Option<Duration> {
    let mut max_age = None;
    for value in headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in value.split(',').map(str::trim) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
                return Some(Duration::ZERO);
            }
            if name.eq_ignore_ascii_case("max-age") && max_age.is_none() {
                // What is no number is stale (RFC 9111 section 4.2.1); what overflows is "for ever".
                let digits = argument.trim_matches('"');
                let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                max_age = Some(if is_number { digits.parse().unwrap_or(u64::from(u32::MAX)) } else { 0 });
            }
        }
    }
    max_age.map(Duration::from_secs)
}

fn expires(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    // A date that cannot be read, `0` above all, is in the past (RFC 9111 section 5.3).
    let expires = text(headers, header::EXPIRES)?;
    let date = text(headers, header::DATE).and_then(date::parse).unwrap_or(now);
    Some(date::parse(expires).map_or(Duration::ZERO, |expires| expires.saturating_since(date)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_what_the_headers_say() {
        const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (headers, expected) in [
            (vec![], None),
            (vec![("cache-control", "public, max-age=60")], Some(60)),
            (vec![("cache-control", "Max-Age=\"60\"")], Some(60)),
            (vec![("cache-control", "max-age=60"), ("age", "50")], Some(10)),
            (vec![("cache-control", "max-age=60"), ("age", "70")], Some(0)),
            (vec![("cache-control", "max-age=60, no-store")], Some(0)),
            (vec![("cache-control", "no-cache"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(0)),
            (vec![("cache-control", "max-age=-5")], Some(0)),
            (vec![("cache-control", "max-age=99999999999999999999999")], Some(604_800)),
            (
                vec![("cache-control", "private"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", DATE)],
                Some(60),
            ),
            (vec![("expires", "0"), ("date", DATE)], Some(0)),
            (vec![("expires", "Sun, 06 Nov 1994 08:40:37 GMT"), ("date", DATE)], Some(0)),
        ] {
            let map = headers.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            let now = Timestamp::from_unix_seconds(2_000_000_000);
            let freshness = Freshness::from_headers(&map, now);
            let lifetime = freshness.fresh_until.map(|until| until.saturating_since(now).as_secs());
            assert_eq!(lifetime, expected, "{headers:?}");
        }
    }

    #[test]
    fn a_clock_set_back_makes_a_document_stale() {
        let now = Timestamp::from_unix_seconds(1000);
        let freshness = Freshness { fetched_at: now, fresh_until: None };
        let hour = Duration::from_secs(3600);
        assert!(!freshness.is_stale(now, hour));
        assert!(freshness.is_stale(now.saturating_add(hour), hour));
        assert!(freshness.is_stale(Timestamp::from_unix_seconds(999), hour));
    }
}
