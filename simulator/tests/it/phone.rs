//! A minimal phone for tests of the server: it links companions, and sends and receives texts. The network's own phones
//! can do more.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use simulator::clock;
use simulator::phone::address::Profile;
use simulator::phone::linking::{Companions, QrCode};
use simulator::phone::pairing_code::CodePairing;
use simulator::phone::rng::SeededRng;
use simulator::phone::signal::Signal;
use simulator::server::account::Account;
use simulator::server::device::Device;
use simulator::server::network::Network;
use simulator::server::pairing::{Approval, PairingError};
use simulator::wire::stanza::{Jid, Node, NodeBuilder, NodeContent, Read as _};
use tokio::task::JoinSet;
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

use crate::world::Growing;

mod inner;

use inner::{Inner, State, part};

/// The server's address, as clients write it that only know addresses as strings.
pub const SERVER: &str = "s.whatsapp.net";

/// A text as a phone received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub chat: Jid,
    pub sender: Jid,
    pub id: String,
    pub text: String,
}

pub struct Phone {
    pub account: Arc<Account>,
    inner: Arc<Inner>,
    _tasks: JoinSet<()>,
}

impl Phone {
    pub async fn new(network: &Network, number: &str, name: &str) -> Self {
        let account = network.register_person(number, name);
        let lid = account.lid().user.to_string();
        let person = Profile { number: number.to_owned(), lid, name: name.to_owned() };
        let mut signal = Signal::new(&person, SeededRng::new(1, number)).unwrap();
        let companions = Companions::new(signal.rng());
        let device = account.phone().unwrap();
        let mut link = network.attach(&account, &device);
        let inner = Arc::new(Inner {
            network: network.clone(),
            sender: link.sender(),
            state: Mutex::new(State { signal, companions, questions: HashMap::new(), next: 0 }),
            read: Growing::new(),
            stanzas: Growing::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let inner = inner.clone();
            async move {
                while let Some(node) = link.recv().await {
                    inner.take(node).await;
                }
            }
        });
        inner.upload_keys(60).await;
        Self { account, inner, _tasks: tasks }
    }

    pub fn jid(&self) -> Jid {
        self.account.number().clone()
    }

    pub fn lid(&self) -> Jid {
        self.account.lid().clone()
    }

    pub fn device(&self, index: u16) -> Arc<Device> {
        self.account.device(index).unwrap()
    }

    /// Scans a QR code and links the client that shows it. Returns its device.
    pub async fn scan(&self, qr: &str) -> Result<Arc<Device>, PairingError> {
        let code = QrCode::read(qr).unwrap();
        let pending = self.inner.network.pending(&code.reference).ok_or(PairingError::Unknown)?;
        code.check(&pending.identity_public, &pending.noise_public).unwrap();
        self.admit(&code.reference, pending.identity_public, &code.secret).await
    }

    /// Types a client's pairing code, once the server has announced the client, and links it.
    pub async fn type_code(&self, code: &str) -> Arc<Device> {
        let hello = self.linking_stage("companion_hello").await;
        let reference = hello.child_bytes("link_code_pairing_ref").unwrap().to_vec();
        let (pairing, answer) = {
            let state = &mut *self.inner.state.lock();
            let (own, rng) = state.signal.identity_mut();
            CodePairing::begin(code, &hello, &reference, own.public_key(), rng).unwrap()
        };
        let answered = self.ask("md", "set", SERVER, vec![answer]).await;
        assert_eq!(answered.text("type").as_deref(), Some("result"));
        let finish = self.linking_stage("companion_finish").await;
        let outcome = pairing.finish(&finish, self.inner.state.lock().signal.identity()).unwrap();
        let reference = String::from_utf8(reference).unwrap();
        let pending = self.inner.network.pending(&reference).unwrap();
        assert_eq!((pending.identity_public, pending.noise_public), (outcome.identity, outcome.noise_key));
        self.admit(&reference, outcome.identity, &outcome.secret).await.unwrap()
    }

    async fn linking_stage(&self, stage: &str) -> Node {
        self.stanza("a stage of linking", |node| {
            let register = node.child("link_code_companion_reg")?;
            (register.text("stage")? == stage).then(|| register.clone())
        })
        .await
    }

    /// Links the client with this ref, using the shared secret.
    pub async fn admit(
        &self,
        reference: &str,
        identity: [u8; 32],
        secret: &[u8; 32],
    ) -> Result<Arc<Device>, PairingError> {
        let (admission, account_key) = {
            let state = &mut *self.inner.state.lock();
            let (own, rng) = state.signal.identity_mut();
            let admission = state.companions.admit(own, identity, secret, clock::now_ms(), rng).unwrap();
            (admission, own.public_key().try_into().unwrap())
        };
        let approval = Approval {
            device_identity: admission.device_identity.clone(),
            account_key,
            key_index: admission.key_index,
        };
        let signed = self.inner.network.complete_pairing(&self.account, reference, approval).await?;
        let list = {
            let state = &mut *self.inner.state.lock();
            let (own, rng) = state.signal.identity_mut();
            state.companions.settle(own, signed.index, &admission, &signed.returned).unwrap();
            state.companions.key_index_list(own, clock::now_ms(), rng).unwrap()
        };
        let device = signed.link(clock::now_seconds(), list)?;
        self.share_app_state_key(device.number()).await;
        Ok(device)
    }

    /// Sends a companion the app state key that it waits for.
    async fn share_app_state_key(&self, device: &Jid) {
        let key = wa::message::AppStateSyncKey {
            key_id: MessageField::some(wa::message::AppStateSyncKeyId { key_id: Some(vec![0, 0, 0, 0, 0, 1]) }),
            key_data: MessageField::some(wa::message::AppStateSyncKeyData {
                key_data: Some(vec![7; 32]),
                fingerprint: MessageField::some(wa::message::AppStateSyncKeyFingerprint {
                    raw_id: Some(1),
                    current_index: Some(1),
                    device_indexes: vec![0, 1],
                }),
                timestamp: Some(i64::try_from(clock::now_ms()).unwrap()),
            }),
        };
        let share = wa::message::ProtocolMessage {
            r#type: Some(wa::message::protocol_message::Type::APP_STATE_SYNC_KEY_SHARE),
            app_state_sync_key_share: MessageField::some(wa::message::AppStateSyncKeyShare { keys: vec![key] }),
            ..Default::default()
        };
        let message = wa::Message { protocol_message: MessageField::some(share), ..Default::default() };
        let enc = self.inner.encrypt(device, &message).await;
        let node = NodeBuilder::new("message")
            .attr("to", device.clone())
            .attr("id", self.inner.new_id())
            .attr("type", "text")
            .attr("category", "peer")
            .attr("push_priority", "high")
            .children([enc])
            .build();
        self.inner.sender.send(node).await;
    }

    /// Sends a text to a person's devices and to the own ones; returns its id.
    pub async fn write(&self, to: &Jid, text: &str) -> String {
        let id = self.inner.new_id();
        self.write_as(to, text, &id).await;
        id
    }

    /// The same with a given id.
    pub async fn write_as(&self, to: &Jid, text: &str, id: &str) {
        let message = wa::Message { conversation: Some(text.to_owned()), ..Default::default() };
        let copy = wa::Message {
            device_sent_message: MessageField::some(wa::message::DeviceSentMessage {
                destination_jid: Some(to.to_string()),
                message: MessageField::some(message.clone()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut parts = Vec::new();
        for device in self.inner.devices_of(to).await {
            parts.push(part(&device, self.inner.encrypt(&device, &message).await));
        }
        for device in self.inner.devices_of(self.account.number()).await {
            if device.device != 0 {
                parts.push(part(&device, self.inner.encrypt(&device, &copy).await));
            }
        }
        let node = NodeBuilder::new("message")
            .attr("to", to.clone())
            .attr("id", id)
            .attr("type", "text")
            .children([NodeBuilder::new("participants").children(parts).build()])
            .build();
        self.inner.sender.send(node).await;
    }

    /// Sends one device a message whose ciphertext is corrupted.
    pub async fn write_corrupted(&self, device: &Jid, id: &str) {
        let message = wa::Message { conversation: Some("spoiled".to_owned()), ..Default::default() };
        let mut enc = self.inner.encrypt(device, &message).await;
        let mut bytes = enc.bytes().unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        enc.content = Some(NodeContent::Bytes(bytes));
        let node = NodeBuilder::new("message")
            .attr("to", device.to_non_ad())
            .attr("id", id)
            .attr("type", "text")
            .children([NodeBuilder::new("participants").children([part(device, enc)]).build()])
            .build();
        self.inner.sender.send(node).await;
    }

    /// Sends a text to a group, with the sender key for each device.
    pub async fn write_to_group(&self, group: &Jid, members: &[Jid], text: &str) -> String {
        let id = self.inner.new_id();
        let bytes = self.inner.state.lock().signal.distribution(group).unwrap();
        let key = wa::Message {
            sender_key_distribution_message: MessageField::some(wa::message::SenderKeyDistributionMessage {
                group_id: Some(group.to_string()),
                axolotl_sender_key_distribution_message: Some(bytes),
            }),
            ..Default::default()
        };
        let mut parts = Vec::new();
        for member in members {
            for device in self.inner.devices_of(member).await {
                if device.to_non_ad() != *self.account.number() || device.device != 0 {
                    parts.push(part(&device, self.inner.encrypt(&device, &key).await));
                }
            }
        }
        let text = wa::Message { conversation: Some(text.to_owned()), ..Default::default() }.encode_to_vec();
        let sealed = self.inner.state.lock().signal.encrypt_for_group(group, &text).unwrap();
        let enc = NodeBuilder::new("enc").attr("v", 2).attr("type", "skmsg").bytes(sealed.bytes).build();
        let node = NodeBuilder::new("message")
            .attr("to", group.clone())
            .attr("id", id.as_str())
            .attr("type", "text")
            .children([NodeBuilder::new("participants").children(parts).build(), enc])
            .build();
        self.inner.sender.send(node).await;
        id
    }

    /// Sends a read receipt.
    pub async fn mark_read(&self, chat: &Jid, id: &str) {
        let node = NodeBuilder::new("receipt").attr("to", chat.clone()).attr("id", id).attr("type", "read").build();
        self.inner.sender.send(node).await;
    }

    /// Waits for a text.
    pub async fn reads(&self, text: &str) -> Read {
        self.inner.read.until(text, |read| read.iter().find(|read| read.text == text).cloned()).await
    }

    /// How often a text was received.
    pub fn times_read(&self, text: &str) -> usize {
        self.inner.read.with(|read| read.iter().filter(|read| read.text == text).count())
    }

    /// Waits for a stanza from the server in which `find` finds something.
    pub async fn stanza<T>(&self, what: &str, find: impl Fn(&Node) -> Option<T>) -> T {
        self.inner.stanzas.until(what, |stanzas| stanzas.iter().find_map(|node| find(node))).await
    }

    /// Waits for a receipt of a message.
    pub async fn receipt(&self, id: &str, kind: Option<&str>) -> Arc<Node> {
        let found = |stanzas: &[Arc<Node>]| {
            let meant = |node: &&Arc<Node>| {
                node.tag == "receipt" && node.text("id").as_deref() == Some(id) && node.text("type").as_deref() == kind
            };
            stanzas.iter().find(meant).cloned()
        };
        self.inner.stanzas.until("a receipt", found).await
    }

    /// Waits for exactly these presence updates, in order.
    pub async fn presences(&self, expected: &[bool]) {
        let found = |stanzas: &[Arc<Node>]| {
            let presences = stanzas.iter().filter(|node| node.tag == "presence");
            let said: Vec<bool> = presences.map(|node| node.text("type").is_none()).collect();
            (said == expected).then_some(())
        };
        self.inner.stanzas.until("presences", found).await;
    }

    /// Sends a stanza as it is.
    pub async fn send(&self, node: Node) {
        self.inner.sender.send(node).await;
    }

    /// Sends the server an iq and waits for the response.
    pub async fn ask(&self, xmlns: &'static str, kind: &'static str, to: &str, children: Vec<Node>) -> Node {
        self.inner.ask(xmlns, kind, to, children).await
    }
}
