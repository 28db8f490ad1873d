//! What the sources do to each other and to the clocks: switching them, locking the PLLs, selecting
//! the system clock, and giving every clock its frequency (RM0090 §7.2).

use super::oscillator::{Oscillator, Source};
use super::tree::{self, Pll, SW_HSE, SW_HSI, SW_PLL};
use super::{HSEBYP, LSEBYP, Rcc, clock};
use emu_core::{Ctx, NoticeKind, Ratio};

impl Rcc {
    fn pll(&self) -> Pll {
        Pll::new(self.pllcfgr)
    }

    /// The oscillator that feeds both PLLs.
    pub(super) fn pll_source(&self) -> Source {
        if self.pll().from_hse {
            Source::Hse
        } else {
            Source::Hsi
        }
    }

    fn pll_source_hz(&self) -> Ratio {
        Ratio::hz(if self.pll().from_hse {
            self.p.hse
        } else {
            self.p.hsi
        })
    }

    /// Does the system clock come from this source, straight or through the PLL?
    fn in_use(&self, s: Source) -> bool {
        match self.sws {
            SW_HSE => s == Source::Hse,
            SW_PLL => s == Source::Pll || s == self.pll_source(),
            _ => s == Source::Hsi,
        }
    }

    pub(super) fn plan(&self, s: Source, ctx: &mut Ctx<'_>) {
        let hz = ctx.clock_hz(clock::HCLK);
        let at = self.source(s).due.map(|d| d.cycle(ctx, hz));
        ctx.schedule_or_cancel(s as u32, at);
    }

    /// The ON bit of a source was written.
    pub(super) fn switch(&mut self, s: Source, on: bool, ctx: &mut Ctx<'_>) {
        if self.source(s).on == on {
            return;
        }
        if !on && self.in_use(s) {
            ctx.note(
                NoticeKind::Misuse,
                "CR: the source of the system clock cannot be switched off",
            );
            return;
        }
        let (hz, startup_ns) = match s {
            Source::Lsi => (self.p.lsi, Some(self.p.lsi_startup_ns)),
            Source::Lse if self.bdcr & LSEBYP != 0 => (self.p.lse, Some(0)),
            Source::Lse => (self.p.lse, Some(self.p.lse_startup_ns)),
            Source::Hsi => (self.p.hsi, Some(self.p.hsi_startup_ns)),
            Source::Hse if self.cr & HSEBYP != 0 => (self.p.hse, Some(0)),
            Source::Hse => (self.p.hse, Some(self.p.hse_startup_ns)),
            Source::Pll | Source::PllI2s => (0, Some(0)),
        };
        match (s, on) {
            (Source::Pll | Source::PllI2s, true) => {
                self.source_mut(s).on = true;
                self.start_pll(s, ctx);
            }
            (Source::Pll | Source::PllI2s, false) => {
                *self.source_mut(s) = Oscillator::default();
                self.retune(ctx);
            }
            (_, true) => {
                let fitted = hz != 0;
                if !fitted {
                    ctx.note(
                        NoticeKind::Misuse,
                        &format!("{s:?} is switched on, but the machine has no such crystal"),
                    );
                }
                self.source_mut(s).start(ctx, startup_ns.filter(|_| fitted));
            }
            (_, false) => self.source_mut(s).stop(ctx, hz),
        }
        self.plan(s, ctx);
    }

    /// A PLL that is on begins to lock once its source is ready.
    pub(super) fn start_pll(&mut self, s: Source, ctx: &mut Ctx<'_>) {
        let o = *self.source(s);
        if !o.on || o.ready || o.due.is_some() || !self.source(self.pll_source()).ready {
            return;
        }
        if s == Source::Pll
            && let Some(what) = self.pll().complaint(self.pll_source_hz())
        {
            ctx.note(NoticeKind::Misuse, what);
        }
        if self.pll().can_lock() {
            let ns = self.p.pll_lock_ns;
            self.source_mut(s).start(ctx, Some(ns));
            self.plan(s, ctx);
        }
    }

    /// The system clock follows CFGR.SW as soon as that source is ready (RM0090 §7.2.6).
    pub(super) fn follow_switch(&mut self) {
        let wanted = self.cfgr & 3;
        let ready = match wanted {
            SW_HSI => self.source(Source::Hsi).ready,
            SW_HSE => self.source(Source::Hse).ready,
            SW_PLL => self.source(Source::Pll).ready,
            _ => false,
        };
        if ready {
            self.sws = wanted;
        }
    }

    /// Give every clock its frequency.
    pub(super) fn retune(&mut self, ctx: &mut Ctx<'_>) {
        let if_ready = |s: Source, hz: u64| {
            if self.source(s).ready {
                Ratio::hz(hz)
            } else {
                Ratio::ZERO
            }
        };
        let (hse, hsi) = (
            if_ready(Source::Hse, self.p.hse),
            if_ready(Source::Hsi, self.p.hsi),
        );
        let pll = self.pll();
        let vco = if self.source(Source::Pll).ready {
            pll.vco(self.pll_source_hz())
        } else {
            Ratio::ZERO
        };
        let pll_p = vco.scale(1, u64::from(pll.p));
        let sysclk = match self.sws {
            SW_HSE => hse,
            SW_PLL => pll_p,
            _ => hsi,
        };
        let hclk = sysclk.scale(1, tree::hpre(self.cfgr));
        let (d1, d2) = (tree::ppre1(self.cfgr), tree::ppre2(self.cfgr));
        let (pclk1, pclk2) = (hclk.scale(1, d1), hclk.scale(1, d2));
        // What each clock comes from: it is as far off its nominal frequency as that.
        let pll_from = if pll.from_hse { clock::HSE } else { clock::HSI };
        let from = match self.sws {
            SW_HSE => clock::HSE,
            SW_PLL => pll_from,
            _ => clock::HSI,
        };
        for (index, hz, from) in [
            (clock::HSE, hse, clock::HSE),
            (clock::HSI, hsi, clock::HSI),
            (clock::LSE, if_ready(Source::Lse, self.p.lse), clock::LSE),
            (clock::LSI, Ratio::hz(self.p.lsi), clock::LSI),
            (clock::PLL, pll_p, pll_from),
            (clock::SYSCLK, sysclk, from),
            (clock::HCLK, hclk, from),
            (clock::PCLK1, pclk1, from),
            (clock::PCLK2, pclk2, from),
            (clock::TIMCLK1, tree::timer_clock(pclk1, d1), from),
            (clock::TIMCLK2, tree::timer_clock(pclk2, d2), from),
            (clock::PLL48CK, vco.scale(1, u64::from(pll.q)), pll_from),
        ] {
            ctx.set_clock_from(index, hz, from);
        }
        for (name, hz, max) in [
            ("HCLK", hclk, self.p.max_hclk),
            ("PCLK1", pclk1, self.p.max_pclk1),
            ("PCLK2", pclk2, self.p.max_pclk2),
        ] {
            if hz.num() > max.saturating_mul(hz.den()) {
                ctx.note(
                    NoticeKind::Misuse,
                    &format!("CFGR: {name} is above its limit of {max} Hz"),
                );
            }
        }
    }
}
