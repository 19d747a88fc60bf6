//! `md`: companions, unlinked by themselves or by their phone, and linked by a code that is typed into the phone.

use std::sync::Arc;

use crate::server::linking_code;
use crate::server::removal::{self, By};
use crate::server::session::Session;
use crate::wire::stanza::{Node, Read as _, error, result};

pub fn answer(session: &Session, node: &Node) -> Option<Node> {
    if node.child("link_code_companion_reg").is_some() {
        return Some(linking_code::from_phone(session, node));
    }
    let removal = node.child("remove-companion-device")?;
    let Some(index) = meant(session, removal) else { return Some(error(node, 403, "forbidden")) };
    if index == session.device.index() || removal::remove(&session.network, &session.account, index, By::Phone) {
        Some(result(node, []))
    } else {
        Some(error(node, 404, "item-not-found"))
    }
}

/// A companion that unlinks itself has its answer before its connection ends.
pub fn after(session: &Session, node: &Node) {
    let meant = node.child("remove-companion-device").and_then(|removal| meant(session, removal));
    if meant == Some(session.device.index()) {
        removal::remove(&session.network, &session.account, session.device.index(), By::Itself);
    }
}

/// The companion that is to be unlinked, if who asks may do that: a companion unlinks itself, the phone any.
fn meant(session: &Session, removal: &Node) -> Option<u16> {
    let named = session.network.inner.directory.resolve(&removal.jid("jid")?)?;
    let own = session.device.index();
    let may = Arc::ptr_eq(&named.account, &session.account) && named.device != 0 && (own == 0 || own == named.device);
    may.then_some(named.device)
}
