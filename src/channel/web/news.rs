//! What the client library tells: acknowledgements and receipts go to the device's loop at once, the rest to the actor.
//!
//! The library calls in the middle of its work: what it tells lies in a queue (`queue.rs`) until it is stored.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use whatsapp_rust::types::events::{
    Disconnected, Event as News, EventHandler, EventInterest, EventKind, Receipt, ServerAck,
};
use whatsapp_rust::types::message::MessageSource;
use whatsapp_rust::types::presence::ReceiptType;
use whatsapp_rust::wacore::net::DisconnectReason;
use whatsapp_rust::{Jid, Server};

use super::again;
use super::gate::Gate;
use super::linking::Refusal;
use super::order::Order;
use super::qr_codes::QrCodes;
use super::queue::Inlet;
use super::rotation::Rotation;
use super::send::refusal;
use super::shared::Shared;
use super::traffic::Traffic;
use crate::channel::{Event, ReceiptKind};
use crate::clock::Clock;
use crate::message::RefNo;

/// News for the actor, with the number of the session that it is from.
pub struct Told {
    pub session: u64,
    pub news: Arc<News>,
}

pub struct Reporter {
    pub session: u64,
    pub actor: Inlet<Told>,
    pub events: Inlet<Event>,
    pub clock: Clock,
    /// So many receipts at once wait here until they are stored; more are held by the gate.
    pub held: Arc<Semaphore>,
    pub gate: Arc<Gate>,
    pub traffic: Traffic,
    pub shared: Shared,
    pub rotation: Rotation,
    pub refusal: Refusal,
    pub codes: QrCodes,
    pub order: Order,
}

impl EventHandler for Reporter {
    fn handle_event(&self, news: Arc<News>) {
        match &*news {
            News::ServerAck(ack) => self.acknowledged(ack),
            News::Receipt(receipt) => self.received(receipt),
            News::RawNode(stanza) => {
                if stanza.get().tag.as_ref() == "message" {
                    self.traffic.comes_in();
                }
                self.refusal.look_at(stanza.get());
                self.codes.look_at(stanza.get());
                self.order.look_at(stanza.get());
                again::look_at(stanza.get());
                if stanza.get().tag.as_ref() == "success" {
                    self.actor.push(Told { session: self.session, news });
                }
            }
            _ => {
                match &*news {
                    News::PairingQrCode(_) => self.rotation.shows_code(),
                    News::PairPasskeyRequest(_) => self.rotation.end(),
                    News::PairSuccess(_) => self.rotation.note_linked(),
                    _ => {}
                }
                self.actor.push(Told { session: self.session, news });
            }
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[
            EventKind::ServerAck,
            EventKind::Receipt,
            EventKind::RawNode,
            EventKind::Connected,
            EventKind::Disconnected,
            EventKind::PairSuccess,
            EventKind::PairError,
            EventKind::PairingQrCode,
            EventKind::PairingCode,
            EventKind::PairingCodeError,
            EventKind::PairingQrCodesExhausted,
            EventKind::PairPasskeyRequest,
            EventKind::PairPasskeyConfirmation,
            EventKind::PairPasskeyError,
            EventKind::LoggedOut,
            EventKind::ClientOutdated,
            EventKind::StreamReplaced,
            EventKind::TemporaryBan,
            EventKind::ConnectFailure,
            EventKind::StreamError,
        ])
    }
}

impl Reporter {
    /// Tells the actor that a connection is over, where it still takes the account for online, or WhatsApp waited on it for a passkey: on
    /// another connection an account is linked from the beginning.
    pub fn on_reconnect(&self) -> impl Fn() + Send + Sync + 'static {
        let (session, actor) = (self.session, self.actor.clone());
        let (shared, rotation) = (self.shared.clone(), self.rotation.clone());
        move || {
            if shared.online().is_some() || rotation.awaits_passkey() {
                let over = Disconnected::builder().reason(DisconnectReason::Unknown).build();
                actor.push(Told { session, news: Arc::new(News::Disconnected(over)) });
            }
        }
    }

    fn acknowledged(&self, ack: &ServerAck) {
        if ack.class.as_deref() != Some("message") {
            return;
        }
        let Some(ref_no) = RefNo::of_whatsapp_id(&ack.id) else { return };
        let event = match &ack.error {
            None => Event::Acknowledged { ref_no, at: self.clock.now() },
            Some(code) => {
                if let Some(group) = ack.from.as_ref().filter(|from| from.server == Server::Group) {
                    self.shared.note_refused(&group.user);
                }
                Event::Refused { ref_no, fault: refusal(code) }
            }
        };
        self.events.push(event);
    }

    fn received(&self, receipt: &Receipt) {
        if receipt.source.is_from_me {
            return;
        }
        let kind = match receipt.r#type {
            // A phone that shows nothing at the moment has the message all the same.
            ReceiptType::Delivered | ReceiptType::Inactive => ReceiptKind::Delivered,
            ReceiptType::Read | ReceiptType::Played => ReceiptKind::Read,
            _ => return,
        };
        // The library says of no receipt that it is of a group.
        let member = (receipt.source.chat.server == Server::Group).then(|| person(&receipt.source));
        let mut waiting = Vec::new();
        for ref_no in receipt.message_ids.iter().filter_map(|id| RefNo::of_whatsapp_id(id)) {
            let (stored, is_stored) = oneshot::channel();
            let at = self.clock.now();
            self.events.push(Event::Receipt { ref_no, kind, member: member.clone(), at, stored });
            waiting.push(is_stored);
        }
        hold(&self.held, &self.gate, waiting);
    }
}

/// Waits until receipts are stored. The library has a task for each, which confirms it when this returns: a crash
/// before lets it come again, and a crash after finds it stored. When more wait than may, as after a long absence, the
/// confirmations of the others are held at the gate.
pub fn hold(held: &Semaphore, gate: &Gate, waiting: Vec<oneshot::Receiver<()>>) {
    if waiting.is_empty() {
        return;
    }
    let Ok(_permit) = held.try_acquire() else { return gate.hold(waiting) };
    tokio::task::block_in_place(|| {
        // The library confirms it when this returns, whatever became of it: what was given up must not leave.
        if !waiting.into_iter().all(|is_stored| is_stored.blocking_recv().is_ok()) {
            gate.shut();
        }
    });
}

/// The phone number of who sent this, else the id that hides it.
pub fn person(source: &MessageSource) -> String {
    let named = [Some(&source.sender), source.sender_alt.as_ref()];
    let number = named.into_iter().flatten().find(|jid| jid.server == Server::Pn);
    number.map_or_else(|| hidden(&source.sender), |jid| jid.user.to_string())
}

/// An id of a person whose number is not known.
pub fn hidden(jid: &Jid) -> String {
    jid.to_non_ad().to_string()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use whatsapp_rust::types::events::PairPasskeyRequest;

    use super::super::queue::{Outlet, queue};
    use super::*;

    fn reporter() -> (Reporter, Outlet<Event>, Outlet<Told>) {
        let (actor, told) = queue();
        let (events, happened) = queue();
        let clock = Clock::held(1_000);
        // Nobody stores anything here, nor is it waited for.
        let held = Arc::new(Semaphore::new(0));
        let (traffic, shared) = (Traffic::new(clock.clone()), Shared::new(clock.clone()));
        (
            Reporter {
                session: 1,
                actor,
                events,
                clock,
                held,
                gate: Arc::default(),
                traffic,
                shared,
                rotation: Rotation::default(),
                refusal: Refusal::default(),
                codes: QrCodes::default(),
                order: Order::default(),
            },
            happened,
            told,
        )
    }

    fn ref_no() -> RefNo {
        RefNo::new(&Clock::system())
    }

    #[test]
    fn only_what_is_ours_and_means_something_is_told() {
        let (reporter, mut happened, _told) = reporter();
        for (class, id) in [("receipt", ref_no().whatsapp_id()), ("message", "NOTOURS".to_owned())] {
            let ack = ServerAck::builder().id(id).class(class.into()).build();
            reporter.handle_event(Arc::new(News::ServerAck(ack)));
        }
        let receipt = |kind, is_from_me| {
            let source = MessageSource {
                chat: Jid::group("1"),
                sender: Jid::lid("9"),
                sender_alt: Some(Jid::pn("628")),
                is_from_me,
                ..Default::default()
            };
            let receipt = Receipt::builder()
                .source(source)
                .message_ids(vec![ref_no().whatsapp_id(), "NOTOURS".into()])
                .timestamp(whatsapp_rust::chrono::DateTime::UNIX_EPOCH)
                .r#type(kind)
                .offline(false)
                .build();
            reporter.handle_event(Arc::new(News::Receipt(receipt)));
        };
        receipt(ReceiptType::Read, true);
        receipt(ReceiptType::Retry, false);
        receipt(ReceiptType::Played, false);
        let told: Vec<_> = std::iter::from_fn(|| happened.pop().now_or_never().flatten()).collect();
        assert!(
            matches!(&told[..], [Event::Receipt { kind: ReceiptKind::Read, member: Some(who), .. }] if who == "628"),
            "{told:?}"
        );
    }

    #[test]
    fn another_connection_than_the_one_on_which_a_passkey_is_awaited_is_told() {
        let (reporter, _happened, mut told) = reporter();
        let reconnected = reporter.on_reconnect();
        let mut is_told = || {
            let news = told.pop().now_or_never().flatten().map(|told| told.news);
            news.is_some_and(|news| matches!(*news, News::Disconnected(_)))
        };
        reconnected();
        assert!(!is_told(), "while codes are shown connections come and go");
        let request = PairPasskeyRequest::builder().request_options_json("{}".into()).build();
        reporter.handle_event(Arc::new(News::PairPasskeyRequest(request)));
        assert!(!is_told(), "the request itself");
        reconnected();
        assert!(is_told());
        reporter.rotation.note_linked();
        reconnected();
        assert!(!is_told(), "an account that was linked connects again");
    }

    fn a_receipt() -> Arc<News> {
        let receipt = Receipt::builder()
            .source(MessageSource::default())
            .message_ids(vec![ref_no().whatsapp_id()])
            .timestamp(whatsapp_rust::chrono::DateTime::UNIX_EPOCH)
            .r#type(ReceiptType::Delivered)
            .offline(false)
            .build();
        Arc::new(News::Receipt(receipt))
    }

    #[tokio::test]
    async fn more_receipts_than_may_wait_let_nothing_leave_before_they_are_stored() {
        let (reporter, mut happened, _told) = reporter();
        for _ in 0..200 {
            reporter.handle_event(a_receipt());
        }
        let mut leaving = Box::pin(reporter.gate.pass());
        for _ in 0..200 {
            assert!((&mut leaving).now_or_never().is_none());
            let Some(Event::Receipt { stored, .. }) = happened.pop().await else { panic!("a receipt") };
            stored.send(()).unwrap();
        }
        leaving.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_receipt_is_not_confirmed_before_it_is_stored() {
        let (mut reporter, mut happened, _told) = reporter();
        reporter.held = Arc::new(Semaphore::new(1));
        let mut telling = tokio::task::JoinSet::new();
        telling.spawn_blocking(move || reporter.handle_event(a_receipt()));
        let Some(Event::Receipt { stored, .. }) = happened.pop().await else { panic!("a receipt") };
        assert!(telling.try_join_next().is_none());
        stored.send(()).unwrap();
        telling.join_next().await.unwrap().unwrap();
    }
}
