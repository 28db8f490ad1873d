//! Several ports on one output: as soon as a second one speaks, each line says whose it is.

/// Puts `[NAME] ` in front of lines once more than one port has spoken.
pub struct Prefixer {
    names: Vec<String>,
    /// The port that spoke last, and whether it is in the middle of a line.
    last: Option<(u8, bool)>,
    several: bool,
}

impl Prefixer {
    /// For ports of these names.
    pub fn new(names: &[String]) -> Prefixer {
        Prefixer {
            names: names.to_vec(),
            last: None,
            several: false,
        }
    }

    /// A port that comes later has this name.
    pub fn name(&mut self, port: u8, name: String) {
        let i = usize::from(port);
        let count = self.names.len().max(i + 1);
        self.names.resize(count, "?".to_owned());
        self.names[i] = name;
    }

    /// What to print for these bytes of a port.
    pub fn format(&mut self, port: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut mid_line = false;
        if let Some((last, last_mid_line)) = self.last {
            if last == port {
                mid_line = last_mid_line;
            } else {
                self.several = true;
                if last_mid_line {
                    out.push(b'\n');
                }
            }
        }
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            if self.several && !mid_line {
                let name = self.names.get(usize::from(port));
                let name = name.map_or("?", String::as_str);
                out.extend(format!("[{name}] ").bytes());
            }
            out.extend(line);
            mid_line = !line.ends_with(b"\n");
        }
        self.last = Some((port, mid_line));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_speaker_has_no_prefix_two_have() {
        let mut p = Prefixer::new(&["A".to_owned(), "B".to_owned()]);
        p.name(1, "C".to_owned());
        p.name(1, "B".to_owned());
        let mut all = Vec::new();
        for (port, text) in [(0, "one\ntw"), (0, "o"), (1, "hi\n"), (0, "three\nfour\n")] {
            all.extend(p.format(port, text.as_bytes()));
        }
        let all = String::from_utf8(all).expect("text");
        assert_eq!(all, "one\ntwo\n[B] hi\n[A] three\n[A] four\n");
    }
}
