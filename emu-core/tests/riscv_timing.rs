//! RV32 timing through the whole core: sequences between two reads of mcycle, traps, wake-up; both twins.
#![allow(clippy::unwrap_used)]

mod riscv_rig;
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};
use riscv_rig::*;

const A0: u32 = 10;
const A1: u32 = 11;
const A2: u32 = 12;
const A3: u32 = 13;

/// Cycles from the first read of mcycle to the second, with `body` between; `before` runs first.
fn between(kind: CoreKind, before: &[u32], body: &[u32]) -> u32 {
    let mut code = vec![lui(9, RAM)];
    code.extend(before);
    // Nothing is awaited any more.
    code.extend([NOP; 40]);
    code.push(csr(2, 28, MCYCLE, 0));
    code.extend(body);
    code.push(csr(2, 29, MCYCLE, 0));
    code.push(LOOP);
    let run = |single_step| {
        let mut rig = Rig::new(kind, single_step, &bytes(&code));
        assert_eq!(rig.machine.run_until(Cycles(2000)), Stop::Limit);
        let (ledger, now) = (rig.machine.ledger(), rig.machine.now());
        let parts = [
            ledger.exact,
            ledger.measured,
            ledger.estimate,
            ledger.exceptions,
            ledger.sleep,
        ];
        assert_eq!(parts.iter().sum::<u64>(), now.0, "the parts are the whole");
        let instructions = parts[..3].iter().sum::<u64>();
        assert_eq!(ledger.kinds.iter().sum::<u64>(), instructions, "by kind");
        rig.x(29).wrapping_sub(rig.x(28))
    };
    let (fast, slow) = (run(false), run(true));
    assert_eq!(fast, slow);
    fast
}

fn e31(body: &[u32]) -> u32 {
    between(CoreKind::E31, &[], body)
}

fn mul(rd: u32) -> u32 {
    r(1, 0, rd, A2, A3)
}

#[test]
fn e31_issues_one_a_cycle() {
    assert_eq!(e31(&[]), 1);
    assert_eq!(e31(&[NOP; 10]), 11);
    assert_eq!(e31(&[addi(A0, A0, 1); 10]), 11, "bypassed");
}

#[test]
fn e31_results_of_loads_and_csrs_are_late() {
    let use_a0 = addi(A1, A0, 1);
    let lw = load(2, A0, 9, 0);
    assert_eq!(e31(&[lw, use_a0]), 4, "LW: one cycle lost");
    assert_eq!(e31(&[lw, NOP, use_a0]), 4);
    for f in [0, 1, 4, 5] {
        assert_eq!(e31(&[load(f, A0, 9, 0), use_a0]), 5, "two lost");
    }
    assert_eq!(e31(&[csr(2, A0, 0x340, 0), use_a0]), 5);
    assert_eq!(e31(&[lw, addi(A0, 0, 1)]), 4, "write after write");
    assert_eq!(e31(&[lw, store(2, A0, 9, 4)]), 4);
}

/// What a sequence adds to the ledger's kinds: issue, refill, stall, wait.
fn kinds(kind: CoreKind, body: &[u32]) -> [u64; 4] {
    let run = |body: &[u32]| {
        let mut code = vec![lui(9, RAM)];
        code.extend([NOP; 10]);
        code.extend(body);
        code.push(LOOP);
        let both = [false, true].map(|single_step| {
            let mut rig = Rig::new(kind, single_step, &bytes(&code));
            let last = FLASH + 4 * (code.len() as u32 - 1);
            rig.machine.add_breakpoint(last);
            assert_eq!(rig.machine.run_until(Cycles(2000)), Stop::Breakpoint);
            rig.machine.ledger().kinds
        });
        assert_eq!(both[0], both[1]);
        both[0]
    };
    let (with, without) = (run(body), run(&[]));
    std::array::from_fn(|i| with[i] - without[i])
}

#[test]
fn cycles_are_told_by_kind() {
    let e31 = |body: &[u32]| kinds(CoreKind::E31, body);
    let rv32 = |body: &[u32]| kinds(CoreKind::Rv32, body);
    let use_a0 = addi(A1, A0, 1);
    assert_eq!(e31(&[NOP; 10]), [10, 0, 0, 0]);
    // The last instruction's own cost shows at its successor.
    assert_eq!(e31(&[load(2, A0, 9, 0), use_a0, NOP]), [3, 0, 1, 0]);
    assert_eq!(e31(&[mul(A0), mul(A1), NOP]), [3, 0, 5, 0]);
    assert_eq!(e31(&[csr(1, 0, 0x340, A0), NOP]), [2, 5, 0, 0]);
    assert_eq!(e31(&[jal(0, 4), NOP]), [2, 3, 0, 0], "not foreseen");
    assert_eq!(rv32(&[jal(0, 4), NOP]), [2, 2, 0, 0]);
    assert_eq!(rv32(&[r(1, 4, A0, A2, A3), use_a0, NOP]), [3, 0, 32, 0]);
}

#[test]
fn e31_multiplier() {
    assert_eq!(e31(&[mul(A0)]), 2, "nobody waits for it");
    assert_eq!(e31(&[mul(A0), addi(A1, A0, 1)]), 7, "result after 5");
    assert_eq!(e31(&[mul(A0), mul(A1)]), 8, "the unit after 6");
    assert_eq!(e31(&[mul(A0), NOP, NOP, NOP, NOP, NOP, mul(A1)]), 8);
    assert_eq!(e31(&[mul(A0); 10]), 9 * 6 + 2);
}

#[test]
fn e31_divider_by_operands() {
    let set = |n: i32, d: i32| [addi(A2, 0, n), addi(A3, 0, d)];
    let div = r(1, 4, A0, A2, A3);
    let divu = r(1, 5, A0, A2, A3);
    let use_a0 = addi(A1, A0, 1);
    for (n, d, insn, latency) in [
        (1, 2, div, 2),
        (5, 5, div, 3),
        (1000, 10, div, 9),
        (-1000, 10, div, 9),
        (-1, 1, divu, 33),
        (7, 0, div, 33),
    ] {
        let c = between(CoreKind::E31, &set(n, d), &[insn, use_a0]);
        assert_eq!(c, 1 + latency + 1, "{n} / {d}");
        // The operands are there at the block's entry, at its end, or only at the instruction.
        let late = [NOP, addi(A2, A2, 0), insn, use_a0];
        assert_eq!(between(CoreKind::E31, &set(n, d), &late), c + 2);
        let overwritten = [addi(A2, A2, 0), insn, addi(A1, A0, 1), addi(A2, 0, 3)];
        assert_eq!(between(CoreKind::E31, &set(n, d), &overwritten), c + 2);
    }
}

#[test]
fn e31_csr_writes_flush() {
    let write = csr(1, 0, 0x340, A0);
    assert_eq!(e31(&[write]), 7);
    assert_eq!(e31(&[write, write]), 13);
    assert_eq!(e31(&[csr(2, A0, 0x340, 0)]), 2, "a read does not");
}

#[test]
fn e31_predicts_what_it_has_seen() {
    // A jump to the next instruction but one, run twice by a loop: the second time it is known.
    let round = |n: i32| {
        [
            addi(A0, 0, n),
            jal(0, 8),
            NOP,
            addi(A0, A0, -1),
            branch(1, A0, 0, -12),
        ]
    };
    // Cold: jump 4, loop branch 4 when taken and not known, 1 when not taken.
    assert_eq!(e31(&round(1)), 1 + 1 + 4 + 1 + 1);
    // The jump is known then. The branch is too, but its history says that it was not taken after one that was.
    assert_eq!(e31(&round(2)), 1 + 1 + 4 + 1 + 4 + 1 + 1 + 1);
    assert_eq!(e31(&round(3)), 14 + 3 + 3, "foreseen as not taken, and was");
    // A long loop settles at one cycle for each instruction.
    let (long, longer) = (e31(&round(100)), e31(&round(150)));
    assert_eq!(longer - long, 50 * 3, "jump, add and branch, all foreseen");
}

#[test]
fn e31_calls_and_returns_are_foreseen_in_pairs() {
    // A loop that calls a function at its end: after some rounds every transfer is known.
    let code = |n: i32| {
        vec![
            addi(A0, 0, n),
            jal(1, 16),
            addi(A0, A0, -1),
            branch(1, A0, 0, -8),
            jal(0, 8),
            RET,
        ]
    };
    let (a, b) = (e31(&code(100)), e31(&code(200)));
    assert_eq!(b - a, 100 * 4);
}

#[test]
fn generic_core_has_no_prediction() {
    let rv32 = |body: &[u32]| between(CoreKind::Rv32, &[], body);
    assert_eq!(rv32(&[NOP; 10]), 11);
    assert_eq!(rv32(&[jal(0, 4)]), 4, "one, and two to refill");
    assert_eq!(rv32(&[branch(1, 0, 0, 8), NOP]), 3, "not taken");
    assert_eq!(rv32(&[load(2, A0, 9, 0), addi(A1, A0, 1)]), 4);
    let bumblebee = |body: &[u32]| between(CoreKind::Bumblebee, &[], body);
    assert_eq!(bumblebee(&[jal(0, 4)]), 3);
}

/// The cycle at which the handler's first instruction executes, and the one at which the line rose.
fn interrupt(kind: CoreKind, single_step: bool, main: &[u32], delay: i32) -> (u64, u64) {
    let handler = 0x400u32;
    let mut code = vec![
        lui(8, DEVICE),
        lui(9, RAM),
        lui(5, FLASH),
        addi(5, 5, handler as i32),
        csr(1, 0, MTVEC, 5),
        lui(5, 0x1000),
        addi(5, 5, -2048),
        csr(1, 0, MIE, 5),
        csr(6, 0, MSTATUS, 8),
        addi(5, 0, delay),
        addi(6, 0, 1000),
        load(2, A0, 8, 0),
        store(2, 5, 8, 4),
    ];
    code.extend(main);
    code.resize(handler as usize / 4, NOP);
    // The handler's first instruction is the device's log: its cycle is seen there.
    code.extend([store(2, A0, 8, 8), store(2, 0, 8, 4), LOOP]);
    let mut rig = Rig::new(kind, single_step, &bytes(&code));
    assert_eq!(rig.machine.run_until(Cycles(3000)), Stop::Limit);
    let log = rig.log();
    let (at, clock) = log[0];
    // The clock was read one cycle before the store that set the timer.
    (at, u64::from(clock) + 1 + delay as u64)
}

#[test]
fn interrupt_entry() {
    for single_step in [false, true] {
        for (kind, entry) in [
            (CoreKind::E31, 6),
            (CoreKind::Rv32, 4),
            (CoreKind::Bumblebee, 4),
        ] {
            for delay in 20..30 {
                let (at, line) = interrupt(kind, single_step, &[NOP; 100], delay);
                assert_eq!(at - line, entry, "{kind:?}");
                // A division in flight does not hold it up, but its result would.
                let divide = [r(1, 5, A1, 6, 9); 20];
                let (at, line) = interrupt(kind, single_step, &divide, delay);
                assert_eq!(at - line, entry, "{kind:?} while dividing");
            }
        }
    }
}

#[test]
fn a_sleeping_core_wakes_for_an_interrupt_as_fast() {
    for single_step in [false, true] {
        let (at, line) = interrupt(CoreKind::E31, single_step, &[WFI, NOP, NOP], 500);
        assert_eq!(at - line, 6);
    }
}

#[test]
fn a_handler_that_traps_for_ever_is_reported() {
    for single_step in [false, true] {
        // mtvec is still zero, where nothing is.
        let mut rig = Rig::new(CoreKind::Rv32, single_step, &bytes(&[NOP, 0xFFFF_FFFF]));
        let Stop::Lockup(text) = rig.machine.run_until(Cycles(1000)) else {
            panic!("no lockup");
        };
        assert!(
            text.contains("mtvec was never set") && text.contains("access fault"),
            "{text}"
        );
    }
}

#[test]
fn counters_are_exact_at_the_instruction_that_reads_them() {
    for single_step in [false, true] {
        let code = bytes(&[
            lui(8, DEVICE),
            csr(2, A0, MCYCLE, 0),
            load(2, A1, 8, 0),
            csr(2, A2, CYCLE, 0),
            csr(2, A3, 0xB02, 0),
            LOOP,
        ]);
        let mut rig = Rig::new(CoreKind::E31, single_step, &code);
        rig.machine.run_until(Cycles(100));
        assert_eq!([10, 11, 12, 13].map(|n| rig.x(n)), [2, 3, 4, 4]);
    }
}
