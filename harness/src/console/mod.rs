//! Consoles: where the bytes of serial ports go, and where input comes from.
//!
//! Each sink has threads of its own behind channels, so that a slow reader never touches the model.
//! Output channels are bounded: a sink that cannot keep up makes the run wait, and virtual time
//! does not move. Input arrives in one channel and is given to the machine at slice boundaries.

mod file;
mod prefix;
mod pty;
mod spec;
mod stdio;
mod tcp;

pub use spec::{Sink, UartSpec};

use crate::failure::Failure;
use crate::nearest::nearest;
use crate::output::{OutputError, PendingFile};
use crate::terminal::Terminal;
use crossbeam_channel::{Receiver, Sender, bounded};
use emu_core::semihosting;
use std::thread::JoinHandle;

/// Pieces of output that may wait in front of a sink.
const QUEUE: usize = 256;
/// Pieces of input that may wait for the machine.
const INPUT_QUEUE: usize = 256;

/// What arrives from the host for a serial port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// Bytes.
    Bytes {
        /// Index of the port.
        port: u8,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// No more will come from this source.
    End,
}

/// Output for a sink.
struct Chunk {
    port: u8,
    /// Name of a port that was not there when the sink was opened, with its first bytes.
    name: Option<String>,
    bytes: Vec<u8>,
}

type Finish = JoinHandle<Result<Option<PendingFile>, OutputError>>;

/// All sinks of a run.
pub struct Console {
    /// Sink of each port.
    outputs: Vec<Option<Sender<Chunk>>>,
    /// Ports that the command line gives a sink.
    named: Vec<bool>,
    /// Standard output, when it takes what has no sink of its own.
    default: Option<Sender<Chunk>>,
    inputs: Receiver<Input>,
    /// Sources of input that have not ended.
    sources: usize,
    threads: Vec<Finish>,
    /// Lines about the sinks, such as the name of a pty.
    pub announcements: Vec<String>,
}

/// Which ports have a console when the command line does not say.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// The board's own console.
    pub console: Option<&'a str>,
    /// Standard input goes to it (it is a terminal).
    pub with_input: bool,
}

impl Console {
    /// Open the sinks that the specifications name. Without any for standard output, the machine's
    /// console (or all ports) goes there; `stdout_is_taken` when something else is written to it.
    ///
    /// # Errors
    /// A [`Failure`] for an unknown port, or a sink that cannot be opened.
    pub fn open(
        ports: &[String],
        specs: &[UartSpec],
        defaults: &Defaults<'_>,
        stdout_is_taken: bool,
        terminal: &Terminal,
    ) -> Result<Console, Failure> {
        let (input, inputs) = bounded(INPUT_QUEUE);
        let mut console = Console {
            outputs: ports.iter().map(|_| None).collect(),
            named: vec![false; ports.len()],
            default: None,
            inputs,
            sources: 0,
            threads: Vec::new(),
            announcements: Vec::new(),
        };
        let mut on_stdout = Vec::new();
        for spec in specs {
            let port = port_index(ports, &spec.port)?;
            if std::mem::replace(&mut console.named[usize::from(port)], true) {
                let message = format!("--uart names the port `{}` twice", spec.port);
                return Err(Failure::usage(message).help("give each port one sink"));
            }
            match &spec.sink {
                Sink::Stdio => {
                    on_stdout.push(port);
                    if on_stdout.len() == 1 {
                        console.source(|| stdio::read(port, input.clone()))?;
                    }
                }
                Sink::Null => {}
                Sink::File(path) => {
                    let file = PendingFile::create(path)?;
                    console.sink(port, |from| file::write(file, from))?;
                }
                Sink::Pty => {
                    let (pty, path) = pty::open(port)?;
                    let told = format!("{} is on {path}", spec.port);
                    console.announcements.push(told);
                    let (reader, writer) = pty;
                    console.sink(port, |from| writer.start(from))?;
                    console.source(|| reader.start(input.clone()))?;
                }
                Sink::Tcp(address) => {
                    let (address, tcp) = tcp::listen(address, port)?;
                    let told = format!("{} listens on {address}", spec.port);
                    console.announcements.push(told);
                    console.sink(port, |from| tcp.start(from, input.clone()))?;
                    console.sources += 1;
                }
            }
        }
        let by_default = specs.iter().all(|s| s.sink != Sink::Stdio) && !stdout_is_taken;
        if by_default {
            let named = console.named.clone();
            let board = defaults
                .console
                .and_then(|name| ports.iter().position(|p| p == name))
                .map(|i| i as u8)
                .filter(|&p| !named[usize::from(p)]);
            match board {
                Some(port) => {
                    on_stdout.push(port);
                    if defaults.with_input {
                        console.source(|| stdio::read(port, input.clone()))?;
                    }
                    // These speak for the program, whatever the board's console is.
                    let soft = |p: &str| p == semihosting::PORT || p == "rtt0" || p == "ITM";
                    let soft = (0u8..)
                        .zip(ports)
                        .filter(|(i, p)| soft(p) && !named[usize::from(*i)]);
                    on_stdout.extend(soft.map(|(i, _)| i));
                }
                None => on_stdout.extend(
                    (0u8..)
                        .zip(&named)
                        .filter(|(_, named)| !**named)
                        .map(|(i, _)| i),
                ),
            }
        }
        if by_default || !on_stdout.is_empty() {
            let (sender, receiver) = bounded(QUEUE);
            let names = ports.to_vec();
            let terminal = terminal.clone();
            console.threads.push(thread("stdout", move || {
                stdio::write(&terminal, &names, &receiver)
            })?);
            for port in on_stdout {
                console.outputs[usize::from(port)] = Some(sender.clone());
            }
            console.default = by_default.then_some(sender);
        }
        Ok(console)
    }

    /// No sink and no input.
    #[must_use]
    pub fn none() -> Console {
        Console {
            outputs: Vec::new(),
            named: Vec::new(),
            default: None,
            inputs: crossbeam_channel::never(),
            sources: 0,
            threads: Vec::new(),
            announcements: Vec::new(),
        }
    }

    fn sink(
        &mut self,
        port: u8,
        start: impl FnOnce(Receiver<Chunk>) -> std::io::Result<Finish>,
    ) -> Result<(), Failure> {
        let (sender, receiver) = bounded(QUEUE);
        self.threads.push(start(receiver).map_err(no_thread)?);
        self.outputs[usize::from(port)] = Some(sender);
        Ok(())
    }

    fn source(&mut self, start: impl FnOnce() -> std::io::Result<()>) -> Result<(), Failure> {
        start().map_err(no_thread)?;
        self.sources += 1;
        Ok(())
    }

    /// Bytes from a serial port of the machine. `false` when their sink is gone (a closed pipe).
    pub fn send(&self, port: u8, bytes: Vec<u8>) -> bool {
        match self.outputs.get(usize::from(port)) {
            Some(Some(sink)) => {
                let name = None;
                sink.send(Chunk { port, name, bytes }).is_ok()
            }
            _ => true,
        }
    }

    /// A port speaks for the first time, and may not have been known before. Text goes to standard output when
    /// the command line says nothing else; other bytes do not.
    pub fn add(&mut self, port: u8, name: &str, is_text: bool) {
        let i = usize::from(port);
        let count = self.outputs.len().max(i + 1);
        self.outputs.resize(count, None);
        self.named.resize(count, false);
        if self.named[i] {
            return;
        }
        self.outputs[i] = self.default.clone().filter(|_| is_text);
        if let Some(sink) = &self.outputs[i] {
            let name = Some(name.to_owned());
            let bytes = Vec::new();
            // A sink that is gone is told when bytes are sent.
            let _ = sink.send(Chunk { port, name, bytes });
        }
    }

    /// What has arrived from the host; does not wait.
    pub fn poll(&mut self) -> Option<Input> {
        let input = self.inputs.try_recv().ok()?;
        self.count(&input);
        Some(input)
    }

    /// Wait a while for what arrives from the host.
    pub fn wait(&mut self, at_most: std::time::Duration) -> Option<Input> {
        let input = self.inputs.recv_timeout(at_most).ok()?;
        self.count(&input);
        Some(input)
    }

    fn count(&mut self, input: &Input) {
        if *input == Input::End {
            self.sources = self.sources.saturating_sub(1);
        }
    }

    /// Can more input come?
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.sources > 0
    }

    /// Wait until all output is out; files are put in their place.
    ///
    /// # Errors
    /// A [`Failure`] that names the sink.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.outputs.clear();
        self.default = None;
        for thread in self.threads {
            let file = thread
                .join()
                .map_err(|_| Failure::internal("a console thread panicked"))??;
            if let Some(file) = file {
                file.commit()?;
            }
        }
        Ok(())
    }
}

fn port_index(ports: &[String], name: &str) -> Result<u8, Failure> {
    let found = ports.iter().position(|p| p.eq_ignore_ascii_case(name));
    found.map(|i| i as u8).ok_or_else(|| {
        let near = nearest(name, ports.iter().map(String::as_str), 1);
        let near = near
            .first()
            .map_or(String::new(), |n| format!("did you mean `{n}`? "));
        Failure::usage(format!("the machine has no serial port `{name}`"))
            .help(format!("{near}its ports are: {}", ports.join(", ")))
    })
}

fn no_thread(e: std::io::Error) -> Failure {
    Failure::internal(format!("cannot start a console thread: {e}"))
}

fn thread(
    name: &str,
    f: impl FnOnce() -> Result<Option<PendingFile>, OutputError> + Send + 'static,
) -> Result<Finish, Failure> {
    spawn(name, f).map_err(no_thread)
}

fn spawn<T: Send + 'static>(
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(f)
}

#[cfg(test)]
mod tests;
