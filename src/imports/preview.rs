//! What a file was read as, to look at before anything is queued. Called when a file is given, and again when its import is begun.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ImportError;
use super::rows::{Before, RowKeys, SentBy, find_before};
use super::sent_before::Earlier;
use crate::campaign::{self, BadFile, Campaign, Checker, Counter, Refused, Source, Totals};
use crate::clock::Millis;
use crate::customer_url::masked;
use crate::device::Kind;
use crate::limits;
use crate::store::Store;

/// Rows of a preview.
const FIRST_ROWS: usize = 10;

/// What a file was read as.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    #[serde(flatten)]
    pub source: Source,
    #[serde(flatten)]
    pub totals: Totals,
    /// Good rows that were known already: they are not queued again.
    #[serde(default)]
    pub known: i64,
    /// Good rows that another campaign has sent.
    #[serde(default)]
    pub earlier: Earlier,
    /// The first rows that can be queued.
    pub first: Vec<Glimpse>,
}

/// The beginning of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glimpse {
    pub line: i64,
    /// The number as it is dialled, or the id of a group.
    pub destination: String,
    /// The same as the file has it.
    #[serde(default)]
    pub written: String,
    pub message: String,
    pub media_url: String,
    /// Whether it was queued before, and is not sent again unless somebody wants that.
    #[serde(default)]
    pub sent_by: Option<SentBy>,
}

impl Preview {
    /// As it is stored. An import of an earlier version has its first rows alone.
    pub fn of(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_else(|_| {
            let first = serde_json::from_str(stored).unwrap_or_default();
            Self { first, ..Self::default() }
        })
    }
}

/// What a file holds.
pub struct Found {
    pub rows: i64,
    pub preview: Preview,
    pub refused: Vec<Refused>,
    /// Of the good rows.
    keys: Vec<RowKeys>,
}

/// Looks at a file that would be queued now, through a device of that kind.
///
/// # Errors
/// [`ImportError`] when the store cannot be read.
pub async fn look(
    store: &Store,
    file: campaign::File,
    campaign: Campaign,
    kind: Kind,
    now: Millis,
) -> Result<Found, ImportError> {
    let client_id = campaign.client_id;
    // It takes a second for many rows.
    let found = tokio::task::spawn_blocking(move || check(file, campaign)).await;
    // It panicked: a fault that its log tells.
    let mut found = found.map_err(|error| ImportError::Unavailable(error.to_string()))?;
    let before = find_before(store, client_id, &found.keys, kind, now).await?;
    found.preview.earlier = Earlier::of(store, client_id, &before, found.keys.len()).await?;
    found.preview.mark(&before);
    Ok(found)
}

impl Preview {
    fn mark(&mut self, before: &Before) {
        self.known = i64::try_from(before.known.len()).unwrap_or(i64::MAX);
        // They are the first of the good rows.
        for (at, row) in self.first.iter_mut().enumerate() {
            row.sent_by = before.sent_by(at);
        }
    }
}

/// Reads a file, and notes in its campaign which of the numbers that cannot be dialled have written to the client.
///
/// # Errors
/// [`ImportError`] when it cannot be read, or the store cannot.
pub async fn read(
    store: &Store,
    bytes: Bytes,
    sheet: Option<String>,
    campaign: &mut Campaign,
) -> Result<campaign::File, ImportError> {
    let country_code = campaign.country_code.clone();
    // It takes a second for many rows.
    let read = tokio::task::spawn_blocking(move || {
        let file = campaign::read_sheet(&bytes, sheet.as_deref(), limits::IMPORT_ROWS_MAX)?;
        let undialled = campaign::undialled(&file.lines, &country_code);
        Ok::<_, BadFile>((file, undialled))
    });
    let (file, undialled) = read.await.map_err(|error| ImportError::Unavailable(error.to_string()))??;
    campaign.known = store.find_writers(campaign.client_id, undialled).await?;
    Ok(file)
}

fn check(file: campaign::File, campaign: Campaign) -> Found {
    let rows = i64::try_from(file.lines.len()).unwrap_or(i64::MAX);
    let (mut first, mut refused, mut counter) = (Vec::new(), Vec::new(), Counter::default());
    let mut keys = Vec::new();
    let mut checker = Checker::new(campaign);
    for line in file.lines {
        let row = line.row.as_ref().ok().filter(|_| first.len() < FIRST_ROWS).cloned();
        match checker.check(line) {
            Ok(ready) => {
                counter.add(&ready);
                keys.push(RowKeys::from(&ready));
                first.extend(row.map(|row| Glimpse {
                    line: ready.line,
                    destination: ready.recipient,
                    written: campaign::beginning(&row.destination),
                    message: campaign::beginning(&row.message),
                    media_url: campaign::beginning(&masked(&row.media_url)),
                    sent_by: None,
                }));
            }
            Err(bad) => refused.push(bad),
        }
    }
    let preview = Preview { source: file.source, totals: counter.finish(), first, ..Preview::default() };
    Found { rows, preview, refused, keys }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_file_is_looked_at_before_anything_is_queued() {
        let campaign = Campaign {
            client_id: 1,
            name: campaign::Name::of(Some("a"), ""),
            country_code: "62".into(),
            known: HashSet::new(),
        };
        let good = "628111111111,x\n".repeat(FIRST_ROWS + 1);
        let read = |text: &str| campaign::read(text.as_bytes(), limits::IMPORT_ROWS_MAX);
        let found = check(read(&format!("destination,message\n12345,bad\n{good}")).expect("a file"), campaign);
        let preview = Preview::of(&serde_json::to_string(&found.preview).expect("JSON"));
        assert_eq!(preview, found.preview);
        assert_eq!((found.rows, preview.first.len(), found.refused.len()), (12, FIRST_ROWS, 1));
        assert_eq!((preview.first[0].line, preview.first[0].message.as_str(), found.refused[0].line), (3, "x", 2));
        assert_eq!((preview.totals.by_count(), preview.totals.repeated), (vec![("ID", 11)], 10));
        assert_eq!((preview.source.format.as_str(), preview.source.separator), ("csv", Some(',')));
        let many = format!("destination,message\n{}", "1,x\n".repeat(limits::IMPORT_ROWS_MAX + 1));
        assert!(matches!(read(&many), Err(BadFile::TooMany { most: limits::IMPORT_ROWS_MAX })));
        let old = r#"[{"line":2,"destination":"0811","message":"x","media_url":""}]"#;
        assert_eq!((Preview::of(old).first[0].line, Preview::of("?")), (2, Preview::default()));
        assert!(read("").is_err());
    }
}
