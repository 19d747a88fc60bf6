//! API keys: made, shown once, listed, revoked.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Console;
use super::forms::{Fields, Posted};
use super::frame::{Frame, Place, draw};
use super::persons::{self, Person};
use super::visit::{Answer, Refusal, Visit, go};
use super::words::Viewer;
use crate::clock::Millis;

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/console/account/keys", get(show).post(make))
        .route("/console/account/keys/{id}/revoke", post(revoke))
}

#[derive(Template)]
#[template(path = "keys.html")]
struct Page {
    frame: Frame,
    keys: Vec<Key>,
    persons: Vec<Person>,
    /// A key that was just made: it is shown this once.
    made: Option<String>,
    name: String,
    person_id: i64,
    expires: String,
    now: String,
}

#[derive(Deserialize)]
struct Key {
    id: i64,
    person_id: i64,
    name: String,
    hint: String,
    create_date: String,
    expire_date: Option<String>,
    revoke_date: Option<String>,
    last_use_date: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    api_key: String,
}

impl Page {
    fn userid(&self, key: &Key) -> &str {
        self.persons.iter().find(|person| person.id == key.person_id).map_or("", |person| &person.userid)
    }

    /// Moments in RFC 3339 of the same form stand in the order of their texts.
    fn is_over(&self, key: &Key) -> bool {
        key.expire_date.as_ref().is_some_and(|at| *at <= self.now)
    }
}

fn address(visit: &Visit) -> String {
    format!("/manage/1.0/clients/{}/keys", visit.client().id)
}

async fn show(visit: Visit) -> Answer {
    page(&visit, None, None, &Fields::default()).await
}

async fn page(visit: &Visit, made: Option<String>, refusal: Option<Refusal>, typed: &Fields) -> Answer {
    let keys: Vec<Key> = visit.get(&address(visit)).await?;
    let persons = persons::of_client(visit).await?;
    let mut frame = visit.frame(Place::Account, visit.t("API keys", "Kunci API"));
    let status = refusal.as_ref().map_or(StatusCode::OK, |refusal| refusal.status);
    frame.problem = refusal.map(|refusal| refusal.text);
    let page = Page {
        frame,
        keys,
        persons,
        made,
        name: typed.text("name").to_owned(),
        person_id: typed.text("person_id").parse().unwrap_or(visit.person().id),
        expires: typed.text("expires").to_owned(),
        now: crate::clock::rfc3339(visit.console().api.clock.now()),
    };
    Ok(draw(status, &page))
}

async fn make(Posted { visit, fields }: Posted) -> Answer {
    let days =
        match fields.given("expires").map(|date| days_until(date, visit.console().api.clock.now(), visit.viewer())) {
            Some(None) => {
                let text = visit.t("The last day has to be after today.", "Hari terakhir harus setelah hari ini.");
                let refusal = visit.refusal(StatusCode::UNPROCESSABLE_ENTITY, text);
                return page(&visit, None, Some(refusal), &fields).await;
            }
            days => days.flatten(),
        };
    let person: i64 = fields.text("person_id").parse().unwrap_or_default();
    let body = json!({"person_id": person, "name": fields.text("name"), "expires_in_days": days});
    match visit.post::<Made>(&address(&visit), body).await {
        // It is on no other page: going on to one would lose it.
        Ok(made) => page(&visit, Some(made.api_key), None, &Fields::default()).await,
        Err(refusal) => page(&visit, None, Some(refusal), &fields).await,
    }
}

async fn revoke(Path(id): Path<i64>, Posted { visit, .. }: Posted) -> Answer {
    match visit.ask::<Value>(Method::DELETE, &format!("{}/{id}", address(&visit)), None).await {
        Ok(_) => Ok(go("/console/account/keys?done=revoked")),
        Err(refusal) => page(&visit, None, Some(refusal), &Fields::default()).await,
    }
}

/// Whole days from now to a date where the viewer is; nothing for what is no date after today.
fn days_until(date: &str, now: Millis, viewer: &Viewer) -> Option<i64> {
    let date: Date = date.parse().ok()?;
    let today = jiff::Timestamp::from_millisecond(now).ok()?.to_zoned(viewer.time_zone().clone()).date();
    let days = i64::from(today.until(date).ok()?.get_days());
    (days > 0).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_so_many_days_away_where_the_viewer_is() {
        // 2026-09-21T23:26:40Z; in Jakarta it is the 22nd.
        let (now, viewer) = (1_790_033_200_000, Viewer::of(&axum::http::HeaderMap::new()));
        for (date, days) in [
            ("2026-09-22", Some(1)),
            ("2027-09-21", Some(365)),
            ("2026-09-21", None),
            ("2020-01-01", None),
            ("x", None),
        ] {
            assert_eq!(days_until(date, now, &viewer), days, "{date}");
        }
        let cookie = [(axum::http::header::COOKIE, "wachat_zone=Asia/Jakarta".parse().unwrap())];
        let there = Viewer::of(&cookie.into_iter().collect());
        assert_eq!(days_until("2026-09-22", now, &there), None);
        assert_eq!(days_until("2026-09-23", now, &there), Some(1));
    }
}
