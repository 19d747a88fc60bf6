//! The only place where the server consults the fault plan.
//!
//! The [`Plan`] decides in its own terms; this module translates the server's types into those, and the plan's stream
//! endings into stanzas. The caller carries out the decision, in the file that handles the case without faults.

use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::device::Device;
use super::device_connection::DeviceConnection;
use super::network::Network;
use crate::clock;
use crate::faults::DeviceName;
use crate::faults::{
    AckDecision, Arrival, DeliveryDecision, Direction, FaultNumber, Hook, IqDecision, LinkCodeRefusal, LinkingEnd,
    LoginDecision, LoginRefusal, Lookup, MediaDecision, MediaTransfer, Plan, PlanError, PlannedFault, PrekeysDecision,
    PrologueDecision, Question, ReceiptDecision, Sending, StreamEnd, UsyncDecision,
};
use crate::wire::stanza::{Jid, JidExt as _, Node, NodeBuilder, NodeContent, Read as _};

/// A conversation's name in faults: a person's number, or a group's JID.
pub fn conversation(network: &Network, jid: &Jid) -> String {
    if jid.is_group() {
        return jid.to_string();
    }
    match network.account(jid) {
        Some(account) => account.number().user.to_string(),
        None => jid.user.to_string(),
    }
}

/// The sending device, and the conversation as the recipient sees it.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub device: &'a Device,
    pub conversation: &'a str,
}

/// Decision about a message that a device has sent.
pub fn sent(connection: &DeviceConnection, conversation: &str, to: &Jid, node: &Node) -> AckDecision {
    let (stanza_type, id) = (node.text("type").unwrap_or_default(), node.text("id").unwrap_or_default());
    let recipient = connection.network.account(to).filter(|recipient| !Arc::ptr_eq(recipient, &connection.account));
    let is_first_contact =
        recipient.is_some_and(|recipient| !connection.account.has_correspondent(&recipient.number().user));
    connection.network.inner.faults.on_message(&Sending {
        device: connection.device.name(),
        chat: conversation,
        stanza_type: &stanza_type,
        id: &id,
        is_first_contact,
    })
}

/// Decision about a message on its way to a device.
pub fn delivered(plan: &Plan, device: &Device, origin: Origin<'_>, node: &Node) -> DeliveryDecision {
    let (stanza_type, id) = (node.text("type").unwrap_or_default(), node.text("id").unwrap_or_default());
    plan.on_delivery(&arrival(device, origin, &stanza_type, &id))
}

/// Decision about a receipt on its way to a device.
pub fn receipted(plan: &Plan, device: &Device, origin: Origin<'_>, node: &Node) -> ReceiptDecision {
    let stanza_type = node.text("type").unwrap_or("delivery".into());
    let id = node.text("id").unwrap_or_default();
    plan.on_receipt(&arrival(device, origin, &stanza_type, &id))
}

fn arrival<'a>(device: &'a Device, origin: Origin<'a>, stanza_type: &'a str, id: &'a str) -> Arrival<'a> {
    Arrival { device: device.name(), from: origin.device.name(), chat: origin.conversation, stanza_type, id }
}

/// Decision about an iq.
pub fn asked(plan: &Plan, device: &Device, node: &Node) -> IqDecision {
    let (namespace, id) = (node.text("xmlns").unwrap_or_default(), node.text("id").unwrap_or_default());
    plan.on_iq(&Question { device: device.name(), namespace: &namespace, id: &id })
}

/// Decision about a query for a person.
pub fn looked_up(plan: &Plan, device: &Device, account: &Account) -> UsyncDecision {
    plan.on_usync(&Lookup { device: device.name(), number: &account.number().user })
}

/// Decision about fetching the prekeys of a person's devices.
pub fn keys_wanted(plan: &Plan, device: &Device, account: &Account) -> PrekeysDecision {
    plan.on_prekeys(&Lookup { device: device.name(), number: &account.number().user })
}

/// Decision about a file transfer; `device` owns the token in the request.
pub fn transferred(plan: &Plan, device: &DeviceName, direction: Direction) -> MediaDecision {
    plan.on_media(&MediaTransfer { device, direction })
}

/// Whether a client whose code was typed gets a notification without keys before the passkey gate.
pub fn stopped_with_link_code(plan: &Plan, account: &Account) -> bool {
    plan.sends_link_code_without_keys(&phone_of(account))
}

/// Whether a passkey request for this account includes its options.
pub fn passkey_requested(plan: &Plan, account: &Account) -> bool {
    !plan.omits_passkey_options(&phone_of(account))
}

/// Decision about a valid assertion of this account's passkey.
pub fn prologue_sent(plan: &Plan, account: &Account) -> PrologueDecision {
    plan.on_passkey_prologue(&phone_of(account))
}

/// Whether a client's `companion_hello` or `companion_finish` is refused.
pub fn link_code_sent(plan: &Plan, hook: Hook, account: &Account) -> Option<LinkCodeRefusal> {
    plan.on_link_code(hook, &phone_of(account))
}

/// Whether the stream of a client that is being linked ends. The stanza returned is written first.
pub fn linking(plan: &Plan, hook: Hook, account: &Account) -> Option<Option<Node>> {
    let end = plan.ends_linking(hook, &phone_of(account))?;
    Some(match end {
        LinkingEnd::StreamEnd => None,
        LinkingEnd::StreamError(code) => Some(NodeBuilder::new("stream:error").attr("code", code).build()),
        LinkingEnd::Failure(reason) => Some(super::failure(reason)),
    })
}

fn phone_of(account: &Account) -> DeviceName {
    DeviceName::new(account.number().user.to_string(), 0)
}

/// Decision about a login. The stanza returned is written in place of `<success>`, and ends the connection.
pub fn login(plan: &Plan, device: &Device) -> Option<Node> {
    match plan.on_login(device.name()) {
        LoginDecision::Admit => None,
        LoginDecision::Refuse(refusal) => Some(failure_of(refusal)),
        LoginDecision::End(end) => Some(final_stanza(end)),
    }
}

fn failure_of(refusal: LoginRefusal) -> Node {
    match refusal {
        LoginRefusal::ClientOutdated => super::failure(405),
        LoginRefusal::DeviceRemoved => super::failure(401),
        LoginRefusal::TemporaryBan { code, expire_seconds } => {
            let mut failure = super::failure(402);
            failure.attrs.insert("code", code);
            failure.attrs.insert("expire", expire_seconds);
            failure
        }
    }
}

/// The final stanza of a stream.
pub fn final_stanza(end: StreamEnd) -> Node {
    let conflict = |kind: &'static str| NodeBuilder::new("conflict").attr("type", kind).build();
    let error = NodeBuilder::new("stream:error");
    match end {
        StreamEnd::Error(code) => error.attr("code", code.number()).build(),
        StreamEnd::Replaced => error.children([conflict("replaced")]).build(),
        StreamEnd::DeviceRemoved => error.attr("code", 401).children([conflict("device_removed")]).build(),
    }
}

/// Corrupts a byte of every ciphertext, so that it cannot be decrypted. The byte is at three quarters, which is in the
/// ciphertext or its MAC: a prekey message ends with ids that some clients never read.
pub fn corrupt(node: &mut Node) {
    let Some(NodeContent::Nodes(children)) = &mut node.content else { return };
    for enc in children.iter_mut().filter(|child| child.tag == "enc") {
        if let Some(NodeContent::Bytes(bytes)) = &mut enc.content
            && let Some(byte) = bytes.len().checked_mul(3).and_then(|three| bytes.get_mut(three / 4))
        {
            *byte ^= 1;
        }
    }
}

/// Waits as a decision requires.
pub async fn wait(milliseconds: u64) {
    if milliseconds > 0 {
        clock::sleep(Duration::from_millis(milliseconds)).await;
    }
}

impl Network {
    /// The fault plan and its log.
    pub fn faults(&self) -> &Plan {
        &self.inner.faults
    }

    /// Adds a fault; one that ends connections applies to existing ones immediately.
    ///
    /// # Errors
    /// It is invalid, or there are too many.
    pub fn add_fault(&self, planned: PlannedFault) -> Result<FaultNumber, PlanError> {
        let number = self.inner.faults.add(planned)?;
        for account in self.inner.directory.all() {
            for device in account.devices() {
                if let Some(send_queue) = device.mailbox.send_queue().filter(|_| device.linked().is_some())
                    && let Some(end) = self.inner.faults.on_connected(device.name())
                {
                    send_queue.end([final_stanza(end)]);
                }
            }
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stanza::holding;

    #[test]
    fn corrupting_a_message_changes_only_its_ciphertext() {
        let mut node = NodeBuilder::new("message").children([holding("enc", [1, 2]), holding("meta", [3])]).build();
        corrupt(&mut node);
        assert_eq!((node.child_bytes("enc"), node.child_bytes("meta")), (Some(&[1, 3][..]), Some(&[3][..])));
    }
}
