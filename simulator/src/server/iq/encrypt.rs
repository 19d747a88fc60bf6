//! `encrypt`: the public keys of devices, uploaded by them and fetched by senders.

use sha1::{Digest as _, Sha1};

use crate::faults::PrekeysDecision;
use crate::limits::{PREKEYS_LOW, REQUEST_ITEMS_MAX};
use crate::server::device::Device;
use crate::server::device_connection::DeviceConnection;
use crate::server::device_list;
use crate::server::fault_points;
use crate::server::identity;
use crate::server::keys::{KeyBundle, OneTime, SignedPrekey, read_one_time, write_one_time};
use crate::server::notification::notification;
use crate::wire::stanza::{Jid, Node, NodeBuilder, Read as _, error, holding, result, server};

/// The type of all keys: Curve25519.
const KEY_TYPE: u8 = 5;

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    match node.text("type").as_deref() {
        Some("set") => match node.child("rotate") {
            Some(rotate) => Some(take_rotated(connection, node, rotate)),
            None => take_upload(connection, node),
        },
        _ => {
            if let Some(key) = node.child("key").or_else(|| node.child("key_fetch")) {
                return Some(fetch(connection, node, key));
            }
            if node.child("count").is_some() {
                let count = NodeBuilder::new("count").attr("value", connection.device.prekeys_left()).build();
                return Some(result(node, [count]));
            }
            node.child("digest").map(|_| digest(connection, node))
        }
    }
}

fn take_upload(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let refused = || error(node, 406, "not-acceptable");
    let registration = node.child_bytes("registration")?.try_into().ok();
    let identity = node.child_bytes("identity").and_then(|bytes| bytes.try_into().ok());
    let signed = node.child("skey").and_then(SignedPrekey::read);
    let (Some(registration), Some(identity), Some(signed)) = (registration, identity, signed) else {
        return Some(refused());
    };
    if !identity::is_signed_prekey(&identity, &signed) {
        return Some(refused());
    }
    let uploaded = node.child("list").map(Node::all).unwrap_or_default();
    if uploaded.len() > REQUEST_ITEMS_MAX {
        return Some(refused());
    }
    let mut keys = connection.device.keys.lock();
    match keys.as_mut() {
        // A device's identity key never changes.
        Some(known) if known.identity != identity => return Some(refused()),
        Some(known) => {
            known.registration = registration;
            known.signed = signed;
        }
        None => *keys = Some(KeyBundle::new(registration, identity, signed)),
    }
    if let Some(keys) = keys.as_mut() {
        keys.add(uploaded.iter().filter_map(read_one_time));
    }
    drop(keys);
    if connection.device.index() == 0 {
        connection.account.set_identity(identity);
    }
    Some(result(node, []))
}

fn take_rotated(connection: &DeviceConnection, node: &Node, rotate: &Node) -> Node {
    let signed = rotate.child("skey").and_then(SignedPrekey::read);
    let mut keys = connection.device.keys.lock();
    match (signed, keys.as_mut()) {
        (Some(signed), Some(keys)) if identity::is_signed_prekey(&keys.identity, &signed) => {
            keys.signed = signed;
            result(node, [])
        }
        _ => error(node, 406, "not-acceptable"),
    }
}

fn digest(connection: &DeviceConnection, node: &Node) -> Node {
    let keys = connection.device.keys.lock();
    let Some(keys) = keys.as_ref().filter(|keys| keys.one_time_left() > 0) else {
        // The client has never uploaded prekeys, and does so now.
        return error(node, 404, "item-not-found");
    };
    let mut hash = Sha1::new();
    hash.update(keys.identity);
    hash.update(keys.signed.value);
    hash.update(keys.signed.signature);
    keys.one_time().for_each(|(_, value)| hash.update(value));
    let ids = keys.one_time().map(|(id, _)| holding("id", *id));
    let digest = NodeBuilder::new("digest")
        .children([
            holding("registration", keys.registration),
            holding("type", [KEY_TYPE]),
            holding("identity", keys.identity),
            keys.signed.write(),
            NodeBuilder::new("list").children(ids).build(),
            holding("hash", hash.finalize().to_vec()),
        ])
        .build();
    result(node, [digest])
}

fn fetch(connection: &DeviceConnection, node: &Node, key: &Node) -> Node {
    if key.all().len() > REQUEST_ITEMS_MAX {
        return error(node, 400, "bad-request");
    }
    let users = key.all().iter().filter_map(|user| Some(bundle(connection, &user.jid("jid")?)));
    result(node, [NodeBuilder::new("list").children(users).build()])
}

fn bundle(connection: &DeviceConnection, jid: &Jid) -> Node {
    let found = connection.network.inner.directory.resolve(jid);
    let decision = found
        .as_ref()
        .map(|found| fault_points::keys_wanted(&connection.network.inner.faults, &connection.device, &found.account));
    let device = found.and_then(|found| found.account.device(found.device));
    let children = match (device.as_deref(), decision) {
        (Some(device), Some(PrekeysDecision::Give)) => take(device, KeyBundle::take_one_time),
        (Some(device), Some(PrekeysDecision::GiveWithoutOneTimeKey)) => take(device, |_| None),
        _ => None,
    };
    let user = NodeBuilder::new("user").attr("jid", jid.clone());
    match children {
        Some(children) => {
            device.as_deref().inspect(|device| ask_for_keys_if_low(device));
            user.children(children).build()
        }
        None => {
            let error = NodeBuilder::new("error").attr("code", 406).attr("text", "not-acceptable").build();
            user.children([error]).build()
        }
    }
}

fn take(device: &Device, one_time: impl FnOnce(&mut KeyBundle) -> Option<OneTime>) -> Option<Vec<Node>> {
    let mut keys = device.keys.lock();
    let keys = keys.as_mut()?;
    let mut children = vec![
        holding("registration", keys.registration),
        holding("type", [KEY_TYPE]),
        holding("identity", keys.identity),
        keys.signed.write(),
    ];
    children.extend(one_time(keys).as_ref().map(write_one_time));
    children.extend(device_list::identity(device));
    Some(children)
}

/// Asks a device for more one-time prekeys, with every one that is taken while few are left. The real service has been
/// observed to do so (github.com/tgalal/yowsup/issues/836), and whatsmeow relies on it: it uploads when five are left.
fn ask_for_keys_if_low(device: &Device) {
    let left = {
        let mut keys = device.keys.lock();
        let Some(keys) = keys.as_mut() else { return };
        let left = keys.one_time_left();
        if left >= PREKEYS_LOW || keys.asked_at == Some(left) {
            return;
        }
        keys.asked_at = Some(left);
        left
    };
    let count = NodeBuilder::new("count").attr("value", left).build();
    device.notify(notification(server(), "encrypt").children([count]).build());
}
