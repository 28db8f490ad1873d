//! The protocol as its manual has it: what a stream of bytes asks for, and what answers look like. Written apart from
//! the stub, so that the two check each other. ("Debugging with GDB", appendix E "GDB Remote Serial Protocol".)

/// The stub's buffer, as its `PacketSize` says, and `$`, `#` and two digits of it.
pub const PACKET_SIZE: usize = 0x4000;
const FRAME: usize = 4;

/// A piece of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A good packet.
    Packet(Vec<u8>),
    /// One whose checksum is wrong.
    Damaged,
    /// One beyond the buffer.
    TooLong,
    /// Ctrl-C between packets.
    Interrupt,
    /// A request to send the last packet again.
    Nack,
}

/// What comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Back {
    /// `+`
    Ack,
    /// `-`
    Refused,
    /// A packet, without its frame.
    Packet(Vec<u8>),
}

/// A packet with its frame.
pub fn frame(contents: &[u8]) -> Vec<u8> {
    let sum = contents.iter().fold(0u8, |s, &b| s.wrapping_add(b));
    [b"$", contents, format!("#{sum:02x}").as_bytes()].concat()
}

/// Splits bytes that go to the stub; keeps what is not whole.
#[derive(Default)]
pub struct Splitter {
    rest: Vec<u8>,
}

impl Splitter {
    /// Is a packet begun and not ended?
    pub fn is_within(&self) -> bool {
        !self.rest.is_empty()
    }

    /// More bytes; the items that are whole now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        self.rest.extend_from_slice(bytes);
        let mut items = Vec::new();
        let mut at = 0;
        while let Some(&byte) = self.rest.get(at) {
            if byte != b'$' {
                match byte {
                    3 => items.push(Item::Interrupt),
                    b'-' => items.push(Item::Nack),
                    _ => {}
                }
                at += 1;
                continue;
            }
            // Up to the checksum; another `$` begins anew.
            let body = &self.rest[at + 1..];
            let Some(end) = body.iter().position(|&b| b == b'#' || b == b'$') else {
                break;
            };
            if body[end] == b'$' {
                at += 1 + end;
                continue;
            }
            let Some(digits) = body.get(end + 1..end + 3) else {
                break;
            };
            let contents = &body[..end];
            items.push(if contents.len() > PACKET_SIZE - FRAME {
                Item::TooLong
            } else if sum_fits(contents, digits) {
                Item::Packet(contents.to_vec())
            } else {
                Item::Damaged
            });
            at += 1 + end + 3;
        }
        self.rest.drain(..at);
        items
    }
}

fn sum_fits(contents: &[u8], digits: &[u8]) -> bool {
    let digit = |b: u8| (b as char).to_digit(16);
    let said = digit(digits[0]).zip(digit(digits[1]));
    let sum = contents.iter().fold(0u8, |s, &b| s.wrapping_add(b));
    said.is_some_and(|(h, l)| h << 4 | l == u32::from(sum))
}

/// Takes what comes back apart; anything that the protocol does not know is an error.
#[derive(Default)]
pub struct Replies {
    rest: Vec<u8>,
}

impl Replies {
    /// More bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Back>, String> {
        self.rest.extend_from_slice(bytes);
        let mut all = Vec::new();
        let mut at = 0;
        while let Some(&byte) = self.rest.get(at) {
            match byte {
                b'+' => all.push(Back::Ack),
                b'-' => all.push(Back::Refused),
                b'$' => {
                    let body = &self.rest[at + 1..];
                    let Some(end) = body.iter().position(|&b| b == b'#') else {
                        break;
                    };
                    let Some(digits) = body.get(end + 1..end + 3) else {
                        break;
                    };
                    let contents = &body[..end];
                    if !sum_fits(contents, digits) {
                        return Err(format!("a reply with a wrong checksum: {}", show(contents)));
                    }
                    if contents.contains(&b'$') {
                        return Err(format!("an unescaped $ in {}", show(contents)));
                    }
                    if contents.len() > PACKET_SIZE - FRAME {
                        return Err(format!("a reply of {} bytes", contents.len()));
                    }
                    all.push(Back::Packet(unpacked(contents)?));
                    at += end + 3;
                }
                other => return Err(format!("byte {other:#04x} between packets")),
            }
            at += 1;
        }
        self.rest.drain(..at);
        Ok(all)
    }
}

/// Run-length encoding undone (escapes stay).
fn unpacked(contents: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::with_capacity(contents.len());
    let mut bytes = contents.iter();
    let mut escaped = false;
    while let Some(&b) = bytes.next() {
        if b == b'*' && !escaped {
            let count = bytes.next().filter(|&&n| (b' '..=b'~').contains(&n));
            let (Some(count), Some(&last)) = (count, plain.last()) else {
                return Err(format!("a run of nothing in {}", show(contents)));
            };
            plain.extend(std::iter::repeat_n(last, usize::from(count - 29)));
            continue;
        }
        escaped = b == b'}' && !escaped;
        plain.push(b);
    }
    Ok(plain)
}

/// Readable, and whole in a Rust literal.
pub fn show(bytes: &[u8]) -> String {
    let text = bytes.escape_ascii().to_string();
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], bytes.len()),
        None => text,
    }
}

/// Does a packet let the machine run?
pub fn resumes(packet: &[u8]) -> bool {
    let plain = matches!(packet.first(), Some(b'c' | b's' | b'C' | b'S'));
    plain || packet.starts_with(b"vCont;") || packet == b"bs" || packet == b"bc"
}

/// Does a packet end the session?
pub fn ends(packet: &[u8]) -> bool {
    matches!(packet.first(), Some(b'k' | b'D'))
        || packet.starts_with(b"vKill")
        || packet.starts_with(b"R")
}

/// Can a packet change registers or memory?
pub fn changes(packet: &[u8]) -> bool {
    matches!(packet.first(), Some(b'P' | b'G' | b'M' | b'X'))
        || packet.starts_with(b"vFlash")
        || packet.starts_with(b"vRun")
        || packet.starts_with(b"qRcmd")
        || packet == b"bs"
        || packet == b"bc"
}

fn is_hex(text: &[u8]) -> bool {
    text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit)
}

/// `E` and two digits (or, for files, `F-1,errno`).
pub fn is_error(reply: &[u8]) -> bool {
    reply.len() == 3 && reply[0] == b'E' && is_hex(&reply[1..])
}

/// Is this a reply to that packet, by its form?
pub fn reply_fits(packet: &[u8], reply: &[u8]) -> bool {
    // Not supported, or refused: always allowed, except where gdb could not go on.
    let vital = packet == b"?" || packet == b"g";
    if reply.is_empty() || is_error(reply) {
        return !vital;
    }
    let stop = matches!(reply[0], b'T' | b'S' | b'W' | b'X');
    let hex_of = |max: usize| is_hex(reply) && reply.len() <= 2 * max;
    let length = || {
        let text = String::from_utf8_lossy(packet);
        // What stands behind is passed over, as by gdbserver.
        let length = text.split(',').nth(1)?;
        usize::from_str_radix(length, 16).ok()
    };
    match packet.first() {
        _ if resumes(packet) || packet == b"?" => stop,
        Some(b'g') => {
            reply.len().is_multiple_of(2)
                && reply.iter().all(|b| b.is_ascii_hexdigit() || *b == b'x')
        }
        Some(b'p') => is_hex(reply) || reply.iter().all(|b| *b == b'x'),
        Some(b'm') => length().is_some_and(hex_of),
        Some(b'x') => reply.first() == Some(&b'b'),
        Some(b'P' | b'G' | b'M' | b'X' | b'Z' | b'z' | b'H' | b'T' | b'D' | b'!') => reply == b"OK",
        _ if packet.starts_with(b"vFile:") => reply.first() == Some(&b'F'),
        _ if packet.starts_with(b"vFlash") => reply == b"OK",
        _ if packet == b"vMustReplyEmpty" => false,
        _ if packet.starts_with(b"vCont?") => reply.starts_with(b"vCont"),
        _ if packet.starts_with(b"qXfer:") => matches!(reply[0], b'm' | b'l' | b'O'),
        _ if packet.starts_with(b"qRcmd,") => reply == b"OK" || is_hex(reply),
        // Replies of queries are too different.
        Some(b'q' | b'Q' | b'v') => true,
        // Nothing else is known.
        _ => false,
    }
}

#[test]
fn streams_are_split_as_the_stub_does() {
    let mut s = Splitter::default();
    assert_eq!(
        s.push(b"+x-\x03$g#67$m0,$?#3f$#01$g#"),
        [
            Item::Nack,
            Item::Interrupt,
            Item::Packet(b"g".to_vec()),
            Item::Packet(b"?".to_vec()),
            Item::Damaged
        ]
    );
    assert_eq!(s.push(b"67"), [Item::Packet(b"g".to_vec())]);
    let mut r = Replies::default();
    assert_eq!(
        r.push(b"+$0* #7a-").expect("good"),
        [Back::Ack, Back::Packet(b"0000".to_vec()), Back::Refused]
    );
    assert!(r.push(b"$OK#00").is_err());
}
