//! `[[interrupt]]`: storms on a line.

use super::attach::{Attach, required};
use super::file::Interrupt;
use super::values::Irq;
use crate::units::{AS_PER_S, Span};
use emu_core::Binding;
use emu_core::cortex_m::number::IRQ0;
use machines::{Diagnostic, Sp, advice};
use peripherals::ext::stimulus::storm::{Gaps, Shape, Storm};
use peripherals::ext::stimulus::{Moment, Pace};

/// The longest mean of a Poisson process, in attoseconds.
const LONGEST_MEAN: u128 = 100_000 * AS_PER_S;

impl Attach<'_> {
    pub(super) fn interrupt(
        &mut self,
        index: u32,
        entry: &Sp<Interrupt>,
    ) -> Result<(), Diagnostic> {
        let irq = required(self, entry, &entry.irq, "irq")?;
        let number = self.irq(irq)?;
        let given = [
            ("every", entry.every.is_some()),
            ("rate", entry.rate.is_some()),
        ];
        self.one_of(&entry.at, &given)?;
        let (pace, period) = match (&entry.every, &entry.rate) {
            (Some(every), _) => {
                self.period(every)?;
                (every.pace(), every.ticks())
            }
            // The period of a rate is 2³² ticks: what jitter, width and random gaps are rounded to.
            (None, Some(rate)) => (
                Pace::PerSecond(rate.value.0.scale(TICKS, 1)),
                u128::from(TICKS),
            ),
            (None, None) => return Ok(()),
        };
        let in_ticks = |t: Span, at, what: &str| self.in_ticks(entry, t, at, what);
        let jitter = match &entry.jitter {
            Some(jitter) => in_ticks(jitter.value.0, &jitter.at, "jitter")?,
            None => 0,
        };
        let width = match &entry.width {
            Some(width) => in_ticks(width.value.0, &width.at, "width")?.max(1),
            None => 0,
        };
        if entry.width.is_none() && self.bus.lines.is_some() {
            let title = "the line needs a `width` on this machine";
            return Err(self
                .wrong(title, &irq.at, "a line of RISC-V is a level")
                .help("say how long it stays up, as in width = \"1us\""));
        }
        if let Some(width) = &entry.width
            && !entry.poisson
            && in_ticks(width.value.0, &width.at, "width")? >= period
        {
            let label = "must be shorter than the period";
            return Err(self.wrong("the line would never fall", &width.at, label));
        }
        let gaps = self.gaps(entry, period, jitter)?;
        if let (Some(start), Some(stop)) = (&entry.start, &entry.stop)
            && start.value.before(stop.value) == Some(false)
        {
            let label = "must be after `start`";
            return Err(self.wrong("it stops before it starts", &stop.at, label));
        }
        // A periodic one begins after a period.
        let first = match pace {
            _ if entry.poisson => Moment::Cycle(0),
            Pace::Cycles => Moment::Cycle(u64::try_from(period).unwrap_or(u64::MAX)),
            Pace::PerSecond(_) => Moment::Time(self.attoseconds(entry, period)),
        };
        let shape = Shape {
            start: entry.start.as_ref().map_or(first, |s| s.value.moment()),
            pace,
            gaps,
            width,
            stop: entry.stop.as_ref().map(|s| s.value.moment()),
            count: entry.count.as_ref().map(|c| c.value),
            index,
        };
        let binding = Binding {
            name: format!("stimulus.irq{}", number - IRQ0),
            irqs: vec![Some(number)],
            ..Binding::default()
        };
        self.add(binding, Box::new(Storm::new(shape)));
        Ok(())
    }

    fn gaps(&self, entry: &Sp<Interrupt>, period: u128, jitter: u128) -> Result<Gaps, Diagnostic> {
        if entry.poisson {
            if let Some(jitter) = &entry.jitter {
                let label = "the gaps of a Poisson process are random already";
                return Err(self.wrong(
                    "`jitter` goes with periodic interrupts",
                    &jitter.at,
                    label,
                ));
            }
            let mean = self.attoseconds(entry, period);
            if mean > LONGEST_MEAN && entry.every.as_ref().is_none_or(|e| !e.is_cycles()) {
                let at = entry.every.as_ref().map_or(&entry.at, |e| &e.at);
                return Err(self.wrong("the mean is too long", at, "at most 100000s"));
            }
            return Ok(Gaps::Poisson { mean: period });
        }
        if let Some(at) = entry.jitter.as_ref().map(|j| &j.at)
            && jitter.saturating_mul(2) >= period
        {
            let label = "must be less than half the period";
            return Err(self.wrong("the interrupts could change places", at, label));
        }
        let jitter = u64::try_from(jitter).map_err(|_| {
            let at = entry.jitter.as_ref().map_or(&entry.at, |j| &j.at);
            self.wrong("the jitter is too long", at, "at most 18s")
        })?;
        Ok(Gaps::Periodic { period, jitter })
    }

    /// A period of the storm in attoseconds (or in cycles, for one in cycles).
    fn attoseconds(&self, entry: &Interrupt, period: u128) -> u128 {
        match &entry.rate {
            Some(rate) => {
                let hz = rate.value.0;
                AS_PER_S * u128::from(hz.den()) / u128::from(hz.num()).max(1)
            }
            None => period,
        }
    }

    /// A duration in ticks of the storm.
    fn in_ticks(
        &self,
        entry: &Interrupt,
        span: Span,
        at: &machines::source::At,
        what: &str,
    ) -> Result<u128, Diagnostic> {
        let cycles = entry.every.as_ref().is_some_and(|e| e.is_cycles());
        match (span, &entry.rate) {
            (Span::Cycles(n), None) if cycles => Ok(n.into()),
            (Span::Time(t), None) if !cycles => Ok(t),
            (Span::Time(t), Some(rate)) => {
                let ticks = rate.value.0.scale(TICKS, 1);
                let per_as = t.saturating_mul(u128::from(ticks.num()));
                Ok(per_as / (AS_PER_S * u128::from(ticks.den())))
            }
            _ => {
                let title = format!("`{what}` and the period are in different units");
                let label = "give both in time, or both in cycles";
                Err(self.wrong(title, at, label))
            }
        }
    }

    /// The exception number of an interrupt.
    fn irq(&self, irq: &Sp<Irq>) -> Result<u16, Diagnostic> {
        let names = self.spec.interrupts();
        let text = irq.value.0.as_str();
        let irqs = || names.iter().filter(|(n, _)| **n >= IRQ0);
        let named = irqs().find(|(_, name)| name.eq_ignore_ascii_case(text));
        let number = match (named, text.parse::<u16>()) {
            (Some((&number, _)), _) => Some(number),
            (None, Ok(n)) => n.checked_add(IRQ0).filter(|_| self.has_irq(n)),
            (None, Err(_)) => None,
        };
        number.ok_or_else(|| {
            let title = format!("the machine has no interrupt `{text}`");
            let help = advice(
                "its interrupts",
                text,
                irqs().map(|(_, name)| name.as_str()),
            );
            self.wrong(title, &irq.at, "unknown interrupt").help(help)
        })
    }

    fn has_irq(&self, n: u16) -> bool {
        if self.bus.lines.is_some() {
            let lines = emu_core::riscv::lines::IMPLEMENTED;
            return n < 32 && lines >> n & 1 != 0;
        }
        n < self.bus.system.irq_count
    }
}

/// Ticks in the period of a rate.
const TICKS: u64 = 1 << 32;
