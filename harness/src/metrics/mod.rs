//! Jitter, latency and scheduling metrics, exact in cycles. Input is lists of cycles, ascending; nothing is read or written.
//!
//! Edges are t_0 … t_N, periods P_k = t_k - t_{k-1}, and T is the reference period ([`reference::Reference`]): every result
//! says which. What is whole by definition (extremes, p-p, percentiles, MTIE, MMU) is whole or an exact fraction here;
//! floats hold only roots, fits and spectra. A metric that the data do not allow is absent and says why
//! ([`value::Absent`]); it is never a number.
//!
//! - Edges: [`edges::EdgeAnalysis`] has all of it; the parts are [`period`], [`cycle_to_cycle`], [`n_period`], [`tie`],
//!   [`mtie`], [`allan`], [`regularity`], [`duty`], [`spectrum`], [`comb`].
//! - Intervals (latencies, pauses, critical sections): [`intervals::IntervalAnalysis`], made from events by [`pairing`];
//!   [`mmu`] and [`pauses`] for collectors, [`scheduling`] for tasks.
//! - Budgets name metrics by [`name::Metric`].
//! - [`compare`] compares samples of runs.

pub mod allan;
pub mod comb;
pub mod compare;
pub mod cycle_to_cycle;
pub mod duty;
pub mod edges;
mod evaluate;
mod fourier;
pub mod histogram;
pub mod intervals;
pub mod mmu;
mod moments;
pub mod mtie;
pub mod n_period;
pub mod name;
pub mod pairing;
pub mod pauses;
pub mod percentile;
pub mod period;
pub mod rational;
pub mod reference;
pub mod regularity;
pub mod scaled;
pub mod scheduling;
pub mod spectrum;
mod sum;
mod sweep;
pub mod tie;
pub mod times;
pub mod value;
pub mod values;
pub mod view;
pub mod worst;
