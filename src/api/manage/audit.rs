//! `/manage/1.0/audit`: who did what. Every request that changes something passes [`note`].

use std::cell::RefCell;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Listing, cut, found, page, query, rows};
use crate::account;
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::key::Asker;
use crate::api::routes::MANAGE;
use crate::clock::rfc3339;
use crate::limits;
use crate::store::{Deed, DeedWay, NewDeed};

tokio::task_local! {
    /// Who asks, and whose things he changes, as the handler finds out.
    static WHO: RefCell<Option<Who>>;
}

struct Who {
    userid: String,
    key_id: i64,
    client_id: i64,
    /// The number, id or name of what he made.
    made: Option<String>,
}

/// Something that was done
#[derive(Debug, Serialize, ToSchema)]
pub struct DeedView {
    #[schema(format = DateTime)]
    pub date: String,
    pub client_id: i64,
    /// Empty where the way is a pairing link.
    pub userid: String,
    /// `console`, `command line`, `shared link`, `pairing link`, or `key` and the key's number.
    pub way: String,
    /// A method and a path of this API, or what was done in the console.
    pub action: String,
    /// The numbers and ids in the path, then the number, id or name of what was made.
    pub subject: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct AuditOf {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// The next_before of the page before
    pub before: Option<String>,
    /// Rows of the page: 50 by default, 500 at the most
    pub limit: Option<i64>,
}

/// List who did what, newest first
#[utoipa::path(get, path = "/audit", tag = "Management", security(("APIKey" = [])), params(AuditOf),
    responses((status = 200, body = Envelope<Listing<DeedView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let listing = async {
        let wanted: AuditOf = query(&uri)?;
        let (_, client_id) = api.manager(&headers, wanted.client_id).await?;
        let rows = rows(wanted.limit)?;
        let mut deeds = api.store.list_deeds(client_id, page(wanted.before.as_deref(), rows)?).await?;
        let next = cut(&mut deeds, rows, |deed| deed.seq.to_string());
        Ok(Listing { items: deeds.into_iter().map(DeedView::from).collect(), next_before: next })
    };
    found(&headers, StatusCode::OK, "Who did what", listing.await)
}

/// Says whose things a request is about, once that is found out.
pub(super) fn tell(asker: &Asker, client_id: i64) {
    let who = Who { userid: asker.person.userid.clone(), key_id: asker.key_id, client_id, made: None };
    // Requests that only look are not noted: nobody listens.
    let _ = WHO.try_with(|told| told.replace(Some(who)));
}

/// Says what a request made: its path does not name it. After [`tell`].
pub(super) fn made(name: impl ToString) {
    let _ = WHO.try_with(|told| {
        if let Some(who) = told.borrow_mut().as_mut() {
            who.made = Some(name.to_string());
        }
    });
}

/// Notes a request that changed something.
pub async fn note(State(api): State<Api>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    let pattern = request.extensions().get::<MatchedPath>().map(|path| below(path.as_str()).to_owned());
    let pattern = pattern.unwrap_or_default();
    let path = below(request.uri().path()).to_owned();
    let action = format!("{} {pattern}", request.method());
    let (response, who) = WHO
        .scope(RefCell::new(None), async { (next.run(request).await, WHO.with(|told| told.borrow_mut().take())) })
        .await;
    if let Some(who) = who.filter(|_| response.status().is_success()) {
        let Who { userid, key_id, client_id, made } = who;
        let subject = subject(&pattern, &path, made.as_deref());
        let way = match key_id {
            account::CONSOLE => DeedWay::Console,
            account::SHARED_LINK => DeedWay::SharedLink,
            number => DeedWay::Key(number),
        };
        let deed = NewDeed { at: api.clock.now(), client_id, userid, way, action, subject };
        if let Err(error) = api.store.note_deed(deed).await {
            // It is done: to say otherwise would have it done again.
            tracing::warn!(%error, "what was done could not be noted");
        }
    }
    response
}

/// A path below the management API's own.
fn below(path: &str) -> &str {
    path.strip_prefix(MANAGE).unwrap_or(path)
}

/// What a path names, by the pattern that it fits, and what was made.
fn subject(pattern: &str, path: &str, made: Option<&str>) -> String {
    let pairs = pattern.split('/').zip(path.split('/'));
    let named = pairs.filter(|(part, _)| part.starts_with('{')).map(|(_, name)| name);
    named.chain(made).collect::<Vec<_>>().join(" ").chars().take(limits::AUDIT_CHARS_MAX).collect()
}

impl From<Deed> for DeedView {
    fn from(deed: Deed) -> Self {
        Self {
            date: rfc3339(deed.at),
            client_id: deed.client_id,
            userid: deed.userid,
            way: deed.way,
            action: deed.action,
            subject: deed.subject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_what_the_path_names_and_what_was_made() {
        for (pattern, path, made, expected) in [
            ("/devices/{device_id}", "/devices/1-123", None, "1-123"),
            ("/clients/{client_id}/persons/{person_id}", "/clients/1/persons/22", None, "1 22"),
            ("/clients/{client_id}/persons", "/clients/1/persons", Some("budi"), "1 budi"),
            ("/clients", "/clients", Some("2"), "2"),
            ("/clients", "/clients", None, ""),
        ] {
            assert_eq!(subject(pattern, path, made), expected);
        }
        assert_eq!(below("/manage/1.0/devices"), "/devices");
        assert_eq!(subject("/a/{b}", &format!("/a/{}", "x".repeat(999)), None).len(), limits::AUDIT_CHARS_MAX);
    }
}
