//! Cycles and times: `monitor cycles`, and how they are written.

use super::Monitor;
use emu_core::Cycles;
use emu_core::clock::{ClockTree, Segment};
use emu_core::machine::Machine;
use emu_core::timeline::{Companion, Timeline};

/// Attoseconds in a second.
const AS_PER_S: u128 = 1_000_000_000_000_000_000;

impl<S: Clone> Monitor<S> {
    pub(super) fn cycles<C: Companion<State = S>>(&self, timeline: &Timeline<C>) -> String {
        let machine = timeline.machine();
        let mut text = format!(
            "cycle {}, {}, {} instructions, core clock {}\n",
            machine.now(),
            at(machine, machine.now()),
            machine.instructions(),
            hertz(&machine.bus().clocks)
        );
        if let Some(from) = &self.from {
            let (was, is) = (from.position, timeline.position());
            let sign = if is < was { '-' } else { '+' };
            text += &format!(
                "since the last stop: {sign}{} cycles, {sign}{} instructions\n",
                is.cycle.0.abs_diff(was.cycle.0),
                is.instructions.abs_diff(was.instructions)
            );
        }
        text + &past(timeline)
    }
}

/// A line about the past, when this is it.
pub fn past<C: Companion>(timeline: &Timeline<C>) -> String {
    if !timeline.is_past() {
        return String::new();
    }
    let (now, end) = (timeline.position().cycle, timeline.end().cycle);
    format!(
        "in the past: the end is at cycle {end}, {} cycles ahead\n",
        end.since(now)
    )
}

/// The time of a cycle since power-on, in whole nanoseconds.
pub fn at(machine: &Machine, cycle: Cycles) -> String {
    seconds(machine.bus().clocks.attoseconds(cycle))
}

/// `0.001000000 s`.
pub fn seconds(attoseconds: u128) -> String {
    let ns = attoseconds / 1_000_000_000;
    format!("{}.{:09} s", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// The frequency of the core clock: a whole number of Hz, or a ratio.
fn hertz(clocks: &ClockTree) -> String {
    let hz = clocks.hz(clocks.core());
    match hz.den() {
        1 => format!("{} Hz", hz.num()),
        den => format!("{}/{den} Hz", hz.num()),
    }
}

/// A number as people type it: `1000000`, `1_000_000`, `0xF4240`.
pub fn number(text: &str) -> Option<u64> {
    let plain = text.replace('_', "");
    match plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if plain.starts_with('+') => None,
        None => plain.parse().ok(),
    }
}

/// A time such as `10ms` or `1.5us`, in attoseconds; `None` when it is none, or finer than an attosecond.
pub fn attoseconds(text: &str) -> Option<u128> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (value, unit) = text.split_at(split);
    let unit = match unit {
        "s" => AS_PER_S,
        "ms" => AS_PER_S / 1_000,
        "us" => AS_PER_S / 1_000_000,
        "ns" => AS_PER_S / 1_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 18 {
        return None;
    }
    let scale = 10u128.pow(fraction.len() as u32);
    let part = match fraction {
        "" => 0,
        f => f.parse::<u128>().ok()?.checked_mul(unit)?,
    };
    if part % scale != 0 {
        return None;
    }
    let whole = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    whole.checked_add(part / scale)
}

/// The first cycle that is not before a time, by these stretches of the core clock; the last one goes on for ever.
pub fn cycle_at(segments: &[Segment], attoseconds: u128) -> Cycles {
    let after = segments.partition_point(|s| s.start_as <= attoseconds);
    let Some(s) = segments.get(after.max(1) - 1) else {
        return Cycles::MAX;
    };
    let left = attoseconds.saturating_sub(s.start_as);
    let den = u128::from(s.hz.den()) * AS_PER_S;
    let num = u128::from(s.hz.num());
    let whole = (left / den).saturating_mul(num);
    let rest = (left % den).saturating_mul(num).div_ceil(den);
    s.from + u64::try_from(whole.saturating_add(rest)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::Bench;
    use emu_core::Ratio;

    #[test]
    fn numbers_and_times() {
        assert_eq!(number("1_000"), Some(1000));
        assert_eq!(number("0x1F"), Some(31));
        assert_eq!((number("+5"), number("-5"), number("")), (None, None, None));
        assert_eq!(attoseconds("10ms"), Some(AS_PER_S / 100));
        assert_eq!(attoseconds("1.5us"), Some(1_500_000_000_000));
        assert_eq!(attoseconds("0.000000001ns"), Some(1));
        for bad in ["0.0000000001ns", "ms", ".5s", "1.2.3s", "5min", "5", "-1s"] {
            assert_eq!(attoseconds(bad), None, "{bad}");
        }
        assert_eq!(attoseconds("999999999999999999999999999s"), None);
    }

    #[test]
    fn times_become_cycles_by_the_clock_of_their_day() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(16_000_000));
        t.set_hz(t.core(), Ratio::hz(168_000_000), Cycles(16_000));
        let of = |text| cycle_at(t.segments(), attoseconds(text).expect("a time"));
        assert_eq!(of("0.5ms"), Cycles(8_000));
        assert_eq!(of("1ms"), Cycles(16_000));
        assert_eq!(of("2ms"), Cycles(16_000 + 168_000));
        assert_eq!(of("1000001ns"), Cycles(16_001), "1/6 of a cycle");
    }

    #[test]
    fn cycles_tell_where_and_since_when() {
        let mut b = Bench::new("blinky.cortex-m4f");
        let text = b.ask("cycles");
        assert_eq!(
            text,
            "cycle 0, 0.000000000 s, 0 instructions, core clock 100000000 Hz"
        );
        b.run(5_000);
        let first = b.timeline.position();
        b.run(200_000);
        let now = b.timeline.position();
        let text = b.ask("cycles");
        let since = format!(
            "since the last stop: +{} cycles, +{} instructions",
            now.cycle - first.cycle,
            now.instructions - first.instructions
        );
        assert!(text.ends_with(&since), "{text}\n{since}");
        b.monitor.resumed(&b.timeline);
        b.timeline.seek_cycle(first.cycle).expect("the past");
        let text = b.ask("cycles");
        assert!(
            text.contains(&format!(": -{} cycles", now.cycle - first.cycle)),
            "{text}"
        );
        let end = format!("in the past: the end is at cycle {}", now.cycle);
        assert!(text.contains(&end), "{text}");
    }
}
