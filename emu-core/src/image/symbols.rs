//! Symbols of an ELF: functions, objects, and which bytes are instructions.

use super::Lines;
use super::attributes::Architecture;
use super::demangle::demangle;
use super::elf::{CTX, Elf, string_at};
use goblin::elf::section_header::SHT_SYMTAB;
use goblin::elf::sym::{
    STB_LOCAL, STB_WEAK, STT_FILE, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, STT_OBJECT, STT_SECTION,
    STT_TLS, Sym, Symtab,
};
use std::sync::{Arc, OnceLock};

const SHN_UNDEF: usize = 0;
const SHN_ABS: usize = 0xFFF1;

/// Functions, objects and lines.
#[derive(Debug, Default)]
pub struct Symbols {
    /// By address; the best name of each address first.
    list: Vec<Symbol>,
    functions: Spans,
    objects: Spans,
    code: Vec<CodeRange>,
    /// Allocated sections: first address, one past the last, executable.
    sections: Vec<(u32, u64, bool)>,
    lines: Lines,
}

/// A named address.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Name as in the file.
    pub name: String,
    /// Address, without the Thumb bit.
    pub address: u32,
    /// Size in bytes; zero when the file does not tell.
    pub size: u32,
    /// What it names.
    pub kind: SymbolKind,
    /// Visible outside its source file (weak ones too).
    pub global: bool,
    rank: u8,
    section: usize,
    demangled: OnceLock<Option<Box<str>>>,
}

/// What a symbol names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SymbolKind {
    /// Code with an entry.
    Function,
    /// A variable or constant.
    Object,
    /// A place in memory: an assembly label or a linker symbol.
    Label,
    /// A number that the linker knows.
    Absolute,
}

/// What a range of bytes is, from mapping symbols (`$t`, `$a`, `$d`, `$x`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeKind {
    /// Thumb instructions.
    Thumb,
    /// A32 instructions.
    Arm,
    /// RISC-V instructions.
    RiscV,
    /// Literals, tables, data.
    Data,
}

/// Bytes of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeRange {
    /// First address.
    pub start: u32,
    /// One past the last address.
    pub end: u32,
    /// What is there.
    pub kind: CodeKind,
}

impl Symbol {
    /// The name as its language writes it.
    #[must_use]
    pub fn demangled(&self) -> &str {
        let cached = self.demangled.get_or_init(|| {
            let text = demangle(&self.name);
            (text != self.name).then(|| text.into_boxed_str())
        });
        cached.as_deref().unwrap_or(&self.name)
    }
}

impl Symbols {
    pub(super) fn read(elf: &Elf, file: &Arc<Vec<u8>>) -> Symbols {
        let mut s = Symbols::default();
        for section in elf.sections.iter().filter(|s| s.allocated && s.size > 0) {
            let end = u64::from(section.address) + u64::from(section.size);
            s.sections.push((section.address, end, section.executable));
        }
        let mut marks = Vec::new();
        for table in elf.sections.iter().filter(|s| s.kind == SHT_SYMTAB) {
            let strings = elf.sections.get(table.link as usize);
            let strings = strings.and_then(|s| file.get(s.file_range.clone()?));
            let (Some(range), Some(strings)) = (&table.file_range, strings) else {
                continue;
            };
            let count = range.len() / 16;
            let Ok(symbols) = Symtab::parse(file, range.start, count, CTX) else {
                continue;
            };
            for sym in symbols.iter() {
                s.take(&sym, strings, elf, &mut marks);
            }
        }
        s.index(elf);
        s.code = code_ranges(marks, &s.sections);
        let code_at_zero = s.functions.spans.first().is_some_and(|f| f.start == 0);
        s.lines = Lines::new(elf, file, code_at_zero);
        s
    }

    fn take(&mut self, sym: &Sym, strings: &[u8], elf: &Elf, marks: &mut Vec<(u32, CodeKind)>) {
        let kind = sym.st_type();
        if sym.st_shndx == SHN_UNDEF || matches!(kind, STT_SECTION | STT_FILE | STT_TLS) {
            return;
        }
        let Some(name) = string_at(strings, sym.st_name).filter(|n| !n.is_empty()) else {
            return;
        };
        let value = sym.st_value as u32;
        let arm = elf.architecture == Architecture::Arm;
        if let Some(mark) = mapping(&name, arm) {
            marks.push((value, mark));
            return;
        }
        // Local labels of the RISC-V assembler, kept for linker relaxation.
        if name.starts_with(".L") {
            return;
        }
        let executable = elf.sections.get(sym.st_shndx).is_some_and(|s| s.executable);
        let local = sym.st_bind() == STB_LOCAL;
        let is_function = matches!(kind, STT_FUNC | STT_GNU_IFUNC);
        let symbol_kind = match kind {
            _ if is_function => SymbolKind::Function,
            STT_OBJECT => SymbolKind::Object,
            _ if sym.st_shndx == SHN_ABS => SymbolKind::Absolute,
            // Assembly without `.type`: what other files can call.
            STT_NOTYPE if executable && !local => SymbolKind::Function,
            _ => SymbolKind::Label,
        };
        let thumb = arm && symbol_kind == SymbolKind::Function;
        let size = sym.st_size as u32;
        // Of several names for one place the best is: typed, with a size, global, then local, then weak.
        let untyped = symbol_kind == SymbolKind::Function && !is_function;
        let weak = sym.st_bind() == STB_WEAK;
        let rank = u8::from(untyped) << 3
            | u8::from(size == 0) << 2
            | u8::from(weak) << 1
            | u8::from(local);
        self.list.push(Symbol {
            name,
            address: if thumb { value & !1 } else { value },
            size,
            kind: symbol_kind,
            global: !local,
            rank,
            section: sym.st_shndx,
            demangled: OnceLock::new(),
        });
    }

    fn index(&mut self, elf: &Elf) {
        self.list
            .sort_by(|a, b| (a.address, a.rank, &a.name).cmp(&(b.address, b.rank, &b.name)));
        // Untyped names within a function that has a size are places in it, not functions.
        let mut covered = 0;
        for s in &mut self.list {
            if s.kind != SymbolKind::Function {
                continue;
            }
            if s.rank & 8 != 0 && u64::from(s.address) < covered {
                s.kind = SymbolKind::Label;
            } else if s.size > 0 {
                covered = covered.max(u64::from(s.address) + u64::from(s.size));
            }
        }
        let section_end = |s: &Symbol| {
            let section = elf
                .sections
                .get(s.section)
                .filter(|x| x.contains(s.address));
            section.map_or(u64::from(s.address) + 1, |x| {
                u64::from(x.address) + u64::from(x.size)
            })
        };
        self.functions = Spans::new(&self.list, SymbolKind::Function, section_end);
        self.objects = Spans::new(&self.list, SymbolKind::Object, section_end);
    }

    /// All symbols by ascending address.
    pub fn iter(&self) -> impl Iterator<Item = &Symbol> {
        self.list.iter()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The function that an address (without Thumb bit) is in. One without a size reaches to the next.
    #[must_use]
    pub fn function_at(&self, address: u32) -> Option<&Symbol> {
        self.functions.find(address).map(|i| &self.list[i])
    }

    /// The variable or constant that an address is in.
    #[must_use]
    pub fn object_at(&self, address: u32) -> Option<&Symbol> {
        self.objects.find(address).map(|i| &self.list[i])
    }

    /// The symbol of that name, as in the file or demangled. Global ones come before local ones.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Symbol> {
        let best = |by: &dyn Fn(&Symbol) -> bool| {
            let hits = self.list.iter().filter(|s| by(s));
            hits.min_by_key(|s| (!s.global, s.rank))
        };
        best(&|s| s.name == name).or_else(|| best(&|s| s.demangled() == name))
    }

    /// Ranges of instructions and of data, by ascending address.
    #[must_use]
    pub fn code_ranges(&self) -> &[CodeRange] {
        &self.code
    }

    /// Are there data at an address? Literal pools and tables within code count; so does all that lies
    /// outside executable sections.
    #[must_use]
    pub fn is_data(&self, address: u32) -> bool {
        let i = self.code.partition_point(|r| r.start <= address);
        if let Some(r) = i.checked_sub(1).map(|i| self.code[i])
            && address < r.end
        {
            return r.kind == CodeKind::Data;
        }
        section_of(&self.sections, address).is_some_and(|(_, _, executable)| !executable)
    }

    /// Source lines.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// An address for people: `main+0x12 (main.c:42)`, as much of it as is known.
    #[must_use]
    pub fn describe(&self, address: u32) -> String {
        let function = self.function_at(address);
        let Some(symbol) = function.or_else(|| self.object_at(address)) else {
            return format!("{address:#010x}");
        };
        let mut text = symbol.demangled().to_owned();
        if address != symbol.address {
            text.push_str(&format!("+{:#x}", address - symbol.address));
        }
        if let Some(l) = function.and_then(|_| self.lines.location(address)) {
            text.push_str(&format!(" ({}:{})", l.file_name(), l.line));
        }
        text
    }
}

/// Where symbols of one kind begin and end, one for each address.
#[derive(Debug, Default)]
struct Spans {
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Span {
    start: u32,
    end: u64,
    /// Largest `end` of this and all spans before it.
    reach: u64,
    symbol: usize,
}

impl Spans {
    fn new(list: &[Symbol], kind: SymbolKind, section_end: impl Fn(&Symbol) -> u64) -> Spans {
        let mut spans: Vec<Span> = Vec::new();
        for (i, s) in list.iter().enumerate().filter(|(_, s)| s.kind == kind) {
            match spans.last_mut() {
                Some(last) if last.start == s.address => continue,
                Some(last) if list[last.symbol].size == 0 => {
                    last.end = last.end.min(u64::from(s.address));
                }
                _ => {}
            }
            let end = match s.size {
                0 => section_end(s),
                size => u64::from(s.address) + u64::from(size),
            };
            spans.push(Span {
                start: s.address,
                end,
                reach: 0,
                symbol: i,
            });
        }
        let mut reach = 0;
        for s in &mut spans {
            reach = reach.max(s.end);
            s.reach = reach;
        }
        Spans { spans }
    }

    fn find(&self, address: u32) -> Option<usize> {
        let at = u64::from(address);
        let i = self.spans.partition_point(|s| s.start <= address);
        let before = self.spans[..i].iter().rev();
        before
            .take_while(|s| s.reach > at)
            .find(|s| s.end > at)
            .map(|s| s.symbol)
    }
}

/// `$t`, `$t.12`, `$xrv32imac…` (ELF for the Arm Architecture, "Mapping symbols"; RISC-V ELF psABI, the same).
fn mapping(name: &str, arm: bool) -> Option<CodeKind> {
    let rest = name.strip_prefix('$')?;
    let kind = match (rest.chars().next()?, arm) {
        ('t', true) => CodeKind::Thumb,
        ('a', true) => CodeKind::Arm,
        ('x', false) => CodeKind::RiscV,
        ('d', _) => CodeKind::Data,
        _ => return None,
    };
    let suffix = &rest[1..];
    let isa = kind == CodeKind::RiscV && suffix.starts_with("rv");
    (suffix.is_empty() || suffix.starts_with('.') || isa).then_some(kind)
}

fn section_of(sections: &[(u32, u64, bool)], address: u32) -> Option<(u32, u64, bool)> {
    let at = u64::from(address);
    let hit = |s: &&(u32, u64, bool)| s.0 <= address && at < s.1;
    sections.iter().find(hit).copied()
}

/// Marks reach to the next mark or to the end of their section.
fn code_ranges(mut marks: Vec<(u32, CodeKind)>, sections: &[(u32, u64, bool)]) -> Vec<CodeRange> {
    marks.sort_by_key(|m| m.0);
    let mut ranges: Vec<CodeRange> = Vec::new();
    for (i, &(start, kind)) in marks.iter().enumerate() {
        let next = marks.get(i + 1).map_or(1 << 32, |m| u64::from(m.0));
        let Some((_, section_end, _)) = section_of(sections, start) else {
            continue;
        };
        let end = u32::try_from(next.min(section_end)).unwrap_or(u32::MAX);
        match ranges.last_mut() {
            _ if end <= start => {}
            Some(last) if last.end == start && last.kind == kind => last.end = end,
            _ => ranges.push(CodeRange { start, end, kind }),
        }
    }
    ranges
}
