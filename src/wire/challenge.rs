//! `WWW-Authenticate`: why a resource server refused (RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9449 section
//! 7.1, RFC 9470).

use std::time::Duration;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use crate::base::sorting;
use crate::base::word_set::words;
use crate::error::ProviderText;

/// Most bytes of header that are read, and most challenges that are kept: a server has two or three.
const HEADER_LIMIT: usize = 16 * 1024;
const CHALLENGE_LIMIT: usize = 16;

words! {
    /// `error` of a challenge.
    ResourceError {
        InvalidRequest = "invalid_request",
        /// The access token is expired, revoked or malformed: refresh it.
        InvalidToken = "invalid_token",
        InsufficientScope = "insufficient_scope",
        /// The user has to log in again, more strongly or more recently (RFC 9470).
        InsufficientUserAuthentication = "insufficient_user_authentication",
        /// RFC 9449 section 9.
        UseDpopNonce = "use_dpop_nonce",
        InvalidDpopProof = "invalid_dpop_proof",
    }
}

/// A challenge of a resource server (RFC 9110 section 11.6.1). All of its text is the server's and untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The scheme, in lower case: `bearer`, `dpop`.
    pub scheme: String,
    /// `error`, if its value is a known one.
    pub error: Option<ResourceError>,
    /// `error`, `error_description` and `error_uri`, escaped.
    pub text: ProviderText,
    /// `scope`: the scope that the resource requires; values joined by spaces.
    pub scope: Option<String>,
    /// `acr_values`: how the user has to log in (RFC 9470 section 3).
    pub acr_values: Vec<String>,
    /// `max_age`: how recently the user has to have logged in (RFC 9470 section 3).
    pub max_age: Option<Duration>,
    /// `resource_metadata` (RFC 9728 section 5.1). Not checked to be a URL.
    pub resource_metadata: Option<String>,
    /// `realm`.
    pub realm: Option<String>,
}

impl Challenge {
    /// Reads the challenges of the `WWW-Authenticate` headers: at most 16 KiB of headers, and at
    /// most 16 challenges.
    ///
    /// It never fails: the rest of a header that cannot be parsed is ignored, and a challenge with a duplicate
    /// parameter is dropped.
    ///
    /// ```
    /// use oidc_proto::Challenge;
    /// # let mut headers = http::HeaderMap::new();
    /// headers.insert("www-authenticate", r#"Bearer error="insufficient_user_authentication", max_age=5"#.parse().unwrap());
    /// let challenges = Challenge::parse_all(&headers);
    /// assert_eq!(challenges[0].max_age.unwrap().as_secs(), 5);
    /// ```
    pub fn parse_all(headers: &HeaderMap) -> Vec<Self> {
        let mut challenges = Vec::new();
        let mut budget = HEADER_LIMIT;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            budget = budget.saturating_sub(value.len());
            let Some(text) = value.to_str().ok().filter(|_| budget > 0) else { continue };
            parse_header(text, &mut challenges);
        }
        challenges
    }
}

fn parse_header(text: &str, challenges: &mut Vec<Challenge>) {
    let mut scanner = Scanner(text);
    let mut open: Option<Draft> = None;
    loop {
        scanner.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
        let word = scanner.take(is_token);
        if word.is_empty() {
            break;
        }
        let had_space = scanner.skip(|byte| matches!(byte, b' ' | b'\t'));
        // `word = value` is a parameter of the open challenge; anything else opens the next one.
        if scanner.0.starts_with('=') && !scanner.0.starts_with("==") && open.is_some() {
            scanner.skip_one();
            scanner.skip(|byte| matches!(byte, b' ' | b'\t'));
            let Some(value) = scanner.value() else { break };
            if let Some(draft) = &mut open {
                draft.parameters.push((word.to_ascii_lowercase(), value));
            }
        } else {
            finish(open.take(), challenges);
            if had_space {
                scanner.skip_token68();
            }
            open = Some(Draft { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
        }
    }
    finish(open, challenges);
}

struct Draft {
    scheme: String,
    parameters: Vec<(String, String)>,
}

fn finish(draft: Option<Draft>, challenges: &mut Vec<Challenge>) {
    let Some(Draft { scheme, mut parameters }) = draft.filter(|_| challenges.len() < CHALLENGE_LIMIT) else { return };
    if sorting::has_duplicates(&mut parameters.iter().map(|(name, _)| name.as_bytes()).collect::<Vec<_>>()) {
        return;
    }
    let mut take = |name: &str| {
        let at = parameters.iter().position(|(own, _)| own == name)?;
        Some(parameters.swap_remove(at).1)
    };
    let error = take("error");
    let words = |text: String| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    challenges.push(Challenge {
        error: error.as_deref().and_then(ResourceError::from_name),
        text: ProviderText::new(error.as_deref(), take("error_description").as_deref(), take("error_uri").as_deref()),
        scope: take("scope"),
        acr_values: take("acr_values").map_or_else(Vec::new, words),
        max_age: take("max_age").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs),
        resource_metadata: take("resource_metadata"),
        realm: take("realm"),
        scheme,
    });
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What is left of the header.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let end = self.0.bytes().position(|byte| !belongs(byte)).unwrap_or(self.0.len());
        // Every byte that belongs is ASCII, so the end is between characters.
        let (taken, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) -> bool {
        !self.take(belongs).is_empty()
    }

    fn skip_one(&mut self) {
        let mut characters = self.0.chars();
        characters.next();
        self.0 = characters.as_str();
    }

    /// A token or a quoted string.
    fn value(&mut self) -> Option<String> {
        if !self.0.starts_with('"') {
            return Some(self.take(is_token).to_owned()).filter(|value| !value.is_empty());
        }
        self.skip_one();
        let mut out = String::new();
        let mut characters = self.0.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => out.push(characters.next()?),
                other => out.push(other),
            }
        }
        self.0 = characters.as_str();
        Some(out)
    }

    /// The credentials of schemes that have no parameters, such as Negotiate. Told apart from a parameter by what
    /// follows: the end, or a comma.
    fn skip_token68(&mut self) {
        let mut ahead = Scanner(self.0);
        let body = ahead.skip(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        ahead.skip(|byte| byte == b'=');
        ahead.skip(|byte| matches!(byte, b' ' | b'\t'));
        if body && (ahead.0.is_empty() || ahead.0.starts_with(',')) {
            self.0 = ahead.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Vec<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        Challenge::parse_all(&headers)
    }

    #[test]
    fn challenges_are_told_apart() {
        for (values, expected) in [
            (vec![], vec![]),
            (vec!["Bearer"], vec![("bearer", None)]),
            (vec![r#"Bearer realm="a, b", error="invalid_token""#], vec![("bearer", Some("invalid_token"))]),
            (
                vec![r#"Bearer error=invalid_token, DPoP algs="ES256""#],
                vec![("bearer", Some("invalid_token")), ("dpop", None)],
            ),
            (
                vec!["Negotiate a87421000492aa874209af8bc028==, Bearer error=\"x\""],
                vec![("negotiate", None), ("bearer", Some("x"))],
            ),
            (
                vec!["Basic realm=\"x\"", "DPoP error=\"use_dpop_nonce\""],
                vec![("basic", None), ("dpop", Some("use_dpop_nonce"))],
            ),
            (
                vec!["Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\""],
                vec![("newauth", None), ("basic", None)],
            ),
            (vec![" , ,Bearer error = \"a\" "], vec![("bearer", Some("a"))]),
            // RFC 9449 section 7.1: parameters that nobody knows are passed over.
            (vec![r#"DPoP x="1", error="use_dpop_nonce", y=2"#], vec![("dpop", Some("use_dpop_nonce"))]),
            // A parameter twice spoils its challenge and no other.
            (vec![r#"Bearer error="a", error="b", DPoP error="c""#], vec![("dpop", Some("c"))]),
            // Unfinished: what was read before counts.
            (vec![r#"Bearer error="a", scope="b"#], vec![("bearer", Some("a"))]),
            (vec!["=\"x\""], vec![]),
            (vec!["Bearer =x"], vec![("bearer", None)]),
        ] {
            let read = read(&values);
            let seen: Vec<_> = read.iter().map(|one| (one.scheme.as_str(), one.text.error())).collect();
            assert_eq!(seen, expected, "{values:?}");
        }
    }

    #[test]
    fn a_step_up_challenge_says_what_is_needed() {
        let read =
            read(&[r#"Bearer error="insufficient_user_authentication", acr_values="a  b", max_age="5", scope="s t""#]);
        assert_eq!(read[0].error, Some(ResourceError::InsufficientUserAuthentication));
        assert_eq!(read[0].acr_values, ["a", "b"]);
        assert_eq!((read[0].max_age, read[0].scope.as_deref()), (Some(Duration::from_secs(5)), Some("s t")));
    }

    #[test]
    fn floods_are_cut() {
        assert_eq!(read(&["A,B"].repeat(1000)).len(), CHALLENGE_LIMIT);
        assert_eq!(read(&[&"A,".repeat(3000)]).len(), CHALLENGE_LIMIT);
        assert!(read(&[&"A".repeat(HEADER_LIMIT + 1)]).is_empty());
    }
}
