//! SEGGER RTT as serial ports: `rtt0` is channel 0, and so on.
//!
//! A probe that reads RTT changes the guest: it moves read offsets in RAM, and a firmware that waits for room
//! goes on. So the buffers are drained at fixed core cycles (each [`PERIOD`], as a probe polls), whether
//! anybody looks at the output or not, and not at all when there is no control block. What is left at the end
//! of a run is read without a change, so that the end of a run has the state that a longer one has there.
//!
//! The control block is at the symbol `_SEGGER_RTT`. Without that symbol RAM is searched at doubling intervals.
//! A port exists from the start for channel 0 when there is the symbol, and for channels that the command line
//! names; the others appear with their first byte. Channels above [`MOST`] are left alone.

use emu_core::rtt::{Direction, Rtt};
use emu_core::timeline::Companion;
use emu_core::{Bus, Cycles};
use std::collections::BTreeMap;

/// Cycles between two drains: 195 µs at 168 MHz, 2 ms at 16 MHz.
const PERIOD: u64 = 1 << 15;
/// Channels that become ports.
const MOST: usize = 16;
/// Channels by these names carry frames for a decoder, not text.
const BINARY: [&str; 3] = ["defmt", "SysView", "RttData"];

/// A channel that has sent its first byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its serial port.
    pub port: u8,
    /// Name of that port.
    pub name: String,
    /// The channel's own name.
    pub channel: String,
    /// Is it text for a console? Channel 0 is, unless its name says otherwise.
    pub is_text: bool,
}

/// The channels of a run.
#[derive(Debug)]
pub struct RttPorts {
    rtt: Rtt,
    /// There is a symbol, so that looking for the block costs nothing.
    has_symbol: bool,
    due: Cycles,
    /// Ports by channel.
    ports: BTreeMap<usize, u8>,
    spoken: BTreeMap<usize, Found>,
    /// Input that had no room yet, by channel.
    waiting: BTreeMap<usize, Vec<u8>>,
    /// Channels that nobody was told of yet.
    found: Vec<Found>,
}

/// What the next drains depend on. The ports stay as they are: they belong to the host.
#[derive(Clone, Debug)]
pub struct RttState {
    rtt: Rtt,
    due: Cycles,
    waiting: BTreeMap<usize, Vec<u8>>,
}

impl Companion for RttPorts {
    type State = RttState;

    fn due(&self) -> Cycles {
        self.due
    }

    fn act(&mut self, bus: &mut Bus) {
        self.drain(bus);
    }

    fn give(&mut self, port: u8, bytes: &[u8]) -> bool {
        RttPorts::give(self, port, bytes)
    }

    fn save(&self) -> RttState {
        RttState {
            rtt: self.rtt.clone(),
            due: self.due,
            waiting: self.waiting.clone(),
        }
    }

    fn load(&mut self, state: &RttState) {
        self.rtt.clone_from(&state.rtt);
        self.due = state.due;
        self.waiting.clone_from(&state.waiting);
    }
}

/// The channel that a port's name means.
#[must_use]
pub fn channel_of(port: &str) -> Option<usize> {
    let lower = port.to_ascii_lowercase();
    let number = lower.strip_prefix("rtt")?.parse().ok()?;
    (number < MOST).then_some(number)
}

impl RttPorts {
    /// With the address of `_SEGGER_RTT`, and the port names that the command line uses.
    pub fn new<'a>(
        bus: &mut Bus,
        symbol: Option<u32>,
        named: impl IntoIterator<Item = &'a str>,
    ) -> RttPorts {
        let mut wanted: Vec<usize> = named.into_iter().filter_map(channel_of).collect();
        wanted.extend(symbol.map(|_| 0));
        let mut this = RttPorts {
            rtt: Rtt::new(symbol),
            has_symbol: symbol.is_some(),
            due: Cycles(PERIOD),
            ports: BTreeMap::new(),
            spoken: BTreeMap::new(),
            waiting: BTreeMap::new(),
            found: Vec::new(),
        };
        wanted.sort_unstable();
        for channel in wanted {
            this.port(bus, channel);
        }
        this
    }

    /// The cycle of the next drain.
    #[must_use]
    pub fn due(&self) -> Cycles {
        self.due
    }

    /// Move what waits in both directions, as a probe does at this cycle.
    pub fn drain(&mut self, bus: &mut Bus) {
        let found = self.has_symbol || self.rtt.locate(&bus.memory).is_some();
        self.due.0 = if found {
            self.due.0 + PERIOD
        } else {
            self.due.0.saturating_mul(2)
        };
        for (&channel, bytes) in &mut self.waiting {
            let sent = self.rtt.send(&mut bus.memory, channel, bytes);
            bytes.drain(..sent);
        }
        self.waiting.retain(|_, bytes| !bytes.is_empty());
        self.take(bus);
    }

    /// Read what is left at the end of a run, and leave the guest as it is.
    pub fn rest(&mut self, bus: &mut Bus) {
        let Some(at) = self.rtt.locate(&bus.memory) else {
            return;
        };
        // The block with the most descriptors that a reader accepts, or as much of it as there is.
        let whole = (0..=255).rev().map(|n| 24 + 24 * n);
        let mut sizes = whole.filter_map(|n| bus.memory.slice(at, n).map(<[u8]>::to_vec));
        let Some(before) = sizes.next() else {
            return;
        };
        self.take(bus);
        if let Some(block) = bus.memory.slice_mut(at, before.len()) {
            block.copy_from_slice(&before);
        }
    }

    /// Input for a port. `false` when it is no RTT port. It reaches the firmware at the next drain.
    pub fn give(&mut self, port: u8, bytes: &[u8]) -> bool {
        let channel = self.ports.iter().find(|(_, p)| **p == port);
        let Some((&channel, _)) = channel else {
            return false;
        };
        self.waiting.entry(channel).or_default().extend(bytes);
        true
    }

    /// The channel's own name, once it has spoken.
    #[must_use]
    pub fn channel_name(&self, port: u8) -> Option<&str> {
        let found = self.spoken.values().find(|f| f.port == port)?;
        Some(&found.channel)
            .filter(|n| !n.is_empty())
            .map(|n| n.as_str())
    }

    /// Channels that have spoken for the first time since this was last asked.
    pub fn take_found(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    fn take(&mut self, bus: &mut Bus) {
        // A probe takes them: no instruction does.
        let pc = std::mem::take(&mut bus.pc);
        for (channel, bytes) in self.rtt.drain(&mut bus.memory) {
            if channel >= MOST {
                continue;
            }
            let port = self.port(bus, channel);
            if !self.spoken.contains_key(&channel) {
                let found = self.describe(bus, channel, port);
                self.spoken.insert(channel, found.clone());
                self.found.push(found);
            }
            for byte in bytes {
                bus.serial_push(port, byte);
            }
        }
        bus.pc = pc;
    }

    fn port(&mut self, bus: &mut Bus, channel: usize) -> u8 {
        let name = || format!("rtt{channel}");
        let ports = &mut self.ports;
        *ports
            .entry(channel)
            .or_insert_with(|| bus.add_serial(&name()))
    }

    fn describe(&mut self, bus: &Bus, channel: usize, port: u8) -> Found {
        let all = self.rtt.channels(&bus.memory, Direction::Up);
        let all = all.unwrap_or_default().into_iter().flatten();
        let name = all.filter(|c| c.index == channel).map(|c| c.name).next();
        let name = name.unwrap_or_default();
        Found {
            port,
            name: format!("rtt{channel}"),
            is_text: channel == 0 && !BINARY.contains(&name.as_str()),
            channel: name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emu_core::cortex_m::{Architecture, System};
    use emu_core::memory::MemoryKind;
    use emu_core::{ClockTree, Ratio};

    const CB: u32 = 0x2000_0100;

    fn bus() -> Bus {
        let clocks = ClockTree::new("core", Ratio::hz(16_000_000));
        let mut bus = Bus::new(System::new(Architecture::V7M, 4, 8), clocks);
        bus.memory.add("ram", MemoryKind::Ram, 0x2000_0000, 0x1000);
        bus
    }

    /// Channel 0 with 16 bytes, channel 1 with 8; `written` bytes of `abc..` in each.
    fn set_up(bus: &mut Bus, written: u32) {
        let mut block = b"SEGGER RTT\0\0\0\0\0\0".to_vec();
        let words = [
            2,
            1, //
            0x2000_0080,
            0x2000_0400,
            16,
            written,
            0,
            0, //
            0,
            0x2000_0500,
            8,
            written,
            0,
            0, //
            0,
            0x2000_0600,
            4,
            0,
            0,
            0,
        ];
        block.extend(words.iter().flat_map(|w: &u32| w.to_le_bytes()));
        let mut put = |at, bytes: &[u8]| {
            let place = bus.memory.slice_mut(at, bytes.len()).expect("RAM");
            place.copy_from_slice(bytes);
        };
        put(CB, &block);
        put(0x2000_0080, b"Terminal\0");
        put(0x2000_0400, b"abcdefghijklmnop");
        put(0x2000_0500, b"ABCDEFGH");
    }

    fn ram(bus: &Bus) -> Vec<u8> {
        bus.memory.slice(0x2000_0000, 0x1000).expect("RAM").to_vec()
    }

    #[test]
    fn a_channel_is_a_port_with_the_symbol_or_from_its_first_byte() {
        let mut b = bus();
        let mut rtt = RttPorts::new(&mut b, Some(CB), []);
        assert_eq!(b.serial_ports().len(), 1);
        rtt.drain(&mut b);
        assert_eq!(rtt.take_found(), []);
        set_up(&mut b, 5);
        rtt.drain(&mut b);
        let found = rtt.take_found();
        assert_eq!(rtt.due(), Cycles(3 * PERIOD));
        let names: Vec<_> = found.iter().map(|f| (&*f.name, &*f.channel)).collect();
        assert_eq!(names, [("rtt0", "Terminal"), ("rtt1", "")]);
        assert!(found[0].is_text && !found[1].is_text);
        assert_eq!(b.take_sent(0), b"abcde");
        assert_eq!(b.take_sent(1), b"ABCDE");
        assert_eq!(rtt.channel_name(0), Some("Terminal"));
        assert_eq!(rtt.channel_name(1), None);
        rtt.drain(&mut b);
        assert_eq!(rtt.take_found(), []);
    }

    #[test]
    fn without_the_symbol_it_is_searched_less_and_less() {
        let mut b = bus();
        let mut rtt = RttPorts::new(&mut b, None, []);
        for _ in 0..3 {
            rtt.drain(&mut b);
        }
        assert_eq!(rtt.take_found(), []);
        assert_eq!(rtt.due(), Cycles(8 * PERIOD));
        assert!(b.serial_ports().is_empty());
        set_up(&mut b, 1);
        rtt.drain(&mut b);
        assert_eq!(rtt.take_found().len(), 2);
        assert_eq!(rtt.due(), Cycles(9 * PERIOD));
    }

    #[test]
    fn the_rest_is_read_without_a_trace() {
        let mut b = bus();
        let mut rtt = RttPorts::new(&mut b, None, ["RTT1", "USART2", "rtt99"]);
        assert_eq!(b.serial_ports()[0].name, "rtt1");
        set_up(&mut b, 3);
        let before = ram(&b);
        rtt.rest(&mut b);
        assert_eq!(b.take_sent(0), b"ABC");
        assert_eq!(ram(&b), before);
    }

    #[test]
    fn input_waits_for_room() {
        let mut b = bus();
        set_up(&mut b, 0);
        let mut rtt = RttPorts::new(&mut b, Some(CB), []);
        assert!(rtt.give(0, b"hello") && !rtt.give(7, b"x"));
        rtt.drain(&mut b);
        assert_eq!(b.memory.slice(0x2000_0600, 3), Some(&b"hel"[..]));
        // The firmware takes them.
        let read_offset = CB + 24 + 48 + 16;
        b.memory.slice_mut(read_offset, 1).expect("RAM")[0] = 3;
        rtt.drain(&mut b);
        assert_eq!(b.memory.slice(0x2000_0600, 4), Some(&b"oell"[..]));
    }
}
