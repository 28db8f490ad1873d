//! Serial ports: bytes between the machine and the host.

use super::{Bus, MAX_TAIL, StopOn};
use crate::device::DeviceId;
use crate::probe::ProbeKind;

/// Bytes that a serial port has sent.
#[derive(Clone, Debug, Default)]
pub struct SerialPort {
    /// Name of its device.
    pub name: String,
    /// The device.
    pub device: Option<DeviceId>,
    /// Sent and not yet taken by the host.
    pub sent: Vec<u8>,
    /// The last bytes sent, for [`StopOn::SerialText`].
    pub(super) tail: Vec<u8>,
}

impl Bus {
    pub(crate) fn serial_out(&mut self, id: DeviceId, byte: u8) {
        if let Some(port) = self.slots[usize::from(id.0)].serial {
            self.serial_push(port, byte);
        }
    }

    pub(crate) fn serial_received(&mut self, id: DeviceId, byte: u8) {
        if let Some(port) = self.slots[usize::from(id.0)].serial {
            self.probe(ProbeKind::UartRx { port, byte });
        }
    }

    /// The serial ports, in order of their index.
    #[must_use]
    pub fn serial_ports(&self) -> &[SerialPort] {
        &self.serial
    }

    /// Add a serial port that is not a device on the bus (semihosting, RTT, ITM). Returns its index.
    pub fn add_serial(&mut self, name: &str) -> u8 {
        self.serial.push(SerialPort {
            name: name.to_owned(),
            ..SerialPort::default()
        });
        self.serial.len() as u8 - 1
    }

    /// A byte goes out on a port of [`Bus::add_serial`].
    pub fn serial_push(&mut self, port: u8, byte: u8) {
        let Some(p) = self.serial.get_mut(usize::from(port)) else {
            return;
        };
        p.sent.push(byte);
        let tail = p.tail.len().saturating_sub(MAX_TAIL - 1);
        p.tail.drain(..tail);
        p.tail.push(byte);
        if !self.stop_on.is_empty() {
            let tail = p.tail.clone();
            self.meet(|s| {
                matches!(s, StopOn::SerialText { port: on, text }
                    if on.is_none_or(|on| on == port) && tail.ends_with(text))
            });
        }
        self.probe(ProbeKind::UartTx { port, byte });
    }

    /// Take what a serial port has sent since the last call.
    pub fn take_sent(&mut self, port: u8) -> Vec<u8> {
        self.serial
            .get_mut(usize::from(port))
            .map(|p| std::mem::take(&mut p.sent))
            .unwrap_or_default()
    }

    /// Send bytes from the host to a serial port, starting at the present cycle.
    pub fn serial_in(&mut self, port: u8, bytes: &[u8]) {
        if let Some(id) = self.serial.get(usize::from(port)).and_then(|p| p.device) {
            self.call(id, (), |d, ctx| d.serial_in(bytes, ctx));
        }
    }
}
