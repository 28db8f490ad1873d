//! Every built-in machine builds, and what is built is what its file says.
#![allow(clippy::unwrap_used)]

mod common;

use emu_core::memory::MemoryKind;
use emu_core::{Bus, Ratio, ResetCause, Width};
use machines::{BuildOptions, MachineSpec, list};

fn build(spec: &MachineSpec) -> Bus {
    let options = BuildOptions {
        seed: 7,
        catalogue: common::fake(),
    };
    match spec.build(&options) {
        Ok((_, bus)) => bus,
        Err(e) => panic!("{e}"),
    }
}

fn machine(name: &str) -> Bus {
    let spec = MachineSpec::load(name).unwrap_or_else(|e| panic!("{e}"));
    build(&spec)
}

#[test]
fn every_machine_builds_with_devices_of_the_agreed_ports() {
    for entry in list() {
        let bus = machine(&entry.name);
        assert!(bus.devices().count() > 3, "{}", entry.name);
    }
}

#[test]
fn every_machine_builds_with_the_real_devices() {
    let mut failures = String::new();
    for entry in list() {
        let spec = MachineSpec::load(&entry.name).unwrap_or_else(|e| panic!("{e}"));
        if let Err(e) = spec.build(&BuildOptions::default()) {
            failures += &format!("{}:\n{e}\n\n", entry.name);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn every_entry_of_the_built_in_files_says_where_it_is_from() {
    for entry in list() {
        let spec = MachineSpec::load(&entry.name).unwrap_or_else(|e| panic!("{e}"));
        let file = spec.file();
        macro_rules! sources {
            ($($list:ident),*) => {$(
                for e in &file.$list {
                    assert!(e.source.is_some(), "{}: {} has no source", entry.name, e.name.value);
                }
            )*};
        }
        sources!(
            clock, memory, alias, window, bit_band, bus, device, part, timing
        );
        assert!(
            file.core.source.is_some(),
            "{}: the core has no source",
            entry.name
        );
    }
}

#[test]
fn stm32f407_memory_map() {
    let mut bus = machine("stm32f407vg");
    let region = |bus: &Bus, a: u32| {
        bus.memory
            .region_at(a)
            .map(|r| (r.name.clone(), r.kind, r.guard.is_some()))
    };
    let flash = Some(("flash".to_owned(), MemoryKind::Flash, true));
    assert_eq!(region(&bus, 0x0800_0000), flash);
    assert_eq!(region(&bus, 0x080F_FFFF), flash);
    assert_eq!(region(&bus, 0x0000_0000), flash);
    assert_eq!(region(&bus, 0x0810_0000), None);
    assert_eq!(region(&bus, 0x2001_BFFF).unwrap().0, "sram1");
    assert_eq!(region(&bus, 0x2001_FFFF).unwrap().0, "sram2");
    assert_eq!(region(&bus, 0x2002_0000), None);
    assert_eq!(region(&bus, 0x1000_FFFF).unwrap().0, "ccm");
    assert_eq!(bus.memory_parameter("sram2.load_extra"), Some(1));
    // Bit 17 of the word at 0x2000_0000 through its alias.
    bus.write(0x2200_0000 + 17 * 4, Width::Word, 1).unwrap();
    assert_eq!(bus.read(0x2000_0000, Width::Word), Ok(1 << 17));
    // A hole between peripherals reads as zero, one outside every window is a bus error.
    assert_eq!(bus.read(0x4000_2400, Width::Word), Ok(0));
    assert!(bus.read(0x6000_0000, Width::Word).is_err());
}

#[test]
fn buses_and_what_they_cost() {
    let bus = machine("stm32f407vg");
    let all: Vec<_> = bus
        .bridges()
        .map(|b| (b.name.as_str(), b.base, b.size, b.read, b.write, b.posted))
        .collect();
    assert_eq!(
        all,
        [
            ("apb1", 0x4000_0000, 0x8000, 2, 2, true),
            ("apb2", 0x4001_0000, 0x6000, 2, 2, true)
        ]
    );
    let pclk1 = bus.clocks.find("PCLK1").unwrap();
    assert_eq!(bus.bridges().next().unwrap().clock, pclk1);
    assert_eq!(bus.io_port(), None);
    // The CCM is on the data bus of the core alone.
    assert!(bus.memory.region_at(0x1000_0000).unwrap().data_only);
    assert!(!bus.memory.region_at(0x2000_0000).unwrap().data_only);

    let bus = machine("rp2040");
    let apb = bus.bridges().next().unwrap();
    assert_eq!((apb.read, apb.write, apb.posted), (3, 4, false));
    assert_eq!(bus.io_port(), Some((0xD000_0000, 0x1000)));
}

#[test]
fn caches_of_chips_without_devices() {
    // Bytes, lines and sets of the instruction cache, and whether data goes through it.
    for (name, line, lines, sets, unified) in [
        ("rp2040", 8, 2048, 1024, Some(1)),
        ("nrf52840", 16, 128, 64, None),
        ("samd21g18", 8, 8, 8, Some(1)),
        ("samd51j19", 16, 256, 64, Some(1)),
    ] {
        let bus = machine(name);
        let get = |p: &str| bus.memory_parameter(&format!("flash.{p}"));
        assert_eq!(get("line_bytes"), Some(line), "{name}");
        assert_eq!(get("icache_lines"), Some(lines), "{name}");
        assert_eq!(get("icache_sets"), Some(sets), "{name}");
        assert_eq!(get("unified"), unified, "{name}");
        let spec = MachineSpec::load(name).unwrap();
        assert!(spec.summary().contains("core and memories only"), "{name}");
    }
}

#[test]
fn the_blue_pill_is_a_smaller_stm32f103() {
    let region = |bus: &Bus, at: u32| bus.memory.region_at(at).map(|r| r.name.clone());
    let bus = machine("bluepill");
    assert_eq!(region(&bus, 0x0800_FFFF).unwrap(), "flash");
    assert_eq!(region(&bus, 0x0801_0000), None);
    assert_eq!(region(&bus, 0x2000_4FFF).unwrap(), "sram");
    let bus = machine("stm32f103xb");
    assert_eq!(region(&bus, 0x0801_FFFF).unwrap(), "flash");
}

#[test]
fn stm32f407_core_and_clocks() {
    let bus = machine("stm32f407vg");
    let s = &bus.system;
    assert_eq!(
        (s.priority_bits, s.irq_count, s.cpuid),
        (4, 82, 0x410F_C241)
    );
    assert!(s.has_fpu);
    assert_eq!(s.mpu.rbar.len(), 8);
    assert_eq!(bus.clocks.hz(bus.clocks.core()), Ratio::hz(16_000_000));
    let eighth = bus.clocks.find("HCLK/8").unwrap();
    assert_eq!(bus.clocks.per_core_cycle(eighth), Ratio::new(1, 8));
    let systick = bus.devices().find(|(_, b)| b.name == "SysTick").unwrap().1;
    assert_eq!(systick.clocks, [bus.clocks.core(), eighth]);
    assert_eq!(systick.base, 0xE000_E000);
}

#[test]
fn interrupts_and_clocks_are_bound() {
    let bus = machine("stm32f407vg");
    let find = |name: &str| bus.devices().find(|(_, b)| b.name == name).unwrap().1;
    assert_eq!(find("USART2").irqs, [Some(16 + 38)]);
    assert_eq!(find("USART2").clocks, [bus.clocks.find("PCLK1").unwrap()]);
    assert_eq!(find("TIM1").irqs, [24, 25, 26, 27].map(|n| Some(16 + n)));
    assert_eq!(find("TIM1").clocks, [bus.clocks.find("TIMCLK2").unwrap()]);
    assert_eq!(find("IWDG").clocks, [bus.clocks.find("LSI").unwrap()]);
    // EXTI sees the pins that exist, and no others.
    let nets = &find("EXTI").nets;
    assert_eq!(nets[0], bus.nets.find("PA0"));
    assert_eq!(nets[8 * 16 + 12], None, "there is no PI12");
}

#[test]
fn alternate_functions_dma_requests_and_resets_are_wired() {
    let mut bus = machine("stm32f407vg");
    bus.reset_devices(ResetCause::PowerOn);
    // USART2.TX (output 0) reaches PA2.AF7, input 2·16 + 7 of GPIOA.
    bus.write(0x4000_4400, Width::Word, 1).unwrap();
    assert_eq!(bus.read(0x4002_0000 + 4 * (2 * 16 + 7), Width::Word), Ok(1));
    // PA3.AF7 (output 3·16 + 7 of GPIOA) reaches USART2.RX (input 0).
    bus.write(0x4002_0000 + 4 * (3 * 16 + 7), Width::Word, 1)
        .unwrap();
    assert_eq!(bus.read(0x4000_4400, Width::Word), Ok(1));
    // USART2.dma_tx (output 2) is the request of DMA1 stream 6 channel 4.
    bus.write(0x4000_4408, Width::Word, 1).unwrap();
    assert_eq!(bus.read(0x4002_6000 + 4 * (6 * 8 + 4), Width::Word), Ok(1));
    // RCC.APB1RSTR.17 (output 3·32 + 17) resets USART2 once more.
    assert_eq!(bus.read(0x4000_44FC, Width::Word), Ok(1));
    bus.write(0x4002_3800 + 4 * (3 * 32 + 17), Width::Word, 1)
        .unwrap();
    assert_eq!(bus.read(0x4000_44FC, Width::Word), Ok(2));
    assert_eq!(
        bus.read(0x4000_48FC, Width::Word),
        Ok(1),
        "USART3 is left alone"
    );
}

#[test]
fn boards_bind_their_parts_and_names() {
    let spec = MachineSpec::load("stm32f4discovery").unwrap();
    assert_eq!(spec.console(), Some("USART2"));
    assert_eq!(spec.net("LED_GREEN"), "PD12");
    assert_eq!(spec.net("PD12"), "PD12");
    assert_eq!(spec.interrupt_name(38), Some("USART2"));
    let bus = build(&spec);
    let part = bus.devices().find(|(_, b)| b.name == "LD4").unwrap().1;
    assert_eq!(part.nets, [bus.nets.find("PD12")]);
    assert_eq!((part.base, part.size), (0, 0));

    let spec = MachineSpec::load("netduinoplus2").unwrap();
    let bus = build(&spec);
    let hse = bus.clocks.find("HSE").unwrap();
    assert_eq!(bus.clocks.hz(hse), Ratio::hz(25_000_000));
    assert!(
        bus.find("ETH_MAC").is_none(),
        "the STM32F405 has no Ethernet"
    );
}

#[test]
fn lm3s6965_and_bare_cores() {
    let bus = machine("lm3s6965evb");
    let find = |name: &str| bus.devices().find(|(_, b)| b.name == name).unwrap().1;
    assert_eq!(find("UART0").irqs, [Some(16 + 5)]);
    assert_eq!(find("UART2").irqs, [Some(16 + 33)]);
    assert_eq!(bus.memory.region_at(0x3_FFFF).unwrap().name, "flash");
    assert!(bus.memory.region_at(0x4_0000).is_none());
    assert_eq!(bus.clocks.hz(bus.clocks.core()), Ratio::hz(12_000_000));

    for (name, irqs, bits) in [
        ("cortex-m0", 32, 2),
        ("cortex-m0plus", 32, 2),
        ("cortex-m3", 240, 4),
    ] {
        let mut bus = machine(name);
        assert_eq!(
            (bus.system.irq_count, bus.system.priority_bits),
            (irqs, bits)
        );
        assert_eq!(bus.bit_bands().is_empty(), name != "cortex-m3");
        bus.program(0x0800_0000, &[1, 2, 3, 4]).unwrap();
        assert_eq!(bus.read(0, Width::Word), Ok(0x0403_0201));
    }
}

#[test]
fn bare_riscv_cores_have_lines_and_a_place_to_start() {
    for name in ["e31", "rv32", "bumblebee"] {
        let spec = MachineSpec::load(name).unwrap();
        assert!(spec.core().is_riscv());
        let mut bus = machine(name);
        assert_eq!(bus.reset_vector, 0x2000_0000);
        assert_eq!(bus.lines.as_ref().map(|l| l.levels()), Some(0));
        assert!(bus.memory.region_at(0x8000_0000).is_some());
        let clint = bus.find("CLINT").unwrap();
        assert_eq!(bus.device_at(0x0200_BFF8), Some((clint, 0xBFF8)));
        assert!(bus.read(0x4000_0000, Width::Word).is_err(), "nothing there");
    }
    assert!(machine("cortex-m3").lines.is_none());
}
