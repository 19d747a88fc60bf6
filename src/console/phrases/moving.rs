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
        "the device {device_id} is here already, with the sender {sender}, not {wanted}; remove the device first to move it in with another",
        "perangkat {device_id} sudah ada di sini dengan nomor pengirim {sender}, bukan {wanted}; hapus dulu perangkatnya untuk memindahkannya dengan nomor lain",
    ),
    (
        "the API key {hint}… is that of the administrator '{userid}' of this gateway; give the one in the customer's programs",
        "kunci API {hint}… milik administrator '{userid}' gateway ini; isi kunci yang ada di program pelanggan",
    ),
    (
        "client {client_id} ('{client}') has other API keys than {hint}…: check the key. If it is one more of the client's, name its user too (--user); if the customer is another one, give the client another name",
        "klien {client_id} ('{client}') punya kunci API selain {hint}…: periksa kuncinya. Jika itu kunci tambahan klien ini, isi juga nama penggunanya (--user); jika pelanggannya lain, beri kliennya nama lain",
    ),
    (
        "there is no client {number}; give a new client a name, or leave it out",
        "tidak ada klien {number}; beri nama untuk klien baru, atau kosongkan",
    ),
    (
        "client {client_id} ('{client}') was made for a device id that begins with the same number; give that client if the customer is the same, else another name",
        "klien {client_id} ('{client}') dibuat untuk ID perangkat yang diawali nomor yang sama; pilih klien itu jika pelanggannya sama, jika tidak beri nama lain",
    ),
    (
        "this is the sandbox of the first start, whose number is nobody's: it stays a sandbox; add a device of the kind web and link that",
        "ini sandbox dari awal pemasangan, yang nomornya bukan milik siapa pun: tetap sandbox; tambahkan perangkat jenis web lalu tautkan",
    ),
    (
        "the sender {sender} is taken: the device {device_id} of client {client_id} ('{client}') has it",
        "nomor pengirim {sender} sudah dipakai perangkat {device_id} milik klien {client_id} ('{client}')",
    ),
    (
        "several clients are called '{name}'; give the number of the one that is meant",
        "ada beberapa klien bernama '{name}'; tulis nomor klien yang dimaksud",
    ),
    (
        "there is no client called '{name}', but {alike}, whose name looks like it; give the customer's client by its number or exactly as it is written, or a new one a name of its own",
        "tidak ada klien bernama '{name}', tetapi ada {alike}, yang namanya mirip; tulis nomor klien itu atau namanya persis, atau beri klien baru nama lain",
    ),
    (
        "client {client_id} ('{client}') has the Push URL {url}; change it on the page Push URL or with `wachat push set`, or leave it out here",
        "klien {client_id} ('{client}') sudah punya Push URL {url}; ubah di halaman Push URL atau dengan `wachat push set`, atau kosongkan di sini",
    ),
    (
        "client {client_id} ('{client}') is disabled; enable it first",
        "klien {client_id} ('{client}') nonaktif; aktifkan dulu",
    ),
    (
        "it was accepted while its device was a sandbox, and had not been played when the device went live; nothing was sent: send it again to send it for real",
        "pesan ini diterima saat perangkatnya masih sandbox, dan belum disimulasikan ketika perangkatnya mulai dipakai sungguhan; tidak ada yang terkirim: kirim ulang untuk mengirimnya sungguhan",
    ),
    (
        "this device is live already: an account is linked to it, and its state is {state}; nothing was changed. Unlink it first to link \
         another account",
        "perangkat ini sudah dipakai sungguhan: sebuah akun tertaut, dan statusnya {state}; tidak ada yang diubah. Lepas dulu tautannya \
         untuk menautkan akun lain",
    ),
    (
        "say whether the number has been used on WhatsApp for some weeks or longer",
        "pilih apakah nomornya sudah dipakai di WhatsApp selama beberapa minggu atau lebih",
    ),
    (
        "only a sandbox goes live, or a web device without an account",
        "hanya sandbox, atau perangkat tanpa akun tertaut, yang bisa mulai sungguhan",
    ),
    (
        "the phone that was used has the number {number}, but this device's number is {expected}, which programs send from; link the phone of {expected}, or unlink this device first to give it another number",
        "ponsel yang dipakai bernomor {number}, padahal nomor perangkat ini {expected}, yang dipakai program; tautkan ponsel {expected}, atau lepas dulu tautan perangkat ini untuk memberinya nomor lain",
    ),
    ("this device's number is {expected}", "nomor perangkat ini {expected}"),
    (
        "its device was a sandbox and has gone live; begin it again to send the other rows for real",
        "perangkatnya semula sandbox dan kini dipakai sungguhan; mulai lagi untuk benar-benar mengirim baris lainnya",
    ),
];
