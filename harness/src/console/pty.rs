//! A pseudo-terminal: a serial device for picocom, screen, or a test script.
//!
//! Like a wire, it does not wait for a listener: when nobody reads and the system's buffer is full,
//! bytes are dropped. A listener that is only slow has a moment to catch up.

use super::{Chunk, Finish, Input, spawn};
use crate::failure::Failure;
use crossbeam_channel::{Receiver, Sender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How long a listener may take to make room, in milliseconds.
const PATIENCE_MS: i64 = 100;

/// Reads what a user of the pseudo-terminal types.
pub struct Reader {
    master: Arc<OwnedFd>,
    /// Kept open, so that the pseudo-terminal lives on when a listener leaves.
    slave: OwnedFd,
    port: u8,
}

/// Writes what the port sends.
pub struct Writer(Arc<OwnedFd>);

/// Open a pseudo-terminal in raw mode. Gives its two ends and its path.
pub fn open(port: u8) -> Result<((Reader, Writer), String), Failure> {
    let fail = |e: Errno| Failure::internal(format!("cannot open a pseudo-terminal: {e}"));
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(fail)?;
    grantpt(&master).map_err(fail)?;
    unlockpt(&master).map_err(fail)?;
    let path = ptsname(&master, Vec::new()).map_err(fail)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(path.as_c_str(), flags, Mode::empty()).map_err(fail)?;
    let mut termios = tcgetattr(&slave).map_err(fail)?;
    termios.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &termios).map_err(fail)?;
    let master = Arc::new(master);
    let reader = Reader {
        master: master.clone(),
        slave,
        port,
    };
    let path = path.to_string_lossy().into_owned();
    Ok(((reader, Writer(master)), path))
}

impl Reader {
    /// Read in a thread that lives as long as the process.
    pub fn start(self, into: Sender<Input>) -> std::io::Result<()> {
        spawn("pty-in", move || {
            let Reader {
                master,
                slave,
                port,
            } = self;
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) =
                rustix::io::retry_on_intr(|| rustix::io::read(&master, &mut buffer))
            {
                let bytes = buffer[..n].to_vec();
                if into.send(Input::Bytes { port, bytes }).is_err() {
                    return;
                }
            }
            drop(slave);
            let _ = into.send(Input::End);
        })
        .map(drop)
    }
}

impl Writer {
    /// Write in a thread that ends with the port.
    pub fn start(self, from: Receiver<Chunk>) -> std::io::Result<Finish> {
        spawn("pty-out", move || {
            let mut patience = PATIENCE_MS;
            for Chunk { bytes, .. } in &from {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() && has_room(&self.0, patience) {
                    // Small pieces: a write that is larger than the room would block.
                    let piece = &rest[..rest.len().min(256)];
                    match rustix::io::write(&self.0, piece) {
                        Ok(n) => rest = &rest[n..],
                        Err(Errno::INTR) => {}
                        Err(_) => return Ok(None),
                    }
                    patience = PATIENCE_MS;
                }
                if !rest.is_empty() {
                    patience = 0;
                }
            }
            Ok(None)
        })
    }
}

fn has_room(fd: &OwnedFd, milliseconds: i64) -> bool {
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: milliseconds * 1_000_000,
    };
    let mut fds = [PollFd::new(fd, PollFlags::OUT)];
    matches!(poll(&mut fds, Some(&timeout)), Ok(1..)) && fds[0].revents().contains(PollFlags::OUT)
}
