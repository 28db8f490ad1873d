//! SVG: one row for each signal over the whole capture.
//!
//! The picture has as many columns as pixels. A column in which a signal changes more than twice is
//! drawn as a band from low to high, so that the size of the file does not grow with the run.

use super::job::{ExportError, Job};
use super::plan::{Shape, Signal, Source};
use crate::capture::Header;
use crate::units;
use emu_core::Cycles;
use plotters::prelude::*;
use std::io::{self, Write};

const WIDTH: i32 = 1260;
const LABELS: i32 = 170;
const RIGHT: i32 = 20;
const ROW: i32 = 40;
const HEAD: i32 = 30;
const FOOT: i32 = 34;
const COLUMNS: usize = (WIDTH - LABELS - RIGHT) as usize;
/// Where rows end.
const RIGHT_END: i32 = LABELS + COLUMNS as i32 - 1;
const BLUE: RGBColor = RGBColor(0x1F, 0x5A, 0xA6);

/// What one signal did in one column of pixels.
#[derive(Clone, Copy, Default)]
struct Column {
    changes: u32,
    last: u32,
}

pub fn write(job: &Job<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let (header, summary) = (&job.capture.header, &job.capture.summary);
    let plan = job.plan;
    let first = summary.timebase.picoseconds(Cycles(header.start));
    let last = summary.timebase.picoseconds(summary.last).max(first + 1);
    let length = u128::from(last - first);
    let column_of = |ps: u64| {
        let c = u128::from(ps.saturating_sub(first)) * (COLUMNS as u128 - 1) / length;
        (c as usize).min(COLUMNS - 1)
    };
    let mut columns = vec![vec![Column::default(); COLUMNS]; plan.signals.len()];
    for c in job.changes()? {
        let column = &mut columns[c.signal][column_of(summary.timebase.picoseconds(c.at))];
        column.changes += 1;
        column.last = c.value;
    }
    let height = HEAD + ROW * plan.signals.len() as i32 + FOOT;
    let mut svg = String::new();
    {
        let size = (WIDTH as u32, height as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(drawing)?;
        let title = format!("{}, firmware {:.12}", header.machine, header.elf_sha256);
        text(&area, &title, (LABELS, 8), 14)?;
        for (i, (signal, columns)) in plan.signals.iter().zip(&columns).enumerate() {
            row(&area, header, signal, columns, HEAD + ROW * i as i32)?;
        }
        axis(&area, first, last, height - FOOT)?;
        area.present().map_err(drawing)?;
    }
    Ok(out.write_all(svg.as_bytes())?)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn row(
    area: &Area<'_>,
    header: &Header,
    signal: &Signal,
    columns: &[Column],
    top: i32,
) -> io::Result<()> {
    let (high, low) = (top + 8, top + ROW - 8);
    text(area, &signal.name, (8, top + 14), 14)?;
    if let Shape::Vector(_) = signal.shape {
        return numbers(area, header, signal, columns, (high, low));
    }
    let y = |value: u32| if value == 0 { low } else { high };
    let mut value = signal.initial.unwrap_or(0);
    let mut path = vec![(LABELS, y(value))];
    for (x, column) in (LABELS..).zip(columns) {
        match column.changes {
            0 => continue,
            1 if signal.shape == Shape::Wire => path.extend([(x, y(value)), (x, y(column.last))]),
            _ => path.extend([(x, y(value)), (x, high), (x, low)]),
        }
        if signal.shape == Shape::Wire {
            path.push((x, y(column.last)));
            value = column.last;
        }
    }
    path.push((RIGHT_END, y(value)));
    area.draw(&PathElement::new(path, BLUE)).map_err(drawing)
}

/// A vector: a line in the middle before its first value, then two, with a bar at each change and the value where it fits.
fn numbers(
    area: &Area<'_>,
    header: &Header,
    signal: &Signal,
    columns: &[Column],
    (high, low): (i32, i32),
) -> io::Result<()> {
    let middle = (high + low) / 2;
    let changes = (LABELS..).zip(columns).filter(|(_, c)| c.changes > 0);
    let changes: Vec<(i32, u32)> = changes.map(|(x, c)| (x, c.last)).collect();
    let begins = changes.first().map_or(RIGHT_END, |&(x, _)| x);
    let mut path = vec![(LABELS, middle), (begins, middle)];
    for (i, &(x, value)) in changes.iter().enumerate() {
        path.extend([(x, high), (x, low), (x, high)]);
        let name = value_name(header, signal, value);
        let next = changes.get(i + 1).map_or(RIGHT_END, |&(x, _)| x);
        if next - x > 7 * name.len() as i32 {
            text(area, &name, (x + 3, middle - 5), 11)?;
        }
    }
    let end = if begins == RIGHT_END { middle } else { high };
    path.push((RIGHT_END, end));
    let bottom = vec![(begins, low), (RIGHT_END, low)];
    for path in [path, bottom] {
        area.draw(&PathElement::new(path, BLUE)).map_err(drawing)?;
    }
    Ok(())
}

/// A byte as its character, a pointer as what it points to, other numbers in hex.
fn value_name(header: &Header, signal: &Signal, value: u32) -> String {
    match (signal.source, u8::try_from(value)) {
        (Source::Variable(v), _) => header
            .value_name(v, value)
            .unwrap_or_else(|| format!("{value:#x}")),
        (Source::Tx(_) | Source::Rx(_) | Source::Itm(_), Ok(b)) if b.is_ascii_graphic() => {
            char::from(b).to_string()
        }
        (Source::Tx(_) | Source::Rx(_), _) => format!("{value:02x}"),
        _ => format!("{value:#x}"),
    }
}

fn axis(area: &Area<'_>, first: u64, last: u64, y: i32) -> io::Result<()> {
    let line = PathElement::new(vec![(LABELS, y), (RIGHT_END, y)], BLACK);
    area.draw(&line).map_err(drawing)?;
    for i in 0..=5u64 {
        let ps = u128::from(first) + u128::from(last - first) * u128::from(i) / 5;
        let x = LABELS + (COLUMNS as i32 - 1) * i as i32 / 5;
        let tick = PathElement::new(vec![(x, y), (x, y + 5)], BLACK);
        area.draw(&tick).map_err(drawing)?;
        let label = units::time(ps * 1_000_000);
        let left = if i == 5 { x - 55 } else { x };
        text(area, &label, (left, y + 9), 12)?;
    }
    Ok(())
}

fn text(area: &Area<'_>, what: &str, at: (i32, i32), size: i32) -> io::Result<()> {
    let style = ("sans-serif", size).into_text_style(area);
    area.draw_text(what, &style, at).map_err(drawing)
}

fn drawing<E: std::error::Error + Send + Sync + 'static>(e: DrawingAreaErrorKind<E>) -> io::Error {
    io::Error::other(e.to_string())
}
