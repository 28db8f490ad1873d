//! The core's part of a snapshot.

use super::{Core, Ledger, Sleep};
use crate::device::StateError;
use crate::machine::Registers;
use crate::time::Cycles;
use crate::timing::Pipe;
use crate::timing::flash::Flash;
use crate::watch::{Place, Variable};
use serde::{Deserialize, Serialize};

/// Everything in the core that a run depends on, but for the registers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CoreState {
    pub(crate) registers: Registers,
    pub(crate) it: u8,
    pub(crate) thumb: bool,
    exclusive: (u64, u64),
    t0: u64,
    pipe: Pipe,
    sleep: Sleep,
    slept_at: u64,
    locked_up: bool,
    flash: Option<Flash>,
    other_insns: u64,
    ledger: Ledger,
    semihosting: Vec<u8>,
}

impl CoreState {
    /// Cycles by provenance and kind; a sleep that goes on counts up to `now`.
    pub(crate) fn ledger(&self, now: Cycles) -> Ledger {
        let mut ledger = self.ledger;
        if self.sleep != Sleep::Awake {
            ledger.sleep += now.0.saturating_sub(self.slept_at);
        }
        ledger
    }

    /// The part that a state hash covers: not how well the costs are known, which is bookkeeping, nor what depends on
    /// how blocks were cut.
    pub(crate) fn for_hash(&self) -> CoreState {
        let mut state = CoreState {
            ledger: Ledger::default(),
            flash: self.flash.as_ref().map(Flash::canonical),
            ..self.clone()
        };
        if let Some(last) = &mut state.pipe.last {
            last.slave = 0; // only known where it matters
        }
        state
    }
}

impl Core {
    /// Does the core sleep?
    pub(crate) fn is_asleep(&self) -> bool {
        self.sleep != Sleep::Awake
    }

    /// Stop after one instruction, or no longer. A step of a sleeping core ends when it wakes.
    pub(crate) fn set_stepping(&mut self, on: bool) {
        let asleep = u64::from(self.is_asleep());
        self.stepping = on.then(|| self.executed().saturating_sub(asleep));
        self.pass_breakpoint = on.then(|| (self.cpu.pc(), self.executed()));
        self.entered = false;
    }

    /// Set or clear a breakpoint.
    pub(crate) fn set_breakpoint(&mut self, address: u32, on: bool) {
        let changed = if on {
            self.breakpoints.insert(address)
        } else {
            self.breakpoints.remove(&address)
        };
        if changed {
            self.clear_blocks();
        }
    }

    /// Record these places and variables from now on.
    pub(crate) fn watch(&mut self, places: &[Place], variables: &[Variable]) {
        self.places.set(places);
        self.bus.watch(variables);
        self.watched_pages.clear();
        self.engine.flush_tlb();
        self.clear_blocks();
    }

    /// Must the instruction at this address begin a block?
    pub(super) fn cuts_at(&self, address: u32) -> bool {
        self.breakpoints.contains(&address) || self.places.contains(address)
    }

    /// The registers as a debugger sees them.
    pub(crate) fn registers(&self) -> Registers {
        let cpu = self.cpu;
        let masks = cpu.masks();
        let (msplim, psplim) = cpu.stack_limits();
        let mut r = Registers {
            xpsr: cpu.xpsr(),
            msp: cpu.msp(),
            psp: cpu.psp(),
            msplim,
            psplim,
            primask: u32::from(masks.primask),
            basepri: u32::from(masks.basepri),
            faultmask: u32::from(masks.faultmask),
            control: cpu.control(),
            fpscr: cpu.fpscr(),
            ..Registers::default()
        };
        for n in 0..16 {
            r.r[n] = cpu.r(n);
        }
        for n in 0..32 {
            r.s[n] = cpu.s(n);
        }
        r
    }

    /// Set the registers.
    pub(crate) fn set_registers(&mut self, r: &Registers) {
        let cpu = self.cpu;
        cpu.set_mode((r.xpsr & 0x1FF) as u16, r.control);
        cpu.set_msp(r.msp);
        cpu.set_psp(r.psp);
        cpu.set_stack_limits((r.msplim, r.psplim));
        for n in (0..13).chain(14..15) {
            cpu.set_r(n, r.r[n]);
        }
        cpu.set_r(13, r.r[13] & !3);
        cpu.set_apsr(r.xpsr);
        cpu.set_it_state(((r.xpsr >> 25 & 3) | (r.xpsr >> 8 & 0xFC)) as u8);
        cpu.set_masks(crate::cortex_m::Masks {
            primask: r.primask & 1 != 0,
            faultmask: r.faultmask & 1 != 0,
            basepri: r.basepri as u8,
        });
        for n in 0..32 {
            cpu.set_s(n, r.s[n]);
        }
        cpu.set_fpscr(r.fpscr);
        cpu.jump(r.r[15] & !1 | (r.xpsr >> 24 & 1));
        self.bus.system.current = (r.xpsr & 0x1FF) as u16;
    }

    /// Take the core's state. It must rest (between two runs).
    pub(crate) fn save(&self) -> CoreState {
        let (insns, ledger) = self.counted();
        CoreState {
            registers: self.registers(),
            it: self.cpu.it_state(),
            thumb: self.cpu.thumb(),
            exclusive: self.cpu.exclusive(),
            t0: self.t0,
            pipe: self.states.get(self.resting_state()),
            sleep: self.sleep,
            slept_at: self.slept_at,
            locked_up: self.locked_up,
            flash: self.flash.clone(),
            other_insns: insns,
            ledger,
            semihosting: self
                .semihosting
                .as_ref()
                .map(|c| c.host.save())
                .unwrap_or_default(),
        }
    }

    /// Go on from a saved state.
    pub(crate) fn load(&mut self, s: &CoreState) -> Result<(), StateError> {
        if let Some(console) = &mut self.semihosting {
            console.host.load(&s.semihosting)?;
        }
        self.fold_executions();
        let aspen = self.bus.system.fpccr >> 31 != 0;
        self.fp_control = (aspen, self.bus.system.fpdscr);
        self.cpu
            .set_fp_context_control(aspen, self.bus.system.fpdscr);
        self.set_registers(&s.registers);
        self.cpu.jump(self.cpu.pc() | u32::from(s.thumb));
        self.cpu.set_it_state(s.it);
        self.cpu.set_exclusive(s.exclusive);
        let state = self.states.intern(s.pipe);
        self.rest(s.t0, state);
        self.sleep = s.sleep;
        self.slept_at = s.slept_at;
        self.locked_up = s.locked_up;
        if s.flash.is_some() {
            self.flash.clone_from(&s.flash);
            if let Some(f) = &mut self.flash {
                f.restored();
            }
        }
        self.other_insns = s.other_insns;
        self.ledger = s.ledger;
        self.profile_restored();
        self.undo = None;
        self.stop = None;
        self.breakpoint_due = false;
        self.engine.flush_code();
        self.engine.flush_tlb();
        self.clear_blocks();
        Ok(())
    }
}
