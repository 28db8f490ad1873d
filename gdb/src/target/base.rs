//! Registers, memory and threads.

use super::change::EFAULT;
use super::{Debuggee, Never, threads};
use crate::registers::wire::{Number, Packet};
use crate::registers::{Place, Values};
use emu_core::tasks::Saved;
use emu_core::timeline::{Change, Companion};
use gdbstub::common::Tid;
use gdbstub::target::ext::base::multithread::{MultiThreadBase, MultiThreadResumeOps};
use gdbstub::target::ext::base::single_register_access::{
    SingleRegisterAccess, SingleRegisterAccessOps,
};
use gdbstub::target::ext::thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps};
use gdbstub::target::{TargetError, TargetResult};

const EINVAL: u8 = 22;
const EPERM: u8 = 1;
const ESRCH: u8 = 3;

impl<C: Companion + 'static> Debuggee<C> {
    /// An error for a thread that is not there.
    fn check(&mut self, tid: Tid) -> Result<(), TargetError<Never>> {
        match self.has_thread(tid) {
            true => Ok(()),
            false => Err(TargetError::Errno(ESRCH)),
        }
    }

    /// An error for a thread whose registers are not those of the core: they lie on its stack.
    fn check_running(&mut self, tid: Tid) -> Result<(), TargetError<Never>> {
        self.check(tid)?;
        match self.sleeping(tid) {
            Some(_) => Err(TargetError::Errno(EPERM)),
            None => Ok(()),
        }
    }

    /// A register of a task that sleeps; the cycle is everybody's.
    fn saved(&mut self, tid: Tid, place: Place) -> Option<Option<u64>> {
        if place == Place::Cycles {
            return None;
        }
        let task = self.sleeping(tid)?;
        let saved = task.registers.as_ref();
        Some(saved.and_then(|saved| Values::saved(saved, place)))
    }
}

impl<C: Companion + 'static> MultiThreadBase for Debuggee<C> {
    fn read_registers(&mut self, regs: &mut Packet, tid: Tid) -> TargetResult<(), Self> {
        self.check(tid)?;
        if let Some(task) = self.sleeping(tid) {
            let saved = task.registers.clone();
            let pc = saved.as_ref().and_then(Saved::pc).unwrap_or_default();
            let value = |place| saved.as_ref().and_then(|s| Values::saved(s, place));
            *regs = Packet::new(&self.table, pc, |r| value(r.place));
            return Ok(());
        }
        let pc = self.machine().registers().r[15];
        let values = Values::of(self.machine());
        *regs = Packet::new(&self.table, pc, |r| values.get(r.place));
        Ok(())
    }

    fn write_registers(&mut self, regs: &Packet, tid: Tid) -> TargetResult<(), Self> {
        self.check_running(tid)?;
        let table = self.table.clone();
        let new = regs.values(&table).ok_or(TargetError::Errno(EINVAL))?;
        self.change_registers(new.into_iter().filter_map(|(r, v)| Some((r, v?))))
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, Tid, Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start: u32, data: &mut [u8], tid: Tid) -> TargetResult<usize, Self> {
        self.check(tid)?;
        match self.machine_mut().read_memory(start, data) {
            0 if !data.is_empty() => Err(TargetError::Errno(EFAULT)),
            n => Ok(n),
        }
    }

    fn write_addrs(&mut self, start: u32, data: &[u8], tid: Tid) -> TargetResult<(), Self> {
        self.check(tid)?;
        // gdb writes nothing to find out whether a packet is known.
        if data.is_empty() {
            return Ok(());
        }
        self.change(Change::Memory {
            address: start,
            bytes: data.to_vec(),
        })
    }

    fn list_active_threads(&mut self, active: &mut dyn FnMut(Tid)) -> Result<(), Never> {
        let current = self.current();
        active(current);
        let all = self.tasks().iter().filter_map(threads::number);
        for tid in all.filter(|tid| *tid != current) {
            active(tid);
        }
        Ok(())
    }

    fn is_thread_alive(&mut self, tid: Tid) -> Result<bool, Never> {
        Ok(self.has_thread(tid))
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }

    fn support_thread_extra_info(&mut self) -> Option<ThreadExtraInfoOps<'_, Self>> {
        Some(self)
    }
}

impl<C: Companion + 'static> SingleRegisterAccess<Tid> for Debuggee<C> {
    fn read_register(
        &mut self,
        tid: Tid,
        number: Number,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        self.check(tid)?;
        let invalid = TargetError::Errno(EINVAL);
        let Some(register) = self.table.get(number.0).cloned() else {
            return Err(invalid);
        };
        let n = register.bytes();
        let value = match self.saved(tid, register.place) {
            Some(saved) => saved,
            None => self.value(&register),
        };
        let (Some(value), Some(buf)) = (value, buf.get_mut(..n)) else {
            return Err(invalid);
        };
        buf.copy_from_slice(&value.to_le_bytes()[..n]);
        Ok(n)
    }

    fn write_register(&mut self, tid: Tid, number: Number, value: &[u8]) -> TargetResult<(), Self> {
        self.check_running(tid)?;
        let register = self.table.get(number.0).cloned();
        let Some(register) = register.filter(|r| r.bytes() == value.len()) else {
            return Err(TargetError::Errno(EINVAL));
        };
        let value = value.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        self.change_registers([(&register, value)])
    }
}

impl<C: Companion + 'static> ThreadExtraInfo for Debuggee<C> {
    fn thread_extra_info(&self, tid: Tid, buf: &mut [u8]) -> Result<usize, Never> {
        let task = self.threads.known(tid);
        let mut parts: Vec<String> = Vec::new();
        if let Some(task) = task {
            parts.push(task.name.clone());
            parts.push(task.summary());
        }
        if task.is_none_or(|t| t.running_on.is_some()) {
            parts.push(self.core_state());
        }
        let text = parts.join(", ");
        let n = text.floor_char_boundary(buf.len());
        buf[..n].copy_from_slice(&text.as_bytes()[..n]);
        Ok(n)
    }
}

impl<C: Companion + 'static> Debuggee<C> {
    fn core_state(&self) -> String {
        let machine = self.machine();
        let what = match machine.riscv_privilege() {
            _ if machine.is_asleep() => "asleep".to_owned(),
            Some(0) => "user mode".to_owned(),
            Some(_) => "machine mode".to_owned(),
            None => match machine.bus().system.current {
                0 => "thread mode".to_owned(),
                n => format!("in {}", crate::monitor::exception_name(n)),
            },
        };
        format!("{:?}, {what}", machine.kind())
    }
}
