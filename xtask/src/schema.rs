//! `cargo xtask schema`: write the JSON schema of machine files.

use anyhow::{Context, Result};
use std::path::Path;

/// Write `machines/schema/machine.schema.json`, beside it first and then over it.
pub fn write() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../machines/schema/machine.schema.json");
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, machines::schema::text())
        .and_then(|()| std::fs::rename(&beside, &path))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}
