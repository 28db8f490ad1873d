//! One run without a console: a firmware on its machine, and what its signals did. Benches and comparisons are made
//! of these; many run side by side, each on a thread of its own.

use crate::capture::Header;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::parts::{self, Firmware};
use crate::prepared::{Prepared, Setup};
use crate::progress::Progress;
use crate::run_result::hex;
use crate::session::{Attended, Finished, PortText, Session, Settings};
use crate::signal::{Collector, Recorded, Signal};
use crate::stimuli::Stimuli;
use crate::timebase::Timebase;
use crate::units::Span;
use crate::until::Until;
use emu_core::ProbeEvent;
use emu_core::bus::StopOn;
use emu_core::notices::Notice;
use emu_core::probe::ProbeFlush;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What shall run, and what shall be measured.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The firmware file.
    pub firmware: PathBuf,
    /// Machine; found from the firmware when `None`.
    pub machine: Option<String>,
    /// Values of the machine to change.
    pub set: Vec<String>,
    /// Words of the image to change.
    pub poke: Vec<(String, u32)>,
    /// What comes from outside.
    pub stimuli: Option<Stimuli>,
    /// Seed of the run.
    pub seed: u64,
    /// End here.
    pub limit: Option<Span>,
    /// End when one of these happens.
    pub until: Vec<Until>,
    /// End when something is used that is not modelled.
    pub strict: bool,
    /// What is measured.
    pub signals: Vec<Signal>,
    /// What was before this does not count.
    pub warmup: Option<Span>,
}

/// What a run has left.
pub struct Done {
    /// What ran.
    pub firmware: Firmware,
    /// Names of the machine, its nets and its interrupts.
    pub header: Header,
    /// How it ended.
    pub outcome: Outcome,
    /// The final cycle.
    pub cycles: u64,
    /// Instructions executed.
    pub instructions: u64,
    /// Hash of the machine's state at the end, in hex.
    pub state_hash: String,
    /// From cycles to time.
    pub timebase: Timebase,
    /// The first cycle that counts.
    pub start: u64,
    /// What was measured.
    pub signals: Vec<Recorded>,
    /// Gaps of the model that were met.
    pub notices: Vec<Notice>,
    /// What the serial ports have sent.
    pub texts: Vec<PortText>,
    /// The cycles by how well their cost is known.
    pub ledger: Ledger,
}

impl Job {
    /// Run it to its end. `interrupt` ends it early.
    ///
    /// # Errors
    /// A [`Failure`] for what is wrong with the input.
    pub fn run(&self, interrupt: &Interrupt) -> Result<Done, Failure> {
        let setup = Setup {
            firmware: &self.firmware,
            base: None,
            machine: self.machine.as_deref(),
            set: &self.set,
            poke: &self.poke,
            seed: self.seed,
            stimuli: self.stimuli.as_ref(),
            semihosting: None,
            colour: false,
        };
        let mut prepared = Prepared::new(&setup, std::iter::empty())?;
        prepared.watch(&self.signals)?;
        let header = prepared.header();
        let collector = Collector::new(&self.signals, &header)?;
        let until = self.until.iter();
        let until: Result<Vec<(Until, StopOn)>, Failure> = until
            .map(|u| Ok((u.clone(), prepared.stop_on(u)?)))
            .collect();
        let settings = Settings {
            limit: self.limit,
            until: until?,
            strict: self.strict,
            pace: false,
        };
        let mask = collector.mask();
        let collector = Arc::new(Mutex::new(collector));
        let probes = &mut prepared.machine.bus_mut().probes;
        probes.attach(mask, collect(&collector));
        let mut attended = Attended {
            machine: prepared.machine,
            rtt: prepared.rtt,
        };
        let session = Session {
            machine: &mut attended,
            settings,
            console: Console::none(),
            capture: None,
            interrupt: interrupt.clone(),
            progress: Progress::none(),
            on_notice: Box::new(|_| {}),
            on_channel: Box::new(|_| {}),
        };
        let Finished { outcome, texts, .. } = session.run();
        let machine = &attended.machine;
        let bus = machine.bus();
        let segments = bus.clocks.segments();
        let start = match self.warmup {
            None => 0,
            Some(Span::Cycles(n)) => n,
            Some(Span::Time(t)) => Timebase::new(segments.to_vec()).cycle_at(t).0,
        };
        // The last reference went with the probes.
        let collector =
            std::mem::take(&mut *collector.lock().unwrap_or_else(PoisonError::into_inner));
        let mut signals = collector.finish();
        for signal in &mut signals {
            signal.start_at(start);
        }
        Ok(Done {
            header,
            outcome,
            cycles: machine.now().0,
            instructions: machine.instructions(),
            state_hash: hex(&machine.state_hash()),
            timebase: Timebase::new(segments.to_vec()),
            start,
            signals,
            notices: bus.notices.all().to_vec(),
            texts,
            ledger: parts::ledger(machine),
            firmware: prepared.firmware,
        })
    }
}

/// Hands probe events to a collector.
fn collect(into: &Arc<Mutex<Collector>>) -> ProbeFlush {
    let into = Arc::clone(into);
    Box::new(move |events: Vec<ProbeEvent>| {
        let mut collector = into.lock().unwrap_or_else(PoisonError::into_inner);
        for event in &events {
            collector.event(event);
        }
        events
    })
}
