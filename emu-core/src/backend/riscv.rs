//! RV32: the registers inside the engine, and what leans on its insides.
//!
//! As in [`super::internals`], each offset was read from the crate's headers with `offsetof`, and [`self_test`]
//! checks them each time an engine is made.

use super::internals;
use std::ffi::c_void;
use unicorn_engine_sys::{RegisterRISCV, uc_engine, uc_reg_read, uc_reg_write};

/// Offsets in `CPURISCVState` (RV32).
pub mod env {
    /// `gpr[32]`
    pub const GPR: usize = 0;
    /// `pc`
    pub const PC: usize = 0x180;
    /// `load_res`: the reserved address, all ones when there is none
    pub const LOAD_RES: usize = 0x184;
    /// `load_val`: the value that was there
    pub const LOAD_VAL: usize = 0x188;
}

/// Page size of the engine on RV32, in bytes.
pub const PAGE: u32 = 4096;

/// QEMU's exception numbers that reach [`super::Host::exception`]: the causes of the architecture. The PC is
/// always four bytes behind the instruction, whatever its size.
pub mod exception {
    /// An instruction that is illegal in user mode: all privileged ones.
    pub const ILLEGAL: u32 = 2;
    /// The address of an LR is not a multiple of four.
    pub const LOAD_MISALIGNED: u32 = 4;
    /// The address of an SC or AMO is not a multiple of four.
    pub const STORE_MISALIGNED: u32 = 6;
    /// ECALL, in whatever mode.
    pub const ECALL: u32 = 8;
}

unsafe extern "C" {
    fn cpu_restore_state_riscv32(cpu: *mut c_void, host_pc: usize, will_exit: bool) -> bool;
    fn cpu_loop_exit_noexc_riscv32(cpu: *mut c_void) -> !;
}

/// A view of the registers.
#[derive(Clone, Copy)]
pub struct RiscvCpu {
    env: *mut u8,
    cpu: *mut u8,
}

// SAFETY: the pointers lead into the engine that owns them; `Engine` is only used by one thread at a time.
unsafe impl Send for RiscvCpu {}

impl RiscvCpu {
    /// # Safety
    /// `cpu` must be the `CPUState` of a RISC-V engine that passed the self-test and outlives this view.
    pub(super) unsafe fn new(cpu: *mut u8) -> RiscvCpu {
        // SAFETY: the caller's promise.
        RiscvCpu {
            cpu,
            env: unsafe { internals::env_of(cpu) },
        }
    }

    fn get(self, offset: usize) -> u32 {
        // SAFETY: the offset was checked by the self-test and `env` is alive (see `new`).
        unsafe { self.env.add(offset).cast::<u32>().read() }
    }

    fn set(self, offset: usize, value: u32) {
        // SAFETY: as in `get`.
        unsafe { self.env.add(offset).cast::<u32>().write(value) }
    }

    /// `x0` to `x31`.
    #[inline]
    #[must_use]
    pub fn x(self, n: usize) -> u32 {
        self.get(env::GPR + 4 * (n & 31))
    }

    /// Set `x1` to `x31`; `x0` stays zero.
    pub fn set_x(self, n: usize, value: u32) {
        if n & 31 != 0 {
            self.set(env::GPR + 4 * (n & 31), value);
        }
    }

    /// Address of the next instruction (exact at block boundaries).
    #[must_use]
    pub fn pc(self) -> u32 {
        self.get(env::PC)
    }

    /// Go on at an address.
    pub fn set_pc(self, pc: u32) {
        self.set(env::PC, pc);
    }

    /// The reservation of LR: address and value.
    #[must_use]
    pub fn reservation(self) -> (u32, u32) {
        (self.get(env::LOAD_RES), self.get(env::LOAD_VAL))
    }

    /// Set the reservation.
    pub fn set_reservation(self, (address, value): (u32, u32)) {
        self.set(env::LOAD_RES, address);
        self.set(env::LOAD_VAL, value);
    }

    /// The next translation block executes at most `n` instructions.
    pub fn limit_next_block(self, n: u32) {
        // SAFETY: `cpu` is the engine's (see `new`).
        unsafe { internals::limit_next_block(self.cpu, n) }
    }

    /// In an I/O callback: bring the PC to the accessing instruction.
    ///
    /// # Safety
    /// Only inside an I/O callback of this engine.
    pub unsafe fn locate_access(self) {
        // SAFETY: `mem_io_pc` was set by the access that led to the callback.
        unsafe {
            let host_pc = self
                .cpu
                .add(internals::CPU_MEM_IO_PC)
                .cast::<usize>()
                .read();
            cpu_restore_state_riscv32(self.cpu.cast(), host_pc, true);
        }
    }
}

/// Leave translated code for the main loop, which goes on at the PC in the registers.
///
/// # Safety
/// As [`internals::leave_block`].
pub(super) unsafe fn leave_block(cpu: *mut u8) -> ! {
    // SAFETY: the caller's promise.
    unsafe { cpu_loop_exit_noexc_riscv32(cpu.cast()) }
}

/// Compare what the offsets show with what the public API says, and put the engine into user mode. Returns the
/// first that differs.
///
/// # Safety
/// `uc` must be an initialised RV32 engine that is not running; its registers are changed.
pub(super) unsafe fn self_test(uc: *mut uc_engine) -> Result<(), &'static str> {
    // SAFETY: the caller's promise; the pointers are checked before they are trusted for more than reading.
    unsafe {
        let write = |reg: RegisterRISCV, value: u32| {
            uc_reg_write(uc, reg as i32, std::ptr::from_ref(&value).cast());
        };
        let read = |reg: RegisterRISCV| {
            let mut value = 0u32;
            uc_reg_read(uc, reg as i32, std::ptr::from_mut(&mut value).cast());
            value
        };
        write(RegisterRISCV::X7, 0x7157_0007);
        write(RegisterRISCV::X31, 0x7157_0031);
        write(RegisterRISCV::PC, 0x7157_0100);
        let env = internals::env_of(internals::cpu_of(uc));
        if env.is_null() {
            return Err("env pointer");
        }
        let at = |offset: usize| env.add(offset).cast::<u32>();
        if at(env::GPR + 4 * 7).read() != 0x7157_0007 || at(env::GPR + 4 * 31).read() != 0x7157_0031
        {
            return Err("gpr");
        }
        if at(env::PC).read() != 0x7157_0100 {
            return Err("pc");
        }
        // Set at reset, when nothing is reserved.
        if at(env::LOAD_RES).read() != u32::MAX || at(env::LOAD_VAL).read() != 0 {
            return Err("load_res");
        }
        write(RegisterRISCV::PRIV, 0);
        if read(RegisterRISCV::PRIV) != 0 {
            return Err("priv");
        }
        write(RegisterRISCV::X7, 0);
        write(RegisterRISCV::X31, 0);
        write(RegisterRISCV::PC, 0);
        Ok(())
    }
}
