//! The texts of an ID token, in one allocation: many are held, and they are seldom read.

use crate::base::secret::Secret;

/// A compact token, and behind it the claims that are kept: each as `5:alice`, as `-` if it is not there, or as `=` if
/// it is the same as the one before it, as an audience is that is also the authorized party.
#[derive(Clone)]
pub(super) struct Texts {
    all: Secret,
    compact: usize,
}

/// The claims of which there is one at most, in their order.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a> {
    pub(super) sub: &'a str,
    pub(super) nonce: Option<&'a str>,
    pub(super) acr: Option<&'a str>,
    pub(super) sid: Option<&'a str>,
    pub(super) azp: Option<&'a str>,
}

impl<'a> Claims<'a> {
    fn list(self) -> [Option<&'a str>; 5] {
        [Some(self.sub), self.nonce, self.acr, self.sid, self.azp]
    }
}

impl Texts {
    pub(super) fn new<T: AsRef<str>>(compact: &str, claims: Claims<'_>, audience: &[T]) -> Self {
        let entries = || claims.list().into_iter().chain(audience.iter().map(|one| Some(one.as_ref())));
        // The length first, so that nothing is left behind by a text that grows.
        let mut length = compact.len();
        encode(entries(), |part| length += part.len());
        let mut all = String::with_capacity(length);
        all.push_str(compact);
        encode(entries(), |part| all.push_str(part));
        Self { all: Secret::new(all), compact: compact.len() }
    }

    /// The claims alone.
    pub(super) fn without_compact(&self) -> Self {
        Self::new("", self.claims(), &self.audience().collect::<Vec<_>>())
    }

    pub(super) fn compact(&self) -> &str {
        self.all.expose().get(..self.compact).unwrap_or_default()
    }

    pub(super) fn claims(&self) -> Claims<'_> {
        let mut entries = self.entries();
        let mut next = || entries.next().flatten();
        Claims { sub: next().unwrap_or_default(), nonce: next(), acr: next(), sid: next(), azp: next() }
    }

    pub(super) fn audience(&self) -> impl Iterator<Item = &str> {
        let mut entries = self.entries();
        // Up to the authorized party, which the first audience may be the same as.
        entries.nth(4);
        entries.flatten()
    }

    fn entries(&self) -> Entries<'_> {
        Entries { rest: self.all.expose().get(self.compact..).unwrap_or_default(), last: None }
    }
}

fn encode<'a>(entries: impl Iterator<Item = Option<&'a str>>, mut put: impl FnMut(&str)) {
    let mut last = None;
    for entry in entries {
        match entry {
            None => put("-"),
            Some(_) if entry == last => put("="),
            Some(text) => {
                put_number(text.len(), &mut put);
                put(":");
                put(text);
            }
        }
        last = entry;
    }
}

fn put_number(number: usize, put: &mut impl FnMut(&str)) {
    if number > 9 {
        put_number(number / 10, put);
    }
    put(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].get(number % 10).unwrap_or(&""));
}

struct Entries<'a> {
    rest: &'a str,
    last: Option<&'a str>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Option<&'a str>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(rest) = self.rest.strip_prefix('-') {
            (self.rest, self.last) = (rest, None);
        } else if let Some(rest) = self.rest.strip_prefix('=') {
            self.rest = rest;
        } else {
            let (length, rest) = self.rest.split_once(':')?;
            let (text, rest) = rest.split_at_checked(length.parse().ok()?)?;
            (self.rest, self.last) = (rest, Some(text));
        }
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        let odd = ["", "-", "=", "1:a", ":", "é\0\n", "client", "12"];
        for (at, compact) in odd.into_iter().enumerate() {
            let text = |by: usize| odd.iter().copied().cycle().nth(at + by);
            for absent in [false, true] {
                let one = |by: usize| text(by).filter(|_| !absent);
                let sub = text(1).unwrap();
                let given = Claims { sub, nonce: one(1), acr: one(2), sid: one(2), azp: one(3) };
                for count in 0..odd.len() {
                    let audience: Vec<&str> = (0..count).filter_map(|by| text(3 + by / 2)).collect();
                    let texts = Texts::new(compact, given, &audience);
                    assert_eq!(texts.compact(), compact);
                    assert_eq!(texts.claims().list(), given.list());
                    assert_eq!(texts.audience().collect::<Vec<_>>(), audience);
                    let bare = texts.without_compact();
                    assert_eq!((bare.compact(), bare.claims().list()), ("", given.list()));
                    assert_eq!(bare.audience().collect::<Vec<_>>(), audience);
                }
            }
        }
    }

    #[test]
    fn what_is_said_twice_is_kept_once() {
        let claims = Claims { sub: "alice", nonce: None, acr: None, sid: None, azp: Some("client") };
        assert_eq!(Texts::new("h.p.s", claims, &["client"]).all.expose(), "h.p.s5:alice---6:client=");
    }
}
