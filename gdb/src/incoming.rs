//! What gdb has sent and nobody has looked at.

use crate::wire::{Framer, Item};
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use std::collections::VecDeque;
use std::time::Instant;

/// Items that wait while the machine runs; a peer that sends more must wait itself.
const MOST_ITEMS: usize = 1000;

/// Packets and the like, in order.
pub struct Incoming {
    bytes: Receiver<Vec<u8>>,
    framer: Framer,
    items: VecDeque<Item>,
    open: bool,
}

impl Incoming {
    /// From this channel, which closes with the connection.
    pub fn new(bytes: Receiver<Vec<u8>>) -> Incoming {
        Incoming {
            bytes,
            framer: Framer::new(),
            items: VecDeque::new(),
            open: true,
        }
    }

    /// Can anything more come?
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The connection is of no use any more.
    pub fn close(&mut self) {
        self.open = false;
    }

    /// The next item, if one comes before the deadline.
    pub fn wait(&mut self, until: Instant) -> Option<Item> {
        while self.items.is_empty() && self.open {
            match self.bytes.recv_deadline(until) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => self.open = false,
            }
        }
        self.items.pop_front()
    }

    /// While the machine runs, only an interrupt or the end counts; all else waits for the next stop.
    pub fn urgent(&mut self) -> Option<Item> {
        let at = self.urgent_at()?;
        self.items.remove(at)
    }

    /// Must the machine stop running?
    pub fn is_urgent(&mut self) -> bool {
        self.urgent_at().is_some() || !self.open
    }

    fn urgent_at(&mut self) -> Option<usize> {
        while self.items.len() < MOST_ITEMS {
            match self.bytes.try_recv() {
                Ok(bytes) => self.take(&bytes),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.open = false;
                    break;
                }
            }
        }
        self.items.iter().position(|item| match item {
            Item::Interrupt | Item::Nack => true,
            Item::Packet(p) => is_end(p),
            Item::Damaged | Item::TooLong => false,
        })
    }

    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(item) = self.framer.push(byte) {
                self.items.push_back(item);
            }
        }
    }
}

/// Is it a kill or a detach that can be carried out at once?
fn is_end(packet: &[u8]) -> bool {
    let process = |rest: &[u8]| rest == b"1";
    packet == b"k"
        || packet == b"D"
        || packet.strip_prefix(b"vKill;").is_some_and(process)
        || packet.strip_prefix(b"D;").is_some_and(process)
}
