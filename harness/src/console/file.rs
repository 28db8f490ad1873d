//! A file that holds what a port has sent, byte for byte.

use super::{Chunk, Finish, spawn};
use crate::output::{OutputError, PendingFile};
use crossbeam_channel::Receiver;
use std::io::Write;

/// Write what a port sends. The file gets its name when the run is over.
pub fn write(mut file: PendingFile, from: Receiver<Chunk>) -> std::io::Result<Finish> {
    spawn("uart-file", move || {
        for Chunk { bytes, .. } in &from {
            if let Err(source) = file.write_all(&bytes) {
                return Err(OutputError::Io {
                    path: file.target().to_owned(),
                    source,
                });
            }
        }
        Ok(Some(file))
    })
}
