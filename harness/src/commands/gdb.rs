//! `tickscope gdb`: a firmware waits at reset for gdb.
//!
//! ```text
//! $ tickscope gdb firmware.elf
//! note: waiting for gdb on 127.0.0.1:3333 (gdb-multiarch -ex 'target remote 127.0.0.1:3333')
//! ```
//!
//! gdb gets the ELF from the stub, so it needs no file. Virtual time stands still while gdb thinks.

use super::execute::prepare;
use super::options::RunOptions;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;
use clap::Args;
use emu_core::Cycles;
use emu_core::image::Format;
use emu_core::machine::Stop;
use emu_core::timeline::{Change, Settings, Timeline};
use gdb::{Advance, Debugger, Held, Listen, Options, Server};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of `gdb`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,

    /// Where to wait for gdb: HOST:PORT, :PORT (on the loopback address), or unix:PATH
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3333", value_parser = listen)]
    listen: ListenOn,

    /// Speak with gdb on standard input and output (target remote | tickscope gdb FW --stdio)
    #[arg(long, conflicts_with = "listen")]
    stdio: bool,
}

/// Where to wait.
#[derive(Clone, Debug)]
enum ListenOn {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

fn listen(text: &str) -> Result<ListenOn, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(ListenOn::Unix(path.into()));
    }
    let full = if text.starts_with(':') {
        format!("127.0.0.1{text}")
    } else {
        text.to_owned()
    };
    full.parse()
        .map(ListenOn::Tcp)
        .map_err(|_| "expected HOST:PORT, :PORT or unix:PATH".to_owned())
}

/// Run.
///
/// # Errors
/// A [`Failure`] for bad input, or when the address cannot be listened on.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let options = &arguments.options;
    let unfit = [
        ("--until", !options.until.is_empty()),
        ("--uart", !options.uarts.is_empty()),
        ("--json", options.json.is_some()),
        ("--capture", options.capture.is_some()),
        ("--for and --cycles", options.limit().is_some()),
    ];
    if let Some((name, _)) = unfit.iter().find(|(_, given)| *given) {
        return Err(
            Failure::usage(format!("{name} cannot be used with `tickscope gdb`"))
                .help("gdb decides how long the firmware runs; use `tickscope run` for results"),
        );
    }
    let prepared = prepare(options, terminal)?;
    let firmware = (prepared.image().format == Format::Elf).then(|| {
        std::fs::read(&options.firmware).map(|elf| gdb::Firmware {
            name: options.firmware.file_name().map_or_else(
                || "firmware.elf".to_owned(),
                |n| n.to_string_lossy().into_owned(),
            ),
            elf,
        })
    });
    let firmware = firmware
        .transpose()
        .map_err(|e| Failure::usage(format!("{}: {e}", options.firmware.display())))?;
    let listen = match (&arguments.listen, arguments.stdio) {
        (_, true) => Listen::Stdio,
        (ListenOn::Tcp(address), _) => Listen::Tcp(*address),
        (ListenOn::Unix(path), _) => Listen::Unix(path.clone()),
    };
    let server = Server::bind(&listen)
        .map_err(|e| Failure::usage(e.to_string()).help("choose another address with --listen"))?;
    if let Listen::Tcp(address) = server.address() {
        terminal.tell(
            "note",
            &format!("waiting for gdb on {address} (gdb-multiarch -ex 'target remote {address}')"),
        );
    }
    let options = Options {
        firmware,
        ..Options::default()
    };
    let timeline = Timeline::new(prepared.machine, prepared.rtt, Settings::default());
    let mut debugger = Debugger::new(timeline, server, options);
    // With --stdio, standard output belongs to gdb: the guest's console goes to standard error.
    let to_stderr = arguments.stdio;
    loop {
        let advance = debugger
            .advance(Cycles::MAX)
            .map_err(|e| Failure::internal(e.to_string()))?;
        for port in 0..debugger.timeline().machine().bus().serial_ports().len() {
            let bytes = debugger.timeline().take_sent(port as u8);
            // A console that is gone is no reason to end the session.
            let _ = if to_stderr {
                std::io::stderr().write_all(&bytes)
            } else {
                std::io::stdout()
                    .write_all(&bytes)
                    .and_then(|()| std::io::stdout().flush())
            };
        }
        match advance {
            Advance::Ran(Stop::Exit(status)) => return Ok(status as u8),
            Advance::Ran(Stop::AwaitsInput) => {
                debugger.timeline().apply(Change::ConsoleEnd);
            }
            Advance::Ran(Stop::Asleep) => {
                if !debugger.hold("the core sleeps, and nothing can wake it", Held::Wait) {
                    return Ok(Exit::Done as u8);
                }
            }
            Advance::Killed | Advance::Closed => return Ok(Exit::Done as u8),
            _ => {}
        }
    }
}
