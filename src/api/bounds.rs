//! What the OpenAPI document says of the values of parameters and fields: how large they may be, and of what form. A name means
//! the same wherever a request has it, so that a new request is described too. Called by `routes.rs`.

use serde_json::Value;
use utoipa::Number;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{Object, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

use crate::account::{ApiKey, Role};
use crate::device::Kind;
use crate::imports::SentBefore;
use crate::message::kind::MediaKind;
use crate::message::{Priority, State};
use crate::store::StoredPush;
use crate::{limits, password};

/// What a value may be.
enum Bound {
    Whole(i64, i64),
    Chars(usize, usize),
    OneOf(Vec<&'static str>),
    Form(&'static str),
    Pattern(&'static str),
}

/// Of a parameter in the address of `path`.
fn of_parameter(path: &str, name: &str) -> Option<Bound> {
    Some(match name {
        "limit" => Bound::Whole(1, limits::PAGE_ROWS_MAX),
        "from" | "until" => Bound::Form("date-time"),
        "priority" => Bound::OneOf(Priority::ALL.map(Priority::name).to_vec()),
        "sent_before" => Bound::OneOf(SentBefore::ALL.map(SentBefore::name).to_vec()),
        "status" if path.ends_with("/pushes") => Bound::OneOf(StoredPush::STATUSES.to_vec()),
        "status" => Bound::OneOf(State::ALL.map(State::letter).to_vec()),
        "tag" => Bound::Chars(0, limits::TAG_CHARS_MAX),
        "file_name" | "campaign" => Bound::Chars(0, limits::NAME_CHARS_MAX),
        _ => return None,
    })
}

/// Of a header.
fn of_header(name: &str) -> Option<Bound> {
    (name == "Idempotency-Key").then_some(Bound::Chars(1, limits::IDEMPOTENCY_KEY_CHARS_MAX))
}

/// Of a field of the body with this schema.
fn of_field(body: &str, name: &str) -> Option<Bound> {
    Some(match name {
        "kind" if body == "NewDeviceBody" => Bound::OneOf(Kind::ADDED.map(Kind::name).to_vec()),
        "kind" => Bound::OneOf(MediaKind::ALL.map(MediaKind::name).to_vec()),
        "from" | "until" if body == "Replay" => Bound::Form("date-time"),
        "limit" => Bound::Whole(0, limits::DAILY_LIMIT_MAX),
        "waiting_quota" | "files_quota_mb" => Bound::Whole(0, limits::QUOTA_MAX),
        "gap_ms" | "gap_jitter_ms" => Bound::Whole(0, limits::GAP_MS_MAX),
        "timeout" => Bound::Whole(1, limits::TIMEOUT_SECONDS_MAX),
        "expires_in_days" => Bound::Whole(1, limits::KEY_DAYS_MAX),
        "name" | "userid" => Bound::Chars(1, limits::NAME_CHARS_MAX),
        "password" => Bound::Chars(password::CHARS_MIN, password::CHARS_MAX),
        "api_key" => Bound::Chars(ApiKey::MIN_CHARS, ApiKey::MAX_CHARS),
        "tag" => Bound::Chars(0, limits::TAG_CHARS_MAX),
        "text" => Bound::Chars(0, limits::TEXT_CHARS_MAX),
        "role" => Bound::OneOf(Role::ALL.map(Role::name).to_vec()),
        "country_code" => Bound::Pattern("^[1-9][0-9]{0,2}$"),
        "device_id" => Bound::Pattern("^[0-9]{1,18}-[0-9]{15}$"),
        "url" | "push_url" | "media_url" => Bound::Form("uri"),
        _ => return None,
    })
}

/// Says it of every parameter and every field of every request.
pub fn document(document: &mut OpenApi) {
    let mut bodies = Vec::new();
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().filter_map(Option::as_mut) {
            document_parameters(path, operation);
            bodies.extend(body_of(operation));
        }
    }
    let Some(components) = document.components.as_mut() else { return };
    for name in bodies {
        let Some(RefOr::T(Schema::Object(body))) = components.schemas.get_mut(&name) else { continue };
        for (field, schema) in &mut body.properties {
            let RefOr::T(Schema::Object(value)) = schema else { continue };
            // A field that is left out changes nothing; null may say something.
            value.default = value.default.take().filter(|default| !default.is_null());
            if let Some(bound) = of_field(&name, field) {
                bound.describe(value);
            }
        }
    }
}

fn document_parameters(path: &str, operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let bound = match parameter.parameter_in {
            ParameterIn::Query => of_parameter(path, &parameter.name),
            ParameterIn::Header => of_header(&parameter.name),
            _ => None,
        };
        if let (Some(bound), Some(RefOr::T(Schema::Object(value)))) = (bound, &mut parameter.schema) {
            bound.describe(value);
        }
    }
}

/// The name of the schema of an operation's body.
fn body_of(operation: &Operation) -> Option<String> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let RefOr::T(content) = body.content.values().next()? else { return None };
    let RefOr::Ref(schema) = content.schema.as_ref()? else { return None };
    schema.ref_location.rsplit('/').next().map(str::to_owned)
}

impl Bound {
    fn describe(self, value: &mut Object) {
        match self {
            Self::Whole(least, most) => {
                (value.minimum, value.maximum) = (Some(Number::from(least)), Some(Number::from(most)));
            }
            Self::Chars(least, most) => {
                (value.min_length, value.max_length) = (Some(least).filter(|least| *least > 0), Some(most));
            }
            Self::OneOf(words) => {
                let may_be_null = matches!(&value.schema_type, SchemaType::Array(types) if types.contains(&Type::Null));
                let words = words.into_iter().map(Value::from).chain(may_be_null.then_some(Value::Null));
                value.enum_values = Some(words.collect());
            }
            Self::Form(form) => value.format = Some(SchemaFormat::Custom(form.to_owned())),
            Self::Pattern(pattern) => value.pattern = Some(pattern.to_owned()),
        }
    }
}
