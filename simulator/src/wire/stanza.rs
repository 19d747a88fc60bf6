//! Helpers to read clients' stanzas and to build the server's.
//!
//! Clients may send anything: everything read here is optional, and the caller decides what happens without it.

use std::borrow::Cow;

pub use wacore_binary::builder::NodeBuilder;
pub use wacore_binary::{Jid, JidExt, Node, NodeContent, NodeValue, Server};

/// The server's own JID, `s.whatsapp.net`, which its responses come from. It is a JID without a user, not a string:
/// whatsmeow ignores what comes from a string.
pub fn server() -> Jid {
    Jid::pn("")
}

/// Accessors, as methods of [`Node`].
pub trait Read {
    /// An attribute as a string.
    fn text(&self, name: &str) -> Option<Cow<'_, str>>;
    /// An attribute as a JID; `None` if it is not one.
    fn jid(&self, name: &str) -> Option<Jid>;
    /// An attribute as a number.
    fn number(&self, name: &str) -> Option<u64>;
    /// The first child with this tag.
    fn child(&self, tag: &str) -> Option<&Node>;
    /// All children; empty if the content is not a list.
    fn all(&self) -> &[Node];
    /// The content as bytes, whether it was sent as bytes or as a string.
    fn bytes(&self) -> Option<&[u8]>;
    /// The bytes in the first child with this tag.
    fn child_bytes(&self, tag: &str) -> Option<&[u8]>;
    /// The content as a string.
    fn content_text(&self) -> Option<Cow<'_, str>>;
}

impl Read for Node {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.attrs.get(name).map(NodeValue::as_str)
    }

    fn jid(&self, name: &str) -> Option<Jid> {
        self.attrs.get(name).and_then(NodeValue::to_jid)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn child(&self, tag: &str) -> Option<&Node> {
        self.all().iter().find(|child| child.tag == tag)
    }

    fn all(&self) -> &[Node] {
        match &self.content {
            Some(NodeContent::Nodes(nodes)) => nodes,
            _ => &[],
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Some(NodeContent::Bytes(bytes)) => Some(bytes),
            Some(NodeContent::String(text)) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn child_bytes(&self, tag: &str) -> Option<&[u8]> {
        self.child(tag)?.bytes()
    }

    fn content_text(&self) -> Option<Cow<'_, str>> {
        self.bytes().map(String::from_utf8_lossy)
    }
}

/// A child that holds bytes.
pub fn holding(tag: &'static str, bytes: impl Into<Vec<u8>>) -> Node {
    NodeBuilder::new(tag).bytes(bytes).build()
}

/// A child that holds nothing.
pub fn empty(tag: &'static str) -> Node {
    NodeBuilder::new(tag).build()
}

/// The result of an iq, with its content.
pub fn result(request: &Node, children: impl IntoIterator<Item = Node>) -> Node {
    let children: Vec<Node> = children.into_iter().collect();
    let answer = answer_to(request, "result");
    if children.is_empty() { answer.build() } else { answer.children(children).build() }
}

/// The error response to an iq, with `<error code text/>`.
pub fn error(request: &Node, code: u16, text: &'static str) -> Node {
    answer_to(request, "error")
        .children([NodeBuilder::new("error").attr("code", code).attr("text", text).build()])
        .build()
}

fn answer_to(request: &Node, kind: &'static str) -> NodeBuilder {
    // An iq to a group is answered by the group.
    let from = request.jid("to").unwrap_or_else(server);
    let mut answer = NodeBuilder::new("iq").attr("from", from).attr("type", kind);
    if let Some(id) = request.attrs.get("id") {
        answer = answer.attr("id", id.clone());
    }
    answer
}

/// A copy with one attribute set, in place of an existing one.
pub fn with_attribute(node: &Node, name: &'static str, value: impl Into<NodeValue>) -> Node {
    let mut copy = node.clone();
    copy.attrs.insert(name, value);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_back_with_the_id_and_from_whom_was_asked() {
        let request = NodeBuilder::new("iq").attr("to", "1-2@g.us").attr("id", "7").build();
        let answer = result(&request, [empty("group")]);
        assert_eq!((answer.text("from"), answer.text("id")), (Some("1-2@g.us".into()), Some("7".into())));
        assert!(answer.child("group").is_some());
        let refused = error(&request, 404, "item-not-found");
        assert_eq!(refused.child("error").and_then(|error| error.number("code")), Some(404));
    }

    #[test]
    fn the_server_is_an_address_even_for_whoever_writes_it_as_a_text() {
        for to in [None, Some("s.whatsapp.net")] {
            let request = NodeBuilder::new("iq").attr("id", "7");
            let request = if let Some(to) = to { request.attr("to", to) } else { request };
            assert_eq!(result(&request.build(), []).attrs.get("from"), Some(&NodeValue::Jid(server())));
        }
        assert_eq!(server().to_string(), "s.whatsapp.net");
    }

    #[test]
    fn reading_what_is_not_there_gives_nothing() {
        let node = NodeBuilder::new("iq").attr("to", "no address at all @ anywhere").bytes(vec![1]).build();
        assert_eq!((node.child("x"), node.number("to"), node.text("id")), (None, None, None));
        assert!(node.all().is_empty());
        assert_eq!(node.bytes(), Some(&[1][..]));
    }
}
