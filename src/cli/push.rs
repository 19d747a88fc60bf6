//! `wachat push`: where a client's inbound messages go.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::lookup::{Called, Given};
use super::{Bench, done, entry};
use crate::clock::Millis;
use crate::customer_url::check_password;
use crate::egress::Egress;
use crate::limits;
use crate::push::payload;
use crate::store::StoredPush;

#[derive(Subcommand)]
pub(super) enum PushCommand {
    /// Set a client's Push URL, and show the secret it is signed with
    Set {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
        #[arg(long)]
        url: String,
    },
    /// Show a client's Push URL and secret
    Show {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Push nothing any more; messages still come in
    Remove {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Sign with a new secret from now on
    RotateSecret {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Rest a client's pushes; nothing is dropped
    Pause {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
    },
    /// Set them going again
    Resume {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
    },
    /// List a client's latest pushes
    List {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
        #[arg(long, value_parser = StoredPush::STATUSES)]
        status: Option<String>,
    },
    /// Push messages again, one by its id or all of the last hours
    Replay {
        /// The client's number or name [default: the only client]
        #[arg(long)]
        client: Option<Called>,
        #[arg(long)]
        id: Option<String>,
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(i64).range(1..=87_600))]
        hours: i64,
    },
}

pub(super) async fn run(bench: &Bench, command: PushCommand) -> anyhow::Result<ExitCode> {
    let store = &bench.app.store;
    let now = bench.app.clock.now();
    match command {
        PushCommand::Set { client, url } => {
            let client = bench.client_for(client, None).await?.id;
            Egress::check_shape(&url).map_err(|bad| anyhow::anyhow!("the Push URL {bad}"))?;
            if !store.shows_push_url(client, &url).await? {
                check_password(&url).map_err(|masked| anyhow::anyhow!("the Push URL {masked}"))?;
            }
            let set = store.set_push_url(client, Some(url), now);
            bench.recording(client, "PUT /clients/{client_id}/push", &client.to_string(), set).await?;
            show(bench, client).await?;
        }
        PushCommand::Show { client } => {
            let client = bench.client_for(client, None).await?.id;
            show(bench, client).await?;
            let shown = entry(now, client, "GET /clients/{client_id}/push", &client.to_string());
            store.record_done(shown).await;
        }
        PushCommand::Remove { client } => {
            let client = bench.client_for(client, None).await?.id;
            let removed = store.set_push_url(client, None, now);
            bench.recording(client, "DELETE /clients/{client_id}/push", &client.to_string(), removed).await?;
            show(bench, client).await?;
        }
        PushCommand::RotateSecret { client } => {
            let client = bench.client_for(client, None).await?.id;
            let rotated = store.rotate_push_secret(client);
            let action = "POST /clients/{client_id}/push/rotate-secret";
            bench.recording(client, action, &client.to_string(), rotated).await?;
            show(bench, client).await?;
        }
        PushCommand::Pause { client } => {
            let client = bench.client_for(client, None).await?.id;
            let paused = store.pause_push(client, Some("paused by a person".into()), now);
            bench.recording(client, "POST /clients/{client_id}/push/pause", &client.to_string(), paused).await?;
            show(bench, client).await?;
        }
        PushCommand::Resume { client } => {
            let client = bench.client_for(client, None).await?.id;
            let resumed = store.pause_push(client, None, now);
            bench.recording(client, "POST /clients/{client_id}/push/resume", &client.to_string(), resumed).await?;
            show(bench, client).await?;
        }
        PushCommand::List { client, status } => {
            let client = bench.client_for(client, None).await?.id;
            let rows = store.list_pushes(client, status.as_deref(), None, limits::PAGE_ROWS_DEFAULT).await?;
            bench.output.rows(&rows, &["inbound_id", "status", "attempts", "last_status", "last_answer"])?;
        }
        PushCommand::Replay { client, id, hours } => {
            let client = bench.client_for(client, id.as_deref().map(Given::Inbound)).await?.id;
            let from = if id.is_some() { 0 } else { now - hours * 3_600_000 };
            let replayed = store.replay_pushes(client, id.clone(), from, Millis::MAX, now);
            let action = "POST /clients/{client_id}/pushes/replay";
            let count = bench.recording(client, action, &client.to_string(), replayed).await?;
            if let (Some(id), 0) = (id, count) {
                anyhow::bail!("client {client} has no inbound message {id}");
            }
            let settings = store.find_push_settings(client).await?.context("the client is gone")?;
            let when = match (settings.push_url, settings.push_paused_at) {
                (None, _) => "to be pushed once there is a Push URL",
                (Some(_), Some(_)) => "to be pushed once pushing is resumed",
                (Some(_), None) => "to be pushed again",
            };
            bench.output.one(&json!({"replayed": count}), &format!("messages {when}: {count}"))?;
        }
    }
    done()
}

async fn show(bench: &Bench, client: i64) -> anyhow::Result<()> {
    let settings = bench.app.store.find_push_settings(client).await?.context("the client is gone")?;
    let kept = settings.push_secret.as_deref();
    let secret = payload::shown(&bench.app.master_key.push_secret(client, settings.push_secret_version, kept)?);
    let thing = json!({
        "client_id": client,
        "url": settings.push_url,
        "secret": secret,
        "paused_reason": settings.push_paused_reason,
    });
    let paused = settings.push_paused_reason.map(|reason| format!("\npaused: {reason}")).unwrap_or_default();
    let url = settings.push_url.map_or_else(|| "none".to_owned(), |url| url.to_string());
    bench.output.one(&thing, &format!("Push URL  {url}\nSecret    {secret}{paused}"))
}
