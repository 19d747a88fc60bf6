//! `md`: companions, unlinked by themselves or by their phone, and linked by a code that is typed into the phone.

use crate::server::session::Session;
use crate::server::{linking_code, removal};
use crate::wire::stanza::{Node, Read as _, error, result};

pub fn answer(session: &Session, node: &Node) -> Option<Node> {
    if node.child("link_code_companion_reg").is_some() {
        return Some(linking_code::from_phone(session, node));
    }
    let jid = node.child("remove-companion-device")?.jid("jid");
    let resolved = jid.and_then(|jid| session.network.inner.directory.resolve(&jid));
    let own = resolved.filter(|resolved| std::sync::Arc::ptr_eq(&resolved.account, &session.account));
    let Some(own) = own else { return Some(error(node, 403, "forbidden")) };
    // A companion unlinks itself; the phone unlinks any.
    if session.device.index() != 0 && own.device != session.device.index() {
        return Some(error(node, 403, "forbidden"));
    }
    if own.device == session.device.index() {
        session.answer(result(node, []));
    }
    if removal::remove(&session.network, &session.account, own.device) {
        Some(result(node, []))
    } else {
        Some(error(node, 404, "item-not-found"))
    }
}
