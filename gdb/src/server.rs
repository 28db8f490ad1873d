//! Listening, and connections with the thread that reads from each.

use crate::Error;
use crate::wire::Wire;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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
/// Pause between two looks for a connection.
const LOOK: Duration = Duration::from_millis(5);
/// Chunks that were read and not looked at, before the peer must wait.
const CHUNKS: usize = 64;

/// A connection: what comes in, read by a thread of its own, and where replies go.
pub struct Peer {
    /// Bytes as they come; closed at the end.
    pub bytes: Receiver<Vec<u8>>,
    /// Where replies go.
    pub wire: Wire,
    /// Ends a read that waits.
    hang_up: Option<Box<dyn FnOnce()>>,
    reader: Option<JoinHandle<()>>,
}

impl Peer {
    fn new(
        read: impl Read + Send + 'static,
        write: impl Write + 'static,
        hang_up: Option<Box<dyn FnOnce()>>,
    ) -> io::Result<Peer> {
        let (sender, bytes) = bounded(CHUNKS);
        let reader = std::thread::Builder::new()
            .name("gdb-reader".to_owned())
            .spawn(move || read_all(read, &sender))?;
        Ok(Peer {
            bytes,
            wire: Wire::new(Box::new(write)),
            hang_up,
            reader: Some(reader),
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A reader that waits for room ends with its channel.
        self.bytes = crossbeam_channel::never();
        if let Some(hang_up) = self.hang_up.take() {
            hang_up();
            if let Some(reader) = self.reader.take() {
                // It cannot fail: it neither panics nor waits any more.
                let _ = reader.join();
            }
        }
    }
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
                    listener.set_nonblocking(true)?;
                    Server {
                        address: Listen::Tcp(listener.local_addr()?),
                        listener: Listener::Tcp(listener),
                    }
                }
                Listen::Unix(path) => {
                    let listener = bind_unix(path)?;
                    listener.set_nonblocking(true)?;
                    Server {
                        address: listen.clone(),
                        listener: Listener::Unix(listener),
                    }
                }
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

    /// Can there be a connection after the first one?
    #[must_use]
    pub(crate) fn accepts_again(&self) -> bool {
        !matches!(self.listener, Listener::Stdio)
    }

    /// The next connection, if one comes within so long.
    pub(crate) fn accept(&self, wait: Duration) -> io::Result<Option<Peer>> {
        let end = Instant::now() + wait;
        loop {
            let peer = match &self.listener {
                Listener::Tcp(listener) => listener.accept().and_then(|(s, _)| tcp(s)),
                Listener::Unix(listener) => listener.accept().and_then(|(s, _)| unix(s)),
                Listener::Stdio => Peer::new(io::stdin(), io::stdout(), None),
            };
            match peer {
                Ok(peer) => return Ok(Some(peer)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() >= end {
                        return Ok(None);
                    }
                    std::thread::sleep(LOOK);
                }
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
                    ) => {}
                Err(e) => return Err(e),
            }
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
    let hang_up = Box::new(move || {
        let _ = end.shutdown(Shutdown::Both);
    });
    Peer::new(read, stream, Some(hang_up))
}

fn unix(stream: UnixStream) -> io::Result<Peer> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let (read, end) = (stream.try_clone()?, stream.try_clone()?);
    let hang_up = Box::new(move || {
        let _ = end.shutdown(Shutdown::Both);
    });
    Peer::new(read, stream, Some(hang_up))
}

fn read_all(mut read: impl Read, to: &Sender<Vec<u8>>) {
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
