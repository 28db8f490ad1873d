//! Setting up Unicorn and driving it; its callbacks become calls of a [`Host`].
//!
//! The set-up follows measurements: virtual TLB (otherwise each RAM store takes a slow path), a small
//! code buffer (otherwise start-up takes milliseconds and a gigabyte of address space), one raw block hook
//! without a trampoline, no memory hooks, and never `count`, `until`, `timeout` or `hook_del`.

use super::cpu::Cpu;
use super::internals;
use super::riscv::{self, RiscvCpu};
use crate::memory::Region;
use std::ffi::c_void;
use unicorn_engine::{Arch, Mode, TlbType, Unicorn};
use unicorn_engine_sys::{
    ArmCpuModel, ControlType, HookType, MemType, Prot, Riscv32CpuModel, TlbEntry,
    uc_cb_mmio_read_t, uc_cb_mmio_write_t, uc_ctl, uc_emu_start, uc_emu_stop, uc_engine, uc_error,
    uc_hook, uc_hook_add, uc_mem_map_ptr, uc_mmio_map,
};

/// What the engine does after a callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Go on as if nothing had happened.
    Continue,
    /// Go on at the PC and state that are now in the registers.
    Redirect,
    /// Leave [`Engine::run`]; the registers hold the state to resume from.
    Stop,
}

/// What kind of access asks for a translation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlbAccess {
    /// Data read.
    Read,
    /// Data write.
    Write,
    /// Instruction fetch.
    Fetch,
}

/// Answer to a translation request: physical page address, and whether it is writable and executable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translation {
    /// Physical address of the page.
    pub physical: u32,
    /// May be read without asking again.
    pub read: bool,
    /// May be written without asking again.
    pub write: bool,
    /// May be executed without asking again.
    pub execute: bool,
}

/// Instruction set of an engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isa {
    /// Thumb, M profile.
    Arm,
    /// RV32.
    Riscv,
}

/// What the core loop does at the engine's callbacks.
pub trait Host {
    /// Instruction set of the engine that calls.
    const ISA: Isa = Isa::Arm;
    /// A block of `size` bytes at `address` is about to run.
    fn block(&mut self, address: u32, size: u32) -> Flow;
    /// The instruction at `address` is about to execute, in code translated with instruction hooks.
    fn site(&mut self, address: u32);
    /// A read from an address that is not mapped memory.
    fn io_read(&mut self, address: u32, bytes: u32) -> Result<u32, Flow>;
    /// A write to an address that is not writable mapped memory.
    fn io_write(&mut self, address: u32, bytes: u32, value: u32) -> Result<(), Flow>;
    /// The engine met an exception (QEMU's numbering: for ARM 2 SVC, 7 BKPT, 8 exception return, 17 NOCP; for
    /// RISC-V the architecture's cause).
    fn exception(&mut self, number: u32);
    /// The instruction at the PC is undefined. `true` when it was dealt with.
    fn undefined(&mut self) -> bool;
    /// Translate a page for an access; `None` is a fault.
    fn translate(&mut self, page: u32, access: TlbAccess) -> Option<Translation>;
}

/// Physical addresses at which stores to flash and ROM are seen as I/O: address + this.
pub const STORE_SHADOW: u32 = 0xC000_0000;
/// Size of the address range that has a shadow.
pub const STORE_SHADOW_SIZE: u32 = 0x2000_0000;

/// Page size of the engine on M-profile, in bytes.
pub const PAGE: u32 = 1024;

/// QEMU's exception numbers that reach [`Host::exception`].
pub mod exception {
    /// Supervisor call; PC is the next instruction.
    pub const SVC: u32 = 2;
    /// Unaligned access on ARMv6-M; PC is the instruction.
    pub const UNALIGNED: u32 = 4;
    /// BKPT; PC is the instruction.
    pub const BKPT: u32 = 7;
    /// EXC_RETURN was written to PC in handler mode.
    pub const EXCEPTION_RETURN: u32 = 8;
    /// Coprocessor not present or not enabled; PC is the instruction.
    pub const NOCP: u32 = 17;
    /// The stack pointer would go below its limit (ARMv8-M); PC is the instruction.
    pub const STACK_OVERFLOW: u32 = 19;
}

/// How [`Engine::run`] ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The host said stop.
    Stopped,
    /// An access could not be translated, at this address; PC is the instruction (or the target of a fetch).
    Untranslated(u32),
    /// The instruction is undefined.
    Undefined,
    /// Something else, with the engine's error number.
    Error(u32),
}

/// One Unicorn instance.
pub struct Engine {
    unicorn: Unicorn<'static, ()>,
    uc: *mut uc_engine,
    cpu: Cpu,
    /// The hook on instructions.
    site_hook: uc_hook,
    isa: Isa,
}

// SAFETY: an engine may be moved between threads (it keeps no thread-local state); it is never shared.
unsafe impl Send for Engine {}

fn check(what: &str, e: uc_error) -> Result<(), String> {
    if e == uc_error::OK {
        Ok(())
    } else {
        Err(format!("{what}: {e:?}"))
    }
}

/// `UC_CTL_WRITE(type, arguments)` of unicorn.h.
fn ctl_write(kind: ControlType, arguments: u32) -> ControlType {
    // SAFETY: the C macro composes the same word; the enum is a plain integer to the callee.
    ControlType(kind.0 | arguments << 26 | 1 << 30)
}

/// A fresh engine, set up as all of them are.
fn open(
    arch: Arch,
    mode: Mode,
    model: i32,
) -> Result<(Unicorn<'static, ()>, *mut uc_engine), String> {
    let mut unicorn = Unicorn::new(arch, mode).map_err(|e| format!("uc_open: {e:?}"))?;
    let uc = unicorn.get_handle();
    // The model must come before anything that initialises the engine.
    unicorn
        .ctl_set_cpu_model(model)
        .map_err(|e| format!("cpu model: {e:?}"))?;
    const CODE_BUFFER: u32 = 4 << 20;
    // SAFETY: the variadic arguments are those of UC_CTL_TCG_BUFFER_SIZE.
    unsafe {
        let kind = ctl_write(ControlType::TCG_BUFFER_SIZE, 1);
        check("code buffer", uc_ctl(uc, kind, CODE_BUFFER))?;
    }
    unicorn
        .ctl_exits_enable()
        .map_err(|e| format!("exits: {e:?}"))?;
    unicorn
        .ctl_set_tlb_type(TlbType::VIRTUAL)
        .map_err(|e| format!("tlb type: {e:?}"))?;
    Ok((unicorn, uc))
}

impl Engine {
    /// An engine for a Cortex-M model.
    ///
    /// # Errors
    /// A text when Unicorn refuses, or when its insides are not those of the pinned version.
    pub fn new(model: ArmModel) -> Result<Engine, String> {
        let (unicorn, uc) = open(Arch::ARM, Mode::THUMB, model.number())?;
        // SAFETY: a fresh ARM engine that is not running.
        unsafe { internals::self_test(uc) }
            .map_err(|what| format!("Unicorn is not the version this was built for ({what})"))?;
        // SAFETY: the self-test passed, and the view lives in the same struct as the engine.
        let cpu = unsafe { Cpu::new(internals::cpu_of(uc)) };
        // Without the Main Extension, as it sees it, the engine translates every access so that an unaligned one
        // raises an exception. What else would be missing (MSR to BASEPRI and others) the core does itself.
        // SAFETY: as above.
        unsafe { internals::align_all(internals::env_of(internals::cpu_of(uc))) };
        Ok(Engine {
            unicorn,
            uc,
            cpu,
            isa: Isa::Arm,
            site_hook: 0 as uc_hook,
        })
    }

    /// An engine for RV32IMAC. It executes everything in user mode, so that each privileged instruction comes
    /// back as an exception: the privileged architecture is the host's.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn new_riscv() -> Result<Engine, String> {
        let model = Riscv32CpuModel::SIFIVE_E31 as i32;
        let (unicorn, uc) = open(Arch::RISCV, Mode::RISCV32, model)?;
        // SAFETY: a fresh RISC-V engine that is not running.
        unsafe { riscv::self_test(uc) }
            .map_err(|what| format!("Unicorn is not the version this was built for ({what})"))?;
        // SAFETY: the pointers are those of a RISC-V engine too; this view is only passed around, and the one
        // for RISC-V is made from it.
        let cpu = unsafe { Cpu::new(internals::cpu_of(uc)) };
        Ok(Engine {
            unicorn,
            uc,
            cpu,
            isa: Isa::Riscv,
            site_hook: 0 as uc_hook,
        })
    }

    /// The registers of a RISC-V engine.
    ///
    /// # Panics
    /// When the engine is none.
    #[must_use]
    pub fn riscv_cpu(&self) -> RiscvCpu {
        assert_eq!(self.isa, Isa::Riscv, "not a RISC-V engine");
        // SAFETY: the self-test passed for a RISC-V engine.
        unsafe { RiscvCpu::new(self.cpu.state()) }
    }

    /// The core registers.
    #[must_use]
    pub fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// Map a region's host buffer at its address.
    ///
    /// # Errors
    /// A text when the engine refuses.
    pub fn map_memory(&mut self, region: &Region) -> Result<(), String> {
        // SAFETY: the buffer is page-aligned, at least this long, and is dropped after the engine.
        let e = unsafe {
            uc_mem_map_ptr(
                self.uc,
                u64::from(region.base),
                u64::from(region.size()),
                Prot::ALL.0,
                region.host_pointer().cast(),
            )
        };
        check(&region.name, e)
    }

    /// Let accesses to an address range reach [`Host::io_read`] and [`Host::io_write`]; the host sees the
    /// addresses as `seen_at + offset`.
    ///
    /// # Errors
    /// A text when the engine refuses.
    ///
    /// # Safety
    /// `range` must stay at its address as long as the engine lives, and its host too.
    pub unsafe fn map_io<H: Host>(
        &mut self,
        at: u32,
        size: u64,
        range: *mut IoRange<H>,
    ) -> Result<(), String> {
        let read: uc_cb_mmio_read_t = Some(io_read::<H>);
        let write: uc_cb_mmio_write_t = Some(io_write::<H>);
        // SAFETY: the caller's promise about `range`.
        let e = unsafe {
            uc_mmio_map(
                self.uc,
                u64::from(at),
                size,
                read,
                range.cast(),
                write,
                range.cast(),
            )
        };
        check("I/O window", e)
    }

    /// Install the callbacks.
    ///
    /// # Errors
    /// A text when the engine refuses.
    ///
    /// # Safety
    /// `host` must stay at its address as long as the engine lives, and must not be borrowed while
    /// [`Engine::run`] runs.
    pub unsafe fn attach<H: Host>(&mut self, host: *mut H) -> Result<(), String> {
        let hooks: [(HookType, *mut c_void); 5] = [
            (HookType::CODE, site_hook::<H> as *mut c_void),
            (HookType::BLOCK, block_hook::<H> as *mut c_void),
            (HookType::INTR, interrupt_hook::<H> as *mut c_void),
            (HookType::INSN_INVALID, invalid_hook::<H> as *mut c_void),
            (HookType::TLB_FILL, tlb_hook::<H> as *mut c_void),
        ];
        for (kind, callback) in hooks {
            let mut handle: uc_hook = 0 as uc_hook;
            // SAFETY: the callbacks have the signatures of their hook types; begin > end means everywhere.
            let e = unsafe {
                uc_hook_add(
                    self.uc,
                    &mut handle,
                    kind.0 as i32,
                    callback,
                    host.cast(),
                    1,
                    0,
                )
            };
            check("hook", e)?;
            if kind == HookType::CODE {
                self.site_hook = handle;
            }
        }
        // SAFETY: the handle of a hook is its address.
        if unsafe { internals::hook_bounds(self.site_hook) } != [1, 0] {
            return Err("Unicorn is not the version this was built for (hook)".into());
        }
        Ok(())
    }

    /// Translate code with a call of [`Host::site`] before each instruction (not when its condition fails), or
    /// without, from now on. What is translated already stays as it is.
    pub fn hook_instructions(&mut self, on: bool) {
        // SAFETY: `attach` made the hook, which is never removed; the offset was checked by the self-test.
        // begin > end means everywhere; no instruction is at an odd address.
        unsafe {
            internals::bound_hook(self.site_hook, if on { [1, 0] } else { [1, 1] });
        }
    }

    /// Forget the whole translated block of `size` bytes at the PC, and no other. Says whether there was one.
    pub fn drop_block_at_pc(&mut self, size: u32) -> bool {
        // SAFETY: called between blocks, when the PC is exact.
        unsafe { internals::drop_block_at_pc(self.uc, size) }
    }

    /// Run from the PC in the registers until the host stops it or a fault.
    ///
    /// # Safety
    /// Nothing may hold a reference to the host: the callbacks use it.
    pub unsafe fn run(uc: RunHandle) -> Ended {
        let start = match uc.isa {
            Isa::Arm => uc.cpu.pc() | 1,
            // SAFETY: an engine of this instruction set.
            Isa::Riscv => unsafe { RiscvCpu::new(uc.cpu.state()) }.pc(),
        };
        // SAFETY: the caller's promise; `until` is unused since exits are enabled and empty.
        let e = unsafe { uc_emu_start(uc.uc, u64::from(start), 0xFFFF_FFFE, 0, 0) };
        match e {
            uc_error::OK => Ended::Stopped,
            // SAFETY: the engine is initialised.
            uc_error::EXCEPTION => {
                Ended::Untranslated(unsafe { internals::invalid_address(uc.uc) })
            }
            uc_error::INSN_INVALID => Ended::Undefined,
            e => Ended::Error(e as u32),
        }
    }

    /// What [`Engine::run`] needs, so that the engine itself is not borrowed meanwhile.
    #[must_use]
    pub fn handle(&self) -> RunHandle {
        RunHandle {
            uc: self.uc,
            cpu: self.cpu,
            isa: self.isa,
        }
    }

    /// Drop all translated code.
    pub fn flush_code(&mut self) {
        // Only fails for a null engine.
        let _ = self.unicorn.ctl_flush_tb();
    }

    /// Drop the translated code of an address range.
    pub fn drop_code(&mut self, start: u32, end: u32) {
        let _ = self
            .unicorn
            .ctl_remove_cache(u64::from(start), u64::from(end));
    }

    /// Forget all cached translations of addresses.
    pub fn flush_tlb(&mut self) {
        let _ = self.unicorn.ctl_flush_tlb();
    }
}

/// Which of Unicorn's Cortex-M models.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArmModel {
    /// ARMv6-M.
    CortexM0,
    /// ARMv7-M.
    CortexM3,
    /// ARMv7E-M, single-precision FPU.
    CortexM4,
    /// ARMv7E-M, double-precision FPU.
    CortexM7,
    /// ARMv8-M, single-precision FPU, Security Extension.
    CortexM33,
}

impl ArmModel {
    /// Unicorn's number for it.
    #[must_use]
    pub fn number(self) -> i32 {
        let model = match self {
            ArmModel::CortexM0 => ArmCpuModel::CORTEX_M0,
            ArmModel::CortexM3 => ArmCpuModel::CORTEX_M3,
            ArmModel::CortexM4 => ArmCpuModel::CORTEX_M4,
            ArmModel::CortexM7 => ArmCpuModel::CORTEX_M7,
            ArmModel::CortexM33 => ArmCpuModel::CORTEX_M33,
        };
        model as i32
    }
}

/// The parts of an engine that are needed to run it.
#[derive(Clone, Copy)]
pub struct RunHandle {
    uc: *mut uc_engine,
    cpu: Cpu,
    isa: Isa,
}

/// An I/O window: who serves it and at which address the host sees it.
pub struct IoRange<H> {
    /// The host.
    pub host: *mut H,
    /// Address of the window's first byte, as the host sees it.
    pub seen_at: u32,
}

/// Carry out a callback's wish. Nothing with a destructor may be alive in the caller.
///
/// # Safety
/// Only at the end of a callback that runs under `uc_emu_start`.
#[inline]
unsafe fn follow<H: Host>(uc: *mut uc_engine, flow: Flow) {
    if flow == Flow::Continue {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if flow == Flow::Stop {
            uc_emu_stop(uc);
        }
        let cpu = internals::cpu_of(uc);
        match H::ISA {
            Isa::Arm => internals::leave_block(cpu),
            Isa::Riscv => riscv::leave_block(cpu),
        }
    }
}

unsafe extern "C" fn block_hook<H: Host>(
    uc: *mut uc_engine,
    address: u64,
    size: u32,
    host: *mut c_void,
) {
    // SAFETY: `attach` promised the host; the flow is the last thing done.
    unsafe {
        let flow = (*host.cast::<H>()).block(address as u32, size);
        follow::<H>(uc, flow);
    }
}

unsafe extern "C" fn site_hook<H: Host>(
    _uc: *mut uc_engine,
    address: u64,
    _size: u32,
    host: *mut c_void,
) {
    // SAFETY: `attach` promised the host.
    unsafe { (*host.cast::<H>()).site(address as u32) }
}

unsafe extern "C" fn interrupt_hook<H: Host>(_uc: *mut uc_engine, number: u32, host: *mut c_void) {
    // SAFETY: `attach` promised the host. The main loop goes on with the registers as they are now.
    unsafe { (*host.cast::<H>()).exception(number) }
}

unsafe extern "C" fn invalid_hook<H: Host>(_uc: *mut uc_engine, host: *mut c_void) -> bool {
    // SAFETY: `attach` promised the host.
    unsafe { (*host.cast::<H>()).undefined() }
}

unsafe extern "C" fn tlb_hook<H: Host>(
    _uc: *mut uc_engine,
    page: u64,
    access: MemType,
    result: *mut TlbEntry,
    host: *mut c_void,
) -> bool {
    let access = match access {
        MemType::WRITE => TlbAccess::Write,
        MemType::FETCH => TlbAccess::Fetch,
        _ => TlbAccess::Read,
    };
    // SAFETY: `attach` promised the host; `result` is the engine's.
    unsafe {
        let host = &mut *host.cast::<H>();
        let Some(t) = host.translate(page as u32, access) else {
            return false;
        };
        (*result).paddr = u64::from(t.physical);
        let mut perms = 0;
        if t.read {
            perms |= Prot::READ.0;
        }
        if t.write {
            perms |= Prot::WRITE.0;
        }
        if t.execute {
            perms |= Prot::EXEC.0;
        }
        (*result).perms = Prot(perms);
        true
    }
}

unsafe extern "C" fn io_read<H: Host>(
    uc: *mut uc_engine,
    offset: u64,
    size: u32,
    range: *mut c_void,
) -> u64 {
    // SAFETY: `map_io` promised the range and its host; the flow is the last thing done.
    unsafe {
        let range = &*range.cast::<IoRange<H>>();
        let address = range.seen_at.wrapping_add(offset as u32);
        let host = &mut *range.host;
        let flow = if size <= 4 {
            match host.io_read(address, size) {
                Ok(v) => return u64::from(v),
                Err(flow) => flow,
            }
        } else {
            match host
                .io_read(address, 4)
                .and_then(|lo| Ok((lo, host.io_read(address.wrapping_add(4), 4)?)))
            {
                Ok((lo, hi)) => return u64::from(lo) | u64::from(hi) << 32,
                Err(flow) => flow,
            }
        };
        follow::<H>(uc, flow);
        0
    }
}

unsafe extern "C" fn io_write<H: Host>(
    uc: *mut uc_engine,
    offset: u64,
    size: u32,
    value: u64,
    range: *mut c_void,
) {
    // SAFETY: as in `io_read`.
    unsafe {
        let range = &*range.cast::<IoRange<H>>();
        let address = range.seen_at.wrapping_add(offset as u32);
        let host = &mut *range.host;
        let done = if size <= 4 {
            host.io_write(address, size, value as u32)
        } else {
            host.io_write(address, 4, value as u32)
                .and_then(|()| host.io_write(address.wrapping_add(4), 4, (value >> 32) as u32))
        };
        if let Err(flow) = done {
            follow::<H>(uc, flow);
        }
    }
}

/// In an I/O callback: bring PC and the other registers to the accessing instruction.
///
/// ITSTATE is left at zero, as translated code expects, unless `will_exit`.
///
/// # Safety
/// Only inside an I/O callback of this engine.
pub unsafe fn locate_access(cpu: Cpu, will_exit: bool) {
    // SAFETY: the caller's promise.
    unsafe { internals::restore_accessing_instruction(cpu.state(), will_exit) };
    if !will_exit {
        cpu.set_it_state(0);
    }
}
