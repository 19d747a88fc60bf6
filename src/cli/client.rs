//! `wachat client`: the paying customers.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Bench, done};

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
        #[arg(long)]
        client: i64,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        country_code: Option<String>,
        /// The device that sends when a request names none
        #[arg(long)]
        default_device: Option<String>,
        /// true refuses every request of this client
        #[arg(long)]
        disabled: Option<bool>,
    },
}

pub(super) async fn run(bench: &Bench, command: ClientCommand) -> anyhow::Result<ExitCode> {
    let store = &bench.app.store;
    match command {
        ClientCommand::List => {
            bench
                .output
                .rows(&store.list_clients().await?, &["id", "name", "country_code", "default_device", "disabled"])?;
        }
        ClientCommand::Add { name, country_code } => {
            let id = store.add_client(&name, digits(&country_code)?, bench.app.clock.now()).await?;
            bench.output.one(&bench.client(id).await?, &format!("client {id} was added"))?;
        }
        ClientCommand::Set { client, name, country_code, default_device, disabled } => {
            let mut changed = bench.client(client).await?;
            changed.name = name.unwrap_or(changed.name);
            if let Some(code) = &country_code {
                digits(code)?.clone_into(&mut changed.country_code);
            }
            if let Some(id) = default_device {
                anyhow::ensure!(bench.device(&id).await?.client_id == client, "device {id} belongs to another client");
                changed.default_device = Some(id);
            }
            changed.disabled = disabled.unwrap_or(changed.disabled);
            store.update_client(changed.clone()).await?;
            bench.output.one(&changed, &format!("client {client} was changed"))?;
        }
    }
    done()
}

fn digits(code: &str) -> anyhow::Result<&str> {
    let ok = (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    anyhow::ensure!(ok, "'{code}' is no country code; it has one to three digits, such as 62");
    Ok(code)
}
