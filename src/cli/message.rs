//! `wachat send`, `wachat status` and `wachat cancel`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::link::NO_SERVER;
use super::lookup::{Called, Given, of_device};
use super::output::{Output, line};
use super::{Bench, done};
use crate::account::Client;
use crate::api::Api;
use crate::api::status::GetMessage;
use crate::clock::{Millis, rfc3339};
use crate::customer_url::check_password;
use crate::device::Device;
use crate::egress::Egress;
use crate::escapes;
use crate::files::Taken;
use crate::limits;
use crate::media::File;
use crate::media::choice::Mismatch;
use crate::media::kind::MediaKind;
use crate::message::{Content, MediaSource, NewMessage, Priority, RefNo, State};
use crate::phone::{self, Addressee, Dialling};
use crate::reason::ReasonCode;
use crate::store::{Accept, StoredMessage};
use crate::waiting::Waiting;

/// How often a watched message is looked at.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(super) struct Send {
    /// A phone number, or a group's id, which ends in @g.us
    #[arg(long)]
    to: String,
    /// The text, or the caption of a file
    #[arg(long, default_value = "")]
    text: String,
    /// A file to send
    #[arg(long, conflicts_with = "url")]
    file: Option<PathBuf>,
    /// The address of a file to send
    #[arg(long)]
    url: Option<String>,
    /// As what a file is shown [default: what its bytes and the text suggest]
    #[arg(long, value_parser = media_kind)]
    kind: Option<MediaKind>,
    /// --to is a group, though its id (18 digits, or a phone number, a dash and 10 digits) is given without @g.us
    #[arg(long)]
    group: bool,
    /// The client's number or name [default: the client that has the gateway, else the only one]
    #[arg(long)]
    client: Option<Called>,
    /// The gateway's phone number [default: the client's default gateway]
    #[arg(long)]
    sender: Option<String>,
    /// The gateway's device id
    #[arg(long)]
    device: Option<String>,
    /// Seconds in which it must leave
    #[arg(long, default_value_t = limits::TIMEOUT_SECONDS_DEFAULT, value_parser = clap::value_parser!(i64).range(1..=limits::TIMEOUT_SECONDS_MAX))]
    timeout: i64,
    /// high leaves first, and in quiet hours too; bulk leaves when nothing else waits
    #[arg(long, default_value = "normal", value_parser = priority)]
    priority: Priority,
    /// A word of your own, given back in the status
    #[arg(long)]
    tag: Option<String>,
}

#[derive(Args)]
pub(super) struct Status {
    ref_no: String,
    /// The client's number or name [default: the message's client]
    #[arg(long)]
    client: Option<Called>,
    /// Follow it until it is read or aborted
    #[arg(long)]
    watch: bool,
}

#[derive(Args)]
pub(super) struct Cancel {
    ref_no: String,
    /// The client's number or name [default: the message's client]
    #[arg(long)]
    client: Option<Called>,
}

/// A message as a person asks for it.
struct Draft {
    to: String,
    is_group: bool,
    content: Content,
    timeout_seconds: i64,
    priority: Priority,
    tag: Option<String>,
}

/// A priority as a person writes it.
pub(super) fn priority(name: &str) -> Result<Priority, String> {
    Priority::from_name(name).ok_or_else(|| "a priority is high, normal or bulk".into())
}

/// A word that a person gives to messages.
pub(super) fn tag(given: Option<String>) -> anyhow::Result<Option<String>> {
    let chars = given.as_ref().map_or(0, |tag| tag.chars().count());
    anyhow::ensure!(chars <= limits::TAG_CHARS_MAX, "a tag has at most {} characters", limits::TAG_CHARS_MAX);
    Ok(given.filter(|tag| !tag.is_empty()))
}

pub(super) async fn send(bench: &Bench, send: Send) -> anyhow::Result<ExitCode> {
    let api = bench.app.api();
    let client = bench.client_for(send.client, of_device(send.device.as_deref(), send.sender.as_deref())).await?;
    let device = gateway(&api, &client, send.sender.as_deref(), send.device.as_deref()).await?;
    let decoded = escapes::decode(&send.text).into_owned();
    let caption = Some(decoded.clone()).filter(|caption| !escapes::is_blank(caption));
    let content = match (send.file, send.url) {
        (Some(path), _) => {
            let (taken, name) = keep(bench, client.id, path, send.kind, caption.as_deref()).await?;
            Content::Media {
                caption,
                source: MediaSource::Shelf(taken.id),
                file_name: Some(name),
                kind: Some(taken.kind),
            }
        }
        (None, Some(url)) => {
            Egress::check_shape(&url).map_err(|bad| anyhow::anyhow!("--url {bad}"))?;
            check_password(&url).map_err(|masked| anyhow::anyhow!("--url {masked}"))?;
            if let Some(kind) = send.kind.filter(|kind| caption.is_some() && !kind.shows_caption()) {
                return Err(Mismatch::Caption { kind }.into());
            }
            Content::Media { caption, source: MediaSource::Url(url), file_name: None, kind: send.kind }
        }
        (None, None) => {
            anyhow::ensure!(!decoded.is_empty(), "give a --text, a --file or a --url");
            Content::Text(decoded)
        }
    };
    let (priority, tag) = (send.priority, tag(send.tag)?);
    let draft = Draft { to: send.to, is_group: send.group, content, timeout_seconds: send.timeout, priority, tag };
    let accept = accept(bench, &client, &device, draft).await?;
    let message = accept.message.clone();
    api.outbox.accept(accept).await?;
    let thing = json!({"ref_no": message.ref_no.as_str(), "sender": message.sender, "queue": message.device_id,
        "destination": message.destination, "sandbox": message.sandbox});
    let mark = if message.sandbox { " [SANDBOX]" } else { "" };
    let ref_no = &message.ref_no;
    let sentence = format!("accepted {ref_no}; `wachat status {ref_no} --watch` follows it{mark}");
    let stored = bench.app.store.find_message(client.id, ref_no).await?;
    let explained =
        api.explain(client.id, stored.as_slice()).await.map_err(|problem| anyhow::anyhow!(problem.told()))?;
    let waiting = explained.into_iter().flatten().next();
    let kept = waiting.filter(|waiting| ![ReasonCode::Turn, ReasonCode::Media].contains(&waiting.code));
    let note =
        kept.map_or_else(String::new, |kept| format!("\nnote: the message waits: {}{}", kept.reason, until(&kept)));
    bench.output.one(&thing, &(sentence + &note))?;
    warn_unless_served(bench).await?;
    done()
}

/// When what keeps a device ends, where that is known.
pub(super) fn until(kept: &Waiting) -> String {
    kept.until.map_or_else(String::new, |until| format!(" (until {})", rfc3339(until)))
}

/// What waits, waits for a server.
async fn warn_unless_served(bench: &Bench) -> anyhow::Result<()> {
    if !bench.app.is_served().await? {
        tracing::warn!("{NO_SERVER}; until then nothing leaves");
    }
    Ok(())
}

/// The gateway that is meant, in words where there is none.
pub(super) async fn gateway(
    api: &Api,
    client: &Client,
    sender: Option<&str>,
    queue: Option<&str>,
) -> anyhow::Result<Device> {
    let found = api.gateway(client, sender, queue).await;
    found.map_err(|_| {
        let named = match (queue, sender) {
            (Some(id), Some(sender)) => format!("gateway {id} with the sender {sender}"),
            (Some(id), None) => format!("gateway {id}"),
            (None, Some(sender)) => format!("gateway with the sender {sender}"),
            (None, None) => "gateway yet".into(),
        };
        anyhow::anyhow!(
            "client {} ({}) has no {named}; `wachat device list` shows those it has",
            client.id,
            client.name
        )
    })
}

/// As whom the command line sends.
pub(super) async fn sender(bench: &Bench, client_id: i64) -> anyhow::Result<i64> {
    let persons = bench.app.store.list_persons(client_id).await?;
    Ok(persons.first().map_or(0, |person| person.id))
}

/// A checked message.
async fn accept(bench: &Bench, client: &Client, device: &Device, draft: Draft) -> anyhow::Result<Accept> {
    let addressee = if draft.is_group { Addressee::Group } else { Addressee::ByItsForm };
    let parse = |dialling: Dialling<'_>| phone::parse_recipient(&draft.to, addressee, dialling);
    let recipient = bench.app.store.dial(client, parse).await??;
    let body = match &draft.content {
        Content::Text(text) => Some(text),
        Content::Media { caption, .. } => caption.as_ref(),
    };
    let chars = body.map_or(0, |body| body.chars().count());
    anyhow::ensure!(chars <= limits::TEXT_CHARS_MAX, "a text has at most {} characters", limits::TEXT_CHARS_MAX);
    let now = bench.app.clock.now();
    let message = NewMessage {
        ref_no: RefNo::new(&bench.app.clock),
        client_id: client.id,
        person_id: sender(bench, client.id).await?,
        device_id: device.id.clone(),
        sender: device.sender.clone(),
        sandbox: device.is_sandbox(),
        is_group: recipient.is_group(),
        destination: recipient.into_id(),
        content: draft.content,
        created_at: now,
        expires_at: now + draft.timeout_seconds * 1_000,
        priority: draft.priority,
        tag: draft.tag,
    };
    Ok(Accept { message, daily_limit: device.daily_limit, idempotent: None, audit: None })
}

fn media_kind(name: &str) -> Result<MediaKind, String> {
    let names = MediaKind::ALL.map(MediaKind::name).join(", ");
    MediaKind::from_name(name).ok_or_else(|| format!("it is one of {names}"))
}

async fn keep(
    bench: &Bench,
    client_id: i64,
    path: PathBuf,
    kind: Option<MediaKind>,
    caption: Option<&str>,
) -> anyhow::Result<(Taken, String)> {
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    anyhow::ensure!(!bytes.is_empty(), "{} is empty; give the whole file", path.display());
    let name = path.file_name().map_or_else(|| "file".into(), |name| name.to_string_lossy().into_owned());
    let file = File::new(bytes.into(), Some(name.clone()));
    Ok((bench.app.files.take(client_id, file, kind, caption).await?, name))
}

pub(super) async fn status(bench: &Bench, status: Status) -> anyhow::Result<ExitCode> {
    let api = bench.app.api();
    let ref_no = RefNo::parse(&status.ref_no).context("a ref_no has 18 hexadecimal digits")?;
    let client = bench.client_for(status.client, Some(Given::Message(&ref_no))).await?;
    let mut shown = None;
    loop {
        let found = bench.app.store.find_message(client.id, &ref_no).await?;
        let message = found.ok_or_else(|| bench.missing(Given::Message(&ref_no)))?;
        let state = message.state();
        let view = api.show_message(&client, message).await;
        let view = view.map_err(|_| anyhow::anyhow!("the store cannot be read at this moment"))?;
        if shown != Some((view.status, view.reason_code)) {
            if shown.is_none() && state.is_waiting() {
                warn_unless_served(bench).await?;
            }
            shown = Some((view.status, view.reason_code));
            show(bench.output, &view)?;
        }
        if !status.watch || state.is_final() {
            return done();
        }
        bench.app.clock.sleep(LOOK).await;
    }
}

fn show(output: Output, view: &GetMessage) -> anyhow::Result<()> {
    if output == Output::Json {
        return line(&serde_json::to_string(view)?);
    }
    let name = State::from_letter(view.status).map_or("", State::name);
    let date =
        [&view.read_date, &view.delivered_date, &view.sent_date, &view.aborted_date].into_iter().flatten().next();
    let date = date.unwrap_or(&view.create_date);
    let reason = view.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let until = view.waits_until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
    let position = view.position.map(|position| format!(", position {position}")).unwrap_or_default();
    let is_waiting = view.reason_code.is_some();
    let expiry = if is_waiting { format!(", expires {}", view.expire_date) } else { String::new() };
    let mark = if view.sandbox { " [SANDBOX]" } else { "" };
    line(&format!("{} {name} {date} {}{reason}{until}{position}{expiry}{mark}", view.status, view.kind))
}

pub(super) async fn cancel(bench: &Bench, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let ref_no = RefNo::parse(&cancel.ref_no).context("a ref_no has 18 hexadecimal digits")?;
    let client = bench.client_for(cancel.client, Some(Given::Message(&ref_no))).await?;
    let cancelled = bench.app.store.cancel_message(client.id, &ref_no, bench.app.clock.now());
    if !bench.recording(client.id, "POST /messages/{ref_no}/cancel", ref_no.as_str(), cancelled).await? {
        let found = bench.app.store.find_message(client.id, &ref_no).await?;
        let message = found.ok_or_else(|| bench.missing(Given::Message(&ref_no)))?;
        anyhow::bail!("{ref_no} of client {} ({}) cannot be cancelled: {}", client.id, client.name, why_not(&message));
    }
    bench.output.one(&json!({"ref_no": ref_no.as_str(), "status": "A"}), &format!("{ref_no} is cancelled"))?;
    done()
}

/// Why a message cannot be cancelled.
fn why_not(message: &StoredMessage) -> String {
    match (message.state(), message.sent_at, message.aborted_at) {
        (State::Aborted, _, at) => {
            let reason = message.reason.as_deref().unwrap_or("no reason was given");
            format!("it was aborted before{} ({reason})", moment(at))
        }
        (State::Unsend | State::Queue, ..) => "it is leaving at this moment; ask for its status in a minute".into(),
        (state, at, _) => format!("it has left{}; its status is {} {}", moment(at), state.letter(), state.name()),
    }
}

fn moment(at: Option<Millis>) -> String {
    at.map(|at| format!(", at {}", rfc3339(at))).unwrap_or_default()
}
