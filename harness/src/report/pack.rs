//! Long columns of numbers as short text: base64 of zigzag varints of the differences. `unpack.js` reads them.
//!
//! The reader computes in doubles. Whole numbers are exact up to 2^51 in size (155 days at 168 MHz) and saturate there.

/// Beyond this, differences would not survive as doubles.
const LARGEST: i64 = 1 << 51;
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whole numbers, as differences from each to the next.
pub fn deltas(values: impl IntoIterator<Item = i64>) -> String {
    let mut bytes = Vec::new();
    let mut before = 0;
    for value in values {
        let value = value.clamp(-LARGEST, LARGEST);
        let delta = value - before;
        before = value;
        let mut zigzag = ((delta << 1) ^ (delta >> 63)) as u64;
        while zigzag >= 128 {
            bytes.push(zigzag as u8 | 128);
            zigzag >>= 7;
        }
        bytes.push(zigzag as u8);
    }
    base64(&bytes)
}

/// Cycles or counts.
pub fn cycles(values: impl IntoIterator<Item = u64>) -> String {
    deltas(
        values
            .into_iter()
            .map(|v| i64::try_from(v).unwrap_or(i64::MAX)),
    )
}

/// Cycles with a fraction, in thousandths; what is not a number is 0.
pub fn thousandths(values: impl IntoIterator<Item = f64>) -> String {
    // The cast saturates, and takes NaN to 0.
    deltas(values.into_iter().map(|v| (v * 1000.0).round() as i64))
}

/// Doubles as they are, little-endian.
pub fn doubles(values: impl IntoIterator<Item = f64>) -> String {
    let bytes: Vec<u8> = values.into_iter().flat_map(f64::to_le_bytes).collect();
    base64(&bytes)
}

/// Base64 of RFC 4648 with padding.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unbase64(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text
            .bytes()
            .filter(|&b| b != b'=')
            .map(|b| DIGITS.iter().position(|&d| d == b).expect("digit") as u32)
            .collect();
        let mut out = Vec::new();
        for c in digits.chunks(4) {
            let bits = c.iter().fold(0, |a, d| a << 6 | d) << (6 * (4 - c.len()));
            out.extend_from_slice(&bits.to_be_bytes()[1..c.len()]);
        }
        out
    }

    /// As `unpack.js` does it: in doubles.
    fn undeltas(text: &str) -> Vec<f64> {
        let mut sum = 0.0;
        let (mut value, mut scale) = (0.0, 1.0);
        let mut out = Vec::new();
        for byte in unbase64(text) {
            value += f64::from(byte & 127) * scale;
            scale *= 128.0;
            if byte < 128 {
                sum += if value % 2.0 == 1.0 {
                    -(value + 1.0) / 2.0
                } else {
                    value / 2.0
                };
                out.push(sum);
                (value, scale) = (0.0, 1.0);
            }
        }
        out
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xFB, 0xFF]), "+/8=");
    }

    #[test]
    fn extremes_saturate() {
        let largest = LARGEST as f64;
        assert_eq!(cycles([]), "");
        assert_eq!(undeltas(&cycles([u64::MAX, 0])), [largest, 0.0]);
        assert_eq!(undeltas(&deltas([i64::MIN, i64::MAX])), [-largest, largest]);
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(undeltas(&thousandths(odd)), [0.0, largest, -largest]);
    }

    #[test]
    fn a_regular_signal_takes_three_bytes_an_edge() {
        let text = cycles((0..200_000).map(|i| i * 16_800));
        assert!(text.len() <= 200_000 * 4, "{}", text.len());
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(values in prop::collection::vec(-LARGEST..=LARGEST, 0..50)) {
            let back: Vec<i64> = undeltas(&deltas(values.iter().copied())).iter().map(|&v| v as i64).collect();
            prop_assert_eq!(back, values);
        }

        #[test]
        fn doubles_come_back_bit_for_bit(values in prop::collection::vec(any::<u64>(), 0..20)) {
            let text = doubles(values.iter().map(|&v| f64::from_bits(v)));
            let back: Vec<u64> = unbase64(&text)
                .chunks(8)
                .map(|c| u64::from_le_bytes(c.try_into().expect("eight")))
                .collect();
            prop_assert_eq!(back, values);
        }
    }
}
