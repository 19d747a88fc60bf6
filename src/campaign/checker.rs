//! Which rows of a file can be queued, and by what each is recognized when the file is imported again. Pure.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{BadRow, Campaign, Checked, Line, Ready, Refused, Row, beginning};
use crate::account::hex_upper;
use crate::limits;
use crate::message::Priority;

/// Checks the rows of a campaign, in the order of its file and from its first row on.
#[derive(Debug)]
pub struct Checker {
    campaign: Campaign,
    /// How many good rows with the same contents came so far, by the beginning of a hash.
    seen: HashMap<[u8; 16], u64>,
}

impl Checker {
    pub fn new(campaign: Campaign) -> Self {
        Self { campaign, seen: HashMap::new() }
    }

    /// The row, ready to be queued, or why it is not.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&mut self, line: Line) -> Checked {
        let Line { line, at, row } = line;
        let (place, line) = (i64::try_from(at).unwrap_or(i64::MAX), i64::try_from(line).unwrap_or(i64::MAX));
        let destination = row.as_ref().map_or_else(|_| String::new(), |row| beginning(&row.destination));
        row.and_then(|row| self.ready(row, at, place, line)).map_err(|bad| {
            let reason = beginning(&bad.to_string());
            Refused { place, line, destination, reason }
        })
    }

    fn ready(&mut self, row: Row, at: usize, place: i64, line: i64) -> Result<Ready, BadRow> {
        let (content, timeout_seconds) = (row.content()?, row.timeout_seconds()?);
        let recipient = row.recipient(&self.campaign)?;
        let (is_group, recipient) = (recipient.is_group(), recipient.into_id());
        let (priority, tag) = (row.priority()?, row.tag()?);
        let former_key = self.former_key(at, &row, &recipient);
        let key = self.key(&row, timeout_seconds, is_group, priority, &recipient);
        Ok(Ready { place, line, key, former_key, recipient, is_group, timeout_seconds, content, priority, tag })
    }

    /// By what a row is recognized: the campaign's name, whom it goes to, what it says, and how many rows before it say the same.
    /// The key depends on neither the row's place nor the other rows, nor on how the file is written: rows may be corrected,
    /// removed, added and sorted.
    fn key(
        &mut self,
        row: &Row,
        timeout_seconds: i64,
        is_group: bool,
        priority: Option<Priority>,
        recipient: &str,
    ) -> String {
        let timeout = Some(timeout_seconds).filter(|seconds| *seconds != limits::TIMEOUT_SECONDS_DEFAULT);
        let timeout = timeout.map(|seconds| seconds.to_string()).unwrap_or_default();
        // Without a file the kind says nothing.
        let kind = if row.media_url.is_empty() { String::new() } else { row.kind.to_ascii_lowercase() };
        let client_id = self.campaign.client_id.to_string();
        let fields = [
            client_id.as_str(),
            &self.campaign.name,
            recipient,
            if is_group { "group" } else { "" },
            &row.message,
            &row.media_url,
            &row.file_name,
            &kind,
            &timeout,
            priority.map_or("", Priority::name),
            &row.tag,
        ];
        let mut hash = Sha256::new_with_prefix("row");
        for field in fields {
            hash.update([0]);
            hash.update(field);
        }
        let mut contents = [0; 16];
        contents.copy_from_slice(&hash.clone().finalize()[..16]);
        let same = self.seen.entry(contents).or_default();
        hash.update([0]);
        hash.update(same.to_string());
        *same += 1;
        format!("import:{}", hex_upper(&hash.finalize()))
    }

    /// The key of a row up to version 0.1, which depended on its place: what was queued under it is not queued again.
    fn former_key(&self, at: usize, row: &Row, recipient: &str) -> String {
        let Row { message, media_url, file_name, kind, timeout, is_group, priority, tag, .. } = row;
        let kind = if media_url.is_empty() { "" } else { kind.as_str() };
        let mut fields = vec![recipient, message, media_url, file_name, timeout, is_group, priority, tag, kind];
        fields.truncate(fields.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1));
        let Campaign { client_id, name, .. } = &self.campaign;
        let mut hash = Sha256::new_with_prefix(format!("{client_id}\0{name}\0{at}"));
        for field in fields {
            hash.update([0]);
            hash.update(field);
        }
        format!("import:{}", hex_upper(&hash.finalize()))
    }
}

#[cfg(test)]
mod tests;
