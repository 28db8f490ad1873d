//! Whatever is in a machine file or an override: an error, never a panic.
#![allow(clippy::unwrap_used)]

mod common;

use machines::{BuildOptions, MachineSpec};

/// A small generator of numbers, always the same (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

const TEXT: &str = r#"schema = 1
name = "m"
nets = ["PA[0-15]"]
console = "U"
remove = ["ITM"]
wire = [{ from = "SCS.trcena", to = "DWT.trcena" }]
[core]
kind = "cortex-m4f"
irqs = 82
priority_bits = 4
vtor = 0x0
mpu_regions = 8
[[clock]]
name = "HCLK"
hz = "16 MHz"
core = true
[[clock]]
name = "HALF"
of = "HCLK"
div = 2
[[memory]]
name = "flash"
kind = "flash"
base = 0x0800_0000
size = "1M"
guard = "U"
[[alias]]
name = "boot"
base = 0
size = "1M"
target = 0x0800_0000
[[window]]
name = "io"
base = 0x4000_0000
size = "1M"
holes = "zero"
[[bit_band]]
name = "io"
base = 0x4200_0000
size = "32M"
target = 0x4000_0000
[pins]
PA2 = { AF7 = ["U.TX", "U.RX"] }
[[device]]
name = "GPIOA"
model = "stm32.gpio.v2"
base = 0x4000_0000
size = 0x400
params = { port = "A" }
[[device]]
name = "U"
model = "stm32.usart.v1"
base = 0x4000_0400
size = 0x400
irq = { event = 38 }
clock = { ker = "HALF" }
params = { x = "$clock.HCLK.hz" }
reset = "SCS.trcena"
[[part]]
name = "L"
model = "ext.led"
net = "PA5"
[[timing]]
name = "flash.wait_states"
value = 0
"#;

const PIECES: [&str; 24] = [
    "0",
    "-1",
    "0xFFFF_FFFF",
    "0xFFFF_F000",
    "4294967296",
    "9223372036854775807",
    "\"4095M\"",
    "\"99999999999999999999K\"",
    "1.5",
    "true",
    "\"\"",
    "[]",
    "{}",
    "[[device]]",
    "\"PA[0-255]\"",
    "\"x.y.z\"",
    "name = \"U\"",
    "\"$clock..hz\"",
    "\"é\"",
    "\u{0}",
    "\"\"\"",
    "=",
    "#",
    "\"HCLK\"",
];

fn built(text: &str) -> bool {
    let options = BuildOptions {
        seed: 0,
        catalogue: common::fake(),
    };
    match MachineSpec::from_text("m.toml", text).and_then(|s| s.build(&options).map(|_| ())) {
        Ok(()) => true,
        Err(e) => {
            assert!(!e.render(true).is_empty());
            false
        }
    }
}

#[test]
fn the_unchanged_text_builds() {
    let spec = MachineSpec::from_text("m.toml", TEXT).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(spec.name(), "m");
    assert!(built(TEXT));
}

#[test]
fn changed_texts_do_not_panic() {
    let mut n = Numbers(0x1234_5678_9ABC_DEF1);
    let lines: Vec<&str> = TEXT.lines().collect();
    let mut good = 0;
    for _ in 0..3000 {
        let mut text: Vec<String> = lines.iter().map(|&l| l.to_owned()).collect();
        for _ in 0..=n.below(3) {
            let i = n.below(text.len());
            let piece = PIECES[n.below(PIECES.len())];
            match n.below(4) {
                0 => drop(text.remove(i)),
                1 => text.insert(i, piece.to_owned()),
                2 => {
                    let key = text[i].split('=').next().unwrap().to_owned();
                    text[i] = format!("{key}= {piece}");
                }
                _ => {
                    let j = n.below(text.len());
                    text.swap(i, j);
                }
            }
        }
        good += u32::from(built(&text.join("\n")));
    }
    assert!((100..2900).contains(&good), "{good} of 3000 are good");
}

#[test]
fn any_override_is_an_error_or_works() {
    let spec = MachineSpec::from_text("m.toml", TEXT).unwrap();
    let options = BuildOptions {
        seed: 0,
        catalogue: common::fake(),
    };
    let paths = [
        "flash.size",
        "flash.base",
        "U.base",
        "U.size",
        "HCLK",
        "core.irqs",
        "core.kind",
        "core.vtor",
        "U.irq.event",
        "L.net",
        "io.size",
        "console",
        "core.mpu_regions",
        "bit_band.io.target",
        "flash.wait_states",
        "GPIOA.port",
        "window.io.base",
        "U.model",
        "U.params",
        "boot.target",
    ];
    for path in paths {
        for piece in PIECES {
            let mut spec = spec.clone();
            let built = spec
                .set(&format!("{path}={piece}"))
                .and_then(|()| spec.build(&options).map(|_| ()));
            if let Err(e) = built {
                assert!(!e.to_string().is_empty());
            }
        }
    }
    let deep = "a.".repeat(100_000) + "b=1";
    assert!(spec.clone().set(&deep).is_err());
}
