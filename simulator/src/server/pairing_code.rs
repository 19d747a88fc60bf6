//! Linking by an eight-character pairing code that the client shows and its owner types into the phone.
//!
//! The two exchange three messages, which the server relays and cannot read: the client's key, wrapped with the code;
//! the phone's key, wrapped with the same code; and what both need to agree on a secret. The rest is as with a scanned
//! code.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::account::Account;
use super::device_connection::DeviceConnection;
use super::fault_points;
use super::network::Network;
use super::notification::notification;
use super::registration::Registering;
use crate::clock;
use crate::faults::{Hook, LinkCodeRefusal, link_code_error};
use crate::limits::TYPED_CODE_SECONDS;
use crate::wire::stanza::{Jid, Node, NodeBuilder, NodeContent, Read as _, error, holding, result, server};

const REGISTER: &str = "link_code_companion_reg";
const REFERENCE: &str = "link_code_pairing_ref";
const WRAPPED_COMPANION_KEY: &str = "link_code_pairing_wrapped_companion_ephemeral_pub";
const WRAPPED_PRIMARY_KEY: &str = "link_code_pairing_wrapped_primary_ephemeral_pub";
const PRIMARY_IDENTITY: &str = "primary_identity_pub";
const WRAPPED_BUNDLE: &str = "link_code_pairing_wrapped_key_bundle";
const COMPANION_IDENTITY: &str = "companion_identity_public";
const FINISH: &str = "companion_finish";

/// The browser names that the service accepts.
const BROWSERS: [&str; 8] = ["Chrome", "Edge", "Firefox", "IE", "Opera", "Safari", "Electron", "Desktop"];

/// A client's request to be linked by pairing code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedCode {
    /// The account to link to.
    pub number: Jid,
    /// The ref that identifies the request.
    pub reference: String,
}

/// Handles `companion_hello` or `companion_finish` from a client that registers.
pub fn from_companion(registering: &Arc<Registering>, node: &Node) {
    let Some(register) = node.child(REGISTER) else { return };
    if registering.is_at_gate() {
        return registering.send_queue.push(Arc::new(error(node, 400, "bad-request")));
    }
    let answer = match register.text("stage").as_deref() {
        Some("companion_hello") => hello(registering, node, register),
        Some(FINISH) => finish(registering, node, register),
        _ => error(node, 400, "bad-request"),
    };
    registering.send_queue.push(Arc::new(answer));
}

fn hello(registering: &Arc<Registering>, node: &Node, register: &Node) -> Node {
    let network = &registering.network;
    let Some(account) = register.jid("jid").and_then(|jid| network.account(&jid)) else {
        return error(node, 404, "item-not-found");
    };
    if let Some(refused) = refused(network, Hook::LinkCodeHello, &account, node) {
        return refused;
    }
    let Some(wrapped_key) = register.child_bytes(WRAPPED_COMPANION_KEY) else {
        return error(node, 400, "bad-request");
    };
    if register.child_bytes("companion_server_auth_key_pub") != Some(&registering.noise_public[..]) {
        return error(node, 400, "bad-request");
    }
    let display = register.child("companion_platform_display").and_then(Node::content_text).unwrap_or_default();
    if !is_display_name(&display) {
        return error(node, 400, "bad-request");
    }
    let registrations = &network.inner.registrations;
    let reference = format!("3@{}", STANDARD.encode(clock::random_bytes::<24>()));
    let code = TypedCode { number: account.number().clone(), reference: reference.clone() };
    // A client has one pairing code: a new request replaces the previous one.
    let before = registering.typed_code.lock().replace(code);
    if let Some(before) = before {
        registrations.remove_ref(registering, &before.reference);
    }
    if registrations.is_full() {
        return error(node, 503, "service-unavailable");
    }
    registrations.add(&reference, registering, Duration::from_secs(TYPED_CODE_SECONDS));
    // ASSUMPTION: how a phone learns of a client that waits for a code is not public; it is notified as companions are.
    let child = NodeBuilder::new(REGISTER)
        .attr("stage", "companion_hello")
        .children([
            holding(WRAPPED_COMPANION_KEY, wrapped_key),
            holding("companion_server_auth_key_pub", registering.noise_public),
            holding("companion_platform_display", display.as_bytes()),
            holding(REFERENCE, reference.as_bytes()),
        ])
        .build();
    if let Some(phone) = account.phone()
        && phone.mailbox.keep(notice(child)).is_err()
    {
        return error(node, 503, "service-unavailable");
    }
    let child = NodeBuilder::new(REGISTER)
        .attr("stage", "companion_hello")
        .children([holding(REFERENCE, reference.as_bytes())])
        .build();
    result(node, [child])
}

/// The response to a client that a fault refuses.
fn refused(network: &Network, hook: Hook, account: &Account, node: &Node) -> Option<Node> {
    let LinkCodeRefusal { code, backoff_seconds } = fault_points::link_code_sent(&network.inner.faults, hook, account)?;
    let mut refusal = NodeBuilder::new("error").attr("code", code).attr("text", link_code_error(code)?);
    if let Some(seconds) = backoff_seconds {
        refusal = refusal.attr("backoff", seconds);
    }
    let mut answer = error(node, code, "");
    answer.content = Some(NodeContent::Nodes(vec![refusal.build()]));
    Some(answer)
}

/// Whether a client's display name has the only form that the service accepts, `Browser (OS)`.
fn is_display_name(display: &str) -> bool {
    let parts = display.strip_suffix(')').and_then(|rest| rest.split_once(" ("));
    parts.is_some_and(|(browser, system)| BROWSERS.contains(&browser) && !system.is_empty())
}

fn finish(registering: &Arc<Registering>, node: &Node, register: &Node) -> Node {
    let network = &registering.network;
    let number = registering.typed_code.lock().as_ref().map(|code| code.number.clone());
    let account = number.and_then(|number| network.account(&number));
    if let Some(refused) = account.as_ref().and_then(|account| refused(network, Hook::LinkCodeFinish, account, node)) {
        return refused;
    }
    let phone = account.and_then(|account| account.phone());
    let (Some(phone), Some(reference), Some(bundle)) =
        (phone, register.child_bytes(REFERENCE), register.child_bytes(WRAPPED_BUNDLE))
    else {
        return error(node, 400, "bad-request");
    };
    if register.child_bytes(COMPANION_IDENTITY) != Some(&registering.identity_public[..]) {
        return error(node, 400, "bad-request");
    }
    let child = NodeBuilder::new(REGISTER)
        .attr("stage", FINISH)
        .children([
            holding(WRAPPED_BUNDLE, bundle),
            holding(COMPANION_IDENTITY, registering.identity_public),
            holding(REFERENCE, reference),
        ])
        .build();
    match phone.mailbox.keep(notice(child)) {
        Ok(()) => result(node, []),
        Err(_) => error(node, 503, "service-unavailable"),
    }
}

/// Handles `primary_hello` from a phone into which the code was typed, and forwards it to the client.
pub fn from_phone(connection: &DeviceConnection, node: &Node) -> Node {
    let Some(register) = node.child(REGISTER) else { return error(node, 400, "bad-request") };
    let reference = register.child(REFERENCE).and_then(Node::content_text).unwrap_or_default();
    let Some(registering) = connection.network.inner.registrations.find(&reference) else {
        return error(node, 404, "item-not-found");
    };
    let is_match =
        registering.typed_code.lock().as_ref().is_some_and(|code| code.number == *connection.account.number());
    let keys = (register.child_bytes(WRAPPED_PRIMARY_KEY), register.child_bytes(PRIMARY_IDENTITY));
    let (true, (Some(wrapped), Some(identity))) = (is_match, keys) else {
        return error(node, 400, "bad-request");
    };
    let child = NodeBuilder::new(REGISTER)
        .attr("stage", "primary_hello")
        .children([
            holding(WRAPPED_PRIMARY_KEY, wrapped),
            holding(PRIMARY_IDENTITY, identity),
            holding(REFERENCE, reference.as_bytes()),
        ])
        .build();
    registering.send_queue.push(Arc::new(notice(child)));
    result(node, [])
}

/// A notification of this exchange without keys. Clients must check its stage before they look for keys.
// ASSUMPTION: such a notification was observed before the passkey gate, without the phone's key; its stage is not public.
pub fn without_keys(reference: &str) -> Node {
    let reference = holding(REFERENCE, reference.as_bytes());
    notice(NodeBuilder::new(REGISTER).attr("stage", FINISH).children([reference]).build())
}

fn notice(register: Node) -> Node {
    notification(server(), REGISTER).children([register]).build()
}
