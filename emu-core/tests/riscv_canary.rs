//! Behaviour of the pinned Unicorn on RV32 that the core loop leans on or works around. A red test here means that a
//! new version behaves otherwise: look at what the loop does about it before going on.
#![allow(clippy::unwrap_used)]

mod riscv_rig;
use riscv_rig::{CYCLE, ECALL, MCYCLE, MRET, NOP, WFI, addi, bytes, csr, load, lui};
use unicorn_engine::{Arch, Mode, Prot, RegisterRISCV, Riscv32CpuModel, Unicorn};

const CODE: u64 = 0x1000;

#[derive(Default)]
struct Seen {
    /// Exceptions: number and PC.
    exceptions: Vec<(u32, u64)>,
    /// Blocks: address and size.
    blocks: Vec<(u64, u32)>,
}

/// Run a program in user mode until WFI, an exception, or 100 instructions.
fn run(code: &[u32]) -> Unicorn<'static, Seen> {
    let mut uc = Unicorn::new_with_data(Arch::RISCV, Mode::RISCV32, Seen::default()).unwrap();
    uc.ctl_set_cpu_model(Riscv32CpuModel::SIFIVE_E31 as i32)
        .unwrap();
    uc.mem_map(0, 0x1_0000, Prot::ALL).unwrap();
    uc.mem_write(CODE, &bytes(code)).unwrap();
    uc.reg_write(RegisterRISCV::PRIV, 0).unwrap();
    uc.add_intr_hook(|uc, number| {
        let pc = uc.reg_read(RegisterRISCV::PC).unwrap();
        uc.get_data_mut().exceptions.push((number, pc));
        uc.emu_stop().unwrap();
    })
    .unwrap();
    uc.add_block_hook(1, 0, |uc, at, size| {
        uc.get_data_mut().blocks.push((at, size))
    })
    .unwrap();
    let _ = uc.emu_start(CODE, 0xFFFF_FFF0, 0, 100);
    uc
}

fn exception(code: &[u32]) -> Vec<(u32, u64)> {
    run(code).get_data().exceptions.clone()
}

#[test]
fn privileged_instructions_are_illegal_in_user_mode_four_bytes_on() {
    for insn in [csr(2, 10, MCYCLE, 0), csr(1, 0, 0x340, 10), MRET] {
        assert_eq!(exception(&[NOP, insn]), [(2, CODE + 8)], "{insn:#x}");
    }
    // Two bytes long, and still four on: the defined illegal instruction.
    assert_eq!(exception(&[NOP, 0]), [(2, CODE + 8)]);
    assert_eq!(exception(&[NOP, ECALL]), [(8, CODE + 8)]);
}

#[test]
fn user_counters_are_the_hosts_clock_and_not_refused() {
    let uc = run(&[csr(2, 10, CYCLE, 0), csr(2, 11, CYCLE, 0), WFI]);
    assert!(uc.get_data().exceptions.is_empty());
    let at = |r| uc.reg_read(r).unwrap();
    assert_ne!(at(RegisterRISCV::X10), at(RegisterRISCV::X11));
}

#[test]
fn misaligned_loads_do_not_trap() {
    let uc = run(&[addi(11, 0, 0x102), load(2, 10, 11, 0), addi(12, 0, 7), WFI]);
    assert!(uc.get_data().exceptions.is_empty());
    assert_eq!(uc.reg_read(RegisterRISCV::X12).unwrap(), 7);
}

#[test]
fn wfi_does_not_end_a_block() {
    let uc = run(&[lui(10, 0x1000), WFI, NOP, NOP, ECALL]);
    assert_eq!(uc.get_data().blocks[0], (CODE, 20));
    assert_eq!(uc.reg_read(RegisterRISCV::PC).unwrap(), CODE + 8);
}
