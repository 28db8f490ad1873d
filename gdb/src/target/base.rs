//! Registers, memory and the one thread.

use super::change::{Change, EFAULT};
use super::{Debuggee, Never};
use crate::registers::Values;
use crate::registers::wire::{Number, Packet};
use gdbstub::common::Tid;
use gdbstub::target::ext::base::multithread::{MultiThreadBase, MultiThreadResumeOps};
use gdbstub::target::ext::base::single_register_access::{
    SingleRegisterAccess, SingleRegisterAccessOps,
};
use gdbstub::target::ext::thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps};
use gdbstub::target::{TargetError, TargetResult};

/// The core.
pub const THREAD: Tid = Tid::MIN;

const EINVAL: u8 = 22;
const ESRCH: u8 = 3;

fn check(tid: Tid) -> Result<(), TargetError<Never>> {
    if tid == THREAD {
        Ok(())
    } else {
        Err(TargetError::Errno(ESRCH))
    }
}

impl MultiThreadBase for Debuggee<'_> {
    fn read_registers(&mut self, regs: &mut Packet, tid: Tid) -> TargetResult<(), Self> {
        check(tid)?;
        let pc = self.machine.registers().r[15];
        let values = Values::of(self.machine);
        *regs = Packet::new(&self.table, pc, |r| values.get(r.place));
        Ok(())
    }

    fn write_registers(&mut self, regs: &Packet, tid: Tid) -> TargetResult<(), Self> {
        check(tid)?;
        let table = self.table.clone();
        let new = regs.values(&table).ok_or(TargetError::Errno(EINVAL))?;
        self.change_registers(new.into_iter().filter_map(|(r, v)| Some((r, v?))))
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, Tid, Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start: u32, data: &mut [u8], tid: Tid) -> TargetResult<usize, Self> {
        check(tid)?;
        match self.machine.read_memory(start, data) {
            0 if !data.is_empty() => Err(TargetError::Errno(EFAULT)),
            n => Ok(n),
        }
    }

    fn write_addrs(&mut self, start: u32, data: &[u8], tid: Tid) -> TargetResult<(), Self> {
        check(tid)?;
        // gdb writes nothing to find out whether a packet is known.
        if data.is_empty() {
            return Ok(());
        }
        self.change(&Change::Memory {
            address: start,
            bytes: data.to_vec(),
        })
    }

    fn list_active_threads(&mut self, active: &mut dyn FnMut(Tid)) -> Result<(), Never> {
        active(THREAD);
        Ok(())
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }

    fn support_thread_extra_info(&mut self) -> Option<ThreadExtraInfoOps<'_, Self>> {
        Some(self)
    }
}

impl SingleRegisterAccess<Tid> for Debuggee<'_> {
    fn read_register(
        &mut self,
        tid: Tid,
        number: Number,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        check(tid)?;
        let invalid = TargetError::Errno(EINVAL);
        let Some(register) = self.table.get(number.0) else {
            return Err(invalid);
        };
        let n = register.bytes();
        let (Some(value), Some(buf)) = (self.value(register), buf.get_mut(..n)) else {
            return Err(invalid);
        };
        buf.copy_from_slice(&value.to_le_bytes()[..n]);
        Ok(n)
    }

    fn write_register(&mut self, tid: Tid, number: Number, value: &[u8]) -> TargetResult<(), Self> {
        check(tid)?;
        let register = self.table.get(number.0).cloned();
        let Some(register) = register.filter(|r| r.bytes() == value.len()) else {
            return Err(TargetError::Errno(EINVAL));
        };
        let value = value.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        self.change_registers([(&register, value)])
    }
}

impl ThreadExtraInfo for Debuggee<'_> {
    fn thread_extra_info(&self, _: Tid, buf: &mut [u8]) -> Result<usize, Never> {
        let what = match self.machine.riscv_privilege() {
            _ if self.machine.is_asleep() => "asleep".to_owned(),
            Some(0) => "user mode".to_owned(),
            Some(_) => "machine mode".to_owned(),
            None => match self.machine.bus().system.current {
                0 => "thread mode".to_owned(),
                n => format!("in {}", super::monitor::exception_name(n)),
            },
        };
        let text = format!("{:?}, {what}", self.machine.kind());
        let n = text.len().min(buf.len());
        buf[..n].copy_from_slice(&text.as_bytes()[..n]);
        Ok(n)
    }
}
