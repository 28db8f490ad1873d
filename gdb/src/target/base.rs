//! Registers, memory and the one thread.

use super::{Debuggee, Never};
use crate::arch::{Register, View};
use gdbstub::common::Tid;
use gdbstub::target::ext::base::multithread::{MultiThreadBase, MultiThreadResumeOps};
use gdbstub::target::ext::base::single_register_access::{
    SingleRegisterAccess, SingleRegisterAccessOps,
};
use gdbstub::target::ext::thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps};
use gdbstub::target::{TargetError, TargetResult};

/// The core.
pub const THREAD: Tid = Tid::MIN;

const EFAULT: u8 = 14;
const EINVAL: u8 = 22;
const ESRCH: u8 = 3;

fn check(tid: Tid) -> Result<(), TargetError<Never>> {
    if tid == THREAD {
        Ok(())
    } else {
        Err(TargetError::Errno(ESRCH))
    }
}

impl Debuggee<'_> {
    /// All registers now.
    pub fn view(&self) -> View {
        View {
            shape: self.shape,
            values: self.machine.registers(),
            cycles: self.machine.now().0,
        }
    }
}

impl MultiThreadBase for Debuggee<'_> {
    fn read_registers(&mut self, regs: &mut View, tid: Tid) -> TargetResult<(), Self> {
        check(tid)?;
        *regs = self.view();
        Ok(())
    }

    fn write_registers(&mut self, regs: &View, tid: Tid) -> TargetResult<(), Self> {
        check(tid)?;
        if regs.shape != self.shape || regs.cycles != self.machine.now().0 {
            return Err(TargetError::Errno(EINVAL));
        }
        let mut values = regs.values.clone();
        if !self.shape.fpu {
            let now = self.machine.registers();
            (values.s, values.fpscr) = (now.s, now.fpscr);
        }
        self.machine.set_registers(&values);
        Ok(())
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
        if u64::from(start) + data.len() as u64 > 1 << 32
            || self.machine.write_memory(start, data) < data.len()
        {
            return Err(TargetError::Errno(EFAULT));
        }
        Ok(())
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
        register: Register,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        check(tid)?;
        if !register.exists(self.shape) {
            return Err(TargetError::Errno(EINVAL));
        }
        let n = register.size();
        let value = self.view().get(register).to_le_bytes();
        buf.get_mut(..n)
            .ok_or(TargetError::Errno(EINVAL))?
            .copy_from_slice(&value[..n]);
        Ok(n)
    }

    fn write_register(
        &mut self,
        tid: Tid,
        register: Register,
        value: &[u8],
    ) -> TargetResult<(), Self> {
        check(tid)?;
        if !register.exists(self.shape) || value.len() != register.size() {
            return Err(TargetError::Errno(EINVAL));
        }
        let value = value.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
        let mut view = self.view();
        if view.get(register) == value {
            return Ok(());
        }
        if register == Register::Cycles {
            return Err(TargetError::Errno(EINVAL));
        }
        view.set(register, value);
        self.machine.set_registers(&view.values);
        Ok(())
    }
}

impl ThreadExtraInfo for Debuggee<'_> {
    fn thread_extra_info(&self, _: Tid, buf: &mut [u8]) -> Result<usize, Never> {
        let what = if self.machine.is_asleep() {
            "asleep".to_owned()
        } else {
            match self.machine.bus().system.current {
                0 => "thread mode".to_owned(),
                n => format!("in {}", super::monitor::exception_name(n)),
            }
        };
        let text = format!("{:?}, {what}", self.machine.kind());
        let n = text.len().min(buf.len());
        buf[..n].copy_from_slice(&text.as_bytes()[..n]);
        Ok(n)
    }
}
