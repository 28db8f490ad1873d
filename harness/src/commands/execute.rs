//! One run from its options to its results: what `run`, `trace` and `profile` are made of.

use super::options::RunOptions;
use crate::capture::{CURRENT_TASK, Writer};
use crate::console::{Console, Defaults, Sink};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::lockup;
use crate::outcome::Outcome;
use crate::output::{self, PendingFile};
use crate::parts::{self, Firmware, Spec};
use crate::prepared::{Prepared, Setup};
use crate::profile::ProfileResult;
use crate::progress::{self, Progress};
use crate::rtt::Found;
use crate::run_result::{self as result, RunResult, hex};
use crate::session::{Finished, Session, Settings};
use crate::signal::{Collector, Signal};
use crate::stimuli::Stimuli;
use crate::terminal::Terminal;
use crate::until::Until;
use emu_core::machine::Machine;
use emu_core::notices::Notice;
use emu_core::probe::ProbeMask;
use std::io::IsTerminal;
use std::path::Path;

/// Notices that are told one by one; the others are only counted.
const TOLD: usize = 20;

/// What the options want to be run, ready to go.
///
/// # Errors
/// A [`Failure`] that names what is wrong with the input.
pub fn prepare(options: &RunOptions, terminal: &Terminal) -> Result<Prepared, Failure> {
    for path in [&options.json, &options.capture].into_iter().flatten() {
        if path != Path::new("-") {
            output::check(path)?;
        }
    }
    let colour = terminal.colour();
    let stimuli = options.stimuli.as_ref();
    let stimuli = stimuli.map(|p| Stimuli::open(p, colour)).transpose()?;
    let setup = Setup {
        stimuli: stimuli.as_ref(),
        ..options.setup(colour)
    };
    let mut prepared = Prepared::new(&setup, options.port_names())?;
    if let Some(why) = prepared.why.as_ref().filter(|_| !options.quiet) {
        let name = prepared.spec.name();
        terminal.tell("note", &format!("the machine is {name} ({why})"));
    }
    prepared.watch(&options.watch)?;
    Ok(prepared)
}

/// As [`prepare`], for a run in which signals are measured: they are watched, and with `task` the variable by which the
/// kernel says which task runs. Gives what collects the signals, too.
///
/// # Errors
/// As [`prepare`], and for a signal that there cannot be.
pub fn prepare_to_measure(
    options: &RunOptions,
    signals: &[Signal],
    task: bool,
    terminal: &Terminal,
) -> Result<(Prepared, Collector), Failure> {
    let mut prepared = prepare(options, terminal)?;
    let symbols = &prepared.firmware().image.symbols;
    let mut watched = options.watch.clone();
    watched.extend(signals.iter().cloned());
    if task {
        let current = CURRENT_TASK
            .iter()
            .find(|name| symbols.find(name).is_some());
        watched.extend(current.and_then(|name| format!("write:{name}").parse().ok()));
    }
    prepared.watch(&watched)?;
    let collector = Collector::new(signals, &prepared.header())?;
    Ok((prepared, collector))
}

/// Where the serial ports go.
fn console(
    prepared: &Prepared,
    options: &RunOptions,
    stdout_is_taken: bool,
    terminal: &Terminal,
) -> Result<Console, Failure> {
    let json_on_stdout = options.json.as_deref() == Some(Path::new("-"));
    if json_on_stdout && options.uarts.iter().any(|u| u.sink == Sink::Stdio) {
        let message = "--json - and a serial port both want standard output";
        return Err(Failure::usage(message).help("write the result to a file: --json PATH"));
    }
    let ports = prepared.machine.bus().serial_ports();
    let ports: Vec<String> = ports.iter().map(|p| p.name.clone()).collect();
    let defaults = Defaults {
        console: prepared.spec.console(),
        with_input: std::io::stdin().is_terminal(),
    };
    let taken = json_on_stdout || stdout_is_taken;
    Console::open(&ports, &options.uarts, &defaults, taken, terminal)
}

/// Run to the end and write all results; the capture records the kinds of events of its mask. Gives the exit code.
///
/// # Errors
/// A [`Failure`] for wrong options, and when a result cannot be written.
pub fn execute(
    prepared: Prepared,
    options: &RunOptions,
    capture: Option<(&Path, ProbeMask)>,
    terminal: &Terminal,
) -> Result<u8, Failure> {
    execute_then(prepared, options, capture, false, terminal, |_| Ok(None))
}

/// A run that is over.
pub struct Ended<'a> {
    /// The machine as the run has left it.
    pub machine: &'a Machine,
    /// What ran.
    pub firmware: &'a Firmware,
    /// What it ran on.
    pub spec: &'a Spec,
    /// How it ended.
    pub outcome: &'a Outcome,
}

/// As [`execute`]; `then` gets the machine at the end, and may add a profile to the result. Without the option
/// `--uart`, no console is on standard output when that is taken.
///
/// # Errors
/// As [`execute`], and those of `then`.
pub fn execute_then(
    mut prepared: Prepared,
    options: &RunOptions,
    capture: Option<(&Path, ProbeMask)>,
    stdout_is_taken: bool,
    terminal: &Terminal,
    then: impl FnOnce(&Ended<'_>) -> Result<Option<ProfileResult>, Failure>,
) -> Result<u8, Failure> {
    let until = options.until.iter();
    let until: Result<Vec<_>, Failure> = until
        .map(|u| Ok((u.clone(), prepared.stop_on(u)?)))
        .collect();
    let settings = Settings {
        limit: options.limit(),
        until: until?,
        strict: options.strict,
        pace: options.pace,
    };
    let console = console(&prepared, options, stdout_is_taken, terminal)?;
    for line in &console.announcements {
        terminal.tell("note", line);
    }
    let interrupt = Interrupt::install();
    let writer = match capture {
        Some((path, mask)) => {
            let header = prepared.header();
            let file = PendingFile::create(path)?;
            let writer = Writer::start(file, &header).map_err(|e| not_captured(path, &e))?;
            let probes = &mut prepared.machine.bus_mut().probes;
            probes.attach(mask, writer.probe_flush());
            Some(writer)
        }
        None => None,
    };
    let Prepared {
        firmware,
        spec,
        machine,
        rtt,
        stimuli,
        ..
    } = prepared;
    let (firmware, spec) = (&firmware, &spec);
    let machine = &mut { machine };
    let mut told = 0;
    let (quiet, uarts) = (options.quiet, &options.uarts);
    let finished = Session {
        machine,
        settings,
        console,
        capture: writer,
        interrupt,
        progress: Progress::new(terminal),
        rtt: Some(rtt),
        on_notice: Box::new(|n| {
            told += 1;
            if !quiet && told <= TOLD {
                terminal.tell("warning", &notice_text(n, firmware));
            }
        }),
        on_channel: Box::new(|f| {
            if !quiet && !f.is_text && !uarts.iter().any(|u| u.port.eq_ignore_ascii_case(&f.name)) {
                terminal.tell("note", &channel_text(f));
            }
        }),
    }
    .run();
    let Finished {
        outcome,
        texts,
        inputs,
        console,
        capture: writer,
        wall,
    } = finished;
    let sinks = console.finish();
    if told > TOLD && !quiet {
        let more = told - TOLD;
        terminal.tell(
            "warning",
            &format!("{more} more like these; --json lists them all"),
        );
    }
    let captured = match (writer, capture) {
        (Some(writer), Some((path, _))) => {
            let segments = machine.bus().clocks.segments();
            let end = writer.finish(machine.now(), segments);
            let (file, records) = end.map_err(|e| not_captured(path, &e))?;
            file.commit()?;
            Some(result::Captured {
                path: path.display().to_string(),
                records,
            })
        }
        _ => None,
    };
    let waited = !options.until.is_empty();
    let bus = machine.bus();
    let attoseconds = bus.clocks.attoseconds(machine.now());
    let profile = then(&Ended {
        machine,
        firmware,
        spec,
        outcome: &outcome,
    })?;
    let ledger = parts::ledger(machine);
    if options.ledger {
        terminal.tell("ledger", &ledger.table());
    }
    if let Some(path) = &options.json {
        let notices = bus.notices.all().iter().map(|n| {
            let function = firmware.function_at(n.pc).map(|f| f.name);
            result::NoticeEntry::new(n, function, firmware.line(n.pc))
        });
        let result = RunResult {
            schema: result::SCHEMA,
            tool: crate::TOOL.to_owned(),
            firmware: result::Firmware {
                path: options.firmware.display().to_string(),
                sha256: hex(&firmware.image.sha256),
            },
            machine: result::Machine {
                name: spec.name().to_owned(),
                hash: spec.hash(),
            },
            settings: result::Settings {
                limit: options.limit().map(|l| l.to_string()),
                until: options.until.iter().map(Until::to_string).collect(),
                strict: options.strict,
                set: options.set.clone(),
                stimuli: options.stimuli.as_ref().zip(stimuli).map(|(path, hash)| {
                    result::StimuliFile {
                        path: path.display().to_string(),
                        sha256: hex(&hash),
                    }
                }),
            },
            seed: options.seed,
            stop: result::Stop::new(&outcome, waited),
            cycles: machine.now().0,
            instructions: machine.instructions(),
            time: result::Time::new(attoseconds),
            state_hash: hex(&machine.state_hash()),
            uarts: texts.iter().map(result::Uart::from).collect(),
            inputs: inputs
                .iter()
                .map(|i| result::Given::new(i, &texts))
                .collect(),
            notices: notices.collect(),
            clock_segments: bus.clocks.segments().iter().map(Into::into).collect(),
            ledger,
            profile,
            capture: captured,
            host: result::Host {
                wall_s: wall.as_secs_f64(),
                more: Default::default(),
            },
        };
        output::write_with(path, |w| {
            serde_json::to_writer_pretty(&mut *w, &result)?;
            w.write_all(b"\n")
        })?;
    }
    sinks?;
    if let Outcome::Lockup(fault) = &outcome {
        terminal.tell("error", &lockup::report(machine, firmware, fault));
    }
    if !quiet {
        let speed = progress::line(attoseconds, machine.instructions(), wall);
        let cycles = machine.now();
        terminal.say(&format!("tickscope: {outcome} at cycle {cycles} ({speed})"));
    } else if let Outcome::Internal(_) = &outcome {
        terminal.tell("error", &outcome.to_string());
    }
    Ok(outcome.exit_code(waited))
}

fn not_captured(path: &Path, e: &std::io::Error) -> Failure {
    Failure::internal(format!(
        "the capture `{}` was not written: {e}",
        path.display()
    ))
}

fn channel_text(f: &Found) -> String {
    let (name, channel) = (&f.name, &f.channel);
    format!("the RTT channel `{channel}` is {name}; to have its bytes: --uart {name}=file:PATH")
}

fn notice_text(n: &Notice, firmware: &Firmware) -> String {
    let verdict = match n.kind {
        emu_core::NoticeKind::Misuse => "",
        emu_core::NoticeKind::UnmappedAddress => ": no device there",
        _ => ": not modelled",
    };
    format!(
        "{}{verdict}, at {} (cycle {})",
        n.what,
        firmware.describe(n.pc),
        n.at
    )
}
