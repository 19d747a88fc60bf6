//! Nothing that the program can say to a person is left without its Indonesian: the sources themselves are read for it.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::*;

/// Sources whose texts reach no page, and why.
const UNSEEN: &[(&str, &str)] = &[
    ("src/cli", "the command line"),
    ("src/app", "what keeps the program from starting"),
    ("src/settings.rs", "what keeps the program from starting"),
    ("src/settings/", "warnings in the log"),
    ("src/secrets.rs", "what keeps the program from starting"),
    ("src/store/migrate.rs", "what keeps the program from starting"),
    ("src/store/postgres.rs", "what keeps the program from starting, and the log"),
    ("src/store/rotation.rs", "the command line"),
    ("src/telemetry", "names of metrics, and faults for the log"),
    ("src/supervisor.rs", "faults for the log"),
    ("src/clock.rs", "faults of tests"),
    ("src/qr.rs", "faults for the log"),
    ("src/store/key_hashes.rs", "faults for who starts the program"),
    ("src/egress/resolver.rs", "faults for the log"),
    ("src/http/headers.rs", "for browsers"),
    ("src/api/scrapes.rs", "for programs"),
    ("src/http.rs", "faults for the log"),
    ("src/receipts.rs", "for the log"),
    ("src/channel/web/network.rs", "faults for the log, and what keeps the program from starting"),
    ("src/api/json.rs", "a page's JSON has no faults of spelling"),
    ("src/api/openapi.rs", "documentation"),
    ("src/campaign/country.rs", "names of countries, each in both languages"),
    ("src/campaign/naming.rs", "what systems put before and behind the names of copies"),
    ("src/channel/web/read/every_field.rs", "a table of tests"),
    ("src/console/phrases", "the phrases themselves"),
    ("src/linking/failure.rs", "how sentences of other files begin"),
];

/// Texts of the other sources that reach no page, or are no sentence of ours.
const NO_PHRASE: &[(&str, &[&str])] = &[
    (
        "src/linking.rs",
        &[
            crate::linking::NOTICE,
            "the link of device {device_id}: {what}",
            "the passkey step of device {device_id}: {what}",
            "an unknown status",
            "its code is no text",
        ],
    ),
    (
        "src/linking/pairing.rs",
        &[
            "this server cannot reach ",
            "WhatsApp no longer takes this version",
            "another device of this gateway already",
        ],
    ),
    (
        "src/passkey.rs",
        &[
            "(put => navigator.credentials.get({{publicKey: PublicKeyCredential.parseRequestOptionsFromJSON({options})}}).then(made => {{ const text = JSON.stringify(made.toJSON()); put(text); console.log(text) }}, console.error))(typeof copy === 'function' ? copy : () => {{}})",
        ],
    ),
    // How a row says by what it came.
    ("src/imports/rows.rs", &["command line: "]),
    ("src/campaign/state.rs", &["'{0}' is no state of an import"]),
    ("src/campaign.rs", &["destination, message, media_url, file_name, kind, timeout, is_group, priority, tag"]),
    ("src/store/inbound_files.rs", &[" [its file is not there: {reason}]"]),
    ("src/store/row.rs", &["a column stands where its field does not"]),
    ("src/store/audit.rs", &["key {}", "key {id}", "command line", "pairing link", "shared link"]),
    (
        "src/dispatcher/mod.rs",
        &["device {device_id}", "the master key was changed while this node was cut off; restart it with the new key"],
    ),
    (
        "src/store/mod.rs",
        &[
            "the database has schema version {stored}, this program knows versions up to {known}: start a newer wachat, or \
             restore the backup made before the upgrade",
            "cannot open the database {url}: {reason}",
            "sqlite: needs the path of a file",
            "it is no valid PostgreSQL URL",
            "a database URL starts with sqlite: or postgres://",
        ],
    ),
    ("src/media/bucket.rs", &["'{name}' is no option of the S3 client"]),
    (
        "src/media/shelf.rs",
        &[
            "cannot open the media store {location}: {reason}",
            "'{0}' is no id of a file",
            "this link has expired",
            "this is no link of ours",
        ],
    ),
    ("src/media/page.rs", &["<!doctype html"]),
    ("src/media/sound.rs", &["fmt "]),
    ("src/api/message.rs", &["a stored answer cannot be read: {error}"]),
    ("src/api/problem.rs", &["bytes */{file_bytes}", " (and {} more, see detail)"]),
    ("src/api/media_link.rs", &["default-src 'none'; sandbox", "private, max-age=3600", "bytes {}-{}/{length}"]),
    ("src/api/person.rs", &["API key owner"]),
    ("src/api/manage/keys.rs", &["API keys", "API key made", "API key revoked"]),
    ("src/api/manage/links.rs", &["QR code", "a QR code of {} bytes cannot be drawn"]),
    // The reason follows it; the phrase has both.
    (
        "src/store/outgoing.rs",
        &[
            "its file could not be downloaded in time: ",
            "its timeout passed while it waited, so it has to be sent again: ",
            "its timeout passed; the last attempt failed: ",
        ],
    ),
    ("src/message/priority.rs", &["{0} is no priority"]),
    // The beginnings and ends of what the reader of JSON says.
    (
        "src/api/manage/mod.rs",
        &[" at line ", "invalid type: ", ", expected ", "a string", "a boolean", "a sequence", "struct ", "a map"],
    ),
    // For the log.
    (
        "src/dispatcher/told.rs",
        &["an account was linked too late, or may not be linked here; the device's link says why"],
    ),
    ("src/dispatcher/life.rs", &["its channel ended"]),
    ("src/api/operations.rs", &["down, and started again in a moment: {}"]),
    ("src/channel/web/gate.rs", &["a receipt was not stored; nothing leaves by this connection any more"]),
    ("src/store/writer.rs", &["a fault of this program cut the write off", "a fault of this program: {panicked}"]),
    ("src/channel/web/keys/signal.rs", &["an identity key of {bytes} bytes", "the name of a key is no number"]),
    (
        "src/channel/web/keys.rs",
        &[
            "the message was never stored; its sender is asked for it again",
            "the connection was closed before this was stored",
        ],
    ),
    // They stand in the middle of what a person wrote.
    ("src/channel/web/read/trade.rs", &["items: {count}", "order {id}"]),
    ("src/channel/web/read/polls.rs", &["not going"]),
    ("src/channel/web/inbound.rs", &["the gateway is stopping", "the message was not stored; WhatsApp keeps it"]),
];

/// A text in a source, and the code just before it.
struct Literal {
    before: String,
    text: String,
}

/// The texts in a source, without those of tests, comments, attributes, logs and proofs.
fn literals(source: &str) -> Vec<Literal> {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let (mut found, mut code, mut rest) = (Vec::new(), String::new(), product);
    // How many brackets are open since a part began that is passed over.
    let mut passed_over: Option<usize> = None;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        if let Some(behind) = rest.strip_prefix('"') {
            let end = end_of(behind);
            if passed_over.is_none() {
                let before = code.trim_end().chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
                found.push(Literal { before, text: unescaped(&behind[..end]) });
            }
            rest = &behind[end + 1..];
            code.push('"');
            continue;
        }
        // A character, and no lifetime.
        let quoted =
            ["'\"'", "'\\''", "'('", "')'", "'['", "']'", "'{'", "'}'"].iter().find(|one| rest.starts_with(**one));
        let length = quoted.map_or(c.len_utf8(), |one| one.len());
        if quoted.is_none() {
            passed_over = match (passed_over, c) {
                (None, '[') if code.ends_with('#') && !rest.starts_with("[error(") => Some(1),
                (None, '(')
                    if ["tracing::", ".expect", "::warn!", "::info!", "::error!", "::debug!"]
                        .iter()
                        .any(|call| code.ends_with(call)) =>
                {
                    Some(1)
                }
                (Some(open), '(' | '[' | '{') => Some(open + 1),
                (Some(1), ')' | ']' | '}') => None,
                (Some(open), ')' | ']' | '}') => Some(open - 1),
                (same, _) => same,
            };
        }
        code.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    found
}

/// Where a text ends.
fn end_of(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    });
    end.expect("a text has an end")
}

fn unescaped(text: &str) -> String {
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |joined, line| joined + line.trim_start()).replace("\\\"", "\"")
}

/// A text with its variables without names: the table has names of its own.
fn bare(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| bare + "{}" + part.split_once('}').map_or(part, |(_, behind)| behind))
}

/// Whether a text is part of what a person is told: small words, and nothing of SQL, headers or addresses.
fn is_told(path: &str, text: &str) -> bool {
    let is_word = |word: &str| {
        word.len() > 1 && word.trim_end_matches([',', ';', ':', '.', ')']).bytes().all(|b| b.is_ascii_lowercase())
    };
    let has_words = text.split(' ').count() > 1 && text.split(' ').any(is_word);
    let is_title = text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().nth(1).is_some_and(|c| c.is_ascii_lowercase())
        && !text.starts_with("WhatsApp");
    let is_sql = path.starts_with("src/store/")
        && (text.contains(['$', '=', '_', '(', '<'])
            || text.trim_start().split(' ').next().is_some_and(|first| first.bytes().all(|b| b.is_ascii_uppercase())));
    has_words && !is_title && !is_sql
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut found) = (vec![PathBuf::from("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            if root.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("tests.rs")
                && !path.components().any(|part| part.as_os_str() == "tests")
            {
                let text = std::fs::read_to_string(root.join(&path)).expect("a text");
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    found
}

#[test]
fn everything_that_can_be_told_has_its_indonesian() {
    let known: HashSet<String> = all().map(|(english, _)| bare(english)).collect();
    let mut missing = Vec::new();
    for (path, source) in sources() {
        if UNSEEN.iter().any(|(unseen, _)| path.starts_with(unseen)) {
            continue;
        }
        let excepted = NO_PHRASE.iter().find(|(file, _)| *file == path).map_or(&[][..], |(_, texts)| texts);
        for Literal { before, text } in literals(&source) {
            // The console speaks both languages itself, but in refusals and faults.
            let is_ours = path.starts_with("src/console/")
                && !before.ends_with("#[error(")
                && !before
                    .rsplit("refusal(")
                    .next()
                    .is_some_and(|last| last.len() < before.len() && !last.contains([')', ';']));
            let has_phrase = || known.contains(&bare(&text)) || (!text.contains('{') && super::known(&text).is_some());
            if !is_ours && is_told(&path, &text) && !excepted.contains(&text.as_str()) && !has_phrase() {
                missing.push(format!("{path}: {text}"));
            }
        }
    }
    assert!(missing.is_empty(), "without Indonesian in src/console/phrases:\n{}", missing.join("\n"));
}

/// What stands between `before` and `after`, wherever both do.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|behind| Some(behind.split_once(after)?.0)).collect()
}

#[test]
fn reasons_that_the_store_writes_have_their_indonesian() {
    let written: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/store/"))
        .flat_map(|(_, source)| between(&source, "reason = '", "'").into_iter().map(str::to_owned).collect::<Vec<_>>())
        .filter(|reason| !reason.is_empty())
        .collect();
    assert!(written.len() > 1, "they were found");
    for reason in written {
        assert!(known(&reason).is_some(), "{reason}");
    }
}

#[test]
fn every_field_that_the_api_refuses_has_the_name_that_forms_give_it() {
    let mut fields = BTreeSet::new();
    for (_, source) in sources().iter().filter(|(path, _)| path.starts_with("src/api/")) {
        for call in ["field(", "refused(", "parameter("] {
            for behind in source.split(call).skip(1) {
                let name = behind.trim_start().strip_prefix('"').and_then(|name| name.split_once('"'));
                fields.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
        for list in between(source, "_FIELDS: [&str; ", ";\n") {
            fields.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(fields.contains("destination") && fields.contains("expires_in_days"));
    let nameless: Vec<&String> = fields.iter().filter(|field| name(field).is_none()).collect();
    assert!(nameless.is_empty(), "{nameless:?}");
}

#[test]
fn a_phrase_says_the_same_in_both_languages() {
    let mut seen = HashSet::new();
    for (english, indonesian) in all() {
        assert!(seen.insert(bare(english)), "twice: {english}");
        assert!(said(english) > 2, "{english}: it would fit everything");
        let of = |phrase| between(phrase, "{", "}").into_iter().collect::<HashSet<_>>();
        assert_eq!(of(english), of(indonesian), "{english}");
        assert!(!of(english).contains(""), "{english}: a variable has a name");
        assert!(!indonesian.is_empty() && !indonesian.ends_with('.'), "{indonesian}");
    }
}

#[test]
fn kinds_of_files_have_their_indonesian() {
    use crate::media::kind::MediaKind;
    for kind in MediaKind::ALL {
        assert!(known(kind.name()).is_some(), "{kind:?}");
    }
}

#[test]
fn what_varies_is_put_into_indonesian_where_it_is_ours() {
    for (english, indonesian) in [
        ("there is no device with that id", "tidak ada perangkat dengan ID itu"),
        (
            "this API key may not change an administrator; ask an administrator",
            "Anda tidak boleh mengubah administrator; minta kepada administrator",
        ),
        ("6281111 is not on WhatsApp", "6281111 tidak terdaftar di WhatsApp"),
        (
            "the Push URL could not be reached; it must have a public address, and answer",
            "Push URL tidak dapat dihubungi; harus punya alamat publik, dan menjawab",
        ),
        (
            "the Push URL answered 500; only a status from 200 to 299 counts as received",
            "Push URL menjawab 500; hanya status 200 sampai 299 yang berarti diterima",
        ),
        ("media_url answered 503, 5 times", "media_url menjawab 503, 5 kali"),
        (
            "media_url could not be reached; it must have a public address, and answer, 5 times",
            "media_url tidak dapat dihubungi; harus punya alamat publik, dan menjawab, 5 kali",
        ),
        (
            "media_url is too large: video files may have 16777216 bytes at the most",
            "berkas di media_url terlalu besar: berkas video paling besar 16777216 byte",
        ),
        (
            "no code can be had: nobody scanned the code in time",
            "kode tidak dapat diperoleh: tidak ada yang memindai kode tepat waktu",
        ),
        (
            "WhatsApp has restricted the number for a while: code 106",
            "WhatsApp membatasi nomor ini untuk sementara: kode 106",
        ),
        ("timeout: field required (and 2 more, see detail)", "batas waktu: wajib diisi (dan 2 kesalahan lain)"),
        // A person's own words, and a server's.
        ("'image' is not one of sandbox, web", "'image' bukan salah satu dari sandbox, web"),
        ("a server's own words", "a server's own words"),
        ("note: field required", "note: field required"),
        ("", ""),
    ] {
        assert_eq!(in_indonesian(english), indonesian);
    }
    for (english, indonesian) in [
        ("Is the shop open?", "Is the shop open?"),
        ("field required", "field required"),
        ("a [b] c", "a [b] c"),
        ("[b] is not on WhatsApp", "[b] is not on WhatsApp"),
        (
            "[image] [its file is not there: WhatsApp gave the file too slowly]",
            "[image] [berkasnya tidak ada: WhatsApp memberikan berkasnya terlalu lambat]",
        ),
    ] {
        assert_eq!(received(english), indonesian);
    }
}
