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
    /// What is to be known of a Cortex-M; `None` for RISC-V, whose list is in [`crate::riscv::timing`].
    pub arm: Option<ArmCore>,
}

/// What is to be known of a Cortex-M.
#[derive(Debug)]
pub struct ArmCore {
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
    (@arm) => {
        None
    };
    (@arm $architecture:ident, $fpu:ident, $cpuid:literal, $engine:ident, $timing:expr) => {
        Some(ArmCore {
            architecture: Architecture::$architecture,
            fpu: Fpu::$fpu,
            cpuid: $cpuid,
            engine: ArmModel::$engine,
            timing: || Box::new($timing),
        })
    };
    ($($(#[$doc:meta])* $kind:ident: $name:literal ($($arm:tt)*);)*) => {
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
                        arm: cores!(@arm $($arm)*),
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
    CortexM0: "cortex-m0" (V6M, No, 0x410C_C200, CortexM0, cortex_m0::CortexM0::M0);
    /// Cortex-M0+.
    CortexM0plus: "cortex-m0plus" (V6M, No, 0x410C_C601, CortexM0, cortex_m0::CortexM0::M0PLUS);
    /// Cortex-M3.
    CortexM3: "cortex-m3" (V7M, No, 0x412F_C231, CortexM3, cortex_m3::CortexM3::M3);
    /// Cortex-M4 without FPU.
    CortexM4: "cortex-m4" (V7EM, No, 0x410F_C241, CortexM4, cortex_m3::CortexM3::M4);
    /// Cortex-M4 with FPU.
    CortexM4f: "cortex-m4f" (V7EM, Single, 0x410F_C241, CortexM4, cortex_m3::CortexM3::M4);
    /// Cortex-M7 with FPU.
    CortexM7: "cortex-m7" (V7EM, Double, 0x411F_C271, CortexM7, cortex_m7::CortexM7);
    /// Cortex-M33 with FPU, without Security Extension.
    CortexM33: "cortex-m33" (V8M, Single, 0x410F_D214, CortexM33, cortex_m33::CortexM33);
    /// SiFive E31 (RV32IMAC), as in the FE310.
    E31: "e31" ();
    /// Nuclei Bumblebee (RV32IMAC), as in the GD32VF103.
    Bumblebee: "bumblebee" ();
    /// A generic in-order RV32IMAC.
    Rv32: "rv32" ();
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

    /// Is it a RISC-V core?
    #[must_use]
    pub fn is_riscv(self) -> bool {
        self.info().arm.is_none()
    }

    /// Architecture of a Cortex-M; the least one for others, where nothing asks for it.
    #[must_use]
    pub fn architecture(self) -> Architecture {
        self.info()
            .arm
            .as_ref()
            .map_or(Architecture::V6M, |a| a.architecture)
    }

    /// Is it a Cortex-M with an FPU?
    #[must_use]
    pub fn has_fpu(self) -> bool {
        self.info().arm.as_ref().is_some_and(|a| a.fpu != Fpu::No)
    }

    /// Does it run code that was built for another one?
    #[must_use]
    pub fn runs(self, code: CoreKind) -> bool {
        match (&self.info().arm, &code.info().arm) {
            (Some(own), Some(other)) => {
                other.architecture <= own.architecture
                    && (own.fpu == Fpu::Double || other.fpu != Fpu::Double)
            }
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// The instruction timing of a Cortex-M.
    ///
    /// # Panics
    /// For a RISC-V core, which has another one.
    #[must_use]
    pub fn timing(self) -> Box<dyn Model> {
        match &self.info().arm {
            Some(arm) => (arm.timing)(),
            None => unreachable!("{self:?} has its model in riscv::timing"),
        }
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
