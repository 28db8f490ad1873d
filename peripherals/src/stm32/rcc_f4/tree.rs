//! The clock tree as a pure function of the registers.
//!
//! Source: RM0090 §7.2 (figure 21), §7.3.2, §7.3.3.

use emu_core::Ratio;

/// CFGR.SW and CFGR.SWS values (RM0090 §7.3.3).
pub(super) const SW_HSI: u32 = 0;
pub(super) const SW_HSE: u32 = 1;
pub(super) const SW_PLL: u32 = 2;

/// The fields of PLLCFGR or PLLI2SCFGR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pll {
    /// Input divider.
    pub m: u32,
    /// Multiplier.
    pub n: u32,
    /// Divider for SYSCLK.
    pub p: u32,
    /// Divider for the 48 MHz domain.
    pub q: u32,
    /// Fed by HSE, else by HSI.
    pub from_hse: bool,
}

impl Pll {
    /// RM0090 §7.3.2.
    pub(super) fn new(pllcfgr: u32) -> Pll {
        Pll {
            m: pllcfgr & 0x3F,
            n: (pllcfgr >> 6) & 0x1FF,
            p: 2 + 2 * ((pllcfgr >> 16) & 3),
            q: (pllcfgr >> 24) & 0xF,
            from_hse: pllcfgr & (1 << 22) != 0,
        }
    }

    /// Frequency at the input of the phase comparator.
    pub(super) fn comparator(self, source: Ratio) -> Ratio {
        source.scale(1, u64::from(self.m))
    }

    /// Frequency of the VCO.
    pub(super) fn vco(self, source: Ratio) -> Ratio {
        self.comparator(source).scale(u64::from(self.n), 1)
    }

    /// What the manual forbids in this setting, if anything (RM0090 §7.3.2).
    pub(super) fn complaint(self, source: Ratio) -> Option<&'static str> {
        let within = |hz: Ratio, min: u64, max: u64| {
            hz.num() >= min * hz.den() && hz.num() <= max * hz.den()
        };
        if self.m < 2 {
            Some("PLLCFGR.PLLM must be 2 to 63")
        } else if !(50..=432).contains(&self.n) {
            Some("PLLCFGR.PLLN must be 50 to 432")
        } else if self.q < 2 {
            Some("PLLCFGR.PLLQ must be 2 to 15")
        } else if !within(self.comparator(source), 950_000, 2_100_000) {
            // DS8626, main PLL characteristics: 0.95 to 2.10 MHz.
            Some("PLLCFGR: PLL input after PLLM must be 1 to 2 MHz")
        } else if !within(self.vco(source), 100_000_000, 432_000_000) {
            Some("PLLCFGR: VCO must be 100 to 432 MHz")
        } else {
            None
        }
    }

    /// Can it lock at all?
    pub(super) fn can_lock(self) -> bool {
        self.m >= 2 && self.n >= 2
    }
}

/// AHB divider from CFGR.HPRE (RM0090 §7.3.3).
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
    ppre(cfgr >> 10)
}

/// Divider of APB2.
pub(super) fn ppre2(cfgr: u32) -> u64 {
    ppre(cfgr >> 13)
}

/// Clock of the timers of an APB: its own when undivided, else twice (RM0090 §7.2).
pub(super) fn timer_clock(pclk: Ratio, divider: u64) -> Ratio {
    if divider == 1 { pclk } else { pclk.scale(2, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dividers() {
        let h: Vec<u64> = (0..16).map(|f| hpre(f << 4)).collect();
        assert_eq!(h[..8], [1; 8]);
        assert_eq!(h[8..], [2, 4, 8, 16, 64, 128, 256, 512]);
        let p: Vec<u64> = (0..8).map(|f| ppre1(f << 10)).collect();
        assert_eq!(p, [1, 1, 1, 1, 2, 4, 8, 16]);
        assert_eq!(ppre2(5 << 13), 4);
    }

    #[test]
    fn timers_run_at_twice_a_divided_bus() {
        let p = Ratio::hz(42_000_000);
        assert_eq!(timer_clock(p, 1), p);
        assert_eq!(timer_clock(p, 4), Ratio::hz(84_000_000));
    }

    #[test]
    fn pll_fields_and_limits() {
        // 8 MHz / 8 * 336 / 2 = 168 MHz, / 7 = 48 MHz.
        let pll = Pll::new(8 | 336 << 6 | 1 << 22 | 7 << 24);
        assert_eq!(
            (pll.m, pll.n, pll.p, pll.q, pll.from_hse),
            (8, 336, 2, 7, true)
        );
        let hse = Ratio::hz(8_000_000);
        assert_eq!(pll.vco(hse), Ratio::hz(336_000_000));
        assert_eq!(pll.complaint(hse), None);
        assert!(pll.complaint(Ratio::hz(25_000_000)).is_some());
        assert!(Pll::new(8 | 40 << 6 | 7 << 24).complaint(hse).is_some());
        assert!(Pll::new(1).complaint(hse).is_some());
        assert!(!Pll::new(1).can_lock());
    }
}
