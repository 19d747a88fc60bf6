//! The rows of a file, whatever kind of file: each cell goes to the column that its heading names, and a row whose cells cannot
//! be trusted is not queued. Pure.

use super::broken::{Broken, Rest};
use super::columns::{self, Column, Columns};
use super::delimited;
use super::row::Row;
use super::{BadFile, BadRow, Line, beginning};
use crate::phone;

/// Digits of a number that counts rows; no phone number has so few.
const COUNTER_DIGITS_MAX: usize = 6;
/// What a cell shows whose formula has no value.
const ERRORS: [&str; 8] = ["#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#ERROR!"];
/// Words of a tag; more are the rest of a sentence.
const TAG_WORDS_MAX: usize = 3;
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
    Format {
        format: String,
        /// The number as the cell shows it, where that is its digits and what stands between and around those of a phone number.
        shown: Option<String>,
    },
    #[error("the cell holds {0}, a number that has lost digits; format the column as text and give every digit")]
    LostDigits(String),
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
    /// Which columns a text without quotes can be broken in, and what was broken so far.
    broken: Broken,
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
        let broken = Broken::new(&columns, names.len());
        Ok(Self { names, columns, separated: None, rows_max, lines: Vec::new(), broken, only_counts: true })
    }

    /// The table of a text, whose first record names the columns.
    ///
    /// # Errors
    /// As of [`Table::new`]; [`BadFile::Heading`]
    pub fn of_text(heading: Record, separator: char, rows_max: usize) -> Result<Self, BadFile> {
        let is_spaced = |cell: &Cell| cell.as_ref().is_ok_and(|text| text.starts_with(' '));
        let separated = Separated { by: separator, by_spaces_too: heading.cells.iter().skip(1).any(is_spaced) };
        let names = Record { cells: heading.cells.clone(), ..Record::default() }.names();
        let table = Self { separated: Some(separated), ..Self::new(names, rows_max)? };
        match table.more_rows(&heading) {
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
            self.broken.end_at(&record);
            return Ok(());
        }
        if self.lines.len() == self.rows_max {
            return Err(BadFile::TooMany { most: self.rows_max });
        }
        let rest = match self.separated {
            Some(separated) => self.broken.next(&record, separated.by_spaces_too),
            None => Rest::OfNothing,
        };
        if let (Rest::OfRowBefore, Some(Line { row, .. })) = (&rest, self.lines.last_mut())
            && row.is_ok()
        {
            *row = Err(BadRow::GoesOn { line: record.line });
        }
        let counts = |cell: &Cell| cell.as_ref().is_ok_and(|text| is_counter(text.trim()));
        self.only_counts &= self.columns.counter.and_then(|place| record.cells.get(place)).is_none_or(counts);
        let (line, at) = (record.line, self.lines.len());
        let destination = record.cells.get(self.place(Column::Destination)).map(as_written).unwrap_or_default();
        let row = match (self.more_rows(&record), rest) {
            (Some(line), _) => Err(BadRow::MoreRows { line }),
            (None, Rest::BeganOn(line)) => Err(BadRow::Begins { line }),
            (None, _) if record.fault.is_none() && self.is_cut(&record) => Err(BadRow::Cut),
            (None, _) => self.row(record),
        };
        self.lines.push(Line { line, at, destination, row });
        Ok(())
    }

    /// The rows, and the names of the columns that were not read.
    ///
    /// # Errors
    /// [`BadFile::NoRows`]; [`BadFile::Twice`] when a second column has phone numbers too.
    pub fn finish(mut self) -> Result<(Vec<Line>, Vec<String>), BadFile> {
        if self.lines.is_empty() {
            return Err(BadFile::NoRows);
        }
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
                // A phone number is its digits, however they are separated.
                (Err(BadCell::Format { shown: Some(shown), .. }), Column::Destination) => shown,
                (Err(BadCell::Format { shown: Some(shown), .. }), Column::Timeout) => shown.trim().to_owned(),
                (Err(why), _) => return Err(BadRow::Cell { column: column.name(), why }),
            };
            let text = match column {
                Column::Destination => as_dialled(&text),
                _ => as_shown(text.trim()),
            };
            if let Some(why) = bad_text(text).filter(|_| self.separated.is_some()) {
                return Err(BadRow::Cell { column: column.name(), why });
            }
            if text.contains('\0') {
                return Err(BadRow::Zero { column: column.name() });
            }
            *row.field(*column) = text.to_owned();
        }
        Ok(row)
    }

    /// Where a quote opened whose text holds what looks like further rows: a later row's quote closed it. Where every quote is as it
    /// should be, such a line has the fields of a row too, and no space behind its separator as prose has.
    fn more_rows(&self, record: &Record) -> Option<u64> {
        let Separated { by, by_spaces_too } = self.separated?;
        let destination = self.place(Column::Destination);
        let widths = self.find(Column::Message).unwrap_or(0).max(destination) + 1..=self.names.len();
        let holds_rows = |quoted: &&Quoted| {
            let text = record.cells.get(quoted.place).and_then(|cell| cell.as_deref().ok()).unwrap_or_default();
            let is_row = |(at, line): (usize, &str)| {
                // The first line of the text is the rest of this row.
                let before = if at == 0 { quoted.place } else { 0 };
                let place = destination.checked_sub(before).filter(|rest| at > 0 || *rest > 0);
                let fields = delimited::fields(line, by);
                let is_prose = fields.iter().skip(1).any(|field| field.starts_with(' ')) && !by_spaces_too;
                let is_whole = widths.contains(&(fields.len() + before)) && !is_prose;
                let field = place.and_then(|place| fields.get(place)).filter(|_| fields.len() > 1);
                (record.fault.is_some() || is_whole)
                    && field.is_some_and(|field| phone::is_like_an_address(as_dialled(field)))
            };
            text.contains('\n') && text.split('\n').enumerate().any(is_row)
        };
        record.quoted.iter().find(holds_rows).map(|quoted| quoted.line)
    }

    /// Whether a text without quotes seems to go on behind the separator that ends it: where prose has a space behind it and
    /// the other separators of the file have none, a number has its thousands or its fraction, or a tag is a sentence.
    fn is_cut(&self, record: &Record) -> bool {
        let Some(Separated { by: by @ (',' | ';'), by_spaces_too }) = self.separated else { return false };
        let Some(place) = self.find(Column::Message) else { return false };
        let is_quoted = |place: usize| record.quoted.iter().any(|quoted| quoted.place == place);
        let (Some(Ok(text)), Some(Ok(next))) = (record.cells.get(place), record.cells.get(place + 1)) else {
            return false;
        };
        if text.trim().is_empty() || next.trim().is_empty() || is_quoted(place) || is_quoted(place + 1) {
            return false;
        }
        let is_number = [Column::Timeout, Column::Destination].into_iter().any(|one| self.find(one) == Some(place + 1));
        let is_tag = by == ',' && self.find(Column::Tag) == Some(place + 1);
        !by_spaces_too && next.starts_with(' ')
            || !is_number && is_thousands(text, next)
            || is_tag && (is_fraction(text, next) || next.split_whitespace().count() > TAG_WORDS_MAX)
    }
}

/// Whether a comma may stand in a number, as in `1500,50`.
fn is_fraction(before: &str, behind: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_digit())
        && behind.len() <= 2
        && behind.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a separator stands in a number, as in `1,500`.
fn is_thousands(before: &str, behind: &str) -> bool {
    let digits = before.bytes().rev().take_while(u8::is_ascii_digit).count();
    let group = behind.bytes().take_while(u8::is_ascii_digit).count();
    (1..=3).contains(&digits) && group == 3
}

/// Why a text is none that anybody wrote: the error that a cell showed, or its formula.
fn bad_text(text: &str) -> Option<BadCell> {
    if ERRORS.contains(&text) {
        return Some(BadCell::Error(text.to_owned()));
    }
    // A function's name and its bracket may stand before the reference.
    let mut rest = text.strip_prefix('=')?.trim_start_matches(['+', '-', ' ']);
    if let Some((name, behind)) = rest.split_once('(')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    {
        rest = behind;
    }
    let rest = rest.strip_prefix('$').unwrap_or(rest);
    let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
    let row = rest[letters..].trim_start_matches('$');
    ((1..=3).contains(&letters) && row.starts_with(|c: char| ('1'..='9').contains(&c))).then_some(BadCell::Formula)
}

fn is_counter(text: &str) -> bool {
    text.len() <= COUNTER_DIGITS_MAX && text.trim_end_matches('.').bytes().all(|byte| byte.is_ascii_digit())
}

/// A text as a spreadsheet shows it: programs write `="0812…"` so that Excel keeps a text.
fn as_shown(text: &str) -> &str {
    let inner = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).map(str::trim);
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

/// The beginning of a cell, to find it in the file by.
fn as_written(cell: &Cell) -> String {
    match cell {
        Ok(text) => beginning(text.trim()),
        Err(BadCell::Fraction(number) | BadCell::Negative(number) | BadCell::LostDigits(number)) => number.clone(),
        Err(BadCell::Error(text)) => text.clone(),
        Err(_) => String::new(),
    }
}

/// A number as a spreadsheet shows it: `'` before it says that it is a text.
pub(super) fn as_dialled(text: &str) -> &str {
    let text = as_shown(text.trim());
    text.strip_prefix('\'')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '(')))
        .unwrap_or(text)
}
