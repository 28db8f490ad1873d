//! What a debugger reads and writes: memory, devices, registers of the core, and code that runs.
#![allow(clippy::unwrap_used)]

mod common;
mod riscv_rig;
use common::{code, rig_with, vectors};
use emu_core::bus::IoWindow;
use emu_core::machine::{CoreKind, Machine, Stop};
use emu_core::memory::MemoryKind;
use emu_core::{Binding, Bus, Ctx, Cycles, Device, Ports, Width};
use riscv_rig as rv;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

const RECORDER: u32 = 0x4800_0000;
const M3: CoreKind = CoreKind::CortexM3;

/// Address offset, width and value of an access; reads have no value.
type Access = (u32, Width, Option<u32>);

/// Reads give the offset; each access is recorded, and those of no debugger count.
#[derive(Serialize, Deserialize, Default)]
struct Recorder {
    effects: u32,
    #[serde(skip)]
    log: Arc<Mutex<Vec<Access>>>,
}

impl Device for Recorder {
    fn ports(&self) -> Ports {
        Ports::default()
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        self.effects += u32::from(!ctx.is_debug());
        self.log.lock().unwrap().push((offset, width, None));
        0x0403_0201u32.wrapping_add(offset) & width.mask()
    }
    fn write(&mut self, offset: u32, width: Width, value: u32, _: &mut Ctx<'_>) {
        self.effects += 1;
        self.log.lock().unwrap().push((offset, width, Some(value)));
    }
    emu_core::device_state!();
}

/// Cycles that the ledger knows of.
fn cycles(m: &Machine) -> u64 {
    let l = m.ledger();
    l.exact + l.measured + l.estimate + l.sleep
}

struct Bench {
    machine: Machine,
    log: Arc<Mutex<Vec<Access>>>,
}

impl Bench {
    /// This code at 0x200, a recorder, a ROM of 256 bytes, and a window that reads as zero.
    fn new(main: &[u16]) -> Bench {
        let log = Arc::new(Mutex::new(Vec::new()));
        let recorder = Recorder {
            effects: 0,
            log: Arc::clone(&log),
        };
        let set_up = |bus: &mut Bus| {
            bus.memory.add("rom", MemoryKind::Rom, 0x1000_0000, 0x100);
            bus.add_window(IoWindow {
                base: 0x5000_0000,
                size: 0x1000,
                holes_fault: false,
            });
            let binding = Binding {
                name: "RECORDER".into(),
                base: RECORDER,
                size: 0x100,
                ..Binding::default()
            };
            bus.add(binding, Box::new(recorder));
        };
        let segments = [(0, vectors(0x200, 0x800, &[])), (0x200, code(main))];
        let machine = rig_with(M3, false, &segments, set_up).machine;
        Bench { machine, log }
    }

    fn accesses(&self) -> Vec<Access> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn read(&mut self, address: u32, len: usize) -> Vec<u8> {
        let mut into = vec![0xEE; len];
        let n = self.machine.read_memory(address, &mut into);
        into.truncate(n);
        into
    }
}

#[test]
fn devices_see_the_widest_aligned_accesses() {
    use Width::{Byte, Half, Word};
    let mut b = Bench::new(&[0xE7FE]);
    for (offset, len, expected) in [
        (0, 4, vec![(0, Word)]),
        (0, 8, vec![(0, Word), (4, Word)]),
        (2, 2, vec![(2, Half)]),
        (1, 1, vec![(1, Byte)]),
        (4, 3, vec![(4, Half), (6, Byte)]),
        (3, 8, vec![(3, Byte), (4, Word), (8, Half), (10, Byte)]),
    ] {
        assert_eq!(b.read(RECORDER + offset, len).len(), len);
        let seen: Vec<_> = b.accesses().iter().map(|a| (a.0, a.1)).collect();
        assert_eq!(seen, expected, "read of {len} bytes at {offset}");
        let bytes: Vec<u8> = (0..len as u8).collect();
        assert_eq!(b.machine.write_memory(RECORDER + offset, &bytes), len);
        let seen = b.accesses();
        let places: Vec<_> = seen.iter().map(|a| (a.0, a.1)).collect();
        assert_eq!(places, expected, "write of {len} bytes at {offset}");
        let written: Vec<u8> = seen
            .iter()
            .flat_map(|a| a.2.unwrap().to_le_bytes()[..a.1.bytes() as usize].to_vec())
            .collect();
        assert_eq!(written, bytes);
    }
}

#[test]
fn reads_have_no_effects_and_take_no_time() {
    let mut b = Bench::new(&[0xE7FE]);
    b.machine.run_until(Cycles(100));
    let (hash, now) = (b.machine.state_hash(), b.machine.now());
    for address in [0, 0x2000_0000, RECORDER, 0x5000_0000, 0xE000_E000] {
        b.read(address, 64);
    }
    assert!(!b.accesses().is_empty());
    assert_eq!((b.machine.state_hash(), b.machine.now()), (hash, now));
    assert_eq!(b.machine.bus().notices.all().len(), 0);
    assert_eq!(b.machine.write_memory(RECORDER, &[1, 2]), 2);
    assert_ne!(b.machine.state_hash(), hash, "a write is a write");
}

#[test]
fn the_readable_part_of_a_range_is_given() {
    let mut b = Bench::new(&[0xE7FE]);
    let end = 0x2001_0000;
    b.machine.write_memory(end - 3, &[1, 2, 3]);
    assert_eq!(b.read(end - 3, 8), [1, 2, 3]);
    assert_eq!(b.machine.write_memory(end - 2, &[7; 8]), 2);
    assert_eq!(b.read(end - 3, 8), [1, 7, 7]);
    assert_eq!(b.read(end, 4), []);
    assert_eq!(b.read(0x3000_0000, 4), []);
    assert_eq!(b.read(0x5000_0FFE, 4), [0, 0], "then the window is over");
    assert_eq!(b.machine.write_memory(0x1000_0000, &[1]), 0, "a ROM");
    // From one end of an alias on, and not round to address zero.
    assert_eq!(b.read(0x0800_FFFF, 4), [0xFF]);
    assert_eq!(b.read(0x0800_0004, 4), b.read(4, 4));
    assert_eq!(b.read(0xFFFF_FFFE, 4).len(), 0);
}

#[test]
fn new_code_in_flash_and_in_ram_is_seen() {
    // 0x200: adds r0, #1; b 0x200.  The same is put into RAM.
    let mut b = Bench::new(&[0x3001, 0xE7FD]);
    let m = &mut b.machine;
    m.run_until(Cycles(1000));
    assert!(m.registers().r[0] > 100);
    let at_flash = 0x200;
    let at_ram = 0x2000_0100;
    for at in [at_flash, at_ram] {
        assert_eq!(m.write_memory(at, &code(&[0x3001, 0xE7FD])), 4);
        let mut r = m.registers();
        (r.r[0], r.r[1], r.r[15]) = (0, 0, at);
        m.set_registers(&r);
        m.run_until(Cycles(m.now().0 + 1000));
        let r = m.registers();
        assert!(r.r[0] > 100 && r.r[1] == 0, "{at:#x}");
        // adds r1, #1 in place of adds r0, #1.
        assert_eq!(m.write_memory(at, &code(&[0x3101])), 2);
        let before = m.registers().r[0];
        m.run_until(Cycles(m.now().0 + 1000));
        let r = m.registers();
        assert!(r.r[0] <= before + 1 && r.r[1] > 100, "{at:#x}: {r:?}");
    }
}

#[test]
fn a_sleeping_core_runs_on_where_pc_is_put() {
    // wfi; b .; adds r0, #1; b .
    let mut b = Bench::new(&[0xBF30, 0xE7FE, 0x3001, 0xE7FE]);
    let m = &mut b.machine;
    assert_eq!(m.run_until(Cycles(1000)), Stop::Limit);
    assert!(m.is_asleep());
    let mut r = m.registers();
    r.r[1] = 5;
    m.set_registers(&r);
    assert!(m.is_asleep(), "PC is where it was");
    r.r[15] = 0x204;
    m.set_registers(&r);
    assert!(!m.is_asleep());
    m.run_until(Cycles(2000));
    assert_eq!((m.registers().r[0], m.registers().r[1]), (1, 5));
    assert_eq!(cycles(m), m.now().0, "no cycle is lost");
}

#[test]
fn riscv_csrs_new_code_and_sleep() {
    // addi a0, a0, 1; j -4
    let again = rv::jal(0, -4);
    let program = [rv::addi(10, 10, 1), again, rv::WFI, rv::LOOP];
    let mut rig = rv::Rig::new(CoreKind::Rv32, false, &rv::bytes(&program));
    let m = &mut rig.machine;
    m.run_until(Cycles(1000));
    let before = m.riscv_registers().unwrap().x[10];
    assert!(before > 100);
    m.write_memory(rv::FLASH, &rv::bytes(&[rv::addi(11, 11, 1)]));
    m.run_until(Cycles(2000));
    let x = m.riscv_registers().unwrap().x;
    assert!(x[10] <= before + 1 && x[11] > 100);

    for (number, value, kept) in [
        (0x300, 0x88, 0x88),
        (0x305, 0x8000_0003, 0x8000_0001),
        (0x341, 0x123, 0x122),
        (0x340, 0xDEAD_BEEF, 0xDEAD_BEEF),
        (0xB00, 5, 5),
    ] {
        assert!(m.set_riscv_csr(number, value));
        assert_eq!(m.riscv_csr(number), Some(kept), "{number:#x}");
    }
    for number in [0x301, 0x344, 0xC00, 0xF14, 0x7C0] {
        let before = (m.riscv_csr(number), m.state_hash());
        assert!(!m.set_riscv_csr(number, 0x88), "{number:#x}");
        assert_eq!((m.riscv_csr(number), m.state_hash()), before);
    }

    let mut r = m.riscv_registers().unwrap();
    r.pc = rv::FLASH + 8;
    m.set_riscv_registers(&r);
    m.run_until(Cycles(3000));
    assert!(m.is_asleep());
    (r.pc, r.x[11]) = (rv::FLASH, 0);
    m.set_riscv_registers(&r);
    assert!(!m.is_asleep());
    assert_eq!(m.step(), Stop::Stepped);
    assert_eq!(m.riscv_registers().unwrap().x[11], 1);
    assert_eq!(cycles(m), m.now().0, "no cycle is lost");
}
