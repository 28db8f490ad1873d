//! Background, title, legend, axes, and what is drawn between them.

pub use super::ticks::{Axis, range};
use super::{Bins, Names};
use crate::report::palette;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io;

const WIDTH: i32 = 960;
const HEIGHT: i32 = 420;
const LEFT: i32 = 92;
const RIGHT: i32 = 24;
const BOTTOM: i32 = 56;
const TITLE: i32 = 40;
const LEGEND_ROW: i32 = 22;
/// The library writes it as 13 pixels.
const TEXT: i32 = 16;
/// Estimate of the width of a character of that size.
const CHARACTER: i32 = 7;

const INK: RGBColor = RGBColor(0x1A, 0x1E, 0x24);
const FAINT: RGBColor = RGBColor(0x5A, 0x63, 0x70);
const GRID: RGBColor = RGBColor(0xDD, 0xE1, 0xE7);
const EDGE: RGBColor = RGBColor(0xC6, 0xCC, 0xD5);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// First pixel, width in pixels, count.
pub type Column = (i32, i32, u64);

/// A picture with its axes, while its data is drawn.
pub struct Frame<'a, 'b> {
    area: &'a Area<'b>,
    x: Axis<'a>,
    y: Axis<'a>,
    top: i32,
}

impl<'a> Frame<'a, '_> {
    /// Draw the frame, and `data` in it.
    pub fn draw(
        names: Names<'_>,
        labels: &[&str],
        marks: bool,
        x: Axis<'a>,
        y: Axis<'a>,
        data: impl FnOnce(&Frame<'_, '_>) -> io::Result<()>,
    ) -> io::Result<String> {
        let places = legend(labels);
        let rows = places.last().map_or(0, |p| p.1 + 1);
        let top = TITLE + rows * LEGEND_ROW + 4;
        let mut svg = String::new();
        {
            let size = (WIDTH as u32, (HEIGHT + rows * LEGEND_ROW) as u32);
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            area.fill(&colour(palette::LIGHT_GROUND)).map_err(drawing)?;
            let border = Rectangle::new([(0, 0), (size.0 as i32 - 1, size.1 as i32 - 1)], EDGE);
            area.draw(&border).map_err(drawing)?;
            text(&area, names.title, (LEFT, 12), 22, INK, HPos::Left)?;
            let frame = Frame {
                area: &area,
                x,
                y,
                top,
            };
            for (i, (label, (left, row))) in labels.iter().zip(&places).enumerate() {
                frame.key(label, (*left, TITLE + row * LEGEND_ROW), i, marks)?;
            }
            frame.axes(names)?;
            data(&frame)?;
            area.present().map_err(drawing)?;
        }
        Ok(svg)
    }

    /// An entry of the legend.
    fn key(&self, label: &str, (x, y): (i32, i32), index: usize, marks: bool) -> io::Result<()> {
        if marks {
            self.curve(vec![(x - 2, y + 7), (x + 15, y + 7)], index)?;
            self.mark((x + 6, y + 7), index)?;
        } else {
            let corners = [(x, y + 1), (x + 12, y + 13)];
            let square = Rectangle::new(corners, series(index).filled());
            self.area.draw(&square).map_err(drawing)?;
        }
        text(self.area, label, (x + 20, y), TEXT, INK, HPos::Left)
    }

    fn bottom(&self) -> i32 {
        // The legend makes the picture higher, not the plot lower.
        self.top + HEIGHT - TITLE - 4 - BOTTOM
    }

    fn at(&self, x: f64, y: f64) -> (i32, i32) {
        (pixel(&self.x, x), self.y_pixel(y))
    }

    fn y_pixel(&self, y: f64) -> i32 {
        let height = f64::from(self.bottom() - self.top);
        self.bottom() - (self.y.share(y).clamp(-0.01, 1.01) * height).round() as i32
    }

    fn axes(&self, names: Names<'_>) -> io::Result<()> {
        let (area, bottom) = (self.area, self.bottom());
        for (value, label) in self.y.ticks(8) {
            let y = self.y_pixel(value);
            let line = PathElement::new(vec![(LEFT, y), (WIDTH - RIGHT, y)], GRID);
            area.draw(&line).map_err(drawing)?;
            text(area, &label, (LEFT - 8, y - 6), TEXT, FAINT, HPos::Right)?;
        }
        let mut free = i32::MIN;
        for (value, label) in self.x.ticks(8) {
            let x = pixel(&self.x, value);
            let tick = PathElement::new(vec![(x, bottom), (x, bottom + 5)], EDGE);
            area.draw(&tick).map_err(drawing)?;
            let half = label.chars().count() as i32 * CHARACTER / 2;
            let middle = x.min(WIDTH - 4 - half);
            if middle - half > free {
                text(
                    area,
                    &label,
                    (middle, bottom + 9),
                    TEXT,
                    FAINT,
                    HPos::Center,
                )?;
                free = middle + half + CHARACTER;
            }
        }
        let line = PathElement::new(vec![(LEFT, bottom), (WIDTH - RIGHT, bottom)], EDGE);
        area.draw(&line).map_err(drawing)?;
        let middle = (LEFT + WIDTH - RIGHT) / 2;
        text(
            area,
            names.x,
            (middle, bottom + 30),
            TEXT,
            INK,
            HPos::Center,
        )?;
        let style = ("sans-serif", TEXT)
            .into_text_style(area)
            .color(&INK)
            .transform(FontTransform::Rotate270)
            .pos(Pos::new(HPos::Center, VPos::Top));
        area.draw_text(names.y, &style, (10, (self.top + bottom) / 2))
            .map_err(drawing)
    }

    /// A curve, with a gap where a point is not finite; with marks at its points.
    pub fn line(&self, points: &[(f64, f64)], index: usize, marks: bool) -> io::Result<()> {
        for stretch in points.split(|p| !p.0.is_finite() || !p.1.is_finite()) {
            let path: Vec<(i32, i32)> = stretch.iter().map(|&(x, y)| self.at(x, y)).collect();
            if path.len() > 1 {
                self.curve(path.clone(), index)?;
            }
            for &(x, y) in path.iter().filter(|_| marks || path.len() == 1) {
                self.mark((x, y), index)?;
            }
        }
        Ok(())
    }

    fn curve(&self, path: Vec<(i32, i32)>, index: usize) -> io::Result<()> {
        // A colour that is used again has a thinner line.
        let width = if index < palette::SERIES { 2 } else { 1 };
        let curve = PathElement::new(path, series(index).stroke_width(width));
        self.area.draw(&curve).map_err(drawing)
    }

    /// A point, with a shape of its own for each series: colour is not all that tells them apart.
    fn mark(&self, (x, y): (i32, i32), index: usize) -> io::Result<()> {
        let style = series(index).filled();
        let polygon = |points: &[(i32, i32)]| {
            let corners: Vec<_> = points.iter().map(|(a, b)| (x + a, y + b)).collect();
            self.area.draw(&Polygon::new(corners, style))
        };
        match index % 4 {
            0 => self.area.draw(&Circle::new((x, y), 4, style)),
            1 => polygon(&[(-4, -4), (4, -4), (4, 4), (-4, 4)]),
            2 => polygon(&[(0, -5), (5, 4), (-5, 4)]),
            _ => polygon(&[(0, -6), (6, 0), (0, 6), (-6, 0)]),
        }
        .map_err(drawing)
    }

    /// Bars over categories, side by side with those of the other `of` series.
    pub fn bars(&self, points: &[(f64, f64)], index: usize, of: usize) -> io::Result<()> {
        let width = 0.76 / of as f64;
        for &(x, y) in points.iter().filter(|p| p.0.is_finite() && p.1.is_finite()) {
            let left = x - 0.38 + width * index as f64;
            let (from, to) = (pixel(&self.x, left), pixel(&self.x, left + width));
            let corners = [
                (from, self.y_pixel(y)),
                ((to - 2).max(from + 1), self.bottom()),
            ];
            let bar = Rectangle::new(corners, series(index).filled());
            self.area.draw(&bar).map_err(drawing)?;
        }
        Ok(())
    }

    /// Points as a line, or as bands from the least to the largest where there are several to a pixel.
    pub fn envelope(&self, points: &[(f64, f64)], index: usize, of: usize) -> io::Result<()> {
        let columns = (WIDTH - LEFT - RIGHT) as usize;
        if points.len() <= 2 * columns {
            return self.line(points, index, points.len() <= columns / 12);
        }
        let style = series(index).mix(if of > 1 { 0.65 } else { 0.9 }).filled();
        let mut bands: Vec<(i32, i32, i32)> = Vec::new();
        for &(x, y) in points.iter().filter(|p| p.0.is_finite() && p.1.is_finite()) {
            let (x, y) = self.at(x, y);
            match bands.last_mut() {
                Some(b) if b.0 == x => (b.1, b.2) = (b.1.min(y), b.2.max(y)),
                _ => bands.push((x, y, y)),
            }
        }
        for (x, top, bottom) in bands {
            let band = Rectangle::new([(x, top), (x + 1, bottom.max(top + 1))], style);
            self.area.draw(&band).map_err(drawing)?;
        }
        Ok(())
    }

    /// Columns of a histogram, one of `of` that lie over each other.
    pub fn columns(&self, columns: &[Column], index: usize, of: usize) -> io::Result<()> {
        let style = series(index).mix(if of > 1 { 0.5 } else { 0.9 }).filled();
        let top = series(index).filled();
        for &(x, width, count) in columns {
            let y = self.y_pixel(count as f64);
            let body = Rectangle::new([(x, y), (x + width, self.bottom())], style);
            self.area.draw(&body).map_err(drawing)?;
            let lid = Rectangle::new([(x, y), (x + width, y + 2)], top);
            self.area.draw(&lid).map_err(drawing)?;
        }
        Ok(())
    }
}

/// The columns of pixels of overlaid histograms.
pub fn columns_of(x: Axis<'_>, series: &[Bins<'_>]) -> Vec<Vec<Column>> {
    let one = |bins: &[(i64, u64)]| {
        let mut columns: Vec<Column> = Vec::new();
        for &(value, count) in bins {
            let left = pixel(&x, value as f64 - 0.5);
            let width = (pixel(&x, value as f64 + 0.5) - left).max(3);
            let left = if width == 3 { left / 3 * 3 } else { left };
            match columns.last_mut() {
                Some(c) if c.0 == left => c.2 += count,
                _ => columns.push((left, width, count)),
            }
        }
        columns
    };
    series.iter().map(|s| one(s.bins)).collect()
}

fn pixel(x: &Axis<'_>, value: f64) -> i32 {
    let width = f64::from(WIDTH - LEFT - RIGHT);
    LEFT + (x.share(value).clamp(-0.01, 1.01) * width).round() as i32
}

/// Left edge and row of each name in the legend. A single series needs none, unless it has a name.
fn legend(labels: &[&str]) -> Vec<(i32, i32)> {
    if labels.iter().all(|l| l.is_empty()) {
        return Vec::new();
    }
    let (mut left, mut row) = (LEFT, 0);
    let mut out = Vec::new();
    for label in labels {
        let width = 20 + label.chars().count() as i32 * CHARACTER + 20;
        if left + width > WIDTH - RIGHT && left > LEFT {
            (left, row) = (LEFT, row + 1);
        }
        out.push((left, row));
        left += width;
    }
    out
}

fn series(index: usize) -> RGBColor {
    colour(palette::LIGHT[index % palette::SERIES])
}

fn colour(c: u32) -> RGBColor {
    RGBColor((c >> 16) as u8, (c >> 8) as u8, c as u8)
}

fn text(
    area: &Area<'_>,
    what: &str,
    at: (i32, i32),
    size: i32,
    ink: RGBColor,
    side: HPos,
) -> io::Result<()> {
    let style = ("sans-serif", size)
        .into_text_style(area)
        .color(&ink)
        .pos(Pos::new(side, VPos::Top));
    area.draw_text(what, &style, at).map_err(drawing)
}

fn drawing<E: std::error::Error + Send + Sync + 'static>(e: DrawingAreaErrorKind<E>) -> io::Error {
    io::Error::other(e.to_string())
}
