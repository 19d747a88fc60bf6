//! `/manage/1.0/audit`: who did what. Every request passes [`record`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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
use crate::clock::{Millis, rfc3339};
use crate::limits;
use crate::store::audit as log;
use crate::store::{AuditEntry, AuditWay, NewAuditEntry};

/// Before the action that was not allowed.
pub const DENIED: &str = "denied";

tokio::task_local! {
    /// The request that is being handled.
    static REQUEST: Asked;
}

struct Asked {
    /// Who asks, once that is known.
    asker: RefCell<Option<Asker>>,
    at: Millis,
    /// The method, and the path as the document has it.
    action: String,
    /// The numbers and ids in the path.
    subject: String,
    /// Whether it changes something.
    is_action: bool,
}

/// When what changes nothing was done last, of each person and thing: pages look again and again, and programs try again.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<(i64, String), Millis>>);

impl Seen {
    /// Whether somebody does something that was not done a moment ago: it is recorded once for as long as it goes on.
    pub fn is_new(&self, person_id: i64, what: String, now: Millis) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= limits::AUDIT_SEEN_MAX {
            seen.retain(|_, at| now - *at < limits::AUDIT_SEEN_MS);
        }
        let key = (person_id, what);
        if seen.len() >= limits::AUDIT_SEEN_MAX && !seen.contains_key(&key) {
            return false;
        }
        seen.insert(key, now).is_none_or(|at| now - at >= limits::AUDIT_SEEN_MS)
    }
}

/// Something that was done
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
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
    responses((status = 200, body = Envelope<Listing<AuditView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, uri: Uri) -> Response {
    let listing = async {
        let wanted: AuditOf = query(&uri)?;
        let (_, client_id) = api.manager(&headers, wanted.client_id).await?;
        let rows = rows(wanted.limit)?;
        let mut entries = api.store.list_audit(client_id, page(wanted.before.as_deref(), rows)?).await?;
        let next = cut(&mut entries, rows, |entry| entry.seq.to_string());
        Ok(Listing { items: entries.into_iter().map(AuditView::from).collect(), next_before: next })
    };
    found(&headers, StatusCode::OK, "Who did what", listing.await)
}

/// Says who asks, once that is known.
pub(in crate::api) fn identified(asker: &Asker) {
    let _ = REQUEST.try_with(|asked| asked.asker.replace(Some(asker.clone())));
}

/// Says who does it and whose things a request is about, once that is known.
pub(super) fn tell(asker: &Asker, client_id: i64) {
    let _ = REQUEST.try_with(|asked| {
        if asked.is_action {
            log::set(asked.entry(asker, client_id, asked.action.clone()));
        }
    });
}

/// Names what a request is about to make: its path does not name it. After [`tell`].
pub(super) fn made(name: &str) {
    log::add_subject(name);
}

/// Says that a secret is shown, or something exported: that is recorded although nothing changes. Pages of the console ask for more
/// than they show, and say so themselves.
pub(super) fn tell_shown(api: &Api, asker: &Asker, client_id: i64) {
    let _ = REQUEST.try_with(|asked| {
        let what = format!("{} {}", asked.action, asked.subject);
        if asker.key_id != account::CONSOLE && api.audit_seen.is_new(asker.person.id, what, asked.at) {
            log::set(asked.entry(asker, client_id, asked.action.clone()));
        }
    });
}

/// Has what a request changes recorded with it.
pub async fn record(State(api): State<Api>, request: Request, next: Next) -> Response {
    let pattern = request.extensions().get::<MatchedPath>().map(|path| below(path.as_str()).to_owned());
    let pattern = pattern.unwrap_or_default();
    let asked = Asked {
        asker: RefCell::default(),
        at: api.clock.now(),
        action: format!("{} {pattern}", request.method()),
        subject: subject(&pattern, below(request.uri().path())),
        is_action: !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS),
    };
    let handled = REQUEST.scope(asked, async {
        let response = next.run(request).await;
        let denied = (response.status() == StatusCode::FORBIDDEN).then(|| REQUEST.with(|asked| asked.denied(&api)));
        (response, denied.flatten())
    });
    let ((response, denied), left) = log::pending(None, handled).await;
    // It is done, by something else than a change of the store.
    for entry in left.filter(|_| response.status().is_success()).into_iter().chain(denied) {
        api.store.record_done(entry).await;
    }
    response
}

impl Asked {
    /// The entry of a request that somebody who is known may not make.
    fn denied(&self, api: &Api) -> Option<NewAuditEntry> {
        let asker = self.asker.borrow();
        let asker = asker.as_ref()?;
        let action = format!("{DENIED} {}", self.action);
        api.audit_seen
            .is_new(asker.person.id, action.clone(), self.at)
            .then(|| self.entry(asker, asker.person.client_id, action))
    }

    fn entry(&self, asker: &Asker, client_id: i64, action: String) -> NewAuditEntry {
        let way = match asker.key_id {
            account::CONSOLE => AuditWay::Console,
            account::SHARED_LINK => AuditWay::SharedLink,
            number => AuditWay::Key(number),
        };
        let (userid, subject) = (asker.person.userid.clone(), self.subject.clone());
        NewAuditEntry { at: self.at, client_id, userid, way, action, subject }
    }
}

/// A path below the management API's own.
fn below(path: &str) -> &str {
    path.strip_prefix(MANAGE).unwrap_or(path)
}

/// What a path names, by the pattern that it fits.
fn subject(pattern: &str, path: &str) -> String {
    let pairs = pattern.split('/').zip(path.split('/'));
    let named = pairs.filter(|(part, _)| part.starts_with('{')).map(|(_, name)| name);
    named.collect::<Vec<_>>().join(" ")
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            date: rfc3339(entry.at),
            client_id: entry.client_id,
            userid: entry.userid,
            way: entry.way,
            action: entry.action,
            subject: entry.subject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_what_the_path_names() {
        for (pattern, path, expected) in [
            ("/devices/{device_id}", "/devices/1-123", "1-123"),
            ("/clients/{client_id}/persons/{person_id}", "/clients/1/persons/22", "1 22"),
            ("/clients/{client_id}/persons", "/clients/1/persons", "1"),
            ("/clients", "/clients", ""),
        ] {
            assert_eq!(subject(pattern, path), expected);
        }
        assert_eq!(below("/manage/1.0/devices"), "/devices");
    }
}
