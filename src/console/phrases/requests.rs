//! What the API refuses: who may do what, and what a request may hold.

use super::Phrase;

/// Fields of the API, as the console's forms call them.
pub const FIELDS: &[(&str, &str)] = &[
    ("response", "hasil kunci sandi"),
    ("api_key", "kunci API"),
    ("after", "halaman"),
    ("before", "halaman"),
    ("campaign", "nama kampanye"),
    ("caption", "keterangan"),
    ("client", "nama klien"),
    ("default_device", "perangkat utama"),
    ("country_code", "kode negara"),
    ("destination", "tujuan"),
    ("device_id", "ID perangkat"),
    ("expires_in_days", "masa berlaku (hari)"),
    ("file_name", "nama berkas"),
    ("from", "dari"),
    ("gap_jitter_ms", "tambahan acak"),
    ("gap_ms", "jeda"),
    ("group", "grup"),
    ("is_group", "is_group"),
    ("kind", "jenis"),
    ("limit", "batas"),
    ("media_base64", "berkas"),
    ("media_url", "media_url"),
    ("mentions", "sebutan"),
    ("message", "pesan"),
    ("name", "nama"),
    ("password", "kata sandi"),
    ("phone", "nomor telepon"),
    ("priority", "prioritas"),
    ("push_url", "Push URL"),
    ("queue", "perangkat"),
    ("quiet_from", "awal jam tenang"),
    ("quiet_to", "akhir jam tenang"),
    ("reply_to", "balasan untuk"),
    ("role", "peran"),
    ("send_at", "waktu kirim"),
    ("sender", "nomor pengirim"),
    ("sent_before", "baris yang sudah dikirim"),
    ("sheet", "lembar"),
    ("status", "status"),
    ("tag", "penanda"),
    ("text", "teks"),
    ("time_zone", "zona waktu"),
    ("timeout", "batas waktu"),
    ("until", "sampai"),
    ("url", "Push URL"),
    ("user", "pengguna"),
    ("userid", "nama pengguna"),
];

pub const PHRASES: &[Phrase] = &[
    ("the file is empty; encode the whole file", "berkasnya kosong; kodekan seluruh berkas"),
    (
        "a hidden id is digits and @lid, as an inbound message shows it",
        "ID tersembunyi terdiri dari angka dan @lid, seperti yang ditampilkan pesan masuk",
    ),
    // Who asks.
    (
        "the APIKey header is missing; send your API key in it",
        "header APIKey tidak ada; kirim kunci API Anda di dalamnya",
    ),
    ("the APIKey header is not plain text", "header APIKey bukan teks biasa"),
    (
        "this API key is unknown; check it, or ask for one",
        "kunci API ini tidak dikenal; periksa lagi, atau minta yang baru",
    ),
    ("this API key was revoked; ask for a new one", "kunci API ini sudah dicabut; minta yang baru"),
    ("this API key has expired; ask for a new one", "masa berlaku kunci API ini sudah habis; minta yang baru"),
    (
        "the person of this API key is disabled; ask an owner to enable the person",
        "pengguna ini dinonaktifkan; minta pemilik mengaktifkannya lagi",
    ),
    (
        "the client of this API key is disabled; ask the gateway's operator",
        "klien ini dinonaktifkan; hubungi pengelola gateway",
    ),
    ("this API key may not {deed}; ask an administrator", "Anda tidak boleh {deed}; minta kepada administrator"),
    (
        "this API key may not manage anything; ask an owner or administrator",
        "Anda tidak boleh mengelola apa pun; minta kepada pemilik atau administrator",
    ),
    ("manage every client", "mengelola semua klien"),
    ("change an administrator", "mengubah administrator"),
    ("give that role", "memberikan peran itu"),
    ("make a key of an administrator", "membuat kunci milik administrator"),
    ("revoke a key of an administrator", "mencabut kunci milik administrator"),
    // What is not there.
    ("there is no {thing}", "tidak ada {thing}"),
    ("such thing", "yang seperti itu"),
    (
        "such thing; the address names it by a number or an id",
        "yang seperti itu; alamat menamainya dengan nomor atau ID",
    ),
    (
        "such address; the API is under /wachat_api/1.0, its documentation at /docs",
        "alamat seperti itu; API ada di /wachat_api/1.0, dokumentasinya di /docs",
    ),
    ("client with that number", "klien dengan nomor itu"),
    ("person with that number", "pengguna dengan nomor itu"),
    ("API key with that number", "kunci API dengan nomor itu"),
    ("device with that id", "perangkat dengan ID itu"),
    ("device of this client with that id", "perangkat klien ini dengan ID itu"),
    ("such device", "perangkat seperti itu"),
    ("such page", "halaman seperti itu"),
    ("page that is shared for this device", "halaman yang dibagikan untuk perangkat ini"),
    ("a page that was shared shares no other", "halaman yang dibagikan tidak dapat membagikan halaman lain"),
    ("queue of yours with that device id", "perangkat milik Anda dengan ID itu"),
    ("sender of yours with that number", "pengirim milik Anda dengan nomor itu"),
    ("gateway of this client; add one first", "perangkat di klien ini; tambahkan dulu satu"),
    ("import with that id", "impor dengan ID itu"),
    ("message with that ref_no", "pesan dengan ref_no itu"),
    ("inbound message with that id", "pesan masuk dengan ID itu"),
    ("conversation with that number or group", "percakapan dengan nomor atau grup itu"),
    ("such file any more", "lagi berkas itu"),
    (
        "file behind this link, or the link has expired; ask for the message again to get a new one",
        "berkas di tautan ini, atau masa berlaku tautannya habis; buka lagi pesannya untuk mendapat tautan baru",
    ),
    // How a request is made.
    ("the body broke off", "kiriman terputus di tengah jalan"),
    (
        "the body came too slowly: it must arrive within {seconds} seconds, or bring at least {kilobytes} KB in each {seconds2} seconds",
        "kiriman datang terlalu lambat: harus selesai dalam {seconds} detik, atau membawa sedikitnya {kilobytes} KB tiap {seconds2} detik",
    ),
    (
        "too many files are being sent and received at this moment",
        "terlalu banyak berkas sedang dikirim dan diterima saat ini",
    ),
    (
        "too many files are being sent and received at this moment; nothing was accepted, try again in 5 s",
        "terlalu banyak berkas sedang dikirim dan diterima saat ini; tidak ada yang diterima, coba lagi dalam 5 detik",
    ),
    ("the body is not UTF-8; send JSON in UTF-8", "isi kiriman bukan UTF-8; kirim JSON dalam UTF-8"),
    ("the body is no JSON: {fault}", "isi kiriman bukan JSON: \"{fault}\""),
    ("the body nests deeper than {levels} levels", "isi kiriman bersarang lebih dari {levels} tingkat"),
    (
        "the body holds an integer of more than {most} digits",
        "isi kiriman memuat bilangan dengan lebih dari {most} angka",
    ),
    (
        "the body or file is larger than {size}; send a smaller one",
        "kiriman atau berkas lebih besar dari {size}; kirim yang lebih kecil",
    ),
    ("the address is not UTF-8; percent-encode it as UTF-8", "alamat bukan UTF-8; tulis dengan percent-encoding UTF-8"),
    (
        "this address does not take that method; the Allow header lists those it takes",
        "alamat ini tidak menerima metode itu; header Allow menyebut yang diterima",
    ),
    ("POST /message makes text messages only", "POST /message hanya membuat pesan teks"),
    ("the request is not valid", "permintaan tidak valid"),
    ("{first} (and {more} more, see detail)", "{first} (dan {more} kesalahan lain)"),
    ("a parameter may not hold NUL", "parameter tidak boleh memuat NUL"),
    ("a text may not hold NUL", "teks tidak boleh memuat NUL"),
    ("limit is from 1 to {most}", "jumlahnya dari 1 sampai {most}"),
    ("after is the next_after of a page", "alamat halaman ini rusak; mulai lagi dari halaman pertama"),
    ("before is the next_before of a page", "alamat halaman ini rusak; mulai lagi dari halaman pertama"),
    (
        "a date is RFC 3339, such as 2026-01-31T08:00:00Z",
        "tanggal ditulis menurut RFC 3339, misalnya 2026-01-31T08:00:00Z",
    ),
    ("status is U, Q, S, D, R or A", "status adalah U, Q, S, D, R, atau A"),
    ("status is due, done, failed or held", "status adalah due, done, failed, atau held"),
    (
        "the Idempotency-Key header has 1 to {most} visible ASCII characters",
        "header Idempotency-Key terdiri atas 1 sampai {most} karakter ASCII yang terlihat",
    ),
    (
        "a request with this Idempotency-Key is being answered; ask again in a moment",
        "permintaan dengan Idempotency-Key ini sedang dijawab; coba lagi sebentar lagi",
    ),
    (
        "this key was used with another body; use a new key for a new message",
        "kunci ini sudah dipakai dengan isi lain; pakai kunci baru untuk pesan baru",
    ),
    ("this Idempotency-Key was used already", "Idempotency-Key ini sudah dipakai"),
    // What a field holds.
    ("value is not a valid integer", "harus bilangan bulat"),
    ("ensure this value is greater than or equal to 1", "paling kecil 1"),
    ("ensure this value is less than or equal to {most}", "paling besar {most}"),
    ("value could not be parsed to a boolean", "harus true atau false"),
    ("value is not a valid enumeration member; permitted: {values}", "nilai yang diperbolehkan: {values}"),
    ("priority is high, normal or bulk", "prioritas adalah high, normal, atau bulk"),
    ("sent_before is skip or send", "sent_before adalah skip atau send"),
    ("a tag has at most 64 characters", "penanda paling banyak 64 karakter"),
    ("field required", "wajib diisi"),
    ("value is not a valid dict", "harus objek JSON"),
    ("keywords must be strings", "nama kolomnya harus teks"),
    ("__init__() got multiple values for keyword argument '{name}'", "kolom {name} tidak boleh ada"),
    ("ensure this value has at least 1 characters", "tidak boleh kosong"),
    ("ensure this value has at most {most} characters", "paling banyak {most} karakter"),
    ("none is not an allowed value", "tidak boleh kosong"),
    ("str type expected", "harus teks"),
    (
        "{fault}: line {line} column {column} (char {position})",
        "\"{fault}\": baris {line} kolom {column} (karakter {position})",
    ),
    ("invalid or missing URL scheme", "alamat tidak diawali http:// atau https://"),
    ("URL scheme not permitted", "alamat tidak diawali http:// atau https://"),
    ("URL port invalid, port cannot exceed 65535", "port alamat tidak valid; paling besar 65535"),
    (
        "URL invalid, extra characters found after valid URL: {rest}",
        "ada karakter yang tidak semestinya setelah alamat: {rest}",
    ),
    ("URL host invalid", "nama host di alamat tidak valid"),
    // Clients, persons, keys.
    ("a client cannot disable itself", "klien tidak dapat menonaktifkan dirinya sendiri"),
    (
        "nobody disables himself or changes his own role",
        "tidak ada yang boleh menonaktifkan diri atau mengubah perannya sendiri",
    ),
    (
        "'{word}' is no role; the roles are sender, owner and administrator",
        "'{word}' bukan peran; perannya adalah sender, owner, dan administrator",
    ),
    (
        "a name has 1 to {most} characters, none of them a control character",
        "nama terdiri atas 1 sampai {most} karakter, tanpa karakter kendali",
    ),
    (
        "a userid has 1 to {most} characters, at least one of them visible, and no spaces",
        "nama pengguna terdiri atas 1 sampai {most} karakter tanpa spasi, dan setidaknya satu terlihat",
    ),
    (
        "a country code is that of a numbering plan, such as 62",
        "kode negara harus kode yang dipakai suatu negara, misalnya 62",
    ),
    ("a password has {least} to {most} characters", "kata sandi terdiri atas {least} sampai {most} karakter"),
    ("the password could not be hashed: {fault}", "kata sandi tidak dapat diproses: \"{fault}\""),
    ("a key expires in 1 to 36500 days", "masa berlaku kunci dari 1 sampai 36500 hari"),
    (
        "an API key has {min} to {max} visible ASCII characters and no spaces",
        "kunci API terdiri atas {min} sampai {max} karakter ASCII yang terlihat, tanpa spasi",
    ),
    ("that exists already; choose another name or number", "itu sudah ada; pilih nama atau nomor lain"),
    ("that exists already", "itu sudah ada"),
    ("this client has a device with this device_id already", "klien ini sudah memiliki perangkat dengan device_id ini"),
    ("this client has a device with this sender already", "klien ini sudah memiliki perangkat dengan nomor ini"),
    (
        "this device_id or this sender is not available; leave device_id out, or give another number",
        "device_id atau nomor ini tidak tersedia; kosongkan device_id, atau berikan nomor lain",
    ),
    // How much, and when.
    (
        "more than {limit} requests a second of this client; try again in {seconds} s",
        "lebih dari {limit} permintaan per detik dari klien ini; coba lagi dalam {seconds} detik",
    ),
    (
        "this person has {most} API keys; revoke one that is not used any more first",
        "orang ini sudah punya {most} kunci API; cabut dulu satu yang tidak dipakai lagi",
    ),
    (
        "more than {limit} requests a second with this API key; try again in {seconds} s",
        "lebih dari {limit} permintaan per detik; coba lagi dalam {seconds} detik",
    ),
    (
        "this gateway's limit of {limit} messages a day is reached; try again in {seconds} s",
        "batas perangkat ini, {limit} pesan per hari, sudah tercapai; coba lagi dalam {seconds} detik",
    ),
    (
        "the gateway's daily limit of {limit} messages is reached",
        "batas harian perangkat, {limit} pesan, sudah tercapai",
    ),
    (
        "this client's quota of waiting messages is used up ({used} of {most}); nothing was accepted. Try again when some have been sent, \
         cancel those that are not needed, or ask the gateway's operator to raise waiting_quota",
        "kuota pesan menunggu klien ini sudah habis ({used} dari {most}); tidak ada yang diterima. Coba lagi setelah sebagian terkirim, \
         batalkan yang tidak diperlukan, atau minta pengelola gateway menaikkan waiting_quota",
    ),
    (
        "this client's quota of stored files has no room for one more ({used} of {most} MB are used); nothing was accepted. Send a \
         text, or a file that was sent before, or ask the gateway's operator to raise files_quota_mb",
        "kuota berkas klien ini tidak cukup untuk satu lagi (terpakai {used} dari {most} MB); tidak ada yang diterima. Kirim teks, atau berkas yang pernah \
         dikirim, atau minta pengelola gateway menaikkan files_quota_mb",
    ),
    (
        "the gateway's disk is nearly full, and what is left is kept for what comes in; nothing was accepted. Try again in a minute; the \
         gateway's operator has to make room",
        "disk gateway hampir penuh, dan sisanya disimpan untuk yang masuk; tidak ada yang diterima. Coba lagi sebentar; pengelola \
         gateway perlu mengosongkan ruang",
    ),
    (
        "the gateway cannot store anything at this moment; nothing was accepted, try again in {seconds} s",
        "gateway sedang tidak dapat menyimpan apa pun; tidak ada yang diterima, coba lagi dalam {seconds} detik",
    ),
    (
        "a fault of the gateway; nothing was accepted, its log says more",
        "kesalahan pada gateway; tidak ada yang diterima, lognya menjelaskan lebih lanjut",
    ),
    (
        "many large requests of this client are being read; try again in a few seconds",
        "banyak permintaan besar dari klien ini sedang dibaca; coba lagi beberapa detik lagi",
    ),
    (
        "many searches of this client are under way or waiting; try again in a few seconds",
        "banyak pencarian klien ini sedang berjalan atau menunggu; coba lagi beberapa detik lagi",
    ),
    (
        "many passwords are being checked at this moment; nothing was changed, try again in a second",
        "banyak kata sandi sedang diperiksa; tidak ada yang diubah, coba lagi sebentar",
    ),
    (
        "it was begun already, and something else was decided about rows that were queued before; this changed nothing",
        "sudah dimulai dengan keputusan lain tentang baris yang pernah diantrekan; tidak ada yang diubah",
    ),
    ("the body is a JSON object", "isi permintaan harus berupa objek JSON"),
    ("a fault of the gateway; its log says more", "kesalahan pada gateway; lognya menjelaskan lebih lanjut"),
    (
        "the gateway cannot keep or read files at this moment; nothing was accepted, try again in {seconds} s",
        "gateway sedang tidak dapat menyimpan atau membaca berkas; tidak ada yang diterima, coba lagi dalam {seconds} detik",
    ),
    ("the media store cannot be used: {fault}", "penyimpanan berkas sedang tidak tersedia: \"{fault}\""),
    ("the media store did not answer within {seconds} s", "penyimpanan berkas tidak menjawab dalam {seconds} detik"),
    ("the gateway did not say why", "gateway tidak menyebut sebabnya"),
    ("the store cannot take this now: {fault}", "penyimpanan sedang tidak tersedia: \"{fault}\""),
    ("the database takes no such row: {fault}", "basis data tidak menerima baris itu: \"{fault}\""),
    ("the database refused: {fault}", "basis data menolak: \"{fault}\""),
    ("the store is closed", "penyimpanan sudah ditutup"),
    ("the connection is closed", "sambungan sudah ditutup"),
    ("the gateway is stopping", "gateway sedang dihentikan"),
    ("every connection to the database is busy", "semua sambungan ke basis data sedang sibuk"),
    ("too many questions wait already", "terlalu banyak permintaan yang menunggu"),
    ("{count} writes wait already", "{count} penulisan sudah menunggu"),
    ("this node does not own the device any more", "simpul ini tidak memegang perangkat itu lagi"),
];
