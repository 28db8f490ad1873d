//! Random programs on the built-in machines: nested exceptions of random priorities at odd times over floating
//! point, LDM/STM, IT blocks, table branches, faults, sleeps, code in RAM that changes itself, wait states. The
//! block-speed path, the single-step twin, and a run in random slices with snapshots between agree in everything.

#[path = "programs/assemble.rs"]
mod assemble;
#[path = "programs/device.rs"]
mod device;
#[path = "programs/generate.rs"]
mod generate;

use assemble::*;
use device::{DEVICE, Interrupter};
use emu_core::image::Image;
use emu_core::machine::{Machine, Options, Stop};
use emu_core::probe::{ProbeEvent, ProbeKind, ProbeMask};
use emu_core::{Binding, Cycles};
use generate::{FUNCTIONS, Frame, Piece, Program, program};
use harness::parts::Spec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::sync::{Arc, Mutex};

/// Where the code begins after the vector table.
const CODE: u32 = 0x200;
/// Where code in RAM is.
const IN_RAM: u32 = 0x2001_0000;

/// Code as it grows, with the places of functions in it.
#[derive(Default)]
struct Text {
    code: Vec<u16>,
    functions: Vec<usize>,
}

impl Text {
    fn put(&mut self, code: impl AsRef<[u16]>) {
        self.code.extend(code.as_ref());
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for p in pieces {
            match p {
                Piece::Code(_, c) => self.put(c),
                Piece::Call(n) => {
                    let call = branch(self.code.len(), self.functions[*n], true);
                    self.put(call);
                }
                Piece::Loop(count, body) => {
                    self.put([0x2700 | u16::from(*count)]); // movs r7
                    let top = self.code.len();
                    self.pieces(body);
                    self.put([0x3F01, 0xBF18]); // subs r7,#1; it ne
                    let back = branch(self.code.len(), top, false);
                    self.put(back);
                }
            }
        }
    }

    fn add_functions(&mut self, cond: u16) {
        let it = 0xBF08 | cond << 4;
        let all: [Vec<u16>; FUNCTIONS] = [
            vec![0x3001, 0x4770],
            vec![it, 0x4770, 0x3101, 0x4770], // bx<cond> lr
            // push {r0-r3,r5,lr}; cmp r0,r1; pop<cond> {..,pc}; muls r0,r1; pop {..,pc}
            vec![0xB52F, 0x4288, it, 0xBD2F, 0x4348, 0xBD2F],
            // push {lr}; ldr<cond> pc,[sp],#4; udiv r0,r0,r1; pop {pc}
            vec![0xB500, it, 0xF85D, 0xFB04, 0xFBB0, 0xF0F1, 0xBD00],
            // push {r4,lr}; vpush {s16-s20}; vadd s16,s1,s2; vdiv s3,s16,s4; vpop; pop {r4,pc}
            [
                vec![0xB510],
                wide(0xED2D_8A05),
                fp3(0xEE30_0A00, 16, 1, 2),
                fp3(0xEE80_0A00, 3, 16, 4),
                wide(0xECBD_8A05),
                vec![0xBD10],
            ]
            .concat(),
        ];
        for f in all {
            self.functions.push(self.code.len());
            self.put(f);
        }
    }

    fn handler(&mut self, frame: Frame, body: &[Piece]) -> usize {
        let at = self.code.len();
        let (before, after) = match frame {
            Frame::None => (vec![], vec![0x4770]),
            Frame::Low => (vec![0xB5F0], vec![0xBDF0]),
            Frame::All => (wide(0xE92D_4FF0), wide(0xE8BD_8FF0)),
            Frame::Float => (
                [vec![0xB5F0], wide(0xED2D_8A08)].concat(),
                [wide(0xECBD_8A08), vec![0xBDF0]].concat(),
            ),
        };
        self.put(before);
        self.pieces(body);
        self.put(after);
        at
    }

    fn prologue(&mut self, p: &Program) {
        self.put(load(4, DEVICE));
        self.put(load(6, 0x2000_0200));
        self.put(load(9, 0xE000_E000));
        let settings = [
            (0xD88, 0x00F0_0000),                            // CPACR
            (0xF34, p.fpccr),                                // FPCCR
            (0xD0C, 0x05FA_0000 | p.prigroup << 8),          // AIRCR
            (0xD1C, p.priorities[0]),                        // SHPR2
            (0xD20, p.priorities[1]),                        // SHPR3
            (0x400, p.priorities[2]),                        // IPR0
            (0x404, p.priorities[3]),                        // IPR1
            (0xD24, if p.faults { 0x0007_0000 } else { 0 }), // SHCSR
            (0x100, 0xFF),                                   // ISER0
            (0x14, p.systick),
            (0x18, 0),
            (0x10, 7),
        ];
        for (offset, value) in settings {
            self.put(load(0, value));
            self.put(str_w(0, 9, offset));
        }
        if p.psp {
            self.put(load(0, 0x2000_6000));
            self.put(msr(9, 0));
            self.put(movw(0, 2));
            self.put(msr(20, 0));
        }
        self.put(barrier());
        for (n, period) in p.periods.iter().enumerate() {
            self.put(movw(0, *period));
            self.put(str_w(0, 4, 0x10 + 4 * n as u32));
        }
    }
}

/// The vector table, and the code at `base`.
fn assemble(p: &Program, base: u32) -> (Vec<u8>, Vec<u8>) {
    let mut text = Text::default();
    text.add_functions(p.cond);
    // Faults: go on behind the instruction.
    let fault = text.code.len();
    text.put([0xF01E, 0x0F04, 0xBF0C]); // tst lr,#4; ite eq
    text.put(mrs(0, 8));
    text.put(mrs(0, 9));
    text.put([0x6981, 0x3102, 0x6181, 0x4770]); // ldr r1,[r0,#24]; adds r1,#2; str; bx lr
    let handlers: Vec<usize> = p
        .handlers
        .iter()
        .map(|(frame, body)| text.handler(*frame, body))
        .collect();
    let main = text.code.len();
    text.prologue(p);
    let top = text.code.len();
    text.pieces(&p.main);
    let back = branch(text.code.len(), top, false);
    text.put(back);

    let handler = |n: usize| match n {
        1 => main,
        11 => handlers[0],
        14 => handlers[1],
        15 => handlers[2],
        2..=10 | 12 | 13 => fault,
        _ => handlers[3 + n % 3],
    };
    let mut vectors = vec![0x2000_8000u32];
    vectors.extend((1..CODE as usize / 4).map(|n| (base + 2 * handler(n) as u32) | 1));
    let vectors = vectors.iter().flat_map(|w| w.to_le_bytes()).collect();
    let code = text.code.iter().flat_map(|h| h.to_le_bytes()).collect();
    (vectors, code)
}

/// A machine and where its code goes.
#[derive(Clone, Copy, Debug)]
struct Place {
    machine: &'static str,
    set: &'static [&'static str],
    flash: u32,
    /// Where the code is executed from.
    base: u32,
}

struct Run {
    machine: Machine,
    events: Arc<Mutex<Vec<ProbeEvent>>>,
}

fn run(p: &Program, place: &Place, single_step: bool) -> Run {
    let mut spec = Spec::load(place.machine, false).expect("built in");
    for s in place.set {
        spec.set(s, false).expect(s);
    }
    let (core, mut bus) = spec.build(1, false).expect("builds");
    let binding = Binding {
        name: "TEST".into(),
        base: DEVICE,
        size: 0x100,
        irqs: vec![Some(17), Some(18), Some(19)],
        ..Binding::default()
    };
    bus.add(binding, Box::new(Interrupter::default()));
    let events = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&events);
    let flush = move |mut e: Vec<ProbeEvent>| {
        into.lock().expect("events").append(&mut e);
        e
    };
    bus.probes.attach(ProbeMask::ALL, Box::new(flush));
    let mut machine = Machine::new(core, bus, Options { single_step }).expect("a machine");
    let (mut image, code) = assemble(p, place.base);
    if place.base != IN_RAM {
        image.extend(&code);
    }
    let image = Image::raw("random", place.flash, image).expect("an image");
    machine.load(&image).expect("loads");
    if place.base == IN_RAM {
        assert_eq!(machine.write_memory(IN_RAM, &code), code.len());
    }
    machine.reset();
    Run { machine, events }
}

impl Run {
    fn events(&mut self) -> Vec<ProbeEvent> {
        self.machine.bus_mut().probes.flush();
        std::mem::take(&mut self.events.lock().expect("events"))
    }
}

/// The instruction next to which hardware pended an exception is told apart from neighbours only as finely as the
/// boundaries that were looked at: it is left out of the comparison. All else is compared.
fn comparable(events: Vec<ProbeEvent>) -> Vec<ProbeEvent> {
    let strip = |e: ProbeEvent| match e.kind {
        ProbeKind::ExceptionPend { .. } => ProbeEvent { pc: 0, ..e },
        _ => e,
    };
    events.into_iter().map(strip).collect()
}

fn same(a: &mut Run, b: &mut Run, what: &str) -> Result<(), TestCaseError> {
    let (x, y) = (comparable(a.events()), comparable(b.events()));
    if let Some(i) = x.iter().zip(&y).position(|(x, y)| x != y) {
        prop_assert!(false, "{what}: event {i}: {:x?} and {:x?}", x[i], y[i]);
    }
    prop_assert_eq!(x.len(), y.len(), "{}: number of events", what);
    let (a, b) = (&a.machine, &b.machine);
    prop_assert_eq!(a.now(), b.now(), "{}: cycle", what);
    prop_assert_eq!(a.registers(), b.registers(), "{}", what);
    prop_assert_eq!(a.instructions(), b.instructions(), "{}: instructions", what);
    prop_assert!(a.state_hash() == b.state_hash(), "{what}: state");
    Ok(())
}

fn check(p: &Program, place: &Place, mut seed: u64) -> Result<(), TestCaseError> {
    let mut fast = run(p, place, false);
    let mut slow = run(p, place, true);
    let mut sliced = run(p, place, false);
    let mut at = 0;
    for limit in [700u64, 3000, 9001] {
        let a = fast.machine.run_until(Cycles(limit));
        let b = slow.machine.run_until(Cycles(limit));
        prop_assert_eq!(&a, &b, "twins at {}", limit);
        same(&mut fast, &mut slow, &format!("twins at {limit}"))?;
        if a != Stop::Limit {
            return Ok(());
        }
        // The third run: random slices, and now and then back to where it is. It is compared at the end, since
        // its snapshots end what the core had begun.
        while at < limit {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            at = (at + (seed >> 40) % 400 + 1).min(limit);
            let c = sliced.machine.run_until(Cycles(at));
            prop_assert_eq!(c, Stop::Limit, "slice at {}", at);
            if seed >> 33 & 7 == 0 {
                let snapshot = sliced.machine.snapshot();
                let before = sliced.machine.state_hash();
                sliced.machine.restore(&snapshot).expect("its own");
                prop_assert!(before == sliced.machine.state_hash(), "restored at {at}");
            }
        }
        sliced.events();
        prop_assert_eq!(
            sliced.machine.now(),
            fast.machine.now(),
            "sliced at {}",
            limit
        );
        prop_assert_eq!(
            sliced.machine.registers(),
            fast.machine.registers(),
            "sliced at {}",
            limit
        );
        prop_assert!(
            sliced.machine.state_hash() == fast.machine.state_hash(),
            "sliced at {limit}: state"
        );
    }
    Ok(())
}

const BARE: &[Place] = &[
    Place {
        machine: "cortex-m4f",
        set: &[],
        flash: 0,
        base: CODE,
    },
    Place {
        machine: "cortex-m4f",
        set: &["flash.wait_states=2"],
        flash: 0,
        base: 0x0800_0000 + CODE,
    },
    Place {
        machine: "cortex-m4f",
        set: &[],
        flash: 0,
        base: IN_RAM,
    },
    Place {
        machine: "cortex-m7",
        set: &[],
        flash: 0,
        base: CODE,
    },
    Place {
        machine: "cortex-m7",
        set: &["flash.wait_states=3"],
        flash: 0,
        base: 0x0800_0000 + CODE,
    },
    Place {
        machine: "cortex-m33",
        set: &[],
        flash: 0,
        base: CODE,
    },
    Place {
        machine: "cortex-m33",
        set: &["flash.wait_states=2"],
        flash: 0,
        base: CODE,
    },
];

const STM32: &[Place] = &[
    Place {
        machine: "stm32f407vg",
        set: &["flash.wait_states=5", "flash.icache=1"],
        flash: 0x0800_0000,
        base: 0x0800_0000 + CODE,
    },
    Place {
        machine: "stm32f407vg",
        set: &["flash.wait_states=3", "flash.prefetch=1"],
        flash: 0x0800_0000,
        base: 0x0800_0000 + CODE,
    },
    Place {
        machine: "stm32f407vg",
        set: &["flash.wait_states=7"],
        flash: 0x0800_0000,
        base: CODE,
    },
    Place {
        machine: "stm32f407vg",
        set: &["flash.wait_states=5", "flash.icache=1", "flash.prefetch=1"],
        flash: 0x0800_0000,
        base: IN_RAM,
    },
    // The interrupting device behind a slow bridge, whose clock never agrees with the core's.
    Place {
        machine: "stm32f407vg",
        set: &[
            "flash.wait_states=5",
            "flash.icache=1",
            "flash.dcache=1",
            "flash.prefetch=1",
            "bus.apb1.size=64K",
            "bus.apb1.clock=\"LSE\"",
            "LSE=3700kHz",
            "bus.apb1.read=2",
            "bus.apb1.write=3",
        ],
        flash: 0x0800_0000,
        base: 0x0800_0000 + CODE,
    },
];

/// Programs on which the twins once disagreed, or the engine crashed: `(program, (places, which), seed)`.
#[test]
fn known_cases() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("cases")
        .map(|e| e.expect("entry").path())
        .collect();
    files.sort();
    for file in files {
        let name = file
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if std::env::var("CASE").is_ok_and(|only| only != name) {
            continue;
        }
        eprintln!("{name}");
        let text = std::fs::read(&file).expect("a case");
        let (p, (places, which), seed): (Program, (String, usize), u64) =
            serde_json::from_slice(&text).expect(&name);
        let places = if places == "bare" { BARE } else { STM32 };
        if let Err(why) = check(&p, &places[which], seed) {
            panic!("{name}: {why}");
        }
    }
}

/// Every day the same few; others with PROPTEST_CASES.
fn config() -> ProptestConfig {
    let default = ProptestConfig {
        max_shrink_iters: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return default;
    }
    ProptestConfig {
        cases: 80,
        rng_seed: RngSeed::Fixed(7),
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn on_bare_cores(p in program(), place in prop::sample::select(BARE), seed in any::<u64>()) {
        check(&p, &place, seed)?;
    }

    #[test]
    fn on_an_stm32(p in program(), place in prop::sample::select(STM32), seed in any::<u64>()) {
        check(&p, &place, seed)?;
    }
}
