//! Bytes of serial ports as lines of text.

use emu_core::Cycles;

/// A line longer than this is shown in parts.
const MAX: usize = 120;

/// A line in the making.
#[derive(Default)]
pub struct Line {
    bytes: Vec<u8>,
    first: Cycles,
}

impl Line {
    /// A byte; gives the line that it completes, with the cycle of its first byte.
    pub fn push(&mut self, at: Cycles, byte: u8) -> Option<(String, Cycles)> {
        if self.bytes.is_empty() {
            self.first = at;
        }
        self.bytes.push(byte);
        (byte == b'\n' || self.bytes.len() >= MAX)
            .then(|| self.take())
            .flatten()
    }

    /// What there is of the line.
    pub fn take(&mut self) -> Option<(String, Cycles)> {
        if self.bytes.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches(['\r', '\n']);
        let shown = if line.is_empty() { &*text } else { line };
        let mut out = String::new();
        for c in shown.chars() {
            match c {
                c if c.is_control() => out.extend(c.escape_default()),
                c => out.push(c),
            }
        }
        Some((out, self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_newline_or_when_they_are_long() {
        let mut line = Line::default();
        let mut feed = |text: &[u8]| -> Vec<(String, u64)> {
            let bytes = text.iter().zip(10..);
            let lines = bytes.filter_map(|(&b, at)| line.push(Cycles(at), b));
            lines.map(|(text, at)| (text, at.0)).collect()
        };
        assert_eq!(
            feed(b"a\x07b\r\n\r\nc"),
            [("a\\u{7}b".into(), 10), ("\\r\\n".into(), 15)]
        );
        assert_eq!(feed(&[b'x'; 119]), [(format!("c{}", "x".repeat(119)), 17)]);
        assert_eq!(line.take(), None);
    }
}
