//! The sample rate of a session: how many samples a run makes, and which rate shows each edge.

use super::Channel;
use crate::export::Change;
use crate::failure::Failure;
use crate::timebase::Timebase;
use crate::units::AS_PER_S;
use emu_core::Cycles;
use std::fmt;
use std::str::FromStr;

/// Samples of a session whose rate nobody chose (PulseView holds them all in memory).
pub const LIMIT: u64 = 1 << 27;

/// Samples a second, in Hz: `56000000`, `56MHz`, `1.5M`, `250 kHz`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SampleRate(pub u64);

impl FromStr for SampleRate {
    type Err = String;

    fn from_str(text: &str) -> Result<SampleRate, String> {
        let wrong = || format!("`{text}` is not a sample rate (write 1000000, 250kHz, 56MHz)");
        let lower = text.trim().to_ascii_lowercase();
        let number = lower.strip_suffix("hz").unwrap_or(&lower).trim_end();
        let (number, power) = match number.char_indices().last() {
            Some((i, 'k')) => (&number[..i], 3),
            Some((i, 'm')) => (&number[..i], 6),
            Some((i, 'g')) => (&number[..i], 9),
            _ => (number, 0),
        };
        let number = number.trim_end().replace('_', "");
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.len() > power || !all_digits {
            return Err(wrong());
        }
        let digits: u64 = digits.parse().map_err(|_| wrong())?;
        let rate = digits.checked_mul(10u64.pow((power - fraction.len()) as u32));
        rate.filter(|&r| r > 0).map(SampleRate).ok_or_else(wrong)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            hz if hz.is_multiple_of(1_000_000) => write!(f, "{}MHz", hz / 1_000_000),
            hz if hz.is_multiple_of(1_000) => write!(f, "{}kHz", hz / 1_000),
            hz => write!(f, "{hz}Hz"),
        }
    }
}

/// The clock of a session: its first sample is at `start`.
#[derive(Clone, Copy)]
pub struct Sampler {
    /// Attoseconds since power-on.
    pub start: u128,
    /// Hz.
    pub rate: u64,
}

impl Sampler {
    /// The sample that is nearest to a time.
    pub fn sample(&self, attoseconds: u128) -> u64 {
        let since = attoseconds.saturating_sub(self.start);
        let (seconds, rest) = (since / AS_PER_S, since % AS_PER_S);
        let rate = u128::from(self.rate);
        // Less than a second times a rate of 64 bits fits u128.
        let within = (rest * rate + AS_PER_S / 2) / AS_PER_S;
        u64::try_from(seconds.saturating_mul(rate).saturating_add(within)).unwrap_or(u64::MAX)
    }
}

/// The two changes of a channel that are hardest to tell apart.
#[derive(Clone, Debug)]
pub struct Closest {
    /// Attoseconds that a sample may last.
    period: u128,
    name: String,
    from: Cycles,
    to: Cycles,
}

/// Finds the closest changes.
pub struct Gaps<'a> {
    timebase: &'a Timebase,
    /// Last change of each channel; the start of the recording before the first.
    last: Vec<Cycles>,
    start: Cycles,
    pub closest: Option<Closest>,
}

impl<'a> Gaps<'a> {
    pub fn new(timebase: &'a Timebase, channels: usize, start: Cycles) -> Gaps<'a> {
        Gaps {
            timebase,
            last: vec![start; channels],
            start,
            closest: None,
        }
    }

    /// A channel changes.
    pub fn change(&mut self, index: usize, channel: &Channel, change: &Change) {
        let from = std::mem::replace(&mut self.last[index], change.at);
        if change.at == self.start {
            // What is so from the first sample on is no edge.
            return;
        }
        let as_of = |at| self.timebase.attoseconds(at);
        let gap = as_of(change.at).saturating_sub(as_of(from));
        // A pulse takes a sample to rise and one to fall.
        let period = if channel.is_pulse { gap / 2 } else { gap };
        if self.closest.as_ref().is_none_or(|c| period < c.period) {
            self.closest = Some(Closest {
                period,
                name: channel.name.clone(),
                from,
                to: change.at,
            });
        }
    }
}

impl Closest {
    /// The lowest rate that shows both changes; none can when they are in the same cycle.
    fn rate(&self) -> Option<u64> {
        // Times are rounded down by up to an attosecond each: 168 MHz must not come out as 168 000 001 Hz.
        let period = self.period.checked_add(2).filter(|_| self.period > 0)?;
        u64::try_from(AS_PER_S.div_ceil(period)).ok()
    }

    /// The error for a rate that does not show both.
    pub fn refuse(&self, rate: u64, sampler: impl Fn(u64) -> u64) -> Failure {
        let Closest { name, from, to, .. } = self;
        let other = "or use .fst or .vcd, which have no sample rate";
        let Some(needed) = self.rate() else {
            let message =
                format!("`{name}` changes twice in cycle {to}: no sample rate shows that");
            return Failure::usage(message).help(format!("leave it out, {other}"));
        };
        // One more, should rounding be against us at just this rate.
        let needed = needed.max(rate.saturating_add(1));
        let message = format!(
            "{} would lose edges: `{name}` changes at cycles {from} and {to}",
            SampleRate(rate),
        );
        let samples = sampler(needed);
        Failure::usage(message).help(format!(
            "--samplerate {} shows each edge ({samples} samples); {other}",
            SampleRate(needed)
        ))
    }

    /// Does a rate show both?
    pub fn is_shown_at(&self, rate: u64) -> bool {
        self.rate().is_some_and(|needed| needed <= rate)
    }
}

/// The rate for a run when nobody chose one: the fastest core clock, so that a sample is a cycle, or the largest round part of
/// it that stays within [`LIMIT`].
pub fn choose(timebase: &Timebase, sampler: impl Fn(u64) -> u64) -> u64 {
    let hz = timebase.segments().iter().map(|s| s.hz);
    let fastest = hz.map(|hz| hz.num().div_ceil(hz.den().max(1))).max();
    let fastest = fastest.unwrap_or(1).max(1);
    let decades = (0..19).map(|n| 10u64.pow(n));
    let mut dividers = decades.flat_map(|d| [1, 2, 4, 5, 8].map(|n| d.saturating_mul(n)));
    let fits = |d: &u64| sampler((fastest / d).max(1)) <= LIMIT;
    (fastest / dividers.find(fits).unwrap_or(u64::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use emu_core::Ratio;
    use emu_core::clock::Segment;

    #[test]
    fn rates_as_people_write_them() {
        for (text, hz) in [
            ("1", 1),
            ("56MHz", 56_000_000),
            ("1.5M", 1_500_000),
            ("250 kHz", 250_000),
            ("10_000hz", 10_000),
            ("0.5g", 500_000_000),
        ] {
            assert_eq!(text.parse(), Ok(SampleRate(hz)), "{text}");
        }
        for bad in [
            "",
            "0",
            "MHz",
            "1.5",
            "-3k",
            "1.0001k",
            "99999999999G",
            "5s",
            ".5M",
            "kM",
        ] {
            let e = SampleRate::from_str(bad).expect_err(bad);
            assert!(e.contains("is not a sample rate"), "{e}");
        }
        assert_eq!(SampleRate(56_000_000).to_string(), "56MHz");
        assert_eq!(SampleRate(33_333_334).to_string(), "33333334Hz");
    }

    fn base(hz: u64) -> Timebase {
        Timebase::new(vec![Segment {
            from: Cycles::ZERO,
            start_as: 0,
            hz: Ratio::hz(hz),
        }])
    }

    #[test]
    fn at_the_core_clock_a_sample_is_a_cycle() {
        let base = base(168_000_000);
        let sampler = Sampler {
            start: 0,
            rate: 168_000_000,
        };
        for c in [0, 1, 2, 167_999_999, 168_000_000, 1_000_000_007] {
            assert_eq!(sampler.sample(base.attoseconds(Cycles(c))), c);
        }
    }

    #[test]
    fn long_runs_get_a_part_of_the_clock() {
        let base = base(168_000_000);
        let samples = |seconds: u64| move |rate: u64| rate * seconds;
        assert_eq!(choose(&base, |rate| rate / 2), 168_000_000);
        assert_eq!(choose(&base, samples(1)), 84_000_000);
        assert_eq!(choose(&base, samples(60)), 2_100_000);
        assert!(choose(&base, |_| u64::MAX) >= 1);
    }

    #[test]
    fn the_rate_that_is_needed() {
        let base = base(168_000_000);
        let channel = Channel {
            name: "PA5".to_owned(),
            is_pulse: false,
            initial: false,
        };
        let at = |c| Change {
            at: Cycles(c),
            pc: 0,
            signal: 0,
            value: 1,
        };
        let mut gaps = Gaps::new(&base, 1, Cycles(0));
        gaps.change(0, &channel, &at(1000));
        gaps.change(0, &channel, &at(1003));
        let closest = gaps.closest.expect("one");
        assert_eq!(closest.rate(), Some(56_000_000));
        assert!(closest.is_shown_at(56_000_000) && !closest.is_shown_at(55_999_999));
        let e = closest.refuse(1_000_000, |_| 7);
        assert!(e.message.contains("1000 and 1003"), "{e}");
        assert!(e.help.expect("help").contains("--samplerate 56MHz"));
    }
}
