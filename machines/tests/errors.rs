//! What the user reads when a machine file is wrong: each `errors/CASE.toml` gives `errors/CASE.txt`.
//!
//! `BLESS=1 cargo test -p machines --test errors` writes the texts anew.
#![allow(clippy::unwrap_used)]

mod common;

use machines::{BuildOptions, MachineSpec};
use std::path::Path;

fn options() -> BuildOptions {
    BuildOptions {
        seed: 0,
        catalogue: common::fake(),
    }
}

fn errors(name: &str, text: &str) -> String {
    let built = MachineSpec::from_text(name, text).and_then(|s| s.build(&options()).map(|_| ()));
    match built {
        Ok(()) => "no error\n".to_owned(),
        Err(e) => format!("{e}\n"),
    }
}

#[test]
fn every_case_gives_its_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors");
    let mut cases: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 20);
    let mut wrong = String::new();
    for case in cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        let got = errors(name, &std::fs::read_to_string(&case).unwrap());
        let text = case.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&text, &got).unwrap();
        }
        let expected = std::fs::read_to_string(&text).unwrap_or_default();
        if got != expected {
            wrong += &format!("{name} gives:\n{got}\nbut should give:\n{expected}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn colour_only_when_asked_for() {
    let e = MachineSpec::from_text("m.toml", "schema = 2\n").unwrap_err();
    assert!(!e.render(false).contains('\u{1b}'));
    assert!(e.render(true).contains('\u{1b}'));
    assert!(
        e.to_string()
            .starts_with("error: schema 2 is not known\n --> m.toml:1:10")
    );
}

#[test]
fn machines_that_do_not_exist() {
    let text = |name: &str| MachineSpec::load(name).unwrap_err().to_string();
    let unknown = text("stm32f407gv");
    assert!(unknown.contains("there is no machine `stm32f407gv`"));
    assert!(unknown.contains("did you mean `stm32f407vg`?"));
    assert!(unknown.contains("lm3s6965evb"));
    assert!(text("stm32f40x").contains("is a part of other machines, not a machine"));
    assert!(text("no/such.toml").contains("cannot read no/such.toml"));
}

#[test]
fn files_on_disk_are_laid_over_built_in_and_neighbouring_ones() {
    let folder = std::env::temp_dir().join(format!("machines-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
    write(
        "mine.toml",
        "schema = 1\nname = \"mine\"\nchip = \"stm32f407vg\"\nconsole = \"USART1\"\n",
    );
    write(
        "more.toml",
        "schema = 1\nname = \"more\"\nbase = \"mine.toml\"\n",
    );
    write(
        "circle.toml",
        "schema = 1\nname = \"circle\"\nbase = \"circle.toml\"\n",
    );
    let spec = MachineSpec::load(&path("more.toml")).unwrap();
    assert_eq!((spec.name(), spec.console()), ("more", Some("USART1")));
    let circle = MachineSpec::load(&path("circle.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        circle.contains("too many files are laid over each other"),
        "{circle}"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
