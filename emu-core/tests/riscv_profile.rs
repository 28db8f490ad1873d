//! Profiles of the RV32 core: instructions, traps and call paths, the same in both twins.
#![allow(clippy::unwrap_used)]

mod riscv_rig;
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};
use emu_core::profile::{Functions, Origin, Profile};
use riscv_rig::*;

const F: u32 = 0x100;
const G: u32 = 0x200;
const HANDLER: u32 = 0x300;
const ECALL: u32 = 0x73;
const MRET: u32 = 0x3020_0073;
const MEPC: u32 = 0x341;

/// Main calls F ten times, which calls G; G traps into the handler, which goes on behind the ECALL.
fn program() -> Vec<u8> {
    let at = |code: &mut Vec<u32>, address: u32| code.resize(address as usize / 4, NOP);
    let mut code = vec![
        lui(2, RAM),
        addi(2, 2, 0x400),
        lui(5, FLASH),
        addi(5, 5, HANDLER as i32),
        csr(1, 0, MTVEC, 5),
        addi(8, 0, 10),
        jal(1, F as i32 - 6 * 4),
        addi(8, 8, -1),
        branch(1, 8, 0, -8),
        LOOP,
    ];
    at(&mut code, F);
    code.extend([
        addi(2, 2, -16),
        store(2, 1, 2, 0),
        jal(1, (G - F) as i32 - 8),
        load(2, 1, 2, 0),
        addi(2, 2, 16),
        RET,
    ]);
    at(&mut code, G);
    code.extend([r(1, 4, 10, 8, 8), ECALL, addi(10, 10, 1), RET]);
    at(&mut code, HANDLER);
    code.extend([csr(2, 6, MEPC, 0), addi(6, 6, 4), csr(1, 0, MEPC, 6), MRET]);
    bytes(&code)
}

fn profile(kind: CoreKind, single_step: bool) -> Profile {
    let mut rig = Rig::new(kind, single_step, &program());
    let functions = [(0, F), (F, G), (G, HANDLER), (HANDLER, HANDLER + 0x100)];
    let functions = functions.map(|(from, to)| (FLASH + from, FLASH + to));
    rig.machine.enable_profile(Functions::new(functions));
    assert_eq!(rig.machine.run_until(Cycles(3000)), Stop::Limit);
    let p = rig.machine.profile().unwrap();
    let now = rig.machine.now().0;
    assert_eq!((p.sum(), p.cycles), (now, now));
    assert_eq!(p.executed(), rig.machine.instructions());
    p
}

#[test]
fn call_paths_go_through_calls_and_traps() {
    for kind in [CoreKind::E31, CoreKind::Rv32, CoreKind::Bumblebee] {
        let p = profile(kind, false);
        assert!(p == profile(kind, true), "{kind:?}: the twins");
        // Callers of each function, from the root.
        let nodes = &p.calls.nodes;
        let path = |function: u32| {
            let mut all = nodes
                .iter()
                .filter(|n| n.function == function && n.entered > 0);
            let found = all.next().unwrap();
            assert!(all.next().is_none(), "{kind:?}: one path to {function:#x}");
            let mut callers = Vec::new();
            let mut node = found;
            while node.origin != Origin::Root {
                callers.push(match node.origin {
                    Origin::Exception(n) => u32::from(n),
                    _ => node.function - FLASH,
                });
                node = &nodes[node.parent];
            }
            (callers, found.entered, found.instructions)
        };
        assert_eq!(path(FLASH + F), (vec![F, 0], 10, 60), "{kind:?}");
        assert_eq!(path(FLASH + G), (vec![G, F, 0], 10, 30), "{kind:?}");
        // ECALL from machine mode is exception 11.
        assert_eq!(path(FLASH + HANDLER), (vec![HANDLER, 11], 10, 40));
        assert_eq!(p.exceptions[&11].times, 10);
    }
}

#[test]
fn a_stall_shows_at_the_instruction_whose_result_is_awaited() {
    let code = [lui(9, RAM), load(0, 10, 9, 0), addi(11, 10, 1), LOOP];
    let mut rig = Rig::new(CoreKind::E31, false, &bytes(&code));
    rig.machine.enable_profile(Functions::default());
    rig.machine.run_until(Cycles(100));
    let p = rig.machine.profile().unwrap();
    let cycles = |n: u32| p.instructions[&(FLASH + 4 * n)].cycles;
    // LB has its result after three cycles.
    assert_eq!([cycles(0), cycles(1), cycles(2)], [1, 3, 1]);
}
