//! `monitor edges`: edges of pins that were.

use super::{Context, help, time};
use emu_core::probe::{ProbeEvent, ProbeKind, ProbeMask};
use emu_core::timeline::{Companion, Timeline};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Edges that are listed when no number is given.
const USUAL: usize = 10;
/// And at most.
const MOST: usize = 100_000;
/// Checkpoints that are gone back to, at most.
pub const PIECES: usize = 100;

const EDGES: ProbeMask = ProbeMask {
    edges: true,
    exceptions: false,
    bytes: false,
    power: false,
    watches: false,
    timers: false,
};

pub fn answer<C: Companion>(
    arguments: &[&str],
    timeline: &mut Timeline<C>,
    context: &Context<'_>,
) -> String {
    let (name, count) = match arguments {
        [] => return all(timeline),
        [name] => (*name, Some(USUAL)),
        [name, count] => {
            let count = time::number(count).and_then(|n| usize::try_from(n).ok());
            (*name, count.filter(|n| (1..=MOST).contains(n)))
        }
        _ => return help::usage("edges"),
    };
    let Some(count) = count else {
        return format!("N is a number from 1 to {MOST}; {}", help::usage("edges"));
    };
    let (net, pin) = match context.pin(timeline.machine().bus(), name) {
        Ok(found) => found,
        Err(why) => return why,
    };
    let of_pin = |e: &ProbeEvent| matches!(e.kind, ProbeKind::Edge { net: n, .. } if n == net);
    let mut looks = 0;
    // One more, for the distance of the first.
    let events = timeline.last_events(EDGES, count + 1, of_pin, || {
        looks += 1;
        looks <= PIECES
    });
    let events = match events {
        Ok(events) => events,
        Err(why) => return format!("the past cannot be gone through: {why}"),
    };
    let cut = looks > PIECES && events.len() <= count;
    let machine = timeline.machine();
    let level = if machine.bus().nets.level(net) {
        "high"
    } else {
        "low"
    };
    let first = events.len().saturating_sub(count);
    let mut text = match events.len() - first {
        0 => format!("no edge of {pin}; it is {level} now\n"),
        n => format!("the last {n} edges of {pin}; it is {level} now\n"),
    };
    let width = events.last().map_or(0, |e| e.at.0.to_string().len());
    for (i, event) in events.iter().enumerate().skip(first) {
        let way = match event.kind {
            ProbeKind::Edge { level: true, .. } => "rising ",
            _ => "falling",
        };
        let distance = match i.checked_sub(1) {
            Some(before) => format!("+{}", event.at.since(events[before].at)),
            None => "-".to_owned(),
        };
        text += &format!(
            "cycle {:>width$}  {}  {way}  {distance:>width$}  {}\n",
            event.at.0,
            time::at(machine, event.at),
            context.describe(event.pc)
        );
    }
    text + cut_off(cut)
}

fn cut_off(cut: bool) -> &'static str {
    if cut {
        "the past further back was not looked through\n"
    } else {
        ""
    }
}

/// All pins that had edges: how many, and the last one.
fn all<C: Companion>(timeline: &mut Timeline<C>) -> String {
    let seen: RefCell<BTreeMap<u16, (u64, ProbeEvent)>> = RefCell::default();
    let count = |e: &ProbeEvent| {
        if let ProbeKind::Edge { net, .. } = e.kind {
            let mut seen = seen.borrow_mut();
            let (n, last) = seen.entry(net.0).or_insert((0, *e));
            *n += 1;
            // Pieces of the past come latest first.
            if e.at >= last.at {
                *last = *e;
            }
        }
        false
    };
    let mut looks = 0;
    let gone = timeline.last_events(EDGES, 1, count, || {
        looks += 1;
        looks <= PIECES
    });
    if let Err(why) = gone {
        return format!("the past cannot be gone through: {why}");
    }
    let machine = timeline.machine();
    let seen = seen.into_inner();
    let mut text = match seen.is_empty() {
        true => "no pin had an edge\n".to_owned(),
        false => "pin         edges  last one\n".to_owned(),
    };
    for (net, (n, last)) in &seen {
        let way = match last.kind {
            ProbeKind::Edge { level: true, .. } => "rising",
            _ => "falling",
        };
        text += &format!(
            "{:8} {n:>8}  {way} at cycle {} ({})\n",
            machine.bus().nets.name(emu_core::NetId(*net)),
            last.at,
            time::at(machine, last.at)
        );
    }
    text + cut_off(looks > PIECES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::Bench;
    use emu_core::Cycles;
    use std::sync::{Arc, Mutex};

    /// Cycles of the edges of a pin up to a cycle, as they were recorded in a run of their own.
    fn recorded(name: &str, pin: &str, until: u64) -> Vec<u64> {
        let mut b = Bench::new(name);
        let net = b.timeline.machine().bus().nets.find(pin).expect("a pin");
        let all = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&all);
        let flush = move |new: Vec<ProbeEvent>| {
            into.lock().expect("whole").extend(&new);
            Vec::new()
        };
        let probes = &mut b.timeline.machine_mut().bus_mut().probes;
        probes.attach(EDGES, Box::new(flush));
        b.run(until);
        let all = all.lock().expect("whole");
        let of = |e: &&ProbeEvent| matches!(e.kind, ProbeKind::Edge { net: n, .. } if n == net);
        all.iter().filter(of).map(|e| e.at.0).collect()
    }

    fn cycles(answer: &str) -> Vec<u64> {
        let lines = answer.lines().filter_map(|l| l.strip_prefix("cycle "));
        let first = |l: &str| l.split_whitespace().next().expect("one").parse();
        lines.map(|l| first(l).expect("a cycle")).collect()
    }

    #[test]
    fn edges_are_those_that_were_recorded() {
        let expected = recorded("toggle.stm32f407", "PD12", 600_000);
        assert!(expected.len() > 300, "{}", expected.len());
        let mut b = Bench::new("toggle.stm32f407");
        b.run(600_000);
        let answer = b.ask("edges PD12 300");
        assert_eq!(cycles(&answer), expected[expected.len() - 300..]);
        let answer = b.ask("edges pd12");
        assert_eq!(cycles(&answer), expected[expected.len() - 10..]);
        let [.., before, last] = expected[..] else {
            panic!("two");
        };
        let line = answer.lines().last().expect("one");
        assert!(line.contains(&format!("+{} ", last - before)), "{line}");
        assert!(line.contains("main"), "{line}");
        // In the past: those before it, not those behind it.
        let middle = expected[50] + 1;
        b.timeline.seek_cycle(Cycles(middle)).expect("the past");
        let before: Vec<u64> = expected.iter().copied().filter(|c| *c <= b.now()).collect();
        assert!(before.len() > 50 && before.len() < 55);
        assert_eq!(cycles(&b.ask("edges PD12 1000")), before);
        let answer = b.ask("edges");
        assert!(
            answer.contains(&format!("PD12 {:>12}  ", before.len())),
            "{answer}"
        );
    }

    #[test]
    fn pins_without_edges() {
        let mut b = Bench::new("blinky.stm32f407");
        assert_eq!(b.ask("edges"), "no pin had an edge");
        b.run(1_000);
        assert_eq!(b.ask("edges PA7"), "no edge of PA7; it is low now");
        assert!(b.ask("edges PZ99").starts_with("no pin 'PZ99'"));
        for bad in ["edges PA7 0", "edges PA7 x", "edges PA7 1 2"] {
            assert!(b.ask(bad).contains("monitor edges [PIN [N]]"), "{bad}");
        }
    }
}
