//! Each kind of signal on firmware whose figures are known: from its source, a manual, or another signal.

mod tool;

use serde_json::Value;
use std::collections::BTreeMap;
use tool::{Folder, Ran, fixture};

/// Values of all metrics, by signal and metric.
struct Figures(BTreeMap<(String, String), f64>);

impl Figures {
    fn of(text: &str) -> Figures {
        let mut all = BTreeMap::new();
        for line in text.lines() {
            let v: Value = serde_json::from_str(line).expect("JSON");
            let name = |field: &str| v[field].as_str().expect("text").to_owned();
            let value = v["value"].as_f64().expect("a number");
            all.insert((name("signal"), name("metric")), value);
        }
        Figures(all)
    }

    #[track_caller]
    fn get(&self, signal: &str, metric: &str) -> f64 {
        let found = self.0.get(&(signal.to_owned(), metric.to_owned()));
        *found.unwrap_or_else(|| panic!("{signal} {metric} is not in {:?}", self.0))
    }

    #[track_caller]
    fn are(&self, wanted: &[(&str, &str, f64)]) {
        for &(signal, metric, value) in wanted {
            let got = self.get(signal, metric);
            assert!(got == value, "{signal} {metric}: {got}, not {value}");
        }
    }
}

fn jitter(firmware: &str, signals: &[&str], more: &[&str]) -> Ran {
    let firmware = fixture(firmware);
    let mut arguments = vec!["jitter", &firmware, "-q", "--ndjson", "-"];
    arguments.extend(signals.iter().flat_map(|s| ["--signal", s]));
    arguments.extend(more);
    Folder::new().run(&arguments)
}

#[track_caller]
fn figures(firmware: &str, signals: &[&str], more: &[&str]) -> Figures {
    let ran = jitter(firmware, signals, more).ended(0);
    assert!(ran.err.is_empty(), "{}", ran.err);
    Figures::of(&ran.out)
}

/// SysTick of 168 MHz / 1000, and four LEDs that are on for 250 ticks each.
#[test]
fn pins_and_their_aliases_and_duties() {
    let signals = [
        "PD12",
        "LED_GREEN.fall",
        "pd13.both",
        "on=PD12.rise..PD12.fall",
    ];
    let f = figures("blinky.stm32f407", &signals, &["--warmup", "300ms"]);
    f.are(&[
        ("PD12", "count", 4.0),
        ("LED_GREEN.fall", "count", 4.0),
        ("pd13.both", "count", 7.0),
        ("on", "count", 4.0),
    ]);
    // A second, but for where in its loop the firmware sees the tick.
    for metric in ["period.min", "period.max"] {
        let off = f.get("PD12", metric) - 168e6;
        assert!(off.abs() <= 100.0, "{metric}: {off}");
        assert!((f.get("on", "duration.max") - 42e6).abs() <= 100.0);
    }
    assert_eq!(f.get("PD12", "high.max"), f.get("on", "duration.max"));
    assert!((f.get("PD12", "duty.mean") - 0.25).abs() < 1e-5);
}

/// Cycles from the line to the first instruction of an idle core: ARM DDI 0439 3.9.1 (M4), DDI 0337 (M3),
/// DDI 0432 (M0: 16), DDI 0484 (M0+: 15).
#[test]
fn exceptions_enter_after_the_documented_cycles() {
    for (machine, cycles, least) in [
        ("cortex-m0", 16.0, 15.0),
        ("cortex-m0plus", 15.0, 15.0),
        ("cortex-m3", 12.0, 15.0),
        ("cortex-m4f", 12.0, 15.0),
        ("lm3s6965", 12.0, 10.0),
        ("stm32f103", 12.0, 10.0),
        ("stm32f407", 12.0, 10.0),
    ] {
        let latency = "irq:SysTick.assert..irq:SysTick.enter";
        let signals = [
            latency,
            "irq:SysTick.assert",
            "begin=irq:SysTick.enter,end=irq:SysTick.exit",
            "irq:SysTick",
        ];
        let f = figures(&format!("blinky.{machine}"), &signals, &["--for", "20ms"]);
        f.are(&[
            (latency, "duration.min", cycles),
            (latency, "duration.max", cycles),
        ]);
        assert!(f.get(latency, "count") >= least, "{machine}");
        assert_eq!(f.get("irq:SysTick.assert", "period.pp"), 0.0, "{machine}");
        // Two ways to say the same.
        let (a, b) = ("irq:SysTick.enter..irq:SysTick.exit", "irq:SysTick");
        for metric in ["count", "duration.min", "duration.max"] {
            assert_eq!(f.get(a, metric), f.get(b, metric), "{machine}");
        }
    }
}

#[test]
fn functions_and_pairs_of_symbols() {
    let signals = [
        "fn:k_wait",
        "fn:k_wait.entry",
        "fn:k_wait.return",
        "tick=fn:systick_handler",
        "handler=irq:SysTick",
        "systick_handler",
        "pair=fn:k_post..fn:pendsv_handler",
        "pendsv=irq:PendSV.enter",
        "switcher=fn:pendsv_handler.entry",
    ];
    let f = figures("kernel-8.stm32f407", &signals, &[]);
    // Every call is counted, by its end; some wait for ever.
    let (entries, returns) = (
        f.get("fn:k_wait.entry", "count"),
        f.get("fn:k_wait.return", "count"),
    );
    assert!(entries > 300.0 && entries > returns && entries - returns <= 10.0);
    assert_eq!(f.get("fn:k_wait", "count"), returns);
    // Waiting takes from nothing to milliseconds.
    assert!(f.get("fn:k_wait", "duration.min") < 100.0);
    assert!(f.get("fn:k_wait", "duration.max") > 168_000.0);
    // A handler's function is the handler, without the way in and out.
    assert_eq!(f.get("tick", "count"), f.get("handler", "count"));
    assert_eq!(f.get("systick_handler", "count"), f.get("handler", "count"));
    let (inside, whole) = (
        f.get("tick", "duration.max"),
        f.get("handler", "duration.max"),
    );
    assert!(inside <= whole && whole - inside < 40.0, "{inside} {whole}");
    assert_eq!(
        f.get("pendsv", "period.max"),
        f.get("switcher", "period.max")
    );
    let pairs = f.get("pair", "count");
    assert!(pairs > 5.0 && pairs <= f.get("pendsv", "count"), "{pairs}");
}

#[test]
fn variables_with_and_without_a_value() {
    let signals = [
        "write:k_current",
        "write:milliseconds",
        "write:milliseconds=5",
        "write:milliseconds+0:4",
        "write:milliseconds=5000",
    ];
    // Start-up clears it, then each tick writes: 94 ticks begin in the first 100 ms.
    let ran = jitter("blinky.stm32f407", &signals[1..], &["--for", "100ms"]);
    let ran = ran.ended(2);
    assert!(
        ran.err.contains("`write:milliseconds=5000` never happened"),
        "{}",
        ran.err
    );
    let f = Figures::of(&ran.out);
    f.are(&[
        ("write:milliseconds", "count", 94.0),
        ("write:milliseconds:4", "count", 94.0),
        ("write:milliseconds=5", "count", 1.0),
        ("write:milliseconds=5000", "count", 0.0),
        ("write:milliseconds", "period.p50", 168_000.0),
    ]);

    // A pointer to a task: all writes, and those of one object.
    let all = [
        "write:k_current",
        "write:k_current=reporter",
        "write:k_current=collector",
    ];
    let f = figures("kernel-8.stm32f407", &all, &[]);
    let count = |n: usize| f.get(all[n], "count");
    assert!(count(0) > 300.0 && count(1) >= 1.0 && count(2) > 10.0);
    assert!(count(1) + count(2) < count(0));
}

/// 309 = 272 + 20 + 15 characters, and two writes that set the channel up; "ITM line\n" has nine characters.
#[test]
fn itm_and_rtt_words() {
    let signals = ["itm:0", "itm:0=0x49", "itm:0=10", "rtt:0", "rtt:1"];
    let f = figures("rtt.cortex-m4f", &signals, &[]);
    f.are(&[
        ("itm:0", "count", 9.0),
        ("itm:0=73", "count", 1.0),
        ("itm:0=10", "count", 1.0),
        ("itm:0", "period.pp", 0.0),
        ("rtt:0", "count", 309.0),
        ("rtt:1", "count", 10.0),
    ]);
}

/// 115 200 baud of 42 MHz is a divisor of 365: 14 600 core cycles for ten bits.
#[test]
fn bytes_of_serial_ports() {
    let signals = [
        "uart:USART2.tx",
        "uart:usart2.tx=0x0a",
        "lines=uart:USART2.tx=10",
    ];
    let f = figures("blinky.stm32f407", &signals, &[]);
    let text = std::fs::read(
        fixture("blinky.stm32f407")
            .replace("elf/", "expected/")
            .replace(".elf", ".txt"),
    );
    let text = text.expect("the expected text");
    let newlines = text.iter().filter(|b| **b == b'\n').count() as f64;
    assert_eq!(f.get("uart:USART2.tx", "period.min"), 14_600.0);
    // One line more, which depends on timing and is not among the expected ones.
    assert_eq!(f.get("lines", "count"), newlines + 1.0);
    assert_eq!(f.get("uart:usart2.tx=10", "count"), newlines + 1.0);

    // What comes in, and how long its echo takes at least: a byte's time.
    let folder = Folder::new();
    folder.write(
        "s.toml",
        "[[uart]]\nport = \"USART2\"\nat = \"20ms\"\ntext = \"abcdef\"\nbaud = 9600\n",
    );
    let firmware = fixture("echo.stm32f407");
    let arguments = [
        "jitter",
        &firmware,
        "-q",
        "--ndjson",
        "-",
        "--stimuli",
        "s.toml",
        "--for",
        "40ms",
    ];
    let more = [
        "--signal",
        "uart:USART2.rx",
        "--signal",
        "echo=uart:USART2.rx=0x63..uart:USART2.tx=0x63",
    ];
    let ran = folder.run(&[&arguments[..], &more[..]].concat()).ended(0);
    let f = Figures::of(&ran.out);
    f.are(&[
        ("uart:USART2.rx", "count", 6.0),
        ("uart:USART2.rx", "period.min", 175_000.0),
        ("echo", "count", 1.0),
    ]);
    let echo = f.get("echo", "duration.max");
    assert!((14_600.0..16_000.0).contains(&echo), "{echo}");
}

/// TIM4 captures TIM3's updates of 10 kHz: 16 800 core cycles, to the cycle.
#[test]
fn captures_of_timers() {
    let f = figures(
        "dma-timer.stm32f407",
        &["capture:TIM4.1", "tim=capture:tim4.CH1", "PA6"],
        &[],
    );
    f.are(&[
        ("capture:TIM4.1", "period.min", 16_800.0),
        ("capture:TIM4.1", "period.max", 16_800.0),
        ("tim", "period.pp", 0.0),
        ("PA6", "period.min", 16_800.0),
        ("PA6", "high.min", 5040.0),
    ]);
    assert!(f.get("capture:TIM4.1", "count") > 50.0);
}

#[test]
fn sleep_and_wake() {
    let signals = [
        "sleep",
        "wake",
        "sleep..wake",
        "wake..sleep",
        "irq:SysTick.enter",
    ];
    let f = figures("idle.stm32f407", &signals, &["--for", "50ms"]);
    assert!((f.get("sleep", "count") - f.get("wake", "count")).abs() <= 1.0);
    assert!(f.get("sleep", "count") > 40.0);
    // Awake is the handler and the loop, asleep the rest of the millisecond.
    let (asleep, awake) = (
        f.get("sleep..wake", "duration.p50"),
        f.get("wake..sleep", "duration.p50"),
    );
    assert_eq!(asleep + awake, 168_000.0);
    assert!(awake < 100.0, "{awake}");
}

#[test]
fn addresses() {
    let table = Folder::new()
        .run(&["disasm", &fixture("idle.stm32f407")])
        .ended(0)
        .out;
    let line = table.lines().find(|l| l.contains("wfi")).expect("wfi");
    let digits = line
        .split_whitespace()
        .next()
        .expect("an address")
        .trim_end_matches(':');
    let at = u32::from_str_radix(digits.trim_start_matches("0x"), 16).expect("hex");
    let signal = format!("addr:{at:#x}");
    let name = format!("addr:{at:#010x}");
    let f = figures("idle.stm32f407", &[&signal, "sleep"], &["--for", "20ms"]);
    assert_eq!(f.get(&name, "count"), f.get("sleep", "count"));
    assert_eq!(f.get(&name, "period.max"), f.get("sleep", "period.max"));
}

#[test]
fn a_capture_gives_the_same_figures_as_its_run() {
    for (firmware, signals) in [
        (
            "kernel-8.stm32f407",
            &[
                "PD12",
                "fn:k_wait",
                "k_post",
                "write:k_current",
                "write:k_current=collector",
                "irq:SysTick.assert..irq:SysTick.enter",
                "irq:PendSV",
                "sleep..wake",
                "uart:USART2.tx=0x0a",
            ][..],
        ),
        (
            "dma-timer.stm32f407",
            &["capture:TIM4.1", "PA6", "fn:print.return"][..],
        ),
        (
            "rtt.cortex-m4f",
            &["itm:0", "rtt:0", "rtt:1", "write:_SEGGER_RTT+36:4"][..],
        ),
        ("echo.e31", &["uart:UART0.tx", "irq:external"][..]),
    ] {
        let folder = Folder::new();
        let elf = fixture(firmware);
        let all: Vec<&str> = signals.iter().flat_map(|s| ["--signal", s]).collect();
        let live = [
            &["jitter", &elf, "-q", "--ndjson", "-", "--for", "60ms"][..],
            &all,
        ]
        .concat();
        let live = folder.run(&live);
        assert!(!live.out.is_empty(), "{firmware}: {}", live.err);
        // Watched are places and variables; the rest is always recorded.
        let watched = signals.iter().filter(|s| {
            s.contains("fn:") || s.contains("write:") || s.contains("rtt:") || **s == "k_post"
        });
        let watched: Vec<&str> = watched.flat_map(|s| ["--watch", s]).collect();
        // Results are named after the file.
        let capture = format!("{firmware}.cap");
        let run = [
            &["run", &elf, "-q", "--for", "60ms", "--capture", &capture][..],
            &watched,
        ]
        .concat();
        folder.run(&run).ended(0);
        let again = [&["jitter", &capture, "-q", "--ndjson", "-"][..], &all].concat();
        let again = folder.run(&again);
        assert_eq!(
            (live.code, &live.out),
            (again.code, &again.out),
            "{firmware}: {}",
            again.err
        );
    }
}

#[test]
fn what_a_capture_has_not_recorded_is_told_with_what_it_has() {
    let folder = Folder::new();
    let elf = fixture("kernel-2.stm32f407");
    folder
        .run(&[
            "run",
            &elf,
            "-q",
            "--for",
            "5ms",
            "--capture",
            "c.cap",
            "--watch",
            "fn:k_wait",
        ])
        .ended(0);
    for (signal, says) in [
        (
            "fn:k_post",
            &[
                "has not recorded `fn:k_post`",
                "it has fn:k_wait",
                "--watch fn:k_post",
            ][..],
        ),
        (
            "write:k_current",
            &[
                "has not recorded `write:k_current`",
                "nothing of the kind",
                "--watch write:k_current",
            ],
        ),
        ("rtt:0", &["has not recorded `rtt:0`", "--watch rtt:0"]),
        ("addr:0x08000100", &["addr:0x08000100", "it has fn:k_wait"]),
        ("PX1", &["no pin `PX1`", "PA0-15"]),
        ("irq:SysTik", &["SysTik", "near: SysTick"]),
        ("uart:UART2.tx", &["UART2", "USART2"]),
        ("capture:TIM22.1", &["TIM22", "TIM2"]),
    ] {
        let ran = folder
            .run(&["jitter", "c.cap", "--signal", signal])
            .ended(2);
        for part in says {
            assert!(ran.err.contains(part), "{signal}: {part}: {}", ran.err);
        }
        assert!(ran.out.is_empty(), "{}", ran.out);
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is_near() {
    for (signal, says) in [
        (
            "PD99",
            &["neither a pin of the machine nor a function", "PD9"][..],
        ),
        ("led_sett", &["functions: led_set"]),
        ("Q", &["the pins are ", "PA0-15"]),
        ("pin:PE77", &["no pin `PE77`", "PE7"]),
        (
            "fn:sistick_handler",
            &["no function `sistick_handler`", "near: systick_handler"],
        ),
        ("fn:milliseconds", &["no function `milliseconds`"]),
        (
            "write:millisecond",
            &["no variable `millisecond`", "near: milliseconds"],
        ),
        ("write:main", &["no variable `main`"]),
        (
            "write:milliseconds=soon",
            &["neither a number nor a data object", "give a number"],
        ),
        ("irq:SysTic", &["no exception `SysTic`", "near: SysTick"]),
        ("irq:TIM22.enter", &["TIM22", "TIM2"]),
        ("uart:USART9.tx", &["no serial port `USART9`", "USART2"]),
        ("capture:TIMER4.1", &["no device `TIMER4`"]),
        ("rtt:0", &["_SEGGER_RTT", "stripped"]),
        ("itm:32", &["32 stimulus ports, 0 to 31"]),
        ("itm:300", &["`300` is more than 255"]),
        ("uart:USART2", &["`uart:USART2.tx` or `uart:USART2.rx`"]),
        ("capture:TIM2", &["which channel"]),
        ("write:milliseconds:0", &["1 to 4096 bytes"]),
        ("addr:main", &["no number"]),
        ("edge:PA5", &["`edge:` is no kind of event"]),
        ("PD12..", &["a part of it is missing"]),
        ("begin=PD12", &["after `begin=EVENT` comes `,end=EVENT`"]),
        ("fn:", &["after `fn:` comes"]),
        ("", &["a part of it is missing"]),
    ] {
        let ran = jitter("blinky.stm32f407", &[signal], &["--for", "1ms"]).ended(2);
        for part in says {
            assert!(ran.err.contains(part), "{signal}: {part}: {}", ran.err);
        }
        assert!(
            ran.out.is_empty() && ran.err.lines().count() < 12,
            "{}",
            ran.all()
        );
    }
    let ran = jitter("blinky.stm32f407", &["PD12", "PD12"], &[]).ended(2);
    assert!(
        ran.err.contains("two signals `PD12`") && ran.err.contains("NAME=SIGNAL"),
        "{}",
        ran.err
    );
    let twice = ["a=PD12", "a=PD13"];
    let ran = jitter("blinky.stm32f407", &twice, &[]).ended(2);
    assert!(ran.err.contains("two signals `a`"), "{}", ran.err);
}
