//! The smallest firmware that `cargo run` can run: it says something by semihosting and ends with status 0.
//! No crate is needed, so that it builds without a network; a real one has cortex-m-rt.
#![no_std]
#![no_main]

use core::arch::asm;

/// The first two vectors: stack pointer and reset.
#[repr(C)]
struct Vectors(usize, unsafe extern "C" fn() -> !);

#[used]
#[unsafe(link_section = ".vectors")]
static VECTORS: Vectors = Vectors(0x2001_C000, reset);

const SYS_WRITE0: u32 = 0x04;
const SYS_EXIT: u32 = 0x18;
const ADP_STOPPED_APPLICATION_EXIT: u32 = 0x20026;
const ADP_STOPPED_RUN_TIME_ERROR: u32 = 0x20023;

fn semihosting(operation: u32, parameter: u32) {
    // SAFETY: the callers give what the operation wants.
    unsafe { asm!("bkpt 0xAB", inout("r0") operation => _, in("r1") parameter) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn reset() -> ! {
    semihosting(SYS_WRITE0, c"hello from cargo run\n".as_ptr() as u32);
    semihosting(SYS_EXIT, ADP_STOPPED_APPLICATION_EXIT);
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    semihosting(SYS_EXIT, ADP_STOPPED_RUN_TIME_ERROR);
    loop {
        core::hint::spin_loop();
    }
}
