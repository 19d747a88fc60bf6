//! The audit log, in plain words; and the console's own entries in it.

use std::borrow::Cow;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use url::form_urlencoded;

use super::Console;
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Visit};
use crate::api::manage::audit;
use crate::store::{AuditWay, NewAuditEntry};

pub const SIGNED_IN: &str = "sign in";
pub const REFUSED: &str = "sign in refused";
pub const CHOSE_PASSWORD: &str = "choose password";
pub const EXPORTED: &str = "export messages";
pub const PUSH_SECRET: &str = "GET /clients/{client_id}/push";
pub const LOOKED: &str = "look at client";
pub const SIGNED_OUT: &str = "sign out";

/// What is done, as the API names it, in English and in Indonesian.
const WORDS: &[(&str, &str, &str)] = &[
    (SIGNED_IN, "Signed in", "Masuk"),
    (REFUSED, "Tried a wrong password", "Mencoba kata sandi yang salah"),
    (SIGNED_OUT, "Signed out", "Keluar"),
    (CHOSE_PASSWORD, "Chose a password", "Memilih kata sandi"),
    (LOOKED, "Viewed a client", "Membuka klien"),
    ("POST /clients", "Added a client", "Menambah klien"),
    ("PATCH /clients/{client_id}", "Changed a client", "Mengubah klien"),
    ("POST /clients/{client_id}/persons", "Added a person", "Menambah pengguna"),
    ("PATCH /clients/{client_id}/persons/{person_id}", "Changed a person", "Mengubah pengguna"),
    ("POST /clients/{client_id}/keys", "Made an API key", "Membuat kunci API"),
    ("DELETE /clients/{client_id}/keys/{key_id}", "Revoked an API key", "Mencabut kunci API"),
    ("POST /devices", "Added a device", "Menambah perangkat"),
    ("PATCH /devices/{device_id}", "Changed a device", "Mengubah perangkat"),
    ("DELETE /devices/{device_id}", "Removed a device", "Menghapus perangkat"),
    ("POST /migrate", "Moved a customer in", "Memindahkan pelanggan ke sini"),
    ("POST /devices/{device_id}/go-live", "Took a device live", "Mulai memakai perangkat sungguhan"),
    ("POST /devices/{device_id}/receive", "Played a message to a sandbox", "Memainkan pesan ke sandbox"),
    ("POST /devices/{device_id}/link", "Began to link a device", "Mulai menautkan perangkat"),
    ("DELETE /devices/{device_id}/link", "Cancelled linking", "Membatalkan penautan"),
    ("POST /devices/{device_id}/link/share", "Shared a page for linking", "Membagikan halaman penautan"),
    ("DELETE /devices/{device_id}/link/share", "Revoked a page for linking", "Mencabut halaman penautan"),
    ("POST /devices/{device_id}/pairing-code", "Asked for a pairing code", "Meminta kode penautan"),
    ("POST /devices/{device_id}/passkey", "Gave a passkey's assertion", "Memberikan bukti passkey"),
    ("POST /devices/{device_id}/passkey/confirm", "Confirmed the code on the phone", "Membenarkan kode di ponsel"),
    ("POST /devices/{device_id}/unlink", "Unlinked a device", "Memutus tautan perangkat"),
    ("PUT /clients/{client_id}/push", "Set the Push URL", "Mengatur Push URL"),
    ("DELETE /clients/{client_id}/push", "Removed the Push URL", "Menghapus Push URL"),
    ("POST /clients/{client_id}/push/rotate-secret", "Made another push secret", "Mengganti rahasia push"),
    ("POST /clients/{client_id}/push/pause", "Paused the pushes", "Menjeda push"),
    ("POST /clients/{client_id}/push/resume", "Resumed the pushes", "Melanjutkan push"),
    ("POST /clients/{client_id}/push/test", "Pushed a sample", "Mengirim contoh push"),
    ("POST /clients/{client_id}/pushes/replay", "Replayed pushes", "Mengulang push"),
    ("POST /imports", "Gave a file to import", "Memberi berkas untuk diimpor"),
    ("POST /imports/{import_id}/begin", "Began an import", "Memulai impor"),
    ("POST /imports/{import_id}/stop", "Stopped an import", "Menghentikan impor"),
    ("DELETE /imports/{import_id}", "Forgot an import", "Menghapus impor"),
    ("POST /messages/{ref_no}/cancel", "Cancelled a message", "Membatalkan pesan"),
    (PUSH_SECRET, "Saw the push secret", "Melihat rahasia push"),
    ("GET /imports/{import_id}/refused.csv", "Downloaded rejected rows", "Mengunduh baris yang ditolak"),
    (EXPORTED, "Exported messages", "Mengekspor pesan"),
    ("rotate master key", "Rotated the master key", "Mengganti kunci utama"),
    ("POST /messages/{ref_no}/resend", "Sent a message again", "Mengirim ulang pesan"),
];

pub fn routes() -> Router<Console> {
    Router::new().route("/console/account/audit", get(show))
}

#[derive(Template)]
#[template(path = "audit_log.html")]
struct Page {
    frame: Frame,
    items: Vec<Entry>,
    older: Option<String>,
    is_first: bool,
}

#[derive(Deserialize)]
struct Listing {
    items: Vec<Entry>,
    next_before: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    date: String,
    userid: String,
    way: String,
    action: String,
    subject: String,
}

impl Frame {
    /// An action in plain words; as it is, where there are none.
    pub fn action<'a>(&'a self, action: &'a str) -> Cow<'a, str> {
        if let Some(denied) = action.strip_prefix(audit::DENIED).and_then(|action| action.strip_prefix(' ')) {
            return Cow::Owned(format!("{}: {}", self.t("Not allowed", "Tidak diizinkan"), self.action(denied)));
        }
        let known = WORDS.iter().find(|(known, ..)| *known == action);
        Cow::Borrowed(known.map_or(action, |(_, english, indonesian)| self.t(english, indonesian)))
    }
}

async fn show(visit: Visit) -> Answer {
    let before = visit.query("before");
    let path = match &before {
        Some(before) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("before", before).finish();
            format!("/manage/1.0/audit?{query}")
        }
        None => "/manage/1.0/audit".to_owned(),
    };
    let Listing { items, next_before } = visit.get(&path).await?;
    let frame = visit.frame(Place::Account, visit.t("Who did what", "Riwayat tindakan"));
    let older = next_before.map(|before| format!("/console/account/audit?before={before}"));
    Ok(draw(StatusCode::OK, &Page { frame, items, older, is_first: before.is_none() }))
}

/// What somebody does by the console itself.
pub fn entry(console: &Console, client_id: i64, userid: &str, action: &str, subject: &str) -> NewAuditEntry {
    NewAuditEntry {
        at: console.api.clock.now(),
        client_id,
        userid: userid.to_owned(),
        way: AuditWay::Console,
        action: action.to_owned(),
        subject: subject.to_owned(),
    }
}

/// Records that a page shows a secret: once for as long as somebody goes on looking.
pub async fn record_shown(visit: &Visit, action: &str, subject: &str) {
    record_shown_of(visit, visit.client().id, action, subject).await;
}

/// The same of a client other than the one on the page.
pub async fn record_shown_of(visit: &Visit, client_id: i64, action: &str, subject: &str) {
    let (console, person) = (visit.console(), visit.person());
    let entry = entry(console, client_id, &person.userid, action, subject);
    if console.api.audit_seen.is_new(person.id, format!("{action} {subject}"), entry.at) {
        console.api.store.record_done(entry).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_that_changes_something_has_plain_words() {
        let document = crate::api::routes::document();
        for (path, item) in &document.paths.paths {
            let Some(path) = path.strip_prefix(crate::api::routes::MANAGE) else { continue };
            for (method, operation) in
                [("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)]
            {
                let action = format!("{method} {path}");
                let is_known = WORDS.iter().any(|(known, ..)| *known == action);
                assert!(operation.is_none() || is_known, "{action} has no words");
            }
        }
    }
}
