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
    /// Cells in quotes.
    pub quoted: Vec<Quoted>,
    pub fault: Option<BadRow>,
}

/// A field in quotes.
#[derive(Debug)]
pub struct Quoted {
    /// Among the row's cells, from 0.
    pub place: usize,
    /// On which its quote opened.
    pub line: u64,
}

impl Record {
    /// Whether it holds nothing, not even a fault.
    pub fn is_empty(&self) -> bool {
        let is_empty = |cell: &Cell| cell.as_ref().is_ok_and(|text| text.trim().is_empty());
        self.fault.is_none() && self.cells.iter().all(is_empty)
    }

    /// The names of columns, if it is the first row.
    pub fn names(self) -> Vec<String> {
        let mut names: Vec<String> =
            self.cells.into_iter().map(|cell| as_shown(cell.unwrap_or_default().trim()).replace('\0', "")).collect();
        names.truncate(names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1));
        names
    }
}

/// How the fields of a text are separated.
#[derive(Debug, Clone, Copy)]
struct Separated {
    by: char,
    /// Spaces follow the separators, as they do in prose.
    by_spaces_too: bool,
}

/// Collects the rows of a file behind its first.
pub struct Table {
    names: Vec<String>,
    columns: Columns,
    /// How the fields of a text are separated; `None` for a workbook, whose cells have bounds of their own.
    separated: Option<Separated>,
    rows_max: usize,
    lines: Vec<Line>,
    /// The line of a piece of text that belongs to the next row.
    piece: Option<u64>,
    /// Whether the second column of destinations only counts rows so far.
    only_counts: bool,
}

impl Table {
    /// A table whose columns have these names.
    ///
    /// # Errors
    /// As of [`columns::find`].
    pub fn new(names: Vec<String>, rows_max: usize) -> Result<Self, BadFile> {
        let columns = columns::find(&names)?;
        Ok(Self { names, columns, separated: None, rows_max, lines: Vec::new(), piece: None, only_counts: true })
    }

    /// The table of a text, whose first record names the columns.
    ///
    /// # Errors
    /// As of [`Table::new`]; [`BadFile::Heading`]
    pub fn of_text(heading: Record, separator: char, rows_max: usize) -> Result<Self, BadFile> {
        let is_spaced = |cell: &Cell| cell.as_ref().is_ok_and(|text| text.starts_with(' '));
        let separated = Separated { by: separator, by_spaces_too: heading.cells.iter().skip(1).any(is_spaced) };
        let (cells, quoted) = (heading.cells.clone(), heading.quoted);
        let names = Record { cells: heading.cells, ..Record::default() }.names();
        let table = Self { separated: Some(separated), ..Self::new(names, rows_max)? };
        match table.more_rows(&cells, &quoted) {
            Some(line) => Err(BadFile::Heading { line }),
            None => Ok(table),
        }
    }

    /// Adds a row; an empty one is none.
    ///
    /// # Errors
    /// [`BadFile::TooMany`]
    pub fn add(&mut self, record: Record) -> Result<(), BadFile> {
        if record.is_empty() {
            return Ok(());
        }
        if self.lines.len() == self.rows_max {
            return Err(BadFile::TooMany { most: self.rows_max });
        }
        let begins_at = self.piece.take();
        self.mark_incomplete(&record, begins_at);
        let counts = |cell: &Cell| cell.as_ref().is_ok_and(|text| is_counter(text.trim()));
        self.only_counts &= self.columns.counter.and_then(|place| record.cells.get(place)).is_none_or(counts);
        let (line, at) = (record.line, self.lines.len());
        let row = match (self.more_rows(&record.cells, &record.quoted), begins_at) {
            (Some(line), _) => Err(BadRow::MoreRows { line }),
            (None, Some(line)) => Err(BadRow::Begins { line }),
            (None, None) if record.fault.is_none() && self.is_cut(&record) => Err(BadRow::Cut),
            (None, None) => self.row(record),
        };
        self.lines.push(Line { line, at, row });
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
        self.find(column).unwrap_or(0)
    }

    fn find(&self, column: Column) -> Option<usize> {
        self.columns.read.iter().find(|(one, _)| *one == column).map(|(_, place)| *place)
    }

    fn row(&self, record: Record) -> Result<Row, BadRow> {
        let Record { mut cells, fault, .. } = record;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let is_full = |cell: &Cell| cell.as_ref().is_ok_and(|text| !text.trim().is_empty());
        if self.separated.is_some() && cells.iter().skip(self.names.len()).any(is_full) {
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

    /// Where a quote opened whose text holds what looks like further rows: a later row's quote closed it.
    fn more_rows(&self, cells: &[Cell], quoted: &[Quoted]) -> Option<u64> {
        let (separator, destination) = (self.separated?.by, self.place(Column::Destination));
        let holds_rows = |quoted: &&Quoted| {
            let text = cells.get(quoted.place).and_then(|cell| cell.as_deref().ok()).unwrap_or_default();
            let is_row = |(at, line): (usize, &str)| {
                // The first line of the text is the rest of this row.
                let place = if at == 0 {
                    destination.checked_sub(quoted.place).filter(|rest| *rest > 0)
                } else {
                    Some(destination)
                };
                let fields = delimited::fields(line, separator);
                let field = place.and_then(|place| fields.get(place)).filter(|_| fields.len() > 1);
                field.is_some_and(|field| phone::is_like_an_address(as_dialled(field)))
            };
            text.contains('\n') && text.split('\n').enumerate().any(is_row)
        };
        quoted.iter().find(holds_rows).map(|quoted| quoted.line)
    }

    /// Whether a text without quotes seems to go on behind the separator that ends it: where prose has a space behind it and
    /// the other separators of the file have none, or a number of thousands has its digits.
    fn is_cut(&self, record: &Record) -> bool {
        let Some(Separated { by: ',' | ';', by_spaces_too }) = self.separated else { return false };
        let Some(place) = self.find(Column::Message) else { return false };
        let is_quoted = |place: usize| record.quoted.iter().any(|quoted| quoted.place == place);
        let (Some(Ok(text)), Some(Ok(next))) = (record.cells.get(place), record.cells.get(place + 1)) else {
            return false;
        };
        if text.trim().is_empty() || next.trim().is_empty() || is_quoted(place) || is_quoted(place + 1) {
            return false;
        }
        let is_number = [Column::Timeout, Column::Destination].into_iter().any(|one| self.find(one) == Some(place + 1));
        !by_spaces_too && next.starts_with(' ') || !is_number && is_thousands(text, next)
    }

    /// A record without a number may be a piece of a text that has line breaks and no quotes around it: then the row before it
    /// lacks the end of its text, or the row behind it the beginning.
    fn mark_incomplete(&mut self, record: &Record, begins_at: Option<u64>) {
        if !self.is_piece(record) {
            return;
        }
        if self.find(Column::Message).is_some_and(|message| message < self.place(Column::Destination)) {
            self.piece = begins_at.or(Some(record.line));
        } else if let Some(Line { row, .. }) = self.lines.last_mut()
            && row.is_ok()
        {
            *row = Err(BadRow::GoesOn { line: record.line });
        }
    }

    fn is_piece(&self, record: &Record) -> bool {
        let Some(Separated { by_spaces_too, .. }) = self.separated else { return false };
        let place = self.place(Column::Destination);
        let text = record.cells.get(place).and_then(|cell| cell.as_deref().ok()).unwrap_or_default();
        if phone::is_like_an_address(as_dialled(text)) {
            return false;
        }
        let is_spaced =
            |cell: Option<&Cell>| cell.is_some_and(|cell| cell.as_ref().is_ok_and(|text| text.starts_with(' ')));
        let is_prose = text.contains(char::is_alphabetic)
            && (text.trim().contains(char::is_whitespace) || is_spaced(record.cells.get(place + 1)) && !by_spaces_too);
        record.cells.len() < self.names.len() || is_prose
    }
}

/// Whether a separator stands in a number, as in `1,500`.
fn is_thousands(before: &str, behind: &str) -> bool {
    let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
    let group = behind.bytes().take_while(u8::is_ascii_digit).count();
    (1..=3).contains(&digits) && group == 3
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
