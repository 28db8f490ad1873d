//! Sinks with the other end held by the test.

use super::*;
use std::io::{Read, Write};
use std::time::Duration;

const SILENT: Defaults<'static> = Defaults {
    console: None,
    with_input: false,
};

fn ports() -> Vec<String> {
    vec!["USART1".to_owned(), "USART2".to_owned()]
}

fn open(spec: &str) -> Result<Console, Failure> {
    let spec: UartSpec = spec.parse().expect("spec");
    Console::open(&ports(), &[spec], &SILENT, true, &Terminal::new())
}

#[test]
fn a_file_is_there_when_the_run_is_over() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("log.txt");
    let console = open(&format!("usart2=file:{}", path.display())).expect("opens");
    assert!(!console.is_interactive());
    assert!(console.send(1, b"one\n".to_vec()));
    assert!(console.send(0, b"unseen".to_vec()));
    assert!(!path.exists());
    assert!(console.send(1, b"two\n".to_vec()));
    console.finish().expect("finishes");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), "one\ntwo\n");
}

#[test]
fn a_pty_goes_both_ways() {
    let mut console = open("USART1=pty").expect("opens");
    let told = console.announcements[0].clone();
    let path = told.rsplit(' ').next().expect("path");
    assert!(path.starts_with("/dev/pts/"), "{told}");
    let mut user = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("opens");
    console.send(0, b"hello\r\n".to_vec());
    let mut got = [0; 7];
    user.read_exact(&mut got).expect("reads");
    assert_eq!(&got, b"hello\r\n");
    user.write_all(b"x\r").expect("writes");
    let mut back = Vec::new();
    while back.len() < 2 {
        match console.wait(Duration::from_secs(5)) {
            Some(Input::Bytes { port: 0, bytes }) => back.extend(bytes),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(back, b"x\r", "raw: nothing is translated");
    console.finish().expect("finishes");
}

#[test]
fn a_pty_without_a_listener_does_not_stop_the_run() {
    let console = open("USART1=pty").expect("opens");
    for _ in 0..QUEUE + 100 {
        console.send(0, vec![b'x'; 1000]);
    }
    console.finish().expect("finishes");
}

#[test]
fn tcp_keeps_the_banner_for_the_first_client() {
    let mut console = open("USART1=tcp:0").expect("opens");
    let told = console.announcements[0].clone();
    let address = told.rsplit(' ').next().expect("address");
    assert!(address.starts_with("127.0.0.1:"), "{told}");
    console.send(0, b"banner\n".to_vec());
    std::thread::sleep(Duration::from_millis(50));
    let mut client = std::net::TcpStream::connect(address).expect("connects");
    let mut got = [0; 7];
    client.read_exact(&mut got).expect("reads");
    assert_eq!(&got, b"banner\n");
    client.write_all(b"in").expect("writes");
    assert_eq!(
        console.wait(Duration::from_secs(5)),
        Some(Input::Bytes {
            port: 0,
            bytes: b"in".to_vec()
        })
    );
    console.finish().expect("finishes");
    let mut rest = Vec::new();
    client
        .read_to_end(&mut rest)
        .expect("the end of the run is the end of the stream");
    assert!(rest.is_empty());
}

#[test]
fn mistakes_are_explained() {
    let e = open("USART3=none").err().expect("unknown").to_string();
    assert!(
        e.contains("no serial port `USART3`") && e.contains("USART1, USART2"),
        "{e}"
    );
    let e = open("USART1=file:/no/such/x")
        .err()
        .expect("folder")
        .to_string();
    assert!(e.contains("/no/such"), "{e}");
    let e = open("USART1=tcp:256.0.0.1:1")
        .err()
        .expect("address")
        .to_string();
    assert!(e.contains("cannot listen"), "{e}");
    let two: Vec<UartSpec> = ["USART1=pty", "USART1=none"]
        .map(|s| s.parse().expect("spec"))
        .to_vec();
    let e = Console::open(&ports(), &two, &SILENT, true, &Terminal::new());
    assert!(e.err().expect("twice").message.contains("twice"));
}
