//! What a pipeline asks of the memory that it runs from.

/// The memory behind the instruction port, as one walk through a block sees it. Cycles are relative to the first
/// execute cycle of the last instruction.
pub trait Fetch {
    /// A word whose address phase is in cycle `request`: the cycle in which its data phase ends, `request + 1`
    /// without wait states.
    fn word(&mut self, address: u32, request: i32) -> i32;

    /// The next instruction starts `cycles` after the last one.
    fn advance(&mut self, cycles: u32);
}

/// Memory without wait states.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ZeroWait;

impl Fetch for ZeroWait {
    fn word(&mut self, _address: u32, request: i32) -> i32 {
        request + 1
    }

    fn advance(&mut self, _cycles: u32) {}
}
