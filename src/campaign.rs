//! Campaigns: messages in a CSV file, a row each. Read here for the command line and for the console, which queue them.

use std::io::Read;

use serde::Deserialize;

use crate::api::text;
use crate::egress::Egress;
use crate::limits;
use crate::message::{Content, MediaSource};
use crate::phone::{self, BadDestination};

/// The columns; the first must be there.
pub const COLUMNS: &str = "destination, message, media_url, file_name, timeout, is_group";

/// A row as it stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Row {
    pub destination: String,
    pub message: String,
    pub media_url: String,
    pub file_name: String,
    pub timeout: String,
    pub is_group: String,
}

/// A line of the file.
#[derive(Debug)]
pub struct Line {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Its place among the rows, from 0.
    pub at: usize,
    /// As they were read; empty where they could not be.
    pub fields: csv::StringRecord,
    pub row: Result<Row, BadRow>,
}

/// Why no row of a file can be read.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    #[error("its first line cannot be read: {0}")]
    Unreadable(#[from] csv::Error),
    #[error("its first line names no column 'destination'; the columns are {COLUMNS}")]
    NoDestination,
}

/// Why a row cannot be queued.
#[derive(Debug, thiserror::Error)]
pub enum BadRow {
    #[error(transparent)]
    Unreadable(#[from] csv::Error),
    #[error("it has {found} fields, the first line names {named}; put quotes around a text that holds commas")]
    Fields { found: usize, named: usize },
    #[error("is_group: '{0}' is neither true nor false")]
    IsGroup(String),
    #[error("timeout: '{0}' is no number of seconds from 1 to {most}", most = limits::TIMEOUT_SECONDS_MAX)]
    Timeout(String),
    #[error("message: it is empty")]
    Empty,
    #[error("a text has at most {most} characters", most = limits::TEXT_CHARS_MAX)]
    TooLong,
    #[error("media_url {0}")]
    MediaUrl(String),
    #[error(transparent)]
    Destination(#[from] BadDestination),
}

/// Reads the lines of a file; its first names the columns.
///
/// # Errors
/// [`BadFile`] when that line cannot be used.
pub fn read<R: Read>(file: R) -> Result<impl Iterator<Item = Line>, BadFile> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(file);
    let headers = reader.headers()?.clone();
    if !headers.iter().any(|name| name == "destination") {
        return Err(BadFile::NoDestination);
    }
    let line = move |(at, record): (usize, csv::Result<csv::StringRecord>)| match record {
        Ok(fields) => Line {
            line: fields.position().map_or(at as u64 + 2, csv::Position::line),
            at,
            row: row(&fields, &headers),
            fields,
        },
        Err(error) => Line {
            line: error.position().map_or(at as u64 + 2, csv::Position::line),
            at,
            fields: csv::StringRecord::new(),
            row: Err(error.into()),
        },
    };
    Ok(reader.into_records().enumerate().map(line))
}

fn row(fields: &csv::StringRecord, headers: &csv::StringRecord) -> Result<Row, BadRow> {
    if fields.len() > headers.len() {
        return Err(BadRow::Fields { found: fields.len(), named: headers.len() });
    }
    Ok(fields.deserialize(Some(headers))?)
}

impl Row {
    /// # Errors
    /// [`BadRow::IsGroup`]
    pub fn is_group(&self) -> Result<bool, BadRow> {
        match self.is_group.to_ascii_lowercase().as_str() {
            "" | "0" | "false" | "no" => Ok(false),
            "1" | "true" | "yes" => Ok(true),
            _ => Err(BadRow::IsGroup(self.is_group.clone())),
        }
    }

    /// # Errors
    /// [`BadRow::Timeout`]
    pub fn timeout_seconds(&self) -> Result<i64, BadRow> {
        let seconds = match self.timeout.as_str() {
            "" => Some(limits::TIMEOUT_SECONDS_DEFAULT),
            text => text.parse().ok().filter(|seconds| (1..=limits::TIMEOUT_SECONDS_MAX).contains(seconds)),
        };
        seconds.ok_or_else(|| BadRow::Timeout(self.timeout.clone()))
    }

    /// What it carries, with its escapes decoded.
    ///
    /// # Errors
    /// [`BadRow`] when it carries nothing, or what cannot be sent.
    pub fn content(&self) -> Result<Content, BadRow> {
        let body = text::decode(&self.message).into_owned();
        if body.chars().count() > limits::TEXT_CHARS_MAX {
            return Err(BadRow::TooLong);
        }
        if self.media_url.is_empty() {
            return if body.is_empty() { Err(BadRow::Empty) } else { Ok(Content::Text(body)) };
        }
        Egress::check_shape(&self.media_url).map_err(|bad| BadRow::MediaUrl(bad.to_string()))?;
        Ok(Content::Media {
            caption: Some(body).filter(|caption| !caption.is_empty()),
            source: MediaSource::Url(self.media_url.clone()),
            file_name: Some(self.file_name.clone()).filter(|name| !name.is_empty()),
        })
    }

    /// Whom it goes to: digits, or a group's id.
    ///
    /// # Errors
    /// [`BadRow::Destination`], [`BadRow::IsGroup`]
    pub fn recipient(&self, country_code: &str) -> Result<String, BadRow> {
        Ok(if self.is_group()? {
            phone::parse_group(&self.destination)?
        } else {
            phone::parse_recipient(&self.destination, country_code)?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of each row, with whom it goes to or why it does not.
    fn told(text: &str) -> Vec<(u64, String)> {
        let said = |line: Line| {
            let checked = line.row.and_then(|row| {
                row.content()?;
                row.timeout_seconds()?;
                row.recipient("62")
            });
            (line.line, checked.unwrap_or_else(|bad| bad.to_string()))
        };
        read(text.as_bytes()).expect("a file").map(said).collect()
    }

    #[test]
    fn rows_are_read_and_refused_by_their_lines() {
        let text = "\u{feff}destination,message,timeout,is_group\n0811-1111-111,\"two\nlines\",,\n12345,x,,\n\
             628111111111,,,\n628111111111,x,0,\n120363025246125486@g.us,x,60,yes\n628111111111,x,,perhaps\n\
             628111111111,a,b,c,d\n";
        let lines = told(text);
        let starts: Vec<(u64, &str)> =
            lines.iter().map(|(line, text)| (*line, text.get(..12).unwrap_or(text))).collect();
        assert_eq!(
            starts,
            [
                (2, "628111111111"),
                (4, "no numbering"),
                (5, "message: it "),
                (6, "timeout: '0'"),
                (7, "120363025246"),
                (8, "is_group: 'p"),
                (9, "it has 5 fie"),
            ]
        );
    }

    #[test]
    fn a_file_needs_a_line_that_names_its_columns() {
        for bad in ["", "number,text\n1,2\n", "destination;message\n1;2\n"] {
            assert!(matches!(read(bad.as_bytes()).map(Iterator::count), Err(BadFile::NoDestination)), "{bad}");
        }
        let media = Row { media_url: "ftp://x".into(), ..Row::default() };
        assert!(matches!(media.content(), Err(BadRow::MediaUrl(_))));
    }
}
