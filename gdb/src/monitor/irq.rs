//! `monitor irq`: exceptions that are enabled, pending or active, what holds them back, and what comes next.

use super::Context;
use emu_core::Bus;
use emu_core::cortex_m::{Masks, number};
use emu_core::machine::Machine;
use emu_core::riscv::lines;
use std::fmt::Write;

/// Events that are listed.
const EVENTS: usize = 8;
/// CSRs (privileged architecture 1.10, §3.1).
const MSTATUS: u16 = 0x300;
const MIE: u16 = 0x304;

pub fn answer(machine: &Machine, context: &Context<'_>) -> String {
    let mut text = format!("executing: {}\n", executing(machine, context));
    text += &masks(machine);
    text += &list(machine, context, true);
    let next = events(machine, EVENTS);
    if !next.is_empty() {
        text += "next events:\n";
        text += &next;
    }
    text
}

/// The handler or the mode in which the core is.
pub fn executing(machine: &Machine, context: &Context<'_>) -> String {
    let mode = match machine.riscv_privilege() {
        Some(0) => "user mode".to_owned(),
        Some(_) => "machine mode".to_owned(),
        None => match machine.bus().system.current {
            0 => "thread mode".to_owned(),
            n => context.exception(machine, n),
        },
    };
    match machine.asleep_since() {
        Some(since) => format!("{mode}, asleep since cycle {since}"),
        None => mode,
    }
}

/// The core's mask registers.
fn core_masks(machine: &Machine) -> Masks {
    let r = machine.registers();
    Masks {
        primask: r.primask & 1 != 0,
        faultmask: r.faultmask & 1 != 0,
        basepri: r.basepri as u8,
    }
}

/// A line for masks that are set.
pub fn masks(machine: &Machine) -> String {
    if let Some(mstatus) = machine.riscv_csr(MSTATUS) {
        // User mode is always interrupted (§3.1.6.1).
        let user = machine.riscv_privilege() == Some(0);
        let off = mstatus & 8 == 0 && !user;
        return match off {
            true => "masked: all, by mstatus.MIE = 0\n".to_owned(),
            false => String::new(),
        };
    }
    let m = core_masks(machine);
    let mut set = Vec::new();
    if m.primask {
        set.push("all, by PRIMASK".to_owned());
    }
    if m.faultmask {
        set.push("all and HardFault, by FAULTMASK".to_owned());
    }
    if m.basepri != 0 {
        set.push(format!("priority {} and below, by BASEPRI", m.basepri));
    }
    match set.is_empty() {
        true => String::new(),
        false => format!("masked: {}\n", set.join("; ")),
    }
}

/// Exceptions that are pending or active, or with `enabled` those too that are only enabled.
pub fn list(machine: &Machine, context: &Context<'_>, enabled: bool) -> String {
    match &machine.bus().lines {
        Some(lines) if machine.kind().is_riscv() => list_riscv(machine, context, enabled, lines),
        _ => list_arm(machine, context, enabled),
    }
}

fn list_arm(machine: &Machine, context: &Context<'_>, all: bool) -> String {
    let bus = machine.bus();
    let s = &bus.system;
    let masks = core_masks(machine);
    let mut text = String::new();
    for n in number::NMI..number::IRQ0 + s.irq_count {
        let external = n >= number::IRQ0;
        let (enabled, pending, active) = (s.is_enabled(n), s.is_pending(n), s.is_active(n));
        // Core exceptions are always there: only those that want something are told.
        if !(pending || active || all && external && enabled) {
            continue;
        }
        let name = context.exception(machine, n);
        let _ = write!(text, "{n:>3} {name:<20} priority {:>3}", s.priority(n));
        for (is, word) in [
            (external && enabled, " enabled"),
            (active, " active"),
            (pending, " pending"),
        ] {
            if is {
                text.push_str(word);
            }
        }
        if pending {
            let _ = write!(text, " since cycle {}", s.pended_at(n).0);
            if let Some(why) = held_back(machine, context, n, masks) {
                let _ = write!(text, ", {why}");
            }
        }
        text += &sources(bus, n);
        text.push('\n');
    }
    text
}

/// Why a pending exception is not taken.
fn held_back(machine: &Machine, context: &Context<'_>, n: u16, masks: Masks) -> Option<String> {
    let s = &machine.bus().system;
    if !s.is_enabled(n) {
        return Some("not enabled".to_owned());
    }
    let priority = match n {
        0..=number::HARD_FAULT => s.priority(n),
        n => s.group(s.priority_byte(n)),
    };
    if priority < s.execution_priority(masks) {
        let first = s.takeable(masks);
        return Some(match first {
            Some(first) if first != n => {
                format!("comes behind {}", context.exception(machine, first))
            }
            _ => "taken next".to_owned(),
        });
    }
    if priority >= s.active_priority() {
        let active = (number::RESET..number::IRQ0 + s.irq_count).filter(|&a| s.is_active(a));
        let over = active.min_by_key(|&a| s.priority(a))?;
        return Some(format!("waits for {}", context.exception(machine, over)));
    }
    let alone = |m: Masks| priority >= s.execution_priority(m);
    let none = Masks::default();
    let by = [
        (
            "PRIMASK",
            Masks {
                primask: masks.primask,
                ..none
            },
        ),
        (
            "FAULTMASK",
            Masks {
                faultmask: masks.faultmask,
                ..none
            },
        ),
        (
            "BASEPRI",
            Masks {
                basepri: masks.basepri,
                ..none
            },
        ),
    ];
    let by: Vec<&str> = by.into_iter().filter(|b| alone(b.1)).map(|b| b.0).collect();
    Some(format!("held back by {}", by.join(" and ")))
}

fn list_riscv(
    machine: &Machine,
    context: &Context<'_>,
    all: bool,
    levels: &lines::Lines,
) -> String {
    let enabled = machine.riscv_csr(MIE).unwrap_or(0);
    let mstatus = machine.riscv_csr(MSTATUS).unwrap_or(0);
    let open = mstatus & 8 != 0 || machine.riscv_privilege() == Some(0);
    let pending = levels.levels();
    let mut text = String::new();
    for cause in 0..32 {
        let is = |word: u32| word >> cause & 1 != 0;
        if !(is(pending) || all && is(enabled)) {
            continue;
        }
        let n = lines::number(cause);
        let name = context.exception(machine, n);
        let _ = write!(text, "{cause:>3} {name:<20}");
        if is(enabled) {
            text += " enabled";
        }
        if is(pending) {
            let _ = write!(text, " pending since cycle {}", levels.since(cause));
            let most = lines::Lines::most_urgent(pending & enabled);
            text += match (is(enabled), open) {
                (false, _) => ", not enabled in mie",
                (true, false) => ", held back by mstatus.MIE",
                (true, true) if most == Some(cause) => ", taken next",
                (true, true) => ", comes behind a more urgent one",
            };
        }
        text += &sources(machine.bus(), n);
        text.push('\n');
    }
    text
}

/// The devices whose line an exception is.
fn sources(bus: &Bus, n: u16) -> String {
    let of = bus.devices().filter(|(_, b)| b.irqs.contains(&Some(n)));
    let names: Vec<&str> = of.map(|(_, b)| b.name.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" ({})", names.join(", ")),
    }
}

/// The next events of devices.
pub fn events(machine: &Machine, most: usize) -> String {
    let bus = machine.bus();
    let now = machine.now();
    let next: Vec<(u64, &str, u64)> = bus
        .events
        .iter()
        .take(most)
        .map(|e| (e.at.since(now), bus.name(e.device), e.at.0))
        .collect();
    let width = next.iter().map(|n| n.1.len()).max().unwrap_or(0);
    next.iter().fold(String::new(), |text, (ahead, name, at)| {
        text + &format!("  {name:width$}  in {ahead} cycles, at cycle {at}\n")
    })
}

#[cfg(test)]
mod tests {
    use crate::monitor::testing::Bench;
    use emu_core::Cycles;
    use emu_core::machine::Stop;

    #[test]
    fn a_handler_and_the_next_tick() {
        let mut b = Bench::new("blinky.stm32f407");
        let handler = b
            .image
            .symbols
            .find("systick_handler")
            .expect("one")
            .address;
        b.timeline.machine_mut().add_breakpoint(handler);
        assert_eq!(b.go(60_000_000).as_deref(), Some("Breakpoint"));
        let text = b.ask("irq");
        assert!(text.starts_with("executing: SysTick\n"), "{text}");
        assert!(
            text.contains(" 15 SysTick              priority "),
            "{text}"
        );
        assert!(text.contains(" active"), "{text}");
        let due = b.timeline.machine().bus().events.next_at();
        let line = format!("  SysTick  in {} cycles, at cycle {due}", due.0 - b.now());
        assert!(text.contains(&line), "{text}");
        b.timeline.machine_mut().remove_breakpoint(handler);
        b.run(30_000_000);
        let text = b.ask("irq");
        assert!(
            text.starts_with("executing: thread mode, asleep since cycle "),
            "{text}"
        );
    }

    #[test]
    fn what_holds_an_interrupt_back() {
        let mut b = Bench::new("exceptions.cortex-m3");
        let mut seen = [false; 4];
        let reasons = ["PRIMASK", "BASEPRI", "waits for", "not enabled"];
        // The checks hold interrupts back in every way.
        for _ in 0..400_000 {
            assert_eq!(
                b.timeline.step_until(Cycles::MAX),
                Stop::Stepped,
                "{seen:?}"
            );
            let s = &b.timeline.machine().bus().system;
            if !(16..20).any(|n| s.is_pending(n)) {
                continue;
            }
            let text = super::answer(b.timeline.machine(), &crate::monitor::Context::default());
            for (seen, reason) in seen.iter_mut().zip(reasons) {
                *seen |= text
                    .lines()
                    .any(|l| l.contains("pending") && l.contains(reason));
            }
            assert!(!text.contains("held back by \n"), "{text}");
            if seen == [true; 4] {
                return;
            }
        }
        panic!("not all reasons: {seen:?}");
    }

    #[test]
    fn interrupts_of_risc_v() {
        let mut b = Bench::new("blinky.e31");
        assert!(b.ask("irq").contains("masked: all, by mstatus.MIE = 0"));
        b.run(1_000_000);
        let text = b.ask("irq");
        assert!(text.starts_with("executing: machine mode"), "{text}");
        assert!(text.contains("  7 timer interrupt      enabled"), "{text}");
        assert!(
            text.contains("CLINT") && text.contains("next events:"),
            "{text}"
        );
    }
}
