//! No two files use one another, directly or by way of others.

use std::collections::{BTreeMap, BTreeSet};

use super::allowed;
use super::tree::{Edge, Tree};

/// The edges that are part of a circle: those from whose end a way leads back to their beginning.
fn circular(edges: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let mut next = BTreeMap::<usize, Vec<usize>>::new();
    edges.iter().for_each(|&(from, to)| next.entry(from).or_default().push(to));
    let reach = |start: usize| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![start]);
        while let Some(at) = left.pop() {
            left.extend(next.get(&at).into_iter().flatten().filter(|&&to| seen.insert(to)));
        }
        seen
    };
    let reached: BTreeMap<_, _> = next.keys().map(|&from| (from, reach(from))).collect();
    edges.iter().copied().filter(|(from, to)| reached.get(to).is_some_and(|seen| seen.contains(from))).collect()
}

#[test]
fn an_edge_is_circular_if_a_way_leads_back() {
    let edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (5, 5)].into();
    assert_eq!(circular(&edges), [(0, 1), (1, 2), (2, 0), (5, 5)].into());
}

/// The edges of a circle between files, each as `FILE -> FILE`, and printed with the path that makes it.
fn circles(tree: &Tree, edges: &BTreeSet<Edge>) -> BTreeSet<String> {
    let circular = circular(&edges.iter().map(|edge| (edge.from, edge.to)).collect());
    let name = |at: usize| tree.sources[at].path.as_str();
    for edge in edges.iter().filter(|edge| circular.contains(&(edge.from, edge.to))) {
        // Seen when the test fails, or with `--nocapture`.
        println!("{} -> {} by {}", name(edge.from), name(edge.to), edge.path);
    }
    circular.iter().map(|&(from, to)| format!("{} -> {}", name(from), name(to))).collect()
}

/// `allowed/cycles.txt` has each use that is part of a circle, as `FILE -> FILE`.
#[test]
fn there_is_no_circle_between_files() {
    let tree = Tree::shared();
    allowed::check("cycles", &circles(tree, &tree.edges()), "these uses are part of a circle between files");
}

/// A file imports from the file that defines a name, not from the `pub use` of a module that imports this file.
#[test]
fn there_is_no_circle_for_a_tool_that_follows_no_re_export() {
    let tree = Tree::shared();
    let found = circles(tree, &tree.edges_as_written_with_tests());
    assert!(found.is_empty(), "these imports are part of a circle between files: {found:#?}");
}

/// `super::Y` is not imported where it is `pub use x::Y` there, but `super::x::Y`.
#[test]
fn a_file_imports_no_re_export_from_a_module_that_it_is_part_of() {
    let tree = Tree::shared();
    let defined: BTreeMap<_, _> = tree.edges().into_iter().map(|edge| ((edge.from, edge.path), edge.to)).collect();
    let mut found = BTreeSet::new();
    for edge in tree.edges_as_written() {
        let (from, to) = (&tree.sources[edge.from], &tree.sources[edge.to]);
        let is_above = from.module.starts_with(&to.module);
        let is_elsewhere = defined.get(&(edge.from, edge.path.clone())).is_some_and(|file| *file != edge.to);
        if is_above && is_elsewhere {
            found.insert(format!("{} imports {}", from.path, edge.path));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Seen from a directory, its files and its subdirectories use one another in one direction only.
#[test]
fn there_is_no_circle_between_the_parts_of_a_directory() {
    let tree = Tree::shared();
    let mut found = BTreeSet::new();
    let directories: BTreeSet<_> = tree.sources.iter().flat_map(|source| parents(&source.path)).collect();
    for directory in directories {
        let part = |at: usize| tree.sources[at].path.strip_prefix(directory)?.split('/').next();
        let edges = tree.edges_as_written_with_tests();
        let between = edges.iter().filter_map(|edge| Some((part(edge.from)?, part(edge.to)?, edge)));
        let between: Vec<_> = between.filter(|(from, to, _)| from != to).collect();
        let names: Vec<_> = between.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
        let number = |name: &str| names.iter().position(|known| *known == name).unwrap();
        let circular = circular(&between.iter().map(|(from, to, _)| (number(from), number(to))).collect());
        for (from, to, edge) in between {
            if circular.contains(&(number(from), number(to))) {
                let (from, to) = (&tree.sources[edge.from].path, &tree.sources[edge.to].path);
                found.insert(format!("in `{directory}`: {from} -> {to} by {}", edge.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The directories above a file, from `src/` on: each ends with a slash, and the first is empty.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(path.match_indices('/').map(|(at, _)| &path[..=at]))
}
