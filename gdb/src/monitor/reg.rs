//! `monitor reg`: registers of devices and of the core, read without side effects, and written.

use super::{help, time};
use crate::registers::{Place, Table};
use emu_core::machine::Machine;
use emu_core::nearest::nearest;
use emu_core::timeline::{Change, Companion, Timeline};

/// Most bytes of a peripheral's window that are listed.
const LONGEST_WINDOW: u32 = 0x1000;
/// Registers of one name that are shown.
const MOST_FOUND: usize = 32;

/// Parts of the system control space by the names that manuals give them.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("SCB", "SCS"),
    ("FPU", "SCS"),
    ("MPU", "SCS"),
    ("CoreDebug", "SCS"),
    ("STK", "SysTick"),
];

/// Where a register is.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Found {
    name: String,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Address(u32),
    Csr(u16),
}

pub fn answer<C: Companion>(line: &str, timeline: &mut Timeline<C>) -> String {
    let rest = line.trim_start();
    let rest = rest.strip_prefix("reg").unwrap_or(rest);
    let (what, value) = match rest.split_once('=') {
        Some((what, value)) => (what.trim(), Some(value.trim())),
        None => (rest.trim(), None),
    };
    if what.contains(char::is_whitespace) {
        return help::usage("reg");
    }
    let machine = timeline.machine();
    if what.is_empty() {
        return match value {
            None => peripherals(machine),
            Some(_) => help::usage("reg"),
        };
    }
    let found = match find(machine, what) {
        Ok(found) => found,
        Err(why) => return why,
    };
    match value {
        None => {
            let machine = timeline.machine_mut();
            found.iter().map(|f| show(machine, f)).collect()
        }
        Some(value) => match (&found[..], time::number(value)) {
            ([one], Some(value)) => match u32::try_from(value) {
                Ok(value) => write(timeline, one, value),
                Err(_) => format!("{value:#x} does not fit into 32 bits"),
            },
            (_, None) => format!("'{value}' is no number"),
            _ => format!("'{what}' is {} registers; write one of them", found.len()),
        },
    }
}

fn peripherals(machine: &Machine) -> String {
    let devices = machine.bus().devices().filter(|(_, b)| b.size > 0);
    let mut list: Vec<_> = devices
        .map(|(_, b)| (b.base, b.size, b.name.as_str()))
        .collect();
    list.sort_unstable();
    let mut text: String = list
        .iter()
        .map(|(base, size, name)| format!("{base:#010x} {size:#7x} {name}\n"))
        .collect();
    if !csrs(machine).is_empty() {
        text += "CSR: the control and status registers of the core\n";
    }
    text
}

/// The control and status registers that gdb sees, too.
fn csrs(machine: &Machine) -> Vec<Found> {
    let table = Table::of(machine);
    let rows = table.rows().iter().filter_map(|r| match r.place {
        Place::Csr(number) => Some(Found {
            name: r.name.clone(),
            at: At::Csr(number),
        }),
        _ => None,
    });
    rows.collect()
}

/// The registers that a device's model names.
fn registers(machine: &Machine, base: u32, size: u32) -> Vec<Found> {
    let size = size.min(LONGEST_WINDOW);
    let addresses = (base..base.saturating_add(size)).step_by(4);
    let named = addresses.filter_map(|address| {
        let name = machine.bus().register_name(address);
        name.contains('.').then_some(Found {
            name,
            at: At::Address(address),
        })
    });
    named.collect()
}

/// `SYST_CSR` is also called `CSR`.
fn is_called(register: &Found, wanted: &str) -> bool {
    let name = match register.name.split_once('.') {
        Some((_, name)) => name,
        None => &register.name,
    };
    let short = name.split_once('_').map_or(name, |(_, short)| short);
    name.eq_ignore_ascii_case(wanted) || short.eq_ignore_ascii_case(wanted)
}

/// What `USART2`, `USART2.SR`, `CSR.mstatus` or just `CFSR` stand for: one register at least.
fn find(machine: &Machine, what: &str) -> Result<Vec<Found>, String> {
    let (device, register) = match what.split_once('.') {
        Some((device, register)) => (device, Some(register)),
        None => (what, None),
    };
    let csrs = csrs(machine);
    let own = |name: &str| {
        let mut devices = machine.bus().devices().filter(|(_, b)| b.size > 0);
        devices.find_map(|(_, b)| {
            let is = b.name.eq_ignore_ascii_case(name);
            is.then(|| registers(machine, b.base, b.size))
        })
    };
    let other = || {
        let mut names = OTHER_NAMES.iter();
        let found = names.find(|(n, _)| n.eq_ignore_ascii_case(device));
        found.and_then(|(_, model)| own(model))
    };
    let all = own(device)
        .or_else(other)
        .or_else(|| (device.eq_ignore_ascii_case("CSR") && !csrs.is_empty()).then(|| csrs.clone()));
    let Some(all) = all else {
        return register_alone(machine, what, csrs);
    };
    let Some(register) = register else {
        return match all.is_empty() {
            true => Err(format!("the model of {device} does not name its registers")),
            false => Ok(all),
        };
    };
    let found: Vec<Found> = all
        .iter()
        .filter(|f| is_called(f, register))
        .cloned()
        .collect();
    if found.is_empty() {
        let names = all.iter().map(|f| match f.name.split_once('.') {
            Some((_, name)) => name,
            None => f.name.as_str(),
        });
        let near = nearest(register, names, 3);
        return Err(match near.is_empty() {
            true => format!("{device} has no register '{register}'"),
            false => format!(
                "{device} has no register '{register}'; near: {}",
                near.join(", ")
            ),
        });
    }
    Ok(found)
}

/// A register's name without that of its peripheral.
fn register_alone(machine: &Machine, what: &str, csrs: Vec<Found>) -> Result<Vec<Found>, String> {
    let devices = || machine.bus().devices().filter(|(_, b)| b.size > 0);
    if !what.contains('.') {
        let of_devices = devices().flat_map(|(_, b)| registers(machine, b.base, b.size));
        let all = csrs.into_iter().chain(of_devices);
        let found: Vec<Found> = all
            .filter(|f| is_called(f, what))
            .take(MOST_FOUND)
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let device = what.split('.').next().unwrap_or(what);
    let near = nearest(device, devices().map(|(_, b)| b.name.as_str()), 3);
    Err(match near.is_empty() {
        true => format!("no peripheral '{device}'; 'monitor reg' lists them"),
        false => format!(
            "no peripheral '{device}'; near: {}; 'monitor reg' lists them",
            near.join(", ")
        ),
    })
}

fn value(machine: &mut Machine, at: At) -> Option<u32> {
    match at {
        At::Csr(number) => machine.riscv_csr(number),
        At::Address(address) => {
            let mut bytes = [0; 4];
            (machine.read_memory(address, &mut bytes) == 4).then(|| u32::from_le_bytes(bytes))
        }
    }
}

fn show(machine: &mut Machine, found: &Found) -> String {
    let value = match value(machine, found.at) {
        Some(value) => format!("{value:#010x}"),
        None => "bus error".to_owned(),
    };
    match found.at {
        At::Address(address) => format!("{address:#010x} {:<20} {value}\n", found.name),
        At::Csr(number) => format!("{number:#05x} {:<12} {value}\n", found.name),
    }
}

fn write<C: Companion>(timeline: &mut Timeline<C>, found: &Found, value: u32) -> String {
    let before = show(timeline.machine_mut(), found);
    let change = match found.at {
        At::Csr(number) => Change::Csr { number, value },
        At::Address(address) => Change::Memory {
            address,
            bytes: value.to_le_bytes().to_vec(),
        },
    };
    let cut = timeline.is_past();
    let done = timeline.apply(change);
    let after = show(timeline.machine_mut(), found);
    let refused = if done { "" } else { "it cannot be written\n" };
    let cut = if cut {
        "what came after is cut off\n"
    } else {
        ""
    };
    format!("was {before}now {after}{refused}{cut}")
}

#[cfg(test)]
mod tests {
    use crate::monitor::testing::Bench;
    use emu_core::Cycles;

    #[test]
    fn peripherals_and_their_registers() {
        let mut b = Bench::new("blinky.stm32f407");
        b.run(2_000_000);
        let list = b.ask("reg");
        assert!(list.contains("0x40020c00   0x400 GPIOD"), "{list}");
        let all = b.ask("reg gpiod");
        assert!(
            all.lines().count() > 8 && all.contains("GPIOD.MODER"),
            "{all}"
        );
        let one = b.ask("reg GPIOD.MODER");
        assert!(all.contains(&one) && one.ends_with("0x55555555"), "{one}");
        assert!(b.ask("reg GPIOD.MODR").contains("near: MODER"));
        assert!(b.ask("reg GPOID").contains("near: GPIOD"));
        assert!(b.ask("reg NOPENOPE").contains("'monitor reg' lists them"));
        assert!(b.ask("reg a b").contains("usage"));
    }

    #[test]
    fn registers_of_the_core() {
        let mut b = Bench::new("blinky.stm32f407");
        b.run(2_000_000);
        let cpuid = b.ask("reg SCB.CPUID");
        assert!(cpuid.ends_with("0x410fc241"), "{cpuid}");
        assert_eq!(b.ask("reg CPUID"), cpuid);
        let csr = b.ask("reg SysTick.CSR");
        assert!(csr.contains("SysTick.SYST_CSR"), "{csr}");
        let before = b.ask("reg SysTick.CSR");
        assert_eq!(b.ask("reg SysTick.CSR"), before, "COUNTFLAG stays");
        assert!(b.ask("reg NVIC.ISER0").contains("0xe000e100 NVIC.ISER0"));
        assert!(b.ask("reg DWT.CYCCNT").contains("0xe0001004"));
        let mut b = Bench::new("blinky.e31");
        b.run(100_000);
        let all = b.ask("reg CSR");
        assert!(
            all.contains("0x300 mstatus") && all.contains("mcycle"),
            "{all}"
        );
        let misa = b.ask("reg CSR.misa");
        assert_eq!(b.ask("reg misa"), misa);
        assert!(b.ask("reg").contains("CSR:"));
    }

    #[test]
    fn registers_are_written_and_the_way_back_undoes_it() {
        let mut b = Bench::new("blinky.stm32f407");
        b.run(2_000_000);
        let at = b.timeline.moment();
        let before = b.timeline.machine().state_hash();
        let answer = b.tell("reg GPIOD.ODR = 0x8000");
        assert!(
            answer.contains("now ") && answer.ends_with("0x00008000"),
            "{answer}"
        );
        let pin = b.timeline.machine().bus().nets.find("PD15").expect("one");
        assert!(b.timeline.machine().bus().nets.level(pin));
        assert_ne!(b.timeline.machine().state_hash(), before);
        b.run(2_100_000);
        b.timeline.seek(at).expect("there");
        assert_eq!(b.timeline.machine().state_hash(), before);
        // In the past it cuts off what came after.
        b.timeline.seek_cycle(Cycles(1_000_000)).expect("there");
        assert!(b.tell("reg GPIOD.ODR=1").contains("cut off"));
        assert!(!b.timeline.is_past());
        for (line, why) in [
            ("reg GPIOD.ODR = x", "'x' is no number"),
            ("reg GPIOD.ODR = 0x100000000", "32 bits"),
            ("reg GPIOD = 1", "registers"),
            ("reg = 1", "usage"),
        ] {
            assert!(b.ask(line).contains(why), "{line}");
        }
        let mut b = Bench::new("blinky.e31");
        let answer = b.tell("reg mscratch = 0x55");
        assert!(answer.ends_with("0x00000055"), "{answer}");
        assert!(b.tell("reg misa = 0").contains("cannot be written"));
    }
}
