//! The files of `src/`, and which of them uses what of which other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::imports::{Import, Kind, imports};
use super::lexer::{Token, tokens, without_tests};

/// More hops than any re-export takes: a path that goes round is given up.
const HOPS: usize = 16;

pub(crate) struct Source {
    /// From `src/`, with slashes.
    pub(crate) path: String,
    /// The modules from the crate to this one.
    pub(crate) module: Vec<String>,
    /// What is compiled into the crate.
    pub(crate) tokens: Vec<Token>,
    pub(crate) imports: Vec<Import>,
    /// Those of its unit tests, too.
    all_imports: Vec<Import>,
    /// What a `use` brings in by a name.
    names: BTreeMap<String, Import>,
    items: BTreeSet<String>,
}

pub(crate) struct Tree {
    /// Without those that are for tests only.
    pub(crate) sources: Vec<Source>,
    modules: BTreeMap<Vec<String>, usize>,
}

/// One file uses what another defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// As it is written.
    pub(crate) path: String,
}

enum Found {
    Module(Vec<String>),
    /// Something that this file defines.
    Item(usize),
}

impl Tree {
    /// The crate's own, read once.
    pub(crate) fn shared() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(Self::read)
    }

    fn read() -> Self {
        Self::of(read())
    }

    /// Of files, each with its text.
    pub(crate) fn of(files: BTreeMap<String, String>) -> Self {
        let mut sources = Vec::new();
        let included: BTreeSet<_> = files.iter().flat_map(|(path, text)| includes(path, &tokens(text))).collect();
        for (path, text) in &files {
            if is_for_tests(path) || included.contains(path) {
                continue;
            }
            let mut code = without_tests(tokens(text));
            for part in includes(path, &code) {
                code.extend(without_tests(tokens(&files[&part])));
            }
            sources.push(Source::new(path, code, imports(&tokens(text))));
        }
        let modules = sources.iter().enumerate().map(|(at, source)| (source.module.clone(), at)).collect();
        Self { sources, modules }
    }

    /// Every use of one file by another, once for each path.
    pub(crate) fn edges(&self) -> BTreeSet<Edge> {
        let mut out = BTreeSet::new();
        for (from, source) in self.sources.iter().enumerate() {
            for import in &source.imports {
                let to = match (self.find(source, import, 0), &import.kind) {
                    (Some(Found::Item(to)), _) => to,
                    (Some(Found::Module(module)), Kind::Glob) => self.file(&module),
                    // A module that is brought in by its name: what is used of it stands in the code.
                    (Some(Found::Module(_)) | None, _) => continue,
                };
                if to != from {
                    out.insert(Edge { from, to, path: import.path.join("::") });
                }
            }
        }
        out
    }

    /// The edges that a tool draws which reads paths, but follows no re-export: an edge leads to the file of the last
    /// module that a path names, so the import of a re-export leads to the file with the `pub use`. `mod x;` is no edge;
    /// `pub use x::Y` is one. A name that the file has imported adds nothing to the edge of its `use`.
    pub(crate) fn edges_as_written(&self) -> BTreeSet<Edge> {
        self.as_written(|source| &source.imports)
    }

    /// The same with what the unit tests within a file import.
    pub(crate) fn edges_as_written_with_tests(&self) -> BTreeSet<Edge> {
        self.as_written(|source| &source.all_imports)
    }

    fn as_written(&self, imports: impl Fn(&Source) -> &[Import]) -> BTreeSet<Edge> {
        let mut out = BTreeSet::new();
        for (from, source) in self.sources.iter().enumerate() {
            for import in imports(source) {
                let Some((mut at, rest)) = self.start(source, import) else { continue };
                let is_named_here = import.kind == Kind::Inline
                    && !["crate", "self", "super"].contains(&import.path[0].as_str())
                    && source.names.contains_key(&import.path[0]);
                if is_named_here {
                    continue;
                }
                for name in rest {
                    let below = [&at[..], std::slice::from_ref(name)].concat();
                    if !self.modules.contains_key(&below) {
                        break;
                    }
                    at = below;
                }
                let to = self.file(&at);
                if to != from {
                    out.insert(Edge { from, to, path: import.path.join("::") });
                }
            }
        }
        out
    }

    /// The file that a module stands in.
    fn file(&self, module: &[String]) -> usize {
        (0..=module.len()).rev().find_map(|end| self.modules.get(&module[..end])).copied().unwrap_or_default()
    }

    fn find(&self, source: &Source, import: &Import, hops: usize) -> Option<Found> {
        let (at, rest) = self.start(source, import)?;
        self.walk(at, rest, hops)
    }

    /// The module that a path starts from, and the names that follow; `None` for a path into another package.
    fn start<'a>(&self, source: &Source, import: &'a Import) -> Option<(Vec<String>, &'a [String])> {
        let mut at = [&source.module[..], &import.inline].concat();
        let mut rest = import.path.as_slice();
        match rest.first()?.as_str() {
            "crate" => (at, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
                    at.pop();
                    rest = after;
                }
            }
            // A name of the file: a module below it, or what it has imported. Anything else is another package's.
            first => {
                at.clone_from(&source.module);
                let own = [&at[..], &[first.to_owned()]].concat();
                let is_imported = source.names.get(first).is_some_and(|named| named != import);
                if !self.modules.contains_key(&own) && !is_imported {
                    return None;
                }
            }
        }
        Some((at, rest))
    }

    /// From this module on by these names.
    fn walk(&self, mut at: Vec<String>, mut rest: &[String], hops: usize) -> Option<Found> {
        while let Some((name, after)) = rest.split_first() {
            let below = [&at[..], std::slice::from_ref(name)].concat();
            let file = self.file(&at);
            if self.modules.contains_key(&below) {
                (at, rest) = (below, after);
                continue;
            }
            let source = &self.sources[file];
            if let Some(import) = source.names.get(name).filter(|_| hops < HOPS && !source.items.contains(name)) {
                return match self.find(source, import, hops + 1)? {
                    Found::Module(module) => self.walk(module, after, hops + 1),
                    item @ Found::Item(_) => Some(item),
                };
            }
            if !source.items.contains(name) && hops < HOPS {
                let globs = source.imports.iter().filter(|import| import.kind == Kind::Glob);
                let from = globs.filter_map(|import| self.find(source, import, hops + 1));
                let has = |found: Found| match found {
                    Found::Module(module) if self.has(&module, name) => self.walk(module, rest, hops + 1),
                    _ => None,
                };
                if let Some(found) = from.filter_map(has).next() {
                    return Some(found);
                }
            }
            // Its own, or made by a macro here.
            return Some(Found::Item(file));
        }
        if self.modules.contains_key(&at) { Some(Found::Module(at)) } else { Some(Found::Item(self.file(&at))) }
    }

    fn has(&self, module: &[String], name: &str) -> bool {
        let source = &self.sources[self.file(module)];
        source.items.contains(name) || source.names.contains_key(name)
    }
}

impl Source {
    fn new(path: &str, tokens: Vec<Token>, all_imports: Vec<Import>) -> Self {
        let mut module: Vec<_> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod" || path == "lib.rs") {
            module.pop();
        }
        let imports = imports(&tokens);
        let named = imports.iter().filter_map(|import| match &import.kind {
            Kind::Use(name) if name != "_" => Some((name.clone(), import.clone())),
            _ => None,
        });
        let (names, items) = (named.collect(), items(&tokens));
        Self { path: path.to_owned(), module, tokens, imports, all_imports, names, items }
    }

    /// The first directory, or the file's own name in the root.
    pub(crate) fn room(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }
}

/// What is defined at the top of a file.
fn items(tokens: &[Token]) -> BTreeSet<String> {
    const KINDS: &[&str] = &["struct", "enum", "trait", "fn", "type", "const", "static", "union", "macro_rules"];
    let (mut depth, mut out) = (0_usize, BTreeSet::new());
    for (at, token) in tokens.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && KINDS.iter().any(|kind| token.is(kind)) {
            let after = tokens[at + 1..].iter().find(|token| !token.is("!") && !token.is("mut"));
            out.extend(after.and_then(Token::word).map(str::to_owned));
        }
    }
    out
}

/// The files that this one includes, from `src/`.
fn includes(path: &str, tokens: &[Token]) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let name = |window: &[Token]| match window {
        [word, mark, _, Token::Text(name)] if word.is("include") && mark.is("!") => Some(name.clone()),
        _ => None,
    };
    tokens.windows(4).filter_map(name).map(|name| slashed(&Path::new(folder).join(name))).collect()
}

fn slashed(path: &Path) -> String {
    path.to_str().unwrap().replace('\\', "/")
}

/// The files of `src/`, each with its text.
fn read() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let read = |path: &PathBuf| (slashed(path.strip_prefix(&root).unwrap()), fs::read_to_string(path).unwrap());
    files.iter().map(read).collect()
}

fn is_for_tests(path: &str) -> bool {
    path.trim_end_matches(".rs").split('/').any(|part| part == "tests")
}

/// The files of `src/` that are for tests only.
pub(crate) fn test_files() -> impl Iterator<Item = (String, Vec<Token>)> {
    read().into_iter().filter(|(path, _)| is_for_tests(path)).map(|(path, text)| (path, tokens(&text)))
}

/// The Rust files below a directory.
pub(crate) fn collect(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn a_path_leads_to_the_file_that_defines_what_it_names() {
    let files = [
        ("lib.rs", "pub mod json; pub mod step; mod words; pub use json::Text; pub use step::*;"),
        ("json/mod.rs", "mod scalar; pub use scalar::{Text as Words, Text}; pub struct Fields; use super::step::Flow;"),
        ("json/scalar.rs", "pub struct Text; impl Text { fn f() -> super::Fields { super::Flow::new() } }"),
        ("step.rs", "pub trait Flow {} include!(\"step/table.rs\");"),
        ("step/table.rs", "pub enum ErrorCode { A }"),
        ("words.rs", "use crate::json::{self, Words}; use serde::Serialize; fn f() { json::Fields; Words::new() }"),
        ("words/inner.rs", "mod own { use super::super::Words; use super::Here; } use crate::{ErrorCode, Text};"),
        ("words/tests.rs", "use crate::nothing::Here;"),
    ];
    let tree = Tree::of(files.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
    let name = |at: usize| tree.sources[at].path.as_str();
    let shown = |edges: BTreeSet<Edge>| -> BTreeSet<String> {
        edges.iter().map(|edge| format!("{} {} {}", name(edge.from), edge.path, name(edge.to))).collect()
    };
    let expected = [
        "json/mod.rs scalar::Text json/scalar.rs",
        "json/mod.rs super::step::Flow step.rs",
        "json/scalar.rs super::Fields json/mod.rs",
        "json/scalar.rs super::Flow::new step.rs",
        "lib.rs json::Text json/scalar.rs",
        "lib.rs step step.rs",
        "words.rs json::Fields json/mod.rs",
        "words.rs Words::new json/scalar.rs",
        "words.rs crate::json::Words json/scalar.rs",
        "words/inner.rs super::super::Words json/scalar.rs",
        "words/inner.rs crate::ErrorCode step.rs",
        "words/inner.rs crate::Text json/scalar.rs",
    ];
    assert_eq!(shown(tree.edges()), expected.map(str::to_owned).into());
    let as_written = [
        "json/mod.rs scalar::Text json/scalar.rs",
        "json/mod.rs super::step::Flow step.rs",
        "json/scalar.rs super::Fields json/mod.rs",
        "json/scalar.rs super::Flow::new json/mod.rs",
        "lib.rs json::Text json/mod.rs",
        "lib.rs step step.rs",
        "words.rs crate::json json/mod.rs",
        "words.rs crate::json::Words json/mod.rs",
        "words/inner.rs super::super::Words words.rs",
        "words/inner.rs crate::ErrorCode lib.rs",
        "words/inner.rs crate::Text lib.rs",
    ];
    assert_eq!(shown(tree.edges_as_written()), as_written.map(str::to_owned).into());
}
