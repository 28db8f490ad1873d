//! `stm32.gpio.v2`: a GPIO port with MODER (RM0090 chapter 8; all STM32 but F1).
//!
//! Modelled: input, output, alternate function and analog mode; push-pull and open drain; pull-up
//! and pull-down; atomic set and reset; the lock; the alternate function multiplexer in both
//! directions; IDR from the level of the pins. Analog pins read 0 and have no pulls.
//!
//! For each pin and function there is an input (`PA2.AF7`: the level that a peripheral gives;
//! [`AF_RELEASED`] when it does not drive the pin) and an output (the level of the pin, given to
//! the peripheral while the pin is in that function).
//!
//! Not modelled: OSPEEDR is stored only; the two AHB cycles between a pin and IDR.

pub(super) mod lock;

use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, Drive, Driver, NetId, NoticeKind, Ports, Width};
use lock::Lock;
use serde::{Deserialize, Serialize};

/// What a peripheral puts on its output when it leaves the pin alone.
pub const AF_RELEASED: u32 = 2;

const MODER: u32 = 0x00;
const OTYPER: u32 = 0x04;
const OSPEEDR: u32 = 0x08;
const PUPDR: u32 = 0x0C;
const IDR: u32 = 0x10;
const ODR: u32 = 0x14;
const BSRR: u32 = 0x18;
const LCKR: u32 = 0x1C;
const AFRL: u32 = 0x20;
const AFRH: u32 = 0x24;
const BRR: u32 = 0x28;
const NAMES: &[(u32, &str)] = &[
    (MODER, "MODER"),
    (OTYPER, "OTYPER"),
    (OSPEEDR, "OSPEEDR"),
    (PUPDR, "PUPDR"),
    (IDR, "IDR"),
    (ODR, "ODR"),
    (BSRR, "BSRR"),
    (LCKR, "LCKR"),
    (AFRL, "AFRL"),
    (AFRH, "AFRH"),
    (BRR, "BRR"),
];

const PINS: usize = 16;
/// Values of a MODER field (RM0090 §8.4.1).
const OUTPUT: u32 = 1;
const ALTERNATE: u32 = 2;
const ANALOG: u32 = 3;

/// Parameters in the machine file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Letter of the port.
    port: char,
    /// Reset values; those of ports A and B differ (RM0090 §8.4.1, §8.4.3, §8.4.4).
    moder: Option<u32>,
    ospeedr: Option<u32>,
    pupdr: Option<u32>,
    /// The port has BRR (not on STM32F4).
    #[serde(default)]
    brr: bool,
}

/// The device.
#[derive(Serialize, Deserialize)]
struct Gpio {
    p: Parameters,
    moder: u32,
    otyper: u32,
    ospeedr: u32,
    pupdr: u32,
    odr: u32,
    afr: [u32; 2],
    lock: Lock,
    /// Pins in output mode, and those of them that are open drain.
    outputs: u16,
    /// For each pin, one bit for each function: the peripheral drives, and its level.
    af_driven: [u16; PINS],
    af_level: [u16; PINS],
    /// Pins whose level goes to a peripheral.
    listened: u16,
    nets: [Option<NetId>; PINS],
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if !p.port.is_ascii_uppercase() {
        return Err(ParameterError(format!(
            "port must be one letter from \"A\" to \"Z\", not {:?}",
            p.port
        )));
    }
    Ok(Box::new(Gpio {
        p,
        moder: 0,
        otyper: 0,
        ospeedr: 0,
        pupdr: 0,
        odr: 0,
        afr: [0; 2],
        lock: Lock::default(),
        outputs: 0,
        af_driven: [0; PINS],
        af_level: [0; PINS],
        listened: 0,
        nets: [None; PINS],
    }))
}

/// Each set bit of a pin mask as a mask of two-bit fields.
fn spread2(pins: u16) -> u32 {
    (0..PINS).fold(0, |m, i| m | (u32::from(pins >> i & 1) * 3) << (2 * i))
}

/// Each set bit of eight pins as a mask of four-bit fields.
fn spread4(pins: u16) -> u32 {
    (0..8).fold(0, |m, i| m | (u32::from(pins >> i & 1) * 15) << (4 * i))
}

/// Pins whose two-bit field differs.
fn changed2(old: u32, new: u32) -> u16 {
    let d = old ^ new;
    (0..PINS).fold(0, |m, i| m | u16::from(d >> (2 * i) & 3 != 0) << i)
}

/// Pins, of eight, whose four-bit field differs.
fn changed4(old: u32, new: u32) -> u16 {
    let d = old ^ new;
    (0..8).fold(0, |m, i| m | u16::from(d >> (4 * i) & 15 != 0) << i)
}

/// `new` where `frozen` is clear, `old` where it is set.
fn keep(old: u32, new: u32, frozen: u32) -> u32 {
    new & !frozen | old & frozen
}

pub(super) fn strong(level: bool, open_drain: bool) -> Drive {
    match (level, open_drain) {
        (false, _) => Drive::Low,
        (true, false) => Drive::High,
        (true, true) => Drive::Float,
    }
}

impl Gpio {
    fn mode(&self, pin: usize) -> u32 {
        self.moder >> (2 * pin) & 3
    }

    fn function(&self, pin: usize) -> usize {
        (self.afr[pin / 8] >> (4 * (pin % 8)) & 0xF) as usize
    }

    /// Drive one pin according to its registers.
    fn drive(&self, pin: usize, ctx: &mut Ctx<'_>) {
        let Some(net) = self.nets[pin] else { return };
        let open_drain = self.otyper >> pin & 1 != 0;
        let drive = match self.mode(pin) {
            OUTPUT => strong(self.odr >> pin & 1 != 0, open_drain),
            ALTERNATE => {
                let bit = 1 << self.function(pin);
                if self.af_driven[pin] & bit != 0 {
                    strong(self.af_level[pin] & bit != 0, open_drain)
                } else {
                    Drive::Float
                }
            }
            _ => Drive::Float,
        };
        ctx.drive(net, Driver::Port, drive);
    }

    fn pull(&self, pin: usize, ctx: &mut Ctx<'_>) {
        let Some(net) = self.nets[pin] else { return };
        let pull = match self.pupdr >> (2 * pin) & 3 {
            _ if self.mode(pin) == ANALOG => Drive::Float,
            1 => Drive::PullUp,
            2 => Drive::PullDown,
            _ => Drive::Float,
        };
        ctx.drive(net, Driver::PortPull, pull);
    }

    /// Give the level of a pin to the peripheral that it is connected to, and keep doing so.
    fn connect(&mut self, pin: usize, ctx: &mut Ctx<'_>) {
        let Some(net) = self.nets[pin] else { return };
        let output = pin * 16 + self.function(pin);
        let on = self.mode(pin) == ALTERNATE && ctx.is_wired(output);
        if on != (self.listened >> pin & 1 != 0) {
            self.listened ^= 1 << pin;
            ctx.listen(pin, on);
        }
        if on {
            let level = ctx.level(net);
            ctx.output(output, u32::from(level));
        }
    }

    /// The configuration of these pins changed.
    fn configure(&mut self, pins: u16, ctx: &mut Ctx<'_>) {
        self.outputs = (0..PINS).fold(0, |m, i| m | u16::from(self.mode(i) == OUTPUT) << i);
        for pin in (0..PINS).filter(|pin| pins >> pin & 1 != 0) {
            self.pull(pin, ctx);
            self.drive(pin, ctx);
            self.connect(pin, ctx);
        }
    }

    fn set_odr(&mut self, odr: u32, ctx: &mut Ctx<'_>) {
        let mut pins = (self.odr ^ odr) as u16 & self.outputs;
        self.odr = odr & 0xFFFF;
        while pins != 0 {
            let pin = pins.trailing_zeros() as usize;
            pins &= pins - 1;
            if let Some(net) = self.nets[pin] {
                let level = odr >> pin & 1 != 0;
                let open_drain = self.otyper >> pin & 1 != 0;
                ctx.drive(net, Driver::Port, strong(level, open_drain));
            }
        }
    }

    fn idr(&self, ctx: &Ctx<'_>) -> u32 {
        (0..PINS).fold(0, |m, pin| {
            let level = self.mode(pin) != ANALOG && self.nets[pin].is_some_and(|n| ctx.level(n));
            m | u32::from(level) << pin
        })
    }

    fn value(&self, offset: u32, ctx: &Ctx<'_>) -> Option<u32> {
        Some(match offset & !3 {
            MODER => self.moder,
            OTYPER => self.otyper,
            OSPEEDR => self.ospeedr,
            PUPDR => self.pupdr,
            IDR => self.idr(ctx),
            ODR => self.odr,
            BSRR => 0,
            LCKR => self.lock.value(),
            AFRL => self.afr[0],
            AFRH => self.afr[1],
            BRR if self.p.brr => 0,
            _ => return None,
        })
    }
}

impl Device for Gpio {
    fn ports(&self) -> Ports {
        let pins = || (0..PINS).map(|pin| format!("P{}{pin}", self.p.port));
        let functions: Vec<String> = pins()
            .flat_map(|p| (0..16).map(move |af| format!("{p}.AF{af}")))
            .collect();
        Ports {
            inputs: functions.clone(),
            outputs: functions,
            nets: pins().collect(),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        // The debug pins come up in their function (RM0090 §8.3.1, §8.4.1, §8.4.3, §8.4.4).
        let (moder, ospeedr, pupdr) = match self.p.port {
            'A' => (0xA800_0000, 0, 0x6400_0000),
            'B' => (0x0000_0280, 0x0000_00C0, 0x0000_0100),
            _ => (0, 0, 0),
        };
        self.moder = self.p.moder.unwrap_or(moder);
        self.ospeedr = self.p.ospeedr.unwrap_or(ospeedr);
        self.pupdr = self.p.pupdr.unwrap_or(pupdr);
        (self.otyper, self.odr, self.afr) = (0, 0, [0; 2]);
        self.lock = Lock::default();
        for pin in 0..PINS {
            self.nets[pin] = ctx.net(pin);
        }
        self.configure(!0, ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let word = match offset & !3 {
            LCKR => self.lock.read(ctx.is_debug()),
            _ => match self.value(offset, ctx) {
                Some(word) => word,
                None => {
                    registers::reserved(ctx, offset);
                    0
                }
            },
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        // The path that firmware takes most: keep it first and short.
        if offset & !3 == BSRR {
            let bits = width.spread(offset, value);
            // Set wins over reset (RM0090 §8.4.7).
            self.set_odr(self.odr & !(bits >> 16) | bits & 0xFFFF, ctx);
            return;
        }
        let Some(old) = self.value(offset, ctx) else {
            registers::reserved(ctx, offset);
            return;
        };
        let new = width.merge(old, offset, value);
        let frozen = self.lock.frozen();
        match offset & !3 {
            ODR => self.set_odr(new & 0xFFFF, ctx),
            MODER => {
                self.moder = keep(old, new, spread2(frozen));
                self.configure(changed2(old, self.moder), ctx);
            }
            OTYPER => {
                self.otyper = keep(old, new & 0xFFFF, u32::from(frozen));
                self.configure((old ^ self.otyper) as u16, ctx);
            }
            OSPEEDR => self.ospeedr = keep(old, new, spread2(frozen)),
            PUPDR => {
                self.pupdr = keep(old, new, spread2(frozen));
                self.configure(changed2(old, self.pupdr), ctx);
            }
            LCKR if width == Width::Word => self.lock.write(new),
            LCKR => ctx.note(NoticeKind::Misuse, "LCKR takes words only"),
            AFRL => {
                self.afr[0] = keep(old, new, spread4(frozen));
                self.configure(changed4(old, self.afr[0]), ctx);
            }
            AFRH => {
                self.afr[1] = keep(old, new, spread4(frozen >> 8));
                self.configure(changed4(old, self.afr[1]) << 8, ctx);
            }
            BRR => self.set_odr(self.odr & !width.spread(offset, value), ctx),
            _ => {}
        }
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        let (pin, function) = (usize::from(port) / 16, usize::from(port) % 16);
        if pin >= PINS {
            return;
        }
        let bit = 1 << function;
        let put = |word: &mut u16, on: bool| *word = *word & !bit | if on { bit } else { 0 };
        put(&mut self.af_driven[pin], value < AF_RELEASED);
        put(&mut self.af_level[pin], value & 1 != 0);
        if self.mode(pin) == ALTERNATE && self.function(pin) == function {
            self.drive(pin, ctx);
        }
    }

    fn net_changed(&mut self, index: u16, level: bool, ctx: &mut Ctx<'_>) {
        let pin = usize::from(index);
        if pin < PINS && self.listened >> pin & 1 != 0 {
            ctx.output(pin * 16 + self.function(pin), u32::from(level));
        }
    }

    fn access(&self, offset: u32, write: bool, bus: &Bus) -> Access {
        match offset & !3 {
            // Reading LCKR may complete the lock, which changes nothing that time depends on.
            _ if !write => Access::Plain,
            ODR | BSRR | BRR => {
                let mut pins = self.outputs;
                while pins != 0 {
                    let pin = pins.trailing_zeros() as usize;
                    pins &= pins - 1;
                    if self.nets[pin].is_some_and(|n| bus.nets.is_listened(n)) {
                        return Access::Sync;
                    }
                }
                Access::Plain
            }
            OSPEEDR | LCKR => Access::Plain,
            _ => Access::Sync,
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        if offset & !3 == BRR && !self.p.brr {
            return None;
        }
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
