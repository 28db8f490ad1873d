//! The reading end: clear errors, no panic, and what can be recovered of a damaged file.

use super::record::{Decoded, Decoder, Record};
use super::{Header, MAGIC, MAX_HEADER, VERSION};
use crate::failure::Failure;
use crate::timebase::Timebase;
use emu_core::clock::Segment;
use emu_core::{Cycles, ProbeKind};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// A capture that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The system refused.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else than a capture.
    #[error("`{}` is not a tickscope capture", .0.display())]
    NotACapture(PathBuf),
    /// A capture of another version.
    #[error("`{}` is a capture of version {version}; this tool reads version {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u16,
    },
    /// The header makes no sense.
    #[error("the header of `{}` is damaged: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl From<CaptureError> for Failure {
    fn from(e: CaptureError) -> Failure {
        let help = match &e {
            CaptureError::Io { .. } => None,
            CaptureError::NotACapture(_) => {
                Some("give a file that `tickscope run --capture FILE` has written")
            }
            CaptureError::Version { .. } => Some("record it again with this version of tickscope"),
            CaptureError::Header { .. } => Some("record it again"),
        };
        let failure = Failure::usage(e.to_string());
        match help {
            Some(h) => failure.help(h),
            None => failure,
        }
    }
}

/// How the records of a capture end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// With the trailer.
    Complete,
    /// Too early or in the middle of nonsense; the text tells where and why.
    Damaged(String),
}

/// What a first pass over a capture finds.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// How it ends.
    pub ending: Ending,
    /// Records that can be read.
    pub records: u64,
    /// Cycle of the last one, or the final cycle of the run.
    pub last: Cycles,
    /// From cycles to time.
    pub timebase: Timebase,
    /// Nets that have edges.
    pub nets: BTreeSet<u16>,
    /// Exceptions that were entered.
    pub exceptions: BTreeSet<u16>,
    /// Ports that sent bytes.
    pub sending: BTreeSet<u8>,
    /// Ports that received bytes.
    pub receiving: BTreeSet<u8>,
    /// Watched places that were entered.
    pub places: BTreeSet<u16>,
    /// Watched places that returned.
    pub returning: BTreeSet<u16>,
    /// Watched variables that were written.
    pub variables: BTreeSet<u16>,
    /// Timers that captured: device and channel.
    pub captures: BTreeSet<(u16, u8)>,
    /// ITM stimulus ports that were written.
    pub itm: BTreeSet<u8>,
}

/// A capture file. Records are read from it as often as needed.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    /// What it says about its run.
    pub header: Header,
    /// What is in it.
    pub summary: Summary,
    /// Offset of the first record.
    body: u64,
}

impl Capture {
    /// Open a capture and read it once through.
    ///
    /// # Errors
    /// [`CaptureError`] when it is not a capture that this tool reads. Damage after the header is
    /// no error here: see [`Summary::ending`].
    pub fn open(path: &Path) -> Result<Capture, CaptureError> {
        let io = |source| CaptureError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            return Err(CaptureError::NotACapture(path.to_owned()));
        }
        let mut from = BufReader::with_capacity(256 * 1024, file);
        let header = read_header(path, &mut from)?;
        let body = from.stream_position().map_err(io)?;
        let summary = summarise(&header, Records::new(from, header.start, body));
        Ok(Capture {
            path: path.to_owned(),
            header,
            summary,
            body,
        })
    }

    /// All records that can be read, from the first on.
    ///
    /// # Errors
    /// [`CaptureError::Io`] when the file has gone.
    pub fn records(&self) -> Result<Records<BufReader<File>>, CaptureError> {
        let io = |source| CaptureError::Io {
            path: self.path.clone(),
            source,
        };
        let mut file = File::open(&self.path).map_err(io)?;
        file.seek(io::SeekFrom::Start(self.body)).map_err(io)?;
        let from = BufReader::with_capacity(256 * 1024, file);
        Ok(Records::new(from, self.header.start, self.body))
    }
}

fn read_header(path: &Path, from: &mut impl Read) -> Result<Header, CaptureError> {
    let not_a_capture = |_| CaptureError::NotACapture(path.to_owned());
    let damaged = |reason: String| CaptureError::Header {
        path: path.to_owned(),
        reason,
    };
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic).map_err(not_a_capture)?;
    if &magic != MAGIC {
        return Err(CaptureError::NotACapture(path.to_owned()));
    }
    let (mut version, mut length) = ([0; 2], [0; 4]);
    from.read_exact(&mut version)
        .map_err(|e| damaged(e.to_string()))?;
    let version = u16::from_le_bytes(version);
    if version != VERSION {
        return Err(CaptureError::Version {
            path: path.to_owned(),
            version,
        });
    }
    from.read_exact(&mut length)
        .map_err(|e| damaged(e.to_string()))?;
    let length = u32::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(damaged(format!("it claims {length} bytes")));
    }
    let mut json = Vec::new();
    let read = from.take(length.into()).read_to_end(&mut json);
    match read {
        Ok(n) if n as u64 == u64::from(length) => {}
        _ => return Err(damaged("the file ends in it".to_owned())),
    }
    let header: Header = serde_json::from_slice(&json).map_err(|e| damaged(e.to_string()))?;
    if header.schema != Header::SCHEMA || header.core_hz.den() == 0 || header.core_hz.is_zero() {
        return Err(damaged("its fields are not those of this version".into()));
    }
    Ok(header)
}

fn summarise<R: Read>(header: &Header, mut records: Records<R>) -> Summary {
    let mut seen = vec![Segment {
        from: Cycles(0),
        start_as: 0,
        hz: header.core_hz,
    }];
    let (mut count, mut last) = (0, Cycles(header.start));
    let (mut nets, mut exceptions) = (BTreeSet::new(), BTreeSet::new());
    let (mut sending, mut receiving) = (BTreeSet::new(), BTreeSet::new());
    let (mut places, mut returning) = (BTreeSet::new(), BTreeSet::new());
    let (mut variables, mut captures) = (BTreeSet::new(), BTreeSet::new());
    let mut itm = BTreeSet::new();
    for record in &mut records {
        count += 1;
        match record {
            Record::Event(e) => {
                last = e.at;
                match e.kind {
                    ProbeKind::Edge { net, .. } => drop(nets.insert(net.0)),
                    ProbeKind::ExceptionEnter { number, .. } => drop(exceptions.insert(number)),
                    ProbeKind::UartTx { port, .. } => drop(sending.insert(port)),
                    ProbeKind::UartRx { port, .. } => drop(receiving.insert(port)),
                    ProbeKind::Enter { place, .. } => drop(places.insert(place)),
                    ProbeKind::Return { place, .. } => drop(returning.insert(place)),
                    ProbeKind::Store { variable, .. } => drop(variables.insert(variable)),
                    ProbeKind::TimerCapture {
                        device, channel, ..
                    } => drop(captures.insert((device, channel))),
                    ProbeKind::Itm { port, .. } => drop(itm.insert(port)),
                    _ => {}
                }
            }
            Record::HostInput { at, .. } => last = at,
            Record::Segment(s) => {
                seen.retain(|old| old.from < s.from);
                seen.push(s);
            }
        }
    }
    let (ending, segments) = match records.ending {
        Some(Ok((at, segments))) => {
            last = at;
            (Ending::Complete, segments)
        }
        Some(Err(reason)) => (Ending::Damaged(reason), seen),
        None => (Ending::Damaged("it was not read".to_owned()), seen),
    };
    Summary {
        ending,
        records: count,
        last,
        timebase: Timebase::new(segments),
        nets,
        exceptions,
        sending,
        receiving,
        places,
        returning,
        variables,
        captures,
        itm,
    }
}

/// The records of a capture, up to its end or to the first damage.
pub struct Records<R> {
    from: Counted<R>,
    decoder: Decoder,
    /// Where the last whole record ended.
    good: u64,
    ending: Option<Result<(Cycles, Vec<Segment>), String>>,
}

impl<R: Read> Records<R> {
    fn new(from: R, start: u64, body: u64) -> Records<R> {
        Records {
            from: Counted { from, count: body },
            decoder: Decoder::new(start),
            good: body,
            ending: None,
        }
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.ending.is_some() {
            return None;
        }
        match self.decoder.next(&mut self.from) {
            Ok(Decoded::Record(record)) => {
                self.good = self.from.count;
                return Some(record);
            }
            Ok(Decoded::End { at, segments }) => self.ending = Some(Ok((at, segments))),
            Err(e) => {
                let good = self.good;
                self.ending = Some(Err(match e.kind() {
                    io::ErrorKind::UnexpectedEof => {
                        format!("it is cut off after byte {good}, without its trailer")
                    }
                    _ => format!("after byte {good}: {e}"),
                }));
            }
        }
        None
    }
}

/// Counts what is read, to tell where damage is.
struct Counted<R> {
    from: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(into)?;
        self.count += n as u64;
        Ok(n)
    }
}
