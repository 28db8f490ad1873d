//! Whatever firmware writes, no model panics, hangs or reads differently for a debugger.
#![allow(clippy::unwrap_used)]

mod tim_rig;

use emu_core::{Cycles, Ratio, Width};
use proptest::prelude::*;
use tim_rig::{PROBE, RAM, Rig};

const TIM1: u32 = 0x4001_0000;
const TIM2: u32 = 0x4000_0000;
const DMA: u32 = 0x4002_6400;
const IWDG: u32 = 0x4000_3000;
const WWDG: u32 = 0x4000_2C00;

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        2 => any::<u32>(),
        2 => 0u32..256,
        1 => (0u32..32).prop_map(|i| 1 << i),
        1 => prop_oneof![Just(RAM), Just(PROBE), Just(TIM1 + 0x4C), Just(DMA + 0x10)],
        1 => prop_oneof![Just(0x5555u32), Just(0xAAAA), Just(0xCCCC)],
    ]
}

fn access() -> impl Strategy<Value = (u32, u32, Width)> {
    let base = prop_oneof![
        Just(TIM1),
        Just(TIM2),
        Just(DMA),
        Just(IWDG),
        Just(WWDG),
        Just(PROBE)
    ];
    let width = prop_oneof![6 => Just(Width::Word), 1 => Just(Width::Half), 1 => Just(Width::Byte)];
    (base, 0u32..0x34, value(), width).prop_map(|(base, word, value, width)| {
        let span = if base == PROBE { 16 } else { 0x34 };
        (base + 4 * (word % span), value, width)
    })
}

fn rig() -> Rig {
    let mut r = Rig::new(168_000_000, 84_000_000);
    let tim1 = r.add("stm32.tim", "kind = 'advanced'", TIM1, 40);
    let tim2 = r.add("stm32.tim", "width = 32", TIM2, 50);
    let dma = r.add("stm32.dma.v2", "memory_to_memory = true", DMA, 60);
    r.add("stm32.iwdg", "", IWDG, 80);
    r.add("stm32.wwdg", "", WWDG, 81);
    for i in 0..4 {
        r.bus.connect(tim1, i, r.probe, i);
        r.bus.connect(tim1, i, tim2, i);
        r.bus.connect(tim1, 6 + i, dma, 8 * i);
    }
    for i in 0..10 {
        r.bus.connect(r.probe, i, tim1, i);
    }
    r.bus.connect(tim1, 4, tim2, 5);
    r.bus.connect(tim2, 4, tim1, 6);
    r.bus.connect(tim1, 5, dma, 40);
    r.start();
    r
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_program_of_accesses(ops in proptest::collection::vec((0u64..5000, access()), 1..80)) {
        let mut r = rig();
        for (wait, (address, value, width)) in ops {
            let at = r.bus.now + wait;
            r.bus.advance_to(at);
            let _ = r.bus.write(address, width, value);
            let aligned = address & !3;
            if aligned != TIM1 + 0x4C && aligned < PROBE {
                let seen = r.bus.peek(address, width);
                prop_assert_eq!(seen, r.bus.read(address, width));
            }
        }
        let saved = r.bus.save_devices();
        r.bus.load_devices(&saved).unwrap();
    }

    #[test]
    fn a_timer_alone_over_long_times(
        ops in proptest::collection::vec((0u64..1 << 45, 0u32..0x15, value()), 1..40),
        hz in 1u64..200_000_000,
    ) {
        let mut r = Rig::new(168_000_000, hz);
        r.add("stm32.tim", "width = 32", TIM2, 50);
        r.start();
        let mut hz = hz;
        for (wait, word, value) in ops {
            let at = Cycles(r.bus.now.0 + wait);
            r.bus.advance_to(at);
            if value % 16 == 0 {
                hz = hz % 1_000_003 * 168 + 1;
                let ker = r.bus.clocks.find("ker").unwrap();
                r.bus.clocks.set_hz(ker, Ratio::hz(hz), at);
            }
            r.write(TIM2 + 4 * word, value);
            r.read(TIM2 + 0x24);
        }
    }
}
