//! The wire: packets out of bytes, acknowledgements, retransmission.
//!
//! gdbstub treats a damaged packet, a NACK or a packet that is too long as the end of the session. Here they are
//! what the protocol says they are: a NACK, a retransmission, an error reply.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// Size of the packet buffer: what gdb is told, with frame and checksum.
pub const PACKET_SIZE: usize = 16 * 1024;
/// `$`, `#` and two digits.
const FRAME: usize = 4;

/// What came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A packet's contents.
    Packet(Vec<u8>),
    /// Ctrl-C.
    Interrupt,
    /// The last reply was damaged on its way.
    Nack,
    /// A packet with a wrong checksum.
    Damaged,
    /// A packet beyond [`PACKET_SIZE`].
    TooLong,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Between,
    Body,
    Checksum,
    Checksum2(u8),
}

/// Finds packets in a stream of bytes.
#[derive(Debug)]
pub struct Framer {
    state: State,
    body: Vec<u8>,
    sum: u8,
    too_long: bool,
}

impl Framer {
    /// Between two packets.
    pub fn new() -> Framer {
        Framer {
            state: State::Between,
            body: Vec::new(),
            sum: 0,
            too_long: false,
        }
    }

    /// The next byte.
    pub fn push(&mut self, byte: u8) -> Option<Item> {
        match self.state {
            State::Between => match byte {
                b'$' => self.start(),
                0x03 => return Some(Item::Interrupt),
                b'-' => return Some(Item::Nack),
                _ => {} // '+', or noise
            },
            State::Body => match byte {
                b'#' => self.state = State::Checksum,
                // An unescaped '$' never occurs in a packet: the one before was cut off.
                b'$' => self.start(),
                _ if self.body.len() >= PACKET_SIZE - FRAME => self.too_long = true,
                _ => {
                    self.body.push(byte);
                    self.sum = self.sum.wrapping_add(byte);
                }
            },
            State::Checksum => self.state = State::Checksum2(byte),
            State::Checksum2(high) => {
                self.state = State::Between;
                if std::mem::take(&mut self.too_long) {
                    return Some(Item::TooLong);
                }
                let digit = |b: u8| (b as char).to_digit(16);
                let sum = digit(high).zip(digit(byte)).map(|(h, l)| h << 4 | l);
                return Some(if sum == Some(u32::from(self.sum)) {
                    Item::Packet(std::mem::take(&mut self.body))
                } else {
                    Item::Damaged
                });
            }
        }
        None
    }

    fn start(&mut self) {
        self.state = State::Body;
        self.body.clear();
        self.sum = 0;
        self.too_long = false;
    }
}

/// A packet with its frame.
pub fn frame(contents: &[u8]) -> Vec<u8> {
    let sum = contents.iter().fold(0u8, |s, &b| s.wrapping_add(b));
    let mut packet = Vec::with_capacity(contents.len() + FRAME);
    packet.push(b'$');
    packet.extend_from_slice(contents);
    packet.extend_from_slice(format!("#{sum:02x}").as_bytes());
    packet
}

struct Out {
    to: Box<dyn Write>,
    pending: Vec<u8>,
    last: Vec<u8>,
    muted: bool,
}

/// The sending side; copies are the same connection.
#[derive(Clone)]
pub struct Wire(Rc<RefCell<Out>>);

impl Wire {
    /// Send to this stream.
    pub fn new(to: Box<dyn Write>) -> Wire {
        Wire(Rc::new(RefCell::new(Out {
            to,
            pending: Vec::new(),
            last: Vec::new(),
            muted: false,
        })))
    }

    /// Send nothing until further notice.
    pub fn mute(&self, on: bool) {
        self.0.borrow_mut().muted = on;
    }

    /// Forget what a stub has begun to write.
    pub fn discard(&self) {
        self.0.borrow_mut().pending.clear();
    }

    /// An acknowledgement, `+` or `-`.
    pub fn acknowledge(&self, good: bool) -> io::Result<()> {
        self.send(if good { b"+" } else { b"-" })
    }

    /// A packet of our own.
    pub fn packet(&self, contents: &[u8]) -> io::Result<()> {
        let packet = frame(contents);
        self.send(&packet)?;
        self.0.borrow_mut().last = packet;
        Ok(())
    }

    /// Text for gdb's console; only allowed while the target runs or in a monitor command.
    pub fn console(&self, text: &[u8]) -> io::Result<()> {
        // Two digits for each byte must fit.
        for part in text.chunks(PACKET_SIZE / 4) {
            let mut contents = vec![b'O'];
            for b in part {
                contents.extend_from_slice(format!("{b:02x}").as_bytes());
            }
            self.send(&frame(&contents))?;
        }
        Ok(())
    }

    /// Send the last reply once more.
    pub fn again(&self) -> io::Result<()> {
        let last = self.0.borrow().last.clone();
        self.send(&last)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = self.0.borrow_mut();
        if out.muted {
            return Ok(());
        }
        out.to.write_all(bytes)?;
        out.to.flush()
    }
}

impl gdbstub::conn::Connection for Wire {
    type Error = io::Error;

    fn write(&mut self, byte: u8) -> io::Result<()> {
        self.0.borrow_mut().pending.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.0.borrow_mut().pending);
        // The framer has acknowledged already: gdbstub's own '+' stays here.
        let from = pending
            .iter()
            .position(|&b| b == b'$')
            .unwrap_or(pending.len());
        self.send(&pending[from..])?;
        self.0.borrow_mut().last = pending[from..].to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(bytes: &[u8]) -> Vec<Item> {
        let mut framer = Framer::new();
        bytes.iter().filter_map(|&b| framer.push(b)).collect()
    }

    #[test]
    fn packets_are_found_in_noise() {
        assert_eq!(
            items(b"+noise$g#67+\x03-$?#3f"),
            [
                Item::Packet(b"g".to_vec()),
                Item::Interrupt,
                Item::Nack,
                Item::Packet(b"?".to_vec())
            ]
        );
        assert_eq!(items(b"$#00"), [Item::Packet(Vec::new())]);
        assert_eq!(items(&frame(b"m0,4")), [Item::Packet(b"m0,4".to_vec())]);
    }

    #[test]
    fn damaged_cut_and_long_packets() {
        assert_eq!(items(b"$g#68"), [Item::Damaged]);
        assert_eq!(items(b"$g#zz"), [Item::Damaged]);
        assert_eq!(items(b"$m0,$g#67"), [Item::Packet(b"g".to_vec())]);
        let mut long = vec![b'X'; PACKET_SIZE + 10];
        long[0] = b'$';
        long.extend_from_slice(b"#00$g#67");
        assert_eq!(items(&long), [Item::TooLong, Item::Packet(b"g".to_vec())]);
        // Ctrl-C within a packet is data.
        assert_eq!(items(b"$\x03#03"), [Item::Packet(vec![3])]);
    }
}
