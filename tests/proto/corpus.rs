//! Replays the fuzz targets' corpora, and every input that once crashed one.

use std::path::Path;

use crate::targets;

#[test]
fn every_corpus_file_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    for (name, _) in targets::TARGETS {
        let mut files = 0;
        for folder in ["corpus", "crashes"] {
            let Ok(entries) = std::fs::read_dir(root.join(folder).join(name)) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                println!("{}", path.display());
                targets::run(name, &std::fs::read(&path).unwrap());
                files += 1;
            }
        }
        assert!(files > 0, "{name} has no corpus");
    }
}
