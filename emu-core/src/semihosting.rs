//! Semihosting: firmware asks its debugger for console, files, time and the end of the run.
//!
//! Modelled: every call of "Semihosting for AArch32 and AArch64", version 3 (ARM-software/abi-aa,
//! `semihosting.rst`), and both extensions, which `:semihosting-features` reports. RISC-V uses the same calls.
//! It knows no CPU: the core passes the operation (R0), the parameter (R1), memory and the time, and carries out
//! the [`Outcome`].
//!
//! * The console `:tt` is a serial port of the machine; by convention its name is [`PORT`].
//! * Files are off unless [`Config::folder`] is given, and then only what lies in that folder can be reached.
//! * All times are virtual. `SYS_ELAPSED` counts nanoseconds, so its rate holds when the core clock changes.
//! * `SYS_SYSTEM` never runs anything; it fails.
//!
//! Contents of host files do not go back with a snapshot; positions do, so a repeated run writes the same bytes to the
//! same places. With a journal ([`Semihosting::keep_journal`]) a repeated run leaves the files alone, and finds what
//! it found the first time.

mod files;
mod journal;
#[cfg(test)]
mod tests;

use crate::device::{StateError, from_state, to_state};
use crate::guest;
use crate::memory::Memory;
use files::{Errno, Folder, OpenFile};
use journal::Files;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Name of the serial port that stands for the console.
pub const PORT: &str = "semihosting";

/// What the firmware finds when it asks.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Folder in which files may be read, made and removed; none at all when `None`.
    pub folder: Option<PathBuf>,
    /// Answer to `SYS_GET_CMDLINE`. Test runners pass what to run here (embedded-test: `run_addr 0x…`).
    pub command_line: String,
    /// Answer to `SYS_HEAPINFO`: heap base, heap limit, stack base, stack limit. Zeros when `None`, which C
    /// libraries take for "use the linker's symbols".
    pub heap: Option<[u32; 4]>,
    /// Seconds since 1970 at the start of the run, for `SYS_TIME`.
    pub start_time_unix: u64,
}

/// What the core has to do after a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Put the value into R0 and go on behind the call.
    Return(u32),
    /// Send the bytes out of the serial port [`PORT`], put the value into R0 and go on behind the call.
    Console {
        /// What the firmware wrote.
        bytes: Vec<u8>,
        /// R0.
        result: u32,
    },
    /// Nothing was typed yet: make the same call again after [`Semihosting::push_input`] or
    /// [`Semihosting::close_input`]. Until then the core stands still, as it does under a debugger.
    WaitForInput,
    /// The firmware ended itself with this status.
    Exit(i32),
}

/// The operations, by number.
const OPERATIONS: [(u32, &str); 24] = [
    (SYS_OPEN, "SYS_OPEN"),
    (SYS_CLOSE, "SYS_CLOSE"),
    (SYS_WRITEC, "SYS_WRITEC"),
    (SYS_WRITE0, "SYS_WRITE0"),
    (SYS_WRITE, "SYS_WRITE"),
    (SYS_READ, "SYS_READ"),
    (SYS_READC, "SYS_READC"),
    (SYS_ISERROR, "SYS_ISERROR"),
    (SYS_ISTTY, "SYS_ISTTY"),
    (SYS_SEEK, "SYS_SEEK"),
    (SYS_FLEN, "SYS_FLEN"),
    (SYS_TMPNAM, "SYS_TMPNAM"),
    (SYS_REMOVE, "SYS_REMOVE"),
    (SYS_RENAME, "SYS_RENAME"),
    (SYS_CLOCK, "SYS_CLOCK"),
    (SYS_TIME, "SYS_TIME"),
    (SYS_SYSTEM, "SYS_SYSTEM"),
    (SYS_ERRNO, "SYS_ERRNO"),
    (SYS_GET_CMDLINE, "SYS_GET_CMDLINE"),
    (SYS_HEAPINFO, "SYS_HEAPINFO"),
    (SYS_EXIT, "SYS_EXIT"),
    (SYS_EXIT_EXTENDED, "SYS_EXIT_EXTENDED"),
    (SYS_ELAPSED, "SYS_ELAPSED"),
    (SYS_TICKFREQ, "SYS_TICKFREQ"),
];
const SYS_OPEN: u32 = 0x01;
const SYS_CLOSE: u32 = 0x02;
const SYS_WRITEC: u32 = 0x03;
const SYS_WRITE0: u32 = 0x04;
const SYS_WRITE: u32 = 0x05;
const SYS_READ: u32 = 0x06;
const SYS_READC: u32 = 0x07;
const SYS_ISERROR: u32 = 0x08;
const SYS_ISTTY: u32 = 0x09;
const SYS_SEEK: u32 = 0x0A;
const SYS_FLEN: u32 = 0x0C;
const SYS_TMPNAM: u32 = 0x0D;
const SYS_REMOVE: u32 = 0x0E;
const SYS_RENAME: u32 = 0x0F;
const SYS_CLOCK: u32 = 0x10;
const SYS_TIME: u32 = 0x11;
const SYS_SYSTEM: u32 = 0x12;
const SYS_ERRNO: u32 = 0x13;
const SYS_GET_CMDLINE: u32 = 0x15;
const SYS_HEAPINFO: u32 = 0x16;
const SYS_EXIT: u32 = 0x18;
const SYS_EXIT_EXTENDED: u32 = 0x20;
const SYS_ELAPSED: u32 = 0x30;
const SYS_TICKFREQ: u32 = 0x31;

/// Name of an operation; `None` for one that the specification does not have. A call of such a one returns -1.
#[must_use]
pub fn operation_name(op: u32) -> Option<&'static str> {
    OPERATIONS.iter().find(|o| o.0 == op).map(|o| o.1)
}

/// `ADP_Stopped_ApplicationExit`: the one reason that means success.
const APPLICATION_EXIT: u32 = 0x2_0026;
/// Magic `SHFB`, then SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR.
const FEATURES: [u8; 5] = [b'S', b'H', b'F', b'B', 0b11];
/// -1: what most calls return on failure.
const FAILED: u32 = u32::MAX;
const TICKS_PER_SECOND: u32 = 1_000_000_000;
const AS_PER_SECOND: u128 = 1_000_000_000_000_000_000;
const MOST_HANDLES: usize = 256;
const LONGEST_NAME: u32 = 4096;

/// What a handle stands for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Handle {
    ConsoleIn,
    ConsoleOut,
    Features { position: u32 },
    File(OpenFile),
}

/// All state that a run depends on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct State {
    /// Handle `n` is entry `n - 1`: zero is no handle.
    handles: Vec<Option<Handle>>,
    errno: u32,
    input: VecDeque<u8>,
    input_closed: bool,
    /// Operations with the host's folder so far.
    operations: u64,
}

/// The debugger's side of semihosting.
#[derive(Debug)]
pub struct Semihosting {
    config: Config,
    files: Files,
    state: State,
    written: Vec<(u32, u32)>,
}

type Answer = Result<Outcome, Errno>;

impl Semihosting {
    /// With nothing open and nothing typed.
    #[must_use]
    pub fn new(config: Config) -> Semihosting {
        Semihosting {
            files: Files::new(Folder::new(config.folder.clone())),
            config,
            state: State::default(),
            written: Vec::new(),
        }
    }

    /// Type into the console.
    pub fn push_input(&mut self, bytes: &[u8]) {
        self.state.input.extend(bytes);
    }

    /// Nothing more will be typed: reads find the end of the file instead of waiting.
    pub fn close_input(&mut self) {
        self.state.input_closed = true;
    }

    /// Remember from now on what operations with the host's folder give, or no longer. When a state was loaded and the
    /// same run is repeated, they give the same again and the folder is not touched, until the run comes to what it
    /// has not done before. Call [`Semihosting::forget_later`] when it will not be the same run.
    pub fn keep_journal(&mut self, on: bool) {
        self.files.keep_journal(on);
    }

    /// From the present state on the run may be another one than before: what is in the journal behind it no longer
    /// holds. The host's files stay as the run that was left has made them.
    pub fn forget_later(&mut self) {
        self.files.forget_from(self.state.operations);
    }

    /// Ranges of guest memory (address, length) that the last call has written. They may hold instructions.
    #[must_use]
    pub fn written(&self) -> &[(u32, u32)] {
        &self.written
    }

    /// Close all handles, as when the machine is switched on. What was typed stays.
    pub fn reset(&mut self) {
        self.state.handles.clear();
        self.state.errno = 0;
    }

    /// All state that a run depends on.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        to_state(&self.state)
    }

    /// Take over a state from [`Semihosting::save`].
    ///
    /// # Errors
    /// [`StateError`] when the bytes are something else.
    pub fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        self.state = from_state(state)?;
        Ok(())
    }

    /// Carry out operation `op` with parameter `arg`, at a time in attoseconds since power-on.
    pub fn call(&mut self, op: u32, arg: u32, memory: &mut Memory, now_as: u128) -> Outcome {
        self.written.clear();
        let answer = match op {
            SYS_OPEN => self.open(arg, memory),
            SYS_CLOSE => self.close(arg, memory),
            SYS_WRITEC => block(memory, arg, 1).map(console),
            SYS_WRITE0 => guest::string(memory, arg).map(console).ok_or(Errno::FAULT),
            SYS_WRITE => self.write(arg, memory),
            SYS_READ => self.read(arg, memory),
            SYS_READC => Ok(self.read_character()),
            SYS_ISERROR => words(memory, arg).map(|[v]| done(u32::from((v as i32) < 0))),
            SYS_ISTTY => self.is_tty(arg, memory),
            SYS_SEEK => self.seek(arg, memory),
            SYS_FLEN => self.length(arg, memory),
            SYS_TMPNAM => self.temporary_name(arg, memory),
            SYS_REMOVE => self.remove(arg, memory),
            SYS_RENAME => self.rename(arg, memory),
            SYS_CLOCK => Ok(done((now_as / (AS_PER_SECOND / 100)) as u32)),
            SYS_TIME => {
                let seconds = (now_as / AS_PER_SECOND) as u64;
                Ok(done(
                    self.config.start_time_unix.wrapping_add(seconds) as u32
                ))
            }
            SYS_SYSTEM => Err(Errno::NOSYS),
            SYS_ERRNO => Ok(done(self.state.errno)),
            SYS_GET_CMDLINE => self.command_line(arg, memory),
            SYS_HEAPINFO => self.heap(arg, memory),
            SYS_EXIT => Ok(Outcome::Exit(i32::from(arg != APPLICATION_EXIT))),
            SYS_EXIT_EXTENDED => words(memory, arg).map(|[reason, status]| {
                Outcome::Exit(if reason == APPLICATION_EXIT {
                    status as i32
                } else {
                    1
                })
            }),
            SYS_ELAPSED => {
                let ticks = now_as / (AS_PER_SECOND / u128::from(TICKS_PER_SECOND));
                let stored = self.store(memory, arg, &(ticks as u64).to_le_bytes());
                stored.map(|()| done(0))
            }
            SYS_TICKFREQ => Ok(done(TICKS_PER_SECOND)),
            _ => Err(Errno::NOSYS),
        };
        answer.unwrap_or_else(|errno| {
            self.state.errno = errno.0;
            done(FAILED)
        })
    }

    fn store(&mut self, memory: &mut Memory, at: u32, bytes: &[u8]) -> Result<(), Errno> {
        guest::write(memory, at, bytes).ok_or(Errno::FAULT)?;
        self.written.push((at, bytes.len() as u32));
        Ok(())
    }

    fn handle(&mut self, number: u32) -> Result<&mut Handle, Errno> {
        let index = (number as usize).wrapping_sub(1);
        let slot = self.state.handles.get_mut(index);
        slot.and_then(Option::as_mut).ok_or(Errno::BADF)
    }

    fn open(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [name, mode, len] = words(memory, arg)?;
        let name = file_name(memory, name, len)?;
        if mode > 11 {
            return Err(Errno::INVAL);
        }
        let free = self.state.handles.iter().position(Option::is_none);
        let index = free.unwrap_or(self.state.handles.len());
        if index >= MOST_HANDLES {
            return Err(Errno::MFILE);
        }
        let handle = match (name.as_slice(), mode) {
            (b":tt", 0..=3) => Handle::ConsoleIn,
            (b":tt", _) => Handle::ConsoleOut,
            (b":semihosting-features", 0 | 1) => Handle::Features { position: 0 },
            (b":semihosting-features", _) => return Err(Errno::ACCES),
            _ => {
                let open = |folder: &Folder| folder.open(&name, mode);
                Handle::File(self.files.ask(&mut self.state.operations, open)?)
            }
        };
        if index == self.state.handles.len() {
            self.state.handles.push(None);
        }
        self.state.handles[index] = Some(handle);
        Ok(done(index as u32 + 1))
    }

    fn close(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [number] = words(memory, arg)?;
        self.handle(number)?;
        self.state.handles[number as usize - 1] = None;
        Ok(done(0))
    }

    /// Returns the number of bytes that were *not* written.
    fn write(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [number, at, len] = words(memory, arg)?;
        let bytes = block(memory, at, len)?;
        let index = (number as usize).wrapping_sub(1);
        let State {
            handles,
            operations,
            ..
        } = &mut self.state;
        let result = match handles.get_mut(index).and_then(Option::as_mut) {
            Some(Handle::ConsoleOut) => return Ok(console(bytes)),
            Some(Handle::File(f)) => self
                .files
                .ask(operations, |folder| folder.write(f, &bytes))
                .map(|()| f.was_written(bytes.len())),
            _ => Err(Errno::BADF),
        };
        if let Err(errno) = result {
            self.state.errno = errno.0;
            return Ok(done(len));
        }
        Ok(done(0))
    }

    /// Returns the number of bytes that were *not* read: all of them at the end of the file.
    fn read(&mut self, arg: u32, memory: &mut Memory) -> Answer {
        let [number, at, len] = words(memory, arg)?;
        if !guest::is_ram(memory, at, len) {
            return Err(Errno::FAULT);
        }
        let closed = self.state.input_closed;
        let State {
            input,
            handles,
            operations,
            ..
        } = &mut self.state;
        let index = (number as usize).wrapping_sub(1);
        let result = match handles.get_mut(index).and_then(Option::as_mut) {
            Some(Handle::ConsoleIn) => {
                if input.is_empty() && len > 0 && !closed {
                    return Ok(Outcome::WaitForInput);
                }
                let n = input.len().min(len as usize);
                Ok(input.drain(..n).collect())
            }
            Some(Handle::Features { position }) => {
                let rest = FEATURES.get(*position as usize..).unwrap_or_default();
                let part = &rest[..rest.len().min(len as usize)];
                *position = position.saturating_add(part.len() as u32);
                Ok(part.to_vec())
            }
            Some(Handle::File(f)) => {
                let bytes = self.files.ask(operations, |folder| folder.read(f, len));
                bytes.inspect(|bytes| f.was_read(bytes.len()))
            }
            _ => Err(Errno::BADF),
        };
        match result {
            Ok(bytes) => {
                self.store(memory, at, &bytes)?;
                Ok(done(len - bytes.len() as u32))
            }
            Err(errno) => {
                self.state.errno = errno.0;
                Ok(done(len))
            }
        }
    }

    fn read_character(&mut self) -> Outcome {
        match self.state.input.pop_front() {
            Some(byte) => done(u32::from(byte)),
            None if self.state.input_closed => done(FAILED),
            None => Outcome::WaitForInput,
        }
    }

    fn is_tty(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [number] = words(memory, arg)?;
        let tty = matches!(self.handle(number)?, Handle::ConsoleIn | Handle::ConsoleOut);
        Ok(done(u32::from(tty)))
    }

    fn seek(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [number, to] = words(memory, arg)?;
        match self.handle(number)? {
            Handle::File(f) => f.position = u64::from(to),
            Handle::Features { position } => *position = to,
            _ => return Err(Errno::SPIPE),
        }
        Ok(done(0))
    }

    fn length(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [number] = words(memory, arg)?;
        let length = match self.handle(number)? {
            Handle::File(f) => {
                let f = f.clone();
                let length = |folder: &Folder| folder.length(&f);
                let length = self.files.ask(&mut self.state.operations, length)?;
                u32::try_from(length).map_err(|_| Errno::FBIG)?
            }
            Handle::Features { .. } => FEATURES.len() as u32,
            _ => 0,
        };
        Ok(done(length))
    }

    fn temporary_name(&mut self, arg: u32, memory: &mut Memory) -> Answer {
        let [at, id, room] = words(memory, arg)?;
        if !self.files.is_given() {
            return Err(Errno::ACCES);
        }
        let name = format!("semihosting-{id:02x}.tmp\0");
        if id > 255 || name.len() > room as usize {
            return Err(Errno::INVAL);
        }
        self.store(memory, at, name.as_bytes())?;
        Ok(done(0))
    }

    fn remove(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [name, len] = words(memory, arg)?;
        let name = file_name(memory, name, len)?;
        let remove = |folder: &Folder| folder.remove(&name);
        self.files.ask(&mut self.state.operations, remove)?;
        Ok(done(0))
    }

    fn rename(&mut self, arg: u32, memory: &Memory) -> Answer {
        let [old, old_len, new, new_len] = words(memory, arg)?;
        let old = file_name(memory, old, old_len)?;
        let new = file_name(memory, new, new_len)?;
        let rename = |folder: &Folder| folder.rename(&old, &new);
        self.files.ask(&mut self.state.operations, rename)?;
        Ok(done(0))
    }

    fn command_line(&mut self, arg: u32, memory: &mut Memory) -> Answer {
        let [at, room] = words(memory, arg)?;
        let mut text = self.config.command_line.clone().into_bytes();
        text.push(0);
        if text.len() > room as usize {
            return Err(Errno::INVAL);
        }
        self.store(memory, at, &text)?;
        let length = text.len() as u32 - 1;
        self.store(memory, arg.wrapping_add(4), &length.to_le_bytes())?;
        Ok(done(0))
    }

    fn heap(&mut self, arg: u32, memory: &mut Memory) -> Answer {
        let [at] = words(memory, arg)?;
        let heap = self.config.heap.unwrap_or_default();
        let bytes: Vec<u8> = heap.iter().flat_map(|w| w.to_le_bytes()).collect();
        self.store(memory, at, &bytes)?;
        Ok(done(0))
    }
}

fn done(result: u32) -> Outcome {
    Outcome::Return(result)
}

fn console(bytes: Vec<u8>) -> Outcome {
    Outcome::Console { bytes, result: 0 }
}

/// The parameter block: `N` words at `at`.
fn words<const N: usize>(memory: &Memory, at: u32) -> Result<[u32; N], Errno> {
    let bytes = block(memory, at, 4 * N as u32)?;
    let mut words = [0; N];
    for (word, b) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    }
    Ok(words)
}

fn block(memory: &Memory, at: u32, len: u32) -> Result<Vec<u8>, Errno> {
    guest::read(memory, at, len).ok_or(Errno::FAULT)
}

fn file_name(memory: &Memory, at: u32, len: u32) -> Result<Vec<u8>, Errno> {
    if len > LONGEST_NAME {
        return Err(Errno::NAMETOOLONG);
    }
    block(memory, at, len)
}
