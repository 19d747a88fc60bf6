//! The OpenAPI document, `/openapi.json`, and the page to try it on, `/docs`. Nothing of the page comes from elsewhere.

use std::sync::OnceLock;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa_swagger_ui::{Config, SwaggerUi};

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
