//! Requests that the server does not implement. They get an empty result, so that a client continues, and are recorded,
//! so that a test can assert that there were none.

use parking_lot::Mutex;

use crate::limits::UNHANDLED_IQS_MAX;
use crate::wire::stanza::{Jid, Node, Read as _};

/// An unhandled request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnhandledIq {
    /// The requesting device, by phone number; `None` for one that is registering.
    pub device: Option<Jid>,
    /// For example `iq get w:x <thing>`.
    pub what: String,
    /// How often this device has sent it.
    pub count: u64,
}

/// Records up to [`UNHANDLED_IQS_MAX`] of them.
#[derive(Default)]
pub struct UnhandledIqs {
    inner: Mutex<Vec<UnhandledIq>>,
}

impl UnhandledIqs {
    pub fn record(&self, device: Option<&Jid>, node: &Node) {
        let what = describe(node);
        tracing::warn!(device = device.map(Jid::to_string), what, "an unknown request");
        let mut inner = self.inner.lock();
        if let Some(same) = inner.iter_mut().find(|known| known.what == what && known.device.as_ref() == device) {
            same.count += 1;
        } else if inner.len() < UNHANDLED_IQS_MAX {
            inner.push(UnhandledIq { device: device.cloned(), what, count: 1 });
        }
    }

    pub fn all(&self) -> Vec<UnhandledIq> {
        self.inner.lock().clone()
    }
}

fn describe(node: &Node) -> String {
    let mut words = vec![node.tag.to_string()];
    words.extend(["type", "class", "xmlns"].iter().filter_map(|name| node.text(name)).map(|text| text.to_string()));
    words.extend(node.all().iter().map(|child| format!("<{}>", child.tag)));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stanza::{NodeBuilder, empty};

    #[test]
    fn the_same_request_is_counted() {
        let unknown = UnhandledIqs::default();
        let node = NodeBuilder::new("iq").attr("xmlns", "w:x").attr("type", "get").children([empty("thing")]).build();
        unknown.record(None, &node);
        unknown.record(None, &node);
        assert_eq!(unknown.all(), [UnhandledIq { device: None, what: "iq get w:x <thing>".to_owned(), count: 2 }]);
    }
}
