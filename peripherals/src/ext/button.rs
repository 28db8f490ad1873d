//! A push button on a pin.
//!
//! Modelled: the contact drives the pin to its active level while pressed, the board's resistor pulls
//! it to the other one. Not modelled: bounce.
//!
//! Ports: net `pin`; input `pressed` (0 or 1).

use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, Drive, Driver, Ports, ResetCause, Width, device_state};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Active {
    #[default]
    Low,
    High,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Level of the pin while the button is pressed.
    active: Active,
    /// The board has a resistor to the other level; without it the chip's own pull decides.
    resistor: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            active: Active::default(),
            resistor: true,
        }
    }
}

/// The button.
#[derive(Serialize, Deserialize)]
pub struct Button {
    active: Active,
    resistor: bool,
    pressed: bool,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    Ok(Box::new(Button {
        active: p.active,
        resistor: p.resistor,
        pressed: false,
    }))
}

impl Button {
    fn drive(&self, ctx: &mut Ctx<'_>) {
        let drive = match (self.pressed, self.active, self.resistor) {
            (true, Active::Low, _) => Drive::Low,
            (true, Active::High, _) => Drive::High,
            (false, _, false) => Drive::Float,
            (false, Active::Low, true) => Drive::PullUp,
            (false, Active::High, true) => Drive::PullDown,
        };
        if let Some(net) = ctx.net(0) {
            ctx.drive(net, Driver::External, drive);
        }
    }
}

impl Device for Button {
    fn ports(&self) -> Ports {
        Ports {
            inputs: Ports::names(&["pressed"]),
            nets: Ports::names(&["pin"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        // A reset of the chip does not let go of the button.
        self.pressed &= ctx.reset_cause() != ResetCause::PowerOn;
        self.drive(ctx);
    }

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    fn input(&mut self, _port: u16, value: u32, ctx: &mut Ctx<'_>) {
        self.pressed = value != 0;
        self.drive(ctx);
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    fn level(r: &Rig) -> bool {
        r.bus.nets.level(r.bus.nets.find("pin").expect("bound"))
    }

    #[test]
    fn pressed_and_released() {
        for (parameters, active) in [("", false), ("active = \"high\"", true)] {
            let mut r = Rig::m4();
            let button = r.add("ext.button", 0, parameters);
            assert_eq!(level(&r), !active);
            r.bus.set_input(button, 0, 1);
            assert_eq!(level(&r), active);
            r.bus.reset_devices(ResetCause::Pin);
            assert_eq!(level(&r), active, "still held");
            r.bus.set_input(button, 0, 0);
            assert_eq!(level(&r), !active);
        }
    }

    #[test]
    fn without_a_resistor_the_pull_of_the_chip_decides() {
        let mut r = Rig::m4();
        r.add("ext.button", 0, "resistor = false");
        let pin = r.bus.nets.find("pin").expect("bound");
        r.bus.drive(pin, Driver::PortPull, Drive::PullUp);
        assert!(level(&r));
    }
}
