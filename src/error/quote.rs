//! Texts in errors: escaped, cut, and marked with their source.

use std::fmt;

/// The source of a [`Quote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuoteSource {
    /// This crate, for example a number or a name of a standard.
    Library,
    /// The caller, for example an issuer or a client ID of the configuration.
    Caller,
    /// The provider, or a server that responded in its place. Untrusted.
    Provider,
    /// The HTTP library or the key store. It can repeat what a server said: untrusted.
    Adapter,
}

/// What was expected or found: one line, escaped and cut, safe to print to a terminal or a log.
///
/// A quote never contains a secret of the caller. A provider can put anything into its text, including a code or a
/// token that it received. Therefore long opaque parts are shortened to their first characters, so that no secret is
/// quoted whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    text: Box<str>,
    source: QuoteSource,
}

impl Quote {
    /// This crate's words.
    pub fn library(text: impl fmt::Display) -> Self {
        Self { text: escaped(&text.to_string(), LIMIT), source: QuoteSource::Library }
    }

    /// The caller's words. They must not be secret.
    pub fn caller(text: &str) -> Self {
        Self { text: escaped(text, LIMIT), source: QuoteSource::Caller }
    }

    /// A URL of the caller, without user name, query and fragment.
    pub(crate) fn caller_url(text: &str) -> Self {
        Self::caller(&bare_url(text))
    }

    /// The provider's words; opaque parts are shortened.
    pub fn provider(text: &str) -> Self {
        Self { text: escaped(&shortened(text, OPAQUE), LIMIT), source: QuoteSource::Provider }
    }

    /// The words of the HTTP library or of the key store; opaque parts are shortened.
    pub(crate) fn adapter(text: &str) -> Self {
        Self { source: QuoteSource::Adapter, ..Self::provider(text) }
    }

    /// A URL of the provider, without user name, query and fragment; opaque parts are shortened.
    pub fn provider_url(text: &str) -> Self {
        Self::provider(&bare_url(text))
    }

    /// A URL of the provider in a public document, which was fetched without a secret: the names of tenants are kept.
    pub(crate) fn published_url(text: &str) -> Self {
        Self { text: escaped(&shortened(&bare_url(text), OPAQUE_IN_PUBLIC), LIMIT), source: QuoteSource::Provider }
    }

    /// This quote after another text and a colon. The text is a host and port, which need no escape.
    pub(crate) fn after(self, text: &str) -> Self {
        Self { text: format!("{text}: {}", self.text).into(), ..self }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The source of the text.
    pub fn source(&self) -> QuoteSource {
        self.source
    }
}

/// In quotation marks, unless the text is from this crate.
impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            QuoteSource::Library => f.write_str(&self.text),
            QuoteSource::Caller | QuoteSource::Provider | QuoteSource::Adapter => write!(f, "\"{}\"", self.text),
        }
    }
}

/// Longest quote in characters before escaping: an issuer with a long path.
const LIMIT: usize = 200;

/// Cuts a text and escapes what could do harm or deceive in a terminal or a log. Letters of all languages stay
/// readable.
pub(super) fn escaped(text: &str, limit: usize) -> Box<str> {
    let mut out = String::with_capacity(text.len().min(limit));
    let mut characters = text.chars().peekable();
    let mut before = None;
    for _ in 0..limit {
        let Some(c) = characters.next() else { return out.into_boxed_str() };
        let joins =
            is_joiner(c) && before.is_some_and(is_foreign) && characters.peek().copied().is_some_and(is_foreign);
        if matches!(c, '"' | '\\') || is_deceptive(c) && !joins {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        before = Some(c);
    }
    if characters.next().is_some() {
        out.push_str("...");
    }
    out.into_boxed_str()
}

/// Joiners shape words in Persian and in the scripts of India.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn is_foreign(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric()
}

/// Control characters, bidirectional controls, characters that are not seen, and tags.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Runs of so many characters can be a secret.
const OPAQUE: usize = 16;
/// 128 bits in base64url. Identifiers of tenants in issuers are shorter.
const OPAQUE_IN_PUBLIC: usize = 22;
/// So much of one is kept: enough to tell a key or a client by.
const KEPT: usize = 8;

/// Shortens what could be a secret: long runs of letters and digits. Words, numbers and a UUID that stands by itself (a
/// tenant, a client) are kept.
fn shortened(text: &str, opaque: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '~' | '+' | '%' | '=' | '.');
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or("");
            continue;
        }
        let (run, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        if is_uuid(run) {
            out.push_str(run);
            continue;
        }
        for (n, label) in run.split('.').enumerate() {
            if n > 0 {
                out.push('.');
            }
            if label.len() < opaque || is_plain(label) {
                out.push_str(label);
            } else {
                out.push_str(label.get(..KEPT).unwrap_or(""));
                out.push('\u{2026}');
            }
        }
    }
    out
}

/// Words in lower case, or a number.
fn is_plain(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
        || label.len() <= 20 && label.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(run: &str) -> bool {
    run.len() == 36
        && run.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && run.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Scheme, host and path.
fn bare_url(text: &str) -> String {
    let text = text.split(['?', '#', ';']).next().unwrap_or("");
    // The authority is the third segment at the latest; a password may stand elsewhere in what is no URL.
    let parts = text.split('/').enumerate().map(|(at, part)| match part.rsplit_once('@') {
        Some((before, after)) if at <= 2 || before.contains(':') => after,
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_any_language_is_readable_and_cannot_deceive() {
        for (text, shown) in [
            ("für Zoë", "für Zoë"),
            ("アクセスが拒否されました", "アクセスが拒否されました"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("a\u{200c}b", "a\\u{200c}b"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{9b}2Jb", "a\\u{9b}2Jb"),
            ("a\nb\tc", "a\\nb\\tc"),
            ("\u{e0041}\u{feff}\u{2066}", "\\u{e0041}\\u{feff}\\u{2066}"),
            (r#"say "no" \ "#, r#"say \"no\" \\ "#),
        ] {
            assert_eq!(&*escaped(text, 100), shown);
        }
        assert_eq!(&*escaped("abcd", 3), "abc...");
        assert_eq!(&*escaped("abc", 3), "abc");
    }

    #[test]
    fn what_could_be_a_secret_is_not_quoted_whole() {
        for (text, shown) in [
            ("short", "short"),
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "dBjftJeZ…"),
            ("9188040d-6c67-4c5b-b112-36a304b66dad", "9188040d-6c67-4c5b-b112-36a304b66dad"),
            ("9188040d-6c67-4c5b-b112-36a304b66dad.9188040d-6c67-4c5b-b112-36a304b66dad", "9188040d….9188040d…"),
            ("32555940559-abcdef0123456789.apps.googleusercontent.com", "32555940….apps.googleusercontent.com"),
            ("294598713459876123", "294598713459876123"),
            ("https://login.microsoftonline.com/organizations", "https://login.microsoftonline.com/organizations"),
            ("code=SplxlOBeZQQYbYS6WxSbIA&x=1", "code=Spl…&x=1"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xxx.c2lnbmF0dXJlLXRlc3Q", "eyJhbGci….eyJzdWIi….c2lnbmF0…"),
        ] {
            assert_eq!(Quote::provider(text).as_str(), shown);
        }
    }

    #[test]
    fn a_url_is_quoted_without_what_may_be_secret() {
        for (text, shown) in [
            ("https://op.example/login?state=x#y", "https://op.example/login"),
            ("/login;jsessionid=1", "/login"),
            ("https://user:password@op.example/", "https://op.example/"),
            ("user:password@op.example", "op.example"),
            ("//user:password@op.example/a", "//op.example/a"),
            ("https:/a/b/c/user:password@op.example", "https:/a/b/c/op.example"),
            ("https://op.example/@alice", "https://op.example/@alice"),
        ] {
            assert_eq!(Quote::provider_url(text).as_str(), shown);
        }
        let cognito = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI";
        assert_eq!(Quote::published_url(cognito).as_str(), cognito);
    }
}
