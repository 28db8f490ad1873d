//! `result.ndjson` of a bench read back: its runs, in groups that differ only in seed and stimuli.

use crate::bench::ndjson::SCHEMA;
use crate::failure::Failure;
use crate::metrics::rational::Rational;
use crate::metrics::value::{MetricValue, Unit};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// What a bench has given.
#[derive(Clone, PartialEq, Debug)]
pub struct BenchResult {
    /// What tables call it.
    pub label: String,
    /// Name of the bench.
    pub name: String,
    /// Its runs, in the order of the file.
    pub runs: Vec<BenchRun>,
}

/// What tells the runs of a group apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sample {
    /// Name of the stimuli.
    pub stimuli: Option<String>,
    /// The seed.
    pub seed: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stimuli) = &self.stimuli {
            write!(f, "stimuli={stimuli},")?;
        }
        write!(f, "seed={}", self.seed)
    }
}

/// One run of a bench.
#[derive(Clone, PartialEq, Debug)]
pub struct BenchRun {
    /// Its name.
    pub id: String,
    /// Its name without seed and stimuli; empty when nothing else tells runs apart.
    pub group: String,
    /// Its seed and stimuli.
    pub sample: Sample,
    /// How it ended.
    pub stop: String,
    /// Exit code of a run that ends so.
    pub code: u64,
    /// Signal, metric and value, in the order of the file.
    pub figures: Vec<(String, String, MetricValue)>,
}

/// The signal under which figures of the run itself are.
pub const RUN: &str = "run";

impl BenchRun {
    /// A figure.
    #[must_use]
    pub fn figure(&self, signal: &str, metric: &str) -> Option<MetricValue> {
        let mut all = self.figures.iter();
        let found = all.find(|f| f.0 == signal && f.1 == metric);
        found.map(|f| f.2)
    }
}

impl BenchResult {
    /// The groups, in the order of the file.
    #[must_use]
    pub fn groups(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let groups = self.runs.iter().map(|r| r.group.as_str());
        groups.filter(|g| seen.insert(*g)).collect()
    }

    /// The runs of a group.
    #[must_use]
    pub fn of(&self, group: &str) -> Vec<&BenchRun> {
        self.runs.iter().filter(|r| r.group == group).collect()
    }
}

/// Read the result of a bench.
///
/// # Errors
/// A [`Failure`] that names the line, for a file that is cut off, damaged, of another version, or of something else.
pub fn read(path: &Path, label: &str) -> Result<BenchResult, Failure> {
    let text = std::fs::read_to_string(path);
    let help = "give a whole file that `tickscope bench --ndjson FILE` has written";
    let text = text
        .map_err(|e| Failure::usage(format!("cannot read `{}`: {e}", path.display())).help(help))?;
    parse(&text, label)
        .map_err(|why| Failure::usage(format!("`{}` {why}", path.display())).help(help))
}

fn parse(text: &str, label: &str) -> Result<BenchResult, String> {
    let mut result = BenchResult {
        label: label.to_owned(),
        name: String::new(),
        runs: Vec::new(),
    };
    let (mut begun, mut over) = (false, false);
    for (n, line) in text.lines().enumerate().map(|(n, l)| (n + 1, l)) {
        let damaged = |why: &str| format!("is damaged in line {n}: {why}");
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(line).map_err(|e| match e.is_eof() {
            true => format!("is cut off in line {n}"),
            false => damaged(&format!("it is no JSON ({e})")),
        })?;
        if over {
            return Err(damaged("it goes on behind the summary"));
        }
        let kind = value["type"].as_str();
        if begun != (kind != Some("bench")) {
            return Err(damaged("a bench begins with one line of type `bench`"));
        }
        match kind {
            Some("bench") => {
                begun = true;
                let schema = value["schema"].as_u64();
                if schema != Some(SCHEMA.into()) {
                    let found = schema.map_or("none".to_owned(), |s| s.to_string());
                    return Err(format!(
                        "has schema {found}; this tool reads schema {SCHEMA}"
                    ));
                }
                result.name = text_of(&value, "name").map_err(|e| damaged(&e))?;
            }
            Some("run") => {
                let run = run(&value).map_err(|e| damaged(&e))?;
                let twin = result
                    .runs
                    .iter()
                    .find(|r| r.id == run.id || r.group == run.group && r.sample == run.sample);
                if let Some(twin) = twin {
                    let why = format!("the runs `{}` and `{}` are the same", twin.id, run.id);
                    return Err(damaged(&why));
                }
                result.runs.push(run);
            }
            Some("metric") => {
                let of = text_of(&value, "run").map_err(|e| damaged(&e))?;
                let figure = figure(&value).map_err(|e| damaged(&e))?;
                match result.runs.last_mut().filter(|r| r.id == of) {
                    Some(run) if run.figure(&figure.0, &figure.1).is_some() => {
                        return Err(damaged("this figure is there already"));
                    }
                    Some(run) => run.figures.push(figure),
                    None => return Err(damaged(&format!("it is not of the run before: `{of}`"))),
                }
            }
            Some("verdict") => {}
            Some("summary") => {
                over = true;
                let runs = value["runs"].as_u64();
                if runs != Some(result.runs.len() as u64) {
                    let runs = runs.map_or("no number of".to_owned(), |n| n.to_string());
                    let why = format!("{runs} runs, but {} are there", result.runs.len());
                    return Err(damaged(&why));
                }
            }
            Some(other) => return Err(damaged(&format!("there is no type `{other}`"))),
            None => return Err(damaged("it has no type")),
        }
    }
    match (over, result.runs.is_empty()) {
        (false, _) => Err("is cut off: its last line is no summary".to_owned()),
        (true, true) => Err("has no runs".to_owned()),
        (true, false) => Ok(result),
    }
}

fn text_of(value: &Value, key: &str) -> Result<String, String> {
    let text = value[key].as_str().map(str::to_owned);
    text.ok_or_else(|| format!("`{key}` is no text"))
}

fn number_of(value: &Value, key: &str) -> Result<u64, String> {
    let number = value[key].as_u64();
    number.ok_or_else(|| format!("`{key}` is no whole number"))
}

fn run(value: &Value) -> Result<BenchRun, String> {
    let sample = Sample {
        stimuli: value["stimuli"].as_str().map(str::to_owned),
        seed: number_of(value, "seed")?,
    };
    let id = text_of(value, "id")?;
    let firmware = text_of(value, "firmware")?;
    let stop = &value["stop"];
    let whole = |key, unit| Ok::<_, String>((key, number_of(value, key)?, unit));
    let facts = [
        whole("cycles", Unit::Cycles)?,
        whole("instructions", Unit::Count)?,
    ];
    let facts = facts.into_iter().map(|(key, n, unit)| {
        let value = MetricValue::exact(Rational::whole(n), unit);
        (RUN.to_owned(), key.to_owned(), value)
    });
    Ok(BenchRun {
        group: group(&id, &firmware, &sample),
        id,
        sample,
        stop: stop["reason"].as_str().unwrap_or("not told").to_owned(),
        code: stop["code"].as_u64().unwrap_or(0),
        figures: facts.collect(),
    })
}

/// The name of a run without its last parts, stimuli and seed. A bench whose runs differ in nothing else names them by
/// the firmware, or by the seed alone.
fn group(id: &str, firmware: &str, sample: &Sample) -> String {
    if id == firmware {
        return String::new();
    }
    let without = |id: &str, part: String| match id.strip_suffix(&part) {
        Some("") => String::new(),
        Some(rest) => rest.strip_suffix(',').unwrap_or(id).to_owned(),
        None => id.to_owned(),
    };
    let mut group = without(id, format!("seed={}", sample.seed));
    if let Some(stimuli) = &sample.stimuli {
        group = without(&group, format!("stimuli={stimuli}"));
    }
    group
}

fn figure(value: &Value) -> Result<(String, String, MetricValue), String> {
    let unit = match text_of(value, "unit")?.as_str() {
        "cy" => Unit::Cycles,
        "ppm" => Unit::Ppm,
        "/s" => Unit::PerSecond,
        "" => Unit::One,
        other => return Err(format!("`{other}` is no unit")),
    };
    // What no JSON number can hold is there as a fraction, too.
    let number = &value["value"];
    let fraction = match value.get("exact") {
        None => number.as_i64().map(Rational::whole),
        Some(Value::String(text)) => Some(text.parse::<Rational>().map_err(|e| e.to_string())?),
        Some(_) => return Err("`exact` is no text".to_owned()),
    };
    let number = match (fraction, number.as_f64()) {
        (Some(exact), Some(_)) => MetricValue::exact(exact, unit),
        (None, Some(real)) => MetricValue::real(real, unit),
        (_, None) => return Err("`value` is no number".to_owned()),
    };
    Ok((text_of(value, "signal")?, text_of(value, "metric")?, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"type":"bench","schema":1,"name":"b","file":"b.toml"}"#;
    const RUN_1: &str = r#"{"type":"run","id":"fw=a,stimuli=x,y,seed=1","firmware":"a","stimuli":"x,y","seed":1,"cycles":10,"instructions":5,"stop":{"reason":"limit","code":0}}"#;
    const METRIC: &str = r#"{"type":"metric","run":"fw=a,stimuli=x,y,seed=1","signal":"s","metric":"period.mean","value":0.333,"exact":"1/3","unit":"cy","n":4}"#;
    const SUMMARY: &str = r#"{"type":"summary","runs":1}"#;

    #[test]
    fn reads_what_a_bench_writes() {
        let text = [HEAD, RUN_1, METRIC, SUMMARY].join("\n");
        let result = parse(&text, "l").expect("fine");
        assert_eq!(result.groups(), ["fw=a"]);
        let run = &result.runs[0];
        assert_eq!(run.sample.to_string(), "stimuli=x,y,seed=1");
        let mean = run.figure("s", "period.mean").expect("there");
        assert_eq!(mean.to_string(), "0.333333cy");
        assert_eq!(
            run.figure(RUN, "cycles").expect("there").to_string(),
            "10cy"
        );
    }

    #[test]
    fn groups_are_names_without_samples() {
        let of = |id: &str, stimuli: Option<&str>| {
            let stimuli = stimuli.map(str::to_owned);
            group(id, "k", &Sample { stimuli, seed: 12 })
        };
        assert_eq!(of("k", None), "");
        assert_eq!(of("seed=12", None), "");
        assert_eq!(of("stimuli=s", Some("s")), "");
        assert_eq!(of("stimuli=s,seed=12", Some("s")), "");
        assert_eq!(of("fw=k,poke=M=2,seed=12", Some("s")), "fw=k,poke=M=2");
        assert_eq!(of("fw=k,poke=M=2,stimuli=s", Some("s")), "fw=k,poke=M=2");
        assert_eq!(of("fw=k,machine=m", None), "fw=k,machine=m");
    }

    #[test]
    fn damage_is_told_with_its_line() {
        let wrong = |lines: &[&str]| parse(&lines.join("\n"), "l").expect_err("damaged");
        let cut = &METRIC[..40];
        let foreign = METRIC.replace("seed=1\"", "seed=2\"");
        let unit = METRIC.replace("\"cy\"", "\"furlong\"");
        let null = METRIC.replace("0.333", "null");
        for (lines, says) in [
            (&[HEAD, RUN_1, METRIC][..], "cut off: its last line"),
            (&[HEAD, RUN_1, cut], "cut off in line 3"),
            (&[RUN_1, METRIC, SUMMARY], "begins with one line"),
            (&[HEAD, RUN_1, HEAD, SUMMARY], "line 3"),
            (&[HEAD, RUN_1, METRIC, METRIC, SUMMARY], "there already"),
            (&[HEAD, RUN_1, RUN_1, SUMMARY], "are the same"),
            (&[HEAD, RUN_1, &foreign, SUMMARY], "not of the run before"),
            (&[HEAD, RUN_1, &unit, SUMMARY], "`furlong` is no unit"),
            (&[HEAD, RUN_1, &null, SUMMARY], "`value` is no number"),
            (&[HEAD, METRIC, SUMMARY], "line 2"),
            (&[HEAD, r#"{"type":"summary","runs":0}"#], "has no runs"),
            (&[HEAD, SUMMARY], "1 runs, but 0"),
            (&[HEAD, RUN_1, SUMMARY, METRIC], "behind the summary"),
            (&[HEAD, RUN_1, "[1]", SUMMARY], "no type"),
            (&[HEAD, "nonsense"], "no JSON"),
            (
                &[r#"{"type":"bench","schema":9,"name":"b"}"#],
                "has schema 9",
            ),
            (&[][..], "cut off"),
        ] {
            let why = wrong(lines);
            assert!(why.contains(says), "{says}: {why}");
        }
    }
}
