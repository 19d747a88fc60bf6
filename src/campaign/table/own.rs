//! The gateway's own files, read again: without what was put before a text for spreadsheets, a refused row only where it was
//! corrected, and whose refused rows they are.

use std::borrow::Cow;

use super::super::{Name, again, inert};
use super::{BadFile, BadRow, Record, Table};

/// The gateway's own columns in a file.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Whether the file is one of the gateway's own, perhaps corrected.
    is_own: bool,
    reason: Option<usize>,
    mark: Option<usize>,
    campaign: Option<usize>,
    /// Whose refused rows stand in it.
    continues: Option<String>,
}

impl Own {
    pub(super) fn of(names: &[String]) -> Self {
        let is_own = inert::is_own_file(names);
        let find = |name: &str| names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let of_ours = |name: &str| find(name).filter(|_| is_own);
        Self {
            is_own,
            reason: of_ours(again::REASON),
            mark: of_ours(again::MARK),
            // It counts where the other columns were deleted, too.
            campaign: find(again::CAMPAIGN),
            continues: None,
        }
    }

    pub(super) fn reads(&self, place: usize) -> bool {
        [self.reason, self.mark, self.campaign].contains(&Some(place))
    }

    /// Whether a column that is not sent is one of the gateway's.
    pub(super) fn knows(&self, name: &str) -> bool {
        (self.is_own || self.continues.is_some()) && again::OURS.iter().any(|own| name.eq_ignore_ascii_case(own))
    }

    pub(super) fn continues(self) -> Option<String> {
        self.continues
    }

    /// Reads whose refused row it is.
    ///
    /// # Errors
    /// [`BadFile::Campaign`] when that cannot be read any more; [`BadFile::Campaigns`] when another row is another campaign's: which of
    /// them sends the rows is not guessed.
    pub(super) fn read_campaign(&mut self, record: &Record) -> Result<(), BadFile> {
        let Some(cell) = self.campaign.and_then(|place| record.cells.get(place)) else { return Ok(()) };
        if cell.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            return Ok(());
        }
        let Some(campaign) = cell.as_deref().ok().and_then(again::campaign_of) else {
            // In the files of others a column of that name is one of theirs.
            return if self.is_own { Err(BadFile::Campaign { line: record.line }) } else { Ok(()) };
        };
        let first = self.continues.get_or_insert_with(|| campaign.clone());
        if Name::is_one(first, &campaign) {
            return Ok(());
        }
        Err(BadFile::Campaigns { first: first.clone(), second: campaign })
    }
}

impl Table {
    /// A cell without what the gateway put before it, in a file of its own.
    pub(super) fn own_text<'t>(&self, cell: &'t str) -> Cow<'t, str> {
        let text = self.own.is_own.then(|| inert::unguarded(cell)).flatten();
        text.map_or(Cow::Borrowed(cell), Cow::Owned)
    }

    /// Whether a row that was refused is another now, or was marked as good.
    ///
    /// # Errors
    /// [`BadRow::Unchanged`]
    pub(super) fn check_changed(&self, record: &Record) -> Result<(), BadRow> {
        let cell = |place: Option<usize>| {
            record.cells.get(place?)?.as_deref().ok().map(str::trim).filter(|text| !text.is_empty())
        };
        match cell(self.own.mark) {
            Some(mark) if again::is_marked(&mut self.written(record).row, mark) => {
                let reason = self.own_text(cell(self.own.reason).unwrap_or_default()).into_owned();
                Err(BadRow::Unchanged { reason })
            }
            _ => Ok(()),
        }
    }
}
