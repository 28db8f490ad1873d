//! Instructions that the loop carries out itself instead of the engine.

use super::Core;
use crate::decode::Insn;
use crate::timing::flash::Lines;
use crate::timing::{Inputs, Spent, ZeroWait};

/// SYSm of BASEPRI; BASEPRI_MAX, FAULTMASK and CONTROL follow (DDI 0403E B5.1.1).
pub(super) const BASEPRI: u32 = 17;

impl Core {
    /// MSR to BASEPRI, BASEPRI_MAX, FAULTMASK or CONTROL (DDI 0403E B5.2.3).
    pub(super) fn write_special_register(&mut self, insn: &Insn) {
        let value = self.cpu.r((insn.raw >> 16 & 15) as usize);
        let fpca = if self.bus.system.has_fpu { 4 } else { 0 };
        let mut masks = self.cpu.masks();
        let privileged = self.privileged();
        // Priority bits that are not implemented read as zero.
        let bits = (0xFF00u32 >> self.bus.system.priority_bits.min(8)) as u8;
        match insn.raw & 0xFF {
            _ if !privileged => {}
            17 => masks.basepri = value as u8 & bits,
            18 => {
                let new = value as u8 & bits;
                if new != 0 && (new < masks.basepri || masks.basepri == 0) {
                    masks.basepri = new;
                }
            }
            // Only a priority lower than that of NMI may set it.
            19 if self.bus.system.execution_priority(masks) > -1 || value & 1 == 0 => {
                masks.faultmask = value & 1 != 0;
            }
            20 => {
                let handler = self.cpu.ipsr() != 0;
                let spsel = if handler { self.cpu.control() } else { value } & 2;
                self.cpu
                    .set_mode(self.cpu.ipsr(), value & (1 | fpca) | spsel);
            }
            _ => {}
        }
        self.cpu.set_masks(masks);
    }

    /// Account an instruction behind the last one, with these inputs, and rest behind it. Gives its start.
    pub(super) fn pass(&mut self, insn: &Insn, inputs: Inputs) -> u64 {
        self.sync_touches();
        let mut pipe = self.states.get(self.resting_state());
        let mut memory = match &mut self.flash {
            Some(flash) if flash.waits() => {
                let lines = if flash.is_cached() {
                    Lines::NONE
                } else {
                    pipe.lines
                };
                Some(flash.walk(&lines, self.t0))
            }
            _ => None,
        };
        let cost = match &mut memory {
            Some(walk) => {
                let cost = self.model.step(&mut pipe, insn, inputs, walk);
                pipe.lines = walk.lines();
                cost
            }
            None => self.model.step(&mut pipe, insn, inputs, &mut ZeroWait),
        };
        if let Some(flash) = &mut self.flash {
            flash.keep();
        }
        let mut spent = Spent::default();
        spent.add(&cost);
        self.account(&spent, 1);
        self.profile_one(insn, cost.cycles);
        let state = self.states.intern(pipe);
        let start = self.t0 + u64::from(cost.cycles);
        self.rest(start, state);
        start
    }
}
