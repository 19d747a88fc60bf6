//! Workbooks (`.xlsx`): the rows of one sheet. Numbers are read as numbers, texts as texts, and what a cell only shows, such as
//! a date, is no text. Pure.
//!
//! A workbook is an archive of XML, so that a small file can hold a very large one. It is measured first, by unpacking it as a
//! stream: what is larger than the messages of an import can be is not read. The library that reads it then trusts counts that
//! the XML declares, so those are measured too.

mod parts;
mod sheets;
mod shown;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use calamine::{DataRef, Reader, Style, Xlsx, XlsxError};
use zip::ZipArchive;

use super::table::{BadCell, Cell, Finished, Record, Table};
use super::{BadFile, BadRow, File, Source};
use crate::limits;

/// Spreadsheets keep 15 digits of a number; the others are zeros.
const NUMBER_MAX: f64 = 1E15;

/// What a file is that is no text with separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Workbook,
    Other(&'static str),
}

/// What a file is by its first bytes; `None` of what may be a text.
pub fn kind_of(bytes: &[u8]) -> Option<Kind> {
    const KNOWN: [(&[u8], Kind); 8] = [
        (b"PK\x03\x04", Kind::Workbook),
        (b"PK\x05\x06", Kind::Other("an empty archive")),
        (b"\xd0\xcf\x11\xe0", Kind::Other("an old .xls workbook, or one with a password")),
        (b"%PDF", Kind::Other("a PDF")),
        (b"{\\rtf", Kind::Other("a text document")),
        (b"\x1f\x8b", Kind::Other("a compressed file")),
        (b"\x89PNG", Kind::Other("a picture")),
        (b"\xff\xd8\xff", Kind::Other("a picture")),
    ];
    if let Some((_, kind)) = KNOWN.iter().find(|(first, _)| bytes.starts_with(first)) {
        return Some(*kind);
    }
    // Programs name a web page or XML .xls, and spreadsheets open it.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|first| first.eq_ignore_ascii_case(with));
    let is_page = [&b"<!doctype"[..], b"<html", b"<table", b"<?xml"].into_iter().any(begins);
    is_page.then_some(Kind::Other("a web page or XML"))
}

/// Reads the sheet of that name, or the first where no other holds recipients.
///
/// # Errors
/// [`BadFile`]
pub fn read(bytes: &[u8], sheet: Option<&str>, rows_max: usize) -> Result<File, BadFile> {
    measure(bytes)?;
    // The library computes with what the XML declares; a fault in that is the file's.
    let read = catch_unwind(AssertUnwindSafe(|| read_sheet(bytes, sheet, rows_max)));
    read.unwrap_or_else(|_| Err(BadFile::Workbook("its parts contradict each other".into())))
}

fn unreadable(error: impl std::fmt::Display) -> BadFile {
    BadFile::Workbook(super::beginning(&error.to_string()))
}

/// An archive that cannot be unpacked.
fn damaged(_: impl std::fmt::Display) -> BadFile {
    BadFile::Workbook("it is damaged or not complete; save it again, or send it again".into())
}

/// What one part of a workbook may be: its bytes, and the elements that become values in memory.
struct Bound {
    bytes: u64,
    elements: usize,
}

fn bound_of(name: &str) -> Bound {
    let name = name.replace('\\', "/").to_ascii_lowercase();
    let is_read_whole = ["styles.xml", "workbook.xml", "theme1.xml", ".rels"].iter().any(|end| name.ends_with(end));
    if name.ends_with("sharedstrings.xml") {
        Bound { bytes: limits::WORKBOOK_TEXTS_BYTES_MAX, elements: limits::WORKBOOK_TEXT_ELEMENTS_MAX }
    } else if !is_read_whole && (name.contains("worksheets/") || name.contains("media/")) {
        Bound { bytes: limits::WORKBOOK_BYTES_MAX, elements: usize::MAX }
    } else {
        Bound { bytes: limits::WORKBOOK_PART_BYTES_MAX, elements: limits::WORKBOOK_PART_ELEMENTS_MAX }
    }
}

/// Unpacks every part once without keeping it.
fn measure(bytes: &[u8]) -> Result<(), BadFile> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.len() > limits::WORKBOOK_PARTS_MAX {
        return Err(BadFile::TooLarge);
    }
    let names: Vec<String> = archive.file_names().flatten().map(|name| name.to_ascii_lowercase()).collect();
    if !names.iter().any(|name| name.ends_with("workbook.xml")) {
        let kind = match () {
            () if names.iter().any(|name| name == "content.xml") => "an OpenDocument file",
            () if names.iter().any(|name| name.ends_with("workbook.bin")) => "a binary .xlsb workbook",
            () if names.iter().any(|name| name.ends_with("document.xml")) => "a text document",
            () => "an archive",
        };
        return Err(BadFile::Kind(kind));
    }
    let mut left = limits::WORKBOOK_BYTES_MAX;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(damaged)?;
        let bound = bound_of(&part.name().map_err(unreadable)?);
        let measured = measure_part(part, left.min(bound.bytes))?;
        if measured.elements > bound.elements || measured.declared > measured.elements as u64 {
            return Err(BadFile::TooLarge);
        }
        left -= measured.bytes;
    }
    let names: Vec<String> = archive.file_names().flatten().map(Cow::into_owned).collect();
    for name in names.into_iter().filter(|name| name.to_ascii_lowercase().ends_with("styles.xml")) {
        if parts::style_bytes(&mut archive, &name)? > limits::WORKBOOK_STYLES_BYTES_MAX {
            return Err(BadFile::TooLarge);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Measured {
    bytes: u64,
    elements: usize,
    /// The largest count of texts that it declares.
    declared: u64,
}

fn measure_part(mut part: impl Read, bytes_max: u64) -> Result<Measured, BadFile> {
    const DECLARES: &[u8] = b"uniqueCount";
    let (mut measured, mut piece, mut tail, mut run) = (Measured::default(), vec![0; 64 * 1024], Vec::new(), 0);
    loop {
        let length = part.read(&mut piece).map_err(damaged)?;
        if length == 0 {
            return Ok(measured);
        }
        measured.bytes += length as u64;
        if measured.bytes > bytes_max {
            return Err(BadFile::TooLarge);
        }
        let mut runs = piece[..length].split(|byte| *byte == b'<').map(<[u8]>::len);
        run += runs.next().unwrap_or_default();
        let mut longest = run;
        for next in runs {
            measured.elements += 1;
            run = next;
            longest = longest.max(run);
        }
        if longest > limits::WORKBOOK_RUN_BYTES_MAX {
            return Err(BadFile::TooLarge);
        }
        // An attribute may stand across two pieces.
        tail.extend_from_slice(&piece[..length]);
        // In UTF-16 every letter has a zero byte: then it is read without them.
        tail.retain(|byte| *byte != 0);
        for (at, _) in tail.windows(DECLARES.len()).enumerate().filter(|(_, window)| *window == DECLARES) {
            measured.declared = measured.declared.max(count_at(&tail[at + DECLARES.len()..]));
        }
        let kept = tail.len().saturating_sub(256);
        tail.drain(..kept);
    }
}

/// The number in `="123"`.
fn count_at(text: &[u8]) -> u64 {
    let is_before = |byte: &&u8| matches!(**byte, b'=' | b'"' | b'\'' | b'+') || byte.is_ascii_whitespace();
    let skipped = text.iter().take_while(is_before).count();
    let digits = text[skipped..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |count: u64, digit| count.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

fn read_sheet(bytes: &[u8], wanted: Option<&str>, rows_max: usize) -> Result<File, BadFile> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let sheets::Choice { sheet, others } = sheets::choose(&mut workbook, wanted)?;
    let marks = parts::marks(bytes, &sheet)?;
    // Every cell is looked at once more for it.
    let uncalculated = match marks.has_formulas {
        true => uncalculated(&mut workbook, &sheet).map_err(unreadable)?,
        false => HashSet::new(),
    };
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(unreadable)?;
    let formats = formats(cells.styles());
    let (mut record, mut table, mut kept) = (Record::default(), None::<Table>, 0);
    let kept_max = limits::WORKBOOK_KEPT_BYTES_MAX.saturating_mul(rows_max.div_ceil(limits::IMPORT_ROWS_MAX));
    let mut last = None;
    loop {
        let ((row, column), value) = match cells.next_cell_with_style_id() {
            Ok(None) => break,
            Ok(Some((cell, style))) => {
                let value = match cell.get_value() {
                    _ if uncalculated.contains(&cell.get_position()) => Err(BadCell::Formula),
                    value => text_of(value, formats.get(style).and_then(Option::as_deref)),
                };
                (cell.get_position(), value)
            }
            // An error of a cell that the library does not know, such as `#CALC!`.
            Err(XlsxError::CellError(error)) => match marks.next_error(last) {
                Some(at) => (at, Err(BadCell::Error(super::beginning(&error)))),
                None => return Err(unreadable(XlsxError::CellError(error))),
            },
            Err(error) => return Err(unreadable(error)),
        };
        // A cell that stands twice would take the place of the first.
        let is_in_order = last < Some((row, column));
        last = Some((row, column));
        let (line, place) = (u64::from(row) + 1, column as usize);
        if !is_in_order || place >= limits::IMPORT_COLUMNS_MAX {
            return Err(BadFile::Workbook("its cells are not in order".into()));
        }
        if line > record.line {
            end_row(std::mem::take(&mut record), &mut table, &marks, rows_max)?;
            record.line = line;
        }
        if value.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            continue;
        }
        if table.as_ref().is_some_and(|table| !table.reads(place)) {
            // What stands in other columns is read by nobody, and behind the heading it is not even a row.
            record.holds_more |= table.as_ref().is_some_and(|table| place < table.width());
            continue;
        }
        kept += value.as_ref().map_or(0, String::len);
        if kept > kept_max {
            return Err(BadFile::TooLarge);
        }
        record.cells.resize(record.cells.len().max(place + 1), Ok(String::new()));
        record.cells[place] = value;
    }
    end_row(record, &mut table, &marks, rows_max)?;
    let Finished { lines, ignored, continues } = table.ok_or(BadFile::Empty)?.finish()?;
    let (format, sheet) = ("xlsx".into(), Some(sheet));
    let source = Source { format, sheet, other_sheets: others, ignored, continues, ..Source::default() };
    Ok(File { source, lines })
}

/// The formats of numbers by the styles of cells; many styles share one.
fn formats(styles: &[Style]) -> Vec<Option<Rc<str>>> {
    let mut known: HashSet<Rc<str>> = HashSet::new();
    let mut format = |style: &Style| {
        let code = style.number_format.as_ref()?.format_code.as_str();
        let known_one = known.get(code).cloned();
        Some(known_one.unwrap_or_else(|| {
            let code = Rc::from(code);
            known.insert(Rc::clone(&code));
            code
        }))
    };
    styles.iter().map(&mut format).collect()
}

/// The first row that holds anything names the columns.
fn end_row(record: Record, table: &mut Option<Table>, marks: &parts::Marks, rows_max: usize) -> Result<(), BadFile> {
    match table {
        _ if record.is_empty() => {}
        // Whoever hides a row, by a filter perhaps, may not want it sent.
        Some(table) if marks.hidden.contains(&record.line) => {
            table.add(Record { fault: Some(BadRow::Hidden), ..record })?;
        }
        Some(table) => table.add(record)?,
        None => {
            let names = record.names();
            let new = Table::new(names.clone(), rows_max)?;
            // Nobody sees what would be sent from it, or to whom.
            let unseen = (0..names.len()).find(|place| new.holds(*place) && marks.hides_column(*place));
            if let Some(place) = unseen {
                return Err(BadFile::HiddenColumn(names[place].trim().to_owned()));
            }
            *table = Some(new);
        }
    }
    Ok(())
}

/// Cells whose formulas were never calculated: programs write such workbooks.
fn uncalculated(workbook: &mut Xlsx<Cursor<&[u8]>>, sheet: &str) -> Result<HashSet<(u32, u32)>, XlsxError> {
    let (mut found, mut cells) = (HashSet::new(), workbook.worksheet_cells_reader(sheet)?);
    loop {
        let cell = match cells.next_cell_with_formula_metadata() {
            Ok(Some(cell)) => cell,
            Ok(None) => return Ok(found),
            Err(XlsxError::CellError(_)) => continue,
            Err(error) => return Err(error),
        };
        if cell.formula.is_some() && cell.value == DataRef::Empty && found.len() < limits::WORKBOOK_FORMULAS_MAX {
            found.insert(cell.pos);
        }
    }
}

/// What a cell says, if it is certain.
fn text_of(value: &DataRef<'_>, format: Option<&str>) -> Cell {
    match value {
        DataRef::Empty => Ok(String::new()),
        DataRef::String(text) => line_breaks(text),
        DataRef::SharedString(text) => line_breaks(text),
        DataRef::Bool(true) => Ok("TRUE".into()),
        DataRef::Bool(false) => Ok("FALSE".into()),
        #[allow(clippy::cast_precision_loss, reason = "what is too large to be exact is refused")]
        DataRef::Int(number) => digits(*number as f64, format.unwrap_or("General")),
        DataRef::Float(number) => digits(*number, format.unwrap_or("General")),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => Err(BadCell::Date),
        DataRef::Error(error) => Err(BadCell::Error(error.to_string())),
    }
}

/// A text with its line breaks written in one way. One that no message can hold is not copied.
fn line_breaks(text: &str) -> Cell {
    match text.len() {
        0..=limits::CELL_BYTES_MAX => Ok(text.replace("\r\n", "\n").replace('\r', "\n")),
        _ => Err(BadCell::TooLong),
    }
}

/// The digits of a whole number as its cell shows them.
fn digits(number: f64, format: &str) -> Cell {
    if number.fract() != 0.0 {
        return Err(BadCell::Fraction(number.to_string()));
    }
    if number.is_sign_negative() {
        return Err(BadCell::Negative(number.to_string()));
    }
    if number >= NUMBER_MAX {
        return Err(BadCell::TooLarge);
    }
    let zeros = format.len();
    match format {
        "General" | "@" | "#" | "" => Ok(format!("{number:.0}")),
        // As many digits as zeros, as for numbers that begin with one.
        _ if zeros <= 32 && format.bytes().all(|byte| byte == b'0') => Ok(format!("{number:0>zeros$.0}")),
        _ if shown::has_lost_digits(number, format) => Err(BadCell::LostDigits(format!("{number:E}"))),
        _ => Err(BadCell::Format { format: super::beginning(format), shown: shown::text(number, format) }),
    }
}

#[cfg(test)]
mod tests;
