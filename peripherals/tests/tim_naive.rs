//! The lazily computed timer against one that is simulated tick by tick, on random programs.
#![allow(clippy::unwrap_used)]

mod tim_rig;

use proptest::prelude::*;
use tim_rig::Rig;

const TIM: u32 = 0x4000_0000;
const IRQ: u16 = 16 + 28;
const CHANNELS: usize = 2;

const CR1: u32 = 0x00;
const DIER: u32 = 0x0C;
const SR: u32 = 0x10;
const EGR: u32 = 0x14;
const CCMR1: u32 = 0x18;
const CCER: u32 = 0x20;
const CNT: u32 = 0x24;
const PSC: u32 = 0x28;
const ARR: u32 = 0x2C;
const RCR: u32 = 0x30;
const CCR1: u32 = 0x34;
const CCR2: u32 = 0x38;

/// RM0090's counter and compare logic, one kernel tick at a time.
#[derive(Default)]
struct Naive {
    cr1: u32,
    dier: u32,
    sr: u32,
    ccmr: [u32; CHANNELS],
    ccer: [u32; CHANNELS],
    cnt: u32,
    down: bool,
    psc: (u32, u32),
    arr: (u32, u32),
    rcr: u32,
    rep: u32,
    ccr: [(u32, u32); CHANNELS],
    latched: [bool; CHANNELS],
    prescaler: u32,
    delay: u32,
}

impl Naive {
    fn new() -> Naive {
        Naive {
            arr: (0xFFFF, 0xFFFF),
            ..Naive::default()
        }
    }

    fn centre(&self) -> bool {
        self.cr1 & 0x60 != 0
    }

    fn ends(&mut self) {
        if self.centre() {
            if self.cnt == 0 {
                self.down = false;
            } else if self.cnt == self.arr.1 {
                self.down = true;
            }
        }
    }

    fn update(&mut self) {
        self.rep = self.rcr;
        self.psc.1 = self.psc.0;
        self.arr.1 = self.arr.0;
        for i in 0..CHANNELS {
            if self.ccmr[i] & 8 != 0 {
                self.ccr[i].1 = self.ccr[i].0;
            }
        }
        self.sr |= 1;
        if self.cr1 & 8 != 0 {
            self.cr1 &= !1;
        }
    }

    fn matched(&mut self, i: usize, flag: bool) {
        match self.ccmr[i] >> 4 & 7 {
            1 => self.latched[i] = true,
            2 => self.latched[i] = false,
            3 => self.latched[i] = !self.latched[i],
            _ => {}
        }
        if flag {
            self.sr |= 2 << i;
        }
    }

    fn tick(&mut self) {
        if self.cr1 & 1 == 0 {
            return;
        }
        if self.delay > 0 {
            self.delay -= 1;
            return;
        }
        self.prescaler += 1;
        if self.prescaler <= self.psc.1 {
            return;
        }
        self.prescaler = 0;
        let arr = self.arr.1;
        if arr == 0 {
            return;
        }
        let was_down = self.down;
        // (turning point, overflow)
        let (mut turn, mut beyond) = (false, false);
        if self.centre() {
            if self.down {
                self.cnt -= 1;
                turn = self.cnt == 0;
            } else {
                self.cnt = (self.cnt + 1) & 0xFFFF;
                turn = self.cnt == arr;
                beyond = turn;
            }
            if turn {
                self.down = !self.down;
            }
        } else if self.down {
            if self.cnt == 0 {
                (turn, beyond) = (true, true);
            }
            self.cnt = if turn { arr } else { self.cnt - 1 };
        } else if self.cnt == arr {
            (turn, beyond) = (true, true);
            self.cnt = 0;
        } else {
            self.cnt = (self.cnt + 1) & 0xFFFF;
        }
        if beyond {
            for i in 0..CHANNELS {
                if self.ccr[i].1 > arr {
                    self.sr |= 2 << i;
                }
            }
        }
        if turn && self.cr1 & 2 == 0 {
            if self.rep > 0 {
                self.rep -= 1;
            } else {
                self.update();
                if was_down && !self.centre() {
                    self.cnt = self.arr.1;
                }
                self.ends();
            }
        }
        let wrapped = self.cnt == 0 && !was_down;
        let flag = turn
            || wrapped
            || match self.cr1 >> 5 & 3 {
                1 => was_down,
                2 => !was_down,
                _ => true,
            };
        for i in 0..CHANNELS {
            if self.ccr[i].1 == self.cnt {
                self.matched(i, flag);
            }
        }
    }

    fn reference(&self, i: usize) -> bool {
        let pwm = if self.down {
            self.cnt <= self.ccr[i].1
        } else {
            self.cnt < self.ccr[i].1
        };
        match self.ccmr[i] >> 4 & 7 {
            4 => false,
            5 => true,
            6 => pwm,
            7 => !pwm,
            _ => self.latched[i],
        }
    }

    fn output(&self, i: usize) -> bool {
        self.ccer[i] & 1 != 0 && self.reference(i) != (self.ccer[i] & 2 != 0)
    }

    fn write(&mut self, reg: u32, v: u32) {
        match reg {
            CR1 => {
                if v & !self.cr1 & 1 != 0 {
                    self.delay = 1;
                }
                let was_centre = self.centre();
                self.cr1 = v & 0xFF;
                if !(was_centre && self.centre()) {
                    self.down = v & 0x10 != 0;
                }
                if v & 0x80 == 0 {
                    self.arr.1 = self.arr.0;
                }
                self.ends();
            }
            DIER => self.dier = v,
            SR => self.sr &= v,
            EGR if v & 1 != 0 => {
                if self.cr1 & 2 == 0 {
                    let uif = self.sr & 1;
                    self.update();
                    if self.cr1 & 4 != 0 {
                        self.sr = self.sr & !1 | uif;
                    }
                }
                self.prescaler = 0;
                self.cnt = if self.down && !self.centre() {
                    self.arr.1
                } else {
                    0
                };
                self.ends();
                for i in 0..CHANNELS {
                    if self.ccr[i].1 == self.cnt {
                        self.matched(i, true);
                    }
                }
            }
            CCMR1 => {
                for i in 0..CHANNELS {
                    self.latched[i] = self.reference(i);
                    self.ccmr[i] = v >> (8 * i) & 0x78;
                    if self.ccmr[i] & 8 == 0 {
                        self.ccr[i].1 = self.ccr[i].0;
                    }
                }
            }
            CCER => {
                for i in 0..CHANNELS {
                    self.ccer[i] = v >> (4 * i) & 3;
                }
            }
            CNT => {
                self.cnt = v;
                self.ends();
            }
            PSC => self.psc.0 = v,
            ARR => {
                self.arr.0 = v;
                if self.cr1 & 0x80 == 0 {
                    self.arr.1 = v;
                    self.ends();
                }
            }
            RCR => self.rcr = v,
            CCR1 | CCR2 => {
                let i = (reg - CCR1) as usize / 4;
                self.ccr[i].0 = v;
                if self.ccmr[i] & 8 == 0 {
                    self.ccr[i].1 = v;
                }
            }
            _ => {}
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Write(u32, u32),
    Look,
}

/// Small numbers, so that everything happens often; now and then a large one.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0u32..12, 1 => 0u32..200, 1 => 0xFFF8u32..=0xFFFF]
}

fn op() -> impl Strategy<Value = Op> {
    let mode = prop_oneof![Just(0u32), Just(0x10), Just(0x20), Just(0x40), Just(0x60)];
    let flag = |on: u32, n: u32| prop_oneof![n => Just(0u32), 1 => Just(on)];
    let cr1 = (mode, flag(2, 5), flag(4, 3), flag(8, 5), flag(0x80, 1))
        .prop_map(|(m, a, b, c, d)| Op::Write(CR1, 1 | m | a | b | c | d));
    let modes = (0u32..8, 0u32..8, any::<bool>(), any::<bool>()).prop_map(|(a, b, p, q)| {
        let byte = |m: u32, p: bool| m << 4 | u32::from(p) << 3;
        Op::Write(CCMR1, byte(a, p) | byte(b, q) << 8)
    });
    prop_oneof![
        4 => cr1,
        1 => Just(Op::Write(CR1, 0)),
        2 => (0u32..8).prop_map(|v| Op::Write(DIER, v)),
        3 => (0u32..8).prop_map(|v| Op::Write(SR, v)),
        2 => Just(Op::Write(EGR, 1)),
        2 => modes,
        2 => (0u32..0x44).prop_map(|v| Op::Write(CCER, v & 0x33)),
        1 => value().prop_map(|v| Op::Write(CNT, v)),
        2 => (0u32..5).prop_map(|v| Op::Write(PSC, v)),
        3 => value().prop_map(|v| Op::Write(ARR, v)),
        1 => (0u32..4).prop_map(|v| Op::Write(RCR, v)),
        3 => value().prop_map(|v| Op::Write(CCR1, v)),
        3 => value().prop_map(|v| Op::Write(CCR2, v)),
        6 => Just(Op::Look),
    ]
}

fn run(ratio: (u64, u64), wired: bool, ops: &[(u64, Op)]) -> Result<(), TestCaseError> {
    let mut r = Rig::new(ratio.1 * 1_000_000, ratio.0 * 1_000_000);
    let tim = r.add("stm32.tim", "kind = 'advanced'", TIM, IRQ);
    if wired {
        for i in 0..CHANNELS {
            r.bus.connect(tim, i, r.probe, i);
        }
    }
    r.start();
    r.write(TIM + 0x44, 0x8000); // MOE
    let mut naive = Naive::new();
    let mut edges: Vec<(u64, u16, u32)> = Vec::new();
    let mut levels = [false; CHANNELS];
    let mut now = 0u64;
    let mut tick = 0u64;
    for (wait, op) in ops {
        for c in now + 1..=now + wait {
            let upto = c * ratio.0 / ratio.1;
            while tick < upto {
                naive.tick();
                tick += 1;
            }
            note(&naive, &mut levels, &mut edges, c);
            // The lines have to be right in every cycle, with nobody touching the timer.
            r.at(c);
            prop_assert_eq!(r.bus.system.line(IRQ + 1), naive.sr & naive.dier & 1 != 0);
            prop_assert_eq!(r.bus.system.line(IRQ + 3), naive.sr & naive.dier & 6 != 0);
        }
        now += wait;
        match op {
            Op::Write(reg, v) => {
                naive.write(*reg, *v);
                r.write(TIM + reg, *v);
            }
            Op::Look => {
                prop_assert_eq!(r.read(TIM + CNT), naive.cnt, "CNT at {}", now);
                prop_assert_eq!(r.read(TIM + SR) & 7, naive.sr & 7, "SR at {}", now);
                let cr1 = naive.cr1 & !0x10 | u32::from(naive.down) << 4;
                prop_assert_eq!(r.read(TIM + CR1), cr1, "CR1 at {}", now);
            }
        }
        note(&naive, &mut levels, &mut edges, now);
    }
    if wired {
        prop_assert_eq!(&*r.log.lock().unwrap(), &edges);
    }
    Ok(())
}

fn note(naive: &Naive, levels: &mut [bool; CHANNELS], edges: &mut Vec<(u64, u16, u32)>, now: u64) {
    for (i, level) in levels.iter_mut().enumerate() {
        if *level != naive.output(i) {
            *level = naive.output(i);
            edges.push((now, i as u16, (*level).into()));
        }
    }
}

fn waits() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..8, 4 => 0u64..80, 1 => 0u64..3000]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_simulation_of_every_tick(
        ratio in prop_oneof![Just((1u64, 1u64)), Just((1, 2)), Just((1, 4)), Just((3, 7))],
        wired in any::<bool>(),
        ops in proptest::collection::vec((waits(), op()), 1..60),
    ) {
        run(ratio, wired, &ops)?;
    }
}
