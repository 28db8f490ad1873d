//! LEB128 integers and the zigzag map for signed ones.

use std::io::{self, Read};

/// Append an unsigned integer, seven bits a byte, low bits first.
pub fn put(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// As [`put`] for the common width, without 128-bit arithmetic.
#[inline]
pub fn put64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Read an unsigned integer of at most 128 bits.
///
/// # Errors
/// `InvalidData` when it is longer, and what the reader gives.
pub fn get(from: &mut impl Read) -> io::Result<u128> {
    let mut value = 0u128;
    for shift in (0..).step_by(7) {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        let bits = u128::from(byte[0] & 0x7F);
        if shift > 126 || (shift == 126 && bits > 3) {
            break;
        }
        value |= bits << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(invalid("an integer is too long"))
}

/// Read an unsigned integer that must fit `T`.
///
/// # Errors
/// `InvalidData` when it does not fit.
pub fn get_as<T: TryFrom<u128>>(from: &mut impl Read) -> io::Result<T> {
    T::try_from(get(from)?).map_err(|_| invalid("an integer is out of range"))
}

/// Difference of two PCs as a small unsigned number, whatever its sign.
#[inline]
pub fn zigzag(delta: i32) -> u32 {
    ((delta << 1) ^ (delta >> 31)) as u32
}

/// The inverse of [`zigzag`].
pub fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// The error of damaged contents, as against a file that ends too early.
pub fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_at_the_edges() {
        for v in [0, 1, 127, 128, 300, u128::from(u64::MAX), u128::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, v);
            assert_eq!(get(&mut bytes.as_slice()).expect("reads"), v);
            if let Ok(v) = u64::try_from(v) {
                let mut same = Vec::new();
                put64(&mut same, v);
                assert_eq!(same, bytes);
            }
        }
        for d in [0, 1, -1, 2, i32::MIN, i32::MAX] {
            assert_eq!(unzigzag(zigzag(d)), d);
        }
    }

    #[test]
    fn overlong_and_out_of_range_are_refused() {
        assert!(get(&mut [0xFF; 40].as_slice()).is_err());
        assert!(get_as::<u8>(&mut [0x80, 0x02].as_slice()).is_err());
    }
}
