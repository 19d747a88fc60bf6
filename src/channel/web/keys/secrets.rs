//! The secrets of single messages, by which reactions, votes and edits of them are opened.

use std::collections::BTreeMap;

use async_trait::async_trait;
use whatsapp_rust::wacore::store::error::Result;
use whatsapp_rust::wacore::store::traits::{
    MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry, merge_msg_secret_message_ts,
};

use super::{Keys, pair};
use crate::store::{KeyChange, KeyKind, KeyRow};

#[async_trait]
impl MsgSecretStore for Keys {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let count = entries.len();
        if count == 0 {
            return Ok(0);
        }
        // Entries of one message are one row, as if they had come one after the other.
        let mut merged: BTreeMap<_, MsgSecretEntry> = BTreeMap::new();
        for mut entry in entries {
            let name = (entry.chat.clone(), entry.sender.clone(), entry.msg_id.clone());
            if let Some(former) = merged.get(&name) {
                entry.expires_at = merge_msg_secret_expiry(former.expires_at, entry.expires_at);
                entry.message_ts = merge_msg_secret_message_ts(former.message_ts, entry.message_ts);
            }
            merged.insert(name, entry);
        }
        let rows = merged.into_values().map(|entry| KeyRow {
            at: entry.expires_at,
            also: Some(entry.message_ts),
            ..self.row(KeyKind::Secret, &entry.chat, &pair(&entry.sender, &entry.msg_id), &entry.secret)
        });
        self.change(vec![KeyChange::PutSecrets { rows: rows.collect() }]).await?;
        Ok(count)
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        self.get(KeyKind::Secret, chat, &pair(sender, msg_id)).await
    }

    async fn get_msg_secret_with_ts(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<(Vec<u8>, i64)>> {
        let Some(row) = self.find(KeyKind::Secret, chat, &pair(sender, msg_id)).await? else { return Ok(None) };
        Ok(Some((self.open(KeyKind::Secret, &row)?, row.also.unwrap_or(0))))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        // What needs them goes with them.
        self.forget_before(KeyKind::Asked, cutoff_timestamp.saturating_add(1)).await?;
        // One whose time is this second is over too.
        self.forget_before(KeyKind::Secret, cutoff_timestamp.saturating_add(1)).await
    }
}
