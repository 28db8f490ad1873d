//! The JSON schema of machine files, for editors.

use crate::file::MachineFile;

/// The schema as text, as it is committed in `schema/machine.schema.json`.
#[must_use]
pub fn text() -> String {
    let schema = schemars::schema_for!(MachineFile);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_current() {
        let committed = include_str!("../schema/machine.schema.json");
        assert!(
            committed == super::text(),
            "machines/schema/machine.schema.json is stale: run `cargo xtask schema`"
        );
    }
}
