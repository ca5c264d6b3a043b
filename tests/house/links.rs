//! Links of the README, which is read in the repository, on docs.rs and on crates.io.

/// A relative link is dead on docs.rs; a link of rustdoc is dead everywhere else.
#[test]
fn the_readme_links_to_nothing_that_only_one_reader_can_follow() {
    let readme = include_str!("../../README.md");
    let links = readme.match_indices("](").map(|(at, _)| &readme[at + 2..]);
    let dead: Vec<_> = links.filter(|link| !link.starts_with("https://")).map(|link| link.lines().next()).collect();
    assert!(dead.is_empty(), "{dead:?}");
}
