//! What a file is, by its first bytes.

use super::{ErrorKind, Format};

/// The format, when the contents show one.
pub(super) fn format(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(b"\x7FELF") {
        return Some(Format::Elf);
    }
    if bytes.starts_with(&super::uf2::MAGIC) {
        return Some(Format::Uf2);
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let start = text.iter().position(|b| !b.is_ascii_whitespace())?;
    let record = &text[start..];
    let digits = record.get(1..9)?;
    (record[0] == b':' && digits.iter().all(u8::is_ascii_hexdigit)).then_some(Format::Hex)
}

/// Beginnings of files that people pass by mistake, with what they are and what to do.
const MISTAKES: [(&[u8], &str, &str); 9] = [
    (
        b"!<arch>\n",
        "a static library",
        "link it and give the program",
    ),
    (b"MZ", "a Windows program", "build for the microcontroller"),
    (
        b"\xCF\xFA\xED\xFE",
        "a macOS program",
        "build for the microcontroller",
    ),
    (b"\x1F\x8B", "a gzip archive", "unpack it first"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"\x28\xB5\x2F\xFD", "a zstd archive", "unpack it first"),
    (
        b"BC\xC0\xDE",
        "LLVM bitcode",
        "link it and give the program",
    ),
    (
        b"version https://git-lfs",
        "a Git LFS pointer",
        "fetch the real file with `git lfs pull`",
    ),
    (
        b"S0",
        "a Motorola S-record file",
        "convert it: objcopy -I srec -O ihex IN OUT.hex",
    ),
];

/// The error for a file that shows no format, when nobody said that it is a raw binary.
pub(super) fn not_firmware(bytes: &[u8]) -> ErrorKind {
    for (magic, what, help) in MISTAKES {
        if bytes.starts_with(magic) {
            return ErrorKind::NotFirmware(what.to_owned(), help);
        }
    }
    // Look at the beginning only; the cut may go through a UTF-8 sequence.
    let head = &bytes[..bytes.len().min(4096)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
            std::str::from_utf8(&head[..e.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let is_text = valid.is_some_and(|t| t.chars().all(|c| !c.is_control() || c.is_whitespace()));
    if is_text {
        return ErrorKind::NotFirmware(
            "a text file".to_owned(),
            "give the firmware that the build made: ELF, Intel HEX, UF2, or a raw binary with --base",
        );
    }
    ErrorKind::BaseMissing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        assert_eq!(format(b"\x7FELF\x01"), Some(Format::Elf));
        assert_eq!(format(b"UF2\nWQ]\x9E"), Some(Format::Uf2));
        assert_eq!(format(b"\r\n:020000040800F2\n"), Some(Format::Hex));
        assert_eq!(format(b"\xEF\xBB\xBF:00000001FF"), Some(Format::Hex));
        assert_eq!(format(b": hello world"), None);
        assert_eq!(format(b":"), None);
        assert_eq!(format(b""), None);
    }

    #[test]
    fn mistakes_are_named() {
        let says = |b: &[u8]| not_firmware(b).to_string();
        assert_eq!(says(b"int main(void) {\n"), "is a text file, not firmware");
        assert_eq!(says("größe\n".as_bytes()), "is a text file, not firmware");
        assert_eq!(says(b"PK\x03\x04..."), "is a zip archive, not firmware");
        assert!(says(b"\x00\x80\x00\x20\x01").contains("raw binary"));
    }
}
