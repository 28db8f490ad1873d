//! Stellaris GPIO port: eight pins.
//!
//! Modelled: DATA with the address as mask, DIR, AFSEL, ODR, PUR, PDR, DEN, LOCK and CR, drive
//! strength and slew registers as storage (a pin has one strength), interrupt sense registers IS,
//! IBE, IEV, IM, RIS, MIS, ICR (edges are seen on enabled inputs), identification.
//! Not modelled: the clock gate (a port works without RCGC2), drive strength, analog inputs, SSI and
//! JTAG functions of pins beyond the levels that are wired to them.
//!
//! Ports: irq `irq`; nets `P<port>0` to `P<port>7`; for the alternate function of each pin an input
//! `P<port>0.AF` (level that the peripheral gives) and an output of that name (level of the pin).
//! Source: LM3S6965 data sheet (DS-LM3S6965) §8.

use super::ids;
use crate::{ParameterError, parameters};
use emu_core::{
    Access, Bus, Ctx, Device, Drive, Driver, NetId, NoticeKind, Ports, Width, device_state,
};
use serde::{Deserialize, Serialize};

const DATA_END: u32 = 0x400;
const DIR: u32 = 0x400;
const IS: u32 = 0x404;
const IBE: u32 = 0x408;
const IEV: u32 = 0x40C;
const IM: u32 = 0x410;
const RIS: u32 = 0x414;
const MIS: u32 = 0x418;
const ICR: u32 = 0x41C;
const AFSEL: u32 = 0x420;
const DR2R: u32 = 0x500;
const DR4R: u32 = 0x504;
const DR8R: u32 = 0x508;
const ODR: u32 = 0x50C;
const PUR: u32 = 0x510;
const PDR: u32 = 0x514;
const SLR: u32 = 0x518;
const DEN: u32 = 0x51C;
const LOCK: u32 = 0x520;
const CR: u32 = 0x524;

/// GPIOLOCK: the key that opens GPIOCR (data sheet, GPIOLOCK).
const KEY: u32 = 0x1ACC_E551;
/// GPIOPeriphID0 to 3 (data sheet, GPIOPeriphID0).
const PERIPHERAL: [u8; 4] = [0x61, 0x00, 0x18, 0x01];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Letter of the port.
    port: String,
    /// Pins that are JTAG out of reset: alternate function, digital, pulled up, and locked (PB7, PC0 to PC3).
    #[serde(default)]
    jtag: u8,
}

/// Registers of the port.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Registers {
    data: u8,
    dir: u8,
    is: u8,
    ibe: u8,
    iev: u8,
    im: u8,
    /// Edges that were seen.
    edges: u8,
    afsel: u8,
    dr2r: u8,
    dr4r: u8,
    dr8r: u8,
    odr: u8,
    pur: u8,
    pdr: u8,
    slr: u8,
    den: u8,
    cr: u8,
    unlocked: bool,
}

/// The port.
#[derive(Serialize, Deserialize)]
pub struct Gpio {
    port: String,
    jtag: u8,
    regs: Registers,
    /// Levels that peripherals give to their pins.
    alternate: u8,
    /// Levels of the pins.
    levels: u8,
    /// Pins whose edges the port listens to.
    listening: u8,
    nets: [Option<NetId>; 8],
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    Ok(Box::new(Gpio {
        port: p.port,
        jtag: p.jtag,
        regs: Registers::default(),
        alternate: 0,
        levels: 0,
        listening: 0,
        nets: [None; 8],
    }))
}

impl Gpio {
    fn names(&self, suffix: &str) -> Vec<String> {
        (0..8)
            .map(|i| format!("P{}{i}{suffix}", self.port))
            .collect()
    }

    /// Drive the pins of `mask` as the registers say.
    fn drive(&mut self, mask: u8, ctx: &mut Ctx<'_>) {
        let r = self.regs;
        let out = (self.alternate & r.afsel) | (r.data & !r.afsel);
        for i in (0..8).filter(|i| mask >> i & 1 != 0) {
            let Some(net) = self.nets[i] else { continue };
            let is = |register: u8| register >> i & 1 != 0;
            let drive = match (is(r.den) && (is(r.dir) || is(r.afsel)), is(out), is(r.odr)) {
                (false, ..) | (true, true, true) => Drive::Float,
                (true, true, false) => Drive::High,
                (true, false, _) => Drive::Low,
            };
            let pull = match (is(r.den), is(r.pur), is(r.pdr)) {
                (true, true, _) => Drive::PullUp,
                (true, false, true) => Drive::PullDown,
                _ => Drive::Float,
            };
            ctx.drive(net, Driver::PortPull, pull);
            ctx.drive(net, Driver::Port, drive);
            self.see(i, ctx.level(net), ctx);
        }
    }

    /// A pin has this level now.
    fn see(&mut self, pin: usize, level: bool, ctx: &mut Ctx<'_>) {
        let bit = 1 << pin;
        if (self.levels & bit != 0) == level {
            return;
        }
        self.levels ^= bit;
        ctx.output(pin, u32::from(level));
        let r = &mut self.regs;
        let edge_sensed = r.is & bit == 0 && r.den & bit != 0;
        let wanted = r.ibe & bit != 0 || (r.iev & bit != 0) == level;
        if edge_sensed && wanted {
            r.edges |= bit;
        }
        self.update_irq(ctx);
    }

    /// Raw interrupts: latched edges, and levels as they are.
    fn raw(&self) -> u8 {
        let r = &self.regs;
        let active = (self.levels & r.iev) | (!self.levels & !r.iev);
        (r.edges & !r.is) | (active & r.is & r.den)
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, self.raw() & self.regs.im != 0);
    }

    /// Listen to the pins that others move: digital inputs, those with an interrupt, and those whose
    /// level a peripheral takes.
    fn listen(&mut self, ctx: &mut Ctx<'_>) {
        let r = &self.regs;
        let mut wanted = r.den & (!r.dir | r.im);
        for i in 0..8 {
            if !ctx.is_wired(i) {
                continue;
            }
            wanted |= 1 << i;
        }
        let changed = wanted ^ self.listening;
        self.listening = wanted;
        for i in (0..8).filter(|i| changed >> i & 1 != 0) {
            ctx.listen(i, wanted >> i & 1 != 0);
        }
        for i in 0..8 {
            if let Some(net) = self.nets[i] {
                self.see(i, ctx.level(net), ctx);
            }
        }
    }

    fn read_data(&self, mask: u8, ctx: &Ctx<'_>) -> u8 {
        let r = &self.regs;
        let pins = (0..8).fold(0, |levels, i| {
            let level = self.nets[i].is_some_and(|net| ctx.level(net));
            levels | u8::from(level) << i
        });
        // An output reads as the value last written (data sheet, GPIODATA).
        mask & ((r.data & r.dir) | (pins & !r.dir & r.den))
    }

    fn register_mut(&mut self, register: u32) -> Option<&mut u8> {
        let r = &mut self.regs;
        Some(match register {
            DIR => &mut r.dir,
            IS => &mut r.is,
            IBE => &mut r.ibe,
            IEV => &mut r.iev,
            IM => &mut r.im,
            AFSEL => &mut r.afsel,
            DR2R => &mut r.dr2r,
            DR4R => &mut r.dr4r,
            DR8R => &mut r.dr8r,
            ODR => &mut r.odr,
            PUR => &mut r.pur,
            PDR => &mut r.pdr,
            SLR => &mut r.slr,
            DEN => &mut r.den,
            _ => return None,
        })
    }

    fn write_register(&mut self, register: u32, value: u8, ctx: &mut Ctx<'_>) {
        let (jtag, committed) = (self.jtag, self.regs.cr);
        let Some(place) = self.register_mut(register) else {
            return;
        };
        let old = *place;
        *place = value;
        let r = &mut self.regs;
        match register {
            AFSEL => {
                // Pins that are not committed keep their function.
                r.afsel = (value & committed) | (old & !committed);
                if (old ^ value) & !committed & jtag != 0 {
                    ctx.note(
                        NoticeKind::Misuse,
                        "AFSEL: pin is locked by GPIOCR, ignored",
                    );
                }
            }
            // A pin has one strength and one pull: the one set last (data sheet, GPIODR2R, GPIOPUR).
            DR2R => (r.dr4r, r.dr8r) = (r.dr4r & !value, r.dr8r & !value),
            DR4R => (r.dr2r, r.dr8r) = (r.dr2r & !value, r.dr8r & !value),
            DR8R => (r.dr2r, r.dr4r) = (r.dr2r & !value, r.dr4r & !value),
            PUR => r.pdr &= !value,
            PDR => r.pur &= !value,
            _ => {}
        }
        if matches!(register, DIR | AFSEL | ODR | PUR | PDR | DEN) {
            self.drive(0xFF, ctx);
        }
        if matches!(register, DIR | IM | DEN) {
            self.listen(ctx);
        }
        self.update_irq(ctx);
    }
}

impl Device for Gpio {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["irq"]),
            inputs: self.names(".AF"),
            outputs: self.names(".AF"),
            nets: self.names(""),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        for (i, net) in self.nets.iter_mut().enumerate() {
            *net = ctx.net(i);
        }
        self.regs = Registers {
            dr2r: 0xFF,
            afsel: self.jtag,
            den: self.jtag,
            pur: self.jtag,
            cr: !self.jtag,
            ..Registers::default()
        };
        self.drive(0xFF, ctx);
        self.listen(ctx);
        // Edges from before the reset do not count.
        self.regs.edges = 0;
        self.update_irq(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let byte = match register {
            0..DATA_END => self.read_data((register >> 2) as u8, ctx),
            RIS => self.raw(),
            MIS => self.raw() & self.regs.im,
            LOCK => u8::from(!self.regs.unlocked),
            CR => self.regs.cr,
            _ => match self.register_mut(register) {
                Some(&mut byte) => byte,
                None => return width.extract(ids::register(register, PERIPHERAL), offset),
            },
        };
        width.extract(u32::from(byte), offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        let word = width.spread(offset, value);
        if width != Width::Word && offset & 3 != 0 && register != LOCK {
            return; // the registers have eight bits
        }
        let byte = word as u8;
        match register {
            0..DATA_END => {
                let mask = (register >> 2) as u8;
                let old = self.regs.data;
                // Only outputs take the value (data sheet, GPIODATA).
                let mask = mask & self.regs.dir;
                self.regs.data = (old & !mask) | (byte & mask);
                self.drive(old ^ self.regs.data, ctx);
            }
            ICR => {
                self.regs.edges &= !byte;
                self.update_irq(ctx);
            }
            LOCK => self.regs.unlocked = word == KEY,
            CR if self.regs.unlocked => {
                // Only the bits of the JTAG pins can be changed.
                self.regs.cr = (byte & self.jtag) | !self.jtag;
            }
            CR => ctx.note(NoticeKind::Misuse, "GPIOCR: write while locked, ignored"),
            _ => self.write_register(register, byte, ctx),
        }
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        let bit = 1u8 << (port & 7);
        self.alternate = (self.alternate & !bit) | if value != 0 { bit } else { 0 };
        if self.regs.afsel & bit != 0 {
            self.drive(bit, ctx);
        }
    }

    fn net_changed(&mut self, index: u16, level: bool, ctx: &mut Ctx<'_>) {
        self.see(usize::from(index & 7), level, ctx);
    }

    fn access(&self, offset: u32, write: bool, bus: &Bus) -> Access {
        if !write {
            return Access::Plain;
        }
        match offset & !3 {
            register @ 0..DATA_END => {
                let mask = (register >> 2) as u8 & self.regs.dir;
                let heard = (0..8).any(|i| {
                    mask >> i & 1 != 0 && self.nets[i].is_some_and(|n| bus.nets.is_listened(n))
                });
                if heard { Access::Sync } else { Access::Plain }
            }
            DR2R | DR4R | DR8R | SLR | LOCK | CR => Access::Plain,
            _ => Access::Sync,
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let name = match offset {
            0..DATA_END => return Some(format!("DATA[{:#04x}]", offset >> 2)),
            DIR => "DIR",
            IS => "IS",
            IBE => "IBE",
            IEV => "IEV",
            IM => "IM",
            RIS => "RIS",
            MIS => "MIS",
            ICR => "ICR",
            AFSEL => "AFSEL",
            DR2R => "DR2R",
            DR4R => "DR4R",
            DR8R => "DR8R",
            ODR => "ODR",
            PUR => "PUR",
            PDR => "PDR",
            SLR => "SLR",
            DEN => "DEN",
            LOCK => "LOCK",
            CR => "CR",
            _ => return None,
        };
        Some(name.to_owned())
    }

    device_state!();
}

#[cfg(test)]
#[path = "gpio_tests.rs"]
mod tests;
