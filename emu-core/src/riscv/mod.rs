//! The RV32 core: instructions, machine-mode traps, and a loop that is exact at block speed.
//!
//! The loop follows the one for Cortex-M (see [`crate::run`]): the engine calls [`Core::block`] before each
//! translated block; the block before is accounted then, and the new one runs at once when its last instruction
//! starts no later than the next event. Otherwise [`enter`] fires what is due, takes an interrupt, or splits the
//! block after exactly k instructions.
//!
//! The engine executes in user mode and nothing but user-mode instructions. CSRs, traps, MRET, WFI and EBREAK are
//! carried out here: privileged ones come back from the engine as illegal instructions at the end of their block
//! ([`system`]), the others start a block of their own.
//!
//! Time is the execute cycle of an instruction. An event at cycle t happens before the first instruction that
//! executes later than t.

mod accounting;
mod align;
mod blocks;
mod compressed;
mod csr;
pub mod decode;
mod enter;
mod host;
pub mod lines;
mod memory;
mod profile;
mod sleep;
mod state;
mod system;
pub mod timing;
mod traps;
mod variants;
mod watched;

pub use state::{CoreState, Registers};
pub use traps::NAMES as EXCEPTIONS;

use crate::backend::engine::IoRange;
use crate::backend::{Engine, RiscvCpu};
use crate::bus::{Bus, StopOn};
use crate::code_pages::{CodeLines, CodePages};
use crate::device::ResetCause;
use crate::machine::{CoreKind, Stop};
use crate::probe::ProbeKind;
use crate::run::{Console, Ledger};
use crate::time::Cycles;
use crate::timing::Spent;
use crate::watch::{Places, WatchedPages};
use crate::watchpoint::{Hit, WatchReport};
use blocks::{Block, RESET, StateId, States, Variant, flag};
use csr::Csrs;
use lines::Lines;
use std::collections::{BTreeSet, HashMap};
use timing::predictor::Predictor;
use timing::{Model, Pipe};

/// Entries of the direct-mapped block table.
const TABLE: usize = 1 << 14;
/// Variants (or states) at which the tables are emptied and built anew, to bound memory.
const MAX_VARIANTS: usize = 200_000;
/// The variant that stands for "no block": its exits are the state to go on from.
const NO_BLOCK: usize = 0;

#[derive(Clone, Copy, Default)]
struct Entry {
    address: u32,
    size: u32,
    state: StateId,
    /// Zero when the entry is empty.
    variant: u32,
}

/// A hart at work.
pub struct Core {
    // Declared first, dropped first: it points into the bus's memory and into `io`.
    engine: Engine,
    pub(crate) bus: Bus,
    pub(crate) kind: CoreKind,
    cpu: RiscvCpu,
    model: &'static Model,
    predictor: Option<Predictor>,
    csr: Csrs,
    /// Where execution starts after a reset.
    start: u32,
    states: States,
    blocks: Vec<Block>,
    variants: Vec<Variant>,
    lookup: HashMap<(u32, u32, StateId), usize>,
    block_ids: HashMap<(u32, u32), usize>,
    table: Box<[Entry]>,

    /// Execute cycle of the last instruction before the running block.
    t0: u64,
    /// The running block.
    current: usize,
    /// Latencies of the running block's divisions, as far as they were known at its entry.
    latencies: u64,
    /// Blocks that start their last instruction at this cycle or before may run at once.
    horizon: u64,
    /// The run must not start an instruction after this cycle.
    limit: u64,
    /// Flags that send a block to the slow path.
    slow_flags: u16,
    /// A split that was asked for (address, size, instructions) and how often, to notice one that does not happen.
    split: Option<((u32, u32, u32), u32)>,
    asleep: bool,
    slept_at: u64,
    stop: Option<Stop>,
    /// A trap whose handler traps for the same reason: nothing will ever change again.
    stuck: bool,
    /// Traps that were entered and not left yet, as numbers of [`lines::number`].
    active: Vec<u16>,
    /// The trap whose first handler instruction is about to start.
    entering: Option<u16>,

    /// Instructions outside of `Variant::executions`.
    other_insns: u64,
    ledger: Ledger,
    profiler: Option<Box<crate::profile::profiler::Profiler>>,
    single_step: bool,
    /// Stop after one instruction.
    stepping: Option<u64>,
    breakpoints: BTreeSet<u32>,
    places: Places,
    watched_pages: WatchedPages,
    /// The instruction at this address was abandoned, since its access hits a watchpoint.
    about_to_hit: Option<(u32, Hit)>,
    /// A step ends at the first instruction of a handler, too: one was entered.
    entered: bool,
    /// The breakpoint that the run starts on does not stop it again, until something was executed.
    pass_breakpoint: Option<(u32, u64)>,
    /// The last run ended before it looked for a breakpoint: the next one still has to.
    breakpoint_due: bool,
    executable: CodePages,
    code_lines: CodeLines,
    pub(crate) semihosting: Option<Console>,
    /// Boxed, since the engine keeps their addresses.
    #[allow(clippy::vec_box)]
    io: Vec<Box<IoRange<Core>>>,
}

/// mvendorid, marchid, mimpid. SiFive's JEDEC number is 0x489 (FE310-G002 manual); the others say nothing.
fn vendor(kind: CoreKind) -> [u32; 3] {
    match kind {
        CoreKind::E31 => [0x489, 0x8000_0001, 0],
        _ => [0; 3],
    }
}

impl Core {
    /// A core on a bus. The box is its home: the engine keeps its address.
    pub(crate) fn new(kind: CoreKind, bus: Bus, single_step: bool) -> Result<Box<Core>, String> {
        let mut bus = bus;
        bus.lines.get_or_insert_default();
        bus.watchpoints.report = WatchReport::After;
        let mut engine = Engine::new_riscv()?;
        for region in bus.memory.regions() {
            if memory::is_direct(region.base, region.size()) {
                engine.map_memory(region)?;
            }
        }
        let cpu = engine.riscv_cpu();
        let model = timing::model(kind);
        let start = bus.reset_vector;
        let mut core = Box::new(Core {
            engine,
            bus,
            kind,
            cpu,
            model,
            predictor: model.predictor(),
            csr: Csrs::new(vendor(kind)),
            start,
            states: States::default(),
            blocks: Vec::new(),
            variants: Vec::new(),
            lookup: HashMap::new(),
            block_ids: HashMap::new(),
            table: vec![Entry::default(); TABLE].into_boxed_slice(),
            t0: 0,
            current: NO_BLOCK,
            latencies: 0,
            horizon: 0,
            limit: 0,
            slow_flags: 0,
            split: None,
            asleep: false,
            slept_at: 0,
            stop: None,
            stuck: false,
            active: Vec::new(),
            entering: None,
            other_insns: 0,
            ledger: Ledger::default(),
            profiler: None,
            single_step,
            stepping: None,
            breakpoints: BTreeSet::new(),
            places: Places::default(),
            watched_pages: WatchedPages::default(),
            about_to_hit: None,
            entered: false,
            pass_breakpoint: None,
            breakpoint_due: false,
            executable: CodePages::new(memory::PAGE),
            code_lines: CodeLines::default(),
            semihosting: None,
            io: Vec::new(),
        });
        core.clear_blocks();
        core.map_everything_else()?;
        let home: *mut Core = &mut *core;
        // SAFETY: the core is boxed and never moves out of its box; during a run it is only used by the
        // callbacks (see `run`).
        unsafe { core.engine.attach(home)? };
        Ok(core)
    }

    /// Where execution starts: the image's entry point stands in for a boot ROM that would jump there.
    pub(crate) fn set_start(&mut self, entry: u32) {
        self.start = entry;
    }

    /// Where execution starts after a reset.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// Power-on or system reset, at this cycle.
    pub(crate) fn reset_core(&mut self, cause: ResetCause, at: u64) {
        self.bus.now = Cycles(at);
        self.bus.pc = self.start;
        self.bus
            .probes
            .record(Cycles(at), self.start, ProbeKind::Reset);
        self.bus.reset_devices(cause);
        let start = self.start;
        self.bus.meet_at(Cycles(at), start, |s| *s == StopOn::Reset);
        self.csr = Csrs::new(vendor(self.kind));
        self.predictor = self.model.predictor();
        for n in 1..32 {
            self.cpu.set_x(n, 0);
        }
        self.cpu.set_pc(self.start);
        self.cpu.set_reservation((u32::MAX, 0));
        self.asleep = false;
        self.stuck = false;
        self.entered = true;
        self.about_to_hit = None;
        self.active.clear();
        self.entering = None;
        self.profile_reset(at);
        self.rest(at, RESET);
    }

    /// Forget all decoded blocks (not translated code). Counts are kept; the core must rest.
    fn clear_blocks(&mut self) {
        self.fold_executions();
        let state = if self.variants.is_empty() {
            Pipe::RESET
        } else {
            self.states.get(self.resting_state()).clone()
        };
        self.blocks.clear();
        self.variants.clear();
        self.lookup.clear();
        self.block_ids.clear();
        self.table.fill(Entry::default());
        self.states = States::default();
        let state = self.states.intern(state);
        self.variants.push(Variant {
            block: usize::MAX,
            end: 0,
            cycles: 0,
            count: 0,
            flags: 0,
            exits: [state; 3],
            transfer: (timing::predictor::Transfer::Jump, 0),
            register: false,
            executions: 0,
            entry: state,
            starts: Vec::new(),
            latest: Vec::new(),
            spent: Spent::default(),
            bound: 0,
            by_divide: Vec::new(),
            parts: Vec::new(),
        });
        self.current = NO_BLOCK;
    }

    /// Between blocks: the state from which the next instruction is costed.
    fn resting_state(&self) -> StateId {
        self.variants[NO_BLOCK].exits[0]
    }

    /// No block runs; the last instruction executed at `now` and left `state`.
    fn rest(&mut self, now: u64, state: StateId) {
        self.t0 = now;
        self.current = NO_BLOCK;
        self.variants[NO_BLOCK].exits = [state; 3];
        self.horizon = 0;
    }

    /// Run until something stops it, at the latest before an instruction that would start after `limit`.
    pub(crate) fn run(core: &mut Box<Core>, limit: Cycles) -> Stop {
        core.limit = limit.0;
        core.stop = None;
        core.bus.take_stop_request();
        core.about_to_hit = None;
        if !core.breakpoint_due && !core.breakpoints.is_empty() {
            core.pass_breakpoint = Some((core.cpu.pc(), core.executed()));
        }
        core.drop_dirty_code();
        core.bus.memory_parameters_changed = false;
        core.slow_flags = flag::SPECIAL | flag::RAM | flag::BREAKPOINT;
        if core.one_at_a_time() {
            core.slow_flags = u16::MAX;
        }
        core.horizon = 0;
        core.split = None;
        loop {
            if let Some(stop) = core.stop.take() {
                return core.stopped(stop);
            }
            if core.stuck {
                let text = core.describe_stuck();
                return core.stopped(Stop::Lockup(text));
            }
            if core.asleep {
                core.go_on_sleeping();
                if core.stop.is_some() || core.asleep {
                    continue;
                }
            }
            let handle = core.engine.handle();
            // SAFETY: no reference into the core lives across this call: the callbacks reach it through the
            // pointer given at `attach`, and `core` is only used again when the engine has returned.
            let ended = unsafe { Engine::run(handle) };
            core.engine_returned(ended);
        }
    }

    fn stopped(&mut self, stop: Stop) -> Stop {
        self.bus.probes.flush();
        self.breakpoint_due = match &stop {
            Stop::Limit | Stop::Requested => true,
            Stop::Watchpoint(hit) => !hit.before,
            _ => false,
        };
        self.bus.now = self.bus.now.max(Cycles(self.t0));
        stop
    }

    /// Levels of the interrupt lines, as mip shows them.
    fn line_levels(&self) -> u32 {
        self.bus.lines.as_ref().map_or(0, Lines::levels)
    }

    /// Must every instruction be a block of its own?
    fn one_at_a_time(&self) -> bool {
        self.single_step || self.stepping.is_some()
    }

    /// Is there something to look at before the next block?
    fn attention(&self) -> bool {
        self.csr.takeable(self.line_levels()) != 0
            || self.bus.reset_request.is_some()
            || self.bus.stop_requested()
            || self.bus.watchpoints.has_hit()
    }

    fn horizon_now(&self) -> u64 {
        if self.attention() || self.one_at_a_time() {
            return 0;
        }
        self.bus.events.next_at().0.min(self.limit)
    }

    /// The block that runs.
    fn running(&self) -> Option<&Block> {
        self.blocks.get(self.variants[self.current].block)
    }

    /// Index in the running block of the instruction at an address.
    fn index_of(&self, address: u32) -> Option<usize> {
        self.running()?
            .insns
            .iter()
            .position(|i| i.address == address)
    }
}
