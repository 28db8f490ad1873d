//! The core's part of a snapshot.

use super::multiple::Undo;
use super::{Core, Ledger, Sleep};
use crate::device::StateError;
use crate::machine::Registers;
use crate::snapshot::Changes;
use crate::time::Cycles;
use crate::timing::Pipe;
use crate::timing::flash::Flash;
use crate::watch::{Happened, Place, Variable};
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
    // What follows decides what is observed and what stops the run; it is no part of the machine's state.
    #[serde(skip)]
    undo: Option<Undo>,
    #[serde(skip)]
    happened: Happened,
    #[serde(skip)]
    pass_breakpoint: Option<(u32, u64)>,
    #[serde(skip)]
    breakpoint_due: bool,
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

    /// How many bytes of host memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<CoreState>()
            + self.flash.as_ref().map_or(0, Flash::bytes)
            + self.semihosting.len()
            + self.happened.bytes()
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

    /// When the last sleep began.
    pub(crate) fn slept_at(&self) -> u64 {
        self.slept_at
    }

    /// The breakpoint here has stopped the core already.
    pub(crate) fn pass_breakpoint(&mut self) {
        self.breakpoint_due = false;
    }

    /// All breakpoints.
    pub(crate) fn breakpoints(&self) -> &std::collections::BTreeSet<u32> {
        &self.breakpoints
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

    /// Bring to the bus what a debugger's read of a system register shows of the core.
    pub(crate) fn show_masks(&mut self) {
        self.bus.system.masks = self.cpu.masks();
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
            flash: self.flash.as_ref().map(Flash::saved),
            other_insns: insns,
            ledger,
            semihosting: self
                .semihosting
                .as_ref()
                .map(|c| c.host.save())
                .unwrap_or_default(),
            undo: self.undo.clone(),
            happened: self.places.save(),
            pass_breakpoint: self.pass_breakpoint,
            breakpoint_due: self.breakpoint_due,
        }
    }

    /// Go on from a saved state; memory, which has had these changes, and the bus were brought to it before.
    pub(crate) fn load(&mut self, s: &CoreState, changes: &Changes) -> Result<(), StateError> {
        if let Some(console) = &mut self.semihosting {
            console.host.load(&s.semihosting)?;
        }
        // The flash that they would be told to is replaced.
        self.touched.clear();
        self.touches_synced = self.touches;
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
        self.other_insns = s.other_insns;
        self.ledger = s.ledger;
        self.profile_restored();
        self.undo.clone_from(&s.undo);
        self.stop = None;
        self.pass_breakpoint = s.pass_breakpoint;
        self.breakpoint_due = s.breakpoint_due;
        if std::mem::take(&mut self.permissive) != 0 {
            self.engine.flush_tlb();
        }
        let cut_anew = self.places.load(&s.happened);
        let stale = self.load_flash(s.flash.as_ref());
        if stale || self.code_lines.touch(&changes.ranges) {
            self.plain_code.clear();
            self.code_lines.clear();
            self.engine.flush_code();
            self.clear_blocks();
        } else if cut_anew || changes.fixed {
            // What is in flash may be known to blocks as a constant.
            self.clear_blocks();
        }
        Ok(())
    }

    /// Take over the state of the flash. Says whether costs of blocks, and what they have hooks for, are stale.
    fn load_flash(&mut self, saved: Option<&Flash>) -> bool {
        match (&mut self.flash, saved) {
            (Some(flash), Some(saved)) if flash.is_alike(saved) => flash.load(saved),
            (None, None) => false,
            (_, None) => {
                // There was none before the first run, which makes it anew.
                self.flash = None;
                self.bus.memory_parameters_changed = true;
                true
            }
            (_, Some(saved)) => {
                self.flash = super::flash_shape(&self.bus).map(|shape| {
                    let mut flash = Flash::new(&shape);
                    flash.load(saved);
                    flash
                });
                true
            }
        }
    }
}
