//! What may get a variant or a field without breaking those who use it.

use super::lexer::Token;
use super::tree::Tree;

/// Public enums that users match to the end, each with its reason.
const EXHAUSTIVE: &[(&str, &str)] = &[
    ("Access", "a caller acts on every outcome"),
    ("Address", "a homeserver has a name or a URL"),
    ("Allowed", "the new device can be talked to or it cannot"),
    ("Availability", "a homeserver has it for this device, for others, or not at all"),
    ("Delivery", "a text that is not there must not be taken for delivered"),
    ("Intent", "a login has two sides"),
    ("Lifetime", "a value is absent, read or unreadable"),
    ("LoginOutcome", "no tokens may be passed over"),
    ("Outcome", "a caller acts on every outcome"),
    ("Reason", "a reason is known or it is not"),
    ("RequestTo", "there are two servers"),
    ("Sent", "it is yes or no"),
    ("Step", "a driver handles every step"),
    ("StoreAction", "a store carries out every action"),
    ("StoreResponse", "a store says what happened, and the session acts on every case"),
    ("Support", "it is yes or no"),
    ("TokenOutcome", "no tokens may be passed over"),
    ("Transmit", "a driver carries out everything"),
];

/// Public structs that users make of their fields, each with its reason.
const OPEN: &[(&str, &str)] = &[
    ("Backup", "members that the proposal fixes"),
    ("CrossSigning", "members that the proposal fixes"),
    ("Freshness", "two times, which an application stores"),
    ("Secrets", "members that the proposal fixes"),
];

struct Item {
    name: String,
    is_enum: bool,
    grows: bool,
    /// A struct that can be written as a literal from outside.
    is_open: bool,
}

fn word(token: &Token) -> &str {
    match token {
        Token::Word(word) => word,
        Token::Mark(mark) => mark,
        Token::Text(_) | Token::Other => "",
    }
}

fn public_items() -> Vec<Item> {
    let mut items = Vec::new();
    for source in &Tree::shared().sources {
        let code: Vec<&str> = source.tokens.iter().map(word).collect();
        let mut attributes = 0;
        for (at, word) in code.iter().enumerate() {
            match *word {
                "pub" if matches!(code.get(at + 1), Some(&"enum" | &"struct")) => {
                    let body: Vec<&str> =
                        code[at + 3..].iter().skip_while(|word| !["{", "(", ";"].contains(word)).copied().collect();
                    items.push(Item {
                        name: code[at + 2].to_owned(),
                        is_enum: code[at + 1] == "enum",
                        grows: code[attributes..at].contains(&"non_exhaustive"),
                        is_open: body.first() == Some(&"{") && all_public(&body),
                    });
                }
                "}" | ";" => attributes = at,
                _ => {}
            }
        }
    }
    items
}

/// Whether each field of a struct is `pub`. A field is a word before a colon.
fn all_public(body: &[&str]) -> bool {
    let (mut depth, mut fields, mut public) = (0, 0, 0);
    for (at, word) in body.iter().enumerate() {
        match *word {
            "{" | "(" | "[" | "<" => depth += 1,
            "}" | ")" | "]" | ">" => depth -= 1,
            ":" if depth == 1 => {
                fields += 1;
                public += usize::from(body[at - 2] == "pub");
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    fields > 0 && fields == public
}

fn check(kind: &str, found: Vec<String>, listed: &[(&str, &str)]) {
    let unlisted: Vec<_> = found.iter().filter(|name| !listed.iter().any(|(known, _)| known == *name)).collect();
    assert!(unlisted.is_empty(), "make it `non_exhaustive`, or list it as {kind} with a reason: {unlisted:?}");
    let stale: Vec<_> = listed.iter().filter(|(name, _)| !found.iter().any(|known| known == name)).collect();
    assert!(stale.is_empty(), "no longer {kind}: {stale:?}");
}

#[test]
fn a_public_enum_can_grow_or_says_why_it_cannot() {
    let items = public_items();
    assert!(items.iter().filter(|item| item.is_enum).count() > 30);
    let found = items.iter().filter(|item| item.is_enum && !item.grows).map(|item| item.name.clone()).collect();
    check("exhaustive", found, EXHAUSTIVE);
}

#[test]
fn a_public_struct_can_grow_or_says_why_it_cannot() {
    let items = public_items();
    assert!(items.iter().filter(|item| !item.is_enum).count() > 80);
    let found = items.iter().filter(|item| item.is_open && !item.grows).map(|item| item.name.clone()).collect();
    check("open", found, OPEN);
}
