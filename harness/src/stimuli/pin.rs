//! `[[pin]]`: levels from a list, a square wave, or a value change dump.

use super::attach::{Attach, required};
use super::file::{self, Pin};
use super::values::{Duty, Level, Ppm};
use super::vcd;
use crate::units::{AS_PER_S, Span};
use emu_core::{Binding, Device, Drive, Ratio};
use machines::{Diagnostic, Sp};
use peripherals::ext::stimulus::edges::Edges;
use peripherals::ext::stimulus::wave::{Shape, Wave};
use peripherals::ext::stimulus::{Moment, Pace};

impl Attach<'_> {
    pub(super) fn pin(&mut self, entry: &Sp<Pin>) -> Result<(), Diagnostic> {
        let name = required(self, entry, &entry.pin, "pin")?;
        let given = [
            ("edges", entry.edges.is_some()),
            ("wave", entry.wave.is_some()),
            ("vcd", entry.vcd.is_some()),
        ];
        self.one_of(&entry.at, &given)?;
        let net = self.net(name)?;
        let device: Box<dyn Device> = match (&entry.edges, &entry.wave, &entry.vcd) {
            (Some(edges), ..) => Box::new(self.edges(entry, edges)?),
            (_, Some(wave), _) => Box::new(self.wave(entry, wave)?),
            (_, _, Some(vcd)) => Box::new(self.vcd(entry, vcd)?),
            _ => return Ok(()),
        };
        let binding = Binding {
            name: format!("stimulus.{}", self.bus.nets.name(net)),
            nets: vec![Some(net)],
            ..Binding::default()
        };
        self.add(binding, device);
        Ok(())
    }

    fn edges(
        &self,
        entry: &Pin,
        edges: &Sp<Vec<Sp<super::values::Edge>>>,
    ) -> Result<Edges, Diagnostic> {
        if edges.is_empty() {
            return Err(self.wrong("there are no edges", &edges.at, "an empty list"));
        }
        for pair in edges.windows(2) {
            let ((first, _), (second, _)) = (pair[0].value.0, pair[1].value.0);
            let both = |d: Diagnostic| {
                let sources = &self.stimuli.origin.sources;
                d.at(sources, &pair[0].at, "the one before")
            };
            match first.before(second) {
                Some(true) => {}
                Some(false) => {
                    let label = "not after the one before";
                    let d = self.wrong("the edges are out of order", &pair[1].at, label);
                    return Err(both(d));
                }
                None => {
                    let label = "in another unit";
                    let title = "edges are either all in time or all in cycles";
                    return Err(both(self.wrong(title, &pair[1].at, label)));
                }
            }
        }
        let list: Vec<(Moment, Drive)> = edges
            .iter()
            .map(|e| (e.value.0.0.moment(), entry.drive.drive(e.value.0.1.0)))
            .collect();
        Ok(Edges::new(entry.before(Level::Float), list.into()))
    }

    fn wave(&self, entry: &Pin, wave: &Sp<file::Wave>) -> Result<Wave, Diagnostic> {
        let given = [("hz", wave.hz.is_some()), ("period", wave.period.is_some())];
        self.one_of(&wave.at, &given)?;
        let whole = u128::from(Duty::WHOLE);
        let duty = wave.duty.as_ref().map_or(Duty::WHOLE / 2, |d| d.value.0);
        let ppm = wave.ppm.as_ref().map_or(Ppm(0), |p| p.value);
        let (pace, period, high) = match (&wave.hz, &wave.period) {
            (Some(hz), _) => {
                let ticks = ppm.of(hz.value.0).scale(whole as u64, 1);
                (Pace::PerSecond(ticks), whole, u128::from(duty))
            }
            (None, Some(period)) => {
                self.period(period)?;
                let high = period.ticks() * u128::from(duty) / whole;
                let pace = match period.value.0 {
                    Span::Cycles(_) => {
                        if let Some(ppm) = &wave.ppm {
                            let label = "core cycles are exact";
                            return Err(self.wrong("`ppm` needs a wave in time", &ppm.at, label));
                        }
                        Pace::Cycles
                    }
                    Span::Time(_) => Pace::PerSecond(ppm.of(Ratio::hz(AS_PER_S as u64))),
                };
                (pace, period.ticks(), high)
            }
            (None, None) => return Err(self.wrong("the wave has no period", &wave.at, "here")),
        };
        if high == 0 || high >= period {
            let label = "its high or its low part is shorter than a cycle";
            return Err(self.wrong("the period is too short", &wave.at, label));
        }
        let phase = wave.phase.as_ref().map(|p| p.value.moment());
        Ok(Wave::new(Shape {
            start: phase.unwrap_or(Moment::Time(0)),
            pace,
            period,
            high,
            one: entry.drive.drive(Level::High),
            zero: entry.drive.drive(Level::Low),
        }))
    }

    fn vcd(&mut self, entry: &Pin, vcd: &Sp<file::Vcd>) -> Result<Edges, Diagnostic> {
        let bytes = self.read(&vcd.file)?;
        let offset = match vcd.value.at.as_ref().map(|at| (at, at.value.0)) {
            None => 0,
            Some((_, Span::Time(t))) => t,
            Some((at, Span::Cycles(_))) => {
                let title = "the times of a value change dump are no cycles";
                return Err(self.wrong(title, &at.at, "give a time"));
            }
        };
        let changes = vcd::read(&bytes, &vcd.signal).map_err(|e| {
            let title = format!("{}: {}", vcd.file.value, e.what);
            let (at, label) = if e.is_signal {
                (&vcd.signal.at, "this signal")
            } else {
                (&vcd.file.at, "this file")
            };
            let d = self.wrong(title, at, label);
            match e.help {
                Some(help) => d.help(help),
                None => d,
            }
        })?;
        let mut before = entry.before(Level::Float);
        let mut list = Vec::with_capacity(changes.len());
        for (time, level) in changes {
            let drive = entry.drive.drive(level);
            // Values at the start are not edges.
            if time == 0 && offset == 0 {
                before = drive;
            } else {
                list.push((Moment::Time(offset.saturating_add(time)), drive));
            }
        }
        Ok(Edges::new(before, list.into()))
    }
}

impl Pin {
    fn before(&self, default: Level) -> Drive {
        let level = self.initial.as_ref().map_or(default, |l| l.value.0);
        self.drive.drive(level)
    }
}
