//! Registers of a task that does not run.
//!
//! On Cortex-M a task's stack ends in what its kernel saved and, behind that, the frame that the core stacked at
//! the entry of PendSV or SVC (Armv7-M Architecture Reference Manual B1.5.6, Armv8-M B3.19): r0 to r3, r12, LR,
//! PC, xPSR, then s0 to s15 and FPSCR when FP was in use, and a word of padding when xPSR bit 9 says so.
//! Not read: the additional state that secure Armv8-M exceptions stack.

use super::Reader;
use super::kernel;
use super::path::{Path, word};
use crate::image::{Architecture, Image};

/// Registers of a task that does not run, as they will be when it goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Saved {
    /// Cortex-M.
    Arm(Box<ArmRegisters>),
    /// RISC-V.
    Riscv(Box<RiscvRegisters>),
}

/// Saved registers of a Cortex-M. What was not saved is not known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ArmRegisters {
    /// R0 to R12, SP, LR, PC.
    pub r: [Option<u32>; 16],
    /// xPSR.
    pub xpsr: Option<u32>,
    /// S0 to S31.
    pub s: [Option<u32>; 32],
    /// FPSCR.
    pub fpscr: Option<u32>,
}

/// Saved registers of a RISC-V core. What was not saved is not known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RiscvRegisters {
    /// x0 to x31.
    pub x: [Option<u32>; 32],
    /// PC.
    pub pc: Option<u32>,
    /// mstatus.
    pub mstatus: Option<u32>,
}

impl Saved {
    /// The program counter.
    #[must_use]
    pub fn pc(&self) -> Option<u32> {
        match self {
            Saved::Arm(r) => r.r[15],
            Saved::Riscv(r) => r.pc,
        }
    }

    /// The stack pointer.
    #[must_use]
    pub fn sp(&self) -> Option<u32> {
        match self {
            Saved::Arm(r) => r.r[13],
            Saved::Riscv(r) => r.x[2],
        }
    }
}

/// A layout, and what it takes to see that it fits.
#[derive(Debug)]
pub(super) struct Layout {
    words: Vec<Word>,
    members: Vec<(Register, Path)>,
    arm: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    Register(Register),
    /// S registers, when FP was in use.
    Float(u8),
    Exception,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Register {
    R(u8),
    S(u8),
    X(u8),
    Pc,
    ExcReturn,
    Mstatus,
}

/// Where code can be: what does not point there is no PC.
#[derive(Debug, Default)]
pub(super) struct Code(Vec<(u32, u32)>);

impl Code {
    pub fn of(image: &Image) -> Code {
        let executable = image.sections().iter().filter(|s| s.executable);
        let mut ranges: Vec<(u32, u32)> = executable.map(|s| (s.address, s.size)).collect();
        // Functions that start-up code copies to RAM lie in sections of data.
        let others = image.sections().iter().filter(|s| s.allocated);
        ranges.extend(others.map(|s| (s.address, s.size)));
        Code(ranges)
    }

    fn has(&self, pc: u32) -> bool {
        self.0.iter().any(|&(a, n)| pc.wrapping_sub(a) < n)
    }
}

impl kernel::Frame {
    /// ARM? And if so: a core with the small instruction set, or with the large one?
    fn architecture(&self) -> Option<(bool, Option<bool>)> {
        match self.architecture.as_str() {
            "arm" => Some((true, None)),
            "arm-baseline" => Some((true, Some(true))),
            "arm-mainline" => Some((true, Some(false))),
            "riscv" => Some((false, None)),
            _ => None,
        }
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.architecture().is_none() {
            return Err(format!(
                "frames: `{}` is no architecture: arm, arm-baseline, arm-mainline or riscv",
                self.architecture
            ));
        }
        self.words()?;
        for name in self.registers.keys() {
            registers(name).ok_or_else(|| format!("frames: `{name}` is no register"))?;
        }
        Ok(())
    }

    fn words(&self) -> Result<Vec<Word>, String> {
        let mut words = Vec::new();
        for token in self.words.split_whitespace() {
            let wrong = || format!("frames: `{token}` in words is no register");
            if let Some(count) = token.strip_prefix("-*") {
                let count: usize = count.parse().map_err(|_| wrong())?;
                words.extend(vec![Word::Other; count.min(64)]);
            } else if token == "-" {
                words.push(Word::Other);
            } else if token == "exception" {
                words.push(Word::Exception);
            } else if let Some(range) = token.strip_suffix('?') {
                for register in registers(range).ok_or_else(wrong)? {
                    match register {
                        Register::S(n) => words.push(Word::Float(n)),
                        _ => return Err(wrong()),
                    }
                }
            } else {
                let range = registers(token).ok_or_else(wrong)?;
                words.extend(range.into_iter().map(Word::Register));
            }
        }
        Ok(words)
    }

    /// The layout for a firmware; `None` when it is for another architecture, or a member is missing.
    pub(super) fn resolve(
        &self,
        image: &Image,
        mut member: impl FnMut(&str) -> Option<Path>,
    ) -> Option<Layout> {
        let (arm, baseline) = self.architecture()?;
        if arm != (image.architecture? == Architecture::Arm) {
            return None;
        }
        // Tag_CPU_arch: v6-M, v6S-M, v8-M.baseline (Addenda to the ABI, IHI 0045).
        let is = image.attributes.cpu_arch.map(|a| matches!(a, 11 | 12 | 16));
        if let (Some(wanted), Some(is)) = (baseline, is)
            && wanted != is
        {
            return None;
        }
        let mut members = Vec::new();
        for (name, path) in &self.registers {
            let registers = registers(name)?;
            // FP registers and EXC_RETURN are there in some settings only.
            let optional = matches!(registers[0], Register::S(_) | Register::ExcReturn);
            let Some(path) = member(path) else {
                if optional {
                    continue;
                }
                return None;
            };
            for (i, r) in registers.into_iter().enumerate() {
                members.push((r, path.plus(4 * i as u32)));
            }
        }
        Some(Layout {
            words: self.words().ok()?,
            members,
            arm,
        })
    }
}

/// `r4-r11`, `s16-s31`, `x5-x31`, `pc`, ..
fn registers(text: &str) -> Option<Vec<Register>> {
    let one = |text: &str| {
        let number = |n: &str, most: u8| n.parse().ok().filter(|n| *n <= most);
        Some(match text {
            "pc" => Register::Pc,
            "exc_return" => Register::ExcReturn,
            "mstatus" => Register::Mstatus,
            _ => match text.split_at_checked(1)? {
                ("r", n) => Register::R(number(n, 15)?),
                ("s", n) => Register::S(number(n, 31)?),
                ("x", n) => Register::X(number(n, 31)?),
                _ => return None,
            },
        })
    };
    let Some((first, last)) = text.split_once('-') else {
        return Some(vec![one(text)?]);
    };
    match (one(first)?, one(last)?) {
        (Register::R(a), Register::R(b)) if a < b => Some((a..=b).map(Register::R).collect()),
        (Register::S(a), Register::S(b)) if a < b => Some((a..=b).map(Register::S).collect()),
        (Register::X(a), Register::X(b)) if a < b => Some((a..=b).map(Register::X).collect()),
        _ => None,
    }
}

/// Registers while they are collected.
#[derive(Default)]
struct Decoder {
    arm: ArmRegisters,
    riscv: RiscvRegisters,
    exc_return: Option<u32>,
}

impl Layout {
    /// The registers of a task; `None` when what is there is not of this layout.
    pub fn read(
        &self,
        memory: &mut dyn Reader,
        code: &Code,
        task: u32,
        stack: u32,
    ) -> Option<Saved> {
        let mut d = Decoder::default();
        let (float, others): (Vec<_>, Vec<_>) = self
            .members
            .iter()
            .partition(|(r, _)| matches!(r, Register::S(_)));
        for (register, path) in others {
            d.set(*register, path.pointer(memory, task)?, code)?;
        }
        if d.has_float() {
            for (register, path) in float {
                d.set(*register, path.pointer(memory, task)?, code)?;
            }
        }
        let mut at = stack;
        for w in &self.words {
            match *w {
                Word::Exception => at = d.exception(memory, code, at)?,
                Word::Float(n) => {
                    if d.has_float() {
                        d.arm.s[usize::from(n)] = Some(word(memory, at)?);
                        at = at.wrapping_add(4);
                    }
                }
                Word::Register(r) => {
                    d.set(r, word(memory, at)?, code)?;
                    at = at.wrapping_add(4);
                }
                Word::Other => at = at.wrapping_add(4),
            }
        }
        if self.arm {
            d.arm.r[13] = Some(at);
            d.arm.r[15].is_some().then(|| Saved::Arm(Box::new(d.arm)))
        } else {
            d.riscv.x[0] = Some(0);
            d.riscv.x[2] = d.riscv.x[2].or(Some(at));
            let has_pc = d.riscv.pc.is_some();
            has_pc.then(|| Saved::Riscv(Box::new(d.riscv)))
        }
    }
}

impl Decoder {
    fn has_float(&self) -> bool {
        self.exc_return.is_some_and(|e| e & 0x10 == 0)
    }

    /// Take a register; `None` when it cannot have this value.
    fn set(&mut self, register: Register, value: u32, code: &Code) -> Option<()> {
        match register {
            Register::R(n) => self.arm.r[usize::from(n)] = Some(value),
            Register::S(n) => self.arm.s[usize::from(n)] = Some(value),
            Register::X(n) => self.riscv.x[usize::from(n)] = Some(value),
            Register::Pc => {
                if !code.has(value & !1) {
                    return None;
                }
                self.arm.r[15] = Some(value & !1);
                self.riscv.pc = Some(value);
            }
            Register::ExcReturn => {
                // Some kernels keep its low byte only. A task returns to thread mode.
                let all = value | 0xFFFF_FF00;
                let whole = value == all || value < 0x100;
                if !whole || all & 0x88 != 0x88 {
                    return None;
                }
                self.exc_return = Some(all);
            }
            Register::Mstatus => {
                // MPP is machine mode, and the reserved bits are zero.
                if value & 0x7F80_1844 != 0x1800 {
                    return None;
                }
                self.riscv.mstatus = Some(value);
            }
        }
        Some(())
    }

    /// Take what the core stacked; returns where the stack is after it.
    fn exception(&mut self, memory: &mut dyn Reader, code: &Code, at: u32) -> Option<u32> {
        let mut words = [0; 8];
        for (i, w) in (0u32..).zip(words.iter_mut()) {
            *w = word(memory, at.wrapping_add(4 * i))?;
        }
        let [r0, r1, r2, r3, r12, lr, pc, xpsr] = words;
        // Thumb state, no exception, and a PC in code.
        if xpsr & 0x0100_01FF != 0x0100_0000 || !code.has(pc & !1) {
            return None;
        }
        let r = &mut self.arm.r;
        for (n, value) in [(0, r0), (1, r1), (2, r2), (3, r3), (12, r12), (14, lr)] {
            r[n] = Some(value);
        }
        r[15] = Some(pc & !1);
        self.arm.xpsr = Some(xpsr & !(1 << 9));
        let mut size = 32;
        if self.has_float() {
            for i in 0..16u32 {
                let s = word(memory, at.wrapping_add(32 + 4 * i))?;
                self.arm.s[i as usize] = Some(s);
            }
            self.arm.fpscr = Some(word(memory, at.wrapping_add(96))?);
            size = 104;
        }
        if xpsr & 1 << 9 != 0 {
            size += 4;
        }
        Some(at.wrapping_add(size))
    }
}
