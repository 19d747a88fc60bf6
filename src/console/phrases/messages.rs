//! Why a message was not taken, waits, or will not be sent.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
    (
        "it was accepted by a sandbox, whose id now belongs to a real account",
        "pesan ini diterima oleh sandbox, yang ID-nya kini milik akun sungguhan",
    ),
    ("its gateway became a sandbox before it was sent", "perangkatnya menjadi sandbox sebelum pesan ini terkirim"),
    (
        "who has the group's key could not be stored: {error}",
        "siapa yang memegang kunci grup tidak dapat disimpan: \"{error}\"",
    ),
    ("a fault of the gateway", "kesalahan gateway"),
    (
        "sender and queue name two different gateways; give one of them, or both of the same",
        "sender dan queue menunjuk dua perangkat yang berbeda; berikan salah satu saja, atau keduanya dari perangkat yang sama",
    ),
    // What it holds.
    ("a text has at most {most} characters", "teks paling banyak {most} karakter"),
    ("give media_url or media_base64, not both", "berikan media_url atau media_base64, jangan keduanya"),
    (
        "give media_url or media_base64: one of them is required",
        "berikan media_url atau media_base64: salah satunya wajib",
    ),
    (
        "the password in media_url does not open any more; send the message again",
        "kata sandi di media_url tidak dapat dibuka lagi; kirim ulang pesannya",
    ),
    (
        "the password in its media_url does not open any more; send it as a new message",
        "kata sandi di media_url-nya tidak dapat dibuka lagi; kirim sebagai pesan baru",
    ),
    (
        "this is not base64; encode the whole file, with or without a data:…;base64, prefix",
        "ini bukan base64; enkode seluruh berkas, dengan atau tanpa awalan data:…;base64,",
    ),
    ("{kind} files may have {bytes} bytes at the most", "berkas {kind} paling besar {bytes} byte"),
    ("image", "gambar"),
    ("video", "video"),
    ("audio", "suara"),
    ("document", "dokumen"),
    ("sticker", "stiker"),
    ("voice", "pesan suara"),
    ("video_note", "pesan video"),
    (
        "kind {kind} shows no caption; send the text as a message of its own, or use kind document",
        "jenis {kind} tidak menampilkan keterangan; kirim teksnya sebagai pesan tersendiri, atau pakai jenis document",
    ),
    (
        "kind {kind} needs {needs}, and the file is something else; use another kind, or leave kind out",
        "jenis {kind} memerlukan {needs}, sedangkan berkasnya lain; pakai jenis lain, atau kosongkan jenisnya",
    ),
    ("a JPEG, PNG or WebP", "JPEG, PNG, atau WebP"),
    ("an MP4 or 3GP", "MP4 atau 3GP"),
    ("an MP4", "MP4"),
    ("an MP3, M4A, AAC, AMR or Ogg", "MP3, M4A, AAC, AMR, atau Ogg"),
    ("a WebP", "WebP"),
    ("a picture that can be read", "gambar yang dapat dibaca"),
    ("a file that can be played", "berkas yang dapat diputar"),
    (
        "kind {kind} needs {needs}, and the file is broken or not complete; send the whole file, or use kind document to send it as it is",
        "jenis {kind} memerlukan {needs}, sedangkan berkasnya rusak atau tidak lengkap; kirim berkas yang utuh, atau pakai jenis document untuk \
         mengirimnya apa adanya",
    ),
    (
        "this names no file; a file in media_base64 needs a name, such as photo.jpg",
        "ini bukan nama berkas; berkas di media_base64 memerlukan nama, misalnya photo.jpg",
    ),
    (
        "kind voice needs Opus in Ogg (audio/ogg; codecs=opus), as phones record it, and the file is something else; \
         convert it, or use kind audio",
        "jenis voice memerlukan Opus dalam Ogg (audio/ogg; codecs=opus), seperti rekaman ponsel, sedangkan berkasnya lain; \
         konversikan, atau pakai jenis audio",
    ),
    (
        "kind sticker needs a WebP of at most 512 x 512 pixels and 100 KB (500 KB where it moves); make it smaller, or use kind image",
        "jenis sticker memerlukan WebP paling besar 512 x 512 piksel dan 100 KB (500 KB bila bergerak); perkecil, atau pakai jenis image",
    ),
    (
        "media_url answered a web page instead of a file, such as one that asks to sign in or says that the link has expired; \
         give an address that anybody can load the file from, or a file_name that ends in .html if the page is the file",
        "media_url menjawab halaman web, bukan berkas, misalnya halaman masuk atau tautan kedaluwarsa; berikan alamat yang \
         berkasnya dapat diunduh siapa saja, atau file_name berakhiran .html bila halaman itu memang berkasnya",
    ),
    (
        "media_url answered a body in the content encoding '{coding}', which was not asked for; have the server send the file as it is",
        "media_url menjawab isi dengan pengodean '{coding}' yang tidak diminta; atur server agar mengirim berkasnya apa adanya",
    ),
    (
        "media_url answered {found} where {wanted} was expected, such as an error message; give the address of the file itself",
        "media_url menjawab {found}, padahal yang diharapkan {wanted}, misalnya pesan kesalahan; berikan alamat berkasnya sendiri",
    ),
    ("kind {kind}", "jenis {kind}"),
    ("the file {name}", "berkas {name}"),
    // Why it was aborted, or did not go yet.
    ("cancelled", "dibatalkan"),
    ("its gateway was removed", "perangkatnya dihapus"),
    ("its timeout passed before it could be sent", "batas waktunya lewat sebelum dapat dikirim"),
    ("its timeout passed before its file was downloaded", "batas waktunya lewat sebelum berkasnya terunduh"),
    (
        "its timeout passed while it waited, so it has to be sent again: {why}",
        "batas waktunya lewat saat menunggu, jadi harus dikirim ulang: {why}",
    ),
    ("its timeout passed; the last attempt failed: {why}", "batas waktunya lewat; percobaan terakhir gagal: {why}"),
    (
        "its timeout passed without an acknowledgement; it may have been delivered",
        "batas waktunya lewat tanpa konfirmasi; mungkin saja sudah sampai",
    ),
    // What it waits for.
    ("scheduled for later", "dijadwalkan untuk nanti"),
    (
        "its device was removed; send it again through another",
        "perangkatnya sudah dihapus; kirim ulang lewat perangkat lain",
    ),
    (
        "its device is being linked; scan or type the code with the phone",
        "perangkatnya sedang ditautkan; pindai atau ketik kodenya di ponsel",
    ),
    (
        "its device is of a kind that cannot send yet; send it through another",
        "jenis perangkatnya belum dapat mengirim; kirim lewat perangkat lain",
    ),
    ("its device has no WhatsApp account; link one", "perangkatnya belum tertaut ke akun WhatsApp; tautkan dulu"),
    (
        "its device was paused by 'the command line'; resume it to send",
        "perangkatnya dijeda lewat baris perintah; lanjutkan agar pesan terkirim",
    ),
    (
        "its device was paused by '{who}'; resume it to send",
        "perangkatnya dijeda oleh '{who}'; lanjutkan agar pesan terkirim",
    ),
    ("its device is paused; resume it to send", "perangkatnya dijeda; lanjutkan agar pesan terkirim"),
    (
        "WhatsApp has banned its number; open WhatsApp on the phone and follow the instructions",
        "WhatsApp memblokir nomornya; buka WhatsApp di ponsel dan ikuti petunjuknya",
    ),
    (
        "its device was unlinked from the phone; check who did it, then link it again",
        "perangkatnya diputus dari ponsel; cek siapa yang melakukannya, lalu tautkan lagi",
    ),
    (
        "another program took over the connection; stop that program, then pause and resume the device",
        "program lain mengambil alih sambungannya; hentikan program itu, lalu jeda dan lanjutkan perangkatnya",
    ),
    (
        "this version is too old for WhatsApp; update wachat. It is tried again every hour",
        "versi ini terlalu lama untuk WhatsApp; perbarui wachat. Sambungan dicoba lagi setiap jam",
    ),
    (
        "if this lasts, check the server's network and the phone",
        "bila berlangsung lama, periksa jaringan server dan ponselnya",
    ),
    (
        "its device lost the connection and reconnects; {advice}",
        "sambungan perangkatnya terputus dan sedang dipulihkan; {advice}",
    ),
    (
        "no node of the gateway runs its device at the moment; if this lasts, check that the server runs",
        "saat ini tidak ada node gateway yang menjalankan perangkatnya; bila berlangsung lama, periksa apakah server berjalan",
    ),
    (
        "no node of the gateway ran its device; check that the server runs",
        "tidak ada node gateway yang menjalankan perangkatnya; periksa apakah server berjalan",
    ),
    (
        "its device is starting; if this lasts, check that the server runs",
        "perangkatnya sedang dimulai; bila berlangsung lama, periksa apakah server berjalan",
    ),
    (
        "WhatsApp waits for the passkey of the account that is being linked; the linking page says what to do",
        "WhatsApp menunggu passkey akun yang sedang ditautkan; halaman penautan menjelaskan langkahnya",
    ),
    ("its device is connecting; {advice}", "perangkatnya sedang menyambung; {advice}"),
    (
        "its file is not downloaded yet: {why}; the download is tried again",
        "berkasnya belum terunduh: {why}; unduhan akan dicoba lagi",
    ),
    (
        "its file is not downloaded yet: {why}; other downloads come first, then it is tried again",
        "berkasnya belum terunduh: {why}; unduhan lain didahulukan, lalu akan dicoba lagi",
    ),
    ("rate-limited by WhatsApp; it is tried again", "dibatasi oleh WhatsApp; akan dicoba lagi"),
    ("the last attempt failed: {why}; it is tried again", "percobaan terakhir gagal: {why}; akan dicoba lagi"),
    ("the attempt failed", "percobaannya gagal"),
    (
        "an earlier message to the same recipient is tried again first",
        "pesan sebelumnya ke penerima yang sama dicoba lagi lebih dulu",
    ),
    (
        "an earlier message to the same recipient awaits its acknowledgement",
        "pesan sebelumnya ke penerima yang sama menunggu konfirmasi dari WhatsApp",
    ),
    (
        "the file of an earlier message to the same recipient is being downloaded",
        "berkas pesan sebelumnya ke penerima yang sama sedang diunduh",
    ),
    ("{reason}; once it is connected, this holds: {why}", "{reason}; setelah tersambung, masih berlaku: {why}"),
    ("its file is being downloaded", "berkasnya sedang diunduh"),
    ("sent to WhatsApp; its acknowledgement is awaited", "sudah dikirim ke WhatsApp; konfirmasinya ditunggu"),
    ("{reason}; the device waits between messages", "{reason}; perangkat menjeda antarpesan"),
    ("{reason}; the message expires before then", "{reason}; pesan ini kedaluwarsa sebelum itu"),
    ("being sent", "sedang dikirim"),
    ("next to be sent", "berikutnya dikirim"),
    (
        "{reason}; the account is new, and its turn comes on a later day",
        "{reason}; akunnya baru, dan gilirannya baru tiba pada hari lain",
    ),
    ("waiting for its turn; 1 message is ahead of it", "menunggu giliran; ada 1 pesan di depannya"),
    ("waiting for its turn; {ahead} messages are ahead of it", "menunggu giliran; ada {ahead} pesan di depannya"),
    (
        "waiting for its turn; {ahead} messages or more are ahead of it",
        "menunggu giliran; ada {ahead} pesan atau lebih di depannya",
    ),
    ("{number} is not on WhatsApp", "{number} tidak terdaftar di WhatsApp"),
    ("the gateway is not connected", "perangkat tidak tersambung"),
    (
        "WhatsApp takes no first messages to strangers from this number at present",
        "WhatsApp sedang tidak menerima pesan pertama ke orang asing dari nomor ini",
    ),
    ("the sandbox refuses the first two attempts to this number", "sandbox menolak dua percobaan pertama ke nomor ini"),
    ("the gateway's account is not in that group", "akun perangkat ini tidak ada di grup itu"),
    ("WhatsApp refused it with {code}", "WhatsApp menolaknya dengan kode {code}"),
    ("WhatsApp did not answer: {fault}", "WhatsApp tidak menjawab: \"{fault}\""),
    ("WhatsApp took longer than {seconds} s", "WhatsApp memerlukan lebih dari {seconds} detik"),
    ("WhatsApp did not say who is in the group", "WhatsApp tidak menyebut siapa saja anggota grup"),
    ("who it goes to could not be stored: {fault}", "penerimanya tidak dapat disimpan: {fault}"),
    ("sessions could not be stored", "sesi tidak dapat disimpan"),
    ("sessions were not stored in time", "sesi tidak disimpan tepat waktu"),
    ("the number was not checked: {fault}", "nomornya tidak dapat diperiksa: \"{fault}\""),
    ("it could not be sent: {fault}", "tidak dapat dikirim: \"{fault}\""),
    ("the file could not be given to WhatsApp: {fault}", "berkasnya tidak dapat diserahkan ke WhatsApp: \"{fault}\""),
    // What cannot be done to it.
    (
        "message {ref_no} has left, has ended, or is leaving at this moment",
        "pesan {ref_no} sudah keluar, sudah berakhir, atau sedang keluar saat ini",
    ),
    (
        "the device that it went through was removed; send it as a new message through another",
        "perangkat yang mengirimnya sudah dihapus; kirim sebagai pesan baru lewat perangkat lain",
    ),
    ("its file is not kept any more; send it as a new message", "berkasnya tidak disimpan lagi; kirim dari awal"),
    // Its file.
    ("its file is no longer there", "berkasnya tidak ada lagi"),
    ("the file is no longer there", "berkasnya tidak ada lagi"),
    ("the file is shorter than it was", "berkasnya lebih pendek daripada sebelumnya"),
    (
        "the file has {bytes} bytes; ask for a range that begins within them",
        "berkasnya {bytes} byte; minta bagian yang dimulai di dalamnya",
    ),
    ("there is no such file on the shelf", "berkas itu tidak ada di penyimpanan"),
    ("the media store cannot take this now: {fault}", "penyimpanan media sedang tidak tersedia: \"{fault}\""),
    ("media_url {what}", "media_url {what}"),
    (
        "has *** in place of its password; give the password itself",
        "berisi *** sebagai ganti kata sandinya; isi kata sandi yang sebenarnya",
    ),
    ("has a space in it; write %20 in its place", "berisi spasi; tulis %20 sebagai gantinya"),
    ("its file could not be downloaded in time: {why}", "berkasnya tidak dapat diunduh tepat waktu: {why}"),
    ("the server of media_url asked to wait", "server media_url meminta menunggu"),
    (
        "the server of media_url is left alone for a moment because it failed",
        "server media_url dibiarkan sejenak karena gagal menjawab",
    ),
    ("other downloads come first", "unduhan lain didahulukan"),
    ("its download broke off", "unduhannya terputus"),
    ("media_url answered {status}", "media_url menjawab {status}"),
    ("media_url answered an empty file", "media_url menjawab dengan berkas kosong"),
    (
        "media_url answered a redirect ({status}); give the final address",
        "media_url menjawab dengan pengalihan ({status}); berikan alamat akhirnya",
    ),
    ("media_url is too large: {why}", "berkas di media_url terlalu besar: {why}"),
    // A file that came in.
    ("[its file is not there: {why}]", "[berkasnya tidak ada: {why}]"),
    (
        "what WhatsApp said of the file cannot be read any more, so it cannot be downloaded",
        "keterangan WhatsApp tentang berkasnya tidak bisa dibaca lagi, jadi berkasnya tidak bisa diunduh",
    ),
    ("it has more than {size} MB", "ukurannya lebih dari {size} MB"),
    ("WhatsApp did not give the file: {fault}", "WhatsApp tidak memberikan berkasnya: \"{fault}\""),
    (
        "WhatsApp no longer has the file, and neither does the phone; ask the sender to send it again",
        "WhatsApp dan ponselnya tidak lagi menyimpan berkas ini; minta pengirim mengirimnya lagi",
    ),
    (
        "WhatsApp no longer has the file, and the phone could not upload it again",
        "WhatsApp tidak lagi menyimpan berkas ini, dan ponsel tidak dapat mengunggahnya lagi",
    ),
    (
        "WhatsApp no longer has the file, and the phone does not upload it: {fault}",
        "WhatsApp tidak lagi menyimpan berkas ini, dan ponsel tidak mengunggahnya: \"{fault}\"",
    ),
    ("WhatsApp gave the file too slowly", "WhatsApp memberikan berkasnya terlalu lambat"),
    ("this channel has no files", "saluran ini tidak punya berkas"),
    ("[a message of a kind this gateway does not know]", "[pesan dengan jenis yang tidak dikenal gateway ini]"),
    // The last line of a file that is exported.
    (
        "only the newest {most} messages are here; narrow the filter to have the others",
        "hanya {most} pesan terbaru ada di sini; persempit saringan untuk mendapat yang lain",
    ),
    (
        "the gateway stops; not every message is here, export them again",
        "gateway dihentikan; tidak semua pesan ada di sini, ekspor lagi",
    ),
    ("not every message is here: {why}", "tidak semua pesan ada di sini: {why}"),
];
