//! Requests of clients (`iq`), a file for each namespace.
//!
//! Every request is answered: a client that waits in vain connects anew after half a minute. One that is not known is
//! answered with nothing, and remembered.

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

use super::fault_points;
use super::session::Session;
use crate::faults::IqDecision;
use crate::wire::stanza::{Node, Read as _, error, result};

/// Answers a request.
pub fn receive(session: &Session, node: &Node) {
    match node.text("type").as_deref() {
        Some("get" | "set") => {}
        // A client's answer to something of ours: nothing of ours waits for one.
        Some("result" | "error") => return,
        // A client that gives no type (for its statistics) does not wait.
        _ if node.text("xmlns").as_deref() == Some("w:stats") => {}
        _ => return session.network.inner.unknown.note(Some(session.device.number()), node),
    }
    match fault_points::asked(&session.network.inner.faults, &session.device, node) {
        IqDecision::Answer => {}
        IqDecision::RateOverlimit => return session.answer(error(node, 429, "rate-overlimit")),
        IqDecision::End(end) => return session.outlet.end([fault_points::last_word(end)]),
    }
    let answer = answer(session, node).unwrap_or_else(|| {
        session.network.inner.unknown.note(Some(session.device.number()), node);
        result(node, [])
    });
    session.answer(answer);
    after(session, node);
}

/// The answer to a request; nothing if it is not known.
fn answer(session: &Session, node: &Node) -> Option<Node> {
    match node.text("xmlns").as_deref()? {
        "abt" => props::answer(node),
        "blocklist" => privacy::answer_blocklist(session, node),
        "bot" => bot::answer(node),
        "disappearing_mode" => settings::answer_disappearing_mode(session, node),
        "encrypt" => encrypt::answer(session, node),
        "md" => md::answer(session, node),
        "newsletter" => newsletter::answer(session, node),
        "passive" => passive::answer(node),
        "privacy" => privacy::answer(session, node),
        "spam" | "w:stats" | "urn:xmpp:whatsapp:dirty" => Some(result(node, [])),
        "status" => settings::answer_status(session, node),
        "tos" | "urn:xmpp:whatsapp:push" => Some(result(node, [])),
        "usync" => usync::answer(session, node),
        "w:biz" => business::answer(node),
        "w:g2" => groups::answer(session, node),
        "w:m" => media::answer(session, node),
        "w:mex" => mex::answer(session, node),
        "w:p" => Some(result(node, [])),
        "w:profile:picture" => picture::answer(session, node),
        "w:qr" => contact_code::answer(session, node),
        "w:sync:app:state" => sync::answer(session, node),
        _ => None,
    }
}

/// What follows an answer: it must not overtake it.
fn after(session: &Session, node: &Node) {
    match node.text("xmlns").as_deref() {
        Some("passive") => passive::after(session, node),
        Some("md") => md::after(session, node),
        _ => {}
    }
}
