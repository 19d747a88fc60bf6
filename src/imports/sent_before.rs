//! Rows that another campaign of the client has sent a few days ago: the same text to the same recipient. A file that was corrected
//! and saved under another name has them, and somebody has to say whether they are sent again. Called by the API, the clerk and
//! the command line.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::rows::{Before, campaign_by_hand};
use super::{DAY_MS, ImportError};
use crate::campaign::beginning;
use crate::clock::Millis;
use crate::limits;
use crate::store::{Store, StoreError};

/// So many such rows need no decision where they are fewer than one in so many of what would be queued: somebody has tested with
/// numbers of their own.
const TRIED_MAX: usize = 5;
const ONE_IN: usize = 10;

/// What becomes of rows that another campaign has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentBefore {
    /// They count as known: only what is new is queued.
    Skip,
    /// They are sent again.
    Send,
}

impl SentBefore {
    pub const ALL: [Self; 2] = [Self::Skip, Self::Send];

    pub fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Send => "send",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Since when rows count that another campaign has queued, for an import that was begun at that time. Of what it queued since then
    /// nobody has been asked.
    pub fn since(decided: Option<Self>, begun_at: Millis) -> Millis {
        match decided {
            Some(Self::Skip) => days_before(begun_at),
            Some(Self::Send) | None => begun_at,
        }
    }
}

/// From when on rows of other campaigns are looked for.
pub fn days_before(now: Millis) -> Millis {
    now - limits::IMPORT_SENT_DAYS * DAY_MS
}

/// Rows of a file that another campaign has sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Earlier {
    pub count: i64,
    /// What the campaign is called that has sent the most of them, if it is still remembered.
    pub campaign: Option<String>,
    /// Its import, where that is kept.
    pub import_id: Option<String>,
    /// When the last of those was queued.
    pub at: Option<Millis>,
    /// Whether they are so many that nothing is queued before somebody has decided.
    pub needs_decision: bool,
}

impl Earlier {
    /// What is known of the rows of a file, of which so many are good.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(store: &Store, client_id: i64, before: &Before, good: usize) -> Result<Self, StoreError> {
        let mut imports: HashMap<&[u8], (usize, Millis)> = HashMap::new();
        for sent in before.sent.values() {
            let import = imports.entry(&sent.import).or_default();
            *import = (import.0 + 1, import.1.max(sent.at));
        }
        let Some((import, (_, at))) = imports.into_iter().max_by_key(|(_, most)| *most) else {
            return Ok(Self::default());
        };
        let (campaign, import_id) = match campaign_by_hand(import) {
            Some(campaign) => (Some(campaign.to_owned()), None),
            None => {
                let import = store.find_import(client_id, None, &String::from_utf8_lossy(import)).await?;
                import.map(|import| (beginning(&import.campaign), import.id)).unzip()
            }
        };
        let count = before.sent.len();
        Ok(Self {
            count: i64::try_from(count).unwrap_or(i64::MAX),
            campaign,
            import_id,
            at: Some(at),
            needs_decision: count > TRIED_MAX || count * ONE_IN >= good - before.known.len(),
        })
    }

    /// # Errors
    /// [`ImportError::SentBefore`] when somebody has to decide first.
    pub fn allow(&self, decided: Option<SentBefore>) -> Result<(), ImportError> {
        match decided {
            None if self.needs_decision => Err(ImportError::SentBefore { count: self.count, campaign: self.named() }),
            _ => Ok(()),
        }
    }

    fn named(&self) -> String {
        self.campaign.as_ref().map_or_else(|| "another campaign".into(), |name| format!("the campaign '{name}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_found_by_their_names() {
        for one in SentBefore::ALL {
            assert_eq!(SentBefore::from_name(one.name()), Some(one));
        }
        assert_eq!(SentBefore::from_name("perhaps"), None);
        let begun_at = 1_000 * DAY_MS;
        assert_eq!(SentBefore::since(None, begun_at), begun_at);
        assert!(
            SentBefore::since(Some(SentBefore::Skip), begun_at) < SentBefore::since(Some(SentBefore::Send), begun_at)
        );
    }
}
