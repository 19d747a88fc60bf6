//! The management API, `/manage/1.0`: what the console can do, for programs. With a key of an administrator, or of an
//! owner for his own client's things.

pub mod attempts;
pub mod audit;
mod available;
pub mod clients;
pub mod conversations;
pub mod device_events;
mod devices;
pub mod imports;
pub mod inbox;
pub mod keys;
pub mod links;
pub mod members;
pub mod messages;
pub mod migrations;
mod pacing;
pub mod passkeys;
pub mod persons;
pub mod push_test;
pub mod pushes;
pub mod shares;
pub mod statistics;

use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::answer::{self, Format};
use super::fields::Fault;
use super::key::Asker;
use super::problem::Problem;
use crate::account::Role;
use crate::limits;
use crate::store::Page;

/// Every route.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(clients::list, clients::add))
        .routes(routes!(clients::show, clients::change))
        .routes(routes!(persons::list, persons::add))
        .routes(routes!(persons::change))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::revoke))
        .routes(routes!(devices::list, devices::add))
        .routes(routes!(devices::show, devices::change, devices::remove))
        .routes(routes!(devices::receive))
        .routes(routes!(migrations::migrate))
        .routes(routes!(migrations::go_live))
        .routes(routes!(links::show, links::begin, links::cancel))
        .routes(routes!(shares::add, shares::remove))
        .routes(routes!(links::show_qr))
        .routes(routes!(links::begin_code))
        .routes(routes!(links::end))
        .routes(routes!(passkeys::show, passkeys::answer))
        .routes(routes!(passkeys::confirm))
        .routes(routes!(device_events::list_events))
        .routes(routes!(pushes::show, pushes::set, pushes::remove))
        .routes(routes!(pushes::rotate))
        .routes(routes!(pushes::pause))
        .routes(routes!(pushes::resume))
        .routes(routes!(pushes::list))
        .routes(routes!(push_test::send))
        .routes(routes!(pushes::replay))
        .routes(routes!(messages::list))
        .routes(routes!(messages::counts))
        .routes(routes!(messages::show))
        .routes(routes!(messages::cancel))
        .routes(routes!(attempts::list))
        .routes(routes!(attempts::resend))
        .routes(routes!(members::list))
        .routes(routes!(inbox::list))
        .routes(routes!(statistics::show))
        .routes(routes!(inbox::show))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::show))
        .routes(routes!(imports::list, imports::add))
        .routes(routes!(imports::show, imports::remove))
        .routes(routes!(imports::list_refused))
        .routes(routes!(imports::refused_file))
        .routes(routes!(imports::begin))
        .routes(routes!(imports::stop))
        .routes(routes!(audit::list))
}

/// Which client is meant; the key's own when it is not said.
#[derive(Debug, Default, serde::Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct OfClient {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
}

/// Whose figures are shown, and whether to wait for what was not counted yet.
#[derive(Debug, Default, serde::Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Counted {
    /// The client's number; the key's own when absent
    pub client_id: Option<i64>,
    /// `false`: null at once in place of figures that take long to count; true by default
    pub wait: Option<bool>,
}

/// A page of a listing, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    pub items: Vec<T>,
    /// Give this as `before` for the next page; null on the last.
    pub next_before: Option<String>,
}

/// Answers what a handler found.
fn found<T: Serialize>(headers: &HeaderMap, status: StatusCode, message: &str, data: Result<T, Problem>) -> Response {
    answer::from(Format::of(headers), data.map(|data| (status, message, data)))
}

/// Reads the part of the address behind the question mark.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let invalid = |error: String| Problem::Invalid(vec![Fault::at(["query".into()], error, "value_error")]);
    if uri.query().is_some_and(|query| query.contains("%00")) {
        return Err(invalid("a parameter may not hold NUL".into()));
    }
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|error| invalid(error.to_string()))
}

/// Whether a text is nowhere interrupted by a NUL, which no database of ours takes.
fn is_storable(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => !text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().all(is_storable),
        serde_json::Value::Object(fields) => {
            fields.iter().all(|(name, value)| !name.contains('\0') && is_storable(value))
        }
        _ => true,
    }
}

/// A fault of a field, in the words of what is wrong with its value.
fn refused<E: std::fmt::Display>(field: &'static str) -> impl Fn(E) -> Problem {
    move |bad| Problem::field(field, bad.to_string())
}

/// A fault of a body, at a place in it.
fn bad_body(place: Vec<serde_json::Value>, msg: String) -> Problem {
    let loc = std::iter::once("body".into()).chain(place).collect();
    Problem::Invalid(vec![Fault { loc, msg, kind: "value_error", number: None }])
}

/// The rows of a page, within bounds.
fn rows(limit: Option<i64>) -> Result<i64, Problem> {
    let limit = limit.unwrap_or(limits::PAGE_ROWS_DEFAULT);
    let most = limits::PAGE_ROWS_MAX;
    if (1..=most).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::parameter("limit", format!("limit is from 1 to {most}")))
    }
}

/// A page, asked for with one row more than it shows: that row tells whether another page follows.
fn page(before: Option<&str>, rows: i64) -> Result<Page, Problem> {
    let before = before.map(str::parse).transpose();
    let before = before.map_err(|_| Problem::parameter("before", "before is the next_before of a page"))?;
    Ok(Page { before, rows: rows + 1 })
}

/// Cuts what was found to `rows`; gives where the next page begins, if one follows.
fn cut<T>(found: &mut Vec<T>, rows: i64, number: impl Fn(&T) -> String) -> Option<String> {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let follows = found.len() > rows;
    found.truncate(rows);
    found.last().filter(|_| follows).map(number)
}

fn no_json(error: &serde_json::Error) -> Problem {
    let place = vec![error.line().into(), error.column().into()];
    bad_body(place, format!("the body is no JSON: {error}"))
}

/// What is wrong with a field, without the place at its end: it is wrong wherever it stands.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    in_plain_words(what).unwrap_or_else(|| what.to_owned())
}

/// The parser's error about a value of the wrong type, without the names of Rust's types.
fn in_plain_words(text: &str) -> Option<String> {
    let (found, expected) = text.strip_prefix("invalid type: ")?.rsplit_once(", expected ")?;
    let expected = match expected {
        "i64" | "u64" | "i32" | "u32" | "usize" => "a whole number",
        "f64" => "a number",
        "a string" | "string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") || expected == "a map" => "an object",
        _ => return None,
    };
    let found = match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some((_, value)) if value.ends_with('`') => value.rsplit('`').nth(1).unwrap_or(value).to_owned(),
        _ if found == "map" => "an object".to_owned(),
        _ if found == "sequence" => "a list".to_owned(),
        _ => found.to_owned(),
    };
    Some(format!("give {expected}, not {found}"))
}

/// Which field it is that is wrong.
fn place_of(path: &serde_path_to_error::Path) -> Vec<serde_json::Value> {
    let place = path.iter().filter_map(|segment| match segment {
        Segment::Map { key } => Some(key.as_str().into()),
        Segment::Seq { index } => Some((*index).into()),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    place.collect()
}

/// The fields of a body.
fn read_fields<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // Only its fields are kept: a tree of all that a body may hold takes many times its bytes.
    if let Err(fault) = serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        return Err(no_json(&fault));
    }
    // A list would be taken for the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(bad_body(Vec::new(), "the body is a JSON object".into()));
    }
    if !is_text_storable(body) {
        return Err(bad_body(Vec::new(), "a text may not hold NUL".into()));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| bad_body(place_of(error.path()), without_place(error.inner())))
}

/// Whether no text of a body may hold NUL, which PostgreSQL does not store: none is written as an escape.
fn is_text_storable(body: &[u8]) -> bool {
    !body.windows(6).any(|part| part == b"\\u0000")
}

impl Api {
    /// Reads the fields of a body that a known client sends.
    ///
    /// # Errors
    /// 422 when it is not what is wanted; 413 and 400 as every body.
    async fn json<T: DeserializeOwned>(&self, client_id: i64, headers: &HeaderMap, body: Body) -> Result<T, Problem> {
        let body = self.read_body(client_id, headers, body, limits::BODY_BYTES_MAX).await?;
        self.parse(client_id, body.len(), || read_fields(&body)).await?
    }

    /// Reads a small body that may be any JSON.
    ///
    /// # Errors
    /// As [`Api::json`].
    async fn json_value(&self, client_id: i64, headers: &HeaderMap, body: Body) -> Result<serde_json::Value, Problem> {
        let body = self.read_body(client_id, headers, body, limits::SMALL_BODY_BYTES_MAX).await?;
        let value = serde_json::from_slice(&body).map_err(|error| no_json(&error))?;
        if is_storable(&value) { Ok(value) } else { Err(bad_body(Vec::new(), "a text may not hold NUL".into())) }
    }

    /// Who asks, and the client whose things he may manage: the one he names, or his own.
    ///
    /// # Errors
    /// 403 for who only sends, 404 for a client that is not his.
    async fn manager(&self, headers: &HeaderMap, client_id: Option<i64>) -> Result<(Asker, i64), Problem> {
        let asker = self.asker(headers).await?;
        self.managing(asker, client_id).await
    }

    /// As [`Api::manager`], for somebody who is known already.
    ///
    /// # Errors
    /// As [`Api::manager`].
    async fn managing(&self, asker: Asker, client_id: Option<i64>) -> Result<(Asker, i64), Problem> {
        if asker.person.role == Role::Sender {
            return Err(Problem::OnlySends);
        }
        let client_id = client_id.unwrap_or(asker.client.id);
        let is_there = asker.manages(client_id)
            && (client_id == asker.client.id || self.store.find_client(client_id).await?.is_some());
        if !is_there {
            return Err(Problem::NotFound("client with that number"));
        }
        audit::tell(&asker, client_id);
        Ok((asker, client_id))
    }

    /// Who asks, when he is an administrator.
    ///
    /// # Errors
    /// 403 when he is not.
    async fn administrator(&self, headers: &HeaderMap) -> Result<Asker, Problem> {
        let asker = self.asker(headers).await?;
        if asker.person.role != Role::Administrator {
            return Err(Problem::NotAllowed("manage every client"));
        }
        audit::tell(&asker, asker.person.client_id);
        Ok(asker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_type_is_refused_without_the_names_of_rusts_types() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code, reason = "only read")]
        struct Asked {
            #[serde(default)]
            count: i64,
            #[serde(default)]
            name: String,
            #[serde(default)]
            paused: bool,
            #[serde(default)]
            all: Vec<i64>,
        }
        for (body, said) in [
            (r#"{"count": "5,000"}"#, r#"give a whole number, not the text "5,000""#),
            (r#"{"count": 5.5}"#, "give a whole number, not 5.5"),
            (r#"{"count": null}"#, "give a whole number, not null"),
            (r#"{"count": {}}"#, "give a whole number, not an object"),
            (r#"{"name": 5}"#, "give a text, not 5"),
            (r#"{"name": []}"#, "give a text, not a list"),
            (r#"{"paused": "yes"}"#, r#"give true or false, not the text "yes""#),
            (r#"{"all": true}"#, "give a list, not true"),
        ] {
            let refused = read_fields::<Asked>(body.as_bytes()).expect_err(body);
            let Problem::Invalid(faults) = refused else { panic!("{body}: {refused:?}") };
            assert_eq!(faults.iter().map(|fault| fault.msg.as_str()).collect::<Vec<_>>(), [said], "{body}");
        }
    }
}
