//! Levels of a pin at given moments.
//!
//! Modelled: the pin gets each level of a list at its moment, and keeps the last one. What it is before the first,
//! the list's maker says. Edges that fall on one cycle happen in their order, in that cycle.
//! Not modelled: slew, bounce.
//!
//! Ports: net `pin`.

use super::Moment;
use emu_core::device::{StateError, from_state, to_state};
use emu_core::{Ctx, Device, Drive, Driver, Ports, Width};
use std::sync::Arc;

const NEXT: u32 = 0;

/// The stimulus. The list is not part of its state.
pub struct Edges {
    before: Drive,
    list: Arc<[(Moment, Drive)]>,
    /// How many of the list have happened.
    done: u64,
}

impl Edges {
    /// The levels of an ascending list, and that before the first.
    #[must_use]
    pub fn new(before: Drive, list: Arc<[(Moment, Drive)]>) -> Edges {
        Edges {
            before,
            list,
            done: 0,
        }
    }

    fn next(&self) -> Option<&(Moment, Drive)> {
        self.list.get(usize::try_from(self.done).ok()?)
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let at = self.next().map(|(moment, _)| moment.cycle(ctx));
        ctx.schedule_or_cancel(NEXT, at);
    }

    fn drive(ctx: &mut Ctx<'_>, drive: Drive) {
        if let Some(net) = ctx.net(0) {
            ctx.drive(net, Driver::Stimulus, drive);
        }
    }
}

impl Device for Edges {
    fn ports(&self) -> Ports {
        Ports {
            nets: Ports::names(&["pin"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if self.done == 0 {
            Edges::drive(ctx, self.before);
        }
        self.plan(ctx);
    }

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        if let Some(&(_, drive)) = self.next() {
            self.done += 1;
            Edges::drive(ctx, drive);
        }
        self.plan(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.plan(ctx);
    }

    fn save(&self) -> Vec<u8> {
        to_state(&self.done)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        self.done = from_state(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;
    use emu_core::{Cycles, Ratio, ResetCause};

    fn rig(before: Drive, list: Vec<(Moment, Drive)>) -> Rig {
        let mut r = Rig::m4();
        r.attach(Box::new(Edges::new(before, list.into())));
        r
    }

    #[test]
    fn at_cycles_and_over_a_reset() {
        let list = vec![
            (Moment::Cycle(10), Drive::High),
            (Moment::Cycle(11), Drive::Low),
            (Moment::Cycle(30), Drive::High),
            (Moment::Cycle(30), Drive::Float),
            (Moment::Cycle(40), Drive::PullUp),
        ];
        let mut r = rig(Drive::Low, list);
        assert_eq!(r.edges("pin", 20), [(10, true), (11, false)]);
        r.bus.reset_devices(ResetCause::Software);
        assert_eq!(r.edges("pin", 100), [(40, true)]);
    }

    #[test]
    fn times_are_kept_over_a_clock_change() {
        const US: u128 = 1_000_000_000_000;
        let list = vec![
            (Moment::Time(US), Drive::High),
            (Moment::Time(3 * US), Drive::Low),
            (Moment::Time(3 * US + 1), Drive::High),
        ];
        let mut r = rig(Drive::Float, list);
        // 168 MHz; at 2 us it drops to 84 MHz.
        assert_eq!(r.edges("pin", 336), [(168, true)]);
        r.core_hz(Ratio::hz(84_000_000), Cycles(336));
        assert_eq!(r.edges("pin", 1000), [(420, false), (421, true)]);
    }

    #[test]
    fn a_snapshot_goes_on_where_it_was() {
        let list: Vec<_> = (1..50)
            .map(|n| {
                let drive = if n % 2 == 1 { Drive::High } else { Drive::Low };
                (Moment::Cycle(n * 7), drive)
            })
            .collect();
        let mut r = rig(Drive::Low, list.clone());
        let _ = r.edges("pin", 100);
        let state = r.bus.save();
        let rest = r.edges("pin", 400);
        let mut other = rig(Drive::Low, list);
        other.bus.load(&state).expect("fits");
        assert_eq!(other.edges("pin", 400), rest);
        assert_eq!(rest.len(), 35);
    }
}
