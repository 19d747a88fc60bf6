//! Stanzas in readable form: as XML, with bytes in hexadecimal.

use crate::limits::CONTROL_STANZA_BYTES_SHOWN_MAX;
use crate::phone::rng::hex;
use crate::wire::stanza::{Node, NodeContent};

/// `<message id="1"><enc type="msg">…</enc></message>`. Long byte strings are truncated.
pub fn text_of(node: &Node) -> String {
    let mut text = String::new();
    write(node, &mut text);
    text
}

fn write(node: &Node, text: &mut String) {
    text.push('<');
    text.push_str(&node.tag);
    for (name, value) in node.attrs.iter() {
        text.push_str(&format!(" {name}=\"{}\"", escaped(&value.as_str())));
    }
    match &node.content {
        None => return text.push_str("/>"),
        Some(NodeContent::Nodes(children)) => {
            text.push('>');
            children.iter().for_each(|child| write(child, text));
        }
        Some(NodeContent::Bytes(bytes)) => {
            let shown = bytes.get(..CONTROL_STANZA_BYTES_SHOWN_MAX).unwrap_or(bytes);
            let rest = if shown.len() < bytes.len() { "…" } else { "" };
            text.push_str(&format!("><!-- {} bytes -->{}{rest}", bytes.len(), hex(shown)));
        }
        Some(NodeContent::String(content)) => {
            text.push('>');
            text.push_str(&escaped(content));
        }
    }
    text.push_str(&format!("</{}>", node.tag));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stanza::{NodeBuilder, holding};

    #[test]
    fn what_a_client_wrote_cannot_be_taken_for_a_stanza() {
        let node = NodeBuilder::new("iq").attr("id", "\"><b>").children([holding("key", [1, 255])]).build();
        assert_eq!(text_of(&node), "<iq id=\"&quot;>&lt;b>\"><key><!-- 2 bytes -->01ff</key></iq>");
    }
}
