//! By what a row is recognized when its file is imported again. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{Campaign, Row};
use crate::account::hex_upper;
use crate::customer_url::masked;
use crate::limits;
use crate::message::kind::MediaKind;
use crate::message::{Content, MediaSource, Priority};

/// How many rows with the same contents came so far, by the beginning of a hash.
#[derive(Debug, Default)]
pub struct Seen(HashMap<[u8; 16], u64>);

impl Seen {
    /// How many rows with the same contents came before.
    fn count(&mut self, contents: [u8; 16]) -> u64 {
        let same = self.0.entry(contents).or_default();
        *same += 1;
        *same - 1
    }

    /// The hash of contents, and of how many rows with the same came before.
    fn key(&mut self, mut hash: Sha256) -> String {
        let before = self.count(first_bytes(&hash));
        hash.update([0]);
        hash.update(before.to_string());
        named(hash)
    }
}

fn first_bytes(hash: &Sha256) -> [u8; 16] {
    let mut contents = [0; 16];
    contents.copy_from_slice(&hash.clone().finalize()[..16]);
    contents
}

/// What a row says to whom.
pub struct Said<'a> {
    pub recipient: &'a str,
    pub is_group: bool,
    pub content: &'a Content,
}

/// The key of a row: the campaign, the recipient, what he sees, and how many rows before it say the same. Neither the row's place
/// nor the other rows count, nor how the file is written, nor when and how urgently the message is sent.
pub fn key(campaign: &Campaign, said: &Said<'_>, seen: &mut Seen) -> String {
    key_named(campaign, &campaign.name.key(), said, seen)
}

/// What a row says to whom, whatever its campaign is called, and how many rows before it say the same.
pub fn said(client_id: i64, said: &Said<'_>, seen: &mut Seen) -> (String, u64) {
    let contents = first_bytes(&of_said("any", &client_id.to_string(), &[], said));
    (hex_upper(&contents), seen.count(contents))
}

/// The same under another name of the campaign, in lower case: earlier versions derived others from the names of files.
pub fn key_named(campaign: &Campaign, name: &str, said: &Said<'_>, seen: &mut Seen) -> String {
    seen.key(of_said("said", &campaign.client_id.to_string(), &[name], said))
}

/// The key of the version before, which depended on a password in the file's address too; `None` where there is none.
pub fn key_with_password(campaign: &Campaign, said: &Said<'_>, seen: &mut Seen) -> Option<String> {
    let Content::Media { source: MediaSource::Url(url), .. } = said.content else { return None };
    let Cow::Owned(shown) = masked(url) else { return None };
    let (is_group, client_id) = (if said.is_group { "group" } else { "" }, campaign.client_id.to_string());
    let says = says(said.content).into_iter().map(|part| if part == shown { url.clone() } else { part });
    let says: Vec<String> = says.collect();
    let fields = [&client_id, &campaign.name.key(), said.recipient, is_group];
    Some(seen.key(of_fields("said", fields.into_iter().chain(says.iter().map(String::as_str)))))
}

fn of_said(prefix: &str, client_id: &str, name: &[&str], said: &Said<'_>) -> Sha256 {
    let (is_group, says) = (if said.is_group { "group" } else { "" }, says(said.content));
    let to = [said.recipient, is_group];
    let fields = std::iter::once(client_id).chain(name.iter().copied()).chain(to);
    of_fields(prefix, fields.chain(says.iter().map(String::as_str)))
}

/// What a recipient sees.
fn says(content: &Content) -> Vec<String> {
    match content {
        Content::Text(text) => vec!["text".into(), as_seen(text)],
        Content::Media { caption, source, file_name, kind } => {
            let (MediaSource::Url(source) | MediaSource::Shelf(source)) = source;
            vec![
                "media".into(),
                as_seen(caption.as_deref().unwrap_or_default()),
                // A password is nothing that a recipient sees, and nobody must be able to guess it from a copy of the keys.
                masked(source).into_owned(),
                file_name.clone().unwrap_or_default(),
                kind.map(MediaKind::name).unwrap_or_default().to_owned(),
            ]
        }
    }
}

/// A text with its line breaks written in one way, and nothing around it.
fn as_seen(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

/// The key up to version 0.1, which depended on the row's place and on its cells: what was queued under it is not queued again.
pub fn key_of_place(campaign: &Campaign, name: &str, at: usize, row: &Row, recipient: &str) -> String {
    let Row { message, media_url, file_name, kind, timeout, is_group, priority, tag, .. } = row;
    let kind = if media_url.is_empty() { "" } else { kind.as_str() };
    let mut fields = vec![recipient, message, media_url, file_name, timeout, is_group, priority, tag, kind];
    fields.truncate(fields.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1));
    named(of_fields(&format!("{}\0{name}\0{at}", campaign.client_id), fields))
}

/// The key of the version after that, which depended on the row's cells.
pub fn key_of_cells(
    campaign: &Campaign,
    name: &str,
    row: &Row,
    said: &Said<'_>,
    (timeout_seconds, priority): (i64, Option<Priority>),
    seen: &mut Seen,
) -> String {
    let timeout = Some(timeout_seconds).filter(|seconds| *seconds != limits::TIMEOUT_SECONDS_DEFAULT);
    let timeout = timeout.map(|seconds| seconds.to_string()).unwrap_or_default();
    let kind = if row.media_url.is_empty() { String::new() } else { row.kind.to_ascii_lowercase() };
    let client_id = campaign.client_id.to_string();
    let fields = [
        client_id.as_str(),
        name,
        said.recipient,
        if said.is_group { "group" } else { "" },
        &row.message,
        &row.media_url,
        &row.file_name,
        &kind,
        &timeout,
        priority.map_or("", Priority::name),
        &row.tag,
    ];
    seen.key(of_fields("row", fields))
}

fn of_fields<'a>(prefix: &str, fields: impl IntoIterator<Item = &'a str>) -> Sha256 {
    let mut hash = Sha256::new_with_prefix(prefix);
    for field in fields {
        hash.update([0]);
        hash.update(field);
    }
    hash
}

fn named(hash: Sha256) -> String {
    format!("import:{}", hex_upper(&hash.finalize()))
}
