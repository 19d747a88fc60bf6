//! The keys and sessions of end-to-end encryption.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use whatsapp_rust::wacore::store::error::{Result, StoreError as Fault};
use whatsapp_rust::wacore::store::traits::SignalStore;

use super::{Keys, failed};
use crate::store::{KeyChange, KeyKind, KeyRow};

#[async_trait]
impl SignalStore for Keys {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.put(KeyKind::Identity, user(address), address, &key).await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        let rows = identities.iter().map(|(address, key)| self.row(KeyKind::Identity, user(address), address, key));
        self.put_rows(KeyKind::Identity, rows.collect()).await
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let Some(key) = self.get(KeyKind::Identity, user(address), address).await? else { return Ok(None) };
        let bytes = key.len();
        let key = key.try_into().map_err(|_| Fault::Validation(format!("an identity key of {bytes} bytes")))?;
        Ok(Some(key))
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.forget(KeyKind::Identity, user(address), address).await
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.get(KeyKind::Session, user(address), address).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.arrivals_stored().await;
        self.put(KeyKind::Session, user(address), address, session).await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        let rows =
            sessions.iter().map(|(address, session)| self.row(KeyKind::Session, user(address), address, session));
        self.arrivals_stored().await;
        self.put_rows(KeyKind::Session, rows.collect()).await
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.forget(KeyKind::Session, user(address), address).await
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        Ok(self.find(KeyKind::Session, user(address), address).await?.is_some())
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        self.ring.store.knows_user(&self.lease.device_id, &super::clean(user)).await.map_err(failed)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        let mut row = self.row(KeyKind::PreKey, "", &number(id), record);
        row.also = Some(i64::from(uploaded));
        self.put_rows(KeyKind::PreKey, vec![row]).await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        let rows = keys.iter().map(|(id, record)| KeyRow {
            also: Some(i64::from(uploaded)),
            ..self.row(KeyKind::PreKey, "", &number(*id), record)
        });
        self.put_rows(KeyKind::PreKey, rows.collect()).await
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.get(KeyKind::PreKey, "", &number(id)).await?.map(Bytes::from))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let names: Vec<String> = ids.iter().map(|id| number(*id)).collect();
        let store = &self.ring.store;
        let rows = store.find_keys(&self.lease.device_id, KeyKind::PreKey, "", &names).await.map_err(failed)?;
        rows.iter().map(|row| Ok((id(row)?, Bytes::from(self.open(KeyKind::PreKey, row)?)))).collect()
    }

    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let names = ids.iter().map(|id| number(*id)).collect();
        self.change(vec![KeyChange::MarkUploaded { names }]).await.map(drop)
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.forget(KeyKind::PreKey, "", &number(id)).await
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        let last = self.ring.store.last_key_name(&self.lease.device_id, KeyKind::PreKey).await.map_err(failed)?;
        last.map_or(Ok(0), |name| parse(&name))
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        self.put(KeyKind::SignedPreKey, "", &number(id), record).await
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.get(KeyKind::SignedPreKey, "", &number(id)).await
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let kind = KeyKind::SignedPreKey;
        let rows = self.ring.store.list_keys_of_kind(&self.lease.device_id, kind).await.map_err(failed)?;
        rows.iter().map(|row| Ok((id(row)?, self.open(kind, row)?))).collect()
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.forget(KeyKind::SignedPreKey, "", &number(id)).await
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.arrivals_stored().await;
        self.put(KeyKind::SenderKey, "", address, record).await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        let rows = sender_keys.iter().map(|(address, record)| self.row(KeyKind::SenderKey, "", address, record));
        self.arrivals_stored().await;
        self.put_rows(KeyKind::SenderKey, rows.collect()).await
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.get(KeyKind::SenderKey, "", address).await
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.forget(KeyKind::SenderKey, "", address).await
    }
}

/// The user of an address `user@server` or `user:device@server`.
fn user(address: &str) -> &str {
    address.split(['@', ':']).next().unwrap_or_default()
}

/// A number as a name whose order is that of the numbers.
fn number(id: u32) -> String {
    format!("{id:010}")
}

fn id(row: &KeyRow) -> Result<u32> {
    parse(&row.name)
}

fn parse(name: &str) -> Result<u32> {
    name.parse().map_err(|_| Fault::Validation("the name of a key is no number".into()))
}
