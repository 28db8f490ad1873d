//! Intel HEX.
//!
//! Records are decoded by `ihex`; addresses, order and completeness are checked here, with line numbers.

use super::load::{Join, Pieces};
use super::{ErrorKind, Segment};
use ihex::{ReaderError, Record};

pub(super) struct Hex {
    pub segments: Vec<Segment>,
    pub entry: Option<u32>,
}

/// A run of records without a gap, so that a file of 16-byte records does not become many small pieces.
struct Run {
    address: u32,
    bytes: Vec<u8>,
    first_line: usize,
    last_line: usize,
}

pub(super) fn parse(file: &[u8]) -> Result<Hex, ErrorKind> {
    let mut pieces = Pieces::default();
    let mut run: Option<Run> = None;
    let mut base = 0u32;
    let mut segmented = false;
    let mut entry = None;
    let mut ended = false;
    let mut last_line = 0;
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    for (i, text) in file.split(|&b| b == b'\n').enumerate() {
        let text = text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        last_line = i + 1;
        let fail = |problem: String| ErrorKind::Hex {
            line: last_line,
            problem,
        };
        if ended {
            return Err(fail(
                "a record after the end-of-file record; were two files put together? merge them with a HEX tool".to_owned(),
            ));
        }
        let text =
            std::str::from_utf8(text).map_err(|_| fail("bytes that are not text".to_owned()))?;
        match decode(text).map_err(fail)? {
            Record::Data { offset, value } => {
                let pieces_of = if segmented {
                    // In segmented files the offset wraps within its 64 KiB.
                    let room = 0x1_0000 - usize::from(offset);
                    let (low, high) = value.split_at(value.len().min(room));
                    [
                        (base.wrapping_add(u32::from(offset)), low.to_vec()),
                        (base, high.to_vec()),
                    ]
                } else {
                    [
                        (base.wrapping_add(u32::from(offset)), value),
                        (0, Vec::new()),
                    ]
                };
                for (address, bytes) in pieces_of {
                    append(&mut run, &mut pieces, address, bytes, last_line)?;
                }
            }
            Record::ExtendedLinearAddress(high) => {
                base = u32::from(high) << 16;
                segmented = false;
            }
            Record::ExtendedSegmentAddress(segment) => {
                base = u32::from(segment) << 4;
                segmented = true;
            }
            Record::StartLinearAddress(address) => entry = Some(address),
            Record::StartSegmentAddress { .. } => {}
            Record::EndOfFile => ended = true,
        }
    }
    if !ended {
        return Err(ErrorKind::Hex {
            line: last_line,
            problem: "the file ends without an end-of-file record (:00000001FF): it is cut short"
                .to_owned(),
        });
    }
    flush(run, &mut pieces)?;
    Ok(Hex {
        segments: pieces.segments(Join::Adjacent)?,
        entry,
    })
}

fn decode(text: &str) -> Result<Record, String> {
    if !text.starts_with(':') {
        return Err("a record must begin with ':'".to_owned());
    }
    Record::from_record_string(text).map_err(|e| match e {
        ReaderError::ChecksumMismatch(computed, found) => {
            format!("checksum is {found:02X}, but the record's bytes give {computed:02X}")
        }
        e => e.to_string(),
    })
}

fn append(
    run: &mut Option<Run>,
    pieces: &mut Pieces,
    address: u32,
    bytes: Vec<u8>,
    line: usize,
) -> Result<(), ErrorKind> {
    if bytes.is_empty() {
        return Ok(());
    }
    if let Some(r) = run
        && u64::from(r.address) + r.bytes.len() as u64 == u64::from(address)
    {
        r.bytes.extend_from_slice(&bytes);
        r.last_line = line;
        return Ok(());
    }
    let next = Run {
        address,
        bytes,
        first_line: line,
        last_line: line,
    };
    flush(run.replace(next), pieces)
}

fn flush(run: Option<Run>, pieces: &mut Pieces) -> Result<(), ErrorKind> {
    let Some(r) = run else { return Ok(()) };
    pieces.add(r.address, r.bytes, || {
        format!("the data of lines {}-{}", r.first_line, r.last_line)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(text.as_bytes())
            .err()
            .map_or_else(String::new, |e| e.to_string())
    }

    #[test]
    fn linear_records_join_and_gaps_stay() {
        let hex = parse(
            b":020000040800F2\r\n:0400000001020304F2\r\n:0400040005060708DE\r\n:02010000AABB98\r\n:0400000508000125C9\r\n:00000001FF\r\n",
        )
        .unwrap();
        assert_eq!(hex.entry, Some(0x0800_0125));
        assert_eq!(hex.segments.len(), 2);
        assert_eq!(hex.segments[0].address, 0x0800_0000);
        assert_eq!(hex.segments[0].bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(hex.segments[1].address, 0x0800_0100);
    }

    #[test]
    fn segmented_offsets_wrap_in_their_64_kib() {
        let hex = parse(b":020000021000EC\n:04FFFE0001020304F5\n:00000001FF\n").unwrap();
        let at: Vec<_> = hex
            .segments
            .iter()
            .map(|s| (s.address, s.bytes.clone()))
            .collect();
        assert_eq!(at, [(0x1_0000, vec![3, 4]), (0x1_FFFE, vec![1, 2])]);
    }

    #[test]
    fn problems_carry_their_line() {
        assert_eq!(
            problem(":020000040800F2\n:0400000001020304F3\n"),
            "line 2: checksum is F3, but the record's bytes give F2"
        );
        assert!(problem(":020000040800F2\n\nhello\n").starts_with("line 3: a record must"));
        assert!(problem(":0400000001020304F2\n").contains("cut short"));
        assert!(problem(":00000001FF\n:00000001FF\n").contains("after the end-of-file"));
        assert_eq!(problem(":00000001FF\n"), "has nothing to load into memory");
        assert_eq!(
            problem(":0400000001020304F2\n:0200020005FFF8\n:00000001FF\n"),
            "the data of lines 1-1 and the data of lines 2-2 overlap at 0x00000002"
        );
    }
}
