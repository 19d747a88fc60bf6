//! The rows of a file, whatever kind of file: each cell goes to the column that its heading names, and a row whose cells cannot
//! be trusted is not queued. Pure.

use super::columns::{self, Column, Columns};
use super::delimited;
use super::row::Row;
use super::{BadFile, BadRow, Line, beginning};
use crate::phone;

/// Digits of a number that counts rows; no phone number has so few.
const COUNTER_DIGITS_MAX: usize = 6;
/// Names of ignored columns that are kept for people to read.
const IGNORED_SHOWN: usize = 50;

/// A cell's text, or why it has none that can be sent.
pub type Cell = Result<String, BadCell>;

/// Why the value of a spreadsheet's cell is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCell {
    #[error("the cell holds a number with a fraction, {0}; format it as text and write what you mean")]
    Fraction(String),
    #[error("the cell holds a number below zero, {0}; format it as text and write what you mean")]
    Negative(String),
    #[error("the cell holds a number of more digits than a spreadsheet keeps; format it as text and write every digit")]
    TooLarge,
    #[error("the cell holds a date or time; format it as text and write it as it is to be read")]
    Date,
    #[error("the cell shows a number in the format {format}; format it as text and write it as it is to be read")]
    Format { format: String, digits: String },
    #[error("the cell shows the error {0}")]
    Error(String),
    #[error("the cell has a formula without a stored value; open the file in a spreadsheet program and save it")]
    Formula,
}

/// A row as it stands in the file.
#[derive(Debug, Default)]
pub struct Record {
    /// Its first line or its number in the sheet, from 1.
    pub line: u64,
    pub cells: Vec<Cell>,
    /// Cells in quotes that have line breaks.
    pub quoted: Vec<Quoted>,
    pub fault: Option<BadRow>,
}

/// A field in quotes that has line breaks.
#[derive(Debug)]
pub struct Quoted {
    /// Among the row's cells, from 0.
    pub place: usize,
    /// On which its quote opened.
    pub line: u64,
}

impl Record {
    /// The names of columns, if it is the first row.
    pub fn names(self) -> Vec<String> {
        let mut names: Vec<String> =
            self.cells.into_iter().map(|cell| as_shown(cell.unwrap_or_default().trim()).replace('\0', "")).collect();
        names.truncate(names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1));
        names
    }
}

/// Collects the rows of a file behind its first.
pub struct Table {
    names: Vec<String>,
    columns: Columns,
    /// The separator of a text; `None` of a workbook, whose cells have bounds of their own.
    separator: Option<char>,
    rows_max: usize,
    lines: Vec<Line>,
    /// How many rows there are so far once what is broken in them was mended.
    mended: usize,
    /// Whether the second column of destinations only counts rows so far.
    only_counts: bool,
}

impl Table {
    /// A table whose columns have these names.
    ///
    /// # Errors
    /// As of [`columns::find`].
    pub fn new(names: Vec<String>, separator: Option<char>, rows_max: usize) -> Result<Self, BadFile> {
        let columns = columns::find(&names)?;
        Ok(Self { names, columns, separator, rows_max, lines: Vec::new(), mended: 0, only_counts: true })
    }

    /// Adds a row; an empty one is none.
    ///
    /// # Errors
    /// [`BadFile::TooMany`]
    pub fn add(&mut self, record: Record) -> Result<(), BadFile> {
        let is_empty = |cell: &Cell| cell.as_ref().is_ok_and(|text| text.trim().is_empty());
        if record.fault.is_none() && record.cells.iter().all(is_empty) {
            return Ok(());
        }
        if self.lines.len() == self.rows_max {
            return Err(BadFile::TooMany { most: self.rows_max });
        }
        let is_rest = self.breaks_off_before(&record);
        let counts = |cell: &Cell| cell.as_ref().is_ok_and(|text| is_counter(text.trim()));
        self.only_counts &= self.columns.counter.and_then(|place| record.cells.get(place)).is_none_or(counts);
        let (line, at, held) = (record.line, self.lines.len(), self.more_rows(&record));
        let mended_at = if is_rest { self.mended.saturating_sub(1) } else { self.mended };
        self.mended = mended_at + 1 + held.map_or(0, |(_, rows)| rows);
        let row = match held {
            Some((line, _)) => Err(BadRow::MoreRows { line }),
            None => self.row(record),
        };
        self.lines.push(Line { line, at, mended_at, row });
        Ok(())
    }

    /// The rows, and the names of the columns that were not read.
    ///
    /// # Errors
    /// [`BadFile::Twice`] when a second column has phone numbers too.
    pub fn finish(mut self) -> Result<(Vec<Line>, Vec<String>), BadFile> {
        if let Some(counter) = self.columns.counter {
            if !self.only_counts {
                let destination = self.place(Column::Destination);
                let (first, second) = (counter.min(destination), counter.max(destination));
                return Err(columns::twice(&self.names, first, second, Column::Destination));
            }
            self.columns.ignored.push(counter);
            self.columns.ignored.sort_unstable();
        }
        let ignored = self.columns.ignored.iter().take(IGNORED_SHOWN).map(|place| beginning(&self.names[*place]));
        Ok((self.lines, ignored.collect()))
    }

    /// How many columns have names.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    fn place(&self, column: Column) -> usize {
        self.columns.read.iter().find(|(one, _)| *one == column).map_or(0, |(_, place)| *place)
    }

    fn row(&self, record: Record) -> Result<Row, BadRow> {
        let Record { mut cells, fault, .. } = record;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let is_full = |cell: &Cell| cell.as_ref().is_ok_and(|text| !text.trim().is_empty());
        if self.separator.is_some() && cells.iter().skip(self.names.len()).any(is_full) {
            return Err(BadRow::Fields { found: cells.len(), named: self.names.len() });
        }
        let mut row = Row::default();
        for (column, place) in &self.columns.read {
            let cell =
                cells.get_mut(*place).map_or(Ok(String::new()), |cell| std::mem::replace(cell, Ok(String::new())));
            let text = match (cell, column) {
                (Ok(text), _) => text,
                // A phone number is its digits, however they are shown.
                (Err(BadCell::Format { digits, .. }), Column::Destination | Column::Timeout) => digits,
                (Err(why), _) => return Err(BadRow::Cell { column: column.name(), why }),
            };
            let text = match column {
                Column::Destination => as_dialled(&text),
                _ => as_shown(text.trim()),
            };
            if text.contains('\0') {
                return Err(BadRow::Zero { column: column.name() });
            }
            *row.field(*column) = text.to_owned();
        }
        Ok(row)
    }

    /// Where a quote opened whose text holds what looks like further rows, and how many: a later row's quote closed it.
    fn more_rows(&self, record: &Record) -> Option<(u64, usize)> {
        let (separator, destination) = (self.separator?, self.place(Column::Destination));
        let rows_in = |quoted: &Quoted| {
            let text = record.cells.get(quoted.place).and_then(|cell| cell.as_deref().ok()).unwrap_or_default();
            let is_row = |(at, line): &(usize, &str)| {
                // The first line of the text is the rest of this row.
                let place = if *at == 0 {
                    destination.checked_sub(quoted.place).filter(|rest| *rest > 0)
                } else {
                    Some(destination)
                };
                let fields = delimited::fields(line, separator);
                let field = place.and_then(|place| fields.get(place)).filter(|_| fields.len() > 1);
                field.is_some_and(|field| phone::is_like_an_address(as_dialled(field)))
            };
            text.split('\n').enumerate().filter(is_row).count()
        };
        let held = record.quoted.iter().map(|quoted| (quoted.line, rows_in(quoted)));
        held.filter(|(_, rows)| *rows > 0).reduce(|first, next| (first.0, first.1 + next.1))
    }

    /// Whether a record is the rest of a text that goes on without quotes on this line: one that is too short and begins with no
    /// number. The row before it then breaks off.
    fn breaks_off_before(&mut self, record: &Record) -> bool {
        let is_short = self.separator.is_some() && record.cells.len() < self.names.len();
        let destination = record.cells.get(self.place(Column::Destination)).and_then(|cell| cell.as_deref().ok());
        let Some(Line { row, .. }) = self.lines.last_mut() else { return false };
        if !is_short || destination.is_some_and(|text| phone::is_like_an_address(as_dialled(text))) {
            return false;
        }
        if row.is_ok() {
            *row = Err(BadRow::GoesOn { line: record.line });
        }
        true
    }
}

fn is_counter(text: &str) -> bool {
    text.len() <= COUNTER_DIGITS_MAX && text.trim_end_matches('.').bytes().all(|byte| byte.is_ascii_digit())
}

/// A text as a spreadsheet shows it: programs write `="0812…"` so that Excel keeps a text.
fn as_shown(text: &str) -> &str {
    let inner = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).map(str::trim);
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

/// A number as a spreadsheet shows it: `'` before it says that it is a text.
fn as_dialled(text: &str) -> &str {
    let text = as_shown(text.trim());
    text.strip_prefix('\'')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '(')))
        .unwrap_or(text)
}
