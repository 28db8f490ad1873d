//! `monitor catch`: stop at the first instruction of a handler.

use super::names::pc;
use super::{Context, Monitor, time};
use emu_core::bus::{Met, StopOn};
use emu_core::cortex_m::number;
use emu_core::machine::Machine;
use emu_core::nearest::nearest;
use emu_core::riscv::lines;
use emu_core::timeline::{Companion, Timeline};

/// Exceptions of Cortex-M by the names that are typed.
const ARM: &[(&str, u16)] = &[
    ("nmi", number::NMI),
    ("hardfault", number::HARD_FAULT),
    ("memmanage", number::MEM_MANAGE),
    ("busfault", number::BUS_FAULT),
    ("usagefault", number::USAGE_FAULT),
    ("svcall", number::SVCALL),
    ("debugmonitor", number::DEBUG_MONITOR),
    ("pendsv", number::PENDSV),
    ("systick", number::SYSTICK),
];

/// Traps of RISC-V by the names that are typed; several of a kind have the same.
const RISCV: &[(&str, u16)] = &[
    ("fetch", 0),
    ("fetch", 1),
    ("illegal", 2),
    ("breakpoint", 3),
    ("load", 4),
    ("load", 5),
    ("store", 6),
    ("store", 7),
    ("ecall", 8),
    ("ecall", 11),
    ("software", 16 + lines::SOFTWARE as u16),
    ("timer", 16 + lines::TIMER as u16),
    ("external", 16 + lines::EXTERNAL as u16),
];

fn table(machine: &Machine) -> impl Iterator<Item = (&'static str, u16)> {
    let riscv = machine.kind().is_riscv();
    let small = !riscv && !machine.bus().system.is_v7m();
    let only_v7m = number::MEM_MANAGE..=number::USAGE_FAULT;
    let missing = move |n| small && (only_v7m.contains(&n) || n == number::DEBUG_MONITOR);
    let all = if riscv { RISCV } else { ARM };
    all.iter().copied().filter(move |(_, n)| !missing(*n))
}

/// All faults, NMI and reset.
fn all(machine: &Machine) -> Vec<StopOn> {
    let faults = if machine.kind().is_riscv() {
        0..=7
    } else {
        number::NMI..=number::USAGE_FAULT
    };
    let those = table(machine).filter(|(_, n)| faults.contains(n));
    let those = those.map(|(_, n)| StopOn::Exception(n));
    those.chain([StopOn::Reset]).collect()
}

/// The conditions that a name stands for; what is wrong with it otherwise.
fn named(name: &str, machine: &Machine, context: &Context<'_>) -> Result<Vec<StopOn>, String> {
    let lower = name.to_lowercase();
    match lower.as_str() {
        "all" => return Ok(all(machine)),
        "reset" => return Ok(vec![StopOn::Reset]),
        _ => {}
    }
    let from_table = table(machine).filter(|(n, _)| *n == lower);
    let mut found: Vec<u16> = from_table.map(|(_, n)| n).collect();
    let named = context.interrupts.iter();
    let named = named.filter(|(_, n)| n.eq_ignore_ascii_case(name));
    found.extend(named.map(|(n, _)| *n));
    let riscv = machine.kind().is_riscv();
    let (word, first, count) = if riscv {
        ("local", 16 + lines::LOCAL as u16, 16)
    } else {
        ("irq", number::IRQ0, machine.bus().system.irq_count)
    };
    let numbered = lower.strip_prefix(word).and_then(|n| n.parse().ok());
    found.extend(numbered.filter(|n: &u16| *n < count).map(|n| first + n));
    if found.is_empty() {
        let mut known: Vec<&str> = table(machine).map(|(n, _)| n).collect();
        known.dedup();
        known.extend(["reset", "all", "off"]);
        let own = context.interrupts.values().map(String::as_str);
        let near = nearest(name, known.iter().copied().chain(own), 3);
        let list = known.join(" ");
        return Err(match near.is_empty() {
            true => format!("no exception '{name}'; there are: {list}, and interrupts by name"),
            false => format!(
                "no exception '{name}'; near: {}; there are: {list}, and interrupts by name",
                near.join(", ")
            ),
        });
    }
    Ok(found.into_iter().map(StopOn::Exception).collect())
}

impl<S: Clone> Monitor<S> {
    pub(super) fn catch<C: Companion<State = S>>(
        &mut self,
        arguments: &[&str],
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> String {
        if let ["off" | "none"] = arguments {
            let bus = timeline.machine_mut().bus_mut();
            self.caught.drain(..).for_each(|c| bus.forget_stop(&c));
            return "nothing is caught".to_owned();
        }
        let mut new = Vec::new();
        for name in arguments {
            match named(name, timeline.machine(), context) {
                Ok(conditions) => new.extend(conditions),
                Err(why) => return why,
            }
        }
        for condition in new {
            if !self.caught.contains(&condition) {
                self.caught.push(condition.clone());
                timeline.machine_mut().bus_mut().stop_on(condition);
            }
        }
        let machine = timeline.machine();
        let name = |condition: &StopOn| match condition {
            StopOn::Exception(n) => context.exception(machine, *n),
            _ => "reset".to_owned(),
        };
        match self.caught.is_empty() {
            true => "nothing is caught; 'monitor help catch' lists the names".to_owned(),
            false => {
                let names: Vec<String> = self.caught.iter().map(name).collect();
                format!("caught: {}", names.join(", "))
            }
        }
    }

    /// What to tell of a caught exception among these conditions.
    pub(super) fn caught_at(
        &self,
        met: &[Met],
        machine: &Machine,
        context: &Context<'_>,
    ) -> Option<String> {
        let m = met.iter().rfind(|m| self.caught.contains(&m.condition))?;
        let when = format!("at cycle {} ({})", m.at, time::at(machine, m.at));
        Some(match m.condition {
            StopOn::Exception(n) => {
                let name = context.exception(machine, n);
                let here = pc(machine);
                let then = match here == m.pc {
                    true => String::new(),
                    false => format!(", preempted by {}", context.describe(here)),
                };
                let handler = context.describe(m.pc);
                format!("caught {name}, entered {when}: handler {handler}{then}")
            }
            _ => format!("caught reset {when}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::testing::Bench;
    use emu_core::machine::Stop;

    const FAR: u64 = 100_000_000;

    #[test]
    fn a_fault_stops_at_its_handler() {
        for core in ["cortex-m3", "cortex-m0", "stm32f407"] {
            let mut b = Bench::new(&format!("lockup.{core}"));
            assert_eq!(b.ask("catch hardfault"), "caught: HardFault");
            let text = b.go(FAR).expect("it stops");
            assert!(
                text.starts_with("caught HardFault, entered at cycle "),
                "{text}"
            );
            assert!(text.contains("hard_fault_handler"), "{text}");
            assert_eq!(b.timeline.machine().bus().system.current, 3);
            assert_eq!(
                b.image
                    .symbols
                    .find("hard_fault_handler")
                    .expect("one")
                    .address,
                b.pc()
            );
            let text = b.go(FAR).expect("it stops");
            assert!(text.starts_with("Lockup"), "{text}");
        }
    }

    #[test]
    fn catching_changes_nothing() {
        for name in [
            "fault-zoo.cortex-m3",
            "exceptions.cortex-m4f",
            "traps.e31",
            "traps.rv32",
        ] {
            let mut plain = Bench::new(name);
            assert_eq!(plain.go(FAR).as_deref(), Some("Exit(0)"), "{name}");
            let mut b = Bench::new(name);
            let others = match name.starts_with("traps") {
                true => "catch all ecall timer software external",
                false => "catch all SysTick PendSV svcall irq0 irq1 irq2 irq3",
            };
            b.ask(others);
            let mut stops = 0;
            loop {
                let text = b.go(FAR).expect("it stops");
                if !text.starts_with("caught ") {
                    assert_eq!(text, "Exit(0)", "{name}");
                    break;
                }
                stops += 1;
                // It comes back to the same place.
                if stops == 7 {
                    let at = b.timeline.moment();
                    b.timeline.step_back();
                    assert_eq!(b.go(FAR), Some(text));
                    assert_eq!(b.timeline.moment(), at);
                }
            }
            assert!(stops > 20, "{name} {stops}");
            let (a, b) = (plain.timeline.machine(), b.timeline.machine());
            assert_eq!(
                (a.now(), a.state_hash()),
                (b.now(), b.state_hash()),
                "{name}"
            );
        }
    }

    #[test]
    fn traps_of_risc_v() {
        let mut b = Bench::new("traps.rv32");
        assert_eq!(b.ask("catch illegal"), "caught: illegal instruction");
        let text = b.go(FAR).expect("it stops");
        assert!(
            text.starts_with("caught illegal instruction, entered"),
            "{text}"
        );
        assert_eq!(b.timeline.machine().riscv_csr(0x342), Some(2));
        assert!(
            b.ask("catch hardfault").contains("illegal"),
            "the names there are"
        );
        assert_eq!(b.ask("catch off"), "nothing is caught");
        assert_eq!(b.go(FAR).as_deref(), Some("Exit(0)"));
    }

    #[test]
    fn resets_are_caught_but_not_those_by_hand() {
        let mut b = Bench::new("reset.cortex-m3");
        b.ask("catch reset");
        let text = b.go(FAR).expect("it stops");
        assert!(text.starts_with("caught reset at cycle "), "{text}");
        let start = b.image.symbols.find("reset_handler").expect("one").address;
        assert_eq!(b.pc(), start);
        b.tell("reset");
        let text = b.go(FAR).expect("it stops");
        assert!(text.starts_with("caught reset"), "{text}");
    }

    #[test]
    fn names() {
        let mut b = Bench::new("blinky.stm32f407");
        assert!(b.ask("catch").starts_with("nothing is caught"));
        assert!(b.ask("catch hardfalt").contains("near: hardfault"));
        assert_eq!(
            b.ask("catch tim2 irq29"),
            "caught: TIM2 (IRQ 28), TIM3 (IRQ 29)"
        );
        assert!(b.ask("catch irq500").contains("no exception 'irq500'"));
        b.ask("catch off");
        assert_eq!(
            b.ask("catch all"),
            "caught: NMI, HardFault, MemManage, BusFault, UsageFault, reset"
        );
        let stop = b.timeline.run_until(emu_core::Cycles(1000));
        assert_eq!(stop, Stop::Limit);
        let mut b = Bench::new("blinky.cortex-m0");
        assert_eq!(b.ask("catch all"), "caught: NMI, HardFault, reset");
        assert!(b.ask("catch busfault").contains("no exception 'busfault'"));
    }
}
