//! Which rows of a sheet are hidden, by hand or by a filter: the library that reads the cells does not say. Pure.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{BufReader, Cursor};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use zip::ZipArchive;

use super::unreadable;
use crate::campaign::BadFile;

const BOOK: &str = "xl/workbook.xml";
const RELATIONS: &str = "xl/_rels/workbook.xml.rels";

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The numbers of a sheet's hidden rows, from 1.
///
/// # Errors
/// [`BadFile::Workbook`]
pub fn rows(bytes: &[u8], sheet: &str) -> Result<HashSet<u64>, BadFile> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let Some(part) = part_of(&mut archive, sheet)? else { return Ok(HashSet::new()) };
    let (mut hidden, mut number) = (HashSet::new(), 0);
    each_element(&mut archive, &part, |element| {
        if element.local_name().as_ref() == "row" {
            number = attribute(element, "r").and_then(|text| text.parse().ok()).unwrap_or(number + 1);
            let is_true = |name| attribute(element, name).is_some_and(|text| matches!(text.as_ref(), "1" | "true"));
            let is_flat = attribute(element, "ht").and_then(|text| text.parse::<f64>().ok()) == Some(0.0);
            if is_true("hidden") || is_flat {
                hidden.insert(number);
            }
        }
    })?;
    Ok(hidden)
}

/// The part that holds a sheet.
fn part_of(archive: &mut Archive<'_>, sheet: &str) -> Result<Option<String>, BadFile> {
    let (mut id, mut target) = (None, None);
    each_element(archive, BOOK, |element| {
        if element.local_name().as_ref() == "sheet" && attribute(element, "name").as_deref() == Some(sheet) {
            id = id.take().or_else(|| attribute(element, "id"));
        }
    })?;
    each_element(archive, RELATIONS, |element| {
        if id.is_some() && attribute(element, "Id") == id {
            target = attribute(element, "Target");
        }
    })?;
    Ok(target.map(|target| match target.strip_prefix('/') {
        Some(from_root) => from_root.to_owned(),
        None => format!("xl/{target}"),
    }))
}

/// Shows each element of a part that begins, or nothing where there is no such part.
fn each_element(archive: &mut Archive<'_>, part: &str, mut look: impl FnMut(&BytesStart<'_>)) -> Result<(), BadFile> {
    let is_it = |name: &str| name.replace('\\', "/").eq_ignore_ascii_case(part);
    let Some(name) = archive.file_names().flatten().find(|name| is_it(name)).map(Cow::into_owned) else {
        return Ok(());
    };
    let mut reader = Reader::from_reader(BufReader::new(archive.by_name(&name).map_err(unreadable)?));
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).map_err(unreadable)? {
            Event::Start(element) | Event::Empty(element) => look(&element),
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}

/// An attribute by its name without a prefix.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|one| one.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
}
