//! Runs the code of an entry on its machine.

use super::code::{Code, Codes, RUNS};
use super::entry::{Entry, Method, folder};
use emu_core::Cycles;
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{Ledger, Machine, Options, Stop};
use emu_core::probe::{ProbeEvent, ProbeKind, ProbeMask};
use emu_core::semihosting;
use harness::parts::Spec;
use std::sync::{Arc, Mutex};

/// Where code in RAM goes, and the stack's top.
const RAM_CODE: u32 = 0x2000_4000;
const STACK: u32 = 0x2000_8000;
/// Vectors before the code: the table of ARMv7-M with 240 interrupts, rounded up.
const CODE: u32 = 0x400;
/// Flash of the RISC-V machines; they start at its beginning.
const RISCV_FLASH: u32 = 0x2000_0000;
/// More cycles than any entry takes.
const LIMIT: u64 = 20_000_000;

/// What was counted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Count {
    pub cycles: f64,
    /// Percent of the cycles whose cost is an estimate.
    pub estimated: f64,
}

/// One run: a machine at its end.
struct Run {
    machine: Machine,
    events: Arc<Mutex<Vec<ProbeEvent>>>,
    base: u32,
}

fn machine(e: &Entry, single_step: bool) -> Result<Run, String> {
    let mut spec = Spec::load(&e.machine, false).map_err(|f| format!("{}: {f:?}", e.machine))?;
    for s in &e.set {
        spec.set(s, false).map_err(|f| format!("{s}: {f:?}"))?;
    }
    let (core, mut bus) = spec.build(1, false).map_err(|f| format!("{f:?}"))?;
    let events = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&events);
    bus.probes.attach(
        ProbeMask::ALL,
        Box::new(move |mut e: Vec<ProbeEvent>| {
            into.lock().expect("events").append(&mut e);
            e
        }),
    );
    let options = Options { single_step };
    let machine = Machine::new(core, bus, options).map_err(|f| f.to_string())?;
    Ok(Run {
        machine,
        events,
        base: 0,
    })
}

/// A machine with the code of one run.
fn start(e: &Entry, code: &Code, single_step: bool) -> Result<Run, String> {
    let mut run = machine(e, single_step)?;
    if run.machine.kind().is_riscv() {
        start_riscv(e, code, &mut run)?;
        return Ok(run);
    }
    let machine = &mut run.machine;
    let flash = if e.machine.starts_with("stm32") {
        0x0800_0000
    } else {
        0
    };
    let base = if e.in_ram { RAM_CODE } else { flash + CODE };
    let handler = (base + code.handler as u32) | 1;
    let mut vectors = vec![STACK, base | 1];
    vectors.resize(CODE as usize / 4, handler);
    let mut image: Vec<u8> = vectors.iter().flat_map(|w| w.to_le_bytes()).collect();
    if !e.in_ram {
        image.extend(&code.bytes);
    }
    let image = Image::raw(&e.name, flash, image).map_err(|f| f.to_string())?;
    machine.load(&image).map_err(|f| f.to_string())?;
    if e.in_ram {
        let written = machine.write_memory(base, &code.bytes);
        assert_eq!(written, code.bytes.len(), "{}", e.name);
    }
    machine.reset();
    run.base = base;
    Ok(run)
}

/// The code as it is, where the machine starts; it has no vectors.
fn start_riscv(e: &Entry, code: &Code, run: &mut Run) -> Result<(), String> {
    if e.in_ram {
        return Err(format!("{}: no machine of RISC-V starts in RAM", e.name));
    }
    let image = Image::raw(&e.name, RISCV_FLASH, code.bytes.clone());
    run.machine
        .load(&image.map_err(|f| f.to_string())?)
        .map_err(|f| f.to_string())?;
    run.machine.reset();
    run.base = RISCV_FLASH;
    Ok(())
}

/// A machine with a firmware file.
fn firmware(e: &Entry, single_step: bool) -> Result<(Run, Image), String> {
    let mut run = machine(e, single_step)?;
    let path = folder().join(&e.elf);
    let image = Image::open(&path, &OpenOptions::default()).map_err(|f| f.to_string())?;
    run.machine.load(&image).map_err(|f| f.to_string())?;
    let _ = run
        .machine
        .enable_semihosting(semihosting::Config::default());
    run.machine.reset();
    Ok((run, image))
}

/// The count of a firmware file: a word that it leaves, or the first call of a function.
fn of_firmware(e: &Entry, single_step: bool) -> Result<Count, String> {
    let (mut run, image) = firmware(e, single_step)?;
    let symbol = image.symbols.find(&e.symbol);
    let place = symbol
        .unwrap_or_else(|| panic!("{}: no {}", e.name, e.symbol))
        .address
        & !1;
    let count = |cycles: u64, from: Ledger, to: Ledger| Count {
        cycles: cycles as f64,
        estimated: 100.0 * (to.estimate - from.estimate) as f64 / cycles as f64,
    };
    if e.method == Method::Call {
        let (called, from) = run.to(e, place);
        let back = run.machine.registers().r[14] & !1;
        let (returned, to) = run.to(e, back);
        return Ok(count(returned - called, from, to));
    }
    let stop = run.machine.run_until(Cycles(LIMIT));
    assert_eq!(stop, Stop::Exit(0), "{}: checks itself", e.name);
    let mut word = [0; 4];
    let address = place + 4 * e.index as u32;
    assert_eq!(run.machine.read_memory(address, &mut word), 4);
    let all = run.machine.ledger();
    Ok(Count {
        cycles: f64::from(u32::from_le_bytes(word)),
        estimated: count(run.machine.now().0, Ledger::default(), all).estimated,
    })
}

impl Run {
    /// To an instruction that is about to be executed.
    fn to(&mut self, e: &Entry, offset: u32) -> (u64, Ledger) {
        let place = self.base + offset;
        self.machine.add_breakpoint(place);
        let stop = self.machine.run_until(Cycles(LIMIT));
        self.machine.remove_breakpoint(place);
        assert_eq!(stop, Stop::Breakpoint, "{}: did not get to its end", e.name);
        assert_eq!(self.machine.registers().r[15] & !1, place, "{}", e.name);
        (self.machine.now().0, self.machine.ledger())
    }

    fn pended(&mut self) -> u64 {
        self.machine.bus_mut().probes.flush();
        let events = self.events.lock().expect("events");
        let pend = |e: &&ProbeEvent| matches!(e.kind, ProbeKind::ExceptionPend { number: 15 });
        events
            .iter()
            .rfind(pend)
            .expect("SysTick became pending")
            .at
            .0
    }
}

fn once(e: &Entry, codes: &Codes, single_step: bool) -> Result<Count, String> {
    if e.method.is_of_firmware() {
        return of_firmware(e, single_step);
    }
    let code = |run: usize| &codes[&(e.name.clone(), RUNS[run].to_owned())];
    if matches!(e.method, Method::Entry | Method::Exit) {
        let mut run = start(e, code(1), single_step)?;
        let (entered, _) = run.to(e, code(1).handler as u32);
        let cycles = if e.method == Method::Entry {
            entered - run.pended()
        } else {
            let stop = run.machine.step();
            assert_eq!(stop, Stop::Stepped, "{}", e.name);
            run.machine.now().0 - entered
        };
        return Ok(Count {
            cycles: cycles as f64,
            estimated: 0.0,
        });
    }
    let (a, from) = start(e, code(0), single_step)?.to(e, code(0).end as u32);
    let (b, to) = start(e, code(1), single_step)?.to(e, code(1).end as u32);
    let spread = b as f64 - a as f64;
    let estimated = to.estimate as f64 - from.estimate as f64;
    Ok(Count {
        cycles: spread / e.method.per() as f64,
        estimated: if spread == 0.0 {
            0.0
        } else {
            100.0 * estimated / spread
        },
    })
}

/// Our count, the same from both engine modes; an error when the machine does not exist or has no such setting.
pub fn count(e: &Entry, codes: &Codes) -> Result<Count, String> {
    let fast = once(e, codes, false)?;
    let slow = once(e, codes, true)?;
    assert_eq!(fast, slow, "{}: block mode and single steps", e.name);
    Ok(fast)
}
