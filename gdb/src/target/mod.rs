//! The target: a machine as gdbstub wants to see it.

mod base;
mod breakpoints;
mod change;
mod files;
mod flash;
mod monitor;
mod names;
mod resume;
mod threads;

use crate::monitor::Monitor;
use crate::registers::Table;
use crate::registers::wire::AnyCore;
use crate::{Options, description, memory_map};
use emu_core::machine::Machine;
use emu_core::timeline::{Companion, Timeline};
use emu_core::watchpoint::Watchpoint;
use files::Files;
use gdbstub::target::ext;
use gdbstub::target::{Target, TargetError, TargetResult};
use names::Names;
use std::collections::BTreeSet;

pub use resume::{Action, Ran};
pub use threads::Threads;

/// A run with what gdb has set on it.
pub struct Debuggee<C: Companion> {
    /// The machine with its past.
    pub timeline: Timeline<C>,
    /// What to do when gdb lets it run.
    pub action: Action,
    /// The tasks of its kernel.
    pub threads: Threads,
    /// What `monitor` commands have asked for.
    pub monitor: Monitor<C::State>,
    names: Names,
    /// The registers of its core.
    table: Table,
    /// Address, and whether gdb called it a hardware breakpoint.
    breakpoints: BTreeSet<(u32, bool)>,
    watchpoints: Vec<Watchpoint>,
    files: Files,
    description: String,
    memory_map: String,
}

impl<C: Companion + 'static> Debuggee<C> {
    /// A run without breakpoints.
    pub fn new(timeline: Timeline<C>, options: &Options) -> Debuggee<C> {
        let machine = timeline.machine();
        let table = Table::of(machine);
        let firmware = options.firmware.as_ref();
        let names = Names::new(options);
        Debuggee {
            action: Action::Continue,
            threads: Threads::new(names.image.as_ref()),
            monitor: Monitor::default(),
            names,
            breakpoints: BTreeSet::new(),
            watchpoints: Vec::new(),
            files: Files::new(firmware),
            description: description::target(&table),
            memory_map: memory_map::memory_map(&machine.bus().memory),
            table,
            timeline,
        }
    }

    /// The machine, to look at.
    pub fn machine(&self) -> &Machine {
        self.timeline.machine()
    }

    /// The machine, to look at what only a bus access tells, and to set stops.
    pub fn machine_mut(&mut self) -> &mut Machine {
        self.timeline.machine_mut()
    }
}

/// No request of gdb's is fatal: what cannot be done is an error reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Never {}

impl<C: Companion + 'static> Target for Debuggee<C> {
    type Arch = AnyCore;
    type Error = Never;

    fn base_ops(&mut self) -> ext::base::BaseOps<'_, AnyCore, Never> {
        ext::base::BaseOps::MultiThread(self)
    }

    fn guard_rail_implicit_sw_breakpoints(&self) -> bool {
        true
    }

    fn use_fork_stop_reason(&self) -> bool {
        false
    }

    fn use_vfork_stop_reason(&self) -> bool {
        false
    }

    fn use_vforkdone_stop_reason(&self) -> bool {
        false
    }

    fn support_breakpoints(&mut self) -> Option<ext::breakpoints::BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<ext::monitor_cmd::MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_target_description_xml_override(
        &mut self,
    ) -> Option<ext::target_description_xml_override::TargetDescriptionXmlOverrideOps<'_, Self>>
    {
        Some(self)
    }

    fn support_memory_map(&mut self) -> Option<ext::memory_map::MemoryMapOps<'_, Self>> {
        Some(self)
    }

    fn support_flash_operations(&mut self) -> Option<ext::flash::FlashOps<'_, Self>> {
        Some(self)
    }

    fn support_exec_file(&mut self) -> Option<ext::exec_file::ExecFileOps<'_, Self>> {
        match self.files.is_empty() {
            true => None,
            false => Some(self),
        }
    }

    fn support_host_io(&mut self) -> Option<ext::host_io::HostIoOps<'_, Self>> {
        Some(self)
    }
}

impl<C: Companion + 'static> ext::target_description_xml_override::TargetDescriptionXmlOverride
    for Debuggee<C>
{
    fn target_description_xml(
        &self,
        annex: &[u8],
        offset: u64,
        length: usize,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        if annex != b"target.xml" {
            return Err(TargetError::Errno(2)); // ENOENT
        }
        Ok(part(self.description.as_bytes(), offset, length, buf))
    }
}

impl<C: Companion + 'static> ext::memory_map::MemoryMap for Debuggee<C> {
    fn memory_map_xml(
        &self,
        offset: u64,
        length: usize,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        Ok(part(self.memory_map.as_bytes(), offset, length, buf))
    }
}

/// Copies `length` bytes from `offset`, as far as there are any; the rest comes with gdb's next request.
fn part(data: &[u8], offset: u64, length: usize, buf: &mut [u8]) -> usize {
    let rest = usize::try_from(offset)
        .ok()
        .and_then(|o| data.get(o..))
        .unwrap_or(&[]);
    // Binary replies escape some bytes: half the buffer always fits into a packet.
    let n = rest.len().min(length).min(buf.len() / 2);
    buf[..n].copy_from_slice(&rest[..n]);
    n
}
