//! The writing end: a bounded channel, a thread, recycled buffers.

use super::record::{Encoder, OutOfOrder};
use super::{Header, MAGIC, VERSION};
use crossbeam_channel::{Receiver, Sender, bounded};
use emu_core::clock::Segment;
use emu_core::probe::ProbeFlush;
use emu_core::{Cycles, ProbeEvent};
use std::io::{self, Write};
use std::thread::JoinHandle;

/// Full buffers that may wait for the writer; then the machine waits.
const QUEUE: usize = 4;
/// Encoded bytes that are collected before they are written.
const CHUNK: usize = 256 * 1024;

enum Message {
    Events(Vec<ProbeEvent>),
    HostInput {
        at: Cycles,
        port: u8,
        bytes: Vec<u8>,
    },
    Segments(Vec<Segment>),
    End {
        at: Cycles,
        segments: Vec<Segment>,
    },
}

/// A capture in the making. `W` comes back from [`Writer::finish`], so that a file can be committed.
pub struct Writer<W> {
    messages: Sender<Message>,
    empties: Receiver<Vec<ProbeEvent>>,
    thread: JoinHandle<io::Result<(W, u64)>>,
}

impl<W: Write + Send + 'static> Writer<W> {
    /// Write the header and start the thread.
    ///
    /// # Errors
    /// What `out` gives, and when the thread cannot be started.
    pub fn start(mut out: W, header: &Header) -> io::Result<Writer<W>> {
        let json = serde_json::to_vec(header)?;
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&(json.len() as u32).to_le_bytes())?;
        out.write_all(&json)?;
        let (messages, inbox) = bounded(QUEUE);
        let (returned, empties) = bounded(QUEUE + 2);
        let start = header.start;
        let thread = std::thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || write_all(out, start, &inbox, &returned))?;
        Ok(Writer {
            messages,
            empties,
            thread,
        })
    }

    /// What to attach to the probes of a machine.
    #[must_use]
    pub fn probe_flush(&self) -> ProbeFlush {
        let (messages, empties) = (self.messages.clone(), self.empties.clone());
        Box::new(move |buffer| {
            let capacity = buffer.capacity();
            // A writer that has failed takes nothing; `failed` and `finish` tell.
            let _ = messages.send(Message::Events(buffer));
            empties
                .try_recv()
                .unwrap_or_else(|_| Vec::with_capacity(capacity))
        })
    }

    /// Record bytes that the host gave to a port. Flush the probes first, to keep the order.
    pub fn host_input(&self, at: Cycles, port: u8, bytes: &[u8]) {
        let _ = self.messages.send(Message::HostInput {
            at,
            port,
            bytes: bytes.to_vec(),
        });
    }

    /// Record new clock segments.
    pub fn segments(&self, new: &[Segment]) {
        let _ = self.messages.send(Message::Segments(new.to_vec()));
    }

    /// Did the thread give up? [`Writer::finish`] then says why.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.thread.is_finished()
    }

    /// Write the trailer and wait for the last byte. Detach the probes first. Gives back the output
    /// and the number of records.
    ///
    /// # Errors
    /// What the output gave, at whatever point of the run.
    pub fn finish(self, at: Cycles, segments: &[Segment]) -> io::Result<(W, u64)> {
        let segments = segments.to_vec();
        let _ = self.messages.send(Message::End { at, segments });
        drop(self.messages);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the capture thread panicked")))
    }
}

fn write_all<W: Write>(
    mut out: W,
    start: u64,
    inbox: &Receiver<Message>,
    returned: &Sender<Vec<ProbeEvent>>,
) -> io::Result<(W, u64)> {
    let mut encoder = Encoder::new(start);
    let mut bytes = Vec::with_capacity(CHUNK + 64);
    for message in inbox {
        match message {
            Message::Events(mut events) => {
                for event in &events {
                    encoder.event(&mut bytes, event).map_err(disorder)?;
                    if bytes.len() >= CHUNK {
                        out.write_all(&bytes)?;
                        bytes.clear();
                    }
                }
                events.clear();
                let _ = returned.try_send(events);
            }
            Message::HostInput {
                at,
                port,
                bytes: input,
            } => {
                for byte in input {
                    encoder
                        .host_input(&mut bytes, at, port, byte)
                        .map_err(disorder)?;
                }
            }
            Message::Segments(segments) => {
                for s in &segments {
                    encoder.segment(&mut bytes, s);
                }
            }
            Message::End { at, segments } => {
                encoder.end(&mut bytes, at, &segments).map_err(disorder)?;
                break;
            }
        }
    }
    out.write_all(&bytes)?;
    out.flush()?;
    Ok((out, encoder.count.saturating_sub(1)))
}

fn disorder(e: OutOfOrder) -> io::Error {
    io::Error::other(format!(
        "probe events are out of order: cycle {} after cycle {}",
        e.at, e.after
    ))
}
