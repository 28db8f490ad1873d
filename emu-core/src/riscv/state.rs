//! The core's part of a snapshot, and its registers.

use super::Core;
use super::csr::{self, Csrs, Now};
use super::timing::Pipe;
use super::timing::predictor::Predictor;
use crate::device::StateError;
use crate::run::Ledger;
use crate::snapshot::Changes;
use crate::time::Cycles;
use crate::watch::{Happened, Place, Variable};
use serde::{Deserialize, Serialize};

/// Registers that a debugger sees.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Registers {
    /// x0 to x31.
    pub x: [u32; 32],
    /// PC.
    pub pc: u32,
}

/// Everything in the core that a run depends on.
#[derive(Clone, Serialize, Deserialize)]
pub struct CoreState {
    registers: Registers,
    reservation: (u32, u32),
    csr: Csrs,
    start: u32,
    t0: u64,
    pipe: Pipe,
    predictor: Option<Predictor>,
    asleep: bool,
    slept_at: u64,
    stuck: bool,
    active: Vec<u16>,
    entering: Option<u16>,
    instructions: u64,
    ledger: Ledger,
    semihosting: Vec<u8>,
    // What follows decides what is observed and what stops the run; it is no part of the machine's state.
    #[serde(skip)]
    happened: Happened,
    #[serde(skip)]
    pass_breakpoint: Option<(u32, u64)>,
    #[serde(skip)]
    breakpoint_due: bool,
}

impl std::fmt::Debug for CoreState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoreState")
            .field("registers", &self.registers)
            .field("t0", &self.t0)
            .finish_non_exhaustive()
    }
}

impl CoreState {
    /// Cycles by provenance and kind; a sleep that goes on counts up to `now`.
    pub(crate) fn ledger(&self, now: Cycles) -> Ledger {
        let mut ledger = self.ledger;
        if self.asleep {
            ledger.sleep += now.0.saturating_sub(self.slept_at);
        }
        ledger
    }

    /// How many bytes of host memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<CoreState>()
            + self.semihosting.len()
            + size_of_val(&self.active[..])
            + self.happened.bytes()
    }

    /// The part that a state hash covers: not how well the costs are known, which is bookkeeping that depends
    /// on how blocks were cut.
    pub(crate) fn for_hash(&self) -> CoreState {
        CoreState {
            ledger: Ledger::default(),
            ..self.clone()
        }
    }
}

impl Core {
    /// Does the core sleep?
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep
    }

    /// Stop after one instruction, or no longer. A step of a sleeping core ends when it wakes.
    pub(crate) fn set_stepping(&mut self, on: bool) {
        let asleep = u64::from(self.asleep);
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
        Registers {
            x: std::array::from_fn(|n| self.cpu.x(n)),
            pc: self.cpu.pc(),
        }
    }

    /// Set the registers.
    pub(crate) fn set_registers(&mut self, r: &Registers) {
        for n in 1..32 {
            self.cpu.set_x(n, r.x[n]);
        }
        self.cpu.set_pc(r.pc & !1);
    }

    /// A CSR as machine mode would read it now, for a debugger; `None` when there is none of that number.
    pub(crate) fn csr(&self, number: u16) -> Option<u32> {
        let mut csr = self.csr.clone();
        csr.privilege = super::csr::MACHINE;
        csr.read(number, self.csr_inputs()).ok()
    }

    /// The mode in which instructions execute.
    pub(crate) fn privilege(&self) -> u8 {
        self.csr.privilege
    }

    /// Set a CSR as an instruction in machine mode would, for a debugger. `false` when there is none of that
    /// number, or when it keeps its value whatever is written.
    pub(crate) fn set_csr(&mut self, number: u16, value: u32) -> bool {
        let now = self.csr_inputs();
        if !csr::is_writable(number) {
            return false;
        }
        let privilege = std::mem::replace(&mut self.csr.privilege, csr::MACHINE);
        let written = self.csr.write(number, value, now);
        self.csr.privilege = privilege;
        written.is_ok()
    }

    fn csr_inputs(&self) -> Now {
        Now {
            cycle: self.bus.now.0,
            retired: self.executed(),
            lines: self.line_levels(),
        }
    }

    /// Take the core's state. It must rest (between two runs).
    pub(crate) fn save(&self) -> CoreState {
        let (instructions, ledger) = self.counted();
        CoreState {
            registers: self.registers(),
            reservation: self.cpu.reservation(),
            csr: self.csr.clone(),
            start: self.start,
            t0: self.t0,
            pipe: self.states.get(self.resting_state()).clone(),
            predictor: self.predictor.clone(),
            asleep: self.asleep,
            slept_at: self.slept_at,
            stuck: self.stuck,
            active: self.active.clone(),
            entering: self.entering,
            instructions,
            ledger,
            semihosting: self
                .semihosting
                .as_ref()
                .map(|c| c.host.save())
                .unwrap_or_default(),
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
        self.set_registers(&s.registers);
        self.cpu.set_reservation(s.reservation);
        self.csr = s.csr.clone();
        self.start = s.start;
        self.predictor.clone_from(&s.predictor);
        self.fold_executions();
        let cut_anew = self.places.load(&s.happened);
        let code_changed = self.code_lines.touch(&changes.ranges);
        if code_changed {
            self.code_lines.clear();
            self.engine.flush_code();
        }
        if code_changed || cut_anew {
            self.clear_blocks();
        }
        let state = self.states.intern(s.pipe.clone());
        self.rest(s.t0, state);
        self.asleep = s.asleep;
        self.slept_at = s.slept_at;
        self.stuck = s.stuck;
        self.active.clone_from(&s.active);
        self.entering = s.entering;
        self.other_insns = s.instructions;
        self.ledger = s.ledger;
        self.stop = None;
        self.pass_breakpoint = s.pass_breakpoint;
        self.breakpoint_due = s.breakpoint_due;
        self.profile_restored();
        Ok(())
    }
}
