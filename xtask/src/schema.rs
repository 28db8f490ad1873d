//! `cargo xtask schema`: write the JSON schemas of machine files, stimuli files and bench files.

use anyhow::{Context, Result};
use std::path::Path;

/// Write them, each beside its file first and then over it.
pub fn write() -> Result<()> {
    write_one(
        "machines/schema/machine.schema.json",
        &machines::schema::text(),
    )?;
    write_one(
        "harness/schema/stimuli.schema.json",
        &harness::stimuli::schema::text(),
    )?;
    write_one(
        "harness/schema/bench.schema.json",
        &harness::bench::schema::text(),
    )
}

fn write_one(path: &str, text: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}
