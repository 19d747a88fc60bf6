//! Why a text says to nobody whom a message goes to.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
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
        "it has the letter {letter} where the digit {digit} may be meant; write every digit as a digit",
        "ada huruf {letter} di tempat yang mungkin seharusnya angka {digit}; tulis semua digit sebagai angka",
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
        "{text} stands behind the number and may be no part of it; give the number alone, or write its digits together",
        "{text} berada di belakang nomor dan mungkin bukan bagiannya; tulis nomornya saja, atau gabungkan angkanya",
    ),
    ("these are several numbers; give one", "ini beberapa nomor; tulis satu saja"),
    ("a phone number has at most 15 digits", "nomor telepon paling banyak 15 angka"),
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
        "{number} may be the id of a group that a spreadsheet rounded: it keeps 15 digits and writes zeros for the others; format the column as \
         text and give every digit, or write @g.us behind an id that does end in zeros",
        "{number} mungkin ID grup yang dibulatkan spreadsheet: spreadsheet menyimpan 15 angka dan mengganti sisanya dengan nol; jadikan kolomnya \
         teks dan tulis semua angkanya, atau tambahkan @g.us di belakang ID yang memang berakhiran nol",
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
        "{date} is a date; give a phone number in international form, such as 6281234567890",
        "{date} adalah tanggal; tulis nomor telepon dalam bentuk internasional, misalnya 6281234567890",
    ),
    (
        "digits of {number} are hidden or left out; give every digit of the number",
        "sebagian angka {number} disembunyikan atau tidak ditulis; tulis semua angka nomornya",
    ),
    (
        "a + stands only once, in front of the country code; write the number so, as in +6281234567890",
        "tanda + hanya satu kali, di depan kode negara; tulis nomornya seperti +6281234567890",
    ),
    ("{text} stands before the number; give the number alone", "{text} berada di depan nomor; tulis nomornya saja"),
    (
        "this is an e-mail address; give a phone number in international form, such as 6281234567890",
        "ini alamat email; tulis nomor telepon dalam bentuk internasional, misalnya 6281234567890",
    ),
    (
        "{chat} is a channel, a status or a broadcast list, to which this gateway does not send; give a phone number, or the id of a group",
        "{chat} adalah saluran, status, atau daftar siaran, yang tidak dapat dikirimi oleh gateway ini; tulis nomor telepon, atau ID grup",
    ),
    (
        "{text} is no phone number; give one in international form, such as 6281234567890",
        "{text} bukan nomor telepon; tulis nomor dalam bentuk internasional, misalnya 6281234567890",
    ),
    (
        "a group id has 18 digits, or is a phone number, a dash and 10 digits, as in 120363025246125486 and 6281234567890-1600000000; \
         @g.us may stand behind it",
        "ID grup terdiri dari 18 angka, atau nomor telepon, tanda hubung, dan 10 angka, misalnya 120363025246125486 dan 6281234567890-1600000000; \
         boleh diikuti @g.us",
    ),
    (
        "{number} is no group id, but has as many digits as a phone number; a group id has 18 digits, or is a phone number, a dash and 10 \
         digits. Give the id of the group, or do not call it a group if you mean a person",
        "{number} bukan ID grup, jumlah angkanya seperti nomor telepon; ID grup terdiri dari 18 angka, atau nomor telepon, tanda hubung, dan 10 \
         angka. Tulis ID grupnya, atau jangan tandai sebagai grup jika maksud Anda seseorang",
    ),
    (
        "{number} may be the id of a group that a program rounded: a number keeps 15 digits for certain; send it as a text, in quotes, with \
         every digit",
        "{number} mungkin ID grup yang dibulatkan program: bilangan hanya pasti menyimpan 15 angka; kirim sebagai teks, dalam tanda kutip, dengan \
         semua angkanya",
    ),
];
