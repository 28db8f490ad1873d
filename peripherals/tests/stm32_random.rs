//! Random accesses to every STM32 device on one bus: no panic, the same run twice gives the same
//! states, and a state that is loaded is the state that was saved.

#![allow(clippy::unwrap_used)]

mod stm32_bench;

use emu_core::memory::MemoryKind;
use emu_core::{Bus, Drive, ResetCause, Width};
use stm32_bench::*;

const DEVICES: &[(&str, &str, &str, u32)] = &[
    ("RCC", "stm32.rcc.f4", "lse_startup_ns = 5000", 0x4002_3800),
    ("FLASH", "stm32.flash.f4", "sectors = [16, 16]", 0x4002_3C00),
    ("PWR", "stm32.pwr.f4", "vos_ready_ns = 500", 0x4000_7000),
    ("GPIOA", "stm32.gpio.v2", "port = \"A\"", 0x4002_0000),
    (
        "GPIOB",
        "stm32.gpio.v2",
        "port = \"B\"\nbrr = true",
        0x4002_0400,
    ),
    ("USART2", "stm32.usart.v1", "", 0x4000_4400),
    ("USART3", "stm32.usart.v1", "no_setup = true", 0x4000_4800),
    ("EXTI", "stm32.exti", "", 0x4001_3C00),
    ("SYSCFG", "stm32.syscfg.f4", "", 0x4001_3800),
    ("RNG", "stm32.rng", "", 0x5006_0800),
    ("CRC", "stm32.crc", "", 0x4002_3000),
    ("UID", "stm32.uid", "", 0x1FFF_7A10),
    ("DBGMCU", "stm32.dbgmcu", "", 0xE004_2000),
];

fn machine() -> Bus {
    let mut b = bus();
    for port in ['A', 'B'] {
        for pin in 0..16 {
            b.nets.add(&format!("P{port}{pin}"));
        }
    }
    b.memory
        .add("flash", MemoryKind::Flash, 0x0800_0000, 32 * 1024);
    for (name, model, params, base) in DEVICES {
        add(&mut b, name, model, params, *base);
    }
    let id = |b: &Bus, name| b.find(name).unwrap();
    let (flash, usart, gpio) = (id(&b, "FLASH"), id(&b, "USART2"), id(&b, "GPIOA"));
    b.memory.set_guard("flash", flash);
    for af in 0..16 {
        b.connect(usart, 0, gpio, 2 * 16 + af);
        b.connect(gpio, 3 * 16 + af, usart, 0);
    }
    let (syscfg, exti) = (id(&b, "SYSCFG"), id(&b, "EXTI"));
    for i in 0..4 {
        b.connect(syscfg, i, exti, i);
    }
    let (pwr, rcc) = (id(&b, "PWR"), id(&b, "RCC"));
    b.connect(pwr, 0, rcc, 0);
    reset(&mut b);
    b
}

struct Random(u64);

impl Random {
    fn next(&mut self, below: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(below)) as u32
    }

    /// Mostly single bits and small numbers, sometimes anything.
    fn value(&mut self) -> u32 {
        match self.next(4) {
            0 => self.next(u32::MAX),
            1 => self.next(1024),
            2 => 1 << self.next(32),
            _ => !(1 << self.next(32)),
        }
    }
}

fn step(b: &mut Bus, rnd: &mut Random) {
    let (_, _, _, base) = DEVICES[rnd.next(DEVICES.len() as u32) as usize];
    let width = [Width::Byte, Width::Half, Width::Word][rnd.next(3) as usize];
    let address = base + (rnd.next(0x100) & !(width.bytes() - 1));
    match rnd.next(20) {
        0..=8 => b.write(address, width, rnd.value()).unwrap(),
        9..=12 => {
            b.read(address, width).unwrap();
        }
        13 => {
            // A setting that does something: PLL, baud rate, modes.
            let set = [
                (0x4002_3800, 0x0101_0083),
                (0x4002_3808, 2),
                (0x4000_4408, 0x10 + rnd.next(300)),
                (0x4000_440C, 0x202C | rnd.next(0x10000)),
                (0x4002_0000, 0xA800_00A0),
                (0x5006_0800, 4),
                (0x4002_3C04, 0x4567_0123),
                (0x4002_3C04, 0xCDEF_89AB),
            ];
            let (address, value) = set[rnd.next(set.len() as u32) as usize];
            w(b, address, value);
        }
        14 => {
            let net = b
                .nets
                .find(["PA3", "PA0", "PB7"][rnd.next(3) as usize])
                .unwrap();
            let d = [Drive::High, Drive::Low, Drive::Float][rnd.next(3) as usize];
            b.drive_external(net, d);
        }
        15 => b.serial_in(rnd.next(2) as u8, &[rnd.next(256) as u8, 1]),
        16 => drop(b.write(0x0800_0000 + rnd.next(32 * 1024), width, rnd.value())),
        17 if rnd.next(50) == 0 => b.reset_devices(ResetCause::Software),
        _ => {
            let n = rnd.next(5000);
            wait(b, n.into());
        }
    }
}

#[test]
fn random_accesses() {
    for seed in 0..24 {
        let (mut a, mut b) = (machine(), machine());
        let (mut ra, mut rb) = (Random(seed), Random(seed));
        for i in 0..8000 {
            step(&mut a, &mut ra);
            step(&mut b, &mut rb);
            if i % 500 == 0 {
                let states = a.save_devices();
                assert_eq!(states, b.save_devices(), "seed {seed}, step {i}");
                b.load_devices(&states).unwrap();
                assert_eq!(states, b.save_devices());
            }
        }
        assert_eq!(a.take_sent(0), b.take_sent(0));
        assert!(
            a.notices.all().iter().all(|n| !n.what.contains("settle")),
            "signals must settle"
        );
    }
}
