//! Output of a benchmark: a table for people, JSON for programs, and progress on standard error.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::arguments::Profile;
use crate::figure::{Aim, Figure, Unit, median, thousands};
use crate::machine::Machine;

/// Prints progress to standard error.
pub fn say(text: &str) {
    // Standard error may be closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints the table, which is valid Markdown.
pub fn print(machine: &Machine, profile: &Profile, figures: &[Figure]) -> anyhow::Result<()> {
    let header = ["Figure", "Measured", "Runs", "Beside", "Share", "Aim", ""].map(str::to_owned);
    let mut rows = vec![header];
    rows.extend(figures.iter().map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    lines.insert(1, format!("| {} |", rule.join(" | ")));
    let text = format!("\n{}\nMedian of {} runs.\n\n{}\n", machine.text(), profile.runs, lines.join("\n"));
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// Writes the figures as JSON.
pub fn write(path: &Path, machine: &Machine, profile: &Profile, figures: &[Figure]) -> anyhow::Result<()> {
    let figures: Vec<Value> = figures.iter().map(Figure::json).collect();
    let report = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "machine": machine.json(),
        "runs": profile.runs,
        "warm_up_seconds": profile.warm_up.as_secs_f64(),
        "length_seconds": profile.length.as_secs_f64(),
        "figures": figures,
    });
    let text = format!("{}\n", serde_json::to_string_pretty(&report)?);
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

fn row(figure: &Figure) -> [String; 7] {
    let unit = figure.unit;
    let least = figure.measured.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figure.measured.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [
        figure.name.clone(),
        unit.show(median(&figure.measured)),
        format!("{} to {}", unit.show(least), unit.show(most)),
        figure.baseline.as_ref().map_or_else(String::new, |baseline| {
            format!("{} {}", baseline.name, unit.show(median(&baseline.measured)))
        }),
        figure.share().map_or_else(String::new, |share| format!("{share:.2}")),
        match figure.aim {
            Some(Aim::ShareAtLeast(aim)) => format!("share at least {aim}"),
            Some(Aim::AtLeast(aim)) => format!("at least {}", shown_aim(figure, aim)),
            Some(Aim::Under(aim)) => format!("under {}", shown_aim(figure, aim)),
            None => String::new(),
        },
        match figure.is_met() {
            Some(true) => "met".into(),
            Some(false) => "MISSED".into(),
            None => String::new(),
        },
    ]
}

/// A target is a round number, shown without decimals.
fn shown_aim(figure: &Figure, aim: f64) -> String {
    match figure.unit {
        Unit::PerSecond => format!("{}/s", thousands(aim)),
        unit => format!("{aim} {}", unit.name()),
    }
}

fn line(row: &[String; 7], widths: &[usize; 7]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}", width = *width));
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}
