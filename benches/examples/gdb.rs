//! What gdb costs: the speed of `continue` as a part of the speed of a plain run, and how long the ways back take.
//! Times are processor time of the machine's thread, but for answers, which are by the wall. Best of three.
//! `cargo run --release -p benches --example gdb`

use benches::{Firmware, cpu_seconds};
use emu_core::Cycles;
use emu_core::machine::{Options, Stop};
use emu_core::timeline::{Settings, Timeline};
use gdb::{Advance, Debugger, Listen, Server};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// gdb's side of a session.
struct Client(UnixStream);

impl Client {
    /// Send a packet; gives the reply and the seconds until it came.
    fn ask(&mut self, packet: &str) -> Result<(String, f64), String> {
        let start = Instant::now();
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        let frame = format!("${packet}#{sum:02x}");
        self.0
            .write_all(frame.as_bytes())
            .map_err(|e| e.to_string())?;
        loop {
            let reply = self.reply()?;
            // Text for the console comes before the reply.
            if !reply.starts_with('O') || reply == "OK" {
                return Ok((reply, start.elapsed().as_secs_f64()));
            }
        }
    }

    fn reply(&mut self) -> Result<String, String> {
        let mut reply = Vec::new();
        while reply.len() < 4 || reply[reply.len() - 3] != b'#' {
            let mut byte = [0];
            self.0.read_exact(&mut byte).map_err(|e| e.to_string())?;
            if byte[0] != b'+' || !reply.is_empty() {
                reply.push(byte[0]);
            }
        }
        Ok(String::from_utf8_lossy(&reply[1..reply.len() - 3]).into_owned())
    }

    fn expect(&mut self, packet: &str, reply: &str) -> Result<f64, String> {
        let (got, seconds) = self.ask(packet)?;
        match got.starts_with(reply) {
            true => Ok(seconds),
            false => Err(format!("{packet}: {got}, not {reply}")),
        }
    }
}

/// Serve a session that ends in an exit or a kill. Gives what `talk` gives, and the processor time of the machine.
fn session<T: Send>(
    firmware: &Firmware,
    limit: Cycles,
    talk: impl FnOnce(&mut Client) -> Result<T, String> + Send,
) -> Result<(T, f64), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let path = folder.path().join("socket");
    let server = Server::bind(&Listen::Unix(path.clone())).map_err(|e| e.to_string())?;
    let timeline = Timeline::new(
        firmware.machine(Options::default())?,
        (),
        Settings::default(),
    );
    let mut debugger = Debugger::new(timeline, server, gdb::Options::default());
    std::thread::scope(|scope| {
        let talker = scope.spawn(|| {
            let stream = UnixStream::connect(path).map_err(|e| e.to_string())?;
            talk(&mut Client(stream))
        });
        let start = cpu_seconds();
        loop {
            match debugger.advance(limit).map_err(|e| e.to_string())? {
                Advance::Waiting => {}
                Advance::Ran(Stop::Limit) => {
                    debugger.hold("limit", gdb::Held::Limit);
                }
                Advance::Ran(Stop::Exit(0)) | Advance::Killed | Advance::Closed => break,
                other => return Err(format!("{other:?}")),
            }
        }
        let seconds = cpu_seconds() - start;
        let told = talker
            .join()
            .map_err(|_| "the client panicked".to_owned())?;
        Ok((told?, seconds))
    })
}

fn best(mut run: impl FnMut() -> Result<f64, String>) -> Result<f64, String> {
    let mut best = run()?;
    for _ in 1..3 {
        best = best.min(run()?);
    }
    Ok(best)
}

fn forwards() -> Result<(), String> {
    println!("| firmware | with one breakpoint | with one watchpoint on RAM |\n|---|---|---|");
    for (name, iterations) in [
        ("intbench.cortex-m4f", 3000),
        ("intbench.stm32f407", 1500),
        ("intbench.cortex-m0", 2000),
        ("intbench.rv32", 1500),
    ] {
        let firmware = Firmware::open(name, Some(iterations))?;
        let symbol = |name: &str| firmware.image.symbols.find(name).map(|s| s.address);
        let idle = symbol("finish").ok_or("no finish")?;
        let data = symbol("bench_iterations").ok_or("no variable")?;
        let plain = best(|| {
            let mut machine = firmware.machine(Options::default())?;
            let start = cpu_seconds();
            match machine.run_until(Cycles::MAX) {
                Stop::Exit(0) => Ok(cpu_seconds() - start),
                stop => Err(format!("{stop:?}")),
            }
        })?;
        let with = |insert: String| {
            best(|| {
                let insert = insert.clone();
                let run = session(&firmware, Cycles::MAX, move |client| {
                    client.expect(&insert, "OK")?;
                    let (stop, _) = client.ask("c")?;
                    if !stop.starts_with('W') {
                        client.expect(&insert.replacen('Z', "z", 1), "OK")?;
                        client.expect("c", "W")?;
                    }
                    Ok(())
                });
                Ok(run?.1)
            })
        };
        let breakpoint = plain / with(format!("Z1,{:x},2", idle & !1))?;
        let watchpoint = plain / with(format!("Z2,{data:x},4"))?;
        println!("| {name} | {breakpoint:.2} | {watchpoint:.2} |");
    }
    Ok(())
}

fn backwards() -> Result<(), String> {
    let firmware = Firmware::open("intbench.stm32f407", Some(200_000))?;
    let hz = 168_000_000u64;
    let (answers, _) = session(&firmware, Cycles(10 * hz), |client| {
        client.expect("c", "T")?;
        let steps: Result<Vec<f64>, String> = (0..20).map(|_| client.expect("bs", "T05")).collect();
        client.expect("vKill;1", "OK")?;
        steps
    })?;
    let most = answers.iter().copied().fold(0.0, f64::max);
    println!(
        "\nreverse-stepi after 10 s of virtual time: the first {:.1} ms, the slowest of 20 {:.1} ms",
        answers[0] * 1e3,
        most * 1e3
    );
    let mut machine = firmware.machine(Options::default())?;
    let mut end = Cycles(1 << 20);
    while machine.instructions() < 100_000_000 {
        machine.run_until(end);
        end += 1 << 20;
    }
    let ((forth, back), _) = session(&firmware, machine.now(), |client| {
        // Never executed by then.
        let finish = firmware
            .image
            .symbols
            .find("finish")
            .map(|s| s.address & !1);
        client.expect(&format!("Z1,{:x},2", finish.ok_or("no finish")?), "OK")?;
        let forth = client.expect("c", "T")?;
        let back = client.expect("bc", "T05thread:01;replaylog:begin")?;
        client.expect("vKill;1", "OK")?;
        Ok((forth, back))
    })?;
    println!(
        "reverse-continue over {} million instructions: {:.2} of the time forwards ({forth:.2} s)",
        machine.instructions() / 1_000_000,
        back / forth
    );
    Ok(())
}

fn main() -> Result<(), String> {
    backwards()?;
    forwards()
}
