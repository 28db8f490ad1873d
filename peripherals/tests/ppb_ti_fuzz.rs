//! Whatever firmware writes, the devices of the private peripheral bus and of TI neither panic nor hang,
//! a debugger changes nothing, and a snapshot goes on as the original does.
#![allow(clippy::unwrap_used)]

use emu_core::cortex_m::{Architecture, System};
use emu_core::{Binding, Bus, ClockTree, Cycles, Ratio, ResetCause, Width};
use proptest::prelude::*;

/// Model, base, span that is accessed, parameters.
const DEVICES: [(&str, u32, u32, &str); 13] = [
    ("cortex_m.itm", 0xE000_0000, 0x1000, "attached = true"),
    ("cortex_m.dwt", 0xE000_1000, 0x80, ""),
    ("cortex_m.fpb", 0xE000_2000, 0x40, ""),
    ("cortex_m.systick", 0xE000_E000, 0x20, ""),
    ("cortex_m.nvic", 0xE000_E100, 0x400, ""),
    ("cortex_m.scs", 0xE000_ED00, 0x300, "icache_kib = 4"),
    ("cortex_m.tpiu", 0xE004_0000, 0x1000, ""),
    ("cortex_m.rom_table", 0xE00F_F000, 0x1000, ""),
    ("ti.uart", 0x4000_C000, 0x48, ""),
    ("ti.gpio", 0x4002_5000, 0x530, "port = 'F'\njtag = 1"),
    ("ti.gptm", 0x4003_0000, 0x50, ""),
    ("ti.sysctl", 0x400F_E000, 0x150, ""),
    (
        "stub.registers",
        0x4001_0000,
        0x10,
        "registers = [{ name = 'A', offset = 1, bits = 16 }]",
    ),
];

fn bus(architecture: Architecture) -> Bus {
    let mut system = System::new(architecture, 3, 60);
    system.cpuid = if system.is_v7m() {
        0x411F_C270
    } else {
        0x410C_C601
    };
    system.has_fpu = system.is_v7m();
    system.mpu.regions = 8;
    let mut clocks = ClockTree::new("SYSCLK", Ratio::hz(12_000_000));
    let core = clocks.core();
    let reference = clocks.add("ref", Ratio::hz(1_000_000));
    let mut bus = Bus::new(system, clocks);
    for (model, base, _, parameters) in DEVICES {
        let device = peripherals::create(model, parameters.parse().unwrap()).unwrap();
        let ports = device.ports();
        let clock = |name: &String| if name == "ref" { reference } else { core };
        let binding = Binding {
            name: model.to_owned(),
            base,
            size: if base == 0xE000_E000 { 0x100 } else { 0x1000 },
            irqs: (0..ports.irqs.len()).map(|i| Some(20 + i as u16)).collect(),
            clocks: ports.clocks.iter().map(clock).collect(),
            nets: ports.nets.iter().map(|n| Some(bus.nets.add(n))).collect(),
        };
        bus.add(binding, device);
    }
    bus.reset_devices(ResetCause::PowerOn);
    bus
}

#[derive(Clone, Debug)]
struct Op {
    wait: u64,
    address: u32,
    width: Width,
    write: Option<u32>,
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![
        3 => any::<u32>(),
        3 => 0u32..64,
        2 => (0u32..32).prop_map(|i| 1 << i),
        1 => prop_oneof![Just(0xC5AC_CE55u32), Just(0x05FA_0000), Just(0x1ACC_E551), Just(0x01CE_0380)],
    ];
    let width = prop_oneof![4 => Just(Width::Word), 1 => Just(Width::Half), 1 => Just(Width::Byte)];
    // Few cycles mostly: a random timer with a load value of zero has an event in each of them.
    let wait = prop_oneof![6 => 0u64..300, 1 => 0u64..20_000];
    (
        0..DEVICES.len(),
        any::<u32>(),
        width,
        prop::option::of(value),
        wait,
    )
        .prop_map(|(device, at, width, write, wait)| {
            let (_, base, span, _) = DEVICES[device];
            Op {
                wait,
                address: base + ((at % span) & !(width.bytes() - 1)),
                width,
                write,
            }
        })
}

fn apply(bus: &mut Bus, op: &Op) -> u32 {
    let at = bus.now + op.wait;
    bus.advance_to(at);
    match op.write {
        Some(value) => {
            bus.write(op.address, op.width, value).unwrap();
            0
        }
        None => bus.read(op.address, op.width).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_program_of_accesses(
        v7m in any::<bool>(),
        before in prop::collection::vec(op(), 1..60),
        after in prop::collection::vec(op(), 1..30),
    ) {
        let architecture = if v7m { Architecture::V7EM } else { Architecture::V6M };
        let mut first = bus(architecture);
        first.serial_in(0, b"x");
        first.serial_in(1, b"hello");
        for op in &before {
            apply(&mut first, op);
            let state = first.save_devices();
            let notices = first.notices.all().len();
            first.peek(op.address, op.width).unwrap();
            prop_assert_eq!(&state, &first.save_devices(), "a debugger's read left a trace");
            prop_assert_eq!(notices, first.notices.all().len());
        }
        let mut second = bus(architecture);
        second.load(&first.save()).unwrap();
        for op in &after {
            prop_assert_eq!(apply(&mut first, op), apply(&mut second, op));
        }
        prop_assert_eq!(first.save_devices(), second.save_devices());
        prop_assert_eq!(first.events.next_at(), second.events.next_at());
        let end = first.now + 1000;
        first.advance_to(Cycles(end.0));
        first.reset_devices(ResetCause::Software);
    }
}
