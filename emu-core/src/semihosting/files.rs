//! Host files for semihosting, confined to one folder.
//!
//! A name from the guest is relative, has no `..`, and after all symbolic links the file must still be in the
//! folder and be a regular one. This is checked again at each access: files are opened for each read and write,
//! so that a handle is plain data (a snapshot can hold it) and nothing that the guest renames moves it out.

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

/// An error number as newlib and gdb's file I/O have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Errno(pub u32);

impl Errno {
    pub const NOENT: Errno = Errno(2);
    pub const IO: Errno = Errno(5);
    pub const BADF: Errno = Errno(9);
    pub const ACCES: Errno = Errno(13);
    pub const FAULT: Errno = Errno(14);
    pub const EXIST: Errno = Errno(17);
    pub const NOTDIR: Errno = Errno(20);
    pub const ISDIR: Errno = Errno(21);
    pub const INVAL: Errno = Errno(22);
    pub const MFILE: Errno = Errno(24);
    pub const FBIG: Errno = Errno(27);
    pub const NOSPC: Errno = Errno(28);
    pub const SPIPE: Errno = Errno(29);
    pub const ROFS: Errno = Errno(30);
    pub const NOSYS: Errno = Errno(88);
    pub const NAMETOOLONG: Errno = Errno(91);
}

impl From<io::Error> for Errno {
    fn from(e: io::Error) -> Errno {
        match e.kind() {
            io::ErrorKind::NotFound => Errno::NOENT,
            io::ErrorKind::PermissionDenied => Errno::ACCES,
            io::ErrorKind::AlreadyExists => Errno::EXIST,
            io::ErrorKind::NotADirectory => Errno::NOTDIR,
            io::ErrorKind::IsADirectory => Errno::ISDIR,
            io::ErrorKind::StorageFull => Errno::NOSPC,
            io::ErrorKind::FileTooLarge => Errno::FBIG,
            io::ErrorKind::ReadOnlyFilesystem => Errno::ROFS,
            _ => Errno::IO,
        }
    }
}

/// An open file: what the guest may do with it and where it is in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct OpenFile {
    name: String,
    readable: bool,
    writable: bool,
    /// Where the next append goes; `None` when the file was not opened for appending.
    append_at: Option<u64>,
    pub position: u64,
}

impl OpenFile {
    /// Where the next write goes.
    fn writes_at(&self) -> u64 {
        self.append_at.unwrap_or(self.position)
    }

    /// So many bytes were read.
    pub fn was_read(&mut self, bytes: usize) {
        self.position += bytes as u64;
    }

    /// So many bytes were written.
    pub fn was_written(&mut self, bytes: usize) {
        self.position = self.writes_at() + bytes as u64;
        if let Some(end) = &mut self.append_at {
            *end = self.position;
        }
    }
}

/// The folder, or nothing when files are off.
#[derive(Debug)]
pub(super) struct Folder {
    root: Option<PathBuf>,
}

impl Folder {
    pub fn new(root: Option<PathBuf>) -> Folder {
        Folder {
            root: root.map(|r| r.canonicalize().unwrap_or(r)),
        }
    }

    pub fn is_given(&self) -> bool {
        self.root.is_some()
    }

    /// Open a file; `mode` is that of `SYS_OPEN`: r, rb, r+, r+b, w, wb, w+, w+b, a, ab, a+, a+b.
    pub fn open(&self, name: &[u8], mode: u32) -> Result<OpenFile, Errno> {
        let name = std::str::from_utf8(name).map_err(|_| Errno::INVAL)?;
        let (write, append, plus) = (mode / 4 == 1, mode / 4 == 2, mode & 2 != 0);
        let mut file = OpenFile {
            name: name.to_owned(),
            readable: plus || !(write || append),
            writable: plus || write || append,
            append_at: None,
            position: 0,
        };
        let path = self.target(name)?;
        let opened = File::options()
            .read(file.readable)
            .write(file.writable)
            .create(write || append)
            .truncate(write)
            .open(path)?;
        if append {
            file.append_at = Some(opened.metadata()?.len());
        }
        Ok(file)
    }

    /// At most `len` bytes from the position on; none at the end. The position stays where it is.
    pub fn read(&self, file: &OpenFile, len: u32) -> Result<Vec<u8>, Errno> {
        if !file.readable {
            return Err(Errno::BADF);
        }
        let mut host = File::open(self.target(&file.name)?)?;
        host.seek(SeekFrom::Start(file.position))?;
        let mut bytes = Vec::new();
        host.take(u64::from(len)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// All bytes at the position, or at the end of a file opened for appending. The position stays where it is.
    pub fn write(&self, file: &OpenFile, bytes: &[u8]) -> Result<(), Errno> {
        if !file.writable {
            return Err(Errno::BADF);
        }
        let mut host = File::options().write(true).open(self.target(&file.name)?)?;
        host.seek(SeekFrom::Start(file.writes_at()))?;
        Ok(host.write_all(bytes)?)
    }

    pub fn length(&self, file: &OpenFile) -> Result<u64, Errno> {
        Ok(fs::metadata(self.target(&file.name)?)?.len())
    }

    pub fn remove(&self, name: &[u8]) -> Result<(), Errno> {
        Ok(fs::remove_file(self.entry(name)?)?)
    }

    pub fn rename(&self, old: &[u8], new: &[u8]) -> Result<(), Errno> {
        Ok(fs::rename(self.entry(old)?, self.entry(new)?)?)
    }

    /// The place of a name in the folder, its last part not followed.
    fn entry(&self, name: &[u8]) -> Result<PathBuf, Errno> {
        let name = std::str::from_utf8(name).map_err(|_| Errno::INVAL)?;
        self.locate(name).map(|(path, _)| path)
    }

    /// The regular file of a name, links followed, or the place for a new one.
    fn target(&self, name: &str) -> Result<PathBuf, Errno> {
        let (path, root) = self.locate(name)?;
        let kind = match fs::symlink_metadata(&path) {
            Ok(m) => m.file_type(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(e) => return Err(e.into()),
        };
        let path = if kind.is_symlink() {
            // A link to nothing would make a file elsewhere.
            let real = path.canonicalize().map_err(|_| Errno::ACCES)?;
            inside(root, real)?
        } else {
            path
        };
        let kind = fs::metadata(&path)?.file_type();
        if kind.is_dir() {
            return Err(Errno::ISDIR);
        }
        // Opening a pipe or a device could block or act.
        if !kind.is_file() {
            return Err(Errno::ACCES);
        }
        Ok(path)
    }

    fn locate(&self, name: &str) -> Result<(PathBuf, &Path), Errno> {
        let root = self.root.as_deref().ok_or(Errno::ACCES)?;
        if name.contains('\0') {
            return Err(Errno::INVAL);
        }
        let relative = Path::new(name);
        let allowed = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
        if !relative.components().all(allowed) {
            return Err(Errno::ACCES);
        }
        let last = relative.file_name().ok_or(Errno::NOENT)?;
        let parent = relative.parent().unwrap_or(Path::new(""));
        let parent = inside(root, root.join(parent).canonicalize()?)?;
        Ok((parent.join(last), root))
    }
}

fn inside(root: &Path, real: PathBuf) -> Result<PathBuf, Errno> {
    if real.starts_with(root) {
        Ok(real)
    } else {
        Err(Errno::ACCES)
    }
}
