//! `wachat client`: the paying customers.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use super::lookup::Called;
use super::{Bench, done};
use crate::account::{BadName, check_country_code, check_name, check_quota};
use crate::device::Device;

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// List every client
    List,
    /// Add a client
    Add {
        /// What it is called
        #[arg(long)]
        name: String,
        /// Replaces the leading 0 of a national phone number
        #[arg(long, default_value = "62")]
        country_code: String,
    },
    /// Change a client
    Set {
        /// The client's number or name
        #[arg(long)]
        client: Called,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        country_code: Option<String>,
        /// The device that sends when a request names none; empty for none
        #[arg(long)]
        default_device: Option<String>,
        /// true refuses every request of this client
        #[arg(long)]
        disabled: Option<bool>,
        /// Messages that may wait at the same time, 0 for any number; `default` for as many as the settings say
        #[arg(long, value_name = "NUMBER")]
        waiting_quota: Option<Quota>,
        /// Megabytes that its files may take, 0 for any number; `default` for as many as the settings say
        #[arg(long, value_name = "NUMBER")]
        files_quota_mb: Option<Quota>,
    },
}

/// A quota of the client's own, or the one of the settings.
#[derive(Clone, Copy)]
pub(super) struct Quota(Option<i64>);

impl std::str::FromStr for Quota {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        if text == "default" {
            return Ok(Self(None));
        }
        let quota = text.parse().map_err(|_| BadName::Quota)?;
        check_quota(quota).map(|()| Self(Some(quota)))
    }
}

pub(super) async fn run(bench: &Bench, command: ClientCommand) -> anyhow::Result<ExitCode> {
    let store = &bench.app.store;
    match command {
        ClientCommand::List => {
            let columns =
                ["id", "name", "country_code", "default_device", "disabled", "waiting_quota", "files_quota_mb"];
            bench.output.rows(&store.list_clients().await?, &columns)?;
        }
        ClientCommand::Add { name, country_code } => {
            check_name(&name).context("--name")?;
            check_country_code(&country_code).context("--country-code")?;
            let now = bench.app.clock.now();
            let owner = bench.operator().await?;
            let added = store.add_client(&name, &country_code, now);
            let id = bench.recording(owner, "POST /clients", "", added).await?;
            bench.output.one(&bench.client(id).await?, &format!("client {id} was added"))?;
        }
        ClientCommand::Set { client, name, country_code, default_device, disabled, waiting_quota, files_quota_mb } => {
            let mut changed = bench.client(client).await?;
            let client = changed.id;
            changed.name = name.unwrap_or(changed.name);
            changed.country_code = country_code.unwrap_or(changed.country_code);
            check_name(&changed.name).context("--name")?;
            check_country_code(&changed.country_code).context("--country-code")?;
            if let Some(id) = default_device {
                let is_its = id.is_empty() || bench.device(&id).await?.client_id == client;
                anyhow::ensure!(is_its, "device {id} belongs to another client");
                let devices = store.list_devices(Some(client)).await?;
                let is_sandbox = devices.iter().any(|device| device.id == id && device.is_sandbox());
                anyhow::ensure!(
                    !is_sandbox || devices.iter().all(Device::is_sandbox),
                    "a sandbox is the default only while the client has no other device; choose another"
                );
                changed.default_device = Some(id).filter(|id| !id.is_empty());
            }
            changed.disabled = disabled.unwrap_or(changed.disabled);
            changed.waiting_quota = waiting_quota.map_or(changed.waiting_quota, |Quota(quota)| quota);
            changed.files_quota_mb = files_quota_mb.map_or(changed.files_quota_mb, |Quota(quota)| quota);
            let set = store.update_client(changed.clone(), bench.app.clock.now());
            bench.recording(client, "PATCH /clients/{client_id}", &client.to_string(), set).await?;
            bench.output.one(&changed, &format!("client {client} was changed"))?;
        }
    }
    done()
}
