//! `monitor` commands, and what they have armed while the machine runs.

use super::{Debuggee, Never};
use crate::monitor::{Halt, Heard};
use emu_core::machine::Stop;
use emu_core::timeline::Companion;
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, outputln};

impl<C: Companion + 'static> MonitorCmd for Debuggee<C> {
    fn handle_monitor_cmd(&mut self, cmd: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), Never> {
        let line = String::from_utf8_lossy(cmd);
        outputln!(out, "{}", self.command(&line));
        Ok(())
    }
}

impl<C: Companion + 'static> Debuggee<C> {
    fn command(&mut self, line: &str) -> String {
        self.threads.forget();
        let context = self.names.context();
        self.monitor.command(line, &mut self.timeline, &context)
    }

    /// gdb has gone: what it has armed stops nothing any more.
    pub fn disarm(&mut self) {
        for what in ["until-cycle off", "until-edge off", "catch off"] {
            self.command(what);
        }
    }

    /// A run begins.
    pub fn resumed(&mut self) {
        self.monitor.resumed(&self.timeline);
    }

    /// A run ended, in a way that gdb is told.
    pub fn halted(&mut self, halt: Halt) {
        self.monitor.at_stop(halt);
    }

    /// What does a stop mean to what is armed?
    pub fn heard(&mut self, stop: &Stop) -> Heard {
        let context = self.names.context();
        let heard = self.monitor.stopped(stop, &mut self.timeline, &context);
        if heard != Heard::Nothing {
            self.timeline.machine_mut().bus_mut().take_met();
        }
        heard
    }
}
