//! How an account is linked, and why it is not.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
    (
        "an account is linked to this device; unlink it first",
        "perangkat ini sudah tertaut dengan sebuah akun; lepas dulu tautannya",
    ),
    (
        "a sandbox has no account to link; add a device of the kind web",
        "sandbox tidak punya akun untuk ditautkan; tambahkan perangkat untuk akun sebuah ponsel",
    ),
    (
        "devices of this kind cannot be connected; remove it and add a device of the kind web",
        "perangkat jenis ini tidak dapat dihubungkan; hapus perangkat ini, lalu tambahkan perangkat untuk akun sebuah ponsel",
    ),
    (
        "this device's number is {expected}, which programs send from; get the code for {expected}, or unlink this device first to give it \
         another number",
        "nomor perangkat ini {expected}, yang dipakai program; minta kode untuk {expected}, atau lepas dulu tautan perangkat ini untuk \
         memberinya nomor lain",
    ),
    ("the device was removed at this moment", "perangkat ini baru saja dihapus"),
    (
        "WhatsApp gave no code: too many were requested for this number, or it is not on WhatsApp; check it, and try again in an hour, or \
         scan the QR code",
        "WhatsApp tidak memberi kode: terlalu banyak diminta untuk nomor ini, atau nomornya tidak terdaftar di WhatsApp; periksa, lalu \
         coba lagi satu jam lagi, atau pindai kode QR",
    ),
    (
        "WhatsApp gave no code: too many were requested for this number, or it is not on WhatsApp; check it, and try again in {minutes} \
         minutes, or scan the QR code",
        "WhatsApp tidak memberi kode: terlalu banyak diminta untuk nomor ini, atau nomornya tidak terdaftar di WhatsApp; periksa, lalu \
         coba lagi {minutes} menit lagi, atau pindai kode QR",
    ),
    (
        "WhatsApp gave no code: this number is not on WhatsApp; check it",
        "WhatsApp tidak memberi kode: nomor ini tidak terdaftar di WhatsApp; periksa nomornya",
    ),
    (
        "WhatsApp has restricted this account; open WhatsApp on the phone and follow what it says",
        "WhatsApp membatasi akun ini; buka WhatsApp di ponsel dan ikuti petunjuknya",
    ),
    (
        "WhatsApp does not link this number by a code; scan the QR code instead",
        "WhatsApp tidak menautkan nomor ini dengan kode; pindai kode QR",
    ),
    (
        "WhatsApp gave no code because of a fault of its own; try again in a few minutes",
        "WhatsApp tidak memberi kode karena gangguan di pihaknya; coba lagi beberapa menit lagi",
    ),
    (
        "WhatsApp ended the link at once; check on the phone that it has fewer than four linked devices, and try again",
        "WhatsApp langsung mengakhiri tautan; periksa di ponsel bahwa perangkat tertautnya kurang dari empat, lalu coba lagi",
    ),
    (
        "WhatsApp asked for the account's passkey, and it was not given in time; link again",
        "WhatsApp meminta passkey akun ini, tetapi tidak diberikan tepat waktu; tautkan lagi",
    ),
    ("WhatsApp asks for the passkey of the account", "WhatsApp meminta passkey akun ini"),
    ("the code that the phone shows is to be compared", "kode yang ditampilkan ponsel harus dibandingkan"),
    (
        "WhatsApp did not accept the passkey: it is of another account, its request has expired, or the phone's owner refused; link \
         again, and use the passkey of this account within ten minutes",
        "WhatsApp tidak menerima passkey-nya: milik akun lain, permintaannya kedaluwarsa, atau pemilik ponsel menolak; tautkan lagi \
         dan pakai passkey akun ini dalam sepuluh menit",
    ),
    (
        "the phone's owner refused to link this gateway, or began to link another device; link again if that was a mistake",
        "pemilik ponsel menolak menautkan gateway ini, atau mulai menautkan perangkat lain; tautkan lagi jika itu keliru",
    ),
    (
        "WhatsApp did not answer in the passkey step; link again",
        "WhatsApp tidak menjawab pada langkah passkey; tautkan lagi",
    ),
    (
        "WhatsApp has ended this attempt to link; link again",
        "WhatsApp sudah mengakhiri upaya penautan ini; tautkan lagi",
    ),
    (
        "WhatsApp's request for the passkey has expired; link again",
        "permintaan passkey dari WhatsApp sudah kedaluwarsa; tautkan lagi",
    ),
    (
        "WhatsApp cannot reach the phone; open WhatsApp on it, and link again",
        "WhatsApp tidak dapat menghubungi ponselnya; buka WhatsApp di ponsel itu, lalu tautkan lagi",
    ),
    (
        "WhatsApp refused a step behind the passkey; link again",
        "WhatsApp menolak satu langkah setelah passkey; tautkan lagi",
    ),
    (
        "the connection on which WhatsApp waited for the passkey ended: it was lost, or the phone's owner refused; link again",
        "koneksi tempat WhatsApp menunggu passkey berakhir: koneksinya terputus, atau pemilik ponsel menolak; tautkan lagi",
    ),
    (
        "WhatsApp ended the connection while the codes were compared: the phone's owner refused, or the connection was lost; ask whoever has \
         the phone, and link again",
        "WhatsApp mengakhiri koneksi saat kode dibandingkan: pemilik ponsel menolak, atau koneksinya terputus; tanyakan kepada pemegang \
         ponsel, lalu tautkan lagi",
    ),
    (
        "WhatsApp asked for the passkey again after it was given; link again",
        "WhatsApp meminta passkey sekali lagi padahal sudah diberikan; tautkan lagi",
    ),
    (
        "WhatsApp gave no code: it refused this gateway's device name, or too many codes were requested for this number; scan the QR code \
         instead, or try again in an hour",
        "WhatsApp tidak memberi kode: nama perangkat gateway ini ditolak, atau terlalu banyak kode diminta untuk nomor ini; pindai kode QR, \
         atau coba lagi satu jam lagi",
    ),
    (
        "WhatsApp took the passkey, but the phone did not go on in time; open WhatsApp on it, and link again",
        "WhatsApp menerima passkey-nya, tetapi ponsel tidak melanjutkan tepat waktu; buka WhatsApp di ponsel itu, lalu tautkan lagi",
    ),
    (
        "the code was not compared with the phone's in time, or the phone's owner refused; ask whoever has the phone, and link again",
        "kode tidak dibandingkan dengan kode di ponsel tepat waktu, atau pemilik ponsel menolak; tanyakan kepada pemegang ponsel, lalu \
         tautkan lagi",
    ),
    (
        "the phone did not confirm the code in time, or its owner refused; ask whoever has the phone, and link again",
        "ponsel tidak mengonfirmasi kode tepat waktu, atau pemiliknya menolak; tanyakan kepada pemegang ponsel, lalu tautkan lagi",
    ),
    (
        "WhatsApp refused the connection; try again in a few minutes",
        "WhatsApp menolak koneksi; coba lagi beberapa menit lagi",
    ),
    (
        "the connection failed in the passkey step: {fault}; link again",
        "sambungan terputus pada langkah passkey: \"{fault}\"; tautkan lagi",
    ),
    (
        "WhatsApp ended the passkey step: {fault}; link again",
        "WhatsApp mengakhiri langkah passkey: \"{fault}\"; tautkan lagi",
    ),
    (
        "WhatsApp did not let this gateway in after the phone had linked it: linking was not finished on the phone, or the gateway was \
         removed there at once; link again",
        "WhatsApp tidak menerima gateway ini setelah ponsel menautkannya: penautan belum selesai di ponsel, atau gateway langsung dihapus \
         di sana; tautkan lagi",
    ),
    (
        "WhatsApp did not let this gateway in within three minutes after the phone had linked it; link again",
        "WhatsApp tidak menerima gateway ini dalam tiga menit setelah ponsel menautkannya; tautkan lagi",
    ),
    (
        "the phone has linked the account; the gateway connects with it",
        "ponsel sudah menautkan akun; gateway sedang menyambungkannya",
    ),
    (
        "the phone has linked the account, and the gateway connects with it; GET …/link says when it is linked",
        "ponsel sudah menautkan akun, dan gateway sedang menyambungkannya; GET …/link menyebutkan kapan sudah tertaut",
    ),
    (
        "the gateway was restarted while WhatsApp waited for the passkey; link again",
        "gateway dimulai ulang saat WhatsApp menunggu passkey; tautkan lagi",
    ),
    (
        "the gateway was restarted after the passkey was given, before there was a code to compare; link again",
        "gateway dimulai ulang setelah passkey diberikan, sebelum ada kode untuk dibandingkan; tautkan lagi",
    ),
    (
        "the gateway was restarted before the code was confirmed here, so no account is linked; refuse the code on the phone if it still \
         shows it, and link again",
        "gateway dimulai ulang sebelum kode dikonfirmasi di sini, jadi tidak ada akun yang tertaut; tolak kode di ponsel bila masih tampil, \
         lalu tautkan lagi",
    ),
    (
        "the gateway was restarted after the code was confirmed here, before it knew the account as linked; if the phone lists it under \
         Linked devices now, remove it there, and link again",
        "gateway dimulai ulang setelah kode dikonfirmasi di sini, sebelum akun diketahui tertaut; bila ponsel sekarang mencantumkannya di \
         Perangkat tertaut, hapus di sana, lalu tautkan lagi",
    ),
    (
        "this linking page is over; ask whoever sent it for a new one",
        "halaman penautan ini sudah berakhir; minta yang baru kepada pengirimnya",
    ),
    (
        "WhatsApp does not wait for this at this moment; see how far the passkey step is now",
        "WhatsApp tidak menunggu ini sekarang; lihat sampai di mana langkah passkey-nya",
    ),
    ("WhatsApp asked for no passkey; begin to link an account", "WhatsApp tidak meminta passkey; mulai menautkan akun"),
    ("the passkey step has failed; begin to link again", "langkah passkey gagal; mulai menautkan lagi"),
    (
        "WhatsApp's request has expired; begin to link again",
        "permintaan WhatsApp sudah kedaluwarsa; mulai menautkan lagi",
    ),
    (
        "that is not the code that is shown now; compare again",
        "itu bukan kode yang ditampilkan sekarang; bandingkan lagi",
    ),
    (
        "this is not the whole result of the line (navigator.credentials.get()): {why}; paste all of what the line copied",
        "ini bukan hasil lengkap dari baris itu (navigator.credentials.get()): {why}; tempel seluruh hasil yang disalin baris itu",
    ),
    (
        "it was created on {origin}, and WhatsApp takes one from {whatsapp} only; run the line there",
        "dibuat di \"{origin}\", padahal WhatsApp hanya menerima dari {whatsapp}; jalankan barisnya di sana",
    ),
    ("it is too long", "terlalu panjang"),
    ("it is not JSON", "ini bukan JSON"),
    ("it is not a JSON object", "ini bukan objek JSON"),
    ("{name} is missing", "{name} tidak ada"),
    ("{name} is not a text", "{name} bukan teks"),
    ("WhatsApp's request cannot be read", "permintaan WhatsApp tidak terbaca"),
    ("{name} is not base64url", "{name} bukan base64url"),
    ("its id, rawId and type do not belong together", "id, rawId dan type-nya tidak cocok"),
    ("clientDataJSON cannot be read", "clientDataJSON tidak terbaca"),
    ("it is no assertion", "ini bukan bukti passkey"),
    ("{name} is too short", "{name} terlalu pendek"),
    ("{name} is too long", "{name} terlalu panjang"),
    ("it did not answer", "tidak ada jawaban"),
    (
        "it answers another request of WhatsApp; run the line that is shown now",
        "ini menjawab permintaan WhatsApp yang lain; jalankan baris yang ditampilkan sekarang",
    ),
    (
        "it was not made for '{id}', which WhatsApp asked for; run the line that is shown now, as it is",
        "ini bukan dibuat untuk '{id}' yang diminta WhatsApp; jalankan baris yang ditampilkan sekarang apa adanya",
    ),
    (
        "the passkey was used without the person's finger, face or PIN; try again and unlock it",
        "passkey dipakai tanpa sidik jari, wajah atau PIN; coba lagi dan buka kuncinya",
    ),
    (
        "it is of another passkey than those that WhatsApp asked for; use the one of this account",
        "ini passkey lain dari yang diminta WhatsApp; pakai milik akun ini",
    ),
    (
        "this is not a pairing link of this gateway; copy the whole link from the linking page",
        "ini bukan tautan passkey dari gateway ini; salin seluruh tautan dari halaman penautan",
    ),
    (
        "this pairing link has expired; begin to link again, and use the new one",
        "tautan passkey ini kedaluwarsa; mulai menautkan lagi, lalu pakai tautan yang baru",
    ),
    (
        "this pairing link is of an attempt that is over; use the one that the linking page shows now",
        "tautan passkey ini dari percobaan yang sudah berakhir; pakai tautan yang sekarang ada di halaman penautan",
    ),
    (
        "this pairing link has been used; a link takes one assertion",
        "tautan passkey ini sudah dipakai; satu tautan hanya untuk satu kali",
    ),
    (
        "this phone's number is not this device's; use the right phone, or ask whoever sent you the link",
        "nomor ponsel ini bukan nomor perangkat ini; pakai ponsel yang benar, atau tanyakan kepada pengirim tautannya",
    ),
    ("the device has changed at this moment; try again", "perangkat ini baru saja berubah; coba lagi"),
    (
        "the gateway cannot reach WhatsApp at this moment; try again in a few minutes, and tell whoever sent you the link if that does not help",
        "gateway sedang tidak dapat menjangkau WhatsApp; coba lagi beberapa menit lagi, dan beri tahu pengirim tautannya bila tetap tidak bisa",
    ),
    (
        "this phone's account is linked to another device of the gateway already; tell whoever sent you the link",
        "akun ponsel ini sudah tertaut ke perangkat lain di gateway ini; beri tahu pengirim tautannya",
    ),
    (
        "this device has an account already, so there is nothing to do; if that surprises you, tell whoever sent you the link",
        "perangkat ini sudah punya akun, jadi tidak ada yang perlu dilakukan; bila itu mengejutkan Anda, beri tahu pengirim tautannya",
    ),
    (
        "the gateway is too old for WhatsApp; tell whoever sent you the link, and try again when it has been updated",
        "gateway terlalu lama untuk WhatsApp; beri tahu pengirim tautannya, dan coba lagi setelah diperbarui",
    ),
    (
        "WhatsApp did not take the code that was typed: it was too old, or another one has taken its place; request a new code, and type it \
         within three minutes",
        "WhatsApp tidak menerima kode yang diketik: sudah terlalu lama, atau sudah ada kode lain; minta kode baru, lalu ketik dalam tiga menit",
    ),
    ("linking was cancelled", "penautan dibatalkan"),
    (
        "the codes differ, so linking was cancelled: somebody else may have tried to link this account; on the phone open Linked devices, \
         remove every device that nobody knows, and link again",
        "kodenya berbeda, jadi penautan dibatalkan: mungkin ada orang lain yang mencoba menautkan akun ini; di ponsel buka Perangkat tertaut, \
         hapus setiap perangkat yang tidak dikenal, lalu tautkan lagi",
    ),
    (
        "another program took over the connection on which the account was being linked; stop it, and link again",
        "program lain mengambil alih sambungan yang dipakai untuk menautkan akun; hentikan program itu, lalu tautkan lagi",
    ),
    ("no account is being linked to this device", "tidak ada akun yang sedang ditautkan ke perangkat ini"),
    ("this attempt to link is over", "upaya penautan ini sudah berakhir"),
    ("WhatsApp gave no code in time; try again", "WhatsApp tidak memberi kode tepat waktu; coba lagi"),
    (
        "this server cannot reach {address} ({why}); check its network, its name server and its firewall, then try again",
        "server ini tidak dapat menjangkau {address} ({why}); periksa jaringan, server nama dan firewall-nya, lalu coba lagi",
    ),
    ("no answer", "tidak ada jawaban"),
    ("WhatsApp gave no code: {fault}", "WhatsApp tidak memberi kode: \"{fault}\""),
    ("WhatsApp did not link the account: {fault}", "WhatsApp tidak menautkan akunnya: \"{fault}\""),
    ("nobody scanned the code in time", "tidak ada yang memindai kode tepat waktu"),
    ("nobody linked an account in time", "tidak ada yang menautkan akun tepat waktu"),
    ("the link was ended", "tautannya diakhiri"),
    (
        "; WhatsApp did not confirm that the link ended: look under Linked devices on the phone, and remove this gateway there if it is listed",
        "; WhatsApp tidak mengonfirmasi bahwa tautannya berakhir: lihat Perangkat tertaut di ponsel, dan hapus gateway ini di sana bila masih \
         tercantum",
    ),
    (
        "{ended}; WhatsApp did not confirm that the link ended: look under Linked devices on the phone, and remove this gateway there if it \
         is listed",
        "{ended}; WhatsApp tidak mengonfirmasi bahwa tautannya berakhir: lihat Perangkat tertaut di ponsel, dan hapus gateway ini di sana \
         bila masih tercantum",
    ),
    (
        "WhatsApp did not confirm that the former link ended: look under Linked devices on its phone, and remove this gateway there if it is \
         listed",
        "WhatsApp tidak mengonfirmasi bahwa tautan sebelumnya berakhir: lihat Perangkat tertaut di ponselnya, dan hapus gateway ini di sana \
         bila masih tercantum",
    ),
    (
        "the number of the phone that was used belongs to another device of this gateway already; remove that device first, or link another phone",
        "nomor ponsel yang dipakai sudah menjadi milik perangkat lain di gateway ini; hapus dulu perangkat itu, atau tautkan ponsel lain",
    ),
    (
        "the number of the phone that was used belongs to another device of this gateway already; remove that device first ({id} '{name}'), or link \
         another phone",
        "nomor ponsel yang dipakai sudah menjadi milik perangkat lain di gateway ini; hapus dulu perangkat itu ({id} '{name}'), atau \
         tautkan ponsel lain",
    ),
    (
        "the keys of the former link could not be removed; try again",
        "kunci tautan sebelumnya tidak dapat dihapus; coba lagi",
    ),
    ("no code can be had: {why}", "kode tidak dapat diperoleh: {why}"),
    (
        "WhatsApp waits for the account's passkey; GET …/passkey says how far that is",
        "WhatsApp menunggu passkey akun; GET …/passkey menunjukkan sejauh mana",
    ),
    ("there is no QR code at this moment; ask again in a second", "belum ada kode QR saat ini; coba lagi sedetik lagi"),
    (
        "an account is being linked by a code that is typed; GET …/link shows it, POST …/link begins with a QR code",
        "akun sedang ditautkan dengan kode yang diketik; untuk memakai kode QR, mulai lagi penautannya",
    ),
    ("the account is linked; there is no QR code any more", "akun sudah tertaut; kode QR tidak ada lagi"),
    (
        "linking has ended; POST …/link begins again, GET …/link says why",
        "penautan sudah berakhir; mulai lagi dari awal",
    ),
    (
        "nobody links an account to this device; POST …/link begins",
        "tidak ada penautan yang berjalan; mulai dulu penautannya",
    ),
];
