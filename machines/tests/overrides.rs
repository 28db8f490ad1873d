//! `--set`: what can be set, what it does, and how it fails.
#![allow(clippy::unwrap_used)]

mod common;

use emu_core::{Bus, Ratio};
use machines::{BuildOptions, MachineSpec};

fn spec(overrides: &[&str]) -> MachineSpec {
    let mut spec = MachineSpec::load("stm32f407vg").unwrap();
    for o in overrides {
        spec.set(o).unwrap_or_else(|e| panic!("{e}"));
    }
    spec
}

fn build(overrides: &[&str]) -> Bus {
    let options = BuildOptions {
        seed: 0,
        catalogue: common::fake(),
    };
    let (_, bus) = spec(overrides)
        .build(&options)
        .unwrap_or_else(|e| panic!("{e}"));
    bus
}

#[test]
fn a_timing_parameter_that_is_set_is_pinned() {
    let mut bus = build(&[]);
    bus.set_memory_parameter("flash.wait_states", 3);
    assert_eq!(bus.memory_parameter("flash.wait_states"), Some(3));
    for path in [
        "flash.wait_states",
        "timing.flash.wait_states",
        "timing.flash.wait_states.value",
    ] {
        let mut bus = build(&[&format!("{path}=5")]);
        bus.set_memory_parameter("flash.wait_states", 3);
        assert_eq!(bus.memory_parameter("flash.wait_states"), Some(5), "{path}");
    }
}

#[test]
fn buses_and_regions() {
    for set in ["bus.apb1.read=7", "apb1.read=7"] {
        let bus = build(&[set]);
        let apb1 = bus.bridges().next().unwrap();
        assert_eq!((apb1.read, apb1.write), (7, 2), "{set}");
    }
    let bus = build(&["bus.apb2.posted=false", "bus.apb2.clock=\"PCLK1\""]);
    let apb2 = bus.bridges().nth(1).unwrap();
    assert!(!apb2.posted);
    assert_eq!(Some(apb2.clock), bus.clocks.find("PCLK1"));
    let bus = build(&["memory.sram2.load_extra=0", "memory.ccm.execute=true"]);
    assert_eq!(bus.memory_parameter("sram2.load_extra"), Some(0));
    assert!(!bus.memory.region_at(0x1000_0000).unwrap().data_only);
    let bus = build(&["bus.dma_steals=1"]);
    assert_eq!(bus.memory_parameter("bus.dma_steals"), Some(1));
    for wrong in ["bus.apb1.clock=\"PCLK9\"", "bus.apb1.read=1001"] {
        let spec = spec(&[wrong]);
        let options = BuildOptions {
            seed: 0,
            catalogue: common::fake(),
        };
        assert!(spec.build(&options).is_err(), "{wrong}");
    }
}

#[test]
fn clocks_memories_and_devices() {
    for set in [
        "HSE=25MHz",
        "clock.HSE.hz=25_000_000",
        "HSE.hz = \"25 MHz\"",
    ] {
        let bus = build(&[set]);
        let hse = bus.clocks.find("HSE").unwrap();
        assert_eq!(bus.clocks.hz(hse), Ratio::hz(25_000_000), "{set}");
    }
    let bus = build(&[
        "ccm.size=32K",
        "device.USART2.irq.event=5",
        "USART3.base=0x40006000",
    ]);
    assert!(bus.memory.region_at(0x1000_8000).is_none());
    let find = |name: &str| bus.devices().find(|(_, b)| b.name == name).unwrap().1;
    assert_eq!(find("USART2").irqs, [Some(21)]);
    assert_eq!(find("USART3").base, 0x4000_6000);
    let s = spec(&[
        "TIM2.width=16",
        "device.TIM2.params.kind=basic",
        "core.priority_bits=3",
    ]);
    let tim2 = s
        .file()
        .device
        .iter()
        .find(|d| d.name.value == "TIM2")
        .unwrap();
    assert_eq!(tim2.params["width"].value, toml::Value::Integer(16));
    assert_eq!(
        tim2.params["kind"].value,
        toml::Value::String("basic".to_owned())
    );
    assert_eq!(
        (
            s.name(),
            s.file().core.priority_bits.as_ref().unwrap().value
        ),
        ("stm32f407vg", 3)
    );
}

#[test]
fn what_cannot_be_set_says_why() {
    let fails = |set: &str| spec(&[]).set(set).unwrap_err().to_string();
    let text = fails("flash.wait_state=5");
    assert!(
        text.contains("there is nothing called `flash.wait_state`"),
        "{text}"
    );
    assert!(text.contains("did you mean `flash.wait_states`?"), "{text}");
    assert!(fails("x").contains("is not an assignment"));
    assert!(fails("=").contains("there is nothing called ``"));
    assert_eq!(
        fails("clock.HSE.hz=fast").trim_end(),
        "error: this value cannot be set\n \
         --> --set clock.HSE.hz=fast:2:6\n  \
           |\n\
         2 | hz = \"fast\"\n  \
           |      ^^^^^^ invalid value: string \"fast\", expected a number or a text such as \
         \"25 MHz\" or \"32.768 kHz\""
    );
    assert!(fails("core.irqz=3").contains("did you mean `irqs`?"));
    assert!(fails("clock.HSX.hz=3").contains("there is nothing called `clock.HSX.hz`"));
}

#[test]
fn the_hash_is_of_what_counts() {
    let hash = |overrides: &[&str]| spec(overrides).hash();
    assert_eq!(hash(&[]), hash(&[]));
    assert_ne!(hash(&[]), hash(&["flash.wait_states=5"]));
    assert_ne!(
        hash(&[]),
        hash(&["flash.wait_states=0"]),
        "pinned is not the same"
    );
    assert_ne!(hash(&["HSE=25MHz"]), hash(&["HSE=26MHz"]));
    assert_eq!(hash(&["HSE=25MHz"]), hash(&["clock.HSE.hz=25000000"]));
    let m = |extra: &str| {
        let text = format!("schema = 1\nname = \"m\"\nchip = \"stm32f407vg\"\n{extra}");
        MachineSpec::from_text("m.toml", &text).unwrap().hash()
    };
    assert_eq!(m(""), m("summary = \"other words\"\n"));
    assert_ne!(m(""), m("console = \"USART1\"\n"));
}

#[test]
fn timing_parameters_of_the_core_stand_beside_its_own_values() {
    let mut spec = machines::MachineSpec::load("cortex-m0").unwrap();
    spec.set("core.slow_multiplier=1").unwrap();
    spec.set("core.irqs=8").unwrap();
    let (_, bus) = spec.build(&machines::BuildOptions::default()).unwrap();
    assert_eq!(bus.memory_parameter("core.slow_multiplier"), Some(1));
    assert_eq!(bus.system.irq_count, 8);
}
