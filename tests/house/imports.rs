//! The paths that a file names: in `use` trees and in its code.

use super::lexer::Token;

/// A path as it is written, and the module it is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// The modules within the file that it stands in.
    pub(crate) inline: Vec<String>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In a `use`: the name that it gives.
    Use(String),
    /// A `use` of everything.
    Glob,
    /// In the code.
    Inline,
}

/// Everything that is named by a path of two words or more, and everything that is imported.
pub(crate) fn imports(tokens: &[Token]) -> Vec<Import> {
    let mut out = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    // Modules within the file, each with the depth of its braces.
    let mut inline: Vec<(String, usize)> = Vec::new();
    while at < tokens.len() {
        let names = || inline.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let next = tokens.get(at + 1);
        match &tokens[at] {
            Token::Mark("{") => depth += 1,
            Token::Mark("}") => {
                depth = depth.saturating_sub(1);
                if inline.last().is_some_and(|(_, at)| *at == depth) {
                    inline.pop();
                }
            }
            Token::Word(word) if word == "mod" && tokens.get(at + 2).is_some_and(|token| token.is("{")) => {
                inline.extend(next.and_then(Token::word).map(|name| (name.to_owned(), depth)));
            }
            // Not the `use<…>` of a type.
            Token::Word(word) if word == "use" && !next.is_some_and(|token| token.is("<")) => {
                at = tree(tokens, at + 1, &[], &mut |path, kind| {
                    out.push(Import { path, inline: names(), kind });
                });
                continue;
            }
            Token::Word(_) if next.is_some_and(|token| token.is("::")) => {
                let is_free = at == 0 || !["::", ".", "$"].iter().any(|mark| tokens[at - 1].is(mark));
                let is_visibility = at > 1 && tokens[at - 1].is("in") && tokens[at - 2].is("(");
                let mut path = Vec::new();
                while let Some(word) = tokens.get(at).and_then(Token::word) {
                    path.push(word.to_owned());
                    at += 1;
                    if !tokens.get(at).is_some_and(|token| token.is("::")) {
                        break;
                    }
                    at += 1;
                }
                // `pub(in path)` says who may use an item, and uses nothing.
                if is_free && !is_visibility && path.len() > 1 {
                    out.push(Import { path, inline: names(), kind: Kind::Inline });
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// One branch of a `use` tree; gives the place after it.
fn tree(tokens: &[Token], mut at: usize, before: &[String], found: &mut dyn FnMut(Vec<String>, Kind)) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at) {
            // A leading `::` is a package: nothing of the crate.
            Some(Token::Mark("::")) => {
                if path.is_empty() {
                    path.push(String::new());
                }
                at += 1;
            }
            Some(Token::Mark("*")) => {
                found(path, Kind::Glob);
                return at + 1;
            }
            Some(Token::Mark("{")) => {
                at += 1;
                while tokens.get(at).is_some_and(|token| !token.is("}")) {
                    at = tree(tokens, at, &path, found);
                    at += usize::from(tokens.get(at).is_some_and(|token| token.is(",")));
                }
                return at + 1;
            }
            Some(Token::Word(word)) if word == "as" => {
                let name = tokens.get(at + 1).and_then(Token::word).unwrap_or("_").to_owned();
                found(path, Kind::Use(name));
                return at + 2;
            }
            Some(Token::Word(word)) => {
                // `self` at the end of a path is the path.
                if word != "self" || path.is_empty() {
                    path.push(word.clone());
                }
                at += 1;
                if !tokens.get(at).is_some_and(|token| token.is("::") || token.is("as")) {
                    let name = path.last().cloned().unwrap_or_default();
                    found(path, Kind::Use(name));
                    return at;
                }
            }
            _ => return at + 1,
        }
    }
}

#[test]
fn the_parser_of_imports_reads_lists() {
    let source = r"
        use crate::{json::{self, Text}, error::Error as E, env};
        pub(crate) use super::{a::*, b};
        use ::url::Url;
        mod sealed { use super::Inner; }
        pub(in crate::jose) const LIMIT: u8 = 1;
        fn f() -> crate::jose::Keys { Vec::<u8>::new(); Keys::parse(x).y; <T as self::K>::L }
        macro_rules! m { () => { $crate::words::Word } }
    ";
    let shown: Vec<_> = imports(&super::lexer::tokens(source))
        .into_iter()
        .map(|import| {
            let kind = match import.kind {
                Kind::Use(name) => format!(" as {name}"),
                Kind::Glob => "::*".to_owned(),
                Kind::Inline => String::new(),
            };
            let inline: String = import.inline.iter().map(|name| format!("{name}/")).collect();
            format!("{inline}{}{kind}", import.path.join("::"))
        })
        .collect();
    let expected = [
        "crate::json as json",
        "crate::json::Text as Text",
        "crate::error::Error as E",
        "crate::env as env",
        "super::a::*",
        "super::b as b",
        "::url::Url as Url",
        "sealed/super::Inner as Inner",
        "crate::jose::Keys",
        "Keys::parse",
        "self::K",
    ];
    assert_eq!(shown, expected);
}
