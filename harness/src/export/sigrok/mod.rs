//! Sessions of sigrok (`.sr`, version 2): levels at a sample rate, for PulseView and its protocol decoders.
//!
//! A zip of `version`, `metadata` and `logic-1-1`, `logic-1-2`, …: samples of so many bytes as the channels
//! need, channel 0 in bit 0 (<https://sigrok.org/wiki/File_format:Sigrok/v2>).
//!
//! **Time.** Sample 0 is the start of the recording, and an edge is at the sample nearest to its time. Without
//! `--samplerate` the rate is the fastest core clock, so that (at a constant clock) sample n is cycle n; for runs
//! of more than 128 Mi samples it is a round part of that clock. No edge is lost: when two changes of a channel
//! would fall into one sample, the export is refused, and the error says which rate shows each of them.
//!
//! **Values.** A session holds levels only. An instant (a watched place without returns) is high for one sample;
//! numbers are left out.

mod rate;
mod zip;

pub use rate::SampleRate;

use super::job::{ExportError, Job};
use super::plan::Shape;
use crate::failure::Failure;
use emu_core::Cycles;
use rate::{Gaps, Sampler};
use std::io::{self, Write};
use zip::Zip;

/// Bytes of samples in a file of the session, as libsigrok writes them.
const CHUNK: usize = 4 << 20;

/// Bytes of samples in a session: what the files of a zip hold.
const MAX_SIZE: u64 = 65_000 * CHUNK as u64;

/// A signal that is a channel of the session.
pub struct Channel {
    name: String,
    is_pulse: bool,
    initial: bool,
}

pub fn write(job: &Job<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let (header, summary) = (&job.capture.header, &job.capture.summary);
    let timebase = &summary.timebase;
    let start_cycle = Cycles(header.start);
    let start = timebase.attoseconds(start_cycle);
    let end = timebase.attoseconds(summary.last);
    let samples = |rate: u64| Sampler { start, rate }.sample(end).saturating_add(1);

    let mut channels = Vec::new();
    // From signals to channels.
    let mut indices = Vec::new();
    for signal in &job.plan.signals {
        let is_channel = !matches!(signal.shape, Shape::Vector(_));
        indices.push(is_channel.then_some(channels.len()));
        if is_channel {
            channels.push(Channel {
                name: signal.name.clone(),
                is_pulse: signal.shape == Shape::Pulse,
                initial: signal.initial == Some(1),
            });
        }
    }
    if channels.is_empty() {
        let message = "a sigrok session would have no channel: no pin moved, and nothing else is shown that has levels";
        let help = "name pins with --gpio, or show exceptions or sleep with --also";
        return Err(ExportError::Refused(Failure::usage(message).help(help)));
    }
    let mut gaps = Gaps::new(timebase, channels.len(), start_cycle);
    for change in job.changes()? {
        if let Some(i) = indices[change.signal] {
            gaps.change(i, &channels[i], &change);
        }
    }
    let rate = job.samplerate;
    let rate = rate.unwrap_or_else(|| rate::choose(timebase, samples));
    let closest = gaps.closest;
    let refuse = || {
        let refused = closest.as_ref().map(|c| c.refuse(rate, samples));
        refused.map_or_else(
            || io::Error::other("an edge is lost").into(),
            ExportError::Refused,
        )
    };
    if closest.as_ref().is_some_and(|c| !c.is_shown_at(rate)) {
        return Err(refuse());
    }

    let unit = channels.len().div_ceil(8);
    if samples(rate).saturating_mul(unit as u64) > MAX_SIZE {
        let message = format!(
            "{} samples are more than a sigrok session holds",
            samples(rate)
        );
        let help = "use a lower --samplerate, or .fst or .vcd, which have no sample rate";
        return Err(ExportError::Refused(Failure::usage(message).help(help)));
    }
    let mut zip = Zip::new(out);
    zip.add("version", b"2")?;
    zip.add("metadata", metadata(&channels, rate, unit).as_bytes())?;
    let mut session = Session::new(zip, &channels, unit);
    let sampler = Sampler { start, rate };
    for change in job.changes()? {
        let Some(i) = indices[change.signal] else {
            continue;
        };
        let sample = sampler.sample(timebase.attoseconds(change.at));
        let at_start = change.at == start_cycle;
        if !session.change(i, sample, change.value != 0, at_start)? {
            return Err(refuse());
        }
    }
    Ok(session.finish(samples(rate))?)
}

/// The description of the session, as a key file.
fn metadata(channels: &[Channel], rate: u64, unit: usize) -> String {
    let mut text = format!(
        "[global]\nsigrok version=0.5.2\n\n[device 1]\ncapturefile=logic-1\ntotal probes={}\n\
         samplerate={rate}\ntotal analog=0\n",
        channels.len()
    );
    for (n, channel) in channels.iter().enumerate() {
        let name = channel.name.replace(char::is_control, "_");
        text += &format!("probe{}={name}\n", n + 1);
    }
    text + &format!("unitsize={unit}\n")
}

/// Samples on their way into the zip.
struct Session<'c, W> {
    zip: Zip<W>,
    channels: &'c [Channel],
    /// The present levels: one sample.
    levels: Vec<u8>,
    /// Samples written.
    written: u64,
    /// Sample of each channel's last change.
    last: Vec<Option<u64>>,
    /// Channels whose pulse ends with the sample `written`.
    falling: Vec<usize>,
    chunk: Vec<u8>,
    chunks: u32,
}

impl<'c, W: Write> Session<'c, W> {
    fn new(zip: Zip<W>, channels: &'c [Channel], unit: usize) -> Session<'c, W> {
        let mut session = Session {
            zip,
            channels,
            levels: vec![0; unit],
            written: 0,
            last: vec![None; channels.len()],
            falling: Vec::new(),
            chunk: Vec::with_capacity(CHUNK),
            chunks: 0,
        };
        for (i, channel) in channels.iter().enumerate() {
            session.set(i, channel.initial);
        }
        session
    }

    fn set(&mut self, channel: usize, level: bool) {
        let (byte, bit) = (&mut self.levels[channel / 8], 1 << (channel % 8));
        *byte = if level { *byte | bit } else { *byte & !bit };
    }

    /// A channel has another level from `sample` on. Not `true` when a level before it would not be seen.
    fn change(
        &mut self,
        channel: usize,
        sample: u64,
        level: bool,
        at_start: bool,
    ) -> io::Result<bool> {
        let is_pulse = self.channels[channel].is_pulse;
        let hidden = match self.last[channel] {
            Some(last) => sample < last + 1 + u64::from(is_pulse),
            None => sample == 0,
        };
        if hidden && !at_start {
            return Ok(false);
        }
        self.fill(sample)?;
        self.set(channel, level);
        self.last[channel] = Some(sample);
        if is_pulse {
            self.falling.push(channel);
        }
        Ok(true)
    }

    /// Write the present levels for all samples before `end`.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        if self.written < end && !self.falling.is_empty() {
            self.repeat(self.written + 1)?;
            for channel in std::mem::take(&mut self.falling) {
                self.set(channel, false);
            }
        }
        self.repeat(end)
    }

    fn repeat(&mut self, end: u64) -> io::Result<()> {
        let unit = self.levels.len();
        while self.written < end {
            let room = (CHUNK - self.chunk.len()) / unit;
            let n = (end - self.written).min(room as u64) as usize;
            match self.levels[..] {
                [byte] => self.chunk.resize(self.chunk.len() + n, byte),
                _ => self.chunk.extend_from_slice(&self.levels.repeat(n)),
            }
            self.written += n as u64;
            if n == room {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.chunks += 1;
        self.zip
            .add(&format!("logic-1-{}", self.chunks), &self.chunk)?;
        self.chunk.clear();
        Ok(())
    }

    /// The run ends after so many samples; the last level is shown for one at least.
    fn finish(mut self, samples: u64) -> io::Result<()> {
        let pulses = u64::from(!self.falling.is_empty());
        self.fill(samples.max(self.written + 1 + pulses))?;
        if !self.chunk.is_empty() {
            self.flush()?;
        }
        self.zip.finish()
    }
}
