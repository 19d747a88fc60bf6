//! One figure, and the table of all figures.

use std::io::Write;

#[derive(Debug, Clone, Copy)]
pub enum Unit {
    PerSecond,
    Seconds,
    Megabytes,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{value:.0}/s"),
            Self::Seconds => format!("{value:.1} s"),
            Self::Megabytes => format!("{value:.0} MB"),
        }
    }
}

pub struct Figure {
    name: String,
    unit: Unit,
    /// One value per run.
    measured: Vec<f64>,
    /// What it is compared with, measured in the same runs.
    baseline: (&'static str, Vec<f64>),
}

impl Figure {
    pub fn new(name: impl Into<String>, unit: Unit, measured: Vec<f64>) -> Self {
        Self { name: name.into(), unit, measured, baseline: ("", Vec::new()) }
    }

    pub fn beside(mut self, name: &'static str, measured: Vec<f64>) -> Self {
        self.baseline = (name, measured);
        self
    }

    fn row(&self) -> [String; 4] {
        let (name, baseline) = &self.baseline;
        let (own, other) = (median(&self.measured), median(baseline));
        let beside = format!("{name} {}", self.unit.show(other));
        [self.name.clone(), self.unit.show(own), beside, format!("{:.2}", own / other)]
    }
}

/// Prints the table, which is valid Markdown.
pub fn print(runs: usize, figures: &[Figure]) -> std::io::Result<()> {
    let mut rows = vec![["Figure", "Measured", "Beside", "Share"].map(str::to_owned)];
    rows.extend(figures.iter().map(Figure::row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.insert(1, format!("| {} |", widths.map(|width| "-".repeat(width)).join(" | ")));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let text = format!("\n{cores} cores; routing is the median of {runs} runs.\n\n{}\n", lines.join("\n"));
    std::io::stdout().write_all(text.as_bytes())
}

/// Prints progress to standard error.
pub fn progress(text: &str) {
    // Standard error may be closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
