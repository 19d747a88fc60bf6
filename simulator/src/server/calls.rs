//! Call signaling between two people's devices, routed like messages. Media goes through relays, which are not
//! simulated.

use std::sync::Arc;

use super::account::Naming;
use super::device::Device;
use super::device_connection::{DeviceConnection, acknowledgement};
use super::directory::Resolved;
use super::iq::is_blocked;
use crate::clock;
use crate::wire::stanza::{Node, NodeBuilder, NodeContent, Read as _, with_attribute};

/// Actions of a call between two people.
const ACTIONS: [&str; 12] = [
    "accept",
    "enc_rekey",
    "heartbeat",
    "interruption",
    "mute_v2",
    "offer",
    "preaccept",
    "reject",
    "relaylatency",
    "terminate",
    "transport",
    "video",
];

/// The error for an address without an account.
const NOBODY: u16 = 404;

/// A phone's platform and version, which the service adds for the recipient.
const PHONE: (&str, &str) = ("android", "2.26.20.73");

/// The same for a companion.
const COMPANION: (&str, &str) = ("web", "2.3000.0");

/// Forwards a device's call stanza.
///
/// ASSUMPTION: the acknowledgement of an offer names relays for the media, and clients that support media wait for them;
/// here it names none.
pub fn receive(connection: &DeviceConnection, call: &Node) {
    let Some(action) = call.all().first().filter(|action| ACTIONS.contains(&action.tag.as_ref())) else {
        connection.network.inner.unhandled_iqs.record(Some(connection.device.number()), call);
        return connection.acknowledge(call, None);
    };
    let to = call.jid("to").and_then(|to| connection.network.inner.directory.resolve(&to));
    match &to {
        // A blocked caller does not learn of it.
        Some(to) if is_blocked(&to.account, &connection.account) => {}
        Some(to) => forward(connection, call, action, to),
        None => {}
    }
    let ack = acknowledgement(call, to.is_none().then_some(NOBODY)).attr("type", action.tag.to_string());
    connection.answer(ack.build());
}

/// Sends a `<call>` to each device of the caller or the callee, which is queued until confirmed.
fn forward(connection: &DeviceConnection, call: &Node, action: &Node, to: &Resolved) {
    let naming = connection.account.shown_as(to.naming);
    for device in meant(connection, action, to) {
        let action = for_device(connection, action, naming, &device);
        device.notify(from_sender(connection, call, naming).children([action]).build());
    }
}

/// ASSUMPTION: an address without a device names all devices of the account. That a call was answered elsewhere is for
/// one device: without one in the address for the phone.
fn meant(connection: &DeviceConnection, action: &Node, to: &Resolved) -> Vec<Arc<Device>> {
    let is_elsewhere = action.text("reason").is_some_and(|reason| reason.ends_with("_elsewhere"));
    if to.device != 0 || is_elsewhere {
        return to.account.device(to.device).into_iter().collect();
    }
    let others = to.account.devices().into_iter().filter(|device| !Arc::ptr_eq(device, &connection.device));
    others.collect()
}

/// `<call from id t notify platform version>`
fn from_sender(connection: &DeviceConnection, call: &Node, naming: Naming) -> NodeBuilder {
    let (platform, version) = if connection.device.index() == 0 { PHONE } else { COMPANION };
    let stanza = NodeBuilder::new("call")
        .attr("from", connection.device.jid(naming).clone())
        .attr("t", clock::now_seconds())
        .attr("notify", connection.account.name())
        .attr("platform", platform)
        .attr("version", version);
    match call.attrs.get("id") {
        Some(id) => stanza.attr("id", id.clone()),
        None => stanza,
    }
}

/// An action as one device receives it: with only its own key of an offer, and the caller's number unless it is hidden.
fn for_device(connection: &DeviceConnection, action: &Node, naming: Naming, device: &Arc<Device>) -> Node {
    if action.tag != "offer" {
        return action.clone();
    }
    let mut offer = action.clone();
    if naming == Naming::Lid && !connection.account.hides_number() {
        offer = with_attribute(&offer, "caller_pn", connection.account.number().clone());
    }
    if let Some(list) = action.child("destination") {
        let key = list.all().iter().find(|to| is_for(connection, to, device)).and_then(|to| to.child("enc"));
        let rest = action.all().iter().filter(|child| child.tag != "destination");
        offer.content = Some(NodeContent::Nodes(rest.chain(key).cloned().collect()));
    }
    offer
}

/// Whether `<to jid>` addresses this device.
fn is_for(connection: &DeviceConnection, to: &Node, device: &Arc<Device>) -> bool {
    let named = to.jid("jid").and_then(|jid| connection.network.inner.directory.resolve(&jid));
    let named = named.and_then(|named| named.account.device(named.device));
    named.is_some_and(|named| Arc::ptr_eq(&named, device))
}
