//! The floors of the crate: a file uses only files of its own floor and lower ones, and nothing below the edges names a
//! clock, a socket, a thread, a runtime or a global.

use std::collections::BTreeSet;

use super::allowed;
use super::imports::{Import, Kind, imports};
use super::lexer::{Token, text};
use super::tree::{Edge, Source, Tree, test_files};

/// The rooms of the crate from the lowest floor to the highest.
const ROOMS: &[&str] = &[
    "error", "base", "wire", "jose", "party", "token", "message", "step", "flow", "session", // the core
    "matrix", "qr", // profiles
    "adapter", "testing", // the edges
];

/// The rooms that may name the outside world.
const EDGES: &[&str] = &["adapter", "testing"];

/// What only the edges may name: the outside world, and what is shared by all.
const OUTSIDE: &[&str] = &[
    "SystemTime",
    "Instant",
    "UNIX_EPOCH",
    "std::thread",
    "thread_local",
    "std::net",
    "std::fs",
    "std::env::",
    "std::process",
    "tokio",
    "futures",
    "async_std",
    "reqwest",
    "ureq",
    "rustls",
    "hyper",
    "getrandom",
    "OsRng",
    "thread_rng",
    "web_sys",
    "js_sys",
    "LazyLock",
    "lazy_static",
    "once_cell",
    "static mut",
    "println!",
    "eprintln!",
    "dbg!",
];

/// Parts that flows are put together from, each of those before it.
const PARTS: &[&str] = &[
    "authenticated_request",
    "keys_fetch",
    "key_search",
    "revocation",
    "token_outcome",
    "prerequisites",
    "device_poll",
    "token_request",
];

/// What else one flow takes from another: what it goes on to, or where it begins.
const COMPOSED: &[(&str, &[&str])] = &[("pushed_authorization", &["authorization"])];

fn floor(source: &Source) -> usize {
    let room = source.room();
    let known = ROOMS.iter().position(|name| *name == room);
    known.unwrap_or_else(|| panic!("`{room}` has no floor: give it one in tests/house/floors.rs"))
}

/// `lib.rs` shows what the rooms hold, and uses nothing.
fn inner(tree: &Tree) -> impl Iterator<Item = &Source> {
    tree.sources.iter().filter(|source| !source.module.is_empty())
}

/// The edges that go up, each as `FILE -> FILE`, and printed with the path that makes it.
fn upward(tree: &Tree, edges: &BTreeSet<Edge>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for edge in edges {
        let (from, to) = (&tree.sources[edge.from], &tree.sources[edge.to]);
        if !from.module.is_empty() && !to.module.is_empty() && floor(to) > floor(from) {
            println!("{} -> {} by {}", from.path, to.path, edge.path);
            found.insert(format!("{} -> {}", from.path, to.path));
        }
    }
    found
}

/// `allowed/floors.txt` has the uses that still go up, as `FILE -> FILE`.
#[test]
fn a_file_uses_only_its_floor_and_lower_ones() {
    let tree = Tree::shared();
    allowed::check("floors", &upward(tree, &tree.edges()), "these files use what is on a higher floor");
}

/// The same for the file that an import names, whatever it re-exports, also in unit tests: those that need an edge stand in
/// `tests/`.
#[test]
fn an_import_names_only_its_floor_and_lower_ones() {
    let tree = Tree::shared();
    let found = upward(tree, &tree.edges_as_written_with_tests());
    assert!(found.is_empty(), "these files import from a higher floor: {found:#?}");
}

/// The same for files of unit tests only.
#[test]
fn files_of_unit_tests_import_only_from_their_floor_and_lower_ones() {
    let place = |room: &str| ROOMS.iter().position(|name| *name == room);
    let mut found = Vec::new();
    for (path, code) in test_files() {
        let own = path.split('/').next().and_then(place).unwrap();
        for import in imports(&code) {
            let room = import.path.get(1).filter(|_| import.path[0] == "crate");
            if room.and_then(|room| place(room)).is_some_and(|floor| floor > own) {
                found.push(format!("{path} imports {}", import.path.join("::")));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// What `lib.rs` exports by a name of its own comes from everywhere: inside the crate it is imported from where it is.
#[test]
fn nothing_is_imported_from_the_face() {
    let tree = Tree::shared();
    let mut wrong = Vec::new();
    for source in inner(tree) {
        for import in &source.imports {
            let is_exported = rooted(source, import).first().is_some_and(|name| name.starts_with(char::is_uppercase));
            if is_exported {
                wrong.push(format!("{} imports {}", source.path, import.path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A path that begins at the crate, without its beginning; nothing of any other.
fn rooted<'a>(source: &Source, import: &'a Import) -> &'a [String] {
    let ups = import.path.iter().take_while(|name| *name == "super").count();
    let is_rooted = import.path.first().is_some_and(|first| first == "crate")
        || ups > 0 && ups == source.module.len() + import.inline.len();
    if is_rooted { &import.path[ups.max(1)..] } else { &[] }
}

#[test]
fn below_the_edges_there_is_no_outside_world() {
    let tree = Tree::shared();
    let mut wrong = Vec::new();
    for source in inner(tree).filter(|source| !EDGES.contains(&ROOMS[floor(source)])) {
        let code = text(&source.tokens);
        for name in OUTSIDE.iter().filter(|name| code.contains(*name)) {
            wrong.push(format!("{} names `{name}`", source.path));
        }
        wrong.extend(globals(&source.tokens).map(|global| format!("{} has a global: {global}", source.path)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The `static` items that can change: cells, locks and atomic numbers.
fn globals(tokens: &[Token]) -> impl Iterator<Item = String> {
    let statics = tokens.iter().enumerate().filter(|(_, token)| token.is("static"));
    statics.filter_map(|(at, _)| {
        let item: Vec<_> = tokens[at..].iter().take_while(|token| !token.is("=")).cloned().collect();
        let item = text(&item);
        ["Cell", "Lock", "Mutex", "Atomic", "Once"].iter().any(|name| item.contains(name)).then_some(item)
    })
}

#[test]
fn a_global_is_known_when_it_is_seen() {
    let found = |code: &str| globals(&super::lexer::tokens(code)).count();
    assert_eq!(found("static SEEN: AtomicU64 = AtomicU64::new(0);"), 1);
    assert_eq!(found("pub(crate) static KEYS: OnceLock<Keys> = OnceLock::new();"), 1);
    assert_eq!(found("static JSON: &str = \"\";"), 0);
    assert_eq!(found("backend: Option<&'static dyn Backend>, // AtomicU64"), 0);
}

/// A flow is put together from parts; what it takes from another flow beside them is said here.
#[test]
fn flows_do_not_import_one_another() {
    let tree = Tree::shared();
    let mut wrong = Vec::new();
    for source in inner(tree).filter(|source| source.room() == "flow" && source.module.len() == 2) {
        let own = source.module[1].as_str();
        let composed = COMPOSED.iter().find(|(name, _)| *name == own).map_or(&[][..], |(_, allowed)| allowed);
        let allowed: Vec<_> = PARTS.iter().take_while(|part| **part != own).chain(composed).collect();
        for import in &source.imports {
            let path: Vec<_> = import.path.iter().map(String::as_str).collect();
            let named = match path[..] {
                ["super", "super", ..] => continue,
                ["super"] if import.kind == Kind::Glob => "*",
                ["super", name, ..] | ["crate", "flow", name, ..] => name,
                _ => continue,
            };
            if !allowed.contains(&&named) {
                wrong.push(format!("{} imports `{named}`", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
