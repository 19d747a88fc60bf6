//! What a form holds, and whether it comes from a page of ours.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use url::form_urlencoded;

use super::Console;
use super::frame::{Bare, draw};
use super::visit::Visit;
use super::words::Viewer;
use crate::api::problem::Problem;
use crate::limits;

/// The fields of a form.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn read(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().take(limits::FORM_FIELDS_MAX).collect())
    }

    /// Fields that were read in another way.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// What a field holds, without the spaces around it; empty where it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// What a field holds, as it is.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// As [`Fields::text`], where something stands in it.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Whether a box is ticked.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }
}

/// A form that somebody who is signed in sent from a page of ours.
pub struct Posted {
    pub visit: Visit,
    pub fields: Fields,
}

impl FromRequest<Console> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, console).await?;
        let body = console.api.read_body(visit.person().client_id, &parts.headers, body, limits::BODY_BYTES_MAX).await;
        let bytes = body.map_err(|problem| unread(visit.viewer(), problem))?;
        let fields = console.api.parse(visit.person().client_id, bytes.len(), || Fields::read(&bytes)).await;
        let fields = fields.map_err(|problem| unread(visit.viewer(), problem))?;
        if is_ours(&parts.headers) && visit.owns(fields.raw("csrf")) {
            Ok(Self { visit, fields })
        } else {
            Err(foreign(visit.viewer()))
        }
    }
}

/// A form of somebody who is not signed in yet.
pub struct Asked {
    pub viewer: Viewer,
    pub fields: Fields,
}

impl FromRequest<Console> for Asked {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let viewer = Viewer::of(&parts.headers);
        if !is_ours(&parts.headers) {
            return Err(foreign(&viewer));
        }
        let body = console.api.read_small_body(&parts.headers, body, limits::SMALL_BODY_BYTES_MAX).await;
        let bytes = body.map_err(|problem| unread(&viewer, problem))?;
        Ok(Self { viewer, fields: Fields::read(&bytes) })
    }
}

fn unread(viewer: &Viewer, problem: Problem) -> Response {
    let (title, text) = (viewer.t("That did not work", "Itu tidak berhasil"), problem.told());
    let page = draw(problem.status(), &Bare { viewer, title, text: &viewer.said(&text) });
    // The rest of the form is not read.
    ([(header::CONNECTION, "close")], page).into_response()
}

/// Whether a browser says that the request comes from this gateway's own pages. One that says nothing is no browser of
/// these days.
pub fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str()), text(header::HOST.as_str())) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => false,
    }
}

fn foreign(viewer: &Viewer) -> Response {
    let title = viewer.t("This form is out of date", "Formulir ini kedaluwarsa");
    let text = viewer.t(
        "Nothing was done. Go back, load the page again, and send the form once more.",
        "Tidak ada yang dilakukan. Kembali, muat ulang halaman, lalu kirim formulir sekali lagi.",
    );
    draw(StatusCode::FORBIDDEN, &Bare { viewer, title, text })
}

/// The token in the forms of a signed-in browser: no page of others can know it.
pub fn token(key: &[u8; 32], session: &str) -> String {
    let mac = mac(key, session).map(|mac| mac.finalize().into_bytes());
    mac.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `given` is the token of a signed-in browser.
pub fn is_token(key: &[u8; 32], session: &str, given: &str) -> bool {
    let bytes: Option<Vec<u8>> = (0..given.len() / 2)
        .map(|at| given.get(2 * at..2 * at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()))
        .collect();
    let is_right = |bytes: &Vec<u8>| mac(key, session).is_some_and(|mac| mac.verify_slice(bytes).is_ok());
    bytes.is_some_and(|bytes| is_right(&bytes))
}

fn mac(key: &[u8; 32], session: &str) -> Option<Hmac<Sha256>> {
    Some(Hmac::<Sha256>::new_from_slice(key).ok()?.chain_update(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_browser() {
        let key = [7; 32];
        assert!(is_token(&key, "a", &token(&key, "a")));
        for bad in ["", "zz", "ä", &token(&key, "b"), &token(&[8; 32], "a")] {
            assert!(!is_token(&key, "a", bad), "{bad}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_not_ours() {
        let with = |lines: &[(&str, &str)]| {
            let pairs =
                lines.iter().map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap()));
            is_ours(&pairs.collect())
        };
        assert!(with(&[("sec-fetch-site", "same-origin")]));
        assert!(with(&[("origin", "http://a:8080"), ("host", "a:8080")]));
        for bad in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("origin", "http://b"), ("host", "a")],
            &[("host", "a")],
            &[("origin", "null"), ("host", "a")],
        ] {
            assert!(!with(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_field_that_is_empty_is_not_given() {
        let fields = Fields::read(b"name=+Ann+&note=&on=1&csrf=x");
        assert_eq!((fields.text("name"), fields.raw("name"), fields.given("note")), ("Ann", " Ann ", None));
        assert!(fields.has("on") && !fields.has("off"));
    }
}
