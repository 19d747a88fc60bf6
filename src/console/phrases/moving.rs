//! Moving a customer in from another gateway, and going live.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
    (
        "the API key {hint}… belongs to client {client_id} ('{client}'), the device {device_id} to client {other_id} ('{other}')",
        "kunci API {hint}… milik klien {client_id} ('{client}'), perangkat {device_id} milik klien {other_id} ('{other}')",
    ),
    (
        "the API key {hint}… belongs to client {client_id} ('{client}'), not to '{wanted}'",
        "kunci API {hint}… milik klien {client_id} ('{client}'), bukan '{wanted}'",
    ),
    (
        "the API key {hint}… belongs to the user '{userid}', not to '{wanted}'",
        "kunci API {hint}… milik pengguna '{userid}', bukan '{wanted}'",
    ),
    (
        "the API key {hint}… was revoked here or has expired; give the customer a new one",
        "kunci API {hint}… sudah dicabut di sini atau habis masa berlakunya; beri pelanggan kunci baru",
    ),
    (
        "the device id {device_id} is taken: it belongs to client {client_id} ('{client}'), not to '{wanted}'",
        "ID perangkat {device_id} sudah dipakai: milik klien {client_id} ('{client}'), bukan '{wanted}'",
    ),
    (
        "the device {device_id} is here already, with the sender {sender}, not {wanted}",
        "perangkat {device_id} sudah ada di sini dengan nomor pengirim {sender}, bukan {wanted}",
    ),
    (
        "the sender {sender} is taken: the device {device_id} of client {client_id} ('{client}') has it",
        "nomor pengirim {sender} sudah dipakai perangkat {device_id} milik klien {client_id} ('{client}')",
    ),
    (
        "the user '{userid}' works for client {client_id} ('{client}'); choose another name for the user",
        "pengguna '{userid}' bekerja untuk klien {client_id} ('{client}'); pilih nama pengguna lain",
    ),
    (
        "several clients are called '{name}'; give the number of the one that is meant",
        "ada beberapa klien bernama '{name}'; tulis nomor klien yang dimaksud",
    ),
    (
        "client {client_id} ('{client}') has the Push URL {url}; change it where the Push URL is set, or leave it out here",
        "klien {client_id} ('{client}') sudah punya Push URL {url}; ubah di halaman Push URL, atau kosongkan di sini",
    ),
    (
        "client {client_id} ('{client}') is disabled; enable it first",
        "klien {client_id} ('{client}') nonaktif; aktifkan dulu",
    ),
    (
        "it was accepted by a sandbox, whose trial ended before the message was played; nothing of it was sent",
        "pesan ini diterima sandbox, dan masa cobanya berakhir sebelum pesannya disimulasikan; tidak ada yang terkirim",
    ),
    (
        "this device is live already: an account is linked to it; unlink it first to link another",
        "perangkat ini sudah dipakai sungguhan: sebuah akun tertaut; lepas dulu tautannya untuk menautkan yang lain",
    ),
    (
        "only a sandbox goes live, or a web device without an account",
        "hanya sandbox, atau perangkat tanpa akun tertaut, yang bisa mulai sungguhan",
    ),
    (
        "the phone that was used has the number {number}, but this gateway's number is {expected}, which programs send from; link the phone of {expected}, or unlink this gateway first to give it another number",
        "ponsel yang dipakai bernomor {number}, padahal nomor perangkat ini {expected}, yang dipakai program; tautkan ponsel {expected}, atau lepas dulu tautan perangkat ini untuk memberinya nomor lain",
    ),
    ("this gateway's number is {expected}", "nomor perangkat ini {expected}"),
    (
        "its device was a sandbox and has gone live; begin it again to send the other rows for real",
        "perangkatnya semula sandbox dan kini dipakai sungguhan; mulai lagi untuk benar-benar mengirim baris lainnya",
    ),
];
