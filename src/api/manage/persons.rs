//! `/manage/1.0/clients/{client_id}/persons`: who works for a client.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{audit, devices, found, refused};
use crate::account::{Person, Role, check_userid};
use crate::api::Api;
use crate::api::answer::Envelope;
use crate::api::key::Asker;
use crate::api::named::Named;
use crate::api::problem::Problem;
use crate::clock::rfc3339;
use crate::password::PasswordError;
use crate::store::{NewPassword, NewPerson, PersonPatch};

#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    pub id: i64,
    pub client_id: i64,
    pub userid: String,
    /// sender, owner or administrator.
    #[schema(value_type = String)]
    pub role: Role,
    pub disabled: bool,
    #[schema(format = DateTime)]
    pub create_date: String,
}

#[derive(Deserialize, ToSchema)]
pub struct NewPersonBody {
    pub userid: String,
    #[serde(default)]
    pub role: Option<String>,
    /// Without one he signs in nowhere and only his keys work. He has to choose another when he first signs in.
    #[serde(default)]
    pub password: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct PersonChange {
    pub role: Option<String>,
    pub disabled: Option<bool>,
    /// He has to choose another when he next signs in, unless he sets it himself.
    pub password: Option<String>,
}

/// List a client's persons
#[utoipa::path(get, path = "/clients/{client_id}/persons", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), responses((status = 200, body = Envelope<Vec<PersonView>>)))]
pub async fn list(State(api): State<Api>, headers: HeaderMap, Named(client_id): Named<i64>) -> Response {
    let persons = async {
        api.manager(&headers, Some(client_id)).await?;
        Ok(api.store.list_persons(client_id).await?.into_iter().map(PersonView::from).collect::<Vec<_>>())
    };
    found(&headers, StatusCode::OK, "Persons", persons.await)
}

/// Add a person
#[utoipa::path(post, path = "/clients/{client_id}/persons", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path)), request_body = NewPersonBody,
    responses((status = 201, body = Envelope<PersonView>)))]
pub async fn add(State(api): State<Api>, headers: HeaderMap, Named(client_id): Named<i64>, body: Body) -> Response {
    let added = async {
        let (asker, _) = api.manager(&headers, Some(client_id)).await?;
        let new: NewPersonBody = api.json(client_id, &headers, body).await?;
        check_userid(&new.userid).map_err(refused("userid"))?;
        let person = NewPerson {
            client_id,
            userid: new.userid.clone(),
            role: role(&asker, new.role.as_deref())?.unwrap_or(Role::Sender),
            password_hash: hashed(&api, &new.userid, new.password).await?,
            created_at: api.clock.now(),
        };
        audit::made(&new.userid);
        let id = api.store.add_person(person).await?;
        let person = api.store.find_person_numbered(id).await?;
        person.map(PersonView::from).ok_or(Problem::NotFound("person with that number"))
    };
    found(&headers, StatusCode::CREATED, "Person added", added.await)
}

/// Change a person
#[utoipa::path(patch, path = "/clients/{client_id}/persons/{person_id}", tag = "Management", security(("APIKey" = [])),
    params(("client_id" = i64, Path), ("person_id" = i64, Path)), request_body = PersonChange,
    responses((status = 200, body = Envelope<PersonView>)))]
pub async fn change(
    State(api): State<Api>,
    headers: HeaderMap,
    Named((client_id, id)): Named<(i64, i64)>,
    body: Body,
) -> Response {
    let changed = async {
        let (asker, _) = api.manager(&headers, Some(client_id)).await?;
        let change: PersonChange = api.json(client_id, &headers, body).await?;
        let persons = api.store.list_persons(client_id).await?;
        let person =
            persons.into_iter().find(|person| person.id == id).ok_or(Problem::NotFound("person with that number"))?;
        if person.role == Role::Administrator && asker.person.role != Role::Administrator {
            return Err(Problem::NotAllowed("change an administrator"));
        }
        if id == asker.person.id && (change.disabled == Some(true) || change.role.is_some()) {
            return Err(Problem::Conflict("nobody disables himself or changes his own role".into()));
        }
        let patch = PersonPatch {
            role: role(&asker, change.role.as_deref())?,
            disabled: change.disabled,
            password: hashed(&api, &person.userid, change.password).await?.map(|hash| match id == asker.person.id {
                true => NewPassword::Chosen(hash),
                false => NewPassword::Given(hash),
            }),
        };
        let shown = PersonView {
            role: patch.role.unwrap_or(person.role),
            disabled: patch.disabled.unwrap_or(person.disabled),
            ..PersonView::from(person)
        };
        api.store.update_person(client_id, id, patch, api.clock.now()).await?;
        // A link that was begun on a page of theirs may have ended.
        devices::changed(&api);
        Ok(shown)
    };
    found(&headers, StatusCode::OK, "Person changed", changed.await)
}

/// A role that the asker may give.
fn role(asker: &Asker, name: Option<&str>) -> Result<Option<Role>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let role: Role =
        name.parse().map_err(|bad: crate::account::UnknownRole| Problem::field("role", bad.to_string()))?;
    if role > asker.person.role { Err(Problem::NotAllowed("give that role")) } else { Ok(Some(role)) }
}

async fn hashed(api: &Api, userid: &str, password: Option<String>) -> Result<Option<String>, Problem> {
    let Some(password) = password else { return Ok(None) };
    let like = api.store.find_hash_of_name(userid).await?;
    api.passwords.hash(password, like).await.map(Some).map_err(|error| match error {
        PasswordError::Busy(_) => Problem::PasswordsBusy,
        bad => Problem::field("password", bad.to_string()),
    })
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self {
            id: person.id,
            client_id: person.client_id,
            userid: person.userid,
            role: person.role,
            disabled: person.disabled,
            create_date: rfc3339(person.created_at),
        }
    }
}
