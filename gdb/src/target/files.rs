//! The one file that gdb can read: the firmware's ELF. Nothing of the host's file system can be reached.

use super::{Debuggee, Never, part};
use crate::Firmware;
use emu_core::timeline::Companion;
use gdbstub::common::Pid;
use gdbstub::target::TargetResult;
use gdbstub::target::ext::exec_file::ExecFile;
use gdbstub::target::ext::host_io::{
    FsKind, HostIo, HostIoClose, HostIoCloseOps, HostIoErrno, HostIoError, HostIoFstat,
    HostIoFstatOps, HostIoOpen, HostIoOpenFlags, HostIoOpenMode, HostIoOpenOps, HostIoPread,
    HostIoPreadOps, HostIoResult, HostIoSetfs, HostIoSetfsOps, HostIoStat,
};

/// The file and the descriptors that are open on it.
pub struct Files {
    name: String,
    elf: Vec<u8>,
    open: [bool; 16],
}

impl Files {
    /// Serve this file, or none.
    pub fn new(firmware: Option<&Firmware>) -> Files {
        let name = firmware.map_or("", |f| f.name.as_str());
        // gdb wants an absolute path.
        let slash = if name.starts_with('/') { "" } else { "/" };
        Files {
            name: format!("{slash}{name}"),
            elf: firmware.map(|f| f.elf.clone()).unwrap_or_default(),
            open: [false; 16],
        }
    }

    /// Is there nothing to serve?
    pub fn is_empty(&self) -> bool {
        self.elf.is_empty()
    }

    fn check(&self, fd: u32) -> Result<(), HostIoError<Never>> {
        match self.open.get(fd as usize) {
            Some(true) => Ok(()),
            _ => Err(HostIoError::Errno(HostIoErrno::EBADF)),
        }
    }
}

impl<C: Companion + 'static> ExecFile for Debuggee<C> {
    fn get_exec_file(
        &self,
        _: Option<Pid>,
        offset: u64,
        length: usize,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        Ok(part(self.files.name.as_bytes(), offset, length, buf))
    }
}

impl<C: Companion + 'static> HostIo for Debuggee<C> {
    fn support_open(&mut self) -> Option<HostIoOpenOps<'_, Self>> {
        Some(self)
    }

    fn support_close(&mut self) -> Option<HostIoCloseOps<'_, Self>> {
        Some(self)
    }

    fn support_pread(&mut self) -> Option<HostIoPreadOps<'_, Self>> {
        Some(self)
    }

    fn support_fstat(&mut self) -> Option<HostIoFstatOps<'_, Self>> {
        Some(self)
    }

    fn support_setfs(&mut self) -> Option<HostIoSetfsOps<'_, Self>> {
        Some(self)
    }
}

impl<C: Companion + 'static> HostIoOpen for Debuggee<C> {
    fn open(
        &mut self,
        filename: &[u8],
        flags: HostIoOpenFlags,
        _: HostIoOpenMode,
    ) -> HostIoResult<u32, Self> {
        if self.files.is_empty() || filename != self.files.name.as_bytes() {
            return Err(HostIoError::Errno(HostIoErrno::ENOENT));
        }
        let writes = HostIoOpenFlags::O_WRONLY | HostIoOpenFlags::O_RDWR | HostIoOpenFlags::O_TRUNC;
        if flags.intersects(writes) {
            return Err(HostIoError::Errno(HostIoErrno::EROFS));
        }
        let free = self.files.open.iter().position(|open| !open);
        let fd = free.ok_or(HostIoError::Errno(HostIoErrno::EMFILE))?;
        self.files.open[fd] = true;
        Ok(fd as u32)
    }
}

impl<C: Companion + 'static> HostIoClose for Debuggee<C> {
    fn close(&mut self, fd: u32) -> HostIoResult<(), Self> {
        self.files.check(fd)?;
        self.files.open[fd as usize] = false;
        Ok(())
    }
}

impl<C: Companion + 'static> HostIoPread for Debuggee<C> {
    fn pread(
        &mut self,
        fd: u32,
        count: usize,
        offset: u64,
        buf: &mut [u8],
    ) -> HostIoResult<usize, Self> {
        self.files.check(fd)?;
        Ok(part(&self.files.elf, offset, count, buf))
    }
}

impl<C: Companion + 'static> HostIoFstat for Debuggee<C> {
    fn fstat(&mut self, fd: u32) -> HostIoResult<HostIoStat, Self> {
        self.files.check(fd)?;
        let size = self.files.elf.len() as u64;
        Ok(HostIoStat {
            st_dev: 0,
            st_ino: 0,
            st_mode: HostIoOpenMode::S_IFREG | HostIoOpenMode::S_IRUSR,
            st_nlink: 1,
            st_uid: 0,
            st_gid: 0,
            st_rdev: 0,
            st_size: size,
            st_blksize: 4096,
            st_blocks: size.div_ceil(512),
            st_atime: 0,
            st_mtime: 0,
            st_ctime: 0,
        })
    }
}

impl<C: Companion + 'static> HostIoSetfs for Debuggee<C> {
    fn setfs(&mut self, _: FsKind) -> HostIoResult<(), Self> {
        Ok(())
    }
}
