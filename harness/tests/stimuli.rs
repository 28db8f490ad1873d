//! Stimuli on real firmware: the same as typed input, exact cycles, the same whatever the slices, and clear errors.

mod firmware;

use emu_core::bus::Bus;
use emu_core::machine::{Machine, Options, Stop};
use emu_core::probe::{ProbeEvent, ProbeKind};
use emu_core::{Cycles, Ratio};
use firmware::Run;
use harness::parts::{self, Firmware, Spec};
use harness::stimuli::Stimuli;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A fixture with stimuli, after reset.
fn run(name: &str, stimuli: &str, seed: u64, single_step: bool) -> Run {
    Run::with(name, single_step, &[], |spec, bus: &mut Bus| {
        bus.seed = seed;
        let stimuli = Stimuli::from_toml_str(stimuli, Path::new("test.toml"));
        let stimuli = stimuli.unwrap_or_else(|e| panic!("{e}"));
        if let Err(e) = stimuli.attach(spec, bus) {
            panic!("{e}");
        }
    })
}

/// What is wrong with stimuli on a machine.
fn error(machine: &str, stimuli: &str) -> String {
    let spec = Spec::load(machine, false).expect("a machine");
    let (_, mut bus) = spec.build(0, false).expect("builds");
    match Stimuli::from_toml_str(stimuli, Path::new("test.toml")) {
        Ok(s) => s.attach(&spec, &mut bus).expect_err("wrong").to_string(),
        Err(e) => e.to_string(),
    }
}

/// The program, without standard input.
fn tickscope(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
    command
        .args(arguments)
        .env_remove("TICKSCOPE_MACHINE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The result of a run.
fn result(path: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).expect("written")).expect("JSON")
}

fn edges(run: &Run, events: &[ProbeEvent], pin: &str) -> Vec<(u64, bool)> {
    let id = run.machine.bus().nets.find(pin).expect("a pin");
    let of_pin = |e: &ProbeEvent| match e.kind {
        ProbeKind::Edge { net, level } if net == id => Some((e.at.0, level)),
        _ => None,
    };
    events.iter().filter_map(of_pin).collect()
}

fn pends(events: &[ProbeEvent], exception: u16) -> Vec<u64> {
    let of_it = |e: &ProbeEvent| match e.kind {
        ProbeKind::ExceptionPend { number } if number == exception => Some(e.at.0),
        _ => None,
    };
    events.iter().filter_map(of_it).collect()
}

const END: Cycles = Cycles(400_000_000);

#[test]
fn bytes_of_a_stimulus_are_as_those_that_are_typed() {
    for name in [
        "echo.stm32f407",
        "echo.lm3s6965",
        "echo.e31",
        "echo.cortex-m3",
    ] {
        let mut typed = Run::new(name, false, &[]);
        typed.observe();
        let stop = typed.until(END);
        assert_eq!(stop, Stop::Exit(0));
        let bytes = firmware::expected(name, "stdin").expect("input");
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let port = typed.machine.bus().serial_ports()[usize::from(typed.port)]
            .name
            .clone();
        let at = firmware::FEED_AT;
        // The firmware was given its input after the last instruction that starts by then.
        let text = format!("[[uart]]\nport = \"{port}\"\nat = \"{at}cy\"\nhex = \"{hex}\"\n");
        let mut fed = run(name, &text, 1, false);
        fed.forget_input();
        fed.observe();
        assert_eq!(fed.until(END), stop);
        assert_eq!(fed.text, typed.text, "{name}");
        let (a, b) = (typed.observed(), fed.observed());
        let heard = |all: &[ProbeEvent]| -> Vec<u8> {
            let bytes = all.iter().filter_map(|e| match e.kind {
                ProbeKind::UartRx { byte, .. } => Some(byte),
                _ => None,
            });
            bytes.collect()
        };
        assert_eq!(heard(&a), heard(&b), "{name}");
        assert_eq!(heard(&a), bytes, "{name}");
    }
}

#[test]
fn a_sender_with_a_clock_of_its_own_is_heard_as_on_the_line() {
    // Bytes at the rate of the port, by the sender's clock and bit by bit on the pin: the same text comes back.
    let echoed = |uart: &str| {
        let text = format!("[[uart]]\nat = \"20ms\"\ntext = \"hello, world\\nq\"\n{uart}\n");
        let mut run = run("echo.stm32f407", &text, 1, false);
        run.forget_input();
        let stop = run.until(END);
        (stop, String::from_utf8_lossy(&run.text).into_owned())
    };
    let (stop, text) = echoed("port = \"usart2\"");
    assert_eq!(stop, Stop::Exit(0), "{text}");
    assert!(text.contains("hello, world"), "{text}");
    for uart in [
        "port = \"USART2\"\nbaud = 115200",
        "port = \"USART2\"\nbaud = 115200\nppm = -20000",
        "pin = \"PA3\"\nbaud = 115200",
        "pin = \"PA3\"\nbaud = 115200\nppm = 20000",
    ] {
        assert_eq!(echoed(uart), (stop.clone(), text.clone()), "{uart}");
    }
    // On the pin, a rate that is far off is heard as something else.
    let (_, wrong) = echoed("pin = \"PA3\"\nbaud = 57600");
    assert!(!wrong.contains("hello, world"), "{wrong}");
}

#[test]
fn edges_are_in_the_capture_at_their_cycles() {
    let vcd = "$timescale 1 us $end\n$scope module top $end\n$var wire 1 ! btn $end\n$upscope $end\n\
        $enddefinitions $end\n#0\n0!\n#20000\n1!\n#20001\n0!\n";
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("in.vcd"), vcd).expect("written");
    let text = "[[pin]]\npin = \"PB0\"\nedges = [\"5000cy 1\", \"5003cy 0\", \"3000000cy 1\"]\n\
        [[pin]]\npin = \"BUTTON_USER\"\nwave = { hz = 1000, duty = \"25%\", phase = \"10ms\", ppm = 20 }\n\
        [[pin]]\npin = \"PB1\"\nvcd = { file = \"in.vcd\", signal = \"top.btn\" }\n";
    let path = folder.path().join("test.toml");
    let mut run = Run::with("blinky.stm32f407", false, &[], |spec, bus: &mut Bus| {
        let stimuli = Stimuli::from_toml_str(text, &path).expect("reads");
        stimuli.attach(spec, bus).expect("fits");
    });
    run.observe();
    assert_eq!(run.until(Cycles(5_000_000)), Stop::Limit);
    let events = run.observed();
    assert_eq!(
        edges(&run, &events, "PB0"),
        [(5000, true), (5003, false), (3_000_000, true)]
    );
    // In time: the first cycle that is not before it, by the segments of the run.
    let clocks = &run.machine.bus().clocks;
    assert!(
        clocks.segments().len() > 1,
        "the firmware changes its clock"
    );
    let first_at = |cycle: u64, time: u128| {
        assert!(clocks.attoseconds(Cycles(cycle)) >= time, "{cycle}");
        assert!(clocks.attoseconds(Cycles(cycle - 1)) < time, "{cycle}");
    };
    let wave = edges(&run, &events, "PA0");
    assert!(wave.len() > 30, "{}", wave.len());
    for (k, &(cycle, level)) in (0u128..).zip(&wave) {
        // Quarters of a period of 1000.02 Hz.
        let quarters = k / 2 * 4 + k % 2;
        let time = quarters * 1_000_000_000_000_000_000 * 100 / (4 * 100_002);
        first_at(cycle, 10_000_000_000_000_000 + time);
        assert_eq!(level, k % 2 == 0);
    }
    let dumped = edges(&run, &events, "PB1");
    assert_eq!(dumped.len(), 2);
    first_at(dumped[0].0, 20_000_000_000_000_000);
    first_at(dumped[1].0, 20_001_000_000_000_000);
}

/// Everything at once, on a firmware with tasks and interrupts.
const EVERYTHING: &str = r#"
    [[interrupt]]
    irq = "EXTI0"
    rate = "20kHz"
    poisson = true

    [[interrupt]]
    irq = 7
    every = "977cy"
    jitter = "±100cy"
    start = "100000cy"
    width = "20cy"

    [[pin]]
    pin = "PA0"
    wave = { hz = 12345, ppm = -7.5 }

    [[uart]]
    port = "USART2"
    at = "3ms"
    text = "abc"
    baud = 115200
    repeat = { every = "400us" }

    [[clock]]
    clock = "HSE"
    ppm = 20
    drift = "-30ppm/s"
    drift_step = "1ms"
    noise = { ppm = 3, every = "300us" }

    [[clock]]
    clock = "LSI"
    noise = { ppm = 500, every = "1ms", kind = "walk" }
"#;

#[test]
fn a_run_with_stimuli_is_the_same_in_every_way_of_running_it() {
    let name = "kernel-8.stm32f407";
    let end = Cycles(2_500_000);
    let whole = |seed, single_step| {
        let mut r = run(name, EVERYTHING, seed, single_step);
        r.observe();
        let stop = r.until(end);
        assert_eq!(stop, Stop::Limit);
        (r.summary(), r.observed())
    };
    let first = whole(1, false);
    assert!(first == whole(1, false), "again");
    let stepped = whole(1, true);
    if let Some(i) = (0..first.1.len()).find(|&i| first.1.get(i) != stepped.1.get(i)) {
        panic!("event {i}: {:?} and {:?}", first.1.get(i), stepped.1.get(i));
    }
    assert_eq!(first.0, stepped.0, "single-stepping");
    let other = whole(2, false);
    assert_ne!(first.0, other.0);
    assert_ne!(pends(&first.1, 16 + 6), pends(&other.1, 16 + 6));

    let mut sliced = run(name, EVERYTHING, 1, false);
    sliced.observe();
    let (mut at, mut step) = (0, 3);
    while at < end.0 {
        at = (at + step).min(end.0);
        step = (step * 5 / 3 + 1).min(199_993);
        assert_eq!(sliced.until(Cycles(at)), Stop::Limit);
    }
    assert_eq!(first.0, sliced.summary(), "in slices");
    assert!(first.1 == sliced.observed(), "events in slices");

    for mid in [0, 500, 150_021, 1_300_033] {
        let mut r = run(name, EVERYTHING, 1, false);
        assert_eq!(r.until(Cycles(mid)), Stop::Limit);
        let snapshot = r.machine.snapshot();
        let mut elsewhere = run(name, EVERYTHING, 99, false);
        let _ = elsewhere.until(Cycles(mid / 2 + 10_000));
        for machine in [&mut r.machine, &mut elsewhere.machine] {
            machine
                .restore(&snapshot)
                .expect("a snapshot of the same machine");
            assert_eq!(machine.run_until(end), Stop::Limit);
        }
        assert_eq!(first.0, r.summary(), "from {mid}");
        assert_eq!(first.0, elsewhere.summary(), "from {mid} elsewhere");
    }
}

#[test]
fn a_poisson_storm_has_its_rate() {
    let text =
        "[[interrupt]]\nirq = \"EXTI1\"\nrate = \"100kHz\"\npoisson = true\nstart = \"10ms\"\n";
    let seconds = 1.0;
    let mut r = run("idle.stm32f407", text, 7, false);
    r.observe();
    // The firmware leaves it disabled: what is pending is counted and cleared from outside.
    let mut count = 0u32;
    while r.machine.bus().clocks.seconds(r.machine.now()) < 0.01 + seconds {
        let next = r.machine.now().0 + 200;
        assert_eq!(r.until(Cycles(next)), Stop::Limit);
        if r.machine.bus().system.is_pending(16 + 7) {
            r.machine.bus_mut().system.clear_pending(16 + 7);
            count += 1;
        }
    }
    // Those within one look are counted once: a dead time of half a look on average, 200 cycles at 168 MHz.
    let (rate, dead) = (100_000.0, 200.0 / 168e6);
    let expected = seconds / dead * (1.0 - f64::exp(-rate * dead));
    assert!(
        (f64::from(count) - expected).abs() < 5.0 * f64::sqrt(expected),
        "{count} of {expected}"
    );
}

#[test]
fn an_offset_changes_seconds_and_not_cycles() {
    let plain = {
        let mut r = Run::new("blinky.stm32f407", false, &[]);
        r.observe();
        let stop = r.until(Cycles(900_000_000));
        assert_eq!(stop, Stop::Exit(0));
        r
    };
    let text = "[[clock]]\nclock = \"HSE\"\nppm = 20\n";
    let mut off = run("blinky.stm32f407", text, 1, false);
    off.observe();
    assert_eq!(off.until(Cycles(900_000_000)), Stop::Exit(0));
    assert_eq!(off.machine.now(), plain.machine.now());
    assert_eq!(off.machine.instructions(), plain.machine.instructions());
    assert_eq!(off.text, plain.text);
    let (a, b) = (plain.machine.bus(), off.machine.bus());
    let (sa, sb) = (a.clocks.segments(), b.clocks.segments());
    assert_eq!(sa.len(), sb.len());
    let mut fast = 0;
    for (a, b) in sa.iter().zip(sb) {
        assert_eq!(a.from, b.from);
        if b.hz == a.hz {
            assert_eq!(a.hz, Ratio::hz(16_000_000), "HSI is as it was");
        } else {
            assert_eq!(b.hz, a.hz.scale(1_000_020, 1_000_000));
            fast += 1;
        }
    }
    assert!(fast > 0);
    // Nearly all of the run is on the PLL: its seconds are shorter by 20 ppm.
    let last = sa.last().expect("segments").from;
    let length = |m: &Machine| {
        let clocks = &m.bus().clocks;
        clocks.attoseconds(m.now()) - clocks.attoseconds(last)
    };
    let (long, short) = (length(&plain.machine), length(&off.machine));
    assert!((long * 1_000_000).abs_diff(short * 1_000_020) <= 2_000_020);
    let mut plain = plain;
    assert_eq!(plain.observed(), off.observed(), "every cycle is as it was");
}

#[test]
fn storms_on_riscv_are_levels() {
    let text = "[[interrupt]]\nirq = \"timer\"\nevery = \"1ms\"\nwidth = \"1us\"\n";
    let mut r = run("blinky.rv32", text, 1, false);
    r.observe();
    assert_eq!(r.until(Cycles(1_000_000)), Stop::Limit);
    assert!(pends(&r.observed(), 16 + 7).contains(&100_000));
    let e = error("rv32", "[[interrupt]]\nirq = \"timer\"\nevery = \"1ms\"\n");
    assert!(e.contains("needs a `width`"), "{e}");
}

#[test]
fn recorded_input_comes_again_at_its_cycles() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let fw = firmware::folder().join("elf/echo.e31.elf");
    let fw = fw.to_string_lossy().into_owned();
    let (first, second) = (path("first.json"), path("second.json"));
    let mut typed = tickscope(&["run", &fw, "--uart", "UART0=stdio", "--json", &first])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = typed.stdin.take().expect("a pipe");
    input.write_all(b"typed by a human\nq").expect("written");
    drop(input);
    assert!(typed.wait().expect("ends").success());
    let out = tickscope(&["run", &fw, "--stimuli", &first, "--json", &second]).output();
    assert!(out.expect("runs").status.success());
    let (first, second) = (result(&first), result(&second));
    assert!(!first["inputs"].as_array().expect("a list").is_empty());
    let uarts = first["uarts"].as_array().expect("a list").iter();
    let text: String = uarts.filter_map(|u| u["text"].as_str()).collect();
    assert!(text.contains("typed by a human"), "{text}");
    for field in [
        "cycles",
        "instructions",
        "time",
        "uarts",
        "ledger",
        "clock_segments",
    ] {
        assert_eq!(first[field], second[field], "{field}");
    }
    std::fs::write(path("none.json"), "[]").expect("written");
    let e = Stimuli::open(Path::new(&path("none.json")), false).expect_err("no result");
    assert!(e.to_string().contains("not a result of a run"), "{e}");
}

#[test]
fn what_is_wrong_is_shown_with_its_place() {
    let board = "stm32f4discovery";
    for (text, parts) in [
        (
            "[[uart]]\nport = \"USRT2\"\ntext = \"x\"",
            &[
                "no serial port `USRT2`",
                "did you mean `USART2`",
                "test.toml:2:8",
            ][..],
        ),
        (
            "[[uart]]\nport = \"USART2\"",
            &["exactly one of `text`, `hex`, `file`", "test.toml:1:1"],
        ),
        ("[[uart]]\ntext = \"x\"", &["exactly one of `port`, `pin`"]),
        ("[[uart]]\npin = \"PA3\"\ntext = \"x\"", &["need a `baud`"]),
        (
            "[[uart]]\nport = \"USART2\"\nhex = \"0g\"",
            &["no bytes in hex"],
        ),
        (
            "[[uart]]\nport = \"USART2\"\ntext = \"\"",
            &["no bytes to send"],
        ),
        (
            "[[uart]]\nport = \"USART2\"\nfile = \"no-such\"",
            &["cannot read", "no-such"],
        ),
        (
            "[[uart]]\nport = \"USART2\"\ntext = \"x\"\nppm = 5",
            &["`ppm` needs a `baud`"],
        ),
        (
            "[[uart]]\nport = \"USART2\"\ntext = \"x\"\nbaud = 1e9",
            &["100 MHz"],
        ),
        (
            "[[uart]]\nport = \"USART2\"\ntext = \"x\"\nat = \"-1ms\"",
            &["before the start of the run"],
        ),
        (
            "[[uart]]\nport = \"USART2\"\ntext = \"abc\"\nbaud = 1000\nrepeat = { every = \"10ms\" }",
            &["repetitions overlap", "30 ms"],
        ),
        (
            "[[pin]]\npin = \"PZ0\"\nedges = [\"1ms 1\"]",
            &["no pin `PZ0`", "test.toml:2:7"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nedges = [\"2ms 1\", \"1ms 0\"]",
            &["out of order", "test.toml:3:19"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nedges = [\"2ms 1\", \"100cy 0\"]",
            &["all in time or all in cycles"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nedges = [\"2ms up\"]",
            &["not a level"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nedges = [\"2ms 1\"]\nwave = { hz = 5 }",
            &["exactly one of"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nwave = { hz = 5, duty = \"100%\" }",
            &["not a share"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nwave = { period = \"1cy\" }",
            &["too short"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nwave = { duty = \"5%\" }",
            &["`hz`, `period`"],
        ),
        (
            "[[pin]]\npin = \"PA0\"\nwave = { hz = 5 }\n[[pin]]\npin = \"BUTTON_USER\"\nwave = { hz = 5 }",
            &["two stimuli drive `PA0`", "driven here"],
        ),
        (
            "[[pin]]\npin = \"PA1\"\nvcd = { file = \"no.vcd\", signal = \"a\" }",
            &["cannot read"],
        ),
        (
            "[[interrupt]]\nirq = \"EXTI99\"\nevery = \"1ms\"",
            &["no interrupt `EXTI99`", "EXTI9_5"],
        ),
        (
            "[[interrupt]]\nirq = 82\nevery = \"1ms\"",
            &["no interrupt `82`"],
        ),
        (
            "[[interrupt]]\nirq = 6",
            &["exactly one of `every`, `rate`"],
        ),
        (
            "[[interrupt]]\nirq = 6\nevery = \"1ms\"\njitter = \"500us\"",
            &["change places"],
        ),
        (
            "[[interrupt]]\nirq = 6\nevery = \"1ms\"\njitter = \"5cy\"",
            &["different units"],
        ),
        ("[[interrupt]]\nirq = 6\nevery = \"1ns\"", &["too short"]),
        (
            "[[interrupt]]\nirq = 6\nevery = \"1ms\"\nstart = \"2ms\"\nstop = \"1ms\"",
            &["stops before it starts"],
        ),
        (
            "[[interrupt]]\nirq = 6\nevery = \"1ms\"\npoisson = true\njitter = \"1us\"",
            &["random already"],
        ),
        (
            "[[interrupt]]\nirq = 6\nevery = \"1ms\"\nwidth = \"1ms\"",
            &["never fall"],
        ),
        (
            "[[clock]]\nclock = \"HSX\"\nppm = 1",
            &["no clock `HSX`", "HSE"],
        ),
        (
            "[[clock]]\nclock = \"PCLK1\"\nppm = 1",
            &["comes from another clock", "HSE, LSE, LSI"],
        ),
        ("[[clock]]\nclock = \"HSE\"", &["at least one of"]),
        (
            "[[clock]]\nclock = \"HSE\"\nppm = 1\n[[clock]]\nclock = \"HSE\"\nppm = 2",
            &["two entries"],
        ),
        (
            "[[clock]]\nclock = \"HSE\"\nppm = 1000000",
            &["more than 100000 ppm"],
        ),
        (
            "[[clock]]\nclock = \"HSE\"\ndrift = \"1ppm/s\"\ndrift_step = \"1ns\"",
            &["too short"],
        ),
        (
            "[[clock]]\nclock = \"HSE\"\nnoise = { ppm = 1, every = \"100cy\" }",
            &["in time"],
        ),
        (
            "[[clok]]\nclock = \"HSE\"",
            &["unknown field `clok`", "test.toml:1:3"],
        ),
        ("[[uart]\n", &["not a valid stimuli file", "test.toml:1"]),
    ] {
        let e = error(board, text);
        for part in parts {
            assert!(
                e.contains(part),
                "`{part}` is not in the error for:\n{text}\n{e}"
            );
        }
    }
    // Everything that is wrong is said at once.
    let e = error(
        board,
        "[[uart]]\nport = \"A\"\ntext = \"x\"\n[[pin]]\npin = \"B\"\nwave = { hz = 1 }\n",
    );
    assert!(
        e.contains("no serial port `A`") && e.contains("no pin `B`"),
        "{e}"
    );
}

#[test]
fn generators_of_the_machine_keep_their_pins() {
    let folder = tempfile::tempdir().expect("a folder");
    let board = folder.path().join("board.toml");
    let text = "schema = 1\nname = \"board\"\nsummary = \"x\"\nchip = \"stm32f407vg\"\n[[part]]\nname = \"G1\"\n\
        model = \"ext.square_wave\"\nnet = \"PB3\"\nparams = { hz = 5 }\nsource = \"none\"\n";
    std::fs::write(&board, text).expect("written");
    let e = error(
        &board.to_string_lossy(),
        "[[pin]]\npin = \"PB3\"\nwave = { hz = 5 }",
    );
    assert!(e.contains("driven by the part `G1`"), "{e}");
}

#[test]
fn the_program_takes_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let fw = firmware::folder()
        .join("elf/echo.stm32f407.elf")
        .to_string_lossy()
        .into_owned();
    let tickscope = |stimuli: &str, more: &[&str]| {
        let mut all = vec!["run", &fw, "-m", "stm32f4discovery", "--stimuli", stimuli];
        all.extend(more);
        tickscope(&all).output().expect("runs")
    };
    let file = path("in.toml");
    std::fs::write(path("in.bin"), b"from a file\nq").expect("written");
    std::fs::write(
        &file,
        "[[uart]]\nport = \"USART2\"\nat = \"20ms\"\nfile = \"in.bin\"\n",
    )
    .expect("written");
    let json = path("result.json");
    let out = tickscope(&file, &["--json", &json]);
    assert_eq!(
        out.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(String::from_utf8_lossy(&out.stdout).contains("from a file"));
    let first = result(&json);
    let hash = first["settings"]["stimuli"]["sha256"]
        .as_str()
        .expect("a hash")
        .to_owned();
    assert_eq!(hash.len(), 64);
    // Another file of the same name is another stimulus.
    std::fs::write(path("in.bin"), b"from a File\nq").expect("written");
    let out = tickscope(&file, &["--json", &json]);
    assert_eq!(out.status.code(), Some(0));
    assert_ne!(
        result(&json)["settings"]["stimuli"]["sha256"],
        hash.as_str()
    );

    std::fs::write(&file, "[[uart]]\nport = \"LPUART9\"\ntext = \"x\"\n").expect("written");
    let out = tickscope(&file, &[]);
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        said.contains("LPUART9") && said.contains("in.toml:2:8"),
        "{said}"
    );
    let out = tickscope(&path("none.toml"), &[]);
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn the_examples_run() {
    let examples = firmware::folder()
        .parent()
        .expect("root")
        .join("examples/stimuli");
    let mut seen = 0;
    for entry in std::fs::read_dir(&examples).expect("examples") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        seen += 1;
        let stimuli = Stimuli::open(&path, false).unwrap_or_else(|e| panic!("{e}"));
        let image = firmware::folder().join("elf/kernel-8.stm32f407.elf");
        let image = Firmware::open(&image, None).expect("an image");
        let (spec, _) = Spec::detect(&image, false).expect("a machine");
        let (core, mut bus) = spec.build(1, false).expect("builds");
        stimuli
            .attach(&spec, &mut bus)
            .unwrap_or_else(|e| panic!("{e}"));
        let mut machine = Machine::new(core, bus, Options::default()).expect("a machine");
        parts::enable_semihosting(&mut machine, None).expect("semihosting");
        machine.load(&image.image).expect("loads");
        machine.reset();
        assert_eq!(machine.run_until(Cycles(3_000_000)), Stop::Limit);
    }
    assert!(seen > 0);
}
