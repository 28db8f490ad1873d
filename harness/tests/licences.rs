//! Everything that goes into the binary is under a licence that `deny.toml` allows.
//!
//! The same rule as `cargo deny check licenses`, in a second instead of a quarter of an hour of
//! building it. What it takes at its word is the `license` field of each crate.

mod metadata;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

struct Rules {
    allow: BTreeSet<String>,
    exceptions: BTreeMap<String, BTreeSet<String>>,
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(metadata::root().join("deny.toml")).expect("deny.toml");
    let table: toml::Table = text.parse().expect("TOML");
    let list = |v: &toml::Value| -> BTreeSet<String> {
        let items = v.as_array().expect("a list").iter();
        items
            .map(|i| i.as_str().expect("text").to_owned())
            .collect()
    };
    let licenses = &table["licenses"];
    let exceptions = licenses["exceptions"].as_array().expect("a list").iter();
    Rules {
        allow: list(&licenses["allow"]),
        exceptions: exceptions
            .map(|e| {
                (
                    e["name"].as_str().expect("a name").to_owned(),
                    list(&e["allow"]),
                )
            })
            .collect(),
    }
}

/// Does an SPDX expression hold when these licences are allowed? `/` is an old spelling of OR.
fn holds(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let value = either(&tokens, &mut at, allowed)?;
    if at == tokens.len() {
        Ok(value)
    } else {
        Err(format!("`{expression}` is no SPDX expression"))
    }
}

fn either(t: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let mut value = both(t, at, allowed)?;
    while t.get(*at) == Some(&"OR") {
        *at += 1;
        value |= both(t, at, allowed)?;
    }
    Ok(value)
}

fn both(t: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let mut value = one(t, at, allowed)?;
    while t.get(*at) == Some(&"AND") {
        *at += 1;
        value &= one(t, at, allowed)?;
    }
    Ok(value)
}

fn one(t: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let token = *t.get(*at).ok_or("the expression ends early")?;
    *at += 1;
    if token == "(" {
        let value = either(t, at, allowed)?;
        if t.get(*at) != Some(&")") {
            return Err("a parenthesis is open".to_owned());
        }
        *at += 1;
        return Ok(value);
    }
    if t.get(*at) == Some(&"WITH") {
        let exception = *t.get(*at + 1).ok_or("WITH without an exception")?;
        *at += 2;
        return Ok(allowed(&format!("{token} WITH {exception}")));
    }
    Ok(allowed(token))
}

#[test]
fn expressions() {
    let mit = |l: &str| l == "MIT";
    for good in [
        "MIT",
        "MIT OR X",
        "Apache-2.0/MIT",
        "(X OR MIT) AND MIT",
        "X WITH Y OR MIT",
    ] {
        assert_eq!(holds(good, &mit), Ok(true), "{good}");
    }
    for bad in ["X", "MIT AND X", "(X OR Y) AND MIT", "MIT WITH Y"] {
        assert_eq!(holds(bad, &mit), Ok(false), "{bad}");
    }
    for broken in ["", "(MIT", "MIT MIT", "MIT OR"] {
        assert!(holds(broken, &mit).is_err(), "{broken}");
    }
}

#[test]
fn what_goes_into_the_binary_is_allowed() {
    let rules = rules();
    let metadata = metadata::metadata();
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        let items = list.as_array().expect("a list").iter();
        items
            .map(|i| (i["id"].as_str().expect("an id").to_owned(), i.clone()))
            .collect()
    };
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let binary = packages
        .iter()
        .find(|(_, p)| p["name"] == "harness" && p["source"].is_null());
    let mut todo = vec![binary.expect("the binary's package").0.clone()];
    let mut seen: BTreeSet<String> = todo.iter().cloned().collect();
    while let Some(id) = todo.pop() {
        for d in nodes[&id]["deps"].as_array().expect("deps") {
            let kinds = d["dep_kinds"].as_array().expect("kinds");
            let to = d["pkg"].as_str().expect("an id").to_owned();
            if kinds.iter().any(|k| k["kind"] != "dev") && seen.insert(to.clone()) {
                todo.push(to);
            }
        }
    }
    assert!(seen.len() > 50, "the graph was not followed");
    let mut wrong = Vec::new();
    for id in &seen {
        let p = &packages[id];
        let name = p["name"].as_str().expect("a name");
        let exception = rules.exceptions.get(name);
        let allowed = |l: &str| rules.allow.contains(l) || exception.is_some_and(|e| e.contains(l));
        let ok = match p["license"].as_str() {
            Some(expression) => holds(expression, &allowed),
            None => Err("it names no licence".to_owned()),
        };
        if ok != Ok(true) {
            wrong.push(format!(
                "{name}: {} {}",
                p["license"],
                ok.err().unwrap_or_default()
            ));
        }
        let source = p["source"].as_str();
        let registry = source
            .is_none_or(|s| s.starts_with("registry+https://github.com/rust-lang/crates.io-index"));
        if !registry {
            wrong.push(format!("{name}: comes from {}", source.unwrap_or_default()));
        }
    }
    println!("{} crates go into the binary", seen.len());
    assert!(
        wrong.is_empty(),
        "not allowed by deny.toml:\n{}",
        wrong.join("\n")
    );
}
