//! Fetch of cores whose prefetch is not documented: it keeps up with the pipeline as long as the memory has no wait
//! states, and runs up to three words ahead when it has. What it adds is an estimate.

use super::queue::Queue;
use super::{Cost, Fetch, Kind, Pipe, Provenance};
use crate::decode::Insn;

/// The next instruction's time is known: its words come in time.
pub fn restart(pipe: &mut Pipe, insn: &Insn) {
    let split = i32::from(insn.is_wide() && insn.address & 2 != 0);
    pipe.queue = Queue::restarted(-3 - split);
}

/// A branch whose target executes `cycles` after it requests it in time for that.
#[must_use]
pub fn redirected(cycles: u32) -> Queue {
    Queue::restarted(cycles as i32 - 3)
}

/// Fetch the instruction that would execute after `cost`; that becomes longer when its words come later.
pub fn fetch(pipe: &mut Pipe, insn: &Insn, cost: &mut Cost, fetch: &mut dyn Fetch) {
    let size = u32::from(insn.size);
    let decoded = pipe.queue.need(insn.address, size, fetch);
    if decoded.waited && decoded.at + 1 > cost.cycles as i32 {
        cost.extend(
            (decoded.at + 1) as u32,
            Kind::Wait,
            Provenance::Estimate,
            "fetch wait states",
        );
    }
    let decode = cost.cycles as i32 - 1;
    pipe.queue.keeps_up(decode);
    pipe.queue.used(insn.address, size, decode);
}
