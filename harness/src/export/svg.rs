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
    let blue = RGBColor(0x1F, 0x5A, 0xA6);
    let y = |value: u32| if value == 0 { low } else { high };
    let is_vector = matches!(signal.shape, Shape::Vector(_));
    let mut value = signal.initial.unwrap_or(0);
    let mut path = vec![(LABELS, y(value))];
    let mut label_free_from = 0;
    for (i, column) in columns.iter().enumerate() {
        let x = LABELS + i as i32;
        if column.changes == 0 {
            continue;
        }
        path.push((x, y(value)));
        if signal.shape == Shape::Pulse {
            path.extend([(x, high), (x, low)]);
            continue;
        }
        let quiet = column.changes <= 2 && (is_vector || column.changes == 1);
        if quiet {
            path.push((x, y(column.last)));
        } else {
            path.extend([(x, high), (x, low), (x, y(column.last))]);
        }
        value = column.last;
        if is_vector && value != 0 && i >= label_free_from {
            let name = value_name(header, signal, value);
            label_free_from = i + 8 * name.len();
            text(area, &name, (x + 2, high + 4), 11)?;
        }
    }
    path.push((LABELS + COLUMNS as i32 - 1, y(value)));
    area.draw(&PathElement::new(path, blue)).map_err(drawing)
}

/// A byte as its character, a pointer as what it points to, other numbers in hex.
fn value_name(header: &Header, signal: &Signal, value: u32) -> String {
    match (signal.source, u8::try_from(value)) {
        (Source::Variable(_), _) => header
            .object(value)
            .unwrap_or_else(|| format!("{value:#x}")),
        (Source::Tx(_) | Source::Rx(_) | Source::Itm(_), Ok(b)) if b.is_ascii_graphic() => {
            char::from(b).to_string()
        }
        (Source::Tx(_) | Source::Rx(_), _) => format!("{value:02x}"),
        _ => format!("{value:#x}"),
    }
}

fn axis(area: &Area<'_>, first: u64, last: u64, y: i32) -> io::Result<()> {
    let right = LABELS + COLUMNS as i32 - 1;
    let line = PathElement::new(vec![(LABELS, y), (right, y)], BLACK);
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
