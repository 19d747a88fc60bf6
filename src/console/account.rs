//! A person's own account: where he is signed in. Behind it are the pages of who works for the client: `persons.rs`,
//! `keys.rs`, `clients.rs`, `audit_log.rs`.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};

use super::forms::Posted;
use super::frame::{Frame, Place, draw};
use super::visit::{Answer, Visit, go};
use super::{Console, audit_log};
use crate::clock::rfc3339;
use crate::store::audit;

pub fn routes() -> Router<Console> {
    Router::new().route("/console/account", get(show)).route("/console/account/browsers/{id}/end", post(end))
}

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    browsers: Vec<Browser>,
}

struct Browser {
    id: i64,
    name: String,
    /// As the browser calls itself.
    agent: String,
    since: String,
    seen: String,
    is_this: bool,
}

/// A page of the account, as the menu beside it names it.
pub struct Entry {
    pub address: &'static str,
    pub name: String,
    pub is_here: bool,
}

impl Frame {
    /// The menu of the account's pages that this person may see.
    pub fn account_menu(&self) -> Vec<Entry> {
        let all = [
            (true, "/console/account", self.t("My account", "Akun saya")),
            (self.manages(), "/console/account/persons", self.t("Persons", "Pengguna")),
            (self.manages(), "/console/account/keys", self.t("API keys", "Kunci API")),
            (self.is_administrator(), "/console/account/clients", self.t("Clients", "Klien")),
            (self.manages(), "/console/account/audit", self.t("Who did what", "Riwayat tindakan")),
        ];
        let path = self.here.split('?').next().unwrap_or_default();
        let shown = all.into_iter().filter(|(may, ..)| *may);
        let is_here = |address: &str| match address {
            "/console/account" => path == address || path == "/console/password",
            _ => path == address || path.strip_prefix(address).is_some_and(|rest| rest.starts_with('/')),
        };
        shown.map(|(_, address, name)| Entry { address, name: name.to_owned(), is_here: is_here(address) }).collect()
    }
}

/// What a person calls a browser: `Firefox · Windows`; what is not known is called as it calls itself.
fn name(agent: &str) -> String {
    // Browsers also claim to be those that came before them: the first that is found counts.
    const BROWSERS: [(&str, &str); 7] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let found =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (found(&BROWSERS), found(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        _ => agent.to_owned(),
    }
}

async fn show(visit: Visit) -> Answer {
    let api = &visit.console().api;
    let found = api.store.list_sign_ins(visit.person().id, api.clock.now()).await;
    let found = found.map_err(|error| visit.refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))?;
    let this = visit.signed_in().sign_in.id;
    let browser = |one: crate::store::SignIn| Browser {
        is_this: one.id == this,
        id: one.id,
        name: name(&one.agent),
        agent: one.agent,
        since: rfc3339(one.created_at),
        seen: rfc3339(one.last_seen_at),
    };
    let browsers = found.into_iter().map(browser).collect();
    Ok(draw(StatusCode::OK, &Page { frame: visit.frame(Place::Account, visit.t("My account", "Akun saya")), browsers }))
}

async fn end(Path(id): Path<i64>, posted: Posted) -> Answer {
    let visit = posted.visit;
    let (person, store) = (visit.person(), &visit.console().api.store);
    let entry = audit_log::entry(visit.console(), person.client_id, &person.userid, audit_log::SIGNED_OUT, "");
    let ended = audit::recording(entry, store.end_sign_in(person.id, id)).await;
    ended.map_err(|error| visit.refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))?;
    Ok(go("/console/account?done=ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_has_the_name_that_people_know() {
        for (agent, known) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36",
                "Chrome · Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/149.0 Safari/537.36 Edg/149.0",
                "Edge · Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile/15E148 Safari/604.1",
                "Safari · iPhone",
            ),
            ("Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0", "Firefox · Android"),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", ""),
        ] {
            assert_eq!(name(agent), known, "{agent}");
        }
    }
}
