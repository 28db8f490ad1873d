//! The cores: one entry each says everything that differs outside of a core's timing model.
//!
//! A new core is an entry in this list, and the file of its timing model.

use crate::backend::engine::ArmModel;
use crate::cortex_m::Architecture;
use crate::timing::{Model, cortex_m0, cortex_m3, cortex_m7, cortex_m33};
use serde::{Deserialize, Serialize};

/// The floating-point unit of a core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fpu {
    /// None.
    No,
    /// Single precision.
    Single,
    /// Single and double precision.
    Double,
}

/// What is to be known of a core.
#[derive(Debug)]
pub struct CoreInfo {
    /// Its name in machine files.
    pub name: &'static str,
    /// Its architecture.
    pub architecture: Architecture,
    /// Its FPU.
    pub fpu: Fpu,
    /// CPUID of a common revision.
    pub cpuid: u32,
    /// The execution engine's model that runs its instruction set.
    pub engine: ArmModel,
    timing: fn() -> Box<dyn Model>,
}

macro_rules! cores {
    ($($(#[$doc:meta])* $kind:ident: $name:literal, $architecture:ident, $fpu:ident, $cpuid:literal, $engine:ident, $timing:expr;)*) => {
        /// Which core.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum CoreKind {
            $($(#[$doc])* $kind,)*
        }

        impl CoreKind {
            /// All cores.
            pub const ALL: &[CoreKind] = &[$(CoreKind::$kind),*];

            /// What is to be known of it.
            #[must_use]
            pub fn info(self) -> &'static CoreInfo {
                match self {
                    $(CoreKind::$kind => &CoreInfo {
                        name: $name,
                        architecture: Architecture::$architecture,
                        fpu: Fpu::$fpu,
                        cpuid: $cpuid,
                        engine: ArmModel::$engine,
                        timing: || Box::new($timing),
                    },)*
                }
            }
        }
    };
}

// Name, architecture, FPU, CPUID, engine, timing model.
// CPUID: DDI 0432C §4.3.1, DDI 0484C §4.3.1, DDI 0337E §8.2.1, DDI 0439B §4.1, DDI 0489D §3.1,
// DDI 100230 §4.1.
cores! {
    /// Cortex-M0.
    CortexM0: "cortex-m0", V6M, No, 0x410C_C200, CortexM0, cortex_m0::CortexM0::M0;
    /// Cortex-M0+.
    CortexM0plus: "cortex-m0plus", V6M, No, 0x410C_C601, CortexM0, cortex_m0::CortexM0::M0PLUS;
    /// Cortex-M3.
    CortexM3: "cortex-m3", V7M, No, 0x412F_C231, CortexM3, cortex_m3::CortexM3::M3;
    /// Cortex-M4 without FPU.
    CortexM4: "cortex-m4", V7EM, No, 0x410F_C241, CortexM4, cortex_m3::CortexM3::M4;
    /// Cortex-M4 with FPU.
    CortexM4f: "cortex-m4f", V7EM, Single, 0x410F_C241, CortexM4, cortex_m3::CortexM3::M4;
    /// Cortex-M7 with FPU.
    CortexM7: "cortex-m7", V7EM, Double, 0x411F_C271, CortexM7, cortex_m7::CortexM7;
    /// Cortex-M33 with FPU, without Security Extension.
    CortexM33: "cortex-m33", V8M, Single, 0x410F_D214, CortexM33, cortex_m33::CortexM33;
}

impl CoreKind {
    /// The core of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<CoreKind> {
        CoreKind::ALL
            .iter()
            .copied()
            .find(|k| k.info().name == name)
    }

    /// Has it an FPU?
    #[must_use]
    pub fn has_fpu(self) -> bool {
        self.info().fpu != Fpu::No
    }

    /// Does it run code that was built for another one?
    #[must_use]
    pub fn runs(self, code: CoreKind) -> bool {
        let (own, other) = (self.info(), code.info());
        let double = |i: &CoreInfo| i.fpu == Fpu::Double;
        other.architecture <= own.architecture && (double(own) || !double(other))
    }

    /// Its instruction timing.
    #[must_use]
    pub fn timing(self) -> Box<dyn Model> {
        (self.info().timing)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_file_format() {
        for &kind in CoreKind::ALL {
            let name = kind.info().name;
            assert_eq!(CoreKind::named(name), Some(kind));
            let json = postcard::to_allocvec(&kind).expect("a variant index");
            assert_eq!(
                json,
                [kind as u8],
                "{name}: the order is part of saved states"
            );
        }
        assert_eq!(CoreKind::named("cortex-m99"), None);
    }

    #[test]
    fn code_for_smaller_cores_runs() {
        use CoreKind::{CortexM0, CortexM3, CortexM4f, CortexM7};
        assert!(CortexM7.runs(CortexM0) && CortexM7.runs(CortexM4f));
        assert!(CortexM4f.runs(CortexM3) && !CortexM3.runs(CortexM4f));
        assert!(!CortexM4f.runs(CortexM7));
    }
}
