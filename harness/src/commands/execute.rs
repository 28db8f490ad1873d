//! One run from its options to its results: what `run`, `gdb`, `trace` and `profile` are made of.

use super::gdb::Service;
use super::options::RunOptions;
use super::result::{self, Parts};
use crate::capture::{CURRENT_TASK, Header, Writer};
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
use crate::rtt::{Found, RttPorts};
use crate::run_result::Captured;
use crate::session::{Again, Attended, Finished, Runnable, Session, Settings};
use crate::signal::{Collector, Signal};
use crate::stimuli::Stimuli;
use crate::terminal::Terminal;
use emu_core::machine::Machine;
use emu_core::notices::Notice;
use emu_core::probe::ProbeMask;
use emu_core::timeline::Timeline;
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
fn console(prepared: &Prepared, way: &Way<'_>, terminal: &Terminal) -> Result<Console, Failure> {
    let options = way.options;
    let json_on_stdout = options.json.as_deref() == Some(Path::new("-"));
    let wants_stdio = options.uarts.iter().any(|u| u.sink == Sink::Stdio);
    if json_on_stdout && wants_stdio {
        let message = "--json - and a serial port both want standard output";
        return Err(Failure::usage(message).help("write the result to a file: --json PATH"));
    }
    let on_stdio = way.service.is_some_and(Service::is_on_stdio);
    if on_stdio && (json_on_stdout || wants_stdio) {
        let message = "with --stdio, standard input and output are gdb's";
        return Err(Failure::usage(message)
            .help("write the result to a file, and give a serial port =pty, =tcp or =file"));
    }
    let ports = prepared.machine.bus().serial_ports();
    let ports: Vec<String> = ports.iter().map(|p| p.name.clone()).collect();
    let defaults = Defaults {
        console: prepared.spec.console(),
        with_input: !on_stdio && std::io::stdin().is_terminal(),
    };
    let taken = json_on_stdout || way.stdout_is_taken;
    let terminal = match on_stdio {
        true => &terminal.with_guest_on_stderr(),
        false => terminal,
    };
    Console::open(&ports, &options.uarts, &defaults, taken, terminal)
}

/// How a run shall go, and what is written of it.
struct Way<'a> {
    options: &'a RunOptions,
    /// The capture, and the kinds of events that it records.
    capture: Option<(&'a Path, ProbeMask)>,
    /// Without the option `--uart`, no console is on standard output.
    stdout_is_taken: bool,
    /// gdb may attach.
    service: Option<&'a Service>,
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

/// As [`execute`], and gdb may attach.
///
/// # Errors
/// As [`execute`], and when the address cannot be listened on.
pub fn execute_under(
    service: &Service,
    prepared: Prepared,
    options: &RunOptions,
    terminal: &Terminal,
) -> Result<u8, Failure> {
    let way = Way {
        options,
        capture: options.capture.as_deref().map(|c| (c, ProbeMask::ALL)),
        stdout_is_taken: false,
        service: Some(service),
    };
    go(prepared, &way, terminal, |_| Ok(None))
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
    prepared: Prepared,
    options: &RunOptions,
    capture: Option<(&Path, ProbeMask)>,
    stdout_is_taken: bool,
    terminal: &Terminal,
    then: impl FnOnce(&Ended<'_>) -> Result<Option<ProfileResult>, Failure>,
) -> Result<u8, Failure> {
    let way = Way {
        options,
        capture,
        stdout_is_taken,
        service: None,
    };
    go(prepared, &way, terminal, then)
}

fn go(
    mut prepared: Prepared,
    way: &Way<'_>,
    terminal: &Terminal,
    then: impl FnOnce(&Ended<'_>) -> Result<Option<ProfileResult>, Failure>,
) -> Result<u8, Failure> {
    let options = way.options;
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
    let console = console(&prepared, way, terminal)?;
    for line in &console.announcements {
        terminal.tell("note", line);
    }
    let interrupt = Interrupt::install();
    let header = prepared.header();
    let writer = start_capture(way, &header, &mut prepared.machine)?;
    let Prepared {
        firmware,
        spec,
        machine,
        rtt,
        stimuli,
        ..
    } = prepared;
    let (firmware, spec) = (&firmware, &spec);
    let mut told = 0;
    let (quiet, uarts) = (options.quiet, &options.uarts);
    let run = |machine: &mut dyn Runnable| {
        Session {
            machine,
            settings,
            console,
            capture: writer,
            interrupt,
            progress: Progress::new(terminal),
            on_notice: Box::new(|n| {
                told += 1;
                if !quiet && told <= TOLD {
                    terminal.tell("warning", &notice_text(n, firmware));
                }
            }),
            on_channel: Box::new(|f| {
                let named = uarts.iter().any(|u| u.port.eq_ignore_ascii_case(&f.name));
                if !quiet && !f.is_text && !named {
                    terminal.tell("note", &channel_text(f));
                }
            }),
        }
        .run()
    };
    let (mut machine, mut finished, sinks) = match way.service {
        None => {
            let mut attended = Attended { machine, rtt };
            let mut finished = run(&mut attended);
            let sinks = finished.take_console().finish();
            (attended.machine, finished, sinks)
        }
        Some(service) => {
            let mut debugged = service.start(machine, rtt, options, (firmware, spec), terminal)?;
            let mut finished = run(&mut debugged);
            // gdb may end the process that it started as soon as it hears of the end: all output is out before.
            let sinks = finished.take_console().finish();
            if let Outcome::Exit(status) = finished.outcome {
                debugged.exited(status);
            }
            let mut timeline = debugged.into_timeline();
            let finished = true_to_history(&mut timeline, finished, way, &header, terminal)?;
            (timeline.into_machine(), finished, sinks)
        }
    };
    let machine = &mut machine;
    if told > TOLD && !quiet {
        let more = told - TOLD;
        terminal.tell(
            "warning",
            &format!("{more} more like these; --json lists them all"),
        );
    }
    let captured = match (finished.capture.take(), way.capture) {
        (Some(writer), Some((path, _))) => {
            let segments = machine.bus().clocks.segments();
            let end = writer.finish(machine.now(), segments);
            let (file, records) = end.map_err(|e| not_captured(path, &e))?;
            file.commit()?;
            Some(Captured {
                path: path.display().to_string(),
                records,
            })
        }
        _ => None,
    };
    let outcome = &finished.outcome;
    let ended = Ended {
        machine,
        firmware,
        spec,
        outcome,
    };
    let profile = then(&ended)?;
    if options.ledger {
        terminal.tell("ledger", &parts::ledger(ended.machine).table());
    }
    if let Some(path) = &options.json {
        let parts = Parts {
            options,
            stimuli,
            finished: &finished,
            profile,
            captured,
        };
        result::write(path, &ended, parts)?;
    }
    sinks?;
    if let Outcome::Lockup(fault) = outcome {
        terminal.tell("error", &lockup::report(machine, firmware, fault));
    }
    if !quiet {
        let cycles = machine.now();
        let attoseconds = machine.bus().clocks.attoseconds(cycles);
        let speed = progress::line(attoseconds, machine.instructions(), finished.wall);
        terminal.say(&format!("tickscope: {outcome} at cycle {cycles} ({speed})"));
    } else if let Outcome::Internal(_) = outcome {
        terminal.tell("error", &outcome.to_string());
    }
    Ok(outcome.exit_code(!options.until.is_empty()))
}

/// Begin the capture that is wanted: the machine's probes go to it.
fn start_capture(
    way: &Way<'_>,
    header: &Header,
    machine: &mut Machine,
) -> Result<Option<Writer<PendingFile>>, Failure> {
    let Some((path, mask)) = way.capture else {
        return Ok(None);
    };
    let file = PendingFile::create(path)?;
    let writer = Writer::start(file, header).map_err(|e| not_captured(path, &e))?;
    let probes = &mut machine.bus_mut().probes;
    probes.attach(mask, writer.probe_flush());
    Ok(Some(writer))
}

/// When gdb has changed the past, what was observed before did not happen: go through the history that holds once
/// more, for the files.
fn true_to_history(
    timeline: &mut Timeline<RttPorts>,
    finished: Finished,
    way: &Way<'_>,
    header: &Header,
    terminal: &Terminal,
) -> Result<Finished, Failure> {
    let files = way.capture.is_some() || way.options.json.is_some();
    if !timeline.was_rewritten() || !files {
        return Ok(finished);
    }
    terminal.tell(
        "note",
        "gdb has changed the past: the history that holds is run again for the capture and the result",
    );
    let failed = |why| Failure::internal(format!("the run cannot be repeated: {why}"));
    let Finished { outcome, wall, .. } = finished;
    let mut again = Again::new(timeline, outcome).map_err(failed)?;
    let session = Session {
        capture: start_capture(way, header, again.machine())?,
        machine: &mut again,
        settings: Settings::default(),
        console: Console::none(),
        interrupt: Interrupt::default(),
        progress: Progress::new(terminal),
        on_notice: Box::new(|_| {}),
        on_channel: Box::new(|_| {}),
    };
    Ok(Finished {
        wall,
        ..session.run()
    })
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
