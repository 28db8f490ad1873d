//! One export: what is exported, how, and how far it has come.

use super::changes::{Change, Changes};
use super::plan::Plan;
use crate::capture::{Capture, CaptureError, Record};
use crate::failure::Failure;
use emu_core::Cycles;
use std::io;

/// Records between two reports of progress.
const REPORT: u32 = 1 << 15;

/// What is exported.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The capture.
    pub capture: &'a Capture,
    /// Its signals.
    pub plan: &'a Plan,
    /// Samples a second of a sigrok session, in Hz; chosen to fit when it is `None`.
    pub samplerate: Option<u64>,
    /// Told now and then how far the export has come. Formats that look ahead come by more than once.
    pub progress: &'a dyn Fn(Cycles),
}

impl<'a> Job<'a> {
    /// An export without settings that nobody watches.
    #[must_use]
    pub fn new(capture: &'a Capture, plan: &'a Plan) -> Job<'a> {
        Job {
            capture,
            plan,
            samplerate: None,
            progress: &|_| {},
        }
    }

    /// The records of the capture.
    pub(super) fn records(&self) -> Result<impl Iterator<Item = Record> + use<'a>, CaptureError> {
        let (progress, mut count) = (self.progress, 0u32);
        Ok(self.capture.records()?.inspect(move |record| {
            count = count.wrapping_add(1);
            if let Record::Event(event) = record
                && count % REPORT == 0
            {
                progress(event.at);
            }
        }))
    }

    /// The changes of its signals.
    pub(super) fn changes(&self) -> Result<impl Iterator<Item = Change> + use<'a>, CaptureError> {
        Ok(Changes::new(self.plan, self.records()?))
    }
}

/// An export that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The output refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The capture, or what was asked for, does not allow it.
    #[error("{0}")]
    Refused(Failure),
}

impl From<CaptureError> for ExportError {
    fn from(e: CaptureError) -> ExportError {
        ExportError::Refused(e.into())
    }
}
