//! How devices fare, and what the settings of a device may be.

use super::Phrase;

pub const PHRASES: &[Phrase] = &[
    ("WhatsApp said that it was too much at once", "WhatsApp menyatakan pengiriman terlalu banyak sekaligus"),
    (
        "WhatsApp said that it was too much at once; for {minutes} minutes two messages are at least {gap_ms} ms apart",
        "WhatsApp menyatakan pengiriman terlalu banyak sekaligus; selama {minutes} menit jarak dua pesan paling sedikit {gap_ms} milidetik",
    ),
    // Why a device is in its state.
    (
        "no node of the gateway runs this device at the moment; if this lasts, check that the server runs",
        "saat ini tidak ada node gateway yang menjalankan perangkat ini; bila berlangsung lama, periksa apakah server berjalan",
    ),
    ("no account is linked", "belum ada akun yang tertaut"),
    ("the connection was lost and is being made again", "sambungan terputus dan sedang dipulihkan"),
    ("WhatsApp ended the connection with {code}", "WhatsApp mengakhiri sambungan dengan kode {code}"),
    ("WhatsApp wanted a new connection", "WhatsApp meminta sambungan baru"),
    ("the connection to WhatsApp ended", "sambungan ke WhatsApp berakhir"),
    ("WhatsApp cannot be reached; it is tried again", "WhatsApp tidak dapat dihubungi; akan dicoba lagi"),
    (
        "a fault of the gateway stopped this device; it is started again",
        "kesalahan gateway menghentikan perangkat ini; perangkat dijalankan lagi",
    ),
    ("WhatsApp refused a first message to a stranger", "WhatsApp menolak pesan pertama ke orang asing"),
    (
        "another program uses this link; stop it, then pause and resume this gateway",
        "program lain memakai tautan ini; hentikan program itu, lalu jeda dan lanjutkan perangkat ini",
    ),
    (
        "another program took the connection over, perhaps one on a copy of the data folder; stop it, then pause and resume this device",
        "program lain mengambil alih sambungan, mungkin dari salinan folder data; hentikan program itu, lalu jeda dan lanjutkan perangkat ini",
    ),
    (
        "WhatsApp has restricted the number until {until}: {why}; open WhatsApp on the phone and follow what it says, and send less \
         afterwards",
        "WhatsApp membatasi nomor ini sampai {until}: {why}; buka WhatsApp di ponsel dan ikuti petunjuknya, dan setelah itu kirim lebih \
         sedikit",
    ),
    (
        "WhatsApp has restricted the number and does not say until when: {why}; open WhatsApp on the phone and follow what it says, and send \
         less afterwards",
        "WhatsApp membatasi nomor ini tanpa menyebutkan sampai kapan: {why}; buka WhatsApp di ponsel dan ikuti petunjuknya, dan setelah itu \
         kirim lebih sedikit",
    ),
    // As it was said before; the history of devices still says so.
    ("WhatsApp has restricted the number for a while: {why}", "WhatsApp membatasi nomor ini untuk sementara: {why}"),
    ("too many messages to people who do not know it", "terlalu banyak pesan ke orang yang tidak mengenalnya"),
    ("too many people blocked it", "terlalu banyak orang memblokirnya"),
    ("too many groups with people who do not know it", "terlalu banyak grup dengan orang yang tidak mengenalnya"),
    ("the same message too many times", "pesan yang sama terlalu banyak kali"),
    ("too many messages to a broadcast list", "terlalu banyak pesan ke daftar siaran"),
    ("code {code}", "kode {code}"),
    ("WhatsApp has locked the account; look at its phone", "WhatsApp mengunci akun ini; lihat ponselnya"),
    ("the phone has removed this gateway; link it again", "ponsel telah menghapus perangkat ini; tautkan lagi"),
    (
        "WhatsApp no longer takes this version; update the gateway",
        "WhatsApp tidak lagi menerima versi ini; perbarui gateway",
    ),
    ("WhatsApp is not available at present", "WhatsApp sedang tidak tersedia"),
    (
        "WhatsApp refused the connection ({why}); it is tried again",
        "WhatsApp menolak sambungan ({why}); akan dicoba lagi",
    ),
    (
        "devices of this kind cannot be connected; remove it and add one of the kind web",
        "perangkat jenis ini tidak dapat dihubungkan; hapus perangkat ini, lalu tambahkan yang untuk akun sebuah ponsel",
    ),
    (
        "this build speaks to a simulated network only; set WACHAT_SIMULATED_NETWORK",
        "build ini hanya berbicara dengan jaringan simulasi; atur WACHAT_SIMULATED_NETWORK",
    ),
    ("the keys of its link cannot be read: {fault}", "kunci tautannya tidak dapat dibaca: {fault}"),
    (
        "a sealed value does not open: it was changed, moved, or sealed under another master key",
        "nilai tersegel tidak dapat dibuka: nilainya diubah, dipindahkan, atau disegel dengan kunci utama lain",
    ),
    // What a device may be.
    ("this kind of device needs a phone number", "perangkat jenis ini memerlukan nomor telepon"),
    ("a device id is a number, a dash and 15 digits", "ID perangkat terdiri atas angka, tanda hubung, dan 15 angka"),
    ("'{word}' is not one of {known}", "'{word}' bukan salah satu dari {known}"),
    (
        "a limit is from 0 (for none) to {most} messages a day",
        "batas dari 0 (tanpa batas) sampai {most} pesan per hari",
    ),
    (
        "a sandbox is the default only while the client has no other device; choose another",
        "sandbox hanya menjadi perangkat utama selama klien tidak punya perangkat lain; pilih yang lain",
    ),
    ("a sandbox has no daily limit", "sandbox tidak punya batas harian"),
    ("a gap is from 0 to {most} milliseconds", "jeda dari 0 sampai {most} milidetik"),
    (
        "'{text}' is no time of day; give hours and minutes as 21:00, or nothing for no quiet hours",
        "'{text}' bukan jam; tulis jam dan menit seperti 21:00, atau kosongkan bila tanpa jam tenang",
    ),
    (
        "quiet hours need a beginning and an end, such as 21:00 and 07:00",
        "jam tenang perlu awal dan akhir, misalnya 21:00 dan 07:00",
    ),
    (
        "quiet hours that end as they begin would never end; pause the device instead",
        "jam tenang yang berakhir saat dimulai tidak akan pernah berakhir; lebih baik jeda perangkatnya",
    ),
    (
        "'{zone}' is no time zone; give a name of the IANA database, such as Asia/Jakarta or UTC",
        "'{zone}' bukan zona waktu; tulis nama dari basis data IANA, misalnya Asia/Jakarta atau UTC",
    ),
    (
        "only a sandbox plays messages; a real person has to write to this device",
        "hanya sandbox yang memeragakan pesan; ke perangkat ini harus ada orang sungguhan yang menulis",
    ),
    ("that message is there already", "pesan itu sudah ada"),
    // What pacing holds back.
    (
        "quiet hours; replies to people who wrote in the last 15 minutes and messages of high priority still go out",
        "jam tenang; balasan ke orang yang menulis dalam 15 menit terakhir dan pesan berprioritas tinggi tetap terkirim",
    ),
    (
        "the account is new and today's messages are used up; replies to people who wrote in the last 24 hours and messages of \
         high priority still go out",
        "akun masih baru dan jatah pesan hari ini habis; balasan ke orang yang menulis dalam 24 jam terakhir dan pesan \
         berprioritas tinggi tetap terkirim",
    ),
    (
        "WhatsApp blocks messages to new contacts for now, those of high priority too; replies still go out",
        "WhatsApp sedang memblokir pesan ke nomor baru, termasuk yang berprioritas tinggi; balasan tetap terkirim",
    ),
    ("rate-limited by WhatsApp; messages leave slowly", "dibatasi oleh WhatsApp; pesan dikirim pelan-pelan"),
    ("paused", "dijeda"),
    ("paused by '{who}'", "dijeda oleh '{who}'"),
    ("by '{who}'", "oleh '{who}'"),
];
