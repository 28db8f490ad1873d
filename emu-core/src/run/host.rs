//! The engine's callbacks.

use super::blocks::{Block, flag};
use super::enter::slot;
use super::exceptions::cfsr;
use super::{Core, Entry, NO_BLOCK};
use crate::backend::engine::{Ended, PAGE, Translation, exception, locate_access};
use crate::backend::{Flow, Host, TlbAccess};
use crate::decode::{Class, Insn};
use crate::device::{Access, Width};
use crate::machine::Stop;
use crate::notices::NoticeKind;
use crate::semihosting::{Outcome, operation_name};
use crate::time::Cycles;
use crate::timing::Inputs;
use crate::watch::seen;

impl Host for Core {
    #[inline]
    fn block(&mut self, address: u32, size: u32) -> Flow {
        if self.current == NO_BLOCK {
            return self.block_after_rest(address, size);
        }
        let v = &mut self.variants[self.current];
        let (now, state) = if v.flags & (flag::LATE | flag::EAGER) == 0 && !self.misses {
            v.executions += 1;
            if v.flags & flag::LINES != 0 {
                if v.touched <= self.touches_synced {
                    self.touched.push(self.current as u32);
                }
                self.touches += 1;
                v.touched = self.touches;
            }
            let state = if address == v.end {
                v.exit_next
            } else {
                v.exit_taken
            };
            let now = self.t0 + u64::from(v.cycles) + self.waited;
            if self.profiler.is_some() {
                self.profile_block(None, address);
            }
            (now, state)
        } else {
            let count = v.count as usize;
            let horizon = self.horizon;
            let at = self.finish(count, address);
            self.horizon = horizon;
            at
        };
        let e = self.table[slot(address, state)];
        if e.address == address
            && e.size == size
            && e.state == state
            && e.variant != 0
            && self.cpu.it_state() == 0
            && let Some(id) = self.ready(e.variant as usize)
        {
            let next = &self.variants[id];
            if now + u64::from(next.bound) <= self.horizon
                && next.flags & self.slow_flags == 0
                && (next.flags & flag::LINES == 0 || !self.would_miss(id))
            {
                self.start(id, now);
                return Flow::Continue;
            }
        }
        self.rest(now, state);
        self.enter(address, size, now, state)
    }

    fn site(&mut self, address: u32) {
        if self.current == NO_BLOCK {
            return;
        }
        let block = &self.blocks[self.variants[self.current].block];
        if let Some(&(_, number)) = block.hooked.iter().find(|h| h.0 == address) {
            self.at_site(number);
        } else if block.hooked.is_empty() && !block.hooked_in_vain && block.heals > 0 {
            let id = self.variants[self.current].block;
            self.blocks[id].hooked_in_vain = true;
            self.blocks[id].heals -= 1;
            let e =
                &mut self.table[slot(self.blocks[id].address, self.variants[self.current].entry)];
            *e = Entry::default();
        }
    }

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
        match result {
            Err(_) if !self.bus_faults_ignored() => Err(self.access_failed(address)),
            value => Ok(value.unwrap_or(0)),
        }
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
        // What was written may be a setting of the core itself: look at everything before the next block.
        self.horizon = if kind == Access::Sync || self.code_is_dirty() {
            0
        } else {
            self.horizon_now()
        };
        match result {
            Err(_) if !self.bus_faults_ignored() => Err(self.access_failed(address)),
            _ => Ok(()),
        }
    }

    fn exception(&mut self, number: u32) {
        let pc = self.cpu.pc();
        let count = self.variants[self.current].count as usize;
        match number {
            exception::SVC => {
                let (now, _) = self.finish(count, pc);
                self.supervisor_call(pc, now);
            }
            exception::EXCEPTION_RETURN => {
                let (now, _) = self.finish(count, pc);
                // Bit 0 went where that of every branch goes; before ARMv8-M it does not count.
                let bit0 = !self.is_v8m() || self.cpu.thumb();
                self.exception_return(pc | u32::from(bit0), now);
            }
            exception::BKPT => self.bkpt(pc),
            exception::NOCP => {
                let (insn, now, start) = self.up_to(pc);
                self.raise_nocp(&insn, now, start);
            }
            exception::UNALIGNED => self.unaligned(pc),
            exception::STACK_OVERFLOW => {
                let (insn, now, start) = self.up_to(pc);
                self.raise_usage(cfsr::STKOF, insn.address, now, start);
            }
            _ if pc >= 0xF000_0000 => {
                // A branch to EXC_RETURN in thread mode is a fetch from an XN region.
                let (now, _) = self.finish(count, pc);
                self.raise_fetch_fault(pc, now);
            }
            other => {
                let (_, now, _) = self.up_to(pc);
                self.stop = Some(Stop::Internal(format!(
                    "engine exception {other} at {pc:#010x} (cycle {now})"
                )));
            }
        }
        if self.stop.is_some() || self.sleep != super::Sleep::Awake || !self.cpu.thumb() {
            // The engine's main loop goes on at the new PC; the first block hook there stops it.
            self.horizon = 0;
        }
    }

    fn undefined(&mut self) -> bool {
        let pc = self.cpu.pc();
        let (insn, now, start) = self.up_to(pc);
        self.refuse(&insn, now, start);
        true
    }

    fn translate(&mut self, page: u32, access: TlbAccess) -> Option<Translation> {
        if access != TlbAccess::Fetch {
            // The engine has put a stale ITSTATE here on its way (see the `it` canary).
            self.cpu.set_it_state(0);
        }
        self.translate_page(page, access)
    }
}

impl Core {
    /// The variant of a chain whose inputs are those of the registers now.
    #[inline]
    fn ready(&mut self, first: usize) -> Option<usize> {
        let v = &self.variants[first];
        if v.flags & flag::SITES == 0 {
            return Some(first);
        }
        let key = if v.base_key.is_some() {
            self.quick_key(first)?
        } else {
            let (key, readable) = self.entry_key(v.block, v.first_matters);
            if readable != usize::MAX {
                return None;
            }
            key
        };
        let mut id = first;
        while self.variants[id].key != key {
            id = self.variants[id].sibling as usize;
            if id == 0 {
                return None;
            }
        }
        Some(id)
    }

    /// The block hook when nothing ran before it: after a stop, an exception, a split.
    fn block_after_rest(&mut self, address: u32, size: u32) -> Flow {
        if self.stop.is_some() || self.sleep != super::Sleep::Awake {
            let place = self.bus.memory.resolve(address);
            self.code_lines.mark(place, size);
            let it = self.cpu.it_state();
            return self.redirect_and_stop(address, it);
        }
        let count = self.variants[self.current].count as usize;
        let (now, state) = self.finish(count, address);
        self.enter(address, size, now, state)
    }

    fn redirect_and_stop(&mut self, address: u32, it: u8) -> Flow {
        self.cpu.set_r(15, address);
        self.cpu.set_it_state(it);
        Flow::Stop
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
        // A transfer of several words must not be abandoned behind its first word: it is made alone too.
        let beats = self.running().is_some_and(|b| b.insns[index].count > 1);
        if !alone && (kind == Access::Sync || beats) {
            return Err(self.make_alone(index));
        }
        if alone {
            self.bus.system.masks = self.cpu.masks();
        }
        if address >> 20 == 0xE00 && !self.may_use_ppb(address) {
            return Err(self.access_failed(address));
        }
        let start = self.start_of(index);
        let Some(at) = self.wait_for_device(address, write, index, start, alone) else {
            return Err(self.make_alone(index));
        };
        self.beats += u64::from(beats);
        self.bus.pc = self.running().map_or(0, |b| b.insns[index].address);
        self.come_to(at);
        Ok(kind)
    }

    /// Index in the running block of the instruction that makes the present access.
    pub(super) fn accessing_instruction(&mut self) -> Result<usize, Flow> {
        if self.variants[self.current].count == 1 {
            return Ok(0);
        }
        // SAFETY: called from the engine's I/O callbacks only.
        unsafe { locate_access(self.cpu, false) };
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
        // SAFETY: called from the engine's I/O callbacks only; with ITSTATE, since the block is left.
        unsafe { locate_access(self.cpu, true) };
        let pc = self.cpu.pc();
        let fp = |b: &Block| b.insns[..=index].iter().position(|i| i.class.is_fp()) == Some(index);
        if let Some(fpscr) = self.without_context
            && self.running().is_some_and(fp)
        {
            // The first FP instruction has made an FP context before its access.
            let control = self.cpu.control() & !4;
            self.cpu.set_fpscr(fpscr);
            self.cpu.set_mode(self.cpu.ipsr(), control);
        }
        self.finish(index, pc);
        self.cpu.limit_next_block(1);
        Flow::Redirect
    }

    /// Unprivileged code has no access to the private peripheral bus (DDI 0403E B3.1), but for the ITM
    /// stimulus ports and, when CCR.USERSETMPEND says so, STIR.
    fn may_use_ppb(&self, address: u32) -> bool {
        const STIR: u32 = 0xE000_EF00;
        self.privileged()
            || address >> 12 == 0xE_0000
            || address == STIR && self.bus.system.ccr & 2 != 0
    }

    /// CCR.BFHFNMIGN: handlers of priority -1 and -2 may probe for what is not there.
    fn bus_faults_ignored(&self) -> bool {
        let s = &self.bus.system;
        s.ccr & 1 << 8 != 0 && s.execution_priority(self.cpu.masks()) < 0
    }

    /// The access of the present instruction failed: a bus fault.
    fn access_failed(&mut self, address: u32) -> Flow {
        self.bus.watchpoints.forget_own();
        // SAFETY: called from the engine's I/O callbacks only.
        unsafe { locate_access(self.cpu, true) };
        let pc = self.cpu.pc();
        let (insn, now, start) = self.up_to(pc);
        // Stores to an alias of flash are seen at the flash itself: tell the program's own address.
        let page = self.effective_address(&insn) & !0x3FF;
        let seen = self.bus.memory.resolve(page);
        let address = if address & !0x3FF == seen {
            address.wrapping_sub(seen).wrapping_add(page)
        } else {
            address
        };
        self.raise_bus_fault(address, pc, now, start);
        if self.stop.is_some() {
            Flow::Stop
        } else {
            Flow::Redirect
        }
    }

    /// The running block stands before the instruction at `pc` and will not execute it: account what came
    /// before. Gives the instruction, the start of the one before, and when this one would have started.
    pub(super) fn up_to(&mut self, pc: u32) -> (crate::decode::Insn, u64, u64) {
        let index = self.index_of(pc);
        match index {
            Some(i) => {
                let insn = self.blocks[self.variants[self.current].block].insns[i];
                let start = self.start_of(i);
                let (now, _) = self.finish(i, pc);
                (insn, now, start)
            }
            None => {
                let count = self.variants[self.current].count as usize;
                let (now, _) = self.finish(count, pc);
                let code: Vec<u8> = self
                    .bus
                    .memory
                    .slice(pc, 2)
                    .map(<[u8]>::to_vec)
                    .unwrap_or(vec![0, 0xDE]);
                (self.decoder.one(pc, &code), now, now + 1)
            }
        }
    }

    fn bkpt(&mut self, pc: u32) {
        let (insn, now, start) = self.up_to(pc);
        if insn.class == Class::Bkpt && insn.raw & 0xFF == 0xAB && self.semihosting.is_some() {
            self.semihosting_call(&insn, now, start);
        } else {
            self.breakpoint_instruction(pc, now.max(start));
        }
    }

    /// BKPT 0xAB at `pc`, which starts at `start`. The instruction takes its cycle; the host's work takes none.
    fn semihosting_call(&mut self, insn: &Insn, now: u64, start: u64) {
        let pc = insn.address;
        self.bus.pc = pc;
        let (op, arg) = (self.cpu.r(0), self.cpu.r(1));
        if operation_name(op).is_none() {
            self.bus.now = self.bus.now.max(Cycles(start));
            self.bus.note(
                NoticeKind::UnmodelledFeature,
                format!("semihosting operation {op:#x}"),
            );
        }
        let time = self.bus.clocks.attoseconds(Cycles(start));
        let Some(console) = &mut self.semihosting else {
            return;
        };
        let port = console.port;
        let outcome = console.host.call(op, arg, &mut self.bus.memory, time);
        let written = console.host.written().to_vec();
        // A call that waits leaves everything as it was before it.
        if outcome != Outcome::WaitForInput {
            self.bus.now = self.bus.now.max(Cycles(start));
        }
        self.bus.host_wrote(written);
        let state = self.resting_state();
        let result = match outcome {
            Outcome::WaitForInput => {
                self.rest(now, state);
                self.stop = Some(Stop::AwaitsInput);
                return;
            }
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
            self.cpu.set_r(0, v);
        }
        self.pass(insn, Inputs::PLAIN);
        self.cpu.set_r(15, pc.wrapping_add(2));
    }

    /// The engine came back from a run.
    pub(super) fn engine_returned(&mut self, ended: Ended) {
        if self.stop.is_some() {
            return;
        }
        match ended {
            Ended::Stopped => {}
            Ended::Untranslated(address) => self.untranslated(address),
            Ended::Undefined => {
                // The hook deals with all of them; being here means it was not asked.
                let pc = self.cpu.pc();
                self.stop = Some(Stop::Internal(format!(
                    "undefined instruction at {pc:#010x} was not caught"
                )));
            }
            Ended::Error(e) => {
                let pc = self.cpu.pc();
                self.stop = Some(Stop::Internal(format!("engine error {e} at {pc:#010x}")));
            }
        }
    }

    /// An access or a fetch that has no translation: MPU or no memory.
    fn untranslated(&mut self, address: u32) {
        let pc = self.cpu.pc();
        let fetch = address & !1 == pc || self.fetch_denied(pc) || !self.can_fetch(pc);
        if fetch && !self.can_fetch(pc) {
            let count = self.variants[self.current].count as usize;
            let (now, _) = self.finish(count, pc);
            self.raise_fetch_fault(pc, now);
            return;
        }
        let (_, now, start) = self.up_to(pc);
        if self.data_denied(address) {
            self.raise_mem_manage(address, pc, now, start);
        } else if self.bus.memory.region_at(address).is_some() && self.permissive == 0 {
            // A page of which the MPU allows only a part, and this access is allowed: make it alone.
            self.permissive = 2;
            self.engine.flush_tlb();
            self.cpu.limit_next_block(1);
        } else {
            self.raise_bus_fault(address, pc, now, start);
        }
    }
}
