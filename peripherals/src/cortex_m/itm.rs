//! Instrumentation trace macrocell: the stimulus ports.
//!
//! Modelled: stimulus ports 0 to 31 (a write is recorded when the unit, the port and DEMCR.TRCENA are
//! on; the bytes of port 0 also go to a serial port), TER, TPR, TCR, the software lock. A port is
//! always ready. Not modelled: time stamps, synchronisation and DWT packets, the speed of the trace
//! output (a real port may answer "not ready"), privilege of TPR.
//!
//! With the parameter `attached` the unit comes out of power-on as a debugger leaves it: TCR.ITMENA
//! and all ports on, DEMCR.TRCENA taken as set. Without it the firmware has to enable it, as on a board that stands alone.
//!
//! Window: 0xE0000000, 4 KiB. Source: ARMv7-M ARM (DDI 0403E) C1.7.

use super::common::{class, id_register, lock};
use crate::{ParameterError, parameters};
use emu_core::cortex_m::trace::TRCENA;
use emu_core::{
    Access, Bus, Ctx, Device, NoticeKind, Ports, ProbeKind, ResetCause, Width, device_state,
};
use serde::{Deserialize, Serialize};

const STIM_END: u32 = 0x080;
const TER: u32 = 0xE00;
const TPR: u32 = 0xE40;
const TCR: u32 = 0xE80;
const LAR: u32 = 0xFB0;
const LSR: u32 = 0xFB4;

/// TCR: ITMENA; TraceBusID, GTSFREQ, TSPrescale, SWOENA, TXENA, SYNCENA, TSENA can be written (C1.7.6).
const ITMENA: u32 = 1;
const TCR_MASK: u32 = 0x007F_0F1F;
/// What a stimulus port reads as: ready.
const FIFOREADY: u32 = 1;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Come out of power-on enabled, as with a debugger attached.
    attached: bool,
}

/// The unit.
#[derive(Serialize, Deserialize)]
pub struct Itm {
    attached: bool,
    ter: u32,
    tpr: u32,
    tcr: u32,
    locked: bool,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    Ok(Box::new(Itm {
        attached: p.attached,
        ter: 0,
        tpr: 0,
        tcr: 0,
        locked: true,
    }))
}

impl Itm {
    fn stimulus(&mut self, port: u8, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let on = self.tcr & ITMENA != 0 && self.ter >> port & 1 != 0;
        let traced = self.attached || ctx.system().demcr & TRCENA != 0;
        if !on || !traced {
            return;
        }
        ctx.probe(ProbeKind::Itm {
            port,
            width: width.bytes() as u8,
            value,
        });
        if port == 0 {
            for i in 0..width.bytes() {
                ctx.serial_out((value >> (8 * i)) as u8);
            }
        }
    }
}

impl Device for Itm {
    fn ports(&self) -> Ports {
        Ports {
            serial: true,
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.reset_cause() != ResetCause::PowerOn {
            return; // a debug unit keeps its settings over a system reset
        }
        (self.ter, self.tpr, self.tcr, self.locked) = (0, 0, 0, true);
        if self.attached {
            (self.ter, self.tcr, self.locked) = (u32::MAX, ITMENA, false);
        }
    }

    fn read(&mut self, offset: u32, width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        let word = match offset & !3 {
            0..STIM_END => FIFOREADY,
            TER => self.ter,
            TPR => self.tpr,
            TCR => self.tcr,
            LSR => lock::status(self.locked),
            register => id_register(register, 0x001, class::GENERIC_IP).unwrap_or(0),
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        match register {
            0..STIM_END => return self.stimulus((register / 4) as u8, width, value, ctx),
            LAR => {
                self.locked = value != lock::KEY;
                return;
            }
            _ if self.locked => {
                ctx.note(
                    NoticeKind::Misuse,
                    "write while LAR locks the unit, ignored",
                );
                return;
            }
            _ => {}
        }
        match register {
            TER => self.ter = width.merge(self.ter, offset, value),
            TPR => self.tpr = width.merge(self.tpr, offset, value) & 0xF,
            TCR => self.tcr = width.merge(self.tcr, offset, value) & TCR_MASK,
            _ => {}
        }
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        // A byte on the serial port may end the run.
        if write && offset & !3 == 0 {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        Some(match offset {
            0..STIM_END => format!("STIM{}", offset / 4),
            TER => "TER".to_owned(),
            TPR => "TPR".to_owned(),
            TCR => "TCR".to_owned(),
            LAR => "LAR".to_owned(),
            LSR => "LSR".to_owned(),
            _ => return None,
        })
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    const BASE: u32 = 0xE000_0000;

    #[test]
    fn firmware_that_unlocks_and_enables_prints() {
        let mut r = Rig::m4();
        r.add("cortex_m.itm", BASE, "");
        r.bus.system.demcr = TRCENA;
        r.write(TER, 1);
        assert_eq!((r.read(TER), r.read(LSR)), (0, 3), "locked");
        r.write(LAR, lock::KEY);
        r.write(TER, 1);
        r.write(TCR, ITMENA);
        assert_eq!(r.read(0), FIFOREADY);
        r.write_as(0, Width::Byte, 0x48);
        r.write(0, 0x0A21_6948);
        r.write_as(4, Width::Byte, 0x55);
        assert_eq!(r.bus.take_sent(0), b"HHi!\n", "port 1 is off");
        r.bus.system.demcr = 0;
        r.write_as(0, Width::Byte, 0x48);
        assert!(r.bus.take_sent(0).is_empty());
    }

    #[test]
    fn attached_comes_up_enabled_and_records() {
        let mut r = Rig::m4();
        r.add("cortex_m.itm", BASE, "attached = true");
        let (tx, rx) = std::sync::mpsc::channel();
        r.bus.probes.attach(
            emu_core::probe::ProbeMask::ALL,
            Box::new(move |events| {
                tx.send(events).expect("open");
                Vec::new()
            }),
        );
        r.at(7).write_as(3 * 4, Width::Half, 0xBEEF);
        r.bus.probes.flush();
        let events = rx.recv().expect("one buffer");
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].at.0, 7);
        assert_eq!(
            events[0].kind,
            ProbeKind::Itm {
                port: 3,
                width: 2,
                value: 0xBEEF
            }
        );
    }
}
