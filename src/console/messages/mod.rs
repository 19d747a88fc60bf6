//! Messages: which were sent, and what became of them. `one.rs` is a single one, `new.rs` sends by hand, `export.rs` gives
//! what the filter shows as a file, `import.rs` queues what stands in a file.

mod csv;
mod export;
mod filter;
mod import;
mod import_one;
mod new;
mod one;
mod upload;

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;

use super::Console;
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Visit, go};
use super::words::Viewer;
use crate::limits;
use filter::{Filter, Walk};

/// Characters of a text that a table shows.
const START_CHARS: usize = 80;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/messages", get(list))
        .route("/console/messages/export.csv", get(export::download))
        .merge(new::routes())
        .merge(import::routes())
        .merge(one::routes())
}

#[derive(Template)]
#[template(path = "messages.html")]
struct Page {
    frame: Frame,
    filter: Filter,
    devices: Vec<Device>,
    states: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    looked_back_to: Option<String>,
    export: String,
}

/// A message as the API shows it.
#[derive(Deserialize)]
struct Message {
    ref_no: String,
    destination: String,
    sender: String,
    is_group: bool,
    queue: String,
    status: String,
    message: Option<String>,
    caption: Option<String>,
    media_url: Option<String>,
    file_name: Option<String>,
    reason: Option<String>,
    reason_code: Option<String>,
    waits_until: Option<String>,
    position: Option<i64>,
    create_date: String,
    sent_date: Option<String>,
    delivered_date: Option<String>,
    read_date: Option<String>,
    aborted_date: Option<String>,
    expire_date: String,
    #[serde(default)]
    kind: String,
    members: Option<i64>,
    delivered_count: Option<i64>,
    read_count: Option<i64>,
    #[serde(default)]
    sandbox: bool,
    #[serde(default)]
    priority: String,
    tag: Option<String>,
}

impl Message {
    fn waits(&self) -> bool {
        matches!(self.status.as_str(), "U" | "Q")
    }

    fn is_media(&self) -> bool {
        self.media_url.is_some() || self.file_name.is_some()
    }

    /// Whether it is tried again at the moment that it waits for, or may leave then at the earliest: no hold ends then.
    fn is_tried_then(&self) -> bool {
        matches!(self.reason_code.as_deref(), Some("retry" | "media" | "rate_limited" | "turn"))
    }

    fn until_label<'a>(&self, frame: &'a Frame) -> &'a str {
        if self.is_tried_then() { frame.t("at the earliest", "paling cepat") } else { frame.t("until", "sampai") }
    }

    fn waits_label<'a>(&self, frame: &'a Frame) -> &'a str {
        match self.is_tried_then() {
            true => frame.t("Leaves at the earliest", "Terkirim paling cepat"),
            false => frame.t("Waits until", "Menunggu sampai"),
        }
    }

    /// The text or the caption.
    fn text(&self) -> &str {
        self.message.as_deref().or(self.caption.as_deref()).unwrap_or_default()
    }

    /// What a table shows of it: the file's name and the beginning of the text.
    fn start(&self) -> String {
        let file = self.is_media().then(|| self.file_name.as_deref().unwrap_or("\u{1f4ce}"));
        let words = [file.unwrap_or_default(), self.text()];
        let words = words.iter().flat_map(|text| text.split_whitespace()).collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(START_CHARS) {
            Some((at, _)) => format!("{}…", &words[..at]),
            None => words,
        }
    }
}

struct Row {
    message: Message,
    state: &'static str,
    start: String,
}

#[derive(Deserialize, Default)]
struct Listing {
    items: Vec<Message>,
    next_before: Option<String>,
    /// Where the look ended, when the page is not full though older ones may follow.
    looked_back_to: Option<String>,
}

#[derive(Deserialize)]
struct Device {
    device_id: String,
    name: String,
    sender: String,
    kind: String,
    /// Whether it sends what names no device.
    #[serde(default)]
    is_default: bool,
}

impl Device {
    /// How a list of devices names it.
    fn label(&self) -> String {
        let mark = if self.kind == "sandbox" { " [SANDBOX]" } else { "" };
        format!("{} {}{mark}", self.name, self.sender)
    }
}

/// What stands for no choice of a device: the one that will send.
fn default_label(frame: &Frame, devices: &[Device]) -> String {
    let default = frame.t("Default", "Utama");
    match devices.iter().find(|device| device.is_default) {
        Some(device) => format!("{default} ({})", device.label()),
        None => default.to_owned(),
    }
}

/// What a state is called.
fn state_name(viewer: &Viewer, letter: &str) -> &'static str {
    let (english, indonesian) = match letter {
        "U" => ("Waits for its device", "Menunggu perangkatnya"),
        "Q" => ("In the queue", "Dalam antrean"),
        "S" => ("Sent", "Terkirim"),
        "D" => ("Delivered", "Sampai"),
        "R" => ("Read", "Dibaca"),
        _ => ("Aborted", "Dibatalkan"),
    };
    match viewer.language {
        super::words::Language::English => english,
        super::words::Language::Indonesian => indonesian,
    }
}

async fn list(visit: Visit) -> Answer {
    if !visit.manages() {
        // Who only sends sees what he sent by its number, and sends.
        return Ok(go("/console/messages/new"));
    }
    let filter = Filter::of(|name| visit.query(name));
    let walk = Walk::of(visit.query("before").as_deref(), visit.query("newer").as_deref());
    let mut frame = visit.frame(Place::Messages, visit.t("Messages", "Pesan"));
    let devices = visit.get("/manage/1.0/devices?wait=false").await?;
    let path = filter.asked(visit.viewer().time_zone(), walk.before.as_deref(), limits::PAGE_ROWS_DEFAULT);
    let (status, listing) = match visit.get::<Listing>(&path).await {
        Ok(listing) => (StatusCode::OK, listing),
        Err(refusal) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => {
            frame.problem = Some(refusal.text);
            (refusal.status, Listing::default())
        }
        Err(refusal) => return Err(refusal),
    };
    frame.is_live = status == StatusCode::OK;
    let viewer = visit.viewer();
    let waiting = viewer.t("Waiting (U, Q)", "Menunggu (U, Q)").to_owned();
    let named = ["S", "D", "R", "A"].map(|letter| (letter, format!("{} ({letter})", state_name(viewer, letter))));
    let older = listing.next_before.as_deref().map(|next| filter.address("/console/messages", &walk.older(next)));
    let row = |message: Message| Row { state: state_name(viewer, &message.status), start: message.start(), message };
    let page = Page {
        states: [("Q", waiting)].into_iter().chain(named).collect(),
        newer: walk.newer().map(|walk| filter.address("/console/messages", &walk)),
        older,
        looked_back_to: listing.looked_back_to,
        export: filter.address("/console/messages/export.csv", &Walk::default()),
        rows: listing.items.into_iter().map(row).collect(),
        frame,
        filter,
        devices,
    };
    Ok(draw(status, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_the_beginning_of_a_long_text() {
        let message = |text: &str, file: Option<&str>| -> Message {
            serde_json::from_value(serde_json::json!({"ref_no": "", "destination": "", "sender": "", "is_group": false,
                "queue": "", "status": "Q", "message": text, "file_name": file, "create_date": "", "expire_date": ""}))
            .expect("a message")
        };
        assert_eq!(message("one\n two", None).start(), "one two");
        assert_eq!(message("look", Some("a.png")).start(), "a.png look");
        assert_eq!(message(&"é".repeat(81), None).start(), format!("{}…", "é".repeat(80)));
        assert_eq!(message(&"é".repeat(80), None).start(), "é".repeat(80));
    }
}
