//! Thumb decoding: classes from the encodings (ARMv7-M ARM A5), register use from Capstone.

use super::insn::{Addressing, Class, Insn, RegisterSet, it_advance, it_condition};
use crate::cortex_m::Architecture;
use capstone::arch::arm::{ArmInsnDetail, ArmOperandType, ArmReg};
use capstone::prelude::*;

/// A decoder for one core.
pub struct Decoder {
    capstone: Capstone,
    architecture: Architecture,
    fpu: bool,
}

// SAFETY: a Capstone handle holds no thread-local state, and it is used by one thread at a time.
unsafe impl Send for Decoder {}

impl Decoder {
    /// A decoder for an architecture, with or without an FPU.
    ///
    /// # Errors
    /// Capstone's error text.
    pub fn new(architecture: Architecture, fpu: bool) -> Result<Decoder, String> {
        use arch::arm::ArchExtraMode::{MClass, V8};
        let modes: &[_] = match architecture {
            Architecture::V8M => &[MClass, V8],
            _ => &[MClass],
        };
        let capstone = Capstone::new()
            .arm()
            .mode(arch::arm::ArchMode::Thumb)
            .extra_mode(modes.iter().copied())
            .detail(true)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Decoder {
            capstone,
            architecture,
            fpu,
        })
    }

    /// Bytes of the instruction that starts with this halfword.
    #[must_use]
    pub fn size(&self, first: u16) -> u32 {
        if first >> 11 < 0x1D {
            return 2;
        }
        // ARMv6-M has 32-bit encodings for BL and the system ones only, but they have the same length.
        4
    }

    /// Decode a straight run of code, with the ITSTATE that holds at its start.
    #[must_use]
    pub fn run(&self, address: u32, bytes: &[u8], it: u8) -> Vec<Insn> {
        let mut list = Vec::new();
        let mut at = 0usize;
        let mut it = it;
        while let Some(first) = bytes.get(at..at + 2) {
            let size = self.size(u16::from_le_bytes([first[0], first[1]])) as usize;
            let Some(code) = bytes.get(at..at + size) else {
                break;
            };
            let mut insn = self.one(address.wrapping_add(at as u32), code);
            insn.condition = it_condition(it);
            if insn.is_predicated() && insn.size == 2 && !is_compare16(insn.raw) {
                insn.sets_flags = false;
            }
            if insn.class == Class::It {
                it = insn.raw as u8;
            } else {
                it = it_advance(it);
            }
            list.push(insn);
            at += size;
        }
        list
    }

    /// The text of an instruction, as `mnemonic operands`.
    #[must_use]
    pub fn text(&self, address: u32, code: &[u8]) -> String {
        match self.capstone.disasm_count(code, u64::from(address), 1) {
            Ok(list) => list.iter().next().map_or_else(
                || "<undefined>".to_owned(),
                |i| {
                    let (m, o) = (i.mnemonic().unwrap_or("?"), i.op_str().unwrap_or(""));
                    if o.is_empty() {
                        m.to_owned()
                    } else {
                        format!("{m} {o}")
                    }
                },
            ),
            Err(_) => "<undefined>".to_owned(),
        }
    }

    /// Decode one instruction of 2 or 4 bytes, outside an IT block.
    #[must_use]
    pub fn one(&self, address: u32, code: &[u8]) -> Insn {
        let half = |i: usize| {
            u32::from(code.get(i).copied().unwrap_or(0))
                | u32::from(code.get(i + 1).copied().unwrap_or(0)) << 8
        };
        let wide = code.len() >= 4;
        let raw = if wide {
            half(0) << 16 | half(2)
        } else {
            half(0)
        };
        let mut insn = Insn {
            address,
            raw,
            size: if wide { 4 } else { 2 },
            class: Class::Alu,
            condition: 14,
            reads: RegisterSet::NONE,
            writes: RegisterSet::NONE,
            address_reads: RegisterSet::NONE,
            count: 1,
            addressing: None,
            sets_flags: false,
            target: None,
            fp_reads: 0,
            fp_writes: 0,
        };
        self.operands(&mut insn, code);
        if wide {
            wide_class(&mut insn)
        } else {
            narrow_class(&mut insn)
        }
        if insn.class == Class::Alu && insn.writes.0 & 0x8000 != 0 {
            insn.class = Class::MovePc;
        }
        if insn.class == Class::Load && insn.writes.0 & 0x8000 != 0 {
            insn.class = Class::LoadPc;
        }
        if insn.class.is_fp() && !self.fpu {
            insn.class = Class::Undefined;
        }
        if self.architecture == Architecture::V6M && wide && !is_v6m_wide(raw) {
            insn.class = Class::Undefined;
        }
        insn.sets_flags = if wide {
            wide_sets_flags(raw)
        } else {
            narrow_sets_flags(raw)
        };
        insn
    }

    /// Register use, from Capstone's operands.
    fn operands(&self, insn: &mut Insn, code: &[u8]) {
        let Ok(list) = self.capstone.disasm_count(code, u64::from(insn.address), 1) else {
            insn.class = Class::Undefined;
            return;
        };
        let Some(i) = list.iter().next() else {
            insn.class = Class::Undefined;
            return;
        };
        let Ok(detail) = self.capstone.insn_detail(i) else {
            return;
        };
        for r in detail.regs_read() {
            insn.reads = insn.reads.with(core_register(r.0));
        }
        for r in detail.regs_write() {
            insn.writes = insn.writes.with(core_register(r.0));
        }
        let arch = detail.arch_detail();
        let Some(arm) = arch.arm() else { return };
        insn.target = immediate_target(arm);
        for op in arm.operands() {
            let (read, write) = match op.access {
                Some(capstone::AccessType::ReadOnly) => (true, false),
                Some(capstone::AccessType::WriteOnly) => (false, true),
                Some(capstone::AccessType::ReadWrite) => (true, true),
                None => (false, false),
            };
            match op.op_type {
                ArmOperandType::Reg(r) => {
                    let (core, fp) = (core_register(r.0), fp_registers(r.0));
                    if read {
                        insn.reads = insn.reads.with(core);
                        insn.fp_reads |= fp;
                    }
                    if write {
                        insn.writes = insn.writes.with(core);
                        insn.fp_writes |= fp;
                    }
                }
                ArmOperandType::Mem(m) => {
                    let regs = core_register(m.base().0).with(core_register(m.index().0));
                    insn.address_reads = insn.address_reads.with(regs);
                    if arm.writeback() {
                        insn.writes = insn.writes.with(core_register(m.base().0));
                    }
                }
                _ => {}
            }
            use capstone::arch::arm::ArmShift;
            if let ArmShift::AsrReg(r)
            | ArmShift::LslReg(r)
            | ArmShift::LsrReg(r)
            | ArmShift::RorReg(r) = op.shift
            {
                insn.reads = insn.reads.with(core_register(r.0));
            }
        }
    }
}

fn immediate_target(arm: &ArmInsnDetail<'_>) -> Option<u32> {
    arm.operands().last().and_then(|op| match op.op_type {
        ArmOperandType::Imm(v) => Some(v as u32),
        _ => None,
    })
}

fn core_register(r: u16) -> RegisterSet {
    let r = u32::from(r);
    match r {
        ArmReg::ARM_REG_SP => RegisterSet::one(13),
        ArmReg::ARM_REG_LR => RegisterSet::one(14),
        ArmReg::ARM_REG_PC => RegisterSet::one(15),
        ArmReg::ARM_REG_R0..=ArmReg::ARM_REG_R12 => RegisterSet::one(r - ArmReg::ARM_REG_R0),
        _ => RegisterSet::NONE,
    }
}

fn fp_registers(r: u16) -> u32 {
    let r = u32::from(r);
    match r {
        ArmReg::ARM_REG_S0..=ArmReg::ARM_REG_S31 => 1 << (r - ArmReg::ARM_REG_S0),
        ArmReg::ARM_REG_D0..=ArmReg::ARM_REG_D15 => 3 << (2 * (r - ArmReg::ARM_REG_D0)),
        _ => 0,
    }
}

fn is_v6m_wide(raw: u32) -> bool {
    // BL, MSR, MRS, DSB, DMB, ISB (DDI 0419E A5.3).
    raw & 0xF800_D000 == 0xF000_D000
        || raw & 0xFFE0_D000 == 0xF380_8000
        || raw & 0xFFF0_D000 == 0xF3B0_8000
        || raw & 0xFFE0_D000 == 0xF3E0_8000
}

fn is_compare16(raw: u32) -> bool {
    raw & 0xF800 == 0x2800
        || matches!(raw & 0xFFC0, 0x4200 | 0x4280 | 0x42C0)
        || raw & 0xFF00 == 0x4500
}

/// A superset of the 16-bit encodings that change flags outside an IT block.
fn narrow_sets_flags(raw: u32) -> bool {
    raw < 0x4400 || raw & 0xFF00 == 0x4500
}

/// A superset of the 32-bit encodings that change flags.
fn wide_sets_flags(raw: u32) -> bool {
    let (hi, lo) = (raw >> 16, raw & 0xFFFF);
    let s = hi & 0x10 != 0;
    (hi & 0xFE00 == 0xEA00 && s)
        || (hi & 0xF800 == 0xF000 && lo & 0x8000 == 0 && s)
        || (hi & 0xFF80 == 0xFA00 && s)
        || raw & 0xFFE0_D000 == 0xF380_8000
        || raw == 0xEEF1_FA10
}

fn memory(
    insn: &mut Insn,
    base: u32,
    index: Option<(u32, u32)>,
    displacement: i32,
    writeback: bool,
    width: u8,
) {
    insn.addressing = Some(Addressing {
        base: base as u8,
        index: index.map(|(r, s)| (r as u8, s as u8)),
        displacement,
        writeback,
        width,
    });
    insn.address_reads = RegisterSet::one(base);
    if let Some((r, _)) = index {
        insn.address_reads = insn.address_reads.with(RegisterSet::one(r));
    }
}

/// ARMv7-M ARM A5.2.
fn narrow_class(insn: &mut Insn) {
    let h = insn.raw;
    let low = |s: u32| h >> s & 7;
    let branch = |insn: &mut Insn, class| {
        insn.class = class;
    };
    match h >> 11 {
        0b01001 => {
            insn.class = Class::Load;
            memory(insn, 15, None, (h as i32 & 0xFF) * 4, false, 4);
            (insn.reads, insn.writes) = (RegisterSet::NONE, RegisterSet::one(low(8)));
        }
        0b01010 | 0b01011 => {
            let op = h >> 9 & 7;
            insn.class = if op < 3 { Class::Store } else { Class::Load };
            let width = match op {
                0 | 4 => 4,
                1 | 5 | 7 => 2,
                _ => 1,
            };
            memory(insn, low(3), Some((low(6), 0)), 0, false, width);
            transfer(insn, low(0));
        }
        0b01100..=0b10001 => {
            let width = match h >> 12 {
                6 => 4,
                7 => 1,
                _ => 2,
            };
            insn.class = if h & 0x800 != 0 {
                Class::Load
            } else {
                Class::Store
            };
            memory(
                insn,
                low(3),
                None,
                (h >> 6 & 31) as i32 * i32::from(width),
                false,
                width,
            );
            transfer(insn, low(0));
        }
        0b10010 | 0b10011 => {
            insn.class = if h & 0x800 != 0 {
                Class::Load
            } else {
                Class::Store
            };
            memory(insn, 13, None, (h & 0xFF) as i32 * 4, false, 4);
            transfer(insn, low(8));
        }
        0b11000 | 0b11001 => {
            let load = h & 0x800 != 0;
            let (base, list) = (low(8), RegisterSet((h & 0xFF) as u16));
            insn.class = if load {
                Class::LoadMultiple
            } else {
                Class::StoreMultiple
            };
            insn.count = list.len() as u8;
            let writeback = !(load && list.meets(RegisterSet::one(base)));
            memory(insn, base, None, 0, writeback, 4);
            multiple(insn, load, list, base, writeback);
        }
        0b10110 | 0b10111 => miscellaneous16(insn),
        0b11010 | 0b11011 => match h >> 8 & 0xF {
            0xF => insn.class = Class::Svc,
            0xE => insn.class = Class::Undefined,
            _ => branch(insn, Class::BranchConditional),
        },
        0b11100 => branch(insn, Class::Branch),
        0b01000 if h & 0xFF00 == 0x4700 => insn.class = Class::BranchRegister,
        0b01000 if h & 0xFFC0 == 0x4340 => insn.class = Class::Multiply,
        _ => {}
    }
}

fn transfer(insn: &mut Insn, rt: u32) {
    let rt = RegisterSet::one(rt);
    if insn.class == Class::Load {
        (insn.reads, insn.writes) = (RegisterSet::NONE, rt);
    } else {
        (insn.reads, insn.writes) = (rt, RegisterSet::NONE);
    }
}

fn multiple(insn: &mut Insn, load: bool, list: RegisterSet, base: u32, writeback: bool) {
    let back = if writeback {
        RegisterSet::one(base)
    } else {
        RegisterSet::NONE
    };
    if load {
        (insn.reads, insn.writes) = (RegisterSet::NONE, list.with(back));
    } else {
        (insn.reads, insn.writes) = (list, back);
    }
}

/// ARMv7-M ARM A5.2.5.
fn miscellaneous16(insn: &mut Insn) {
    let h = insn.raw;
    match h >> 8 & 0xF {
        0x1 | 0x3 | 0x9 | 0xB => insn.class = Class::CompareBranch,
        0x4 | 0x5 => {
            let list = insn.register_list();
            insn.class = Class::StoreMultiple;
            insn.count = list.len() as u8;
            memory(insn, 13, None, -4 * list.len() as i32, true, 4);
            multiple(insn, false, list, 13, true);
        }
        0xC | 0xD => {
            let list = insn.register_list();
            insn.class = if list.0 & 0x8000 != 0 {
                Class::LoadMultiplePc
            } else {
                Class::LoadMultiple
            };
            insn.count = list.len() as u8;
            memory(insn, 13, None, 0, true, 4);
            multiple(insn, true, list, 13, true);
        }
        0x6 if h & 0xFFE0 == 0xB660 => insn.class = Class::Cps,
        0xE => insn.class = Class::Bkpt,
        0xF if h & 0xF != 0 => insn.class = Class::It,
        0xF => {
            insn.class = match h >> 4 & 0xF {
                1 => Class::Yield,
                2 => Class::Wfe,
                3 => Class::Wfi,
                4 => Class::Sev,
                _ => Class::Nop,
            }
        }
        _ => {}
    }
}

/// ARMv7-M ARM A5.3.
fn wide_class(insn: &mut Insn) {
    let w = insn.raw;
    let field = |s: u32| w >> s & 0xF;
    if w & 0xF800_8000 == 0xF000_8000 {
        branch_or_control(insn);
    } else if w & 0xFFF0_FFE0 == 0xE8D0_F000 {
        insn.class = Class::TableBranch;
        insn.address_reads = RegisterSet::one(field(16)).with(RegisterSet::one(field(0)));
    } else if w & 0xFE40_0000 == 0xE800_0000 {
        let (load, list, base, writeback) = (
            w >> 20 & 1 != 0,
            RegisterSet(w as u16),
            field(16),
            w >> 21 & 1 != 0,
        );
        insn.class = match (load, list.0 & 0x8000 != 0) {
            (true, true) => Class::LoadMultiplePc,
            (true, false) => Class::LoadMultiple,
            _ => Class::StoreMultiple,
        };
        insn.count = list.len() as u8;
        let decrement = w >> 24 & 1 != 0;
        let displacement = if decrement { -4 * list.len() as i32 } else { 0 };
        memory(insn, base, None, displacement, writeback, 4);
        multiple(insn, load, list, base, writeback);
    } else if w & 0xFE40_0000 == 0xE840_0000 {
        dual_or_exclusive(insn);
    } else if w & 0xFE00_0000 == 0xF800_0000 {
        single_transfer(insn);
    } else if w & 0xFF80_0000 == 0xFB00_0000 {
        insn.class = if field(12) == 15 {
            Class::Multiply
        } else {
            Class::MultiplyAccumulate
        };
    } else if w & 0xFF80_0000 == 0xFB80_0000 {
        insn.class = match w >> 20 & 7 {
            1 | 3 => Class::Divide,
            0 | 2 => Class::MultiplyLong,
            _ => Class::MultiplyAccumulateLong,
        };
        if insn.class == Class::Divide {
            insn.reads = RegisterSet::one(field(16)).with(RegisterSet::one(field(0)));
            insn.writes = RegisterSet::one(field(8));
        }
    } else if w & 0xEC00_0000 == 0xEC00_0000 {
        coprocessor(insn);
    }
}

fn branch_or_control(insn: &mut Insn) {
    let w = insn.raw;
    insn.class = if w & 0xD000 == 0xD000 || w & 0xD000 == 0xC000 {
        Class::BranchLink
    } else if w & 0xD000 == 0x9000 {
        Class::Branch
    } else if w >> 22 & 0xF < 0xE {
        Class::BranchConditional
    } else if w & 0xFFE0_D000 == 0xF3E0_8000 {
        Class::Mrs
    } else if w & 0xFFE0_D000 == 0xF380_8000 {
        Class::Msr
    } else if w & 0xFFF0_D000 == 0xF3B0_8000 {
        // CLREX is among the barriers, but only clears a flag.
        if w & 0xF0 == 0x20 {
            Class::Alu
        } else {
            Class::Barrier
        }
    } else if w & 0xFFF0_D000 == 0xF3A0_8000 {
        match w & 0xFF {
            1 => Class::Yield,
            2 => Class::Wfe,
            3 => Class::Wfi,
            4 => Class::Sev,
            _ => Class::Nop,
        }
    } else {
        Class::Undefined
    };
}

fn dual_or_exclusive(insn: &mut Insn) {
    let w = insn.raw;
    let field = |s: u32| w >> s & 0xF;
    let load = w >> 20 & 1 != 0;
    let (pre, up, writeback) = (w >> 24 & 1 != 0, w >> 23 & 1 != 0, w >> 21 & 1 != 0);
    let base = field(16);
    if w == 0xE97F_E97F {
        // SG: without the Security Extension it does nothing (DDI 0553 C2.4.175).
        insn.class = Class::Nop;
        (insn.reads, insn.writes) = (RegisterSet::NONE, RegisterSet::NONE);
        insn.address_reads = RegisterSet::NONE;
    } else if w & 0xFFF0_F03F == 0xE840_F000 {
        // TT (DDI 0553 C2.4.298): asks about an address, but does not access it.
        insn.class = Class::Alu;
        insn.reads = RegisterSet::one(base);
        insn.writes = RegisterSet::one(field(8));
        insn.address_reads = RegisterSet::NONE;
    } else if pre || writeback {
        let offset = (w & 0xFF) as i32 * 4 * if up { 1 } else { -1 };
        insn.class = if load {
            Class::LoadDual
        } else {
            Class::StoreDual
        };
        insn.count = 2;
        memory(insn, base, None, if pre { offset } else { 0 }, writeback, 4);
        let pair = RegisterSet::one(field(12)).with(RegisterSet::one(field(8)));
        multiple(insn, load, pair, base, writeback);
    } else {
        // LDREX, STREX, of ARMv8-M LDA, STL, LDAEX, STLEX, and their byte and halfword forms.
        let release = up && w >> 6 & 3 == 2;
        insn.class = match (load, release) {
            (true, _) => Class::Load,
            (false, true) => Class::Store,
            (false, false) => Class::StoreExclusive,
        };
        let width = match (up, w >> 4 & 3) {
            (false, _) => 4,
            (true, 0) => 1,
            (true, 1) => 2,
            (true, _) => 4,
        };
        let offset = if up { 0 } else { (w & 0xFF) as i32 * 4 };
        memory(insn, base, None, offset, false, width);
        let rt = RegisterSet::one(field(12));
        (insn.reads, insn.writes) = match (load, up) {
            (true, _) => (RegisterSet::NONE, rt),
            (false, false) => (rt, RegisterSet::one(field(8))),
            // STL gives no status.
            (false, true) if field(0) == 15 => (rt, RegisterSet::NONE),
            (false, true) => (rt, RegisterSet::one(field(0))),
        };
    }
}

fn single_transfer(insn: &mut Insn) {
    let w = insn.raw;
    let field = |s: u32| w >> s & 0xF;
    let load = w >> 20 & 1 != 0;
    let (base, rt) = (field(16), field(12));
    let width = 1u8 << (w >> 21 & 3).min(2);
    insn.class = if load { Class::Load } else { Class::Store };
    let up = w >> 23 & 1 != 0;
    if base == 15 {
        let offset = (w & 0xFFF) as i32 * if up { 1 } else { -1 };
        memory(insn, 15, None, offset, false, width);
    } else if up {
        memory(insn, base, None, (w & 0xFFF) as i32, false, width);
    } else if w & 0x800 == 0 {
        memory(insn, base, Some((field(0), w >> 4 & 3)), 0, false, width);
    } else {
        let (pre, add, writeback) = (w >> 10 & 1 != 0, w >> 9 & 1 != 0, w >> 8 & 1 != 0);
        let offset = (w & 0xFF) as i32 * if add { 1 } else { -1 };
        memory(
            insn,
            base,
            None,
            if pre { offset } else { 0 },
            writeback,
            width,
        );
    }
    let back = match insn.addressing {
        Some(a) if a.writeback => RegisterSet::one(base),
        _ => RegisterSet::NONE,
    };
    if !load {
        (insn.reads, insn.writes) = (RegisterSet::one(rt), back);
    } else if rt == 15 && width < 4 {
        // PLD, PLI.
        insn.class = Class::Nop;
        (insn.reads, insn.writes) = (RegisterSet::NONE, RegisterSet::NONE);
        insn.addressing = None;
    } else {
        (insn.reads, insn.writes) = (RegisterSet::NONE, RegisterSet::one(rt).with(back));
    }
}

/// FP extension encodings (ARMv7-M ARM A6).
fn coprocessor(insn: &mut Insn) {
    let w = insn.raw;
    let base = w >> 16 & 0xF;
    if w & 0xE00 != 0xA00 {
        insn.class = Class::Undefined; // other coprocessors: NOCP
    } else if w & 0xFE00_0000 == 0xEC00_0000 {
        let load = w >> 20 & 1 != 0;
        let (pre, up, writeback) = (w >> 24 & 1 != 0, w >> 23 & 1 != 0, w >> 21 & 1 != 0);
        if !pre && !up && !writeback {
            insn.class = Class::FpMoveCore2;
            insn.count = 2;
        } else if pre && !writeback {
            insn.class = if load { Class::FpLoad } else { Class::FpStore };
            insn.count = if w & 0x100 != 0 { 2 } else { 1 };
            let offset = (w & 0xFF) as i32 * 4 * if up { 1 } else { -1 };
            memory(insn, base, None, offset, false, 4);
        } else {
            insn.class = if load {
                Class::FpLoadMultiple
            } else {
                Class::FpStoreMultiple
            };
            insn.count = (w & 0xFE) as u8;
            if w & 0x100 == 0 {
                insn.count = (w & 0xFF) as u8;
            }
            let displacement = if up { 0 } else { -4 * i32::from(insn.count) };
            memory(insn, base, None, displacement, writeback, 4);
            if writeback {
                insn.writes = RegisterSet::one(base);
            }
        }
    } else if w & 0xFF00_0010 == 0xEE00_0010 {
        insn.class = Class::FpMoveCore;
    } else if w & 0xFF00_0010 == 0xEE00_0000 {
        let op = (w >> 23 & 1) << 2 | (w >> 20 & 3);
        insn.class = match op {
            0 | 1 | 5 | 6 => Class::FpMultiplyAccumulate,
            4 => Class::FpDivide,
            7 if base == 1 && w >> 6 & 3 == 3 => Class::FpDivide,
            _ => Class::FpAlu,
        };
    } else {
        insn.class = Class::FpAlu;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn decode(code: &[u16]) -> Vec<Insn> {
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        Decoder::new(Architecture::V7EM, true)
            .unwrap()
            .run(0x0800_0000, &bytes, 0)
    }

    #[test]
    fn classes_and_registers() {
        let i = decode(&[
            0x6848, 0xB510, 0xBD10, 0x4770, 0xFB91, 0xF0F2, 0xE8BD, 0x8070,
        ]);
        assert_eq!(i[0].class, Class::Load); // ldr r0, [r1, #4]
        assert_eq!((i[0].writes.0, i[0].address_reads.0), (1, 2));
        assert_eq!((i[1].class, i[1].count), (Class::StoreMultiple, 2)); // push {r4, lr}
        assert_eq!(i[2].class, Class::LoadMultiplePc);
        assert_eq!(i[3].class, Class::BranchRegister);
        assert_eq!((i[4].class, i[4].reads.0), (Class::Divide, 6)); // sdiv r0, r1, r2
        assert_eq!(
            (i[5].class, i[5].register_list().0),
            (Class::LoadMultiplePc, 0x8070)
        );
    }

    #[test]
    fn it_conditions_reach_their_instructions() {
        // itte eq; moveq r0,#1; moveq r1,#1; movne r2,#1; movs r3,#1
        let i = decode(&[0xBF06, 0x2001, 0x2101, 0x2201, 0x2301]);
        let conditions: Vec<u8> = i.iter().map(|i| i.condition).collect();
        assert_eq!(conditions, [14, 0, 0, 1, 14]);
        assert!(!i[1].sets_flags && i[4].sets_flags);
    }
}
