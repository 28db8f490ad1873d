//! Standard input and output as a console.

use super::prefix::Prefixer;
use super::{Chunk, Input, spawn};
use crate::output::{OutputError, PendingFile};
use crate::terminal::Terminal;
use crossbeam_channel::{Receiver, Sender};
use std::io::Read;

/// Print what ports send. Ends when they do, or when nobody reads standard output any more.
pub fn write(
    terminal: &Terminal,
    names: &[String],
    from: &Receiver<Chunk>,
) -> Result<Option<PendingFile>, OutputError> {
    let mut prefixer = Prefixer::new(names);
    for Chunk { port, name, bytes } in from {
        if let Some(name) = name {
            prefixer.name(port, name);
            continue;
        }
        if terminal.guest(&prefixer.format(port, &bytes)).is_err() {
            break;
        }
    }
    Ok(None)
}

/// Read standard input for a port, in a thread that lives as long as the process.
pub fn read(port: u8, into: Sender<Input>) -> std::io::Result<()> {
    spawn("stdin", move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stdin.read(&mut buffer) {
            let bytes = buffer[..n].to_vec();
            if into.send(Input::Bytes { port, bytes }).is_err() {
                return;
            }
        }
        let _ = into.send(Input::End);
    })
    .map(drop)
}
