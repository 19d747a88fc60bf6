//! A store as it looks after a month of use, filled with the product's own store code: clients, devices, messages in
//! every state, conversations, pushes, a signed-in browser.

use futures_util::{StreamExt, TryStreamExt, stream};
use wachat::account::KeyHash;
use wachat::clock::{Clock, Millis};
use wachat::device::{Kind, new_device_id};
use wachat::message::{Content, NewMessage, Priority, RefNo};
use wachat::store::{
    Accept, DevicePatch, DuePush, NewDevice, NewInbound, NewSignIn, Progress, PushEnd, PushOutcome, Step, Store,
};

use crate::instance::{CLIENT, Devices, Instance, Workspace};
use crate::report::say;
use crate::script::destination;
use crate::stopwatch::Moment;

/// The user that the first run creates.
const ADMINISTRATOR: i64 = 1;
/// The cookie of the administrator's browser.
pub const TOKEN: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
/// The cookie of the administrator's other browser, which views the small client.
pub const SMALL_TOKEN: &str = "FEDCBA9876543210FEDCBA9876543210FEDCBA9876543210FEDCBA9876543210";
/// A word that few messages contain.
pub const RARE: &str = "walrus";
/// The sandbox devices of the large client.
const DEVICES: u32 = 20;
/// Messages per recipient number.
const MESSAGES_EACH: u64 = 20;
/// One inbound message for every this many outbound ones.
const ANSWERS: u64 = 10;
/// Concurrent acceptances.
const IN_FLIGHT: usize = 4_096;
/// Messages that are accepted and advanced in one batch.
const STEP: u64 = 5_000;
/// Messages of the small client, which are the oldest.
const SMALL: u64 = 30;
/// How old the store's first message is.
const AGE_MS: Millis = 30 * 86_400_000;
/// Lifetime of the web sessions.
const SIGNED_IN_MS: Millis = 86_400_000;

pub struct SeededStore {
    pub instance: Instance,
    /// Devices of the large client: sandbox devices, and one device that was never linked.
    pub devices: Vec<String>,
    pub messages: u64,
    /// Reference numbers, evenly spread over all messages, oldest first.
    pub ref_nos: Vec<String>,
    /// Devices with the numbers that wrote to them.
    pub conversations: Vec<(String, String)>,
    pub began_at: Millis,
}

impl SeededStore {
    /// Seeds a new instance with `messages`.
    pub async fn fill(workspace: &Workspace, messages: u64) -> anyhow::Result<Self> {
        let started = Moment::now();
        let (instance, mut devices) = workspace.with_devices(DEVICES, Devices::Paused).await?;
        let (store, clock) = (instance.store().await?, Clock::system());
        let began_at = clock.now() - AGE_MS;
        let filler = Filler { store, clock, began_at, messages };
        // A user with a password of their own is not asked to change it. Nobody signs in with this one.
        filler.store.choose_password(ADMINISTRATOR, "none".into(), 0, 0).await?;
        filler.small_client().await?;
        let leases = filler.store.lease_devices("seed", filler.clock.now(), Millis::MAX).await?;
        let epoch = leases.first().map_or(0, |lease| lease.epoch);
        let mut ref_nos = Vec::new();
        for first in (0..messages).step_by(usize::try_from(STEP)?) {
            let numbers = first..messages.min(first + STEP);
            let accepted = filler.accept(CLIENT, &devices, numbers.clone()).await?;
            ref_nos.extend(accepted.first().map(ToString::to_string));
            filler.move_on(&devices, epoch, numbers.zip(accepted)).await?;
        }
        filler.receive(&devices).await?;
        let conversations = filler.conversations(&devices);
        devices.push(filler.unlinked().await?);
        filler.sign_in(CLIENT, TOKEN).await?;
        filler.store.release_devices("seed").await?;
        filler.store.close().await;
        say(&format!("a store was filled with {messages} messages in {:.1} s", started.elapsed().as_secs_f64()));
        Ok(Self { instance, devices, messages, ref_nos, conversations, began_at })
    }
}

/// Fills a store.
struct Filler {
    store: Store,
    clock: Clock,
    began_at: Millis,
    messages: u64,
}

impl Filler {
    /// When message `number` was accepted.
    fn at(&self, number: u64) -> Millis {
        let share = number as f64 / self.messages as f64;
        self.began_at + (AGE_MS as f64 * share) as Millis
    }

    fn number_of(&self, number: u64) -> String {
        // Scattered, as customers' recipients are.
        destination(number.wrapping_mul(7_919) % (self.messages / MESSAGES_EACH).max(1))
    }

    /// Accepts messages and returns their reference numbers in the same order.
    async fn accept(
        &self,
        client_id: i64,
        devices: &[String],
        numbers: std::ops::Range<u64>,
    ) -> anyhow::Result<Vec<RefNo>> {
        let messages: Vec<NewMessage> =
            numbers.map(|number| self.message(client_id, &devices[device_of(number, devices)], number)).collect();
        let ref_nos = messages.iter().map(|message| message.ref_no.clone()).collect();
        stream::iter(messages)
            .map(|message| self.store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None }))
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        Ok(ref_nos)
    }

    fn message(&self, client_id: i64, device: &str, number: u64) -> NewMessage {
        let created_at = self.at(number);
        let animal = if number % 100_000 == 77 { RARE } else { "customer" };
        NewMessage {
            ref_no: RefNo::new(&self.clock),
            client_id,
            person_id: 1,
            device_id: device.to_owned(),
            sender: "628110000000".into(),
            sandbox: true,
            destination: self.number_of(number),
            is_group: false,
            content: Content::Text(format!("Dear {animal}, your order {number} has left and comes tomorrow.")),
            created_at,
            // Pending messages must not expire while pages are measured.
            expires_at: created_at + 2 * AGE_MS,
            priority: Priority::Normal,
            tag: None,
        }
    }

    /// Of every hundred messages, one is aborted, one stays pending, two are sent, four delivered and the rest read.
    async fn move_on(
        &self,
        devices: &[String],
        epoch: i64,
        messages: impl Iterator<Item = (u64, RefNo)>,
    ) -> anyhow::Result<()> {
        let steps = messages.filter_map(|(number, ref_no)| {
            let at = self.at(number) + 2_000;
            let step = match number.wrapping_mul(31) % 100 {
                0 => Step::Aborted { at, reason: "the number is not on WhatsApp".into(), attempts: 1, uncounted: None },
                1 => return None,
                2 | 3 => Step::Sent { at },
                4..=7 => Step::Delivered { at, member: None },
                _ => Step::Read { at, member: None },
            };
            Some(Progress { ref_no, device_id: devices[device_of(number, devices)].clone(), epoch, step })
        });
        Ok(self.store.progress(steps.collect()).await?)
    }

    /// Stores inbound messages, all but the last of them pushed.
    async fn receive(&self, devices: &[String]) -> anyhow::Result<()> {
        let url = "https://example.com/push".to_owned();
        self.store.set_push_url(CLIENT, Some(url), self.began_at).await?;
        self.store.pause_push(CLIENT, Some("72 hours of failures".into()), self.clock.now()).await?;
        let count = self.messages / ANSWERS;
        stream::iter(0..count)
            .map(|answer| async move {
                let inbound = self.inbound(answer, devices);
                let (id, at) = (inbound.id.clone(), inbound.received_at);
                self.store.add_inbound(inbound).await?;
                if answer + 100 < count {
                    let end = PushEnd {
                        outcome: PushOutcome::Done,
                        http_status: Some(200),
                        answer: "ok".into(),
                        rests: None,
                    };
                    let push = DuePush { inbound_id: id, client_id: CLIENT, attempts: 1, first_at: at, revision: 0 };
                    self.store.end_push_try(&push, end, at).await?;
                }
                anyhow::Ok(())
            })
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|()| async { Ok(()) })
            .await
    }

    /// A sample of the conversations.
    fn conversations(&self, devices: &[String]) -> Vec<(String, String)> {
        let answers = (0..self.messages / ANSWERS).take(10_000);
        let of = |answer| self.inbound(answer, devices);
        answers.map(of).map(|inbound| (inbound.device_id, inbound.chat)).collect()
    }

    fn inbound(&self, answer: u64, devices: &[String]) -> NewInbound {
        let number = answer * ANSWERS;
        let (at, writer) = (self.at(number) + 60_000, self.number_of(number));
        NewInbound {
            id: format!("{answer:020}"),
            client_id: CLIENT,
            device_id: devices[device_of(number, devices)].clone(),
            gateway: "628110000000".into(),
            whatsapp_id: format!("3EB0{answer:016X}"),
            chat: writer.clone(),
            originator: writer,
            hidden: None,
            name: Some("A customer".into()),
            is_group: false,
            kind: "text".into(),
            body: "Thank you. When does it come?".into(),
            media_id: None,
            file_ref: None,
            file_name: None,
            about: None,
            about_ref_no: None,
            sent_at: at,
            received_at: at,
            sandbox: true,
        }
    }

    /// A device of the large client that waits to be linked.
    async fn unlinked(&self) -> anyhow::Result<String> {
        self.add_device(CLIENT, Kind::Web, "").await
    }

    /// A client whose few messages are older than all others, and a browser that views it.
    async fn small_client(&self) -> anyhow::Result<()> {
        let client = self.store.add_client("A small shop", "62", self.began_at).await?;
        let device = self.add_device(client, Kind::Sandbox, "628129999999").await?;
        let patch = DevicePatch { paused: Some(true), ..DevicePatch::default() };
        self.store.update_device(&device, patch).await?;
        self.accept(client, &[device], 0..SMALL).await?;
        self.sign_in(client, SMALL_TOKEN).await
    }

    async fn add_device(&self, client_id: i64, kind: Kind, sender: &str) -> anyhow::Result<String> {
        let id = new_device_id(client_id, &self.clock);
        let device = NewDevice {
            id: id.clone(),
            client_id,
            sender: sender.into(),
            name: "Shop".into(),
            kind,
            daily_limit: 0,
            created_at: self.began_at,
        };
        self.store.add_device(device).await?;
        Ok(id)
    }

    async fn sign_in(&self, client_id: i64, token: &str) -> anyhow::Result<()> {
        let now = self.clock.now();
        let new = NewSignIn {
            token: KeyHash::of(token),
            person_id: ADMINISTRATOR,
            client_id,
            agent: "the benchmark".into(),
            created_at: now,
            expires_at: now + SIGNED_IN_MS,
        };
        self.store.add_sign_in(new, 20).await?;
        Ok(())
    }
}

/// Index of the device that sends a message. The second to last device sends rarely.
fn device_of(number: u64, devices: &[String]) -> usize {
    let count = devices.len() as u64;
    let turn = number % count;
    let seldom = turn == count - 1 && count > 1 && number % 100_000 != count - 1;
    usize::try_from(if seldom { 0 } else { turn }).unwrap_or(0)
}
