//! The OpenAPI document, `/openapi.json`, and the page to try it on, `/docs`. Nothing of the page comes from elsewhere.

use std::sync::OnceLock;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::answer::{Failure, ValidationFailure};

/// What the document says of the whole API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "WAChat API",
        description = "Send WhatsApp messages, follow each to delivered and read. Every answer is an envelope: \
                       `error`, `message`, and `data` when there is no error. `Accept: application/xml` gives XML.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&KeyHeader),
    components(schemas(Failure, ValidationFailure)),
    tags(
        (name = "Authentication", description = "Who an API key belongs to"),
        (name = "WA Chat", description = "Sending and following messages"),
        (name = "Management", description = "What the console can do, for programs"),
        (name = "Operations", description = "Health and metrics")
    )
)]
pub struct Document;

struct KeyHeader;

impl utoipa::Modify for KeyHeader {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("APIKey")));
        document.components.get_or_insert_with(Default::default).add_security_scheme("APIKey", key);
    }
}

/// Gives every operation an id that no other has, by its method and path: `post_message`, `get_manage_clients`. Generated
/// clients name their functions by it, and handlers' own names repeat.
pub fn name_operations(document: &mut utoipa::openapi::OpenApi, base: &str) {
    for (path, item) in &mut document.paths.paths {
        let words = path.strip_prefix(base).unwrap_or(path).replace("/1.0/", "/");
        let words = words.split('/').map(|word| word.trim_matches(['{', '}'])).filter(|word| !word.is_empty());
        let name = words.collect::<Vec<_>>().join("_").replace('-', "_");
        for (method, operation) in [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
            ("patch", &mut item.patch),
        ] {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{name}"));
            }
        }
    }
}

/// Adds what every operation may answer that needs a key, and what comes of its parameters and its body.
pub fn document_refusals(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        let writes = [&mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        let operations = writes.into_iter().map(|write| (true, write)).chain([(false, &mut item.get)]);
        for (is_write, operation) in operations.filter_map(|(is_write, one)| Some((is_write, one.as_mut()?))) {
            if operation.security.is_some() {
                document_refusals_of(operation, is_write);
            }
        }
    }
}

fn document_refusals_of(operation: &mut Operation, is_write: bool) {
    let has = |place: ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters.into_iter().any(|parameter| matches!(parameter, RefOr::T(one) if one.parameter_in == place))
    };
    let (has_path, has_query, has_body) =
        (has(ParameterIn::Path), has(ParameterIn::Query), operation.request_body.is_some());
    let refusals = [
        ("400", true, "Not HTTP or text as it must be"),
        ("401", true, "The APIKey header is missing"),
        ("403", true, "The API key is not good, or may not do this"),
        ("404", has_path || has_query || has_body, "There is no such thing, or it is another client's"),
        ("409", is_write, "It contradicts what there is, or what is under way"),
        ("413", has_body, "The body is too large"),
        ("422", has_query || has_body, "A field or parameter is not valid"),
        ("429", true, "Too many requests, or a quota of the client is used up; Retry-After says when to try again"),
        (
            "503",
            true,
            "Nothing can be stored or read at this moment, or the disk is nearly full; Retry-After says when to try again",
        ),
    ];
    for (status, _, description) in refusals.into_iter().filter(|(_, may_be, _)| *may_be) {
        let refusal = ResponseBuilder::new().description(description);
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| refusal.build().into());
    }
    // Those that an operation describes in its own words too.
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) && response.content.is_empty() {
            let schema = if status == "422" { "ValidationFailure" } else { "Failure" };
            let content = Content::new(Some(Ref::from_schema_name(schema)));
            response.content.insert("application/json".to_owned(), content.into());
        }
    }
}

/// The document's text, as `/openapi.json` gives it and the snapshot test holds it.
pub fn text(document: &utoipa::openapi::OpenApi) -> String {
    document.to_pretty_json().unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
}

/// `/docs` and `/openapi.json`. The document is made when somebody asks for it first, and kept as a text alone:
/// the tree goes.
pub fn routes<S: Clone + Send + Sync + 'static>(document: fn() -> utoipa::openapi::OpenApi) -> Router<S> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let show = move || async move {
        let document = TEXT.get_or_init(|| text(&document()));
        ([(header::CONTENT_TYPE, "application/json")], document.as_str())
    };
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::new().route("/openapi.json", get(show)).merge(page)
}
