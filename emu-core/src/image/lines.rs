//! Source lines from DWARF, parsed when first asked for.
//!
//! Not read: compressed debug sections, split DWARF (`.dwo`).

use super::demangle::demangle;
use super::elf::Elf;
use gimli::{EndianArcSlice, EndianSlice, LittleEndian, Relocate, RelocateReader, SectionId};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

type Reader = RelocateReader<EndianArcSlice<LittleEndian>, DeadCode>;
type Context = addr2line::Context<Reader>;

/// Address to file and line.
#[derive(Default)]
pub struct Lines {
    file: Arc<Vec<u8>>,
    sections: Vec<(SectionId, Range<usize>)>,
    code_at_zero: bool,
    compressed: bool,
    context: OnceLock<Option<Mutex<Context>>>,
}

/// A place in a source file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// Path as the compiler wrote it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1; zero when it is not known.
    pub column: u32,
}

impl Location {
    /// The last part of the path.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.file.rsplit(['/', '\\']).next().unwrap_or(&self.file)
    }
}

/// A function that is active at an address; inlined ones are frames of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its name, demangled.
    pub function: Option<String>,
    /// The place in it: of the address itself, or of the call that was inlined.
    pub location: Option<Location>,
}

impl Lines {
    pub(super) fn new(elf: &Elf, file: &Arc<Vec<u8>>, code_at_zero: bool) -> Lines {
        let mut lines = Lines {
            file: Arc::clone(file),
            code_at_zero,
            ..Lines::default()
        };
        for s in elf
            .sections
            .iter()
            .filter(|s| s.name.starts_with(".debug_"))
        {
            let (Some(id), Some(range)) = (section_id(&s.name), &s.file_range) else {
                continue;
            };
            if s.compressed {
                lines.compressed = true;
            } else {
                lines.sections.push((id, range.clone()));
            }
        }
        lines
    }

    /// Does the file have line tables that can be read?
    #[must_use]
    pub fn is_available(&self) -> bool {
        let has = |id| self.sections.iter().any(|(s, _)| *s == id);
        has(SectionId::DebugInfo) && has(SectionId::DebugLine)
    }

    /// Are there debug sections that cannot be read because they are compressed? (Link without
    /// `--compress-debug-sections`, or undo it: `objcopy --decompress-debug-sections`.)
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// File and line of the instruction at an address (the innermost, when functions are inlined).
    #[must_use]
    pub fn location(&self, address: u32) -> Option<Location> {
        self.with(|c| own(c.find_location(u64::from(address)).ok()??))
    }

    /// The functions at an address: the innermost inlined one first, the real one last.
    #[must_use]
    pub fn frames(&self, address: u32) -> Vec<Frame> {
        let frames = self.with(|c| {
            let mut frames = Vec::new();
            let mut iter = c.find_frames(u64::from(address)).skip_all_loads().ok()?;
            while let Ok(Some(f)) = iter.next() {
                let name = f
                    .function
                    .as_ref()
                    .and_then(|n| n.raw_name().ok().map(|n| demangle(&n)));
                frames.push(Frame {
                    function: name,
                    location: f.location.and_then(own),
                });
            }
            Some(frames)
        });
        frames.unwrap_or_default()
    }

    fn with<T>(&self, ask: impl FnOnce(&Context) -> Option<T>) -> Option<T> {
        let context = self.context.get_or_init(|| self.load().map(Mutex::new));
        let context = context.as_ref()?.lock();
        ask(&context.unwrap_or_else(PoisonError::into_inner))
    }

    fn bytes(&self, id: SectionId) -> &[u8] {
        let range = self.sections.iter().find(|(s, _)| *s == id);
        range
            .and_then(|(_, r)| self.file.get(r.clone()))
            .unwrap_or_default()
    }

    fn load(&self) -> Option<Context> {
        if !self.is_available() {
            return None;
        }
        let roots: Arc<[Range<usize>]> = self.unit_roots().into();
        let dwarf = gimli::Dwarf::load(|id| {
            let bytes = EndianArcSlice::new(Arc::from(self.bytes(id)), LittleEndian);
            Ok::<_, gimli::Error>(RelocateReader::new(bytes, self.dead_code(id, &roots)))
        });
        Context::from_dwarf(dwarf.ok()?).ok()
    }

    fn dead_code(&self, id: SectionId, roots: &Arc<[Range<usize>]>) -> DeadCode {
        use SectionId as S;
        // Zero means other things too in the older range tables and in the address ranges: base, end.
        let zero_is_dead = !self.code_at_zero
            && matches!(
                id,
                S::DebugInfo | S::DebugLine | S::DebugAddr | S::DebugRngLists
            );
        DeadCode {
            zero_is_dead,
            except: (id == S::DebugInfo).then(|| Arc::clone(roots)),
        }
    }

    /// Where the first entry of each unit lies in `.debug_info`. Its address may be zero for a reason: it is the
    /// base for the ranges.
    fn unit_roots(&self) -> Vec<Range<usize>> {
        let load = |id| Ok::<_, gimli::Error>(EndianSlice::new(self.bytes(id), LittleEndian));
        let mut roots = Vec::new();
        let Ok(dwarf) = gimli::Dwarf::load(load) else {
            return roots;
        };
        let mut units = dwarf.units();
        while let Ok(Some(header)) = units.next() {
            let Some(start) = header.debug_info_offset() else {
                continue;
            };
            let end = || -> Option<usize> {
                let abbreviations = dwarf.abbreviations(&header).ok()?;
                let mut entries = header.entries_raw(&abbreviations, None).ok()?;
                let first = entries.read_abbreviation().ok()??;
                entries.skip_attributes(first.attributes()).ok()?;
                Some(entries.next_offset().0)
            };
            roots.push(start.0..start.0 + end().unwrap_or(header.length_including_self()));
        }
        roots
    }
}

/// GNU ld sets addresses of functions that it threw away (`--gc-sections`) to zero. In firmware, code really is
/// near zero, and the dead functions would hide it. So a zero address is read as DWARF's tombstone, -1.
#[derive(Clone, Debug)]
struct DeadCode {
    zero_is_dead: bool,
    except: Option<Arc<[Range<usize>]>>,
}

impl Relocate<usize> for DeadCode {
    fn relocate_address(&self, offset: usize, value: u64) -> gimli::Result<u64> {
        if value != 0 || !self.zero_is_dead {
            return Ok(value);
        }
        if let Some(ranges) = &self.except {
            let i = ranges.partition_point(|r| r.start <= offset);
            if i > 0 && ranges[i - 1].contains(&offset) {
                return Ok(value);
            }
        }
        Ok(u64::from(u32::MAX))
    }

    fn relocate_offset(&self, _offset: usize, value: usize) -> gimli::Result<usize> {
        Ok(value)
    }
}

fn section_id(name: &str) -> Option<SectionId> {
    use SectionId as S;
    let all = [
        S::DebugAbbrev,
        S::DebugAddr,
        S::DebugAranges,
        S::DebugInfo,
        S::DebugLine,
        S::DebugLineStr,
        S::DebugRanges,
        S::DebugRngLists,
        S::DebugStr,
        S::DebugStrOffsets,
        S::DebugTypes,
    ];
    all.into_iter().find(|id| id.name() == name)
}

fn own(l: addr2line::Location<'_>) -> Option<Location> {
    Some(Location {
        file: l.file?.to_owned(),
        line: l.line?,
        column: l.column.unwrap_or(0),
    })
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("available", &self.is_available())
            .field("loaded", &self.context.get().is_some())
            .finish()
    }
}
