//! Text that may hold anything, made safe for a page.

use std::fmt::{self, Display, Formatter, Write as _};
use std::io::{self, Write};

/// Shows text so that it is only text, in an element or in a quoted attribute.
pub struct Text<T>(pub T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(Escape(f), "{}", self.0)
    }
}

struct Escape<'a, 'b>(&'a mut Formatter<'b>);

impl fmt::Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                // Pages may not hold these, nor characters that turn the direction of the text around them.
                '\n' | '\t' => self.0.write_char(c)?,
                c if c.is_control() || is_bidi(c) => self.0.write_char('\u{FFFD}')?,
                c => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// JSON on its way into a `<script>` element: `<` only occurs in strings, where it may be written as an escape.
pub struct InScript<'a>(pub &'a mut dyn Write);

impl Write for InScript<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|&b| b == b'<') {
            self.0.write_all(&rest[..at])?;
            self.0.write_all(b"\\u003c")?;
            rest = &rest[at + 1..];
        }
        self.0.write_all(rest)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A whole number with narrow spaces between groups of three digits.
pub fn grouped(n: impl Display) -> String {
    let text = n.to_string();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("\u{2212}", rest),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut out = sign.to_owned();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push('\u{202F}');
        }
        out.push(c);
    }
    out + fraction
}

/// Is this cell a number, perhaps with a unit or a percent sign?
pub fn is_numeric(cell: &str) -> bool {
    let cell = cell
        .trim()
        .trim_start_matches(['+', '-', '\u{2212}', '<', '>', '=', ' ']);
    cell.is_empty()
        || cell.starts_with(|c: char| c.is_ascii_digit())
        || ["n/a", "–", "—"].contains(&cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        let text = Text("</script><img src='x' onerror=\"a&b\">\u{202E}\u{0}").to_string();
        assert_eq!(
            text,
            "&lt;/script&gt;&lt;img src=&#39;x&#39; onerror=&quot;a&amp;b&quot;&gt;\u{FFFD}\u{FFFD}"
        );
    }

    #[test]
    fn json_cannot_close_its_element() {
        let mut out = Vec::new();
        serde_json::to_writer(InScript(&mut out), &["</script><!--", "ü"]).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert!(!text.contains('<'), "{text}");
        let back: Vec<String> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back, ["</script><!--", "ü"]);
    }

    #[test]
    fn digits_stand_in_groups() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(123), "123");
        assert_eq!(grouped(1_234), "1\u{202F}234");
        assert_eq!(grouped(-12_345_678), "\u{2212}12\u{202F}345\u{202F}678");
        assert_eq!(grouped(1234.5), "1\u{202F}234.5");
    }

    #[test]
    fn numbers_are_told_from_names() {
        for yes in ["12", "-3.5 µs", "<= 200", "", "n/a"] {
            assert!(is_numeric(yes), "{yes}");
        }
        for no in ["main", "p99"] {
            assert!(!is_numeric(no), "{no}");
        }
    }
}
