//! Raw packets: bad ones get an answer or are passed over; nothing panics, hangs or changes the machine.

mod common;

use common::{Outcome, serve, serve_all, with_code};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Machine};
use gdb::{Firmware, Listen, Options, Server};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn packet(contents: &[u8]) -> Vec<u8> {
    let sum = contents.iter().fold(0u8, |s, &b| s.wrapping_add(b));
    [b"$", contents, format!("#{sum:02x}").as_bytes()].concat()
}

struct Client(UnixStream);

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("the stub reads");
    }

    /// The next packet, without acknowledgements; raw, with run-length encoding.
    fn reply(&mut self) -> Vec<u8> {
        let mut byte = [0];
        let mut next = || {
            self.0.read_exact(&mut byte).expect("an answer in time");
            byte[0]
        };
        while next() != b'$' {}
        let mut contents = Vec::new();
        loop {
            match next() {
                b'#' => break,
                b => contents.push(b),
            }
        }
        next();
        next();
        contents
    }

    fn ask(&mut self, contents: &[u8]) -> Vec<u8> {
        self.send(&packet(contents));
        self.reply()
    }
}

/// A stub on a UNIX socket, and somebody who talks to it.
fn with_client(machine: &mut Machine, talk: impl FnOnce(&mut Client) + Send) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("socket");
    let server = Server::bind(&Listen::Unix(path.clone())).expect("a socket in it");
    let options = Options {
        firmware: Some(Firmware {
            name: "a.elf".into(),
            elf: (0..=255).cycle().take(50_000).collect(),
        }),
        ..Options::default()
    };
    std::thread::scope(|scope| {
        let talker = scope.spawn(move || {
            let stream = UnixStream::connect(path).expect("somebody listens");
            let limit = Some(Duration::from_secs(5));
            stream.set_read_timeout(limit).expect("a limit");
            talk(&mut Client(stream));
        });
        let outcome = serve(machine, server, &options, Cycles::MAX, |_| {}).expect("no failure");
        talker.join().expect("the client is content");
        outcome
    })
}

fn looping() -> Machine {
    with_code(CoreKind::CortexM4f, &[0x3001, 0xE7FD], 0x181)
}

/// Packets that are wrong in all the ways that we could think of.
const CORPUS: &[&[u8]] = &[
    b"",
    b"m",
    b"m,",
    b"m0",
    b"m0,",
    b"m,4",
    b"mfffffffc,8",
    b"mffffffff,1000",
    b"m0,ffffffffffffffff",
    b"m40000000,2000",
    b"mzz,4",
    b"m123456789abcdef0,4",
    b"M",
    b"M0,4:12",
    b"M0,4:zzzzzzzz",
    b"Mffffffff,4:01020304",
    b"X0,4:\x7d",
    b"X30000000,1:a",
    b"x0,ffffffff",
    b"p",
    b"pff",
    b"pffffffffffffffffff",
    b"P",
    b"P0",
    b"P0=1",
    b"P28=0100000000000000",
    b"P29=00000000",
    b"G00",
    b"Gzz",
    b"H",
    b"Hg",
    b"Hg0",
    b"Hgp1.2",
    b"Hc-1",
    b"Hgffffffffffffffffffff",
    b"T2",
    b"Z",
    b"Z0",
    b"Z0,",
    b"Z0,100",
    b"Z0,100,9",
    b"Z0,30000000,2",
    b"Z1,ffffffffff,2",
    b"Z2,20000000,4",
    b"Z9,0,0",
    b"z0,5555,2",
    b"vCont",
    b"vCont;",
    b"vCont;x",
    b"vCont;s",
    b"vCont;t",
    b"vCont;r100",
    b"vCont;r100,",
    b"vCont;rzz,zz:p1.1",
    b"vCont;s:p1.zz",
    b"vFile:",
    b"vFile:open",
    b"vFile:open:",
    b"vFile:open:2f,0",
    b"vFile:open:2f,zz,0",
    b"vFile:open:2f6574632f706173737764,0,0",
    b"vFile:pread:0,10,0",
    b"vFile:pread:ffffffff,10,0",
    b"vFile:close:7f",
    b"vFile:fstat:99",
    b"vFile:unlink:2f",
    b"vFlashErase:",
    b"vFlashErase:0,ffffffff",
    b"vFlashErase:20000000,100",
    b"vFlashWrite:20000000:aaaa",
    b"vFlashWrite:fffffffff:aaaa",
    b"vRun;",
    b"vAttach;1",
    b"vMustReplyEmpty",
    b"qSupported:;;=;+",
    b"qXfer:features:read:target.xml:0,",
    b"qXfer:features:read:../x:0,100",
    b"qXfer:features:read:target.xml:ffffffffffffffff,ffff",
    b"qXfer:memory-map:read::ffffff,10",
    b"qXfer:exec-file:read:zz:0,10",
    b"qXfer:nonsense:read::0,10",
    b"qRcmd,",
    b"qRcmd,zz",
    b"qRcmd,ff00fe",
    b"qRcmd,726567202e",
    b"qCRC:0,100",
    b"qThreadExtraInfo,",
    b"qThreadExtraInfo,99",
    b"QTDP:1:2",
    b"QStartNoAckModeX",
    b"bs",
    b"bc",
    b"\x03",
    b"\xff\xfe\xfd",
    b"O41",
    b"!",
    b"R00",
];

#[test]
fn a_corpus_of_bad_packets_gets_answers() {
    let mut m = looping();
    let before = m.state_hash();
    let outcome = with_client(&mut m, |c| {
        let features = c.ask(b"qSupported:multiprocess+;swbreak+");
        assert!(features.starts_with(b"PacketSize=4000"), "{features:?}");
        for bad in CORPUS {
            // An answer to the bad one (whatever it is), then the right one to a good one.
            c.send(&packet(bad));
            c.send(&packet(b"qAttached"));
            let text = String::from_utf8_lossy(bad);
            println!("{text}");
            let mut replies = 0;
            while c.reply() != b"1" {
                replies += 1;
                assert!(replies < 8, "{text}");
            }
            assert!(replies > 0, "no answer to {text:?}");
        }
        // Still of one mind about processes and threads after all that.
        assert_eq!(c.ask(b"?"), b"T05thread:p01.01;");
        assert_eq!(c.ask(b"D;1"), b"OK");
    });
    assert_eq!(outcome, Outcome::Detached);
    assert_eq!(m.state_hash(), before, "nothing has changed");
}

#[test]
fn noise_damage_and_retransmission() {
    let mut m = looping();
    let outcome = with_client(&mut m, |c| {
        c.send(b"\x00garbage+++---\x03\x03$$$m0,4#00");
        c.send(b"$g#00");
        let mut long = vec![b'$'];
        long.resize(100_000, b'A');
        long.extend_from_slice(b"#00");
        c.send(&long);
        assert_eq!(c.reply(), b"E01", "the long one");
        assert_eq!(c.ask(b"qAttached"), b"1");
        c.send(b"-");
        assert_eq!(c.reply(), b"1", "once more");
        // Ends in the middle of a packet.
        c.send(b"$m0,");
    });
    assert_eq!(outcome, Outcome::Closed);
}

#[test]
fn mutated_packets_do_no_harm() {
    let mut seed = 0x1234_5678_9ABC_DEF1u64;
    let mut random = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % n as u64) as usize
    };
    let mut m = looping();
    let outcome = with_client(&mut m, |c| {
        for _ in 0..4000 {
            let mut p = CORPUS[random(CORPUS.len())].to_vec();
            for _ in 0..=random(3) {
                match random(3) {
                    0 if !p.is_empty() => {
                        let at = random(p.len());
                        p[at] = random(256) as u8;
                    }
                    1 if !p.is_empty() => {
                        p.remove(random(p.len()));
                    }
                    _ => p.insert(random(p.len() + 1), b"0123456789abcdef,:;=-$#"[random(23)]),
                }
            }
            // These would end the session or let the machine run.
            let runs = [
                &b"k"[..],
                b"D",
                b"c",
                b"C",
                b"s",
                b"S",
                b"vCont;",
                b"vKill",
                b"R",
            ];
            if runs.iter().any(|r| p.starts_with(r)) {
                continue;
            }
            c.send(&packet(&p));
            c.send(&packet(b"qAttached"));
            let mut replies = 0;
            println!("{:?}", String::from_utf8_lossy(&p));
            while c.reply() != b"1" {
                replies += 1;
                assert!(replies < 50, "{p:?}");
            }
        }
        c.send(&packet(b"k"));
        c.0.read_to_end(&mut Vec::new()).expect("the stub hangs up");
    });
    assert_eq!(outcome, Outcome::Killed);
}

#[test]
fn ctrl_c_and_a_lost_connection_end_a_run() {
    let mut m = looping();
    let outcome = with_client(&mut m, |c| {
        c.send(&packet(b"c"));
        // A packet while it runs waits for the stop.
        c.send(&packet(b"qAttached"));
        std::thread::sleep(Duration::from_millis(30));
        c.send(b"\x03");
        assert_eq!(c.reply(), b"T02thread:01;");
        assert_eq!(c.reply(), b"1");
        c.send(&packet(b"c"));
    });
    assert_eq!(outcome, Outcome::Closed);
}

#[test]
fn detached_it_runs_on_until_gdb_comes_back() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("socket");
    // A socket that somebody left behind is taken over.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let server = Server::bind(&Listen::Unix(path.clone())).expect("it is free");
    assert!(
        Server::bind(&Listen::Unix(path.clone())).is_err(),
        "now it is not"
    );
    let mut m = looping();
    let options = Options::default();
    let connect = move || {
        let stream = UnixStream::connect(&path).expect("somebody listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a limit");
        Client(stream)
    };
    std::thread::scope(|scope| {
        let talker = scope.spawn(move || {
            let mut first = connect();
            let at_reset = first.ask(b"p28");
            assert_eq!(first.ask(b"Z1,100,2"), b"OK");
            assert_eq!(first.ask(b"D"), b"OK");
            std::thread::sleep(Duration::from_millis(30));
            let mut second = connect();
            assert_eq!(second.ask(b"?"), b"T05thread:01;");
            let later = second.ask(b"p28");
            assert_ne!(at_reset, later, "it ran");
            assert_eq!(second.ask(b"p28"), later, "and stands still");
            // Gone without a word: it waits, halted.
            drop(second);
            let mut third = connect();
            assert_eq!(third.ask(b"p28"), later);
            assert_eq!(third.ask(b"vKill;1"), b"OK");
        });
        let outcome = serve_all(&mut m, server, &options, Cycles::MAX, |_| {}, |_| false)
            .expect("no failure");
        talker.join().expect("the client is content");
        assert_eq!(outcome, Outcome::Killed);
    });
}
