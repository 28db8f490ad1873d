//! Files that appear whole or not at all: written beside, renamed when complete.
//!
//! A run that is stopped by Ctrl-C ends in good order and completes its files; a process that is
//! killed leaves at most a hidden `.part` file beside the target.

use crate::failure::{Exit, Failure};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The folder is not there.
    #[error("cannot write `{}`: the folder `{}` does not exist", path.display(), folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The path is a folder.
    #[error("cannot write `{}`: it is a folder", .0.display())]
    IsFolder(PathBuf),
    /// The system refused.
    #[error("cannot write `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<OutputError> for Failure {
    fn from(e: OutputError) -> Failure {
        match &e {
            OutputError::NoFolder { folder, .. } => {
                let help = format!("make it: mkdir -p '{}'", folder.display());
                Failure::usage(e.to_string()).help(help)
            }
            OutputError::IsFolder(_) => Failure::usage(e.to_string()).help("name a file in it"),
            OutputError::Io { source, .. } => {
                let code = match source.kind() {
                    io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotFound
                    | io::ErrorKind::ReadOnlyFilesystem => Exit::Usage,
                    _ => Exit::Internal,
                };
                let help = (code == Exit::Usage)
                    .then(|| "name a file in a folder that you may write to".to_owned());
                Failure {
                    code,
                    message: e.to_string(),
                    help,
                }
            }
        }
    }
}

/// A file in the making. Dropped without [`PendingFile::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct PendingFile {
    writer: Option<BufWriter<File>>,
    /// Where it is written; `None` for devices and pipes, which are written in place.
    temporary: Option<PathBuf>,
    target: PathBuf,
}

/// Can this file be made? Asked before a long run, so that it is not in vain. What is there stays as it is.
///
/// # Errors
/// [`OutputError`] that names the file or its folder.
pub fn check(target: &Path) -> Result<(), OutputError> {
    // Opening a pipe may wait for its reader, and closing it tells the reader that all was said.
    if fs::metadata(target).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        return Ok(());
    }
    PendingFile::create(target).map(drop)
}

fn check_place(target: &Path) -> Result<(), OutputError> {
    let folder = match target.parent() {
        Some(f) if !f.as_os_str().is_empty() => f,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(OutputError::NoFolder {
            path: target.to_owned(),
            folder: folder.to_owned(),
        });
    }
    if target.is_dir() {
        return Err(OutputError::IsFolder(target.to_owned()));
    }
    Ok(())
}

impl PendingFile {
    /// Begin a file that shall be at `target`.
    ///
    /// # Errors
    /// [`OutputError`] when its folder is missing or cannot be written.
    pub fn create(target: &Path) -> Result<PendingFile, OutputError> {
        check_place(target)?;
        let io = |source| OutputError::Io {
            path: target.to_owned(),
            source,
        };
        let special = fs::metadata(target).is_ok_and(|m| !m.is_file());
        let (file, temporary) = if special {
            let file = OpenOptions::new().write(true).open(target).map_err(io)?;
            (file, None)
        } else {
            let name = target.file_name().unwrap_or_default().to_string_lossy();
            let temporary = target.with_file_name(format!(".{name}.{}.part", std::process::id()));
            (File::create(&temporary).map_err(io)?, Some(temporary))
        };
        Ok(PendingFile {
            writer: Some(BufWriter::with_capacity(256 * 1024, file)),
            temporary,
            target: target.to_owned(),
        })
    }

    /// Where it will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Complete it and put it in its place.
    ///
    /// # Errors
    /// [`OutputError`] when the last bytes cannot be written or the rename fails.
    pub fn commit(mut self) -> Result<(), OutputError> {
        let result = match self.writer.take() {
            Some(w) => w.into_inner().map_err(io::IntoInnerError::into_error),
            None => return Ok(()),
        };
        let renamed = result.and_then(|_| match &self.temporary {
            Some(t) => fs::rename(t, &self.target),
            None => Ok(()),
        });
        match renamed {
            Ok(()) => {
                self.temporary = None;
                Ok(())
            }
            Err(source) => Err(OutputError::Io {
                path: self.target.clone(),
                source,
            }),
        }
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(w) => w.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// For formats that fill in lengths later. Pipes refuse.
impl Seek for PendingFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.writer {
            Some(w) => w.seek(to),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if let Some(t) = &self.temporary {
            let _ = fs::remove_file(t);
        }
    }
}

/// Write a file or, for `-`, standard output, with one function.
///
/// # Errors
/// A [`Failure`] that names the file.
pub fn write_with(
    target: &Path,
    f: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let io = |source| OutputError::Io {
        path: target.to_owned(),
        source,
    };
    if target == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        return match f(&mut out).and_then(|()| out.flush()) {
            // A reader that has seen enough (`| head`) is no error.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| io(e).into()),
        };
    }
    let mut file = PendingFile::create(target)?;
    f(&mut file).map_err(io)?;
    file.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut v: Vec<_> = fs::read_dir(folder)
            .expect("folder")
            .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        v.sort();
        v
    }

    #[test]
    fn appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("tempdir");
        let target = dir.path().join("out.vcd");
        let mut f = PendingFile::create(&target).expect("created");
        f.write_all(b"half").expect("written");
        drop(f);
        assert!(names(dir.path()).is_empty());

        fs::write(&target, "old").expect("written");
        let mut f = PendingFile::create(&target).expect("created");
        f.write_all(b"new").expect("written");
        assert_eq!(fs::read_to_string(&target).expect("read"), "old");
        f.commit().expect("committed");
        assert_eq!(fs::read_to_string(&target).expect("read"), "new");
        assert_eq!(names(dir.path()), ["out.vcd"]);
    }

    #[test]
    fn a_writer_that_fails_leaves_the_old_file() {
        let dir = tempfile::tempdir().expect("tempdir");
        let target = dir.path().join("r.json");
        fs::write(&target, "old").expect("written");
        let e = write_with(&target, |w| {
            w.write_all(b"half")?;
            Err(io::Error::other("boom"))
        });
        assert!(e.expect_err("fails").message.contains("boom"));
        assert_eq!(fs::read_to_string(&target).expect("read"), "old");
        assert_eq!(names(dir.path()), ["r.json"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let f = Failure::from(PendingFile::create(Path::new("/no/such/x.vcd")).expect_err("none"));
        assert_eq!(f.code, Exit::Usage);
        assert!(f.message.contains("`/no/such` does not exist"), "{f}");
        let f = Failure::from(PendingFile::create(Path::new("/tmp")).expect_err("folder"));
        assert!(f.message.contains("is a folder"), "{f}");
    }

    #[test]
    fn what_was_written_can_be_mended() {
        let dir = tempfile::tempdir().expect("tempdir");
        let target = dir.path().join("x.fst");
        let mut f = PendingFile::create(&target).expect("created");
        f.write_all(b"??? bytes").expect("written");
        f.seek(SeekFrom::Start(0)).expect("sought");
        f.write_all(b"six").expect("written");
        f.commit().expect("committed");
        assert_eq!(fs::read_to_string(&target).expect("read"), "six bytes");
    }

    #[test]
    fn devices_are_written_in_place() {
        let mut f = PendingFile::create(Path::new("/dev/null")).expect("opened");
        f.write_all(b"x").expect("written");
        f.commit().expect("committed");
    }
}
