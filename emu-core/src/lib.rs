//! The core of tickscope: time, events, bus and memory, images, the CPU and its exact clock.
//!
//! Start at [`machine`]: a [`machine::Machine`] is a core with everything around it. What devices may do is
//! in [`device`]. Only `backend` names Unicorn.

pub mod backend;
pub mod bus;
pub mod clock;
mod code_pages;
mod cores;
pub mod cortex_m;
pub mod decode;
pub mod device;
pub mod events;
mod guest;
pub mod image;
pub mod machine;
pub mod memory;
pub mod nearest;
pub mod nets;
pub mod notices;
pub mod probe;
pub mod profile;
pub mod riscv;
pub mod rtt;
pub mod run;
pub mod semihosting;
mod snapshot;
pub mod tasks;
pub mod time;
pub mod timeline;
pub mod timing;
pub mod watch;
pub mod watchpoint;

pub use bus::{Binding, Bridge, Bus, BusError, IoWindow};
pub use clock::{ClockId, ClockTree};
pub use device::{Access, Ctx, Device, DeviceId, Ports, ResetCause, Width};
pub use nets::{Drive, Driver, NetId};
pub use notices::NoticeKind;
pub use probe::{ProbeEvent, ProbeKind};
pub use time::{Cycles, Position, Ratio, Ticker};
