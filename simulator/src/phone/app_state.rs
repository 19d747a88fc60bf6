//! App state, shared by all devices of an account: push name, contacts, muted and pinned chats. The server stores it as
//! a list of encrypted patches per collection; only the devices have the key.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wacore_appstate::encode::encode_record;
use wacore_appstate::hash::{HashState, generate_patch_mac};
use wacore_appstate::keys::{ExpandedAppStateKeys, expand_app_state_keys};
use wacore_appstate::{AppStateError, Mutation, process_patch};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, NodeContent};
use waproto::buffa::{Message, MessageField};
use waproto::codec::{syncd_patch_decode, syncd_patch_to_vec};
use waproto::whatsapp as wa;
use waproto::whatsapp::syncd_mutation::SyncdOperation;

use crate::phone::rng::SeededRng;

/// The collections, in the order in which clients fetch them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    CriticalBlock,
    CriticalUnblockLow,
    RegularLow,
    RegularHigh,
    Regular,
}

impl Collection {
    pub const ALL: [Self; 5] =
        [Self::CriticalBlock, Self::CriticalUnblockLow, Self::RegularLow, Self::RegularHigh, Self::Regular];

    pub fn name(self) -> &'static str {
        match self {
            Self::CriticalBlock => "critical_block",
            Self::CriticalUnblockLow => "critical_unblock_low",
            Self::RegularLow => "regular_low",
            Self::RegularHigh => "regular_high",
            Self::Regular => "regular",
        }
    }

    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.name() == name)
    }
}

/// One app state change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The person's push name.
    Name {
        name: String,
    },
    /// A contact in the address book.
    Contact {
        jid: String,
        name: String,
    },
    /// A chat is muted until then, or unmuted. Milliseconds since 1970, -1 for forever.
    Mute {
        chat: String,
        until_ms: Option<i64>,
    },
    Pin {
        chat: String,
        pinned: bool,
    },
    /// A change that a simulated phone does not interpret, by its index.
    Other {
        index: Vec<String>,
    },
}

impl Change {
    /// Its collection, its index, and its version.
    fn place(&self) -> Option<(Collection, Vec<&str>, i32)> {
        match self {
            Self::Name { .. } => Some((Collection::CriticalBlock, vec!["setting_pushName"], 1)),
            Self::Contact { jid, .. } => Some((Collection::CriticalUnblockLow, vec!["contact", jid], 2)),
            Self::Mute { chat, .. } => Some((Collection::RegularHigh, vec!["mute", chat], 2)),
            Self::Pin { chat, .. } => Some((Collection::RegularLow, vec!["pin_v1", chat], 5)),
            Self::Other { .. } => None,
        }
    }

    fn value(&self, now_ms: u64) -> wa::SyncActionValue {
        use wa::sync_action_value::{ContactAction, MuteAction, PinAction, PushNameSetting};
        let mut value = wa::SyncActionValue { timestamp: Some(now_ms as i64), ..Default::default() };
        match self {
            Self::Name { name } => {
                value.push_name_setting = MessageField::some(PushNameSetting { name: Some(name.clone()) });
            }
            Self::Contact { name, .. } => {
                value.contact_action = MessageField::some(ContactAction {
                    full_name: Some(name.clone()),
                    first_name: name.split_whitespace().next().map(str::to_owned),
                    save_on_primary_addressbook: Some(true),
                    ..Default::default()
                });
            }
            Self::Mute { until_ms, .. } => {
                value.mute_action = MessageField::some(MuteAction {
                    muted: Some(until_ms.is_some()),
                    mute_end_timestamp: *until_ms,
                    ..Default::default()
                });
            }
            Self::Pin { pinned, .. } => {
                value.pin_action = MessageField::some(PinAction { pinned: Some(*pinned) });
            }
            Self::Other { .. } => {}
        }
        value
    }

    fn read(mutation: Mutation) -> Self {
        let about = mutation.index.get(1).cloned().unwrap_or_default();
        let value = mutation.action_value.unwrap_or_default();
        let is_set = mutation.operation == SyncdOperation::SET;
        match mutation.index.first().map(String::as_str) {
            Some("setting_pushName") if is_set => Self::Name {
                name: value.push_name_setting.into_option().and_then(|setting| setting.name).unwrap_or_default(),
            },
            Some("contact") if is_set => Self::Contact {
                jid: about,
                name: value.contact_action.into_option().and_then(|action| action.full_name).unwrap_or_default(),
            },
            Some("mute") => {
                let muted = value.mute_action.into_option().filter(|action| is_set && action.muted == Some(true));
                Self::Mute { chat: about, until_ms: muted.map(|action| action.mute_end_timestamp.unwrap_or(-1)) }
            }
            Some("pin_v1") => {
                let pinned = value.pin_action.into_option().and_then(|action| action.pinned);
                Self::Pin { chat: about, pinned: is_set && pinned == Some(true) }
            }
            _ => Self::Other { index: mutation.index },
        }
    }
}

/// Why a patch cannot be created or applied.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("a phone cannot make this change")]
    Unknown,
    #[error("the patch is not a patch")]
    Malformed,
    /// Fetch the missing patches first.
    #[error("the patch has version {found}, and {expected} is next")]
    Version { expected: u64, found: u64 },
    #[error("the patch is not in order: {0}")]
    Wrong(#[from] AppStateError),
}

/// A patch ready to be sent to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    pub collection: Collection,
    /// The version it produces; versions increase by one.
    pub version: u64,
    /// An encoded `SyncdPatch`.
    pub bytes: Vec<u8>,
}

/// One device's view of the app state.
pub struct AppState {
    key_id: Vec<u8>,
    key: [u8; 32],
    made_at_ms: u64,
    expanded: Arc<ExpandedAppStateKeys>,
    views: HashMap<Collection, View>,
}

#[derive(Default)]
struct View {
    hash: HashState,
    /// Current value MACs, by index MAC.
    values: HashMap<Vec<u8>, Vec<u8>>,
}

impl AppState {
    /// The state of a new account: empty, with a new key.
    pub fn new(rng: &mut SeededRng, now_ms: u64) -> Self {
        let key: [u8; 32] = rng.bytes();
        let mut key_id = vec![0, 0];
        key_id.extend_from_slice(&rng.bytes::<4>());
        let expanded = Arc::new(expand_app_state_keys(&key));
        Self { key_id, key, made_at_ms: now_ms, expanded, views: HashMap::new() }
    }

    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// The version of a collection, 0 if nothing was changed yet.
    pub fn version(&self, collection: Collection) -> u64 {
        self.views.get(&collection).map_or(0, |view| view.hash.version)
    }

    /// The peer message that shares the app state key with a new companion. `raw_id` and the indexes are those of the
    /// key-index list.
    pub fn key_share(&self, raw_id: u32, last_index: u32, indexes: &[u32]) -> wa::Message {
        share(vec![wa::message::AppStateSyncKey {
            key_id: MessageField::some(wa::message::AppStateSyncKeyId { key_id: Some(self.key_id.clone()) }),
            key_data: MessageField::some(wa::message::AppStateSyncKeyData {
                key_data: Some(self.key.to_vec()),
                fingerprint: MessageField::some(wa::message::AppStateSyncKeyFingerprint {
                    raw_id: Some(raw_id),
                    current_index: Some(last_index),
                    device_indexes: indexes.to_vec(),
                }),
                timestamp: Some(self.made_at_ms as i64),
            }),
        }])
    }

    /// The reply to a companion that requests keys by ids that are not known.
    pub fn unknown_keys(ids: &[Vec<u8>]) -> wa::Message {
        let unknown = |id: &Vec<u8>| wa::message::AppStateSyncKey {
            key_id: MessageField::some(wa::message::AppStateSyncKeyId { key_id: Some(id.clone()) }),
            ..Default::default()
        };
        share(ids.iter().map(unknown).collect())
    }

    /// Creates a patch for this change. The change takes effect when the server has accepted the patch: pass it to
    /// [`Self::accept`] then.
    ///
    /// # Errors
    /// [`StateError::Unknown`] for [`Change::Other`].
    pub fn patch(&self, change: &Change, now_ms: u64, rng: &mut SeededRng) -> Result<Patch, StateError> {
        let (collection, index, form) = change.place().ok_or(StateError::Unknown)?;
        let index = serde_json::to_vec(&index).map_err(|_| StateError::Unknown)?;
        let (mutation, _) = encode_record(
            SyncdOperation::SET,
            &index,
            &change.value(now_ms),
            &self.expanded,
            &self.key_id,
            &rng.bytes(),
            form,
        );
        let nothing = View::default();
        let view = self.views.get(&collection).unwrap_or(&nothing);
        let mut hash = view.hash.clone();
        hash.version += 1;
        let mutations = vec![mutation];
        hash.update_hash(&mutations, |index, _| Ok(view.values.get(index).cloned()))
            .1
            .map_err(|_| StateError::Malformed)?;
        let mut patch = wa::SyncdPatch {
            version: MessageField::some(wa::SyncdVersion { version: Some(hash.version) }),
            mutations,
            snapshot_mac: Some(hash.generate_snapshot_mac(collection.name(), &self.expanded.snapshot_mac)),
            key_id: MessageField::some(wa::KeyId { id: Some(self.key_id.clone()) }),
            ..Default::default()
        };
        let mac = generate_patch_mac(&patch, collection.name(), &self.expanded.patch_mac, hash.version);
        patch.patch_mac = Some(mac);
        Ok(Patch { collection, version: hash.version, bytes: syncd_patch_to_vec(&patch) })
    }

    /// Applies a patch that the server has accepted, verifies its MACs, and returns the changes. Companions leave the
    /// version out of the bytes, so it is taken from the server.
    ///
    /// # Errors
    /// [`StateError::Version`] if other patches come first, [`StateError::Wrong`] if a MAC does not match.
    pub fn accept(&mut self, patch: &Patch) -> Result<Vec<Change>, StateError> {
        let expected = self.version(patch.collection) + 1;
        if patch.version != expected {
            return Err(StateError::Version { expected, found: patch.version });
        }
        let mut decoded = syncd_patch_decode(&patch.bytes).map_err(|_| StateError::Malformed)?;
        decoded.version = MessageField::some(wa::SyncdVersion { version: Some(patch.version) });
        let view = self.views.entry(patch.collection).or_default();
        let (key_id, expanded) = (&self.key_id, &self.expanded);
        let keys = |id: &[u8]| if id == key_id { Ok(Arc::clone(expanded)) } else { Err(AppStateError::KeyNotFound) };
        let mut hash = view.hash.clone();
        let known = |index: &[u8]| Ok(view.values.get(index).cloned());
        let result = process_patch(&decoded, &mut hash, keys, known, true, patch.collection.name())?;
        view.hash = result.state;
        for gone in result.removed_index_macs {
            view.values.remove(&gone);
        }
        view.values.extend(result.added_macs.into_iter().map(|code| (code.index_mac, code.value_mac)));
        Ok(result.mutations.into_iter().map(Change::read).collect())
    }
}

fn share(keys: Vec<wa::message::AppStateSyncKey>) -> wa::Message {
    wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            r#type: Some(wa::message::protocol_message::Type::APP_STATE_SYNC_KEY_SHARE),
            app_state_sync_key_share: MessageField::some(wa::message::AppStateSyncKeyShare { keys }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

impl Patch {
    /// The `<sync>` of an iq that uploads the patch.
    pub fn upload(&self) -> Node {
        let collection = NodeBuilder::new("collection")
            .attr("name", self.collection.name())
            .attr("version", self.version - 1)
            .attr("return_snapshot", "false")
            .children([NodeBuilder::new("patch").bytes(self.bytes.clone()).build()])
            .build();
        NodeBuilder::new("sync").children([collection]).build()
    }

    /// Parses the patches in a `<collection>` of the server's response.
    ///
    /// # Errors
    /// [`StateError::Malformed`].
    pub fn read_all(collection: &Node) -> Result<Vec<Self>, StateError> {
        let name = collection.attrs().optional_string("name").and_then(|name| Collection::read(&name));
        let name = name.ok_or(StateError::Malformed)?;
        let patches = collection.get_optional_child("patches").and_then(Node::children).unwrap_or_default();
        let read = |node: &Node| {
            let Some(NodeContent::Bytes(bytes)) = &node.content else { return Err(StateError::Malformed) };
            let version = wa::SyncdPatch::decode_from_slice(bytes).map_err(|_| StateError::Malformed)?.version;
            let version = version.into_option().and_then(|version| version.version).ok_or(StateError::Malformed)?;
            Ok(Self { collection: name, version, bytes: bytes.clone() })
        };
        patches.iter().filter(|node| node.tag == "patch").map(read).collect()
    }
}

#[cfg(test)]
mod tests;
