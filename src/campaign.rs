//! Campaigns: messages in a file, a row each. How a file is read, which of its rows can be queued, by what each is recognized,
//! and which are offered together. Pure; called by imports and by the command line.
//!
//! `encoding.rs` and `delimited.rs` read a text with separators, `workbook.rs` a sheet, `columns.rs` says what its columns
//! hold, `table.rs` which cells belong to a row, `broken.rs` which texts were broken over lines, `swallowed.rs` which rows a
//! text swallowed, `remains.rs` which texts nobody wrote, `row.rs` what a row asks for, `checker.rs` whether it can be
//! queued, `again.rs` gives refused rows back, `inert.rs` keeps their cells from being formulas, `keys.rs` by what it is recognized, `naming.rs` what its campaign is called; `totals.rs` and `country.rs` count
//! where the messages go, `doubts.rs` says which texts were hardly meant so, and `state.rs` is how far an import of a file is.

mod again;
mod broken;
mod checker;
mod columns;
pub mod country;
mod delimited;
mod doubts;
mod encoding;
pub mod inert;
mod keys;
mod naming;
mod remains;
mod row;
mod state;
mod swallowed;
mod table;
#[cfg(test)]
mod tests;
mod totals;
mod workbook;

use std::collections::HashSet;
use std::iter::Peekable;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::message::{Content, Priority};
use crate::phone::{self, BadDestination};

pub use again::{Written, file as refused_file};
pub use checker::Checker;
pub use encoding::Encoding;
pub use naming::Name;
pub use row::{BadRow, Row};
pub use state::{State, Stop};
pub use totals::{Counter, Few, Placeholder, Totals};

/// The columns; the first must be there.
pub const COLUMNS: &str = "destination, message, media_url, file_name, kind, timeout, is_group, priority, tag";

/// Other names of two of them, those that people use most.
const DESTINATION_NAMES: &str = "nomor, no_hp, hp, wa, no_wa, phone, number";
const MESSAGE_NAMES: &str = "pesan, isi, teks, text, caption";

/// A file that was read.
#[derive(Debug)]
pub struct File {
    pub source: Source,
    pub lines: Vec<Line>,
}

/// How a file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// `csv` or `xlsx`.
    pub format: String,
    /// Of a text.
    pub encoding: Option<Encoding>,
    pub separator: Option<char>,
    /// Of a workbook: the sheet that was read.
    pub sheet: Option<String>,
    /// The other sheets that it shows: nothing is read of them.
    pub other_sheets: Vec<String>,
    /// Columns whose names say nothing to us.
    pub ignored: Vec<String>,
    /// The campaign whose refused rows it holds: it continues that one, whatever the file is called.
    pub continues: Option<String>,
}

/// A row of the file.
#[derive(Debug)]
pub struct Line {
    /// The number of its first line in the file, or of its row in the sheet, from 1.
    pub line: u64,
    /// Its place among the rows, from 0.
    pub at: usize,
    /// The beginning of the cell that says whom it goes to, as it is written.
    pub destination: String,
    pub row: Result<Row, BadRow>,
    /// What stands in it, where it cannot be read.
    pub written: Option<Box<Written>>,
}

/// Whose campaign it is, and how its rows are understood.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub client_id: i64,
    /// The same file under another name is sent again.
    pub name: Name,
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
    /// Those by which earlier versions recognized it.
    pub former_keys: Vec<String>,
    /// What it says to whom: the same in any campaign of the client.
    pub said: String,
    /// How many rows before it say the same.
    pub said_before: u64,
    /// Digits, or a group's id.
    pub recipient: String,
    pub is_group: bool,
    pub timeout_seconds: i64,
    pub content: Content,
    /// Its own, where the file gives one; else the import's.
    pub priority: Option<Priority>,
    pub tag: Option<String>,
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

/// Why a file cannot be imported as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    #[error("it is empty; its first line has to name the columns: {COLUMNS}")]
    Empty,
    #[error(
        "its first line names no column for the phone numbers: 'destination', or {DESTINATION_NAMES}; it has: {found}; the columns are {COLUMNS}"
    )]
    NoDestination { found: String },
    #[error(
        "its first line names no column for the texts: 'message', or {MESSAGE_NAMES}, and no 'media_url'; it has: {found}; the columns are \
         {COLUMNS}"
    )]
    NoMessage { found: String },
    #[error("it has no rows behind the line that names the columns")]
    NoRows,
    #[error("the columns '{first}' and '{second}' both stand for {column}; remove one, or give it another name")]
    Twice { first: String, second: String, column: &'static str },
    #[error(
        "the numbers are read from the column '{first}', but '{second}' holds what looks like phone numbers too; name the right one \
         'destination', and rename the other or remove it"
    )]
    Unsure { first: String, second: String },
    #[error("the column '{column}' only counts the rows; name the column with the phone numbers 'destination'")]
    Counts { column: String },
    #[error("the column '{0}' would be read, but the sheet hides it; show it, or delete it")]
    HiddenColumn(String),
    #[error("a quote that opens on line {line} is never closed; nothing behind it can be read for certain")]
    Unclosed { line: u64 },
    #[error(
        "a quote that opens on line {line} among the names of the columns is closed by a later row; close it where the name ends"
    )]
    Heading { line: u64 },
    #[error(
        "line {line} cannot be read for certain: it is neither UTF-8, UTF-16 nor Windows-1252; save the file as CSV UTF-8 (in Excel: Save As, \
         file type CSV UTF-8)"
    )]
    Encoding { line: u64 },
    #[error("it is {0}; save it as .xlsx or as CSV UTF-8")]
    Kind(&'static str),
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
    #[error(
        "the workbook is far larger than its messages can be; copy the rows to a new workbook, or save it as CSV UTF-8"
    )]
    TooLarge,
    #[error("line {line} has more than {most} columns; remove those that are not read")]
    TooWide { line: u64, most: usize },
    #[error(
        "the sheet '{first}' would be read, but there are phone numbers in other sheets too: {others}; say which sheet is to be read, or hide \
         or delete the others"
    )]
    Sheets { first: String, others: String },
    #[error("it shows no sheet '{wanted}'; its sheets are {found}")]
    NoSheet { wanted: String, found: String },
    #[error("it has more than {most} rows; split it into files of at most {most}")]
    TooMany { most: usize },
    #[error(
        "the column campaign no longer holds on line {line} what the gateway wrote there, so it is not certain which campaign the row belongs \
         to; copy the cell from another row, or download the rejected rows again"
    )]
    Campaign { line: u64 },
    #[error(
        "it holds rejected rows of the campaigns '{first}' and '{second}'; import the rows of each as a file of its own"
    )]
    Campaigns { first: String, second: String },
    #[error(
        "it holds rejected rows of the campaign '{campaign}'; leave out the name '{given}' to continue that campaign, or delete the column \
         campaign to send the rows as a campaign of that name"
    )]
    OtherCampaign { campaign: String, given: String },
}

/// Reads a file, by what it holds and not by its name; its first line names the columns. At most `rows_max` rows.
///
/// # Errors
/// [`BadFile`] when it cannot be read as a whole and for certain.
pub fn read(bytes: &[u8], rows_max: usize) -> Result<File, BadFile> {
    read_sheet(bytes, None, rows_max)
}

/// The same of one sheet, where it is a workbook and somebody says which.
///
/// # Errors
/// As of [`read`].
pub fn read_sheet(bytes: &[u8], sheet: Option<&str>, rows_max: usize) -> Result<File, BadFile> {
    match workbook::kind_of(bytes) {
        Some(workbook::Kind::Workbook) => return workbook::read(bytes, sheet, rows_max),
        Some(workbook::Kind::Other(name)) => return Err(BadFile::Kind(name)),
        None => {}
    }
    let (text, encoding) = encoding::decode(bytes).map_err(|encoding::Unreadable(line)| BadFile::Encoding { line })?;
    let (table, separator) = delimited::read(&text, rows_max)?;
    let table::Finished { lines, ignored, continues } = table.finish()?;
    let (encoding, separator) = (Some(encoding), Some(separator));
    let source = Source { format: "csv".into(), encoding, separator, ignored, continues, ..Source::default() };
    Ok(File { source, lines })
}

/// The numbers of a file that no numbering plan allows, but that may be those of people who have written to the client. What can be
/// read in two ways is not among them: a file lists customers, and that somebody else with one of these numbers has written says
/// nothing of whom a row means.
pub fn undialled(lines: &[Line], country_code: &str) -> Vec<String> {
    let number = |line: &Line| {
        let row = line.row.as_ref().ok()?;
        let addressee = row.addressee().ok()?;
        match phone::parse_recipient(&row.destination, addressee, country_code) {
            Err(BadDestination::NoSuchNumber(number)) => Some(number),
            _ => None,
        }
    };
    let numbers: HashSet<String> = lines.iter().filter_map(number).collect();
    numbers.into_iter().collect()
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
