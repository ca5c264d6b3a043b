//! Writes `TABLE.md`.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/TABLE.md");
    std::fs::write(path, oidc_proto_differential::table::markdown())
}
