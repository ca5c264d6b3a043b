//! No two files use one another, directly or by way of others.

use std::collections::{BTreeMap, BTreeSet};

use super::allowed;
use super::tree::Tree;

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

/// `allowed/cycles.txt` has each use that is part of a circle, as `FILE -> FILE`.
#[test]
fn there_is_no_circle_between_files() {
    let tree = Tree::shared();
    let edges = tree.edges();
    let circular = circular(&edges.iter().map(|edge| (edge.from, edge.to)).collect());
    let name = |at: usize| tree.sources[at].path.as_str();
    for edge in edges.iter().filter(|edge| circular.contains(&(edge.from, edge.to))) {
        // Seen when the test fails, or with `--nocapture`.
        println!("{} -> {} by {}", name(edge.from), name(edge.to), edge.path);
    }
    let found = circular.iter().map(|&(from, to)| format!("{} -> {}", name(from), name(to))).collect();
    allowed::check("cycles", &found, "these uses are part of a circle between files");
}
