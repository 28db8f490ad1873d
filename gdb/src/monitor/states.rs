//! `monitor reset`, `snapshot`, `restore` and `history`: states of the run.

use super::names::pc;
use super::why::{Baseline, Halt};
use super::{Context, Monitor, help, time};
use emu_core::nearest::nearest;
use emu_core::timeline::{Change, Companion, Timeline};

/// gdb keeps registers until it is told.
const FLUSH: &str = "'maintenance flush register-cache' shows it to gdb";
/// States that are kept, at most.
const MOST: usize = 100;

/// `monitor halt`, which some front ends send: the core is halted whenever a command comes.
pub fn halt<C: Companion>(timeline: &Timeline<C>, context: &Context<'_>) -> String {
    let machine = timeline.machine();
    let here = context.describe(pc(machine));
    format!("halted at cycle {}, pc {here}", machine.now())
}

/// `monitor history`.
pub fn history<C: Companion>(timeline: &Timeline<C>) -> String {
    let (start, now, end) = (timeline.start(), timeline.position(), timeline.end());
    let machine = timeline.machine();
    let mut text = String::new();
    for (name, p) in [("start", start), ("present", now), ("end", end)] {
        let seconds = time::at(machine, p.cycle);
        text += &format!("{name:11}  {p} ({seconds})\n");
    }
    let (count, bytes) = timeline.checkpoints();
    text += &format!("checkpoints  {count}, {bytes} bytes\n");
    if timeline.was_rewritten() {
        text += "changes in the past have cut off what came after them\n";
    }
    text + &time::past(timeline)
}

impl<S: Clone> Monitor<S> {
    pub(super) fn reset<C: Companion<State = S>>(
        &mut self,
        arguments: &[&str],
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> String {
        if !matches!(arguments, [] | ["halt" | "init" | "run"]) {
            return help::usage("reset");
        }
        let cut = timeline.is_past();
        timeline.apply(Change::Reset);
        self.begin(timeline, "reset by monitor".to_owned());
        let cut = if cut {
            "; what came after is cut off"
        } else {
            ""
        };
        let machine = timeline.machine();
        format!(
            "reset at cycle {}, pc {}{cut}; {FLUSH}",
            machine.now(),
            context.describe(pc(machine))
        )
    }

    /// The machine stands somewhere else without a run.
    fn begin<C: Companion<State = S>>(&mut self, timeline: &Timeline<C>, why: String) {
        self.from = Some(Baseline::of(timeline));
        self.halt = Halt::Told(why);
    }

    pub(super) fn snapshot<C: Companion<State = S>>(
        &mut self,
        arguments: &[&str],
        timeline: &Timeline<C>,
    ) -> String {
        match arguments {
            [] if self.marks.is_empty() => {
                format!("no snapshots; {}", help::usage("snapshot"))
            }
            [] => {
                let width = self.marks.keys().map(String::len).max().unwrap_or(0);
                let lines = self.marks.iter();
                let lines = lines.map(|(n, m)| format!("{n:width$}  {}\n", m.position()));
                lines.collect()
            }
            ["delete", name] => match self.marks.remove(*name) {
                Some(_) => format!("snapshot {name} is deleted"),
                None => self.no_mark(name),
            },
            ["delete"] | [_, _, ..] => help::usage("snapshot"),
            [name] => {
                if self.marks.len() >= MOST && !self.marks.contains_key(*name) {
                    return format!("there are {MOST} snapshots; delete one of them");
                }
                let old = self.marks.insert((*name).to_owned(), timeline.mark());
                let again = if old.is_some() { ", replaced" } else { "" };
                format!("snapshot {name}: {}{again}", timeline.position())
            }
        }
    }

    fn no_mark(&self, name: &str) -> String {
        let near = nearest(name, self.marks.keys().map(String::as_str), 3);
        match (self.marks.is_empty(), near.is_empty()) {
            (true, _) => format!("no snapshot '{name}': there are none"),
            (_, true) => format!("no snapshot '{name}'; 'monitor snapshot' lists them"),
            (_, false) => format!("no snapshot '{name}'; near: {}", near.join(", ")),
        }
    }

    pub(super) fn restore<C: Companion<State = S>>(
        &mut self,
        arguments: &[&str],
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> String {
        let [name] = arguments else {
            return help::usage("restore");
        };
        let Some(mark) = self.marks.get(*name) else {
            return self.no_mark(name);
        };
        if let Err(e) = timeline.return_to(mark) {
            return format!("snapshot {name} cannot be restored: {e}");
        }
        self.begin(timeline, format!("snapshot {name} restored"));
        let machine = timeline.machine();
        let here = context.describe(pc(machine));
        format!(
            "snapshot {name}: {}, pc {here}; {FLUSH}",
            timeline.position()
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::testing::Bench;
    use emu_core::Cycles;

    #[test]
    fn states_have_names() {
        let mut b = Bench::new("blinky.cortex-m4f");
        assert!(b.ask("snapshot").contains("no snapshots"));
        assert!(b.ask("restore x").contains("there are none"));
        b.run(300_000);
        let position = b.timeline.position();
        let hash = b.timeline.machine().state_hash();
        assert_eq!(b.ask("snapshot here"), format!("snapshot here: {position}"));
        b.run(500_000);
        let end = b.timeline.machine().state_hash();
        assert!(b.ask("restore hree").contains("near: here"));
        // Changes in between do not matter.
        b.tell("reg USART.DR = 65");
        let answer = b.tell("restore here");
        assert!(
            answer.starts_with(&format!("snapshot here: {position}")),
            "{answer}"
        );
        assert!(answer.contains("maintenance flush register-cache"));
        assert_eq!(b.timeline.position(), position);
        assert_eq!(b.timeline.machine().state_hash(), hash);
        assert!(b.ask("why").starts_with("snapshot here restored"));
        b.run(500_000);
        assert_eq!(b.timeline.machine().state_hash(), end);
        assert!(b.ask("snapshot here").ends_with("replaced"));
        b.ask("snapshot b");
        assert_eq!(b.ask("snapshot").lines().count(), 2);
        assert_eq!(b.ask("snapshot delete b"), "snapshot b is deleted");
        assert!(b.ask("snapshot delete b").contains("no snapshot 'b'"));
        assert!(b.ask("snapshot delete").contains("usage"));
        assert!(b.ask("restore").contains("usage"));
    }

    #[test]
    fn a_reset_can_be_undone_by_going_back() {
        let mut b = Bench::new("blinky.cortex-m4f");
        b.run(300_000);
        let (before, hash) = (b.timeline.moment(), b.timeline.machine().state_hash());
        let answer = b.tell("reset halt");
        assert!(
            answer.starts_with("reset at cycle 300000, pc 0x"),
            "{answer}"
        );
        assert!(answer.contains("reset_handler"), "{answer}");
        assert!(b.ask("halt").starts_with("halted at cycle 300000, pc "));
        b.run(400_000);
        b.timeline.seek(before).expect("the past");
        assert_eq!(b.timeline.machine().state_hash(), hash);
        assert!(b.tell("reset").contains("cut off"));
        assert!(b.ask("reset nonsense").contains("usage"));
    }

    #[test]
    fn the_history_tells_its_ends() {
        let mut b = Bench::new("blinky.cortex-m4f");
        b.run(300_000);
        b.timeline.seek_cycle(Cycles(200_000)).expect("the past");
        let text = b.ask("history");
        assert!(
            text.contains("start        cycle 0, instruction 0"),
            "{text}"
        );
        assert!(text.contains("present      cycle 2"), "{text}");
        assert!(text.contains("end          cycle 300000"), "{text}");
        let (count, bytes) = b.timeline.checkpoints();
        assert!(
            text.contains(&format!("checkpoints  {count}, {bytes} bytes")),
            "{text}"
        );
        assert!(text.contains("in the past:"), "{text}");
    }
}
