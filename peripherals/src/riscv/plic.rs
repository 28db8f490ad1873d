//! Platform-level interrupt controller (PLIC) with one target, machine mode of one hart.
//!
//! Modelled: priorities, pending bits, enables, threshold, claim and complete with a gateway for each level-triggered
//! source: a source that was claimed is not pending again before it was completed. The line to the hart rises
//! `latency` cycles after its cause.
//! Not modelled: more targets, edge-triggered gateways.
//!
//! Ports: irq `external`; inputs `source1` to `source<sources>`. Source: FE310-G000 manual v3p2 §8.5 (latency of three
//! cycles); the register map is that of the SiFive manuals' chapter on the PLIC.

use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, Ports, Width, device_state};
use serde::{Deserialize, Serialize};

const PENDING: u32 = 0x1000;
const ENABLE: u32 = 0x2000;
const THRESHOLD: u32 = 0x20_0000;
const CLAIM: u32 = 0x20_0004;

const RISE: u32 = 0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Number of sources, at most 127.
    sources: u16,
    /// Priorities are 0 to this.
    max_priority: u32,
    /// Cycles from the pending source to the line into the hart.
    latency: u64,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            sources: 52,
            max_priority: 7,
            latency: 0,
        }
    }
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Source {
    level: bool,
    pending: bool,
    /// Claimed and not completed.
    served: bool,
    enabled: bool,
    priority: u32,
}

/// The controller.
#[derive(Serialize, Deserialize)]
pub struct Plic {
    max_priority: u32,
    latency: u64,
    /// Source 0 does not exist.
    sources: Vec<Source>,
    threshold: u32,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.sources > 127 {
        return Err(ParameterError("`sources` is at most 127".to_owned()));
    }
    Ok(Box::new(Plic {
        max_priority: p.max_priority,
        latency: p.latency,
        sources: vec![Source::default(); usize::from(p.sources) + 1],
        threshold: 0,
    }))
}

impl Plic {
    /// The pending source of highest priority, the lowest number among equals; those of priority 0 never are.
    fn best(&self) -> Option<usize> {
        let candidates = self.sources.iter().enumerate();
        candidates
            .filter(|(_, s)| s.pending && s.enabled && s.priority > 0)
            .max_by_key(|(n, s)| (s.priority, std::cmp::Reverse(*n)))
            .map(|(n, _)| n)
    }

    fn update(&mut self, ctx: &mut Ctx<'_>) {
        for s in &mut self.sources {
            s.pending |= s.level && !s.served;
        }
        let wanted = self
            .best()
            .is_some_and(|n| self.sources[n].priority > self.threshold);
        if !wanted {
            ctx.cancel(RISE);
            ctx.set_irq(0, false);
        } else if self.latency == 0 {
            ctx.set_irq(0, true);
        } else if ctx.due(RISE).is_none() {
            ctx.schedule_in(RISE, self.latency);
        }
    }

    /// Bits of 32 sources.
    fn bits(&self, first: usize, is: impl Fn(&Source) -> bool) -> u32 {
        let list = self.sources.iter().skip(first).take(32);
        list.enumerate()
            .fold(0, |all, (i, s)| all | u32::from(is(s)) << i)
    }

    fn word(&self, register: u32) -> u32 {
        let index = (register & 0xFFF) as usize;
        match register {
            0..PENDING => self.sources.get(index / 4).map_or(0, |s| s.priority),
            PENDING..ENABLE => self.bits(index * 8, |s| s.pending),
            ENABLE..0x2080 => self.bits(index * 8, |s| s.enabled),
            THRESHOLD => self.threshold,
            _ => 0,
        }
    }
}

impl Device for Plic {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["external"]),
            inputs: (1..self.sources.len())
                .map(|n| format!("source{n}"))
                .collect(),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        for s in &mut self.sources {
            *s = Source {
                level: s.level,
                ..Source::default()
            };
        }
        self.threshold = 0;
        self.update(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        if register == CLAIM && !ctx.is_debug() {
            let Some(n) = self.best() else { return 0 };
            (self.sources[n].pending, self.sources[n].served) = (false, true);
            self.update(ctx);
            return width.extract(n as u32, offset);
        }
        width.extract(self.word(register), offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        let value = width.merge(self.word(register), offset, value);
        let index = (register & 0xFFF) as usize;
        match register {
            0..PENDING => {
                if let Some(s) = self.sources.get_mut(index / 4).filter(|_| index > 0) {
                    s.priority = value.min(self.max_priority);
                }
            }
            ENABLE..0x2080 => {
                let list = self.sources.iter_mut().enumerate().skip(index * 8);
                for (n, s) in list.take(32).filter(|(n, _)| *n > 0) {
                    s.enabled = value >> (n % 32) & 1 != 0;
                }
            }
            THRESHOLD => self.threshold = value.min(self.max_priority),
            CLAIM => {
                if let Some(s) = self.sources.get_mut(value as usize).filter(|s| s.enabled) {
                    s.served = false;
                }
            }
            _ => {}
        }
        self.update(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, true);
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        if let Some(s) = self.sources.get_mut(usize::from(port) + 1) {
            s.level = value != 0;
            self.update(ctx);
        }
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        if write || offset & !3 == CLAIM {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        Some(match offset {
            0..PENDING => format!("priority{}", offset / 4),
            PENDING..ENABLE => format!("pending{}", (offset - PENDING) / 4),
            ENABLE..0x2080 => format!("enable{}", (offset - ENABLE) / 4),
            THRESHOLD => "threshold".to_owned(),
            CLAIM => "claim".to_owned(),
            _ => return None,
        })
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;
    use emu_core::DeviceId;

    fn rig() -> (Rig, DeviceId) {
        let mut rig = Rig::m4();
        let id = rig.add("riscv.plic", 0x0C00_0000, "latency = 3");
        (rig, id)
    }

    fn set(r: &mut Rig, id: DeviceId, source: usize, level: bool) {
        r.bus.set_input(id, source - 1, u32::from(level));
    }

    #[test]
    fn priority_then_number_and_the_gateway() {
        let (mut r, id) = rig();
        for (n, priority) in [(3, 2), (5, 7), (6, 7), (9, 0)] {
            r.write(4 * n, priority);
        }
        r.write(ENABLE, 0xFFFF_FFFF);
        for n in [3, 5, 6, 9] {
            set(&mut r, id, n, true);
        }
        assert_eq!(r.read(PENDING), 1 << 3 | 1 << 5 | 1 << 6 | 1 << 9);
        assert!(!r.bus.irq_level(id, 0), "three cycles later");
        r.at(3);
        assert!(r.bus.irq_level(id, 0));
        assert_eq!([r.read(CLAIM), r.read(CLAIM), r.read(CLAIM)], [5, 6, 3]);
        assert_eq!(r.read(CLAIM), 0, "priority 0 never is");
        assert!(!r.bus.irq_level(id, 0));
        r.write(CLAIM, 6);
        assert_eq!(r.read(CLAIM), 6, "its level was still up");
        set(&mut r, id, 5, false);
        r.write(CLAIM, 5);
        assert_eq!(r.read(CLAIM), 0);
    }

    #[test]
    fn the_threshold_hides_the_line_but_not_the_claim() {
        let (mut r, id) = rig();
        r.write(4, 3);
        r.write(ENABLE, 2);
        r.write(THRESHOLD, 3);
        set(&mut r, id, 1, true);
        r.at(50);
        assert!(!r.bus.irq_level(id, 0));
        r.write(THRESHOLD, 2);
        r.at(53);
        assert!(r.bus.irq_level(id, 0));
    }
}
