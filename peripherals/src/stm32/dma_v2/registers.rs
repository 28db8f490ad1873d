//! The register file of the DMA controller, RM0090 §10.5.

use super::{Dma, STREAMS, stream};
use emu_core::{Ctx, Width};

const LISR: u32 = 0x00;
const HISR: u32 = 0x04;
const LIFCR: u32 = 0x08;
const HIFCR: u32 = 0x0C;
/// First register of stream 0, and the distance between streams.
const STREAM0: u32 = 0x10;
const STRIDE: u32 = 0x18;
const CR: u32 = 0x00;
const NDTR: u32 = 0x04;
const PAR: u32 = 0x08;
const M0AR: u32 = 0x0C;
const M1AR: u32 = 0x10;
const FCR: u32 = 0x14;

/// Where the flags of a stream are in LISR or HISR (RM0090 §10.5.1).
const FLAG_SHIFT: [u32; 4] = [0, 6, 16, 22];

/// Name of the register at an offset.
pub fn name(offset: u32) -> Option<String> {
    if let Some(n) = ["LISR", "HISR", "LIFCR", "HIFCR"].get(offset as usize / 4) {
        return Some((*n).to_owned());
    }
    let (i, reg) = stream_of(offset)?;
    let n = ["CR", "NDTR", "PAR", "M0AR", "M1AR", "FCR"].get(reg as usize / 4)?;
    Some(format!("S{i}{n}"))
}

fn stream_of(reg: u32) -> Option<(usize, u32)> {
    let n = reg.checked_sub(STREAM0)?;
    let i = (n / STRIDE) as usize;
    (i < STREAMS).then_some((i, n % STRIDE))
}

impl Dma {
    fn flags(&self, first: usize) -> u32 {
        (0..4)
            .map(|i| self.streams[first + i].flags() << FLAG_SHIFT[i])
            .sum()
    }

    pub(super) fn register_value(&self, reg: u32) -> u32 {
        match reg {
            LISR => return self.flags(0),
            HISR => return self.flags(4),
            _ => {}
        }
        let Some((i, reg)) = stream_of(reg) else {
            return 0;
        };
        let s = &self.streams[i];
        match reg {
            CR => s.cr(),
            NDTR => s.remaining(),
            PAR => s.par,
            M0AR => s.m0ar,
            M1AR => s.m1ar,
            FCR => s.fcr(),
            _ => 0,
        }
    }

    pub(super) fn write_register(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        ctx: &mut Ctx<'_>,
    ) {
        let reg = offset & !3;
        let first = match reg {
            LIFCR => Some(0),
            HIFCR => Some(4),
            _ => None,
        };
        if let Some(first) = first {
            let bits = width.spread(offset, value);
            for (i, shift) in FLAG_SHIFT.iter().enumerate() {
                self.streams[first + i].clear_flags(bits >> shift & stream::flag::ALL);
                self.update_irq(first + i, ctx);
            }
            return;
        }
        let Some((i, field)) = stream_of(reg) else {
            return;
        };
        let merged = width.merge(self.register_value(reg), offset, value);
        match field {
            CR => self.write_cr(i, merged, ctx),
            NDTR => self.streams[i].write_ndtr(merged & 0xFFFF),
            PAR => self.streams[i].write_par(merged),
            M0AR => self.streams[i].write_memory(0, merged),
            M1AR => self.streams[i].write_memory(1, merged),
            FCR => self.streams[i].write_fcr(merged),
            _ => {}
        }
        self.update_irq(i, ctx);
    }
}
