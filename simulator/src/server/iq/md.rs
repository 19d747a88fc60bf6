//! `md`: companions, unlinked by themselves or by their phone, and linked by pairing code.

use std::sync::Arc;

use crate::server::device_connection::DeviceConnection;
use crate::server::pairing_code;
use crate::server::unlink::{self, By};
use crate::wire::stanza::{Node, Read as _, error, result};

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    if node.child("link_code_companion_reg").is_some() {
        return Some(pairing_code::from_phone(connection, node));
    }
    let removal = node.child("remove-companion-device")?;
    let Some(index) = meant(connection, removal) else { return Some(error(node, 403, "forbidden")) };
    if index == connection.device.index() || unlink::unlink(&connection.network, &connection.account, index, By::Phone)
    {
        Some(result(node, []))
    } else {
        Some(error(node, 404, "item-not-found"))
    }
}

/// A companion that unlinks itself gets its response before its connection ends.
pub fn after(connection: &DeviceConnection, node: &Node) {
    let meant = node.child("remove-companion-device").and_then(|removal| meant(connection, removal));
    if meant == Some(connection.device.index()) {
        unlink::unlink(&connection.network, &connection.account, connection.device.index(), By::Itself);
    }
}

/// The companion to unlink, if the requester may do that: a companion may unlink itself, the phone any.
fn meant(connection: &DeviceConnection, removal: &Node) -> Option<u16> {
    let named = connection.network.inner.directory.resolve(&removal.jid("jid")?)?;
    let own = connection.device.index();
    let may =
        Arc::ptr_eq(&named.account, &connection.account) && named.device != 0 && (own == 0 || own == named.device);
    may.then_some(named.device)
}
