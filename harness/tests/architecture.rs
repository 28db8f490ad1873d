//! The arrows between the crates never turn round: `emu-core <- peripherals <- machines <- gdb, harness`.

mod metadata;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may depend on, of the workspace. Tools around the product are not restricted.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("emu-core", &[]),
    ("peripherals", &["emu-core"]),
    ("machines", &["emu-core", "peripherals"]),
    ("gdb", &["emu-core", "peripherals", "machines"]),
    ("harness", &["emu-core", "peripherals", "machines", "gdb"]),
];

fn text<'a>(v: &'a Value, key: &str) -> &'a str {
    v[key].as_str().expect(key)
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata::metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let local: BTreeMap<&str, &Value> = packages
        .iter()
        .filter(|p| p["source"].is_null())
        .map(|p| (text(p, "name"), p))
        .collect();
    for (name, allowed) in ALLOWED {
        let package = local.get(name).expect(name);
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        for d in dependencies {
            let to = text(d, "name");
            // Tests may look both ways: a peripheral may be tested on a whole machine.
            let tested = d["kind"] == "dev";
            assert!(
                !local.contains_key(to) || tested || allowed.contains(&to),
                "{name} must not depend on {to}"
            );
        }
    }
    let known: BTreeSet<&str> = ALLOWED
        .iter()
        .map(|(n, _)| *n)
        .chain(["benches", "xtask"])
        .collect();
    for name in local.keys() {
        assert!(
            known.contains(name),
            "{name} has no place in the architecture test"
        );
    }
}

#[test]
fn only_the_core_knows_unicorn() {
    let metadata = metadata::metadata();
    for p in metadata["packages"].as_array().expect("packages") {
        let name = text(p, "name");
        if !p["source"].is_null() || ["emu-core", "benches"].contains(&name) {
            continue;
        }
        for d in p["dependencies"].as_array().expect("dependencies") {
            let to = text(d, "name");
            assert!(!to.starts_with("unicorn"), "{name} must not depend on {to}");
        }
    }
}
