//! A square wave on a pin: an edge at exact cycles.
//!
//! Modelled: a wave given in core cycles (`period`, `high`) or in time (`hz`, `duty_permille`), from
//! the cycle `phase` on: it rises there and every period after. A wave in Hz keeps its frequency when
//! the core clock changes; its edges fall on the first cycle that is not before their time. It runs on
//! over a reset of the chip. Not modelled: jitter, slew.
//!
//! Ports: net `pin`.

use crate::{ParameterError, parameters};
use emu_core::{
    Ctx, Cycles, Device, Drive, Driver, Ports, Ratio, ResetCause, Ticker, Width, device_state,
};
use serde::{Deserialize, Serialize};

const EDGE: u32 = 0;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Core cycles from rise to rise.
    period: Option<u64>,
    /// Core cycles from rise to fall; half the period by default.
    high: Option<u64>,
    /// Frequency.
    hz: Option<u64>,
    /// Part of the period that is high, in thousandths; 500 by default.
    duty_permille: Option<u64>,
    /// Core cycle of the first rise.
    phase: u64,
}

/// The generator.
#[derive(Serialize, Deserialize)]
pub struct SquareWave {
    /// Ticks in a period, and from rise to fall.
    period: u64,
    high: u64,
    /// Ticks a second, or `None` when a tick is a core cycle.
    ticks_hz: Option<u64>,
    phase: Cycles,
    ticker: Ticker,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    let (period, high, ticks_hz) = match (p.period, p.hz) {
        (Some(period), None) if p.duty_permille.is_none() => {
            (period, p.high.unwrap_or(period / 2), None)
        }
        (None, Some(hz)) if p.high.is_none() => {
            let ticks = hz
                .checked_mul(1000)
                .filter(|&t| t != 0)
                .ok_or_else(|| ParameterError(format!("hz = {hz} is out of range")))?;
            (1000, p.duty_permille.unwrap_or(500), Some(ticks))
        }
        _ => {
            return Err(ParameterError(
                "give either `period` (and `high`) in cycles, or `hz` (and `duty_permille`)"
                    .to_owned(),
            ));
        }
    };
    if high == 0 || high >= period {
        return Err(ParameterError(format!(
            "the high part ({high}) must be more than zero and less than the period ({period})"
        )));
    }
    Ok(Box::new(SquareWave {
        period,
        high,
        ticks_hz,
        phase: Cycles(p.phase),
        ticker: Ticker::new(Cycles(p.phase), 0, Ratio::ONE),
    }))
}

impl SquareWave {
    fn ratio(&self, ctx: &Ctx<'_>) -> Ratio {
        match self.ticks_hz {
            // A device without clocks sees the core clock.
            Some(hz) => Ratio::hz(hz).over(ctx.clock_hz(0)),
            None => Ratio::ONE,
        }
    }

    /// Drive the level of this cycle and plan the next edge.
    fn go_on(&self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let ticks = self.ticker.ticks_at(now);
        let place = ticks % self.period;
        let high = now >= self.phase && place < self.high;
        if let Some(net) = ctx.net(0) {
            let drive = if high { Drive::High } else { Drive::Low };
            ctx.drive(net, Driver::External, drive);
        }
        let next = if now < self.phase {
            Some(self.phase)
        } else {
            let end = if high { self.high } else { self.period };
            self.ticker.cycle_of(ticks - place + end)
        };
        ctx.schedule_or_cancel(EDGE, next);
    }
}

impl Device for SquareWave {
    fn ports(&self) -> Ports {
        Ports {
            nets: Ports::names(&["pin"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.reset_cause() == ResetCause::PowerOn {
            self.ticker = Ticker::new(self.phase, 0, self.ratio(ctx));
        }
        self.go_on(ctx);
    }

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        self.go_on(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let ratio = self.ratio(ctx);
        if ctx.now() < self.phase {
            self.ticker = Ticker::new(self.phase, 0, ratio);
        } else {
            self.ticker.set_ratio(ctx.now(), ratio);
        }
        self.go_on(ctx);
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    /// Cycles at which the level changes, up to `until`.
    fn edges(r: &mut Rig, until: u64) -> Vec<(u64, bool)> {
        let pin = r.bus.nets.find("pin").expect("bound");
        let mut seen = Vec::new();
        let mut level = r.bus.nets.level(pin);
        while r.bus.events.next_at().0 <= until {
            let next = r.bus.events.next_at().0;
            r.at(next);
            if r.bus.nets.level(pin) != level {
                level = !level;
                seen.push((next, level));
            }
        }
        seen
    }

    #[test]
    fn in_cycles_with_a_phase() {
        let mut r = Rig::m4();
        r.add("ext.square_wave", 0, "period = 10\nhigh = 3\nphase = 7");
        let expected = [(7, true), (10, false), (17, true), (20, false)];
        assert_eq!(edges(&mut r, 26), expected);
        r.bus.reset_devices(ResetCause::Software);
        assert_eq!(edges(&mut r, 30), [(27, true), (30, false)]);
    }

    #[test]
    fn in_hertz_over_a_clock_change() {
        let mut r = Rig::m4();
        r.add("ext.square_wave", 0, "hz = 1000000\nphase = 1");
        // 168 cycles a period; the core drops to half at cycle 253, a half period after 169.
        assert_eq!(
            edges(&mut r, 253),
            [(1, true), (85, false), (169, true), (253, false)]
        );
        let core = r.bus.clocks.core();
        r.bus
            .clocks
            .set_hz(core, Ratio::hz(84_000_000), Cycles(253));
        let tell = r.bus.find("EXT.SQUARE_WAVE").expect("there");
        r.bus.set_input(tell, 0, 0); // any call delivers the change
        assert_eq!(edges(&mut r, 340), [(295, true), (337, false)]);
    }

    #[test]
    fn wrong_parameters() {
        for text in [
            "",
            "hz = 0",
            "period = 1",
            "period = 4\nhigh = 4",
            "period = 4\nhz = 1",
        ] {
            assert!(crate::create("ext.square_wave", text.parse().expect("toml")).is_err());
        }
    }
}
