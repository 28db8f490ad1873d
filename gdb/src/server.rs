//! Listening, connections, and the thread that reads from one.

use crate::session::{self, End, serial_output};
use crate::target::{Debuggee, Ran};
use crate::wire::Wire;
use crate::{AfterDetach, Error, Host, Options, Outcome};
use crossbeam_channel::{Sender, bounded};
use emu_core::machine::{Machine, Stop};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where to wait for gdb. Whoever can connect can read and change everything in the machine: a TCP address
/// should be a loopback one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listen {
    /// A TCP address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A UNIX socket.
    Unix(PathBuf),
    /// stdin and stdout (`target remote | tickscope gdb … --stdio`).
    Stdio,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
            Listen::Stdio => f.write_str("stdin and stdout"),
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
    Stdio,
}

/// Waits for gdb.
pub struct Server {
    listener: Listener,
    address: Listen,
}

/// A peer that does not read its replies for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Chunks that were read and not looked at, before the peer must wait.
const CHUNKS: usize = 64;

struct Peer {
    read: Box<dyn Read + Send>,
    write: Box<dyn Write>,
    /// Ends a read that waits.
    hang_up: Option<Box<dyn FnOnce()>>,
}

impl Server {
    /// Listen.
    ///
    /// # Errors
    /// [`Error::Listen`] when the address is taken or not ours.
    pub fn bind(listen: &Listen) -> Result<Server, Error> {
        let bound = || -> io::Result<Server> {
            Ok(match listen {
                Listen::Tcp(address) => {
                    let listener = TcpListener::bind(address)?;
                    Server {
                        address: Listen::Tcp(listener.local_addr()?),
                        listener: Listener::Tcp(listener),
                    }
                }
                Listen::Unix(path) => Server {
                    listener: Listener::Unix(bind_unix(path)?),
                    address: listen.clone(),
                },
                Listen::Stdio => Server {
                    listener: Listener::Stdio,
                    address: listen.clone(),
                },
            })
        };
        bound().map_err(|source| Error::Listen {
            address: listen.to_string(),
            source,
        })
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> &Listen {
        &self.address
    }

    /// Wait for gdb and serve it; see [`Options::after_detach`] for how many times.
    ///
    /// # Errors
    /// [`Error::Accept`] when connections cannot be taken, [`Error::Machine`] when the machine fails.
    pub fn serve(
        &self,
        machine: &mut Machine,
        options: &Options,
        host: &mut dyn Host,
    ) -> Result<Outcome, Error> {
        let mut peer = self.accept(true).map_err(Error::Accept)?;
        loop {
            let Some(p) = peer.take() else {
                peer = self.accept(true).map_err(Error::Accept)?;
                continue;
            };
            let end = session_with(p, machine, options, host)?;
            let again = options.after_detach == AfterDetach::RunOn
                && !matches!(self.listener, Listener::Stdio);
            match end {
                End::Exited(code) => return Ok(Outcome::Exited(code)),
                End::Killed => return Ok(Outcome::Killed),
                End::Detached if options.after_detach == AfterDetach::Return => {
                    return Ok(Outcome::Detached);
                }
                End::Closed if !again => return Ok(Outcome::Closed),
                End::Closed => {}
                End::Detached => match self.run_on(machine, options, host)? {
                    Next::Peer(p) => peer = Some(p),
                    Next::Stopped(stop) => {
                        return Ok(match stop {
                            Stop::Exit(code) => Outcome::Exited(code),
                            stop => Outcome::Stopped(stop),
                        });
                    }
                },
            }
        }
    }

    /// Run without gdb until it attaches again.
    fn run_on(
        &self,
        machine: &mut Machine,
        options: &Options,
        host: &mut dyn Host,
    ) -> Result<Next, Error> {
        use crate::host::{Answer, Waiting};
        loop {
            let ran = Debuggee::new(machine, None, options.limit).run_slice(options.slice);
            serial_output(machine, |port, name, bytes| {
                host.serial_out(port, name, bytes);
            });
            host.between_slices(machine);
            if let Ran::Stopped(stop) = ran {
                let answer = match stop {
                    Stop::AwaitsInput => host.wanted(Waiting::Console, machine),
                    Stop::Asleep => host.wanted(Waiting::Asleep, machine),
                    Stop::Internal(text) => return Err(Error::Machine(text)),
                    _ => Answer::Never,
                };
                match answer {
                    Answer::Given => {}
                    Answer::NotYet => std::thread::sleep(Duration::from_millis(10)),
                    Answer::Never => return Ok(Next::Stopped(stop)),
                }
            }
            if let Some(peer) = self.accept(false).map_err(Error::Accept)? {
                return Ok(Next::Peer(peer));
            }
        }
    }

    fn accept(&self, wait: bool) -> io::Result<Option<Peer>> {
        let peer = match &self.listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(!wait)?;
                listener.accept().and_then(|(s, _)| tcp(s))
            }
            Listener::Unix(listener) => {
                listener.set_nonblocking(!wait)?;
                listener.accept().and_then(|(s, _)| unix(s))
            }
            Listener::Stdio if !wait => return Ok(None),
            Listener::Stdio => Ok(Peer {
                read: Box::new(io::stdin()),
                write: Box::new(io::stdout()),
                hang_up: None,
            }),
        };
        match peer {
            Ok(peer) => Ok(Some(peer)),
            Err(e) if !wait && e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Listen::Unix(path) = &self.address {
            // Nothing depends on it: a socket that stays is taken over by the next one.
            let _ = std::fs::remove_file(path);
        }
    }
}

enum Next {
    Peer(Peer),
    Stopped(Stop),
}

/// A socket that nobody listens on any more is taken over; anything else at the path is not touched.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            let socket = std::fs::symlink_metadata(path)?.file_type().is_socket();
            if !socket || UnixStream::connect(path).is_ok() {
                return Err(e);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        other => other,
    }
}

fn tcp(stream: TcpStream) -> io::Result<Peer> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let (read, end) = (stream.try_clone()?, stream.try_clone()?);
    Ok(Peer {
        read: Box::new(read),
        write: Box::new(stream),
        hang_up: Some(Box::new(move || {
            let _ = end.shutdown(Shutdown::Both);
        })),
    })
}

fn unix(stream: UnixStream) -> io::Result<Peer> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let (read, end) = (stream.try_clone()?, stream.try_clone()?);
    Ok(Peer {
        read: Box::new(read),
        write: Box::new(stream),
        hang_up: Some(Box::new(move || {
            let _ = end.shutdown(Shutdown::Both);
        })),
    })
}

fn session_with(
    peer: Peer,
    machine: &mut Machine,
    options: &Options,
    host: &mut dyn Host,
) -> Result<End, Error> {
    let (sender, receiver) = bounded(CHUNKS);
    let read = peer.read;
    let reader = std::thread::Builder::new()
        .name("gdb-reader".to_owned())
        .spawn(move || read_all(read, &sender))
        .map_err(Error::Accept)?;
    let end = session::run(machine, options, host, &receiver, Wire::new(peer.write));
    drop(receiver);
    if let Some(hang_up) = peer.hang_up {
        hang_up();
        // It cannot fail: it neither panics nor waits any more.
        let _ = reader.join();
    }
    end
}

fn read_all(mut read: Box<dyn Read + Send>, to: &Sender<Vec<u8>>) {
    let mut buffer = vec![0; 4096];
    loop {
        match read.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                if to.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
