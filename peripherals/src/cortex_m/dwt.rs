//! Data watchpoint and trace unit.
//!
//! Modelled: DWT_CTRL, CYCCNT (a function of the cycle, writable), EXCCNT and SLEEPCNT from the
//! core's own counts, PCSR, comparator 0 on the cycle counter (FUNCTION 4 with CYCMATCH pends
//! DebugMonitor when DEMCR.MON_EN is set), MATCHED, the software lock of the M7.
//! Not modelled: CPICNT, LSUCNT and FOLDCNT (they read zero, noted), data and instruction address
//! comparators (their registers keep their values, noted), trace packets and counter overflow events.
//!
//! DEMCR.TRCENA gates the counters at its exact cycle. A cycle comparator that was set up before
//! TRCENA is planned when the input `trcena` rises or at the next access to the unit.
//!
//! Ports: input `trcena` (from the system control space, optional). Window: 0xE0001000, 4 KiB.
//! Source: ARMv7-M ARM (DDI 0403E) C1.8, ARMv6-M ARM (DDI 0419E) C1.8.

use super::common::{class, id_register, lock, note_narrow, part, part_number};
use crate::{ParameterError, parameters};
use emu_core::cortex_m::System;
use emu_core::cortex_m::number::DEBUG_MONITOR;
use emu_core::cortex_m::system::DEMCR_MON_EN;
use emu_core::cortex_m::trace::{CYCCNTENA, EXCEVTENA, SLEEPEVTENA, TRCENA};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, ResetCause, Width, device_state};
use serde::{Deserialize, Serialize};

const CTRL: u32 = 0x000;
const CYCCNT: u32 = 0x004;
const CPICNT: u32 = 0x008;
const EXCCNT: u32 = 0x00C;
const SLEEPCNT: u32 = 0x010;
const LSUCNT: u32 = 0x014;
const FOLDCNT: u32 = 0x018;
const PCSR: u32 = 0x01C;
const COMP0: u32 = 0x020;
/// One past the registers of comparator 3; comparators are 16 bytes apart.
const COMP_END: u32 = 0x060;
const LAR: u32 = 0xFB0;
const LSR: u32 = 0xFB4;

/// Writable bits of DWT_CTRL (C1.8.7).
const CTRL_MASK: u32 = 0x007F_1FFF;
/// NOTRCPKT, NOEXTTRIG, NOCYCCNT, NOPRFCNT: a unit without counters.
const NO_COUNTERS: u32 = 0x0F00_0000;
/// FUNCTION: CYCMATCH, and the function that makes a debug event.
const CYCMATCH: u32 = 1 << 7;
const FUNCTION: u32 = 0xF;
const WATCHPOINT: u32 = 4;
const MATCHED: u32 = 1 << 24;
/// DFSR.DWTTRAP.
const DWTTRAP: u32 = 1 << 2;

/// The event of a cycle match.
const MATCH: u32 = 0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// DWT_CTRL.NUMCOMP.
    comparators: u32,
    /// The cycle counter and the profiling counters exist; by default in ARMv7-M only.
    counters: Option<bool>,
    /// CYCCNT stands still while the core sleeps.
    stops_asleep: bool,
    /// The unit has the software lock, and it is closed out of reset; by default in the M7 only.
    lock: Option<bool>,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            comparators: 4,
            counters: None,
            stops_asleep: false,
            lock: None,
        }
    }
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Comparator {
    comp: u32,
    mask: u32,
    function: u32,
}

/// The unit.
#[derive(Serialize, Deserialize)]
pub struct Dwt {
    comparators: u32,
    counters: Option<bool>,
    stops_asleep: bool,
    lock: Option<bool>,
    locked: bool,
    comparator: [Comparator; 4],
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.comparators > 4 {
        return Err(ParameterError(format!(
            "comparators = {}: a DWT has 0 to 4",
            p.comparators
        )));
    }
    Ok(Box::new(Dwt {
        comparators: p.comparators,
        counters: p.counters,
        stops_asleep: p.stops_asleep,
        lock: p.lock,
        locked: false,
        comparator: Default::default(),
    }))
}

impl Dwt {
    fn has_counters(&self, s: &System) -> bool {
        self.counters.unwrap_or(s.is_v7m())
    }

    fn has_lock(&self, s: &System) -> bool {
        self.lock.unwrap_or(part_number(s.cpuid) == part::M7)
    }

    /// Does comparator 0 watch the cycle counter for a debug event?
    fn watches_cycles(&self) -> bool {
        self.comparators > 0
            && self.comparator[0].function & (CYCMATCH | FUNCTION) == CYCMATCH | WATCHPOINT
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let s = ctx.system();
        let on = self.watches_cycles() && self.has_counters(s) && s.trace.cyccnt.is_open();
        let at = on.then(|| {
            // A match is a step of the counter onto the value, so a full turn away at the latest.
            let left = self.comparator[0].comp.wrapping_sub(s.cyccnt(now));
            now + if left == 0 { 1 << 32 } else { u64::from(left) }
        });
        ctx.schedule_or_cancel(MATCH, at);
    }

    fn read_comparator(&mut self, register: u32, debug: bool) -> u32 {
        let i = (register - COMP0) / 16;
        if i >= self.comparators {
            return 0;
        }
        let c = &mut self.comparator[i as usize];
        match register & 0xC {
            0 => c.comp,
            4 => c.mask,
            8 => {
                let value = c.function;
                if !debug {
                    c.function &= !MATCHED;
                }
                value
            }
            _ => 0,
        }
    }

    fn write_comparator(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let i = (offset - COMP0) / 16;
        if i >= self.comparators {
            return;
        }
        let c = &mut self.comparator[i as usize];
        match offset & 0xC {
            0 => c.comp = width.merge(c.comp, offset, value),
            4 => c.mask = width.merge(c.mask, offset, value) & 0x1F,
            8 => {
                // DATAVADDR1, DATAVADDR0, DATAVSIZE, DATAVMATCH, CYCMATCH (0 only), EMITRANGE, FUNCTION.
                let mask = if i == 0 { 0x000F_FDAF } else { 0x000F_FD2F };
                c.function = width.merge(c.function, offset, value) & mask;
                if c.function & FUNCTION != 0 && !(i == 0 && self.watches_cycles()) {
                    ctx.note(
                        NoticeKind::UnmodelledFeature,
                        &format!("FUNCTION{i}: comparator other than a cycle match"),
                    );
                }
            }
            _ => {}
        }
    }
}

impl Device for Dwt {
    fn ports(&self) -> Ports {
        Ports {
            inputs: Ports::names(&["trcena"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        let stops_asleep = self.stops_asleep;
        let power_on = ctx.reset_cause() == ResetCause::PowerOn;
        if power_on {
            self.comparator = Default::default();
            self.locked = self.has_lock(ctx.system());
        }
        let now = ctx.now();
        let s = ctx.system();
        if power_on {
            s.trace = emu_core::cortex_m::Trace {
                stops_asleep,
                ..Default::default()
            };
        }
        s.trace_changed(now);
        // The unit works on over a system reset (M4 TRM §2.2: only PORESETn resets debug).
        self.plan(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let (now, pc, debug) = (ctx.now(), ctx.pc(), ctx.is_debug());
        let locked = self.locked;
        let s = ctx.system();
        let counters = self.has_counters(s);
        let word = match register {
            CTRL if counters => self.comparators << 28 | s.trace.ctrl,
            CTRL if s.is_v7m() => self.comparators << 28 | NO_COUNTERS,
            CTRL => self.comparators << 28,
            CYCCNT if counters => s.cyccnt(now),
            EXCCNT if counters => s.trace.exccnt.value(s.exception_cycles) as u32 & 0xFF,
            SLEEPCNT if counters => s.trace.sleepcnt.value(s.sleep_cycles) as u32 & 0xFF,
            CPICNT | LSUCNT | FOLDCNT if counters => {
                let name = self.register(register).unwrap_or_default();
                ctx.note(NoticeKind::UnmodelledFeature, &format!("{name} reads zero"));
                0
            }
            PCSR => pc,
            COMP0..COMP_END => self.read_comparator(register, debug),
            LSR if self.has_lock(s) => lock::status(locked),
            _ => {
                let part = if s.is_v7m() { 0x002 } else { 0x00A };
                id_register(register, part, class::GENERIC_IP).unwrap_or(0)
            }
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        if let Some(name) = self.register(register) {
            note_narrow(ctx, &name, width);
        }
        let now = ctx.now();
        let s = ctx.system();
        let counters = self.has_counters(s);
        if register == LAR {
            if self.has_lock(s) {
                self.locked = value != lock::KEY;
            }
            return;
        }
        if self.locked {
            ctx.note(
                NoticeKind::Misuse,
                "write while LAR locks the unit, ignored",
            );
            return;
        }
        match register {
            CTRL if counters => {
                s.trace.ctrl = width.merge(s.trace.ctrl, offset, value) & CTRL_MASK;
                let packets = s.trace.ctrl & !(CYCCNTENA | EXCEVTENA | SLEEPEVTENA);
                s.trace_changed(now);
                if packets != 0 {
                    ctx.note(
                        NoticeKind::UnmodelledFeature,
                        "CTRL: trace packets and sampling",
                    );
                }
            }
            CYCCNT if counters => {
                let old = s.cyccnt(now);
                s.set_cyccnt(now, width.merge(old, offset, value));
            }
            EXCCNT if counters => {
                let source = s.exception_cycles;
                s.trace.exccnt.set(source, u64::from(value & 0xFF));
            }
            SLEEPCNT if counters => {
                let source = s.sleep_cycles;
                s.trace.sleepcnt.set(source, u64::from(value & 0xFF));
            }
            COMP0..COMP_END => self.write_comparator(offset, width, value, ctx),
            _ => {}
        }
        self.plan(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let s = ctx.system();
        let matches = s.trace.cyccnt.is_open() && s.cyccnt(now) == self.comparator[0].comp;
        if matches {
            self.comparator[0].function |= MATCHED;
            if s.demcr & (TRCENA | DEMCR_MON_EN) == TRCENA | DEMCR_MON_EN {
                s.dfsr |= DWTTRAP;
                ctx.set_exception_pending(DEBUG_MONITOR, true);
            }
        }
        self.plan(ctx);
    }

    fn input(&mut self, _port: u16, _value: u32, ctx: &mut Ctx<'_>) {
        self.plan(ctx);
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        // Only what can bring a cycle match nearer needs a boundary.
        let moves_match = match offset & !3 {
            CTRL | CYCCNT | COMP0 => self.watches_cycles(),
            register => register == COMP0 + 8,
        };
        if write && moves_match {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let name = match offset {
            CTRL => "CTRL",
            CYCCNT => "CYCCNT",
            CPICNT => "CPICNT",
            EXCCNT => "EXCCNT",
            SLEEPCNT => "SLEEPCNT",
            LSUCNT => "LSUCNT",
            FOLDCNT => "FOLDCNT",
            PCSR => "PCSR",
            LAR => "LAR",
            LSR => "LSR",
            COMP0..COMP_END => {
                let name = ["COMP", "MASK", "FUNCTION"].get((offset as usize / 4) % 4)?;
                return Some(format!("{name}{}", (offset - COMP0) / 16));
            }
            _ => return None,
        };
        Some(name.to_owned())
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    const BASE: u32 = 0xE000_1000;
    const DEMCR: u32 = 0xE000_EDFC;

    fn rig(parameters: &str) -> Rig {
        let mut r = Rig::m4();
        let scs = r.add("cortex_m.scs", 0xE000_ED00, "");
        let dwt = r.add("cortex_m.dwt", BASE, parameters);
        r.bus.connect(scs, OUT_TRCENA, dwt, 0);
        r
    }

    const OUT_TRCENA: usize = 0;

    fn demcr(r: &mut Rig, value: u32) {
        r.bus.write(DEMCR, Width::Word, value).expect("there");
    }

    #[test]
    fn cyccnt_is_the_cycle() {
        let mut r = rig("");
        assert_eq!(r.read(CTRL), 0x4000_0000);
        demcr(&mut r, TRCENA);
        r.at(10);
        r.write(CYCCNT, 0);
        r.write(CTRL, CYCCNTENA);
        assert_eq!(r.read(CYCCNT), 0);
        assert_eq!(r.at(11).read(CYCCNT), 1);
        assert_eq!(r.at(1000).read(CYCCNT), 990);
        r.write(CYCCNT, 0xFFFF_FFFE);
        assert_eq!(r.at(1003).read(CYCCNT), 1);
        demcr(&mut r, 0);
        assert_eq!(r.at(2000).read(CYCCNT), 1, "TRCENA gates it");
        demcr(&mut r, TRCENA);
        assert_eq!(r.at(2005).read(CYCCNT), 6);
        r.write(CTRL, 0);
        assert_eq!(r.at(3000).read(CYCCNT), 6);
        r.bus.reset_devices(ResetCause::Software);
        assert_eq!(r.read(CYCCNT), 6, "a system reset leaves it");
    }

    #[test]
    fn counters_of_the_core() {
        let mut r = rig("");
        demcr(&mut r, TRCENA);
        r.bus.system.exception_cycles = 1000;
        r.write(CTRL, CYCCNTENA | EXCEVTENA | SLEEPEVTENA);
        r.bus.system.exception_cycles += 12 + 10;
        r.bus.system.sleep_cycles += 300;
        assert_eq!((r.read(EXCCNT), r.read(SLEEPCNT)), (22, 300 & 0xFF));
        r.write(EXCCNT, 0);
        assert_eq!(r.read(EXCCNT), 0);
        assert_eq!(r.read(LSUCNT), 0);
        assert!(r.noted("LSUCNT"));
    }

    #[test]
    fn cyccnt_can_stop_with_the_sleeping_core() {
        let mut r = rig("stops_asleep = true");
        demcr(&mut r, TRCENA);
        r.write(CTRL, CYCCNTENA);
        r.bus.system.sleep_cycles += 60;
        assert_eq!(r.at(100).read(CYCCNT), 40);
    }

    #[test]
    fn a_cycle_match_pends_the_debug_monitor() {
        let mut r = rig("");
        demcr(&mut r, TRCENA | DEMCR_MON_EN);
        r.at(100);
        r.write(CYCCNT, 0);
        r.write(CTRL, CYCCNTENA);
        r.write(COMP0, 50);
        r.write(COMP0 + 8, CYCMATCH | WATCHPOINT);
        r.at(149);
        assert!(!r.pending(DEBUG_MONITOR));
        r.at(150);
        assert!(r.pending(DEBUG_MONITOR));
        assert_eq!(r.bus.system.dfsr, DWTTRAP);
        assert_eq!(r.peek(COMP0 + 8) & MATCHED, MATCHED);
        assert_eq!(r.read(COMP0 + 8) & MATCHED, MATCHED);
        assert_eq!(r.read(COMP0 + 8) & MATCHED, 0, "cleared by reading");
        assert_eq!(r.bus.events.next_at().0, 150 + (1 << 32));
    }

    #[test]
    fn a_cycle_match_follows_trcena() {
        let mut r = rig("");
        demcr(&mut r, DEMCR_MON_EN);
        r.write(CTRL, CYCCNTENA);
        r.write(COMP0, 50);
        r.write(COMP0 + 8, CYCMATCH | WATCHPOINT);
        r.at(70);
        demcr(&mut r, DEMCR_MON_EN | TRCENA);
        r.at(119);
        assert!(!r.pending(DEBUG_MONITOR));
        r.at(120);
        assert!(r.pending(DEBUG_MONITOR));
    }

    #[test]
    fn other_comparators_are_stored_and_noted() {
        let mut r = rig("comparators = 2");
        r.write(COMP0 + 16, 0x2000_0000);
        r.write(COMP0 + 16 + 8, 6);
        assert_eq!(r.read(COMP0 + 16), 0x2000_0000);
        assert!(r.noted("FUNCTION1"));
        r.write(COMP0 + 32, 1);
        assert_eq!(r.read(COMP0 + 32), 0);
    }

    #[test]
    fn the_lock_of_an_m7() {
        let mut r = Rig::m4();
        r.bus.system.cpuid = 0x411F_C270;
        r.add("cortex_m.dwt", BASE, "");
        assert_eq!(r.read(LSR), 3);
        r.write(CTRL, CYCCNTENA);
        assert_eq!(r.read(CTRL) & 1, 0);
        r.write(LAR, lock::KEY);
        r.write(CTRL, CYCCNTENA);
        assert_eq!(r.read(CTRL) & 1, 1);
        assert_eq!(r.read(LSR), 1);
    }

    #[test]
    fn armv6m_has_no_counters() {
        let mut r = Rig::m0plus();
        r.add("cortex_m.dwt", BASE, "comparators = 2");
        r.write(CTRL, CYCCNTENA);
        assert_eq!((r.read(CTRL), r.at(50).read(CYCCNT)), (0x2000_0000, 0));
        r.bus.pc = 0x1234;
        assert_eq!(r.read(PCSR), 0x1234);
    }
}
