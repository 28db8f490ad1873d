//! `[[uart]]`: bytes into a serial port, or bit by bit on a pin.

use super::attach::Attach;
use super::file::Uart;
use super::values::{Ppm, Time};
use crate::units::Span;
use emu_core::{Binding, Ratio};
use machines::{Diagnostic, Sp};
use peripherals::ext::stimulus::sender::{Line, Sender, Shape};
use peripherals::ext::stimulus::{Moment, Pace};
use std::sync::Arc;

/// Rates that serial lines have.
const SLOWEST: u64 = 1;
const FASTEST: u64 = 20_000_000;

impl Attach<'_> {
    pub(super) fn uart(&mut self, entry: &Sp<Uart>) -> Result<(), Diagnostic> {
        let ends = [("port", entry.port.is_some()), ("pin", entry.pin.is_some())];
        self.one_of(&entry.at, &ends)?;
        let bytes = self.bytes(entry)?;
        let baud = self.baud(entry)?;
        let start = entry.at_moment();
        let every = entry.repeat.as_ref().map(|r| &r.every);
        if let Some(every) = every {
            self.period(every)?;
        }
        if let Some(count) = entry.repeat.as_ref().and_then(|r| r.count.as_ref())
            && count.value == 0
        {
            return Err(self.wrong("it is never sent", &count.at, "must be at least 1"));
        }
        self.fits(entry, baud, bytes.len())?;
        let mut binding = Binding {
            name: "stimulus.uart".to_owned(),
            ..Binding::default()
        };
        let line = match (&entry.port, &entry.pin, baud) {
            (Some(port), _, None) => Line::Port(self.port(port)?),
            (Some(port), _, Some(baud)) => Line::PortAt(self.port(port)?, baud),
            (None, Some(pin), Some(baud)) => {
                let net = self.net(pin)?;
                binding.nets = vec![Some(net)];
                Line::Pin(baud)
            }
            _ => {
                let title = "bytes on a pin need a `baud`";
                return Err(self.wrong(title, &entry.at, "in this entry"));
            }
        };
        let shape = Shape {
            start,
            bytes,
            line,
            every: every.map(|e| (e.ticks(), e.pace())),
            count: entry
                .repeat
                .as_ref()
                .and_then(|r| r.count.as_ref())
                .map(|c| c.value),
        };
        self.add(binding, Box::new(Sender::new(shape)));
        Ok(())
    }

    fn baud(&self, entry: &Sp<Uart>) -> Result<Option<Ratio>, Diagnostic> {
        let Some(baud) = &entry.baud else {
            return match &entry.ppm {
                Some(ppm) => Err(self.wrong("`ppm` needs a `baud`", &ppm.at, "of what clock?")),
                None => Ok(None),
            };
        };
        let hz = baud.value.0;
        if hz.num() < SLOWEST * hz.den() || hz.num() > FASTEST * hz.den() {
            let label = format!("give {SLOWEST} to {FASTEST} bits a second");
            return Err(self.wrong("no serial line has this rate", &baud.at, label));
        }
        Ok(Some(entry.ppm.as_ref().map_or(Ppm(0), |p| p.value).of(hz)))
    }

    fn bytes(&mut self, entry: &Sp<Uart>) -> Result<Arc<[u8]>, Diagnostic> {
        let given = [
            ("text", entry.text.is_some()),
            ("hex", entry.hex.is_some()),
            ("file", entry.file.is_some()),
        ];
        self.one_of(&entry.at, &given)?;
        let (bytes, at) = match (&entry.text, &entry.hex, &entry.file) {
            (Some(text), ..) => (text.as_bytes().to_vec(), &text.at),
            (_, Some(hex), _) => {
                let bytes = from_hex(hex).ok_or_else(|| {
                    let label = "write two digits for each byte, as in \"00 ff\"";
                    self.wrong("these are no bytes in hex", &hex.at, label)
                })?;
                (bytes, &hex.at)
            }
            (_, _, Some(file)) => (self.read(file)?, &file.at),
            _ => (Vec::new(), &entry.at),
        };
        if bytes.is_empty() {
            return Err(self.wrong("there are no bytes to send", at, "empty"));
        }
        Ok(bytes.into())
    }

    /// Does a repetition begin after the bytes have ended, as far as that can be told?
    fn fits(&self, entry: &Sp<Uart>, baud: Option<Ratio>, bytes: usize) -> Result<(), Diagnostic> {
        let (Some(repeat), Some(baud)) = (&entry.repeat, baud) else {
            return Ok(());
        };
        let Time(Span::Time(every)) = repeat.every.value else {
            return Ok(());
        };
        let bits = bytes as u128 * 10 * u128::from(baud.den());
        let takes = bits.saturating_mul(crate::units::AS_PER_S) / u128::from(baud.num()).max(1);
        if every < takes {
            let label = format!("the bytes take {}", crate::units::time(takes));
            return Err(self.wrong("the repetitions overlap", &repeat.every.at, label));
        }
        Ok(())
    }
}

impl Uart {
    fn at_moment(&self) -> Moment {
        let at = self.at.as_ref().map(|at| at.value.moment());
        at.unwrap_or(Moment::Cycle(0))
    }
}

impl Time {
    /// The pace whose ticks [`Time::ticks`] counts.
    pub(super) fn pace(self) -> Pace {
        if self.is_cycles() {
            Pace::Cycles
        } else {
            Pace::attoseconds()
        }
    }
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::from_hex;

    #[test]
    fn hex() {
        assert_eq!(from_hex("00 fF"), Some(vec![0, 0xFF]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("0x00"), None);
        assert_eq!(from_hex(""), Some(Vec::new()));
    }
}
