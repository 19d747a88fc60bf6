//! `wachat migrate`: a customer moves in from another WAChat gateway, first into a sandbox; then goes live.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::link::{self, NO_SERVER};
use super::output::{Output, line};
use super::{Bench, done};
use crate::account::ApiKey;
use crate::app::App;
use crate::clock::Millis;
use crate::device::{Device, DeviceState, Kind, LinkWay};
use crate::device_status::{Condition, DeviceStatus, condition};
use crate::moving::{self, Customer, MoveError, NumberHistory, USED_BEFORE};
use crate::phone;
use crate::push::payload;
use crate::store::{Created, Migrated};

/// How often the store is looked at for whether a server serves the device.
const LOOK: Duration = Duration::from_millis(50);
/// How long a server may take to bring a new sandbox online.
const SERVED_MS_MAX: Millis = 3_000;

#[derive(Args)]
#[command(after_help = "\
Examples:
  wachat migrate --key 4F1D9C3B7A60E2D85B94C7F01A3E6D28 --device-id 11055-171379261223689 --sender 628123456789
  wachat migrate --go-live 11055-171379261223689 --used-before yes")]
pub(super) struct Migrate {
    /// The API key that is in the customer's programs
    #[arg(long, required_unless_present = "go_live")]
    key: Option<String>,
    /// The device id (queue) that is in them
    #[arg(long, value_name = "ID", required_unless_present = "go_live")]
    device_id: Option<String>,
    /// The phone number that sends
    #[arg(long, value_name = "NUMBER", required_unless_present = "go_live")]
    sender: Option<String>,
    /// Where the customer's inbound messages are pushed to
    #[arg(long, value_name = "URL")]
    push_url: Option<String>,
    /// The client: a name, or the number of one that is here [default: the one that has the key or the device, else a new one]
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// The user that the key belongs to [default: the client's name, in small letters without accents]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// End this device's trial: the same id sends from a real phone's account, which is linked now
    #[arg(long, value_name = "ID", conflicts_with_all = ["key", "device_id", "sender", "push_url", "client", "user"])]
    go_live: Option<String>,
    /// With --go-live: whether the number has been used on WhatsApp for some weeks or longer; then there is no warm-up. A device that went live before keeps the answer it has
    #[arg(long, requires = "go_live", value_name = "yes|no")]
    used_before: Option<YesNo>,
    /// With --go-live: link by a code that is typed on the phone, instead of a QR code [default number: the sender]
    #[arg(long, requires = "go_live", value_name = "NUMBER", num_args = 0..=1, default_missing_value = "")]
    phone: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

pub(super) async fn run(bench: &Bench, migrate: Migrate) -> anyhow::Result<ExitCode> {
    let Migrate { key, device_id, sender, push_url, client, user, go_live, used_before, phone } = migrate;
    if let Some(id) = go_live {
        return take_live(bench, &id, used_before, phone).await;
    }
    let key = key.unwrap_or_default();
    let hint = ApiKey::import(key.trim()).map(|key| key.hint()).unwrap_or_default();
    let customer = Customer {
        api_key: key,
        device_id: device_id.unwrap_or_default(),
        sender: sender.unwrap_or_default(),
        push_url,
        client,
        userid: user,
    };
    let App { store, key_secret, clock, .. } = &bench.app;
    // Whose log it is in, the store says.
    let moved = Box::pin(moving::migrate(store, key_secret, clock, customer));
    let migrated = bench.recording(0, "POST /migrate", "", moved).await.map_err(named)?;
    show(bench, migrated, &hint).await
}

async fn show(bench: &Bench, migrated: Migrated, key_hint: &str) -> anyhow::Result<ExitCode> {
    let device = until_served(bench, &migrated.device).await?;
    let settings = bench.app.store.find_push_settings(migrated.client.id).await?.context("the client is gone")?;
    let secret = match &settings.push_url {
        Some(_) => {
            let kept = settings.push_secret.as_deref();
            let key = &bench.app.master_key;
            Some(payload::shown(&key.push_secret(migrated.client.id, settings.push_secret_version, kept)?))
        }
        None => None,
    };
    let Migrated { client, person, key_id, push_url, created, .. } = migrated;
    let is_served = device.state == DeviceState::Online;
    let thing = json!({
        "client_id": client.id,
        "client": client.name,
        "person_id": person.id,
        "userid": person.userid,
        "key_id": key_id,
        "device_id": device.id,
        "sender": device.sender,
        "kind": device.kind.name(),
        "state": device.state.name(),
        "push_url": push_url,
        "push_secret": secret,
        "created": created.iter().map(|made| made.name()).collect::<Vec<_>>(),
    });
    let head = if created.is_empty() { "Everything was here already; nothing was changed." } else { "Moved in." };
    let new = |part| if created.contains(&part) { "" } else { " (was here)" };
    let mut said = format!("{head}\n\n  Client    {} {}{}\n", client.id, client.name, new(Created::Client));
    said += &format!("  User      {}{}\n", person.userid, new(Created::User));
    said += &format!("  API key   {key_hint}…{}\n", new(Created::Key));
    said += &format!(
        "  Device    {} ({}), sends as {}{}\n",
        device.id,
        device.kind.name(),
        device.sender,
        new(Created::Device)
    );
    if let (Some(url), Some(secret)) = (push_url, secret) {
        said += &format!("  Push URL  {url}{}\n  Secret    {secret}\n", new(Created::PushUrl));
    }
    said += &next_step(bench, &device, is_served).await?;
    bench.output.one(&thing, &said)?;
    done()
}

/// What the operator does now.
async fn next_step(bench: &Bench, device: &Device, is_served: bool) -> anyhow::Result<String> {
    let id = &device.id;
    Ok(match (device.kind, is_served) {
        (Kind::Sandbox, true) => {
            let noted = bench.app.store.find_address().await?;
            let address = noted.unwrap_or_else(|| bench.app.settings.public_url.clone());
            format!(
                "\nChange the host in the customer's program to {address} and run it: this is a SANDBOX, nothing reaches WhatsApp.\n\
                 Then: wachat migrate --go-live {id}"
            )
        }
        (Kind::Sandbox, false) => format!("\nNot tried yet: {NO_SERVER}."),
        (Kind::Web | Kind::Cloud, _) => {
            let mut said = format!("\nIt has gone live, and {}.", state_of(bench, device).await?);
            if device.linked_at.is_none() {
                said += &format!(" `wachat device link {id}` links its phone.");
            }
            said
        }
    })
}

/// How a device is, as the end of a sentence.
async fn state_of(bench: &Bench, device: &Device) -> anyhow::Result<String> {
    let standing = bench.app.api().standing(device).await?;
    let Condition { status, reason, .. } = condition(device, standing, bench.app.clock.now());
    Ok(match status {
        DeviceStatus::Online => "is online".to_owned(),
        _ if reason.is_empty() => format!("its state is {}", status.name()),
        _ => format!("its state is {} ({reason})", status.name()),
    })
}

/// The device, once a server has it online, or after a moment.
async fn until_served(bench: &Bench, device: &Device) -> anyhow::Result<Device> {
    let clock = &bench.app.clock;
    let until = clock.now() + SERVED_MS_MAX;
    loop {
        let found = bench.device(&device.id).await?;
        if found.state == DeviceState::Online || found.kind != Kind::Sandbox || clock.now() >= until {
            return Ok(found);
        }
        clock.sleep(LOOK).await;
    }
}

async fn take_live(
    bench: &Bench,
    id: &str,
    used_before: Option<YesNo>,
    phone: Option<String>,
) -> anyhow::Result<ExitCode> {
    let id = id.trim();
    let device = bench.device(id).await?;
    // Nobody is asked about the number of a device that stays as it is.
    if device.kind == Kind::Web && device.has_account() {
        return Err(named(MoveError::Live(device.state)));
    }
    let way = match phone.as_deref() {
        None => LinkWay::Qr,
        Some("") => LinkWay::Code { phone: device.sender.clone() },
        Some(number) => {
            let client = bench.client(device.client_id).await?;
            let parsed = bench.app.store.dial(&client, |dialling| phone::parse_destination(number, dialling)).await?;
            LinkWay::Code { phone: parsed.context("--phone")? }
        }
    };
    let history = match used_before {
        Some(YesNo::Yes) => Some(NumberHistory::UsedBefore),
        Some(YesNo::No) => Some(NumberHistory::New),
        None if device.kind == Kind::Sandbox => Some(ask(bench.output, &device)?),
        // It was answered when the device went live.
        None => None,
    };
    let live = moving::go_live(&bench.app.store, &bench.app.clock, id, history, way.clone());
    let action = "POST /devices/{device_id}/go-live";
    let live = bench.recording(device.client_id, action, id, live).await.map_err(named)?;
    if bench.output == Output::Table {
        let device = bench.device(id).await?;
        let warm_up = match device.warm_up {
            false => "without a warm-up",
            true => "with few messages a day at first (warm-up)",
        };
        if live.was_live {
            let state = state_of(bench, &device).await?;
            line(&format!("{id} went live before, and {state}. Linking continues."))?;
            line(&format!(
                "Once its phone is linked, it sends {warm_up}, as was set before; `wachat device set {id} --warm-up true|false` changes that."
            ))?;
        } else {
            line(&format!("{id} is a web device now; once its phone is linked, it sends for real, {warm_up}."))?;
        }
        if live.aborted > 0 {
            line(&format!("Messages that waited in the sandbox, and are not sent: {}", live.aborted))?;
        }
        if live.stopped_imports > 0 {
            line(&format!("Imports through the sandbox that were stopped: {}", live.stopped_imports))?;
        }
    }
    link::show(bench, id, &way).await
}

/// Asks whether the number is an old one; a program has to say so itself.
fn ask(output: Output, device: &Device) -> anyhow::Result<NumberHistory> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    anyhow::ensure!(
        is_terminal && output == Output::Table,
        "say whether the number {} has been used on WhatsApp for some weeks or longer: --used-before yes or --used-before no",
        device.sender
    );
    let (mut stderr, mut stdin) = (std::io::stderr().lock(), std::io::stdin().lock());
    loop {
        write!(stderr, "{USED_BEFORE}\n{} [yes/no] ", device.sender)?;
        stderr.flush()?;
        let mut answer = String::new();
        anyhow::ensure!(stdin.read_line(&mut answer)? > 0, "nothing was answered, and nothing was done");
        match answer.trim().to_lowercase().as_str() {
            "yes" | "y" | "ya" => return Ok(NumberHistory::UsedBefore),
            "no" | "n" | "tidak" => return Ok(NumberHistory::New),
            _ => {}
        }
    }
}

/// An error with the option that it is about.
fn named(error: MoveError) -> anyhow::Error {
    match error {
        MoveError::Field { field, reason } => {
            let option = match field {
                "api_key" => "--key".to_owned(),
                field => format!("--{}", field.replace('_', "-")),
            };
            anyhow::anyhow!("{option}: {reason}")
        }
        other => other.into(),
    }
}
