//! The JSON schema of bench files, for editors.

use super::BenchFile;

/// The schema as text, as it is committed in `schema/bench.schema.json`.
#[must_use]
pub fn text() -> String {
    let schema = schemars::schema_for!(BenchFile);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_current() {
        let committed = include_str!("../../schema/bench.schema.json");
        assert!(
            committed == super::text(),
            "harness/schema/bench.schema.json is stale: run `cargo xtask schema`"
        );
    }
}
