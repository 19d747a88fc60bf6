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
        DeviceStatus::Connecting => (
            ("It is connecting", "Sedang menyambung"),
            (
                "Nothing. If it lasts, look at the network of this server, and at the phone.",
                "Tidak ada. Bila berlangsung lama, periksa jaringan server ini dan ponselnya.",
            ),
        ),
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
            (
                "Nothing. If it lasts, look at the network of this server, and at the phone.",
                "Tidak ada. Bila berlangsung lama, periksa jaringan server ini dan ponselnya.",
            ),
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
        DeviceStatus::Outdated => (
            ("WhatsApp no longer takes this version", "WhatsApp tidak lagi menerima versi ini"),
            ("Update wachat. It is tried again every hour.", "Perbarui wachat. Sambungan dicoba lagi setiap jam."),
        ),
    };
    Told { words: viewer.t(words, kata), to_do: viewer.t(to_do, tindakan) }
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
        ReasonCode::Passkey => ("passkey", "kunci sandi"),
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
        Language::English => status.name(),
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
        },
    }
}

type InBoth = (&'static str, &'static str);

/// While an account is being linked.
fn linking(state: DeviceStatus) -> (InBoth, InBoth) {
    match state {
        DeviceStatus::Passkey => (
            ("WhatsApp asks for the account's passkey", "WhatsApp meminta kunci sandi (passkey) akun ini"),
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
        | DeviceStatus::Slowed => false,
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
mod tests {
    use std::collections::HashSet;

    use axum::http::{HeaderMap, HeaderValue, header};

    use super::*;

    fn viewer(language: &'static str) -> Viewer {
        Viewer::of(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(language))]))
    }

    #[test]
    fn every_state_says_what_it_is_and_what_to_do_in_both_languages() {
        let viewers = [viewer("en"), viewer("id")];
        for kind in [Kind::Sandbox, Kind::Web, Kind::Cloud] {
            let mut said = HashSet::new();
            for state in DeviceStatus::ALL {
                for viewer in &viewers {
                    let told = told(viewer, kind, state);
                    assert!(said.insert(told.words), "{state:?}: each state and language has words of its own");
                    assert_eq!(told.to_do.is_empty(), state == DeviceStatus::Online, "{state:?}");
                    assert!(told.to_do.is_empty() || told.to_do.ends_with('.'), "{}", told.to_do);
                }
                let [english, indonesian] = [0, 1].map(|at| told(&viewers[at], kind, state).to_do);
                assert!(english.is_empty() || english != indonesian, "{state:?}");
            }
        }
    }

    #[test]
    fn what_restrains_a_device_is_told_with_its_end_in_both_languages() {
        let at = |status, code| Restraint {
            status,
            code,
            until: Some("2026-11-24 07:00:00".into()),
            paused_by: (status == DeviceStatus::Paused).then_some("rina"),
        };
        let (english, indonesian) = (viewer("en"), viewer("id"));
        for (status, code, words, kata) in [
            (
                DeviceStatus::Paused,
                ReasonCode::Paused,
                "Paused by rina. Messages wait until you resume.",
                "Dijeda oleh rina. Pesan menunggu sampai Anda melanjutkan.",
            ),
            (
                DeviceStatus::Holding,
                ReasonCode::QuietHours,
                "On hold until 2026-11-24 07:00:00 (quiet hours). Replies to people who wrote in the last 15 minutes still go out.",
                "Pengiriman ditahan sampai 2026-11-24 07:00:00 (jam tenang). Balasan ke orang yang menulis dalam 15 menit \
                 terakhir tetap terkirim.",
            ),
            (
                DeviceStatus::Holding,
                ReasonCode::WarmUp,
                "On hold until 2026-11-24 07:00:00 (today's warm-up messages are used up). Replies to people who wrote in the \
                 last 24 hours still go out.",
                "Pengiriman ditahan sampai 2026-11-24 07:00:00 (jatah pemanasan hari ini habis). Balasan ke orang yang menulis \
                 dalam 24 jam terakhir tetap terkirim.",
            ),
            (
                DeviceStatus::Holding,
                ReasonCode::NewContacts,
                "WhatsApp blocks messages to new contacts until 2026-11-24 07:00:00. Replies still go out.",
                "WhatsApp memblokir pesan ke nomor baru sampai 2026-11-24 07:00:00. Balasan tetap terkirim.",
            ),
            (
                DeviceStatus::Slowed,
                ReasonCode::RateLimited,
                "Rate-limited by WhatsApp. Sending slowly until 2026-11-24 07:00:00.",
                "Dibatasi oleh WhatsApp. Pengiriman lambat sampai 2026-11-24 07:00:00.",
            ),
        ] {
            let restraint = at(status, Some(code));
            assert_eq!(sentence(&english, &restraint).as_deref(), Some(words));
            assert_eq!(sentence(&indonesian, &restraint).as_deref(), Some(kata));
        }
        let free = DeviceStatus::ALL.into_iter().filter(|status| sentence(&english, &at(*status, None)).is_none());
        assert_eq!(free.count(), 11);
    }

    #[test]
    fn every_state_has_a_label_of_its_own_in_both_languages() {
        for viewer in [viewer("en"), viewer("id")] {
            let labels: HashSet<_> = DeviceStatus::ALL.into_iter().map(|status| label(&viewer, status)).collect();
            assert_eq!(labels.len(), DeviceStatus::ALL.len());
        }
    }

    #[test]
    fn a_person_is_needed_where_nothing_goes_on_by_itself() {
        let needing =
            |kind, waiting| DeviceStatus::ALL.into_iter().filter(move |state| needs_person(kind, *state, waiting));
        let always = [DeviceStatus::Banned, DeviceStatus::LoggedOut, DeviceStatus::Replaced, DeviceStatus::Outdated];
        assert!(needing(Kind::Sandbox, 0).eq(always));
        assert!(needing(Kind::Cloud, 0).eq(always));
        let linking = [DeviceStatus::Unlinked, DeviceStatus::Passkey, DeviceStatus::PasskeyConfirm];
        assert!(needing(Kind::Web, 0).eq(linking.into_iter().chain(always)));
        // Nobody is reminded of a pause in which nothing waits.
        let waiting = || always.into_iter().chain([DeviceStatus::Paused]);
        assert!(needing(Kind::Sandbox, 1).eq(waiting()));
        assert!(needing(Kind::Web, 1).eq(linking.into_iter().chain(waiting())));
        assert!(needing(Kind::Cloud, 1).eq([DeviceStatus::Unlinked].into_iter().chain(waiting())));
    }

    #[test]
    fn what_happened_is_told_by_its_word() {
        let viewer = viewer("en");
        assert_eq!(happened(&viewer, Kind::Web, "linked"), "An account was linked");
        assert_eq!(happened(&viewer, Kind::Web, "logged_out"), "The phone ended the link");
        assert_eq!(happened(&viewer, Kind::Web, "something new"), "something new");
    }
}
