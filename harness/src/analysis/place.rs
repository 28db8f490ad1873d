//! Where in the firmware something was caused.

use crate::parts::Firmware;

/// Function and line of an address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spot {
    /// The function.
    pub function: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}

/// Finds functions and lines; without a firmware it finds nothing.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a>(pub Option<&'a Firmware>);

impl Places<'_> {
    /// What is known of an address.
    #[must_use]
    pub fn of(&self, pc: u32) -> Spot {
        let Some(firmware) = self.0 else {
            return Spot::default();
        };
        let symbols = &firmware.image.symbols;
        let location = symbols.lines().location(pc);
        Spot {
            function: symbols.function_at(pc).map(|s| s.demangled().to_owned()),
            file: location.as_ref().map(|l| l.file.to_string()),
            line: location.map(|l| l.line),
        }
    }
}
