//! Putting a machine together: devices, windows, wires.

use super::{Binding, BitBand, Bus, IoWindow, NO_DEVICE, PAGE_BITS, SerialPort, Slot};
use crate::device::{Device, DeviceId};

impl Bus {
    /// Add a device. Overlapping windows are the caller's error: the later one wins.
    pub fn add(&mut self, binding: Binding, device: Box<dyn Device>) -> DeviceId {
        let id = DeviceId(self.slots.len() as u16);
        let ports = device.ports();
        let serial = ports.serial.then(|| {
            self.serial.push(SerialPort {
                name: binding.name.clone(),
                device: Some(id),
                ..SerialPort::default()
            });
            self.serial.len() as u8 - 1
        });
        let mut nets = binding.nets.clone();
        nets.resize(ports.nets.len(), None);
        let mut page = binding.base >> PAGE_BITS;
        let end = (u64::from(binding.base) + u64::from(binding.size)).div_ceil(1 << PAGE_BITS);
        while u64::from(page) < end {
            self.page_entry(page, id);
            page += 1;
        }
        self.slots.push(Slot {
            irq_levels: vec![false; ports.irqs.len()],
            in_reset: false,
            clocks: binding.clocks.clone(),
            nets,
            wires: vec![Vec::new(); ports.outputs.len()],
            serial,
            binding,
            device: Some(device),
            stamp: self.stamps.new_one(),
        });
        id
    }

    pub(super) fn page_entry(&mut self, page: u32, id: DeviceId) {
        let top = &mut self.tops[(page >> 12) as usize];
        if *top == NO_DEVICE {
            *top = self.leaves.len() as u16;
            self.leaves
                .push(vec![NO_DEVICE; 1 << 12].into_boxed_slice());
        }
        self.leaves[usize::from(*top)][(page & 0xFFF) as usize] = id.0;
    }

    /// Connect an output of one device to an input of another.
    pub fn connect(&mut self, from: DeviceId, output: usize, to: DeviceId, input: usize) {
        if let Some(w) = self.slots[usize::from(from.0)].wires.get_mut(output) {
            w.push((to, input as u16));
        }
    }

    /// Add a window in which devices live.
    pub fn add_window(&mut self, window: IoWindow) {
        self.windows.push(window);
    }

    /// The windows in which devices live.
    #[must_use]
    pub fn windows(&self) -> &[IoWindow] {
        &self.windows
    }

    /// Add a bit-band alias.
    pub fn add_bit_band(&mut self, band: BitBand) {
        self.bit_bands.push(band);
    }

    /// Addresses that cores with a single-cycle I/O port (Cortex-M0+) reach through it.
    pub fn set_io_port(&mut self, base: u32, size: u32) {
        self.io_port = Some((base, size));
    }

    /// First address and size of what the single-cycle I/O port reaches.
    #[must_use]
    pub fn io_port(&self) -> Option<(u32, u32)> {
        self.io_port
    }

    /// The bit-band aliases.
    #[must_use]
    pub fn bit_bands(&self) -> &[BitBand] {
        &self.bit_bands
    }
}
