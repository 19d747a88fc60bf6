//! What the gateway writes in place of a message that came in without a text.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
    ("[a comment that cannot be read]", "[komentar yang tidak dapat dibaca]"),
    ("[an edit that cannot be read]", "[perubahan yang tidak dapat dibaca]"),
    ("[a vote that cannot be read]", "[suara yang tidak dapat dibaca]"),
    ("[vote withdrawn]", "[suara ditarik kembali]"),
    ("[an option that cannot be read]", "[pilihan yang tidak dapat dibaca]"),
    ("[a response that cannot be read]", "[tanggapan yang tidak dapat dibaca]"),
    ("[sticker pack]", "[paket stiker]"),
    ("[group invitation]", "[undangan grup]"),
    ("[channel invitation]", "[undangan saluran]"),
    ("[asks for your phone number]", "[meminta nomor telepon Anda]"),
    ("[payment request]", "[permintaan pembayaran]"),
    ("[payment request declined]", "[permintaan pembayaran ditolak]"),
    ("[payment request cancelled]", "[permintaan pembayaran dibatalkan]"),
    ("[invitation to payments]", "[undangan untuk memakai pembayaran]"),
    ("[payment reminder]", "[pengingat pembayaran]"),
    ("[payment to be shared]", "[pembayaran patungan]"),
    ("[a view-once message; it can be opened on the phone only]", "[pesan sekali lihat; hanya dapat dibuka di ponsel]"),
    (
        "[a message that cannot be read; ask for it again]",
        "[pesan yang tidak dapat dibaca; minta pengirimnya mengirim lagi]",
    ),
];
