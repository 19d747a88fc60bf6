//! Grouped receipts: those that several group members sent for one message while a device was offline become one
//! stanza, `<receipt><participants key><user jid t/>…</participants></receipt>`. `mailbox.rs` groups them at login.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::wire::stanza::{JidExt as _, Node, NodeBuilder, Read as _};

/// Receipts are grouped if these are equal: group, type, and message.
type Key = (String, String, String);

/// Groups receipts of one group, type and message, at the place of the first. A single one is unchanged.
///
/// ASSUMPTION: which receipts the real service groups is not public. Here they are those that a device had not confirmed
/// when it logged in; one that names several messages, or asks for one again, is never grouped. The stanza has the id of
/// its message.
pub fn group(kept: &mut VecDeque<Arc<Node>>) {
    let mut counts: HashMap<Key, usize> = HashMap::new();
    for key in kept.iter().filter_map(|node| key(node)) {
        *counts.entry(key).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    if counts.is_empty() {
        return;
    }
    let mut users: HashMap<Key, Vec<Node>> = HashMap::new();
    for node in kept.iter() {
        if let Some(key) = key(node).filter(|key| counts.contains_key(key)) {
            users.entry(key).or_default().extend(users_of(node));
        }
    }
    let each = kept.drain(..).filter_map(|node| match key(&node).filter(|key| counts.contains_key(key)) {
        // The first one takes all users; the others are dropped.
        Some(key) => users.remove(&key).map(|users| Arc::new(grouped(&node, users))),
        None => Some(node),
    });
    *kept = each.collect();
}

/// Whether a receipt is grouped.
pub fn is_grouped(node: &Node) -> bool {
    node.tag == "receipt" && node.child("participants").is_some()
}

/// `None` for receipts that are not grouped.
fn key(node: &Node) -> Option<Key> {
    if node.tag != "receipt" || !node.jid("from")?.is_group() {
        return None;
    }
    let kind = node.text("type").unwrap_or_default();
    let is_simple = node.all().is_empty() && node.attrs.get("participant").is_some();
    let may_be_grouped = !matches!(kind.as_ref(), "retry" | "enc_rekey_retry") && node.attrs.get("recipient").is_none();
    let key = || Some((node.text("from")?.into_owned(), kind.clone().into_owned(), node.text("id")?.into_owned()));
    ((is_simple || is_grouped(node)) && may_be_grouped).then(key).flatten()
}

/// `<user jid t [participant_pn]>` for each member in this receipt.
fn users_of(receipt: &Node) -> Vec<Node> {
    if let Some(participants) = receipt.child("participants") {
        return participants.all().to_vec();
    }
    let mut user = NodeBuilder::new("user");
    for (name, source) in [("jid", "participant"), ("t", "t"), ("participant_pn", "participant_pn")] {
        if let Some(value) = receipt.attrs.get(source) {
            user = user.attr(name, value.clone());
        }
    }
    vec![user.build()]
}

fn grouped(first: &Node, users: Vec<Node>) -> Node {
    let mut receipt = NodeBuilder::new("receipt");
    for name in ["from", "id", "type", "addressing_mode", "t"] {
        if let Some(value) = first.attrs.get(name) {
            receipt = receipt.attr(name, value.clone());
        }
    }
    let mut participants = NodeBuilder::new("participants");
    if let Some(id) = first.attrs.get("id") {
        participants = participants.attr("key", id.clone());
    }
    receipt.children([participants.children(users).build()]).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stanza::Jid;

    fn receipt(id: &str, participant: &str, kind: Option<&'static str>) -> NodeBuilder {
        let receipt = NodeBuilder::new("receipt")
            .attr("from", Jid::group("1-2"))
            .attr("id", id)
            .attr("participant", Jid::lid(participant))
            .attr("participant_pn", Jid::pn("15550002"))
            .attr("t", 7);
        match kind {
            Some(kind) => receipt.attr("type", kind),
            None => receipt,
        }
    }

    fn kept(receipts: impl IntoIterator<Item = NodeBuilder>) -> VecDeque<Arc<Node>> {
        receipts.into_iter().map(|receipt| Arc::new(receipt.build())).collect()
    }

    fn named(node: &Node) -> Vec<String> {
        let users = node.child("participants").map(Node::all).unwrap_or_default();
        users.iter().filter_map(|user| user.text("jid")).map(|jid| jid.into_owned()).collect()
    }

    #[test]
    fn receipts_of_one_message_and_type_become_one_at_the_place_of_the_first() {
        let mut all = kept([
            receipt("m", "1", None),
            receipt("m", "1", Some("read")),
            receipt("other", "1", None),
            receipt("m", "2", None),
        ]);
        group(&mut all);
        assert_eq!(all.len(), 3);
        assert_eq!(named(&all[0]), ["1@lid", "2@lid"]);
        let participants = all[0].child("participants").unwrap();
        assert_eq!((participants.text("key"), all[0].text("id")), (Some("m".into()), Some("m".into())));
        assert_eq!((all[0].attrs.get("participant"), participants.all()[0].number("t")), (None, Some(7)));
        assert_eq!((all[1].text("type"), named(&all[1])), (Some("read".into()), Vec::new()));
        assert_eq!(all[2].text("id"), Some("other".into()));
    }

    #[test]
    fn what_is_grouped_takes_in_what_came_later() {
        let mut all = kept([receipt("m", "1", None), receipt("m", "2", None)]);
        group(&mut all);
        all.push_back(Arc::new(receipt("m", "3", None).build()));
        group(&mut all);
        assert_eq!((all.len(), named(&all[0])), (1, vec!["1@lid".to_owned(), "2@lid".to_owned(), "3@lid".to_owned()]));
    }

    #[test]
    fn a_request_for_a_message_and_a_receipt_of_several_messages_stay_as_they_are() {
        let list = || NodeBuilder::new("list").children([NodeBuilder::new("item").attr("id", "n").build()]).build();
        let mut all = kept([
            receipt("m", "1", Some("retry")),
            receipt("m", "2", Some("retry")),
            receipt("m", "1", Some("read")).children([list()]),
            receipt("m", "2", Some("read")).children([list()]),
        ]);
        let before = all.clone();
        group(&mut all);
        assert_eq!(all, before);
    }
}
