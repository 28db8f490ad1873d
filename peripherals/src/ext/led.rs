//! A light-emitting diode on a pin: a name for captures, it drives nothing.
//!
//! Modelled: nothing beyond the name of the net it hangs on. Not modelled: its current.
//!
//! Ports: net `pin`.

use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, Ports, Width, device_state};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

/// The diode.
#[derive(Serialize, Deserialize)]
pub struct Led {}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters {} = parameters(table)?;
    Ok(Box::new(Led {}))
}

impl Device for Led {
    fn ports(&self) -> Ports {
        Ports {
            nets: Ports::names(&["pin"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    device_state!();
}

#[cfg(test)]
mod tests {
    use crate::cortex_m::testing::Rig;
    use emu_core::{Drive, Driver};

    #[test]
    fn it_leaves_its_pin_alone() {
        let mut r = Rig::m4();
        r.add("ext.led", 0, "");
        let pin = r.bus.nets.find("pin").expect("bound");
        r.bus.drive(pin, Driver::Port, Drive::High);
        assert!(r.bus.nets.level(pin));
        assert!(!r.bus.nets.is_listened(pin));
    }
}
