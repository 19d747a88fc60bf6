//! Why a file is not imported, or a row of it is not queued.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
    // What becomes of its messages.
    ("the messages wait: {why}", "pesannya menunggu: {why}"),
    (
        "messages that can leave today: {today} of {messages}; the rest leave later",
        "pesan yang bisa terkirim hari ini: {today} dari {messages}; sisanya menyusul",
    ),
    (
        "messages that can leave today: {today} of {messages}, and within 24 hours: {in_time}, by the device's warm-up and its gap \
         between messages; what is left then expires unless its row names a longer timeout. Give those rows a longer timeout, or use more devices",
        "pesan yang bisa terkirim hari ini: {today} dari {messages}, dan dalam 24 jam: {in_time}, menurut pemanasan dan jeda antarpesan \
         perangkatnya; sisanya kedaluwarsa, kecuali barisnya berisi timeout yang lebih lama. Beri baris-baris itu timeout yang lebih lama, atau pakai lebih \
         banyak perangkat",
    ),
    (
        "messages that the device still takes today, by its limit of {limit} a day: {left}; the rest of {rows} rows are rejected. \
         Raise the limit, or import the rest tomorrow",
        "pesan yang masih diterima perangkatnya hari ini, sesuai batas {limit} per hari: {left}; sisa dari {rows} baris ditolak. \
         Naikkan batasnya, atau impor sisanya besok",
    ),
    // Rows of a file that is imported.
    (
        "it is empty; its first line has to name the columns: {columns}",
        "berkasnya kosong; baris pertamanya harus berisi nama kolom: {columns}",
    ),
    (
        "its first line names no column for the phone numbers: 'destination', or {others}; it has: {found}; the columns are {columns}",
        "kolom nomor telepon tidak ditemukan di baris pertama: 'destination', atau {others}; isinya: {found}; kolom yang dikenal: {columns}",
    ),
    (
        "its first line names no column for the texts: 'message', or {others}, and no 'media_url'; it has: {found}; the columns are {columns}",
        "kolom isi pesan tidak ditemukan di baris pertama: 'message', atau {others}, juga tidak ada 'media_url'; isinya: {found}; kolom yang dikenal: {columns}",
    ),
    (
        "it has no rows behind the line that names the columns",
        "berkasnya tidak punya baris data setelah baris nama kolom",
    ),
    (
        "the columns '{first}' and '{second}' both stand for {column}; remove one, or give it another name",
        "kolom '{first}' dan '{second}' sama-sama berarti {column}; hapus salah satu atau ganti namanya",
    ),
    (
        "the column '{name}' would be read, but the sheet hides it; show it, or delete it",
        "kolom '{name}' akan dibaca, tetapi disembunyikan di lembarnya; tampilkan atau hapus kolom itu",
    ),
    (
        "the numbers are read from the column '{first}', but '{second}' holds what looks like phone numbers too; name the right one \
         'destination', and rename the other or remove it",
        "nomor dibaca dari kolom '{first}', tetapi '{second}' juga berisi sesuatu yang mirip nomor telepon; beri nama \
         'destination' pada kolom yang benar, lalu ganti nama kolom lainnya atau hapus",
    ),
    (
        "a quote that opens on line {line} among the names of the columns is closed by a later row; close it where the name ends",
        "tanda kutip yang dibuka di baris {line} di antara nama kolom baru ditutup oleh baris lain; tutup di akhir namanya",
    ),
    (
        "a quote that opens on line {line} is never closed; nothing behind it can be read for certain",
        "tanda kutip yang dibuka di baris {line} tidak pernah ditutup; isi setelahnya tidak dapat dipastikan",
    ),
    (
        "line {line} cannot be read for certain: it is neither UTF-8, UTF-16 nor Windows-1252; save the file as CSV UTF-8 (in Excel: Save As, \
         file type CSV UTF-8)",
        "baris {line} tidak terbaca dengan pasti: bukan UTF-8, UTF-16, atau Windows-1252; simpan berkasnya sebagai CSV UTF-8 (di Excel: Simpan Sebagai, jenis berkas CSV UTF-8)",
    ),
    ("it is {kind}; save it as .xlsx or as CSV UTF-8", "berkas ini {kind}; simpan sebagai .xlsx atau CSV UTF-8"),
    ("an empty archive", "arsip kosong"),
    ("an archive", "arsip"),
    ("an old .xls workbook, or one with a password", "buku kerja .xls lama, atau yang berkata sandi"),
    ("a binary .xlsb workbook", "buku kerja biner .xlsb"),
    ("an OpenDocument file", "berkas OpenDocument"),
    ("a PDF", "PDF"),
    ("a text document", "dokumen teks"),
    ("a compressed file", "berkas terkompresi"),
    ("a picture", "gambar"),
    ("a web page or XML", "halaman web atau XML"),
    ("the workbook cannot be read: {fault}", "buku kerjanya tidak terbaca: \"{fault}\""),
    (
        "it is damaged or not complete; save it again, or send it again",
        "berkasnya rusak atau tidak lengkap; simpan atau kirim ulang",
    ),
    ("its parts contradict each other", "bagian-bagiannya saling bertentangan"),
    (
        "the row {row} or a cell of it stands twice in the sheet, in pieces or behind a later one; save it again in a spreadsheet program",
        "baris {row} atau salah satu selnya ada dua kali di lembarnya, terpotong-potong, atau berada di belakang baris berikutnya; simpan ulang dengan program spreadsheet",
    ),
    (
        "the sheet '{first}' would be read, but there are phone numbers in other sheets too: {others}; say which sheet is to be read, or hide \
         or delete the others",
        "lembar '{first}' yang akan dibaca, tetapi lembar lain juga berisi nomor telepon: {others}; sebutkan lembar mana yang harus dibaca, \
         atau sembunyikan atau hapus yang lain",
    ),
    (
        "it shows no sheet '{wanted}'; its sheets are {found}",
        "lembar '{wanted}' tidak ada atau disembunyikan; lembarnya: {found}",
    ),
    ("it shows no sheet with cells", "tidak ada lembar kerja yang ditampilkan"),
    ("its cells are not in order", "urutan selnya salah"),
    (
        "the workbook is far larger than its messages can be; copy the rows to a new workbook, or save it as CSV UTF-8",
        "buku kerjanya terlalu besar untuk isi pesan; salin barisnya ke buku kerja baru, atau simpan sebagai CSV UTF-8",
    ),
    (
        "it has {found} fields, the first line names {named}; put quotes around a text that holds the separator",
        "baris ini punya {found} kolom, baris pertama menamai {named}; apit dengan tanda kutip teks yang memuat pemisah kolom",
    ),
    (
        "the quote that opens on line {line} is closed by a later row: its text holds what looks like further rows; close the \
         quote where the text ends",
        "tanda kutip yang dibuka di baris {line} baru ditutup oleh baris lain: teksnya memuat sesuatu yang mirip baris berikutnya; \
         tutup tanda kutip di akhir teksnya",
    ),
    (
        "there is text behind the quote that closes a field which began on line {line}; double each quote within a text",
        "ada teks setelah tanda kutip penutup kolom yang dimulai di baris {line}; gandakan setiap tanda kutip di dalam teks",
    ),
    (
        "a text on line {line} has one quotation mark and no quotes around it; put quotes around the text, and double that mark",
        "teks di baris {line} punya satu tanda kutip tanpa diapit tanda kutip; apit teksnya dengan tanda kutip, dan gandakan tanda itu",
    ),
    (
        "its text seems to begin on line {line}; put quotes around a text with line breaks",
        "teksnya tampaknya dimulai di baris {line}; beri tanda kutip pada teks yang berganti baris",
    ),
    (
        "its text seems to go on behind the separator; put quotes around a text that holds the separator",
        "teksnya tampaknya berlanjut setelah pemisah; beri tanda kutip pada teks yang berisi pemisah",
    ),
    (
        "it is as it was when it was rejected: {reason}; correct it, or empty its cell in the column mark to send it as it is",
        "masih sama seperti saat ditolak: {reason}; perbaiki, atau kosongkan selnya di kolom mark untuk mengirimnya apa adanya",
    ),
    ("the row is hidden in the sheet; show it, or delete it", "barisnya disembunyikan di lembar; tampilkan atau hapus"),
    (
        "its text seems to go on, on line {line}; put quotes around a text with line breaks",
        "teksnya tampaknya berlanjut di baris {line}; apit dengan tanda kutip teks yang berganti baris",
    ),
    ("{column}: it holds a zero byte, which no text has", "{column}: memuat byte nol, yang tidak ada dalam teks"),
    (
        "kind: '{text}' is not image, video, audio, voice, document, sticker or video_note",
        "kind: '{text}' bukan image, video, audio, voice, document, sticker, atau video_note",
    ),
    (
        "file_name: there is no media_url beside it; a text that holds the separator needs quotes around it",
        "file_name: tidak ada media_url di sebelahnya; teks yang memuat pemisah harus diapit tanda kutip",
    ),
    ("priority: '{text}' is not high, normal or bulk", "priority: '{text}' bukan high, normal, atau bulk"),
    ("tag: it has more than {most} characters", "tag: lebih dari {most} karakter"),
    (
        "the cell holds a number with a fraction, {number}; format it as text and write what you mean",
        "selnya berisi bilangan pecahan, {number}; ubah formatnya menjadi teks dan tulis yang dimaksud",
    ),
    (
        "the cell holds a number below zero, {number}; format it as text and write what you mean",
        "selnya berisi bilangan negatif, {number}; ubah formatnya menjadi teks dan tulis yang dimaksud",
    ),
    (
        "the cell holds a number of more digits than a spreadsheet keeps; format it as text and write every digit",
        "selnya berisi angka dengan digit lebih banyak daripada yang disimpan spreadsheet; ubah formatnya menjadi teks dan tulis semua digit",
    ),
    (
        "the cell holds a date or time; format it as text and write it as it is to be read",
        "selnya berisi tanggal atau waktu; ubah formatnya menjadi teks dan tulis seperti yang akan dibaca",
    ),
    (
        "the cell shows a number in the format {format}; format it as text and write it as it is to be read",
        "selnya menampilkan angka dengan format {format}; ubah formatnya menjadi teks dan tulis seperti yang akan dibaca",
    ),
    (
        "the cell holds {number}, a number that has lost digits; format the column as text and give every digit",
        "selnya berisi {number}, angka yang kehilangan digit; ubah format kolomnya menjadi teks dan tulis semua digit",
    ),
    ("the cell shows the error {error}", "selnya menampilkan kesalahan {error}"),
    (
        "the cell has a formula without a stored value; open the file in a spreadsheet program and save it",
        "selnya punya rumus tanpa nilai tersimpan; buka berkasnya di program spreadsheet lalu simpan",
    ),
    (
        "scheduled sending is not available; leave this empty, and send when the message is due",
        "pengiriman terjadwal belum tersedia; kosongkan, dan kirim pada waktunya",
    ),
    (
        "quoting another message is not available; leave this empty to send the message by itself",
        "mengutip pesan lain belum tersedia; kosongkan untuk mengirim pesannya saja",
    ),
    (
        "mentioning people is not available; leave this empty to send the message without it",
        "menyebut orang belum tersedia; kosongkan untuk mengirim pesannya tanpa itu",
    ),
    ("is_group: '{text}' is neither true nor false", "is_group: '{text}' bukan true dan bukan false"),
    (
        "timeout: '{text}' is no number of seconds from 1 to {most}",
        "timeout: '{text}' bukan jumlah detik dari 1 sampai {most}",
    ),
    (
        "'{text}' is no phone number; if it is a note or a total below the table, remove the row",
        "'{text}' bukan nomor telepon; kalau ini catatan atau total di bawah tabel, hapus barisnya",
    ),
    (
        "it has no phone number; if it is a total or a note below the table, remove the row",
        "barisnya tidak punya nomor telepon; kalau ini total atau catatan di bawah tabel, hapus barisnya",
    ),
    (
        "'{text}' is too short for a phone number; it seems to be a count, or the number of the row",
        "'{text}' terlalu pendek untuk nomor telepon; tampaknya ini jumlah atau nomor urut baris",
    ),
    (
        "the column '{column}' only counts the rows; name the column with the phone numbers 'destination'",
        "kolom '{column}' hanya berisi nomor urut baris; beri nama 'destination' pada kolom nomor teleponnya",
    ),
    ("message: it is empty", "message: kosong"),
    (
        "line {line} has more than {most} columns; remove those that are not read",
        "baris {line} punya lebih dari {most} kolom; hapus kolom yang tidak dibaca",
    ),
    (
        "the cell holds far more text than a message may have",
        "selnya berisi teks yang jauh lebih panjang daripada sebuah pesan",
    ),
    (
        "the column campaign no longer holds on line {line} what the gateway wrote there, so it is not certain which campaign the row belongs \
         to; copy the cell from another row, or download the rejected rows again",
        "kolom campaign di baris {line} tidak lagi berisi yang ditulis gateway, jadi tidak pasti baris itu milik kampanye mana; salin selnya \
         dari baris lain, atau unduh lagi baris yang ditolak",
    ),
    (
        "it holds rejected rows of the campaigns '{first}' and '{second}'; import the rows of each as a file of its own",
        "isinya baris yang ditolak dari kampanye '{first}' dan '{second}'; impor baris masing-masing sebagai berkas sendiri",
    ),
    (
        "it holds rejected rows of the campaign '{campaign}'; leave out the name '{given}' to continue that campaign, or delete the column \
         campaign to send the rows as a campaign of that name",
        "isinya baris yang ditolak dari kampanye '{campaign}'; kosongkan nama '{given}' untuk melanjutkan kampanye itu, atau hapus kolom \
         campaign untuk mengirim barisnya sebagai kampanye dengan nama itu",
    ),
    (
        "it has more than {most} rows; split it into files of at most {least}",
        "isinya lebih dari {most} baris; bagi menjadi beberapa berkas, masing-masing paling banyak {least}",
    ),
    (
        "{most} imports of this client are under way; try again when one has ended",
        "{most} impor klien ini sedang berjalan; coba lagi setelah salah satunya selesai",
    ),
    (
        "{campaign} already queued or sent {count} of its rows in the last {days} days, with the same text to the same recipients; begin it \
         with sent_before=skip to send only what is new, or with sent_before=send to send those again",
        "{campaign} sudah mengantrekan atau mengirim {count} barisnya dalam {days} hari terakhir, dengan teks dan penerima yang sama; pilih di bawah: \
         kirim yang baru saja, atau kirim ulang semuanya",
    ),
    ("another campaign", "kampanye lain"),
    ("the campaign '{name}'", "kampanye '{name}'"),
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
