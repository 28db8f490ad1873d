//! Instructions of the privileged architecture, which the loop carries out itself.

use super::Core;
use super::csr::{MACHINE, Now};
use super::decode::{Class, Insn, one};
use super::traps::cause;
use crate::backend::Flow;
use crate::machine::Stop;
use crate::notices::NoticeKind;
use crate::semihosting::{Outcome, operation_name};
use crate::time::Cycles;

/// The instructions around an EBREAK that make it a semihosting call (RISC-V semihosting, "Semihosting
/// trap instruction sequence"): `slli x0, x0, 0x1f` and `srai x0, x0, 7`.
const SEMIHOSTING: (u32, u32) = (0x01F0_1013, 0x4070_5013);

impl Core {
    /// A privileged instruction came back from the engine: the running block's `index`, its last one.
    pub(super) fn system(&mut self, index: usize) {
        let insn = self.insn(index);
        let start = self.start_of(index);
        self.come_to(insn.address, start);
        match self.execute(&insn, start, index) {
            Ok(next) => {
                let count = self.variants[self.current].count as usize;
                let next = next.unwrap_or(insn.end());
                self.finish(count, next);
                if insn.class == Class::Mret {
                    self.profile_return(next);
                }
                self.cpu.set_pc(next);
            }
            Err((cause, tval)) => {
                let (now, _) = self.finish(index, insn.address);
                self.trap(cause, insn.address, tval, now, start);
            }
        }
    }

    /// The first instruction of block `id` is one that the engine must not see. It executes at `start`.
    pub(super) fn special(&mut self, id: usize, address: u32, now: u64, start: u64) -> Flow {
        let insn = self.blocks[self.variants[id].block].insns[0];
        if insn.class == Class::Ebreak {
            return self.ebreak(&insn, id, now, start);
        }
        self.come_to(address, start);
        if insn.class == Class::Wfi {
            return self.wait(&insn, id, start);
        }
        match self.execute(&insn, start, 0) {
            Ok(next) => {
                let state = self.part(id, 0, 1);
                self.rest(start, state);
                self.redirect_to(next.unwrap_or(insn.end()), None)
            }
            Err((cause, tval)) => {
                self.trap(cause, address, tval, now, start);
                self.after_trap()
            }
        }
    }

    /// Bring the bus to the instruction at `pc`, which executes at `start`.
    fn come_to(&mut self, pc: u32, start: u64) {
        self.bus.pc = pc;
        if self.bus.events.next_at().0 < start {
            self.bus.advance_to(Cycles(start - 1));
        }
        self.bus.now = self.bus.now.max(Cycles(start));
    }

    /// Carry out an instruction, with `before` instructions of the running block before it. Gives where it goes
    /// when it is not the next one, or cause and mtval of its exception.
    fn execute(
        &mut self,
        insn: &Insn,
        start: u64,
        before: usize,
    ) -> Result<Option<u32>, (u32, u32)> {
        let illegal = (cause::ILLEGAL, insn.encoding);
        match insn.class {
            Class::CsrRead | Class::CsrWrite => self
                .csr_instruction(insn, start, before)
                .map(|()| None)
                .ok_or(illegal),
            Class::Mret if self.csr.privilege == MACHINE => {
                Ok(Some(self.return_from_trap(start, insn.address)))
            }
            Class::Ecall => Err((cause::ECALL + u32::from(self.csr.privilege), 0)),
            _ => Err(illegal),
        }
    }

    fn csr_instruction(&mut self, insn: &Insn, start: u64, before: usize) -> Option<()> {
        // Counting goes over all blocks: only where it is asked for.
        let counts = matches!(insn.csr(), 0xB02 | 0xB82 | 0xC02 | 0xC82);
        let now = Now {
            cycle: start,
            retired: if counts {
                self.executed() + before as u64
            } else {
                0
            },
            lines: self.line_levels(),
        };
        let old = self.csr.read(insn.csr(), now).ok()?;
        let operand = if insn.funct3() & 4 == 0 {
            self.cpu.x(insn.rs1.into())
        } else {
            insn.imm
        };
        let value = match insn.funct3() & 3 {
            1 => operand,
            2 => old | operand,
            _ => old & !operand,
        };
        if insn.class == Class::CsrWrite {
            let unmodelled = self.csr.write(insn.csr(), value, now).ok()?;
            if unmodelled {
                self.bus.note(
                    NoticeKind::UnmodelledFeature,
                    "physical memory protection: no access is refused".to_owned(),
                );
            }
        }
        self.cpu.set_x(insn.rd.into(), old);
        Some(())
    }

    /// EBREAK, the first instruction of block `id`.
    fn ebreak(&mut self, insn: &Insn, id: usize, now: u64, start: u64) -> Flow {
        let word = |at: u32| {
            let bytes = self.bus.memory.slice(at, 4)?;
            Some(one(at, bytes).encoding)
        };
        let around = (
            word(insn.address.wrapping_sub(4)),
            word(insn.address.wrapping_add(4)),
        );
        let call = insn.size == 4 && around == (Some(SEMIHOSTING.0), Some(SEMIHOSTING.1));
        if !call || self.semihosting.is_none() {
            self.come_to(insn.address, start);
            self.trap(cause::BREAKPOINT, insn.address, insn.address, now, start);
            return self.after_trap();
        }
        self.semihosting_call(insn, id, start)
    }

    /// The instruction takes its cycle; the host's work takes none.
    fn semihosting_call(&mut self, insn: &Insn, id: usize, start: u64) -> Flow {
        let (op, arg) = (self.cpu.x(10), self.cpu.x(11));
        self.bus.pc = insn.address;
        if operation_name(op).is_none() {
            self.come_to(insn.address, start);
            self.bus.note(
                NoticeKind::UnmodelledFeature,
                format!("semihosting operation {op:#x}"),
            );
        }
        let time = self.bus.clocks.attoseconds(Cycles(start));
        let Some(console) = &mut self.semihosting else {
            return Flow::Redirect;
        };
        let port = console.port;
        let outcome = console.host.call(op, arg, &mut self.bus.memory, time);
        let written = console.host.written().to_vec();
        if outcome == Outcome::WaitForInput {
            // Everything stays as it was before the call.
            return self.stop_here(insn.address, Stop::AwaitsInput);
        }
        self.come_to(insn.address, start);
        self.bus.host_wrote(written);
        let result = match outcome {
            Outcome::WaitForInput => None,
            Outcome::Return(v) => Some(v),
            Outcome::Console { bytes, result } => {
                for byte in bytes {
                    self.bus.serial_push(port, byte);
                }
                Some(result)
            }
            Outcome::Exit(code) => {
                self.stop = Some(Stop::Exit(code));
                None
            }
        };
        if let Some(v) = result {
            self.cpu.set_x(10, v);
        }
        let state = self.part(id, 0, 1);
        self.rest(start, state);
        self.cpu.set_pc(insn.end());
        if self.stop.is_some() {
            Flow::Stop
        } else {
            Flow::Redirect
        }
    }
}
