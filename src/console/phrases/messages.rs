//! Why a message was not taken, waits, or will not be sent; and the files and rows that messages are made of.

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
    // Where it is to go.
    (
        "the number is empty; give a phone number in international form, such as 6281234567890",
        "nomornya kosong; tulis nomor telepon dalam bentuk internasional, misalnya 6281234567890",
    ),
    (
        "a phone number has digits only, and + - . ( ) or spaces between them; give it in international form, such as \
         6281234567890",
        "nomor telepon hanya berisi angka, dengan + - . ( ) atau spasi di antaranya; tulis dalam bentuk internasional, \
         misalnya 6281234567890",
    ),
    (
        "no numbering plan allows the phone number {number}; give it in international form with its country code, such as \
         6281234567890",
        "nomor telepon {number} tidak valid; tulis dalam bentuk internasional dengan kode negaranya, misalnya \
         6281234567890",
    ),
    (
        "these are several numbers; give one, a message goes to one recipient",
        "ini beberapa nomor; tulis satu saja, satu pesan hanya untuk satu penerima",
    ),
    (
        "an extension cannot be dialled on WhatsApp; give the number without it",
        "nomor ekstensi tidak dapat dipakai di WhatsApp; tulis nomornya tanpa ekstensi",
    ),
    (
        "a phone number has at most 15 digits; the id of a group ends in @g.us",
        "nomor telepon paling banyak 15 angka; ID grup berakhiran @g.us",
    ),
    (
        "{number} has lost digits: it is a number rounded by a spreadsheet or a program; format the column as text and give \
         every digit",
        "{number} kehilangan angka: nomor ini dibulatkan oleh spreadsheet atau program; jadikan kolomnya teks dan tulis semua \
         angkanya",
    ),
    (
        "{number} has a fraction, so it may not be the number that was meant; give the digits of the phone number as a text",
        "{number} memiliki angka pecahan, jadi mungkin bukan nomor yang dimaksud; tulis nomor teleponnya sebagai teks",
    ),
    (
        "{number} can be read as +{first} or as +{second}; write the one that you mean with its + and country code",
        "{number} dapat dibaca sebagai +{first} atau +{second}; tulis yang Anda maksud dengan + dan kode negaranya",
    ),
    (
        "{number} has no country code; if you mean +{candidate}, write it so",
        "{number} tidak memiliki kode negara; jika maksud Anda +{candidate}, tulis seperti itu",
    ),
    (
        "{number} is not in the form in which it is dialled from abroad; if you mean +{candidate}, write it so",
        "{number} tidak ditulis dalam bentuk internasional; jika maksud Anda +{candidate}, tulis seperti itu",
    ),
    (
        "a group id is digits, or digits-digits, with or without @g.us",
        "ID grup berupa angka, atau angka-angka, dengan atau tanpa @g.us",
    ),
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
        "this is not base64; encode the whole file, with or without a data:…;base64, prefix",
        "ini bukan base64; enkode seluruh berkas, dengan atau tanpa awalan data:…;base64,",
    ),
    ("{kind} files may have {bytes} bytes at the most", "berkas {kind} paling besar {bytes} byte"),
    ("image", "gambar"),
    ("video", "video"),
    ("audio", "suara"),
    ("document", "dokumen"),
    ("sticker", "stiker"),
    // Why it was aborted, or did not go yet.
    ("cancelled", "dibatalkan"),
    ("its gateway was removed", "perangkatnya dihapus"),
    ("its timeout passed before it could be sent", "batas waktunya lewat sebelum dapat dikirim"),
    (
        "its timeout passed without an acknowledgement; it may have been delivered",
        "batas waktunya lewat tanpa konfirmasi; mungkin saja sudah sampai",
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
    ("its file is not kept any more; send it anew", "berkasnya tidak disimpan lagi; kirim dari awal"),
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
    ("media_url answered {status}", "media_url menjawab {status}"),
    ("media_url answered an empty file", "media_url menjawab dengan berkas kosong"),
    (
        "media_url answered a redirect ({status}); give the final address",
        "media_url menjawab dengan pengalihan ({status}); berikan alamat akhirnya",
    ),
    ("media_url is too large: {why}", "berkas di media_url terlalu besar: {why}"),
    // A file that came in.
    ("[its file is not there: {why}]", "[berkasnya tidak ada: {why}]"),
    ("it cannot be told any more how the file is had", "cara memperoleh berkasnya tidak diketahui lagi"),
    ("it has more than {size} MB", "ukurannya lebih dari {size} MB"),
    ("WhatsApp did not give the file: {fault}", "WhatsApp tidak memberikan berkasnya: \"{fault}\""),
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
    // Rows of a file that is imported.
    ("its first line cannot be read: {fault}", "baris pertamanya tidak dapat dibaca: \"{fault}\""),
    (
        "its first line names no column 'destination'; the columns are {columns}",
        "baris pertamanya tidak menamai kolom 'destination'; kolomnya adalah {columns}",
    ),
    (
        "it has {found} fields, the first line names {named}; put quotes around a text that holds commas",
        "baris ini punya {found} kolom, baris pertama menamai {named}; apit dengan tanda kutip teks yang memuat koma",
    ),
    ("is_group: '{text}' is neither true nor false", "is_group: '{text}' bukan true dan bukan false"),
    (
        "timeout: '{text}' is no number of seconds from 1 to {most}",
        "timeout: '{text}' bukan jumlah detik dari 1 sampai {most}",
    ),
    ("message: it is empty", "message: kosong"),
    ("it has more than {most} rows; split it", "isinya lebih dari {most} baris; bagi menjadi beberapa berkas"),
    (
        "{most} imports of this client are under way; try again when one has ended",
        "{most} impor klien ini sedang berjalan; coba lagi setelah salah satunya selesai",
    ),
    ("it is under way; stop it first", "impor ini sedang berjalan; hentikan dahulu"),
    ("somebody stopped it", "seseorang menghentikannya"),
    (
        "the person who began it may not send any more; somebody who may can begin it again",
        "orang yang memulainya tidak boleh mengirim lagi; orang lain yang boleh dapat melanjutkannya",
    ),
    ("the client is disabled; ask the gateway's operator", "klien ini dinonaktifkan; hubungi pengelola gateway"),
    (
        "its device was removed; import the file through another",
        "perangkatnya sudah dihapus; impor berkasnya lewat perangkat lain",
    ),
    ("its file cannot be read any more; import it again", "berkasnya tidak terbaca lagi; impor sekali lagi"),
    (
        "a fault of the gateway, whose log says more; it can be begun again",
        "kesalahan gateway, log-nya menjelaskan lebih banyak; impor ini dapat dilanjutkan",
    ),
    ("it makes no request", "tidak dapat dijadikan permintaan"),
];
