//! Queueing what stands in a file: choosing it, and the files that were given. The gateway queues the rows by itself
//! (`imports/`); these pages ask the API of it. `import_one.rs` shows one.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::routing::get;
use serde::Deserialize;
use url::form_urlencoded;

use super::import_one::Import;
use super::upload::File;
use super::{Device, import_one, upload};
use crate::console::Console;
use crate::console::forms::Fields;
use crate::console::frame::{Frame, Place, draw};
use crate::console::visit::{Answer, Refusal, Visit, go};
use crate::limits;

pub const PATH: &str = "/console/messages/import";
pub const API: &str = "/manage/1.0/imports";

pub fn routes() -> Router<Console> {
    Router::new().route(PATH, get(show).post(take)).merge(import_one::routes())
}

#[derive(Template)]
#[template(path = "import.html")]
struct ChoosePage {
    frame: Frame,
    devices: Vec<Device>,
    queue: String,
    campaign: String,
    sheet: String,
    tag: String,
    known: Vec<Import>,
    older: Option<String>,
    is_first: bool,
    megabytes_max: usize,
    rows_max: i64,
    days_kept: i64,
}

#[derive(Deserialize)]
struct Listing {
    items: Vec<Import>,
    next_before: Option<String>,
}

async fn show(visit: Visit) -> Answer {
    let queue = visit.query("queue").unwrap_or_default();
    choose(&visit, &Fields::of(vec![("queue".into(), queue)]), None).await
}

/// The form, with what was filled in before.
async fn choose(visit: &Visit, filled: &Fields, refusal: Option<Refusal>) -> Answer {
    let mut frame = visit.frame(Place::Messages, visit.t("Import a file", "Impor berkas"));
    let devices = if visit.manages() { visit.get("/manage/1.0/devices?wait=false").await? } else { Vec::new() };
    let before = visit.query("before");
    let known: Listing = visit.get(&address(API, &[("before", before.as_deref().unwrap_or_default())])).await?;
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.is_live = refusal.is_none();
    frame.problem = refusal.map(|refusal| refusal.text);
    let page = ChoosePage {
        frame,
        devices,
        queue: filled.text("queue").to_owned(),
        campaign: filled.text("campaign").to_owned(),
        sheet: filled.text("sheet").to_owned(),
        tag: filled.text("tag").to_owned(),
        known: known.items,
        older: known.next_before.map(|next| address(PATH, &[("before", &next)])),
        is_first: before.is_none(),
        megabytes_max: limits::IMPORT_BYTES_MAX / (1024 * 1024),
        rows_max: i64::try_from(limits::IMPORT_ROWS_MAX).unwrap_or(i64::MAX),
        days_kept: limits::IMPORT_KEPT_DAYS,
    };
    let mut response = draw(status, &page);
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the form is not read.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A path with those parameters in which something stands.
pub fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

async fn take(visit: Visit, headers: HeaderMap, body: Body) -> Answer {
    let form = match upload::read(&visit, &headers, body, limits::IMPORT_BYTES_MAX).await {
        Ok(form) => form,
        Err(refusal) => return choose(&visit, &Fields::default(), Some(refusal)).await,
    };
    let Some(file) = &form.file else {
        let text = visit.t("Choose a file.", "Pilih berkas.");
        let refusal = visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, text);
        return choose(&visit, &form.fields, Some(refusal)).await;
    };
    match give(&visit, file, &form.fields).await {
        Ok(import) => Ok(go(&format!("{PATH}/{}", import.id))),
        Err(Refusal { status, text, .. }) => {
            let refusal = visit.refusal(status, &format!("{}: {text}", file.name));
            choose(&visit, &form.fields, Some(refusal)).await
        }
    }
}

/// Gives the API a file.
async fn give(visit: &Visit, file: &File, fields: &Fields) -> Result<Import, Refusal> {
    let mut parameters = vec![("file_name", file.name.as_str())];
    parameters.extend(["queue", "campaign", "sheet", "priority", "tag"].map(|name| (name, fields.text(name))));
    let path = address(API, &parameters);
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, file.bytes.len())
        .body(Body::from(file.bytes.clone()));
    let request = request.map_err(|_| {
        let text = visit.t("the names are too long", "namanya terlalu panjang");
        visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, text)
    })?;
    visit.tell(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_given() {
        assert_eq!(address("/a", &[("b", ""), ("c", "")]), "/a");
        assert_eq!(address("/a", &[("b", "x & y"), ("c", "")]), "/a?b=x+%26+y");
    }
}
