//! Text with separators: CSV as spreadsheets, programs and people write it. A field in quotes may hold separators, doubled quotes
//! and line breaks; where quotes are wrong nothing is guessed. Lines are counted as text editors count them. Pure.

use super::columns::Column;
use super::table::{Quoted, Record, Table};
use super::{BadFile, BadRow};
use crate::limits;

/// In the order in which a first line that fits several is read.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// The line on which a quote opened that nothing closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclosed(pub u64);

/// Reads records from a text, one at a time.
#[derive(Debug, Clone)]
pub struct Scanner<'t> {
    rest: &'t str,
    /// Of what comes next, from 1.
    line: u64,
    separator: char,
}

/// What a field ended with.
enum End {
    Field,
    Record,
}

/// Reads the rows of a text, and says how it is separated.
///
/// # Errors
/// [`BadFile`]
pub fn read(text: &str, rows_max: usize) -> Result<(Table, char), BadFile> {
    let unclosed = |Unclosed(line)| BadFile::Unclosed { line };
    let mut scanner = Scanner::declared(text).map_or_else(|| by_first_line(text), Ok).map_err(unclosed)?;
    let separator = scanner.separator;
    let mut next = || {
        let record = scanner.next_record().map_err(unclosed)?;
        let is_wide = |record: &Record| record.cells.len() > limits::IMPORT_COLUMNS_MAX;
        match record.as_ref().filter(|record| is_wide(record)) {
            Some(Record { line, .. }) => Err(BadFile::TooWide { line: *line, most: limits::IMPORT_COLUMNS_MAX }),
            None => Ok(record),
        }
    };
    let heading = next()?.ok_or(BadFile::Empty)?;
    let mut table = Table::of_text(heading, separator, rows_max)?;
    while let Some(record) = next()? {
        table.add(record)?;
    }
    Ok((table, separator))
}

/// The separator under which the first line names the most columns.
fn by_first_line(text: &str) -> Result<Scanner<'_>, Unclosed> {
    let (mut most, mut broken) = ((false, 0, 0), None);
    let mut best = Scanner::new(text, SEPARATORS[0]);
    for separator in SEPARATORS {
        let names = match Scanner::new(text, separator).next_record() {
            Ok(record) => record.unwrap_or_default().names(),
            Err(unclosed) => {
                broken.get_or_insert(unclosed);
                continue;
            }
        };
        let columns: Vec<Column> = names.iter().filter_map(|name| Column::of(name)).collect();
        let said = (columns.contains(&Column::Destination), columns.len(), names.len());
        if said > most {
            most = said;
            best = Scanner::new(text, separator);
        }
    }
    // Where no separator gives a column of destinations, an open quote is why.
    match broken {
        Some(unclosed) if !most.0 => Err(unclosed),
        _ => Ok(best),
    }
}

impl<'t> Scanner<'t> {
    pub fn new(text: &'t str, separator: char) -> Self {
        Self { rest: text, line: 1, separator }
    }

    /// A text whose first line may say how it is separated (`sep=;`, as Excel reads it). That line is counted and not read.
    pub fn declared(text: &'t str) -> Option<Self> {
        let (first, rest) = text.split_at(text.find(['\r', '\n']).unwrap_or(text.len()));
        let first = first.trim_end_matches([' ', '\u{a0}']).trim_matches('"');
        let behind = first.get(..4).filter(|word| word.eq_ignore_ascii_case("sep="))?.len();
        let separator = first[behind..].chars().next()?;
        // Where the rows are wider, programs that save the file again put more separators behind it.
        let is_alone = first[behind..].chars().all(|c| c == separator);
        let is_separator = is_alone && !separator.is_alphanumeric() && separator != '"';
        let mut scanner = Self::new(rest, separator);
        scanner.line_break();
        is_separator.then_some(scanner)
    }

    /// The next record; empty lines are passed over.
    ///
    /// # Errors
    /// [`Unclosed`]
    pub fn next_record(&mut self) -> Result<Option<Record>, Unclosed> {
        while self.line_break() {}
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut record = Record { line: self.line, ..Record::default() };
        loop {
            let (line, place) = (self.line, record.cells.len());
            let before = self.rest;
            let is_quoted = self.quote();
            let (text, end) = match is_quoted {
                true => self.in_quotes(&mut record.fault)?,
                false => self.bare(&mut record.fault),
            };
            record.quoted.extend(is_quoted.then_some(Quoted {
                place,
                line,
                is_spaced: place > 0 && before.starts_with(' '),
            }));
            record.cells.push(Ok(text));
            // One more than there may be tells that there are too many.
            if place == limits::IMPORT_COLUMNS_MAX {
                return Ok(Some(record));
            }
            if let End::Record = end {
                return Ok(Some(record));
            }
        }
    }

    /// Passes a line break.
    fn line_break(&mut self) -> bool {
        let rest = ["\r\n", "\n", "\r"].into_iter().find_map(|end| self.rest.strip_prefix(end));
        self.line += u64::from(rest.is_some());
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Passes the quote that opens a field; spaces before it are no part of the field.
    fn quote(&mut self) -> bool {
        let trimmed = self.rest.trim_start_matches(|c: char| matches!(c, ' ' | '\t') && c != self.separator);
        let behind = trimmed.strip_prefix('"');
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    /// The rest of a field in quotes.
    fn in_quotes(&mut self, fault: &mut Option<BadRow>) -> Result<(String, End), Unclosed> {
        let (opened, mut text) = (self.line, String::new());
        loop {
            let end = self.rest.find(['"', '\r', '\n']).ok_or(Unclosed(opened))?;
            text.push_str(&self.rest[..end]);
            self.rest = &self.rest[end..];
            // A program that wrote `\r\n` as a text, whose line ends were then made `\r\n` again: one line break within a text.
            if self.rest.starts_with("\r\r\n") {
                self.line_break();
            }
            if self.line_break() {
                text.push('\n');
            } else if let Some(rest) = self.rest.strip_prefix("\"\"") {
                text.push('"');
                self.rest = rest;
            } else {
                self.rest = &self.rest[1..];
                break;
            }
        }
        let (behind, end) = self.until_separator();
        if !behind.trim().is_empty() {
            fault.get_or_insert(BadRow::BehindQuote { line: opened });
            // It goes nowhere, but back to the person.
            text.push('"');
            text.push_str(behind);
        }
        Ok((text, end))
    }

    /// A field without quotes around it. One quote in it may be a mark for inches or the beginning of a quotation with separators.
    fn bare(&mut self, fault: &mut Option<BadRow>) -> (String, End) {
        let line = self.line;
        let (text, end) = self.until_separator();
        if text.matches('"').count() % 2 == 1 {
            fault.get_or_insert(BadRow::LoneQuote { line });
        }
        (text.to_owned(), end)
    }

    fn until_separator(&mut self) -> (&'t str, End) {
        let end = self.rest.find([self.separator, '\r', '\n']).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        match rest.strip_prefix(self.separator) {
            Some(behind) => {
                self.rest = behind;
                (text, End::Field)
            }
            None => {
                self.line_break();
                (text, End::Record)
            }
        }
    }
}

/// The fields of a line within a text, as if it were a row of its own.
pub fn fields(line: &str, separator: char) -> Vec<String> {
    // A line without a line break opens no quote that another line could close: what is left of it is its last field.
    let closed = if line.matches('"').count() % 2 == 1 { line.replace('"', "") } else { line.to_owned() };
    let record = Scanner::new(&closed, separator).next_record().ok().flatten().unwrap_or_default();
    record.cells.into_iter().map(Result::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a text with commas: the line of each and its fields, or what is wrong with it.
    fn read(text: &str) -> Result<Vec<(u64, Vec<String>)>, u64> {
        let (mut scanner, mut found) = (Scanner::new(text, ','), Vec::new());
        while let Some(record) = scanner.next_record().map_err(|Unclosed(line)| line)? {
            let cells = record.cells.into_iter().map(|cell| cell.expect("a text")).collect();
            found.push((record.line, record.fault.map_or(cells, |fault| vec![format!("! {fault}")])));
        }
        Ok(found)
    }

    fn lines(text: &str) -> Vec<u64> {
        read(text).expect("records").into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn lines_are_counted_as_text_editors_count_them() {
        for (text, expected) in [
            ("a\nb\nc", vec![1, 2, 3]),
            ("a\r\nb\r\nc\r\n", vec![1, 2, 3]),
            ("a\rb\rc\r", vec![1, 2, 3]),
            ("a\nb\r\nc\rd", vec![1, 2, 3, 4]),
            ("\n\r\n\ra\n\n\nb\r\r\nc", vec![4, 7, 9]),
            ("a,\"1\n2\r\n3\r4\"\nb", vec![1, 5]),
            ("a,\"1\r\r\n3\"\r\r\nb", vec![1, 5]),
            ("\"1\n\n2\",x\r\n\r\nb", vec![1, 5]),
            ("", vec![]),
            ("\n\n", vec![]),
        ] {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn fields_are_what_was_written() {
        for (text, expected) in [
            ("a,b", vec!["a", "b"]),
            ("a,", vec!["a", ""]),
            (",", vec!["", ""]),
            ("a,\"b,\"\"c\"\"\"", vec!["a", "b,\"c\""]),
            ("a, \"b, c\" ,d", vec!["a", "b, c", "d"]),
            ("a,\"b\r\nc\rd\"", vec!["a", "b\nc\nd"]),
            ("a,\"b\r\r\nc\r\r\n\r\r\nd\"", vec!["a", "b\nc\n\nd"]),
            ("a,5\" x 3\"", vec!["a", "5\" x 3\""]),
            ("a,\"\"", vec!["a", ""]),
            ("a,\"b;c\"\t", vec!["a", "b;c"]),
        ] {
            let read = read(text).expect("records");
            assert_eq!(read.into_iter().map(|(_, fields)| fields).collect::<Vec<_>>(), [expected], "{text:?}");
        }
    }

    #[test]
    fn a_wrong_quote_is_found_where_it_opened() {
        for (text, line) in
            [("a,b\nc,\"d\ne,f\n", 2), ("a,b\r\r\nc,\"d\"\"\re,f", 3), ("a,\"", 1), ("a,\"b\n\"\nc,\"d", 3)]
        {
            assert_eq!(read(text), Err(line), "{text:?}");
        }
        for (text, expected) in [
            ("a,\"b\"c\nd,e", (1, "behind the quote")),
            ("a,\"b\"\"\nc,\"d\"\ne", (1, "behind the quote")),
            ("a,TV 32\"\nd,e", (1, "one quotation mark")),
        ] {
            let read = read(text).expect("records");
            assert_eq!(read[0].0, expected.0);
            assert!(read[0].1[0].starts_with('!') && read[0].1[0].contains(expected.1), "{read:?}");
        }
    }

    #[test]
    fn a_first_line_may_name_the_separator() {
        let declared = |text| {
            let mut scanner = Scanner::declared(text)?;
            let separator = scanner.separator;
            Some((separator, scanner.next_record().ok()??.line))
        };
        assert_eq!(declared("sep=;\r\na;b"), Some((';', 2)));
        assert_eq!(declared("\"SEP=|\"\n\na|b"), Some(('|', 3)));
        assert_eq!(declared("sep=;;\na;b"), Some((';', 2)));
        assert_eq!(declared("sep=\t\ra"), Some(('\t', 2)));
        for none in ["sep=", "sep=;,", "sep=a\nb", "separator\n1", "destination", ""] {
            assert_eq!(declared(none), None, "{none:?}");
        }
    }
}
