//! The operations of the OpenAPI document, as requests that name whatever a story wants them to. A story about all of them
//! covers a new one without a change, or fails by its name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};
use url::form_urlencoded;
use wachat::api::{openapi, routes};

/// A CSV file with a good row and one that is refused.
const FILE: &str = "destination,message\n628111110071,hello\nnonsense,hello\n";

/// The values of parameters and of fields, by their names in the document.
pub type Names = BTreeMap<&'static str, Value>;

/// What can be asked of the API.
pub struct Operation {
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    pub tag: String,
    /// Whether it needs no key.
    pub is_public: bool,
    parameters: Vec<Parameter>,
    body: Option<Body>,
}

struct Parameter {
    name: String,
    is_in_path: bool,
}

struct Body {
    content_type: String,
    /// Each with whether it is required, and its schema.
    fields: Vec<(String, bool, Value)>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub content_type: String,
    pub body: Option<Vec<u8>>,
}

/// Every operation of the document.
pub fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&openapi::text(&routes::document())).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, operations): (&String, &Value)| -> Vec<Operation> {
        let operations = operations.as_object().expect("operations");
        operations.iter().map(|(method, operation)| Operation::read(&document, path, method, operation)).collect()
    };
    let mut all: Vec<Operation> = paths.iter().flat_map(of_path).collect();
    // Old programs call these; the document has them once.
    for short in ["message", "media"] {
        let path = format!("/wachat_api/1.0/{short}");
        let operation = &document["paths"][&path]["post"];
        let alias = format!("/wachat_api/1.0/whatsapp/{short}");
        all.push(Operation { path: alias, ..Operation::read(&document, &path, "post", operation) });
    }
    all
}

impl Operation {
    fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] != "header");
        let parameter = |one: &Value| Parameter {
            name: one["name"].as_str().expect("a name").to_owned(),
            is_in_path: one["in"] == "path",
        };
        let content = operation["requestBody"]["content"].as_object();
        let body = content.and_then(|content| content.iter().next()).map(|(content_type, content)| Body {
            content_type: content_type.clone(),
            fields: fields(document, &content["schema"]),
        });
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            tag: operation["tags"][0].as_str().unwrap_or_default().to_owned(),
            is_public: operation["security"].is_null(),
            parameters: parameters.map(parameter).collect(),
            body,
        }
    }

    /// As it is called in the document.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn is_read(&self) -> bool {
        self.method == "GET"
    }

    /// Whether a parameter or a field has this name.
    pub fn takes(&self, name: &str) -> bool {
        let is_field = |body: &Body| body.fields.iter().any(|(field, ..)| field == name);
        self.parameters.iter().any(|parameter| parameter.name == name) || self.body.as_ref().is_some_and(is_field)
    }

    /// The request that names these things: in its path, its query and its body, wherever one has the name.
    pub fn ask(&self, names: &Names) -> Asked {
        let (mut path, mut query) = (self.path.clone(), form_urlencoded::Serializer::new(String::new()));
        for parameter in &self.parameters {
            let value = names.get(parameter.name.as_str()).map(text);
            match (parameter.is_in_path, value) {
                (true, Some(value)) => path = path.replace(&format!("{{{}}}", parameter.name), &value),
                (true, None) => panic!("{}: nothing is named {}; add it to the names", self.name(), parameter.name),
                (false, Some(value)) => {
                    query.append_pair(&parameter.name, &value);
                }
                (false, None) => {}
            }
        }
        let query = query.finish();
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        let content_type = self.body.as_ref().map_or("application/json", |body| &body.content_type).to_owned();
        let body = self.body.as_ref().map(|body| match content_type.as_str() {
            "text/csv" => FILE.as_bytes().to_vec(),
            _ => Value::Object(self.fields_of(body, names)).to_string().into_bytes(),
        });
        Asked { method: self.method.clone(), path, content_type, body }
    }

    /// What is required, and what names something.
    fn fields_of(&self, body: &Body, names: &Names) -> Map<String, Value> {
        let mut given = Map::new();
        let examples = examples(&self.name());
        for (field, is_required, schema) in &body.fields {
            let value = examples.get(field).or_else(|| names.get(field.as_str())).cloned();
            match value.or_else(|| is_required.then(|| any(schema))) {
                Some(Value::Null) | None => {}
                Some(value) => drop(given.insert(field.clone(), value)),
            }
        }
        given
    }
}

/// What an operation's schema does not say of its body. Null leaves a field out.
fn examples(operation: &str) -> Value {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let fresh = MADE.fetch_add(1, Ordering::Relaxed);
    let sender = format!("6281300{fresh:05}");
    match operation {
        // The number and the id of a new device are claimed: one that another client has cannot be had.
        "POST /manage/1.0/devices" => json!({"kind": "sandbox", "sender": sender, "device_id": null}),
        "POST /manage/1.0/migrate" => json!({
            "api_key": format!("a-key-of-another-gateway-{fresh}"),
            "device_id": format!("77-{fresh:015}"),
            "sender": sender,
        }),
        "POST /manage/1.0/clients/{client_id}/persons" => json!({"userid": format!("person{fresh}")}),
        "PUT /manage/1.0/clients/{client_id}/push" => json!({"url": "http://127.0.0.1:9/other"}),
        "POST /manage/1.0/devices/{device_id}/receive" => json!({"from": "628111110071"}),
        "POST /manage/1.0/devices/{device_id}/pairing-code" => json!({"phone": "628111110071"}),
        "POST /manage/1.0/devices/{device_id}/go-live" => json!({"used_before": true}),
        path if path.ends_with("/media") => json!({"media_base64": "aGVsbG8=", "file_name": "hello.txt"}),
        _ => json!({}),
    }
}

/// The fields of an object's schema.
fn fields(document: &Value, schema: &Value) -> Vec<(String, bool, Value)> {
    let choice = schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["$ref"].is_string()));
    let schema = choice.unwrap_or(schema);
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = name.map_or(schema, |name| &document["components"]["schemas"][name]);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, schema)| (name.clone(), required.contains(&json!(name)), schema.clone())).collect()
}

/// Something of a schema's type.
fn any(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("x"),
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
