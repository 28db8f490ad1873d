//! Looks ahead of exception returns: does the core come back, or does it go straight into the next handler?

use crate::capture::Record;
use emu_core::{ProbeEvent, ProbeKind};
use std::collections::VecDeque;

/// A tail-chained handler starts within so many cycles (6 on Cortex-M3 and M4, and the wait states of two fetches).
const CHAIN: u64 = 64;

/// The events of a capture, each with `true` when it is a return that is tail-chained to another handler.
pub struct Ahead<R> {
    records: R,
    /// What was read already.
    queue: VecDeque<ProbeEvent>,
}

impl<R: Iterator<Item = Record>> Ahead<R> {
    pub fn new(records: R) -> Ahead<R> {
        Ahead {
            records,
            queue: VecDeque::new(),
        }
    }

    fn read(&mut self) -> Option<ProbeEvent> {
        self.records.find_map(|record| match record {
            Record::Event(event) => Some(event),
            _ => None,
        })
    }

    fn is_chained(&mut self, exit: &ProbeEvent) -> bool {
        for i in 0.. {
            if i == self.queue.len() {
                match self.read() {
                    Some(event) => self.queue.push_back(event),
                    None => return false,
                }
            }
            let event = &self.queue[i];
            match event.kind {
                ProbeKind::ExceptionEnter { tail_chained, .. } => return tail_chained,
                ProbeKind::ExceptionExit { .. } | ProbeKind::Sleep | ProbeKind::Reset => {
                    return false;
                }
                _ if event.at.since(exit.at) > CHAIN => return false,
                _ => {}
            }
        }
        false
    }
}

impl<R: Iterator<Item = Record>> Iterator for Ahead<R> {
    type Item = (ProbeEvent, bool);

    fn next(&mut self) -> Option<(ProbeEvent, bool)> {
        let event = self.queue.pop_front().or_else(|| self.read())?;
        let is_exit = matches!(event.kind, ProbeKind::ExceptionExit { .. });
        let chained = is_exit && self.is_chained(&event);
        Some((event, chained))
    }
}
