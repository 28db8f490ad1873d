use super::*;
use crate::cortex_m::testing::Rig;
use emu_core::Width::{Byte, Half};
use emu_core::cortex_m::Masks;

const BASE: u32 = 0xE000_ED00;

fn rig() -> Rig {
    let mut r = Rig::m4();
    r.add("cortex_m.scs", BASE, "");
    r
}

fn m0plus() -> Rig {
    let mut r = Rig::m0plus();
    r.add("cortex_m.scs", BASE, "");
    r
}

#[test]
fn icsr_shows_what_is_active_and_pending() {
    let mut r = rig();
    assert_eq!(r.read(ICSR), 0);
    r.write(ICSR, 1 << 28 | 1 << 26);
    r.bus.system.set_priority_byte(number::SYSTICK, 0x40);
    r.bus.system.set_priority_byte(number::PENDSV, 0xF0);
    assert_eq!(r.read(ICSR), 1 << 28 | 1 << 26 | 15 << 12);
    r.write(ICSR, 1 << 25);
    assert_eq!(r.read(ICSR), 1 << 28 | 14 << 12);
    r.write(ICSR, 1 << 27);
    r.bus.system.set_active(20, true);
    r.bus.system.current = 20;
    r.bus.system.set_pending(30, emu_core::Cycles(0));
    assert_eq!(
        r.read(ICSR),
        1 << 22 | 1 << 11 | 20,
        "pending but not enabled"
    );
    r.bus.system.set_enabled(30, true);
    assert_eq!(r.read(ICSR), 1 << 22 | 30 << 12 | 1 << 11 | 20);
    r.bus.system.set_active(15, true);
    assert_eq!(r.read(ICSR) & 1 << 11, 0, "not the base level");
    r.write(ICSR, 1 << 31);
    assert_eq!(r.read(ICSR) >> 12 & 0x1FF, 2);
}

#[test]
fn vectpending_sees_basepri_but_not_primask() {
    let mut r = rig();
    r.bus.system.set_priority_byte(number::PENDSV, 0xC0);
    r.write(ICSR, 1 << 28);
    r.bus.system.masks = Masks {
        primask: true,
        ..Masks::default()
    };
    assert_eq!(r.read(ICSR) >> 12 & 0x1FF, 14);
    r.bus.system.masks.basepri = 0xC0;
    assert_eq!(r.read(ICSR) >> 12 & 0x1FF, 0);
}

#[test]
fn aircr_wants_its_key() {
    let mut r = rig();
    r.write(AIRCR, 0x0000_0504);
    assert_eq!(r.read(AIRCR), 0xFA05_0000);
    assert!(r.bus.reset_request.is_none());
    assert!(r.noted("AIRCR"));
    r.write(AIRCR, 0x05FA_0500);
    assert_eq!(r.read(AIRCR), 0xFA05_0500);
    assert_eq!(r.bus.system.prigroup, 5);
    r.write(AIRCR, 0x05FA_0004);
    assert_eq!(r.bus.reset_request, Some(ResetCause::Software));
}

#[test]
fn grouping_changes_who_preempts() {
    let mut r = rig();
    let s = &mut r.bus.system;
    s.set_enabled(20, true);
    s.set_priority_byte(20, 0x40);
    s.set_priority_byte(21, 0x50);
    s.set_active(21, true);
    s.set_pending(20, emu_core::Cycles(0));
    assert!(s.attention());
    r.write(AIRCR, 0x05FA_0000 | 4 << 8);
    assert!(!r.bus.system.attention());
}

#[test]
fn fault_status_is_cleared_by_writing_ones() {
    let mut r = rig();
    r.bus.system.cfsr = 0x0302_8282;
    r.bus.system.hfsr = 0x4000_0002;
    r.write_as(CFSR, Byte, 0x80);
    assert_eq!(r.read(CFSR), 0x0302_8202);
    r.write_as(CFSR + 2, Half, 0x0200);
    assert_eq!(r.read(CFSR), 0x0102_8202);
    assert_eq!(r.read_as(CFSR + 2, Half), 0x0102);
    r.write(CFSR, 0xFFFF_FFFF);
    assert_eq!(r.read(CFSR), 0);
    r.write(HFSR, 0x4000_0000);
    assert_eq!(r.read(HFSR), 2);
    assert!(r.bus.notices.all().is_empty());
}

#[test]
fn handler_priorities_by_byte_and_word() {
    let mut r = rig();
    r.write(SHPR3, 0xFFFF_FFFF);
    assert_eq!(r.read(SHPR3), 0xF0F0_00F0, "number 13 does not exist");
    r.write_as(0x01F, Byte, 0x5F);
    assert_eq!(r.read(0x01C), 0x5000_0000);
    assert_eq!(r.bus.system.priority_byte(number::SVCALL), 0x50);
    r.write(SHPR1, 0x1122_3344);
    assert_eq!(r.read(SHPR1), 0x0020_3040);
    assert_eq!(r.read_as(SHPR1 + 2, Byte), 0x20);
    let mut r = m0plus();
    r.write(SHPR1, 0xFFFF_FFFF);
    r.write(SHPR3, 0xFFFF_FFFF);
    assert_eq!((r.read(SHPR1), r.read(SHPR3)), (0, 0xC0C0_0000));
}

#[test]
fn shcsr_enables_pends_and_shows_active() {
    let mut r = rig();
    r.bus.system.set_active(number::SVCALL, true);
    r.write(SHCSR, 1 << 18 | 1 << 7);
    assert_eq!(r.read(SHCSR), 1 << 18 | 1 << 7);
    assert!(r.bus.system.is_enabled(number::USAGE_FAULT));
    assert!(!r.bus.system.is_enabled(number::BUS_FAULT));
    r.write(SHCSR, 1 << 18 | 1 << 12);
    assert!(!r.bus.system.is_active(number::SVCALL));
    assert!(r.pending(number::USAGE_FAULT));
    assert_eq!(r.bus.system.highest_pending(), Some(number::USAGE_FAULT));
}

#[test]
fn vtor_has_the_bits_of_its_core() {
    let mut r = rig();
    r.write(VTOR, 0x0800_40FF);
    assert_eq!(r.read(VTOR), 0x0800_4080);
    let mut r = m0plus();
    r.write(VTOR, 0x1000_01FF);
    assert_eq!(r.read(VTOR), 0x1000_0100);
    r.bus.system.cpuid = 0x410C_C200;
    r.write(VTOR, 0x2000_0000);
    assert_eq!(r.read(VTOR), 0, "Cortex-M0 has none");
    assert_eq!(vtor_mask(0x411F_C231), 0x3FFF_FF80);
    assert_eq!(vtor_mask(0x412F_C231), 0xFFFF_FF80);
}

#[test]
fn control_registers_keep_only_their_bits() {
    let mut r = rig();
    r.write(SCR, 0xFFFF_FFFF);
    assert_eq!(r.read(SCR), 0x16);
    r.write(CCR, 0xFFFF_FFFF);
    assert_eq!(r.read(CCR), 0x31B);
    r.write(CPACR, 0xFFFF_FFFF);
    assert_eq!(r.read(CPACR), 0x00F0_0000);
    r.write(FPCCR, FPCCR_MASK | 0xFE00);
    assert_eq!(r.read(FPCCR), FPCCR_MASK);
    assert_eq!(r.read(MVFR0), 0x1011_0021);
    let mut r = m0plus();
    r.write(CCR, 0);
    assert_eq!(r.read(CCR), 0x208, "fixed in ARMv6-M");
    assert_eq!(r.read(CPACR), 0);
}

#[test]
fn an_m7_has_caches() {
    let mut r = Rig::m4();
    r.add("cortex_m.scs", BASE, "icache_kib = 16\ndcache_kib = 16");
    r.bus.system.cpuid = 0x411F_C270;
    assert_eq!(r.read(CCR), 0x4_0200);
    r.write(CSSELR, 1);
    assert_eq!(r.read(CCSIDR), 0xF01F_E009);
    r.write(ICIALLU, 0);
    r.write(0x260, 0x1234);
    r.write(CCR, 3 << 16);
    assert_eq!(r.read(CCR), 0x7_0200);
    assert!(r.bus.notices.all().is_empty());
    assert!(crate::create("cortex_m.scs", "icache_kib = 5".parse().expect("toml")).is_err());
}

#[test]
fn software_trigger() {
    let mut r = rig();
    r.write(STIR, 81);
    assert!(r.pending(16 + 81));
    r.write(STIR, 82);
    assert!(!r.pending(16 + 82));
}

#[test]
fn debug_registers_as_seen_by_firmware() {
    let mut r = rig();
    assert_eq!(r.peek(DHCSR), 0x0301_0000);
    assert_eq!(r.read(DHCSR), 0x0301_0000);
    assert_eq!(r.read(DHCSR), 0x0101_0000);
    r.write(DHCSR, 0xA05F_0001);
    assert_eq!(r.read(DHCSR) & 1, 0, "no debugger");
    r.write(DEMCR, 0x0103_0000);
    assert_eq!(r.read(DEMCR), 0x0103_0000);
    assert!(r.pending(number::DEBUG_MONITOR));
    r.write(DEMCR, 0x0101_0000);
    assert!(!r.pending(number::DEBUG_MONITOR));
    r.bus.reset_devices(ResetCause::Software);
    assert_eq!(r.read(DEMCR), 0x0101_0000, "outlives a system reset");
    r.bus.reset_devices(ResetCause::PowerOn);
    assert_eq!(r.read(DEMCR), 0);
}

#[test]
fn identification() {
    let mut r = rig();
    assert_eq!(r.read(CPUID), 0x410F_C241);
    assert_eq!(r.read(0x040), 0x30);
    assert_eq!(r.read(0x2E0), 0x0C);
    assert_eq!(r.read(0x2FC), 0xB1);
    assert_eq!(r.bus.register_name(BASE + CFSR), "CORTEX_M.SCS.CFSR");
}
