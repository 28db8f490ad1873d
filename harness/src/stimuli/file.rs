//! The format of stimuli: what the tables may say.

use super::values::{Duty, Edge, Irq, Jitter, PinLevel, Ppm, Rate, Slope, Time};
use machines::Sp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes into a serial port.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Uart {
    /// The machine's name of the port. Either this or `pin`.
    pub port: Option<Sp<String>>,
    /// A pin on which the bytes come bit by bit (8N1) at `baud`, by the chip's name or the board's.
    pub pin: Option<Sp<String>>,
    /// When the first byte begins; 0 by default.
    pub at: Option<Sp<Time>>,
    /// The bytes as text. One of `text`, `hex` and `file`.
    pub text: Option<Sp<String>>,
    /// The bytes in hex, with or without spaces.
    pub hex: Option<Sp<String>>,
    /// A file with the bytes; its path is relative to this file.
    pub file: Option<Sp<String>>,
    /// Bits a second by the sender's own clock, ten for a byte. Without it the bytes follow each other at the rate that the firmware
    /// has set.
    pub baud: Option<Sp<Rate>>,
    /// How far the sender's clock is off.
    pub ppm: Option<Sp<Ppm>>,
    /// Send them again.
    pub repeat: Option<Repeat>,
}

/// How often something comes again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// From one start to the next.
    pub every: Sp<Time>,
    /// How often in all; for ever by default.
    pub count: Option<Sp<u64>>,
}

/// Levels of a pin, from outside.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pin {
    /// The pin, by the chip's name or the board's.
    pub pin: Option<Sp<String>>,
    /// Times and levels, ascending. One of `edges`, `wave` and `vcd`.
    pub edges: Option<Sp<Vec<Sp<Edge>>>>,
    /// A square wave.
    pub wave: Option<Sp<Wave>>,
    /// A signal of a value change dump.
    pub vcd: Option<Sp<Vcd>>,
    /// What 1 and 0 do to the pin.
    pub drive: Strength,
    /// The level before the first edge: by default the pin floats, and a wave is low.
    pub initial: Option<Sp<PinLevel>>,
}

/// What 1 and 0 do to a pin. `z` always lets it float.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Both are driven.
    #[default]
    PushPull,
    /// 0 is driven, 1 lets the pin float.
    OpenDrain,
    /// Both are resistors: what drives the pin wins.
    Pull,
}

/// A square wave.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wave {
    /// Its frequency. Either this or `period`.
    pub hz: Option<Sp<Rate>>,
    /// From rise to rise, in time or in core cycles.
    pub period: Option<Sp<Time>>,
    /// The part that is high; half by default.
    pub duty: Option<Sp<Duty>>,
    /// When it rises first; 0 by default.
    pub phase: Option<Sp<Time>>,
    /// How far its clock is off.
    pub ppm: Option<Sp<Ppm>>,
}

/// A signal of a value change dump.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vcd {
    /// The file; its path is relative to this file.
    pub file: Sp<String>,
    /// The signal with its scopes, such as `top.btn`; `top.bus[3]` is a bit of a vector.
    pub signal: Sp<String>,
    /// Added to its times; 0 by default.
    pub at: Option<Sp<Time>>,
}

/// Interrupts on a line, whatever its device does.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Interrupt {
    /// The machine's name of the interrupt, or its number.
    pub irq: Option<Sp<Irq>>,
    /// From one to the next (with `poisson`: on average). Either this or `rate`.
    pub every: Option<Sp<Time>>,
    /// How many a second (with `poisson`: on average).
    pub rate: Option<Sp<Rate>>,
    /// The gaps are exponential, from the seed of the run.
    pub poisson: bool,
    /// When the storm begins; by default one period after power-on, with `poisson` 0.
    pub start: Option<Sp<Time>>,
    /// None at or after this time.
    pub stop: Option<Sp<Time>>,
    /// So many at most.
    pub count: Option<Sp<u64>>,
    /// Each is early or late by a uniform part of this, from the seed of the run; it does not add up.
    pub jitter: Option<Sp<Jitter>>,
    /// How long the line stays up; by default until the handler is entered (Cortex-M).
    pub width: Option<Sp<Time>>,
}

/// How an oscillator is off its nominal frequency.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// The oscillator, as `tickscope machine show` names it: `HSE`, `HSI`, `LSE`, `LSI`.
    pub clock: Option<Sp<String>>,
    /// Constant offset.
    pub ppm: Option<Sp<Ppm>>,
    /// Change of the offset with time, such as `0.5ppm/s`.
    pub drift: Option<Sp<Slope>>,
    /// Time from one step of the drift to the next; 100 ms by default.
    pub drift_step: Option<Sp<Time>>,
    /// Noise from the seed of the run.
    pub noise: Option<Noise>,
}

/// Noise of an oscillator.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Standard deviation of a step.
    pub ppm: Sp<Ppm>,
    /// Time from one step to the next.
    pub every: Sp<Time>,
    /// What the steps are.
    #[serde(default)]
    pub kind: NoiseKind,
}

/// What the steps of a noise are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// White frequency noise: each step is an offset of its own.
    #[default]
    White,
    /// A random walk: each step adds to the offset.
    Walk,
}
