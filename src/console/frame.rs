//! What stands around every page.

use std::borrow::Cow;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::words::Viewer;
use crate::account::Role;

/// Where a page is in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Home,
    Devices,
    Messages,
    Inbox,
    Push,
    Account,
    Api,
}

/// What stands around a page of somebody who is signed in.
pub struct Frame {
    pub viewer: Viewer,
    pub title: String,
    pub place: Place,
    pub userid: String,
    pub role: Role,
    pub client_name: String,
    /// The client is not the person's own.
    pub is_elsewhere: bool,
    pub own_client: i64,
    /// Of every form.
    pub csrf: String,
    /// What was just done.
    pub notice: Option<String>,
    /// Why what was wanted was not done.
    pub problem: Option<String>,
    /// Whether the page keeps up by itself.
    pub is_live: bool,
    /// The page's own address.
    pub here: String,
}

impl Frame {
    /// The text of the viewer's language.
    pub fn t<'a>(&self, english: &'a str, indonesian: &'a str) -> &'a str {
        self.viewer.t(english, indonesian)
    }

    /// What the API, a device or a message says, in the viewer's language.
    pub fn said<'a>(&self, english: &'a str) -> Cow<'a, str> {
        self.viewer.said(english)
    }

    /// The same as a sentence: it begins with a capital letter.
    pub fn sentence(&self, english: &str) -> String {
        let said = self.said(english);
        let mut chars = said.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    }

    pub fn time(&self, moment: &str) -> String {
        self.viewer.time(moment)
    }

    pub fn number(&self, number: &i64) -> String {
        self.viewer.number(number)
    }

    pub fn messages(&self, count: &i64) -> String {
        self.viewer.messages(count)
    }

    pub fn version(&self) -> &str {
        &assets::VERSION
    }

    /// Whether the person manages a client, and not only sends.
    pub fn manages(&self) -> bool {
        self.role != Role::Sender
    }

    pub fn is_administrator(&self) -> bool {
        self.role == Role::Administrator
    }

    /// The menu: place, address, name.
    pub fn menu(&self) -> Vec<(Place, &'static str, &str)> {
        let all = [
            (Place::Home, "/console", self.t("Home", "Beranda")),
            (Place::Devices, "/console/devices", self.t("Devices", "Perangkat")),
            (Place::Messages, "/console/messages", self.t("Messages", "Pesan")),
            (Place::Inbox, "/console/inbox", self.t("Inbox", "Kotak masuk")),
            (Place::Push, "/console/push", "Push URL"),
            (Place::Account, "/console/account", self.t("Account", "Akun")),
            (Place::Api, "/console/api", "API"),
        ];
        all.into_iter().collect()
    }
}

/// What was done, by the word that a page's address has for it.
const NOTICES: &[(&str, &str, &str)] = &[
    ("saved", "Saved.", "Tersimpan."),
    ("added", "Added.", "Ditambahkan."),
    ("removed", "Removed.", "Dihapus."),
    ("answered", "Your answer is on its way.", "Jawaban Anda sedang dikirim."),
    ("push-set", "The Push URL is set.", "Push URL sudah diatur."),
    ("push-removed", "Nothing is pushed any more.", "Tidak ada lagi yang di-push."),
    ("push-paused", "Pushing rests. Nothing is lost.", "Push dijeda. Tidak ada yang hilang."),
    ("push-resumed", "Pushing goes on.", "Push berjalan lagi."),
    ("replayed", "Pushed again.", "Di-push ulang."),
    ("ended", "Signed out there.", "Sudah keluar di sana."),
    ("paused", "The device holds its queue.", "Perangkat menahan antreannya."),
    ("resumed", "The queue goes on.", "Antrean berjalan lagi."),
    ("unlinking", "The link is being ended.", "Tautan sedang diakhiri."),
    (
        "live",
        "The trial is over. Link the phone of this number; then real messages leave.",
        "Masa coba selesai. Tautkan ponsel nomor ini; setelah itu pesan sungguhan dikirim.",
    ),
    (
        "still_live",
        "It went live before: linking continues, and its warm-up setting stays.",
        "Perangkat ini sudah mulai sungguhan sebelumnya: penautan dilanjutkan, dan setelan pemanasannya tetap.",
    ),
    ("share_revoked", "The shared page is over.", "Halaman yang dibagikan sudah diakhiri."),
    ("received", "The message came in.", "Pesan sudah masuk."),
    ("revoked", "Revoked: the key is refused from now on.", "Dicabut: kunci itu ditolak mulai sekarang."),
    ("cancelled", "Cancelled: it will not be sent.", "Dibatalkan: pesan tidak akan dikirim."),
    ("resent", "This is the new message.", "Ini pesan yang baru."),
    ("queued", "Accepted. This page shows what becomes of it.", "Diterima. Halaman ini menunjukkan kelanjutannya."),
    ("password", "Your password has been changed.", "Kata sandi Anda sudah diganti."),
];

pub fn notice(viewer: &Viewer, done: &str) -> Option<String> {
    let (_, english, indonesian) = NOTICES.iter().find(|(word, ..)| *word == done)?;
    Some(viewer.t(english, indonesian).to_owned())
}

/// A page without a frame: before anybody is signed in, or when something went wrong.
#[derive(Template)]
#[template(path = "bare.html")]
pub struct Bare<'a> {
    pub viewer: &'a Viewer,
    pub title: &'a str,
    pub text: &'a str,
}

impl Bare<'_> {
    pub fn version(&self) -> &str {
        &assets::VERSION
    }
}

/// Draws a page. What cannot be drawn is a fault of ours.
pub fn draw(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be drawn");
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], "a fault of the gateway")
                .into_response()
        }
    }
}
