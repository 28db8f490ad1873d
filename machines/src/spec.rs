//! A machine as its files describe it, before it is built.

use crate::errors::{Diagnostic, Errors};
use crate::file::{MachineFile, SCHEMA};
use crate::library;
use crate::source::Source;
use crate::suggest::advice;
use crate::value;
use emu_core::cortex_m::Architecture;
use emu_core::machine::CoreKind;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Files that are larger are no machine files.
const MAX_FILE: u64 = 4 << 20;
/// Files that may be laid over each other.
const MAX_DEPTH: usize = 8;

/// Name and kind of every core.
/// A machine: its files laid over each other, and the overrides.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    pub(crate) sources: Vec<Source>,
    pub(crate) file: MachineFile,
    pub(crate) core: CoreKind,
}

impl MachineSpec {
    /// Read a machine: a built-in one by its name, or a file (a path that ends in `.toml` or has a `/`).
    ///
    /// # Errors
    /// What is wrong with the files, or that there is no such machine.
    pub fn load(name_or_path: &str) -> Result<MachineSpec, Errors> {
        let mut loader = Loader::default();
        let (source, folder) = open(name_or_path, None)?;
        loader.finish(source, folder)
    }

    /// Read a machine from a text; `name` stands for it in messages.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_text(name: &str, text: &str) -> Result<MachineSpec, Errors> {
        let source = Source {
            name: name.into(),
            text: text.into(),
        };
        Loader::default().finish(source, None)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.file.name.as_ref().map_or("", |n| n.as_str())
    }

    /// What it is, in one line.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.file.summary.as_ref().map_or("", |n| n.as_str())
    }

    /// Its core.
    #[must_use]
    pub fn core(&self) -> CoreKind {
        self.core
    }

    /// The whole description: all files and overrides laid over each other.
    #[must_use]
    pub fn file(&self) -> &MachineFile {
        &self.file
    }

    /// Name of the serial device that is the console.
    #[must_use]
    pub fn console(&self) -> Option<&str> {
        self.file.console.as_ref().map(|c| c.as_str())
    }

    /// The net of a pin: by its own name, such as `PD12`, or by the board's, such as `LED_GREEN`.
    #[must_use]
    pub fn net<'a>(&'a self, name: &'a str) -> &'a str {
        self.file.pin_names.get(name).map_or(name, |n| n.as_str())
    }

    /// Name of an interrupt (IRQ number, not exception number).
    #[must_use]
    pub fn interrupt_name(&self, irq: u16) -> Option<&str> {
        self.file
            .interrupts
            .iter()
            .find(|(_, n)| n.value == irq)
            .map(|(name, _)| name.as_str())
    }

    /// SHA-256 over everything that a run depends on. Summaries, citations and the way in which
    /// files are laid over each other do not count.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut file = self.file.clone();
        file.schema = None;
        Sha256::digest(serde_json::to_vec(&file).unwrap_or_default()).into()
    }
}

/// Finds the text of a machine; gives the folder against which further paths are resolved.
fn open(name: &str, from: Option<&Path>) -> Result<(Source, Option<PathBuf>), Diagnostic> {
    if !name.ends_with(".toml") && !name.contains(['/', '\\']) {
        let source = library::find(name).ok_or_else(|| {
            let list = library::list();
            Diagnostic::new(format!("there is no machine `{name}`"))
                .help(advice(
                    "machines",
                    name,
                    list.iter().map(|e| e.name.as_str()),
                ))
                .help("a file of your own is given by its path: `-m ./my-board.toml`")
        })?;
        return Ok((source, None));
    }
    let path = from.map_or_else(|| PathBuf::from(name), |f| f.join(name));
    let failed = |why: String| Diagnostic::new(format!("cannot read {}: {why}", path.display()));
    let size = std::fs::metadata(&path).map_err(|e| failed(e.to_string()))?;
    if !size.is_file() || size.len() > MAX_FILE {
        return Err(failed(format!(
            "a machine file is a text of at most {} MiB",
            MAX_FILE >> 20
        )));
    }
    let bytes = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    let source = Source {
        name: path.display().to_string().into(),
        text: text.into(),
    };
    Ok((
        source,
        Some(path.parent().map(Path::to_path_buf).unwrap_or_default()),
    ))
}

/// Reads a layer; the parser's error becomes a diagnostic.
pub(crate) fn parse_layer(sources: &[Source]) -> Result<MachineFile, Diagnostic> {
    let index = sources.len() - 1;
    let source = &sources[index];
    value::parse::<MachineFile>(&source.text, index as u16).map_err(|e| {
        let message = e.message().trim().to_owned();
        let at = crate::source::At {
            source: index as u16,
            span: e.span().unwrap_or(0..0),
        };
        let title = if source.name.starts_with("--set ") {
            "this value cannot be set"
        } else {
            "this is not a valid machine file"
        };
        let mut d = Diagnostic::new(title).at(sources, &at, &message);
        // `unknown field `x`, expected one of `a`, `b``: find the one that was meant.
        if let Some((wrong, known)) = message.split_once(", expected") {
            let wrong: Vec<&str> = wrong.split('`').collect();
            if let Some(near) = wrong
                .get(1)
                .and_then(|w| crate::suggest::nearest(w, known.split('`').skip(1).step_by(2)))
            {
                d = d.help(format!("did you mean `{near}`?"));
            }
        }
        d
    })
}

#[derive(Default)]
struct Loader {
    sources: Vec<Source>,
    errors: Vec<Diagnostic>,
}

impl Loader {
    fn finish(&mut self, source: Source, folder: Option<PathBuf>) -> Result<MachineSpec, Errors> {
        let mut file = self.chain(source, folder.as_deref(), 0)?;
        if file.partial.as_ref().is_some_and(|p| p.value) {
            self.errors.push(Diagnostic::new(format!(
                "`{}` is a part of other machines, not a machine",
                file.name.as_ref().map_or("?", |n| n.as_str())
            )));
        }
        let core = self.core(&mut file);
        match core {
            Some(core) if self.errors.is_empty() => Ok(MachineSpec {
                sources: std::mem::take(&mut self.sources),
                file,
                core,
            }),
            _ => Err(Errors(std::mem::take(&mut self.errors))),
        }
    }

    /// Reads a file and what it is laid over.
    fn chain(
        &mut self,
        source: Source,
        folder: Option<&Path>,
        depth: usize,
    ) -> Result<MachineFile, Diagnostic> {
        self.sources.push(source);
        let file = parse_layer(&self.sources)?;
        let index = self.sources.len() - 1;
        match &file.schema {
            Some(s) if s.value != SCHEMA => self.errors.push(
                Diagnostic::new(format!("schema {} is not known", s.value))
                    .at(
                        &self.sources,
                        &s.at,
                        format!("this version reads schema {SCHEMA}"),
                    )
                    .help("use the version of the tool that the file was written for"),
            ),
            None => self.errors.push(Diagnostic::new(format!(
                "{}: `schema = {SCHEMA}` is missing",
                self.sources[index].name
            ))),
            _ => {}
        }
        file.duplicates(&self.sources, &mut self.errors);
        let Some(base) = file.base.as_ref().or(file.chip.as_ref()) else {
            return Ok(file);
        };
        if depth >= MAX_DEPTH {
            return Err(
                Diagnostic::new("too many files are laid over each other").at(
                    &self.sources,
                    &base.at,
                    "is this a circle?",
                ),
            );
        }
        let base = base.clone();
        let (source, folder) =
            open(&base, folder).map_err(|d| d.at(&self.sources, &base.at, "named here"))?;
        let mut merged = self.chain(source, folder.as_deref(), depth + 1)?;
        merged.lay_over(file, &self.sources, &mut self.errors);
        Ok(merged)
    }

    /// Puts what every core of this kind has (its private peripheral bus) under the machine.
    fn core(&mut self, file: &mut MachineFile) -> Option<CoreKind> {
        let Some(kind) = file.core.kind.clone() else {
            self.errors.push(
                Diagnostic::new("the machine has no core")
                    .help("say which: `[core]` with `kind = \"cortex-m4f\"`"),
            );
            return None;
        };
        let Some(core) = CoreKind::named(&kind.value) else {
            self.errors.push(
                Diagnostic::new(format!("there is no core `{}`", kind.value))
                    .at(&self.sources, &kind.at, "unknown core")
                    .help(advice(
                        "cores",
                        &kind,
                        CoreKind::ALL.iter().map(|k| k.info().name),
                    )),
            );
            return None;
        };
        // What a RISC-V core has besides is the platform's: its machine files say so.
        let Some(arm) = &core.info().arm else {
            return Some(core);
        };
        let layer = match arm.architecture {
            Architecture::V6M => "armv6m",
            // ARMv8-M keeps what ARMv7-M has there.
            Architecture::V7M | Architecture::V7EM | Architecture::V8M => "armv7m",
        };
        self.sources.push(library::find(layer)?);
        match parse_layer(&self.sources) {
            Ok(mut merged) => {
                let machine = std::mem::take(file);
                merged.lay_over(machine, &self.sources, &mut self.errors);
                *file = merged;
            }
            Err(d) => self.errors.push(d),
        }
        Some(core)
    }
}
