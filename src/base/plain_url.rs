//! The URLs that nearly all endpoints have, told from others by their bytes.
//!
//! A plain URL is one that the `url` crate accepts and gives back as it is, and that `http::Uri` accepts: scheme
//! `https`, a name as host without a port, a path without a query. Others may be good as well: [`split`] says nothing
//! about them, and they go through both parsers. A differential test and a fuzz target compare the two ways.

/// Longest text that this file calls plain, in bytes. `http::Uri` takes URLs of this length.
const LONGEST: usize = 2048;
/// Longest name of a host (RFC 1035 section 2.3.4).
const LONGEST_HOST: usize = 253;

/// The host and the path of a plain URL; `None` for any other text. A host that is known to be
/// plain, since it is that of another plain URL, is not looked at again.
pub(super) fn split<'a>(text: &'a str, known_host: Option<&str>) -> Option<(&'a str, &'a str)> {
    let rest = text.strip_prefix("https://").filter(|_| text.len() <= LONGEST)?;
    let after_known = known_host.and_then(|host| rest.strip_prefix(host)).filter(|path| path.starts_with('/'));
    let (host, path) = match after_known {
        Some(path) => (rest.split_at_checked(rest.len() - path.len())?.0, path),
        None => {
            let (host, path) = rest.split_at_checked(rest.bytes().position(|byte| byte == b'/')?)?;
            (Some(host).filter(|host| is_plain_host(host))?, path)
        }
    };
    is_plain_path(path).then_some((host, path))
}

/// Whether the text is the URL of a listener on this machine, written as the URL Standard writes it: `http`, 127.0.0.1,
/// maybe a port, and a plain path. The callbacks of most native applications come to such a URL (RFC 8252 section 7.3).
pub(super) fn is_listener(text: &str) -> bool {
    let rest = text.strip_prefix("http://127.0.0.1").filter(|_| text.len() <= LONGEST);
    let parts = rest.and_then(|rest| rest.split_at_checked(rest.bytes().position(|byte| byte == b'/')?));
    parts.is_some_and(|(port, path)| (port.is_empty() || is_plain_port(port)) && is_plain_path(path))
}

/// A number that no parser would change or leave out.
fn is_plain_port(port: &str) -> bool {
    let number = port.strip_prefix(':').filter(|number| number.starts_with(|c: char| matches!(c, '1'..='9')));
    number.and_then(|number| number.parse().ok()).is_some_and(|port: u16| port != 80)
}

/// Whether a byte is plain in a host, and in a path.
const HOST: u8 = 1;
const PATH: u8 = 2;

fn class(byte: u8) -> u8 {
    #[allow(clippy::indexing_slicing, reason = "a constant: an index out of bounds would not compile")]
    const CLASSES: [u8; 256] = {
        let mut classes = [0; 256];
        let mut rest: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-.";
        while let [byte, others @ ..] = rest {
            classes[*byte as usize] = HOST | PATH;
            rest = others;
        }
        rest = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_~/:@=+";
        while let [byte, others @ ..] = rest {
            classes[*byte as usize] = PATH;
            rest = others;
        }
        classes
    };
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Labels of lower-case letters, digits and hyphens, none of them empty. The last one begins with a letter: the host is
/// no IPv4 address. Two hyphens in sequence may be Punycode, which would have to be decoded to be checked.
fn is_plain_host(host: &str) -> bool {
    let (is_plain, last) = host.bytes().fold((true, b'.'), |(is_plain, before), byte| {
        let is_pair = byte == before && matches!(byte, b'.' | b'-');
        (is_plain & (class(byte) & HOST != 0) & !is_pair, byte)
    });
    let top = host.rsplit('.').next().unwrap_or_default();
    is_plain && last != b'.' && top.starts_with(|c: char| c.is_ascii_lowercase()) && host.len() <= LONGEST_HOST
}

/// Characters that are not escaped, and no segment that stands for another one.
fn is_plain_path(path: &str) -> bool {
    path.bytes().fold(PATH, |all, byte| all & class(byte)) != 0
        && (!path.contains("/.") || path.split('/').all(|segment| segment != "." && segment != ".."))
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use url::Url;

    use super::{is_listener, split};

    /// What both parsers make of it.
    fn parsed(text: &str) -> Option<String> {
        let url = String::from(Url::parse(text).ok()?);
        Uri::try_from(url.as_str()).ok().map(|_| url)
    }

    #[test]
    fn plain_urls_are_told_from_others() {
        for (text, is_plain) in [
            ("https://id.example.com/realms/main/protocol/openid-connect/token", true),
            ("https://op.example/", true),
            ("https://localhost/a", true),
            ("https://a-.-b.x-y.c0m/~a/B:c@d=e+f_g-h", true),
            ("https://op.example/.well-known/jwks.json", true),
            ("https://op.example/a/.../b./.c//d", true),
            // Good as well, and for the parsers to say so.
            ("https://op.example", false),
            ("https://op.example:8443/a", false),
            ("https://op.example/a?b=c", false),
            ("https://op.example/a%20b", false),
            ("https://Op.example/a", false),
            ("https://a--b.example/a", false),
            ("https://xn--bcher-kva.example/a", false),
            ("https://127.0.0.1/a", false),
            ("https://127.0.0.0x1/a", false),
            ("https://1.2.3/a", false),
            ("https://[::1]/a", false),
            ("https://op.example./a", false),
            ("https://op..example/a", false),
            // Another URL to the parsers.
            ("https://op.example/./a", false),
            ("https://op.example/a/..", false),
            ("https://op.example/a/%2e", false),
            ("https://op.example/a\\b", false),
            ("https://op.example\\a/b", false),
            ("https://op.example/a b", false),
            (" https://op.example/a", false),
            ("https:/op.example/a", false),
            ("https:///op.example/a", false),
            ("HTTPS://op.example/a", false),
            // Refused.
            ("http://op.example/a", false),
            ("https://user@op.example/a", false),
            ("https://op.example/a#b", false),
            ("https:///a", false),
            ("https://.example/a", false),
            ("", false),
        ] {
            assert_eq!(split(text, None).is_some(), is_plain, "{text}");
            if is_plain {
                assert_eq!(parsed(text).as_deref(), Some(text));
            }
        }
        for (text, path) in [
            ("https://op.example/a", Some("/a")),
            ("https://op.example", None),
            ("https://op.example.evil/a", Some("/a")),
            ("https://op.exampl/a", Some("/a")),
            ("https://op.example:8443/a", None),
            ("https://op.example@evil/a", None),
            ("https://op.example/../a", None),
            ("http://op.example/a", None),
        ] {
            assert_eq!(split(text, Some("op.example")), split(text, None), "{text}");
            assert_eq!(split(text, Some("op.example")).map(|(_, path)| path), path, "{text}");
        }
        let long = |host: usize, path: usize| format!("https://{}/{}", "a".repeat(host), "b".repeat(path - 1));
        assert!(split(&long(253, 100), None).is_some() && split(&long(254, 100), None).is_none());
        assert!(split(&long(40, 2000), None).is_some() && split(&long(40, 2001), None).is_none());
    }

    #[test]
    fn listeners_on_this_machine_are_told_from_others() {
        for (text, is_plain) in [
            ("http://127.0.0.1/callback", true),
            ("http://127.0.0.1/", true),
            ("http://127.0.0.1:8080/callback", true),
            ("http://127.0.0.1:1/", true),
            ("http://127.0.0.1:65535/a/b", true),
            ("http://127.0.0.1:443/", true),
            // Another URL to the parsers, or none.
            ("http://127.0.0.1:80/", false),
            ("http://127.0.0.1:08080/", false),
            ("http://127.0.0.1:0/", false),
            ("http://127.0.0.1:65536/", false),
            ("http://127.0.0.1:+80/", false),
            ("http://127.0.0.1:8+0/", false),
            ("http://127.0.0.1:/", false),
            ("http://127.0.0.1::1/", false),
            ("http://127.0.0.1", false),
            ("http://127.0.0.1:8080", false),
            ("http://127.0.0.10/", false),
            ("http://127.0.0.1.example/", false),
            ("http://127.0.0.1@example/", false),
            ("http://127.0.0.1:a@example/", false),
            ("http://127.0.0.1:8080\\@example/", false),
            ("http://127.0.0.1/../a", false),
            ("http://127.0.0.1/a b", false),
            ("http://127.0.0.1/%2e", false),
            ("https://127.0.0.1/a", false),
            ("HTTP://127.0.0.1/a", false),
        ] {
            assert_eq!(is_listener(text), is_plain, "{text}");
            if is_plain {
                assert_eq!(parsed(text).as_deref(), Some(text));
            }
        }
        for c in (0..=0x2ff).filter_map(char::from_u32).chain(['\u{ff0e}', '\u{ff11}', '\u{200d}']) {
            for (before, after) in [("", "/a"), (":", "/a"), (":8", "/a"), (":8", "0/a"), ("/", ""), ("/a", "/b")] {
                let text = format!("http://127.0.0.1{before}{c}{after}");
                assert!(!is_listener(&text) || parsed(&text).as_deref() == Some(&text), "{text}");
            }
        }
    }

    /// Every byte at every kind of place, and every pair of pieces that parsers treat in their own way.
    #[test]
    fn what_is_plain_is_the_same_to_both_parsers() {
        let mut plain = 0;
        let mut check = |text: &str| {
            if split(text, None).is_some() {
                plain += 1;
                assert_eq!(parsed(text).as_deref(), Some(text));
            }
        };
        for c in (0..=0x2ff).filter_map(char::from_u32).chain(['\u{ff0e}', '\u{3002}', '\u{2024}', '\u{200d}', '😀'])
        {
            for (before, after) in [
                ("https://op", "example/a"),
                ("https://", "op.example/a"),
                ("https://op.example", "/a"),
                ("https://op.", "/a"),
                ("https://op.example/", "a"),
                ("https://op.example/a", ""),
                ("https://op.example/a/.", "/b"),
                ("https", "//op.example/a"),
            ] {
                check(&format!("{before}{c}{after}"));
            }
        }
        let pieces = [
            "a", "A", "0", "0x", "1", "-", "--", "xn--", "x", ".", "..", "...", "/", "//", "\\", "%", "%2e", "%2E",
            "%41", ":", ":443", ":0", "@", "~", "_", "=", "+", "!", "$", "&", "'", "(", ")", "*", ",", ";", "|", "^",
            "`", "{", "\"", "<", " ", "\t", "\n", "?", "#", "[", "]", "é", "ß", "．",
        ];
        for first in pieces {
            for second in pieces {
                for third in ["", "a", ".", "/", "-b", "/.."] {
                    check(&format!("https://{first}{second}{third}/p"));
                    check(&format!("https://h.{first}{second}{third}/p"));
                    check(&format!("https://h/{first}{second}{third}"));
                    check(&format!("https://h/s/{first}{second}{third}/t"));
                }
            }
        }
        assert!(plain > 3000, "{plain}");
    }
}
