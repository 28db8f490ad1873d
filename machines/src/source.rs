//! Where a value was written: the files of a machine and places in them.

use std::ops::Range;
use std::sync::Arc;

/// A text that was read: a file, a built-in file, or one `--set`.
#[derive(Clone, Debug)]
pub struct Source {
    /// How it is called in messages, such as `chips/stm32f407vg.toml`.
    pub name: Arc<str>,
    /// Its contents.
    pub text: Arc<str>,
}

/// A place in one of the sources of a machine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct At {
    /// Index of the source.
    pub source: u16,
    /// Range of bytes.
    pub span: Range<usize>,
}
