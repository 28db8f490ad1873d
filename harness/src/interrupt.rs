//! Ctrl-C as a flag: the first one ends a run in good order, a second one ends the process at once.

use crate::failure::Exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The flag that Ctrl-C (or SIGTERM) sets.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that is bound to the signals of this process. Where that is impossible, the flag is
    /// never set and the system's default holds.
    #[must_use]
    pub fn install() -> Interrupt {
        use signal_hook::{consts, flag};
        let interrupt = Interrupt::default();
        for signal in [consts::SIGINT, consts::SIGTERM] {
            // The order matters: the shutdown looks at the flag before this signal sets it.
            let status = Exit::Interrupted as i32;
            let _ = flag::register_conditional_shutdown(signal, status, interrupt.0.clone());
            let _ = flag::register(signal, interrupt.0.clone());
        }
        interrupt
    }

    /// Set the flag.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Was it set?
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
