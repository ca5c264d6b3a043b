//! Rust source as words and marks, without comments and without what is compiled for tests only.

/// A word, a mark, or the contents of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    /// `::`, or one character.
    Mark(&'static str),
    Text(String),
    /// A number, a character or a lifetime: nothing that is looked for.
    Other,
}

impl Token {
    pub(crate) fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }

    pub(crate) fn is(&self, what: &str) -> bool {
        match self {
            Self::Word(word) => word == what,
            Self::Mark(mark) => *mark == what,
            Self::Text(_) | Self::Other => false,
        }
    }
}

const MARKS: &[&str] = &[
    "::", "{", "}", "(", ")", "[", "]", "<", ">", ";", ",", ".", "#", "!", "=", "*", "$", "&", "|", ":", "+", "-", "/",
    "?", "@", "%", "^", "~",
];

/// All tokens of a file.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let (mut rest, mut out) = (source, Vec::new());
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = &comment[comment.find('\n').unwrap_or(comment.len())..];
        } else if rest.starts_with("/*") {
            rest = after_block_comment(rest);
        } else if let Some((text, after)) = string(rest) {
            out.push(Token::Text(text.to_owned()));
            rest = after;
        } else if first == '\'' {
            out.push(Token::Other);
            rest = after_quote(rest);
        } else if first.is_alphabetic() || first == '_' {
            let bare = rest.strip_prefix("r#").unwrap_or(rest);
            let end = bare.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(bare.len());
            out.push(Token::Word(bare[..end].to_owned()));
            rest = &bare[end..];
        } else if first.is_numeric() {
            out.push(Token::Other);
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest = &rest[end..];
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            out.push(Token::Mark(mark));
            rest = &rest[mark.len()..];
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn after_block_comment(text: &str) -> &str {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        if let Some(after) = rest.strip_prefix("/*") {
            (depth, rest) = (depth + 1, after);
        } else if let Some(after) = rest.strip_prefix("*/") {
            (depth, rest) = (depth - 1, after);
            if depth == 0 {
                return rest;
            }
        } else {
            let Some(first) = rest.chars().next() else { return rest };
            rest = &rest[first.len_utf8()..];
        }
    }
}

/// The contents of the string that begins here, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let bare = text.strip_prefix(['b', 'c']).unwrap_or(text);
    if let Some(raw) = bare.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let contents = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return contents.split_once(&end);
    }
    let contents = bare.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = contents.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    Some((&contents[..end], &contents[end + 1..]))
}

/// After a character or a lifetime.
fn after_quote(text: &str) -> &str {
    let inner = &text[1..];
    if let Some(escape) = inner.strip_prefix('\\') {
        // The first character after the backslash may be a quote itself.
        let end = escape.char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(escape.len(), |(at, _)| at + 1);
        return &escape[end..];
    }
    let Some(first) = inner.chars().next() else { return inner };
    let after = &inner[first.len_utf8()..];
    after.strip_prefix('\'').unwrap_or_else(|| inner.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Without the items under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
pub(crate) fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    const MARKS: [&[&str]; 2] =
        [&["#", "[", "cfg", "(", "test", ")", "]"], &["#", "[", "cfg", "(", "all", "(", "test"]];
    let begins = |at: usize, mark: &[&str]| {
        tokens[at..].len() >= mark.len() && mark.iter().zip(&tokens[at..]).all(|(mark, token)| token.is(mark))
    };
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if MARKS.iter().any(|mark| begins(at, mark)) {
            at = after_item(&tokens, after_group(&tokens, at + 1));
        } else {
            out.push(tokens[at].clone());
            at += 1;
        }
    }
    out
}

/// The place after the item that begins here, with its further attributes.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token.is("#")) {
        at = after_group(tokens, at + 1);
    }
    // Of these the braces do not end the item.
    let mut goes_on = false;
    while let Some(token) = tokens.get(at) {
        goes_on |= ["use", "const", "static", "type"].iter().any(|word| token.is(word));
        if token.is(";") {
            return at + 1;
        }
        let is_group = ["{", "(", "["].iter().any(|open| token.is(open));
        let is_end = token.is("{") && !goes_on;
        at = if is_group { after_group(tokens, at) } else { at + 1 };
        if is_end {
            return at;
        }
    }
    at
}

/// The place after the bracket that closes the one that opens here.
pub(crate) fn after_group(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if ["{", "(", "["].iter().any(|open| token.is(open)) {
            depth += 1;
        } else if ["}", ")", "]"].iter().any(|close| token.is(close)) {
            depth -= 1;
            if depth == 0 {
                break;
            }
        }
    }
    at
}

/// The tokens as text, with a space between two words alone. Strings are left out.
pub(crate) fn text(tokens: &[Token]) -> String {
    let mut out = String::new();
    let mut was_word = false;
    for token in tokens {
        let is_word = !matches!(token, Token::Mark(_));
        if was_word && is_word {
            out.push(' ');
        }
        match token {
            Token::Word(word) => out.push_str(word),
            Token::Mark(mark) => out.push_str(mark),
            Token::Text(_) => out.push_str("\"\""),
            Token::Other => out.push('0'),
        }
        was_word = is_word;
    }
    out
}

#[test]
fn comments_strings_and_tests_are_not_code() {
    let source = r##"
        // crate::flow
        /* a /* nested */ crate::jose */
        let a = "crate::step \" b"; // crate::session
        let b = r#"crate::matrix "quoted""#;
        fn f<'a>(c: &'a str) -> char { '\'' }
        #[cfg(test)]
        #[allow(dead_code)]
        use crate::testing::{A, B};
        const Q: [char; 2] = ['"', '{'];
        #[cfg(test)]
        mod tests { fn g() { let x = S { y: 1 }; } }
        fn h() {}
    "##;
    let code = text(&without_tests(tokens(source)));
    assert!(!code.contains("crate") && !code.contains("fn g"), "{code}");
    assert!(code.contains("fn f<0>") && code.contains("fn h") && code.contains("const Q"), "{code}");
}
