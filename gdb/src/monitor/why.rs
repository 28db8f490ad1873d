//! `monitor why`: what the last stop was, what the way to it cost, and what is pending.

use super::names::pc;
use super::{Context, Monitor, irq, time};
use emu_core::machine::{Ledger, Machine, Stop};
use emu_core::time::Position;
use emu_core::timeline::{Back, Companion, Timeline};
use emu_core::watchpoint::{Hit, Master};

/// What ended a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Halt {
    /// Nothing ran yet: gdb attached.
    Attached,
    /// The machine stopped by itself.
    Stop(Stop),
    /// A condition of the monitor was met: its text.
    Told(String),
    /// gdb interrupted it.
    Interrupted,
    /// A way back came to the start of the run.
    Start,
}

/// Where a run began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Baseline {
    pub position: Position,
    ledger: Ledger,
}

impl Baseline {
    pub fn of<C: Companion>(timeline: &Timeline<C>) -> Baseline {
        Baseline {
            position: timeline.position(),
            ledger: timeline.machine().ledger(),
        }
    }
}

impl<S: Clone> Monitor<S> {
    pub(super) fn why<C: Companion<State = S>>(
        &self,
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> String {
        let mut text = self.what(timeline, context);
        if let Some(from) = &self.from {
            text += &cost(from, timeline);
        }
        let machine = timeline.machine();
        text += &format!("executing: {}\n", irq::executing(machine, context));
        text += &irq::masks(machine);
        let list = irq::list(machine, context, false);
        text += match list.is_empty() {
            true => "pending or active: nothing\n",
            false => "pending or active:\n",
        };
        text += &list;
        let next = irq::events(machine, 1);
        text += &match next.is_empty() {
            true => "next event: none\n".to_owned(),
            false => format!("next event: {}\n", next.trim()),
        };
        text + &time::past(timeline)
    }

    fn what<C: Companion<State = S>>(
        &self,
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> String {
        let here = context.describe(pc(timeline.machine()));
        match &self.halt {
            Halt::Attached => format!("attached at {here}\n"),
            Halt::Told(text) => format!("{text}\n"),
            Halt::Interrupted => format!("interrupted by gdb at {here}\n"),
            Halt::Start => format!("the start of the run, at {here}\n"),
            Halt::Stop(stop) => match stop {
                Stop::Breakpoint => format!("breakpoint at {here}\n"),
                Stop::Stepped => format!("step to {here}\n"),
                Stop::Watchpoint(hit) => watchpoint(hit, timeline, context),
                Stop::Limit => format!("the end of the time to run, at {here}\n"),
                Stop::Asleep => format!("asleep for ever at {here}\n"),
                Stop::AwaitsInput => format!("waits for console input at {here}\n"),
                Stop::Requested => format!("a condition of the run was met, at {here}\n"),
                Stop::Exit(status) => format!("the firmware ended with status {status}\n"),
                Stop::Lockup(fault) => format!("{}\n", fault.trim_end()),
                Stop::Internal(why) => format!("the machine failed: {why}\n"),
            },
        }
    }
}

/// The word around an address.
fn word(machine: &mut Machine, address: u32) -> Option<u32> {
    let mut bytes = [0; 4];
    (machine.read_memory(address & !3, &mut bytes) == 4).then(|| u32::from_le_bytes(bytes))
}

fn watchpoint<C: Companion>(
    hit: &Hit,
    timeline: &mut Timeline<C>,
    context: &Context<'_>,
) -> String {
    let access = if hit.write { "write" } else { "read" };
    let symbols = context.image.map(|i| &i.symbols);
    let object = symbols.and_then(|s| s.object_at(hit.address));
    let name = object.map_or_else(String::new, |o| format!(" ({})", o.demangled()));
    let by = match (hit.by, hit.before) {
        (Master::Other, _) => "by DMA, stacking or the host".to_owned(),
        (Master::Core, true) => format!(
            "by the next instruction, {}",
            context.describe(pc(timeline.machine()))
        ),
        (Master::Core, false) => "by the last instruction".to_owned(),
    };
    let mut text = format!("watchpoint: {access} of {:#010x}{name} {by}\n", hit.address);
    let now = timeline.moment();
    let new = word(timeline.machine_mut(), hit.watched);
    // What it was before is one step away.
    let old = match hit.write && !hit.before && timeline.step_back() == Back::Stepped {
        true => word(timeline.machine_mut(), hit.watched),
        false => None,
    };
    if timeline.moment() != now
        && let Err(why) = timeline.seek(now)
    {
        return text + &why;
    }
    let at = hit.watched & !3;
    text += &match (old, new) {
        (Some(old), Some(new)) => {
            format!("the word at {at:#010x} was {old:#010x}, is {new:#010x}\n")
        }
        (None, Some(new)) => format!("the word at {at:#010x} is {new:#010x}\n"),
        _ => String::new(),
    };
    text
}

/// Cycles and instructions between the place where the run began and here.
fn cost<C: Companion>(from: &Baseline, timeline: &Timeline<C>) -> String {
    let here = Baseline::of(timeline);
    let back = here.position < from.position;
    let (first, last) = if back { (&here, from) } else { (from, &here) };
    let cycles = last.position.cycle.since(first.position.cycle);
    let clocks = &timeline.machine().bus().clocks;
    let took = clocks
        .attoseconds(last.position.cycle)
        .saturating_sub(clocks.attoseconds(first.position.cycle));
    let mut text = format!(
        "{}: {cycles} cycles ({}), {} instructions\n",
        if back {
            "back since the last stop"
        } else {
            "since the last stop"
        },
        time::seconds(took),
        last.position
            .instructions
            .saturating_sub(first.position.instructions)
    );
    let (a, b) = (&first.ledger, &last.ledger);
    let less = |f: fn(&Ledger) -> u64| f(b).saturating_sub(f(a));
    let kinds = [
        ("executing", less(|l| l.kinds[0])),
        ("branch refill", less(|l| l.kinds[1])),
        ("stalls", less(|l| l.kinds[2])),
        ("wait states", less(|l| l.kinds[3])),
        ("exception entry and return", less(|l| l.exceptions)),
        ("asleep", less(|l| l.sleep)),
    ];
    let known = [
        ("exact", less(|l| l.exact)),
        ("measured", less(|l| l.measured)),
        ("estimate", less(|l| l.estimate)),
    ];
    for (name, n) in kinds {
        if n > 0 {
            text += &format!("  {n:>12}  {name}\n");
        }
    }
    let known: Vec<String> = known
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    if !known.is_empty() {
        text += &format!("  cycles of instructions: {}\n", known.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::Bench;
    use emu_core::Cycles;
    use emu_core::watchpoint::{WatchKind, WatchReport, Watchpoint};

    const FAR: u64 = 60_000_000;

    /// The cycles by kind.
    fn kinds(text: &str) -> Vec<(u64, String)> {
        let lines = text.lines().filter_map(|l| l.strip_prefix("  "));
        let split = lines.filter_map(|l| {
            let (n, name) = l.trim().split_once("  ")?;
            Some((n.parse().ok()?, name.to_owned()))
        });
        split.collect()
    }

    #[test]
    fn the_way_from_tick_to_tick() {
        let mut b = Bench::new("blinky.cortex-m4f");
        assert!(b.ask("why").starts_with("attached at 0x"));
        let handler = b
            .image
            .symbols
            .find("systick_handler")
            .expect("one")
            .address;
        b.timeline.machine_mut().add_breakpoint(handler);
        for _ in 0..5 {
            assert_eq!(b.go(FAR).as_deref(), Some("Breakpoint"));
        }
        let text = b.ask("why");
        let line = text.lines().next().expect("one");
        assert!(line.starts_with("breakpoint at 0x") && line.contains("systick_handler"));
        assert!(
            text.contains("since the last stop: 100000 cycles (0.001000000 s)"),
            "{text}"
        );
        let kinds = kinds(&text);
        let sum: u64 = kinds.iter().map(|k| k.0).sum();
        assert_eq!(sum, 100_000, "{text}");
        assert!(
            kinds.iter().any(|k| k.1 == "asleep" && k.0 > 90_000),
            "{text}"
        );
        assert!(text.contains("SysTick              priority"), "{text}");
        assert!(text.contains("next event: SysTick  in "), "{text}");
        // The same way back.
        b.monitor.resumed(&b.timeline);
        let report = b.timeline.machine().watch_reporting();
        let back = b.timeline.run_back(report, || true);
        assert_eq!(back, Back::Stopped(Stop::Breakpoint));
        b.monitor.at_stop(Halt::Stop(Stop::Breakpoint));
        let text = b.ask("why");
        assert!(
            text.contains("back since the last stop: 100000 cycles"),
            "{text}"
        );
        assert!(text.contains("in the past:"), "{text}");
    }

    #[test]
    fn watchpoints_tell_what_was_and_what_is() {
        let mut b = Bench::new("blinky.cortex-m4f");
        let address = b.image.symbols.find("milliseconds").expect("one").address;
        let point = Watchpoint {
            address,
            size: 4,
            kind: WatchKind::Write,
        };
        b.timeline.machine_mut().set_watchpoints(&[point]);
        loop {
            b.go(FAR).expect("it stops");
            let text = b.ask("why");
            assert!(text.starts_with("watchpoint: write of "), "{text}");
            assert!(
                text.contains("(milliseconds) by the next instruction"),
                "{text}"
            );
            if text.contains("systick_handler") {
                assert!(text.contains(" is 0x00000000"), "{text}");
                break;
            }
            b.timeline.machine_mut().ignore_stops(true);
            b.timeline.step_until(Cycles::MAX);
            b.timeline.machine_mut().ignore_stops(false);
        }
        b.timeline
            .machine_mut()
            .set_watch_reporting(WatchReport::After);
        b.go(FAR).expect("it stops");
        let text = b.ask("why");
        assert!(text.contains("was 0x00000000, is 0x00000001"), "{text}");
    }

    #[test]
    fn every_halt_has_its_words() {
        let mut b = Bench::new("lockup.cortex-m3");
        assert!(b.go(FAR).expect("it stops").starts_with("Lockup"));
        assert!(b.ask("why").starts_with("lockup at 0x"));
        for (halt, words) in [
            (Halt::Interrupted, "interrupted by gdb at "),
            (Halt::Start, "the start of the run"),
            (Halt::Stop(Stop::Stepped), "step to 0x"),
            (
                Halt::Stop(Stop::Exit(3)),
                "the firmware ended with status 3",
            ),
            (Halt::Told("PA5 rose".to_owned()), "PA5 rose"),
        ] {
            b.monitor.at_stop(halt);
            assert!(b.ask("why").starts_with(words), "{words}");
        }
    }
}
