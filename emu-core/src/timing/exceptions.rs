//! Cycles of exception entry, tail-chaining and return at zero wait states.
//!
//! Modelled: entry from the assertion of the line to the first handler instruction, tail-chaining, return,
//! lazy FP stacking (costs nothing at entry, the words of the frame at the first FP instruction behind it), eager FP stacking.
//! Not modelled: wait states of the stack or vector memory during entry and return.

use super::Provenance;

/// Exception cycles of a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExceptionTiming {
    /// From the line (or the end of the instruction that it has to wait for) to the first handler instruction.
    pub entry: u32,
    /// From the exception return to the first instruction of a tail-chained handler.
    pub tail_chain: u32,
    /// From the exception return to the first instruction of the interrupted code.
    pub exit: u32,
    /// More cycles when the FP context is stacked (at entry, or later when that is lazy) or restored at return.
    pub fp_words: u32,
    /// LDM, STM, PUSH and POP that are interrupted go on where they were (ICI) instead of starting again.
    pub continues_multiple: bool,
    /// Wake-up from WFI and WFE to the next instruction or to the start of exception entry.
    pub wake: u32,
    /// How well entry and tail-chaining are known.
    pub provenance: Provenance,
}

/// Cortex-M0: 16 cycles (J. Yiu's latency table; DDI 0432C). No tail-chain figure is published: the same
/// path without stacking is assumed.
pub const CORTEX_M0: ExceptionTiming = ExceptionTiming {
    entry: 16,
    tail_chain: 10,
    exit: 14,
    fp_words: 0,
    continues_multiple: false,
    wake: 0,
    provenance: Provenance::Measured,
};

/// Cortex-M0+: 15 cycles (DDI 0484C; J. Yiu's latency table).
pub const CORTEX_M0PLUS: ExceptionTiming = ExceptionTiming {
    entry: 15,
    tail_chain: 9,
    exit: 13,
    ..CORTEX_M0
};

/// Cortex-M3 and M4: 12 cycles, 6 for tail-chaining (DDI 0337E §5.7, DDI 0439B §3.9.1; J. Yiu).
/// Return 10 to 12, of which 10 is used; 17 more words for the eager FP frame (AN298).
pub const CORTEX_M3: ExceptionTiming = ExceptionTiming {
    entry: 12,
    tail_chain: 6,
    exit: 10,
    fp_words: 17,
    continues_multiple: true,
    wake: 0,
    provenance: Provenance::Exact,
};

/// Cortex-M33: 12 (Arm's table of Cortex-M features); the rest as M4, an estimate.
pub const CORTEX_M33: ExceptionTiming = ExceptionTiming {
    provenance: Provenance::Estimate,
    ..CORTEX_M3
};

/// Cortex-M7: typically 12 (DDI 0489F §3.8); the rest as M4, an estimate.
pub const CORTEX_M7: ExceptionTiming = ExceptionTiming {
    provenance: Provenance::Estimate,
    ..CORTEX_M3
};
