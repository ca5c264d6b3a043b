//! How many types and machines the tokens of a response pass on their way to a session.

use std::collections::BTreeSet;

use super::lexer::{Token, after_group};
use super::tree::{Source, Tree};

/// From the parsed response to what the session is given. `docs/design.md` says what each is for.
const SHAPES: [&str; 5] = ["TokenResponse", "Grant", "TokenOutcome", "TokenGrant", "TokenSet"];

/// The flows that the response passes; the last one contains the others.
const MACHINES: [&str; 3] = ["AuthenticatedRequest", "KeySearch", "TokenRequest"];

/// What else holds the tokens below the session, each with its reason.
const BESIDE: &[(&str, &str)] = &[
    ("UnverifiedTokens", "a `Grant` in the caller's hands, to be verified again or revoked"),
    ("TokenRequest", "the machine"),
    ("State", "the machine's"),
    ("Origin", "the old tokens of a refresh, which share their value with the session's"),
    ("Pending", "an `Origin` while the response is awaited"),
    ("Prepared", "an `Origin` while keys are fetched"),
];

/// Below the session.
const ROOMS: &[&str] = &["message", "token", "flow"];

fn of_rooms<'a>(tree: &'a Tree, rooms: &'a [&str]) -> impl Iterator<Item = &'a Source> {
    tree.sources.iter().filter(|source| rooms.contains(&source.room()))
}

/// The structs and enums of a file, each with its fields.
fn types(tokens: &[Token]) -> impl Iterator<Item = (&str, &[Token])> {
    tokens.windows(2).enumerate().filter_map(|(at, pair)| {
        let is_type = pair[0].is("struct") || pair[0].is("enum");
        let name = pair[1].word().filter(|_| is_type)?;
        let open = at + tokens[at..].iter().position(|token| ["{", "(", ";"].iter().any(|mark| token.is(mark)))?;
        Some((name, &tokens[open..after_group(tokens, open)]))
    })
}

/// The types that implement a trait.
fn implement<'a>(source: &'a Source, name: &str) -> Vec<&'a str> {
    let heads = source.tokens.windows(3).filter(|part| part[0].is(name) && part[1].is("for"));
    heads.filter_map(|part| part[2].word()).collect()
}

#[test]
fn a_token_response_passes_five_shapes_at_most() {
    let tree = Tree::shared();
    // By file: many machines have a `State`.
    let all: Vec<(&str, &str, &[Token])> = of_rooms(tree, ROOMS)
        .flat_map(|source| types(&source.tokens).map(|(name, fields)| (source.path.as_str(), name, fields)))
        .collect();
    // Whoever has a field of a type that holds the tokens holds them.
    let mut holders = BTreeSet::from([("message/token.rs", "TokenResponse"), ("token/token_set.rs", "TokenSet")]);
    loop {
        let before = holders.len();
        for (path, name, fields) in &all {
            let is_own = |word: &str| all.iter().any(|(other, own, _)| other == path && *own == word);
            let holds = |word: &str| holders.iter().any(|(at, own)| *own == word && (at == path || !is_own(word)));
            if fields.iter().filter_map(Token::word).any(holds) {
                holders.insert((*path, *name));
            }
        }
        if holders.len() == before {
            break;
        }
    }
    let holders: BTreeSet<_> = holders.into_iter().map(|(_, name)| name).collect();
    let known = SHAPES.into_iter().chain(BESIDE.iter().map(|(name, _)| *name)).collect();
    assert_eq!(holders, known, "a type that holds the tokens of a response is new, or gone");
    assert!(BESIDE.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn a_token_response_passes_three_machines_at_most() {
    let tree = Tree::shared();
    let all: BTreeSet<_> = of_rooms(tree, &["flow"]).flat_map(|source| implement(source, "Flow")).collect();
    let request = tree.sources.iter().find(|source| source.path == "flow/token_request.rs").unwrap();
    let (_, states) = types(&request.tokens).find(|(name, _)| *name == "State").unwrap();
    let mut passed: BTreeSet<_> = states.iter().filter_map(Token::word).filter(|word| all.contains(word)).collect();
    passed.insert("TokenRequest");
    // It is over before the tokens are asked for.
    assert!(passed.remove("KeysFetch"));
    assert_eq!(passed, MACHINES.into());
    // The session drives that flow as it is.
    let named = |source: &'_ Source| -> BTreeSet<String> {
        source.tokens.iter().filter_map(Token::word).filter(|word| all.contains(word)).map(str::to_owned).collect()
    };
    let in_session: BTreeSet<_> = of_rooms(tree, &["session"]).flat_map(named).collect();
    assert_eq!(in_session, ["Revocation", "TokenRequest"].map(str::to_owned).into());
    let own: Vec<_> = of_rooms(tree, &["session"]).flat_map(|source| implement(source, "Flow")).collect();
    assert!(own.is_empty(), "{own:?}");
}

/// The page for people lists the same.
#[test]
fn the_design_lists_what_a_token_response_passes() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/design.md")).unwrap();
    let section =
        page.split("\n## ").find(|section| section.starts_with("From a token response to a session")).unwrap();
    let listed = |head: &str| -> Vec<String> {
        let table = section.split_once(&format!("| {head} |")).unwrap().1;
        let rows = table.lines().skip(2).take_while(|line| line.starts_with("| `"));
        rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(listed("type"), SHAPES);
    assert_eq!(listed("machine"), MACHINES);
}
