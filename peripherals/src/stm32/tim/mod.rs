//! STM32 timers: advanced, general-purpose and basic (`stm32.tim`), RM0090 chapters 17 to 20.
//!
//! Modelled: time base (buffered prescaler and reload, up, down and centre-aligned counting, one-pulse,
//! UDIS, URS, repetition counter), output compare and PWM with preload, input capture (prescaler, both
//! edges, overcapture), slave modes (encoder, reset, gated, trigger, external clock 1 and 2), TRGO,
//! interrupts, DMA requests and DMA bursts, main output enable and break.
//!
//! Not modelled: complementary outputs and dead time, input filters and resynchronisation, OCxCE and
//! OCxFE, preload of CCER and OCxM by COM events (CCPC), BDTR.LOCK, input remapping (OR), the debug
//! freeze of DBGMCU, what RCC's clock gate does to registers.
//!
//! Where the manual is silent: a match is the arrival of the counter at the compare value (see
//! `engine`), and a counter beyond its reload value runs through to the end of its range without an
//! update event.
//!
//! Nothing is counted tick by tick. The state stands at some kernel tick and is brought to the present
//! one when somebody looks or when something is due; only what can be seen (an enabled interrupt or DMA
//! request, an edge on a connected and enabled output) is scheduled.
//!
//! Parameters: `kind` (`advanced`, `general`, `two-channel`, `one-channel`, `basic`), `channels` (default
//! from the kind), `width` (16 or 32), `enable_delay` (kernel ticks from CEN to the first tick that
//! counts; default 1, since "the counter starts counting 1 clock cycle after setting the CEN bit",
//! RM0090 §17.3.1).

mod channel;
mod counter;
mod engine;
mod kind;
mod registers;
mod signals;
mod slave;
mod trigger;

use crate::ParameterError;
use emu_core::{Access, Bus, Ctx, Cycles, Device, Ports, Ratio, Ticker, Width};
use engine::Engine;
use kind::Kind;
use serde::{Deserialize, Serialize};
use slave::{EtrPrescaler, Levels};

/// Parameters in machine files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    kind: Option<Kind>,
    channels: Option<usize>,
    width: Option<u8>,
    enable_delay: Option<u32>,
}

/// Makes a `stm32.tim`.
///
/// # Errors
/// [`ParameterError`] for an unknown parameter or a value out of range.
pub fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = crate::parameters(table)?;
    let kind = p.kind.unwrap_or(Kind::General);
    let channels = p.channels.unwrap_or(kind.channels());
    if channels > kind.channels() {
        return Err(ParameterError(format!(
            "`channels` is {channels}, but a timer of this kind has at most {}",
            kind.channels()
        )));
    }
    let max = match p.width.unwrap_or(16) {
        16 => 0xFFFF,
        32 => 0xFFFF_FFFF,
        w => {
            return Err(ParameterError(format!(
                "`width` is {w}; a timer has 16 or 32 bits"
            )));
        }
    };
    Ok(Box::new(Tim::new(
        kind,
        channels,
        max,
        p.enable_delay.unwrap_or(1),
    )))
}

/// The event at which something that can be seen happens.
const DUE: u32 = 0;
/// The kernel clock's index in the clock ports.
const KER: usize = 0;

/// A timer.
#[derive(Clone, Serialize, Deserialize)]
struct Tim {
    kind: Kind,
    max: u32,
    enable_delay: u32,
    engine: Engine,
    /// Kernel ticks since reset.
    ticker: Ticker,
    /// The kernel tick at which `engine` stands.
    stands_at: u64,
    cr1: u32,
    cr2: u32,
    smcr: u32,
    dier: u32,
    bdtr: u32,
    dcr: u32,
    or: u32,
    /// Accesses to DMAR since the request of the burst, and its request line.
    burst: u32,
    burst_line: usize,
    levels: Levels,
    etr: EtrPrescaler,
    /// Levels given to the outputs CH1 to CH4 and TRGO.
    driven: [bool; 5],
}

impl Tim {
    fn new(kind: Kind, channels: usize, max: u32, enable_delay: u32) -> Tim {
        Tim {
            kind,
            max,
            enable_delay,
            engine: Engine::new(max, channels),
            ticker: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
            stands_at: 0,
            cr1: 0,
            cr2: 0,
            smcr: 0,
            dier: 0,
            bdtr: 0,
            dcr: 0,
            or: 0,
            burst: 0,
            burst_line: 0,
            levels: Levels::default(),
            etr: EtrPrescaler::default(),
            driven: [false; 5],
        }
    }

    /// Bring the state to a cycle, without telling anyone.
    fn catch_up(&mut self, now: Cycles) -> engine::Happened {
        let tick = self.ticker.ticks_at(now);
        let passed = tick.saturating_sub(self.stands_at);
        self.stands_at = tick;
        if slave::is_external(self.smcr) {
            return engine::Happened::default();
        }
        self.engine.advance(passed)
    }

    /// Bring the state to the present and tell what happened.
    fn sync(&mut self, ctx: &mut Ctx<'_>) {
        let happened = self.catch_up(ctx.now());
        self.tell(happened, ctx);
    }

    /// Schedule the next thing that can be seen.
    fn plan(&self, ctx: &mut Ctx<'_>) {
        let ticks = if slave::is_external(self.smcr) {
            None
        } else {
            self.engine.ticks_to_next(self.wanted(ctx))
        };
        let at = ticks.and_then(|n| self.ticker.cycle_of(self.stands_at.checked_add(n)?));
        if at != ctx.due(DUE) {
            ctx.schedule_or_cancel(DUE, at);
        }
    }
}

impl Device for Tim {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(if self.kind.is_advanced() {
                &["brk", "up", "trg_com", "cc"]
            } else {
                &["global"]
            }),
            inputs: Ports::names(&slave::INPUTS),
            outputs: Ports::names(&signals::OUTPUTS),
            clocks: Ports::names(&["ker"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.withdraw_requests(self.dier, ctx);
        let (levels, driven) = (self.levels, self.driven);
        *self = Tim::new(
            self.kind,
            self.engine.channels.len(),
            self.max,
            self.enable_delay,
        );
        // What comes from outside stays, and what was driven high must be seen to fall.
        (self.levels, self.driven) = (levels, driven);
        self.ticker = Ticker::new(ctx.now(), 0, ctx.clock(KER));
        self.refresh(ctx);
        self.plan(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        if ctx.is_debug() {
            let mut copy = self.clone();
            copy.catch_up(ctx.now());
            return width.extract(copy.register_value(offset & !3), offset);
        }
        self.sync(ctx);
        width.extract(self.read_register(offset & !3, ctx), offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        self.write_register(offset, width, value, ctx);
        self.refresh(ctx);
        self.plan(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        self.plan(ctx);
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        let port = usize::from(port);
        let level = value != 0;
        if port >= slave::INPUTS.len() || self.levels.get(port) == level {
            return;
        }
        let after = self.levels.with(port, level);
        if self.inputs_matter() {
            self.sync(ctx);
            self.inputs_changed(after, ctx);
            self.refresh(ctx);
            self.plan(ctx);
        }
        self.levels = after;
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let ratio = ctx.clock(KER);
        if ratio != self.ticker.ratio() {
            self.sync(ctx);
            self.ticker.set_ratio(ctx.now(), ratio);
            self.plan(ctx);
        }
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        // A read of DMAR asks for the next beat of a DMA burst.
        if write || offset & !3 == registers::DMAR {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(offset).map(str::to_owned)
    }

    emu_core::device_state!();
}
