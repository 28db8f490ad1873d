//! `[[clock]]`: tolerances of oscillators.

use super::attach::{Attach, required};
use super::file::{Clock, NoiseKind};
use super::values::Time;
use crate::units::{AS_PER_S, Span};
use emu_core::Binding;
use machines::{Diagnostic, Sp, advice};
use peripherals::ext::stimulus::tolerance::{Drift, Noise, Shape, Tolerance};

/// Time from one step of a drift to the next, unless it is given.
const DRIFT_STEP: u128 = AS_PER_S / 10;
/// The shortest step: each is a change of clock for the whole machine.
const SHORTEST_STEP: u128 = AS_PER_S / 1_000_000;

impl Attach<'_> {
    pub(super) fn clock(
        &mut self,
        index: u32,
        entry: &Sp<Clock>,
        oscillators: &[String],
    ) -> Result<(), Diagnostic> {
        let name = required(self, entry, &entry.clock, "clock")?;
        let known = || oscillators.iter().map(String::as_str);
        let Some(id) = self.bus.clocks.find(name) else {
            let title = format!("the machine has no clock `{}`", name.value);
            let help = advice("its oscillators", name, known());
            return Err(self.wrong(title, &name.at, "unknown clock").help(help));
        };
        if !oscillators.contains(&name.value) {
            let title = format!("`{}` comes from another clock", name.value);
            let help = advice("its oscillators", "", known());
            return Err(self.wrong(title, &name.at, "no oscillator").help(help));
        }
        if entry.ppm.is_none() && entry.drift.is_none() && entry.noise.is_none() {
            let title = "give at least one of `ppm`, `drift` and `noise`";
            return Err(self.wrong(title, &entry.at, "in this entry"));
        }
        let drift_step = match (&entry.drift_step, &entry.drift) {
            (Some(step), None) => {
                return Err(self.wrong("`drift_step` needs a `drift`", &step.at, "of what?"));
            }
            (Some(step), _) => self.step(step)?,
            (None, _) => DRIFT_STEP,
        };
        let noise = entry.noise.as_ref().map(|n| {
            if n.ppm.value.0 <= 0 {
                let label = "must be more than 0";
                return Err(self.wrong("the noise has no deviation", &n.ppm.at, label));
            }
            Ok(Noise {
                ppb: n.ppm.value.0,
                every: self.step(&n.every)?,
                walk: n.kind == NoiseKind::Walk,
            })
        });
        let shape = Shape {
            ppb: entry.ppm.as_ref().map_or(0, |p| p.value.0),
            drift: entry.drift.as_ref().map(|d| Drift {
                ppb_per_s: d.value.0,
                every: drift_step,
            }),
            noise: noise.transpose()?,
            index,
        };
        let binding = Binding {
            name: format!("stimulus.{}", name.value),
            clocks: vec![id],
            ..Binding::default()
        };
        self.add(binding, Box::new(Tolerance::new(shape)));
        Ok(())
    }

    fn step(&self, step: &Sp<Time>) -> Result<u128, Diagnostic> {
        match step.value.0 {
            Span::Time(t) if t >= SHORTEST_STEP => Ok(t),
            Span::Time(_) => Err(self.wrong("the steps are too short", &step.at, "at least 1us")),
            Span::Cycles(_) => Err(self.wrong(
                "the steps of a clock are in time",
                &step.at,
                "no cycles here",
            )),
        }
    }
}
