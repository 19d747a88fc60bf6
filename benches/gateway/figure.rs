//! One figure: its values, its baseline's values, and its target.

use serde_json::{Value, json};

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    Milliseconds,
    Microseconds,
    Seconds,
    Megabytes,
    Percent,
}

/// Target for the median.
#[derive(Debug, Clone, Copy)]
pub enum Aim {
    /// Minimum median of the per-run ratios to the baseline.
    ShareAtLeast(f64),
    AtLeast(f64),
    Under(f64),
}

pub struct Figure {
    pub name: String,
    pub unit: Unit,
    /// One value per run.
    pub measured: Vec<f64>,
    pub baseline: Option<Baseline>,
    /// `None` for figures that are reported without a target.
    pub aim: Option<Aim>,
}

/// What a figure is compared with, measured in the same runs.
pub struct Baseline {
    pub name: &'static str,
    pub measured: Vec<f64>,
}

impl Figure {
    pub fn new(name: impl Into<String>, unit: Unit, measured: Vec<f64>) -> Self {
        Self { name: name.into(), unit, measured, baseline: None, aim: None }
    }

    pub fn beside(mut self, name: &'static str, measured: Vec<f64>) -> Self {
        self.baseline = Some(Baseline { name, measured });
        self
    }

    pub fn aiming(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    /// The share of the machine that other processes used (including a database server).
    pub fn others(name: &str, shares: impl IntoIterator<Item = f64>) -> Self {
        let percent = shares.into_iter().map(|share| share * 100.0).collect();
        Self::new(format!("{name}: of the machine, others took"), Unit::Percent, percent)
    }

    /// The median of the per-run ratios to the baseline.
    pub fn share(&self) -> Option<f64> {
        let baseline = self.baseline.as_ref()?;
        let shares = self.measured.iter().zip(&baseline.measured).map(|(measured, beside)| measured / beside);
        Some(median(&shares.collect::<Vec<_>>()))
    }

    /// `None` without a target.
    pub fn is_met(&self) -> Option<bool> {
        Some(match self.aim? {
            Aim::ShareAtLeast(aim) => self.share().is_some_and(|share| share >= aim),
            Aim::AtLeast(aim) => median(&self.measured) >= aim,
            Aim::Under(aim) => median(&self.measured) < aim,
        })
    }

    pub fn json(&self) -> Value {
        let aim = self.aim.map(|aim| match aim {
            Aim::ShareAtLeast(aim) => json!({"share_at_least": aim}),
            Aim::AtLeast(aim) => json!({"at_least": aim}),
            Aim::Under(aim) => json!({"under": aim}),
        });
        let baseline = self.baseline.as_ref().map(
            |baseline| json!({"name": baseline.name, "median": median(&baseline.measured), "runs": baseline.measured}),
        );
        json!({
            "name": self.name,
            "unit": self.unit.name(),
            "median": median(&self.measured),
            "runs": self.measured,
            "baseline": baseline,
            "share": self.share(),
            "aim": aim,
            "met": self.is_met(),
        })
    }
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Seconds => "s",
            Self::Megabytes => "MB",
            Self::Percent => "%",
        }
    }

    /// Formats a number with its unit, to its significant digits.
    pub fn show(self, number: f64) -> String {
        let digits = match self {
            Self::PerSecond => return format!("{}/s", thousands(number)),
            Self::Milliseconds => 2,
            Self::Microseconds | Self::Megabytes => 1,
            Self::Seconds => 3,
            Self::Percent => 0,
        };
        format!("{number:.digits$} {}", self.name())
    }
}

/// The middle value, or the mean of the two middle values; NaN if empty.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Formats a whole number with commas: `12,345`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
