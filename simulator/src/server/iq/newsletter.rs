//! `newsletter`: lists of a newsletter's messages, with their views and reactions.

use crate::limits::NEWSLETTER_POSTS_LISTED_MAX;
use crate::server::device_connection::DeviceConnection;
use crate::server::newsletters::{Newsletter, Role};
use crate::wire::stanza::{Node, NodeBuilder, Read as _, error, result};

/// How long a subscription to live updates lasts, in seconds.
const LIVE_SECONDS: u64 = 300;

/// Default number of messages in a list.
const LISTED: u64 = 50;

pub fn answer(connection: &DeviceConnection, node: &Node) -> Option<Node> {
    let asked = node.all().first()?;
    // whatsmeow addresses the server and names the newsletter by JID or link, whatsapp-rust addresses the newsletter.
    let newsletters = &connection.network.inner.newsletters;
    let by_address = asked.jid("jid").or_else(|| node.jid("to")).and_then(|jid| newsletters.find(&jid));
    let found = by_address.or_else(|| newsletters.by_invite(&asked.text("key")?));
    let Some(newsletter) = found else { return Some(error(node, 404, "item-not-found")) };
    let count = asked.number("count").unwrap_or(LISTED).min(NEWSLETTER_POSTS_LISTED_MAX);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    match asked.tag.as_ref() {
        "messages" => {
            let role = newsletter.role(&connection.account);
            let posts = newsletter.posts(count, asked.number("before"));
            let posts = posts.iter().map(|post| post.describe(role));
            Some(result(node, [listed(&newsletter, posts)]))
        }
        "message_updates" => {
            let after = asked.number("after").unwrap_or_default();
            let posts = newsletter.posts(count, None);
            let posts = posts.iter().filter(|post| post.server_id > after).map(|post| {
                let mut update = post.describe(Role::Guest);
                update.content = Some(crate::wire::stanza::NodeContent::Nodes(post.describe_counts()));
                update
            });
            let updates = NodeBuilder::new("message_updates").children([listed(&newsletter, posts)]).build();
            Some(result(node, [updates]))
        }
        // ASSUMPTION: clients are notified of reactions and views in two forms, which exclude each other in whatsmeow and
        // whatsapp-rust; none is sent here. Whoever wants to know asks for `message_updates`.
        "live_updates" => Some(result(node, [NodeBuilder::new("live_updates").attr("duration", LIVE_SECONDS).build()])),
        _ => None,
    }
}

fn listed(newsletter: &Newsletter, posts: impl IntoIterator<Item = Node>) -> Node {
    NodeBuilder::new("messages").attr("jid", newsletter.jid().clone()).children(posts).build()
}
