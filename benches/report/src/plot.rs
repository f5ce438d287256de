//! The plots.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::measured::Measured;

/// What an answer and a start cost among so many live checks.
pub(crate) fn live_checks(measured: &Measured, path: &Path) -> Result<(), Box<dyn Error>> {
    let lines = [
        ("right answer", "code_match/right/"),
        ("wrong answer", "code_match/wrong/"),
        ("unknown check", "code_match/unknown/"),
        ("start", "lifecycle/start/"),
        ("one look into moka", "floor/moka_get/"),
    ];
    let lines = lines.map(|(name, prefix)| (name, points(measured, prefix, "")));
    draw(&lines, "live checks", path)
}

/// What a decision costs among so many rules.
pub(crate) fn rules(measured: &Measured, path: &Path) -> Result<(), Box<dyn Error>> {
    let lines = [("step_up", "policy/evaluate step_up/"), ("route", "policy/evaluate route/")];
    let lines = lines.map(|(name, prefix)| (name, points(measured, prefix, " rules")));
    draw(&lines, "rules", path)
}

type Points = Vec<(f64, f64)>;

/// The measurements whose names are a number between these two texts.
fn points(measured: &Measured, prefix: &str, suffix: &str) -> Points {
    let number = |name: &str| name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok();
    let mut points: Points = measured.all().filter_map(|(name, value)| Some((number(name)?, value))).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points
}

fn draw(lines: &[(&str, Points)], axis: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let most = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(1.0, f64::max);
    let least = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(f64::MAX, f64::min);
    let (x, y) = ((least(|p| p.0)..most(|p| p.0)).log_scale(), (least(|p| p.1) / 2.0..most(|p| p.1) * 2.0).log_scale());
    let root = SVGBackend::new(path, (760, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .margin_right(48)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)?;
    let whole = |value: &f64| format!("{value:.0}");
    chart
        .configure_mesh()
        .x_desc(axis)
        .y_desc("nanoseconds")
        .y_labels(5)
        .x_label_formatter(&whole)
        .y_label_formatter(&whole)
        .light_line_style(WHITE)
        .draw()?;
    for (index, (name, points)) in lines.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .draw()?;
    root.present()?;
    Ok(())
}
