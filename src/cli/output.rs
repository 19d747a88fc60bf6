//! What a command prints: a table for people, JSON for programs.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;

use crate::clock::rfc3339;

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Table,
    Json,
}

impl Output {
    /// Prints rows; `columns` are what a table shows of them.
    pub fn rows<T: Serialize>(self, rows: &[T], columns: &[&str]) -> anyhow::Result<()> {
        let rows: Vec<Value> = rows.iter().map(dated).collect::<anyhow::Result<_>>()?;
        if self == Self::Json {
            return line(&serde_json::to_string_pretty(&rows)?);
        }
        let of = |row: &Value| columns.iter().map(|column| cell(&row[*column])).collect();
        let cells: Vec<Vec<String>> = rows.iter().map(of).collect();
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
            Self::Json => line(&serde_json::to_string_pretty(&dated(thing)?)?),
            Self::Table => line(sentence),
        }
    }
}

/// A thing as JSON, its moments (`…_at`) as dates, as the API shows them.
fn dated<T: Serialize>(thing: &T) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(thing)?;
    if let Value::Object(fields) = &mut value {
        for (_, field) in fields.iter_mut().filter(|(name, _)| name.ends_with("_at")) {
            if let Some(at) = field.as_i64() {
                *field = rfc3339(at).into();
            }
        }
    }
    Ok(value)
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
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
