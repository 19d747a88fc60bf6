//! `usync`: queries about users: whether they exist, their addresses and devices.

use std::sync::Arc;

use crate::faults::UsyncDecision;
use crate::limits::REQUEST_ITEMS_MAX;
use crate::server::account::{Account, Naming};
use crate::server::device_connection::DeviceConnection;
use crate::server::device_list;
use crate::server::fault_points;
use crate::wire::stanza::{Jid, Node, NodeBuilder, Read as _, empty, error, result};

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let usync = node.child("usync")?;
    let (query, list) = (usync.child("query")?, usync.child("list")?);
    if list.all().len() > REQUEST_ITEMS_MAX {
        return Some(error(node, 400, "bad-request"));
    }
    let asked: Vec<&str> = query.all().iter().map(|protocol| protocol.tag.as_ref()).collect();
    let users: Vec<Node> = list.all().iter().map(|user| describe(connection, user, &asked)).collect();
    // The status of each protocol as a whole is empty, which means no error.
    let states = asked.iter().map(|tag| NodeBuilder::new_dynamic((*tag).to_owned()).build());
    let mut answer = NodeBuilder::new("usync");
    for name in ["sid", "index", "last", "mode", "context"] {
        if let Some(value) = usync.attrs.get(name) {
            answer = answer.attr(name, value.clone());
        }
    }
    let children =
        [NodeBuilder::new("result").children(states).build(), NodeBuilder::new("list").children(users).build()];
    Some(result(node, [answer.children(children).build()]))
}

/// The target of a `<user>` in the request.
enum Asked {
    Known(Arc<Account>, Jid),
    /// An address or number without an account.
    Unknown(Option<Jid>),
}

fn find(connection: &DeviceConnection, user: &Node) -> Asked {
    match named(connection, user) {
        // ASSUMPTION: by a number that is hidden nobody is found, but by his own devices.
        Asked::Known(account, jid)
            if account.hides_number()
                && Naming::of(&jid) == Some(Naming::Number)
                && !Arc::ptr_eq(&account, &connection.account) =>
        {
            Asked::Unknown(Some(jid))
        }
        Asked::Known(account, jid) => {
            match fault_points::looked_up(&connection.network.inner.faults, &connection.device, &account) {
                UsyncDecision::Answer => Asked::Known(account, jid),
                UsyncDecision::NotOnWhatsapp => Asked::Unknown(Some(jid)),
            }
        }
        unknown => unknown,
    }
}

fn named(connection: &DeviceConnection, user: &Node) -> Asked {
    if let Some(jid) = user.jid("jid").or_else(|| user.jid("pn_jid")) {
        let jid = jid.to_non_ad();
        return match connection.network.inner.directory.resolve(&jid) {
            Some(found) => Asked::Known(found.account, jid),
            None => Asked::Unknown(Some(jid)),
        };
    }
    let phone = user.child("contact").and_then(Node::content_text).unwrap_or_default();
    let number = phone.trim_start_matches('+');
    // whatsmeow queries by an address from before `s.whatsapp.net`.
    let number = number.strip_suffix("@c.us").or(number.strip_suffix("@s.whatsapp.net")).unwrap_or(number);
    let directory = &connection.network.inner.directory;
    // ASSUMPTION: A number in a form that the account is not known by is answered with the account's own, as clients of the
    // real service report it of Brazil, Mexico and Argentina.
    let found = directory.by_number(number).or_else(|| directory.by_number(&other_form(number)?));
    match found {
        Some(account) => {
            let jid = account.number().clone();
            Asked::Known(account, jid)
        }
        None => Asked::Unknown(number.bytes().all(|byte| byte.is_ascii_digit()).then(|| Jid::pn(number))),
    }
}

/// The other form of a mobile number of Brazil, Mexico or Argentina.
fn other_form(number: &str) -> Option<String> {
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let (country, national) = number.split_at_checked(2).filter(|_| is_number)?;
    let other = match (country, national.len(), national.as_bytes()) {
        ("55", 11, [_, _, b'9', ..]) => format!("{}{}", &national[..2], &national[3..]),
        ("55", 10, _) => format!("{}9{}", &national[..2], &national[2..]),
        ("52", 11, [b'1', ..]) | ("54", 11, [b'9', ..]) => national[1..].to_owned(),
        ("52", 10, _) => format!("1{national}"),
        ("54", 10, _) => format!("9{national}"),
        _ => return None,
    };
    Some(format!("{country}{other}"))
}

fn describe(connection: &DeviceConnection, user: &Node, asked: &[&str]) -> Node {
    match find(connection, user) {
        Asked::Known(account, jid) => {
            let parts = asked.iter().filter_map(|tag| part(connection, &account, user, tag));
            let mut answer = NodeBuilder::new("user").attr("jid", jid.clone());
            if Naming::of(&jid) == Some(Naming::Lid) && !account.hides_number() {
                answer = answer.attr("pn_jid", account.number().clone());
            }
            answer.children(parts).build()
        }
        Asked::Unknown(jid) => {
            let mut answer = NodeBuilder::new("user");
            if let Some(jid) = jid {
                answer = answer.attr("jid", jid);
            }
            let parts = asked.iter().filter_map(|tag| match *tag {
                "contact" => Some(contact(user, "out")),
                // A user without an account has no devices.
                "devices" => Some(NodeBuilder::new("devices").children([empty("device-list")]).build()),
                _ => None,
            });
            answer.children(parts).build()
        }
    }
}

fn part(connection: &DeviceConnection, account: &Arc<Account>, user: &Node, tag: &str) -> Option<Node> {
    match tag {
        "contact" => Some(contact(user, "in")),
        "devices" => {
            account.watch_devices(&connection.account.number().user);
            Some(device_list::answer(account))
        }
        "lid" => Some(NodeBuilder::new("lid").attr("val", account.lid().clone()).build()),
        "status" => {
            let (text, at_seconds) = account.about()?;
            Some(NodeBuilder::new("status").attr("t", at_seconds).bytes(text.into_bytes()).build())
        }
        "disappearing_mode" => Some(
            NodeBuilder::new("disappearing_mode").attr("duration", account.disappearing_seconds()).attr("t", 0).build(),
        ),
        // There are no businesses, pictures, bots or user names here: an absent part says so.
        _ => None,
    }
}

/// `<contact type>` with the number as in the query.
fn contact(user: &Node, kind: &'static str) -> Node {
    let answer = NodeBuilder::new("contact").attr("type", kind);
    match user.child("contact").and_then(Node::bytes) {
        Some(phone) => answer.bytes(phone).build(),
        None => answer.build(),
    }
}

#[cfg(test)]
mod tests {
    use super::other_form;

    #[test]
    fn a_number_has_one_other_form_at_most() {
        for (one, other) in
            [("5511987654321", "551187654321"), ("5215512345678", "525512345678"), ("5491123456789", "541123456789")]
        {
            assert_eq!((other_form(one).as_deref(), other_form(other).as_deref()), (Some(other), Some(one)));
        }
        for one in ["", "5", "6281234567890", "5511887654321", "52155123456789", "551é87654321"] {
            assert_eq!(other_form(one), None, "{one}");
        }
    }
}
