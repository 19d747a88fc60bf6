//! The internals of a phone for tests: queries, encryption, decryption and receipts.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use simulator::phone::bundle::Bundle;
use simulator::phone::linking::Companions;
use simulator::phone::signal::{EncKind, Signal};
use simulator::server::local_connection::LocalSender;
use simulator::server::network::Network;
use simulator::wire::stanza::{Jid, Node, NodeBuilder, Read as _, empty};
use tokio::sync::oneshot;
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

use super::{Read, SERVER};
use crate::world::{Growing, patiently};

pub struct Inner {
    pub network: Network,
    pub sender: LocalSender,
    pub state: Mutex<State>,
    pub read: Arc<Growing<Read>>,
    pub stanzas: Arc<Growing<Arc<Node>>>,
}

pub struct State {
    pub signal: Signal,
    pub companions: Companions,
    pub questions: HashMap<String, oneshot::Sender<Node>>,
    pub next: u64,
}

pub fn part(device: &Jid, enc: Node) -> Node {
    NodeBuilder::new("to").attr("jid", device.clone()).children([enc]).build()
}

impl Inner {
    pub fn new_id(&self) -> String {
        let mut state = self.state.lock();
        state.next += 1;
        let rng = state.signal.rng().below(u32::MAX);
        format!("PHONE{:08}{rng}", state.next)
    }

    pub async fn ask(&self, xmlns: &'static str, kind: &'static str, to: &str, children: Vec<Node>) -> Node {
        let id = self.new_id();
        let (question, answer) = oneshot::channel();
        self.state.lock().questions.insert(id.clone(), question);
        let iq = NodeBuilder::new("iq").attr("xmlns", xmlns).attr("type", kind).attr("to", to).attr("id", id);
        self.sender.send(iq.children(children).build()).await;
        patiently("an answer", answer).await.unwrap()
    }

    pub async fn upload_keys(&self, count: usize) {
        let children = {
            let state = &mut *self.state.lock();
            let (identity, rng) = state.signal.identity_mut();
            identity.upload(count, rng)
        };
        let answer = self.ask("encrypt", "set", SERVER, children).await;
        assert_eq!(answer.text("type").as_deref(), Some("result"));
    }

    pub async fn devices_of(&self, user: &Jid) -> Vec<Jid> {
        let query = NodeBuilder::new("query").children([empty("devices")]).build();
        let list =
            NodeBuilder::new("list").children([NodeBuilder::new("user").attr("jid", user.clone()).build()]).build();
        let answer =
            self.ask("usync", "get", SERVER, vec![NodeBuilder::new("usync").children([query, list]).build()]).await;
        let user_node = &answer.child("usync").unwrap().child("list").unwrap().all()[0];
        let devices = user_node.child("devices").unwrap().child("device-list").unwrap();
        devices
            .all()
            .iter()
            .map(|device| user.with_device(u16::try_from(device.number("id").unwrap()).unwrap()))
            .collect()
    }

    pub async fn encrypt(&self, device: &Jid, message: &wa::Message) -> Node {
        let has_session = self.state.lock().signal.has_session(device);
        if !has_session {
            let user = NodeBuilder::new("user").attr("jid", device.clone()).build();
            let key = NodeBuilder::new("key").children([user]).build();
            let answer = self.ask("encrypt", "get", SERVER, vec![key]).await;
            let bundle = Bundle::read(&answer.child("list").unwrap().all()[0]).unwrap();
            self.state.lock().signal.begin(device, &bundle).unwrap();
        }
        let sealed = self.state.lock().signal.encrypt(device, &message.encode_to_vec()).unwrap();
        NodeBuilder::new("enc").attr("v", 2).attr("type", sealed.kind.name()).bytes(sealed.bytes).build()
    }

    pub async fn take(self: &Arc<Self>, node: Arc<Node>) {
        match node.tag.as_ref() {
            "iq" => {
                let question = node.text("id").and_then(|id| self.state.lock().questions.remove(id.as_ref()));
                if let Some(question) = question {
                    question.send(Node::clone(&node)).ok();
                }
            }
            "message" => self.read(&node).await,
            "notification" | "receipt" => self.confirm(&node).await,
            _ => {}
        }
        self.stanzas.push(node);
    }

    pub async fn confirm(&self, node: &Node) {
        let mut ack = NodeBuilder::new("ack").attr("class", node.tag.to_string());
        for (name, source) in [("id", "id"), ("to", "from"), ("type", "type"), ("participant", "participant")] {
            if let Some(value) = node.attrs.get(source) {
                ack = ack.attr(name, value.clone());
            }
        }
        self.sender.send(ack.build()).await;
    }

    pub async fn read(&self, node: &Node) {
        let from = node.jid("from").unwrap();
        let sender = node.jid("participant").unwrap_or_else(|| from.clone());
        let other =
            ["sender_lid", "sender_pn", "participant_lid", "participant_pn"].iter().find_map(|name| node.jid(name));
        for enc in node.all().iter().filter(|child| child.tag == "enc") {
            let kind = EncKind::read(&enc.text("type").unwrap()).unwrap();
            let plain = {
                let signal = &mut self.state.lock().signal;
                if let Some(other) = &other {
                    signal.learn(&sender, other);
                }
                match kind {
                    EncKind::SenderKey => signal.decrypt_from_group(&from, &sender, enc.bytes().unwrap()),
                    _ => signal.decrypt(&sender, kind, enc.bytes().unwrap()),
                }
            };
            let message = wa::Message::decode_from_slice(&plain.unwrap()).unwrap();
            if let Some(key) = message.sender_key_distribution_message.as_option() {
                let bytes = key.axolotl_sender_key_distribution_message.as_ref().unwrap();
                self.state.lock().signal.process_distribution(&from, &sender, bytes).unwrap();
            }
            let unsent = wa::Message { device_sent_message: Default::default(), ..message.clone() };
            let (chat, message) = match message.device_sent_message.into_option() {
                Some(sent) => (sent.destination_jid.unwrap().parse().unwrap(), sent.message.into_option().unwrap()),
                None => (from.to_non_ad(), unsent),
            };
            let text = message
                .conversation
                .or_else(|| message.extended_text_message.into_option().and_then(|extended| extended.text));
            if let Some(text) = text {
                let id = node.text("id").unwrap().into_owned();
                self.read.push(Read { chat, sender: sender.clone(), id, text });
            }
        }
        let mut receipt =
            NodeBuilder::new("receipt").attr("id", node.text("id").unwrap().as_ref()).attr("to", from.clone());
        if let Some(participant) = node.attrs.get("participant") {
            receipt = receipt.attr("participant", participant.clone());
        }
        if let Some(recipient) = node.attrs.get("recipient") {
            receipt = receipt.attr("type", "sender").attr("recipient", recipient.clone());
        } else if node.text("category").as_deref() == Some("peer") {
            receipt = receipt.attr("type", "peer_msg");
        }
        self.sender.send(receipt.build()).await;
    }
}
