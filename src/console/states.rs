//! What a device's state means, and what to do about it, in words for people. Called by the pages that show devices.

use std::collections::BTreeMap;

use super::words::{Language, Viewer};
use crate::device::Kind;
use crate::device_status::DeviceStatus;
use crate::reason::ReasonCode;

/// A state in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<'a> {
    pub words: &'a str,
    /// Empty where nothing is to be done.
    pub to_do: &'a str,
}

/// What a device's state means, and what to do about it.
pub fn told(viewer: &Viewer, kind: Kind, state: DeviceStatus) -> Told<'_> {
    let ((words, kata), (to_do, tindakan)) = match state {
        DeviceStatus::Unlinked => unlinked(kind),
        DeviceStatus::Linking | DeviceStatus::Passkey | DeviceStatus::PasskeyConfirm => linking(state),
        DeviceStatus::Connecting => (("It is connecting", "Sedang menyambung"), IF_IT_LASTS),
        DeviceStatus::Online => (("Connected", "Tersambung"), ("", "")),
        DeviceStatus::Paused => {
            (("Paused", "Dijeda"), ("Messages wait until you resume.", "Pesan menunggu sampai Anda melanjutkan."))
        }
        DeviceStatus::Holding => (
            ("On hold", "Pengiriman ditahan"),
            (
                "Nothing. Replies still go out; the other messages follow by themselves.",
                "Tidak ada. Balasan tetap terkirim; pesan lain menyusul dengan sendirinya.",
            ),
        ),
        DeviceStatus::Slowed => (
            ("Rate-limited by WhatsApp", "Dibatasi oleh WhatsApp"),
            (
                "Nothing. If this happens often, give the device a longer delay between messages.",
                "Tidak ada. Bila sering terjadi, perpanjang jeda antarpesan perangkat ini.",
            ),
        ),
        DeviceStatus::Reconnecting => (
            ("The connection was lost and is being made again", "Sambungan terputus dan sedang dipulihkan"),
            IF_IT_LASTS,
        ),
        DeviceStatus::Banned => (
            ("WhatsApp refuses the account", "WhatsApp menolak akun ini"),
            (
                "Open WhatsApp on the phone and follow what it says. The queue waits; write less afterwards.",
                "Buka WhatsApp di ponsel dan ikuti petunjuknya. Antrean menunggu; setelah itu kirimlah lebih sedikit.",
            ),
        ),
        DeviceStatus::LoggedOut => (
            ("The phone ended the link", "Ponsel mengakhiri tautan"),
            (
                "Find out who did it, then link the account again. The queue is kept.",
                "Cari tahu siapa yang melakukannya, lalu tautkan lagi akunnya. Antrean tetap tersimpan.",
            ),
        ),
        DeviceStatus::Replaced => (
            ("Another program took the connection over", "Program lain mengambil alih sambungan"),
            (
                "Stop the other program (perhaps on a copy of the data folder), then pause and resume this device.",
                "Hentikan program lain itu (mungkin dari salinan folder data), lalu jeda dan lanjutkan perangkat ini.",
            ),
        ),
        DeviceStatus::Offline => (
            ("No node of the gateway runs it", "Tidak ada node gateway yang menjalankannya"),
            (
                "Check that the server runs. A node that runs takes the device over within seconds.",
                "Periksa apakah server berjalan. Node yang berjalan mengambil alih perangkat ini dalam beberapa detik.",
            ),
        ),
        DeviceStatus::Outdated => (
            ("WhatsApp no longer takes this version", "WhatsApp tidak lagi menerima versi ini"),
            ("Update wachat. It is tried again every hour.", "Perbarui wachat. Sambungan dicoba lagi setiap jam."),
        ),
    };
    Told { words: viewer.t(words, kata), to_do: viewer.t(to_do, tindakan) }
}

/// Reasons that say in other words what the state itself says, or what to do about it.
const SAID: &[(DeviceStatus, &str)] = &[
    (DeviceStatus::Passkey, "WhatsApp asks for the passkey of the account"),
    (DeviceStatus::PasskeyConfirm, "the code that the phone shows is to be compared"),
    (DeviceStatus::Reconnecting, "the connection was lost and is being made again"),
    (
        DeviceStatus::Replaced,
        "another program took the connection over, perhaps one on a copy of the data folder; stop it, then pause and resume this device",
    ),
    (DeviceStatus::Replaced, "another program uses this link; stop it, then pause and resume this gateway"),
    (DeviceStatus::LoggedOut, "the phone has removed this gateway; link it again"),
    (DeviceStatus::Outdated, "WhatsApp no longer takes this version; update the gateway"),
];

/// Whether the words of a state say already what its reason says.
pub fn is_said(state: DeviceStatus, reason: &str) -> bool {
    SAID.contains(&(state, reason))
}

/// What is shown of a device that a person paused, or that is connected and does not send as it usually does.
pub struct Restraint<'a> {
    pub status: DeviceStatus,
    pub code: Option<ReasonCode>,
    /// When it ends, as the viewer's clock shows it.
    pub until: Option<String>,
    pub paused_by: Option<&'a str>,
}

/// The state of such a device in a sentence or two; `None` for one that is in another state.
pub fn sentence(viewer: &Viewer, restraint: &Restraint<'_>) -> Option<String> {
    let until = restraint.until.as_deref().unwrap_or("?");
    let (english, indonesian) = match (restraint.status, restraint.code) {
        (DeviceStatus::Paused, _) => match restraint.paused_by {
            Some(who) => (
                format!("Paused by {who}. Messages wait until you resume."),
                format!("Dijeda oleh {who}. Pesan menunggu sampai Anda melanjutkan."),
            ),
            None => (
                "Paused. Messages wait until you resume.".to_owned(),
                "Dijeda. Pesan menunggu sampai Anda melanjutkan.".to_owned(),
            ),
        },
        (DeviceStatus::Holding, Some(ReasonCode::WarmUp)) => (
            format!(
                "On hold until {until} (today's warm-up messages are used up). Replies to people who wrote in the last 24 hours \
                 still go out."
            ),
            format!(
                "Pengiriman ditahan sampai {until} (jatah pemanasan hari ini habis). Balasan ke orang yang menulis dalam 24 jam \
                 terakhir tetap terkirim."
            ),
        ),
        (DeviceStatus::Holding, Some(ReasonCode::NewContacts)) => (
            format!("WhatsApp blocks messages to new contacts until {until}. Replies still go out."),
            format!("WhatsApp memblokir pesan ke nomor baru sampai {until}. Balasan tetap terkirim."),
        ),
        (DeviceStatus::Holding, _) => (
            format!(
                "On hold until {until} (quiet hours). Replies to people who wrote in the last 15 minutes still go out."
            ),
            format!(
                "Pengiriman ditahan sampai {until} (jam tenang). Balasan ke orang yang menulis dalam 15 menit terakhir tetap \
                 terkirim."
            ),
        ),
        (DeviceStatus::Slowed, _) => (
            format!("Rate-limited by WhatsApp. Sending slowly until {until}."),
            format!("Dibatasi oleh WhatsApp. Pengiriman lambat sampai {until}."),
        ),
        _ => return None,
    };
    Some(viewer.t(&english, &indonesian).to_owned())
}

/// What messages wait for, and how many for each; empty where all of them only wait for their turn.
pub fn waits_for(viewer: &Viewer, counts: &BTreeMap<ReasonCode, i64>) -> String {
    if counts.keys().all(|code| *code == ReasonCode::Turn) {
        return String::new();
    }
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| -**count);
    let told = counts.into_iter().map(|(code, count)| format!("{}: {}", wait(viewer, *code), viewer.number(count)));
    told.collect::<Vec<_>>().join("; ")
}

/// What a message waits for, in a word or two.
fn wait(viewer: &Viewer, code: ReasonCode) -> &'static str {
    let (english, indonesian) = match code {
        ReasonCode::NotLinked => ("no account linked", "belum tertaut"),
        ReasonCode::Passkey => ("passkey", "passkey"),
        ReasonCode::Offline => ("device not connected", "perangkat belum tersambung"),
        ReasonCode::Paused => ("paused", "dijeda"),
        ReasonCode::Banned => ("banned by WhatsApp", "diblokir WhatsApp"),
        ReasonCode::LoggedOut => ("unlinked from the phone", "diputus dari ponsel"),
        ReasonCode::Replaced => ("connection taken over", "sambungan diambil alih"),
        ReasonCode::Outdated => ("version too old", "versi terlalu lama"),
        ReasonCode::QuietHours => ("quiet hours", "jam tenang"),
        ReasonCode::WarmUp => ("warm-up", "pemanasan"),
        ReasonCode::NewContacts => ("new contacts blocked", "nomor baru diblokir"),
        ReasonCode::RateLimited => ("rate-limited by WhatsApp", "dibatasi WhatsApp"),
        ReasonCode::Media => ("file not downloaded yet", "berkas belum terunduh"),
        ReasonCode::Retry => ("to be tried again", "akan dicoba lagi"),
        ReasonCode::Scheduled => ("scheduled", "terjadwal"),
        ReasonCode::Turn => ("their turn", "giliran"),
    };
    match viewer.language {
        Language::English => english,
        Language::Indonesian => indonesian,
    }
}

/// A state in a word or two.
pub fn label(viewer: &Viewer, status: DeviceStatus) -> &'static str {
    match viewer.language {
        Language::English => match status {
            DeviceStatus::LoggedOut => "logged out",
            DeviceStatus::PasskeyConfirm => "compare the code",
            other => other.name(),
        },
        Language::Indonesian => match status {
            DeviceStatus::Unlinked => "belum tertaut",
            DeviceStatus::Linking => "sedang ditautkan",
            DeviceStatus::Passkey => "menunggu passkey",
            DeviceStatus::PasskeyConfirm => "bandingkan kode",
            DeviceStatus::Connecting => "menyambung",
            DeviceStatus::Online => "tersambung",
            DeviceStatus::Reconnecting => "menyambung ulang",
            DeviceStatus::Banned => "diblokir WhatsApp",
            DeviceStatus::LoggedOut => "terputus dari ponsel",
            DeviceStatus::Replaced => "diambil alih",
            DeviceStatus::Outdated => "versi usang",
            DeviceStatus::Paused => "dijeda",
            DeviceStatus::Holding => "ditahan",
            DeviceStatus::Slowed => "diperlambat",
            DeviceStatus::Offline => "offline",
        },
    }
}

type InBoth = (&'static str, &'static str);

const IF_IT_LASTS: InBoth = (
    "Nothing. If it lasts, look at the network of this server, and at the phone.",
    "Tidak ada. Bila berlangsung lama, periksa jaringan server ini dan ponselnya.",
);

/// While an account is being linked.
fn linking(state: DeviceStatus) -> (InBoth, InBoth) {
    match state {
        DeviceStatus::Passkey => (
            ("WhatsApp asks for the account's passkey", "WhatsApp meminta passkey akun ini"),
            (
                "Follow the steps on the linking page within ten minutes.",
                "Ikuti langkah di halaman penautan dalam sepuluh menit.",
            ),
        ),
        DeviceStatus::PasskeyConfirm => (
            ("A code is to be compared with the phone's", "Kode harus dibandingkan dengan yang ada di ponsel"),
            (
                "Compare the code on the linking page with the one on the phone.",
                "Bandingkan kode di halaman penautan dengan yang ada di ponsel.",
            ),
        ),
        _ => (
            ("A code is shown and waits for a phone", "Kode ditampilkan dan menunggu ponsel"),
            (
                "Scan or type the code with the phone; the linking page shows it.",
                "Pindai atau ketik kode itu di ponsel; kode ada di halaman penautan.",
            ),
        ),
    }
}

fn unlinked(kind: Kind) -> (InBoth, InBoth) {
    match kind {
        Kind::Web => (
            ("No account is linked", "Belum ada akun yang tertaut"),
            ("Link a phone's WhatsApp account to it.", "Tautkan akun WhatsApp sebuah ponsel."),
        ),
        Kind::Sandbox => (
            ("It has not started yet", "Belum mulai"),
            (
                "Nothing. It starts by itself within seconds.",
                "Tidak ada. Perangkat mulai sendiri dalam beberapa detik.",
            ),
        ),
        Kind::Cloud => (
            ("Devices of this kind cannot be connected", "Perangkat jenis ini tidak dapat dihubungkan"),
            ("Remove it and add a phone's account.", "Hapus perangkat ini, lalu tambahkan akun sebuah ponsel."),
        ),
    }
}

/// Whether the state stays as it is until somebody acts. A pause is what somebody wanted, but `waiting` messages may be forgotten in
/// it; and a device that nobody can connect matters only to what was queued for it.
pub fn needs_person(kind: Kind, state: DeviceStatus, waiting: i64) -> bool {
    match state {
        DeviceStatus::Banned | DeviceStatus::LoggedOut | DeviceStatus::Replaced | DeviceStatus::Outdated => true,
        DeviceStatus::Unlinked if kind == Kind::Cloud => waiting > 0,
        DeviceStatus::Paused => waiting > 0,
        DeviceStatus::Unlinked | DeviceStatus::Passkey | DeviceStatus::PasskeyConfirm => kind == Kind::Web,
        DeviceStatus::Linking
        | DeviceStatus::Connecting
        | DeviceStatus::Online
        | DeviceStatus::Reconnecting
        | DeviceStatus::Holding
        | DeviceStatus::Slowed
        // Whatever shows this is a node that takes it over.
        | DeviceStatus::Offline => false,
    }
}

/// What happened to a device, by the word of its history: a state that it entered, or something else.
pub fn happened<'a>(viewer: &'a Viewer, kind: Kind, word: &'a str) -> &'a str {
    match (word, DeviceStatus::from_name(word)) {
        ("linked", _) => viewer.t("An account was linked", "Sebuah akun ditautkan"),
        ("resumed", _) => viewer.t("Resumed", "Dilanjutkan"),
        ("strangers_paused", _) => viewer.t(
            "WhatsApp blocks messages to new contacts for a while",
            "WhatsApp memblokir pesan ke nomor baru untuk sementara",
        ),
        ("unreadable", _) => viewer.t("A message that came in cannot be read", "Sebuah pesan masuk tidak dapat dibaca"),
        (_, Some(state)) => told(viewer, kind, state).words,
        (unknown, None) => unknown,
    }
}

#[cfg(test)]
mod tests;
