//! The rows of a file, whatever kind of file: each cell goes to the column that its heading names, and a row whose cells cannot
//! be trusted is not queued. Pure.

mod cell;
mod own;

pub use cell::{BadCell, Cell};
use own::Own;

use super::broken::{Broken, Rest};
use super::columns::{self, Column, Columns};
use super::row::Row;
use super::swallowed::{self, Shape};
use super::{BadFile, BadRow, Line, Written, beginning, remains};
use crate::customer_url::masked;
use crate::phone;

/// Digits of an Indonesian identity card's number and of a bank card's.
const CARD_DIGITS: usize = 16;
/// More are no numbers of rows.
const COUNT_MAX: u64 = 9_999_999;
/// Words of a tag; more are the rest of a sentence.
const TAG_WORDS_MAX: usize = 3;
/// Names of ignored columns that are kept for people to read.
const IGNORED_SHOWN: usize = 50;

/// A row as it stands in the file.
#[derive(Debug, Default)]
pub struct Record {
    /// Its first line or its number in the sheet, from 1.
    pub line: u64,
    pub cells: Vec<Cell>,
    /// Cells in quotes, in their order.
    pub quoted: Vec<Quoted>,
    /// Whether a column that is not read holds something too.
    pub holds_more: bool,
    pub fault: Option<BadRow>,
}

/// A field in quotes.
#[derive(Debug)]
pub struct Quoted {
    /// Among the row's cells, from 0.
    pub place: usize,
    /// On which its quote opened.
    pub line: u64,
    /// Whether a space stands between the separator before it and the quote.
    pub is_spaced: bool,
}

impl Record {
    /// Whether it holds nothing, not even a fault.
    pub fn is_empty(&self) -> bool {
        let is_empty = |cell: &Cell| cell.as_ref().is_ok_and(|text| text.trim().is_empty());
        self.fault.is_none() && !self.holds_more && self.cells.iter().all(is_empty)
    }

    /// Whether a space follows a separator.
    pub fn is_spaced(&self) -> bool {
        let is_spaced = |cell: &Cell| cell.as_ref().is_ok_and(|text| text.starts_with(' ') && !text.trim().is_empty());
        self.quoted.iter().any(|quoted| quoted.is_spaced)
            || (1..self.cells.len()).any(|place| is_spaced(&self.cells[place]) && !self.is_quoted(place))
    }

    /// Whether a cell is in quotes.
    pub fn is_quoted(&self, place: usize) -> bool {
        self.quoted.binary_search_by_key(&place, |quoted| quoted.place).is_ok()
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
    /// Of each column in how many rows it holds what looks like a phone number, if it is not read: followed where the name of the
    /// column that is read says little. A row costs what its own cells cost, however many columns have names.
    suspects: Vec<Option<usize>>,
    own: Own,
}

/// What was read of a file.
pub struct Finished {
    pub lines: Vec<Line>,
    /// The names of the columns that were not read.
    pub ignored: Vec<String>,
    /// Whose refused rows they are, where the file says so.
    pub continues: Option<String>,
}

impl Table {
    /// A table whose columns have these names.
    ///
    /// # Errors
    /// As of [`columns::find`].
    pub fn new(names: Vec<String>, rows_max: usize) -> Result<Self, BadFile> {
        let columns = columns::find(&names)?;
        let broken = Broken::new(&columns, names.len());
        let mut suspects = vec![None; if columns.is_generic { names.len() } else { 0 }];
        for place in &columns.ignored {
            suspects.iter_mut().skip(*place).take(1).for_each(|suspect| *suspect = Some(0));
        }
        let (own, separated, lines, only_counts) = (Own::of(&names), None, Vec::new(), true);
        Ok(Self { names, columns, separated, rows_max, lines, broken, only_counts, suspects, own })
    }

    /// The table of a text, whose first record names the columns.
    ///
    /// # Errors
    /// As of [`Table::new`]; [`BadFile::Heading`]
    pub fn of_text(heading: Record, separator: char, rows_max: usize) -> Result<Self, BadFile> {
        let separated = Separated { by: separator, by_spaces_too: heading.is_spaced() };
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
    /// [`BadFile::TooMany`]; [`BadFile::Campaign`] and [`BadFile::Campaigns`] in a file of refused rows.
    pub fn add(&mut self, record: Record) -> Result<(), BadFile> {
        if record.is_empty() {
            self.broken.end_at(&record);
            return Ok(());
        }
        if self.lines.len() == self.rows_max {
            return Err(BadFile::TooMany { most: self.rows_max });
        }
        self.own.read_campaign(&record)?;
        let rest = match self.separated {
            Some(separated) => self.broken.next(&record, separated.by_spaces_too),
            None => Rest::OfNothing,
        };
        if let (Rest::OfRowBefore, Some(Line { row, written, .. })) = (&rest, self.lines.last_mut())
            && let Ok(before) = row
        {
            *written = Some(Box::new(Written { row: std::mem::take(before), rest: Vec::new() }));
            *row = Err(BadRow::GoesOn { line: record.line });
        }
        // A note below the table is no number either.
        let counts = |cell: &Cell| !cell.as_ref().is_ok_and(|text| phone::is_like_an_address(as_dialled(text)));
        self.only_counts &= self.columns.counter.and_then(|place| record.cells.get(place)).is_none_or(counts);
        for (suspect, cell) in self.suspects.iter_mut().zip(&record.cells) {
            if let Some(numbers) = suspect {
                *numbers += usize::from(is_phone_number(cell));
            }
        }
        let (line, at) = (record.line, self.lines.len());
        let destination = record.cells.get(self.place(Column::Destination)).map(as_written).unwrap_or_default();
        let row = match (self.more_rows(&record), rest) {
            (Some(line), _) => Err(BadRow::MoreRows { line }),
            (None, Rest::BeganOn(line)) => Err(BadRow::Begins { line }),
            (None, _) if record.fault.is_none() && self.is_cut(&record) => Err(BadRow::Cut),
            (None, _) => self.row(&record),
        };
        let written = row.is_err().then(|| Box::new(self.written(&record)));
        self.lines.push(Line { line, at, destination, row, written });
        Ok(())
    }

    /// The rows, and what else is known of the file.
    ///
    /// # Errors
    /// [`BadFile::NoRows`]; [`BadFile::Twice`] and [`BadFile::Unsure`] when a second column has phone numbers too.
    pub fn finish(mut self) -> Result<Finished, BadFile> {
        if self.lines.is_empty() {
            return Err(BadFile::NoRows);
        }
        let is_other = |suspect: &Option<usize>| suspect.is_some_and(|numbers| numbers * 2 > self.lines.len());
        if let Some(other) = self.suspects.iter().position(is_other) {
            let [first, second] = [self.place(Column::Destination), other].map(|place| beginning(&self.names[place]));
            return Err(BadFile::Unsure { first, second });
        }
        if self.columns.is_generic && self.counts_rows() {
            return Err(BadFile::Counts { column: beginning(&self.names[self.place(Column::Destination)]) });
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
        let ignored = self.columns.ignored.iter().map(|place| &self.names[*place]);
        let ignored = ignored.filter(|name| !self.own.knows(name)).take(IGNORED_SHOWN).map(|name| beginning(name));
        Ok(Finished { ignored: ignored.collect(), lines: self.lines, continues: self.own.continues() })
    }

    /// Whether most of the numbers are short, and each is the one before it and one more.
    fn counts_rows(&self) -> bool {
        let counts = self.lines.windows(2).filter(|lines| {
            let number = |line: &Line| line.destination.parse::<u64>().ok().filter(|number| *number <= COUNT_MAX);
            number(&lines[0]).zip(number(&lines[1])).is_some_and(|(first, second)| first + 1 == second)
        });
        counts.count() * 2 > self.lines.len()
    }

    /// How many columns have names.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// Whether a column is one of those that are sent, or sent to.
    pub fn holds(&self, place: usize) -> bool {
        self.columns.read.iter().any(|(_, one)| *one == place)
    }

    /// Whether anything depends on what stands in a column.
    pub fn reads(&self, place: usize) -> bool {
        let is_suspect = matches!(self.suspects.get(place), Some(Some(_)));
        let is_asked = self.columns.unavailable.iter().any(|(_, one)| *one == place);
        self.holds(place) || self.columns.counter == Some(place) || is_suspect || is_asked || self.own.reads(place)
    }

    fn place(&self, column: Column) -> usize {
        self.find(column).unwrap_or(0)
    }

    fn find(&self, column: Column) -> Option<usize> {
        self.columns.read.iter().find(|(one, _)| *one == column).map(|(_, place)| *place)
    }

    fn row(&self, record: &Record) -> Result<Row, BadRow> {
        if let Some(fault) = &record.fault {
            return Err(fault.clone());
        }
        self.check_changed(record)?;
        let is_full = |cell: &Cell| cell.as_ref().is_ok_and(|text| !text.trim().is_empty());
        let asks = |place: usize| record.cells.get(place).is_some_and(|cell| cell.is_err() || is_full(cell));
        if let Some((one, _)) = self.columns.unavailable.iter().find(|(_, place)| asks(*place)) {
            return Err(BadRow::Unavailable(*one));
        }
        if self.separated.is_some() && record.cells.iter().skip(self.names.len()).any(is_full) {
            return Err(BadRow::Fields { found: record.cells.len(), named: self.names.len() });
        }
        let mut row = Row::default();
        for (column, place) in &self.columns.read {
            let text = match (record.cells.get(*place), column) {
                (None, _) => "",
                (Some(Ok(text)), _) => text,
                // A phone number is its digits, however they are separated.
                (Some(Err(BadCell::Format { shown: Some(shown), .. })), Column::Destination | Column::Timeout) => shown,
                (Some(Err(why)), _) => return Err(BadRow::Cell { column: column.name(), why: why.clone() }),
            };
            let cell = cell_text(*column, text);
            let text = self.own_text(cell);
            if self.separated.is_some() && *column == Column::Message && remains::is_nothing(&text) {
                return Err(BadRow::Cell { column: column.name(), why: BadCell::Error(text.into_owned()) });
            }
            if let Some(why) = remains::bad_text(&text).filter(|_| self.separated.is_some() && cell == text) {
                return Err(BadRow::Cell { column: column.name(), why });
            }
            if text.contains('\0') {
                return Err(BadRow::Zero { column: column.name() });
            }
            *row.field(*column) = text.into_owned();
        }
        Ok(row)
    }

    /// What stands in a row, whatever is wrong with it.
    fn written(&self, record: &Record) -> Written {
        let mut written = Written::default();
        for (column, place) in &self.columns.read {
            *written.row.field(*column) = match record.cells.get(*place) {
                Some(Ok(text)) => self.own_text(cell_text(*column, text)).into_owned(),
                Some(bad) => as_written(bad),
                None => String::new(),
            };
        }
        let rest = record.cells.iter().skip(self.names.len());
        written.rest = rest.map(|cell| cell.clone().unwrap_or_default()).collect();
        written
    }

    /// Where a quote opened whose text holds what looks like further rows: a later row's quote closed it.
    fn more_rows(&self, record: &Record) -> Option<u64> {
        let Separated { by, by_spaces_too } = self.separated?;
        let shape = Shape {
            separator: by,
            width: self.names.len(),
            destination: self.place(Column::Destination),
            is_spaced: by_spaces_too || self.broken.is_spaced() || record.is_spaced(),
            is_faulty: record.fault.is_some(),
        };
        let text = |place: usize| record.cells.get(place).and_then(|cell| cell.as_deref().ok()).unwrap_or_default();
        let holds_rows = |quoted: &&Quoted| swallowed::holds_rows(text(quoted.place), quoted.place, shape);
        record.quoted.iter().find(holds_rows).map(|quoted| quoted.line)
    }

    /// Whether a text without quotes seems to go on behind the separator that ends it: where prose has a space behind it and
    /// the separator before the text has none, a number has its thousands or its fraction, or a tag is a sentence.
    fn is_cut(&self, record: &Record) -> bool {
        let Some(Separated { by: by @ (',' | ';'), .. }) = self.separated else { return false };
        let Some(place) = self.find(Column::Message) else { return false };
        let (Some(Ok(text)), Some(Ok(next))) = (record.cells.get(place), record.cells.get(place + 1)) else {
            return false;
        };
        if text.trim().is_empty() || next.trim().is_empty() || record.is_quoted(place) || record.is_quoted(place + 1) {
            return false;
        }
        let is_number = [Column::Timeout, Column::Destination].into_iter().any(|one| self.find(one) == Some(place + 1));
        let is_tag = by == ',' && self.find(Column::Tag) == Some(place + 1);
        next.starts_with(' ') && !text.starts_with(' ')
            || !is_number && is_thousands(text, next)
            || is_tag && (is_fraction(text, next) || next.split_whitespace().count() > TAG_WORDS_MAX)
    }
}

/// Whether a cell looks like a phone number; longer numbers are those of accounts and of identity cards.
pub(super) fn is_phone_number(cell: &Cell) -> bool {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    cell.as_ref().is_ok_and(|text| digits(text) < CARD_DIGITS && phone::is_like_an_address(as_dialled(text)))
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

/// A text as a spreadsheet shows it: programs write `="0812…"` so that Excel keeps a text.
fn as_shown(text: &str) -> &str {
    let inner = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).map(str::trim);
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

/// What a cell says in a column.
fn cell_text(column: Column, text: &str) -> &str {
    match column {
        Column::Destination => as_dialled(text),
        _ => as_shown(text.trim()),
    }
}

/// The beginning of a cell, to find it in the file by.
fn as_written(cell: &Cell) -> String {
    match cell {
        Ok(text) => beginning(&masked(text.trim())),
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
