//! What leans on the insides of Unicorn 2.1.5: offsets in its structures and internal functions of the
//! static library.
//!
//! Each offset was read from the crate's own headers with `offsetof` (x86-64 and AArch64 hosts share the
//! layout: all members before them have fixed-size types). [`self_test`] checks them through the public
//! API each time an engine is made, and refuses to run when one is wrong.

use std::ffi::c_void;
use unicorn_engine_sys::{RegisterARM, uc_engine, uc_hook, uc_reg_read, uc_reg_write};

/// `uc_struct.cpu`
pub const UC_CPU: usize = 0x1b8;
/// `uc_struct.invalid_addr`
pub const UC_INVALID_ADDR: usize = 0x588;
/// `CPUState.cflags_next_tb`
pub const CPU_CFLAGS_NEXT_TB: usize = 0x18;
/// `CPUState.env_ptr`
pub const CPU_ENV_PTR: usize = 0x128;
/// `CPUState.mem_io_pc`
pub const CPU_MEM_IO_PC: usize = 0x8178;

/// `TranslationBlock.size`: 16 bits
pub const TB_SIZE: usize = 12;
/// `uc_struct.tcg_ctx`
pub const UC_TCG_CTX: usize = 0x300;
/// `struct hook.begin`; `end` follows it
pub const HOOK_BEGIN: usize = 24;
/// `ARM_FEATURE_M_SECURITY`, a bit of `CPUARMState.features`
pub const FEATURE_M_SECURITY: u32 = 37;
/// `ARM_FEATURE_M_MAIN`, a bit of `CPUARMState.features`
pub const FEATURE_M_MAIN: u32 = 38;

/// Offsets in `CPUARMState`.
pub mod env {
    /// `regs[16]`
    pub const REGS: usize = 0;
    /// `CF`: 0 or 1
    pub const CF: usize = 0x208;
    /// `VF`: bit 31
    pub const VF: usize = 0x20c;
    /// `NF`: bit 31
    pub const NF: usize = 0x210;
    /// `ZF`: Z is set when this is zero
    pub const ZF: usize = 0x214;
    /// `QF`: 0 or 1
    pub const QF: usize = 0x218;
    /// `GE`: 4 bits
    pub const GE: usize = 0x21c;
    /// `thumb`
    pub const THUMB: usize = 0x220;
    /// `condexec_bits`: ITSTATE
    pub const CONDEXEC: usize = 0x224;
    /// `v7m.other_sp`
    pub const OTHER_SP: usize = 0xb18;
    /// `v7m.basepri[0]`
    pub const BASEPRI: usize = 0xb2c;
    /// `v7m.control[0]`: nPRIV and SPSEL
    pub const CONTROL: usize = 0xb34;
    /// `v7m.control[1]`: FPCA, also without the Security Extension
    pub const CONTROL_FPCA: usize = 0xb38;
    /// `v7m.exception`
    pub const EXCEPTION: usize = 0xb70;
    /// `v7m.primask[0]`
    pub const PRIMASK: usize = 0xb74;
    /// `v7m.faultmask[0]`
    pub const FAULTMASK: usize = 0xb7c;
    /// `v7m.secure`: 0 or 1
    pub const SECURE: usize = 0xb88;
    /// `v7m.msplim[0]`
    pub const MSPLIM: usize = 0xb9c;
    /// `v7m.psplim[0]`
    pub const PSPLIM: usize = 0xba4;
    /// `v7m.fpccr[0]`
    pub const FPCCR: usize = 0xbb4;
    /// `v7m.fpdscr[0]`
    pub const FPDSCR: usize = 0xbbc;
    /// `v7m.nsacr`
    pub const NSACR: usize = 0xbcc;
    /// `features`: bits of `enum arm_features`
    pub const FEATURES: usize = 0xfa0;
    /// `exclusive_addr`
    pub const EXCLUSIVE_ADDR: usize = 0xec0;
    /// `exclusive_val`
    pub const EXCLUSIVE_VAL: usize = 0xec8;
    /// `vfp.zregs[0]`: S registers in order, four bytes each
    pub const VFP: usize = 0xc10;
}

unsafe extern "C" {
    /// Restores the guest state of the instruction at a host return address.
    fn cpu_restore_state_arm(cpu: *mut c_void, host_pc: usize, will_exit: bool) -> bool;
    /// Leaves the translated code for the main loop (`siglongjmp`), without an exception.
    fn cpu_loop_exit_noexc_arm(cpu: *mut c_void) -> !;
    /// Recomputes the cached translation flags from the CPU state.
    fn arm_rebuild_hflags_arm(env: *mut c_void);
    /// Program counter, segment and flags under which the present code is translated.
    fn cpu_get_tb_cpu_state_arm(env: *mut c_void, pc: *mut u32, cs_base: *mut u32, flags: *mut u32);
    fn tb_htable_lookup_arm(
        cpu: *mut c_void,
        pc: u32,
        cs_base: u32,
        flags: u32,
        cflags: u32,
    ) -> *mut c_void;
    fn tb_phys_invalidate_arm(tcg_ctx: *mut c_void, tb: *mut c_void, page: usize);
    fn vfp_get_fpscr_arm(env: *mut c_void) -> u32;
    fn vfp_set_fpscr_arm(env: *mut c_void, value: u32);
}

/// Pointer to the engine's `CPUState`.
///
/// # Safety
/// `uc` must be an initialised ARM engine.
pub unsafe fn cpu_of(uc: *mut uc_engine) -> *mut u8 {
    // SAFETY: checked by the self-test.
    unsafe { uc.cast::<u8>().add(UC_CPU).cast::<*mut u8>().read() }
}

/// Pointer to the `CPUARMState`.
///
/// # Safety
/// `cpu` must come from [`cpu_of`].
pub unsafe fn env_of(cpu: *mut u8) -> *mut u8 {
    // SAFETY: checked by the self-test.
    unsafe { cpu.add(CPU_ENV_PTR).cast::<*mut u8>().read() }
}

/// The address whose access could not be translated.
///
/// # Safety
/// `uc` must be an initialised engine.
pub unsafe fn invalid_address(uc: *mut uc_engine) -> u32 {
    // SAFETY: the field exists in this version.
    unsafe { uc.cast::<u8>().add(UC_INVALID_ADDR).cast::<u64>().read() as u32 }
}

/// The next translation block executes at most `n` instructions.
///
/// # Safety
/// `cpu` must come from [`cpu_of`].
pub unsafe fn limit_next_block(cpu: *mut u8, n: u32) {
    // SAFETY: the field exists in this version.
    unsafe { cpu.add(CPU_CFLAGS_NEXT_TB).cast::<u32>().write(n) }
}

/// In an MMIO callback: bring the guest registers, PC and ITSTATE to the accessing instruction.
///
/// # Safety
/// Only inside an MMIO callback of `cpu`.
pub unsafe fn restore_accessing_instruction(cpu: *mut u8, will_exit: bool) {
    // SAFETY: `mem_io_pc` was set by the access that led to the callback.
    unsafe {
        let host_pc = cpu.add(CPU_MEM_IO_PC).cast::<usize>().read();
        cpu_restore_state_arm(cpu.cast(), host_pc, will_exit);
    }
}

/// Leave translated code for the main loop, which goes on at the PC in the registers.
///
/// # Safety
/// Only inside a callback that runs under `uc_emu_start`, from a frame that owns nothing: it jumps
/// over all frames up to the engine's main loop.
pub unsafe fn leave_block(cpu: *mut u8) -> ! {
    // SAFETY: the caller's promise.
    unsafe { cpu_loop_exit_noexc_arm(cpu.cast()) }
}

/// Recompute the cached translation flags after IPSR or CONTROL changed behind the engine's back.
///
/// # Safety
/// `env` must come from [`env_of`].
pub unsafe fn rebuild_flags(env: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { arm_rebuild_hflags_arm(env.cast()) }
}

/// FPSCR.
///
/// # Safety
/// `env` must come from [`env_of`].
pub unsafe fn fpscr(env: *mut u8) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { vfp_get_fpscr_arm(env.cast()) }
}

/// Set FPSCR.
///
/// # Safety
/// `env` must come from [`env_of`].
pub unsafe fn set_fpscr(env: *mut u8, value: u32) {
    // SAFETY: the caller's promise.
    unsafe { vfp_set_fpscr_arm(env.cast(), value) }
}

/// Drop the whole translation block of `size` bytes that begins at the PC, and no other. Says whether there was one.
///
/// # Safety
/// `uc` must be an initialised engine; inside a callback only when the PC in the registers is exact.
pub unsafe fn drop_block_at_pc(uc: *mut uc_engine, size: u32) -> bool {
    /// `cluster_index` of a CPU that belongs to no cluster, where `cflags` have it.
    const NO_CLUSTER: u32 = 0xFF00_0000;
    // SAFETY: the caller's promise.
    unsafe {
        let cpu = cpu_of(uc);
        let (mut pc, mut cs_base, mut flags) = (0, 0, 0);
        cpu_get_tb_cpu_state_arm(env_of(cpu).cast(), &mut pc, &mut cs_base, &mut flags);
        let block = tb_htable_lookup_arm(cpu.cast(), pc, cs_base, flags, NO_CLUSTER);
        if block.is_null()
            || u32::from(block.cast::<u8>().add(TB_SIZE).cast::<u16>().read()) != size
        {
            return false;
        }
        let context = uc.cast::<u8>().add(UC_TCG_CTX).cast::<*mut c_void>().read();
        tb_phys_invalidate_arm(context, block, usize::MAX);
        true
    }
}

/// The addresses between which a hook applies.
///
/// # Safety
/// `hook` must be the handle of a hook that was not deleted.
pub unsafe fn hook_bounds(hook: uc_hook) -> [u64; 2] {
    // SAFETY: a handle is the address of its `struct hook`.
    unsafe {
        (hook as *const u8)
            .add(HOOK_BEGIN)
            .cast::<[u64; 2]>()
            .read()
    }
}

/// Change the addresses between which code is translated with a hook.
///
/// # Safety
/// As for [`hook_bounds`].
pub unsafe fn bound_hook(hook: uc_hook, bounds: [u64; 2]) {
    // SAFETY: the caller's promise.
    unsafe {
        (hook as *mut u8)
            .add(HOOK_BEGIN)
            .cast::<[u64; 2]>()
            .write(bounds)
    }
}

/// Translate all accesses as if they had to be aligned.
///
/// # Safety
/// `env` must come from [`env_of`].
pub unsafe fn align_all(env: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        let features = env.add(env::FEATURES).cast::<u64>();
        features.write(features.read() & !(1 << FEATURE_M_MAIN));
    }
}

/// Make of a core with the Security Extension, which starts in Secure state, one without: all that is banked is then
/// found where the other cores have it. Those without are left alone.
///
/// # Safety
/// `env` must come from [`env_of`].
unsafe fn without_security(env: *mut u8) -> Result<(), &'static str> {
    // SAFETY: the caller's promise.
    unsafe {
        let features = env.add(env::FEATURES).cast::<u64>();
        let secure = env.add(env::SECURE).cast::<u32>();
        let extension = features.read() >> FEATURE_M_SECURITY & 1;
        if u64::from(secure.read()) != extension {
            return Err("secure");
        }
        if extension != 0 {
            features.write(features.read() & !(1 << FEATURE_M_SECURITY));
            secure.write(0);
            // As cores without the extension come out of reset.
            env.add(env::NSACR).cast::<u32>().write(0xCFF);
        }
        Ok(())
    }
}

/// Compare what the offsets show with what the public API says. Returns the first that differs.
///
/// # Safety
/// `uc` must be an initialised Cortex-M engine that is not running; its registers are changed.
pub unsafe fn self_test(uc: *mut uc_engine) -> Result<(), &'static str> {
    // SAFETY: the caller's promise; each pointer is checked against the public API before it is trusted
    // for more than reading.
    unsafe {
        let write = |reg: RegisterARM, value: u32| {
            uc_reg_write(uc, reg as i32, std::ptr::from_ref(&value).cast());
        };
        let read = |reg: RegisterARM| {
            let mut value = 0u32;
            uc_reg_read(uc, reg as i32, std::ptr::from_mut(&mut value).cast());
            value
        };
        write(RegisterARM::R7, 0x7157_0007);
        let env = env_of(cpu_of(uc));
        if env.is_null() {
            return Err("env pointer");
        }
        let at = |offset: usize| env.add(offset).cast::<u32>();
        if at(env::REGS + 7 * 4).read() != 0x7157_0007 {
            return Err("regs");
        }
        const FEATURE_M: u32 = 9;
        let features = env.add(env::FEATURES).cast::<u64>().read();
        if features >> FEATURE_M & 1 != 1 || features >> (FEATURE_M_MAIN + 1) != 0 {
            return Err("features");
        }
        without_security(env)?;
        write(RegisterARM::APSR_NZCV, 0xF000_0000);
        if at(env::NF).read() >> 31 != 1
            || at(env::ZF).read() != 0
            || at(env::CF).read() != 1
            || at(env::VF).read() >> 31 != 1
        {
            return Err("flags");
        }
        write(RegisterARM::APSR_NZCV, 0);
        if at(env::NF).read() >> 31 != 0 || at(env::ZF).read() == 0 || at(env::CF).read() != 0 {
            return Err("flags");
        }
        write(RegisterARM::MSP, 0x2000_1000);
        write(RegisterARM::PSP, 0x2000_2000);
        if at(env::REGS + 13 * 4).read() != 0x2000_1000 || at(env::OTHER_SP).read() != 0x2000_2000 {
            return Err("stack pointers");
        }
        write(RegisterARM::PRIMASK, 1);
        if at(env::PRIMASK).read() != 1 {
            return Err("primask");
        }
        write(RegisterARM::PRIMASK, 0);
        at(env::CONDEXEC).write(0x08);
        if read(RegisterARM::XPSR) & 0x0600_FC00 == 0 {
            return Err("condexec_bits");
        }
        at(env::CONDEXEC).write(0);
        write(RegisterARM::IPSR, 3);
        if at(env::EXCEPTION).read() != 3 {
            return Err("exception");
        }
        write(RegisterARM::IPSR, 0);
        write(RegisterARM::CONTROL, 4);
        let fpca = at(env::CONTROL_FPCA).read();
        if read(RegisterARM::CONTROL) & 4 != fpca & 4 {
            return Err("control");
        }
        write(RegisterARM::CONTROL, 0);
        write(RegisterARM::S5, 0x4049_0FDB);
        if at(env::VFP + 5 * 4).read() != 0x4049_0FDB {
            return Err("vfp registers");
        }
        write(RegisterARM::S5, 0);
        write(RegisterARM::R7, 0);
        Ok(())
    }
}
