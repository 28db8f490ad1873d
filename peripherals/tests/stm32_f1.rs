//! What STM32F1 has of its own: RCC, flash interface, GPIO with CRL and CRH, AFIO.

#![allow(clippy::unwrap_used)]

mod stm32_bench;

use emu_core::memory::MemoryKind;
use emu_core::{Bus, DeviceId, Drive, Driver, ResetCause, Width};
use stm32_bench::*;

const RCC: u32 = 0x4002_1000;
const CR: u32 = RCC;
const CFGR: u32 = RCC + 0x04;
const FLASH: u32 = 0x4002_2000;
const ACR: u32 = FLASH;
const KEYR: u32 = FLASH + 0x04;
const SR: u32 = FLASH + 0x0C;
const FCR: u32 = FLASH + 0x10;
const AR: u32 = FLASH + 0x14;
const BASE: u32 = 0x0800_0000;
const AFIO: u32 = 0x4001_0000;
const A: u32 = 0x4001_0800;
const B: u32 = 0x4001_0C00;
const CRL: u32 = 0x00;
const CRH: u32 = 0x04;
const IDR: u32 = 0x08;
const ODR: u32 = 0x0C;
const BSRR: u32 = 0x10;
const BRR: u32 = 0x14;
const LCKR: u32 = 0x18;
const LOG: u32 = 0x5000_0000;

// ----- RCC -----

fn rcc() -> Bus {
    let mut b = bus();
    add(&mut b, "RCC", "stm32.rcc.f1", "", RCC);
    reset(&mut b);
    b
}

#[test]
fn rcc_reset_values() {
    let mut b = rcc();
    // RM0008 §7.3; HSICAL reads zero here.
    for (offset, value) in [
        (0x00, 0x83),
        (0x04, 0),
        (0x08, 0),
        (0x0C, 0),
        (0x10, 0),
        (0x14, 0x14),
        (0x18, 0),
        (0x1C, 0),
        (0x20, 0),
        (0x24, 0x0C00_0000),
    ] {
        assert_eq!(r(&mut b, RCC + offset), value, "{offset:#x}");
    }
    assert_eq!(hz(&b, "HCLK"), 8_000_000);
    assert_eq!(b.register_name(RCC + 0x18), "RCC.APB2ENR");
}

#[test]
fn boot_to_72_mhz() {
    let mut b = rcc();
    w(&mut b, CR, 0x0001_0083);
    let ready = when(&mut b, CR, 1 << 17, 20_000);
    assert_eq!(ready, 16_000, "HSE: 2 ms at 8 MHz");
    w(&mut b, CFGR, 1 << 16 | 7 << 18 | 4 << 8);
    w(&mut b, CR, 0x0101_0083);
    let locked = when(&mut b, CR, 1 << 25, 2_000);
    assert_eq!(locked - ready, 1_600, "PLL: 200 us at 8 MHz");
    let cfgr = r(&mut b, CFGR);
    w(&mut b, CFGR, cfgr | 2);
    assert_eq!(r(&mut b, CFGR) >> 2 & 3, 2, "SWS");
    for (clock, mhz) in [
        ("SYSCLK", 72),
        ("HCLK", 72),
        ("PCLK1", 36),
        ("PCLK2", 72),
        ("TIMCLK1", 72),
        ("TIMCLK2", 72),
        ("USBCLK", 48),
    ] {
        assert_eq!(hz(&b, clock), mhz * 1_000_000, "{clock}");
    }
    assert!(b.notices.all().is_empty());
    // The PLL's fields are frozen while it is on, and its source cannot go.
    w(&mut b, CFGR, 1 << 16 | 2 << 18 | 4 << 8 | 2);
    assert!(misused(&b, "PLLMUL"));
    assert_eq!(hz(&b, "HCLK"), 72_000_000);
    w(&mut b, CR, 0x0100_0083);
    assert!(misused(&b, "cannot be switched off"));
}

#[test]
fn pclk1_above_36_mhz_is_told() {
    let mut b = rcc();
    w(&mut b, CR, 0x0001_0083);
    when(&mut b, CR, 1 << 17, 20_000);
    w(&mut b, CFGR, 1 << 16 | 7 << 18);
    w(&mut b, CR, 0x0101_0083);
    when(&mut b, CR, 1 << 25, 2_000);
    w(&mut b, CFGR, 1 << 16 | 7 << 18 | 2);
    assert!(misused(&b, "PCLK1 is above its limit"));
}

#[test]
fn reset_registers_and_flags() {
    let mut b = bus();
    let id = add(&mut b, "RCC", "stm32.rcc.f1", "", RCC);
    let line = output("stm32.rcc.f1", "", "APB2RSTR.14");
    record(&mut b, id, line, LOG);
    reset(&mut b);
    w(&mut b, RCC + 0x0C, 1 << 14);
    w(&mut b, RCC + 0x0C, 0);
    let values: Vec<u32> = recorded(&mut b, LOG).iter().map(|e| e.0).collect();
    assert_eq!(values, [1, 0], "USART1");
    b.reset_devices(ResetCause::IndependentWatchdog);
    assert_eq!(r(&mut b, RCC + 0x24) >> 24, 0x2C);
    w(&mut b, RCC + 0x24, 1 << 24);
    assert_eq!(r(&mut b, RCC + 0x24), 0);
}

// ----- flash -----

fn flash() -> Bus {
    let mut b = bus();
    b.memory.add("flash", MemoryKind::Flash, BASE, 0x1_0000);
    let id = add(&mut b, "FLASH", "stm32.flash.f1", "", FLASH);
    b.memory.set_guard("flash", id);
    reset(&mut b);
    b
}

fn unlock(b: &mut Bus) {
    w(b, KEYR, 0x4567_0123);
    w(b, KEYR, 0xCDEF_89AB);
}

#[test]
fn latency_and_prefetch_are_timing_parameters() {
    let mut b = flash();
    assert_eq!(r(&mut b, ACR), 0x30, "PRFTBE and PRFTBS");
    assert_eq!(b.memory_parameter("flash.prefetch"), Some(1));
    w(&mut b, ACR, 2);
    assert_eq!(r(&mut b, ACR), 2);
    assert_eq!(b.memory_parameter("flash.wait_states"), Some(2));
    assert_eq!(b.memory_parameter("flash.prefetch"), Some(0));
    assert!(b.notices.all().is_empty());
}

#[test]
fn a_latency_too_low_for_sysclk_is_told() {
    let mut b = flash();
    let sysclk = b.clocks.find("SYSCLK").unwrap();
    let now = b.now;
    b.clocks
        .set_hz(sysclk, emu_core::Ratio::hz(72_000_000), now);
    w(&mut b, ACR, 0x11);
    assert!(misused(&b, "LATENCY is too low"));
}

#[test]
fn half_words_are_programmed_and_pages_erased() {
    let mut b = flash();
    assert_eq!(r(&mut b, FCR), 0x80, "locked");
    unlock(&mut b);
    assert_eq!(r(&mut b, FCR), 0);
    w(&mut b, FCR, 1); // PG
    b.write(BASE + 0x402, Width::Half, 0x1234).unwrap();
    assert_eq!(r(&mut b, SR) & 1, 1, "BSY");
    wait(&mut b, 840); // 52.5 us at 16 MHz
    assert_eq!(r(&mut b, SR), 0x20, "EOP");
    w(&mut b, SR, 0x20);
    assert_eq!(r(&mut b, SR), 0);
    assert_eq!(b.read(BASE + 0x400, Width::Word), Ok(0x1234_FFFF));
    // Not erased: PGERR, unless it is zero.
    b.write(BASE + 0x402, Width::Half, 0x1200).unwrap();
    assert_eq!(r(&mut b, SR), 4);
    assert_eq!(b.read(BASE + 0x402, Width::Half), Ok(0x1234));
    b.write(BASE + 0x402, Width::Half, 0).unwrap();
    assert_eq!(b.read(BASE + 0x402, Width::Half), Ok(0));
    // A word is a bus error.
    assert!(b.write(BASE + 0x404, Width::Word, 0).is_err());
    wait(&mut b, 840);
    w(&mut b, SR, 0x24);

    b.program(BASE + 0x3FE, &[1, 2]).unwrap();
    b.program(BASE + 0x800, &[3, 4]).unwrap();
    w(&mut b, FCR, 2); // PER
    w(&mut b, AR, BASE + 0x7FF);
    w(&mut b, FCR, 2 | 1 << 6);
    assert_eq!(when(&mut b, SR, 0x20, 400_000) - 1680, 320_000, "20 ms");
    assert_eq!(b.read(BASE + 0x402, Width::Half), Ok(0xFFFF));
    assert_eq!(
        b.read(BASE + 0x3FE, Width::Half),
        Ok(0x0201),
        "the page before"
    );
    assert_eq!(
        b.read(BASE + 0x800, Width::Half),
        Ok(0x0403),
        "the page behind"
    );

    w(&mut b, FCR, 0x80);
    assert_eq!(r(&mut b, FCR), 0x80, "locked again");
    assert!(b.write(BASE, Width::Half, 0).is_err());
}

#[test]
fn a_wrong_key_locks_until_reset() {
    let mut b = flash();
    w(&mut b, KEYR, 1);
    unlock(&mut b);
    assert_eq!(r(&mut b, FCR), 0x80);
    reset(&mut b);
    unlock(&mut b);
    assert_eq!(r(&mut b, FCR), 0);
}

// ----- GPIO and AFIO -----

const REMAPS: &str = "port = \"B\"\nremaps = [{ place = \"PB6.AF0\", mask = 4, value = 4 }]";

fn port(params: &str, base: u32) -> (Bus, DeviceId) {
    let mut b = bus();
    for pin in 0..16 {
        b.nets.add(&format!("PA{pin}"));
        b.nets.add(&format!("PB{pin}"));
    }
    let id = add(&mut b, "GPIO", "stm32.gpio.v1", params, base);
    reset(&mut b);
    (b, id)
}

fn level(b: &Bus, name: &str) -> bool {
    b.nets.level(b.nets.find(name).unwrap())
}

#[test]
fn outputs_and_their_registers() {
    let (mut b, _) = port("port = \"A\"", A);
    assert_eq!(r(&mut b, A + CRL), 0x4444_4444);
    assert_eq!(r(&mut b, A + CRH), 0x4444_4444);
    w(&mut b, A + CRH, 0x4444_4463); // PA8 push-pull, PA9 open drain
    w(&mut b, A + BSRR, 0x0300);
    assert!(level(&b, "PA8"));
    assert_eq!(r(&mut b, A + ODR), 0x300);
    w(&mut b, A + BRR, 0x0100);
    assert!(!level(&b, "PA8"));
    w(&mut b, A + BSRR, 0x0100_0100);
    assert!(level(&b, "PA8"), "set wins");
    let pa9 = b.nets.find("PA9").unwrap();
    b.drive(pa9, Driver::External, Drive::PullUp);
    assert!(level(&b, "PA9"), "open drain floats high");
    w(&mut b, A + BSRR, 0x0200_0000);
    assert!(!level(&b, "PA9"));
}

#[test]
fn inputs_are_pulled_by_odr() {
    let (mut b, _) = port("port = \"A\"", A);
    w(&mut b, A + CRL, 0x4444_0488); // PA0, PA1 pulled, PA2 floating, PA3 analog
    w(&mut b, A + ODR, 1);
    assert_eq!(r(&mut b, A + IDR) & 3, 1);
    w(&mut b, A + ODR, 2);
    assert_eq!(r(&mut b, A + IDR) & 3, 2);
    let pa3 = b.nets.find("PA3").unwrap();
    b.drive(pa3, Driver::External, Drive::High);
    assert_eq!(r(&mut b, A + IDR) & 8, 0, "analog reads 0");
}

#[test]
fn the_lock_freezes_modes() {
    let (mut b, _) = port("port = \"A\"", A);
    for v in [0x1_0001, 1, 0x1_0001] {
        w(&mut b, A + LCKR, v);
    }
    r(&mut b, A + LCKR);
    w(&mut b, A + CRL, 0x3333_3333);
    assert_eq!(r(&mut b, A + CRL), 0x3333_3334);
}

#[test]
fn a_remap_moves_the_peripheral_and_the_pin_tells_it() {
    let (mut b, gpio) = port(REMAPS, B);
    let afio = add(&mut b, "AFIO", "stm32.afio.f1", "", AFIO);
    let mapr = input("stm32.gpio.v1", REMAPS, "mapr");
    b.connect(afio, output("stm32.afio.f1", "", "mapr"), gpio, mapr);
    // AFIO's EXTICR1 stands for a peripheral's output here.
    let place = input("stm32.gpio.v1", REMAPS, "PB6.AF0");
    b.connect(afio, output("stm32.afio.f1", "", "exticr1"), gpio, place);
    let seen = output("stm32.gpio.v1", REMAPS, "PB6.AF0");
    record(&mut b, gpio, seen, LOG);
    reset(&mut b);
    w(&mut b, B + CRL, 0x4B44_4444); // PB6 alternate push-pull
    w(&mut b, AFIO + 8, 1);
    assert!(!level(&b, "PB6"), "not mapped");
    assert_eq!(recorded(&mut b, LOG), []);
    w(&mut b, AFIO + 4, 4);
    assert!(level(&b, "PB6"));
    w(&mut b, AFIO + 8, 0);
    assert!(!level(&b, "PB6"));
    let values: Vec<u32> = recorded(&mut b, LOG).iter().map(|e| e.0).collect();
    assert_eq!(values, [1, 0]);
    w(&mut b, AFIO + 8, 2); // released
    w(&mut b, AFIO + 4, 0);
    assert_eq!(r(&mut b, AFIO + 4), 0);
}

#[test]
fn a_place_that_is_not_there_is_refused() {
    let params = "port = \"A\"\nremaps = [{ place = \"PB1.AF0\", mask = 1, value = 1 }]";
    let Err(e) = peripherals::create("stm32.gpio.v1", params.parse().unwrap()) else {
        panic!("taken");
    };
    assert!(e.to_string().contains("PB1.AF0"), "{e}");
}
