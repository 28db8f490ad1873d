//! The JSON schema of stimuli files, for editors.

use super::Stimuli;

/// The schema as text, as it is committed in `schema/stimuli.schema.json`.
#[must_use]
pub fn text() -> String {
    let schema = schemars::schema_for!(Stimuli);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_schema_is_current() {
        let committed = include_str!("../../schema/stimuli.schema.json");
        assert!(
            committed == super::text(),
            "harness/schema/stimuli.schema.json is stale: run `cargo xtask schema`"
        );
    }
}
