//! SEGGER RTT: text and data that firmware leaves in ring buffers in RAM.
//!
//! The control block is at the symbol `_SEGGER_RTT`, or found by its ID in RAM. [`Rtt::drain`] does what a
//! debug probe does: it takes the new bytes of the up-buffers and moves their read offsets in guest memory.
//!
//! **Determinism.** The guest sees a drain: a full buffer has room again. So a run is repeatable only when the
//! caller drains at fixed points of virtual time (each millisecond, say), never by the host's clock, and at the
//! same points whether anybody looks at the output or not.
//!
//! Modelled: up-buffers of any number; down-buffers for input ([`Rtt::send`]). The flags (what firmware does
//! when a buffer is full) are the firmware's own matter.
//!
//! Layout: `SEGGER_RTT_CB` in SEGGER_RTT.h, SEGGER RTT implementation.

use crate::guest;
use crate::memory::{Memory, MemoryKind};

/// `acID`: 10 characters, padded with zeros to 16.
const ID: &[u8; 16] = b"SEGGER RTT\0\0\0\0\0\0";
/// `MaxNumUpBuffers` and `MaxNumDownBuffers` follow the ID.
const COUNTS: u32 = 16;
const BUFFERS: u32 = 24;
/// `sName`, `pBuffer`, `SizeOfBuffer`, `WrOff`, `RdOff`, `Flags`.
const DESCRIPTOR: u32 = 24;
const WR_OFF: u32 = 12;
const RD_OFF: u32 = 16;
/// More buffers than this are taken for garbage.
const MOST_BUFFERS: u32 = 255;
const LONGEST_NAME: usize = 128;

/// Which way a channel goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the target to the host.
    Up,
    /// From the host to the target.
    Down,
}

/// A buffer that the control block describes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Index within its direction.
    pub index: usize,
    /// Name, such as `Terminal`, `defmt` or `SysView`; empty when the firmware gives none.
    pub name: String,
    /// Address of the ring buffer.
    pub buffer: u32,
    /// Its size in bytes; it holds one byte less.
    pub size: u32,
    /// Where the writer goes on.
    pub write_offset: u32,
    /// Where the reader goes on.
    pub read_offset: u32,
    /// Flags; the two lowest bits tell what the firmware does when there is no room.
    pub flags: u32,
    descriptor: u32,
}

/// Why there is no RTT, or not this channel.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RttError {
    /// No control block yet; firmware writes its ID when it sets RTT up.
    #[error("no RTT control block in RAM (yet)")]
    NotFound,
    /// The block has its ID, but what follows cannot be right.
    #[error("the RTT control block at {address:#010x} is damaged: {problem}")]
    ControlBlock {
        /// Where it is.
        address: u32,
        /// What is wrong.
        problem: String,
    },
    /// A descriptor cannot be right.
    #[error("RTT {direction:?} channel {index} is damaged: {problem}")]
    Channel {
        /// Which way it goes.
        direction: Direction,
        /// Its index.
        index: usize,
        /// What is wrong.
        problem: String,
    },
}

/// The host's side of RTT. It keeps nothing but where the control block is; all else is read from guest memory
/// each time, because a reset or a new initialisation may change it at any moment.
#[derive(Clone, Debug, Default)]
pub struct Rtt {
    symbol: Option<u32>,
    found: Option<u32>,
}

impl Rtt {
    /// With the address of the symbol `_SEGGER_RTT`, when there is one; else RAM is searched.
    #[must_use]
    pub fn new(symbol: Option<u32>) -> Rtt {
        Rtt {
            symbol,
            found: None,
        }
    }

    /// Where the control block is, when the firmware has set it up.
    pub fn locate(&mut self, memory: &Memory) -> Option<u32> {
        if let Some(at) = self.symbol.or(self.found)
            && has_id(memory, at)
        {
            return Some(at);
        }
        if self.symbol.is_none() {
            self.found = search(memory);
            return self.found;
        }
        None
    }

    /// All channels of one direction that are set up. A damaged descriptor is an error of its own.
    ///
    /// # Errors
    /// [`RttError`] when there is no usable control block.
    pub fn channels(
        &mut self,
        memory: &Memory,
        direction: Direction,
    ) -> Result<Vec<Result<Channel, RttError>>, RttError> {
        let at = self.locate(memory).ok_or(RttError::NotFound)?;
        let (first, count) = descriptors(memory, at, direction)?;
        let all = (0..count).map(|i| {
            let descriptor = first + i * DESCRIPTOR;
            read_channel(memory, direction, i as usize, descriptor).transpose()
        });
        Ok(all.flatten().collect())
    }

    /// Take the new bytes of all up-channels: index and bytes, for channels that have some. Damaged
    /// descriptors are left alone; [`Rtt::channels`] tells about them.
    pub fn drain(&mut self, memory: &mut Memory) -> Vec<(usize, Vec<u8>)> {
        let channels = self.channels(memory, Direction::Up).unwrap_or_default();
        let mut taken = Vec::new();
        for c in channels.into_iter().flatten() {
            let (from, to) = (c.read_offset, c.write_offset);
            let ranges = if from <= to {
                [(from, to), (0, 0)]
            } else {
                [(from, c.size), (0, to)]
            };
            let mut bytes = Vec::new();
            for (start, end) in ranges {
                let part = guest::read(memory, c.buffer + start, end - start);
                bytes.extend(part.unwrap_or_default());
            }
            if bytes.is_empty() {
                continue;
            }
            let moved = guest::write(memory, c.descriptor + RD_OFF, &to.to_le_bytes());
            if moved.is_some() {
                taken.push((c.index, bytes));
            }
        }
        taken
    }

    /// Put bytes into a down-channel; returns how many had room.
    pub fn send(&mut self, memory: &mut Memory, channel: usize, bytes: &[u8]) -> usize {
        let channels = self.channels(memory, Direction::Down).unwrap_or_default();
        let wanted = channels.into_iter().flatten().find(|c| c.index == channel);
        let Some(c) = wanted else { return 0 };
        let mut to = c.write_offset;
        let mut sent = 0;
        for &b in bytes {
            let next = if to + 1 == c.size { 0 } else { to + 1 };
            if next == c.read_offset || guest::write(memory, c.buffer + to, &[b]).is_none() {
                break;
            }
            to = next;
            sent += 1;
        }
        match guest::write(memory, c.descriptor + WR_OFF, &to.to_le_bytes()) {
            Some(()) => sent,
            None => 0,
        }
    }
}

fn has_id(memory: &Memory, at: u32) -> bool {
    guest::is_ram(memory, at, BUFFERS) && guest::read(memory, at, 16).is_some_and(|b| b == ID)
}

fn search(memory: &Memory) -> Option<u32> {
    let ram = memory
        .regions()
        .iter()
        .filter(|r| r.kind == MemoryKind::Ram);
    let mut hits = ram.filter_map(|r| {
        let words = r.bytes().chunks_exact(4).enumerate();
        let starts = words.filter(|(_, w)| *w == &ID[..4]);
        let mut addresses = starts.map(|(i, _)| r.base + 4 * i as u32);
        addresses.find(|&a| has_id(memory, a))
    });
    hits.next()
}

/// Address of the first descriptor of a direction, and how many there are.
fn descriptors(memory: &Memory, at: u32, direction: Direction) -> Result<(u32, u32), RttError> {
    let fail = |problem: String| RttError::ControlBlock {
        address: at,
        problem,
    };
    let count = |i: u32| guest::word(memory, at.wrapping_add(COUNTS + 4 * i)).unwrap_or(0);
    let (up, down) = (count(0), count(1));
    if up > MOST_BUFFERS || down > MOST_BUFFERS {
        return Err(fail(format!("it names {up} up- and {down} down-buffers")));
    }
    if !guest::is_ram(memory, at, BUFFERS + (up + down) * DESCRIPTOR) {
        return Err(fail("its descriptors reach out of RAM".to_owned()));
    }
    Ok(match direction {
        Direction::Up => (at.wrapping_add(BUFFERS), up),
        Direction::Down => (at.wrapping_add(BUFFERS + up * DESCRIPTOR), down),
    })
}

/// A channel; `None` when its buffer is not set up.
fn read_channel(
    memory: &Memory,
    direction: Direction,
    index: usize,
    descriptor: u32,
) -> Result<Option<Channel>, RttError> {
    let fail = |problem: String| RttError::Channel {
        direction,
        index,
        problem,
    };
    let field = |i: u32| guest::word(memory, descriptor + 4 * i).unwrap_or(0);
    let (name, buffer, size) = (field(0), field(1), field(2));
    let (write_offset, read_offset, flags) = (field(3), field(4), field(5));
    if buffer == 0 || size == 0 {
        return Ok(None);
    }
    if !guest::is_ram(memory, buffer, size) {
        return Err(fail(format!(
            "its buffer ({size} bytes at {buffer:#010x}) is not in RAM"
        )));
    }
    if write_offset >= size || read_offset >= size {
        return Err(fail(format!(
            "offsets {write_offset} and {read_offset} are not within its {size} bytes"
        )));
    }
    Ok(Some(Channel {
        index,
        name: channel_name(memory, name),
        buffer,
        size,
        write_offset,
        read_offset,
        flags,
        descriptor,
    }))
}

fn channel_name(memory: &Memory, at: u32) -> String {
    let text = if at == 0 {
        None
    } else {
        guest::string(memory, at)
    };
    let text = text.filter(|t| t.len() <= LONGEST_NAME).unwrap_or_default();
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CB: u32 = 0x2000_0100;
    const BUFFER: u32 = 0x2000_0400;
    const NAME: u32 = 0x0800_0010;

    fn put(m: &mut Memory, at: u32, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        m.slice_mut(at, bytes.len())
            .unwrap()
            .copy_from_slice(&bytes);
    }

    /// Two up-buffers (the second not set up) and one down-buffer of 8 bytes.
    fn memory() -> Memory {
        let mut m = Memory::default();
        m.add("flash", MemoryKind::Flash, 0x0800_0000, 0x1000);
        m.add("ram", MemoryKind::Ram, 0x2000_0000, 0x1000);
        m.slice_mut(NAME, 9).unwrap().copy_from_slice(b"Terminal\0");
        m.slice_mut(CB, 16).unwrap().copy_from_slice(ID);
        put(&mut m, CB + COUNTS, &[2, 1]);
        put(&mut m, CB + BUFFERS, &[NAME, BUFFER, 16, 0, 0, 2]);
        put(
            &mut m,
            CB + BUFFERS + 2 * DESCRIPTOR,
            &[NAME, BUFFER + 16, 8, 0, 0, 0],
        );
        m
    }

    fn offsets(m: &Memory) -> (u32, u32) {
        let at = CB + BUFFERS;
        (
            guest::word(m, at + WR_OFF).unwrap(),
            guest::word(m, at + RD_OFF).unwrap(),
        )
    }

    fn firmware_writes(m: &mut Memory, bytes: &[u8]) {
        let (mut w, _) = offsets(m);
        for &b in bytes {
            guest::write(m, BUFFER + w, &[b]).unwrap();
            w = (w + 1) % 16;
        }
        put(m, CB + BUFFERS + WR_OFF, &[w]);
    }

    #[test]
    fn drains_once_and_moves_the_read_offset() {
        let mut m = memory();
        let mut rtt = Rtt::new(None);
        assert_eq!(rtt.drain(&mut m), []);
        firmware_writes(&mut m, b"hello, ");
        assert_eq!(rtt.drain(&mut m), [(0, b"hello, ".to_vec())]);
        assert_eq!(offsets(&m), (7, 7));
        assert_eq!(rtt.drain(&mut m), []);
        // Over the end of the ring.
        firmware_writes(&mut m, b"wide world!!");
        assert_eq!(rtt.drain(&mut m), [(0, b"wide world!!".to_vec())]);
        assert_eq!(offsets(&m), (3, 3));
    }

    #[test]
    fn channels_have_names() {
        let mut rtt = Rtt::new(Some(CB));
        let up = rtt.channels(&memory(), Direction::Up).unwrap();
        assert_eq!(up.len(), 1, "the second is not set up");
        let c = up[0].clone().unwrap();
        assert_eq!(
            (c.index, c.name.as_str(), c.size, c.flags),
            (0, "Terminal", 16, 2)
        );
        let down = rtt.channels(&memory(), Direction::Down).unwrap();
        assert_eq!(down[0].clone().unwrap().buffer, BUFFER + 16);
    }

    #[test]
    fn input_fills_all_but_one_byte() {
        let mut m = memory();
        let mut rtt = Rtt::new(None);
        assert_eq!(rtt.send(&mut m, 0, b"0123456789"), 7);
        assert_eq!(guest::read(&m, BUFFER + 16, 7).unwrap(), b"0123456");
        assert_eq!(rtt.send(&mut m, 0, b"x"), 0);
        let down = CB + BUFFERS + 2 * DESCRIPTOR;
        put(&mut m, down + RD_OFF, &[3]);
        assert_eq!(rtt.send(&mut m, 0, b"abcd"), 3);
        assert_eq!(guest::read(&m, BUFFER + 16, 8).unwrap(), b"bc23456a");
        assert_eq!(rtt.send(&mut m, 1, b"x"), 0, "no such channel");
    }

    #[test]
    fn the_block_is_found_when_it_is_set_up_and_lost_after_a_reset() {
        let mut m = memory();
        let mut rtt = Rtt::new(None);
        assert_eq!(rtt.locate(&m), Some(CB));
        m.slice_mut(CB, 1).unwrap()[0] = 0;
        assert_eq!(rtt.locate(&m), None);
        assert_eq!(rtt.channels(&m, Direction::Up), Err(RttError::NotFound));
        // A copy of the ID in flash is not a control block; one elsewhere in RAM is.
        m.slice_mut(0x0800_0100, 16).unwrap().copy_from_slice(ID);
        assert_eq!(rtt.locate(&m), None);
        m.slice_mut(0x2000_0800, 16).unwrap().copy_from_slice(ID);
        assert_eq!(rtt.locate(&m), Some(0x2000_0800));
        // With a symbol, only there.
        assert_eq!(Rtt::new(Some(CB)).locate(&m), None);
        assert_eq!(Rtt::new(Some(0x4000_0000)).locate(&m), None);
    }

    #[test]
    fn garbage_is_named_and_left_alone() {
        let mut m = memory();
        firmware_writes(&mut m, b"abc");
        let mut rtt = Rtt::new(None);
        let mut problem = |m: &Memory| match rtt.channels(m, Direction::Up) {
            Ok(list) => list[0].clone().unwrap_err().to_string(),
            Err(e) => e.to_string(),
        };
        put(&mut m, CB + BUFFERS + RD_OFF, &[16]);
        assert!(problem(&m).contains("offsets 3 and 16 are not within its 16 bytes"));
        assert_eq!(Rtt::new(None).drain(&mut m), []);
        put(&mut m, CB + BUFFERS + 4, &[0x0800_0000]);
        assert!(problem(&m).contains("is not in RAM"));
        put(&mut m, CB + BUFFERS + 4, &[0x2000_0FF8]);
        assert!(problem(&m).contains("is not in RAM"));
        put(&mut m, CB + COUNTS, &[256, 1]);
        assert!(problem(&m).contains("256 up- and 1 down-buffers"));
        put(&mut m, CB + COUNTS, &[255, 255]);
        assert!(problem(&m).contains("reach out of RAM"));
    }

    proptest! {
        #[test]
        fn no_control_block_panics(words in prop::collection::vec(any::<u32>(), 20), small in any::<bool>()) {
            let mut m = memory();
            let words: Vec<u32> = words.iter().map(|w| if small { w % 40 } else { *w }).collect();
            put(&mut m, CB + COUNTS, &words);
            let mut rtt = Rtt::new(Some(CB));
            rtt.drain(&mut m);
            rtt.send(&mut m, 0, b"abc");
            put(&mut m, CB + BUFFERS + 4, &[BUFFER]);
            rtt.drain(&mut m);
        }
    }
}
