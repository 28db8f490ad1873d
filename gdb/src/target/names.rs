//! Names of places, pins and interrupts, for people.

use crate::Options;
use crate::monitor::Context;
use emu_core::image::{Image, OpenOptions};
use std::collections::BTreeMap;

/// What is known of names.
pub struct Names {
    /// The firmware, when it can be read.
    pub image: Option<Image>,
    pins: BTreeMap<String, String>,
    interrupts: BTreeMap<u16, String>,
}

impl Names {
    /// As the options tell.
    pub fn new(options: &Options) -> Names {
        let parse = |f: &crate::Firmware| {
            Image::parse(&f.name, f.elf.as_slice(), &OpenOptions::default()).ok()
        };
        Names {
            image: options.firmware.as_ref().and_then(parse),
            pins: options.pins.clone(),
            interrupts: options.interrupts.clone(),
        }
    }

    /// For the monitor.
    pub fn context(&self) -> Context<'_> {
        Context {
            image: self.image.as_ref(),
            pins: &self.pins,
            interrupts: &self.interrupts,
        }
    }
}
