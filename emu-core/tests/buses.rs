//! Buses around the core, with exact cycles: bridges, the single-cycle I/O port, DMA beside the core, memory that
//! carries no code. Each in block mode and in single steps.
#![allow(clippy::unwrap_used)]

mod common;
use common::{code, rig_with, vectors};
use emu_core::machine::{CoreKind, Stop};
use emu_core::memory::MemoryKind;
use emu_core::{Binding, Bridge, Bus, Ctx, Cycles, Device, Ports, Ratio, Width};
use serde::{Deserialize, Serialize};

const MAIN: u32 = 0x200;
const HANDLER: u32 = 0x400;
/// str r0,[r4,#8]: the log.
const LOG: u16 = 0x60A0;
/// ldr r1,[r4,#4]: a load that returns zero.
const LOAD: u16 = 0x6861;
const NOP: u16 = 0xBF00;

/// A bus at this many MHz (the core has 100) with the device behind it.
fn bridge(mhz: u64, read: u32, write: u32, posted: bool) -> impl Fn(&mut Bus) {
    move |bus| {
        let clock = bus.clocks.add("PCLK", Ratio::hz(mhz * 1_000_000));
        bus.add_bridge(Bridge {
            name: "apb".into(),
            base: 0x4000_0000,
            size: 0x1_0000,
            clock,
            read,
            write,
            posted,
        });
    }
}

/// Cycles between the log writes of a program; r4 is the device.
fn gaps(kind: CoreKind, program: &[u16], set_up: impl Fn(&mut Bus)) -> Vec<u64> {
    let mut main = vec![0x2401, 0x07A4, NOP, NOP];
    main.extend(program);
    main.push(0xE7FE);
    let segments = [(0, vectors(MAIN, HANDLER, &[])), (MAIN, code(&main))];
    let mut both = Vec::new();
    for single_step in [false, true] {
        let mut r = rig_with(kind, single_step, &segments, &set_up);
        assert_eq!(r.machine.run_until(Cycles(3000)), Stop::Limit);
        let ledger = r.machine.ledger();
        assert_eq!(
            ledger.kinds.iter().sum::<u64>(),
            ledger.exact + ledger.measured + ledger.estimate,
            "every cycle has a kind and a provenance"
        );
        let log = r.log.lock().unwrap();
        both.push((
            log.windows(2).map(|w| w[1].0 - w[0].0).collect::<Vec<_>>(),
            ledger,
        ));
    }
    assert_eq!(both[0], both[1], "block mode and single steps");
    both.swap_remove(0).0
}

#[test]
fn without_a_bridge_stores_follow_each_other() {
    let p = [LOG; 4];
    assert_eq!(gaps(CoreKind::CortexM3, &p, |_| {}), [1, 1, 1]);
    assert_eq!(gaps(CoreKind::CortexM0, &p, |_| {}), [2, 2, 2]);
}

#[test]
fn buffered_stores_wait_for_the_one_before_only() {
    // Two periods for each (setup and access), at the core's own clock: one store in two cycles. This is the 18 MHz
    // that DS5319 gives for a pin of an STM32F103 at 72 MHz: an edge every two cycles.
    let apb = bridge(100, 2, 2, true);
    assert_eq!(gaps(CoreKind::CortexM3, &[LOG; 5], &apb), [2, 2, 2, 2]);
    let spaced = [LOG, NOP, LOG, NOP, NOP, LOG];
    assert_eq!(gaps(CoreKind::CortexM3, &spaced, &apb), [2, 3]);
}

#[test]
fn a_slow_bus_spreads_stores_by_its_periods() {
    // A quarter of the clock: a store is taken over every eight cycles.
    let apb = bridge(25, 2, 2, true);
    let all = gaps(CoreKind::CortexM3, &[LOG; 5], &apb);
    assert_eq!(all[1..], [8, 8, 8]);
}

#[test]
fn a_load_waits_for_its_data() {
    // log; load; log: 1 + 2 without a bridge (a load is not pipelined with a store behind it here: other base use).
    let p = [LOG, NOP, NOP, NOP, NOP, LOAD, NOP, LOG];
    let direct = gaps(CoreKind::CortexM3, &p, |_| {});
    let same_clock = gaps(CoreKind::CortexM3, &p, bridge(100, 2, 2, true));
    assert_eq!(same_clock[0], direct[0] + 1);
    let free = gaps(CoreKind::CortexM3, &p, bridge(100, 0, 0, true));
    assert_eq!(free, direct, "zero periods: no bridge");
}

#[test]
fn a_load_on_a_slow_bus_waits_for_its_edges() {
    // The core is in step with the bus behind the first load: each loop of one load and NOPs up to a multiple of
    // the period then costs whole periods.
    let p = [LOG, LOAD, LOG, LOAD, LOG, LOAD, LOG];
    let apb = gaps(CoreKind::CortexM3, &p, bridge(25, 2, 2, true));
    // A load and a buffered store: four periods of four cycles.
    assert_eq!(apb[1..], [16, 16]);
}

#[test]
fn unbuffered_stores_hold_the_core() {
    // RP2040 datasheet 2.1.4: three cycles for a load and four for a store at the system clock; on Cortex-M0+ 1 + 3
    // and 1 + 4.
    let apb = bridge(100, 3, 4, false);
    assert_eq!(gaps(CoreKind::CortexM0plus, &[LOG; 3], &apb), [5, 5]);
    let p = [LOG, LOAD, LOG];
    assert_eq!(gaps(CoreKind::CortexM0plus, &p, &apb), [5 + 4]);
}

#[test]
fn the_io_port_takes_one_cycle() {
    // DDI 0484C table 3-1, note: 1 for accesses to the single-cycle I/O port, else 2.
    let port = |bus: &mut Bus| bus.set_io_port(0x4000_0000, 0x1000);
    let p = [LOG, LOG, LOAD, LOG, NOP, LOG];
    assert_eq!(gaps(CoreKind::CortexM0plus, &p, port), [1, 2, 2]);
    assert_eq!(gaps(CoreKind::CortexM0plus, &p, |_| {}), [2, 4, 3]);
    assert_eq!(
        gaps(CoreKind::CortexM0, &p, port),
        [2, 4, 3],
        "Cortex-M0 has none"
    );
    // A load from RAM takes two all the same: ldr r1,[r6,#4], r6 = 0x2000_0000.
    let p = [0x2601, 0x0776, LOG, 0x6871, LOG];
    assert_eq!(gaps(CoreKind::CortexM0plus, &p, port), [3]);
}

/// Moves a word in RAM every ten cycles.
#[derive(Serialize, Deserialize)]
struct Mover;

impl Device for Mover {
    fn ports(&self) -> Ports {
        Ports::default()
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        ctx.schedule_in(0, 40);
    }
    fn read(&mut self, _: u32, _: Width, _: &mut Ctx<'_>) -> u32 {
        0
    }
    fn write(&mut self, _: u32, _: Width, _: u32, _: &mut Ctx<'_>) {}
    fn event(&mut self, _: u32, ctx: &mut Ctx<'_>) {
        ctx.bus_read(0x2000_0100, Width::Word).unwrap();
        ctx.schedule_in(0, 10);
    }
    emu_core::device_state!();
}

#[test]
fn dma_takes_the_cycles_that_it_is_told_to() {
    let mover = |steals: u32| {
        move |bus: &mut Bus| {
            bus.set_memory_parameter("bus.dma_steals", steals);
            let binding = Binding {
                name: "DMA".into(),
                base: 0x4002_0000,
                size: 0x400,
                ..Binding::default()
            };
            bus.add(binding, Box::new(Mover));
        }
    };
    let mut p = vec![LOG];
    p.extend([NOP; 199]);
    p.push(LOG);
    assert_eq!(gaps(CoreKind::CortexM3, &p, mover(0)), [200]);
    // The accesses are in cycles 40, 50, 60 ...; the first log write is a few cycles from zero, the last 200 and what
    // was taken later: 19 accesses up to cycle 220, or 33 up to 360.
    assert_eq!(gaps(CoreKind::CortexM3, &p, mover(1)), [200 + 19]);
    assert_eq!(gaps(CoreKind::CortexM3, &p, mover(5)), [200 + 5 * 33]);
}

#[test]
fn memory_that_carries_no_code_faults_when_it_is_executed() {
    const CCM: u32 = 0x1000_0000;
    // ldr r0,=CCM+0x11; bx r0
    let main = [0x4801, 0x4700, NOP, NOP, 0x0011, 0x1000];
    let segments = [
        (0, vectors(MAIN, HANDLER, &[])),
        (MAIN, code(&main)),
        (HANDLER, code(&[0xE7FE])),
    ];
    for (data_only, cfsr) in [(false, 0), (true, 0x100)] {
        let mut r = rig_with(CoreKind::CortexM4, false, &segments, |bus| {
            bus.memory.add("ccm", MemoryKind::Ram, CCM, 0x1000);
            bus.memory.store(CCM + 0x10, Width::Half, 0xE7FE);
            if data_only {
                bus.memory.set_data_only("ccm");
            }
        });
        r.machine.run_until(Cycles(300));
        assert_eq!(r.machine.bus().system.cfsr, cfsr, "IBUSERR");
        let pc = r.machine.registers().r[15];
        assert_eq!(pc, if data_only { HANDLER } else { CCM + 0x10 });
    }
}
