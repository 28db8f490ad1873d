//! Watching a firmware from outside: places in its code and variables in its memory.
//!
//! A watched place is recorded when execution comes to it, and, for a function, when it has returned: at the
//! address that its link register held, with the stack pointer that it began with, so that recursion and tasks
//! on stacks of their own are told apart. A function that is left by `longjmp` never returns. A handler (its
//! link register holds EXC_RETURN) returns with its exception.
//!
//! A watched variable is recorded at each store to any byte of it, by the core or by another bus master. What a
//! debugger writes is not recorded.
//!
//! Watching changes nothing in the run: no cycle, no state, no hash.

use crate::bus::Bus;
use crate::probe::ProbeKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A place in the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Address of an instruction (bit 0 is ignored).
    pub address: u32,
    /// It is the entry of a function whose return is recorded, too.
    pub returns: bool,
}

/// A variable in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variable {
    /// First address.
    pub address: u32,
    /// Size in bytes. Only the first four are shown as its value.
    pub size: u32,
}

impl Variable {
    /// Is any byte of it among `length` bytes at `address`?
    fn overlaps(&self, address: u32, length: u32) -> bool {
        let end = |from: u32, n: u32| u64::from(from) + u64::from(n);
        u64::from(address) < end(self.address, self.size)
            && u64::from(self.address) < end(address, length)
    }
}

/// Calls that are remembered; what was left by `longjmp` is forgotten in the end.
const MAX_CALLS: usize = 4096;

/// A call of a watched function that has not returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Call {
    place: u16,
    number: u32,
    stack: u32,
    to: u32,
}

/// The code side: places, and where the functions among them return to.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Numbers of the places at an address.
    at: Arc<BTreeMap<u32, Vec<(u16, bool)>>>,
    /// Addresses to which watched functions return.
    returns: BTreeSet<u32>,
    calls: Vec<Call>,
    /// Calls so far.
    numbered: u32,
    /// The instruction that was recorded last: its address and the count of instructions before it. The core loop
    /// may look at it several times before it runs.
    last: Option<(u32, u64)>,
}

/// What has happened at watched places, for snapshots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happened {
    /// The places.
    at: Arc<BTreeMap<u32, Vec<(u16, bool)>>>,
    calls: Vec<Call>,
    numbered: u32,
    last: Option<(u32, u64)>,
}

impl Happened {
    /// How many bytes of host memory it takes beyond its own size.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.calls[..])
    }
}

impl Places {
    pub(crate) fn set(&mut self, places: &[Place]) {
        let mut at = BTreeMap::<u32, Vec<(u16, bool)>>::new();
        for (number, p) in (0u16..).zip(places) {
            let list = at.entry(p.address & !1).or_default();
            list.push((number, p.returns));
        }
        *self = Places {
            at: Arc::new(at),
            ..Places::default()
        };
    }

    /// What has happened so far.
    pub(crate) fn save(&self) -> Happened {
        Happened {
            at: Arc::clone(&self.at),
            calls: self.calls.clone(),
            numbered: self.numbered,
            last: self.last,
        }
    }

    /// Go on from what had happened then; anew when other places were watched. `true` when there is a new address to
    /// look at: then blocks must be cut anew.
    pub(crate) fn load(&mut self, then: &Happened) -> bool {
        let same = Arc::ptr_eq(&self.at, &then.at) || self.at == then.at;
        let anew = Happened::default();
        let then = if same { then } else { &anew };
        self.calls.clone_from(&then.calls);
        self.numbered = then.numbered;
        self.last = then.last;
        // Looking at more addresses than these changes nothing.
        let mut new = false;
        for c in self.calls.iter().filter(|c| !is_exc_return(c.to)) {
            new |= self.returns.insert(c.to);
        }
        new
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Must the instruction at this address begin a block?
    pub(crate) fn contains(&self, address: u32) -> bool {
        self.at.contains_key(&address) || self.returns.contains(&address)
    }

    /// The instruction at `address` starts, `executed` instructions before it. Gives what is to be recorded, and whether
    /// there is a new address to look at: then blocks must be cut anew.
    pub(crate) fn reached(
        &mut self,
        address: u32,
        executed: u64,
        stack: u32,
        link: u32,
    ) -> (Vec<ProbeKind>, bool) {
        if self.last == Some((address, executed)) {
            return (Vec::new(), false);
        }
        self.last = Some((address, executed));
        let mut seen = Vec::new();
        if self.returns.contains(&address) {
            self.returned(address, stack, &mut seen);
        }
        let mut new = false;
        for (place, returns) in self.at.get(&address).into_iter().flatten() {
            let place = *place;
            if !*returns {
                seen.push(ProbeKind::Enter { place, call: 0 });
            } else {
                self.numbered = self.numbered.wrapping_add(1);
                let number = self.numbered;
                seen.push(ProbeKind::Enter {
                    place,
                    call: number,
                });
                let to = if is_exc_return(link) { link } else { link & !1 };
                // A frame that is used again was left without a return.
                self.calls
                    .retain(|c| (c.place, c.stack, c.to) != (place, stack, to));
                if self.calls.len() == MAX_CALLS {
                    self.calls.remove(0);
                }
                self.calls.push(Call {
                    place,
                    number,
                    stack,
                    to,
                });
                new |= !is_exc_return(link) && self.returns.insert(to);
            }
        }
        (seen, new)
    }

    /// An exception returns while its stack pointer is `stack`.
    pub(crate) fn exception_returned(&mut self, stack: u32) -> Vec<ProbeKind> {
        let mut seen = Vec::new();
        while let Some(i) = self
            .calls
            .iter()
            .rposition(|c| is_exc_return(c.to) && c.stack == stack)
        {
            let Call { place, number, .. } = self.calls.remove(i);
            seen.push(ProbeKind::Return {
                place,
                call: number,
            });
        }
        seen
    }

    fn returned(&mut self, address: u32, stack: u32, seen: &mut Vec<ProbeKind>) {
        // The innermost first: a tail call returns for its caller, too.
        while let Some(i) = self
            .calls
            .iter()
            .rposition(|c| c.to == address && c.stack == stack)
        {
            let Call { place, number, .. } = self.calls.remove(i);
            seen.push(ProbeKind::Return {
                place,
                call: number,
            });
        }
    }
}

/// EXC_RETURN (DDI 0403E B1.5.8): no code is there, on any core.
fn is_exc_return(link: u32) -> bool {
    link >= 0xFF00_0000
}

/// The data side.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    list: Vec<Variable>,
}

impl Variables {
    pub(crate) fn set(&mut self, list: Vec<Variable>) {
        self.list = list;
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Variables with a byte among `length` bytes at `address`: number, address and size.
    pub(crate) fn within(
        &self,
        address: u32,
        length: u32,
    ) -> impl Iterator<Item = (u16, Variable)> {
        (0u16..)
            .zip(&self.list)
            .filter(move |(_, v)| v.overlaps(address, length))
            .map(|(n, v)| (n, *v))
    }

    /// Does a page hold any of them?
    pub(crate) fn in_page(&self, page: u32, size: u32) -> bool {
        self.within(page, size).next().is_some()
    }
}

/// What is to be seen of accesses to a word of a watched page.
pub(crate) mod seen {
    /// Reads of the word hit a watchpoint.
    pub(crate) const READ: u8 = 1;
    /// Writes of the word hit a watchpoint.
    pub(crate) const WRITE: u8 = 2;
    /// A transfer of several words that reads and begins here may hit a watchpoint.
    pub(crate) const NEAR_READ: u8 = 4;
    /// A transfer of several words that writes and begins here may hit a watchpoint.
    pub(crate) const NEAR_WRITE: u8 = 8;
    /// Stores to the word are recorded.
    pub(crate) const VARIABLE: u8 = 16;
}

/// A page whose accesses come as I/O.
#[derive(Debug)]
struct WatchedPage {
    /// Its address, as the program addresses it.
    page: u32,
    /// Number of the memory region and offset in it.
    place: (usize, usize),
    /// What is to be seen of each word, see [`seen`].
    words: Box<[u8]>,
}

/// An access to a watched page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Its address, as the program addresses it.
    pub(crate) address: u32,
    /// Number of the memory region and offset in it.
    pub(crate) place: (usize, usize),
    /// What is to be seen of it, see [`seen`].
    pub(crate) what: u8,
}

/// Pages of memory in which something is watched: the engine sees them at addresses of their own, as I/O.
#[derive(Debug, Default)]
pub(crate) struct WatchedPages(Vec<WatchedPage>);

impl WatchedPages {
    /// The first address.
    pub(crate) const BASE: u32 = 0xF000_0000;
    /// Size of the range in bytes.
    pub(crate) const SIZE: u32 = 1 << 24;

    /// Something else is watched: the engine must ask for all pages again.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Where accesses to a page of `SIZE` bytes go, which the program sees at `page`; `None` when there are too many
    /// of them. A transfer of several words that begins up to `before` bytes before what is watched is seen.
    pub(crate) fn shadow<const SIZE: u32>(
        &mut self,
        bus: &Bus,
        page: u32,
        before: u32,
    ) -> Option<u32> {
        let known = self.0.iter().position(|p| p.page == page);
        let n = match known {
            Some(n) => n,
            None => {
                let at = bus.memory.resolve(page);
                let regions = bus.memory.regions();
                let region = regions.iter().position(|r| r.contains(at))?;
                let word = |n: u32| word_seen(bus, at + 4 * n, before);
                self.0.push(WatchedPage {
                    page,
                    place: (region, (at - regions[region].base) as usize),
                    words: (0..SIZE / 4).map(word).collect(),
                });
                self.0.len() - 1
            }
        };
        let offset = (n as u32).checked_mul(SIZE)?;
        (offset < WatchedPages::SIZE).then(|| WatchedPages::BASE + offset)
    }

    /// The access of `bytes` bytes that an address in the range stands for.
    #[inline]
    pub(crate) fn at<const SIZE: u32>(&self, address: u32, bytes: u32) -> Option<Seen> {
        let offset = address.wrapping_sub(WatchedPages::BASE);
        if offset >= WatchedPages::SIZE {
            return None;
        }
        let page = self.0.get((offset / SIZE) as usize)?;
        let into = offset % SIZE;
        let last = (into + bytes - 1).min(SIZE - 1);
        Some(Seen {
            address: page.page + into,
            place: (page.place.0, page.place.1 + into as usize),
            what: page.words[(into / 4) as usize] | page.words[(last / 4) as usize],
        })
    }
}

/// What is to be seen of accesses to the word at an address of memory.
fn word_seen(bus: &Bus, address: u32, before: u32) -> u8 {
    let flag = |on: bool, flag: u8| if on { flag } else { 0 };
    let exact = bus.watchpoints.within(address, 4, 0);
    let near = bus.watchpoints.within(address, 4, before);
    flag(exact.0, seen::READ)
        | flag(exact.1, seen::WRITE)
        | flag(near.0, seen::NEAR_READ)
        | flag(near.1, seen::NEAR_WRITE)
        | flag(bus.watched.in_page(address, 4), seen::VARIABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(call: u32) -> ProbeKind {
        ProbeKind::Enter { place: 0, call }
    }

    fn back(call: u32) -> ProbeKind {
        ProbeKind::Return { place: 0, call }
    }

    fn function() -> Places {
        let mut p = Places::default();
        p.set(&[Place {
            address: 0x101,
            returns: true,
        }]);
        p
    }

    #[test]
    fn recursion_returns_by_its_stack_pointer() {
        let mut p = function();
        assert_eq!(p.reached(0x100, 1, 0x800, 0x201), (vec![enter(1)], true));
        assert_eq!(p.reached(0x100, 1, 0x800, 0x201), (vec![], false), "again");
        assert_eq!(p.reached(0x100, 9, 0x7F0, 0x201), (vec![enter(2)], false));
        assert_eq!(
            p.reached(0x200, 15, 0x900, 0),
            (vec![], false),
            "another stack"
        );
        assert_eq!(p.reached(0x200, 20, 0x7F0, 0), (vec![back(2)], false));
        assert_eq!(p.reached(0x200, 30, 0x800, 0), (vec![back(1)], false));
        assert_eq!(p.reached(0x200, 40, 0x800, 0), (vec![], false));
    }

    #[test]
    fn a_frame_that_is_used_again_has_one_return() {
        let mut p = function();
        p.reached(0x100, 1, 0x800, 0x201);
        p.reached(0x100, 50, 0x800, 0x201);
        assert_eq!(p.reached(0x200, 60, 0x800, 0).0, [back(2)]);
    }

    #[test]
    fn a_handler_returns_with_its_exception() {
        let mut p = function();
        assert_eq!(
            p.reached(0x100, 1, 0x800, 0xFFFF_FFF9),
            (vec![enter(1)], false)
        );
        assert_eq!(p.exception_returned(0x700), []);
        assert_eq!(p.exception_returned(0x800), [back(1)]);
        assert_eq!(p.exception_returned(0x800), []);
    }

    #[test]
    fn what_has_happened_comes_back() {
        let mut p = function();
        p.reached(0x100, 1, 0x800, 0x201);
        let then = p.save();
        p.reached(0x200, 20, 0x800, 0);
        p.reached(0x100, 30, 0x800, 0x301);
        assert!(!p.load(&then), "0x200 is still looked at");
        assert_eq!(p.reached(0x200, 20, 0x800, 0).0, [back(1)]);
        assert_eq!(p.reached(0x100, 30, 0x800, 0x301), (vec![enter(2)], false));

        let mut other = function();
        assert!(other.load(&then), "0x200 is new");
        assert_eq!(other.reached(0x100, 1, 0x800, 0x201).0, [], "recorded then");
        assert_eq!(other.reached(0x200, 20, 0x800, 0).0, [back(1)]);
        other.set(&[]);
        assert!(!other.load(&then), "other places");
        assert_eq!(other.reached(0x200, 20, 0x800, 0).0, []);
    }

    #[test]
    fn any_byte_counts() {
        let mut v = Variables::default();
        v.set(vec![Variable {
            address: 0x2000_0004,
            size: 4,
        }]);
        assert_eq!(v.within(0x2000_0007, 1).count(), 1);
        assert_eq!(v.within(0x2000_0000, 4).count(), 0);
        assert_eq!(v.within(0x2000_0000, 16).count(), 1);
        assert_eq!(v.within(0x2000_0008, 4).count(), 0);
        assert!(v.in_page(0x2000_0000, 1024) && !v.in_page(0x2000_0400, 1024));
    }
}
