//! The gateway's own files, read again: without what was put before a text for spreadsheets, and a refused row only where it was
//! corrected.

use std::borrow::Cow;

use super::super::{again, inert};
use super::{BadRow, Record, Table};

impl Table {
    /// A cell without what the gateway put before it, in a file of its own.
    pub(super) fn own_text<'t>(&self, cell: &'t str) -> Cow<'t, str> {
        let text = inert::is_own_file(&self.names).then(|| inert::unguarded(cell)).flatten();
        text.map_or(Cow::Borrowed(cell), Cow::Owned)
    }

    /// Whether a row that was refused is another now, or was marked as good.
    ///
    /// # Errors
    /// [`BadRow::Unchanged`]
    pub(super) fn check_changed(&self, record: &Record) -> Result<(), BadRow> {
        if !inert::is_own_file(&self.names) {
            return Ok(());
        }
        let cell = |name: &str| {
            let place = self.names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
            record.cells.get(place)?.as_deref().ok().map(str::trim).filter(|text| !text.is_empty())
        };
        match cell(again::MARK) {
            Some(mark) if again::mark(&mut self.written(record).row) == mark => {
                let reason = self.own_text(cell("reason").unwrap_or_default()).into_owned();
                Err(BadRow::Unchanged { reason })
            }
            _ => Ok(()),
        }
    }
}
