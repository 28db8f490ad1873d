//! What edges on a timer's inputs do: captures, slave modes, external clocks, break.

use super::Tim;
use super::channel::{Edges, Use};
use super::engine::ccif;
use super::registers::{BIF, BKE, BKP, CEN, MOE, TIF, URS, ccof};
use super::slave::{self, Change, Levels, SlaveMode, Trigger, slave_mode};
use emu_core::{Ctx, ProbeKind};

impl Tim {
    /// The trigger input's configuration.
    pub(super) fn trigger(&self) -> Trigger {
        let polarity = |i: usize| self.engine.channels.get(i).map_or(0, |ch| ch.enable());
        Trigger {
            smcr: self.smcr,
            ti1s: self.ti1s(),
            polarity: [polarity(0), polarity(1)],
        }
    }

    fn ti1s(&self) -> bool {
        self.cr2 & 1 << 7 != 0
    }

    /// Can an edge of an input do anything now?
    pub(super) fn inputs_matter(&self) -> bool {
        self.smcr & (7 | slave::ECE) != 0
            || self.bdtr & BKE != 0
            || (0..self.engine.channels.len())
                .any(|i| self.is_capture(i) && self.engine.channels[i].is_on())
    }

    /// The inputs go from `self.levels` to `after`.
    pub(super) fn inputs_changed(&mut self, after: Levels, ctx: &mut Ctx<'_>) {
        let before = self.levels;
        for i in 0..self.engine.channels.len() {
            let ti1s = self.ti1s();
            let ch = &mut self.engine.channels[i];
            if ch.is_on() && edge_for(ch, i, before, after, self.smcr, ti1s) && ch.takes_edge() {
                self.capture(i, ctx);
            }
        }
        self.levels = after;
        if self.break_is_active() && self.bdtr & MOE != 0 {
            self.break_in();
        }
        let trigger = self.trigger();
        if let Some(down) = trigger.encoder_step(before, after) {
            self.engine.counter.set_mode(false, down);
            self.clock_once(ctx);
        }
        if self.smcr & slave::ECE != 0
            && after.etr(self.smcr)
            && !before.etr(self.smcr)
            && self.etr.edge(self.smcr)
        {
            self.clock_once(ctx);
        }
        let change = trigger.change(before, after);
        match (slave_mode(self.smcr), change) {
            (_, Change::None) | (SlaveMode::Off | SlaveMode::Encoder(_), _) => {}
            (SlaveMode::Gated, _) => {
                // Both edges set TIF in gated mode (RM0090 §17.4.5).
                self.triggered(ctx);
                self.set_running();
            }
            (_, Change::Inactive) => {}
            (SlaveMode::Reset, Change::Active) => {
                self.triggered(ctx);
                let happened = self.engine.initialise(self.cr1 & URS != 0);
                self.initialised(happened, ctx);
            }
            (SlaveMode::Trigger, Change::Active) => {
                self.triggered(ctx);
                if self.cr1 & CEN == 0 {
                    self.cr1 |= CEN;
                    self.started(ctx);
                    self.set_running();
                }
            }
            (SlaveMode::External, Change::Active) => {
                self.triggered(ctx);
                if self.smcr & slave::ECE == 0 {
                    self.clock_once(ctx);
                }
            }
        }
    }

    /// One tick of an external clock.
    fn clock_once(&mut self, ctx: &mut Ctx<'_>) {
        let happened = self.engine.advance(1);
        self.tell(happened, ctx);
    }

    /// Take the counter into CCRx.
    pub(super) fn capture(&mut self, i: usize, ctx: &mut Ctx<'_>) {
        let value = self.engine.counter.value();
        self.engine.channels[i].capture(value);
        if self.engine.sr & ccif(i) != 0 {
            self.engine.sr |= ccof(i);
        }
        self.engine.sr |= ccif(i);
        ctx.probe(ProbeKind::TimerCapture {
            device: ctx.device_index(),
            channel: i as u8 + 1,
            value,
        });
        self.compared(1 << i, ctx);
    }

    /// A trigger event.
    pub(super) fn triggered(&mut self, ctx: &mut Ctx<'_>) {
        self.engine.sr |= TIF;
        self.request_trigger_dma(ctx);
    }

    /// Does the break input hold the outputs off?
    pub(super) fn break_is_active(&self) -> bool {
        self.bdtr & BKE != 0 && self.levels.get(slave::BKIN) == (self.bdtr & BKP != 0)
    }

    /// A break: the outputs go off.
    pub(super) fn break_in(&mut self) {
        self.engine.sr |= BIF;
        self.bdtr &= !MOE;
    }
}

/// Is this change of the inputs an edge that channel `i` may capture?
fn edge_for(
    ch: &super::channel::Channel,
    i: usize,
    before: Levels,
    after: Levels,
    smcr: u32,
    ti1s: bool,
) -> bool {
    let (a, b, edges) = match ch.used_as() {
        Use::Compare => return false,
        Use::Direct => {
            let ti = |l: Levels| l.ti(i, ti1s);
            (ti(before), ti(after), Edges::of_polarity(ch.enable()))
        }
        Use::Indirect => {
            let ti = |l: Levels| l.ti(i ^ 1, ti1s);
            (ti(before), ti(after), Edges::of_polarity(ch.enable()))
        }
        Use::Trigger => match (before.itr(smcr), after.itr(smcr)) {
            (Some(a), Some(b)) => (a, b, Edges::of_polarity(ch.enable())),
            // TI1F_ED gives a pulse for each edge of TI1.
            _ => (before.ti(0, ti1s), after.ti(0, ti1s), Edges::Both),
        },
    };
    a != b && edges.take(b)
}
