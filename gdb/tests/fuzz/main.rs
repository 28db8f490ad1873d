//! Streams of packets from a generator: whatever comes in, each packet has exactly the reply that the protocol asks for,
//! in bounded time, memory changes only where a packet says so, and the session goes on.
//!
//! `corpus/*.bin` holds what real gdb has sent, and streams that once were a problem; each is replayed item by item and in
//! one piece. `TICKSCOPE_FUZZ_SECONDS=600` makes the random part longer; a stream that fails is written to a file whose
//! name is told, and belongs into the corpus.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod grammar;
mod stream;
mod stub;

use grammar::{Random, chunk};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use stream::{Item, Splitter, frame};
use stub::{Client, End, session};

/// Random sessions that are always run, and steps of each.
const SESSIONS: u64 = 40;
const STEPS: usize = 40;

/// The streams of a folder, by name.
fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "bin"))
        .collect();
    files.sort();
    let named = files.into_iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        (name.into_owned(), std::fs::read(&path).expect("a file"))
    });
    named.collect()
}

/// A session whose bytes are kept: when it fails they are written to a file.
fn recorded(name: &str, talk: impl FnOnce(&mut Client) -> End + Send) {
    let log = Mutex::new(Vec::new());
    let run = catch_unwind(AssertUnwindSafe(|| {
        session(|client| {
            let end = catch_unwind(AssertUnwindSafe(|| {
                let end = talk(client);
                if end == End::Alive {
                    client.handshake();
                }
                end
            }));
            *log.lock().expect("whole") = client.log().to_vec();
            end.unwrap_or_else(|panic| resume_unwind(panic))
        });
    }));
    if let Err(panic) = run {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.bin"));
        std::fs::write(&path, &*log.lock().expect("whole")).expect("written");
        eprintln!("{name}: what was sent is in {}", path.display());
        resume_unwind(panic);
    }
}

/// The items of a stream as bytes again.
fn items(bytes: &[u8]) -> Vec<Vec<u8>> {
    let items = Splitter::default().push(bytes);
    let bytes = items.into_iter().map(|item| match item {
        Item::Packet(contents) => frame(&contents),
        Item::Damaged => b"$damaged#00".to_vec(),
        Item::TooLong => frame(&[b'A'; 0x4000]),
        Item::Interrupt => vec![3],
        Item::Nack => vec![b'-'],
    });
    bytes.collect()
}

fn replay(folder: &str) {
    for (name, bytes) in corpus(folder) {
        println!("{name}");
        recorded(&format!("{name}-items"), |client| {
            for item in items(&bytes) {
                if client.step(&item) == End::Over {
                    return End::Over;
                }
            }
            End::Alive
        });
        recorded(&format!("{name}-whole"), |client| client.step(&bytes));
    }
}

#[test]
fn the_corpus_is_replayed() {
    assert!(
        corpus("corpus").len() >= 4,
        "what gdb has sent is not there"
    );
    replay("corpus");
}

fn random_session(seed: u64, known: &[Vec<u8>]) {
    recorded(&format!("seed-{seed}"), |client| {
        let mut random = Random::new(seed);
        for _ in 0..STEPS {
            let bytes = chunk(&mut random, known);
            if client.step(&bytes) == End::Over {
                return End::Over;
            }
        }
        End::Alive
    });
}

#[test]
fn random_streams_get_their_replies() {
    let known: Vec<Vec<u8>> = corpus("corpus")
        .iter()
        .flat_map(|(_, bytes)| Splitter::default().push(bytes))
        .filter_map(|item| match item {
            Item::Packet(contents) => Some(contents),
            _ => None,
        })
        .collect();
    let seconds = std::env::var("TICKSCOPE_FUZZ_SECONDS").ok();
    let seconds: u64 = seconds.map_or(0, |s| s.parse().expect("a number of seconds"));
    let first = std::env::var("TICKSCOPE_FUZZ_SEED").ok();
    let first: u64 = first.map_or(0, |s| s.parse().expect("a number"));
    let start = Instant::now();
    let mut seed = first;
    while seed < first + SESSIONS || start.elapsed() < Duration::from_secs(seconds) {
        random_session(seed, &known);
        seed += 1;
    }
    println!(
        "{} sessions in {:.1} s",
        seed - first,
        start.elapsed().as_secs_f64()
    );
}
