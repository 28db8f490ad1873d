//! The engine's callbacks.

use super::blocks::flag;
use super::decode::{Class, Insn};
use super::enter::slot;
use super::memory::PAGE;
use super::traps::cause;
use super::{Core, NO_BLOCK};
use crate::backend::engine::{Ended, Isa, Translation};
use crate::backend::riscv::exception;
use crate::backend::{Flow, Host, TlbAccess};
use crate::device::{Access, Width};
use crate::machine::Stop;
use crate::time::Cycles;
use crate::watch::seen;

impl Host for Core {
    const ISA: Isa = Isa::Riscv;

    #[inline]
    fn block(&mut self, address: u32, size: u32) -> Flow {
        if self.current == NO_BLOCK {
            return self.block_after_rest(address, size);
        }
        let id = self.current;
        let v = &mut self.variants[id];
        let (now, state) = if v.flags & flag::DYNAMIC == 0 {
            v.executions += 1;
            let (now, flags) = (self.t0 + u64::from(v.cycles), v.flags);
            if self.profiler.is_some() {
                self.profile_block(None, address);
            }
            let exit = if flags & flag::TRANSFER == 0 {
                0
            } else {
                self.outcome(id, address)
            };
            (now, self.variants[id].exits[exit])
        } else {
            let (count, horizon) = (v.count as usize, self.horizon);
            let at = self.finish(count, address);
            self.horizon = horizon;
            at
        };
        let e = self.table[slot(address, state)];
        if e.address == address && e.size == size && e.state == state && e.variant != 0 {
            let next = &self.variants[e.variant as usize];
            if now + u64::from(next.bound) <= self.horizon
                && next.flags & self.slow_flags == 0
                && (next.flags & flag::ALIGNED == 0 || self.may_run(next))
            {
                self.start_block(e.variant as usize, now);
                return Flow::Continue;
            }
        }
        self.rest(now, state);
        self.enter(address, size, now, state)
    }

    fn site(&mut self, _address: u32) {}

    fn io_read(&mut self, address: u32, bytes: u32) -> Result<u32, Flow> {
        let mut address = address;
        if let Some(access) = self.watched_pages.at::<PAGE>(address, bytes) {
            self.watched_access(access, bytes, false)?;
            if let Some(value) = self.bus.memory.load_at(access.place, bytes) {
                return Ok(value);
            }
            address = access.address;
        }
        self.at_access(address, bytes, false)?;
        let result = self.bus.read(address, Width::from_bytes(bytes));
        self.horizon = self.horizon_now();
        result.map_err(|_| self.access_failed(address, false))
    }

    fn io_write(&mut self, address: u32, bytes: u32, value: u32) -> Result<(), Flow> {
        let mut address = address;
        if let Some(access) = self.watched_pages.at::<PAGE>(address, bytes) {
            self.watched_access(access, bytes, true)?;
            // A store that is recorded needs its exact cycle.
            if access.what & seen::VARIABLE == 0
                && self
                    .bus
                    .memory
                    .store_at(access.place, bytes, value)
                    .is_some()
            {
                self.changed_code(access.address, bytes);
                return Ok(());
            }
            address = access.address;
        }
        let kind = self.at_access(address, bytes, true)?;
        let result = self.bus.write(address, Width::from_bytes(bytes), value);
        self.horizon = if kind == Access::Sync || self.code_is_dirty() {
            0
        } else {
            self.horizon_now()
        };
        result.map_err(|_| self.access_failed(address, true))
    }

    fn exception(&mut self, number: u32) {
        let pc = self.cpu.pc().wrapping_sub(4);
        match (number, self.index_of(pc)) {
            (exception::ILLEGAL | exception::ECALL, Some(index)) => self.system(index),
            (exception::LOAD_MISALIGNED | exception::STORE_MISALIGNED, Some(index)) => {
                let insn = self.insn(index);
                let at = self.cpu.x(insn.rs1.into());
                let start = self.start_of(index);
                let (now, _) = self.finish(index, pc);
                self.misaligned(&insn, at, now, start);
            }
            _ => {
                self.stop = Some(Stop::Internal(format!(
                    "engine exception {number} at {pc:#010x}"
                )));
            }
        }
        if self.stop.is_some() || self.stuck {
            // The engine's main loop goes on at the PC; the first block hook there stops it.
            self.horizon = 0;
        }
    }

    fn undefined(&mut self) -> bool {
        // EBREAK is carried out before the engine sees it.
        let pc = self.cpu.pc();
        self.stop = Some(Stop::Internal(format!("EBREAK at {pc:#010x}")));
        false
    }

    fn translate(&mut self, page: u32, access: TlbAccess) -> Option<Translation> {
        self.translate_page(page, access)
    }
}

impl Core {
    /// An instruction of the running block.
    pub(super) fn insn(&self, index: usize) -> Insn {
        self.blocks[self.variants[self.current].block].insns[index]
    }

    /// The block hook when nothing ran before it: after a stop, a trap, a split.
    fn block_after_rest(&mut self, address: u32, size: u32) -> Flow {
        if self.stop.is_some() || self.asleep || self.stuck {
            let place = self.bus.memory.resolve(address);
            self.code_lines.mark(place, size);
            self.cpu.set_pc(address);
            return Flow::Stop;
        }
        let (now, state) = (self.t0, self.resting_state());
        self.enter(address, size, now, state)
    }

    /// Bring time to the access that is being made. An access that needs an exact boundary and is not in
    /// a block of its own is abandoned, to be made again in one.
    fn at_access(&mut self, address: u32, bytes: u32, write: bool) -> Result<Access, Flow> {
        let alone = self.variants[self.current].count == 1;
        let index = self.accessing_instruction()?;
        if self.bus.watchpoints.armed() {
            self.look_at_access(index, address, bytes, write)?;
        }
        let kind = self.bus.access_kind(address, write);
        // What reads and then writes must not be abandoned in between: it is made alone too.
        let twofold = matches!(
            self.insn(index).class,
            Class::Atomic | Class::StoreConditional
        );
        if !alone && (kind == Access::Sync || twofold) {
            return Err(self.make_alone(index));
        }
        let start = self.start_of(index);
        self.bus.pc = self.insn(index).address;
        // What is due in this very cycle comes behind the access, at the next boundary.
        if self.bus.events.next_at().0 < start {
            self.bus.advance_to(Cycles(start - 1));
        }
        self.bus.now = Cycles(start);
        Ok(kind)
    }

    /// Index in the running block of the instruction that makes the present access.
    pub(super) fn accessing_instruction(&mut self) -> Result<usize, Flow> {
        if self.variants[self.current].count == 1 {
            return Ok(0);
        }
        // SAFETY: called from the engine's I/O callbacks only.
        unsafe { self.cpu.locate_access() };
        let pc = self.cpu.pc();
        if let Some(index) = self.index_of(pc) {
            return Ok(index);
        }
        self.stop = Some(Stop::Internal(format!(
            "access at {pc:#010x} outside of its block"
        )));
        Err(Flow::Stop)
    }

    /// The running block stands before the access of instruction `index`, which must be made again as a block of
    /// its own.
    pub(super) fn make_alone(&mut self, index: usize) -> Flow {
        // SAFETY: called from the engine's I/O callbacks only.
        unsafe { self.cpu.locate_access() };
        let pc = self.cpu.pc();
        self.finish(index, pc);
        self.cpu.limit_next_block(1);
        Flow::Redirect
    }

    /// The access of the present instruction failed.
    fn access_failed(&mut self, address: u32, write: bool) -> Flow {
        self.bus.watchpoints.forget_own();
        // SAFETY: called from the engine's I/O callbacks only.
        unsafe { self.cpu.locate_access() };
        let pc = self.cpu.pc();
        let index = self.index_of(pc).unwrap_or(0);
        let store = write || matches!(self.insn(index).class, Class::Atomic);
        let start = self.start_of(index);
        let (now, _) = self.finish(index, pc);
        let cause = if store {
            cause::STORE_FAULT
        } else {
            cause::LOAD_FAULT
        };
        self.trap(cause, pc, address, now, start);
        self.after_trap()
    }

    /// The engine came back from a run.
    pub(super) fn engine_returned(&mut self, ended: Ended) {
        if self.stop.is_some() || self.stuck || self.asleep {
            return;
        }
        let pc = self.cpu.pc();
        match ended {
            Ended::Stopped => {}
            Ended::Untranslated(address) => self.untranslated(address, pc),
            Ended::Undefined => {
                self.stop = Some(Stop::Internal(format!("undefined at {pc:#010x}")));
            }
            Ended::Error(e) => {
                self.stop = Some(Stop::Internal(format!("engine error {e} at {pc:#010x}")));
            }
        }
    }

    /// An access or a fetch that has no translation.
    fn untranslated(&mut self, address: u32, pc: u32) {
        if self.bus.memory.region_at(pc).is_none() {
            let count = self.variants[self.current].count as usize;
            let (now, state) = self.finish(count, pc);
            let start = now + u64::from(self.states.get(state).gap);
            self.trap(cause::FETCH_FAULT, pc, pc, now, start);
            return;
        }
        let Some(index) = self.index_of(pc) else {
            // The second half of an instruction lies beyond memory.
            let (now, state) = (self.t0, self.resting_state());
            let start = now + u64::from(self.states.get(state).gap);
            self.trap(cause::FETCH_FAULT, pc, address, now, start);
            return;
        };
        let store = matches!(
            self.insn(index).class,
            Class::Store | Class::Atomic | Class::StoreConditional
        );
        let start = self.start_of(index);
        let (now, _) = self.finish(index, pc);
        let cause = if store {
            cause::STORE_FAULT
        } else {
            cause::LOAD_FAULT
        };
        self.trap(cause, pc, address, now, start);
    }
}
