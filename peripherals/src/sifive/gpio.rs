//! SiFive GPIO controller: 32 pins.
//!
//! Modelled: input_val, input_en, output_en, output_val, pue, rise, fall, high and low interrupts, out_xor; ds, iof_en
//! and iof_sel keep their values. A pin reads what its net has when its input is enabled.
//! Not modelled: hardware functions (iof_en is noted once), drive strength, the two cycles of the input synchroniser.
//!
//! Ports: nets `GPIO0` to `GPIO31`; outputs `irq0` to `irq31` (sources of the PLIC). Source: FE310-G002 manual, chapter
//! on the GPIO controller.

use crate::{ParameterError, parameters};
use emu_core::{
    Access, Bus, Ctx, Device, Drive, Driver, NetId, NoticeKind, Ports, Width, device_state,
};
use serde::{Deserialize, Serialize};

const PINS: usize = 32;

/// Registers, in the order of their addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[allow(dead_code)] // two only hold their place
enum Reg {
    InputVal,
    InputEn,
    OutputEn,
    OutputVal,
    Pue,
    Ds,
    RiseIe,
    RiseIp,
    FallIe,
    FallIp,
    HighIe,
    HighIp,
    LowIe,
    LowIp,
    IofEn,
    IofSel,
    OutXor,
}

const NAMES: [&str; 17] = [
    "input_val",
    "input_en",
    "output_en",
    "output_val",
    "pue",
    "ds",
    "rise_ie",
    "rise_ip",
    "fall_ie",
    "fall_ip",
    "high_ie",
    "high_ip",
    "low_ie",
    "low_ip",
    "iof_en",
    "iof_sel",
    "out_xor",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

/// The controller.
#[derive(Serialize, Deserialize)]
pub struct Gpio {
    regs: [u32; 17],
    /// Levels of the pins, as the inputs see them.
    levels: u32,
    listening: u32,
    nets: Vec<Option<NetId>>,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters {} = parameters(table)?;
    Ok(Box::new(Gpio {
        regs: [0; 17],
        levels: 0,
        listening: 0,
        nets: vec![None; PINS],
    }))
}

impl Gpio {
    fn get(&self, reg: Reg) -> u32 {
        self.regs[reg as usize]
    }

    /// Drive the pins of `mask` as the registers say.
    fn drive(&mut self, mask: u32, ctx: &mut Ctx<'_>) {
        let (enabled, pull) = (self.get(Reg::OutputEn), self.get(Reg::Pue));
        let out = self.get(Reg::OutputVal) ^ self.get(Reg::OutXor);
        for pin in (0..PINS).filter(|p| mask >> p & 1 != 0) {
            let Some(net) = self.nets[pin] else { continue };
            let is = |bits: u32| bits >> pin & 1 != 0;
            let drive = match (is(enabled), is(out)) {
                (false, _) => Drive::Float,
                (true, true) => Drive::High,
                (true, false) => Drive::Low,
            };
            let pull = if is(pull) {
                Drive::PullUp
            } else {
                Drive::Float
            };
            ctx.drive(net, Driver::PortPull, pull);
            ctx.drive(net, Driver::Port, drive);
        }
    }

    /// Levels of all pins whose input is enabled.
    fn inputs(&self, ctx: &Ctx<'_>) -> u32 {
        let enabled = self.get(Reg::InputEn);
        (0..PINS).fold(0, |all, pin| {
            let level = enabled >> pin & 1 != 0 && self.nets[pin].is_some_and(|n| ctx.level(n));
            all | u32::from(level) << pin
        })
    }

    /// Look at the pins, latch edges and levels, and tell the interrupt lines.
    fn look(&mut self, ctx: &mut Ctx<'_>) {
        let levels = self.inputs(ctx);
        let changed = levels ^ self.levels;
        self.levels = levels;
        let enabled = self.get(Reg::InputEn);
        self.regs[Reg::RiseIp as usize] |= changed & levels;
        self.regs[Reg::FallIp as usize] |= changed & !levels & enabled;
        self.regs[Reg::HighIp as usize] |= levels;
        self.regs[Reg::LowIp as usize] |= !levels & enabled;
        self.lines(ctx);
    }

    fn lines(&self, ctx: &mut Ctx<'_>) {
        let pending = [
            (Reg::RiseIe, Reg::RiseIp),
            (Reg::FallIe, Reg::FallIp),
            (Reg::HighIe, Reg::HighIp),
            (Reg::LowIe, Reg::LowIp),
        ];
        let all = pending
            .into_iter()
            .fold(0, |all, (ie, ip)| all | self.get(ie) & self.get(ip));
        for pin in 0..PINS {
            if ctx.is_wired(pin) {
                ctx.output(pin, all >> pin & 1);
            }
        }
    }

    fn listen(&mut self, ctx: &mut Ctx<'_>) {
        let wanted = self.get(Reg::InputEn);
        let changed = wanted ^ self.listening;
        self.listening = wanted;
        for pin in (0..PINS).filter(|p| changed >> p & 1 != 0) {
            ctx.listen(pin, wanted >> pin & 1 != 0);
        }
    }
}

impl Device for Gpio {
    fn ports(&self) -> Ports {
        Ports {
            outputs: (0..PINS).map(|n| format!("irq{n}")).collect(),
            nets: (0..PINS).map(|n| format!("GPIO{n}")).collect(),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.regs = [0; 17];
        self.levels = 0;
        for pin in 0..PINS {
            self.nets[pin] = ctx.net(pin);
        }
        self.listen(ctx);
        self.drive(u32::MAX, ctx);
        self.lines(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let word = match offset as usize / 4 {
            0 => self.inputs(ctx),
            n => self.regs.get(n).copied().unwrap_or(0),
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let n = offset as usize / 4;
        let Some(&old) = self.regs.get(n) else { return };
        let is = |reg: Reg| n == reg as usize;
        let pending = [Reg::RiseIp, Reg::FallIp, Reg::HighIp, Reg::LowIp];
        if is(Reg::InputVal) {
            return;
        }
        if pending.into_iter().any(is) {
            // Write one to clear.
            self.regs[n] = old & !width.spread(offset, value);
            self.look(ctx);
            return;
        }
        let new = width.merge(old, offset, value);
        self.regs[n] = new;
        if is(Reg::IofEn) && new != 0 {
            ctx.note(
                NoticeKind::UnmodelledFeature,
                "iof_en: hardware functions of pins",
            );
        }
        let outputs = [Reg::OutputEn, Reg::OutputVal, Reg::Pue, Reg::OutXor];
        if outputs.into_iter().any(is) {
            self.drive(old ^ new, ctx);
        }
        self.listen(ctx);
        self.look(ctx);
    }

    fn net_changed(&mut self, _index: u16, _level: bool, ctx: &mut Ctx<'_>) {
        self.look(ctx);
    }

    fn access(&self, offset: u32, write: bool, bus: &Bus) -> Access {
        // Outputs that nobody listens to move nothing but nets.
        let output = offset & !3 == 4 * Reg::OutputVal as u32;
        let heard = self
            .nets
            .iter()
            .flatten()
            .any(|&net| bus.nets.is_listened(net));
        if write && (heard || !output) {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        NAMES.get(offset as usize / 4).map(|n| (*n).to_owned())
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    const fn at(reg: Reg) -> u32 {
        4 * reg as u32
    }

    #[test]
    fn outputs_move_nets_and_inputs_read_them() {
        let mut r = Rig::m4();
        r.add("sifive.gpio", 0x1001_2000, "");
        let net = r.bus.nets.find("GPIO5").expect("a net");
        r.write(at(Reg::OutputVal), 1 << 5);
        assert!(!r.bus.nets.level(net), "not enabled");
        r.write(at(Reg::OutputEn), 1 << 5);
        assert!(r.bus.nets.level(net));
        assert_eq!(r.read(at(Reg::InputVal)), 0);
        r.write(at(Reg::InputEn), 1 << 5);
        assert_eq!(r.read(at(Reg::InputVal)), 1 << 5);
        r.write(at(Reg::OutXor), 1 << 5);
        assert!(!r.bus.nets.level(net));
    }

    #[test]
    fn edges_and_levels_are_latched() {
        let mut r = Rig::m4();
        r.add("sifive.gpio", 0x1001_2000, "");
        let net = r.bus.nets.find("GPIO0").expect("a net");
        r.write(at(Reg::InputEn), 1);
        r.bus.drive_external(net, Drive::High);
        r.bus.drive_external(net, Drive::Low);
        assert_eq!((r.read(at(Reg::RiseIp)), r.read(at(Reg::FallIp))), (1, 1));
        r.write(at(Reg::RiseIp), 1);
        assert_eq!((r.read(at(Reg::RiseIp)), r.read(at(Reg::FallIp))), (0, 1));
        r.write(at(Reg::LowIp), 1);
        assert_eq!(r.read(at(Reg::LowIp)), 1, "still low");
    }
}
