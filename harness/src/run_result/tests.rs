//! What is written fits the published schema: every field is described, every required one is there.

use super::*;
use emu_core::{Cycles, NoticeKind, Ratio};
use serde_json::Value;

fn example() -> RunResult {
    let texts = [PortText {
        channel: None,
        name: "USART2".to_owned(),
        bytes: 3,
        kept: b"hi\xFF".to_vec(),
    }];
    let input = HostInput {
        at: Cycles(9),
        port: 0,
        bytes: vec![0x0A, 0xFF],
    };
    let notice = Notice {
        kind: NoticeKind::StubRegister,
        what: "TIM9.CR1 (write 0x1)".to_owned(),
        pc: 0x0800_0100,
        at: Cycles(5),
        count: 2,
    };
    let segment = Segment {
        from: Cycles(0),
        start_as: 0,
        hz: Ratio::hz(16_000_000),
    };
    RunResult {
        schema: SCHEMA,
        tool: crate::TOOL.to_owned(),
        firmware: Firmware {
            path: "fw.elf".to_owned(),
            sha256: "0".repeat(64),
        },
        machine: Machine {
            name: "stm32f407".to_owned(),
            hash: "1".repeat(64),
        },
        settings: Settings {
            limit: Some("50 ms".to_owned()),
            stimuli: Some(StimuliFile {
                path: "in.toml".to_owned(),
                sha256: "3".repeat(64),
            }),
            ..Settings::default()
        },
        seed: 0,
        stop: Stop::new(&Outcome::Exit(3), false),
        cycles: 1680,
        instructions: 1000,
        time: Time::new(10_000_000_000_000),
        state_hash: "2".repeat(64),
        uarts: texts.iter().map(Uart::from).collect(),
        inputs: vec![Given::new(&input, &texts)],
        notices: vec![NoticeEntry::new(&notice, Some("main".to_owned()), None)],
        clock_segments: vec![ClockSegment::from(&segment)],
        ledger: Ledger::default(),
        profile: Some(crate::profile::ProfileResult {
            cycles: 1680,
            functions: Vec::new(),
            lines: Vec::new(),
            exceptions: Vec::new(),
            sleep: 1680,
            other: 0,
        }),
        capture: Some(Captured {
            path: "x.cap".to_owned(),
            records: 7,
        }),
        host: Host {
            wall_s: 0.5,
            more: BTreeMap::new(),
        },
    }
}

/// The part of JSON Schema that the published schema uses.
fn check(value: &Value, schema: &Value, at: &str) {
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{at}");
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        assert!(allowed.contains(value), "{at}: {value}");
    }
    if let Some(kind) = schema.get("type").and_then(Value::as_str) {
        let fits = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            other => panic!("{at}: the test does not know the type {other}"),
        };
        assert!(fits, "{at}: {value} is no {kind}");
    }
    for name in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = name.as_str().expect("name");
        assert!(value.get(name).is_some(), "{at}.{name} is missing");
    }
    for (name, v) in value.as_object().into_iter().flatten() {
        let property = schema.get("properties").and_then(|p| p.get(name));
        match property {
            Some(s) => check(v, s, &format!("{at}.{name}")),
            None => {
                let open = schema.get("additionalProperties") != Some(&Value::Bool(false));
                assert!(open, "{at}.{name} is not in the schema");
            }
        }
    }
    if let Some(items) = schema.get("items") {
        for (i, v) in value.as_array().into_iter().flatten().enumerate() {
            check(v, items, &format!("{at}[{i}]"));
        }
    }
}

#[test]
fn fits_the_schema() {
    let text = include_str!("../../schema/result.schema.json");
    let schema: Value = serde_json::from_str(text).expect("the schema is JSON");
    let value = serde_json::to_value(example()).expect("serialises");
    check(&value, &schema, "result");
    assert_eq!(value["uarts"][0]["text"], "hi\u{FFFD}");
    assert_eq!(value["inputs"][0]["hex"], "0aff");
    assert_eq!(value["time"]["ps"], "10000000");
    assert_eq!(value["stop"]["status"], 3);
}
