//! Peripheral and PrimeCell identification registers, which all Stellaris units have at their end.

/// The register at an offset from 0xFD0 on. `peripheral` holds PeriphID0 to PeriphID3.
pub(super) fn register(offset: u32, peripheral: [u8; 4]) -> u32 {
    match offset {
        0xFE0..=0xFEC => u32::from(peripheral[(offset as usize - 0xFE0) / 4]),
        // PCellID: 0xB105F00D.
        0xFF0 => 0x0D,
        0xFF4 => 0xF0,
        0xFF8 => 0x05,
        0xFFC => 0xB1,
        _ => 0,
    }
}
