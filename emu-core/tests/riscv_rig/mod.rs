//! A bare RV32 machine for tests of the core: code at 0x2000_0000, RAM at 0x8000_0000, one test device; and the
//! instructions that the tests need.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use emu_core::cortex_m::{Architecture, System};
use emu_core::image::Image;
use emu_core::machine::{CoreKind, Machine, Options};
use emu_core::memory::MemoryKind;
use emu_core::riscv::lines::{EXTERNAL, number};
use emu_core::{Access, Binding, Bus, ClockTree, Ctx, Device, Ports, Ratio, Width};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

pub const FLASH: u32 = 0x2000_0000;
pub const RAM: u32 = 0x8000_0000;
pub const DEVICE: u32 = 0x1000_0000;

/// Offset 0: reads the cycle. 4: write 0: lowers the line; n: raises it in n cycles. 8: a log of writes.
/// 16: period of the line, which wanders; 20: raises the line at once.
#[derive(Serialize, Deserialize)]
pub struct TestDevice {
    period: u32,
    seed: u64,
    #[serde(skip)]
    log: Arc<Mutex<Vec<(u64, u32)>>>,
}

impl Device for TestDevice {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["a"]),
            ..Ports::default()
        }
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
    fn read(&mut self, offset: u32, _: Width, ctx: &mut Ctx<'_>) -> u32 {
        if offset == 0 { ctx.now().0 as u32 } else { 0 }
    }
    fn write(&mut self, offset: u32, _: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            4 if value == 0 => ctx.set_irq(0, false),
            4 => ctx.schedule_in(0, u64::from(value)),
            8 => self.log.lock().unwrap().push((ctx.now().0, value)),
            16 => {
                (self.period, self.seed) = (value, u64::from(value));
                ctx.schedule_in(1, u64::from(value));
            }
            20 => ctx.set_irq(0, true),
            _ => {}
        }
    }
    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, true);
        if tag == 1 {
            self.seed = self
                .seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let period = u64::from(self.period.max(1));
            ctx.schedule_in(1, period + (self.seed >> 33) % period);
        }
    }
    fn access(&self, offset: u32, write: bool, _: &Bus) -> Access {
        if write && offset != 8 {
            Access::Sync
        } else {
            Access::Plain
        }
    }
    emu_core::device_state!();
}

pub struct Rig {
    pub machine: Machine,
    log: Arc<Mutex<Vec<(u64, u32)>>>,
}

impl Rig {
    /// A machine with this code at the start of flash.
    pub fn new(kind: CoreKind, single_step: bool, code: &[u8]) -> Rig {
        let clocks = ClockTree::new("CORE", Ratio::hz(100_000_000));
        let mut bus = Bus::new(System::new(Architecture::V6M, 2, 32), clocks);
        bus.reset_vector = FLASH;
        bus.memory.add("flash", MemoryKind::Flash, FLASH, 0x1_0000);
        bus.memory.add("ram", MemoryKind::Ram, RAM, 0x1_0000);
        let log = Arc::new(Mutex::new(Vec::new()));
        let device = TestDevice {
            period: 0,
            seed: 0,
            log: Arc::clone(&log),
        };
        let binding = Binding {
            name: "TEST".into(),
            base: DEVICE,
            size: 0x400,
            irqs: vec![Some(number(EXTERNAL))],
            ..Binding::default()
        };
        bus.add(binding, Box::new(device));
        let mut machine = Machine::new(kind, bus, Options { single_step }).unwrap();
        let image = Image::raw("test", FLASH, code.to_vec()).unwrap();
        machine.load(&image).unwrap();
        machine.reset();
        Rig { machine, log }
    }

    pub fn log(&self) -> Vec<(u64, u32)> {
        self.log.lock().unwrap().clone()
    }

    pub fn x(&self, n: usize) -> u32 {
        self.machine.riscv_registers().unwrap().x[n]
    }
}

// ----- instructions -----

pub fn r(funct7: u32, funct3: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x33
}

pub fn i(op: u32, funct3: u32, rd: u32, rs1: u32, imm: i32) -> u32 {
    (imm as u32) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | op
}

pub fn addi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i(0x13, 0, rd, rs1, imm)
}

pub fn lui(rd: u32, value: u32) -> u32 {
    value & 0xFFFF_F000 | rd << 7 | 0x37
}

/// funct3: 0 LB, 1 LH, 2 LW, 4 LBU, 5 LHU.
pub fn load(funct3: u32, rd: u32, rs1: u32, imm: i32) -> u32 {
    i(0x03, funct3, rd, rs1, imm)
}

pub fn store(funct3: u32, rs2: u32, rs1: u32, imm: i32) -> u32 {
    let imm = imm as u32;
    (imm >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 31) << 7 | 0x23
}

pub fn branch(funct3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let o = offset as u32;
    (o >> 12 & 1) << 31
        | (o >> 5 & 0x3F) << 25
        | rs2 << 20
        | rs1 << 15
        | funct3 << 12
        | (o >> 1 & 15) << 8
        | (o >> 11 & 1) << 7
        | 0x63
}

pub fn jal(rd: u32, offset: i32) -> u32 {
    let o = offset as u32;
    (o >> 20 & 1) << 31
        | (o >> 1 & 0x3FF) << 21
        | (o >> 11 & 1) << 20
        | (o >> 12 & 0xFF) << 12
        | rd << 7
        | 0x6F
}

/// funct3: 1 CSRRW, 2 CSRRS, 3 CSRRC, 5 to 7 the immediate forms.
pub fn csr(funct3: u32, rd: u32, number: u32, rs1: u32) -> u32 {
    number << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x73
}

pub fn amo(funct5: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct5 << 27 | rs2 << 20 | rs1 << 15 | 2 << 12 | rd << 7 | 0x2F
}

pub const NOP: u32 = 0x13;
pub const RET: u32 = 0x8067;
pub const MRET: u32 = 0x3020_0073;
pub const WFI: u32 = 0x1050_0073;
pub const ECALL: u32 = 0x73;
pub const LOOP: u32 = 0x6F;
pub const MCYCLE: u32 = 0xB00;
pub const CYCLE: u32 = 0xC00;
pub const MSTATUS: u32 = 0x300;
pub const MIE: u32 = 0x304;
pub const MTVEC: u32 = 0x305;
pub const MEPC: u32 = 0x341;
pub const MCAUSE: u32 = 0x342;

pub fn bytes(code: &[u32]) -> Vec<u8> {
    code.iter().flat_map(|w| w.to_le_bytes()).collect()
}
