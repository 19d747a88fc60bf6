//! Three phones and a minimal server between them: it answers iqs and forwards stanzas, immediately and in order,
//! unless a test corrupts or drops some.

use std::collections::{BTreeMap, HashMap, VecDeque};

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt, Node, NodeContent};
use waproto::codec::message_decode;

use crate::phone::address::Profile;
use crate::phone::bundle::Bundle;
use crate::phone::content::{Decoded, decode};
use crate::phone::rng::SeededRng;
use crate::phone::signal::{EncKind, Signal};
use crate::phone::{Action, LoggedMessage, Phone};

pub const NOW_MS: u64 = 1_750_000_000_000;

/// Called with each `<message>` and `<receipt>` on its way to a device; false drops it.
pub type Corrupt = Box<dyn FnMut(&Jid, &mut Node) -> bool>;

pub struct World {
    pub phones: BTreeMap<String, Phone>,
    /// Device 1 of some accounts.
    pub companions: HashMap<String, Companion>,
    pub done: Vec<(String, Action)>,
    pub corrupt: Option<Corrupt>,
    pub stanzas: Vec<Node>,
    deposits: HashMap<String, Vec<Node>>,
    groups: HashMap<Jid, Vec<Jid>>,
    queue: VecDeque<(String, Node)>,
}

/// What a test needs of a linked device: its keys, and what it has decrypted.
pub struct Companion {
    pub signal: Signal,
    pub read: Vec<Decoded>,
}

pub fn jid(number: &str) -> Jid {
    Jid::pn(number)
}

pub fn person(number: &str, name: &str) -> Profile {
    Profile { number: number.to_owned(), lid: format!("9{number}"), name: name.to_owned() }
}

impl World {
    /// Phones of Ann (1), Bob (2) and Cyd (3), all online.
    pub fn new() -> Self {
        let mut world = Self {
            phones: BTreeMap::new(),
            companions: HashMap::new(),
            done: Vec::new(),
            corrupt: None,
            stanzas: Vec::new(),
            deposits: HashMap::new(),
            groups: HashMap::new(),
            queue: VecDeque::new(),
        };
        for (number, name) in [("1", "Ann"), ("2", "Bob"), ("3", "Cyd")] {
            world.phones.insert(number.to_owned(), Phone::new(person(number, name), 7, NOW_MS).unwrap());
        }
        for number in ["1", "2", "3"] {
            world.with(number, |phone| phone.come_online(NOW_MS));
        }
        world.done.clear();
        world
    }

    /// Gives an account a second device, which others find and encrypt for.
    pub fn link(&mut self, number: &str) {
        let mut signal = Signal::new(&person(number, "companion"), SeededRng::new(9, number)).unwrap();
        let (identity, rng) = signal.identity_mut();
        self.deposits.insert(format!("{number}:1"), identity.upload(20, rng));
        self.companions.insert(number.to_owned(), Companion { signal, read: Vec::new() });
    }

    pub fn group(&mut self, members: &[&str]) -> Jid {
        let group = Jid::group("120363000000000001");
        self.groups.insert(group.clone(), members.iter().map(|number| jid(number)).collect());
        group
    }

    /// Runs a command on a phone, and everything that follows from it.
    pub fn with(&mut self, number: &str, act: impl FnOnce(&mut Phone) -> Vec<Action>) {
        let actions = act(self.phones.get_mut(number).unwrap());
        self.take(number, actions);
        while let Some((number, node)) = self.queue.pop_front() {
            self.serve(&number, node);
        }
    }

    /// A phone sends a text; returns the id.
    pub fn send(&mut self, number: &str, chat: &Jid, text: &str) -> String {
        let mut said = String::new();
        self.with(number, |phone| {
            let (id, actions) = phone.send(chat, crate::phone::content::MessageBody::text(text), NOW_MS).unwrap();
            said = id;
            actions
        });
        said
    }

    pub fn kept(&self, number: &str) -> Vec<&LoggedMessage> {
        self.phones[number].messages().collect()
    }

    /// The texts that this phone has received.
    pub fn heard(&self, number: &str) -> Vec<&str> {
        self.kept(number).into_iter().filter(|kept| !kept.from_me).map(|kept| kept.body.content.summary()).collect()
    }

    pub fn count(&self, is_wanted: impl Fn(&str, &Action) -> bool) -> usize {
        self.done.iter().filter(|(number, action)| is_wanted(number, action)).count()
    }

    fn take(&mut self, number: &str, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(node) => self.queue.push_back((number.to_owned(), node)),
                Action::Store { ticket, .. } => {
                    let path = format!("/v/{ticket}");
                    let phone = self.phones.get_mut(number).unwrap();
                    let actions = phone.stored(ticket, &path, &format!("https://media{path}"), NOW_MS);
                    self.done.push((number.to_owned(), action));
                    self.take(number, actions);
                }
                other => self.done.push((number.to_owned(), other)),
            }
        }
    }

    /// Delivers a stanza to a device.
    pub fn deliver(&mut self, device: &Jid, mut node: Node) {
        let is_lost = matches!(node.tag.as_ref(), "message" | "receipt")
            && self.corrupt.as_mut().is_some_and(|corrupt| !corrupt(device, &mut node));
        if is_lost {
            return;
        }
        let number = device.user.as_str();
        if device.device == 0 {
            let actions = self.phones.get_mut(number).unwrap().handle(&node, NOW_MS);
            self.take(number, actions);
        } else if let Some(companion) = self.companions.get_mut(number) {
            companion.take(&node);
        }
    }

    fn serve(&mut self, number: &str, node: Node) {
        self.stanzas.push(node.clone());
        match node.tag.as_ref() {
            "iq" => {
                let answer = self.answer(number, &node);
                self.deliver(&jid(number), answer);
            }
            "message" => self.route(&jid(number), &node),
            "receipt" => {
                let to = node.attrs().optional_jid("to").unwrap();
                let device = node.attrs().optional_jid("participant");
                self.pass_on(&jid(number), &device.unwrap_or(to), &node, node.content.clone());
            }
            _ => {}
        }
    }

    /// Forwards a message to all devices it is for, and acks it.
    pub fn route(&mut self, from: &Jid, node: &Node) {
        let to = node.attrs().optional_jid("to").unwrap();
        let ack = NodeBuilder::new("ack")
            .attr("class", "message")
            .attr("id", node.attrs().optional_string("id").unwrap().as_ref())
            .attr("from", &to);
        if from.device == 0 {
            self.deliver(from, ack.build());
        }
        let mut parcels: Vec<(Jid, Vec<Node>)> = Vec::new();
        let participants = node.get_optional_child("participants").and_then(Node::children);
        for part in participants.unwrap_or_default() {
            let device = part.attrs().optional_jid("jid").unwrap();
            parcels.push((device, part.children().unwrap().to_vec()));
        }
        let common: Vec<Node> = node.get_children_by_tag("enc").cloned().collect();
        if !common.is_empty() {
            let one = node.attrs().optional_jid("participant");
            let receivers = match (one, self.groups.get(&to)) {
                (Some(one), _) => vec![one],
                (None, Some(members)) => self.devices(&members.clone()),
                (None, None) => vec![to.clone()],
            };
            for device in receivers.into_iter().filter(|device| device != from) {
                match parcels.iter_mut().find(|(known, _)| *known == device) {
                    Some((_, encs)) => encs.extend(common.iter().cloned()),
                    None => parcels.push((device, common.clone())),
                }
            }
        }
        for (device, encs) in parcels {
            self.pass_on(from, &device, node, Some(NodeContent::Nodes(encs)));
        }
    }

    fn pass_on(&mut self, from: &Jid, device: &Jid, node: &Node, content: Option<NodeContent>) {
        let to = node.attrs().optional_jid("to").unwrap();
        let mut passed = NodeBuilder::new_dynamic(node.tag.to_string()).attr("t", NOW_MS / 1000);
        for key in ["id", "type", "category", "edit"] {
            if let Some(value) = node.attrs.get(key) {
                passed = passed.attr(key, value.clone());
            }
        }
        if to.is_group() {
            passed = passed.attr("from", &to).attr("participant", from);
        } else {
            passed = passed.attr("from", from);
            if from.user == device.user && node.tag == "message" {
                passed = passed.attr("recipient", &to);
            }
        }
        self.deliver(device, passed.apply_content(content).build());
    }

    fn devices(&self, accounts: &[Jid]) -> Vec<Jid> {
        let of = |account: &Jid| {
            let has_companion = self.companions.contains_key(account.user.as_str());
            let count = if self.phones.contains_key(account.user.as_str()) { 1 + u16::from(has_companion) } else { 0 };
            (0..count).map(|device| account.with_device(device)).collect::<Vec<_>>()
        };
        accounts.iter().flat_map(of).collect()
    }

    fn answer(&mut self, number: &str, iq: &Node) -> Node {
        let child = &iq.children().unwrap()[0];
        let content = match child.tag.as_ref() {
            "registration" => {
                self.deposits.insert(format!("{number}:0"), iq.children().unwrap().to_vec());
                vec![]
            }
            "key" => vec![NodeBuilder::new("list").children(self.bundles(child)).build()],
            "usync" => vec![self.device_list(child)],
            "query" => {
                let members = &self.groups[&iq.attrs().optional_jid("to").unwrap()];
                let members = members.iter().map(|jid| NodeBuilder::new("participant").attr("jid", jid).build());
                vec![NodeBuilder::new("group").attr("addressing_mode", "pn").children(members).build()]
            }
            _ => vec![],
        };
        let id = iq.attrs().optional_string("id").unwrap().into_owned();
        NodeBuilder::new("iq").attr("type", "result").attr("id", id).children(content).build()
    }

    fn bundles(&mut self, query: &Node) -> Vec<Node> {
        let mut users = Vec::new();
        for user in query.children().unwrap() {
            let jid = user.attrs().optional_jid("jid").unwrap();
            let deposit = self.deposits.get_mut(&format!("{}:{}", jid.user, jid.device)).unwrap();
            let Some(NodeContent::Nodes(list)) = &mut deposit[3].content else { panic!("a list of keys") };
            let mut parts: Vec<Node> = list.pop().into_iter().collect();
            parts.extend(deposit.iter().filter(|part| part.tag != "list").cloned());
            users.push(NodeBuilder::new("user").attr("jid", jid).children(parts).build());
        }
        users
    }

    fn device_list(&self, usync: &Node) -> Node {
        let pending_queries = usync.get_optional_child("list").unwrap().children().unwrap();
        let users = pending_queries.iter().map(|user| {
            let jid = user.attrs().optional_jid("jid").unwrap();
            let devices = self.devices(std::slice::from_ref(&jid));
            let devices = devices.iter().map(|one| NodeBuilder::new("device").attr("id", one.device).build());
            let list = NodeBuilder::new("device-list").children(devices).build();
            let devices = NodeBuilder::new("devices").children([list]).build();
            NodeBuilder::new("user").attr("jid", jid).children([devices]).build()
        });
        NodeBuilder::new("usync").children([NodeBuilder::new("list").children(users).build()]).build()
    }

    /// A companion sends something to one device in a session of its own, as `message` with these attributes.
    pub fn send_as_companion(&mut self, number: &str, to: &Jid, stanza: NodeBuilder, plaintext: &[u8]) {
        let stanza = stanza.attr("from", jid(number).with_device(1));
        self.send_parts_as_companion(number, to, stanza, &[plaintext]);
    }

    /// The same in several parts, or from another address than the companion's: `stanza` has its `from`.
    pub fn send_parts_as_companion(&mut self, number: &str, to: &Jid, stanza: NodeBuilder, parts: &[&[u8]]) {
        let key = NodeBuilder::new("key").children([NodeBuilder::new("user").attr("jid", to).build()]).build();
        let bundle = Bundle::read(&self.bundles(&key)[0]).unwrap();
        let signal = &mut self.companions.get_mut(number).unwrap().signal;
        if !signal.has_session(to) {
            signal.begin(to, &bundle).unwrap();
        }
        let mut seal = |plaintext: &&[u8]| {
            let sealed = signal.encrypt(to, plaintext).unwrap();
            NodeBuilder::new("enc").attr("type", sealed.kind.name()).attr("v", "2").bytes(sealed.bytes).build()
        };
        let encs: Vec<Node> = parts.iter().map(&mut seal).collect();
        self.with(number, |_| vec![]);
        self.deliver(to, stanza.children(encs).build());
        self.with(number, |_| vec![]);
    }
}

impl Companion {
    fn take(&mut self, node: &Node) {
        let from = node.attrs().optional_jid("from").unwrap();
        let sender = node.attrs().optional_jid("participant").unwrap_or_else(|| from.clone());
        for enc in node.get_children_by_tag("enc") {
            let kind = EncKind::read(&enc.attrs().optional_string("type").unwrap()).unwrap();
            let Some(NodeContent::Bytes(bytes)) = &enc.content else { panic!("bytes") };
            let plaintext = match kind {
                EncKind::SenderKey => self.signal.decrypt_from_group(&from, &sender, bytes).unwrap(),
                _ => self.signal.decrypt(&sender, kind, bytes).unwrap(),
            };
            let unpacked = decode(message_decode(&plaintext).unwrap());
            if let Some(key) = &unpacked.distribution {
                self.signal.process_distribution(&key.group.parse().unwrap(), &sender, &key.key).unwrap();
            }
            self.read.push(unpacked);
        }
    }
}
