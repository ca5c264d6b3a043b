//! The floors of the crate: a module imports only from its own floor and lower ones, and nothing below the edges names a
//! clock, a socket, a thread, a runtime or a global.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the crate and its floor.
const FLOORS: &[(&str, u8)] = &[
    ("error", 0),
    ("base", 1),
    ("wire", 2),
    ("jose", 3),
    ("party", 4),
    ("token", 5),
    ("message", 6),
    ("step", 7),
    ("flow", 8),
    ("session", 9),
    ("matrix", 10),
    ("qr", 11),
    ("adapter", 12),
    ("testing", 12),
];

const EDGES: u8 = 12;

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
const PARTS: &[&str] = &["signed", "authenticated_request", "verification", "token_exchange"];

/// What else one flow takes from another: what it goes on to, or where it begins.
const COMPOSED: &[(&str, &[&str])] = &[
    ("authorization", &["CodeExchange"]),
    ("code_exchange", &["authorization"]),
    ("pushed_authorization", &["authorization"]),
    ("verification", &["Revocation"]),
];

struct Source {
    path: PathBuf,
    /// The module of the crate that it is of.
    module: String,
    /// Without comments, strings, and what is only there for tests.
    code: String,
}

fn sources() -> Vec<Source> {
    fn collect(directory: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let relative = paths.iter().map(|path| path.strip_prefix(&root).unwrap().to_owned());
    let in_tests = |path: &Path| path.with_extension("").iter().any(|part| part == "tests");
    relative
        .filter(|path| path != Path::new("lib.rs") && !in_tests(path))
        .map(|path| {
            let module = path.with_extension("").iter().next().unwrap().to_str().unwrap().to_owned();
            let code = code(&fs::read_to_string(root.join(&path)).unwrap());
            Source { path, module, code }
        })
        .collect()
}

/// The lines that are compiled into the crate: no comments, no string literals, nothing under `#[cfg(test)]`.
fn code(text: &str) -> String {
    let text = text.split("\nmod tests {").next().unwrap();
    let mut out = String::new();
    let mut skip = false;
    for line in text.lines() {
        let bare = line.trim_start();
        if skip {
            skip = bare.starts_with("#[");
            continue;
        }
        skip = bare == "#[cfg(test)]";
        if skip || bare.starts_with("//") {
            continue;
        }
        // Every second piece is inside a string; escaped quotes do not stand beside what is looked for here.
        let pieces = line.split(" // ").next().unwrap().split('"').step_by(2);
        out.push_str(&pieces.collect::<Vec<_>>().join("\"\""));
        out.push('\n');
    }
    out
}

fn floor(module: &str) -> u8 {
    let known = FLOORS.iter().find(|(name, _)| *name == module);
    known
        .unwrap_or_else(|| panic!("`{module}` has no floor: give it one in this file and in the table of the design"))
        .1
}

/// The modules of the crate that are named by `crate::…`, also in lists.
fn imports(code: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (at, name) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + name.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            out.push(word(rest).to_owned());
            continue;
        };
        // Of a list only the first word of each item counts: what stands in braces of its own belongs to that.
        let (mut depth, mut item) = (0_usize, String::new());
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' | ',' if depth == 0 => {
                    out.push(word(item.trim()).to_owned());
                    item.clear();
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ if depth == 0 => item.push(c),
                _ => {}
            }
        }
    }
    out.retain(|name| !name.is_empty());
    out
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

#[test]
fn the_parser_of_imports_reads_lists() {
    let code =
        "use crate::{json::{self, Text}, error::Error, env};\nfn f() -> crate::jose::Keys {}\n$crate::words::Word";
    assert_eq!(imports(code), ["json", "error", "env", "jose"]);
    let text = "// crate::flow\nlet a = \"crate::step\"; // crate::session\n#[cfg(test)]\nuse crate::testing;\nfn b() {}\n#[cfg(test)]\nmod tests {\nuse crate::flow;\n}";
    assert_eq!(imports(&self::code(text)), [""; 0]);
    assert!(self::code(text).contains("fn b"));
}

#[test]
fn a_module_imports_only_from_its_floor_and_lower_ones() {
    let mut wrong = Vec::new();
    for source in sources() {
        // From a file of the first level `super` is the crate, from one of the second `super::super` is.
        let code = source.code.replace(&"super::".repeat(source.path.components().count()), "crate::");
        for import in imports(&code) {
            // What `lib.rs` exports by a name of its own comes from everywhere.
            let exported = import.starts_with(char::is_uppercase);
            if exported || floor(&import) > floor(&source.module) {
                wrong.push(format!("{} imports `{import}`", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn below_the_edges_there_is_no_outside_world() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| floor(&source.module) < EDGES) {
        for name in OUTSIDE.iter().filter(|name| source.code.contains(*name)) {
            wrong.push(format!("{} names `{name}`", source.path.display()));
        }
        for line in source.code.lines().filter(|line| is_global(line)) {
            wrong.push(format!("{} has a global: {line}", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A `static` item that can change: a cell, a lock or an atomic number.
fn is_global(line: &str) -> bool {
    let item = line.trim_start();
    let item = item.split_once("static ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
    item.is_some_and(|(_, item)| ["Cell", "Lock", "Mutex", "Atomic", "Once"].iter().any(|name| item.contains(name)))
}

#[test]
fn a_global_is_known_when_it_is_seen() {
    assert!(is_global("static SEEN: AtomicU64 = AtomicU64::new(0);"));
    assert!(is_global("pub(crate) static KEYS: OnceLock<Keys> = OnceLock::new();"));
    assert!(!is_global("static JSON: &str = \"\";"));
    assert!(!is_global("backend: Option<&'static dyn Backend>, // AtomicU64"));
}

/// A flow is put together from parts; what it takes from another flow beside them is said here.
#[test]
fn flows_do_not_import_one_another() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.module == "flow" && source.path != Path::new("flow/mod.rs")) {
        let own = source.path.file_stem().unwrap().to_str().unwrap();
        let composed = COMPOSED.iter().find(|(name, _)| *name == own).map_or(&[][..], |(_, allowed)| allowed);
        let allowed: Vec<_> = PARTS.iter().take_while(|part| **part != own).chain(composed).collect();
        let named = source.code.match_indices("super::").map(|(at, name)| word(&source.code[at + name.len()..]));
        let crossing = named.chain(source.code.match_indices("crate::flow::").map(|_| "crate::flow"));
        wrong.extend(
            crossing
                .filter(|name| !allowed.contains(&name) && !name.is_empty())
                .map(|name| format!("{} imports `{name}`", source.path.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files near 400 lines at most, so that one can be read at a sitting.
#[test]
fn files_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for source in sources() {
        let lines = fs::read_to_string(root.join(&source.path)).unwrap().lines().count();
        assert!(lines <= 450, "{} has {lines} lines", source.path.display());
    }
}

/// A flow that passes its input on to another one names no variant of it: whatever comes reaches the flow that asked.
#[test]
fn a_flow_that_contains_another_passes_every_input_on() {
    let mut embedding = 0;
    for source in sources() {
        for block in source.code.split("\nimpl").filter(|block| block.contains(" Flow for ")) {
            let block = block.split("\n}\n").next().unwrap();
            if block.contains(".on(input, env)") {
                embedding += 1;
                assert!(!block.contains("Input::"), "{}: {block}", source.path.display());
            }
        }
    }
    assert!(embedding > 10, "{embedding}");
}
