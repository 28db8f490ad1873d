//! The offsets in `backend/internals.rs` are those of the headers that the linked Unicorn was built from.
//!
//! The system's C compiler is given the flags that CMake used for the ARM target, and prints each offset.
//! When the compiler, the sources or the build folder are not there, the test says so and checks nothing: the
//! self-test at start-up still stands. Set `TICKSCOPE_REQUIRE_OFFSETS` to make that a failure, as CI does.
#![allow(clippy::unwrap_used)]

use emu_core::backend::internals::{
    CPU_CFLAGS_NEXT_TB, CPU_ENV_PTR, CPU_MEM_IO_PC, HOOK_BEGIN, TB_SIZE, UC_CPU, UC_INVALID_ADDR,
    UC_TCG_CTX, env,
};
use emu_core::backend::riscv;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Structure, member, the constant's name and value.
const OFFSETS: &[(&str, &str, &str, usize)] = &[
    ("uc_struct", "cpu", "UC_CPU", UC_CPU),
    ("uc_struct", "tcg_ctx", "UC_TCG_CTX", UC_TCG_CTX),
    (
        "uc_struct",
        "invalid_addr",
        "UC_INVALID_ADDR",
        UC_INVALID_ADDR,
    ),
    (
        "CPUState",
        "cflags_next_tb",
        "CPU_CFLAGS_NEXT_TB",
        CPU_CFLAGS_NEXT_TB,
    ),
    ("CPUState", "env_ptr", "CPU_ENV_PTR", CPU_ENV_PTR),
    ("CPUState", "mem_io_pc", "CPU_MEM_IO_PC", CPU_MEM_IO_PC),
    ("CPUARMState", "regs", "REGS", env::REGS),
    ("CPUARMState", "CF", "CF", env::CF),
    ("CPUARMState", "VF", "VF", env::VF),
    ("CPUARMState", "NF", "NF", env::NF),
    ("CPUARMState", "ZF", "ZF", env::ZF),
    ("CPUARMState", "QF", "QF", env::QF),
    ("CPUARMState", "GE", "GE", env::GE),
    ("CPUARMState", "thumb", "THUMB", env::THUMB),
    ("CPUARMState", "condexec_bits", "CONDEXEC", env::CONDEXEC),
    ("CPUARMState", "v7m.other_sp", "OTHER_SP", env::OTHER_SP),
    ("CPUARMState", "v7m.basepri[0]", "BASEPRI", env::BASEPRI),
    ("CPUARMState", "v7m.control[0]", "CONTROL", env::CONTROL),
    (
        "CPUARMState",
        "v7m.control[1]",
        "CONTROL_FPCA",
        env::CONTROL_FPCA,
    ),
    ("CPUARMState", "v7m.exception", "EXCEPTION", env::EXCEPTION),
    ("CPUARMState", "v7m.primask[0]", "PRIMASK", env::PRIMASK),
    (
        "CPUARMState",
        "v7m.faultmask[0]",
        "FAULTMASK",
        env::FAULTMASK,
    ),
    ("CPUARMState", "v7m.secure", "SECURE", env::SECURE),
    ("CPUARMState", "v7m.msplim[0]", "MSPLIM", env::MSPLIM),
    ("CPUARMState", "v7m.psplim[0]", "PSPLIM", env::PSPLIM),
    ("CPUARMState", "v7m.nsacr", "NSACR", env::NSACR),
    ("CPUARMState", "v7m.fpccr[0]", "FPCCR", env::FPCCR),
    ("CPUARMState", "v7m.fpdscr[0]", "FPDSCR", env::FPDSCR),
    (
        "CPUARMState",
        "exclusive_addr",
        "EXCLUSIVE_ADDR",
        env::EXCLUSIVE_ADDR,
    ),
    (
        "CPUARMState",
        "exclusive_val",
        "EXCLUSIVE_VAL",
        env::EXCLUSIVE_VAL,
    ),
    ("CPUARMState", "vfp.zregs", "VFP", env::VFP),
    ("CPUARMState", "features", "FEATURES", env::FEATURES),
    ("struct hook", "begin", "HOOK_BEGIN", HOOK_BEGIN),
    ("TranslationBlock", "size", "TB_SIZE", TB_SIZE),
];

/// The same for RV32. `UC_CPU` and those of `CPUState` are shared, so they are compared for both.
const RISCV_OFFSETS: &[(&str, &str, &str, usize)] = &[
    ("uc_struct", "cpu", "UC_CPU", UC_CPU),
    (
        "uc_struct",
        "invalid_addr",
        "UC_INVALID_ADDR",
        UC_INVALID_ADDR,
    ),
    (
        "CPUState",
        "cflags_next_tb",
        "CPU_CFLAGS_NEXT_TB",
        CPU_CFLAGS_NEXT_TB,
    ),
    ("CPUState", "env_ptr", "CPU_ENV_PTR", CPU_ENV_PTR),
    ("CPUState", "mem_io_pc", "CPU_MEM_IO_PC", CPU_MEM_IO_PC),
    ("CPURISCVState", "gpr", "GPR", riscv::env::GPR),
    ("CPURISCVState", "pc", "PC", riscv::env::PC),
    (
        "CPURISCVState",
        "load_res",
        "LOAD_RES",
        riscv::env::LOAD_RES,
    ),
    (
        "CPURISCVState",
        "load_val",
        "LOAD_VAL",
        riscv::env::LOAD_VAL,
    ),
];

const RISCV_SIZES: &[(&str, &str, usize)] = &[
    ("CPURISCVState", "gpr[0]", 4),
    ("CPURISCVState", "pc", 4),
    ("CPURISCVState", "load_res", 4),
    ("CPURISCVState", "load_val", 4),
];

/// A list of members with their offsets, and one with their sizes.
type Lists = (
    &'static [(&'static str, &'static str, &'static str, usize)],
    &'static [(&'static str, &'static str, usize)],
);

/// Members whose size the code takes for granted, in bytes.
const SIZES: &[(&str, &str, usize)] = &[
    ("uc_struct", "invalid_addr", 8),
    ("CPUState", "cflags_next_tb", 4),
    ("CPUState", "mem_io_pc", 8),
    ("CPUARMState", "regs[0]", 4),
    ("CPUARMState", "CF", 4),
    ("CPUARMState", "ZF", 4),
    ("CPUARMState", "GE", 4),
    ("CPUARMState", "condexec_bits", 4),
    ("CPUARMState", "v7m.exception", 4),
    ("CPUARMState", "v7m.control[0]", 4),
    ("CPUARMState", "v7m.secure", 4),
    ("CPUARMState", "v7m.msplim[0]", 4),
    ("CPUARMState", "exclusive_addr", 8),
    ("CPUARMState", "exclusive_val", 8),
    ("TranslationBlock", "size", 2),
];

/// Every `pub const NAME: usize` of a source, so that none is forgotten above.
fn declared(source: &str) -> Vec<String> {
    source
        .lines()
        .filter_map(|l| l.trim().strip_prefix("pub const "))
        .filter_map(|l| l.split_once(": usize").map(|(name, _)| name.to_owned()))
        .collect()
}

#[test]
fn every_offset_is_in_the_table() {
    let riscv = declared(include_str!("../src/backend/riscv.rs"));
    for name in &riscv {
        assert!(RISCV_OFFSETS.iter().any(|o| o.2 == name), "{name}");
    }
    assert_eq!(riscv.len() + 5, RISCV_OFFSETS.len());
    let declared = declared(include_str!("../src/backend/internals.rs"));
    assert!(!declared.is_empty());
    for name in &declared {
        assert!(
            OFFSETS.iter().any(|o| o.2 == name),
            "{name} is not compared with the headers"
        );
    }
    assert_eq!(declared.len(), OFFSETS.len());
}

#[test]
fn offsets_are_those_of_the_headers() {
    compare("arm-softmmu", (OFFSETS, SIZES));
    compare("riscv32-softmmu", (RISCV_OFFSETS, RISCV_SIZES));
}

fn compare(target: &str, lists: Lists) {
    let (offsets, sizes) = lists;
    let found = match measure(target, lists) {
        Ok(found) => found,
        Err(why) => {
            assert!(
                std::env::var_os("TICKSCOPE_REQUIRE_OFFSETS").is_none(),
                "the offsets were not checked: {why}"
            );
            println!("notice: the offsets were not compared with Unicorn's headers: {why}");
            return;
        }
    };
    let expected: Vec<(String, usize)> = offsets
        .iter()
        .map(|&(of, member, name, value)| (format!("{of}.{member} ({name})"), value))
        .chain(
            sizes
                .iter()
                .map(|&(of, member, size)| (format!("sizeof {of}.{member}"), size)),
        )
        .collect();
    assert_eq!(found.len(), expected.len());
    for ((what, ours), theirs) in expected.iter().zip(found) {
        assert_eq!(*ours, theirs, "{what}: ours {ours:#x}, headers {theirs:#x}");
    }
}

/// Compile and run a program that prints all offsets, then all sizes.
fn measure(target: &str, (offsets, sizes): Lists) -> Result<Vec<usize>, String> {
    if std::env::consts::OS == "windows" {
        return Err("no compiler with these flags on Windows".into());
    }
    let flags = build_flags(target)?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (source, program) = (folder.path().join("offsets.c"), folder.path().join("off"));
    let mut text = String::from(
        "#include \"qemu/osdep.h\"\n#include \"cpu.h\"\n#include \"exec/exec-all.h\"\n#include \"uc_priv.h\"\n\
         #include <stdio.h>\ntypedef struct uc_struct uc_struct;\nint main(void) {\n",
    );
    for (of, member, _, _) in offsets {
        text.push_str(&format!("printf(\"%zu\\n\", offsetof({of}, {member}));\n"));
    }
    for (of, member, _) in sizes {
        text.push_str(&format!(
            "printf(\"%zu\\n\", sizeof((({of} *)0)->{member}));\n"
        ));
    }
    text.push_str("return 0; }\n");
    std::fs::write(&source, text).map_err(|e| e.to_string())?;
    // Functions that the headers define inline and nobody calls must not need the library.
    let compiled = Command::new("cc")
        .args(&flags)
        .args(["-w", "-O2", "-Wl,--gc-sections", "-o"])
        .arg(&program)
        .arg(&source)
        .output()
        .map_err(|e| format!("cc: {e}"))?;
    if !compiled.status.success() {
        let text = String::from_utf8_lossy(&compiled.stderr);
        return Err(format!("cc: {}", text.lines().next().unwrap_or("failed")));
    }
    let run = Command::new(&program).output().map_err(|e| e.to_string())?;
    String::from_utf8_lossy(&run.stdout)
        .lines()
        .map(|l| l.parse().map_err(|_| format!("odd output {l:?}")))
        .collect()
}

/// The flags that a target of the linked Unicorn was compiled with, with folders that exist here.
fn build_flags(target: &str) -> Result<Vec<String>, String> {
    let crate_folder = sys_crate()?;
    let build = build_folder()?;
    let make = build.join(format!("CMakeFiles/{target}.dir/flags.make"));
    let text = std::fs::read_to_string(&make).map_err(|e| format!("{}: {e}", make.display()))?;
    let mut flags = Vec::new();
    for key in ["C_DEFINES", "C_INCLUDES", "C_FLAGS"] {
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(key)?.trim_start().strip_prefix('='))
            .unwrap_or("");
        flags.extend(line.split_whitespace().map(str::to_owned));
    }
    // The target folder may have been moved or copied since: point at the present places.
    let name = crate_folder
        .file_name()
        .map(|n| format!("/{}/", n.to_string_lossy()))
        .unwrap_or_default();
    for flag in &mut flags {
        if let Some((_, rest)) = flag.split_once("/out/build")
            && flag.starts_with("-I")
        {
            *flag = format!("-I{}{rest}", build.display());
        } else if let Some((_, rest)) = flag.split_once(&name)
            && flag.starts_with("-I")
        {
            *flag = format!("-I{}", crate_folder.join(rest).display());
        }
    }
    Ok(flags)
}

/// Folder of the sources of `unicorn-engine-sys`.
fn sys_crate() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // "manifest_path":"<folder>/Cargo.toml", in JSON without escapes on the systems that get here.
    text.split("\"manifest_path\":\"")
        .filter_map(|part| part.split('"').next())
        .find(|path| path.contains("/unicorn-engine-sys-"))
        .and_then(|path| Path::new(path).parent())
        .map(Path::to_path_buf)
        .ok_or_else(|| "cargo metadata does not name unicorn-engine-sys".into())
}

/// The build folder of the linked library: `target/<profile>/build/unicorn-engine-sys-<hash>/out/build`.
fn build_folder() -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|e| e.to_string())?;
    let profile = test
        .parent()
        .and_then(Path::parent)
        .ok_or("the test has no folder")?;
    let mut folders: Vec<PathBuf> = std::fs::read_dir(profile.join("build"))
        .map_err(|e| format!("{}: {e}", profile.join("build").display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| {
            p.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with("unicorn-engine-sys-"))
        })
        .map(|p| p.join("out/build"))
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    folders
        .pop()
        .ok_or_else(|| "no build folder of unicorn-engine-sys (a system library?)".into())
}
