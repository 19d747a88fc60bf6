//! What a command prints: a table for people, JSON for programs.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Table,
    Json,
}

impl Output {
    /// Prints rows; `columns` are what a table shows of them.
    pub fn rows<T: Serialize>(self, rows: &[T], columns: &[&str]) -> anyhow::Result<()> {
        if self == Self::Json {
            return line(&serde_json::to_string_pretty(rows)?);
        }
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let value = serde_json::to_value(row)?;
                Ok(columns.iter().map(|column| cell(&value[*column])).collect())
            })
            .collect::<anyhow::Result<_>>()?;
        let widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(at, name)| cells.iter().map(|row| row[at].chars().count()).chain([name.len()]).max().unwrap_or(0))
            .collect();
        let heads: Vec<String> = columns.iter().map(|name| name.to_uppercase().replace('_', " ")).collect();
        for row in std::iter::once(&heads).chain(&cells) {
            let padded: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            line(padded.join("  ").trim_end())?;
        }
        Ok(())
    }

    /// Prints one thing: JSON, or `sentence`.
    pub fn one<T: Serialize>(self, thing: &T, sentence: &str) -> anyhow::Result<()> {
        match self {
            Self::Json => line(&serde_json::to_string_pretty(thing)?),
            Self::Table => line(sentence),
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Prints a line to standard output; whoever reads it may have gone, which is no fault.
pub fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
