//! Who works for the client: persons, their roles and their passwords.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Console;
use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Refusal, Visit, go};
use crate::account::Role;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/account/persons", get(show).post(add))
        .route("/console/account/persons/{id}/role", post(change_role))
        .route("/console/account/persons/{id}/disable", post(disable))
        .route("/console/account/persons/{id}/enable", post(enable))
        .route("/console/account/persons/{id}/password", get(show_password).post(set_password))
}

#[derive(Template)]
#[template(path = "persons.html")]
struct Page {
    frame: Frame,
    persons: Vec<Person>,
    own: i64,
    /// What was typed, when it could not be done.
    userid: String,
    role: String,
}

#[derive(Template)]
#[template(path = "person_password.html")]
struct PasswordPage {
    frame: Frame,
    person: Person,
}

#[derive(Deserialize)]
pub struct Person {
    pub id: i64,
    pub userid: String,
    pub role: Role,
    pub disabled: bool,
}

impl Frame {
    pub fn role_name(&self, role: &Role) -> &str {
        match role {
            Role::Sender => self.t("Sender", "Pengirim"),
            Role::Owner => self.t("Owner", "Pemilik"),
            Role::Administrator => self.t("Administrator", "Administrator"),
        }
    }

    /// The roles that this person may give.
    pub fn roles(&self) -> Vec<Role> {
        let all = [Role::Sender, Role::Owner, Role::Administrator];
        all.into_iter().filter(|role| *role <= self.role).collect()
    }
}

/// The persons of the client that is looked at.
pub async fn of_client(visit: &Visit) -> Result<Vec<Person>, Refusal> {
    visit.get(&address(visit)).await
}

fn address(visit: &Visit) -> String {
    format!("/manage/1.0/clients/{}/persons", visit.client().id)
}

async fn show(visit: Visit) -> Answer {
    page(&visit, None, &Fields::default()).await
}

/// The page, with what was typed and why it was refused.
async fn page(visit: &Visit, refusal: Option<Refusal>, typed: &Fields) -> Answer {
    let persons = of_client(visit).await?;
    let mut frame = visit.frame(Place::Account, visit.t("Persons", "Pengguna"));
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.problem = refusal.map(|refusal| refusal.text);
    let (userid, role) = (typed.text("userid").to_owned(), typed.text("role").to_owned());
    Ok(draw(status, &Page { frame, persons, own: visit.person().id, userid, role }))
}

async fn add(Posted { visit, fields }: Posted) -> Answer {
    let password = Some(fields.raw("password")).filter(|password| !password.is_empty());
    let body = json!({"userid": fields.text("userid"), "role": fields.text("role"), "password": password});
    match visit.post::<Value>(&address(&visit), body).await {
        Ok(_) => Ok(go("/console/account/persons?done=added")),
        Err(refusal) => page(&visit, Some(refusal), &fields).await,
    }
}

async fn change_role(Path(id): Path<i64>, Posted { visit, fields }: Posted) -> Answer {
    change(&visit, id, json!({"role": fields.text("role")})).await
}

async fn disable(Path(id): Path<i64>, Posted { visit, .. }: Posted) -> Answer {
    change(&visit, id, json!({"disabled": true})).await
}

async fn enable(Path(id): Path<i64>, Posted { visit, .. }: Posted) -> Answer {
    change(&visit, id, json!({"disabled": false})).await
}

async fn change(visit: &Visit, id: i64, body: Value) -> Answer {
    match visit.ask::<Value>(Method::PATCH, &format!("{}/{id}", address(visit)), Some(body)).await {
        Ok(_) => Ok(go("/console/account/persons?done=saved")),
        Err(refusal) => page(visit, Some(refusal), &Fields::default()).await,
    }
}

async fn show_password(Path(id): Path<i64>, visit: Visit) -> Answer {
    password_page(&visit, id, None).await
}

async fn password_page(visit: &Visit, id: i64, refusal: Option<Refusal>) -> Result<Response, Refusal> {
    let person = of_client(visit).await?.into_iter().find(|person| person.id == id);
    let person = person.ok_or_else(|| visit.refusal(StatusCode::NOT_FOUND, "there is no person with that number"))?;
    if id == visit.person().id {
        // One's own is changed where the password of now is asked for.
        return Ok(go(super::session::PASSWORD));
    }
    let mut frame = visit.frame(Place::Account, visit.t("Set a password", "Atur kata sandi"));
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.problem = refusal.map(|refusal| refusal.text);
    Ok(draw(status, &PasswordPage { frame, person }))
}

async fn set_password(Path(id): Path<i64>, Posted { visit, fields }: Posted) -> Answer {
    if id == visit.person().id {
        return Ok(go(super::session::PASSWORD));
    }
    let (path, body) = (format!("{}/{id}", address(&visit)), json!({"password": fields.raw("password")}));
    match visit.ask::<Value>(Method::PATCH, &path, Some(body)).await {
        Ok(_) => Ok(go("/console/account/persons?done=saved")),
        Err(refusal) => password_page(&visit, id, Some(refusal)).await,
    }
}
