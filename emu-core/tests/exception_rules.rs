//! Exceptions, sleep, resets and faults as the architecture has them, in block mode and one by one.
#![allow(clippy::unwrap_used)]

mod common;
use common::{DEVICE, Rig, code, rig, vectors};
use emu_core::bus::IoWindow;
use emu_core::machine::{CoreKind, Stop};
use emu_core::probe::ProbeMask;
use emu_core::{Binding, Ctx, Cycles, Device, DeviceId, Ports, ProbeKind, ResetCause, Width};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

const MAIN: u32 = 0x200;
const DEFAULT: u32 = 0x800;
const M4: CoreKind = CoreKind::CortexM4;
const NOP: u16 = 0xBF00;
const BX_LR: u16 = 0x4770;
/// `b .`
const HERE: u16 = 0xE7FE;
const HOLE: u32 = 0x5000_0000;

/// Events from outside: tag 1 resets, others pend the exception of their low byte.
#[derive(Serialize, Deserialize)]
struct Script;

impl Device for Script {
    fn ports(&self) -> Ports {
        Ports::default()
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
    fn read(&mut self, _: u32, _: Width, _: &mut Ctx<'_>) -> u32 {
        0
    }
    fn write(&mut self, _: u32, _: Width, _: u32, _: &mut Ctx<'_>) {}
    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        if tag == 1 {
            ctx.request_reset(ResetCause::Software);
        } else {
            ctx.set_exception_pending(tag as u16 & 0xFF, true);
        }
    }
    emu_core::device_state!();
}

struct Play {
    rig: Rig,
    script: DeviceId,
    probes: Arc<Mutex<Vec<(u64, ProbeKind)>>>,
}

impl Play {
    /// Main code at 0x200; handlers at 0x800, 0x840, ... in the order given, for these exceptions.
    fn new(kind: CoreKind, single_step: bool, main: &[u16], handlers: &[(usize, &[u16])]) -> Play {
        let places: Vec<(usize, u32)> = handlers
            .iter()
            .enumerate()
            .map(|(i, h)| (h.0, DEFAULT + 0x40 * (i as u32 + 1)))
            .collect();
        let mut segments = vec![
            (0, vectors(MAIN, DEFAULT, &places)),
            (MAIN, code(main)),
            (DEFAULT, code(&[HERE])),
        ];
        for (place, handler) in places.iter().zip(handlers) {
            segments.push((place.1, code(handler.1)));
        }
        let mut rig = rig(kind, single_step, &segments);
        let binding = Binding {
            name: "SCRIPT".into(),
            ..Binding::default()
        };
        let bus = rig.machine.bus_mut();
        let script = bus.add(binding, Box::new(Script));
        bus.add_window(IoWindow {
            base: HOLE,
            size: 0x1000,
            holes_fault: true,
        });
        let probes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&probes);
        bus.probes.attach(
            ProbeMask::ALL,
            Box::new(move |list| {
                sink.lock()
                    .unwrap()
                    .extend(list.iter().map(|e| (e.at.0, e.kind)));
                list
            }),
        );
        Play {
            rig,
            script,
            probes,
        }
    }

    fn at(&mut self, cycle: u64, tag: u32) {
        let script = self.script;
        self.rig
            .machine
            .bus_mut()
            .events
            .schedule(Cycles(cycle), script, tag);
    }

    fn run(&mut self, limit: u64) -> Stop {
        self.rig.machine.run_until(Cycles(limit))
    }

    /// Cycle, exception, tail-chained.
    fn entered(&self) -> Vec<(u64, u16, bool)> {
        let list = self.probes.lock().unwrap();
        list.iter()
            .filter_map(|&(at, kind)| match kind {
                ProbeKind::ExceptionEnter {
                    number,
                    tail_chained,
                } => Some((at, number, tail_chained)),
                _ => None,
            })
            .collect()
    }

    fn word(&mut self, at: u32) -> u32 {
        let mut bytes = [0; 4];
        assert_eq!(self.rig.machine.read_memory(at, &mut bytes), 4);
        u32::from_le_bytes(bytes)
    }

    /// The stacked PC, when the machine stands in a handler that has pushed nothing.
    fn stacked_pc(&mut self) -> u32 {
        let sp = self.rig.machine.registers().r[13];
        self.word(sp + 24)
    }

    fn r(&self, n: usize) -> u32 {
        self.rig.machine.registers().r[n]
    }
}

fn sled(n: usize) -> Vec<u16> {
    let mut main = vec![NOP; n];
    main.push(HERE);
    main
}

fn both(test: impl Fn(bool)) {
    test(false);
    test(true);
}

// ----- entry, late arrival, tail-chaining, pop preemption -----

#[test]
fn a_higher_exception_that_comes_during_stacking_is_entered_first() {
    both(|single| {
        for delay in 0..13 {
            let mut p = Play::new(
                M4,
                single,
                &sled(200),
                &[(16, &[NOP, BX_LR]), (17, &[BX_LR])],
            );
            p.rig.machine.bus_mut().system.set_priority_byte(16, 0x80);
            p.rig.machine.bus_mut().system.set_priority_byte(17, 0x40);
            p.at(50, 16);
            p.at(50 + delay, 17);
            assert_eq!(p.run(300), Stop::Limit);
            let entered = p.entered();
            if delay < 6 {
                // Stacking goes on; only the vector changes. The other one is chained behind it.
                assert_eq!(entered[0], (62, 17, false), "delay {delay}");
                assert_eq!(entered[1], (62 + 6, 16, true), "delay {delay}");
                assert_eq!(entered.len(), 2);
            } else {
                assert_eq!(entered[0], (62, 16, false), "delay {delay}");
                assert_eq!(entered[1].1, 17, "delay {delay}");
                assert!(entered[1].0 >= 50 + delay + 12);
            }
            assert_eq!(p.rig.machine.registers().xpsr & 0x1FF, 0);
        }
    });
}

#[test]
fn a_lower_exception_never_overtakes() {
    both(|single| {
        let mut p = Play::new(
            M4,
            single,
            &sled(200),
            &[(16, &[NOP, BX_LR]), (17, &[BX_LR])],
        );
        p.rig.machine.bus_mut().system.set_priority_byte(17, 0x40);
        p.at(50, 16);
        p.at(51, 17);
        p.run(300);
        // nop at 62, bx at 63, chained six later.
        assert_eq!(p.entered(), [(62, 16, false), (69, 17, true)]);
    });
}

#[test]
fn what_comes_during_unstacking_preempts_the_pop() {
    both(|single| {
        for delay in 1..16u64 {
            let mut p = Play::new(M4, single, &sled(200), &[(16, &[BX_LR]), (17, &[BX_LR])]);
            p.at(50, 16);
            p.at(62 + delay, 17); // the return starts at 62 and takes 10
            p.run(300);
            let entered = p.entered();
            assert_eq!(entered[0], (62, 16, false));
            if delay < 10 {
                assert_eq!(entered[1], (62 + delay + 6, 17, true), "delay {delay}");
            } else {
                assert_eq!(entered[1].1, 17);
                assert!(!entered[1].2, "delay {delay}");
                assert_eq!(entered[1].0, 62 + delay + 12, "delay {delay}");
            }
        }
    });
}

#[test]
fn equal_priority_goes_by_number() {
    both(|single| {
        let mut p = Play::new(M4, single, &sled(100), &[(16, &[BX_LR]), (17, &[BX_LR])]);
        p.at(40, 17);
        p.at(40, 16);
        p.run(300);
        let order: Vec<u16> = p.entered().iter().map(|e| e.1).collect();
        assert_eq!(order, [16, 17]);
    });
}

#[test]
fn masks_hold_exceptions_back_until_they_are_lifted() {
    both(|single| {
        // cpsid i; 40 nops; cpsie i; nops
        let mut main = vec![0xB672];
        main.extend([NOP; 40]);
        main.push(0xB662);
        main.extend(sled(50));
        let mut p = Play::new(M4, single, &main, &[(16, &[BX_LR])]);
        p.at(10, 16);
        p.run(300);
        let entered = p.entered();
        assert_eq!(entered.len(), 1);
        assert!((41 + 12..=41 + 15).contains(&entered[0].0), "{entered:?}");
    });
}

// ----- sleep -----

#[test]
fn wfi_wakes_into_the_handler_with_the_entry_latency_alone() {
    both(|single| {
        let mut p = Play::new(
            M4,
            single,
            &[0xBF30, 0x3001, HERE],
            &[(16, &[BX_LR]), (17, &[BX_LR])],
        );
        p.at(50, 16);
        p.at(51, 17);
        assert_eq!(p.run(300), Stop::Limit);
        assert_eq!(p.entered(), [(62, 16, false), (68, 17, true)]);
        assert_eq!(p.r(0), 1);
    });
}

#[test]
fn wfi_under_primask_wakes_without_a_handler() {
    both(|single| {
        let mut p = Play::new(
            M4,
            single,
            &[0xB672, 0xBF30, 0x3001, HERE],
            &[(16, &[BX_LR])],
        );
        p.at(50, 16);
        p.run(49);
        assert_eq!(p.r(0), 0);
        p.run(100);
        assert_eq!(p.r(0), 1);
        assert!(p.entered().is_empty());
    });
}

#[test]
fn a_core_that_nothing_can_wake_is_asleep() {
    both(|single| {
        let mut p = Play::new(M4, single, &[0xBF30, HERE], &[]);
        assert_eq!(p.rig.machine.run_until(Cycles::MAX), Stop::Asleep);
        assert_eq!(p.rig.machine.run_until(Cycles::MAX), Stop::Asleep);
    });
}

#[test]
fn wfe_takes_an_event_or_waits_for_one() {
    both(|single| {
        // sev; wfe; adds r0,#1; wfe; adds r0,#1; b .
        let main = [0xBF40, 0xBF20, 0x3001, 0xBF20, 0x3001, HERE];
        let mut p = Play::new(M4, single, &main, &[(16, &[BX_LR])]);
        p.rig.machine.bus_mut().system.event = false;
        p.at(50, 16);
        p.run(49);
        assert_eq!(p.r(0), 1, "the first WFE finds the event of SEV");
        p.run(200);
        assert_eq!(p.r(0), 2, "the second one was woken by the exception");
        assert_eq!(p.entered().len(), 1);
    });
}

#[test]
fn sevonpend_wakes_wfe_without_a_handler() {
    both(|single| {
        let mut p = Play::new(
            M4,
            single,
            &[0xB672, 0xBF20, 0x3001, HERE],
            &[(16, &[BX_LR])],
        );
        p.rig.machine.bus_mut().system.scr = 0x10;
        p.rig.machine.bus_mut().system.set_enabled(16, false);
        p.at(50, 16);
        p.run(49);
        assert_eq!(p.r(0), 0);
        p.run(100);
        assert_eq!(p.r(0), 1);
        assert!(p.entered().is_empty());
    });
}

#[test]
fn sleep_on_exit_never_returns_to_thread_code() {
    both(|single| {
        // The handler counts in r4, which is not stacked.
        let mut p = Play::new(
            M4,
            single,
            &[0xBF30, 0x3501, HERE],
            &[(16, &[0x3401, BX_LR])],
        );
        p.rig.machine.bus_mut().system.scr = 2;
        // One event of a kind waits at a time: the high bits tell them apart.
        for at in [50, 150, 250] {
            p.at(at, 16 + 256 * at as u32);
        }
        assert_eq!(p.run(400), Stop::Limit);
        assert_eq!((p.r(4), p.r(5)), (3, 0));
        let at: Vec<u64> = p.entered().iter().map(|e| e.0).collect();
        assert_eq!(at, [62, 162, 262]);
        let sleeps = p
            .probes
            .lock()
            .unwrap()
            .iter()
            .filter(|e| e.1 == ProbeKind::Sleep)
            .count();
        assert_eq!(sleeps, 4);
    });
}

// ----- lockup and reset -----

#[test]
fn a_fault_in_the_hardfault_handler_locks_up() {
    both(|single| {
        for kind in [CoreKind::CortexM0, M4] {
            let mut p = Play::new(kind, single, &[NOP, 0xDE00, HERE], &[(3, &[NOP, 0xDE01])]);
            match p.run(1000) {
                Stop::Lockup(text) => assert!(text.contains("lockup"), "{text}"),
                other => panic!("{kind:?}: {other:?}"),
            }
            // It stays so.
            assert!(matches!(p.run(2000), Stop::Lockup(_)));
        }
    });
}

#[test]
fn a_device_can_reset_the_machine() {
    both(|single| {
        // adds r0,#1; b -2
        let mut p = Play::new(M4, single, &[0x3001, 0x3101, 0xE7FC], &[]);
        p.at(100, 1);
        assert_eq!(p.run(110), Stop::Limit);
        let resets: Vec<u64> = p
            .probes
            .lock()
            .unwrap()
            .iter()
            .filter(|e| e.1 == ProbeKind::Reset)
            .map(|e| e.0)
            .collect();
        assert_eq!(resets.len(), 1);
        assert!((100..=102).contains(&resets[0]), "{resets:?}");
        assert!(p.r(0) <= 4, "started again: {}", p.r(0));
        assert_eq!(p.r(13), 0x2000_8000);
        assert_eq!(p.r(14), 0xFFFF_FFFF);
    });
}

#[test]
fn a_reset_ends_sleep_and_lockup_of_the_program() {
    both(|single| {
        let mut p = Play::new(M4, single, &[0x3401, 0xBF30, HERE], &[]);
        p.at(100, 1);
        assert_eq!(p.run(300), Stop::Limit);
        assert_eq!(p.r(4), 1, "ran again from the start");
        assert_eq!(p.r(15), MAIN + 4);
    });
}

// ----- accesses to devices by multiple transfers -----

/// r4 = device, r1 = 0x11, r2 = 0x22; then `body`, then a few NOPs.
fn device_code(body: &[u16]) -> Vec<u16> {
    let mut main = vec![0x2401, 0x07A4, 0x2111, 0x2222];
    main.extend(body);
    main.extend(sled(30));
    main
}

#[test]
fn multiple_stores_to_devices_make_each_access_once() {
    let cases: [(&str, Vec<u16>, &[u32]); 4] = [
        // r5 = r4 + 4: beat 1 arms the interrupt (needs a boundary), beat 2 logs.
        (
            "stm, first beat exact",
            device_code(&[0x1D25, 0xC506]),
            &[0x22],
        ),
        // r5 = r4 + 8: beat 1 logs, beat 2 pends PendSV (needs a boundary).
        (
            "stm, second beat exact",
            device_code(&[0x1D25, 0x3504, 0xC506]),
            &[0x11],
        ),
        // strd r1,r2,[r4,#8]
        (
            "strd, second beat exact",
            device_code(&[0xE9C4, 0x1202]),
            &[0x11],
        ),
        // strd r1,r2,[r4,#4]
        (
            "strd, first beat exact",
            device_code(&[0xE9C4, 0x1201]),
            &[0x22],
        ),
    ];
    both(|single| {
        for (what, main, logged) in &cases {
            let mut p = Play::new(
                M4,
                single,
                main,
                &[(14, &[BX_LR]), (16, &[0x2000, 0x6060, BX_LR])],
            );
            assert_eq!(p.run(300), Stop::Limit, "{what}");
            let log: Vec<u32> = p.rig.log.lock().unwrap().iter().map(|l| l.1).collect();
            assert_eq!(log, *logged, "{what}, single step {single}");
            assert_eq!(p.entered().len(), 1, "{what}, single step {single}");
        }
    });
}

#[test]
fn multiple_loads_from_devices_read_at_the_cycle_of_the_instruction() {
    // mov r5,r4; ldm r5!,{r1,r2}; ldrd r6,r7,[r4]; movs r5,#0
    both(|single| {
        let mut p = Play::new(
            M4,
            single,
            &device_code(&[0x0025, 0xCD06, 0xE9D4, 0x6700]),
            &[],
        );
        p.run(100);
        assert_eq!(p.r(1), 6, "five instructions, and r5 was just written");
        assert_eq!(p.r(2), 0);
        assert_eq!(p.r(5), DEVICE + 8);
        assert_eq!(p.r(6), 6 + 3, "LDM of two takes three");
    });
}

// ----- faults -----

/// A machine with BusFault enabled whose handler stays where it is. `body` runs with r1 = `address`.
fn faulting(single: bool, address: u32, body: &[u16]) -> Play {
    let mut main = vec![
        0xF240 | (address >> 12 & 0xF) as u16 | ((address >> 11 & 1) << 10) as u16,
        (0x0100 | (address >> 8 & 7) << 12 | address & 0xFF) as u16, // movw r1
        0xF2C0 | (address >> 28) as u16 | ((address >> 27 & 1) << 10) as u16,
        (0x0100 | (address >> 24 & 7) << 12 | address >> 16 & 0xFF) as u16, // movt r1
    ];
    main.extend(body);
    main.extend(sled(8));
    let mut p = Play::new(M4, single, &main, &[(5, &[HERE])]);
    p.rig.machine.bus_mut().system.shcsr_enable = 1 << 17;
    p.rig.machine.bus_mut().system.refresh();
    assert_eq!(p.run(200), Stop::Limit);
    p
}

const BODY: u32 = MAIN + 8;
const PRECISE: u32 = 1 << 9 | 1 << 15;

fn assert_bus_fault(p: &mut Play, what: &str, bfar: u32, pc: u32) {
    assert_eq!(p.rig.machine.registers().xpsr & 0x1FF, 5, "{what}");
    let system = &p.rig.machine.bus().system;
    assert_eq!(system.cfsr, PRECISE, "{what}");
    assert_eq!(system.bfar, bfar, "{what}: BFAR {:#x}", system.bfar);
    assert_eq!(p.stacked_pc(), pc, "{what}");
}

#[test]
fn an_access_to_a_hole_faults_with_the_exact_address_and_pc() {
    both(|single| {
        // nop; ldr r0,[r1,#4]
        let mut p = faulting(single, HOLE, &[NOP, 0x6848, NOP]);
        assert_bus_fault(&mut p, "ldr", HOLE + 4, BODY + 2);
        // nop; strb r0,[r1,#1]
        let mut p = faulting(single, HOLE, &[NOP, 0x7048, NOP]);
        assert_bus_fault(&mut p, "strb", HOLE + 1, BODY + 2);
        // ldr r0,[r1],#4: no write-back, no destination.
        let mut p = faulting(single, HOLE, &[0x2007, 0xF851, 0x0B04, NOP]);
        assert_bus_fault(&mut p, "ldr post-indexed", HOLE, BODY + 2);
        assert_eq!((p.r(0), p.r(1)), (7, HOLE));
    });
}

#[test]
fn multiple_transfers_fault_at_the_beat_that_has_no_memory() {
    both(|single| {
        for (what, body, address, bfar) in [
            ("stm", [0xC10C, NOP], 0x2000_FFFC, 0x2001_0000),
            ("ldm", [0xC90C, NOP], 0x2000_FFFC, 0x2001_0000),
            ("strd", [0xE9C1, 0x2300], 0x2000_FFFC, 0x2001_0000),
            ("ldrd", [0xE9D1, 0x2300], 0x2000_FFFC, 0x2001_0000),
            ("ldm in a hole", [0xC90C, NOP], HOLE, HOLE),
        ] {
            let mut p = faulting(single, address, &body);
            assert_bus_fault(&mut p, what, bfar, BODY);
            assert_eq!(p.r(1), address, "{what}: no write-back");
        }
    });
}

#[test]
fn stores_to_flash_fault_and_change_nothing() {
    both(|single| {
        for (what, body, address) in [
            ("str", 0x6008u16, 0x4000),
            ("strb", 0x7008, 0x4001),
            ("strh", 0x8008, 0x4002),
        ] {
            let mut p = faulting(single, address, &[NOP, body, NOP]);
            assert_bus_fault(&mut p, what, address, BODY + 2);
            assert_eq!(p.word(0x4000), u32::MAX, "erased, as before");
        }
    });
}

#[test]
fn a_store_to_flash_through_an_alias_shows_the_address_of_the_program() {
    both(|single| {
        let mut p = faulting(single, 0x0800_4000, &[NOP, 0x6008, NOP]);
        assert_bus_fault(&mut p, "str", 0x0800_4000, BODY + 2);
    });
}

#[test]
fn a_fetch_from_nowhere_faults_at_the_target() {
    both(|single| {
        // movs r2,#0x10; lsls r2,#24 (0x1000_0000); adds r2,#1; bx r2
        let mut p = faulting(single, 0, &[0x2210, 0x0612, 0x3201, 0x4710]);
        assert_eq!(p.rig.machine.registers().xpsr & 0x1FF, 5);
        assert_eq!(p.rig.machine.bus().system.cfsr, 1 << 8);
        assert_eq!(p.stacked_pc(), 0x1000_0000);
    });
}

#[test]
fn a_disabled_bus_fault_escalates() {
    both(|single| {
        let mut main = vec![0x2105, 0x0709]; // r1 = 0x5000_0000
        main.extend([0x6808, NOP, HERE]);
        let mut p = Play::new(M4, single, &main, &[(3, &[HERE])]);
        p.run(100);
        assert_eq!(p.rig.machine.registers().xpsr & 0x1FF, 3);
        let s = &p.rig.machine.bus().system;
        assert_eq!((s.cfsr, s.bfar, s.hfsr), (PRECISE, HOLE, 1 << 30));
        assert_eq!(p.stacked_pc(), MAIN + 4);
    });
}

#[test]
fn a_fault_inside_it_stacks_its_itstate_and_a_skipped_one_does_not_happen() {
    both(|single| {
        // cmp r0,r0; itt eq; ldreq r0,[r1]; addeq r7,#1
        let mut p = faulting(single, HOLE, &[0x4280, 0xBF04, 0x6808, 0x3701]);
        assert_bus_fault(&mut p, "in IT", HOLE, BODY + 4);
        let sp = p.r(13);
        assert_ne!(p.word(sp + 28) & 0x0600_FC00, 0);
        assert_eq!(p.rig.machine.registers().xpsr & 0x0600_FC00, 0);
        // cmp r0,#1; the same: nothing happens.
        let p = faulting(single, HOLE, &[0x2801, 0xBF04, 0x6808, 0x3701]);
        assert_eq!(p.rig.machine.registers().xpsr & 0x1FF, 0);
        assert_eq!(p.r(7), 0);
    });
}

#[test]
fn usage_faults_stack_the_instruction_itself() {
    both(|single| {
        let usage = |main: &[u16], ccr: u32| {
            let mut p = Play::new(M4, single, main, &[(6, &[HERE])]);
            let s = &mut p.rig.machine.bus_mut().system;
            s.shcsr_enable = 1 << 18;
            s.ccr |= ccr;
            s.permissions_changed = true;
            s.refresh();
            p.run(100);
            assert_eq!(p.rig.machine.registers().xpsr & 0x1FF, 6, "{main:x?}");
            let cfsr = p.rig.machine.bus().system.cfsr;
            (cfsr, p.stacked_pc().wrapping_sub(MAIN))
        };
        assert_eq!(usage(&[NOP, 0xDE00, HERE], 0), (1 << 16, 2), "UDF");
        assert_eq!(
            usage(&[NOP, 0xFBB0, 0xF0F1, HERE], 0x10),
            (1 << 25, 2),
            "UDIV"
        );
        // movs r1,#1; ldm r1,{r2,r3}
        assert_eq!(usage(&[0x2101, 0xC90C, HERE], 0), (1 << 24, 2), "LDM");
        // movs r1,#1; ldr r2,[r1]
        assert_eq!(usage(&[0x2101, 0x680A, HERE], 8), (1 << 24, 2), "LDR");
        // movs r1,#8; bx r1
        assert_eq!(
            usage(&[0x2108, 0x4708, HERE], 0),
            (1 << 17, 8u32.wrapping_sub(MAIN)),
            "even target"
        );
        // mrc p15: no such coprocessor
        assert_eq!(usage(&[NOP, 0xEE11, 0x0F10, HERE], 0), (1 << 19, 2), "NOCP");
    });
}

#[test]
fn an_svc_returns_behind_itself() {
    both(|single| {
        let mut p = Play::new(
            M4,
            single,
            &[NOP, 0xDF05, 0x3501, HERE],
            &[(11, &[0x3401, BX_LR])],
        );
        p.run(200);
        assert_eq!((p.r(4), p.r(5)), (1, 1));
        // svc at 1, entry 12 behind it.
        assert_eq!(p.entered(), [(13, 11, false)]);
    });
}

#[test]
fn a_bad_exc_return_is_a_usage_fault() {
    both(|single| {
        // The handler returns to 0xFFFFFFF5, which no core has.
        let mut p = Play::new(
            M4,
            single,
            &sled(100),
            &[(16, &[0xF06F, 0x000A, 0x4700]), (6, &[HERE])], // mvn r0,#10; bx r0
        );
        p.rig.machine.bus_mut().system.shcsr_enable = 1 << 18;
        p.rig.machine.bus_mut().system.refresh();
        p.at(20, 16);
        p.run(200);
        assert_eq!(p.rig.machine.registers().xpsr & 0x1FF, 6);
        assert_eq!(p.rig.machine.bus().system.cfsr, 1 << 18);
    });
}
