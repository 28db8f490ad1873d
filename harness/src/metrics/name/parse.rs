//! From text to metric, with errors that say what could have been meant.

use super::table::{Argued, Argument, ENTRIES, Entry, NO_ARGUMENT};
use super::{Metric, Statistic};
use crate::metrics::percentile::PercentileError;
use crate::nearest::nearest;
use crate::units::{Span, SpanError};

/// The metric of a text, or what is wrong with it.
pub fn parse(text: &str) -> Result<Metric, String> {
    let (entry, rest) = find(text)?;
    let (argued, rest) = argument(entry, rest)?;
    let statistic = match (entry.statistics, rest.strip_prefix('.')) {
        ([], _) if rest.is_empty() => None,
        ([], _) => {
            return Err(format!(
                "`{}` is one figure; leave out `{rest}`",
                entry.name
            ));
        }
        (known, Some(name)) => Some(statistic(entry, known, name)?),
        (_, None) => return Err(format!("say which figure: {}", entry.figures())),
    };
    Ok(Metric {
        group: (entry.group)(argued),
        statistic,
    })
}

/// The entry whose name the text begins with, and what follows.
fn find(text: &str) -> Result<(&'static Entry, &str), String> {
    let exact = ENTRIES.iter().find_map(|e| {
        let rest = text.strip_prefix(e.name)?;
        let ends = rest.is_empty() || rest.starts_with(['(', '.']);
        ends.then_some((e, rest))
    });
    exact.ok_or_else(|| {
        let group = text.split(['(', '.']).next().unwrap_or(text);
        let whole = ENTRIES.iter().map(|e| e.name);
        let mut near = nearest(text, whole.clone().filter(|n| n.contains('.')), 2);
        near.extend(nearest(
            group,
            whole.clone().filter(|n| !n.contains('.')),
            3,
        ));
        let near: Vec<String> = if near.is_empty() {
            whole.map(str::to_owned).collect()
        } else {
            let entry = |n: &&str| ENTRIES.iter().find(|e| e.name == *n);
            near.iter().filter_map(entry).map(Entry::example).collect()
        };
        format!("write {}", near.join(", "))
    })
}

fn argument<'a>(entry: &Entry, rest: &'a str) -> Result<(Argued, &'a str), String> {
    let inside = rest
        .strip_prefix('(')
        .map(|r| {
            r.split_once(')')
                .ok_or_else(|| "a parenthesis is open".to_owned())
        })
        .transpose()?;
    let missing = || format!("write {}", entry.example());
    match (entry.argument, inside) {
        (Argument::None, None) => Ok((NO_ARGUMENT, rest)),
        (Argument::None, Some(_)) => Err(format!("`{}` takes no argument", entry.name)),
        (_, None) => Err(missing()),
        (Argument::Number, Some((inside, rest))) => {
            let n = inside.trim().parse::<u64>().ok().filter(|&n| n > 0);
            let number =
                n.ok_or_else(|| format!("`{inside}` is not a number of periods from 1"))?;
            Ok((
                Argued {
                    number,
                    ..NO_ARGUMENT
                },
                rest,
            ))
        }
        (Argument::Window, Some((inside, rest))) => {
            let window: Span = inside.parse().map_err(|e: SpanError| e.to_string())?;
            if matches!(window, Span::Cycles(0) | Span::Time(0)) {
                return Err("a window must be longer than nothing".to_owned());
            }
            Ok((
                Argued {
                    window,
                    ..NO_ARGUMENT
                },
                rest,
            ))
        }
    }
}

fn statistic(entry: &Entry, known: &[&str], name: &str) -> Result<Statistic, String> {
    let percentiles = known.contains(&"p50");
    let starts_as_percentile = name
        .strip_prefix('p')
        .is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    match name {
        _ if percentiles && starts_as_percentile => name
            .parse()
            .map(Statistic::Percentile)
            .map_err(|e: PercentileError| e.to_string()),
        _ if !known.contains(&name) => Err(format!(
            "`{name}` is none of its figures: {}",
            entry.figures()
        )),
        "min" => Ok(Statistic::Min),
        "max" => Ok(Statistic::Max),
        "mean" => Ok(Statistic::Mean),
        "pp" => Ok(Statistic::Pp),
        _ => Ok(Statistic::Rms),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::ENTRIES;
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in [
            "period.pp",
            "period.min",
            "period.max",
            "period.rms",
            "period.mean",
            "period.p99.9",
            "c2c.max",
            "c2c.rms",
            "nperiod(4).pp",
            "tie.pp",
            "tie.rms",
            "mtie(16)",
            "adev(10)",
            "duty.pp",
            "duty.mean",
            "high.p99",
            "drift",
            "skipped",
            "doubled",
            "count",
            "duration.pp",
            "latency.p99.99",
            "pause.max",
            "response.mean",
            "gap.min",
            "share",
            "mmu(1ms)",
            "mmu(16800cy)",
            "mmu(1500us)",
            "comb.period",
            "comb.amplitude",
            "mmu(5s)",
            "mmu(1.5ps)",
        ] {
            let m: Metric = name.parse().expect(name);
            assert_eq!(m.to_string(), name);
            let json = serde_json::to_string(&m).expect("JSON");
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Metric>(&json).expect("JSON"), m);
        }
        assert_eq!(
            " mmu( 1.5 ms ) "
                .parse::<Metric>()
                .expect("fine")
                .to_string(),
            "mmu(1500us)"
        );
    }

    #[test]
    fn every_pattern_is_a_name() {
        assert_eq!(Metric::patterns().count(), ENTRIES.len());
        for e in ENTRIES {
            let name = e.example();
            assert_eq!(name.parse::<Metric>().expect(&name).to_string(), name);
            for s in e.statistics {
                let name = format!("{}.{s}", e.with_argument().replace("(N)", "(7)"));
                assert_eq!(name.parse::<Metric>().expect(&name).to_string(), name);
            }
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, says) in [
            ("perod.pp", "write period.min"),
            ("jitter", "period"),
            ("period", "say which figure: period.min"),
            ("period.avg", "`avg` is none of its figures"),
            ("period.p100", "for the ends write min and max"),
            ("c2c.p99", "c2c.max, c2c.rms"),
            ("nperiod.pp", "write nperiod(4).pp"),
            ("nperiod(0).pp", "from 1"),
            ("mtie(4", "parenthesis"),
            ("mtie(4).pp", "one figure"),
            ("drift.max", "one figure"),
            ("drift(3)", "takes no argument"),
            ("mmu(1)", "the unit is missing"),
            ("mmu(0ms)", "longer than nothing"),
            ("comb.amplitud", "comb.amplitude"),
            ("mtie(4)x", "one figure"),
            ("", "write"),
        ] {
            let e = text.parse::<Metric>().expect_err(text).to_string();
            assert!(
                e.contains(says) && e.contains("is no metric"),
                "{text}: {e}"
            );
        }
    }
}
