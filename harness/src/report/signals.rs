//! A section for each signal: plots, percentiles and metrics of all runs side by side, worst edges.

use super::data::{Report, Run, Signal, Worst};
use super::html::{Text, grouped};
use super::sections::{TOOLS, duration, swatch};
use std::io::{self, Write};

/// The signals of one name, each with its run.
pub struct SignalGroup<'a> {
    /// The name that they share.
    pub name: &'a str,
    /// Index of the run, and the signal in it; at least one.
    pub members: Vec<(usize, &'a Signal)>,
}

/// Signals of all runs by name, in order of appearance.
pub fn group(report: &Report) -> Vec<SignalGroup<'_>> {
    let mut groups: Vec<SignalGroup<'_>> = Vec::new();
    for (i, run) in report.runs.iter().enumerate() {
        for signal in &run.signals {
            match groups.iter_mut().find(|g| g.name == signal.name) {
                Some(g) => g.members.push((i, signal)),
                None => groups.push(SignalGroup {
                    name: &signal.name,
                    members: vec![(i, signal)],
                }),
            }
        }
    }
    groups
}

/// Tabs, if there is more than one signal, and the sections.
pub fn write(out: &mut dyn Write, report: &Report, groups: &[SignalGroup<'_>]) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    out.write_all(b"<section id=\"signals\"><h2>Signals</h2>")?;
    let tabs = groups.len() > 1;
    if tabs {
        out.write_all(b"<div role=\"tablist\" aria-label=\"Signals\">")?;
        for (i, g) in groups.iter().enumerate() {
            write!(
                out,
                "<button type=\"button\" role=\"tab\" id=\"tab-{i}\" aria-controls=\"signal-{i}\" aria-selected=\"{}\" tabindex=\"{}\">{}</button>",
                i == 0,
                if i == 0 { 0 } else { -1 },
                Text(g.name)
            )?;
        }
        out.write_all(b"</div>")?;
    }
    for (i, g) in groups.iter().enumerate() {
        write!(out, "<div class=\"signal\" id=\"signal-{i}\"")?;
        if tabs {
            write!(out, " role=\"tabpanel\" aria-labelledby=\"tab-{i}\"")?;
            if i > 0 {
                out.write_all(b" hidden")?;
            }
        }
        write!(out, "><h3>{}</h3>", Text(g.name))?;
        panel(out, &report.runs, g, i)?;
        out.write_all(b"</div>\n")?;
    }
    out.write_all(b"</section>\n")
}

fn panel(out: &mut dyn Write, runs: &[Run], g: &SignalGroup<'_>, index: usize) -> io::Result<()> {
    about(out, runs, g)?;
    let any = |f: fn(&Signal) -> bool| g.members.iter().any(|(_, s)| f(s));
    let first = g.members[0].1;
    let unit = Text(&first.unit);
    out.write_all(b"<div class=\"grid\">")?;
    if any(|s| !s.histogram.is_empty()) {
        let name = format!("Histogram of {}, {unit}", Text(&first.quantity));
        let log = "<label><input type=\"checkbox\" data-do=\"log\"> log counts</label>";
        figure(out, "histogram", index, &name, log)?;
    }
    percentiles(out, runs, g)?;
    if any(|s| !s.values.is_empty()) {
        let name = format!("{} over time, cycles", Text(&first.value_name));
        figure(out, "values", index, &name, "")?;
    }
    if any(|s| !s.spectrum.is_empty()) {
        let log = "<label><input type=\"checkbox\" data-do=\"log\"> log amplitude</label>";
        let name = format!("Spectrum of {}, cycles", Text(&first.value_name));
        figure(out, "spectrum", index, &name, log)?;
    }
    if any(|s| !s.mmu.is_empty()) {
        figure(out, "mmu", index, "Least mutator share by window (MMU)", "")?;
    }
    metrics(out, runs, g)?;
    worst(out, runs, g, index)?;
    out.write_all(b"</div>")
}

/// What was measured, from what, how often; what spectrum and autocorrelation found.
fn about(out: &mut dyn Write, runs: &[Run], g: &SignalGroup<'_>) -> io::Result<()> {
    out.write_all(b"<ul class=\"about\">")?;
    for &(i, s) in &g.members {
        write!(
            out,
            "<li>{}<b>{}</b> N = {} · {}",
            swatch(i),
            Text(&runs[i].label),
            grouped(s.n),
            Text(&s.source)
        )?;
        for more in [Some(&s.reference), s.comb.as_ref()].into_iter().flatten() {
            if !more.is_empty() {
                write!(out, " · {}", Text(more))?;
            }
        }
        out.write_all(b"</li>")?;
    }
    out.write_all(b"</ul>")
}

fn figure(out: &mut dyn Write, kind: &str, index: usize, name: &str, log: &str) -> io::Result<()> {
    write!(
        out,
        "<figure class=\"plot {kind}\" data-plot=\"{kind}\" data-signal=\"{index}\"><figcaption><h4>{name}</h4>{log}{TOOLS}</figcaption>\
<canvas tabindex=\"0\" role=\"application\" aria-label=\"{name}\"></canvas></figure>"
    )
}

/// Names in order of appearance over all members.
fn names<'a>(g: &SignalGroup<'a>, of: impl Fn(&'a Signal) -> Vec<&'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in g.members.iter().flat_map(|(_, s)| of(s)) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn heads(out: &mut dyn Write, runs: &[Run], g: &SignalGroup<'_>) -> io::Result<()> {
    for &(i, _) in &g.members {
        write!(out, "<th class=\"n\">{}{}", swatch(i), Text(&runs[i].label))?;
    }
    Ok(())
}

fn percentiles(out: &mut dyn Write, runs: &[Run], g: &SignalGroup<'_>) -> io::Result<()> {
    let names = names(g, |s| {
        s.percentiles.iter().map(|p| p.name.as_str()).collect()
    });
    if names.is_empty() {
        return Ok(());
    }
    let first = g.members[0].1;
    write!(
        out,
        "<div class=\"percentiles\"><h4>Percentiles of {}, {}</h4><div class=\"scroll\"><table><thead><tr><th>",
        Text(&first.quantity),
        Text(&first.unit)
    )?;
    heads(out, runs, g)?;
    out.write_all(b"</thead><tbody>")?;
    let mut weak = false;
    for name in names {
        write!(out, "<tr><th scope=\"row\">{}", Text(name))?;
        for &(i, s) in &g.members {
            let Some(p) = s.percentiles.iter().find(|p| p.name == name) else {
                out.write_all("<td class=\"n\">–".as_bytes())?;
                continue;
            };
            weak |= !p.supported;
            let (class, mark) = if p.supported {
                ("n", "")
            } else {
                ("n weak", "†")
            };
            write!(out, "<td class=\"{class}\">{}{mark}", grouped(p.value))?;
            let time = duration(&runs[i], p.value.unsigned_abs());
            if first.unit == "cycles" && !time.is_empty() {
                let sign = if p.value < 0 { "\u{2212}" } else { "" };
                write!(out, "<small>{sign}{time}</small>")?;
            }
        }
        out.write_all(b"\n")?;
    }
    out.write_all(b"</tbody></table></div>")?;
    if weak {
        out.write_all(
            "<p class=\"keys\">† not supported: fewer than ten samples lie beyond it</p>"
                .as_bytes(),
        )?;
    }
    out.write_all(b"</div>")
}

fn metrics(out: &mut dyn Write, runs: &[Run], g: &SignalGroup<'_>) -> io::Result<()> {
    let names = names(g, |s| s.metrics.iter().map(|m| m.name.as_str()).collect());
    if names.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<div class=\"metrics\"><h4>Metrics</h4><div class=\"scroll\"><table><thead><tr><th>",
    )?;
    heads(out, runs, g)?;
    out.write_all(b"<th>Unit</thead><tbody>")?;
    for name in names {
        let of = |s: &'_ Signal| s.metrics.iter().find(|m| m.name == name).cloned();
        write!(out, "<tr><th scope=\"row\">{}", Text(name))?;
        let mut unit = String::new();
        for &(_, s) in &g.members {
            let found = of(s);
            let value = found.as_ref().map_or("–", |m| m.value.as_str());
            write!(out, "<td class=\"n\">{}", Text(value))?;
            if let Some(m) = found {
                unit = m.unit;
            }
        }
        writeln!(out, "<td>{}", Text(unit))?;
    }
    out.write_all(b"</tbody></table></div></div>")
}

fn worst(out: &mut dyn Write, runs: &[Run], g: &SignalGroup<'_>, signal: usize) -> io::Result<()> {
    if g.members.iter().all(|(_, s)| s.worst.is_empty()) {
        return Ok(());
    }
    out.write_all(b"<div class=\"worst\"><h4>Worst edges</h4><div class=\"scroll\"><table><thead><tr><th>Run<th class=\"n\">Edge<th class=\"n\">Cycle<th class=\"n\">Time<th class=\"n\">Deviation, cycles<th>Function<th>Line<th>PC</thead><tbody>")?;
    for (member, &(i, s)) in g.members.iter().enumerate() {
        for w in &s.worst {
            write!(out, "<tr><td>{}{}", swatch(i), Text(&runs[i].label))?;
            row(out, w, signal, member)?;
        }
    }
    out.write_all(
        b"</tbody></table></div><p class=\"keys\">A cycle opens the timeline there.</p></div>",
    )
}

fn row(out: &mut dyn Write, w: &Worst, signal: usize, member: usize) -> io::Result<()> {
    let sign = if w.deviation > 0.0 { "+" } else { "" };
    let deviation = format!("{:.3}", w.deviation);
    let deviation = deviation.trim_end_matches('0').trim_end_matches('.');
    writeln!(
        out,
        "<td class=\"n\">{}<td class=\"n\"><button type=\"button\" class=\"jump\" data-signal=\"{signal}\" data-member=\"{member}\" data-index=\"{}\" data-cycle=\"{}\" data-deviation=\"{}\">{}</button><td class=\"n\">{:.9} s<td class=\"n\">{sign}{}<td><code title=\"{}\">{}</code><td>{}<td><code>{}</code>",
        grouped(w.index),
        w.index,
        w.cycle,
        if w.deviation.is_finite() {
            w.deviation
        } else {
            0.0
        },
        grouped(w.cycle),
        w.seconds,
        grouped(deviation),
        Text(&w.function),
        Text(&w.function),
        Text(&w.line),
        w.pc.map_or(String::new(), |pc| format!("0x{pc:08x}")),
    )
}
