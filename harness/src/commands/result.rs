//! `result.json` from a run that is over.

use super::execute::Ended;
use super::options::RunOptions;
use crate::failure::Failure;
use crate::output;
use crate::parts;
use crate::profile::ProfileResult;
use crate::run_result::{self as result, RunResult, hex};
use crate::session::Finished;
use crate::until::Until;
use std::path::Path;

/// What a result says besides the state of the machine.
pub struct Parts<'a> {
    /// What was asked for.
    pub options: &'a RunOptions,
    /// Hash of the stimuli.
    pub stimuli: Option<[u8; 32]>,
    /// What was sent and given.
    pub finished: &'a Finished,
    /// Where the cycles went.
    pub profile: Option<ProfileResult>,
    /// The capture.
    pub captured: Option<result::Captured>,
}

/// Write it.
///
/// # Errors
/// A [`Failure`] that names the file.
pub fn write(path: &Path, ended: &Ended<'_>, parts: Parts<'_>) -> Result<(), Failure> {
    let result = assemble(ended, parts);
    output::write_with(path, |w| {
        serde_json::to_writer_pretty(&mut *w, &result)?;
        w.write_all(b"\n")
    })?;
    Ok(())
}

fn assemble(ended: &Ended<'_>, parts: Parts<'_>) -> RunResult {
    let Ended {
        machine,
        firmware,
        spec,
        outcome,
    } = ended;
    let Parts {
        options,
        stimuli,
        finished,
        profile,
        captured,
    } = parts;
    let bus = machine.bus();
    let notices = bus.notices.all().iter().map(|n| {
        let function = firmware.function_at(n.pc).map(|f| f.name);
        result::NoticeEntry::new(n, function, firmware.line(n.pc))
    });
    let texts = &finished.texts;
    RunResult {
        schema: result::SCHEMA,
        tool: crate::TOOL.to_owned(),
        firmware: result::Firmware {
            path: options.firmware.display().to_string(),
            sha256: hex(&firmware.image.sha256),
        },
        machine: result::Machine {
            name: spec.name().to_owned(),
            hash: spec.hash(),
        },
        settings: result::Settings {
            limit: options.limit().map(|l| l.to_string()),
            until: options.until.iter().map(Until::to_string).collect(),
            strict: options.strict,
            set: options.set.clone(),
            stimuli: options.stimuli.as_ref().zip(stimuli).map(|(path, hash)| {
                result::StimuliFile {
                    path: path.display().to_string(),
                    sha256: hex(&hash),
                }
            }),
        },
        seed: options.seed,
        stop: result::Stop::new(outcome, !options.until.is_empty()),
        cycles: machine.now().0,
        instructions: machine.instructions(),
        time: result::Time::new(bus.clocks.attoseconds(machine.now())),
        state_hash: hex(&machine.state_hash()),
        uarts: texts.iter().map(result::Uart::from).collect(),
        inputs: finished
            .inputs
            .iter()
            .map(|i| result::Given::new(i, texts))
            .collect(),
        notices: notices.collect(),
        clock_segments: bus.clocks.segments().iter().map(Into::into).collect(),
        ledger: parts::ledger(machine),
        profile,
        capture: captured,
        host: result::Host {
            wall_s: finished.wall.as_secs_f64(),
            more: Default::default(),
        },
    }
}
