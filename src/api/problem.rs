//! Everything that can go wrong in the API, by what its caller can do. What the caller is told and what the log is told
//! are two things.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use super::answer::{Failure, Format, ValidationError, ValidationFailure, respond};
use super::fields::Fault;
use super::turns::TooMany;
use crate::files::FileError;
use crate::linking::LinkError;
use crate::memory::NoMemory;
use crate::room::{NoRoom, Refusal};
use crate::store::StoreError;

/// Whose requests are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rated {
    Key,
    Client,
}

#[derive(Debug)]
pub enum Problem {
    /// Malformed HTTP.
    BadRequest(String),
    KeyMissing,
    KeyRefused(&'static str),
    /// The key is good, its person may not do this.
    NotAllowed(&'static str),
    /// The key's person only sends.
    OnlySends,
    /// Nothing there, or nothing that the asker may know of.
    NotFound(&'static str),
    /// `Allow` is added by the router.
    MethodNotAllowed,
    Conflict(String),
    TooLarge {
        limit_bytes: usize,
    },
    /// A part of a file that it does not have.
    NoSuchPart {
        file_bytes: u64,
    },
    Invalid(Vec<Fault>),
    RateLimited {
        of: Rated,
        limit: u32,
        retry_after_seconds: u64,
    },
    DailyLimit {
        limit: i64,
        retry_after_seconds: u64,
    },
    /// No room for what was sent.
    NoRoom(NoRoom),
    Unavailable {
        retry_after_seconds: u64,
    },
    /// No memory for one more file.
    FilesBusy,
    /// As many searches of the client wait as may.
    SearchesBusy,
    /// Other large bodies of the client are being read.
    BodiesBusy,
    /// As many passwords as may wait to be hashed.
    PasswordsBusy,
    /// Files can be neither kept nor read.
    MediaUnavailable {
        retry_after_seconds: u64,
    },
    /// Our fault; the text is for the log alone.
    Internal(String),
}

impl Problem {
    /// One fault of one field of the body.
    pub fn field(name: &'static str, msg: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::value(name, msg)])
    }

    /// One fault of a header.
    pub fn header(name: &'static str, msg: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::at(["header".into(), name.into()], msg, "value_error")])
    }

    /// One fault of a parameter of the address.
    pub fn parameter(name: &'static str, msg: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::at(["query".into(), name.into()], msg, "value_error")])
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::KeyMissing => StatusCode::UNAUTHORIZED,
            Self::KeyRefused(_) | Self::NotAllowed(_) | Self::OnlySends => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSuchPart { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited { .. }
            | Self::DailyLimit { .. }
            | Self::SearchesBusy
            | Self::BodiesBusy
            | Self::NoRoom(NoRoom::Waiting { .. } | NoRoom::Files { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. }
            | Self::MediaUnavailable { .. }
            | Self::NoRoom(NoRoom::Disk)
            | Self::FilesBusy
            | Self::PasswordsBusy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the caller reads: what is wrong, and what to do.
    pub fn told(&self) -> String {
        match self {
            Self::BadRequest(text) | Self::Conflict(text) => text.clone(),
            Self::KeyMissing => "the APIKey header is missing; send your API key in it".into(),
            Self::KeyRefused(reason) => (*reason).to_owned(),
            Self::NotAllowed(what) => format!("this API key may not {what}; ask an administrator"),
            Self::OnlySends => "this API key may not manage anything; ask an owner or administrator".into(),
            Self::NotFound(what) => format!("there is no {what}"),
            Self::MethodNotAllowed => {
                "this address does not take that method; the Allow header lists those it takes".into()
            }
            Self::TooLarge { limit_bytes } => {
                format!("the body or file is larger than {}; send a smaller one", size(*limit_bytes))
            }
            Self::NoSuchPart { file_bytes } => {
                format!("the file has {file_bytes} bytes; ask for a range that begins within them")
            }
            Self::Invalid(faults) => summary(faults),
            Self::RateLimited { of: Rated::Key, limit, retry_after_seconds } => {
                format!("more than {limit} requests a second with this API key; try again in {retry_after_seconds} s")
            }
            Self::RateLimited { of: Rated::Client, limit, retry_after_seconds } => {
                format!("more than {limit} requests a second of this client; try again in {retry_after_seconds} s")
            }
            Self::DailyLimit { limit, retry_after_seconds } => format!(
                "this gateway's limit of {limit} messages a day is reached; try again in {retry_after_seconds} s"
            ),
            Self::Unavailable { retry_after_seconds } => format!(
                "the gateway cannot store anything at this moment; nothing was accepted, try again in {retry_after_seconds} s"
            ),
            Self::NoRoom(why) => why.to_string(),
            Self::SearchesBusy => {
                "many searches of this client are under way or waiting; try again in a few seconds".into()
            }
            Self::BodiesBusy => "many large requests of this client are being read; try again in a few seconds".into(),
            Self::PasswordsBusy => {
                "many passwords are being checked at this moment; nothing was changed, try again in a second".into()
            }
            Self::FilesBusy => {
                "too many files are being sent and received at this moment; nothing was accepted, try again in 5 s"
                    .into()
            }
            Self::MediaUnavailable { retry_after_seconds } => format!(
                "the gateway cannot keep or read files at this moment; nothing was accepted, try again in {retry_after_seconds} s"
            ),
            Self::Internal(_) => "a fault of the gateway; nothing was accepted, its log says more".into(),
        }
    }

    /// The answer, in the asker's format.
    pub fn response(self, format: Format) -> Response {
        if let Self::Internal(log) = &self {
            tracing::error!(log, "internal fault");
        }
        let (status, message) = (self.status(), self.told());
        let mut response = match &self {
            Self::Invalid(faults) => {
                let detail = faults.iter().map(ValidationError::from).collect();
                respond(format, status, &ValidationFailure { error: true, message, detail })
            }
            _ => respond(format, status, &Failure { error: true, message }),
        };
        let headers = response.headers_mut();
        let mut put = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        // RateLimit fields: draft-ietf-httpapi-ratelimit-headers.
        match self {
            Self::RateLimited { of, limit, retry_after_seconds } => {
                let of = match of {
                    Rated::Key => "key",
                    Rated::Client => "client",
                };
                put("retry-after", retry_after_seconds.to_string());
                put("ratelimit-policy", format!("\"{of}\";q={limit};w=1"));
                put("ratelimit", format!("\"{of}\";r=0;t={retry_after_seconds}"));
            }
            Self::DailyLimit { limit, retry_after_seconds } => {
                put("retry-after", retry_after_seconds.to_string());
                put("ratelimit-policy", format!("\"day\";q={limit};w=86400"));
                put("ratelimit", format!("\"day\";r=0;t={retry_after_seconds}"));
            }
            Self::Unavailable { retry_after_seconds } | Self::MediaUnavailable { retry_after_seconds } => {
                put("retry-after", retry_after_seconds.to_string())
            }
            Self::NoRoom(why) => put("retry-after", retry_seconds(why).to_string()),
            Self::FilesBusy | Self::SearchesBusy | Self::BodiesBusy => put("retry-after", "5".into()),
            Self::PasswordsBusy => put("retry-after", "1".into()),
            Self::NoSuchPart { file_bytes } => put(header::CONTENT_RANGE.as_str(), format!("bytes */{file_bytes}")),
            // The rest of a body that is too large is not read.
            Self::TooLarge { .. } => put(header::CONNECTION.as_str(), "close".into()),
            _ => {}
        }
        response
    }
}

/// Messages leave by themselves; for more files somebody has to do something.
fn retry_seconds(why: NoRoom) -> u64 {
    match why {
        NoRoom::Waiting { .. } | NoRoom::Disk => 60,
        NoRoom::Files { .. } => 3_600,
    }
}

fn summary(faults: &[Fault]) -> String {
    let Some(first) = faults.first() else { return "the request is not valid".into() };
    let place = match first.loc.last() {
        Some(Value::String(name)) if name != "__root__" && name != "body" => format!("{name}: "),
        _ => String::new(),
    };
    let more = if faults.len() > 1 { format!(" (and {} more, see detail)", faults.len() - 1) } else { String::new() };
    format!("{place}{}{more}", first.msg)
}

fn size(bytes: usize) -> String {
    if bytes >= 1024 * 1024 { format!("{} MB", bytes / (1024 * 1024)) } else { format!("{} kB", bytes / 1024) }
}

impl From<Vec<Fault>> for Problem {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Invalid(faults)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => {
                tracing::warn!(reason, "the store is not available");
                Self::Unavailable { retry_after_seconds: 5 }
            }
            StoreError::Exists => Self::Conflict("that exists already; choose another name or number".into()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoRoom(why) => Self::NoRoom(why),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<TooMany> for Problem {
    fn from(TooMany: TooMany) -> Self {
        Self::SearchesBusy
    }
}

impl From<NoMemory> for Problem {
    fn from(NoMemory: NoMemory) -> Self {
        Self::FilesBusy
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Missing => Self::NotFound("such file any more"),
            FileError::Unavailable(reason) => {
                tracing::warn!(reason, "a file cannot be kept or read");
                Self::MediaUnavailable { retry_after_seconds: 5 }
            }
            FileError::NoRoom(why) => Self::NoRoom(why),
            FileError::Internal(log) => Self::Internal(log),
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Refused(why) => Self::Conflict(why.into()),
            error @ LinkError::OtherNumber { .. } => Self::Conflict(error.to_string()),
            LinkError::Unreadable(log) => Self::Internal(log),
            LinkError::Store(error) => error.into(),
        }
    }
}

impl From<&Fault> for ValidationError {
    fn from(fault: &Fault) -> Self {
        Self { loc: fault.loc.clone(), msg: fault.msg.clone(), kind: fault.kind.to_owned() }
    }
}
