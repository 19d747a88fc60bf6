//! `/manage/1.0/imports`: files whose rows the gateway queues by itself. Who only sends may import too, and sees his own.

mod views;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use views::RefusedRow;
pub use views::{ImportView, RefusedRows};

use super::{Listing, OfClient, audit, available, cut, found, messages, page, query, refused, rows};
use crate::account::{Role, check_name};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::fields::Fault;
use crate::api::key::Asker;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::campaign::Name;
use crate::imports::{ImportError, SentBefore, Urgency, Wanted};
use crate::limits;
use crate::media::name::disposition;
use crate::message::Priority;
use crate::store::StoredImport;

/// What a file is called that came without a name.
const UNNAMED: &str = "import.csv";

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct NewImportOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// The device id; the client's usual device when absent
    pub queue: Option<String>,
    /// The device's phone number
    pub sender: Option<String>,
    /// What the file is called
    pub file_name: Option<String>,
    /// What the campaign is called. When absent: the campaign that rejected the rows, where the file says so in its column `campaign`; else the file's name without its extension, letter case and a browser's ` (1)`. The same row of the same campaign is queued once in 90 days
    pub campaign: Option<String>,
    /// Which sheet of a workbook is read; the first that it shows when absent, where no other one holds phone numbers
    pub sheet: Option<String>,
    /// `high`, `normal` or `bulk`, the default: every message of the file has it
    pub priority: Option<String>,
    /// A word of your own that every message of the file is given, up to 64 characters
    pub tag: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ImportsOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RefusedOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// The next_after of the page before
    pub after: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct BeginOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// What becomes of rows that another campaign has sent in the last 6 days, with the same text to the same recipients: `skip` or `send`. Needed where `sent_before.needs_decision` is true
    pub sent_before: Option<String>,
}

/// List the imports that are remembered, newest first: for 30 days after each ended
#[utoipa::path(get, path = "/imports", tag = "Management", security(("APIKey" = [])), params(ImportsOf),
    responses((status = 200, body = Envelope<Listing<ImportView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let listing = async {
        let wanted: ImportsOf = query(&uri)?;
        let reach = api.reach(&headers, wanted.client_id).await?;
        let rows = rows(wanted.limit)?;
        let page = page(wanted.before.as_deref(), rows)?;
        let mut imports = api.imports.list(reach.client_id, reach.person_id, page).await?;
        let next = cut(&mut imports, rows, |import| import.seq.to_string());
        Ok(Listing { items: imports.into_iter().map(ImportView::from).collect(), next_before: next })
    };
    found(&headers, StatusCode::OK, "Imports", listing.await)
}

/// Give a CSV file or an .xlsx workbook; it is checked, and nothing is queued before the import is begun
#[utoipa::path(post, path = "/imports", tag = "Management", security(("APIKey" = [])), params(NewImportOf),
    request_body(content = String, content_type = "text/csv", description = "At most 50,000 rows and 8 MB; split a larger file. \
    What it is says the file itself, not the content type. \
    Its first line names the columns: destination and message, and if wanted media_url, file_name, kind, timeout, is_group, priority \
    and tag"),
    responses((status = 201, body = Envelope<ImportView>),
    (status = 409, description = "Too many imports of the client are under way")))]
pub async fn add(State(api): State<Api>, headers: HeaderMap, uri: Uri, body: Body) -> Response {
    found(&headers, StatusCode::CREATED, "File checked", take(&api, &headers, &uri, body).await)
}

async fn take(api: &Api, headers: &HeaderMap, uri: &Uri, body: Body) -> Result<ImportView, Problem> {
    let wanted: NewImportOf = query(uri)?;
    let reach = api.reach(headers, wanted.client_id).await?;
    available::check_address(uri)?;
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let file_name = given(wanted.file_name).unwrap_or_else(|| UNNAMED.into());
    let campaign = given(wanted.campaign);
    check_name(&file_name).map_err(refused("file_name"))?;
    check_name(&Name::of(campaign.as_deref(), &file_name).shown).map_err(refused("campaign"))?;
    let urgency = urgency(wanted.priority.as_deref(), given(wanted.tag))?;
    let client = messages::client(api, reach.client_id).await?;
    let (sender, queue) = (given(wanted.sender), given(wanted.queue));
    let device = api.gateway(&client, sender.as_deref(), queue.as_deref()).await?;
    let bytes = api.read_body(reach.asker.client.id, headers, body, limits::IMPORT_BYTES_MAX).await?;
    let wanted = Wanted {
        person_id: reach.asker.person.id,
        device,
        file_name,
        campaign,
        client_id: client.id,
        country_code: client.country_code,
        sheet: given(wanted.sheet),
        urgency,
        bytes,
    };
    let id = api.imports.add(wanted).await?;
    view(api, find(api, &reach, &id).await?).await
}

fn urgency(priority: Option<&str>, tag: Option<String>) -> Result<Urgency, Problem> {
    let priority = match priority {
        Some(name) => Priority::from_name(name)
            .ok_or_else(|| Problem::parameter("priority", "priority is high, normal or bulk"))?,
        None => Urgency::default().priority,
    };
    if tag.as_ref().is_some_and(|tag| tag.chars().count() > limits::TAG_CHARS_MAX) {
        return Err(Problem::parameter("tag", "a tag has at most 64 characters"));
    }
    Ok(Urgency { priority, tag })
}

/// Show an import: how far it is, or why it stopped
#[utoipa::path(get, path = "/imports/{import_id}", tag = "Management", security(("APIKey" = [])),
    params(("import_id" = String, Path), OfClient), responses((status = 200, body = Envelope<ImportView>)))]
pub async fn show(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let import = async {
        let reach = api.reach(&headers, query::<OfClient>(&uri)?.client_id).await?;
        view(&api, find(&api, &reach, &id).await?).await
    };
    found(&headers, StatusCode::OK, "Import", import.await)
}

/// List the rows that are not queued, in the order of the file
#[utoipa::path(get, path = "/imports/{import_id}/refused", tag = "Management", security(("APIKey" = [])),
    params(("import_id" = String, Path), RefusedOf), responses((status = 200, body = Envelope<RefusedRows>)))]
pub async fn list_refused(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let listing = async {
        let wanted: RefusedOf = query(&uri)?;
        let reach = api.reach(&headers, wanted.client_id).await?;
        let import = find(&api, &reach, &id).await?;
        let rows = rows(wanted.limit)?;
        let after = wanted.after.as_deref().map_or(Ok(-1), str::parse);
        let after = after.map_err(|_| Problem::parameter("after", "after is the next_after of a page"))?;
        let mut refused = api.imports.refused(&import, after, rows + 1).await?;
        let next = cut(&mut refused, rows, |row| row.place.to_string());
        Ok(RefusedRows { items: refused.into_iter().map(RefusedRow::from).collect(), next_after: next })
    };
    found(&headers, StatusCode::OK, "Refused rows", listing.await)
}

/// The rows that are not queued as a CSV file, each with its texts, its line and the reason: correct it, and import it
#[utoipa::path(get, path = "/imports/{import_id}/refused.csv", tag = "Management", security(("APIKey" = [])),
    params(("import_id" = String, Path), OfClient),
    responses((status = 200, description = "The rows", content_type = "text/csv", body = String)))]
pub async fn refused_file(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let written = async {
        let reach = api.reach(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let import = find(&api, &reach, &id).await?;
        audit::tell_shown(&api, &reach.asker, reach.client_id);
        Ok::<_, Problem>((api.imports.refused_file(&import).await?, Name::of_refused(&import.campaign)))
    };
    match written.await {
        Ok((text, name)) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                (header::CONTENT_DISPOSITION, disposition("attachment", &name)),
            ];
            (headers, text).into_response()
        }
        Err(problem) => found::<()>(&headers, StatusCode::OK, "", Err(problem)),
    }
}

/// Queue the rows in the background; one that stopped goes on where it was, for who begins it
#[utoipa::path(post, path = "/imports/{import_id}/begin", tag = "Management", security(("APIKey" = [])),
    params(("import_id" = String, Path), BeginOf), responses((status = 200, body = Envelope<ImportView>),
    (status = 409, description = "Another campaign has sent many of its rows: say what becomes of them")))]
pub async fn begin(
    State(api): State<Api>,
    headers: HeaderMap,
    Named(id): Named<String>,
    uri: Uri,
    body: Body,
) -> Response {
    let begun = async {
        let wanted: BeginOf = query(&uri)?;
        let reach = api.reach(&headers, wanted.client_id).await?;
        api.check_available(&headers, &uri, body).await?;
        let decided = wanted.sent_before.as_deref().map(|name| {
            let known = SentBefore::from_name(name);
            known.ok_or_else(|| Problem::parameter("sent_before", "sent_before is skip or send"))
        });
        let decided = decided.transpose()?;
        let import = find(&api, &reach, &id).await?;
        api.imports.begin(&import, &reach.asker.person, decided).await?;
        view(&api, find(&api, &reach, &id).await?).await
    };
    found(&headers, StatusCode::OK, "Import begun", begun.await)
}

/// Stop an import; rows in hand are still queued, and what was queued stays queued
#[utoipa::path(post, path = "/imports/{import_id}/stop", tag = "Management", security(("APIKey" = [])),
    params(("import_id" = String, Path), OfClient), responses((status = 200, body = Envelope<ImportView>)))]
pub async fn stop(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let stopped = async {
        let reach = api.reach(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let import = find(&api, &reach, &id).await?;
        api.imports.stop(&import).await?;
        view(&api, find(&api, &reach, &id).await?).await
    };
    found(&headers, StatusCode::OK, "Import stopped", stopped.await)
}

/// Forget an import with its file; what was queued stays queued
#[utoipa::path(delete, path = "/imports/{import_id}", tag = "Management", security(("APIKey" = [])),
    params(("import_id" = String, Path), OfClient), responses((status = 200, body = Envelope<ImportView>),
    (status = 409, description = "It is under way")))]
pub async fn remove(State(api): State<Api>, headers: HeaderMap, Named(id): Named<String>, uri: Uri) -> Response {
    let removed = async {
        let reach = api.reach(&headers, query::<OfClient>(&uri)?.client_id).await?;
        let import = find(&api, &reach, &id).await?;
        api.imports.remove(&import).await?;
        Ok(ImportView::from(import))
    };
    found(&headers, StatusCode::OK, "Import forgotten", removed.await)
}

/// Whose imports somebody may see and change.
struct Reach {
    asker: Asker,
    client_id: i64,
    /// His own alone.
    person_id: Option<i64>,
}

impl Api {
    /// Who manages a client reaches all of its imports; who only sends, his own.
    async fn reach(&self, headers: &HeaderMap, client_id: Option<i64>) -> Result<Reach, Problem> {
        let asker = self.asker(headers).await?;
        match asker.person.role {
            Role::Administrator | Role::Owner => {
                let (asker, client_id) = self.managing(asker, client_id).await?;
                Ok(Reach { asker, client_id, person_id: None })
            }
            Role::Sender => {
                let own = asker.client.id;
                if client_id.is_some_and(|wanted| wanted != own) {
                    return Err(Problem::NotFound("client with that number"));
                }
                audit::tell(&asker, own);
                let person_id = Some(asker.person.id);
                Ok(Reach { asker, client_id: own, person_id })
            }
        }
    }
}

/// An import by itself, with what becomes of its messages.
async fn view(api: &Api, import: StoredImport) -> Result<ImportView, Problem> {
    let outlook = api.outlook_of(&import).await?;
    Ok(ImportView::from(import).with(outlook))
}

async fn find(api: &Api, reach: &Reach, id: &str) -> Result<StoredImport, Problem> {
    let found = api.imports.find(reach.client_id, reach.person_id, id).await?;
    found.ok_or(Problem::NotFound("import with that id"))
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::BadFile(_) => {
                Self::Invalid(vec![Fault::at(["body".into()], error.to_string(), "value_error")])
            }
            ImportError::Busy
            | ImportError::UnderWay
            | ImportError::BegunOtherwise
            | ImportError::SentBefore { .. } => Self::Conflict(error.to_string()),
            ImportError::Unavailable(reason) => {
                tracing::warn!(reason, "a file cannot be kept");
                Self::Unavailable { retry_after_seconds: 5 }
            }
            ImportError::NoRoom(why) => Self::NoRoom(why),
            ImportError::Store(error) => error.into(),
        }
    }
}
