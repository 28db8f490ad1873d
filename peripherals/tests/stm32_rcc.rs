//! Clocks, resets and power of the STM32F4.

#![allow(clippy::unwrap_used)]

mod stm32_bench;

use emu_core::bus::BitBand;
use emu_core::{ResetCause, Width};
use stm32_bench::*;

const RCC: u32 = 0x4002_3800;
const PWR: u32 = 0x4000_7000;
const CR: u32 = RCC;
const PLLCFGR: u32 = RCC + 0x04;
const CFGR: u32 = RCC + 0x08;
const CIR: u32 = RCC + 0x0C;
const BDCR: u32 = RCC + 0x70;
const CSR: u32 = RCC + 0x74;
/// 8 MHz / 8 * 336 / 2, / 7 for 48 MHz, from HSE.
const PLL_168: u32 = 8 | 336 << 6 | 1 << 22 | 7 << 24;

fn hz_or_zero(b: &emu_core::Bus, name: &str) -> u64 {
    b.clocks.hz(b.clocks.find(name).unwrap()).num()
}

fn rcc(params: &str) -> emu_core::Bus {
    let mut b = bus();
    add(&mut b, "RCC", "stm32.rcc.f4", params, RCC);
    reset(&mut b);
    b
}

#[test]
fn reset_values() {
    let mut b = rcc("");
    for (offset, value) in [
        (0x00, 0x0000_0083),
        (0x04, 0x2400_3010),
        (0x08, 0),
        (0x0C, 0),
        (0x30, 0x0010_0000),
        (0x50, 0x7E67_91FF),
        (0x54, 0xF1),
        (0x58, 1),
        (0x60, 0x36FE_C9FF),
        (0x64, 0x0007_5F33),
        (0x70, 0),
        (0x74, 0x0E00_0000),
        (0x80, 0),
        (0x84, 0x2000_3000),
    ] {
        assert_eq!(r(&mut b, RCC + offset), value, "{offset:#x}");
    }
    assert_eq!(b.register_name(RCC + 0x44), "RCC.APB2ENR");
    assert_eq!(b.register_name(CFGR), "RCC.CFGR");
}

#[test]
fn boot_to_168_mhz() {
    let mut b = rcc("");
    w(&mut b, CR, 0x83 | 1 << 16);
    // 2 ms at 16 MHz.
    assert_eq!(when(&mut b, CR, 1 << 17, 40_000), 32_000);
    w(&mut b, PLLCFGR, PLL_168);
    w(&mut b, CR, 0x83 | 1 << 16 | 1 << 24);
    // 200 us at 16 MHz.
    assert_eq!(when(&mut b, CR, 1 << 25, 4000), 32_000 + 3200);
    // APB1 / 4, APB2 / 2, then the switch.
    w(&mut b, CFGR, 5 << 10 | 4 << 13 | 2);
    assert_eq!(r(&mut b, CFGR) >> 2 & 3, 2);
    for (name, mhz) in [
        ("SYSCLK", 168),
        ("HCLK", 168),
        ("PCLK1", 42),
        ("PCLK2", 84),
        ("TIMCLK1", 84),
        ("TIMCLK2", 168),
        ("PLL48CK", 48),
        ("HSE", 8),
        ("HSI", 16),
    ] {
        assert_eq!(hz(&b, name), mhz * 1_000_000, "{name}");
    }
    assert!(b.notices.all().is_empty(), "{:?}", b.notices.all());
    // Half the AHB: everything below follows; an undivided APB has no doubled timers.
    w(&mut b, CFGR, 8 << 4 | 5 << 10 | 2);
    assert_eq!(hz(&b, "HCLK"), 84_000_000);
    assert_eq!(hz(&b, "PCLK1"), 21_000_000);
    assert_eq!(
        (hz(&b, "PCLK2"), hz(&b, "TIMCLK2")),
        (84_000_000, 84_000_000)
    );
}

#[test]
fn a_reset_brings_hsi_back() {
    let mut b = rcc("hse_startup_ns = 0");
    w(&mut b, CR, 0x83 | 1 << 16);
    wait(&mut b, 1);
    w(&mut b, CFGR, 8 << 4 | 1);
    assert_eq!(hz(&b, "HCLK"), 4_000_000);
    b.reset_devices(ResetCause::WindowWatchdog);
    assert_eq!((r(&mut b, CR), r(&mut b, CFGR)), (0x83, 0));
    assert_eq!(hz(&b, "HCLK"), 16_000_000);
    assert_eq!(hz_or_zero(&b, "HSE"), 0);
}

#[test]
fn a_switch_waits_for_its_source() {
    let mut b = rcc("");
    w(&mut b, CR, 0x83 | 1 << 16);
    w(&mut b, CFGR, 1);
    wait(&mut b, 31_999);
    assert_eq!(r(&mut b, CFGR), 1);
    wait(&mut b, 1);
    assert_eq!(r(&mut b, CFGR), 5);
    assert_eq!(hz(&b, "HCLK"), 8_000_000);
    // The source in use cannot be switched off; the other one can.
    w(&mut b, CR, 0x80);
    assert_eq!(r(&mut b, CR) & (1 << 16 | 1), 1 << 16);
    assert!(misused(&b, "cannot be switched off"));
    // Six HSI periods at a core of 8 MHz are three cycles.
    assert_eq!(r(&mut b, CR) & 2, 2);
    wait(&mut b, 3);
    assert_eq!(r(&mut b, CR) & 2, 0);
}

#[test]
fn a_start_up_keeps_its_time_over_a_clock_change() {
    let mut b = rcc("");
    w(&mut b, CR, 0x83 | 1 << 16);
    wait(&mut b, 16_000); // 1 ms
    w(&mut b, CFGR, 8 << 4); // HCLK = 8 MHz
    assert_eq!(when(&mut b, CR, 1 << 17, 20_000), 16_000 + 8000);
}

#[test]
fn without_a_crystal_hse_is_never_ready() {
    let mut b = rcc("hse = 0");
    w(&mut b, CR, 0x83 | 1 << 16);
    wait(&mut b, 1_000_000);
    assert_eq!(r(&mut b, CR) & (3 << 16), 1 << 16);
    assert!(misused(&b, "no such crystal"));
}

#[test]
fn wrong_pll_settings_are_told() {
    let mut b = rcc("hse = 25000000");
    w(&mut b, CR, 0x83 | 1 << 16);
    wait(&mut b, 32_000);
    w(&mut b, PLLCFGR, PLL_168);
    w(&mut b, CR, 0x83 | 1 << 16 | 1 << 24);
    assert!(misused(&b, "PLL input after PLLM"));
    // And it cannot be changed while it runs.
    w(&mut b, PLLCFGR, 25 | 336 << 6 | 1 << 22 | 7 << 24);
    assert_eq!(r(&mut b, PLLCFGR) & 0x3F, 8);
    assert!(misused(&b, "only while PLL"));
    wait(&mut b, 3200);
    w(&mut b, CFGR, 2);
    assert!(misused(&b, "HCLK is above its limit"));
}

#[test]
fn low_speed_sources_and_the_backup_domain() {
    let mut b = bus();
    let rcc = add(&mut b, "RCC", "stm32.rcc.f4", "lse_startup_ns = 1000", RCC);
    let pwr = add(&mut b, "PWR", "stm32.pwr.f4", "", PWR);
    b.connect(pwr, 0, rcc, 0);
    reset(&mut b);
    w(&mut b, CSR, 1);
    assert_eq!(when(&mut b, CSR, 2, 1000), 240); // 15 us
    // Write-protected until PWR_CR.DBP.
    w(&mut b, BDCR, 1 << 15 | 1);
    assert_eq!(r(&mut b, BDCR), 0);
    assert!(misused(&b, "DBP"));
    w(&mut b, PWR, 0x4100);
    w(&mut b, BDCR, 1 << 15 | 2 << 8 | 1);
    wait(&mut b, 16);
    assert_eq!(r(&mut b, BDCR), 1 << 15 | 2 << 8 | 3);
    // RTCSEL is written once.
    w(&mut b, BDCR, 1 << 15 | 1 << 8 | 1);
    assert_eq!(r(&mut b, BDCR) >> 8 & 3, 2);
    // A system reset keeps the domain, BDRST does not.
    b.reset_devices(ResetCause::Software);
    assert_eq!(r(&mut b, BDCR), 1 << 15 | 2 << 8 | 3);
    assert_eq!(r(&mut b, CSR) & 3, 0);
    w(&mut b, PWR, 0x4100);
    w(&mut b, BDCR, 1 << 16);
    w(&mut b, BDCR, 0);
    assert_eq!(r(&mut b, BDCR), 0);
}

#[test]
fn reset_flags_gather_until_they_are_removed() {
    let mut b = rcc("");
    assert_eq!(r(&mut b, CSR) >> 25, 0b000_0111);
    b.reset_devices(ResetCause::Software);
    assert_eq!(r(&mut b, CSR) >> 25, 0b000_1111);
    b.write(CSR + 3, Width::Byte, 1).unwrap(); // RMVF
    assert_eq!(r(&mut b, CSR) >> 25, 0);
    b.reset_devices(ResetCause::IndependentWatchdog);
    assert_eq!(r(&mut b, CSR) >> 25, 0b001_0010);
}

#[test]
fn ready_interrupts() {
    let mut b = rcc("");
    w(&mut b, CIR, 1 << 8); // LSIRDYIE
    w(&mut b, CSR, 1);
    wait(&mut b, 240);
    assert_eq!(r(&mut b, CIR), 1 << 8 | 1);
    assert!(b.system.line(16));
    b.write(CIR + 2, Width::Byte, 1).unwrap(); // LSIRDYC
    assert!(!b.system.line(16));
    assert_eq!(r(&mut b, CIR), 1 << 8);
}

#[test]
fn reset_bits_are_outputs_and_bit_bands_reach_them() {
    let mut b = bus();
    let id = add(&mut b, "RCC", "stm32.rcc.f4", "", RCC);
    let bit = output("stm32.rcc.f4", "", "APB1RSTR.17");
    record(&mut b, id, bit, 0x5000_0000);
    b.add_bit_band(BitBand {
        base: 0x4200_0000,
        size: 0x0200_0000,
        target: 0x4000_0000,
    });
    reset(&mut b);
    let alias = 0x4200_0000 + (RCC + 0x20 - 0x4000_0000) * 32 + 17 * 4;
    w(&mut b, alias, 1);
    assert_eq!(r(&mut b, RCC + 0x20), 1 << 17);
    w(&mut b, alias, 0);
    assert_eq!(recorded(&mut b, 0x5000_0000), [(1, 0), (0, 0)]);
}

#[test]
fn power_control() {
    let mut b = bus();
    add(&mut b, "PWR", "stm32.pwr.f4", "vos_ready_ns = 1000", PWR);
    reset(&mut b);
    assert_eq!(r(&mut b, PWR), 0x4000);
    assert_eq!(r(&mut b, PWR + 4), 1 << 14);
    w(&mut b, PWR, 0);
    assert_eq!(r(&mut b, PWR + 4), 0);
    wait(&mut b, 16);
    assert_eq!(r(&mut b, PWR + 4), 1 << 14);
    b.write(PWR + 5, Width::Byte, 2).unwrap(); // BRE
    assert_eq!(r(&mut b, PWR + 4), 1 << 14 | 1 << 9 | 1 << 3);
}

#[test]
fn a_restored_rcc_goes_on() {
    let mut b = rcc("");
    w(&mut b, CR, 0x83 | 1 << 16);
    let state = b.save_devices();
    let mut c = rcc("hse = 0");
    c.load_devices(&state).unwrap();
    assert_eq!(c.save_devices(), state);
    assert_eq!(r(&mut c, CR), 0x83 | 1 << 16);
    assert!(c.load_devices(&[vec![1]]).is_err());
}

#[test]
fn unknown_parameters_are_refused() {
    let e = peripherals::create("stm32.rcc.f4", "hze = 1".parse().unwrap()).err();
    assert!(e.unwrap().to_string().contains("hze"));
}
