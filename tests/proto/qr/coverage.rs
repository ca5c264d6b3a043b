//! Codes that no test raises.

use std::path::Path;

use oidc_proto::ErrorCode;

/// Each code of a QR login stands in a test, here or beside the code that raises it.
#[test]
fn every_code_is_in_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = String::new();
    let mut left = vec![root.join("src/qr"), root.join("tests/proto/qr")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.ends_with("tests.rs") || path.starts_with(root.join("tests")) {
            tests.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    let is_raised =
        |code: &ErrorCode| tests.contains(&format!("ErrorCode::{}", code.as_str().replace('.', "_").to_uppercase()));
    let dead: Vec<_> =
        ErrorCode::all().filter(|code| code.as_str().starts_with("qr.")).filter(|code| !is_raised(code)).collect();
    assert!(dead.is_empty(), "{dead:?}");
}
