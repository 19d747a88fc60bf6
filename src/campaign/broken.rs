//! Texts without quotes that were broken over lines: which row lacks the end of its text or the beginning. Pure; called by
//! `table.rs`.
//!
//! A line stands for itself where it is a complete row: as many fields as the first line, whatever they hold. Only a line that
//! is incomplete, or that reads as prose, may be the rest of another one's text.

use super::columns::{Column, Columns};
use super::table::{Cell, Record, as_dialled};
use crate::phone;

/// What a record may be the rest of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    OfNothing,
    /// The row before it lacks the end of its text.
    OfRowBefore,
    /// Its own text seems to begin on that line.
    BeganOn(u64),
}

/// What is known of the rows so far.
#[derive(Debug)]
pub struct Broken {
    destination: usize,
    message: Option<usize>,
    /// Fields of the first line.
    width: usize,
    /// Whether the text of the row before may go on.
    goes_on: bool,
    /// Whether that row has too few fields, or too many.
    is_odd: bool,
    /// The line of a piece of text that belongs to the next row.
    begins_at: Option<u64>,
    /// Whether spaces follow the separators of the last row with a number.
    was_spaced: Option<bool>,
}

impl Broken {
    pub fn new(columns: &Columns, width: usize) -> Self {
        let place = |column| columns.read.iter().find(|(one, _)| *one == column).map(|(_, place)| *place);
        let (destination, message) = (place(Column::Destination).unwrap_or(0), place(Column::Message));
        Self { destination, message, width, goes_on: false, is_odd: false, begins_at: None, was_spaced: None }
    }

    /// A row of separators alone: no text goes on across it.
    pub fn end_at(&mut self, empty: &Record) {
        if empty.cells.len() > 1 && empty.cells.len() >= self.width {
            (self.goes_on, self.begins_at) = (false, None);
        }
    }

    /// Whether spaces follow the separators of the rows so far.
    pub fn is_spaced(&self) -> bool {
        self.was_spaced == Some(true)
    }

    /// Looks at the next record. `by_spaces_too` says that spaces follow the separators of the first line.
    pub fn next(&mut self, record: &Record, by_spaces_too: bool) -> Rest {
        let rest = self.rest(record, self.was_spaced.unwrap_or(by_spaces_too));
        if self.has_number(record) {
            self.was_spaced = Some(record.is_spaced());
        }
        rest
    }

    fn rest(&mut self, record: &Record, by_spaces_too: bool) -> Rest {
        let Some(message) = self.message else { return Rest::OfNothing };
        let (is_piece, begins_at) = (self.is_piece(record, by_spaces_too), self.begins_at.take());
        let is_closed = record.is_quoted(message);
        if message > self.destination {
            let follows = is_piece || self.is_odd && self.is_without_number(record);
            let rest = if follows && self.goes_on { Rest::OfRowBefore } else { Rest::OfNothing };
            // The break is in the text: what stands before it is a complete row only where the text is its last field.
            self.is_odd = self.fields(record) != self.width;
            let is_head = self.is_odd || message + 1 == self.width;
            self.goes_on = is_head && !is_closed && self.has_number(record);
            return rest;
        }
        if is_piece {
            let is_head = record.cells.len() > message && !is_closed;
            self.begins_at = begins_at.or(Some(record.line).filter(|_| is_head));
            return Rest::OfNothing;
        }
        // The same from behind.
        let is_tail = self.fields(record) != self.width || message == 0;
        match begins_at.filter(|_| is_tail && !is_closed && self.has_number(record)) {
            Some(line) => Rest::BeganOn(line),
            None => Rest::OfNothing,
        }
    }

    /// Without empty fields behind those that have names.
    fn fields(&self, record: &Record) -> usize {
        let is_full = |cell: &Cell| cell.as_ref().is_ok_and(|text| !text.trim().is_empty());
        let last = record.cells.iter().rposition(is_full).map_or(0, |last| last + 1);
        record.cells.len().min(last.max(self.width))
    }

    fn written<'r>(&self, record: &'r Record) -> &'r str {
        record.cells.get(self.destination).and_then(|cell| cell.as_deref().ok()).map(as_dialled).unwrap_or_default()
    }

    /// Whether something stands in the number's place that may be a number: anything else is refused for that.
    fn has_number(&self, record: &Record) -> bool {
        let text = self.written(record);
        phone::is_like_an_address(text) || !text.is_empty() && !text.contains(char::is_alphabetic)
    }

    /// Whether the number is bad, and its row is one nevertheless: digits without letters, and a text.
    fn is_bad_number(&self, record: &Record) -> bool {
        let text = self.written(record);
        let is_number = text.contains(|c: char| c.is_ascii_digit()) && !text.contains(char::is_alphabetic);
        is_number && self.message.is_some_and(|message| record.cells.len() > message)
    }

    /// Whether something stands in the number's place, without quotes, that is no number.
    fn is_without_number(&self, record: &Record) -> bool {
        let (text, is_quoted) = (self.written(record), record.is_quoted(self.destination));
        !is_quoted && !text.is_empty() && !phone::is_like_an_address(text) && !self.is_bad_number(record)
    }

    fn is_piece(&self, record: &Record, by_spaces_too: bool) -> bool {
        if phone::is_like_an_address(self.written(record)) || self.is_bad_number(record) {
            return false;
        }
        let fields = self.fields(record);
        if fields == self.width {
            // In prose a space follows the separator, and no other separator of the file has one.
            let is_spaced = |(place, cell): (usize, &Cell)| {
                let is_spaced = cell.as_ref().is_ok_and(|text| text.starts_with(' ') && !text.trim().is_empty());
                is_spaced && !record.is_quoted(place)
            };
            return !by_spaces_too
                && !record.is_quoted(self.destination)
                && record.cells.iter().enumerate().skip(1).any(is_spaced);
        }
        // A number in another place: a row in which a field has a separator too many.
        let has_number = |cell: &Cell| cell.as_ref().is_ok_and(|text| phone::is_like_an_address(as_dialled(text)));
        fields < self.width || !record.cells.iter().any(has_number)
    }
}

#[cfg(test)]
mod tests;
