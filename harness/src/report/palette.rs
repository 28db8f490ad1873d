//! The colours of runs and series, the same in the page and in pictures.
//!
//! They stay apart for people who do not see red, green or blue, and stand out from the background.

/// How many series have a colour of their own; the next one begins again.
pub const SERIES: usize = 6;

/// On white: `0xRRGGBB`.
pub const LIGHT: [u32; SERIES] = [0x0F5FC8, 0xC9720A, 0x009E78, 0x4A1070, 0xAA7CCB, 0x6B3A08];

/// On dark grey, in the same order of hues.
pub const DARK: [u32; SERIES] = [0x7B90F8, 0xDC6626, 0x2CDC95, 0xF0BEEE, 0xDAF058, 0xA4548C];

/// Background of the light page and of pictures.
pub const LIGHT_GROUND: u32 = 0xFFFFFF;

/// Background of the dark page, as `page.css` has it.
#[cfg(test)]
pub const DARK_GROUND: u32 = 0x14171C;

/// The rules `--run-0: #…` of one theme.
pub fn css(colours: &[u32; SERIES]) -> String {
    let rules = colours.iter().enumerate();
    rules.map(|(i, c)| format!("--run-{i}:#{c:06X};")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Machado, Oliveira, Fernandes 2009, severity 1.0; on linear light. Last: full sight.
    const SIGHT: [[[f64; 3]; 3]; 4] = [
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ];

    fn linear(colour: u32) -> [f64; 3] {
        [16, 8, 0].map(|shift| {
            let c = f64::from(colour >> shift & 0xFF) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn seen(m: &[[f64; 3]; 3], c: [f64; 3]) -> [f64; 3] {
        m.map(|row| (row[0] * c[0] + row[1] * c[1] + row[2] * c[2]).clamp(0.0, 1.0))
    }

    fn luminance(c: [f64; 3]) -> f64 {
        0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
    }

    /// CIE L*a*b* of linear sRGB.
    fn lab(c: [f64; 3]) -> [f64; 3] {
        let f = |t: f64| {
            if t > 0.008856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let x = f((0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2]) / 0.9505);
        let y = f(luminance(c));
        let z = f((0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn colours_stay_apart_for_every_sight() {
        for colours in [LIGHT, DARK] {
            for m in &SIGHT {
                for (i, &a) in colours.iter().enumerate() {
                    for &b in &colours[..i] {
                        let (x, y) = (lab(seen(m, linear(a))), lab(seen(m, linear(b))));
                        let apart = (0..3).map(|k| (x[k] - y[k]).powi(2)).sum::<f64>().sqrt();
                        assert!(apart > 20.0, "{a:06X} and {b:06X}: {apart:.0}");
                    }
                }
            }
        }
    }

    #[test]
    fn colours_stand_out_from_the_ground() {
        // WCAG 2.1, 1.4.11: 3:1 for graphics.
        for (colours, ground) in [(LIGHT, LIGHT_GROUND), (DARK, DARK_GROUND)] {
            let ground = luminance(linear(ground));
            for c in colours {
                let l = luminance(linear(c));
                let contrast = (l.max(ground) + 0.05) / (l.min(ground) + 0.05);
                assert!(contrast >= 3.0, "{c:06X}: {contrast:.1}");
            }
        }
    }
}
