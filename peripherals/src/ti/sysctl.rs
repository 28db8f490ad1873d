//! Stellaris system control: identification, clocks, resets.
//!
//! Modelled: DID and DC registers (from the machine file), RCC and RCC2 with the live system clock,
//! PLLCFG, PLL lock after its time with RIS, IMC and MISC, software reset of peripherals (SRCR), reset
//! cause (RESC); PBORCTL, LDOPCTL, the clock gates and deep-sleep registers as storage.
//! Not modelled: clock gating (a peripheral works without its RCGC bit), deep-sleep clocks, brown-out
//! and LDO behaviour, the small error of the PLL with crystals that do not divide 400 MHz, PWM divider.
//!
//! Ports: irq `irq`; clocks `SYSCLK` (set here; the core clock), `MOSC` and `IOSC` (for their tolerance); outputs `SRCR0.0` to `SRCR2.31`.
//! Source: LM3S6965 data sheet (DS-LM3S6965) §6.

use super::sysctl_clock::{Oscillators, Settings, clock};
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, ResetCause, Width, device_state};
use serde::{Deserialize, Serialize};

const DID0: u32 = 0x000;
const DC4: u32 = 0x01C;
const SRCR0: u32 = 0x040;
const SRCR2: u32 = 0x048;
const RIS: u32 = 0x050;
const IMC: u32 = 0x054;
const MISC: u32 = 0x058;
const RESC: u32 = 0x05C;
const RCC: u32 = 0x060;
const PLLCFG: u32 = 0x064;
const RCC2: u32 = 0x070;

/// Registers without behaviour: offset, name, reset value (data sheet table 6-2).
const STORED: [(u32, &str, u32); 12] = [
    (0x030, "PBORCTL", 0x7FFD),
    (0x034, "LDOPCTL", 0),
    (0x100, "RCGC0", 0x40),
    (0x104, "RCGC1", 0),
    (0x108, "RCGC2", 0),
    (0x110, "SCGC0", 0x40),
    (0x114, "SCGC1", 0),
    (0x118, "SCGC2", 0),
    (0x120, "DCGC0", 0x40),
    (0x124, "DCGC1", 0),
    (0x128, "DCGC2", 0),
    (0x144, "DSLPCLKCFG", 0x0780_0000),
];

/// Reset values of RCC and RCC2, and their bits.
const RCC_RESET: u32 = 0x078E_3AD1;
const RCC_MASK: u32 = 0x0FDE_3BF3;
const RCC2_RESET: u32 = 0x0780_2810;
const RCC2_MASK: u32 = 0x9F80_2870;
/// RIS.PLLLRIS.
const PLLL: u32 = 1 << 6;
/// RESC: external pin, power-on, watchdog, software.
const RESC_EXT: u32 = 1;
const RESC_POR: u32 = 2;
const RESC_WDT: u32 = 8;
const RESC_SW: u32 = 16;

/// Highest system clock of the part (data sheet §1.1).
const MAX_HZ: u64 = 50_000_000;

const LOCKED: u32 = 0;
const ATTOSECONDS_PER_NS: u128 = 1_000_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    did0: u32,
    did1: u32,
    /// DC0 to DC4.
    dc: [u32; 5],
    /// Crystal in Hz.
    mosc: u64,
    /// Internal oscillator in Hz.
    iosc: u64,
    /// Time from power-up of the PLL to its lock, in ns.
    pll_lock_ns: u64,
}

impl Default for Parameters {
    /// An LM3S6965 with an 8 MHz crystal.
    fn default() -> Self {
        Parameters {
            // DID0 as QEMU's lm3s6965evb gives it (Fury class, revision C2); the others from the data sheet.
            did0: 0x1001_0002,
            did1: 0x1073_402E,
            dc: [
                0x00FF_007F,
                0x0011_33FF,
                0x030F_5317,
                0x0F0F_87FF,
                0x5000_007F,
            ],
            mosc: 8_000_000,
            iosc: 12_000_000,
            // T_READY, at most 0.5 ms (data sheet table 22-8).
            pll_lock_ns: 500_000,
        }
    }
}

/// The unit.
#[derive(Serialize, Deserialize)]
pub struct Sysctl {
    identification: [u32; 8],
    oscillators: Oscillators,
    pll_lock_ns: u64,
    rcc: u32,
    rcc2: u32,
    srcr: [u32; 3],
    ris: u32,
    imc: u32,
    resc: u32,
    stored: [u32; STORED.len()],
    locked: bool,
    /// When the PLL locks, in attoseconds since power-on.
    lock_at: Option<u128>,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.mosc == 0 || p.iosc == 0 {
        return Err(ParameterError(
            "mosc and iosc must be more than 0 Hz".to_owned(),
        ));
    }
    Ok(Box::new(Sysctl {
        // 0x00C is a hole between DC0 and DC1.
        identification: [
            p.did0, p.did1, p.dc[0], 0, p.dc[1], p.dc[2], p.dc[3], p.dc[4],
        ],
        oscillators: Oscillators {
            mosc: p.mosc,
            iosc: p.iosc,
        },
        pll_lock_ns: p.pll_lock_ns,
        rcc: RCC_RESET,
        rcc2: RCC2_RESET,
        srcr: [0; 3],
        ris: 0,
        imc: 0,
        resc: 0,
        stored: STORED.map(|r| r.2),
        locked: false,
        lock_at: None,
    }))
}

fn stored(register: u32) -> Option<usize> {
    STORED.iter().position(|r| r.0 == register)
}

impl Sysctl {
    fn settings(&self) -> Settings {
        Settings::new(self.rcc, self.rcc2)
    }

    fn apply(&self, ctx: &mut Ctx<'_>) {
        let hz = self.settings().system_clock(self.oscillators, self.locked);
        if hz.num() / hz.den() > MAX_HZ {
            ctx.note(NoticeKind::Misuse, "RCC: system clock above 50 MHz");
        }
        let from = self.settings().source_clock();
        ctx.set_clock_from(clock::SYSCLK, hz, from.unwrap_or(clock::SYSCLK));
    }

    /// RCC or RCC2 were written over `before`.
    fn changed(&mut self, before: &Settings, ctx: &mut Ctx<'_>) {
        let after = self.settings();
        if !after.pll_powered {
            (self.locked, self.lock_at) = (false, None);
        } else if !before.pll_powered || before.pll_input() != after.pll_input() {
            self.locked = false;
            let wait = u128::from(self.pll_lock_ns) * ATTOSECONDS_PER_NS;
            self.lock_at = Some(ctx.attoseconds() + wait);
        }
        self.apply(ctx);
        self.plan(ctx);
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let Some(at) = self.lock_at else {
            return ctx.cancel(LOCKED);
        };
        let left = at.saturating_sub(ctx.attoseconds());
        let ns = u64::try_from(left.div_ceil(ATTOSECONDS_PER_NS)).unwrap_or(u64::MAX);
        ctx.schedule_in(LOCKED, ctx.cycles_in_ns(ns));
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, self.ris & self.imc != 0);
    }
}

impl Device for Sysctl {
    fn ports(&self) -> Ports {
        let resets = (0..3).flat_map(|n| (0..32).map(move |bit| format!("SRCR{n}.{bit}")));
        Ports {
            irqs: Ports::names(&["irq"]),
            clocks: Ports::names(&["SYSCLK", "MOSC", "IOSC"]),
            outputs: resets.collect(),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        // RESC keeps earlier causes until the next power-on.
        let cause = match ctx.reset_cause() {
            ResetCause::PowerOn => RESC_POR,
            ResetCause::Software => RESC_SW,
            ResetCause::Pin => RESC_EXT,
            _ => RESC_WDT,
        };
        self.resc = if cause == RESC_POR {
            cause
        } else {
            self.resc | cause
        };
        (self.rcc, self.rcc2) = (RCC_RESET, RCC2_RESET);
        (self.locked, self.lock_at) = (false, None);
        (self.ris, self.imc, self.srcr) = (0, 0, [0; 3]);
        self.stored = STORED.map(|r| r.2);
        ctx.cancel(LOCKED);
        self.apply(ctx);
        self.update_irq(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let word = match register {
            DID0..=DC4 => self.identification[(register / 4) as usize],
            SRCR0..=SRCR2 => self.srcr[((register - SRCR0) / 4) as usize],
            RIS => self.ris,
            IMC => self.imc,
            MISC => self.ris & self.imc,
            RESC => self.resc,
            RCC => self.rcc,
            PLLCFG => self.settings().pllcfg(),
            RCC2 => self.rcc2,
            _ => stored(register).map_or(0, |i| self.stored[i]),
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        let merge = |old| width.merge(old, offset, value);
        let before = self.settings();
        match register {
            SRCR0..=SRCR2 => {
                let n = ((register - SRCR0) / 4) as usize;
                let old = self.srcr[n];
                self.srcr[n] = merge(old);
                let changed = old ^ self.srcr[n];
                for bit in (0..32).filter(|bit| changed >> bit & 1 != 0) {
                    ctx.output(n * 32 + bit, self.srcr[n] >> bit & 1);
                }
            }
            IMC => self.imc = merge(self.imc),
            MISC => self.ris &= !width.spread(offset, value),
            RESC => self.resc &= merge(self.resc),
            RCC => {
                self.rcc = merge(self.rcc) & RCC_MASK;
                self.changed(&before, ctx);
            }
            RCC2 => {
                self.rcc2 = merge(self.rcc2) & RCC2_MASK;
                self.changed(&before, ctx);
            }
            _ => {
                if let Some(i) = stored(register) {
                    self.stored[i] = merge(self.stored[i]);
                }
            }
        }
        self.update_irq(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        (self.locked, self.lock_at) = (true, None);
        self.ris |= PLLL;
        self.apply(ctx);
        self.update_irq(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.plan(ctx);
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        if write && stored(offset & !3).is_none() {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let name = match offset {
            DID0 => "DID0",
            0x004 => "DID1",
            0x008 => "DC0",
            0x010 => "DC1",
            0x014 => "DC2",
            0x018 => "DC3",
            DC4 => "DC4",
            SRCR0 => "SRCR0",
            0x044 => "SRCR1",
            SRCR2 => "SRCR2",
            RIS => "RIS",
            IMC => "IMC",
            MISC => "MISC",
            RESC => "RESC",
            RCC => "RCC",
            PLLCFG => "PLLCFG",
            RCC2 => "RCC2",
            _ => STORED[stored(offset)?].1,
        };
        Some(name.to_owned())
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;
    use emu_core::{ClockTree, Ratio};

    const BASE: u32 = 0x400F_E000;

    fn rig() -> Rig {
        let mut r = Rig::m4();
        r.bus.clocks = ClockTree::new("SYSCLK", Ratio::hz(12_000_000));
        r.add("ti.sysctl", BASE, "");
        r
    }

    fn hz(r: &Rig) -> Ratio {
        r.bus.clocks.hz(r.bus.clocks.core())
    }

    #[test]
    fn identification_of_an_lm3s6965() {
        let mut r = rig();
        let seen: Vec<u32> = (0..8).map(|i| r.read(4 * i)).collect();
        assert_eq!(
            seen,
            [
                0x1001_0002,
                0x1073_402E,
                0x00FF_007F,
                0,
                0x0011_33FF,
                0x030F_5317,
                0x0F0F_87FF,
                0x5000_007F
            ]
        );
    }

    #[test]
    fn pll_start_up_as_the_driver_library_does_it() {
        let mut r = rig();
        assert_eq!(hz(&r), Ratio::hz(12_000_000));
        // Crystal on, PLL powered, still bypassed.
        r.at(100).write(RCC, 0x078E_0B80);
        assert_eq!(hz(&r), Ratio::hz(8_000_000));
        assert_eq!(r.read(RIS), 0);
        r.at(100 + 3999);
        assert_eq!(r.read(RIS), 0);
        r.at(100 + 4000);
        assert_eq!(r.read(RIS), PLLL, "0.5 ms at 8 MHz");
        r.write(RCC, 0x01CE_0380);
        assert_eq!(hz(&r), Ratio::hz(50_000_000));
        assert_eq!(r.bus.clocks.segments().len(), 3);
        r.write(MISC, PLLL);
        assert_eq!(r.read(RIS), 0);
        r.bus.reset_devices(ResetCause::Software);
        assert_eq!(hz(&r), Ratio::hz(12_000_000));
        assert_eq!(r.read(RESC), RESC_POR | RESC_SW);
        r.write(RESC, 0);
        assert_eq!(r.read(RESC), 0);
    }

    #[test]
    fn the_pll_is_not_used_before_it_locks() {
        let mut r = rig();
        r.write(RCC, 0x01CE_0380);
        assert_eq!(hz(&r), Ratio::hz(2_000_000), "8 MHz by four");
        r.at(1000);
        assert_eq!(hz(&r), Ratio::hz(50_000_000), "0.5 ms later");
    }

    #[test]
    fn lock_interrupt() {
        let mut r = rig();
        r.write(IMC, PLLL);
        r.write(RCC, 0x078E_0B80);
        r.at(4000);
        assert!(r.pending(16));
        assert_eq!(r.read(MISC), PLLL);
    }

    #[test]
    fn software_reset_bits_are_outputs() {
        let mut r = rig();
        let sysctl = r.bus.find("TI.SYSCTL").expect("there");
        // A button shows the level of the output.
        let probe = r.add("ext.button", 0, "active = \"high\"");
        r.base = BASE;
        r.bus.connect(sysctl, 32, probe, 0); // SRCR1.0
        let pin = r.bus.nets.find("pin").expect("bound");
        r.write(SRCR0 + 4, 1);
        assert!(r.bus.nets.level(pin));
        r.write(SRCR0 + 4, 2);
        assert!(!r.bus.nets.level(pin));
    }

    #[test]
    fn gates_are_kept() {
        let mut r = rig();
        assert_eq!(r.read(0x100), 0x40);
        r.write(0x108, 0x20);
        assert_eq!(r.read(0x108), 0x20);
        assert_eq!(r.bus.register_name(BASE + 0x108), "TI.SYSCTL.RCGC2");
    }
}
