//! Until when a phone can scan: the client library shows the codes that WhatsApp gave one after another, and says of each only how long it
//! lasts. So they are counted as they come. Called by `news.rs` and `linking.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use whatsapp_rust::wacore_binary::NodeRef;

use crate::clock::{Millis, millis};

/// How long the library shows each code but the first (whatsapp-rust 0.7, `pair.rs`).
const EACH_MS: Millis = 20_000;

/// How many codes WhatsApp gave last, until the first of them is shown.
#[derive(Clone, Default)]
pub struct QrCodes(Arc<AtomicU32>);

impl QrCodes {
    /// Looks at a stanza, before the library shows what it holds.
    pub fn look_at(&self, stanza: &NodeRef<'_>) {
        let Some(given) = stanza.get_optional_child("pair-device") else { return };
        let codes =
            given.children().map_or(0, |children| children.iter().filter(|one| one.tag.as_ref() == "ref").count());
        self.0.store(u32::try_from(codes).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Until when one code after another is shown, where this one lasts so long. `former` is what was said of the code before: it holds
    /// until WhatsApp gives others.
    pub fn until(&self, now: Millis, lasts: Duration, former: Option<Millis>) -> Millis {
        let own = now + millis(lasts);
        match self.0.swap(0, Ordering::Relaxed) {
            0 => former.map_or(own, |former| former.max(own)),
            codes => own + EACH_MS * Millis::from(codes - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_last_until_the_last_that_whatsapp_gave() {
        let codes = QrCodes::default();
        let (first, next) = (Duration::from_secs(60), Duration::from_secs(20));
        // Nobody has counted them.
        assert_eq!(codes.until(1_000, first, None), 61_000);
        codes.0.store(6, Ordering::Relaxed);
        let until = codes.until(1_000, first, None);
        assert_eq!(until, 161_000);
        // The same code once more, the next one, and the last.
        for (now, lasts) in [(11_000, Duration::from_secs(50)), (61_000, next), (141_000, next)] {
            assert_eq!(codes.until(now, lasts, Some(until)), until);
        }
        // Others take their place.
        codes.0.store(6, Ordering::Relaxed);
        assert_eq!(codes.until(71_000, first, Some(until)), 231_000);
    }
}
