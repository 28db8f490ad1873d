//! The core loop: exact at block speed.
//!
//! The engine calls [`Core::block`] before each translated block. The block before is accounted then (whether it
//! branched is known now), and the new one may run at once when its last instruction starts no later than the
//! horizon: the next event, or the limit, or zero when something is pending. Otherwise the slow path
//! ([`enter`]) fires what is due, takes an interrupt, or splits the block after exactly k instructions.
//!
//! Time is the first execute cycle of an instruction. An event at cycle t happens before the first
//! instruction that starts later than t.

mod accounting;
pub mod blocks;
mod conditions;
mod enter;
mod exceptions;
mod faults;
mod host;
mod inputs;
mod lines;
mod memory;
mod multiple;
mod pass;
mod profile;
mod sites;
mod slaves;
mod sleep;
mod state;
mod unaligned;
mod values;
mod variants;
mod waits;
mod watched;

pub use faults::decode_fault;
pub use state::CoreState;

use crate::backend::engine::{IoRange, PAGE};
use crate::backend::{Cpu, Engine};
use crate::bus::Bus;
use crate::code_pages::{CodeLines, CodePages};
use crate::decode::{Decoder, Insn};
use crate::machine::{CoreKind, Stop};
use crate::notices::NoticeKind;
use crate::semihosting::Semihosting;
use crate::time::Cycles;
use crate::timing::flash::{Flash, Settings, Shape};
use crate::timing::{self, Model, Spent};
use crate::watch::{Places, WatchedPages};
use crate::watchpoint::Hit;
use blocks::{Block, NumberMap, SETTLED, StateId, States, Variant, flag};
use sites::{Key, MAX_SITES};
use slaves::Slaves;
use std::collections::{BTreeSet, HashSet};

/// Entries of the direct-mapped block table.
const TABLE: usize = 1 << 14;
/// Variants at which the tables are emptied and built anew, to bound memory.
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

/// What the core does when it is not executing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Sleep {
    /// It executes.
    Awake,
    /// WFI, or sleep-on-exit.
    Interrupt,
    /// WFE.
    Event,
}

/// Cycles by provenance and kind. Instruction cycles, exceptions and sleep add up to all cycles; `kinds` tells what
/// the instruction cycles were spent on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Ledger {
    /// Instruction cycles with an exact cost.
    pub exact: u64,
    /// Instruction cycles with a measured cost.
    pub measured: u64,
    /// Instruction cycles with an estimated cost.
    pub estimate: u64,
    /// Instruction cycles by kind, in the order of [`timing::Kind::ALL`].
    pub kinds: [u64; 4],
    /// Exception entry and return.
    pub exceptions: u64,
    /// Asleep.
    pub sleep: u64,
}

/// A core at work.
pub struct Core {
    // Declared first, dropped first: it points into the bus's memory and into `io`.
    engine: Engine,
    pub(crate) bus: Bus,
    pub(crate) kind: CoreKind,
    cpu: Cpu,
    decoder: Decoder,
    model: Box<dyn Model>,
    states: States,
    blocks: Vec<Block>,
    variants: Vec<Variant>,
    /// First variant of each block and state.
    lookup: NumberMap<(u32, StateId), usize>,
    block_ids: NumberMap<(u32, u32, u8), usize>,
    table: Box<[Entry]>,
    flash: Option<Flash>,

    /// First execute cycle of the last instruction before the running block.
    t0: u64,
    /// The running block.
    current: usize,
    /// Inputs of the running block's sites, as they become known.
    inputs: Key,
    /// Where its sites' accesses go, as far as that was read.
    addresses: [u32; MAX_SITES],
    /// Cycles that it has waited for devices.
    waited: u64,
    /// The same by instruction, ascending.
    waits: Vec<(usize, u64)>,
    /// Accesses that its present instruction of several words has made.
    beats: u64,
    /// It misses in the flash's caches: its cost is worked out when it is over.
    misses: bool,
    /// Cost of a block that misses and is about to run, or runs.
    foreseen: blocks::Resolved,
    /// Blocks that start their last instruction at this cycle or before may run at once.
    horizon: u64,
    /// The run must not start an instruction after this cycle.
    limit: u64,
    /// Flags that send a block to the slow path.
    slow_flags: u16,
    /// A split that was asked for (address, size, instructions) and how often, to notice one that does not happen.
    split: Option<((u32, u32, u32), u32)>,
    undo: Option<multiple::Undo>,
    /// FPSCR at the entry of the last block with FP instructions, when there was no FP context then.
    without_context: Option<u32>,
    sleep: Sleep,
    slept_at: u64,
    stop: Option<Stop>,
    /// The lockup state of the architecture.
    locked_up: bool,

    /// Instructions outside of `Variant::executions`; wraps below zero while one is taken back.
    other_insns: u64,
    ledger: Ledger,
    /// Counts where the cycles go, when asked.
    profiler: Option<Box<crate::profile::profiler::Profiler>>,
    single_step: bool,
    /// Stop after one instruction.
    stepping: Option<u64>,
    breakpoints: BTreeSet<u32>,
    places: Places,
    watched_pages: WatchedPages,
    /// The instruction at this address was abandoned, since its access hits a watchpoint.
    about_to_hit: Option<(u32, Hit)>,
    /// The transfer of several words that was looked at already: what `t0` was, and its index in the running block.
    looked_at: Option<(u64, usize)>,
    /// A step ends at the first instruction of a handler, too: one was entered.
    entered: bool,
    /// The breakpoint that the run starts on does not stop it again, until something was executed: its address
    /// and the count of instructions.
    pass_breakpoint: Option<(u32, u64)>,
    /// The last run ended before it looked for a breakpoint: the next one still has to.
    breakpoint_due: bool,
    /// Blocks that were translated without instruction hooks.
    plain_code: HashSet<(u32, u32, u8), std::hash::BuildHasherDefault<blocks::NumberHasher>>,
    /// The block that is translated next gets no instruction hooks.
    translating_plain: bool,
    slaves: Slaves,
    /// Variants that have used flash lines since the flash was last told.
    touched: Vec<u32>,
    /// Uses of flash lines by whole blocks, and how many the flash was told of.
    touches: u64,
    touches_synced: u64,
    /// An instruction that leaves nothing in the pipe.
    nop: Insn,
    executable: CodePages,
    code_lines: CodeLines,
    /// The next instruction runs without the MPU: it was checked, but shares a page with what is denied. Counts
    /// the looks until that is over.
    permissive: u8,
    /// FPCCR.ASPEN and FPDSCR as the engine has them.
    fp_control: (bool, u32),
    pub(crate) semihosting: Option<Console>,
    /// Boxed, since the engine keeps their addresses.
    #[allow(clippy::vec_box)]
    io: Vec<Box<IoRange<Core>>>,
}

/// The semihosting host and the serial port that is its console.
pub(crate) struct Console {
    pub(crate) host: Semihosting,
    pub(crate) port: u8,
}

impl Core {
    /// A core on a bus. The box is its home: the engine keeps its address.
    pub(crate) fn new(kind: CoreKind, bus: Bus, single_step: bool) -> Result<Box<Core>, String> {
        let arm = kind.info().arm.as_ref();
        let arm = arm.ok_or_else(|| format!("{kind:?} is no Cortex-M"))?;
        let mut engine = Engine::new(arm.engine)?;
        for region in bus.memory.regions() {
            if memory::is_direct(region.base, region.size()) {
                engine.map_memory(region)?;
            }
        }
        let decoder = Decoder::new(bus.system.architecture, bus.system.has_fpu)?;
        let cpu = engine.cpu();
        let nop = decoder.one(0, &[0x00, 0xBF]);
        let slaves = Slaves::new(&bus.memory, io_port(&bus, kind), |name| {
            load_extra(&bus, name)
        });
        let mut core = Box::new(Core {
            engine,
            bus,
            kind,
            cpu,
            decoder,
            model: timing::model(kind),
            states: States::default(),
            blocks: Vec::new(),
            variants: Vec::new(),
            lookup: NumberMap::default(),
            block_ids: NumberMap::default(),
            table: vec![Entry::default(); TABLE].into_boxed_slice(),
            flash: None,
            t0: 0,
            current: NO_BLOCK,
            inputs: Key::default(),
            addresses: [0; MAX_SITES],
            waited: 0,
            waits: Vec::new(),
            beats: 0,
            misses: false,
            foreseen: blocks::Resolved::default(),
            horizon: 0,
            limit: 0,
            slow_flags: 0,
            split: None,
            undo: None,
            without_context: None,
            sleep: Sleep::Awake,
            slept_at: 0,
            stop: None,
            locked_up: false,
            other_insns: 0,
            ledger: Ledger::default(),
            profiler: None,
            single_step,
            stepping: None,
            breakpoints: BTreeSet::new(),
            places: Places::default(),
            watched_pages: WatchedPages::default(),
            about_to_hit: None,
            looked_at: None,
            entered: false,
            pass_breakpoint: None,
            breakpoint_due: false,
            plain_code: HashSet::default(),
            translating_plain: false,
            slaves,
            touched: Vec::new(),
            touches: 1,
            touches_synced: 1,
            nop,
            executable: CodePages::new(PAGE),
            code_lines: CodeLines::default(),
            permissive: 0,
            fp_control: (true, 0),
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

    /// Forget all decoded blocks (not translated code). Counts are kept.
    fn clear_blocks(&mut self) {
        self.sync_touches();
        self.fold_executions();
        let state = if self.variants.is_empty() {
            SETTLED
        } else {
            self.resting_state()
        };
        self.blocks.clear();
        self.variants.clear();
        self.lookup.clear();
        self.block_ids.clear();
        self.table.fill(Entry::default());
        self.variants.push(Variant {
            block: usize::MAX,
            end: 0,
            cycles: 0,
            count: 0,
            flags: 0,
            exit_next: state,
            exit_taken: state,
            executions: 0,
            entry: state,
            starts: Vec::new(),
            latest: Vec::new(),
            spent: Spent::default(),
            key: Key::default(),
            sibling: 0,
            bound: 0,
            lines: (0, 0),
            by_key: Vec::new(),
            parts: Vec::new(),
            quick: Vec::new(),
            touched: 0,
            checked: u64::MAX,
            base_key: None,
            first_matters: false,
        });
        self.current = NO_BLOCK;
    }

    /// Between blocks: the state from which the next instruction is costed.
    fn resting_state(&self) -> StateId {
        self.variants[NO_BLOCK].exit_next
    }

    /// No block runs; the last instruction started at `now` and left `state`.
    fn rest(&mut self, now: u64, state: StateId) {
        self.t0 = now;
        self.current = NO_BLOCK;
        self.forget_waits();
        self.misses = false;
        self.variants[NO_BLOCK].exit_next = state;
        self.variants[NO_BLOCK].exit_taken = state;
        self.horizon = 0;
    }

    /// Run until something stops it, at the latest before an instruction that would start after `limit`.
    pub(crate) fn run(core: &mut Box<Core>, limit: Cycles) -> Stop {
        core.limit = limit.0;
        core.stop = None;
        core.bus.take_stop_request();
        core.about_to_hit = None;
        core.looked_at = None;
        // A run that starts on a breakpoint goes on from there, unless the last one was cut short before it.
        if !core.breakpoint_due && !core.breakpoints.is_empty() {
            core.pass_breakpoint = Some((core.cpu.pc(), core.executed()));
        }
        core.prepare_run();
        loop {
            if let Some(stop) = core.stop.take() {
                return core.stopped(stop);
            }
            if core.locked_up {
                let text = core.describe_lockup();
                return core.stopped(Stop::Lockup(text));
            }
            if core.sleep != Sleep::Awake {
                core.go_on_sleeping();
                if core.stop.is_some() || core.sleep != Sleep::Awake {
                    continue;
                }
            }
            if !core.cpu.thumb() {
                core.raise_invalid_state();
                continue;
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
        self.sync_touches();
        self.breakpoint_due = match &stop {
            Stop::Limit | Stop::Requested => true,
            Stop::Watchpoint(hit) => !hit.before,
            _ => false,
        };
        self.bus.now = self.bus.now.max(Cycles(self.t0));
        stop
    }

    fn prepare_run(&mut self) {
        // What a debugger wrote: dropped while nothing runs, not under a block that is about to.
        self.drop_dirty_code();
        self.sync_settings();
        self.horizon = 0;
        self.split = None;
    }

    /// Settings of the system control space that change how blocks are run.
    fn sync_settings(&mut self) {
        let system = &self.bus.system;
        let mut slow = flag::SPECIAL | flag::RAM | flag::BREAKPOINT | flag::FP_PREDICATED;
        let lazy = system.fpccr & 1 != 0;
        if system.has_fpu && (!fp_allowed(system.cpacr, self.privileged()) || lazy) {
            slow |= flag::FP;
        }
        if system.ccr & 0x10 != 0 {
            slow |= flag::DIVIDE; // DIV_0_TRP
        }
        if self.one_at_a_time() {
            slow = u16::MAX;
        }
        self.slow_flags = slow;
        let aspen = system.fpccr >> 31 != 0;
        if system.has_fpu && (aspen, system.fpdscr) != self.fp_control {
            self.fp_control = (aspen, system.fpdscr);
            self.cpu.set_fp_context_control(aspen, system.fpdscr);
        }
        if std::mem::take(&mut self.bus.system.permissions_changed) {
            self.engine.flush_tlb();
        }
        if std::mem::take(&mut self.bus.memory_parameters_changed) {
            self.sync_memories();
        }
    }

    /// Must every instruction be a block of its own?
    fn one_at_a_time(&self) -> bool {
        self.single_step || self.stepping.is_some()
    }

    /// Take over the timing parameters of the memories.
    fn sync_memories(&mut self) {
        let mut stale = false;
        self.sync_touches();
        let bus = &self.bus;
        stale |= self
            .slaves
            .set_extra(&bus.memory, |name| load_extra(bus, name));
        let get = |name: &str| self.bus.memory_parameter(name);
        stale |= self.model.configure(&|name| get(&format!("core.{name}")));
        if let Some(wait_states) = get("flash.wait_states") {
            let on = |name: &str| get(name).unwrap_or(0) != 0;
            let settings = Settings {
                wait_states,
                prefetch: on("flash.prefetch"),
                instruction_cache: on("flash.icache"),
                data_cache: on("flash.dcache"),
            };
            if self.flash.is_none() {
                self.flash = flash_shape(&self.bus).map(|shape| Flash::new(&shape));
            }
            if let Some(flash) = &mut self.flash {
                stale |= flash.set(settings);
            }
        }
        if stale {
            // Other sites matter now: code may need hooks that it was translated without.
            self.plain_code.clear();
            self.engine.flush_code();
            self.clear_blocks_at_rest();
        }
    }

    /// Forget decoded blocks when it is safe: the running one is accounted first by its caller.
    fn clear_blocks_at_rest(&mut self) {
        if self.current == NO_BLOCK {
            self.clear_blocks();
        } else {
            // The running block stays valid until it ends: only the lookups are emptied.
            self.lookup.clear();
            self.block_ids.clear();
            self.table.fill(Entry::default());
        }
    }

    fn horizon_now(&self) -> u64 {
        let bus = &self.bus;
        if bus.system.attention()
            || bus.reset_request.is_some()
            || bus.stop_requested()
            || bus.has_stolen()
            || bus.watchpoints.has_hit()
            || self.one_at_a_time()
            || self.permissive != 0
            || self.undo.is_some()
        {
            return 0;
        }
        bus.events.next_at().0.min(self.limit)
    }

    fn privileged(&self) -> bool {
        self.cpu.ipsr() != 0 || self.cpu.control() & 1 == 0
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

    /// Note an instruction that the models do not know.
    fn note_instruction(&mut self, insn: &Insn, what: &str) {
        self.bus.pc = insn.address;
        self.bus
            .note(NoticeKind::Instruction, format!("{what} {:#x}", insn.raw));
    }
}

/// Does CPACR allow FP instructions (CP10 and CP11)?
fn fp_allowed(cpacr: u32, privileged: bool) -> bool {
    match cpacr >> 20 & 3 {
        3 => true,
        1 => privileged,
        _ => false,
    }
}

/// The single-cycle I/O port, when both the core and the machine have one.
fn io_port(bus: &Bus, kind: CoreKind) -> Option<(u32, u32)> {
    bus.io_port().filter(|_| timing::model(kind).has_io_port())
}

/// Cycles that loads from a region take longer than from the fastest.
fn load_extra(bus: &Bus, region: &str) -> u32 {
    bus.memory_parameter(&format!("{region}.load_extra"))
        .unwrap_or(0)
}

/// The flash of a machine, from its memory map and parameters.
fn flash_shape(bus: &Bus) -> Option<Shape> {
    let region = bus.memory.regions().iter().find(|r| r.name == "flash")?;
    let get = |name: &str, otherwise: u32| {
        bus.memory_parameter(&format!("flash.{name}"))
            .unwrap_or(otherwise)
    };
    let aliases = bus.memory.aliases().iter().filter_map(|a| {
        let offset = bus.memory.resolve(a.base).wrapping_sub(region.base);
        (offset < region.size()).then_some((a.base, a.size, offset))
    });
    Some(Shape {
        base: region.base,
        size: region.size(),
        aliases: aliases.collect(),
        line_bytes: get("line_bytes", 16),
        instruction_cache: (get("icache_lines", 0), get("icache_sets", 1)),
        data_cache: (get("dcache_lines", 0), get("dcache_sets", 1)),
        unified: get("unified", 0) != 0,
    })
}
