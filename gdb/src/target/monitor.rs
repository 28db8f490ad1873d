//! `monitor` commands. All but `reset` only look.

use super::{Debuggee, Never};
use emu_core::Width;
use emu_core::cortex_m::number;
use emu_core::run::decode_fault;
use emu_core::timeline::Companion;
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, outputln};
use std::fmt::Write;

const HELP: &str = "\
monitor help              this text
monitor cycles            the present cycle, time and instruction count
monitor reset [halt]      power-on reset at the present cycle; the core halts at the reset handler
monitor fault             fault status registers, decoded
monitor irq               exceptions that are enabled, pending or active
monitor reg               the peripherals
monitor reg USART2        all registers of a peripheral, read without side effects
monitor reg USART2.SR     one register
";

/// Most bytes of a peripheral's window that are listed.
const LONGEST_WINDOW: u32 = 0x1000;

impl<C: Companion + 'static> MonitorCmd for Debuggee<C> {
    fn handle_monitor_cmd(&mut self, cmd: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), Never> {
        let line = String::from_utf8_lossy(cmd);
        let words: Vec<&str> = line.split_whitespace().collect();
        let text = match words.as_slice() {
            [] | ["help"] => HELP.to_owned(),
            ["cycles"] => self.cycles(),
            ["reset"] | ["reset", "halt"] => self.reset(),
            ["fault"] => self.fault(),
            ["irq"] => self.irq(),
            ["reg"] => self.peripherals(),
            ["reg", what] => self.registers_of(what),
            _ => format!("unknown command '{}'; see 'monitor help'\n", line.trim()),
        };
        outputln!(out, "{}", text.trim_end());
        Ok(())
    }
}

impl<C: Companion + 'static> Debuggee<C> {
    fn cycles(&self) -> String {
        let now = self.machine().now();
        let clocks = &self.machine().bus().clocks;
        let ns = clocks.attoseconds(now) / 1_000_000_000;
        format!(
            "cycle {}, {}.{:09} s, {} instructions, core clock {} Hz",
            now.0,
            ns / 1_000_000_000,
            ns % 1_000_000_000,
            self.machine().instructions(),
            clocks.hz(clocks.core()).as_f64()
        )
    }

    fn reset(&mut self) -> String {
        self.timeline.apply(emu_core::timeline::Change::Reset);
        format!(
            "reset at cycle {}, pc {:#010x}; 'maintenance flush register-cache' shows it to gdb",
            self.machine().now().0,
            self.machine().registers().r[15]
        )
    }

    fn fault(&self) -> String {
        let s = &self.machine().bus().system;
        if !s.is_v7m() {
            return "ARMv6-M has no fault status registers".to_owned();
        }
        if s.cfsr == 0 && s.hfsr == 0 {
            return "no fault recorded (CFSR and HFSR are zero)".to_owned();
        }
        decode_fault(s.cfsr, s.hfsr, s.mmfar, s.bfar)
    }

    fn irq(&self) -> String {
        let bus = self.machine().bus();
        let s = &bus.system;
        let mut text = format!(
            "executing: {}\n",
            match s.current {
                0 => "thread mode".to_owned(),
                n => exception_name(n),
            }
        );
        let last = number::IRQ0 + s.irq_count;
        for n in number::NMI..last {
            let external = n >= number::IRQ0;
            let (enabled, pending, active) = (s.is_enabled(n), s.is_pending(n), s.is_active(n));
            // Core exceptions are always there: only those that want something are told.
            if !(pending || active || external && enabled) {
                continue;
            }
            let _ = write!(text, "{:>3} {:<14}", n, exception_name(n));
            let _ = write!(text, " priority {:>3}", s.priority(n));
            for (is, word) in [
                (external && enabled, " enabled"),
                (pending, " pending"),
                (active, " active"),
            ] {
                if is {
                    text.push_str(word);
                }
            }
            if pending {
                let _ = write!(text, " since cycle {}", s.pended_at(n).0);
            }
            let sources: Vec<&str> = bus
                .devices()
                .filter(|(_, b)| b.irqs.contains(&Some(n)))
                .map(|(_, b)| b.name.as_str())
                .collect();
            if !sources.is_empty() {
                let _ = write!(text, " ({})", sources.join(", "));
            }
            text.push('\n');
        }
        text
    }

    fn peripherals(&self) -> String {
        let mut list: Vec<_> = self
            .machine()
            .bus()
            .devices()
            .filter(|(_, b)| b.size > 0)
            .map(|(_, b)| (b.base, b.size, b.name.as_str()))
            .collect();
        list.sort_unstable();
        list.iter()
            .fold(String::new(), |mut text, (base, size, name)| {
                let _ = writeln!(text, "{base:#010x} {size:#7x} {name}");
                text
            })
    }

    fn registers_of(&mut self, what: &str) -> String {
        let (device, register) = match what.split_once('.') {
            Some((device, register)) => (device, Some(register)),
            None => (what, None),
        };
        let bus = self.machine_mut().bus_mut();
        let window = bus
            .devices()
            .find(|(_, b)| b.size > 0 && b.name.eq_ignore_ascii_case(device))
            .map(|(_, b)| (b.base, b.size.min(LONGEST_WINDOW)));
        let Some((base, size)) = window else {
            return format!("no peripheral '{device}'; 'monitor reg' lists them");
        };
        let mut text = String::new();
        for address in (base..base.saturating_add(size)).step_by(4) {
            let full = bus.register_name(address);
            let name = full.split_once('.').map(|(_, name)| name);
            let wanted = match (register, name) {
                (Some(wanted), Some(name)) => name.eq_ignore_ascii_case(wanted),
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if !wanted {
                continue;
            }
            match bus.peek(address, Width::Word) {
                Ok(value) => {
                    let _ = writeln!(text, "{address:#010x} {full:<20} {value:#010x}");
                }
                Err(_) => {
                    let _ = writeln!(text, "{address:#010x} {full:<20} bus error");
                }
            }
        }
        match (text.is_empty(), register) {
            (false, _) => text,
            (true, Some(r)) => format!("{device} has no register '{r}'"),
            (true, None) => format!("the model of {device} does not name its registers"),
        }
    }
}

/// `SysTick`, `IRQ 28`.
pub fn exception_name(n: u16) -> String {
    match n {
        number::RESET => "Reset".to_owned(),
        number::NMI => "NMI".to_owned(),
        number::HARD_FAULT => "HardFault".to_owned(),
        number::MEM_MANAGE => "MemManage".to_owned(),
        number::BUS_FAULT => "BusFault".to_owned(),
        number::USAGE_FAULT => "UsageFault".to_owned(),
        number::SVCALL => "SVCall".to_owned(),
        number::DEBUG_MONITOR => "DebugMonitor".to_owned(),
        number::PENDSV => "PendSV".to_owned(),
        number::SYSTICK => "SysTick".to_owned(),
        number::IRQ0.. => format!("IRQ {}", n - number::IRQ0),
        _ => format!("exception {n}"),
    }
}
