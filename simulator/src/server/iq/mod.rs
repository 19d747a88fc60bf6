//! Clients' requests (`iq`), with one file per namespace.
//!
//! Every request is answered: a client that gets no response reconnects after half a minute. Unhandled requests get an
//! empty result and are recorded.

mod bot;
mod business;
mod contact_code;
mod encrypt;
mod groups;
mod md;
mod media;
mod mex;
mod newsletter;
mod passive;
mod picture;
mod privacy;
mod props;
mod settings;
pub mod sync;
mod usync;

pub use privacy::is_blocked;

use super::device_connection::DeviceConnection;
use super::fault_points;
use crate::faults::IqDecision;
use crate::wire::stanza::{Node, Read as _, error, result};

/// Answers a request.
pub fn receive(connection: &DeviceConnection, node: &Node) {
    match node.text("type").as_deref() {
        Some("get" | "set") => {}
        // A client's response to a request of the server, none of which waits for one.
        Some("result" | "error") => return,
        // A client that sends no type (for its statistics) does not wait for a response.
        _ if node.text("xmlns").as_deref() == Some("w:stats") => {}
        _ => return connection.network.inner.unhandled_iqs.record(Some(connection.device.number()), node),
    }
    match fault_points::asked(&connection.network.inner.faults, &connection.device, node) {
        IqDecision::Answer => {}
        IqDecision::RateOverlimit => return connection.answer(error(node, 429, "rate-overlimit")),
        IqDecision::End(end) => return connection.send_queue.end([fault_points::final_stanza(end)]),
    }
    let answer = answer(connection, node).unwrap_or_else(|| {
        connection.network.inner.unhandled_iqs.record(Some(connection.device.number()), node);
        result(node, [])
    });
    connection.answer(answer);
    after(connection, node);
}

/// The response to a request; `None` if it is not known.
fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    match node.text("xmlns").as_deref()? {
        "abt" => props::answer(node),
        "blocklist" => privacy::answer_blocklist(connection, node),
        "bot" => bot::answer(node),
        "disappearing_mode" => settings::answer_disappearing_mode(connection, node),
        "encrypt" => encrypt::answer(connection, node),
        "md" => md::answer(connection, node),
        "newsletter" => newsletter::answer(connection, node),
        "passive" => passive::answer(node),
        "privacy" => privacy::answer(connection, node),
        "spam" | "w:stats" | "urn:xmpp:whatsapp:dirty" => Some(result(node, [])),
        "status" => settings::answer_status(connection, node),
        "tos" | "urn:xmpp:whatsapp:push" => Some(result(node, [])),
        "usync" => usync::answer(connection, node),
        "w:biz" => business::answer(node),
        "w:g2" => groups::answer(connection, node),
        "w:m" => media::answer(connection, node),
        "w:mex" => mex::answer(connection, node),
        "w:p" => Some(result(node, [])),
        "w:profile:picture" => picture::answer(connection, node),
        "w:qr" => contact_code::answer(connection, node),
        "w:sync:app:state" => sync::answer(connection, node),
        _ => None,
    }
}

/// What must follow the response, and not overtake it.
fn after(connection: &DeviceConnection, node: &Node) {
    match node.text("xmlns").as_deref() {
        Some("passive") => passive::after(connection, node),
        Some("md") => md::after(connection, node),
        _ => {}
    }
}
