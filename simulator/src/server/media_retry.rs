//! Media retry: a companion asks its phone for a file that the media host no longer has (`<receipt
//! type="server-error">`), and the phone uploads it again and replies with the location (`<notification
//! type="mediaretry">`).

use super::device_connection::DeviceConnection;
use crate::clock;
use crate::wire::stanza::{Node, NodeBuilder, Read as _};

/// Forwards a companion's request to its phone.
pub fn ask_phone(connection: &DeviceConnection, receipt: &Node) {
    let Some(phone) = connection.account.phone() else { return };
    let mut stanza = NodeBuilder::new("receipt").attr("from", connection.device.number().clone());
    for name in ["id", "type", "category"] {
        if let Some(value) = receipt.attrs.get(name) {
            stanza = stanza.attr(name, value.clone());
        }
    }
    phone.notify(stanza.attr("t", clock::now_seconds()).apply_content(receipt.content.clone()).build());
}

/// Forwards a phone's response to the requesting companion.
///
/// ASSUMPTION: how a phone hands its answer to the service is not public; here it sends the notification itself.
pub fn answer_companion(connection: &DeviceConnection, notification: &Node) {
    let (Some(to), Some(id)) = (notification.jid("to"), notification.attrs.get("id")) else { return };
    let Some(companion) = connection.account.device(to.device).filter(|device| device.index() != 0) else { return };
    let stanza = NodeBuilder::new("notification")
        .attr("from", connection.account.number().clone())
        .attr("type", "mediaretry")
        .attr("id", id.clone())
        .attr("t", clock::now_seconds())
        .apply_content(notification.content.clone());
    companion.notify(stanza.build());
}
