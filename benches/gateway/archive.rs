//! A store full of messages that were accepted and read, filled with the product's own store code.

use futures_util::{StreamExt, TryStreamExt, stream};
use wachat::clock::{Clock, Millis};
use wachat::message::{Content, NewMessage, Priority, RefNo};
use wachat::store::{Accept, Progress, Step, Store};

use crate::instance::{CLIENT, Devices, Instance, Workspace};
use crate::report::say;
use crate::script::destination;
use crate::stopwatch::Moment;

/// The text of each message.
pub const TEXT: &str = "A message as programs send them. A message as programs send them. A message as programs send";
/// Number of the first recipient, well beyond those that the loads use.
const FIRST: u64 = 50_000_000;
/// Concurrent acceptances.
const IN_FLIGHT: usize = 4_096;
/// State changes that are stored in one batch.
const STEPS: u64 = 5_000;
/// Prime step: visits everything once, in an order that defeats caches.
const STRIDE: usize = 7_919;

/// An instance whose messages are all read and whose only device is paused.
pub struct Archive {
    pub instance: Instance,
    pub device: String,
    pub messages: u64,
    /// Reference numbers spread evenly over all messages, shuffled.
    pub asked: Vec<String>,
}

impl Archive {
    /// Seeds a new instance with `messages` and keeps the reference numbers of `asked` of them.
    pub async fn fill(workspace: &Workspace, messages: u64, asked: u64) -> anyhow::Result<Self> {
        let started = Moment::now();
        let (instance, devices) = workspace.with_devices(1, Devices::Paused).await?;
        let device = devices.into_iter().next().unwrap_or_default();
        let store = instance.store().await?;
        let clock = Clock::system();
        let every = (messages / asked.max(1)).max(1);
        let mut in_order = Vec::new();
        // Only the owner of a device's lease may advance its messages.
        let leases = store.lease_devices("archive", clock.now(), Millis::MAX).await?;
        let epoch = leases.first().map_or(0, |lease| lease.epoch);
        for first in (0..messages).step_by(usize::try_from(STEPS)?) {
            let ref_nos = accept(&store, &clock, &device, first..messages.min(first + STEPS)).await?;
            let numbered = (first..).zip(&ref_nos);
            in_order.extend(numbered.filter(|(number, _)| number % every == 0).map(|(_, ref_no)| ref_no.to_string()));
            let at = clock.now();
            let step =
                |ref_no| Progress { ref_no, device_id: device.clone(), epoch, step: Step::Read { at, member: None } };
            store.progress(ref_nos.into_iter().map(step).collect()).await?;
        }
        store.release_devices("archive").await?;
        store.close().await;
        in_order.truncate(usize::try_from(asked)?);
        let asked = (0..in_order.len()).map(|at| in_order[at * STRIDE % in_order.len()].clone()).collect();
        say(&format!("a store was filled with {messages} messages in {:.1} s", started.elapsed().as_secs_f64()));
        Ok(Self { instance, device, messages, asked })
    }
}

/// Accepts messages and returns their reference numbers in the same order.
async fn accept(
    store: &Store,
    clock: &Clock,
    device: &str,
    numbers: std::ops::Range<u64>,
) -> anyhow::Result<Vec<RefNo>> {
    let messages: Vec<NewMessage> = numbers.map(|number| message(clock, device, number)).collect();
    let ref_nos = messages.iter().map(|message| message.ref_no.clone()).collect();
    stream::iter(messages)
        .map(|message| store.accept(Accept { message, daily_limit: 0, idempotent: None, audit: None }))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(ref_nos)
}

fn message(clock: &Clock, device: &str, number: u64) -> NewMessage {
    let now = clock.now();
    NewMessage {
        ref_no: RefNo::new(clock),
        client_id: CLIENT,
        person_id: 1,
        device_id: device.to_owned(),
        sender: "628110000000".into(),
        sandbox: true,
        destination: destination(FIRST + number),
        is_group: false,
        content: Content::Text(TEXT.into()),
        created_at: now,
        expires_at: now + 86_400_000,
        priority: Priority::Normal,
        tag: None,
    }
}
