//! What each kind of timer has: channels, registers and the bits that exist in them.
//!
//! Source: RM0090 §17.4 (advanced), §18.4 (general), §19.5, §19.6 (two and one channel), §20.4 (basic).

use serde::{Deserialize, Serialize};

/// The kinds of timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// TIM1, TIM8.
    Advanced,
    /// TIM2 to TIM5.
    General,
    /// TIM9, TIM12.
    TwoChannel,
    /// TIM10, TIM11, TIM13, TIM14.
    OneChannel,
    /// TIM6, TIM7.
    Basic,
}

impl Kind {
    /// Channels of this kind.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Kind::Advanced | Kind::General => 4,
            Kind::TwoChannel => 2,
            Kind::OneChannel => 1,
            Kind::Basic => 0,
        }
    }

    /// Bits of CR1 that exist.
    #[must_use]
    pub fn cr1_mask(self) -> u32 {
        match self {
            Kind::Advanced | Kind::General => 0x3FF,
            Kind::TwoChannel => 0x38F,
            Kind::OneChannel => 0x387,
            Kind::Basic => 0x08F,
        }
    }

    /// Bits of CR2 that exist.
    #[must_use]
    pub fn cr2_mask(self) -> u32 {
        match self {
            Kind::Advanced => 0x7FFD,
            Kind::General => 0x00F8,
            Kind::TwoChannel | Kind::Basic => 0x0070,
            Kind::OneChannel => 0,
        }
    }

    /// Bits of SMCR that exist.
    #[must_use]
    pub fn smcr_mask(self) -> u32 {
        match self {
            Kind::Advanced | Kind::General => 0xFFF7,
            Kind::TwoChannel => 0x00F7,
            Kind::OneChannel | Kind::Basic => 0,
        }
    }

    /// Bits of DIER that exist.
    #[must_use]
    pub fn dier_mask(self) -> u32 {
        match self {
            Kind::Advanced => 0x7FFF,
            Kind::General => 0x5F5F,
            Kind::TwoChannel => 0x0047,
            Kind::OneChannel => 0x0003,
            Kind::Basic => 0x0101,
        }
    }

    /// Bits of SR that exist.
    #[must_use]
    pub fn sr_mask(self) -> u32 {
        match self {
            Kind::Advanced => 0x1EFF,
            Kind::General => 0x1E5F,
            Kind::TwoChannel => 0x0647,
            Kind::OneChannel => 0x0203,
            Kind::Basic => 0x0001,
        }
    }

    /// Bits of EGR that exist.
    #[must_use]
    pub fn egr_mask(self) -> u32 {
        self.sr_mask() & 0xFF
    }

    /// Bits of a channel's nibble in CCER that exist.
    #[must_use]
    pub fn enable_mask(self, channel: usize) -> u32 {
        match self {
            // Channel 4 has no complementary output.
            Kind::Advanced if channel == 3 => 0x3,
            Kind::Advanced => 0xF,
            _ => 0xB,
        }
    }

    /// Has it a repetition counter, break and dead time?
    #[must_use]
    pub fn is_advanced(self) -> bool {
        self == Kind::Advanced
    }

    /// Has it DMA bursts?
    #[must_use]
    pub fn has_burst(self) -> bool {
        matches!(self, Kind::Advanced | Kind::General)
    }
}
