//! `stm32.gpio.v1`: a GPIO port with CRL and CRH (RM0008 chapter 9; STM32F1).
//!
//! Modelled: floating, pulled and analog input; push-pull and open-drain output and alternate function; atomic set and
//! reset; the lock; IDR from the level of the pins. Analog pins read 0.
//!
//! An alternate function has no number on this family: whatever drives the pin does, and every peripheral sees the
//! level of its pin in any digital mode. For machine files each pin has sixteen numbered places (`PA9.AF0` ...): an
//! input, to which a peripheral gives its level ([`AF_RELEASED`](super::gpio::AF_RELEASED) when it does not drive),
//! and an output (the level of the pin). `remaps` tells which places depend on AFIO_MAPR, whose value comes to the
//! input `mapr`: a place counts while `MAPR & mask == value`. When several drive, the lowest place wins.
//!
//! Not modelled: the speed of outputs (MODE 1 to 3 are one); the pulls of the debug pins out of reset; EVENTOUT.

mod afio;

use super::gpio::lock::Lock;
use super::gpio::{AF_RELEASED, strong};
use super::registers;
use crate::{ParameterError, parameters};
pub(super) use afio::build as build_afio;
use emu_core::{Access, Bus, Ctx, Device, Drive, Driver, NetId, NoticeKind, Ports, Width};
use serde::{Deserialize, Serialize};

const CRL: u32 = 0x00;
const CRH: u32 = 0x04;
const IDR: u32 = 0x08;
const ODR: u32 = 0x0C;
const BSRR: u32 = 0x10;
const BRR: u32 = 0x14;
const LCKR: u32 = 0x18;
const NAMES: &[(u32, &str)] = &[
    (CRL, "CRL"),
    (CRH, "CRH"),
    (IDR, "IDR"),
    (ODR, "ODR"),
    (BSRR, "BSRR"),
    (BRR, "BRR"),
    (LCKR, "LCKR"),
];

const PINS: usize = 16;
/// Places of a pin.
const PLACES: usize = 16;
/// All pins floating inputs (RM0008 §9.2.1).
const CR_RESET: u32 = 0x4444_4444;
/// Position of `mapr` among the inputs, behind the places.
const MAPR: u16 = (PINS * PLACES) as u16;

/// A place that depends on AFIO_MAPR.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remap {
    /// Such as `PB6.AF1`.
    place: String,
    mask: u32,
    value: u32,
}

/// Parameters in the machine file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Letter of the port.
    port: char,
    #[serde(default)]
    remaps: Vec<Remap>,
}

/// What a pin is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Analog,
    Floating,
    /// Pulled to the level of ODR.
    Pulled,
    Output {
        open_drain: bool,
    },
    Alternate {
        open_drain: bool,
    },
}

/// The device.
#[derive(Serialize, Deserialize)]
struct Gpio {
    port: char,
    /// Place (pin and number), mask and value.
    remaps: Vec<(usize, u32, u32)>,
    cr: [u32; 2],
    odr: u32,
    mapr: u32,
    lock: Lock,
    /// For each pin, one bit for each place: the peripheral drives, its level, and whether AFIO lets it.
    driven: [u16; PINS],
    level: [u16; PINS],
    mapped: [u16; PINS],
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
    let names = places(p.port);
    let mut remaps = Vec::new();
    for r in p.remaps {
        let Some(place) = names.iter().position(|n| *n == r.place) else {
            return Err(ParameterError(format!(
                "remaps: there is no place {:?} on this port; write P{}n.AFm with n and m from 0 to 15",
                r.place, p.port
            )));
        };
        remaps.push((place, r.mask, r.value));
    }
    Ok(Box::new(Gpio {
        port: p.port,
        remaps,
        cr: [CR_RESET; 2],
        odr: 0,
        mapr: 0,
        lock: Lock::default(),
        driven: [0; PINS],
        level: [0; PINS],
        mapped: [!0; PINS],
        listened: 0,
        nets: [None; PINS],
    }))
}

fn places(port: char) -> Vec<String> {
    (0..PINS)
        .flat_map(|pin| (0..PLACES).map(move |n| format!("P{port}{pin}.AF{n}")))
        .collect()
}

impl Gpio {
    /// CNF and MODE of a pin (RM0008 §9.1, table 20).
    fn mode(&self, pin: usize) -> Mode {
        let field = self.cr[pin / 8] >> (4 * (pin % 8)) & 0xF;
        let open_drain = field & 4 != 0;
        match (field & 3, field >> 2) {
            (0, 0) => Mode::Analog,
            (0, 2) => Mode::Pulled,
            (0, _) => Mode::Floating,
            (_, 0 | 1) => Mode::Output { open_drain },
            _ => Mode::Alternate { open_drain },
        }
    }

    fn drive(&self, pin: usize, ctx: &mut Ctx<'_>) {
        let Some(net) = self.nets[pin] else { return };
        let drive = match self.mode(pin) {
            Mode::Output { open_drain } => strong(self.odr >> pin & 1 != 0, open_drain),
            Mode::Alternate { open_drain } => {
                let driving = self.driven[pin] & self.mapped[pin];
                let first = driving & driving.wrapping_neg();
                if first == 0 {
                    Drive::Float
                } else {
                    strong(self.level[pin] & first != 0, open_drain)
                }
            }
            _ => Drive::Float,
        };
        ctx.drive(net, Driver::Port, drive);
        let pull = match self.mode(pin) {
            Mode::Pulled if self.odr >> pin & 1 != 0 => Drive::PullUp,
            Mode::Pulled => Drive::PullDown,
            _ => Drive::Float,
        };
        ctx.drive(net, Driver::PortPull, pull);
    }

    /// Places of a pin that some peripheral looks at now.
    fn readers(&self, pin: usize, ctx: &Ctx<'_>) -> u16 {
        if self.mode(pin) == Mode::Analog {
            return 0;
        }
        (0..PLACES)
            .filter(|n| self.mapped[pin] >> n & 1 != 0 && ctx.is_wired(pin * PLACES + n))
            .fold(0, |m, n| m | 1 << n)
    }

    fn tell(&self, pin: usize, level: bool, ctx: &mut Ctx<'_>) {
        let readers = self.readers(pin, ctx);
        for n in (0..PLACES).filter(|n| readers >> n & 1 != 0) {
            ctx.output(pin * PLACES + n, u32::from(level));
        }
    }

    /// Give the level of a pin to the peripherals that look at it, and keep doing so.
    fn connect(&mut self, pin: usize, ctx: &mut Ctx<'_>) {
        let Some(net) = self.nets[pin] else { return };
        let on = self.readers(pin, ctx) != 0;
        if on != (self.listened >> pin & 1 != 0) {
            self.listened ^= 1 << pin;
            ctx.listen(pin, on);
        }
        if on {
            let level = ctx.level(net);
            self.tell(pin, level, ctx);
        }
    }

    fn configure(&mut self, pins: u16, ctx: &mut Ctx<'_>) {
        for pin in (0..PINS).filter(|pin| pins >> pin & 1 != 0) {
            self.drive(pin, ctx);
            self.connect(pin, ctx);
        }
    }

    fn set_odr(&mut self, odr: u32, ctx: &mut Ctx<'_>) {
        let pins = (self.odr ^ odr) as u16;
        self.odr = odr & 0xFFFF;
        for pin in (0..PINS).filter(|pin| pins >> pin & 1 != 0) {
            if matches!(self.mode(pin), Mode::Output { .. } | Mode::Pulled) {
                self.drive(pin, ctx);
            }
        }
    }

    fn idr(&self, ctx: &Ctx<'_>) -> u32 {
        (0..PINS).fold(0, |m, pin| {
            let reads = self.mode(pin) != Mode::Analog;
            let level = reads && self.nets[pin].is_some_and(|n| ctx.level(n));
            m | u32::from(level) << pin
        })
    }

    fn value(&self, offset: u32, ctx: &Ctx<'_>) -> Option<u32> {
        Some(match offset & !3 {
            CRL => self.cr[0],
            CRH => self.cr[1],
            IDR => self.idr(ctx),
            ODR => self.odr,
            BSRR | BRR => 0,
            LCKR => self.lock.value(),
            _ => return None,
        })
    }
}

impl Device for Gpio {
    fn ports(&self) -> Ports {
        let mut inputs = places(self.port);
        let outputs = inputs.clone();
        inputs.push("mapr".to_owned());
        Ports {
            inputs,
            outputs,
            nets: (0..PINS)
                .map(|pin| format!("P{}{pin}", self.port))
                .collect(),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        (self.cr, self.odr) = ([CR_RESET; 2], 0);
        self.lock = Lock::default();
        for pin in 0..PINS {
            self.nets[pin] = ctx.net(pin);
        }
        self.input(MAPR, 0, ctx);
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
            // Set wins over reset (RM0008 §9.2.5).
            self.set_odr(self.odr & !(bits >> 16) | bits & 0xFFFF, ctx);
            return;
        }
        let Some(old) = self.value(offset, ctx) else {
            registers::reserved(ctx, offset);
            return;
        };
        let new = width.merge(old, offset, value);
        match offset & !3 {
            o @ (CRL | CRH) => {
                let half = (o / 4) as usize;
                let frozen = (0..8)
                    .filter(|i| self.lock.frozen() >> (8 * half + i) & 1 != 0)
                    .fold(0, |m, i| m | 0xF << (4 * i));
                self.cr[half] = new & !frozen | old & frozen;
                let changed = (0..8)
                    .filter(|i| (old ^ self.cr[half]) >> (4 * i) & 0xF != 0)
                    .fold(0, |m, i| m | 1 << (8 * half + i));
                self.configure(changed, ctx);
            }
            ODR => self.set_odr(new & 0xFFFF, ctx),
            BRR => self.set_odr(self.odr & !width.spread(offset, value), ctx),
            LCKR if width == Width::Word => self.lock.write(new),
            LCKR => ctx.note(NoticeKind::Misuse, "LCKR takes words only"),
            _ => {}
        }
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        if port == MAPR {
            self.mapr = value;
            let mut mapped = [!0u16; PINS];
            for &(place, mask, wanted) in &self.remaps {
                if value & mask != wanted {
                    mapped[place / PLACES] &= !(1 << (place % PLACES));
                }
            }
            let changed = (0..PINS)
                .filter(|&pin| mapped[pin] != self.mapped[pin])
                .fold(0, |m, pin| m | 1 << pin);
            self.mapped = mapped;
            self.configure(changed, ctx);
            return;
        }
        let (pin, place) = (usize::from(port) / PLACES, usize::from(port) % PLACES);
        if pin >= PINS {
            return;
        }
        let bit = 1 << place;
        let put = |word: &mut u16, on: bool| *word = *word & !bit | if on { bit } else { 0 };
        put(&mut self.driven[pin], value < AF_RELEASED);
        put(&mut self.level[pin], value & 1 != 0);
        if matches!(self.mode(pin), Mode::Alternate { .. }) {
            self.drive(pin, ctx);
        }
    }

    fn net_changed(&mut self, index: u16, level: bool, ctx: &mut Ctx<'_>) {
        let pin = usize::from(index);
        if pin < PINS && self.listened >> pin & 1 != 0 {
            self.tell(pin, level, ctx);
        }
    }

    fn access(&self, offset: u32, write: bool, bus: &Bus) -> Access {
        match offset & !3 {
            // Reading LCKR may complete the lock, which changes nothing that time depends on.
            _ if !write => Access::Plain,
            ODR | BSRR | BRR => {
                let listened = |net: &Option<NetId>| net.is_some_and(|n| bus.nets.is_listened(n));
                if self.nets.iter().enumerate().any(|(pin, net)| {
                    listened(net) && matches!(self.mode(pin), Mode::Output { .. } | Mode::Pulled)
                }) {
                    Access::Sync
                } else {
                    Access::Plain
                }
            }
            LCKR => Access::Plain,
            _ => Access::Sync,
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
