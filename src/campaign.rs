//! Campaigns: messages in a CSV file, a row each. How a file is read, which of its rows can be queued, by what each is known
//! again, and which are offered together. Pure; called by imports and by the command line. `state.rs` is how far an import of
//! one is.

mod state;

use std::collections::HashSet;
use std::io::Read;
use std::iter::Peekable;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::account::hex_upper;
use crate::egress::Egress;
use crate::escapes;
use crate::limits;
use crate::message::{Content, MediaSource};
use crate::phone::{self, Addressee, BadDestination, Recipient};

pub use state::{State, Stop};

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

/// Whose campaign it is, and how its rows are understood.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub client_id: i64,
    /// The same file under another name is sent again.
    pub name: String,
    /// What the trunk prefix of a national phone number stands for.
    pub country_code: String,
    /// Numbers of the file that no numbering plan allows, but that have written to the client.
    pub known: HashSet<String>,
}

/// A row that can be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Its place among the rows, from 0.
    pub place: i64,
    /// Its line in the file, from 1.
    pub line: i64,
    /// The same for the same row of the same campaign, so that it is queued once.
    pub key: String,
    /// Digits, or a group's id.
    pub recipient: String,
    pub is_group: bool,
    pub timeout_seconds: i64,
    pub content: Content,
}

/// A row that is not queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub place: i64,
    pub line: i64,
    pub destination: String,
    pub reason: String,
}

/// A row of either kind.
pub type Checked = Result<Ready, Refused>;

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

/// The numbers of a file that cannot be dialled, but could be of people who have written to the client.
///
/// # Errors
/// [`BadFile`].
pub fn undialled<R: Read>(file: R, country_code: &str) -> Result<Vec<String>, BadFile> {
    let number = |line: Line| {
        let row = line.row.ok()?;
        let addressee = row.addressee().ok()?;
        let bad = phone::parse_recipient(&row.destination, addressee, country_code).err()?;
        bad.digits().map(str::to_owned)
    };
    let numbers: HashSet<String> = read(file)?.filter_map(number).collect();
    Ok(numbers.into_iter().collect())
}

/// The next rows that are offered together, refused ones among them: no two to one recipient, whose messages stay in their
/// order. Empty at the end.
pub fn next_batch(rows: &mut Peekable<impl Iterator<Item = Checked>>) -> Vec<Checked> {
    let (mut batch, mut recipients) = (Vec::new(), HashSet::new());
    while batch.len() < limits::IMPORT_ROWS_AT_ONCE {
        let fits = |next: &Checked| match next {
            Ok(ready) => recipients.insert(ready.recipient.clone()),
            Err(_) => true,
        };
        match rows.next_if(fits) {
            Some(row) => batch.push(row),
            None => break,
        }
    }
    batch
}

/// The beginning of a text that is kept for people to read.
pub fn beginning(text: &str) -> String {
    let text = text.replace('\0', "");
    match text.char_indices().nth(limits::IMPORT_WORDS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn row(fields: &csv::StringRecord, headers: &csv::StringRecord) -> Result<Row, BadRow> {
    if fields.len() > headers.len() {
        return Err(BadRow::Fields { found: fields.len(), named: headers.len() });
    }
    Ok(fields.deserialize(Some(headers))?)
}

impl Line {
    /// The row, ready to be queued, or why it is not.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(self, campaign: &Campaign) -> Checked {
        let Self { line, at, fields, row } = self;
        let (place, line) = (i64::try_from(at).unwrap_or(i64::MAX), i64::try_from(line).unwrap_or(i64::MAX));
        let destination = row.as_ref().map_or_else(|_| String::new(), |row| beginning(&row.destination));
        let ready = |row: Row| {
            let content = row.content()?;
            let recipient = row.recipient(campaign)?;
            Ok(Ready {
                place,
                line,
                key: key(campaign, at, &fields),
                content,
                is_group: recipient.is_group(),
                timeout_seconds: row.timeout_seconds()?,
                recipient: recipient.into_id(),
            })
        };
        row.and_then(ready).map_err(|bad: BadRow| {
            let reason = beginning(&bad.to_string());
            Refused { place, line, destination, reason }
        })
    }
}

/// By what a row is known again: the campaign's name, the row's place and what it says.
fn key(campaign: &Campaign, at: usize, fields: &csv::StringRecord) -> String {
    let mut hash = Sha256::new_with_prefix(format!("{}\0{}\0{at}", campaign.client_id, campaign.name));
    for field in fields {
        hash.update([0]);
        hash.update(field);
    }
    format!("import:{}", hex_upper(&hash.finalize()))
}

impl Row {
    /// # Errors
    /// [`BadRow::IsGroup`]
    pub fn addressee(&self) -> Result<Addressee, BadRow> {
        match self.is_group.to_ascii_lowercase().as_str() {
            "" | "0" | "false" | "no" => Ok(Addressee::ByItsForm),
            "1" | "true" | "yes" => Ok(Addressee::Group),
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
        let body = escapes::decode(&self.message).into_owned();
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

    /// Whom it goes to.
    ///
    /// # Errors
    /// [`BadRow::Destination`], [`BadRow::IsGroup`]
    pub fn recipient(&self, campaign: &Campaign) -> Result<Recipient, BadRow> {
        let parsed = phone::parse_recipient(&self.destination, self.addressee()?, campaign.country_code.as_str());
        Ok(parsed.or_else(|bad| match bad.digits() {
            Some(digits) if campaign.known.contains(digits) => Ok(Recipient::Person(digits.to_owned())),
            _ => Err(bad),
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(name: &str) -> Campaign {
        Campaign { client_id: 1, name: name.into(), country_code: "62".into(), known: HashSet::new() }
    }

    fn checked(text: &str, name: &str) -> Vec<Checked> {
        read(text.as_bytes()).expect("a file").map(|line| line.check(&campaign(name))).collect()
    }

    /// The line of each row, with whom it goes to or why it does not.
    fn told(text: &str) -> Vec<(i64, String)> {
        let said = |row: Checked| match row {
            Ok(ready) => (ready.line, ready.recipient),
            Err(refused) => (refused.line, refused.reason),
        };
        checked(text, "").into_iter().map(said).collect()
    }

    #[test]
    fn rows_are_read_and_refused_by_their_lines() {
        let text = "\u{feff}destination,message,timeout,is_group\n0811-1111-111,\"two\nlines\",,\n12345,x,,\n\
             628111111111,,,\n628111111111,x,0,\n120363025246125486@g.us,x,60,yes\n628111111111,x,,perhaps\n\
             628111111111,a,b,c,d\n";
        let lines = told(text);
        let starts: Vec<(i64, &str)> =
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
    #[test]
    fn rows_to_one_recipient_are_offered_one_after_another() {
        let text = "destination,message\n628111111111,1\n628111111112,2\nnobody,x\n0811-1111-111,3\n628111111113,4\n";
        let mut rows = checked(text, "").into_iter().peekable();
        let mut batches = Vec::new();
        loop {
            let batch = next_batch(&mut rows);
            if batch.is_empty() {
                break;
            }
            let line = |row: &Checked| row.as_ref().map_or_else(|refused| refused.line, |ready| ready.line);
            batches.push(batch.iter().map(line).collect::<Vec<_>>());
        }
        assert_eq!(batches, [vec![2, 3, 4], vec![5, 6]]);
        let many = (0..2 * limits::IMPORT_ROWS_AT_ONCE).map(|at| {
            Err(Refused {
                place: 0,
                line: i64::try_from(at).unwrap(),
                destination: String::new(),
                reason: String::new(),
            })
        });
        assert_eq!(next_batch(&mut many.peekable()).len(), limits::IMPORT_ROWS_AT_ONCE);
    }

    #[test]
    fn a_row_is_known_by_its_campaign_its_place_and_what_it_says() {
        let keys = |text: &str, name: &str| -> Vec<String> {
            checked(text, name).into_iter().map(|row| row.expect("a good row").key).collect()
        };
        let text = "destination,message\n628111111111,1\n628111111111,1\n";
        let (first, other) = (keys(text, "a"), keys(text, "b"));
        assert_eq!(first, keys(text, "a"));
        assert!(first[0] != first[1] && first[0] != other[0]);
        let changed = keys(&text.replace(",1\n6", ",2\n6"), "a");
        assert!(changed[0] != first[0] && changed[1] == first[1], "the other rows stay known");
    }

    #[test]
    fn what_is_kept_of_a_row_is_short() {
        let long = format!("destination,message\n{},x\n", "é".repeat(9_999));
        let refused = checked(&long, "").remove(0).expect_err("a bad row");
        let most = limits::IMPORT_WORDS_CHARS_MAX + 1;
        assert_eq!(refused.destination.chars().count(), most);
        assert!(refused.reason.chars().count() <= most);
        assert_eq!(beginning("a\0b"), "ab");
    }
}
