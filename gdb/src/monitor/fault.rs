//! `monitor fault`: what went wrong, decoded, and the instruction that did it.
//!
//! Handlers change registers and stacks. So the last fault exception is looked up in the past, and its frame is read
//! where it was entered.

use super::edges::PIECES;
use super::names::{pc, trap_name};
use super::{Context, exception_name, time};
use emu_core::Cycles;
use emu_core::cortex_m::number;
use emu_core::machine::Machine;
use emu_core::probe::{ProbeEvent, ProbeKind, ProbeMask};
use emu_core::run::decode_fault;
use emu_core::timeline::{Companion, Timeline};

const EXCEPTIONS: ProbeMask = ProbeMask {
    edges: false,
    exceptions: true,
    bytes: false,
    power: false,
    watches: false,
    timers: false,
};

/// Steps from shortly before an entry to it, at most.
const STEPS: u32 = 4;
/// CSRs (privileged architecture 1.10, §3.1.19 to §3.1.21).
const MEPC: u16 = 0x341;
const MCAUSE: u16 = 0x342;
const MTVAL: u16 = 0x343;

pub fn answer<C: Companion>(timeline: &mut Timeline<C>, context: &Context<'_>) -> String {
    if timeline.machine().kind().is_riscv() {
        riscv(timeline, context)
    } else {
        arm(timeline, context)
    }
}

/// The last entry into an exception of these numbers.
fn last_entry<C: Companion>(
    timeline: &mut Timeline<C>,
    of: impl Fn(u16) -> bool,
) -> Result<Option<(u16, ProbeEvent)>, String> {
    let wanted =
        |e: &ProbeEvent| matches!(e.kind, ProbeKind::ExceptionEnter { number, .. } if of(number));
    let mut looks = 0;
    let events = timeline.last_events(EXCEPTIONS, 1, wanted, || {
        looks += 1;
        looks <= PIECES
    })?;
    Ok(events.first().and_then(|e| match e.kind {
        ProbeKind::ExceptionEnter { number, .. } => Some((number, *e)),
        _ => None,
    }))
}

/// Look at the machine as it stood before the first instruction of a handler that was entered. `None` when it never
/// stood there, since another exception came first.
fn at_entry<C: Companion, R>(
    timeline: &mut Timeline<C>,
    (number, event): (u16, ProbeEvent),
    look: impl FnOnce(&mut Machine) -> R,
) -> Result<Option<R>, String> {
    let now = timeline.moment();
    timeline.seek_cycle(Cycles(event.at.0.saturating_sub(1)))?;
    let there = |machine: &Machine| {
        let current = machine.bus().system.current;
        pc(machine) == event.pc && (machine.kind().is_riscv() || current == number)
    };
    for _ in 0..STEPS {
        if there(timeline.machine()) || !timeline.is_past() {
            break;
        }
        timeline.machine_mut().ignore_stops(true);
        timeline.step_until(event.at + 1_000);
        timeline.machine_mut().ignore_stops(false);
    }
    let found = there(timeline.machine()).then(|| look(timeline.machine_mut()));
    timeline.seek(now)?;
    Ok(found)
}

/// What an exception stacks (DDI 0403E B1.5.6).
struct Frame {
    stack: &'static str,
    address: u32,
    words: Option<[u32; 8]>,
}

fn frame(machine: &mut Machine) -> Frame {
    let r = machine.registers();
    let (stack, address) = match r.r[14] & 4 {
        0 => ("MSP", r.msp),
        _ => ("PSP", r.psp),
    };
    let mut bytes = [0; 32];
    let whole = machine.read_memory(address, &mut bytes) == bytes.len();
    let words = whole.then(|| {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        words
    });
    Frame {
        stack,
        address,
        words,
    }
}

fn arm<C: Companion>(timeline: &mut Timeline<C>, context: &Context<'_>) -> String {
    let s = &timeline.machine().bus().system;
    let mut text = if !s.is_v7m() {
        "ARMv6-M has no fault status registers\n".to_owned()
    } else if s.cfsr == 0 && s.hfsr == 0 {
        "no fault recorded (CFSR and HFSR are zero)\n".to_owned()
    } else {
        decode_fault(s.cfsr, s.hfsr, s.mmfar, s.bfar)
    };
    let faults = number::HARD_FAULT..=number::USAGE_FAULT;
    let entry = match last_entry(timeline, |n| faults.contains(&n)) {
        Ok(Some(entry)) => entry,
        Ok(None) => return text + "no fault exception was entered\n",
        Err(why) => return text + &why,
    };
    let (n, event) = entry;
    let machine = timeline.machine();
    let state = match machine.bus().system.is_active(n) {
        true => "active",
        false => "over by now",
    };
    text += &format!(
        "{} entered at cycle {} ({}), {state}\n",
        exception_name(n),
        event.at,
        time::at(machine, event.at)
    );
    let frame = match at_entry(timeline, entry, frame) {
        Ok(Some(frame)) => frame,
        Ok(None) => {
            return text + "  its frame cannot be looked up: another exception came first\n";
        }
        Err(why) => return text + &why,
    };
    let Some([r0, r1, r2, r3, r12, lr, pc, xpsr]) = frame.words else {
        let (stack, address) = (frame.stack, frame.address);
        return text + &format!("  its frame at {address:#010x} ({stack}) is not in memory\n");
    };
    let mode = match (xpsr & 0x1FF) as u16 {
        0 => "thread mode".to_owned(),
        n => context.exception(timeline.machine(), n),
    };
    text += &format!("  stacked pc  {}\n", context.describe(pc));
    text += &match lr >= 0xFFFF_FFE0 {
        true => format!("  stacked lr  {lr:#010x} (EXC_RETURN)\n"),
        false => format!("  stacked lr  {}\n", context.describe(lr & !1)),
    };
    text + &format!(
        "  interrupted {mode}, xpsr {xpsr:#010x}\n  \
           frame       {:#010x} ({}): r0 {r0:#x}, r1 {r1:#x}, r2 {r2:#x}, r3 {r3:#x}, r12 {r12:#x}\n",
        frame.address, frame.stack
    )
}

fn riscv<C: Companion>(timeline: &mut Timeline<C>, context: &Context<'_>) -> String {
    let csr = |machine: &Machine, n| machine.riscv_csr(n).unwrap_or(0);
    let read = |machine: &mut Machine| [MCAUSE, MEPC, MTVAL].map(|n| csr(machine, n));
    let now = read(timeline.machine_mut());
    let [cause, epc, _] = now;
    // An interrupt has overwritten them, or nothing has: what was before?
    if cause >> 31 == 0 && (cause, epc) != (0, 0) {
        return trap(now, context);
    }
    let last = match last_entry(timeline, |n| n < number::IRQ0) {
        Ok(last) => last,
        Err(why) => return why,
    };
    let mut text = match cause >> 31 {
        0 => String::new(),
        _ => format!(
            "mcause {cause:#010x}: {}, the last trap, is no fault\n",
            trap_name(emu_core::riscv::lines::number(cause))
        ),
    };
    let Some(entry) = last else {
        return text + "no exception was raised\n";
    };
    text += &format!(
        "the last exception, entered at cycle {} ({}):\n",
        entry.1.at,
        time::at(timeline.machine(), entry.1.at)
    );
    match at_entry(timeline, entry, read) {
        Ok(Some(then)) => text + &trap(then, context),
        Ok(None) => text + &trap_name(entry.0),
        Err(why) => text + &why,
    }
}

fn trap([cause, epc, tval]: [u32; 3], context: &Context<'_>) -> String {
    // mtval is the instruction of an illegal one, and an address otherwise (§3.1.21).
    let what = match cause {
        2 => "the instruction",
        0 | 1 | 3..=7 => "the address",
        _ => "",
    };
    let tval = format!("mtval  {tval:#010x} {what}");
    format!(
        "mcause {cause:#010x} {}\nmepc   {}\n{}\n",
        trap_name(cause as u16),
        context.describe(epc),
        tval.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use crate::monitor::testing::Bench;

    const FAR: u64 = 100_000_000;

    #[test]
    fn the_instruction_that_faulted() {
        for core in ["cortex-m3", "cortex-m0", "stm32f407"] {
            let mut b = Bench::new(&format!("lockup.{core}"));
            let text = b.ask("fault");
            assert!(text.ends_with("no fault exception was entered"), "{text}");
            b.ask("catch hardfault");
            b.go(FAR).expect("it stops");
            let caught = b.ask("fault");
            let udf = b.image.symbols.find("udf_here").expect("one").address;
            assert!(
                caught.contains(&format!("stacked pc  {udf:#010x} udf_here")),
                "{caught}"
            );
            assert!(caught.contains("interrupted thread mode"), "{caught}");
            assert!(caught.contains("HardFault entered at cycle"), "{caught}");
            let kind = if core == "cortex-m0" {
                "ARMv6-M"
            } else {
                "UNDEFINSTR"
            };
            assert!(caught.contains(kind), "{caught}");
            // The handler has used its stack since then.
            assert!(b.go(FAR).expect("it stops").starts_with("Lockup"));
            let frame = |t: &str| t.lines().rfind(|l| l.contains("frame ")).map(str::to_owned);
            assert_eq!(frame(&b.ask("fault")), frame(&caught));
        }
    }

    #[test]
    fn a_fault_that_is_over_and_one_in_the_past() {
        let mut b = Bench::new("fault-zoo.cortex-m4f");
        b.ask("catch busfault");
        let first = b.go(FAR).expect("it stops");
        assert!(first.starts_with("caught BusFault"), "{first}");
        let caught = b.ask("fault");
        assert!(
            caught.contains("BFAR") && caught.contains("PRECISERR"),
            "{caught}"
        );
        assert!(caught.contains(", active"), "{caught}");
        let at = b.timeline.moment();
        b.ask("catch off");
        assert_eq!(b.go(FAR).as_deref(), Some("Exit(0)"));
        let over = b.ask("fault");
        assert!(
            over.contains("over by now") && over.contains("stacked pc"),
            "{over}"
        );
        b.timeline.seek(at).expect("the past");
        assert_eq!(b.ask("fault"), caught);
    }

    #[test]
    fn traps_of_risc_v_are_decoded() {
        let mut b = Bench::new("traps.e31");
        assert_eq!(b.ask("fault"), "no exception was raised");
        b.ask("catch load");
        b.go(FAR).expect("it stops");
        let text = b.ask("fault");
        assert!(
            text.contains("load a") && text.contains("mepc   0x2"),
            "{text}"
        );
        assert!(text.contains("the address"), "{text}");
        b.ask("catch off");
        b.ask("catch timer");
        b.go(FAR).expect("it stops");
        let text = b.ask("fault");
        assert!(
            text.contains("timer interrupt, the last trap, is no fault"),
            "{text}"
        );
        assert!(
            text.contains("the last exception, entered at cycle"),
            "{text}"
        );
        assert!(text.contains("\nmepc   0x2"), "{text}");
    }
}
