//! What a device's state means, and what to do about it, in words for people. Called by the pages that show devices.

use super::words::Viewer;
use crate::device::{DeviceState, Kind};

/// A state in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<'a> {
    pub words: &'a str,
    /// Empty where nothing is to be done.
    pub to_do: &'a str,
}

/// What a device's state means, and what to do about it.
pub fn told(viewer: &Viewer, kind: Kind, state: DeviceState) -> Told<'_> {
    let ((words, kata), (to_do, tindakan)) = match state {
        DeviceState::Unlinked => unlinked(kind),
        DeviceState::Linking => (
            ("A code is shown and waits for a phone", "Kode ditampilkan dan menunggu ponsel"),
            (
                "Scan or type the code with the phone; the linking page shows it.",
                "Pindai atau ketik kode itu di ponsel; kode ada di halaman penautan.",
            ),
        ),
        DeviceState::Connecting => (
            ("It is connecting", "Sedang menyambung"),
            (
                "Nothing. If it lasts, look at the network of this server, and at the phone.",
                "Tidak ada. Bila berlangsung lama, periksa jaringan server ini dan ponselnya.",
            ),
        ),
        DeviceState::Online => (("It is online and sends", "Tersambung dan mengirim"), ("", "")),
        DeviceState::Reconnecting => (
            ("The connection was lost and is being made again", "Sambungan terputus dan sedang dipulihkan"),
            (
                "Nothing. If it lasts, look at the network of this server, and at the phone.",
                "Tidak ada. Bila berlangsung lama, periksa jaringan server ini dan ponselnya.",
            ),
        ),
        DeviceState::Banned => (
            ("WhatsApp refuses the account", "WhatsApp menolak akun ini"),
            (
                "Open WhatsApp on the phone and follow what it says. The queue waits; write less afterwards.",
                "Buka WhatsApp di ponsel dan ikuti petunjuknya. Antrean menunggu; setelah itu kirimlah lebih sedikit.",
            ),
        ),
        DeviceState::LoggedOut => (
            ("The phone ended the link", "Ponsel mengakhiri tautan"),
            (
                "Find out who did it, then link the account again. The queue is kept.",
                "Cari tahu siapa yang melakukannya, lalu tautkan lagi akunnya. Antrean tetap tersimpan.",
            ),
        ),
        DeviceState::Replaced => (
            ("Another program took the connection over", "Program lain mengambil alih sambungan"),
            (
                "Stop the other program (perhaps on a copy of the data folder), then pause and resume this device.",
                "Hentikan program lain itu (mungkin dari salinan folder data), lalu jeda dan lanjutkan perangkat ini.",
            ),
        ),
        DeviceState::Outdated => (
            ("WhatsApp no longer takes this version", "WhatsApp tidak lagi menerima versi ini"),
            ("Update wachat. It is tried again every hour.", "Perbarui wachat. Sambungan dicoba lagi setiap jam."),
        ),
    };
    Told { words: viewer.t(words, kata), to_do: viewer.t(to_do, tindakan) }
}

type InBoth = (&'static str, &'static str);

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

/// Whether the state stays as it is until somebody acts.
pub fn needs_person(kind: Kind, state: DeviceState) -> bool {
    match state {
        DeviceState::Banned | DeviceState::LoggedOut | DeviceState::Replaced | DeviceState::Outdated => true,
        DeviceState::Unlinked => kind == Kind::Web,
        DeviceState::Linking | DeviceState::Connecting | DeviceState::Online | DeviceState::Reconnecting => false,
    }
}

/// What happened to a device, by the word of its history: a state that it entered, or something else.
pub fn happened<'a>(viewer: &'a Viewer, kind: Kind, word: &'a str) -> &'a str {
    match (word, DeviceState::try_from(word.to_owned())) {
        ("linked", _) => viewer.t("An account was linked", "Sebuah akun ditautkan"),
        ("strangers_paused", _) => viewer.t(
            "WhatsApp takes no first messages to strangers for a while",
            "WhatsApp tidak menerima pesan pertama ke orang asing untuk sementara",
        ),
        ("slowed", _) => viewer.t(
            "WhatsApp said that it was too much at once: it sends more slowly for a while",
            "WhatsApp menyatakan terlalu banyak sekaligus: pengiriman diperlambat untuk sementara",
        ),
        (_, Ok(state)) => told(viewer, kind, state).words,
        (unknown, Err(_)) => unknown,
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
            for state in DeviceState::ALL {
                for viewer in &viewers {
                    let told = told(viewer, kind, state);
                    assert!(said.insert(told.words), "{state:?}: each state and language has words of its own");
                    assert_eq!(told.to_do.is_empty(), state == DeviceState::Online, "{state:?}");
                    assert!(told.to_do.is_empty() || told.to_do.ends_with('.'), "{}", told.to_do);
                }
                let [english, indonesian] = [0, 1].map(|at| told(&viewers[at], kind, state).to_do);
                assert!(english.is_empty() || english != indonesian, "{state:?}");
            }
        }
    }

    #[test]
    fn a_person_is_needed_where_nothing_goes_on_by_itself() {
        let needing = |kind| DeviceState::ALL.into_iter().filter(move |state| needs_person(kind, *state));
        let always = [DeviceState::Banned, DeviceState::LoggedOut, DeviceState::Replaced, DeviceState::Outdated];
        assert!(needing(Kind::Sandbox).eq(always));
        assert!(needing(Kind::Web).eq([DeviceState::Unlinked].into_iter().chain(always)));
    }

    #[test]
    fn what_happened_is_told_by_its_word() {
        let viewer = viewer("en");
        assert_eq!(happened(&viewer, Kind::Web, "linked"), "An account was linked");
        assert_eq!(happened(&viewer, Kind::Web, "logged_out"), "The phone ended the link");
        assert_eq!(happened(&viewer, Kind::Web, "something new"), "something new");
    }
}
