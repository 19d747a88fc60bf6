//! `wachat device link --share` and `--revoke`: a linking page for whoever has the phone, without a sign-in.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::link::{NO_SERVER, links};
use super::{Bench, done};
use crate::account::Role;
use crate::clock::rfc3339;
use crate::device::Device;

/// As the API names what is done, for who reads who did what.
const SHARED: &str = "POST /devices/{device_id}/link/share";
const REVOKED: &str = "DELETE /devices/{device_id}/link/share";

/// Shares a page, and prints its address this once.
pub(super) async fn share(bench: &Bench, id: &str) -> anyhow::Result<ExitCode> {
    let device = bench.device(id).await?;
    let (links, sharer) = (links(bench), sharer(bench, &device).await?);
    let page = bench.recording(device.client_id, SHARED, id, links.share(&device, sharer, None)).await?;
    let noted = bench.app.store.find_address().await?;
    let address = noted.unwrap_or_else(|| bench.app.settings.public_url.clone());
    let (url, until) = (format!("{address}{}", page.path), rfc3339(page.expires_at));
    if address.contains("//127.0.0.1") || address.contains("//localhost") {
        tracing::warn!(
            "this address opens on this computer only; start the server with --public-url and the address by which others reach it"
        );
    }
    if !bench.app.is_served().await? {
        tracing::warn!("{NO_SERVER}; until then the page does not open");
    }
    let said = format!(
        "Send this address to whoever has the phone. It is shown only now, needs no sign-in, and is good once, until {until}:\n{url}\n\
         `wachat device link {id} --revoke` ends it"
    );
    bench.output.one(&json!({"device_id": id, "url": url, "expires_at": until}), &said)?;
    done()
}

/// Revokes the page, and the link that it began.
pub(super) async fn revoke(bench: &Bench, id: &str) -> anyhow::Result<ExitCode> {
    let device = bench.device(id).await?;
    let links = links(bench);
    let is_revoked = bench.recording(device.client_id, REVOKED, id, links.revoke(id)).await?;
    anyhow::ensure!(is_revoked, "no page is shared for device {id}");
    let said = format!("the page is revoked; a link that was under way to device {id} ends, and links nothing");
    bench.output.one(&json!({"device_id": id, "revoked": true}), &said)?;
    done()
}

/// As whom the command line shares: what is done on the page is done for somebody who may manage the device.
async fn sharer(bench: &Bench, device: &Device) -> anyhow::Result<i64> {
    let mut clients = vec![device.client_id];
    // Administrators may be of any client.
    clients.extend(bench.app.store.list_clients().await?.into_iter().map(|client| client.id));
    for (at, client_id) in clients.into_iter().enumerate() {
        let needed = if at == 0 { Role::Owner } else { Role::Administrator };
        let persons = bench.app.store.list_persons(client_id).await?;
        if let Some(person) = persons.into_iter().find(|person| !person.disabled && person.role >= needed) {
            return Ok(person.id);
        }
    }
    None.context("nobody who may manage this device is enabled; add a user with the role owner to its client")
}
