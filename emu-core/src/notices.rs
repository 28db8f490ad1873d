//! Notices: what the model does not know and the firmware touched, each told once.

use crate::time::Cycles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What kind of gap it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum NoticeKind {
    /// A register that has a name and a reset value, but no behaviour.
    StubRegister,
    /// A register or bit of a modelled device that has no behaviour.
    UnmodelledFeature,
    /// An address that belongs to no device.
    UnmappedAddress,
    /// An instruction that the CPU model or the timing model does not know.
    Instruction,
    /// The firmware did what the manual calls wrong (access in a forbidden state, bad key).
    Misuse,
}

/// One notice, with where it first came up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// Kind of gap.
    pub kind: NoticeKind,
    /// What, for example `TIM9.CR1 (write 0x00000001)`.
    pub what: String,
    /// PC of the first occurrence.
    pub pc: u32,
    /// Cycle of the first occurrence.
    pub at: Cycles,
    /// How often.
    pub count: u64,
}

/// All notices of a run, in order of first occurrence.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Notices {
    list: Vec<Notice>,
    index: BTreeMap<(NoticeKind, String), usize>,
}

impl Notices {
    /// Note an occurrence. Returns `true` when it is the first of its kind and name.
    pub fn note(&mut self, kind: NoticeKind, what: String, pc: u32, at: Cycles) -> bool {
        let key = (kind, what);
        if let Some(&i) = self.index.get(&key) {
            self.list[i].count += 1;
            return false;
        }
        self.list.push(Notice {
            kind,
            what: key.1.clone(),
            pc,
            at,
            count: 1,
        });
        self.index.insert(key, self.list.len() - 1);
        true
    }

    /// How many bytes of host memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let one = |n: &Notice| size_of::<Notice>() + 2 * n.what.len() + 64;
        size_of::<Notices>() + self.list.iter().map(one).sum::<usize>()
    }

    /// All notices, in order of first occurrence.
    #[must_use]
    pub fn all(&self) -> &[Notice] {
        &self.list
    }

    /// Those that `--strict` turns into a failure: everything but misuse by the firmware.
    pub fn unmodelled(&self) -> impl Iterator<Item = &Notice> {
        self.list.iter().filter(|n| n.kind != NoticeKind::Misuse)
    }
}
