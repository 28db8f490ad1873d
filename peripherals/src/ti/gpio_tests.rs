use super::*;
use crate::cortex_m::testing::Rig;

const BASE: u32 = 0x4002_5000;
const ALL: u32 = 0x3FC;
/// IRQ 0 of the rig.
const IRQ: u16 = 16;

fn rig() -> Rig {
    let mut r = Rig::m4();
    r.add("ti.gpio", BASE, "port = \"F\"");
    r
}

fn pin(r: &Rig, i: u32) -> NetId {
    r.bus.nets.find(&format!("PF{i}")).expect("bound")
}

fn set(r: &mut Rig, i: u32, drive: Drive) {
    let net = pin(r, i);
    r.bus.drive_external(net, drive);
}

#[test]
fn the_address_masks_the_data() {
    let mut r = rig();
    r.write(DIR, 0x0F);
    r.write(DEN, 0xFF);
    r.write(ALL, 0xFF);
    assert_eq!(r.read(ALL), 0x0F, "only outputs take the value");
    r.write(0b0110 << 2, 0);
    assert_eq!(r.read(ALL), 0b1001);
    assert_eq!(r.read(0b0011 << 2), 0b0001);
    assert_eq!(r.read(0), 0);
    let levels: Vec<bool> = (0..4).map(|i| r.bus.nets.level(pin(&r, i))).collect();
    assert_eq!(levels, [true, false, false, true]);
    r.write_as(0b1000 << 2, Width::Byte, 0);
    assert_eq!(r.read(ALL), 0b0001);
}

#[test]
fn pins_are_dead_until_enabled() {
    let mut r = rig();
    r.write(DIR, 1);
    r.write(ALL, 1);
    assert!(!r.bus.nets.level(pin(&r, 0)));
    set(&mut r, 1, Drive::High);
    assert_eq!(r.read(ALL), 1);
    r.write(DEN, 3);
    assert!(r.bus.nets.level(pin(&r, 0)));
    assert_eq!(r.read(ALL), 3);
}

#[test]
fn open_drain_and_pulls() {
    let mut r = rig();
    r.write(DEN, 0xFF);
    r.write(PUR, 0x03);
    assert_eq!(r.read(ALL), 0x03);
    r.write(PDR, 0x01);
    assert_eq!(
        (r.read(PUR), r.read(ALL)),
        (0x02, 0x02),
        "one pull at a time"
    );
    r.write(ODR, 0x02);
    r.write(DIR, 0x02);
    assert!(!r.bus.nets.level(pin(&r, 1)));
    r.write(ALL, 0x02);
    assert!(r.bus.nets.level(pin(&r, 1)), "the pull-up makes it high");
    r.write(DR8R, 0x02);
    assert_eq!((r.read(DR2R), r.read(DR8R)), (0xFD, 0x02));
}

#[test]
fn edge_interrupts() {
    let mut r = rig();
    r.write(DEN, 0x07);
    r.write(IEV, 0x01); // pin 0 rising, pin 1 falling, pin 2 both
    r.write(IBE, 0x04);
    r.write(IM, 0x01);
    for i in 0..3 {
        set(&mut r, i, Drive::High);
    }
    assert_eq!((r.read(RIS), r.read(MIS)), (0x05, 0x01));
    assert!(r.pending(IRQ));
    r.write(ICR, 0x05);
    assert_eq!(r.read(RIS), 0);
    assert!(!r.bus.system.line(IRQ));
    for i in 0..3 {
        set(&mut r, i, Drive::Low);
    }
    assert_eq!((r.read(RIS), r.read(MIS)), (0x06, 0));
}

#[test]
fn level_interrupts_follow_the_pin() {
    let mut r = rig();
    r.write(DEN, 0x01);
    r.write(IS, 0x01);
    r.write(IEV, 0x01);
    r.write(IM, 0x01);
    assert!(!r.bus.system.line(IRQ));
    set(&mut r, 0, Drive::High);
    assert!(r.bus.system.line(IRQ));
    r.write(ICR, 0x01);
    assert!(r.bus.system.line(IRQ), "the level holds it");
    set(&mut r, 0, Drive::Low);
    assert!(!r.bus.system.line(IRQ));
}

#[test]
fn jtag_pins_are_locked() {
    let mut r = Rig::m4();
    r.add("ti.gpio", BASE, "port = \"C\"\njtag = 0x0F");
    assert_eq!(
        (r.read(AFSEL), r.read(DEN), r.read(CR), r.read(LOCK)),
        (0x0F, 0x0F, 0xF0, 1)
    );
    r.write(AFSEL, 0x10);
    assert_eq!(r.read(AFSEL), 0x1F);
    assert!(r.noted("AFSEL"));
    r.write(CR, 0x01);
    assert_eq!(r.read(CR), 0xF0);
    r.write(LOCK, KEY);
    assert_eq!(r.read(LOCK), 0);
    r.write(CR, 0x01);
    r.write(AFSEL, 0);
    assert_eq!(r.read(AFSEL), 0x0E);
    r.write(LOCK, 0);
    assert_eq!(r.read(LOCK), 1);
}

#[test]
fn alternate_functions_reach_the_pin_and_come_from_it() {
    let mut r = Rig::m4();
    let port = r.add("ti.gpio", BASE, "port = \"F\"");
    let uart = r.add("ti.uart", 0x4000_C000, "");
    r.bus.connect(uart, 0, port, 1);
    r.bus.reset_devices(emu_core::ResetCause::PowerOn);
    r.base = BASE;
    let net = pin(&r, 1);
    r.write(DEN, 2);
    assert!(!r.bus.nets.level(net));
    r.write(AFSEL, 2);
    assert!(r.bus.nets.level(net), "the idle line is high");
}

#[test]
fn only_stores_that_someone_hears_need_a_boundary() {
    let mut r = rig();
    r.write(DIR, 1);
    r.write(DEN, 3);
    let at = |r: &Rig, offset| r.bus.access_kind(BASE + offset, true);
    assert_eq!(at(&r, ALL), Access::Plain);
    r.write(IM, 1);
    assert_eq!(at(&r, ALL), Access::Sync);
    assert_eq!(at(&r, 2 << 2), Access::Plain, "pin 1 is an input");
    assert_eq!(r.bus.access_kind(BASE + ALL, false), Access::Plain);
}
