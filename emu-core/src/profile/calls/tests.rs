use super::*;
use crate::cortex_m::Architecture;
use crate::decode::Decoder;

const A: u32 = 0x100;
const B: u32 = 0x200;
const C: u32 = 0x300;
const D: u32 = 0x400;
const BL: [u16; 2] = [0xF000, 0xF800];
const BLX: [u16; 1] = [0x4798];
const BX: [u16; 1] = [0x4718];
const JUMP: [u16; 1] = [0xE7FE];
const POP_PC: [u16; 1] = [0xBD00];

struct Rig {
    decoder: Decoder,
    stack: Stack,
}

impl Rig {
    fn new() -> Rig {
        let functions = [A, B, C, D].map(|f| (f, f + 0x80));
        let mut stack = Stack::new(Functions::new(functions), 0);
        stack.ensure(A);
        Rig {
            decoder: Decoder::new(Architecture::V7M, false).expect("starts"),
            stack,
        }
    }

    fn go(&mut self, at: u32, code: &[u16], next: u32, sp: u32) {
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        let insn = self.decoder.one(at, &bytes);
        self.stack.transfer(&insn, next, sp);
        self.stack.ensure(next);
    }

    /// Functions from the root to what runs.
    fn path(&self) -> Vec<u32> {
        let (mut node, mut path) = (self.stack.node(), Vec::new());
        while node != 0 {
            let n = self.stack.tree.nodes[node];
            path.push(match n.origin {
                Origin::Exception(number) => u32::from(number),
                _ => n.function,
            });
            node = n.parent;
        }
        path.reverse();
        path
    }
}

#[test]
fn calls_and_returns_nest() {
    let mut r = Rig::new();
    r.go(A + 4, &BL, B, 0x1000);
    r.go(B + 8, &BLX, C, 0xFF0);
    assert_eq!(r.path(), [A, B, C]);
    r.go(C + 2, &BX, B + 10, 0xFF0);
    assert_eq!(r.path(), [A, B]);
    r.go(B + 10, &POP_PC, A + 8, 0x1000);
    assert_eq!(r.path(), [A]);
    // The same way again is the same nodes, entered twice.
    r.go(A + 4, &BL, B, 0x1000);
    let node = r.stack.tree.nodes[r.stack.node()];
    assert_eq!((node.entered, node.origin), (2, Origin::Call(A + 4)));
}

#[test]
fn recursion_returns_one_level_at_a_time() {
    let mut r = Rig::new();
    for depth in 0..3 {
        r.go(A + 4, &BL, A, 0x1000 - 8 * depth);
    }
    assert_eq!(r.path(), [A; 4]);
    r.go(A + 8, &BX, A + 8, 0x1000 - 16);
    assert_eq!(r.path(), [A; 3]);
}

#[test]
fn a_tail_call_takes_over_the_frame() {
    let mut r = Rig::new();
    r.go(A + 4, &BL, B, 0x1000);
    r.go(B + 8, &JUMP, C, 0x1000);
    assert_eq!(r.path(), [A, C]);
    r.go(C + 8, &BX, D, 0x1000);
    assert_eq!(r.path(), [A, D]);
    r.go(D + 2, &BX, A + 8, 0x1000);
    assert_eq!(r.path(), [A]);
}

#[test]
fn jump_tables_and_their_helpers_are_no_calls() {
    let mut r = Rig::new();
    r.go(A + 4, &BX, A + 0x20, 0x1000);
    r.go(A + 0x20, &BL, A + 0x40, 0x1000);
    assert_eq!(r.path(), [A]);
    // The helper returns behind its table.
    for _ in 0..3 {
        r.go(A + 0x40, &BL, B, 0x1000);
        r.go(B + 6, &BX, A + 0x60, 0x1000);
        assert_eq!(r.path(), [A]);
    }
}

#[test]
fn longjmp_goes_up_the_path() {
    let mut r = Rig::new();
    r.go(A + 4, &BL, B, 0x1000);
    r.go(B + 4, &BL, C, 0xFE0);
    r.go(C + 4, &BL, D, 0xFC0);
    // D is longjmp: it branches into A with A's stack pointer.
    r.go(D + 6, &BX, A + 0x10, 0x1000);
    assert_eq!(r.path(), [A]);
}

#[test]
fn exceptions_begin_paths_and_nest() {
    let mut r = Rig::new();
    r.go(A + 4, &BL, B, 0x1000);
    r.stack.enter(15, Some(0xFE0), B + 4);
    r.stack.ensure(C);
    assert_eq!(r.path(), [15, C]);
    r.stack.enter(3, Some(0xFA0), C + 4);
    r.stack.ensure(D);
    assert_eq!((r.path(), r.stack.exception()), (vec![3, D], 3));
    r.stack.leave(0xFA0, C + 4, 15);
    assert_eq!(r.path(), [15, C]);
    r.stack.enter(16, None, 0);
    r.stack.ensure(D);
    assert_eq!(r.path(), [16, D]);
    r.stack.leave(0xFE0, B + 4, 0);
    assert_eq!(r.path(), [A, B]);
}

#[test]
fn task_switches_return_to_their_own_paths() {
    let mut r = Rig::new();
    r.go(A + 4, &BL, B, 0x1000);
    r.stack.enter(14, Some(0xFE0), B + 4);
    // The first time of another task.
    r.stack.leave(0x2000, C, 0);
    r.stack.ensure(C);
    r.go(C + 4, &BL, D, 0x2020);
    assert_eq!(r.path(), [C, D]);
    r.stack.enter(14, Some(0x1FF0), D + 2);
    r.stack.leave(0xFE0, B + 4, 0);
    assert_eq!(r.path(), [A, B]);
    r.stack.enter(14, Some(0xFE0), B + 8);
    r.stack.leave(0x1FF0, D + 2, 0);
    assert_eq!(r.path(), [C, D]);
}

#[test]
fn coroutines_find_their_paths() {
    let mut r = Rig::new();
    // A calls the switch D, which begins C on another stack.
    r.go(A + 4, &BL, D, 0x1000);
    r.go(D + 6, &BX, C, 0x2000);
    assert_eq!(r.path(), [C]);
    r.go(C + 4, &BL, D, 0x1FF0);
    r.go(D + 6, &POP_PC, A + 8, 0x1000);
    assert_eq!(r.path(), [A]);
    r.go(A + 0x10, &BL, D, 0x1000);
    r.go(D + 6, &POP_PC, C + 8, 0x1FF0);
    assert_eq!(r.path(), [C]);
}

#[test]
fn deep_recursion_is_bounded() {
    let mut r = Rig::new();
    for depth in 0..100_000u32 {
        r.go(A + 4, &BL, A, 0x10_0000 - depth);
    }
    assert!(r.stack.tree.nodes.len() < 2 * MAX_DEPTH);
    assert!(r.stack.path.frames.len() <= MAX_FRAMES);
}
