//! `/manage/1.0/clients/{client_id}/keys`: API keys.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{devices, found, refused};
use crate::account::{ApiKey, KeyRecord, Role, check_name};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;
use crate::limits;
use crate::store::NewKey;

#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    pub id: i64,
    pub person_id: i64,
    pub name: String,
    /// Its first characters.
    pub hint: String,
    #[schema(format = DateTime)]
    pub create_date: String,
    #[schema(format = DateTime)]
    pub expire_date: Option<String>,
    #[schema(format = DateTime)]
    pub revoke_date: Option<String>,
    /// To the minute.
    #[schema(format = DateTime)]
    pub last_use_date: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct NewKeyBody {
    pub person_id: i64,
    #[serde(default)]
    pub name: String,
    /// Days until it expires; never when absent.
    #[serde(default)]
    pub expires_in_days: Option<i64>,
    /// A key that is in a customer's programs already, to be taken over.
    #[serde(default)]
    pub api_key: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MadeKey {
    pub id: i64,
    /// Shown this once.
    pub api_key: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RevokedKey {
    pub id: i64,
}

/// List a client's keys
#[utoipa::path(get, path = "/clients/{client_id}/keys", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<Vec<KeyView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, Named(client_id): Named<i64>) -> Response {
    let keys = async {
        api.manager(&headers, Some(client_id)).await?;
        Ok(api.store.list_keys(client_id).await?.into_iter().map(KeyView::from).collect::<Vec<_>>())
    };
    found(&headers, StatusCode::OK, "API keys", keys.await)
}

/// Make a key, or take one over
#[utoipa::path(post, path = "/clients/{client_id}/keys", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), request_body = NewKeyBody, responses((status = 201, body = Envelope<MadeKey>)))]
pub async fn add(State(api): State<Api>, headers: HeaderMap, Named(client_id): Named<i64>, body: Body) -> Response {
    let added = async {
        let (asker, _) = api.manager(&headers, Some(client_id)).await?;
        let new: NewKeyBody = api.json(client_id, &headers, body).await?;
        let persons = api.store.list_persons(client_id).await?;
        let person = persons
            .iter()
            .find(|person| person.id == new.person_id)
            .ok_or(Problem::NotFound("person with that number"))?;
        // A key is as mighty as its person.
        if person.role == Role::Administrator && asker.person.role != Role::Administrator {
            return Err(Problem::NotAllowed("make a key of an administrator"));
        }
        if !new.name.is_empty() {
            check_name(&new.name).map_err(refused("name"))?;
        }
        if new.expires_in_days.is_some_and(|days| !(1..=limits::KEY_DAYS_MAX).contains(&days)) {
            return Err(Problem::field("expires_in_days", "a key expires in 1 to 36500 days"));
        }
        let now = api.clock.now();
        let good = |key: &&KeyRecord| {
            key.person_id == person.id && key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now)
        };
        if api.store.list_keys(client_id).await?.iter().filter(good).count() >= limits::KEYS_OF_PERSON_MAX {
            let most = limits::KEYS_OF_PERSON_MAX;
            return Err(Problem::Conflict(format!(
                "this person has {most} API keys; revoke one that is not used any more first"
            )));
        }
        let key = match &new.api_key {
            Some(key) => ApiKey::import(key).map_err(|bad| Problem::field("api_key", bad.to_string()))?,
            None => ApiKey::generate(&api.clock),
        };
        let record = NewKey {
            client_id,
            person_id: person.id,
            name: new.name,
            hash: api.key_secret.stored(&key.hash()),
            hint: key.hint(),
            created_at: now,
            expires_at: new.expires_in_days.map(|days| now + days * 86_400_000),
        };
        let id = api.store.add_key(record).await?;
        Ok(MadeKey { id, api_key: key.reveal().to_owned() })
    };
    found(&headers, StatusCode::CREATED, "API key made", added.await)
}

/// Revoke a key
#[utoipa::path(delete, path = "/clients/{client_id}/keys/{key_id}", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path), ("key_id" = i64, Path)), responses((status = 200, body = Envelope<RevokedKey>)))]
pub async fn revoke(State(api): State<Api>, headers: HeaderMap, Named((client_id, id)): Named<(i64, i64)>) -> Response {
    let revoked = async {
        let (asker, _) = api.manager(&headers, Some(client_id)).await?;
        let key = api.store.list_keys(client_id).await?.into_iter().find(|key| key.id == id);
        let key = key.ok_or(Problem::NotFound("API key with that number"))?;
        let persons = api.store.list_persons(client_id).await?;
        let is_administrators = persons.iter().any(|one| one.id == key.person_id && one.role == Role::Administrator);
        if is_administrators && asker.person.role != Role::Administrator {
            return Err(Problem::NotAllowed("revoke a key of an administrator"));
        }
        let is_there = api.store.revoke_key(client_id, id, api.clock.now()).await?;
        // A link that was begun on a page that it shared may have ended.
        devices::changed(&api);
        if is_there { Ok(RevokedKey { id }) } else { Err(Problem::NotFound("API key with that number")) }
    };
    found(&headers, StatusCode::OK, "API key revoked", revoked.await)
}

impl From<KeyRecord> for KeyView {
    fn from(key: KeyRecord) -> Self {
        Self {
            id: key.id,
            person_id: key.person_id,
            name: key.name,
            hint: key.hint,
            create_date: rfc3339(key.created_at),
            expire_date: key.expires_at.map(rfc3339),
            revoke_date: key.revoked_at.map(rfc3339),
            last_use_date: key.last_used_at.map(rfc3339),
        }
    }
}
