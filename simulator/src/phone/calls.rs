//! Incoming and outgoing calls: signaling only (offer, accept, reject, terminate), without media.

use serde::{Deserialize, Serialize};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::stanza::ack_of;
use super::{Action, Phone, PhoneError};
use crate::phone::rng::hex;

/// The call capabilities of an Android phone (wacore, `stanza/call.rs`).
const CAPABILITY: [u8; 7] = [0x01, 0x05, 0xf7, 0x09, 0xe0, 0xbb, 0x13];

/// The state of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    Ringing,
    Accepted,
    Rejected,
    /// The caller hung up, or either side did after it was accepted.
    Ended,
}

impl CallState {
    /// The state after an action of either side.
    fn next(self, action: &str) -> Self {
        match (self, action) {
            (Self::Ringing, "accept") => Self::Accepted,
            (Self::Ringing, "reject") => Self::Rejected,
            (Self::Ringing | Self::Accepted, "terminate") => Self::Ended,
            _ => self,
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Rejected | Self::Ended)
    }
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    #[serde(rename = "call")]
    pub id: String,
    /// The other party's account.
    pub with: String,
    pub from_me: bool,
    pub video: bool,
    pub state: CallState,
    /// The calling device, as stanzas address it.
    #[serde(skip)]
    creator: Jid,
    /// The recipient of stanzas about it.
    #[serde(skip)]
    to: Jid,
    /// The devices that an outgoing call rings at.
    #[serde(skip)]
    rings_at: Vec<Jid>,
}

impl Phone {
    /// The remembered calls, the oldest first.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.iter()
    }

    /// Calls an account whose devices are known. Returns the call id.
    ///
    /// ASSUMPTION: an offer has a key for the media, encrypted for each device. Clients that only show and reject calls do
    /// not read it; here there is none.
    pub fn call(&mut self, to: &Jid, rings_at: Vec<Jid>, video: bool) -> (String, Vec<Action>) {
        let id = hex(&self.signal.rng().bytes::<16>()).to_uppercase();
        let call = Call {
            id: id.clone(),
            with: self.signal.book().account(to).to_string(),
            from_me: true,
            video,
            state: CallState::Ringing,
            creator: self.person.lid_jid(),
            to: to.clone(),
            rings_at,
        };
        let offer = about(&call, "offer").children(media(video)).build();
        let actions = vec![self.signal_call(to, offer)];
        self.calls.insert(id.clone(), call);
        (id, actions)
    }

    /// Ends an outgoing or accepted call, or rejects one that rings.
    ///
    /// # Errors
    /// [`PhoneError::UnknownCall`], also for one that is over.
    pub fn hang_up(&mut self, id: &str) -> Result<Vec<Action>, PhoneError> {
        let call = self.calls.get_mut(&id.to_owned()).filter(|call| !call.state.is_over());
        let call = call.ok_or_else(|| PhoneError::UnknownCall(id.to_owned()))?;
        let refuses = !call.from_me && call.state == CallState::Ringing;
        let action = if refuses { "reject" } else { "terminate" };
        call.state = call.state.next(action);
        let stanza = about(call, action);
        let stanza = if refuses { stanza.attr("count", 0) } else { stanza };
        let to = call.to.clone();
        Ok(vec![self.signal_call(&to, stanza.build())])
    }

    /// Handles an incoming call, or an update to a call.
    pub(super) fn handle_call(&mut self, node: &Node, actions: &mut Vec<Action>) {
        actions.extend(ack_of(node).map(Action::Send));
        let Some(action) = node.children().and_then(<[Node]>::first) else { return };
        let (mut said, mut attrs) = (action.attrs(), node.attrs());
        let id = said.optional_string("call-id").map(|id| id.into_owned());
        let (Some(id), Some(creator), Some(from)) = (id, said.optional_jid("call-creator"), attrs.optional_jid("from"))
        else {
            return;
        };
        if let Some(number) = said.optional_jid("caller_pn") {
            self.signal.learn(&from, &number);
        }
        if action.tag == "offer" {
            // A call that was queued while the phone was offline is over.
            let is_late = attrs.optional_string("offline").is_some();
            self.calls.insert(
                id.clone(),
                Call {
                    id: id.clone(),
                    with: self.signal.book().account(&from).to_string(),
                    from_me: false,
                    video: action.get_optional_child("video").is_some(),
                    state: if is_late { CallState::Ended } else { CallState::Ringing },
                    creator: creator.clone(),
                    to: from.clone(),
                    rings_at: Vec::new(),
                },
            );
            if !is_late {
                actions.extend(rings(node, &from, &id, &creator));
            }
            return;
        }
        // A busy device does not decide for its person.
        let is_busy = action.tag == "reject" && said.optional_string("reason").as_deref() == Some("busy");
        let Some(call) = self.calls.get_mut(&id).filter(|_| !is_busy) else { return };
        let before = call.state;
        call.state = before.next(&action.tag);
        if call.from_me && before == CallState::Ringing && before != call.state {
            let call = call.clone();
            self.stop_ringing(&call, &from, actions);
        }
    }

    /// The call was answered at one device: stops the others from ringing.
    fn stop_ringing(&mut self, call: &Call, answered_at: &Jid, actions: &mut Vec<Action>) {
        let reason = match call.state {
            CallState::Accepted => "accepted_elsewhere",
            CallState::Rejected => "rejected_elsewhere",
            CallState::Ringing | CallState::Ended => return,
        };
        let answered_at = self.signal.book().canonical(answered_at);
        for device in &call.rings_at {
            if self.signal.book().canonical(device) != answered_at {
                let stanza = about(call, "terminate").attr("reason", reason).build();
                actions.push(self.signal_call(device, stanza));
            }
        }
    }

    fn signal_call(&mut self, to: &Jid, action: Node) -> Action {
        let id = self.signal.rng().message_id();
        Action::Send(NodeBuilder::new("call").attr("to", to).attr("id", id).children([action]).build())
    }
}

/// `<action call-id call-creator>`
fn about(call: &Call, action: &'static str) -> NodeBuilder {
    NodeBuilder::new(action).attr("call-id", call.id.as_str()).attr("call-creator", &call.creator)
}

/// The media that a phone offers, in the order that the service expects.
fn media(video: bool) -> Vec<Node> {
    let audio = |rate: u32| NodeBuilder::new("audio").attr("enc", "opus").attr("rate", rate).build();
    let mut offered = vec![audio(8_000), audio(16_000)];
    if video {
        offered.push(NodeBuilder::new("video").attr("enc", "h.264").attr("dec", "H264,AV1").build());
    }
    offered.push(NodeBuilder::new("net").attr("medium", 3).build());
    offered.push(NodeBuilder::new("capability").attr("ver", 1).bytes(CAPABILITY.to_vec()).build());
    offered.push(NodeBuilder::new("encopt").attr("keygen", 2).build());
    offered
}

/// Tells the caller that the phone rings.
fn rings(offer: &Node, from: &Jid, id: &str, creator: &Jid) -> Option<Action> {
    let stanza = offer.attrs.get("id")?;
    let offer = NodeBuilder::new("offer").attr("call-id", id).attr("call-creator", creator).build();
    let receipt = NodeBuilder::new("receipt").attr("to", from).attr("id", stanza.clone()).children([offer]);
    Some(Action::Send(receipt.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_goes_one_way_from_state_to_state() {
        use CallState::{Accepted, Ended, Rejected, Ringing};
        for (state, after) in [
            (Ringing, [Accepted, Rejected, Ended, Ringing]),
            (Accepted, [Accepted, Accepted, Ended, Accepted]),
            (Rejected, [Rejected; 4]),
            (Ended, [Ended; 4]),
        ] {
            assert_eq!(["accept", "reject", "terminate", "transport"].map(|action| state.next(action)), after);
        }
    }
}
