//! What else the client library says of chats, beside what `news.rs` takes: messages that could not be decrypted, and how long
//! messages of a group are shown. Both are stored before the library goes on, which then tells WhatsApp that it has them.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use whatsapp_rust::types::events::{
    DecryptFailMode, Event as News, EventHandler, EventInterest, EventKind, GroupUpdate, UnavailableType,
    UndecryptableMessage,
};
use whatsapp_rust::types::message::MessageSource;
use whatsapp_rust::wacore::stanza::groups::GroupNotificationAction;
use whatsapp_rust::wacore::store::traits::ProtocolStore as _;
use whatsapp_rust::{Jid, Server};

use super::gate::Gate;
use super::inbound::{hidden_of, is_told};
use super::keys::{Keys, Missed};
use super::news::{hidden, hold, person};
use super::queue::Inlet;
use crate::channel::{Event, Unreadable};
use crate::clock::Millis;

pub struct ChatReporter {
    pub events: Inlet<Event>,
    pub keys: Keys,
    /// As for receipts: so many wait here, more are held by the gate.
    pub held: Arc<Semaphore>,
    pub gate: Arc<Gate>,
}

impl EventHandler for ChatReporter {
    fn handle_event(&self, news: Arc<News>) {
        match &*news {
            News::UndecryptableMessage(missed) => self.missed(missed),
            News::GroupUpdate(update) => self.group_changed(update),
            _ => {}
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[EventKind::UndecryptableMessage, EventKind::GroupUpdate])
    }
}

impl ChatReporter {
    /// The library asks a message's sender for it again, and tells WhatsApp that it came, when this returns.
    fn missed(&self, missed: &UndecryptableMessage) {
        let info = &missed.info;
        // What its sender would not have shown is nothing that a person misses.
        if !is_told(info) || missed.decrypt_fail_mode == DecryptFailMode::Hide {
            return;
        }
        let source = &info.source;
        let message = Unreadable {
            whatsapp_id: info.id.clone(),
            originator: self.number_of(source),
            hidden: hidden_of(source),
            name: Some(info.push_name.clone()).filter(|name| !name.is_empty()),
            group_id: (source.chat.server == Server::Group).then(|| source.chat.user.to_string()),
            note: note(missed.unavailable_type),
            sent_at: info.timestamp.timestamp_millis(),
        };
        let (stored, is_stored) = oneshot::channel();
        self.events.push(Event::Unreadable { message: Box::new(message), stored });
        hold(&self.held, &self.gate, vec![is_stored]);
    }

    /// Somebody changed how long messages of a group are shown.
    fn group_changed(&self, update: &GroupUpdate) {
        let GroupNotificationAction::Ephemeral { expiration, .. } = &update.action else { return };
        let (chat, set_at) = (update.group_jid.to_non_ad().to_string(), update.timestamp.timestamp());
        let stored = wait_for(self.keys.set_chat_timer(&chat, *expiration, Some(set_at), set_at));
        if let Err(error) = stored {
            tracing::warn!(%error, "how long messages of a group are shown was not stored");
        }
    }

    /// The phone number of who wrote, if it is known.
    fn number_of(&self, source: &MessageSource) -> String {
        let named = person(source);
        if !named.contains('@') {
            return named;
        }
        match wait_for(self.keys.get_lid_mapping(&source.sender.user)) {
            Ok(Some(known)) => known.phone_number,
            _ => named,
        }
    }
}

/// A message that a crash took after it was decrypted and before it was stored: until its sender sends it again it is one that
/// cannot be read. `None` where nobody misses it, or nothing is known of it.
pub async fn of_crash(keys: &Keys, missed: &Missed, now: Millis) -> Option<Event> {
    let (chat, sender): (Jid, Jid) = (missed.chat.parse().ok()?, missed.sender.parse().ok()?);
    let (number, lid) = keys.account().await.ok()??;
    let is_own = sender.user == number.as_str() || lid.is_some_and(|lid| sender.user == lid.as_str());
    if is_own || !matches!(chat.server, Server::Pn | Server::Lid | Server::Group) {
        return None;
    }
    let hidden = (sender.server == Server::Lid).then(|| hidden(&sender));
    let known = match &hidden {
        Some(_) => keys.get_lid_mapping(&sender.user).await.ok()?.map(|known| known.phone_number),
        None => Some(sender.user.to_string()),
    };
    let message = Unreadable {
        whatsapp_id: missed.id.clone(),
        originator: known.or_else(|| hidden.clone())?,
        hidden,
        name: None,
        group_id: (chat.server == Server::Group).then(|| chat.user.to_string()),
        note: note(UnavailableType::Unknown),
        sent_at: now,
    };
    // WhatsApp is not told that it came: it comes again with the next connection, should this be lost.
    Some(Event::Unreadable { message: Box::new(message), stored: oneshot::channel().0 })
}

/// What is said of a message that stays unreadable.
fn note(kind: UnavailableType) -> &'static str {
    match kind {
        UnavailableType::ViewOnce => "[a view-once message; it can be opened on the phone only]",
        UnavailableType::Unknown | UnavailableType::Hosted | UnavailableType::Bot => {
            "[a message that cannot be read; ask for it again]"
        }
    }
}

/// Waits in the middle of the library's work, which has a thread for it.
fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}
