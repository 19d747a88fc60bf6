//! Which sheet of a workbook is read, and whether another one that is shown holds recipients too: then nobody guesses which is meant.
//! Pure.

use std::collections::HashMap;
use std::io::Cursor;

use calamine::{Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use super::{formats, text_of};
use crate::campaign::BadFile;
use crate::campaign::columns::Column;
use crate::campaign::table::is_phone_number;

/// A column without a heading holds recipients when it has at least this many phone numbers.
const NUMBERS_MIN: usize = 2;

/// What is read of a workbook.
pub struct Choice {
    pub sheet: String,
    /// The other sheets that are shown.
    pub others: Vec<String>,
}

/// The sheet that somebody wants; else the first that is shown, where no other one holds recipients.
///
/// # Errors
/// [`BadFile::NoSheet`], [`BadFile::Sheets`], [`BadFile::Workbook`]
pub fn choose(workbook: &mut Xlsx<Cursor<&[u8]>>, wanted: Option<&str>) -> Result<Choice, BadFile> {
    let is_read =
        |sheet: &&calamine::Sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible;
    let mut shown: Vec<String> =
        workbook.sheets_metadata().iter().filter(is_read).map(|sheet| sheet.name.clone()).collect();
    if shown.is_empty() {
        return Err(BadFile::Workbook("it shows no sheet with cells".into()));
    }
    let plain = |name: &str| name.trim().to_lowercase();
    let at = match wanted {
        Some(wanted) => shown.iter().position(|name| plain(name) == plain(wanted)).ok_or_else(|| {
            let found: Vec<String> = shown.iter().take(9).map(|name| crate::campaign::beginning(name)).collect();
            BadFile::NoSheet { wanted: crate::campaign::beginning(wanted), found: found.join(", ") }
        })?,
        None => 0,
    };
    let sheet = shown.remove(at);
    if wanted.is_none() {
        let mut with_numbers = Vec::new();
        for name in &shown {
            let numbers = count_numbers(workbook, name);
            if numbers > 0 {
                with_numbers.push(format!("{} ({numbers})", crate::campaign::beginning(name)));
            }
        }
        if !with_numbers.is_empty() {
            with_numbers.truncate(9);
            let first = crate::campaign::beginning(&sheet);
            return Err(BadFile::Sheets { first, others: with_numbers.join(", ") });
        }
    }
    Ok(Choice { sheet, others: shown })
}

/// How many rows of a sheet hold a phone number in the column that has the most of them; none where they are no recipients. What
/// cannot be read of a sheet that nobody wants is not counted.
fn count_numbers(workbook: &mut Xlsx<Cursor<&[u8]>>, sheet: &str) -> usize {
    let Ok(mut cells) = workbook.worksheet_cells_reader(sheet) else { return 0 };
    let formats = formats(cells.styles());
    let (mut numbers, mut has_heading): (HashMap<u32, usize>, _) = (HashMap::new(), false);
    loop {
        let (cell, style) = match cells.next_cell_with_style_id() {
            Ok(Some(found)) => found,
            Err(XlsxError::CellError(_)) => continue,
            Ok(None) | Err(_) => break,
        };
        let text = text_of(cell.get_value(), formats.get(style).and_then(Option::as_deref));
        if is_phone_number(&text) {
            *numbers.entry(cell.get_position().1).or_default() += 1;
        } else if !has_heading {
            has_heading = text.is_ok_and(|text| Column::of(&text) == Some(Column::Destination));
        }
    }
    let most = numbers.into_values().max().unwrap_or(0);
    if has_heading || most >= NUMBERS_MIN { most } else { 0 }
}
