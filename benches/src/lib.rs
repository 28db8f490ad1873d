//! Speed of the emulator, always as a ratio within one run: to raw Unicorn on the same firmware, or to real
//! time. Firmware is from `fixtures/`.

pub mod raw;

use emu_core::Cycles;
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{Machine, Options, Stop};
use emu_core::probe::ProbeMask;
use machines::{BuildOptions, MachineSpec};
use std::path::PathBuf;

/// A fixture that is ready to be run again and again.
pub struct Firmware {
    /// The image.
    pub image: Image,
    spec: MachineSpec,
}

/// What a run did.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Core cycles.
    pub cycles: u64,
    /// Instructions.
    pub instructions: u64,
    /// Virtual time in seconds.
    pub virtual_seconds: f64,
    /// Processor time of this thread in seconds.
    pub cpu_seconds: f64,
}

impl Firmware {
    /// The fixture `name`, such as `intbench.cortex-m4f`; its count of iterations can be changed.
    ///
    /// # Errors
    /// A text that names what is missing.
    pub fn open(name: &str, iterations: Option<u32>) -> Result<Firmware, String> {
        let path: PathBuf = [
            env!("CARGO_MANIFEST_DIR"),
            "..",
            "fixtures",
            "elf",
            &format!("{name}.elf"),
        ]
        .iter()
        .collect();
        let mut image = Image::open(&path, &OpenOptions::default()).map_err(|e| e.to_string())?;
        if let Some(n) = iterations {
            let address = |symbol: &str| {
                image
                    .symbols
                    .find(symbol)
                    .map(|s| s.address)
                    .ok_or(format!("{name} has no {symbol}"))
            };
            // The count is initialised data: it is changed where start-up copies it from.
            let at =
                address("_data_load")? + address("bench_iterations")? - address("_data_start")?;
            let place = image.segments.iter_mut().find_map(|s| {
                let offset = at.checked_sub(s.address)? as usize;
                s.bytes.get_mut(offset..offset + 4)
            });
            place
                .ok_or(format!("{name}: the count is not in the image"))?
                .copy_from_slice(&n.to_le_bytes());
        }
        let machine = image
            .machine_hint
            .clone()
            .ok_or(format!("{name} does not name its machine"))?;
        let spec = MachineSpec::load(&machine).map_err(|e| e.to_string())?;
        Ok(Firmware { image, spec })
    }

    /// A machine with the firmware, reset.
    ///
    /// # Errors
    /// A text.
    pub fn machine(&self, options: Options) -> Result<Machine, String> {
        let (kind, bus) = self
            .spec
            .build(&BuildOptions::default())
            .map_err(|e| e.to_string())?;
        let mut machine = Machine::new(kind, bus, options).map_err(|e| e.to_string())?;
        machine.load(&self.image).map_err(|e| e.to_string())?;
        machine.enable_semihosting(Default::default());
        machine.reset();
        Ok(machine)
    }

    /// Run it to its end; with `capture`, everything that can be observed is collected (and dropped).
    ///
    /// # Errors
    /// A text when it does not end with status 0.
    pub fn run(&self, capture: bool) -> Result<Run, String> {
        let mut machine = self.machine(Options::default())?;
        if capture {
            machine
                .bus_mut()
                .probes
                .attach(ProbeMask::ALL, Box::new(|events| events));
        }
        let start = cpu_seconds();
        let stop = machine.run_until(Cycles::MAX);
        let cpu = cpu_seconds() - start;
        if stop != Stop::Exit(0) {
            return Err(format!("{}: {stop:?}", self.image.path.display()));
        }
        Ok(Run {
            cycles: machine.now().0,
            instructions: machine.instructions(),
            virtual_seconds: machine.bus().clocks.seconds(machine.now()),
            cpu_seconds: cpu,
        })
    }

    /// Run it on raw Unicorn. Returns the processor time in seconds.
    ///
    /// # Errors
    /// A text when Unicorn fails.
    pub fn run_raw(&self) -> Result<f64, String> {
        let Some(arm) = &self.spec.core().info().arm else {
            return Err("raw RISC-V is not measured".to_owned());
        };
        let model = arm.engine.number();
        let start = cpu_seconds();
        raw::run(model, &self.image.segments)?;
        Ok(cpu_seconds() - start)
    }
}

/// Processor time of this thread: what other programs do meanwhile does not count.
#[must_use]
pub fn cpu_seconds() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}
