//! Independent watchdog (`stm32.iwdg`), RM0090 chapter 21.
//!
//! Modelled: KR, PR, RLR, SR with PVU and RVU, the time-out, the reset. Not modelled: the debug freeze
//! of DBGMCU, hardware start by option byte (use the parameter `hardware = true`).
//!
//! The manual does not say what a reload does to the prescaler: here it starts over, so that the
//! time-out after a reload is exactly `(RLR + 1) * 4 * 2^PR` LSI ticks (§21.3, table of time-outs). A new
//! prescaler is used, and PVU and RVU fall, after 5 LSI ticks (§21.4.4: "up to 5 RC 40 kHz cycles").
//!
//! The watchdog starts the LSI by itself; when the clock tree says that LSI stands still, the
//! parameter `lsi` (Hz, default 32000) is its frequency.

use crate::ParameterError;
use emu_core::{Ctx, Cycles, Device, NoticeKind, Ports, Ratio, ResetCause, Ticker, Width};
use serde::{Deserialize, Serialize};

const KR: u32 = 0x00;
const PR: u32 = 0x04;
const RLR: u32 = 0x08;
const SR: u32 = 0x0C;

const PVU: u32 = 1;
const RVU: u32 = 2;
/// LSI ticks that an update of PR or RLR takes (RM0090 §21.4.4).
const UPDATE_TICKS: u64 = 5;
const RLR_RESET: u32 = 0xFFF;

const EXPIRES: u32 = 0;
const PR_TAKES: u32 = 1;
const RLR_TAKES: u32 = 2;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    lsi: Option<u64>,
    #[serde(default)]
    hardware: bool,
}

/// Makes a `stm32.iwdg`.
///
/// # Errors
/// [`ParameterError`] for an unknown parameter or a value out of range.
pub fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = crate::parameters(table)?;
    let lsi = p.lsi.unwrap_or(32_000);
    if lsi == 0 {
        return Err(ParameterError("`lsi` must not be zero".to_owned()));
    }
    Ok(Box::new(Iwdg::new(lsi, p.hardware)))
}

#[derive(Clone, Serialize, Deserialize)]
struct Iwdg {
    lsi: u64,
    hardware: bool,
    ticker: Ticker,
    started: bool,
    unlocked: bool,
    /// PR as written.
    pr: u32,
    /// PR in use.
    pr_used: u32,
    rlr: u32,
    sr: u32,
    /// The counter's value at LSI tick `counter_at`, with the prescaler at zero.
    counter: u32,
    counter_at: u64,
}

impl Iwdg {
    fn new(lsi: u64, hardware: bool) -> Iwdg {
        Iwdg {
            lsi,
            hardware,
            ticker: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
            started: false,
            unlocked: false,
            pr: 0,
            pr_used: 0,
            rlr: RLR_RESET,
            sr: 0,
            counter: RLR_RESET,
            counter_at: 0,
        }
    }

    fn ratio(&self, ctx: &Ctx<'_>) -> Ratio {
        let clock = ctx.clock(0);
        if clock.is_zero() {
            Ratio::new(self.lsi, ctx.cycles_in_ns(1_000_000_000))
        } else {
            clock
        }
    }

    fn divider(&self) -> u64 {
        4 << self.pr_used.min(6) // RM0090 §21.4.2: 110 and 111 divide by 256
    }

    fn tick(&self, ctx: &Ctx<'_>) -> u64 {
        self.ticker.ticks_at(ctx.now())
    }

    fn load(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        self.counter = value;
        self.counter_at = self.tick(ctx);
        self.plan(ctx);
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let end = self.counter_at + (u64::from(self.counter) + 1) * self.divider();
        let at = if self.started {
            self.ticker.cycle_of(end)
        } else {
            None
        };
        ctx.schedule_or_cancel(EXPIRES, at);
    }

    fn start_update(&mut self, bit: u32, tag: u32, ctx: &mut Ctx<'_>) {
        if self.sr & bit != 0 {
            // §21.4.4: it is mandatory to wait. The new value is taken here all the same.
            ctx.note(
                NoticeKind::Misuse,
                "PR or RLR written again before PVU or RVU fell",
            );
        }
        self.sr |= bit;
        let at = self.ticker.cycle_of(self.tick(ctx) + UPDATE_TICKS);
        ctx.schedule_or_cancel(tag, at);
    }
}

impl Device for Iwdg {
    fn ports(&self) -> Ports {
        Ports {
            clocks: Ports::names(&["LSI"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        *self = Iwdg::new(self.lsi, self.hardware);
        self.ticker = Ticker::new(ctx.now(), 0, self.ratio(ctx));
        self.started = self.hardware;
        ctx.cancel(PR_TAKES);
        ctx.cancel(RLR_TAKES);
        self.plan(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        let word = match offset & !3 {
            PR => self.pr,
            RLR => self.rlr,
            SR => self.sr,
            _ => 0,
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let value = width.spread(offset, value);
        match offset & !3 {
            KR => {
                // Any other key locks PR and RLR again (RM0090 §21.4.1).
                self.unlocked = value & 0xFFFF == 0x5555;
                match value & 0xFFFF {
                    0xAAAA => self.load(self.rlr, ctx),
                    0xCCCC if !self.started => {
                        self.started = true;
                        self.load(RLR_RESET, ctx); // §21.3: counts from the reset value of 0xFFF
                    }
                    _ => {}
                }
            }
            reg @ (PR | RLR) if !self.unlocked => {
                let name = if reg == PR { "PR" } else { "RLR" };
                ctx.note(
                    NoticeKind::Misuse,
                    &format!("{name} write without key 0x5555 (ignored)"),
                );
            }
            PR => {
                self.pr = value & 7;
                self.start_update(PVU, PR_TAKES, ctx);
            }
            RLR => {
                self.rlr = value & 0xFFF;
                self.start_update(RVU, RLR_TAKES, ctx);
            }
            _ => {}
        }
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        match tag {
            EXPIRES => ctx.request_reset(ResetCause::IndependentWatchdog),
            PR_TAKES => {
                self.sr &= !PVU;
                let passed = (self.tick(ctx) - self.counter_at) / self.divider();
                let left = u64::from(self.counter).saturating_sub(passed) as u32;
                self.pr_used = self.pr;
                if self.started {
                    self.load(left, ctx);
                }
            }
            _ => self.sr &= !RVU,
        }
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let ratio = self.ratio(ctx);
        if ratio == self.ticker.ratio() {
            return;
        }
        let dues: Vec<(u32, u64)> = [PR_TAKES, RLR_TAKES]
            .into_iter()
            .filter_map(|tag| Some((tag, self.ticker.ticks_at(ctx.due(tag)?))))
            .collect();
        self.ticker.set_ratio(ctx.now(), ratio);
        for (tag, tick) in dues {
            ctx.schedule_or_cancel(tag, self.ticker.cycle_of(tick));
        }
        self.plan(ctx);
    }

    fn register(&self, offset: u32) -> Option<String> {
        ["KR", "PR", "RLR", "SR"]
            .get(offset as usize / 4)
            .map(|s| (*s).to_owned())
    }

    emu_core::device_state!();
}
