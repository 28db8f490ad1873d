//! Flash, RNG, CRC, unique id and debug registers.

#![allow(clippy::unwrap_used)]

mod stm32_bench;

use emu_core::memory::MemoryKind;
use emu_core::{Bus, Ratio, ResetCause, Width};
use stm32_bench::*;

const FLASH: u32 = 0x4002_3C00;
const KEYR: u32 = FLASH + 4;
const OPTKEYR: u32 = FLASH + 8;
const SR: u32 = FLASH + 0xC;
const CR: u32 = FLASH + 0x10;
const OPTCR: u32 = FLASH + 0x14;
const MAIN: u32 = 0x0800_0000;
const BSY: u32 = 1 << 16;
const PSIZE_32: u32 = 2 << 8;

fn flash() -> Bus {
    let mut b = bus();
    b.memory.add("flash", MemoryKind::Flash, MAIN, 1 << 20);
    let id = add(&mut b, "FLASH", "stm32.flash.f4", "", FLASH);
    b.memory.set_guard("flash", id);
    reset(&mut b);
    b
}

fn unlock(b: &mut Bus) {
    w(b, KEYR, 0x4567_0123);
    w(b, KEYR, 0xCDEF_89AB);
}

#[test]
fn flash_reset_values_and_latency() {
    let mut b = flash();
    assert_eq!(r(&mut b, FLASH), 0);
    assert_eq!(r(&mut b, CR), 1 << 31);
    assert_eq!(r(&mut b, OPTCR), 0x0FFF_AAED);
    w(&mut b, FLASH, 0x705);
    assert_eq!(r(&mut b, FLASH), 0x705);
    for (name, v) in [
        ("wait_states", 5),
        ("prefetch", 1),
        ("icache", 1),
        ("dcache", 1),
    ] {
        assert_eq!(b.memory_parameter(&format!("flash.{name}")), Some(v));
    }
    // A byte access, as the peripheral library does it.
    b.write(FLASH, Width::Byte, 2).unwrap();
    assert_eq!(r(&mut b, FLASH), 0x702);
    let (hclk, now) = (b.clocks.core(), b.now);
    b.clocks.set_hz(hclk, Ratio::hz(90_000_000), now);
    r(&mut b, FLASH);
    assert!(b.notices.all().is_empty());
    b.clocks.set_hz(hclk, Ratio::hz(91_000_000), now);
    r(&mut b, FLASH);
    assert!(misused(&b, "LATENCY"));
}

#[test]
fn a_wrong_key_locks_until_reset() {
    let mut b = flash();
    w(&mut b, KEYR, 1);
    unlock(&mut b);
    assert_eq!(r(&mut b, CR), 1 << 31);
    assert!(misused(&b, "wrong key"));
    b.reset_devices(ResetCause::Software);
    unlock(&mut b);
    assert_eq!(r(&mut b, CR), 0);
    w(&mut b, CR, 1 << 31);
    assert_eq!(r(&mut b, CR), 1 << 31);
    unlock(&mut b);
    assert_eq!(r(&mut b, CR), 0);
}

#[test]
fn programming_clears_bits_and_takes_its_time() {
    let mut b = flash();
    unlock(&mut b);
    w(&mut b, CR, PSIZE_32 | 1 | 1 << 24); // PG, EOPIE
    w(&mut b, MAIN + 0x100, 0x1234_5678);
    assert_eq!(r(&mut b, SR), BSY);
    assert_eq!(r(&mut b, MAIN + 0x100), 0x1234_5678);
    wait(&mut b, 255);
    assert_eq!(r(&mut b, SR), BSY);
    wait(&mut b, 1); // 16 us at 16 MHz
    assert_eq!(r(&mut b, SR), 1);
    assert!(b.system.line(16));
    w(&mut b, SR, 1);
    assert!(!b.system.line(16));
    w(&mut b, MAIN + 0x100, 0xFFFF_0000);
    assert_eq!(r(&mut b, MAIN + 0x100), 0x1234_0000, "only 1 to 0");
}

#[test]
fn programming_errors() {
    let mut b = flash();
    w(&mut b, MAIN, 0);
    assert_eq!(r(&mut b, SR), 1 << 7, "PGSERR");
    unlock(&mut b);
    w(&mut b, CR, PSIZE_32 | 1 | 1 << 25); // ERRIE
    w(&mut b, SR, 0xF2);
    b.write(MAIN, Width::Byte, 0).unwrap();
    assert_eq!(r(&mut b, SR), 1 << 6 | 2, "PGPERR, OPERR");
    assert!(b.system.line(16));
    w(&mut b, SR, 0xF2);
    assert!(!b.system.line(16));
    w(&mut b, MAIN + 14, 0);
    assert_eq!(r(&mut b, SR), 1 << 5 | 2, "PGAERR across a row");
    assert_eq!(r(&mut b, MAIN + 12), !0);
}

#[test]
fn sector_and_mass_erase() {
    let mut b = flash();
    for a in [0xFFFC, 0x1_0000, 0x1_FFFC, 0x2_0000] {
        b.program(MAIN + a, &[0; 4]).unwrap();
    }
    unlock(&mut b);
    w(&mut b, CR, PSIZE_32 | 1 << 1 | 4 << 3); // SER, sector 4
    w(&mut b, CR, PSIZE_32 | 1 << 1 | 4 << 3 | 1 << 16);
    assert_eq!(r(&mut b, CR) >> 16 & 1, 1);
    // 64 KiB: 550 ms at 16 MHz.
    wait(&mut b, 8_800_000 - 1);
    assert_eq!(r(&mut b, SR), BSY);
    wait(&mut b, 1);
    assert_eq!(r(&mut b, SR), 0);
    assert_eq!(r(&mut b, CR) >> 16 & 1, 0);
    let words: Vec<u32> = [0xFFFC, 0x1_0000, 0x1_FFFC, 0x2_0000]
        .map(|a| r(&mut b, MAIN + a))
        .to_vec();
    assert_eq!(words, [0, !0, !0, 0]);
    w(&mut b, CR, PSIZE_32 | 1 << 2 | 1 << 16);
    wait(&mut b, 8 * 16_000_000);
    assert_eq!(r(&mut b, SR), 0);
    assert_eq!(r(&mut b, MAIN + 0xFFFC), !0);
    // Both at once do nothing.
    w(&mut b, CR, 3 << 1 | 1 << 16);
    assert_eq!(r(&mut b, SR), 0);
    assert!(misused(&b, "SER or MER"));
}

#[test]
fn option_bytes_protect_and_outlive_a_reset() {
    let mut b = flash();
    w(&mut b, OPTKEYR, 0x0819_2A3B);
    w(&mut b, OPTKEYR, 0x4C5D_6E7F);
    assert_eq!(r(&mut b, OPTCR) & 1, 0);
    w(&mut b, OPTCR, 0x0FFE_AAEC); // nWRP0 = 0
    w(&mut b, OPTCR, 0x0FFE_AAEE); // OPTSTRT
    wait(&mut b, 16_000_000);
    b.reset_devices(ResetCause::Software);
    assert_eq!(r(&mut b, OPTCR), 0x0FFE_AAED);
    unlock(&mut b);
    w(&mut b, CR, PSIZE_32 | 1);
    w(&mut b, MAIN, 0);
    assert_eq!(r(&mut b, SR), 1 << 4, "WRPERR");
    assert_eq!(r(&mut b, MAIN), !0);
}

#[test]
fn flash_parameters_are_checked() {
    for bad in [
        "sectors = []",
        "sectors = [0]",
        "sectors = [4000000]",
        "size = 1",
    ] {
        assert!(peripherals::create("stm32.flash.f4", bad.parse().unwrap()).is_err());
    }
}

const RNG: u32 = 0x5006_0800;

fn rng(seed: u64, hz: u64) -> Bus {
    let mut b = bus();
    let id = b.clocks.find("PLL48CK").unwrap();
    b.clocks.set_hz(id, Ratio::hz(hz), b.now);
    b.seed = seed;
    add(&mut b, "RNG", "stm32.rng", "", RNG);
    reset(&mut b);
    b
}

#[test]
fn random_numbers_come_every_40_periods() {
    let mut b = rng(7, 8_000_000);
    assert_eq!(r(&mut b, RNG + 4), 0);
    w(&mut b, RNG, 1 << 2 | 1 << 3);
    assert_eq!(when(&mut b, RNG + 4, 1, 1000), 80);
    assert!(b.system.line(16));
    let first = r(&mut b, RNG + 8);
    assert!(!b.system.line(16));
    assert_eq!(r(&mut b, RNG + 4), 0);
    assert_eq!(when(&mut b, RNG + 4, 1, 1000), 160);
    let second = r(&mut b, RNG + 8);
    assert_ne!(first, second);
    // The same seed gives the same numbers, another one others.
    for (seed, same) in [(7, true), (8, false)] {
        let mut c = rng(seed, 8_000_000);
        w(&mut c, RNG, 1 << 2);
        wait(&mut c, 80);
        assert_eq!(r(&mut c, RNG + 8) == first, same);
    }
}

#[test]
fn a_slow_rng_clock_is_an_error() {
    let mut b = rng(1, 0);
    w(&mut b, RNG, 1 << 2 | 1 << 3);
    wait(&mut b, 1_000_000);
    assert_eq!(r(&mut b, RNG + 4), 1 << 1 | 1 << 5);
    assert!(b.system.line(16));
    let (id, now) = (b.clocks.find("PLL48CK").unwrap(), b.now);
    b.clocks.set_hz(id, Ratio::hz(48_000_000), now);
    w(&mut b, RNG + 4, 0);
    assert_eq!(r(&mut b, RNG + 4), 0);
    assert!(!b.system.line(16));
    wait(&mut b, 14);
    assert_eq!(r(&mut b, RNG + 4), 1, "40 periods of 48 MHz");
}

#[test]
fn crc_unit() {
    const CRC: u32 = 0x4002_3000;
    let mut b = bus();
    add(&mut b, "CRC", "stm32.crc", "", CRC);
    reset(&mut b);
    assert_eq!(r(&mut b, CRC), !0);
    w(&mut b, CRC, 0);
    assert_eq!(r(&mut b, CRC), 0xC704_DD7B);
    w(&mut b, CRC + 4, 0x1FF);
    w(&mut b, CRC + 8, 1);
    assert_eq!(r(&mut b, CRC), !0);
    assert_eq!(r(&mut b, CRC + 4), 0xFF);
    assert_eq!(r(&mut b, CRC + 8), 0);
}

#[test]
fn factory_words() {
    const UID: u32 = 0x1FFF_7A10;
    let mut b = bus();
    add(
        &mut b,
        "UID",
        "stm32.uid",
        "uid = [1, 2, 0x33221100]\nflash_kb = 512",
        UID,
    );
    assert_eq!((r(&mut b, UID), r(&mut b, UID + 4)), (1, 2));
    assert_eq!(b.read(UID + 10, Width::Half), Ok(0x3322));
    assert_eq!(b.read(UID + 0x12, Width::Half), Ok(512));
    w(&mut b, UID, 9);
    assert_eq!(r(&mut b, UID), 1);
    assert!(misused(&b, "read-only"));
}

#[test]
fn debug_registers_survive_a_reset() {
    const DBG: u32 = 0xE004_2000;
    let mut b = bus();
    add(&mut b, "DBGMCU", "stm32.dbgmcu", "", DBG);
    reset(&mut b);
    assert_eq!(r(&mut b, DBG) & 0xFFF, 0x413);
    w(&mut b, DBG + 4, 7);
    w(&mut b, DBG + 8, !0);
    b.reset_devices(ResetCause::Software);
    assert_eq!(r(&mut b, DBG + 4), 7);
    assert_eq!(r(&mut b, DBG + 8), 0x06E0_1DFF);
    reset(&mut b);
    assert_eq!(r(&mut b, DBG + 4), 0);
}
