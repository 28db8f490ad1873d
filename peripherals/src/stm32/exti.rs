//! `stm32.exti`: external interrupt and event controller with 23 lines (RM0090 chapter 12.2).
//!
//! Modelled: edge selection, interrupt and event masks, software trigger, pending bits; the pin of
//! lines 0 to 15 by the EXTICR values that SYSCFG gives; events set the event register of the core.
//! As in the manual, an edge sets PR only on a line that IMR lets through, and selecting another
//! pin is no edge.
//!
//! Not modelled: the delay of the edge detector; pulses shorter than an APB2 period are seen.

use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, Ports, Width};
use serde::{Deserialize, Serialize};

const IMR: u32 = 0x00;
const EMR: u32 = 0x04;
const RTSR: u32 = 0x08;
const FTSR: u32 = 0x0C;
const SWIER: u32 = 0x10;
const PR: u32 = 0x14;
const NAMES: &[(u32, &str)] = &[
    (IMR, "IMR"),
    (EMR, "EMR"),
    (RTSR, "RTSR"),
    (FTSR, "FTSR"),
    (SWIER, "SWIER"),
    (PR, "PR"),
];
/// Lines 0 to 22 (RM0090 §12.3.1).
const LINES: u32 = 0x007F_FFFF;
const PORTS: usize = 11;
const PINS: usize = 16;
/// Position of line 16 among the inputs, after EXTICR1 to 4.
const FIRST_INTERNAL: u16 = 4;

/// The interrupt outputs and the lines behind each.
const IRQS: [(&str, u32); 14] = [
    ("line0", 1 << 0),
    ("line1", 1 << 1),
    ("line2", 1 << 2),
    ("line3", 1 << 3),
    ("line4", 1 << 4),
    ("line9_5", 0x03E0),
    ("line15_10", 0xFC00),
    ("line16", 1 << 16),
    ("line17", 1 << 17),
    ("line18", 1 << 18),
    ("line19", 1 << 19),
    ("line20", 1 << 20),
    ("line21", 1 << 21),
    ("line22", 1 << 22),
];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Default, Serialize, Deserialize)]
struct Exti {
    imr: u32,
    emr: u32,
    rtsr: u32,
    ftsr: u32,
    swier: u32,
    pr: u32,
    exticr: [u32; 4],
    /// The net that each line listens to.
    listening: [Option<u16>; PINS],
    /// Last level of lines 16 to 22.
    internal: u32,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let _: Parameters = parameters(table)?;
    Ok(Box::new(Exti::default()))
}

impl Exti {
    /// Listen to the pins that can cause something, and to no others.
    fn select(&mut self, ctx: &mut Ctx<'_>) {
        let live = (self.imr | self.emr) & (self.rtsr | self.ftsr);
        for line in 0..PINS {
            let port = (self.exticr[line / 4] >> (4 * (line % 4)) & 0xF) as usize;
            let wanted =
                (live >> line & 1 != 0 && port < PORTS).then(|| (port * PINS + line) as u16);
            if wanted == self.listening[line] {
                continue;
            }
            if let Some(old) = self.listening[line] {
                ctx.listen(usize::from(old), false);
            }
            if let Some(new) = wanted {
                ctx.listen(usize::from(new), true);
            }
            self.listening[line] = wanted;
        }
    }

    fn edge(&mut self, line: usize, level: bool, ctx: &mut Ctx<'_>) {
        let trigger = if level { self.rtsr } else { self.ftsr };
        if trigger >> line & 1 != 0 {
            self.request(1 << line, ctx);
        }
    }

    fn request(&mut self, lines: u32, ctx: &mut Ctx<'_>) {
        self.pr |= lines & self.imr;
        if lines & self.emr != 0 {
            ctx.system().event = true;
        }
        self.update_irqs(ctx);
    }

    fn update_irqs(&self, ctx: &mut Ctx<'_>) {
        let active = self.pr & self.imr;
        for (i, (_, lines)) in IRQS.iter().enumerate() {
            ctx.set_irq(i, active & lines != 0);
        }
    }

    fn value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            IMR => self.imr,
            EMR => self.emr,
            RTSR => self.rtsr,
            FTSR => self.ftsr,
            SWIER => self.swier,
            PR => self.pr,
            _ => return None,
        })
    }
}

impl Device for Exti {
    fn ports(&self) -> Ports {
        let mut inputs = Ports::names(&["exticr1", "exticr2", "exticr3", "exticr4"]);
        inputs.extend((16..23).map(|line| format!("line{line}")));
        Ports {
            irqs: IRQS.iter().map(|(name, _)| (*name).to_owned()).collect(),
            inputs,
            nets: ('A'..='K')
                .flat_map(|port| (0..PINS).map(move |pin| format!("P{port}{pin}")))
                .collect(),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        *self = Exti {
            exticr: self.exticr,
            listening: self.listening,
            internal: self.internal,
            ..Exti::default()
        };
        self.select(ctx);
        self.update_irqs(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let Some(word) = self.value(offset) else {
            registers::reserved(ctx, offset);
            return 0;
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let Some(old) = self.value(offset) else {
            registers::reserved(ctx, offset);
            return;
        };
        let new = width.merge(old, offset, value) & LINES;
        match offset & !3 {
            IMR => self.imr = new,
            EMR => self.emr = new,
            RTSR => self.rtsr = new,
            FTSR => self.ftsr = new,
            SWIER => {
                // Only a rise from 0 to 1 triggers; PR clears the bit (RM0090 §12.3.5).
                self.swier |= new;
                self.request(new & !old, ctx);
                return;
            }
            _ => {
                let clear = width.spread(offset, value);
                self.pr &= !clear;
                self.swier &= !clear;
            }
        }
        self.select(ctx);
        self.update_irqs(ctx);
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        if port < FIRST_INTERNAL {
            self.exticr[usize::from(port)] = value;
            self.select(ctx);
            return;
        }
        let (line, level) = (usize::from(port - FIRST_INTERNAL) + 16, value != 0);
        if line > 22 || (self.internal >> line & 1 != 0) == level {
            return;
        }
        self.internal ^= 1 << line;
        self.edge(line, level, ctx);
    }

    fn net_changed(&mut self, index: u16, level: bool, ctx: &mut Ctx<'_>) {
        let line = usize::from(index) % PINS;
        if self.listening[line] == Some(index) {
            self.edge(line, level, ctx);
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
