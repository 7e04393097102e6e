//! The picture: each ratio as a multiple of its bar, so that all cases share one axis.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::contest::Case;

const WIDTH: u32 = 860;
const HEIGHT_OF_CASE: i32 = 64;
const LEFT: i32 = 24;
const RIGHT: i32 = 24;
const TOP: i32 = 56;

const HOLDS: RGBColor = RGBColor(0x2a, 0x78, 0x5c);
const FAILS: RGBColor = RGBColor(0xb3, 0x3a, 0x2e);
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const FAINT: RGBColor = RGBColor(0x88, 0x88, 0x88);

/// Draws a bar for each case of which something is promised, on a logarithmic axis, and the line that
/// it must reach.
///
/// # Errors
///
/// If the file cannot be written.
pub fn draw(cases: &[Case], file: &Path) -> Result<()> {
    let promised: Vec<&Case> = cases.iter().filter(|case| case.bar > 0.0).collect();
    let cases = promised.as_slice();
    let height = TOP + HEIGHT_OF_CASE * i32::try_from(cases.len())? + 24;
    let area = SVGBackend::new(file, (WIDTH, u32::try_from(height)?)).into_drawing_area();
    let failed = |error: DrawingAreaErrorKind<_>| anyhow!("{error}");
    area.fill(&WHITE).map_err(failed)?;
    let axis = Axis::over(cases);
    let text = |size: i32, colour: &RGBColor| ("sans-serif", size).into_font().color(colour);
    area.draw(&Text::new(
        "ratio of ours to the rival, as a multiple of its bar (logarithmic)",
        (LEFT, 18),
        text(14, &FAINT),
    ))
    .map_err(failed)?;
    let line = axis.at(1.0);
    area.draw(&PathElement::new(
        [(line, TOP - 16), (line, height - 16)],
        FAINT.stroke_width(1),
    ))
    .map_err(failed)?;
    let rows = cases.iter().zip((TOP..).step_by(HEIGHT_OF_CASE as usize));
    for (case, top) in rows {
        let colour = if case.holds { HOLDS } else { FAILS };
        let label = format!("{}, against {}", case.case, case.rival_name);
        area.draw(&Text::new(label, (LEFT, top), text(13, &INK)))
            .map_err(failed)?;
        area.draw(&Rectangle::new(
            [(LEFT, top + 18), (axis.at(case.ratio / case.bar), top + 36)],
            colour.filled(),
        ))
        .map_err(failed)?;
        let figures = format!("{:.2}, bar {:.2}", case.ratio, case.bar);
        area.draw(&Text::new(figures, (LEFT + 6, top + 21), text(12, &WHITE)))
            .map_err(failed)?;
    }
    area.present().map_err(failed)
}

/// From a multiple of the bar to a place in the picture.
struct Axis {
    least: f64,
    most: f64,
}

impl Axis {
    /// Half of the bar at least, so that the line stands inside.
    fn over(cases: &[&Case]) -> Self {
        let multiples = cases.iter().map(|case| (case.ratio / case.bar).log10());
        let (least, most) = multiples.fold((-0.5_f64, 0.5_f64), |(least, most), multiple| {
            (least.min(multiple), most.max(multiple))
        });
        Self {
            least: least - 0.3,
            most: most + 0.1,
        }
    }

    fn at(&self, multiple: f64) -> i32 {
        let share = (multiple.log10() - self.least) / (self.most - self.least);
        let width = f64::from(WIDTH) - f64::from(LEFT + RIGHT);
        LEFT + (share.clamp(0.0, 1.0) * width).round() as i32
    }
}
