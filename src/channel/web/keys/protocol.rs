//! What WhatsApp Web remembers beside its keys: who has which key of a group, hidden ids, devices, groups, tokens, and the
//! messages that may be asked for again or are not taken over yet.

use async_trait::async_trait;
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::store::error::Result;
use whatsapp_rust::wacore::store::traits::{
    DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
};

use super::{Fault, Keys, Missed, NotStored, clean, count, failed, from_json, pair, plain, to_json};
use crate::store::{KeyChange, KeyKind, KeyRow};

impl Keys {
    /// Has our key of a group given to all its members again with the next message. The library takes it to be given as soon as
    /// a message with it was written, also when WhatsApp then refuses that message; and it looks here again after each time
    /// that it gave the key to somebody.
    ///
    /// # Errors
    /// When it could not be stored, or the lease is lost.
    pub async fn forget_who_has_key(&self, group: &Jid) -> Result<()> {
        self.clear_sender_key_devices(&group.to_string()).await
    }

    fn lid_row(&self, entry: &LidPnMappingEntry) -> Result<KeyRow> {
        let row = self.row(KeyKind::Lid, &entry.phone_number, &entry.lid, &to_json(entry)?);
        Ok(KeyRow { also: Some(self.next_learned()), ..row })
    }

    fn token_row(&self, jid: &str, token: &[u8], at: i64, also: Option<i64>) -> KeyRow {
        let mut row = KeyRow { at, also, ..self.row(KeyKind::TcToken, "", jid, token) };
        if token.is_empty() {
            row.value = None;
        }
        row
    }

    fn pending_row(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> KeyRow {
        KeyRow { at: self.now_seconds(), ..self.row(KeyKind::Pending, chat, &pair(sender, id), message) }
    }

    async fn list(&self, kind: KeyKind) -> Result<Vec<KeyRow>> {
        self.ring.store.list_keys_of_kind(&self.lease.device_id, kind).await.map_err(failed)
    }

    async fn list_of(&self, kind: KeyKind, owner: &str) -> Result<Vec<KeyRow>> {
        self.ring.store.list_keys_of_owner(&self.lease.device_id, kind, &clean(owner)).await.map_err(failed)
    }
}

#[async_trait]
impl ProtocolStore for Keys {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        let rows = self.list_of(KeyKind::SenderKeyDevice, group_jid).await?;
        rows.iter().map(|row| Ok((plain(&row.name), self.open(KeyKind::SenderKeyDevice, row)? == [1]))).collect()
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        let kind = KeyKind::SenderKeyDevice;
        let rows = entries.iter().map(|(device, has_key)| self.row(kind, group_jid, device, &[u8::from(*has_key)]));
        self.put_rows(kind, rows.collect()).await
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        let owner = clean(group_jid).into_owned();
        self.change(vec![KeyChange::ForgetOwner { kind: KeyKind::SenderKeyDevice, owner }]).await.map(drop)
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        if device_jids.is_empty() {
            return Ok(());
        }
        let devices = device_jids.iter().map(|jid| clean(jid).into_owned()).collect();
        self.change(vec![KeyChange::ForgetSharing { devices }]).await.map(drop)
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        self.change(vec![KeyChange::ForgetKind { kind: KeyKind::SenderKeyDevice }]).await.map(drop)
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        let row = self.ring.store.find_lid(&self.lease.device_id, &clean(lid)).await.map_err(failed)?;
        row.map(|row| from_json(&self.open(KeyKind::Lid, &row)?)).transpose()
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        let rows = self.list_of(KeyKind::Lid, phone).await?;
        rows.first().map(|row| from_json(&self.open(KeyKind::Lid, row)?)).transpose()
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        self.put_lid_mappings(std::slice::from_ref(entry)).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries.iter().map(|entry| self.lid_row(entry)).collect::<Result<_>>()?;
        self.change(vec![KeyChange::PutLids { rows }]).await.map(drop)
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        let rows = self.list(KeyKind::Lid).await?;
        rows.iter().map(|row| from_json(&self.open(KeyKind::Lid, row)?)).collect()
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        self.put(KeyKind::BaseKey, address, message_id, base_key).await
    }

    async fn has_same_base_key(&self, address: &str, message_id: &str, current_base_key: &[u8]) -> Result<bool> {
        let stored = self.get(KeyKind::BaseKey, address, message_id).await?;
        Ok(stored.is_some_and(|stored| stored == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        self.forget(KeyKind::BaseKey, address, message_id).await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        self.update_device_lists(vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        let rows = records.iter().map(|record| Ok(self.row(KeyKind::DeviceList, "", &record.user, &to_json(record)?)));
        self.put_rows(KeyKind::DeviceList, rows.collect::<Result<_>>()?).await
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        self.get(KeyKind::DeviceList, "", user).await?.map(|json| from_json(&json)).transpose()
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        self.forget(KeyKind::DeviceList, "", user).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        self.get(KeyKind::Group, "", group_jid).await
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        self.put(KeyKind::Group, "", group_jid, blob).await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.forget(KeyKind::Group, "", group_jid).await
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        let Some(row) = self.find(KeyKind::TcToken, "", jid).await? else { return Ok(None) };
        let token = self.open(KeyKind::TcToken, &row)?;
        Ok(Some(TcTokenEntry { token, token_timestamp: row.at, sender_timestamp: row.also }))
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        let row = self.token_row(jid, &entry.token, entry.token_timestamp, entry.sender_timestamp);
        self.put_rows(KeyKind::TcToken, vec![row]).await
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        self.forget(KeyKind::TcToken, "", jid).await
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        Ok(self.list(KeyKind::TcToken).await?.iter().map(|row| plain(&row.name)).collect())
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        self.change(vec![KeyChange::ForgetTokens { token: token_cutoff, sender: sender_cutoff }]).await.map(count)
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        let row = self.token_row(jid, &[], sender_timestamp, Some(sender_timestamp));
        self.change(vec![KeyChange::Touch { row }]).await.map(drop)
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        let row = self.token_row(jid, token, token_timestamp, None);
        self.change(vec![KeyChange::Receive { row }]).await.map(drop)
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        let row = KeyRow { at: self.now_seconds(), ..self.row(KeyKind::Sent, chat_jid, message_id, payload) };
        self.put_rows(KeyKind::Sent, vec![row]).await
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        // The library puts it back at once. It stays where it is: another phone that asks for it meanwhile would not get it,
        // and after a crash none would.
        // A chat that was written as a hidden id then may be a number to whoever asks now: which id stands for which number is
        // stored aside, and a crash can come between.
        let found = match self.find(KeyKind::Sent, chat_jid, message_id).await? {
            Some(row) => Some(row),
            None => self.find_sent(message_id).await?,
        };
        found.map(|row| self.open(KeyKind::Sent, &row)).transpose()
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.forget_before(KeyKind::Sent, cutoff_timestamp).await
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        self.store_pending_inbound_batch(&[PendingInboundRow { chat, sender, id, message }]).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        let found = self.find(KeyKind::Pending, chat, &pair(sender, id)).await?;
        match (found, &self.missed) {
            // What is ours keeps its row, without the message.
            (Some(row), _) => row.value.is_some().then(|| self.open(KeyKind::Pending, &row)).transpose(),
            (None, None) => Ok(None),
            // The library asks when a message comes that its session is beyond. One that was never stored would be
            // confirmed, and lost.
            (None, Some(missed)) => {
                let (chat, sender, id) = (chat.to_owned(), sender.to_owned(), id.to_owned());
                // When too many are missed at once the others come again with the next connection.
                let _ = missed.try_send(Missed { chat, sender, id });
                Err(Fault::Database(Box::new(NotStored)))
            }
        }
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete_pending_inbound_batch(&[PendingInboundKey { chat, sender, id }]).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.forget_before(KeyKind::Pending, cutoff_timestamp).await
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        self.traffic.comes_in();
        // It is never closed. What moves sessions on waits for this: see `Keys::arrivals_stored`.
        let _permit = self.arrivals.acquire().await;
        let rows = rows.iter().map(|row| self.pending_row(row.chat, row.sender, row.id, row.message));
        self.put_rows(KeyKind::Pending, rows.collect()).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let done =
            |key: &PendingInboundKey<'_>| KeyRow { value: None, ..self.pending_row(key.chat, key.sender, key.id, &[]) };
        self.put_rows(KeyKind::Pending, keys.iter().map(done).collect()).await
    }
}
