//! The clock tree as a pure function of CFGR.
//!
//! Source: RM0008 §8.2 (figure 11), §8.3.2.

use emu_core::Ratio;

/// CFGR.SW and CFGR.SWS values.
pub(super) const SW_HSI: u32 = 0;
pub(super) const SW_HSE: u32 = 1;
pub(super) const SW_PLL: u32 = 2;

/// Is the PLL fed by HSE (or half of it), else by half of HSI?
pub(super) fn pll_from_hse(cfgr: u32) -> bool {
    cfgr & 1 << 16 != 0
}

/// Frequency at the input of the PLL.
pub(super) fn pll_input(cfgr: u32, hsi: u64, hse: u64) -> Ratio {
    match (pll_from_hse(cfgr), cfgr & 1 << 17 != 0) {
        (false, _) => Ratio::new(hsi, 2),
        (true, true) => Ratio::new(hse, 2),
        (true, false) => Ratio::hz(hse),
    }
}

/// Multiplication factor: 2 to 15 for PLLMUL 0 to 13, 16 for 14 and 15.
pub(super) fn pll_factor(cfgr: u32) -> u64 {
    u64::from(cfgr >> 18 & 0xF).min(14) + 2
}

/// AHB divider.
pub(super) fn hpre(cfgr: u32) -> u64 {
    match (cfgr >> 4) & 0xF {
        f @ 8..=11 => 2 << (f - 8),
        f @ 12..=15 => 64 << (f - 12),
        _ => 1,
    }
}

/// APB divider from a three-bit PPRE field.
fn ppre(field: u32) -> u64 {
    match field & 7 {
        f @ 4..=7 => 2 << (f - 4),
        _ => 1,
    }
}

/// Divider of APB1.
pub(super) fn ppre1(cfgr: u32) -> u64 {
    ppre(cfgr >> 8)
}

/// Divider of APB2.
pub(super) fn ppre2(cfgr: u32) -> u64 {
    ppre(cfgr >> 11)
}

/// Clock of the timers of an APB: its own when undivided, else twice.
pub(super) fn timer_clock(pclk: Ratio, divider: u64) -> Ratio {
    if divider == 1 { pclk } else { pclk.scale(2, 1) }
}

/// USB clock: the PLL's, divided by 1.5 unless CFGR.USBPRE is set.
pub(super) fn usb_clock(cfgr: u32, pll: Ratio) -> Ratio {
    if cfgr & 1 << 22 != 0 {
        pll
    } else {
        pll.scale(2, 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_72_mhz() {
        // HSE 8 MHz * 9, AHB /1, APB1 /2, APB2 /1, USB /1.5.
        let cfgr = 1 << 16 | 7 << 18 | 4 << 8;
        let pll = pll_input(cfgr, 8_000_000, 8_000_000).scale(pll_factor(cfgr), 1);
        assert_eq!(pll, Ratio::hz(72_000_000));
        assert_eq!((hpre(cfgr), ppre1(cfgr), ppre2(cfgr)), (1, 2, 1));
        assert_eq!(usb_clock(cfgr, pll), Ratio::hz(48_000_000));
        assert_eq!(timer_clock(Ratio::hz(36), 2), Ratio::hz(72));
    }

    #[test]
    fn factors_and_inputs() {
        let f: Vec<u64> = (0..16).map(|m| pll_factor(m << 18)).collect();
        assert_eq!(f, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16]);
        assert_eq!(pll_input(0, 8, 8), Ratio::hz(4));
        assert_eq!(pll_input(3 << 16, 8, 12), Ratio::hz(6));
    }
}
