//! Flash with wait states: lines, prefetch buffers, instruction and data caches.
//!
//! Modelled: one port that reads a line in `wait_states + 1` cycles; buffers that hold the last lines read;
//! prefetch of the next line behind each line that is read for a fetch; caches of lines with LRU replacement, fully
//! or set associative. With STM32F4's ART parameters (RM0090 §3.5: 128-bit lines, 64 for instructions, 8 for data)
//! this is within 0.6 % of figures published at 5 wait states. STM32F1 (PM0075: two 64-bit buffers, no cache) is
//! the same without caches: exact on 16-bit code, 5 to 7 % too fast on straight 32-bit code.
//! Not modelled: writes and erases that stall the port.
//!
//! A flash without caches keeps its state in the pipe ([`Lines`]), so that costs are remembered like all others. One
//! with caches keeps it here; code and data that hit cost what they cost without wait states, and only blocks that
//! miss are worked out each time.

use super::cache::{Cache, NONE};
use super::fetch::Fetch;
use serde::{Deserialize, Serialize};

/// The lines that a prefetch buffer holds, with times relative to the last instruction's first execute cycle.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Lines {
    /// Lines and the cycle in which each is there, oldest first.
    held: [(u32, i8); 2],
    /// The cycle from which the port is free.
    free: i8,
}

impl Lines {
    /// Nothing held, the port free.
    pub const NONE: Lines = Lines {
        held: [(NONE, LONG_AGO); 2],
        free: LONG_AGO,
    };
}

/// All cycles this long before the present are the same: requests reach no further back.
const LONG_AGO: i8 = -8;

/// The read port: what it holds and when it is free, in cycles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Port {
    held: [(u32, i64); 2],
    free: i64,
}

impl Port {
    const EMPTY: Port = Port {
        held: [(NONE, i64::MIN / 2); 2],
        free: i64::MIN / 2,
    };

    fn from_lines(lines: &Lines, origin: i64) -> Port {
        let at = |t: i8| origin + i64::from(t);
        Port {
            held: lines.held.map(|(line, t)| (line, at(t))),
            free: at(lines.free),
        }
    }

    fn lines(&self, origin: i64) -> Lines {
        let rel = |t: i64| (t.saturating_sub(origin)).clamp(i64::from(LONG_AGO), 127) as i8;
        Lines {
            held: self.held.map(|(line, t)| (line, rel(t))),
            free: rel(self.free),
        }
    }

    fn holds(&self, line: u32) -> Option<i64> {
        self.held.iter().find(|h| h.0 == line).map(|h| h.1)
    }

    /// Read a line from cycle `from` on: the cycle in which it is there.
    fn read(&mut self, line: u32, from: i64, wait_states: u32) -> i64 {
        let ready = self.free.max(from) + i64::from(wait_states) + 1;
        self.free = ready;
        self.held = [self.held[1], (line, ready)];
        ready
    }
}

/// Size and shape of a flash and its caches; what the firmware can switch is in [`Settings`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// First address (after aliasing).
    pub base: u32,
    /// Size in bytes.
    pub size: u32,
    /// Where it is seen too: first address and size of the alias, and the offset in the flash that it shows.
    pub aliases: Vec<(u32, u32, u32)>,
    /// Bytes in a line; a power of two.
    pub line_bytes: u32,
    /// Lines and sets of the instruction cache.
    pub instruction_cache: (u32, u32),
    /// Lines and sets of the data cache.
    pub data_cache: (u32, u32),
    /// Data goes through the instruction cache (RP2040 XIP, nRF52 has no data cache).
    pub unified: bool,
}

/// What the firmware programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Extra cycles of a line that is read from the array.
    pub wait_states: u32,
    /// The next line is read ahead.
    pub prefetch: bool,
    /// The instruction cache is on.
    pub instruction_cache: bool,
    /// The data cache is on.
    pub data_cache: bool,
}

/// A flash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flash {
    base: u32,
    size: u32,
    aliases: Vec<(u32, u32, u32)>,
    /// log2 of the bytes in a line.
    line_bits: u32,
    unified: bool,
    settings: Settings,
    port: Port,
    instructions: Cache,
    data: Cache,
    /// The port before the present walk.
    port_before: Option<Port>,
    /// The port behind the walk that was set aside.
    port_aside: Port,
}

impl Flash {
    /// A flash with zero wait states.
    #[must_use]
    pub fn new(shape: &Shape) -> Flash {
        let line_bits = shape.line_bytes.next_power_of_two().max(4).trailing_zeros();
        let all = (shape.size >> line_bits) as usize + 2;
        let cache = |(lines, sets): (u32, u32)| Cache::new(lines as usize, sets, all);
        Flash {
            base: shape.base,
            size: shape.size,
            aliases: shape.aliases.clone(),
            line_bits,
            unified: shape.unified,
            settings: Settings::default(),
            port: Port::EMPTY,
            instructions: cache(shape.instruction_cache),
            data: cache(shape.data_cache),
            port_before: None,
            port_aside: Port::EMPTY,
        }
    }

    /// What the firmware has programmed.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Program it. Says whether costs that were worked out before are stale.
    pub fn set(&mut self, settings: Settings) -> bool {
        let old = std::mem::replace(&mut self.settings, settings);
        for (cache, on) in [
            (&mut self.instructions, settings.instruction_cache),
            (&mut self.data, settings.data_cache),
        ] {
            let on = on && !cache.slots.is_empty();
            if cache.on != on {
                cache.on = on;
                cache.clear();
            }
        }
        if old != settings {
            self.port = Port::EMPTY;
        }
        old != settings
    }

    /// Do wait states matter now?
    #[must_use]
    pub fn waits(&self) -> bool {
        self.settings.wait_states != 0
    }

    /// Its state is here and not in the pipe: costs of what misses cannot be remembered.
    #[must_use]
    pub fn is_cached(&self) -> bool {
        self.instructions.on || self.data.on
    }

    /// The line of an address, if it lies in this flash.
    #[must_use]
    pub fn line_of(&self, address: u32) -> Option<u32> {
        let mut offset = address.wrapping_sub(self.base);
        if offset >= self.size {
            let seen = |a: &&(u32, u32, u32)| address.wrapping_sub(a.0) < a.1;
            offset = self
                .aliases
                .iter()
                .find(seen)
                .map_or(u32::MAX, |a| address.wrapping_sub(a.0).wrapping_add(a.2));
        }
        (offset < self.size).then_some(offset >> self.line_bits)
    }

    /// A number that changes whenever lines come into a cache or leave it.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.instructions.generation + self.data.generation
    }

    /// Do all of these consecutive lines (first, count) hit the instruction cache?
    #[must_use]
    pub fn hits(&self, lines: (u32, u32)) -> bool {
        (lines.0..lines.0 + lines.1).all(|line| self.instructions.has(line))
    }

    /// Does a data read from this line hit?
    #[must_use]
    pub fn hits_data(&self, line: u32) -> bool {
        self.data_cache().has(line)
    }

    fn data_cache(&self) -> &Cache {
        if self.unified {
            &self.instructions
        } else {
            &self.data
        }
    }

    /// The core has fetched from this line, which was in the cache.
    pub fn used(&mut self, line: u32) {
        self.instructions.hit(line);
    }

    /// The core has read data from this line, which was in the cache.
    pub fn used_data(&mut self, line: u32) {
        if self.unified {
            self.instructions.hit(line);
        } else {
            self.data.hit(line);
        }
    }

    /// A walk through instructions begins at a pipe whose last instruction started at `origin`. With caches, it
    /// changes them until [`Flash::roll_back`] or [`Flash::keep`].
    pub fn walk(&mut self, lines: &Lines, origin: u64) -> Walk<'_> {
        let origin = origin as i64;
        let port = if self.is_cached() {
            self.port_before = Some(self.port);
            self.port
        } else {
            Port::from_lines(lines, origin)
        };
        Walk {
            flash: self,
            port,
            origin,
        }
    }

    /// Undo what the last walk did to the caches.
    pub fn roll_back(&mut self) {
        self.instructions.roll_back();
        self.data.roll_back();
        if let Some(port) = self.port_before.take() {
            self.port = port;
        }
    }

    /// Undo what the last walk did, but remember it for [`Flash::take_up`].
    pub fn set_aside(&mut self) {
        self.instructions.set_aside();
        self.data.set_aside();
        let after = self.port;
        if let Some(port) = self.port_before.take() {
            self.port = port;
        }
        self.port_aside = after;
    }

    /// The walk that was set aside has happened, and nothing else since.
    pub fn take_up(&mut self) {
        self.instructions.take_up();
        self.data.take_up();
        self.port = self.port_aside;
    }

    /// What the last walk did has happened.
    pub fn keep(&mut self) {
        self.instructions.journal.clear();
        self.data.journal.clear();
        self.port_before = None;
    }

    /// Empty the caches and the buffers.
    pub fn invalidate(&mut self) {
        self.instructions.clear();
        self.data.clear();
        self.port = Port::EMPTY;
    }

    /// The same state with the counts of uses as ranks: equal for equal futures.
    #[must_use]
    pub fn canonical(&self) -> Flash {
        let mut flash = self.clone();
        for cache in [&mut flash.instructions, &mut flash.data] {
            let mut order: Vec<u64> = cache.slots.iter().map(|s| s.1).collect();
            order.sort_unstable();
            order.dedup();
            for s in &mut cache.slots {
                s.1 = order.binary_search(&s.1).unwrap_or(0) as u64;
            }
            cache.uses = 0;
            cache.generation = 0;
        }
        flash.port_before = None;
        flash.port_aside = Port::EMPTY;
        flash.instructions.aside.clear();
        flash.data.aside.clear();
        flash
    }

    /// What a snapshot keeps: without what is derived, and no walk. It is good for [`Flash::load`] only.
    #[must_use]
    pub fn saved(&self) -> Flash {
        Flash {
            aliases: self.aliases.clone(),
            instructions: self.instructions.saved(),
            data: self.data.saved(),
            port_before: None,
            port_aside: Port::EMPTY,
            ..*self
        }
    }

    /// Become as a flash of the same shape was when it was [`Flash::saved`]. Says whether it has other settings then,
    /// so that costs that were worked out before are stale.
    pub fn load(&mut self, saved: &Flash) -> bool {
        let old = std::mem::replace(&mut self.settings, saved.settings);
        self.port = saved.port;
        self.port_before = None;
        self.port_aside = Port::EMPTY;
        self.instructions.load(&saved.instructions);
        self.data.load(&saved.data);
        old != saved.settings
    }

    /// Are they caches of the same lines?
    #[must_use]
    pub fn is_alike(&self, other: &Flash) -> bool {
        let shape = |f: &Flash| {
            let slots = (f.instructions.slots.len(), f.data.slots.len());
            let sets = (f.instructions.sets, f.data.sets);
            (f.base, f.size, f.line_bits, f.unified, slots, sets)
        };
        shape(self) == shape(other)
    }

    /// How many bytes of host memory a saved one takes beyond its own size.
    pub(crate) fn bytes(&self) -> usize {
        self.instructions.bytes() + self.data.bytes() + size_of_val(&self.aliases[..])
    }
}

/// A flash while a walk goes through instructions.
pub struct Walk<'a> {
    flash: &'a mut Flash,
    port: Port,
    origin: i64,
}

impl Walk<'_> {
    /// What goes into the pipe, relative to the present instruction.
    #[must_use]
    pub fn lines(&self) -> Lines {
        if self.flash.is_cached() {
            Lines::NONE
        } else {
            self.port.lines(self.origin)
        }
    }

    /// A data read from the flash by the present instruction: the cycles that it waits. The address matters to caches
    /// only.
    pub fn data(&mut self, address: Option<u32>) -> u8 {
        if !self.flash.waits() {
            return 0;
        }
        let line = address.and_then(|a| self.flash.line_of(a));
        if let Some(line) = line.filter(|&l| self.flash.data_cache().has(l)) {
            self.flash.touch_data(line);
            return 0;
        }
        let wait_states = self.flash.settings.wait_states;
        // The buffers belong to the instruction side: a data read passes by them.
        let ready = self.port.free.max(self.origin) + i64::from(wait_states) + 1;
        self.port.free = ready;
        if let Some(line) = line {
            self.flash.touch_data(line);
        }
        self.keep_port();
        (ready - self.origin - 1).clamp(0, 200) as u8
    }

    fn keep_port(&mut self) {
        if self.flash.is_cached() {
            self.flash.port = self.port;
        }
    }
}

impl Flash {
    fn touch_data(&mut self, line: u32) {
        if self.unified {
            self.instructions.touch(line);
        } else {
            self.data.touch(line);
        }
    }
}

impl Fetch for Walk<'_> {
    fn word(&mut self, address: u32, request: i32) -> i32 {
        let at_once = request + 1;
        let Some(line) = self.flash.line_of(address).filter(|_| self.flash.waits()) else {
            return at_once;
        };
        if self.flash.instructions.has(line) {
            self.flash.instructions.touch(line);
            return at_once;
        }
        let Settings {
            wait_states,
            prefetch,
            ..
        } = self.flash.settings;
        let from = self.origin + i64::from(request);
        let held = self.port.holds(line);
        let ready = held.unwrap_or_else(|| self.port.read(line, from, wait_states));
        self.flash.instructions.touch(line);
        let next = line + 1;
        if prefetch && self.port.holds(next).is_none() && !self.flash.instructions.has(next) {
            self.port.read(next, ready.max(from), wait_states);
        }
        self.keep_port();
        at_once.max((ready - self.origin).clamp(-1000, 1000) as i32)
    }

    fn advance(&mut self, cycles: u32) {
        self.origin += i64::from(cycles);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn art() -> Flash {
        let mut f = Flash::new(&Shape {
            base: 0x0800_0000,
            size: 1 << 20,
            aliases: vec![(0, 1 << 20, 0)],
            line_bytes: 16,
            instruction_cache: (64, 1),
            data_cache: (8, 1),
            unified: false,
        });
        f.set(Settings {
            wait_states: 5,
            prefetch: true,
            instruction_cache: true,
            data_cache: true,
        });
        f
    }

    #[test]
    fn a_line_is_read_once_and_the_next_is_on_its_way() {
        let mut f = art();
        let mut w = f.walk(&Lines::NONE, 100);
        assert_eq!(w.word(0x0800_0000, 0), 6, "five wait states");
        assert_eq!(w.word(0x0800_0004, 6), 7, "the same line");
        assert_eq!(w.word(0x0800_0010, 9), 12, "read ahead from cycle 6 to 12");
        f.keep();
        let mut w = f.walk(&Lines::NONE, 200);
        assert_eq!(w.word(0x0800_0000, 0), 1, "in the cache");
    }

    #[test]
    fn a_walk_that_is_rolled_back_leaves_no_trace() {
        let mut f = art();
        let before = f.canonical();
        let mut w = f.walk(&Lines::NONE, 0);
        w.word(0x0800_0000, 0);
        w.data(Some(0x0800_1000));
        f.roll_back();
        assert_eq!(f.canonical(), before);
    }

    #[test]
    fn the_least_recently_used_line_goes() {
        let mut f = art();
        let mut w = f.walk(&Lines::NONE, 0);
        for line in 0..64 {
            w.word(0x0800_0000 + 16 * line, 100 * line as i32);
        }
        f.keep();
        f.used(0);
        let mut w = f.walk(&Lines::NONE, 100_000);
        w.word(0x0801_0000, 0);
        f.keep();
        assert!(f.hits((0, 1)) && !f.hits((1, 1)));
    }

    #[test]
    fn without_caches_the_state_is_in_the_pipe() {
        let mut f = Flash::new(&Shape {
            base: 0,
            size: 1 << 16,
            aliases: Vec::new(),
            line_bytes: 8,
            instruction_cache: (0, 1),
            data_cache: (0, 1),
            unified: false,
        });
        f.set(Settings {
            wait_states: 2,
            prefetch: true,
            ..Settings::default()
        });
        let mut w = f.walk(&Lines::NONE, 0);
        assert_eq!(w.word(0, 0), 3);
        w.advance(4);
        let lines = w.lines();
        let mut w = f.walk(&lines, 0);
        assert_eq!(w.word(8, 0), 2, "read ahead from 3 to 6, seen from cycle 4");
    }
}
