//! A stub on one end of a socket, and somebody on the other who checks every byte that comes back.

use super::stream::{
    Back, Item, Replies, Splitter, changes, ends, frame, is_error, reply_fits, resumes, show,
};
use crate::common::{Outcome, serve, with_code};
use emu_core::Cycles;
use emu_core::machine::CoreKind;
use gdb::{Firmware, Listen, Options, Server};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);
/// When it is time to interrupt a machine that may be running.
const RUNNING: Duration = Duration::from_millis(20);

/// Memory that is compared: code and vectors, and the RAM that the code would use. Address and size.
const WINDOWS: [(u32, usize); 2] = [(0, 0x400), (0x2000_0000, 0x400)];

/// How a session ended, as far as the client can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It still answered at the end.
    Alive,
    /// A packet asked for the end, or the firmware ended itself.
    Over,
}

/// Run a stub with `adds r0, #1; b .` at reset, and talk to it.
///
/// # Panics
/// When one of the two does not keep to the protocol; the message has what was sent.
pub fn session(talk: impl FnOnce(&mut Client) -> End + Send) -> End {
    let mut machine = with_code(CoreKind::CortexM4f, &[0x3001, 0xE7FD], 0x181);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let server = Server::bind(&Listen::Unix(path.clone())).expect("a socket in it");
    let options = Options {
        firmware: Some(Firmware {
            name: "a.elf".into(),
            elf: (0..=255).cycle().take(50_000).collect(),
        }),
        // Machine code from a fuzzer must not run for long between two looks at the connection.
        slice: 100_000,
        ..Options::default()
    };
    std::thread::scope(|scope| {
        let talker = scope.spawn(move || {
            let stream = UnixStream::connect(path).expect("somebody listens");
            talk(&mut Client::new(stream))
        });
        let outcome = serve(&mut machine, server, &options, Cycles::MAX, |_| {});
        let end = match talker.join() {
            Ok(end) => end,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        match (end, outcome.expect("the machine does not fail")) {
            (End::Alive, Outcome::Closed) => {}
            (End::Over, Outcome::Killed | Outcome::Detached | Outcome::Exited(_)) => {}
            (end, outcome) => panic!("{end:?} for the client, {outcome:?} for the stub"),
        }
        end
    })
}

/// One connection.
pub struct Client {
    stream: UnixStream,
    sent: Splitter,
    replies: Replies,
    /// Packets are acknowledged.
    acks: bool,
    /// There is a reply that can be asked for again.
    replied: bool,
    /// Registers or memory were changed in a way that is not followed: what runs then can write anywhere.
    wild: bool,
    ran: bool,
    memory: Vec<Vec<u8>>,
    /// Everything that was sent.
    log: Vec<u8>,
}

/// What a step must bring.
#[derive(Default, Debug)]
struct Due {
    acks: usize,
    refusals: usize,
    packets: usize,
}

impl Client {
    fn new(stream: UnixStream) -> Client {
        stream.set_read_timeout(Some(RUNNING)).expect("a limit");
        stream.set_write_timeout(Some(ANSWER)).expect("a limit");
        let mut client = Client {
            stream,
            sent: Splitter::default(),
            replies: Replies::default(),
            acks: true,
            replied: false,
            wild: false,
            ran: false,
            memory: Vec::new(),
            log: Vec::new(),
        };
        client.memory = client.windows();
        client
    }

    /// All that was sent so far.
    pub fn log(&self) -> &[u8] {
        &self.log
    }

    #[track_caller]
    fn fail(&self, why: &str, last: &[u8]) -> ! {
        panic!(
            "{why}\nat: b\"{}\"\nafter {} bytes in all",
            show(last),
            self.log.len()
        );
    }

    /// Send bytes as they are, then see that each item has exactly its reply and the session goes on.
    #[track_caller]
    pub fn step(&mut self, bytes: &[u8]) -> End {
        let mut all = bytes.to_vec();
        let mut items = self.sent.push(bytes);
        // A packet that was cut off ends here: within one Ctrl-C is data. Whatever runs stops.
        let end: &[u8] = if self.sent.is_within() {
            b"$#ff\x03"
        } else {
            b"\x03"
        };
        items.extend(self.sent.push(end));
        all.extend_from_slice(end);
        self.log.extend_from_slice(bytes);
        let mut due = Due::default();
        let (mut over, mut acks, mut replied) = (false, self.acks, self.replied);
        // A reply belongs to a packet by its place, as long as nothing is sent twice.
        let mut asked: Vec<Option<Vec<u8>>> = Vec::new();
        for item in items {
            match item {
                Item::Packet(contents) => {
                    due.acks += usize::from(acks);
                    due.packets += 1;
                    over |= ends(&contents);
                    if contents == b"QStartNoAckMode" {
                        acks = false;
                    }
                    asked.push(Some(contents));
                    replied = true;
                }
                Item::TooLong => {
                    due.acks += usize::from(acks);
                    due.packets += 1;
                    asked.push(None);
                    replied = true;
                }
                Item::Damaged if acks => due.refusals += 1,
                Item::Damaged => {
                    due.packets += 1;
                    asked.push(None);
                    replied = true;
                }
                Item::Nack if replied => {
                    due.packets += 1;
                    asked.push(None);
                }
                Item::Nack | Item::Interrupt => {}
            }
        }
        let again = asked.iter().any(Option::is_none);
        if self.stream.write_all(&all).is_err() && !over {
            self.fail("the stub does not read", bytes);
        }
        let Some(got) = self.gather(&due, bytes, over) else {
            return End::Over;
        };
        self.acks = acks;
        self.replied = replied;
        let exited = |p: &Vec<u8>| matches!(p.first(), Some(b'W' | b'X'));
        if (over || got.iter().any(exited)) && !self.is_there() {
            return End::Over;
        }
        if again {
            self.wild |= asked.iter().flatten().any(|p| changes(p));
            self.ran |= asked.iter().flatten().any(|p| resumes(p));
            self.memory = self.windows();
            return End::Alive;
        }
        for (packet, reply) in asked.iter().flatten().zip(&got) {
            if !reply_fits(packet, reply) {
                let text = format!("b\"{}\" is no reply to b\"{}\"", show(reply), show(packet));
                self.fail(&text, bytes);
            }
            self.follow(packet, reply);
        }
        let now = self.windows();
        if self.memory != now && !(self.wild && self.ran) {
            self.fail("memory has changed by itself", bytes);
        }
        self.memory = now;
        End::Alive
    }

    /// Is there an answer, or the end?
    fn is_there(&mut self) -> bool {
        let framed = frame(b"vMustReplyEmpty");
        self.sent.push(&framed);
        let due = Due {
            acks: usize::from(self.acks),
            refusals: 0,
            packets: 1,
        };
        self.stream.write_all(&framed).is_ok() && self.gather(&due, &framed, true).is_some()
    }

    /// All that is due; `None` when the session is over and may be.
    fn gather(&mut self, due: &Due, bytes: &[u8], over: bool) -> Option<Vec<Vec<u8>>> {
        let start = Instant::now();
        let (mut acks, mut refusals, mut packets) = (0, 0, Vec::new());
        let mut quiet = false;
        let mut buffer = [0; 4096];
        loop {
            let whole =
                acks >= due.acks && refusals >= due.refusals && packets.len() >= due.packets;
            // Nothing must come behind: a little patience, now and then.
            if whole && (quiet || !bytes.len().is_multiple_of(8)) {
                break;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    let exited = packets
                        .iter()
                        .any(|p: &Vec<u8>| matches!(p.first(), Some(b'W' | b'X')));
                    if over || exited {
                        return None;
                    }
                    self.fail("the stub has hung up", bytes);
                }
                Ok(n) => match self.replies.push(&buffer[..n]) {
                    Ok(all) => {
                        for back in all {
                            match back {
                                Back::Ack => acks += 1,
                                Back::Refused => refusals += 1,
                                // Text for the console is no reply.
                                Back::Packet(p) if p.first() == Some(&b'O') && p != b"OK" => {}
                                Back::Packet(p) => packets.push(p),
                            }
                        }
                    }
                    Err(why) => self.fail(&why, bytes),
                },
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    quiet = true;
                    if !whole {
                        // It may be running once more.
                        let _ = self.stream.write_all(b"\x03");
                    }
                }
                Err(_) if over => return None,
                Err(e) => self.fail(&e.to_string(), bytes),
            }
            if start.elapsed() > ANSWER {
                let got: Vec<_> = packets.iter().map(|p| show(p)).collect();
                self.fail(&format!("no answer in time: due {due:?}, got {acks} acks, {refusals} refusals, {got:?}"), bytes);
            }
        }
        let exact = acks == due.acks && refusals == due.refusals && packets.len() == due.packets;
        if !exact {
            let got: Vec<_> = packets.iter().map(|p| show(p)).collect();
            self.fail(
                &format!("due {due:?}, got {acks} acks, {refusals} refusals, {got:?}"),
                bytes,
            );
        }
        Some(packets)
    }

    /// What a packet that was carried out has changed.
    fn follow(&mut self, packet: &[u8], reply: &[u8]) {
        self.ran |= resumes(packet);
        if is_error(reply) || reply.is_empty() || !changes(packet) {
            return;
        }
        let Some((address, data)) = write(packet) else {
            // Registers, flash and resets are not followed.
            self.wild = true;
            self.memory = self.windows();
            return;
        };
        for ((base, size), window) in WINDOWS.iter().zip(&mut self.memory) {
            for (i, byte) in data.iter().enumerate() {
                let offset = address.wrapping_add(i as u32).wrapping_sub(*base) as usize;
                if offset < *size {
                    window[offset] = *byte;
                }
            }
        }
        // No code and no vectors are in RAM; elsewhere are flash and the registers of peripherals.
        self.wild |= !(0x2000_0000..0x2010_0000).contains(&address);
        if self.wild {
            self.memory = self.windows();
        }
    }

    /// The windows of memory, read packet by packet.
    fn windows(&mut self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        // A stream may have chosen a thread that is not there.
        assert_eq!(self.ask(b"Hg0"), b"OK");
        for (base, size) in WINDOWS {
            let reply = self.ask(format!("m{base:x},{size:x}").as_bytes());
            let bytes = reply.chunks(2).map(|pair| {
                let text = std::str::from_utf8(pair).unwrap_or_default();
                u8::from_str_radix(text, 16)
                    .unwrap_or_else(|_| panic!("no memory: {}", show(&reply)))
            });
            let bytes: Vec<u8> = bytes.collect();
            assert_eq!(bytes.len(), size, "memory at {base:#x}");
            all.push(bytes);
        }
        all
    }

    /// A good packet to a stub that stands still, and its reply.
    #[track_caller]
    pub fn ask(&mut self, contents: &[u8]) -> Vec<u8> {
        let framed = frame(contents);
        self.stream.write_all(&framed).expect("the stub reads");
        self.sent.push(&framed);
        let due = Due {
            acks: usize::from(self.acks),
            refusals: 0,
            packets: 1,
        };
        let mut got = self.gather(&due, contents, false).expect("it goes on");
        self.replied = true;
        got.remove(0)
    }

    /// After everything, it must still be a stub.
    #[track_caller]
    pub fn handshake(&mut self) {
        let features = self.ask(b"qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+");
        assert!(features.starts_with(b"PacketSize="), "{}", show(&features));
        let stop = self.ask(b"?");
        assert!(matches!(stop.first(), Some(b'T' | b'S')), "{}", show(&stop));
        let threads = self.ask(b"qfThreadInfo");
        assert!(threads.starts_with(b"m"), "{}", show(&threads));
        assert_eq!(self.ask(b"Hg0"), b"OK");
        let registers = self.ask(b"g");
        assert!(registers.len() > 16 * 8, "{}", show(&registers));
        assert_eq!(self.ask(b"vMustReplyEmpty"), b"");
    }
}

/// Address and bytes of an `M` or `X` packet.
fn write(packet: &[u8]) -> Option<(u32, Vec<u8>)> {
    let (kind, rest) = packet.split_first()?;
    let colon = rest.iter().position(|&b| b == b':')?;
    let (head, data) = (
        std::str::from_utf8(&rest[..colon]).ok()?,
        &rest[colon + 1..],
    );
    let (address, _) = head.split_once(',')?;
    let address = u32::from_str_radix(address, 16).ok()?;
    let data = match kind {
        b'M' => {
            let text = std::str::from_utf8(data).ok()?;
            let pairs = (0..text.len() / 2).map(|i| text.get(2 * i..2 * i + 2));
            let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok());
            bytes.collect::<Option<Vec<u8>>>()?
        }
        b'X' => {
            let mut bytes = data.iter();
            let mut plain = Vec::new();
            while let Some(&b) = bytes.next() {
                plain.push(match b {
                    b'}' => bytes.next()? ^ 0x20,
                    b => b,
                });
            }
            plain
        }
        _ => return None,
    };
    Some((address, data))
}
