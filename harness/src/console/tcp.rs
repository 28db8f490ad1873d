//! A TCP server as a console: one client at a time, on loopback unless told otherwise.
//!
//! The run does not wait for a client. What was sent before the first one came (the last 64 KiB of
//! it) is sent to it first; while none is there later, bytes are dropped.

use super::{Chunk, Finish, Input, spawn};
use crate::failure::Failure;
use crossbeam_channel::{Receiver, Sender};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are kept for the first client.
const KEPT: usize = 64 * 1024;

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    port: u8,
}

#[derive(Default)]
struct Shared {
    client: Option<TcpStream>,
    kept: VecDeque<u8>,
    had_client: bool,
}

/// Listen on `[HOST:]PORT`. Gives the address with the port that was chosen for 0.
pub fn listen(address: &str, port: u8) -> Result<(SocketAddr, Server), Failure> {
    let with_host = if address.contains(':') {
        address.to_owned()
    } else {
        format!("127.0.0.1:{address}")
    };
    let fail = |e: std::io::Error| {
        Failure::usage(format!("cannot listen on tcp:{address}: {e}"))
            .help("write tcp:PORT or tcp:HOST:PORT with a free port")
    };
    let addresses: Vec<SocketAddr> = with_host.to_socket_addrs().map_err(fail)?.collect();
    let listener = TcpListener::bind(addresses.as_slice()).map_err(fail)?;
    let local = listener.local_addr().map_err(fail)?;
    Ok((local, Server { listener, port }))
}

impl Server {
    /// Serve: a thread that accepts and reads, one that writes.
    pub fn start(self, from: Receiver<Chunk>, into: Sender<Input>) -> std::io::Result<Finish> {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let accepted = shared.clone();
        spawn("tcp-in", move || {
            for stream in self.listener.incoming().flatten() {
                if !serve(&stream, self.port, &accepted, &into) {
                    return;
                }
            }
        })?;
        spawn("tcp-out", move || {
            for Chunk { bytes, .. } in &from {
                // The lock is not held while writing: a slow client must not keep others out of it.
                let client = {
                    let mut s = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    if !s.had_client {
                        s.kept.extend(&bytes);
                        let surplus = s.kept.len().saturating_sub(KEPT);
                        s.kept.drain(..surplus);
                    }
                    s.client.as_ref().and_then(|c| c.try_clone().ok())
                };
                if let Some(mut client) = client {
                    let _ = client.write_all(&bytes);
                }
            }
            let mut s = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(client) = s.client.take() {
                let _ = client.shutdown(std::net::Shutdown::Write);
            }
            Ok(None)
        })
    }
}

/// Serve one client until it leaves. `false` when the run is over.
fn serve(stream: &TcpStream, port: u8, shared: &Mutex<Shared>, into: &Sender<Input>) -> bool {
    let _ = stream.set_nodelay(true);
    {
        let mut s = shared.lock().unwrap_or_else(PoisonError::into_inner);
        s.had_client = true;
        let kept: Vec<u8> = s.kept.drain(..).collect();
        let mut writer = stream;
        if writer.write_all(&kept).is_ok() {
            s.client = stream.try_clone().ok();
        }
    }
    let mut reader = stream;
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = reader.read(&mut buffer) {
        let bytes = buffer[..n].to_vec();
        if into.send(Input::Bytes { port, bytes }).is_err() {
            return false;
        }
    }
    shared.lock().unwrap_or_else(PoisonError::into_inner).client = None;
    true
}
