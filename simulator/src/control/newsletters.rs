//! Newsletters: creating, listing, following and publishing.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::people::find;
use super::problem::{Body, Problem};
use crate::runtime::Phones;
use crate::server::newsletters::Newsletter;
use crate::wire::stanza::Jid;

/// A newsletter in the API.
#[derive(Serialize)]
pub struct Shown {
    newsletter: String,
    name: String,
    /// The last part of its invite link.
    invite: String,
    /// Phone numbers, the owner's first.
    readers: Vec<String>,
}

impl Shown {
    fn new(newsletter: &Newsletter) -> Self {
        let readers = newsletter.readers().into_iter().map(|reader| reader.number().user.to_string());
        Self {
            newsletter: newsletter.jid().to_string(),
            name: newsletter.name().text,
            invite: newsletter.invite().to_owned(),
            readers: readers.collect(),
        }
    }
}

/// The body of `POST /control/newsletters`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNewsletter {
    name: String,
    /// The owner's number.
    owner: String,
    #[serde(default)]
    description: String,
}

/// `POST /control/newsletters`
pub async fn create(
    State(phones): State<Phones>,
    Body(new): Body<NewNewsletter>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    let created = find(&phones, &new.owner)?.create_newsletter(&new.name, &new.description)?;
    Ok((StatusCode::CREATED, Json(Shown::new(&created))))
}

/// `GET /control/newsletters`
pub async fn list(State(phones): State<Phones>) -> Json<Vec<Shown>> {
    Json(phones.network().newsletters().all().iter().map(|newsletter| Shown::new(newsletter)).collect())
}

/// The body of `follow`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    newsletter: String,
}

/// `POST /control/people/N/follow`
pub async fn follow(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Follow { newsletter }): Body<Follow>,
) -> Result<StatusCode, Problem> {
    find(&phones, &number)?.follow(&named(&newsletter)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of `publish`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    newsletter: String,
    text: String,
}

/// The response of `publish`.
#[derive(Serialize)]
pub struct Published {
    id: String,
}

/// `POST /control/people/N/publish`
pub async fn publish(
    State(phones): State<Phones>,
    Path(number): Path<String>,
    Body(Publish { newsletter, text }): Body<Publish>,
) -> Result<Json<Published>, Problem> {
    let id = find(&phones, &number)?.publish(&named(&newsletter)?, &text).await?;
    Ok(Json(Published { id }))
}

fn named(text: &str) -> Result<Jid, Problem> {
    text.parse().map_err(|_| Problem::BadRequest(format!("{text:?} is no address of a newsletter")))
}
