//! Which rows of a file can be queued, and by what each is recognized when the file is imported again. Pure.

use std::collections::BTreeSet;

use super::keys::{self, Said, Seen};
use super::{BadRow, Campaign, Checked, Line, Ready, Refused, Row, beginning};
use crate::phone;

/// Checks the rows of a campaign, in the order of its file and from its first row on.
#[derive(Debug)]
pub struct Checker {
    campaign: Campaign,
    seen: Seen,
    /// Those that say the same with the same password in an address.
    seen_passwords: Seen,
    /// The same of any campaign.
    seen_said: Seen,
    /// The same under each name of the campaign by the keys of an earlier version.
    seen_cells: Vec<Seen>,
    /// Each other name of the campaign in lower case, and the same under it.
    seen_named: Vec<(String, Seen)>,
}

impl Checker {
    pub fn new(campaign: Campaign) -> Self {
        let seen_cells = campaign.name.former.iter().map(|_| Seen::default()).collect();
        let key = campaign.name.key();
        let others: BTreeSet<String> = campaign.name.former.iter().map(|name| name.to_lowercase()).collect();
        let others = others.into_iter().filter(|name| *name != key);
        let seen_named = others.map(|name| (name, Seen::default())).collect();
        Self {
            campaign,
            seen: Seen::default(),
            seen_passwords: Seen::default(),
            seen_said: Seen::default(),
            seen_cells,
            seen_named,
        }
    }

    /// The row, ready to be queued, or why it is not.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&mut self, line: Line) -> Checked {
        let Line { line, at, destination, row, .. } = line;
        let (place, line) = (i64::try_from(at).unwrap_or(i64::MAX), i64::try_from(line).unwrap_or(i64::MAX));
        row.and_then(|row| self.ready(row, at, place, line)).map_err(|bad| {
            let reason = beginning(&bad.to_string());
            Refused { place, line, destination, reason }
        })
    }

    fn ready(&mut self, row: Row, at: usize, place: i64, line: i64) -> Result<Ready, BadRow> {
        let content = row.content().map_err(|bad| row.no_message(bad, &self.campaign))?;
        let timeout_seconds = row.timeout_seconds()?;
        let recipient = row.recipient(&self.campaign)?;
        let (is_group, recipient) = (recipient.is_group(), recipient.into_id());
        let (priority, tag) = (row.priority()?, row.tag()?);
        // Both forms of a number are one recipient.
        let to = phone::line_of(&recipient);
        let said = Said { recipient: &to, is_group, content: &content };
        let key = keys::key(&self.campaign, &said, &mut self.seen);
        let (any, said_before) = keys::said(self.campaign.client_id, &said, &mut self.seen_said);
        let mut former_keys = Vec::new();
        for (name, seen) in self.campaign.name.former.iter().zip(&mut self.seen_cells) {
            former_keys.push(keys::key_of_place(&self.campaign, name, at, &row, &recipient));
            let how = (timeout_seconds, priority);
            former_keys.push(keys::key_of_cells(&self.campaign, name, &row, &said, how, seen));
        }
        former_keys.extend(keys::key_with_password(&self.campaign, &said, &mut self.seen_passwords));
        for (name, seen) in &mut self.seen_named {
            former_keys.push(keys::key_named(&self.campaign, name, &said, seen));
        }
        Ok(Ready {
            place,
            line,
            key,
            former_keys,
            said: any,
            said_before,
            recipient,
            is_group,
            timeout_seconds,
            content,
            priority,
            tag,
        })
    }
}

#[cfg(test)]
mod tests;
