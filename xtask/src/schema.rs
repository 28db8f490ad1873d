//! `cargo xtask schema`: write the JSON schemas of machine files and bench files.

use anyhow::{Context, Result};
use std::path::Path;

/// Write them, beside their files first and then over them.
pub fn write() -> Result<()> {
    let schemas = [
        (
            "machines/schema/machine.schema.json",
            machines::schema::text(),
        ),
        (
            "harness/schema/bench.schema.json",
            harness::bench::schema::text(),
        ),
    ];
    for (name, text) in schemas {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let beside = path.with_extension("tmp");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &path))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
