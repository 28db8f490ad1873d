//! A run to be looked at: a capture, and the firmware that it is of when that is known.

use crate::capture::{Capture, Ending, MAGIC, Record};
use crate::failure::Failure;
use crate::parts::Firmware;
use crate::progress::CaptureProgress;
use crate::run_result::hex;
use crate::signal::{Collector, Recorded, Signal};
use crate::terminal::Terminal;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A capture with what is known of its run.
pub struct Recording {
    /// What tables and plots call it.
    pub label: String,
    /// The capture.
    pub capture: Capture,
    /// The firmware.
    pub firmware: Option<Firmware>,
    /// The capture's file, when it is ours.
    temporary: Option<Temporary>,
}

/// Is this file a capture?
#[must_use]
pub fn is_capture(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    let read = std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut magic));
    read.is_ok() && &magic == MAGIC
}

impl Recording {
    /// Open a capture. `elf` is the firmware that it is of, if it is at hand.
    ///
    /// # Errors
    /// A [`Failure`] for a file that is no capture, a damaged one, and a firmware that is another one.
    pub fn open(
        path: &Path,
        elf: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<Recording, Failure> {
        let capture = Capture::open(path)?;
        if let Ending::Damaged(why) = &capture.summary.ending {
            let last = capture.summary.last;
            let text = format!(
                "`{}` is damaged: {why}; what follows is of the run up to cycle {last}",
                path.display()
            );
            terminal.tell("warning", &text);
        }
        let firmware = elf.map(|p| Firmware::open(p, None)).transpose()?;
        if let (Some(f), Some(elf)) = (&firmware, elf)
            && hex(&f.image.sha256) != capture.header.elf_sha256
        {
            let message = format!(
                "`{}` is not the firmware of `{}`",
                elf.display(),
                path.display()
            );
            return Err(Failure::usage(message).help("give the file that was run, unchanged"));
        }
        Ok(Recording {
            label: label(path),
            capture,
            firmware,
            temporary: None,
        })
    }

    /// Keep the capture's file as long as this.
    pub fn keep(&mut self, temporary: Temporary) {
        self.temporary = Some(temporary);
    }

    /// What signals did in it.
    ///
    /// # Errors
    /// A [`Failure`] for a signal that the capture does not have.
    pub fn signals(
        &self,
        signals: &[Signal],
        terminal: &Terminal,
    ) -> Result<Vec<Recorded>, Failure> {
        let mut collector = Collector::new(signals, &self.capture.header)?;
        let progress = CaptureProgress::new(terminal, Path::new(&self.label), &self.capture);
        for (n, record) in self.capture.records()?.enumerate() {
            if let Record::Event(event) = record {
                collector.event(&event);
                if n % 65_536 == 0 {
                    progress.update(event.at);
                }
            }
        }
        progress.finish();
        Ok(collector.finish())
    }
}

/// The name of a file without its extension.
#[must_use]
pub fn label(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    stem.to_string_lossy().into_owned()
}

/// Labels that tell several files apart.
#[must_use]
pub fn labels(paths: &[PathBuf]) -> Vec<String> {
    let short: Vec<String> = paths.iter().map(|p| label(p)).collect();
    let all = short.iter().enumerate();
    all.map(|(i, name)| {
        let twin = |(j, other): (usize, &String)| j != i && other == name;
        match short.iter().enumerate().any(twin) {
            true => format!("{}:{name}", i + 1),
            false => name.clone(),
        }
    })
    .collect()
}

/// A capture file that is removed when nobody needs it any more.
pub struct Temporary(PathBuf);

impl Temporary {
    /// A name that no other run of this or another process uses.
    #[must_use]
    pub fn new() -> Temporary {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickscope-{}-{n}.cap", std::process::id());
        Temporary(std::env::temp_dir().join(name))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Temporary {
    fn default() -> Temporary {
        Temporary::new()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
