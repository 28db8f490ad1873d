//! The same firmware on raw Unicorn, without hooks but with the virtual TLB: what any tool built on it could
//! reach at best. Only for the bare machines.

use emu_core::image::Segment;
use std::ffi::c_void;
use unicorn_engine::{Arch, Mode, Prot, TlbType, Unicorn};
use unicorn_engine_sys::{
    HookType, MemType, TlbEntry, uc_emu_start, uc_emu_stop, uc_engine, uc_error, uc_hook,
    uc_hook_add,
};

/// Where a firmware for the bare machines lives.
const CODE: (u64, u64) = (0x0, 0x10_0000);
const CODE_ALIAS: u64 = 0x0800_0000;
const RAM: (u64, u64) = (0x2000_0000, 0x10_0000);

/// Run a firmware for a bare machine on raw Unicorn until it ends itself by semihosting (BKPT).
///
/// # Errors
/// What Unicorn said.
pub fn run(model: i32, segments: &[Segment]) -> Result<(), String> {
    fn e(what: &'static str) -> impl Fn(uc_error) -> String {
        move |e| format!("{what}: {e:?}")
    }
    let mut uc = Unicorn::new(Arch::ARM, Mode::THUMB).map_err(e("open"))?;
    uc.ctl_set_cpu_model(model).map_err(e("model"))?;
    uc.ctl_set_tlb_type(TlbType::VIRTUAL).map_err(e("tlb"))?;
    uc.mem_map(CODE.0, CODE.1, Prot::ALL).map_err(e("map"))?;
    uc.mem_map(RAM.0, RAM.1, Prot::ALL).map_err(e("map"))?;
    for base in [0x4000_0000, 0xE000_0000] {
        uc.mmio_map(
            base,
            0x10_0000,
            Some(|_: &mut Unicorn<'_, ()>, _, _| 0xC0),
            Some(|_: &mut Unicorn<'_, ()>, _, _, _| {}),
        )
        .map_err(e("mmio"))?;
    }
    let mut vectors = [0u8; 8];
    for segment in segments {
        let at = u64::from(segment.address) & !CODE_ALIAS;
        uc.mem_write(at, &segment.bytes).map_err(e("load"))?;
    }
    uc.mem_read(0, &mut vectors).map_err(e("vectors"))?;
    let word =
        |i: usize| u32::from_le_bytes([vectors[i], vectors[i + 1], vectors[i + 2], vectors[i + 3]]);
    uc.reg_write(unicorn_engine_sys::RegisterARM::SP, u64::from(word(0)))
        .map_err(e("sp"))?;
    let handle = uc.get_handle();
    let hooks: [(HookType, *mut c_void); 2] = [
        (HookType::TLB_FILL, translate as *mut c_void),
        (HookType::INTR, stop as *mut c_void),
    ];
    for (kind, f) in hooks {
        let mut hh: uc_hook = 0 as uc_hook;
        // SAFETY: the callbacks have the signatures of their hook types and use no user data.
        let r = unsafe {
            uc_hook_add(
                handle,
                &mut hh,
                kind.0 as i32,
                f,
                std::ptr::null_mut(),
                1,
                0,
            )
        };
        if r != uc_error::OK {
            return Err(format!("hook: {r:?}"));
        }
    }
    // SAFETY: the engine is alive.
    let r = unsafe { uc_emu_start(handle, u64::from(word(4)), 0xFFFF_FFFE, 0, 0) };
    if r == uc_error::OK {
        Ok(())
    } else {
        Err(format!("run: {r:?}"))
    }
}

unsafe extern "C" fn translate(
    _: *mut uc_engine,
    page: u64,
    kind: MemType,
    result: *mut TlbEntry,
    _: *mut c_void,
) -> bool {
    // SAFETY: the engine gives a valid place for the answer.
    unsafe {
        (*result).paddr = if page & !0xF_FFFF == CODE_ALIAS {
            page - CODE_ALIAS
        } else {
            page
        };
        let fetch = kind == MemType::FETCH;
        (*result).perms = if fetch {
            Prot::ALL
        } else {
            Prot(Prot::READ.0 | Prot::WRITE.0)
        };
    }
    true
}

unsafe extern "C" fn stop(uc: *mut uc_engine, _: u32, _: *mut c_void) {
    // SAFETY: called by the running engine.
    unsafe {
        uc_emu_stop(uc);
    }
}
