//! The rows of a file that is imported: which can be queued, how the API is asked for each, and in which order. Pure.

use std::collections::HashSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::hex_upper;
use crate::campaign::{self, BadFile, BadRow, Row};
use crate::limits;

/// Rows of a preview.
const FIRST_ROWS: usize = 10;

/// A row that is not queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub line: u64,
    pub destination: String,
    pub reason: String,
}

/// A row as it is offered to the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub line: u64,
    pub recipient: String,
    pub path: &'static str,
    pub body: String,
}

/// What a file holds.
pub struct Checked {
    pub ready: Vec<Ready>,
    pub refused: Vec<Refused>,
    pub first: Vec<Row>,
    pub hash: String,
}

/// Why a file is not imported.
#[derive(Debug, thiserror::Error)]
pub enum NotImported {
    #[error(transparent)]
    BadFile(#[from] BadFile),
    #[error("it has more than {most} rows; split it", most = limits::IMPORT_ROWS_MAX)]
    TooMany,
    #[error("too many imports are under way; try again when one has ended")]
    Busy,
}

/// Checks a file; takes a second for many rows.
///
/// # Errors
/// [`NotImported`] when its rows cannot be read, or are too many.
pub fn check(bytes: &[u8], campaign: &str, queue: &str, country_code: &str) -> Result<Checked, NotImported> {
    let mut hash = Sha256::new_with_prefix(campaign);
    hash.update([0]);
    hash.update(bytes);
    let mut checked =
        Checked { ready: Vec::new(), refused: Vec::new(), first: Vec::new(), hash: hex_upper(&hash.finalize()) };
    for (count, line) in campaign::read(bytes)?.enumerate() {
        if count == limits::IMPORT_ROWS_MAX {
            return Err(NotImported::TooMany);
        }
        let destination = line.row.as_ref().map_or_else(|_| String::new(), |row| row.destination.clone());
        let ready = line.row.and_then(|row| {
            let ready = ready(line.line, &row, queue, country_code)?;
            if checked.first.len() < FIRST_ROWS {
                checked.first.push(row);
            }
            Ok(ready)
        });
        match ready {
            Ok(ready) => checked.ready.push(ready),
            Err(bad) => checked.refused.push(Refused { line: line.line, destination, reason: bad.to_string() }),
        }
    }
    // The next row is the last.
    checked.ready.reverse();
    Ok(checked)
}

fn ready(line: u64, row: &Row, queue: &str, country_code: &str) -> Result<Ready, BadRow> {
    row.content()?;
    let (is_group, timeout, recipient) = (row.is_group()?, row.timeout_seconds()?, row.recipient(country_code)?);
    let mut body = json!({"destination": row.destination, "is_group": is_group, "timeout": timeout});
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            body[name] = Value::from(value);
        }
    };
    put("queue", queue);
    let path = if row.media_url.is_empty() {
        put("message", &row.message);
        "/wachat_api/1.0/message"
    } else {
        put("caption", &row.message);
        put("media_url", &row.media_url);
        put("file_name", &row.file_name);
        "/wachat_api/1.0/media"
    };
    Ok(Ready { line, recipient, path, body: body.to_string() })
}

/// The next rows that are offered together: no two to one recipient, whose messages stay in their order.
pub fn take(waiting: &mut Vec<Ready>) -> Vec<Ready> {
    let mut recipients = HashSet::new();
    let last = waiting.iter().rev().take(limits::IMPORT_ROWS_AT_ONCE);
    let count = last.take_while(|ready| recipients.insert(ready.recipient.clone())).count();
    let mut taken = waiting.split_off(waiting.len() - count);
    taken.reverse();
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_to_one_recipient_are_offered_one_after_another() {
        let text = "destination,message\n628111111111,1\n628111111112,2\n0811-1111-111,3\n628111111113,4\n";
        let mut checked = check(text.as_bytes(), "", "", "62").expect("a file");
        let mut lines = Vec::new();
        loop {
            let batch = take(&mut checked.ready);
            if batch.is_empty() {
                break;
            }
            lines.push(batch.iter().map(|ready| ready.line).collect::<Vec<_>>());
        }
        assert_eq!(lines, [vec![2, 3], vec![4, 5]]);
    }

    #[test]
    fn a_file_is_known_by_what_stands_in_it_and_by_its_campaign() {
        let hash = |text: &str, campaign: &str| check(text.as_bytes(), campaign, "", "62").expect("a file").hash;
        let text = "destination,message\n628111111111,1\n";
        assert_eq!(hash(text, "a"), hash(text, "a"));
        assert!(hash(text, "a") != hash(text, "b") && hash(text, "") != hash(&text.replace('1', "2"), ""));
        let many = format!("destination,message\n{}", "1,x\n".repeat(limits::IMPORT_ROWS_MAX + 1));
        assert!(matches!(check(many.as_bytes(), "", "", "62"), Err(NotImported::TooMany)));
    }
}
