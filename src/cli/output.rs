//! What a command prints: a table for people, JSON for programs.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::clock::rfc3339;
use crate::limits;

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

/// Prints a text to standard output, for somebody who must have it: waits until it is written, but not for ever.
///
/// # Errors
/// Why nobody can read it: nothing is there to read it, the disk is full, or nobody does.
pub fn show(text: &str) -> Result<(), String> {
    let (done, is_done) = std::sync::mpsc::channel();
    let text = format!("{text}\n");
    // In a thread that is left behind where nobody reads: a full pipe would hold this one up.
    let printing = std::thread::Builder::new().name("show".into()).spawn(move || drop(done.send(print(&text))));
    printing.map_err(|error| format!("no thread prints it: {error}"))?;
    match is_done.recv_timeout(Duration::from_millis(limits::FIRST_START_PRINT_MS_MAX)) {
        Ok(printed) => printed.map_err(|error| error.to_string()),
        Err(_) => Err("nobody reads standard output".into()),
    }
}

fn print(text: &str) -> std::io::Result<()> {
    let out = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let kind = out.metadata()?;
    // A closed standard output is this one too.
    let null = std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == kind.rdev());
    if null && kind.file_type().is_char_device() {
        return Err(std::io::Error::other("standard output is closed, or /dev/null"));
    }
    (&out).write_all(text.as_bytes())?;
    if kind.is_file() { out.sync_all() } else { Ok(()) }
}

/// Prints a sentence to standard error, beside the result of a command. Nobody has to read it.
pub fn aside(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a line to standard output; whoever reads it may have gone, which is no fault.
pub fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
