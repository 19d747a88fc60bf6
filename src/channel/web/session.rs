//! One run of the client library, from its start until it ends by itself or is stopped.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use whatsapp_rust::anyhow::Context as _;
use whatsapp_rust::bot::{Bot, BotBuilderError};
use whatsapp_rust::features::{RetryRequestError, RetryRequestOptions, RetryRequestOutcome};
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::passkey::{Assertion, PasskeyError};
use whatsapp_rust::wacore::store::DevicePropsOverride;
use whatsapp_rust::{CacheConfig, Client, NodeBuilder, RawNodeLease};

use super::again::Tasks;
use super::gate::{Gate, Settle};
use super::inbound::Inbox;
use super::keys::{Keys, Missed};
use super::missed::ChatReporter;
use super::network::{MediaHosts, Network, Sockets};
use super::news::Reporter;
use crate::clock::{Clock, Millis};
use crate::limits;
use crate::passkey::{self, PasskeyAnswer};

/// How the phone's list of linked devices names this gateway.
const NAME: &str = "wachat";
/// How long a sent message can be encrypted again for a phone that could not read it: as long as WhatsApp keeps messages
/// for phones that are off.
const SENT_KEPT_SECONDS: u64 = 30 * 86_400;
/// How long a start may hold up others.
const START: Duration = Duration::from_secs(20);

pub struct Session {
    pub client: Arc<Client>,
    keys: Keys,
    stop: CancellationToken,
    /// Others may start.
    started: CancellationToken,
    /// `None` once it has ended.
    task: Option<JoinHandle<()>>,
    /// The reporter sees each stanza.
    _stanzas: RawNodeLease,
}

/// What a session is made of.
pub struct Plan {
    pub keys: Keys,
    pub network: Network,
    pub reporter: Reporter,
    pub chats: ChatReporter,
    /// What everything passes that leaves.
    pub gate: Arc<Gate>,
    pub tasks: Tasks,
    pub inbox: Inbox,
    /// Where messages are told of whose senders are to be asked again.
    pub missed: mpsc::Sender<Missed>,
    /// The phone that is to be given a code to type, when an account is linked that way.
    pub phone: Option<String>,
    pub clock: Clock,
    /// So many accounts start at once; `None` where a person waits.
    pub starts: Option<Arc<Semaphore>>,
}

impl Session {
    /// Starts the client: at once, or when fewer others do.
    ///
    /// # Errors
    /// When its keys cannot be read.
    pub async fn start(plan: Plan) -> Result<Self, BotBuilderError> {
        let keys = plan.keys.of_session(plan.missed);
        let mut builder = Bot::builder()
            .with_backend_arc(keys.backend())
            .with_runtime(plan.tasks)
            .with_transport_factory(Sockets::new(plan.network.clone(), plan.gate.clone(), plan.reporter.on_reconnect()))
            .with_http_client(MediaHosts::new(plan.network.clone()))
            .with_device_props(DevicePropsOverride::new().with_os(NAME))
            .with_cache_config(CacheConfig { sent_message_ttl_secs: SENT_KEPT_SECONDS, ..CacheConfig::default() })
            .with_event_handler(plan.reporter)
            .with_event_handler(plan.chats)
            .with_inbound_durability_hook(plan.inbox)
            .skip_history_sync();
        if let Some(version) = plan.network.version() {
            builder = builder.with_version(version);
        }
        if let Some(phone_number) = plan.phone {
            builder = builder.with_pair_code(PairCodeOptions { phone_number, ..PairCodeOptions::default() });
        }
        let bot = builder.build().await?;
        let (client, stop, started) = (bot.client(), CancellationToken::new(), CancellationToken::new());
        let stanzas = client.acquire_raw_node_forwarding();
        plan.gate.set_settle(settle(&keys, &client));
        let run = run(bot, plan.starts, plan.gate, stop.clone(), started.clone(), plan.clock);
        #[allow(clippy::disallowed_methods, reason = "the session holds the handle and waits for it")]
        let task = tokio::spawn(run);
        Ok(Self { client, keys, stop, started, task: Some(task), _stanzas: stanzas })
    }

    /// It is connected: others may start.
    pub fn has_started(&self) {
        self.started.cancel();
    }

    /// Asks the sender of a message for it again.
    pub fn ask_again(
        &self,
        missed: Missed,
        now: Millis,
    ) -> BoxFuture<'static, Result<RetryRequestOutcome, RetryRequestError>> {
        let client = self.client.clone();
        // Boxed, so that who waits for it need not know what the library does.
        async move {
            let is_group = missed.chat.ends_with("@g.us");
            let from = if is_group { &missed.chat } else { &missed.sender };
            let mut stanza = NodeBuilder::new("message").attr("id", missed.id.as_str()).attr("from", from.as_str());
            if is_group {
                stanza = stanza.attr("participant", missed.sender.as_str());
            }
            let stanza = stanza.attr("t", now / 1_000).attr("type", "text").build();
            // With keys, so that its sender begins a new session, whatever the crash has left of the old one.
            let options = RetryRequestOptions::new().with_force_include_keys(true);
            client.request_message_retry(&stanza.as_node_ref(), options).await
        }
        .boxed()
    }

    /// Passes on a person's answer to WhatsApp's request for a passkey.
    pub fn answer_passkey(&self, answer: PasskeyAnswer) -> BoxFuture<'static, Result<(), PasskeyError>> {
        let client = self.client.clone();
        async move {
            match answer {
                PasskeyAnswer::Assertion(passkey::Assertion { json, credential_id }) => {
                    client.send_passkey_response(Assertion { assertion_json: json.into_bytes(), credential_id }).await
                }
                PasskeyAnswer::Confirm => client.send_passkey_confirmation().await,
            }
        }
        .boxed()
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) {
        if let Some(task) = &mut self.task {
            let _ = task.await;
            self.task = None;
        }
    }

    /// Closes the connection in order, and stores what it still holds. Nothing is stored afterwards.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Some(task) = self.task {
            let _ = task.await;
        }
        self.keys.close().await;
    }
}

/// Stores the sessions by which a message is about to leave, where another may just have moved one.
fn settle(keys: &Keys, client: &Arc<Client>) -> Settle {
    let (keys, client) = (keys.clone(), Arc::downgrade(client));
    Box::new(move || {
        let client = keys.traffic().is_both_ways().then(|| client.upgrade()).flatten()?;
        let keys = keys.clone();
        Some(async move { keys.settle(&client).await.context("sessions could not be stored") }.boxed())
    })
}

async fn run(
    bot: Bot,
    starts: Option<Arc<Semaphore>>,
    gate: Arc<Gate>,
    stop: CancellationToken,
    started: CancellationToken,
    clock: Clock,
) {
    let permit = async {
        match starts {
            Some(starts) => starts.acquire_owned().await.ok(),
            None => None,
        }
    };
    let Some(mut permit) = stop.run_until_cancelled(permit).await else { return };
    let mut bot = bot.spawn();
    loop {
        tokio::select! {
            () = &mut bot => return,
            () = stop.cancelled() => break,
            // The next connection is told again what this one could not store.
            () = gate.is_shut() => break,
            () = started.cancelled(), if permit.is_some() => permit = None,
            () = clock.sleep(START), if permit.is_some() => permit = None,
        }
    }
    let limit = Duration::from_secs(limits::CLOSE_SECONDS_MAX);
    if clock.within(limit, bot.shutdown()).await.is_err() {
        tracing::warn!("a connection did not close in time; it is cut");
    }
}
