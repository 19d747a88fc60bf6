//! What becomes of pushes, and how an address that a customer chose answers.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
    ("paused by a person", "dijeda oleh seseorang"),
    ("the Push URL answered 410 Gone", "Push URL menjawab 410 Gone"),
    ("the Push URL failed for 72 hours", "Push URL gagal selama 72 jam"),
    (
        "the Push URL answered {status}; only a status from 200 to 299 counts as received",
        "Push URL menjawab {status}; hanya status 200 sampai 299 yang berarti diterima",
    ),
    ("the Push URL {what}", "Push URL {what}"),
    ("there is no Push URL yet; set one first", "belum ada Push URL; atur dulu"),
    (
        "too many samples are under way at this moment; try again in a few seconds",
        "terlalu banyak contoh sedang dikirim; coba lagi beberapa detik lagi",
    ),
    (
        "give an id, or the moment from which on messages are pushed again",
        "berikan ID, atau waktu mulai pesan di-push ulang",
    ),
    // Of an address: after its name.
    (
        "could not be reached; it must have a public address, and answer",
        "tidak dapat dihubungi; harus punya alamat publik, dan menjawab",
    ),
    ("has a certificate that is for another name", "memakai sertifikat untuk nama lain"),
    (
        "has a certificate that has expired, or is not valid yet",
        "memakai sertifikat yang sudah kedaluwarsa, atau belum berlaku",
    ),
    (
        "has a certificate that is self-signed or of a private authority; the gateway's operator can trust it (--trusted-ca)",
        "memakai sertifikat yang ditandatangani sendiri atau dari otoritas privat; operator gateway dapat memercayainya (--trusted-ca)",
    ),
    ("did not answer in time", "tidak menjawab tepat waktu"),
    ("broke off before its end", "terputus sebelum selesai"),
    ("sends too slowly", "mengirim terlalu lambat"),
    ("is larger than {size} MB", "lebih besar dari {size} MB"),
    ("is longer than {most} characters", "lebih panjang dari {most} karakter"),
    ("is no valid URL", "bukan URL yang valid"),
    ("is no http or https address", "bukan alamat http atau https"),
    ("has no host", "tidak punya nama host"),
    (
        "leads to a private address, which this gateway is not allowed to reach",
        "mengarah ke alamat privat, yang tidak boleh dihubungi gateway ini",
    ),
];
