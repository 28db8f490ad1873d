//! Which machine a firmware is for, from what its file tells.

use crate::library::{self, Class, Entry};
use crate::spec::MachineSpec;
use emu_core::cortex_m::Architecture;
use emu_core::machine::CoreKind;

/// What is known of a firmware.
#[derive(Clone, Debug, Default)]
pub struct ImageFacts {
    /// The machine that a note section names.
    pub hint: Option<String>,
    /// Load addresses: first byte and length.
    pub ranges: Vec<(u32, u32)>,
    /// First word of the vector table.
    pub initial_sp: Option<u32>,
    /// Second word of the vector table.
    pub reset_vector: Option<u32>,
    /// CPU or architecture from the build attributes, such as `Cortex-M4` or `7E-M`; of RISC-V the ISA string.
    pub cpu: Option<String>,
    /// It is for RISC-V: there is no vector table, and execution starts here.
    pub riscv_entry: Option<u32>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Detection {
    /// It is for this machine.
    Certain {
        /// Name of the machine.
        name: String,
        /// Why, in one line.
        why: String,
    },
    /// It could be for any of these (name and reason), the likeliest first; empty when nothing fits.
    Candidates(Vec<(String, String)>),
}

/// Find the machine. Bare cores are only named when no real chip fits, and never for certain.
#[must_use]
pub fn detect(facts: &ImageFacts) -> Detection {
    let list = library::list();
    if let Some(hint) = &facts.hint
        && let Some(name) = named(hint, &list)
    {
        return Detection::Certain {
            why: format!("the firmware names `{hint}`"),
            name,
        };
    }
    if facts.ranges.is_empty() && facts.initial_sp.is_none() {
        return Detection::Candidates(Vec::new());
    }
    let cores = match (&facts.riscv_entry, facts.cpu.as_deref()) {
        (Some(_), isa) => riscv_cores(isa),
        (None, cpu) => cpu.map(cores_meant).unwrap_or_default(),
    };
    let fits = |class: Class| -> Vec<Fit> {
        let mut fits: Vec<Fit> = list
            .iter()
            .filter(|e| e.class == class)
            .filter_map(|e| fit(e, facts, &cores))
            .collect();
        fits.sort_by_key(|f| (!f.same_core, !f.stack_at_end));
        fits
    };
    let chips = fits(Class::Chip);
    if let [only] = chips.as_slice()
        && only.same_core
    {
        let boards: Vec<&Entry> = list
            .iter()
            .filter(|e| e.chip.as_ref() == Some(&only.name))
            .collect();
        let name = match boards.as_slice() {
            [board] => board.name.clone(),
            _ => only.name.clone(),
        };
        return Detection::Certain {
            name,
            why: format!("only {} fits: {}", only.name, only.why),
        };
    }
    if chips.iter().any(|c| c.same_core) {
        return Detection::Candidates(with_boards(&chips, &list));
    }
    let bare = fits(Class::Bare);
    let bare: Vec<Fit> = if cores.is_empty() {
        bare
    } else {
        bare.into_iter().filter(|f| f.same_core).collect()
    };
    // A bare core is a choice of the user: firmware for a chip that is not known here would fit, too.
    let mut all: Vec<(String, String)> = bare
        .into_iter()
        .map(|f| (f.name, format!("a core without peripherals: {}", f.why)))
        .collect();
    all.extend(with_boards(&chips, &list));
    Detection::Candidates(all)
}

/// A machine on which the image could run.
struct Fit {
    name: String,
    /// The image was built for exactly this core, or nothing is known of its core.
    same_core: bool,
    /// The stack starts where the RAM ends.
    stack_at_end: bool,
    why: String,
}

/// Every chip that fits, each followed by its boards.
fn with_boards(chips: &[Fit], list: &[Entry]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for chip in chips {
        all.push((chip.name.clone(), chip.why.clone()));
        for board in list.iter().filter(|e| e.chip.as_ref() == Some(&chip.name)) {
            all.push((board.name.clone(), format!("a board with {}", chip.name)));
        }
    }
    all
}

/// The machine that a hint means: by its name or another one it is known by.
fn named(hint: &str, list: &[Entry]) -> Option<String> {
    let same = |a: &str| a.eq_ignore_ascii_case(hint.trim());
    if let Some(entry) = list.iter().find(|e| same(&e.name)) {
        return Some(entry.name.clone());
    }
    library::files()
        .find(|(_, f)| f.known_as.iter().any(|k| same(k)))
        .and_then(|(_, f)| f.name)
        .map(|n| n.value)
}

/// The cores that a name of a CPU or of an architecture means; none when it is not understood.
fn cores_meant(cpu: &str) -> Vec<CoreKind> {
    let cpu = plain(cpu);
    let cores = |keep: &dyn Fn(&CoreKind) -> bool| -> Vec<CoreKind> {
        CoreKind::ALL.iter().copied().filter(|k| keep(k)).collect()
    };
    // `Cortex-M4` is with or without FPU.
    let named = cores(&|k| {
        let name = plain(k.info().name);
        cpu.ends_with(&name) || name.strip_suffix('f').is_some_and(|n| cpu.ends_with(n))
    });
    if !named.is_empty() {
        return named;
    }
    let ends = |tails: &[&str]| tails.iter().any(|t| cpu.ends_with(t));
    // Names of the addenda to the ABI, as `Tag_CPU_name` and llvm write them.
    let architecture = if ends(&["8mmain"]) {
        Architecture::V8M
    } else if ends(&["7em"]) {
        Architecture::V7EM
    } else if ends(&["7m"]) {
        Architecture::V7M
    } else if ends(&["6m", "6sm"]) {
        Architecture::V6M
    } else {
        return Vec::new();
    };
    cores(&|k| !k.is_riscv() && k.architecture() == architecture)
}

/// Without case and punctuation.
fn plain(name: &str) -> String {
    let name = name.to_lowercase().replace('+', "plus");
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The RISC-V cores that have all extensions of an ISA string, such as `rv32i2p1_m2p0_c2p0`.
fn riscv_cores(isa: Option<&str>) -> Vec<CoreKind> {
    let isa = isa.unwrap_or("rv32i").to_lowercase();
    let base = isa.split('_').next().unwrap_or_default();
    let letters = isa.split('_').skip(1).filter_map(|e| e.chars().next());
    // Extensions of several letters begin with z, s or x: what they need is seen when the firmware runs.
    let known = |c: char| "imaczsx".contains(c);
    if base.starts_with("rv32i") && letters.into_iter().all(known) {
        vec![CoreKind::Rv32, CoreKind::E31, CoreKind::Bumblebee]
    } else {
        Vec::new()
    }
}

fn fit(entry: &Entry, facts: &ImageFacts, cores: &[CoreKind]) -> Option<Fit> {
    let spec = MachineSpec::load(&entry.name).ok()?;
    let core = spec.core();
    if core.is_riscv() != facts.riscv_entry.is_some() || core.is_riscv() && cores.is_empty() {
        return None;
    }
    let same_core = cores.is_empty() || cores.contains(&core);
    let runs = same_core || cores.iter().any(|&c| core.runs(c));
    if !runs {
        return None;
    }
    let map = Map::of(&spec, entry.class == Class::Bare);
    let mut why = Vec::new();
    for &(start, length) in &facts.ranges {
        if length > 0 && !map.loadable(start, length) {
            return None;
        }
    }
    if let Some((start, _)) = facts.ranges.first() {
        why.push(format!("it loads at {start:#010x}"));
    }
    let mut stack_at_end = false;
    if let Some(sp) = facts.initial_sp {
        // The stack grows down: its start is in RAM or one past its end.
        let in_ram = |r: &&(u64, u64)| r.0 < u64::from(sp) && u64::from(sp) <= r.1;
        let run = map.ram.iter().find(in_ram)?;
        stack_at_end = run.1 == u64::from(sp);
        let place = if stack_at_end { "at the end of" } else { "in" };
        why.push(format!("its stack starts {place} RAM ({sp:#010x})"));
    }
    if let Some(reset) = facts.reset_vector
        && (reset & 1 == 0 || !map.executable(reset & !1))
    {
        return None;
    }
    if let Some(entry) = facts.riscv_entry {
        if !map.executable(entry) {
            return None;
        }
        why.push(format!("it starts at {entry:#010x}"));
    }
    if !cores.is_empty() {
        let how = if same_core {
            "built for"
        } else {
            "built for a smaller core, but runs on"
        };
        why.push(format!("{how} this core"));
    }
    Some(Fit {
        name: entry.name.clone(),
        same_core,
        stack_at_end,
        why: why.join(", "),
    })
}

/// Where a machine has which memory; neighbouring regions are one.
struct Map {
    /// Flash and ROM.
    code: Vec<(u64, u64)>,
    ram: Vec<(u64, u64)>,
    aliases: Vec<(u64, u64)>,
    /// Images may be linked to an alias (bare machines).
    load_to_alias: bool,
}

impl Map {
    fn of(spec: &MachineSpec, load_to_alias: bool) -> Map {
        let file = spec.file();
        let range = |base: u32, size: u64| (u64::from(base), u64::from(base) + size);
        let (mut code, mut ram) = (Vec::new(), Vec::new());
        for m in &file.memory {
            if let (Some(kind), Some(base), Some(size)) = (&m.kind, &m.base, &m.size) {
                let list = match kind.value {
                    crate::file::Kind::Ram => &mut ram,
                    crate::file::Kind::Flash => &mut code,
                    crate::file::Kind::Rom => continue,
                };
                list.push(range(base.value, size.value.0));
            }
        }
        let aliases = file
            .alias
            .iter()
            .filter_map(|a| Some(range(a.base.as_ref()?.value, a.size.as_ref()?.value.0)))
            .collect();
        Map {
            code: joined(code),
            ram: joined(ram),
            aliases,
            load_to_alias,
        }
    }

    fn loadable(&self, start: u32, length: u32) -> bool {
        let (start, end) = (u64::from(start), u64::from(start) + u64::from(length));
        let inside = |r: &(u64, u64)| r.0 <= start && end <= r.1;
        self.code.iter().any(inside)
            || self.ram.iter().any(inside)
            || (self.load_to_alias && self.aliases.iter().any(inside))
    }

    fn executable(&self, address: u32) -> bool {
        let at = u64::from(address);
        let mut all = self.code.iter().chain(&self.ram).chain(&self.aliases);
        all.any(|r| r.0 <= at && at < r.1)
    }
}

/// Ranges in order, those that touch made one.
fn joined(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut out: Vec<(u64, u64)> = Vec::new();
    for r in ranges {
        match out.last_mut() {
            Some(last) if last.1 >= r.0 => last.1 = last.1.max(r.1),
            _ => out.push(r),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(start: u32, sp: u32, cpu: &str) -> ImageFacts {
        ImageFacts {
            ranges: vec![(start, 0x1000)],
            initial_sp: Some(sp),
            reset_vector: Some(start + 0x101),
            cpu: Some(cpu.to_owned()).filter(|c| !c.is_empty()),
            hint: None,
            riscv_entry: None,
        }
    }

    fn certain(d: Detection) -> Option<String> {
        match d {
            Detection::Certain { name, .. } => Some(name),
            Detection::Candidates(_) => None,
        }
    }

    fn candidates(d: Detection) -> Vec<String> {
        match d {
            Detection::Certain { .. } => Vec::new(),
            Detection::Candidates(c) => c.into_iter().map(|(name, _)| name).collect(),
        }
    }

    #[test]
    fn a_hint_decides() {
        for (hint, name) in [
            ("stm32f4discovery", "stm32f4discovery"),
            ("STM32F407VGT6", "stm32f407vg"),
            ("cortex-m7", "cortex-m7"),
            ("cortex-m33", "cortex-m33"),
        ] {
            let f = ImageFacts {
                hint: Some(hint.to_owned()),
                ..ImageFacts::default()
            };
            assert_eq!(certain(detect(&f)).as_deref(), Some(name));
        }
    }

    #[test]
    fn an_m3_image_at_zero_is_for_the_lm3s6965() {
        let d = detect(&facts(0, 0x2001_0000, "Cortex-M3"));
        assert_eq!(
            d,
            Detection::Certain {
                name: "lm3s6965evb".to_owned(),
                why: "only lm3s6965 fits: it loads at 0x00000000, its stack starts at the end of \
                      RAM (0x20010000), built for this core"
                    .to_owned(),
            }
        );
    }

    #[test]
    fn several_chips_with_the_same_memory_are_candidates() {
        let c = candidates(detect(&facts(0x0800_0000, 0x2002_0000, "Cortex-M4")));
        assert_eq!(
            c,
            [
                "stm32f405rg",
                "netduinoplus2",
                "stm32f407vg",
                "stm32f4discovery"
            ]
        );
    }

    #[test]
    fn a_bare_core_is_a_candidate_only_when_no_chip_fits() {
        // More RAM than any chip here has.
        let c = candidates(detect(&facts(0, 0x2010_0000, "cortex-m4")));
        assert_eq!(c, ["cortex-m4f"]);
        // The LM3S6965 could run it, but it was built for another core.
        let c = candidates(detect(&facts(0, 0x2000_4000, "Cortex-M0")));
        assert_eq!(c, ["cortex-m0", "lm3s6965", "lm3s6965evb"]);
    }

    #[test]
    fn riscv_firmware_fits_riscv_cores_only() {
        let mut f = ImageFacts {
            ranges: vec![(0x2000_0000, 0x1000)],
            cpu: Some("rv32i2p1_m2p0_a2p1_c2p0_zicsr2p0".to_owned()),
            riscv_entry: Some(0x2000_0000),
            ..ImageFacts::default()
        };
        let mut c = candidates(detect(&f));
        c.sort();
        assert_eq!(c, ["bumblebee", "e31", "rv32"]);
        f.cpu = Some("rv32i2p1_m2p0_f2p2".to_owned());
        assert_eq!(candidates(detect(&f)), [""; 0], "no floating point");
        f.cpu = None;
        f.riscv_entry = Some(0x4000_0000);
        assert_eq!(candidates(detect(&f)), [""; 0], "it starts nowhere");
    }

    #[test]
    fn what_fits_nothing_has_no_candidates() {
        assert_eq!(
            detect(&ImageFacts::default()),
            Detection::Candidates(vec![])
        );
        let d = detect(&facts(0x1000_0000, 0x4000_0000, ""));
        assert_eq!(d, Detection::Candidates(vec![]));
        // A reset vector without the Thumb bit.
        let mut f = facts(0x0800_0000, 0x2002_0000, "");
        f.reset_vector = Some(0x0800_0100);
        assert_eq!(detect(&f), Detection::Candidates(vec![]));
    }
}
