//! People: creating them, linking clients to their phones, and taking phones offline.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::problem::{Body, Problem};
use crate::phone::app_state::Change;
use crate::phone::history::HistorySize;
use crate::runtime::{Known, Linking, Person, Phones, address};

/// The person with this number.
pub(super) fn find(phones: &Phones, number: &str) -> Result<Person, Problem> {
    phones.find(number).ok_or_else(|| {
        Problem::NotFound(format!("nobody has the number {number}; make that person with POST /control/people"))
    })
}

/// A person in the API.
#[derive(Serialize)]
pub struct Shown {
    number: String,
    name: String,
    jid: String,
    lid: String,
    online: bool,
    devices: Vec<ShownDevice>,
}

#[derive(Serialize)]
struct ShownDevice {
    device: u16,
    connected: bool,
    /// Unconfirmed stanzas in its mailbox.
    waiting: usize,
    /// One-time prekeys that the server has left for it.
    prekeys: usize,
}

impl Shown {
    fn new(person: &Person) -> Self {
        let devices = person.account().devices().into_iter().map(|device| ShownDevice {
            device: device.index(),
            connected: device.is_connected(),
            waiting: device.waiting(),
            prekeys: device.prekeys_left(),
        });
        Self {
            number: person.number().to_owned(),
            name: person.name().to_owned(),
            jid: person.jid().to_string(),
            lid: person.account().lid().to_string(),
            online: person.is_online(),
            devices: devices.collect(),
        }
    }
}

/// The body of `POST /control/people`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    number: String,
    name: String,
    /// Others only learn the LID.
    #[serde(default)]
    hides_number: bool,
    /// The business name, if it is a business account.
    business: Option<String>,
    /// The phone announces to clients that it addresses chats with people by LID.
    #[serde(default)]
    lid_migrated: bool,
}

/// `POST /control/people`
pub async fn add(
    State(phones): State<Phones>,
    Body(new): Body<NewPerson>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    let known = if new.hides_number { Known::ByLid } else { Known::ByNumber };
    let person = phones.add_as(&new.number, &new.name, known).await?;
    if let Some(business) = &new.business {
        person.account().set_business_name(business);
    }
    if new.lid_migrated {
        person.migrate_to_lids().await?;
    }
    Ok((StatusCode::CREATED, Json(Shown::new(&person))))
}

/// `GET /control/people`
pub async fn list(State(phones): State<Phones>) -> Json<Vec<Shown>> {
    Json(phones.all().iter().map(Shown::new).collect())
}

/// `GET /control/people/N`
pub async fn show(State(phones): State<Phones>, Path(number): Path<String>) -> Result<Json<Shown>, Problem> {
    Ok(Json(Shown::new(&find(&phones, &number)?)))
}

/// The body of `scan`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    qr: String,
}

/// The response of `scan` and `type-code`.
#[derive(Serialize)]
pub struct Linked {
    device: u16,
    jid: String,
}

/// 201 for a linked client; 202 for one at the passkey gate, whose progress is visible there.
fn answer(person: &Person, linking: Linking) -> Response {
    match linking {
        Linking::Linked(device) => {
            Json(Linked { device: device.index(), jid: device.number().to_string() }).into_response()
        }
        Linking::PasskeyRequired(_) => (StatusCode::ACCEPTED, Json(person.passkey())).into_response(),
    }
}

/// `POST /control/people/N/scan`
pub async fn scan(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(scan): Body<Scan>,
) -> Result<Response, Problem> {
    let person = find(&phones, &number)?;
    let linking = person.begin_scan(&scan.qr).await?;
    Ok(answer(&person, linking))
}

/// The body of `type-code`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeCode {
    code: String,
}

/// `POST /control/people/N/type-code`
pub async fn type_code(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(typed): Body<TypeCode>,
) -> Result<Response, Problem> {
    let person = find(&phones, &number)?;
    let linking = person.begin_type_code(&typed.code).await?;
    Ok(answer(&person, linking))
}

/// `POST /control/people/N/offline`
pub async fn offline(State(phones): State<Phones>, Path(number): Path<String>) -> Result<Json<Shown>, Problem> {
    let person = find(&phones, &number)?;
    person.offline().await?;
    Ok(Json(Shown::new(&person)))
}

/// `POST /control/people/N/online`
pub async fn online(State(phones): State<Phones>, Path(number): Path<String>) -> Result<Json<Shown>, Problem> {
    let person = find(&phones, &number)?;
    person.online().await?;
    Ok(Json(Shown::new(&person)))
}

/// The body of `presence`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    available: bool,
}

/// `POST /control/people/N/presence`: whether the person is available; the phone stays connected.
pub async fn presence(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Presence { available }): Body<Presence>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.set_away(!available).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of `contacts`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    number: String,
    name: String,
}

/// `POST /control/people/N/contacts`: adds to the person's address book, which all of their devices share.
pub async fn contacts(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Contact { number: other, name }): Body<Contact>,
) -> Result<StatusCode, Problem> {
    let jid = address(&other)?.to_string();
    find(&phones, &number)?.change(Change::Contact { jid, name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of `unlink`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlink {
    device: u16,
}

/// `POST /control/people/N/unlink`
pub async fn unlink(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(unlink): Body<Unlink>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.unlink(unlink.device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /control/people/N/history`: the made-up old messages that clients linked from now on receive.
pub async fn history(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(size): Body<HistorySize>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.set_history(size)?;
    Ok(StatusCode::NO_CONTENT)
}
