//! One clock source: switched on, ready after its start-up time, off some periods later.

use crate::stm32::deadline::Deadline;
use emu_core::Ctx;
use serde::{Deserialize, Serialize};

/// The sources; the number is the tag of the source's event and its bit in CIR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Lsi = 0,
    Lse = 1,
    Hsi = 2,
    Hse = 3,
    Pll = 4,
    PllI2s = 5,
}

impl Source {
    /// All of them, by number.
    pub(super) const ALL: [Source; 6] = [
        Source::Lsi,
        Source::Lse,
        Source::Hsi,
        Source::Hse,
        Source::Pll,
        Source::PllI2s,
    ];
}

/// State of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Oscillator {
    /// The ON bit.
    pub on: bool,
    /// The RDY bit.
    pub ready: bool,
    /// When RDY follows ON.
    pub due: Option<Deadline>,
}

impl Oscillator {
    /// Running since before the firmware started.
    pub(super) const RUNNING: Oscillator = Oscillator {
        on: true,
        ready: true,
        due: None,
    };

    /// Start; ready after `startup_ns`, never when there is no crystal.
    pub(super) fn start(&mut self, ctx: &Ctx<'_>, startup_ns: Option<u64>) {
        self.on = true;
        self.due = match startup_ns {
            Some(ns) if !self.ready => Some(Deadline::after_ns(ctx, ns)),
            _ => None,
        };
    }

    /// Stop; RDY falls after six of its own periods (RM0090 §7.3.1, §7.3.20, §7.3.21).
    pub(super) fn stop(&mut self, ctx: &Ctx<'_>, hz: u64) {
        self.on = false;
        self.due = self.ready.then(|| Deadline::after_periods(ctx, 6, hz));
    }

    /// Off at once.
    pub(super) fn kill(&mut self) {
        *self = Oscillator {
            on: self.on,
            ..Oscillator::default()
        };
    }
}
