//! What the filter shows, as a CSV file: page by page, as fast as it is taken.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::unfold;

use super::csv::lines;
use super::filter::Filter;
use super::{Listing, Message, state_name};
use crate::console::audit_log;
use crate::console::visit::{Answer, Refusal, Visit};
use crate::limits;

/// What the first line says.
const COLUMNS: [&str; 22] = [
    "ref_no",
    "created",
    "status",
    "state",
    "device",
    "sender",
    "destination",
    "is_group",
    "text",
    "file_name",
    "reason",
    "reason_code",
    "waits_until",
    "position",
    "expire_date",
    "sent",
    "delivered",
    "read",
    "aborted",
    "priority",
    "tag",
    "sandbox",
];
/// So that spreadsheets read UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// An export under way.
struct Export {
    visit: Visit,
    filter: Filter,
    page: Option<Listing>,
    rows: usize,
    is_first: bool,
}

pub async fn download(visit: Visit) -> Answer {
    let filter = Filter::of(|name| visit.query(name));
    // A filter that is refused is told on a page, not in a file.
    let page = ask(&visit, &filter, None).await?;
    let (console, person) = (visit.console(), visit.person());
    let entry = audit_log::entry(console, person.client_id, &person.userid, audit_log::EXPORTED, "");
    console.api.store.record_done(entry).await;
    let export = Export { visit, filter, page: Some(page), rows: 0, is_first: true };
    let pieces = unfold(export, |mut export| async move {
        let piece = export.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), export))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"messages.csv\""));
    headers.insert("x-rows-max", HeaderValue::from(limits::EXPORT_ROWS_MAX));
    Ok(response)
}

async fn ask(visit: &Visit, filter: &Filter, before: Option<&str>) -> Result<Listing, Refusal> {
    visit.get(&filter.asked(visit.viewer().time_zone(), before, limits::PAGE_ROWS_MAX)).await
}

impl Export {
    /// The next lines of the file; none at its end.
    async fn next(&mut self) -> Option<Bytes> {
        let mut page = self.page.take()?;
        page.items.truncate(limits::EXPORT_ROWS_MAX - self.rows);
        self.rows += page.items.len();
        let mut text = if self.is_first { BYTE_ORDER_MARK.as_bytes().to_vec() } else { Vec::new() };
        if std::mem::take(&mut self.is_first) {
            text.extend(lines([COLUMNS.to_vec()]));
        }
        text.extend(self.lines_of(&page.items));
        let Some(before) = page.next_before else { return Some(text.into()) };
        let end = if self.rows >= limits::EXPORT_ROWS_MAX {
            let most = limits::EXPORT_ROWS_MAX;
            Some(format!("only the newest {most} messages are here; narrow the filter to have the others"))
        } else if self.visit.console().is_stopping() {
            Some("the gateway stops; not every message is here, export them again".to_owned())
        } else {
            match ask(&self.visit, &self.filter, Some(&before)).await {
                Ok(page) => {
                    self.page = Some(page);
                    None
                }
                Err(refusal) => Some(format!("not every message is here: {}", refusal.text)),
            }
        };
        if let Some(end) = &end {
            text.extend(lines([vec![self.visit.viewer().said(end).as_ref()]]));
        }
        Some(text.into())
    }

    fn lines_of(&self, messages: &[Message]) -> Vec<u8> {
        let viewer = self.visit.viewer();
        let positions: Vec<String> =
            messages.iter().map(|one| one.position.map_or_else(String::new, |place| place.to_string())).collect();
        lines(messages.iter().zip(&positions).map(|(one, position)| {
            vec![
                one.ref_no.as_str(),
                one.create_date.as_str(),
                one.status.as_str(),
                state_name(viewer, &one.status),
                one.queue.as_str(),
                one.sender.as_str(),
                one.destination.as_str(),
                if one.is_group { "true" } else { "false" },
                one.text(),
                one.file_name.as_deref().unwrap_or_default(),
                one.reason.as_deref().unwrap_or_default(),
                one.reason_code.as_deref().unwrap_or_default(),
                one.waits_until.as_deref().unwrap_or_default(),
                position,
                &one.expire_date,
                one.sent_date.as_deref().unwrap_or_default(),
                one.delivered_date.as_deref().unwrap_or_default(),
                one.read_date.as_deref().unwrap_or_default(),
                one.aborted_date.as_deref().unwrap_or_default(),
                one.priority.as_str(),
                one.tag.as_deref().unwrap_or_default(),
                if one.sandbox { "true" } else { "false" },
            ]
        }))
    }
}
