//! `monitor help`, and what is said of commands that there are not.

use emu_core::nearest::nearest;

/// Names, how they are typed, what they do in a line, and what else there is to say.
const COMMANDS: &[(&str, &str, &str, &str)] = &[
    (
        "help",
        "help [COMMAND]",
        "this list, or more about a command",
        "",
    ),
    (
        "cycles",
        "cycles",
        "the present cycle, time and instruction count",
        "Also how far that is from the last stop, and from the end when this is the past.",
    ),
    (
        "until-cycle",
        "until-cycle N|+N|TIME|off",
        "the next continue stops at a cycle",
        "It stops before the first instruction that would start behind cycle N. +N counts from here; a TIME (10ms, \
         1.5us, +2s) is virtual time since power-on.\nIn the past it works as well. A cycle that has passed is where \
         reverse-continue ends at the latest.\nIt stays armed until it is met, or 'off'.",
    ),
    (
        "until-edge",
        "until-edge PIN rising|falling|any [COUNT] | off",
        "the next continue stops at an edge of a pin",
        "Forwards only; 'edges' lists those that were. COUNT: not the first but that one. It stays armed until it is \
         met, or 'off'.",
    ),
    (
        "edges",
        "edges [PIN [N]]",
        "the last N edges of a pin, or all pins that had any",
        "The past is gone through again for this, at most so far back as about 200 million instructions.",
    ),
    (
        "why",
        "why",
        "what the last stop was and what the way to it cost",
        "Cycles by kind and by how well they are known, what is pending and what holds it back, and the next event.",
    ),
    (
        "reset",
        "reset [halt]",
        "power-on reset at the present cycle",
        "The core halts at the reset handler. In the past this cuts off what came after.",
    ),
    (
        "fault",
        "fault",
        "the fault, decoded, and the instruction that made it",
        "Fault status registers (on RISC-V mcause, mepc, mtval), and what the last fault exception has stacked.",
    ),
    (
        "irq",
        "irq",
        "exceptions that are enabled, pending or active; next events",
        "",
    ),
    (
        "catch",
        "catch [NAME…|all|off]",
        "stop when an exception is entered",
        "At the first instruction of its handler. Names: hardfault memmanage busfault usagefault nmi reset, svcall \
         pendsv systick, interrupts by name or as irq28; on RISC-V timer software external local3 fetch illegal \
         breakpoint load store ecall reset. 'all' is all faults, NMI and reset. Without a name: what is caught.",
    ),
    (
        "reg",
        "reg [PERIPH[.REG] [= VALUE]]",
        "peripherals and their registers, read without side effects",
        "Those of the core, too: SCB.CFSR, NVIC.ISER0, SysTick, DWT.CYCCNT; on RISC-V CSR.mstatus. A value is \
         written as a word store would be, at the present cycle.",
    ),
    (
        "snapshot",
        "snapshot [NAME | delete NAME]",
        "keep this state under a name, or list them",
        "",
    ),
    (
        "restore",
        "restore NAME",
        "go to a state that was kept; its history holds from here on",
        "",
    ),
    (
        "history",
        "history",
        "how far back this run can go, and what that takes",
        "",
    ),
];

/// Words that answer without a line in the list.
const OTHERS: [&str; 1] = ["halt"];

pub fn answer(arguments: &[&str]) -> String {
    let Some(name) = arguments.first() else {
        let width = COMMANDS.iter().map(|c| c.1.len()).max().unwrap_or(0);
        let lines = COMMANDS.iter().map(|(_, usage, summary, _)| {
            let usage = format!("monitor {usage}");
            if usage.len() > 32 {
                format!("{usage}\n{:34}{summary}\n", "")
            } else {
                format!("{usage:32}  {summary}\n")
            }
        });
        debug_assert!(width < 60, "lines stay short");
        return lines.collect();
    };
    match COMMANDS.iter().find(|c| c.0 == *name) {
        Some((_, usage, summary, more)) => format!("monitor {usage}\n  {summary}\n{more}"),
        None => unknown(name, name),
    }
}

/// How a command is typed.
pub fn usage(name: &str) -> String {
    let found = COMMANDS.iter().find(|c| c.0 == name);
    found.map_or_else(String::new, |c| format!("usage: monitor {}", c.1))
}

pub fn unknown(line: &str, name: &str) -> String {
    let known = COMMANDS.iter().map(|c| c.0).chain(OTHERS);
    let near = nearest(name, known, 2);
    match near.is_empty() {
        true => format!("unknown command '{line}'; see 'monitor help'"),
        false => format!(
            "unknown command '{line}'; near: {}; see 'monitor help'",
            near.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::Bench;

    #[test]
    fn every_command_has_help_and_is_known() {
        let mut b = Bench::new("blinky.cortex-m4f");
        let list = b.ask("help");
        assert_eq!(b.ask(""), list);
        for (name, usage, summary, _) in COMMANDS {
            assert!(list.contains(&format!("monitor {usage}")) && list.contains(summary));
            assert!(b.ask(&format!("help {name}")).contains(summary));
            assert!(!b.tell(name).contains("unknown command"), "{name}");
        }
        for name in OTHERS {
            assert!(!b.ask(name).contains("unknown command"), "{name}");
        }
        assert!(list.lines().all(|l| l.len() < 100));
    }

    #[test]
    fn a_mistyped_command_gets_its_neighbours() {
        let mut b = Bench::new("blinky.cortex-m4f");
        assert_eq!(
            b.ask("cycle 5"),
            "unknown command 'cycle 5'; near: cycles, until-cycle; see 'monitor help'"
        );
        assert_eq!(
            b.ask("nonsense"),
            "unknown command 'nonsense'; see 'monitor help'"
        );
        assert!(b.ask("help snapshto").contains("near: snapshot"));
    }
}
