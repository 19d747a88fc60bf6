//! What the library that reads the cells does not say: which rows of a sheet are hidden, by hand or by a filter, where cells show
//! errors, and how much it would copy for the styles. Pure.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::io::{BufReader, Cursor};
use std::ops::Bound;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use zip::ZipArchive;

use super::unreadable;
use crate::campaign::BadFile;
use crate::limits;

/// Which part is the workbook.
const ROOT_RELATIONS: &str = "_rels/.rels";

pub type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// What a sheet says of its rows and cells.
#[derive(Debug, Default)]
pub struct Marks {
    /// The numbers of hidden rows, from 1.
    pub hidden: HashSet<u64>,
    /// First and last of hidden columns, from 0.
    columns: Vec<(usize, usize)>,
    /// Rows and columns of the cells that show an error, from 0.
    errors: BTreeSet<(u32, u32)>,
    /// A row that stands behind one with its number, or with a higher one: what reads the cells would take one for the other.
    astray: Option<u64>,
    /// Whether a cell has a formula.
    pub has_formulas: bool,
}

impl Marks {
    pub fn hides_column(&self, place: usize) -> bool {
        self.columns.iter().any(|(first, last)| (*first..=*last).contains(&place))
    }

    /// The first cell behind `last` that shows an error.
    pub fn next_error(&self, last: Option<(u32, u32)>) -> Option<(u32, u32)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.errors.range((from, Bound::Unbounded)).next().copied()
    }
}

/// Follows the values of cells: what reads them takes the first piece of a number for all of it, and the last of two values.
#[derive(Default)]
struct Values {
    /// Whether the cell's value is a text, which is read whole.
    is_text: bool,
    /// Values that the cell has so far, and tables of cells that the sheet has.
    count: usize,
    tables: usize,
    /// Pieces of the value that is open.
    pieces: Option<usize>,
}

impl Values {
    /// Whether this shows that not all of a value is read.
    fn follow(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                "sheetData" => {
                    self.tables += 1;
                    return self.tables > 1;
                }
                "c" => {
                    self.count = 0;
                    self.is_text = matches!(attribute(element, "t").as_deref(), Some("str" | "inlineStr" | "d"));
                }
                "v" => {
                    self.count += 1;
                    self.pieces = matches!(event, Event::Start(_)).then_some(0);
                    return self.count > 1;
                }
                _ => {}
            },
            Event::End(element) if element.local_name().as_ref() == "v" => self.pieces = None,
            Event::Text(_) => {
                self.pieces = self.pieces.map(|pieces| pieces + 1);
                return !self.is_text && self.pieces.is_some_and(|pieces| pieces > 1);
            }
            Event::CData(_) | Event::GeneralRef(_) | Event::Comment(_) | Event::PI(_) => {
                return self.pieces.is_some() && (!self.is_text || matches!(event, Event::CData(_)));
            }
            _ => {}
        }
        false
    }
}

/// What a sheet says of its rows and cells.
///
/// # Errors
/// [`BadFile::Workbook`]
pub fn marks(bytes: &[u8], sheet: &str) -> Result<Marks, BadFile> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let part =
        part_of(&mut archive, sheet)?.ok_or_else(|| BadFile::Workbook("its parts contradict each other".into()))?;
    if name_of(&archive, &part).is_none() {
        return Err(BadFile::Workbook("its parts contradict each other".into()));
    }
    let (mut marks, mut number, mut are_rows_hidden) = (Marks::default(), 0, false);
    let mut values = Values::default();
    each_event(&mut archive, &part, |event| {
        let astray = values.follow(event).then_some(number.max(1));
        marks.astray = marks.astray.or(astray);
        let (Event::Start(element) | Event::Empty(element)) = event else { return };
        if element.local_name().as_ref() == "sheetFormatPr" {
            are_rows_hidden = is_true(element, "zeroHeight");
        }
        if element.local_name().as_ref() == "row" {
            let before: u64 = number;
            number = attribute(element, "r").and_then(|text| text.parse().ok()).unwrap_or(before.saturating_add(1));
            marks.astray = marks.astray.or(Some(number).filter(|number| *number <= before));
            // A row that says nothing of itself looks as the sheet's rows do.
            let says_nothing = || ["ht", "hidden"].iter().all(|name| attribute(element, name).is_none());
            let is_unseen = is_hidden(element, "ht") || are_rows_hidden && says_nothing();
            if is_unseen && marks.astray.is_none() && number <= limits::WORKBOOK_ROWS_MAX {
                marks.hidden.insert(number);
            }
        }
        marks.has_formulas |= element.local_name().as_ref() == "f";
        if element.local_name().as_ref() == "col" && marks.columns.len() < limits::IMPORT_COLUMNS_MAX {
            let place = |name| attribute(element, name)?.parse::<usize>().ok()?.checked_sub(1);
            marks.columns.extend(place("min").zip(place("max")).filter(|_| is_hidden(element, "width")));
        }
        let shows_error = || element.local_name().as_ref() == "c" && attribute(element, "t").as_deref() == Some("e");
        if marks.errors.len() < limits::WORKBOOK_FORMULAS_MAX && shows_error() {
            marks.errors.extend(attribute(element, "r").and_then(|at| position(&at)));
        }
    })?;
    match marks.astray {
        // As many rows as a sheet can have, each once: what is kept of them has a bound.
        _ if number > limits::WORKBOOK_ROWS_MAX => Err(BadFile::TooLarge),
        Some(row) => Err(BadFile::Workbook(format!(
            "the row {row} or a cell of it stands twice in the sheet, in pieces or behind a later one; save it again in a spreadsheet program"
        ))),
        None => Ok(marks),
    }
}

/// Whether a row or column is not shown; `size` is what its height or width is called.
fn is_hidden(element: &BytesStart<'_>, size: &str) -> bool {
    is_true(element, "hidden") || attribute(element, size).and_then(|text| text.parse::<f64>().ok()) == Some(0.0)
}

fn is_true(element: &BytesStart<'_>, name: &str) -> bool {
    attribute(element, name).is_some_and(|text| matches!(text.as_ref(), "1" | "true"))
}

/// Row and column of a cell that is called `B12`, from 0.
fn position(name: &str) -> Option<(u32, u32)> {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (column, row) = name.split_at(letters);
    let number = |letter: u8| u32::from(letter.to_ascii_uppercase() - b'A') + 1;
    let column = column.bytes().try_fold(0_u32, |sum, letter| sum.checked_mul(26)?.checked_add(number(letter)))?;
    Some((row.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

/// Bytes that are copied for a part with styles, at the most: each style is given a copy of its format and its font.
///
/// # Errors
/// [`BadFile::Workbook`]
pub fn style_bytes(archive: &mut Archive<'_>, name: &str) -> Result<usize, BadFile> {
    let (mut longest, mut styles) = (0, 0_usize);
    each_element_of(archive, name, |element| match element.local_name().as_ref() {
        // It holds the names of the formats of XML, and is never copied.
        "styleSheet" => {}
        "xf" => styles += 1,
        _ => longest = longest.max(element.len()),
    })?;
    Ok(styles.saturating_mul(longest))
}

/// The part that holds a sheet.
fn part_of(archive: &mut Archive<'_>, sheet: &str) -> Result<Option<String>, BadFile> {
    let (mut book, mut id, mut target) = (None, None, None);
    each_element(archive, ROOT_RELATIONS, |element| {
        if attribute(element, "Type").is_some_and(|kind| kind.ends_with("/officeDocument")) {
            book = book.take().or_else(|| attribute(element, "Target"));
        }
    })?;
    let book = joined("", &book.unwrap_or_else(|| "xl/workbook.xml".into()));
    each_element(archive, &book, |element| {
        if element.local_name().as_ref() == "sheet" && attribute(element, "name").as_deref() == Some(sheet) {
            id = id.take().or_else(|| attribute(element, "id"));
        }
    })?;
    let (folder, name) = book.rsplit_once('/').unwrap_or(("", &book));
    each_element(archive, &joined(folder, &format!("_rels/{name}.rels")), |element| {
        if id.is_some() && attribute(element, "Id") == id {
            target = attribute(element, "Target");
        }
    })?;
    Ok(target.map(|target| joined(folder, &target)))
}

/// A part's name by what names it from a folder.
fn joined(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let folder = if target.starts_with('/') { "" } else { folder };
    let mut parts = Vec::new();
    for part in folder.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What the archive calls a part.
fn name_of(archive: &Archive<'_>, part: &str) -> Option<String> {
    let is_it = |name: &str| name.replace('\\', "/").eq_ignore_ascii_case(part);
    archive.file_names().flatten().find(|name| is_it(name)).map(Cow::into_owned)
}

/// Shows each element of a part that begins, or nothing where there is no such part.
fn each_element(archive: &mut Archive<'_>, part: &str, mut look: impl FnMut(&BytesStart<'_>)) -> Result<(), BadFile> {
    each_event(archive, part, |event| {
        if let Event::Start(element) | Event::Empty(element) = event {
            look(element);
        }
    })
}

/// Shows all that stands in a part, or nothing where there is no such part.
fn each_event(archive: &mut Archive<'_>, part: &str, look: impl FnMut(&Event<'_>)) -> Result<(), BadFile> {
    match name_of(archive, part) {
        Some(name) => each_event_of(archive, &name, look),
        None => Ok(()),
    }
}

/// The same of a part by what the archive calls it.
fn each_element_of(
    archive: &mut Archive<'_>,
    name: &str,
    mut look: impl FnMut(&BytesStart<'_>),
) -> Result<(), BadFile> {
    each_event_of(archive, name, |event| {
        if let Event::Start(element) | Event::Empty(element) = event {
            look(element);
        }
    })
}

fn each_event_of(archive: &mut Archive<'_>, name: &str, mut look: impl FnMut(&Event<'_>)) -> Result<(), BadFile> {
    let mut reader = Reader::from_reader(BufReader::new(archive.by_name(name).map_err(unreadable)?));
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).map_err(unreadable)? {
            Event::Eof => return Ok(()),
            event => look(&event),
        }
        buffer.clear();
    }
}

/// An attribute by its name without a prefix.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|one| one.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
}
