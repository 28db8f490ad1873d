//! `tickscope gdb`: a firmware waits at reset for gdb.
//!
//! ```text
//! $ tickscope gdb firmware.elf
//! note: waiting for gdb on 127.0.0.1:3333 (gdb-multiarch -ex 'target remote 127.0.0.1:3333')
//! ```
//!
//! gdb gets the ELF from the stub, so it needs no file. Virtual time stands still while gdb thinks. All else is as in
//! `tickscope run`: consoles and input, stimuli, captures, results. What would end that run is a stop in gdb first
//! (`--for`, `--until`, `--strict`, a sleep without end); the run ends with it when gdb lets go there, and with
//! `killed` when gdb kills it. A connection that is lost, or left by `disconnect`, can be taken up again.
//!
//! `tickscope run --gdb ADDR` is the same run, but waits for nobody.

use super::execute::{execute_under, prepare};
use super::options::RunOptions;
use crate::failure::Failure;
use crate::parts::{Firmware, Spec};
use crate::rtt::RttPorts;
use crate::session::Debugged;
use crate::terminal::Terminal;
use clap::Args;
use emu_core::image::Format;
use emu_core::machine::Machine;
use emu_core::timeline::{Settings, Timeline};
use gdb::{Listen, Server};
use std::net::{SocketAddr, ToSocketAddrs};

/// Arguments of `gdb`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,

    /// Where to wait for gdb: HOST:PORT, :PORT (on the loopback address), or unix:PATH
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3333", value_parser = listen)]
    listen: Listen,

    /// Speak with gdb on standard input and output (target remote | tickscope gdb FW --stdio); the firmware's console goes to standard error
    #[arg(long, conflicts_with = "listen")]
    stdio: bool,

    /// Memory in MiB for checkpoints on the way back (0: only the start of the run)
    #[arg(long, value_name = "MIB", default_value_t = HISTORY)]
    history: usize,
}

/// Memory for checkpoints that nobody has asked for, in MiB.
pub(super) const HISTORY: usize = 256;

/// How gdb is served.
pub struct Service {
    /// Where.
    pub listen: Listen,
    /// Nothing runs before gdb has attached.
    pub halted: bool,
    /// Memory for checkpoints, in MiB.
    pub history: usize,
}

/// Where gdb meets the run. A port alone is one of the loopback address.
pub(super) fn listen(text: &str) -> Result<Listen, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path {
            "" => Err("name a socket: unix:PATH".to_owned()),
            path => Ok(Listen::Unix(path.into())),
        };
    }
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
    if let Ok(port) = port {
        return Ok(Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], port))));
    }
    if let Ok(address) = text.parse() {
        return Ok(Listen::Tcp(address));
    }
    let form = "write HOST:PORT, :PORT or unix:PATH";
    let (host, port) = text.rsplit_once(':').ok_or(form)?;
    if port.parse::<u16>().is_err() {
        return Err(format!("`{port}` is no port (0 to 65535); {form}"));
    }
    let mut found = text
        .to_socket_addrs()
        .map_err(|e| format!("the host `{host}` is not known ({e}); {form}"))?;
    let first = found.next();
    first.map(Listen::Tcp).ok_or_else(|| form.to_owned())
}

/// Run.
///
/// # Errors
/// A [`Failure`] for bad input, or when the address cannot be listened on.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let options = &arguments.options;
    let prepared = prepare(options, terminal)?;
    let listen = match arguments.stdio {
        true => Listen::Stdio,
        false => arguments.listen.clone(),
    };
    let service = Service {
        listen,
        halted: true,
        history: arguments.history,
    };
    execute_under(&service, prepared, options, terminal)
}

impl Service {
    /// Does gdb speak on standard input and output?
    #[must_use]
    pub fn is_on_stdio(&self) -> bool {
        self.listen == Listen::Stdio
    }

    /// Listen, and say where.
    ///
    /// # Errors
    /// A [`Failure`] when the address cannot be listened on, or the firmware cannot be read again.
    pub fn start(
        &self,
        machine: Machine,
        rtt: RttPorts,
        options: &RunOptions,
        (firmware, spec): (&Firmware, &Spec),
        terminal: &Terminal,
    ) -> Result<Debugged, Failure> {
        let path = &options.firmware;
        let elf = (firmware.image.format == Format::Elf).then(|| std::fs::read(path));
        let elf = elf.transpose();
        let elf = elf.map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        let firmware = elf.map(|elf| gdb::Firmware {
            name: name.unwrap_or_else(|| "firmware.elf".to_owned()),
            elf,
        });
        let option = match self.halted {
            true => "--listen",
            false => "--gdb",
        };
        let server = Server::bind(&self.listen).map_err(|e| {
            Failure::usage(e.to_string()).help(format!("choose another address with {option}"))
        })?;
        self.announce(server.address(), terminal);
        let settings = Settings {
            memory: self.history.saturating_mul(1 << 20),
            ..Settings::default()
        };
        let timeline = Timeline::new(machine, rtt, settings);
        let stub = gdb::Options {
            firmware,
            halted: self.halted,
            pins: spec
                .pin_names()
                .map(|name| (name.to_owned(), spec.net(name).to_owned()))
                .collect(),
            interrupts: spec.interrupts(),
            ..gdb::Options::default()
        };
        let tells = (!options.quiet).then(|| terminal.clone());
        Ok(Debugged::new(timeline, server, stub, tells))
    }

    /// Problem matchers and scripts read `waiting for gdb on ADDRESS (`.
    fn announce(&self, address: &Listen, terminal: &Terminal) {
        let target = match address {
            Listen::Stdio => return,
            Listen::Unix(path) => path.display().to_string(),
            Listen::Tcp(address) => {
                if !address.ip().is_loopback() {
                    let text = format!(
                        "who can reach {address} over the network controls the run, and can read and change its memory"
                    );
                    terminal.tell("warning", &text);
                }
                address.to_string()
            }
        };
        let running = match self.halted {
            true => "",
            false => "running, and ",
        };
        terminal.tell(
            "note",
            &format!(
                "{running}waiting for gdb on {address} (gdb-multiarch -ex 'target remote {target}')"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let tcp = |text: &str| Ok(Listen::Tcp(text.parse().expect("an address")));
        assert_eq!(listen("3333"), tcp("127.0.0.1:3333"));
        assert_eq!(listen(":3333"), tcp("127.0.0.1:3333"));
        assert_eq!(listen("0.0.0.0:1"), tcp("0.0.0.0:1"));
        assert_eq!(listen("[::1]:2"), tcp("[::1]:2"));
        assert_eq!(listen("unix:/a b"), Ok(Listen::Unix("/a b".into())));
        assert!(matches!(listen("localhost:3"), Ok(Listen::Tcp(a)) if a.port() == 3));
        for (wrong, why) in [
            ("", "HOST:PORT"),
            ("unix:", "unix:PATH"),
            ("localhost", "HOST:PORT"),
            ("127.0.0.1:99999", "`99999` is no port"),
            ("no host.invalid:3333", "`no host.invalid` is not known"),
        ] {
            let said = listen(wrong).expect_err(wrong);
            assert!(said.contains(why), "{wrong}: {said}");
        }
    }
}
