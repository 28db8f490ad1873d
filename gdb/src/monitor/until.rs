//! `monitor until-cycle` and `monitor until-edge`: where the next run ends.

use super::{Context, Monitor, help, time};
use emu_core::bus::{Met, StopOn};
use emu_core::machine::Machine;
use emu_core::timeline::{Companion, Timeline};
use emu_core::{Cycles, NetId};

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wanted {
    Cycle(Cycles),
    /// Attoseconds since power-on; the cycle follows from the clocks.
    Time(u128),
}

/// A cycle at which a run ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Until {
    wanted: Wanted,
    cycle: Cycles,
    /// It has passed: a way back ends there.
    passed: bool,
}

impl Until {
    /// The limit of a run forwards.
    pub fn ahead(&self) -> Option<Cycles> {
        (!self.passed).then_some(self.cycle)
    }

    /// Work out the cycle by the present clocks, and on which side it lies.
    pub fn look(&mut self, machine: &Machine) {
        self.cycle = match self.wanted {
            Wanted::Cycle(cycle) => cycle,
            Wanted::Time(t) => time::cycle_at(machine.bus().clocks.segments(), t),
        };
        self.passed = self.cycle <= machine.now();
    }

    fn describe(&self, machine: &Machine) -> String {
        match self.wanted {
            Wanted::Cycle(cycle) => format!("cycle {cycle} ({})", time::at(machine, cycle)),
            Wanted::Time(t) => format!("{} (cycle {})", time::seconds(t), self.cycle),
        }
    }
}

/// Which way an edge goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Rising,
    Falling,
    Any,
}

impl Way {
    fn levels(self) -> &'static [bool] {
        match self {
            Way::Rising => &[true],
            Way::Falling => &[false],
            Way::Any => &[true, false],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Way::Rising => "rising",
            Way::Falling => "falling",
            Way::Any => "any",
        }
    }
}

/// An edge at which a run ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edges {
    net: NetId,
    pin: String,
    way: Way,
    count: u64,
    seen: u64,
}

impl Edges {
    fn conditions(&self) -> impl Iterator<Item = StopOn> {
        let net = self.net;
        let levels = self.way.levels().iter();
        levels.map(move |&level| StopOn::Edge { net, level })
    }

    fn describe(&self) -> String {
        let n = match self.count {
            1 => String::new(),
            n => format!(", number {n} (seen {})", self.seen),
        };
        let edge = match self.way {
            Way::Any => "any".to_owned(),
            way => format!("a {}", way.name()),
        };
        format!("{edge} edge of {}{n}", self.pin)
    }
}

impl<S: Clone> Monitor<S> {
    pub(super) fn arm_cycle<C: Companion<State = S>>(
        &mut self,
        arguments: &[&str],
        timeline: &mut Timeline<C>,
    ) -> String {
        let word = match arguments {
            [] => {
                let machine = timeline.machine();
                let armed = self.until_cycle.as_ref();
                let state = armed.map_or_else(
                    || "not armed".to_owned(),
                    |u| format!("armed: {}", u.describe(machine)),
                );
                return format!("{state}; {}", help::usage("until-cycle"));
            }
            ["off"] => {
                self.disarm_cycle(timeline);
                return "until-cycle is off".to_owned();
            }
            [word] => *word,
            _ => return help::usage("until-cycle"),
        };
        let machine = timeline.machine();
        let (relative, amount) = match word.strip_prefix('+') {
            Some(amount) => (true, amount),
            None => (false, word),
        };
        let wanted = match (time::number(amount), time::attoseconds(amount)) {
            (Some(n), _) if relative => Wanted::Cycle(machine.now() + n),
            (Some(n), _) => Wanted::Cycle(Cycles(n)),
            (None, Some(t)) if relative => {
                let now = machine.bus().clocks.attoseconds(machine.now());
                Wanted::Time(now.saturating_add(t))
            }
            (None, Some(t)) => Wanted::Time(t),
            (None, None) => {
                let usage = help::usage("until-cycle");
                return format!("'{word}' is no cycle and no time; {usage}");
            }
        };
        let mut until = Until {
            wanted,
            cycle: Cycles::ZERO,
            passed: false,
        };
        until.look(machine);
        let place = until.describe(machine);
        let text = match until.passed {
            false => format!(
                "armed: the next continue stops at {place} at the latest, {} cycles ahead",
                until.cycle.since(machine.now())
            ),
            true => format!(
                "armed: {place} has passed: the next reverse-continue ends there, {} cycles back",
                machine.now().since(until.cycle)
            ),
        };
        self.disarm_cycle(timeline);
        if matches!(until.wanted, Wanted::Time(_)) {
            timeline
                .machine_mut()
                .bus_mut()
                .stop_on(StopOn::ClockChange);
        }
        self.until_cycle = Some(until);
        text
    }

    fn disarm_cycle<C: Companion<State = S>>(&mut self, timeline: &mut Timeline<C>) {
        let was = self.until_cycle.take();
        if was.is_some_and(|u| matches!(u.wanted, Wanted::Time(_))) {
            let bus = timeline.machine_mut().bus_mut();
            bus.forget_stop(&StopOn::ClockChange);
        }
    }

    /// The run has come to the limit.
    pub(super) fn reached_cycle<C: Companion<State = S>>(
        &mut self,
        timeline: &mut Timeline<C>,
    ) -> Option<String> {
        let until = self.until_cycle.clone().filter(|u| !u.passed)?;
        self.disarm_cycle(timeline);
        let machine = timeline.machine();
        Some(format!(
            "until-cycle: stopped at cycle {}, before what would begin behind {}",
            machine.now(),
            until.describe(machine)
        ))
    }

    /// Clocks have changed: a time means another cycle now.
    pub(super) fn clock_changed<C: Companion<State = S>>(
        &mut self,
        met: &[Met],
        timeline: &Timeline<C>,
    ) -> bool {
        let changed = met.iter().any(|m| m.condition == StopOn::ClockChange);
        match &mut self.until_cycle {
            Some(until) if changed && matches!(until.wanted, Wanted::Time(_)) => {
                until.look(timeline.machine());
                true
            }
            _ => false,
        }
    }

    /// A way back has ended here. When it went beyond the cycle of `until-cycle`, it ends there instead; the text says
    /// so.
    ///
    /// # Errors
    /// Why the cycle cannot be reached.
    pub fn went_back<C: Companion<State = S>>(
        &mut self,
        timeline: &mut Timeline<C>,
    ) -> Result<Option<String>, String> {
        let Some(until) = self.until_cycle.clone().filter(|u| u.passed) else {
            return Ok(None);
        };
        if timeline.position().cycle >= until.cycle {
            return Ok(None);
        }
        timeline.seek_cycle(until.cycle)?;
        self.disarm_cycle(timeline);
        let machine = timeline.machine();
        Ok(Some(format!(
            "until-cycle: back at cycle {}, the last place before what begins behind {}",
            machine.now(),
            until.describe(machine)
        )))
    }

    pub(super) fn arm_edge<C: Companion<State = S>>(
        &mut self,
        arguments: &[&str],
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> String {
        let (name, way, count) = match arguments {
            [] => {
                let armed = self.until_edge.as_ref();
                let state = armed.map_or_else(
                    || "not armed".to_owned(),
                    |e| format!("armed: {}", e.describe()),
                );
                return format!("{state}; {}", help::usage("until-edge"));
            }
            ["off"] => {
                self.disarm_edge(timeline);
                return "until-edge is off".to_owned();
            }
            [name] => (*name, "any", "1"),
            [name, way] => (*name, *way, "1"),
            [name, way, count] => (*name, *way, *count),
            _ => return help::usage("until-edge"),
        };
        let way = match way {
            "rising" | "rise" | "high" | "1" => Way::Rising,
            "falling" | "fall" | "low" | "0" => Way::Falling,
            "any" | "both" => Way::Any,
            other => return format!("'{other}' is no edge: rising, falling or any"),
        };
        let Some(count) = time::number(count).filter(|n| *n > 0) else {
            return format!("'{count}' is no count; {}", help::usage("until-edge"));
        };
        let (net, pin) = match context.pin(timeline.machine().bus(), name) {
            Ok(found) => found,
            Err(why) => return why,
        };
        self.disarm_edge(timeline);
        let edges = Edges {
            net,
            pin,
            way,
            count,
            seen: 0,
        };
        let bus = timeline.machine_mut().bus_mut();
        edges.conditions().for_each(|c| bus.stop_on(c));
        let level = if bus.nets.level(net) { "high" } else { "low" };
        let text = format!(
            "armed: the next continue stops at {}; it is {level} now",
            edges.describe()
        );
        self.until_edge = Some(edges);
        text
    }

    fn disarm_edge<C: Companion<State = S>>(&mut self, timeline: &mut Timeline<C>) {
        if let Some(edges) = self.until_edge.take() {
            let bus = timeline.machine_mut().bus_mut();
            edges.conditions().for_each(|c| bus.forget_stop(&c));
        }
    }

    /// Count the edges among these conditions: what to tell when the last one has come, and whether there were any.
    pub(super) fn count_edges<C: Companion<State = S>>(
        &mut self,
        met: &[Met],
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> (Option<String>, bool) {
        let Some(edges) = &mut self.until_edge else {
            return (None, false);
        };
        let conditions: Vec<StopOn> = edges.conditions().collect();
        let mut any = false;
        for m in met.iter().filter(|m| conditions.contains(&m.condition)) {
            any = true;
            edges.seen += 1;
            if edges.seen < edges.count {
                continue;
            }
            let rose = matches!(m.condition, StopOn::Edge { level: true, .. });
            let machine = timeline.machine();
            let mut text = format!(
                "{} {} at cycle {} ({})",
                edges.pin,
                if rose { "rose" } else { "fell" },
                m.at,
                time::at(machine, m.at)
            );
            if edges.count > 1 {
                text += &format!(", edge number {}", edges.count);
            }
            text += &format!(", at {}", context.describe(m.pc));
            self.disarm_edge(timeline);
            return (Some(text), true);
        }
        (None, any)
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::testing::Bench;
    use emu_core::Cycles;
    use emu_core::timeline::Back;

    const FAR: u64 = 60_000_000;

    #[test]
    fn a_run_ends_before_a_cycle() {
        let mut b = Bench::new("blinky.cortex-m4f");
        let answer = b.ask("until-cycle 250_000");
        assert!(answer.starts_with("armed: the next continue stops at cycle 250000"));
        assert!(b.ask("until-cycle").starts_with("armed: cycle 250000"));
        let text = b.go(FAR).expect("it stops");
        assert!(
            text.starts_with("until-cycle: stopped at cycle 2"),
            "{text}"
        );
        assert_eq!(b.now(), 250_000, "asleep there");
        assert!(b.ask("until-cycle").starts_with("not armed"));
        b.run(300_000);
        b.ask("until-cycle +100");
        b.go(FAR).expect("it stops");
        assert_eq!(b.now(), 300_100);
        b.ask("until-cycle 400000");
        b.ask("until-cycle off");
        b.run(500_000);
        for bad in ["x", "-5", "5 6", "5min", "99999999999999999999"] {
            let answer = b.ask(&format!("until-cycle {bad}"));
            assert!(answer.contains("monitor until-cycle N"), "{answer}");
        }
    }

    #[test]
    fn a_time_means_another_cycle_when_the_clock_changes() {
        // It begins on 16 MHz and goes over to 168 MHz.
        let mut b = Bench::new("blinky.stm32f407");
        assert!(b.ask("until-cycle 10ms").contains("(cycle 160000)"));
        let text = b.go(FAR).expect("it stops");
        let clocks = &b.timeline.machine().bus().clocks;
        assert_eq!(clocks.cycle_at(10_000_000_000_000_000), Cycles(b.now()));
        assert!(b.now() > 1_000_000, "{text}");
        let at = b.now();
        b.ask("until-cycle +1ms");
        b.go(FAR).expect("it stops");
        assert_eq!(b.now(), at + 168_000);
        b.ask("until-cycle 1ms");
        b.run(at + 400_000);
    }

    #[test]
    fn a_way_back_ends_at_a_cycle_that_has_passed() {
        let mut b = Bench::new("blinky.cortex-m4f");
        b.run(1_000_000);
        let answer = b.ask("until-cycle 600000");
        assert!(answer.contains("has passed"), "{answer}");
        assert_eq!(b.monitor.limit(), None);
        b.run(1_000_500);
        b.monitor.resumed(&b.timeline);
        let report = b.timeline.machine().watch_reporting();
        assert_eq!(b.timeline.run_back(report, || true), Back::Start);
        let text = b.monitor.went_back(&mut b.timeline).expect("it can");
        assert!(text.expect("it did").starts_with("until-cycle: back at"));
        assert!((599_900..=600_000).contains(&b.now()), "{}", b.now());
        assert_eq!(b.monitor.went_back(&mut b.timeline), Ok(None));
        // Forwards in the past.
        b.ask("until-cycle 700000");
        b.go(FAR).expect("it stops");
        assert!((699_900..=700_000).contains(&b.now()), "{}", b.now());
        assert!(b.timeline.is_past());
        // What was ahead is behind after a jump, and the other way round.
        b.ask("until-cycle 650000");
        b.timeline.seek_cycle(Cycles(620_000)).expect("the past");
        b.go(FAR).expect("it stops");
        assert!((649_900..=650_000).contains(&b.now()), "{}", b.now());
    }

    #[test]
    fn a_run_ends_at_an_edge() {
        let mut b = Bench::new("blinky.stm32f407");
        let answer = b.ask("until-edge PD13 rising");
        assert!(answer.contains("a rising edge of PD13"), "{answer}");
        let text = b.go(FAR).expect("it stops");
        assert!(text.starts_with("PD13 rose at cycle "), "{text}");
        assert!(
            text.contains("led_set") || text.contains("main.c"),
            "{text}"
        );
        assert!(b.ask("until-edge").starts_with("not armed"));
        let rose = b.now();
        let cycle: u64 = text
            .split(' ')
            .nth(4)
            .expect("a cycle")
            .parse()
            .expect("one");
        assert!(cycle.abs_diff(rose) < 20, "{cycle} {rose}");
        // The machine was not changed by it.
        let mut plain = Bench::new("blinky.stm32f407");
        plain.run(rose + 100);
        b.run(rose + 100);
        assert_eq!(
            plain.timeline.machine().state_hash(),
            b.timeline.machine().state_hash()
        );
        // The same edge in the past.
        b.timeline.seek_cycle(Cycles(rose - 1000)).expect("there");
        b.ask("until-edge pd13 any");
        assert_eq!(b.go(FAR).expect("it stops"), text);
        assert!(b.timeline.is_past());
    }

    #[test]
    fn edges_are_counted() {
        let mut b = Bench::new("toggle.stm32f407");
        b.ask("until-edge PD12 any 5");
        let text = b.go(FAR).expect("it stops");
        assert!(text.contains("PD12 rose") && text.contains("edge number 5"));
        let fifth: Vec<String> = b.ask("edges PD12 9").lines().map(str::to_owned).collect();
        assert_eq!(fifth.len(), 5 + 1, "{fifth:?}");
        b.ask("until-edge PD12 any 5");
        assert!(b.ask("until-edge").contains("number 5 (seen 0)"));
        b.ask("until-edge off");
        let here = b.now();
        b.run(here + 1000);
    }

    #[test]
    fn unknown_pins_get_their_neighbours() {
        let mut b = Bench::new("blinky.stm32f407");
        assert!(b.ask("until-edge PD31 rising").contains("near: PD1"));
        assert!(
            b.ask("until-edge led_orange").contains("LED_ORANGE (PD13)"),
            "the board's name"
        );
        b.ask("until-edge off");
        assert!(
            b.ask("until-edge PD13 sideways")
                .contains("rising, falling")
        );
        assert!(b.ask("until-edge PD13 any 0").contains("no count"));
        assert!(b.ask("until-edge a b c d").contains("usage"));
        let mut b = Bench::new("blinky.cortex-m4f");
        assert!(b.ask("until-edge PA0").contains("has no pins"));
    }
}
