//! Readable names: Rust (`_R…`, `_ZN…17h…E`) and C++ (`_Z…`), told apart by prefix.

use std::fmt::{self, Write};

/// Longer results are not shown: names come from untrusted files, and a C++ name can stand for gigabytes.
const LONGEST: usize = 4096;

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.0.len() + s.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(s);
        Ok(())
    }
}

/// The readable form of a symbol name; the name itself when it is not mangled or cannot be read.
#[must_use]
pub fn demangle(name: &str) -> String {
    try_demangle(name).unwrap_or_else(|| name.to_owned())
}

fn try_demangle(name: &str) -> Option<String> {
    if name.len() > LONGEST || !(name.starts_with("_R") || name.starts_with("_Z")) {
        return None;
    }
    let mut out = Bounded(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // The alternate form leaves the hash out.
        write!(out, "{rust:#}").ok()?;
    } else {
        let cpp = cpp_demangle::Symbol::new(name).ok()?;
        cpp.structured_demangle(&mut out, &cpp_demangle::DemangleOptions::default())
            .ok()?;
    }
    Some(out.0)
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn by_prefix() {
        assert_eq!(demangle("main"), "main");
        assert_eq!(demangle("_start"), "_start");
        assert_eq!(
            demangle("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        assert_eq!(demangle("_RNvC5blink4main"), "blink::main");
        assert_eq!(
            demangle("_ZN6Serial5writeEPKcj"),
            "Serial::write(char const*, unsigned int)"
        );
        assert_eq!(demangle("_Zfoo"), "_Zfoo");
        assert_eq!(demangle("_Z"), "_Z");
    }

    #[test]
    fn a_name_that_stands_for_a_very_long_one_stays_short() {
        // Each substitution doubles the text: 2^60 characters in full.
        let mut name = String::from("_Z1fSt4pairIiiE");
        for i in 0..60 {
            let s = if i == 0 {
                "S_".into()
            } else {
                format!(
                    "S{}_",
                    char::from_digit(i % 36, 36)
                        .unwrap_or('0')
                        .to_ascii_uppercase()
                )
            };
            name.push_str(&format!("St4pairI{s}{s}E"));
        }
        assert!(demangle(&name).len() <= super::LONGEST);
    }
}
