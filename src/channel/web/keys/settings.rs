//! The account's settings that its phone and its linked devices hold in common: their keys, versions and check values.

use std::collections::HashMap;

use async_trait::async_trait;
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::error::Result;
use whatsapp_rust::wacore::store::traits::{AppStateSyncKey, AppSyncStore};

use super::{Keys, clean, failed, from_json, to_json};
use crate::account::hex_upper;
use crate::store::{KeyChange, KeyKind};

#[async_trait]
impl AppSyncStore for Keys {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        let json = self.get(KeyKind::SyncKey, "", &hex_upper(key_id)).await?;
        json.map(|json| from_json(&json)).transpose()
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        let stored = self.row(KeyKind::SyncKey, "", &hex_upper(key_id), &to_json(&key)?);
        let latest = self.row(KeyKind::SyncLatest, "", "", key_id);
        let changes = [(KeyKind::SyncKey, stored), (KeyKind::SyncLatest, latest)];
        let changes = changes.map(|(kind, row)| KeyChange::Put { kind, rows: vec![row] });
        self.change(changes.into()).await.map(drop)
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        let json = self.get(KeyKind::SyncVersion, "", name).await?;
        json.map_or_else(|| Ok(HashState::default()), |json| from_json(&json))
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        self.put(KeyKind::SyncVersion, "", name, &to_json(&state)?).await
    }

    async fn put_mutation_macs(&self, name: &str, version: u64, mutations: &[AppStateMutationMAC]) -> Result<()> {
        let also = i64::try_from(version).ok();
        let rows = mutations.iter().map(|mutation| {
            let mut row = self.row(KeyKind::SyncMac, name, &hex_upper(&mutation.index_mac), &mutation.value_mac);
            row.also = also;
            row
        });
        self.put_rows(KeyKind::SyncMac, rows.collect()).await
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        self.get(KeyKind::SyncMac, name, &hex_upper(index_mac)).await
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let mut by_name: HashMap<String, [u8; 32]> = index_macs.iter().map(|mac| (hex_upper(mac), *mac)).collect();
        let names: Vec<String> = by_name.keys().cloned().collect();
        let (store, kind) = (&self.ring.store, KeyKind::SyncMac);
        let rows = store.find_keys(&self.lease.device_id, kind, &clean(name), &names).await.map_err(failed)?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let value = self.open(kind, &row)?;
            found.extend(by_name.remove(&row.name).map(|mac| (mac, value)));
        }
        Ok(found)
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        if index_macs.is_empty() {
            return Ok(());
        }
        let places = index_macs.iter().map(|mac| (clean(name).into_owned(), hex_upper(mac))).collect();
        self.change(vec![KeyChange::Forget { kind: KeyKind::SyncMac, places }]).await.map(drop)
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        let owner = clean(name).into_owned();
        self.change(vec![KeyChange::ForgetOwner { kind: KeyKind::SyncMac, owner }]).await.map(drop)
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.get(KeyKind::SyncLatest, "", "").await
    }
}
