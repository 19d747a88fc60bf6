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

/// Which part is the workbook.
const ROOT_RELATIONS: &str = "_rels/.rels";

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The numbers of a sheet's hidden rows, from 1.
///
/// # Errors
/// [`BadFile::Workbook`]
pub fn rows(bytes: &[u8], sheet: &str) -> Result<HashSet<u64>, BadFile> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let part =
        part_of(&mut archive, sheet)?.ok_or_else(|| BadFile::Workbook("its parts contradict each other".into()))?;
    if name_of(&archive, &part).is_none() {
        return Err(BadFile::Workbook("its parts contradict each other".into()));
    }
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
    let Some(name) = name_of(archive, part) else { return Ok(()) };
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
