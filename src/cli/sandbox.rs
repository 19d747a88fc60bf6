//! `wachat sandbox`: plays what a sandbox device receives.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::lookup::{Called, Given};
use super::{Bench, done, entry};
use crate::device::{Device, Kind};
use crate::inbox::{Received, sandbox_message};
use crate::message::InboundFile;
use crate::phone;

#[derive(Subcommand)]
pub(super) enum SandboxCommand {
    /// A message comes in to a sandbox device
    Receive {
        /// Who writes: a phone number
        #[arg(long)]
        from: String,
        #[arg(long, default_value = "")]
        text: String,
        /// A file that comes with it
        #[arg(long)]
        file: Option<PathBuf>,
        /// The group it is written in
        #[arg(long)]
        group: Option<String>,
        /// The writer's name
        #[arg(long)]
        name: Option<String>,
        /// The client's number or name [default: the device's client, else the only one that has a sandbox]
        #[arg(long)]
        client: Option<Called>,
        /// The device it comes to [default: the client's first sandbox]
        #[arg(long)]
        device: Option<String>,
    },
}

pub(super) async fn run(bench: &Bench, command: SandboxCommand) -> anyhow::Result<ExitCode> {
    let SandboxCommand::Receive { from, text, file, group, name, client, device } = command;
    let device = find(bench, client, device).await?;
    let client = bench.client(device.client_id).await?;
    let originator = bench.app.store.dial(&client, |dialling| phone::parse_person(&from, dialling)).await?;
    let originator = originator.context("--from")?;
    let group_id = group.map(|group| phone::parse_group(&group)).transpose().context("--group")?;
    let media = match file {
        Some(path) => Some(InboundFile::Here {
            bytes: std::fs::read(&path).with_context(|| path.display().to_string())?.into(),
            file_name: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        }),
        None => None,
    };
    anyhow::ensure!(media.is_some() || !text.is_empty(), "give a --text, a --file, or both");
    let message = sandbox_message(&bench.app.clock, originator, group_id, name, text, media);
    let Received::New(id) = bench.app.inbox.receive(&device, message).await? else {
        anyhow::bail!("the message was there already");
    };
    let played = entry(bench.app.clock.now(), device.client_id, "POST /devices/{device_id}/receive", &device.id);
    bench.app.store.record_done(played).await;
    bench.output.one(
        &json!({"id": id, "device_id": device.id, "sandbox": true}),
        &format!("message {id} came in to {}", device.id),
    )?;
    done()
}

async fn find(bench: &Bench, client: Option<Called>, id: Option<String>) -> anyhow::Result<Device> {
    let device = match &id {
        Some(id) => {
            bench.client_for(client, Some(Given::Device(id))).await?;
            bench.device(id).await?
        }
        None => first_sandbox(bench, client).await?,
    };
    anyhow::ensure!(
        device.kind == Kind::Sandbox,
        "device {} is no sandbox: a real person has to write to it",
        device.id
    );
    Ok(device)
}

/// The first sandbox of a client; without one, of the only client that has any.
async fn first_sandbox(bench: &Bench, client: Option<Called>) -> anyhow::Result<Device> {
    let client = bench.number_of(client).await?;
    let mut devices = bench.app.store.list_devices(client).await?;
    devices.retain(|device| device.kind == Kind::Sandbox);
    let owners: BTreeSet<i64> = devices.iter().map(|device| device.client_id).collect();
    if owners.len() > 1 {
        // Says which clients there are.
        bench.client_for(None, None).await?;
    }
    let whose = client.map_or_else(|| format!("in {}", bench.place()), |id| format!("of client {id}"));
    devices
        .into_iter()
        .next()
        .with_context(|| format!("there is no sandbox device {whose}; `wachat device add --kind sandbox` makes one"))
}
