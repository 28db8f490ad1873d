//! As much of ZIP as a sigrok session needs: deflated files, one after the other, nothing read back.
//!
//! Source: PKWARE APPNOTE 6.3, §4.3.7 (local header), §4.3.12 (central directory), §4.3.16 (end). Without
//! ZIP64: at most 65535 files and 4 GiB. All files carry the epoch of MS-DOS, so that equal runs give
//! equal files.

use miniz_oxide::deflate::compress_to_vec;
use std::io::{self, Write};

/// Long constant stretches shrink a thousandfold at any level: a fast one.
const LEVEL: u8 = 1;
/// 1 January 1980, as MS-DOS writes dates.
const DATE: u16 = 1 << 5 | 1;
/// Version 2.0 of the format: deflate.
const VERSION: u16 = 20;
const DEFLATED: u16 = 8;

/// Writes an archive.
pub struct Zip<W> {
    out: W,
    /// Bytes written so far.
    at: u32,
    /// The central directory, as far as it is known.
    directory: Vec<u8>,
    files: u16,
}

impl<W: Write> Zip<W> {
    /// An archive that is written to `out`, from its present position on.
    pub fn new(out: W) -> Zip<W> {
        Zip {
            out,
            at: 0,
            directory: Vec::new(),
            files: 0,
        }
    }

    /// Add a file.
    ///
    /// # Errors
    /// What the output gives, and when the archive would need ZIP64.
    pub fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let packed = compress_to_vec(content, LEVEL);
        let (Ok(length), Ok(packed_length), Ok(name_length), Some(files)) = (
            u32::try_from(content.len()),
            u32::try_from(packed.len()),
            u16::try_from(name.len()),
            self.files.checked_add(1),
        ) else {
            return Err(too_large());
        };
        // From "version needed to extract" to "extra field length": the same in both headers.
        let mut common = Vec::with_capacity(26);
        for v in [VERSION, 0, DEFLATED, 0, DATE] {
            common.extend(v.to_le_bytes());
        }
        for v in [crc32fast::hash(content), packed_length, length] {
            common.extend(v.to_le_bytes());
        }
        common.extend(name_length.to_le_bytes());
        common.extend(0u16.to_le_bytes());

        let start = self.at;
        for part in [b"PK\x03\x04".as_slice(), &common, name.as_bytes(), &packed] {
            self.put(part)?;
        }
        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&common);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.files = files;
        Ok(())
    }

    /// Write the directory.
    ///
    /// # Errors
    /// As [`Zip::add`].
    pub fn finish(mut self) -> io::Result<()> {
        let start = self.at;
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let length = self.at - start;
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend([self.files.to_le_bytes(), self.files.to_le_bytes()].concat());
        end.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
        end.extend([0; 2]);
        self.put(&end)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| too_large())?;
        self.at = self.at.checked_add(length).ok_or_else(too_large)?;
        self.out.write_all(bytes)
    }
}

fn too_large() -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        "a sigrok session holds at most 65535 chunks and 4 GiB: use a lower --samplerate",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_where_the_parts_are() {
        let mut bytes = Vec::new();
        let mut zip = Zip::new(&mut bytes);
        zip.add("version", b"2").expect("added");
        zip.add("logic-1-1", &[0; 10_000]).expect("added");
        zip.finish().expect("finished");
        assert!(bytes.len() < 400, "{}", bytes.len());
        let u32_at = |i: usize| u32::from_le_bytes(bytes[i..i + 4].try_into().expect("four"));
        let end = bytes.len() - 22;
        assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
        let (length, start) = (u32_at(end + 12) as usize, u32_at(end + 16) as usize);
        assert_eq!(start + length, end);
        assert_eq!(&bytes[start..start + 4], b"PK\x01\x02");
        // The second entry of the directory leads to the second file.
        let second = start + 46 + "version".len();
        let at = u32_at(second + 42) as usize;
        assert_eq!(&bytes[at..at + 4], b"PK\x03\x04");
        assert_eq!(&bytes[at + 30..at + 39], b"logic-1-1");
        assert_eq!(u32_at(at + 22), 10_000);
        let packed = &bytes[at + 39..at + 39 + u32_at(at + 18) as usize];
        let content = miniz_oxide::inflate::decompress_to_vec(packed).expect("inflates");
        assert_eq!(content, [0; 10_000]);
    }
}
