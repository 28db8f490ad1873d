//! Stimuli: what the world outside does to a machine at times that are known beforehand.
//!
//! Modelled: levels of pins from a list ([`edges`]) and as a square wave ([`wave`]), interrupts that come
//! periodically, with jitter, or as a Poisson process ([`storm`]), bytes for a serial port or bit by bit on a pin
//! ([`sender`]), oscillators that are off, drift and are noisy ([`tolerance`]). Random numbers are a function of the
//! run's seed ([`random`]). Not modelled: answers; a stimulus does not see what the firmware does.
//!
//! They are devices without registers, so their state is in snapshots and their events are in the queue with all
//! others. They run on over resets of the chip. Machine files do not name them: they are made by the harness.

pub mod edges;
pub mod random;
pub mod sender;
pub mod storm;
mod time;
pub mod tolerance;
pub mod wave;

pub use time::{Moment, Pace};
