//! Lists of what is not yet in order. Each may only shrink.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Fails if anything was found that is not in `allowed/NAME.txt`, or if anything stands there that is in order by now.
///
/// `OIDC_PROTO_BLESS=1` takes out of the file what is in order. `OIDC_PROTO_BLESS=moved` writes it anew, after files were
/// renamed.
#[track_caller]
pub(crate) fn check(name: &str, found: &BTreeSet<String>, rule: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/house/allowed").join(name).with_extension("txt");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let allowed: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let write = |lines: &mut dyn Iterator<Item = &String>| {
        fs::write(&path, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    };
    let bless = std::env::var("OIDC_PROTO_BLESS").unwrap_or_default();
    if bless == "moved" {
        return write(&mut found.iter());
    }
    let new: Vec<_> = found.difference(&allowed).map(String::as_str).collect();
    assert!(new.is_empty(), "{rule}:\n{}", new.join("\n"));
    if bless == "1" {
        return write(&mut found.intersection(&allowed));
    }
    let gone: Vec<_> = allowed.difference(found).map(String::as_str).collect();
    assert!(
        gone.is_empty(),
        "this is in order: take it out of allowed/{name}.txt (OIDC_PROTO_BLESS=1 does)\n{}",
        gone.join("\n")
    );
}
