//! ELF: headers, sections, notes, and what of it goes into memory.

use super::attributes::Architecture;
use super::load::{Join, Pieces};
use super::{ErrorKind, Segment};
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{
    EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2MSB, EM_386, EM_AARCH64, EM_ARM, EM_AVR, EM_MIPS,
    EM_MSP430, EM_PPC, EM_RISCV, EM_X86_64, EM_XTENSA, ET_CORE, ET_REL, Header, machine_to_str,
};
use goblin::elf::program_header::{PT_LOAD, PT_NOTE, ProgramHeader};
use goblin::elf::section_header::{SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_NOTE, SHT_NULL};
use goblin::elf::section_header::{SHF_COMPRESSED, SectionHeader};
use std::ops::Range;

/// All that is read here is 32-bit little-endian.
pub(super) const CTX: Ctx = Ctx {
    container: Container::Little,
    le: Endian::Little,
};

/// A section of an ELF.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Name, such as `.text`.
    pub name: String,
    /// Run-time address (`sh_addr`).
    pub address: u32,
    /// Size in memory.
    pub size: u32,
    /// Is it part of the program's memory?
    pub allocated: bool,
    /// Does it hold instructions?
    pub executable: bool,
    pub(super) kind: u32,
    pub(super) link: u32,
    pub(super) compressed: bool,
    /// Where it is in the file; `None` when it has no bytes there (`.bss`).
    pub(super) file_range: Option<Range<usize>>,
}

impl Section {
    /// Is an address in its memory?
    #[must_use]
    pub fn contains(&self, address: u32) -> bool {
        self.allocated && address.wrapping_sub(self.address) < self.size
    }
}

/// A note of a note section or segment.
pub(super) struct Note<'a> {
    pub name: &'a [u8],
    pub kind: u32,
    pub desc: &'a [u8],
}

pub(super) struct Elf {
    pub entry: u32,
    pub architecture: Architecture,
    pub sections: Vec<Section>,
    headers: Vec<ProgramHeader>,
}

impl Elf {
    pub fn parse(file: &[u8]) -> Result<Elf, ErrorKind> {
        // Class and byte order first: a 64-bit header may be all that there is.
        let ident = |i: usize| file.get(i).copied().unwrap_or(0);
        if file.len() < 52 {
            return Err(truncated("the ELF header", 52, file));
        }
        let header = goblin::elf::Elf::parse_header(file)
            .map_err(|_| ErrorKind::Damaged("its header makes no sense".to_owned()))?;
        check_target(&header, ident(EI_CLASS), ident(EI_DATA))?;
        if header.e_type == ET_REL {
            return Err(ErrorKind::NotLinked);
        }
        if header.e_type == ET_CORE {
            return Err(ErrorKind::Damaged("a core dump, not a program".to_owned()));
        }
        let phnum = usize::from(header.e_phnum);
        table(
            file,
            "the program headers",
            header.e_phoff,
            phnum,
            32,
            header.e_phentsize,
        )?;
        let headers = ProgramHeader::parse(file, header.e_phoff as usize, phnum, CTX)
            .map_err(|e| ErrorKind::Damaged(e.to_string()))?;
        let shnum = usize::from(header.e_shnum);
        let mut raw = Vec::new();
        if header.e_shoff != 0 && shnum != 0 {
            table(
                file,
                "the section headers",
                header.e_shoff,
                shnum,
                40,
                header.e_shentsize,
            )?;
            raw = SectionHeader::parse(file, header.e_shoff as usize, shnum, CTX)
                .map_err(|e| ErrorKind::Damaged(e.to_string()))?;
        }
        let sections = sections(file, &raw, usize::from(header.e_shstrndx))?;
        Ok(Elf {
            entry: header.e_entry as u32,
            architecture: if header.e_machine == EM_ARM {
                Architecture::Arm
            } else {
                Architecture::RiscV
            },
            sections,
            headers,
        })
    }

    /// The bytes to load: each `PT_LOAD` with file contents, at its `p_paddr`.
    ///
    /// GNU ld often lets the first segment begin with the ELF headers and padding, at an address before the
    /// first section. Flash tools go by sections and leave that out; so segments are cut to their sections here.
    pub fn segments(&self, file: &[u8]) -> Result<Vec<Segment>, ErrorKind> {
        let loads = || {
            let all = self.headers.iter().enumerate();
            all.filter(|(_, h)| h.p_type == PT_LOAD && h.p_filesz > 0)
        };
        // Some tools leave p_paddr zero everywhere: then it says nothing (BFD has the same rule).
        let by_vaddr = loads().all(|(_, h)| h.p_paddr == 0);
        let mut pieces = Pieces::default();
        for (index, h) in loads() {
            let name = || format!("load segment {index}");
            let end = h.p_offset + h.p_filesz;
            if end > file.len() as u64 {
                return Err(truncated(&name(), end, file));
            }
            let used = self.used_part(h);
            let skipped = used.start - h.p_offset;
            let address = if by_vaddr { h.p_vaddr } else { h.p_paddr } + skipped;
            let Ok(address) = u32::try_from(address) else {
                return Err(ErrorKind::TooHigh(name()));
            };
            let bytes = file[used.start as usize..used.end as usize].to_vec();
            let linked = (h.p_vaddr + skipped) as u32;
            let name = || format!("{} at {address:#010x}", name());
            pieces.add_linked(address, linked, bytes, name)?;
        }
        pieces.segments(Join::Keep)
    }

    /// The file range of a segment from its first to its last section; all of it when no section tells.
    fn used_part(&self, h: &ProgramHeader) -> Range<u64> {
        let whole = h.p_offset..h.p_offset + h.p_filesz;
        let mut part: Option<Range<u64>> = None;
        for s in self.sections.iter().filter(|s| s.allocated && s.size > 0) {
            let Some(r) = &s.file_range else { continue };
            let (start, end) = (r.start as u64, r.end as u64);
            let inside = start >= whole.start && end <= whole.end;
            let same_place = inside && u64::from(s.address) == h.p_vaddr + (start - whole.start);
            if same_place {
                part = Some(match part {
                    None => start..end,
                    Some(p) => p.start.min(start)..p.end.max(end),
                });
            } else if start < whole.end && end > whole.start {
                return whole;
            }
        }
        part.unwrap_or(whole)
    }

    pub fn section<'a>(&self, name: &str, file: &'a [u8]) -> Option<&'a [u8]> {
        let s = self.sections.iter().find(|s| s.name == name)?;
        file.get(s.file_range.clone()?)
    }

    /// All notes of note sections, of `.note.*` sections of any type, and of note segments.
    pub fn notes<'a>(&self, file: &'a [u8]) -> Vec<Note<'a>> {
        let by_section = self.sections.iter().filter_map(|s| {
            let is_note = s.kind == SHT_NOTE || s.name.starts_with(".note.");
            is_note.then(|| s.file_range.clone()).flatten()
        });
        let by_segment = self.headers.iter().filter(|h| h.p_type == PT_NOTE);
        let by_segment = by_segment.filter_map(|h| {
            let end = h.p_offset.checked_add(h.p_filesz)?;
            Some(usize::try_from(h.p_offset).ok()?..usize::try_from(end).ok()?)
        });
        let mut notes = Vec::new();
        for range in by_section.chain(by_segment) {
            let mut rest = file.get(range).unwrap_or_default();
            while let Some(note) = next_note(&mut rest) {
                notes.push(note);
            }
        }
        notes
    }
}

fn next_note<'a>(rest: &mut &'a [u8]) -> Option<Note<'a>> {
    let word = |i: usize| -> Option<u32> {
        let b = rest.get(4 * i..4 * i + 4)?;
        Some(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    };
    let (namesz, descsz, kind) = (word(0)? as usize, word(1)? as usize, word(2)?);
    let desc_at = 12usize.checked_add(namesz.checked_next_multiple_of(4)?)?;
    let name = rest.get(12..12usize.checked_add(namesz)?)?;
    let end = desc_at.checked_add(descsz)?;
    let desc = rest.get(desc_at..end)?;
    *rest = rest
        .get(end.checked_next_multiple_of(4)?..)
        .unwrap_or_default();
    Some(Note {
        name: name.strip_suffix(b"\0").unwrap_or(name),
        kind,
        desc,
    })
}

fn truncated(what: &str, needed: u64, file: &[u8]) -> ErrorKind {
    ErrorKind::Truncated {
        what: what.to_owned(),
        needed,
        size: file.len() as u64,
    }
}

/// Is a table of headers inside the file, with entries of the size that the format fixes?
fn table(
    file: &[u8],
    what: &str,
    offset: u64,
    count: usize,
    size: u16,
    claimed: u16,
) -> Result<(), ErrorKind> {
    if count > 0 && claimed != size {
        return Err(ErrorKind::Damaged(format!(
            "{what} have entries of {claimed} bytes, not {size}"
        )));
    }
    let end = offset + (count * usize::from(size)) as u64;
    if end > file.len() as u64 {
        return Err(truncated(what, end, file));
    }
    Ok(())
}

fn check_target(header: &Header, class: u8, data: u8) -> Result<(), ErrorKind> {
    let known = matches!(header.e_machine, EM_ARM | EM_RISCV);
    if known && class != ELFCLASS64 && data != ELFDATA2MSB {
        return Ok(());
    }
    let machine = match header.e_machine {
        EM_386 => "x86",
        EM_X86_64 => "x86-64 (a program for this PC, not for a microcontroller?)",
        EM_ARM => "ARM",
        EM_AARCH64 => "AArch64",
        EM_RISCV => "RISC-V",
        EM_XTENSA => "Xtensa",
        EM_AVR => "AVR",
        EM_MIPS => "MIPS",
        EM_MSP430 => "MSP430",
        EM_PPC => "PowerPC",
        other => machine_to_str(other),
    };
    let width = if class == ELFCLASS64 { "64-bit " } else { "" };
    let order = if data == ELFDATA2MSB {
        "big-endian "
    } else {
        ""
    };
    Err(ErrorKind::WrongTarget(format!("{width}{order}{machine}")))
}

fn sections(file: &[u8], raw: &[SectionHeader], names: usize) -> Result<Vec<Section>, ErrorKind> {
    let names: &[u8] = raw
        .get(names)
        .and_then(|s| file.get(s.sh_offset as usize..(s.sh_offset + s.sh_size) as usize))
        .unwrap_or_default();
    let mut list = Vec::with_capacity(raw.len());
    for s in raw {
        let name = string_at(names, s.sh_name).unwrap_or_default();
        let has_bytes = s.sh_type != SHT_NOBITS && s.sh_type != SHT_NULL && s.sh_size > 0;
        let end = s.sh_offset + s.sh_size;
        if has_bytes && end > file.len() as u64 {
            return Err(truncated(&format!("section `{name}`"), end, file));
        }
        let flag = |bit: u32| s.sh_flags & u64::from(bit) != 0;
        list.push(Section {
            name,
            address: s.sh_addr as u32,
            size: s.sh_size as u32,
            allocated: flag(SHF_ALLOC),
            executable: flag(SHF_EXECINSTR),
            kind: s.sh_type,
            link: s.sh_link,
            compressed: flag(SHF_COMPRESSED),
            file_range: has_bytes.then_some(s.sh_offset as usize..end as usize),
        });
    }
    Ok(list)
}

/// A string of a string table; bytes that are not UTF-8 are replaced.
pub(super) fn string_at(table: &[u8], at: usize) -> Option<String> {
    let rest = table.get(at..)?;
    let len = rest.iter().position(|&b| b == 0)?;
    Some(String::from_utf8_lossy(&rest[..len]).into_owned())
}
