//! Unicorn without the core loop: code at 0, RAM at 0x2000_0000, an I/O window at 0x4000_0000, and callbacks
//! that write down what they see.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use emu_core::backend::internals;
use std::ffi::c_void;
use unicorn_engine_sys::*;

pub const RAM: u32 = 0x2000_0000;
pub const IO: u32 = 0x4000_0000;
pub const WFI: u16 = 0xBF30;
pub const NOP: u16 = 0xBF00;
/// An end address that is never reached; the engine wants one that it can translate.
pub const NOWHERE: u32 = 0xFFFE;

/// What a callback shall do at the block that starts here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    Split(u32, u32),
    Stop(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IoAccess {
    pub write: bool,
    pub offset: u32,
    /// PC as the public API shows it in the callback.
    pub shown_pc: u32,
    /// PC after the accessing instruction was restored.
    pub exact_pc: u32,
}

#[derive(Default)]
pub struct Seen {
    pub blocks: Vec<(u32, u32)>,
    /// xPSR at each block.
    pub xpsr: Vec<u32>,
    /// R7 at each block.
    pub r7: Vec<u32>,
    pub interrupts: Vec<(u32, u32)>,
    pub invalid: Vec<u32>,
    pub io: Vec<IoAccess>,
    pub sites: Vec<u32>,
    pub fills: u32,
}

pub struct Host {
    uc: *mut uc_engine,
    pub seen: Seen,
    pub at: Vec<At>,
    /// Clear ITSTATE in the data fills of the virtual TLB.
    pub clear_it: bool,
    /// Restore the accessing instruction in the I/O callbacks.
    pub restore: bool,
    /// Abandon the first I/O access, to be made again in a block of its own.
    pub abandon_first: bool,
    /// Translations that are refused.
    pub refuse: Option<u32>,
    executed: [bool; 64],
}

pub struct Raw {
    pub uc: *mut uc_engine,
    pub host: Box<Host>,
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: opened in `new`.
        unsafe { uc_close(self.uc) };
    }
}

pub fn ok(e: uc_error) {
    assert_eq!(e, uc_error::OK);
}

fn ctl_write(kind: ControlType, arguments: u32) -> ControlType {
    ControlType(kind.0 | arguments << 26 | 1 << 30)
}

impl Raw {
    /// An engine with this code at 0; `virtual_tlb` as the core loop has it.
    pub fn new(model: ArmCpuModel, virtual_tlb: bool, code: &[u16]) -> Raw {
        // SAFETY: the calls follow unicorn.h; the host is boxed and lives as long as the engine.
        unsafe {
            let mut uc = std::ptr::null_mut();
            ok(uc_open(Arch::ARM, Mode::THUMB, &mut uc));
            ok(uc_ctl(
                uc,
                ctl_write(ControlType::CPU_MODEL, 1),
                model as i32,
            ));
            ok(uc_ctl(
                uc,
                ctl_write(ControlType::TCG_BUFFER_SIZE, 1),
                4u32 << 20,
            ));
            if virtual_tlb {
                ok(uc_ctl(uc, ctl_write(ControlType::TLB_TYPE, 1), 1u32));
            }
            ok(uc_mem_map(uc, 0, 0x1_0000, Prot::ALL.0));
            ok(uc_mem_map(uc, u64::from(RAM), 0x1_0000, Prot::ALL.0));
            let mut host = Box::new(Host {
                uc,
                seen: Seen::default(),
                at: Vec::new(),
                clear_it: true,
                restore: true,
                abandon_first: false,
                refuse: None,
                executed: [false; 64],
            });
            let pointer: *mut c_void = std::ptr::from_mut(&mut *host).cast();
            ok(uc_mmio_map(
                uc,
                u64::from(IO),
                0x400,
                Some(io_read),
                pointer,
                Some(io_write),
                pointer,
            ));
            let mut raw = Raw { uc, host };
            raw.hook(HookType::BLOCK, on_block as *mut c_void, 1, 0);
            raw.hook(HookType::INTR, on_interrupt as *mut c_void, 1, 0);
            raw.hook(HookType::INSN_INVALID, on_invalid as *mut c_void, 1, 0);
            if virtual_tlb {
                raw.hook(HookType::TLB_FILL, on_fill as *mut c_void, 1, 0);
            }
            raw.write(0, code);
            raw.set(RegisterARM::SP, RAM + 0x8000);
            raw
        }
    }

    pub fn hook(&mut self, kind: HookType, callback: *mut c_void, begin: u64, end: u64) {
        let mut handle: uc_hook = 0 as uc_hook;
        let host: *mut c_void = std::ptr::from_mut(&mut *self.host).cast();
        // SAFETY: the callbacks have the signatures of their types.
        ok(unsafe {
            uc_hook_add(
                self.uc,
                &mut handle,
                kind.0 as i32,
                callback,
                host,
                begin,
                end,
            )
        });
    }

    /// Note each execution of the instruction at an address.
    pub fn add_site(&mut self, address: u32) {
        let at = u64::from(address);
        self.hook(HookType::CODE, on_site as *mut c_void, at, at);
    }

    /// Hook all reads of RAM.
    pub fn add_read_hook(&mut self) {
        self.hook(HookType::MEM_READ, on_read as *mut c_void, 1, 0);
    }

    pub fn write(&self, at: u32, code: &[u16]) {
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        // SAFETY: the buffer has this length.
        ok(unsafe {
            uc_mem_write(
                self.uc,
                u64::from(at),
                bytes.as_ptr().cast(),
                bytes.len() as u64,
            )
        });
    }

    pub fn drop_code(&self, start: u32, end: u32) {
        // SAFETY: the arguments of UC_CTL_TB_REMOVE_CACHE.
        ok(unsafe {
            uc_ctl(
                self.uc,
                ctl_write(ControlType::TB_REMOVE_CACHE, 2),
                u64::from(start),
                u64::from(end),
            )
        });
    }

    pub fn set(&self, register: RegisterARM, value: u32) {
        set(self.uc, register, value)
    }

    pub fn get(&self, register: RegisterARM) -> u32 {
        get(self.uc, register)
    }

    /// A word of `CPUARMState`.
    pub fn env(&self, offset: usize) -> *mut u32 {
        // SAFETY: the engine is initialised.
        unsafe {
            internals::env_of(internals::cpu_of(self.uc))
                .add(offset)
                .cast()
        }
    }

    pub fn rebuild_flags(&self) {
        // SAFETY: the engine is initialised.
        unsafe { internals::rebuild_flags(internals::env_of(internals::cpu_of(self.uc))) }
    }

    /// Run from an address to a WFI, a stop, or an error.
    pub fn run(&self, from: u32) -> uc_error {
        self.run_with(from, NOWHERE, 0)
    }

    pub fn run_with(&self, from: u32, until: u32, count: usize) -> uc_error {
        // SAFETY: the callbacks' host is alive.
        unsafe { uc_emu_start(self.uc, u64::from(from | 1), u64::from(until), 0, count) }
    }
}

fn set(uc: *mut uc_engine, register: RegisterARM, value: u32) {
    // SAFETY: a 32-bit register.
    ok(unsafe { uc_reg_write(uc, register as i32, std::ptr::from_ref(&value).cast()) });
}

fn get(uc: *mut uc_engine, register: RegisterARM) -> u32 {
    let mut value = 0u32;
    // SAFETY: a 32-bit register.
    ok(unsafe { uc_reg_read(uc, register as i32, std::ptr::from_mut(&mut value).cast()) });
    value
}

unsafe extern "C" fn on_block(uc: *mut uc_engine, address: u64, size: u32, host: *mut c_void) {
    let address = address as u32;
    // SAFETY: the host of `Raw::new`; leaving the block is the last thing done.
    unsafe {
        {
            let host = &mut *host.cast::<Host>();
            host.seen.blocks.push((address, size));
            host.seen.xpsr.push(get(uc, RegisterARM::XPSR));
            host.seen.r7.push(get(uc, RegisterARM::R7));
            let Some(i) = host.at.iter().position(|a| match *a {
                At::Split(at, _) | At::Stop(at) => at == address,
            }) else {
                return;
            };
            match host.at.remove(i) {
                At::Stop(_) => {
                    ok(uc_emu_stop(uc));
                    return;
                }
                At::Split(_, k) => {
                    // The PC is exact at a block's start.
                    internals::limit_next_block(internals::cpu_of(uc), k);
                }
            }
        }
        internals::leave_block(internals::cpu_of(uc));
    }
}

unsafe extern "C" fn on_interrupt(uc: *mut uc_engine, number: u32, host: *mut c_void) {
    // SAFETY: the host of `Raw::new`.
    unsafe {
        let pc = get(uc, RegisterARM::PC);
        (*host.cast::<Host>()).seen.interrupts.push((number, pc));
        ok(uc_emu_stop(uc));
    }
}

unsafe extern "C" fn on_invalid(uc: *mut uc_engine, host: *mut c_void) -> bool {
    // SAFETY: the host of `Raw::new`.
    unsafe {
        let pc = get(uc, RegisterARM::PC);
        (*host.cast::<Host>()).seen.invalid.push(pc);
        ok(uc_emu_stop(uc));
    }
    true
}

unsafe extern "C" fn on_site(_: *mut uc_engine, address: u64, _: u32, host: *mut c_void) {
    // SAFETY: the host of `Raw::new`.
    unsafe { (*host.cast::<Host>()).seen.sites.push(address as u32) }
}

unsafe extern "C" fn on_read(
    _: *mut uc_engine,
    _: MemType,
    _: u64,
    _: i32,
    _: i64,
    host: *mut c_void,
) {
    // SAFETY: the host of `Raw::new`.
    unsafe { (*host.cast::<Host>()).seen.fills += 1 }
}

unsafe extern "C" fn on_fill(
    uc: *mut uc_engine,
    page: u64,
    access: MemType,
    result: *mut TlbEntry,
    host: *mut c_void,
) -> bool {
    // SAFETY: the host of `Raw::new`; `result` is the engine's.
    unsafe {
        let host = &mut *host.cast::<Host>();
        host.seen.fills += 1;
        let fetch = access == MemType::FETCH;
        if host.refuse == Some(page as u32) || page >> 28 >= 0xF {
            return false;
        }
        let n = (page.wrapping_sub(u64::from(RAM)) >> 10) as usize;
        if fetch && n < 64 {
            host.executed[n] = true;
        }
        (*result).paddr = page;
        let execute = fetch || n < 64 && host.executed[n];
        (*result).perms = if execute {
            Prot::ALL
        } else {
            Prot(Prot::READ.0 | Prot::WRITE.0)
        };
        if !fetch && host.clear_it {
            set(uc, RegisterARM::EPSR, 0x0100_0000);
        }
        true
    }
}

unsafe fn on_io(uc: *mut uc_engine, write: bool, offset: u64, host: *mut c_void) {
    // SAFETY: the host of `Raw::new`; leaving the block is the last thing done.
    unsafe {
        let cpu = internals::cpu_of(uc);
        let abandon;
        {
            let host = &mut *host.cast::<Host>();
            abandon = std::mem::take(&mut host.abandon_first);
            let shown_pc = get(uc, RegisterARM::PC);
            if host.restore || abandon {
                internals::restore_accessing_instruction(cpu, abandon);
                if !abandon {
                    internals::env_of(cpu)
                        .add(internals::env::CONDEXEC)
                        .cast::<u32>()
                        .write(0);
                }
            }
            host.seen.io.push(IoAccess {
                write,
                offset: offset as u32,
                shown_pc,
                exact_pc: get(uc, RegisterARM::PC),
            });
            if abandon {
                internals::limit_next_block(cpu, 1);
            }
        }
        if abandon {
            internals::leave_block(cpu);
        }
    }
}

unsafe extern "C" fn io_read(uc: *mut uc_engine, offset: u64, _: u32, host: *mut c_void) -> u64 {
    // SAFETY: the engine's I/O callback.
    unsafe { on_io(uc, false, offset, host) };
    0x55
}

unsafe extern "C" fn io_write(uc: *mut uc_engine, offset: u64, _: u32, _: u64, host: *mut c_void) {
    // SAFETY: the engine's I/O callback.
    unsafe { on_io(uc, true, offset, host) }
}
