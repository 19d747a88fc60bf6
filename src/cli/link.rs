//! `wachat device link`, `unlink` and `events`: linking an account beside a running server, which does it, and what
//! happened to a device.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use serde_json::json;

use super::output::{Output, aside, line};
use super::passkey;
use super::{Bench, done};
use crate::clock::{Millis, rfc3339};
use crate::device::{Device, LinkWay, Wish};
use crate::limits;
use crate::linking::{Cancelling, Linking, Links, NOTICE, Status, Way, failure};
use crate::phone;
use crate::qr::{Ground, Qr};
use crate::store::{MAY_BE_LISTED, Page};

/// How often the store is looked at for what the server does.
const LOOK: Duration = Duration::from_millis(250);
const SILENCE_MS: Millis = limits::LINK_SILENCE_MS_MAX as Millis;
/// A server says itself when nobody linked an account in time; without one, this is a while longer.
const PATIENCE_MS: Millis = limits::LINK_MS_MAX + 2 * SILENCE_MS;
/// WhatsApp is asked so long to remove what a phone has linked; what comes of that is stored at once.
const REMOVAL_MS: Millis = limits::UNLINK_SECONDS_MAX as Millis * 1_000 + SILENCE_MS;
pub(super) const NO_SERVER: &str =
    "no server seems to serve this store; start one with `wachat serve`, on the same data folder or database";
const NOT_KNOWN_YET: &str = "; whether the phone lists this gateway is not known yet: look under Linked devices on the phone, and remove \
                             this gateway there if it is listed";
const STEPS_QR: &str = "On the phone open WhatsApp, Settings or the three dots, Linked devices, Link a device, and scan the code. A new \
                        one comes every few seconds.";
const STEPS_CODE: &str = "On the phone open WhatsApp, Settings or the three dots, Linked devices, Link a device, Link with phone number \
                          instead, and type the code.";

/// Something that happened to a device, as it is listed.
#[derive(Serialize)]
struct Row {
    at: String,
    state: String,
    reason: String,
}

/// As the API names it.
pub(super) const CANCELLED: &str = "DELETE /devices/{device_id}/link";

/// Wishes for a link and shows what comes of it until it is linked, has failed, or a person has enough.
pub(super) async fn link(bench: &Bench, id: &str, phone: Option<String>) -> anyhow::Result<ExitCode> {
    let device = bench.device(id).await?;
    let way = match phone {
        Some(number) => {
            let client = bench.client(device.client_id).await?;
            let parsed = bench.app.store.dial(&client, |dialling| phone::parse_destination(&number, dialling)).await?;
            LinkWay::Code { phone: parsed.context("--phone")? }
        }
        None => LinkWay::Qr,
    };
    let links = links(bench);
    bench.recording(device.client_id, begun(&way), id, links.begin(&device, way.clone())).await?;
    show(bench, id, &way).await
}

/// As the API names it.
fn begun(way: &LinkWay) -> &'static str {
    match way {
        LinkWay::Qr => "POST /devices/{device_id}/link",
        LinkWay::Code { .. } => "POST /devices/{device_id}/pairing-code",
    }
}

/// Shows what comes of a wish for a link, until it is linked, has failed, or a person has enough.
pub(super) async fn show(bench: &Bench, id: &str, way: &LinkWay) -> anyhow::Result<ExitCode> {
    let links = links(bench);
    if bench.output == Output::Table {
        line(&format!("{NOTICE}."))?;
        line(if *way == LinkWay::Qr { STEPS_QR } else { STEPS_CODE })?;
    }
    let device = bench.device(id).await?;
    if bench.output == Output::Table
        && let Some(number) = links.expected_sender(&device).await?
    {
        line(&format!("Link the phone whose number is {number}: no other may be linked to this device."))?;
    }
    let begun_at = device.wish_at;
    let followed = follow(bench, &links, id);
    tokio::select! {
        ended = followed => ended,
        _ = tokio::signal::ctrl_c() => {
            // Not what somebody else has begun meanwhile.
            let device = bench.device(id).await?;
            let cancel = bench.recording(device.client_id, CANCELLED, id, links.cancel(id, Cancelling::Wanted));
            if device.wish_at == begun_at && cancel.await.is_ok() {
                let note = removed(bench, &links, id).await?;
                anyhow::bail!("interrupted; linking was cancelled, and what was shown links nothing any more{note}");
            }
            anyhow::bail!("interrupted")
        }
    }
}

/// Waits until WhatsApp has been asked to remove what the phone may have linked; gives what is to be said of it behind why no account is
/// linked. A second Ctrl-C ends the wait.
pub(super) async fn removed(bench: &Bench, links: &Links, id: &str) -> anyhow::Result<&'static str> {
    let clock = &bench.app.clock;
    let until = clock.now() + REMOVAL_MS;
    while let Some(device) = bench.app.store.find_device(id).await?.filter(|device| device.wish() == Some(Wish::Cancel))
    {
        // Nobody has begun what was cancelled, and nobody will.
        if !device.state.is_being_linked() && !bench.app.is_served().await? {
            break;
        }
        let is_interrupted = tokio::select! {
            () = clock.sleep(LOOK) => false,
            _ = tokio::signal::ctrl_c() => true,
        };
        if is_interrupted || clock.now() >= until {
            return Ok(NOT_KNOWN_YET);
        }
    }
    may_be_listed(links, id).await
}

/// What is to be said where the phone may still list the gateway.
async fn may_be_listed(links: &Links, id: &str) -> anyhow::Result<&'static str> {
    let link = links.look(id).await?;
    Ok(if link.is_some_and(|link| link.reason.ends_with(MAY_BE_LISTED)) { MAY_BE_LISTED } else { "" })
}

pub(super) async fn unlink(bench: &Bench, id: &str) -> anyhow::Result<ExitCode> {
    let device = bench.device(id).await?;
    let links = links(bench);
    let had_account = !device.sender.is_empty() || device.linked_at.is_some();
    let given_up = if device.sender.is_empty() {
        String::new()
    } else {
        format!(" and has given up its number {}", device.sender)
    };
    bench.recording(device.client_id, "POST /devices/{device_id}/unlink", id, links.end(&device)).await?;
    let clock = &bench.app.clock;
    let until = clock.now() + SILENCE_MS;
    while bench.device(id).await?.wish.is_some() {
        if clock.now() >= until {
            let why = if bench.app.is_served().await? { "the server is still at work on it" } else { NO_SERVER };
            anyhow::bail!("the link is not ended yet: {why}; then it is ended by itself");
        }
        clock.sleep(LOOK).await;
    }
    let said = match had_account {
        true => format!("device {id} has no account any more{given_up}; the phone of any number may be linked to it"),
        false => format!("device {id} has no account"),
    };
    let note = may_be_listed(&links, id).await?;
    bench.output.one(
        &json!({"device_id": id, "unlinked": true, "may_be_listed": !note.is_empty()}),
        &format!("{said}{note}"),
    )?;
    done()
}

pub(super) async fn events(bench: &Bench, id: &str, rows: i64) -> anyhow::Result<ExitCode> {
    bench.device(id).await?;
    let events = bench.app.store.list_device_events(id, Page { before: None, rows }).await?;
    let row =
        |event: crate::store::DeviceEvent| Row { at: rfc3339(event.at), state: event.state, reason: event.reason };
    bench.output.rows(&events.into_iter().map(row).collect::<Vec<_>>(), &["at", "state", "reason"])?;
    done()
}

pub(super) fn links(bench: &Bench) -> Links {
    Links::new(bench.app.store.clone(), &bench.app.master_key, bench.app.clock.clone())
}

/// Shows each change of a link until its end.
async fn follow(bench: &Bench, links: &Links, id: &str) -> anyhow::Result<ExitCode> {
    let clock = &bench.app.clock;
    let begun_at = clock.now();
    let (mut screen, mut seen, mut ending_until) = (Screen::new(bench.output), None, None);
    let mut is_told = !bench.app.is_served().await?;
    if is_told {
        aside(&format!("{NO_SERVER}; this waits for it some minutes"));
    }
    let wished_at = bench.device(id).await?.wish_at;
    let noted = bench.app.store.find_address().await?;
    let mut passkey = passkey::Step::new(bench.output, noted.unwrap_or_else(|| bench.app.settings.public_url.clone()));
    loop {
        let device = bench.device(id).await?;
        let is_ours = device.wish_at == wished_at;
        // Looked at after it: what was cancelled says so.
        let link = links.look(id).await?.context("the device was removed")?;
        anyhow::ensure!(
            is_ours || link.status == Status::Failed,
            "somebody else began to link or unlink this device meanwhile; the codes shown here are no longer good"
        );
        // Why it failed is said once, when it is known whether the phone may list the gateway.
        if link.status == Status::Failed && device.wish() == Some(Wish::Cancel) {
            let until = *ending_until.get_or_insert(clock.now() + REMOVAL_MS);
            if clock.now() < until {
                clock.sleep(LOOK).await;
                continue;
            }
        }
        if seen.as_ref() != Some(&link) {
            screen.show(&device, &link)?;
        }
        let waits_until = passkey.follow(bench, links, &device).await?;
        match link.status {
            Status::Linked => {
                let sender = bench.device(id).await?.sender;
                if bench.output == Output::Table {
                    line(&format!("linked: device {id} sends from {sender}"))?;
                }
                return done();
            }
            Status::Failed => anyhow::bail!("no account was linked: {}", link.reason),
            Status::Waiting if !is_told && clock.now() - begun_at >= SILENCE_MS => {
                let device = bench.device(id).await?;
                let (state, reason) = (device.state.name(), device.state_reason);
                match bench.app.is_served().await? {
                    true if reason.is_empty() => aside(&format!("No code has come yet; the device is still {state}.")),
                    true => aside(&format!("No code has come yet; the device is still {state}: {reason}.")),
                    false => aside(&format!("No code has come yet: {NO_SERVER}.")),
                }
                is_told = true;
            }
            Status::Waiting | Status::Shown | Status::Connecting => {}
        }
        let until = match link.status {
            Status::Connecting => link.changed_at + PATIENCE_MS,
            _ => waits_until.map_or(begun_at + PATIENCE_MS, |until| until + 2 * SILENCE_MS),
        };
        seen = Some(link);
        anyhow::ensure!(clock.now() < until, "no account was linked in time");
        clock.sleep(LOOK).await;
    }
}

/// Where codes are shown: on a terminal the new one takes the place of the old.
struct Screen {
    output: Output,
    is_terminal: bool,
    /// Lines that the last code took.
    drawn: usize,
}

impl Screen {
    fn new(output: Output) -> Self {
        Self { output, is_terminal: std::io::stdout().is_terminal(), drawn: 0 }
    }

    fn show(&mut self, device: &Device, link: &Linking) -> anyhow::Result<()> {
        let phone = match device.wish() {
            Some(Wish::Link(LinkWay::Code { phone })) => Some(phone),
            _ => None,
        };
        if self.output == Output::Json {
            let change = json!({"device_id": device.id, "status": link.status.name(), "way": link.way.name(), "code": link.code,
                "phone": phone.filter(|_| link.code.is_some()),
                "expires_at": link.expires_at.map(rfc3339), "reason": link.reason,
                "reason_code": Some(failure::code(&link.reason)).filter(|_| !link.reason.is_empty())});
            return line(&change.to_string());
        }
        if link.status == Status::Connecting {
            return line("The phone has linked the account; the gateway connects with it.");
        }
        let Some(code) = &link.code else { return Ok(()) };
        let mut lines = match link.way {
            Way::Code => {
                let only =
                    phone.map(|phone| format!(" (for the phone with the number {phone} only)")).unwrap_or_default();
                vec![format!("Code: {}{only}", spaced(code))]
            }
            // Black on white is named, so that it is so on terminals of every colour.
            Way::Qr if self.is_terminal => {
                let painted = |line| format!("\u{1b}[30;107m{line}\u{1b}[0m");
                Qr::of(code)?.lines(Ground::Light).into_iter().map(painted).collect()
            }
            Way::Qr => Qr::of(code)?.lines(Ground::Dark),
        };
        lines.extend(link.expires_at.map(|at| format!("Valid until {}", rfc3339(at))));
        let back = match self.drawn {
            0 => String::new(),
            _ if !self.is_terminal => String::new(),
            drawn => format!("\u{1b}[{drawn}A\u{1b}[J"),
        };
        self.drawn = lines.len();
        line(&format!("{back}{}", lines.join("\n")))
    }
}

/// A code of eight characters as WhatsApp shows it, in two halves.
fn spaced(code: &str) -> String {
    match code.split_at_checked(4) {
        Some((first, second)) if second.len() == 4 => format!("{first}-{second}"),
        _ => code.to_owned(),
    }
}
