//! Somebody who is signed in to the console, in a browser without a script.

use serde_json::Value;
use wachat::settings::Hidden;

use crate::client::Reply;
use crate::world::{Database, PATIENCE, Time, World};

pub const PASSWORD: &str = "a password of the story";

/// A gateway whose administrator's password is known.
pub async fn world(database: Database, time: Time) -> World {
    World::with(database, time, |settings| settings.admin_password = Some(Hidden(PASSWORD.into()))).await
}

/// Somebody who is signed in.
pub struct Browser<'w> {
    pub world: &'w World,
    pub cookie: String,
    pub csrf: String,
}

impl<'w> Browser<'w> {
    pub async fn of(world: &'w World, userid: &str) -> Browser<'w> {
        let form = format!("userid={userid}&password={}&to=/console", PASSWORD.replace(' ', "+"));
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let reply = ask(world, "POST", "/console/sign-in", &headers, Some(form.into_bytes())).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        let cookie = reply.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        let mut browser = Browser { world, cookie, csrf: String::new() };
        let page = browser.get("/console/password").await;
        let (_, rest) = page.text.split_once("name=\"csrf\" value=\"").expect("a token");
        browser.csrf = rest.split('"').next().expect("its end").to_owned();
        if userid != "admin" {
            // A password that was given has to be changed first.
            let words = |name: &str, word: &str| format!("&{name}={}", word.replace(' ', "+"));
            let change = words("now", PASSWORD) + &words("new", "his own one") + &words("again", "his own one");
            let changed = browser.send("/console/password", &change).await;
            assert_eq!(target(&changed), "/console?done=password");
        }
        browser
    }

    pub async fn get(&self, path: &str) -> Reply {
        ask(self.world, "GET", path, &[("cookie", &self.cookie)], None).await
    }

    /// As [`Browser::get`], with one header more.
    pub async fn get_with(&self, path: &str, name: &str, value: &str) -> Reply {
        ask(self.world, "GET", path, &[("cookie", &self.cookie), (name, value)], None).await
    }

    pub async fn post(&self, path: &str) -> Reply {
        self.send(path, "").await
    }

    pub async fn send(&self, path: &str, fields: &str) -> Reply {
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        ask(self.world, "POST", path, &headers, Some(format!("csrf={}{fields}", self.csrf).into_bytes())).await
    }

    /// Opens a message's page, and sends that message again.
    pub async fn resend(&self, ref_no: &str) -> Reply {
        let page = format!("/console/messages/{ref_no}");
        let once = self.once(&page).await;
        self.send(&format!("{page}/resend"), &format!("&once={once}")).await
    }

    /// The token with which a page's form is drawn.
    pub async fn once(&self, path: &str) -> String {
        let page = self.get(path).await;
        let (_, rest) = page.text.split_once("name=\"once\" value=\"").unwrap_or_else(|| panic!("{}", page.text));
        rest.split('"').next().expect("its end").to_owned()
    }

    /// Opens the form that sends by hand, and sends it.
    pub async fn by_hand(&self, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Reply {
        let once = self.once("/console/messages/new").await;
        let fields: Vec<_> = [("once", once.as_str())].iter().chain(fields).copied().collect();
        self.upload("/console/messages/new", &fields, file).await
    }

    /// Sends a form with a file, as browsers do.
    pub async fn upload(&self, path: &str, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Reply {
        let mut body = Vec::new();
        for (name, value) in [("csrf", self.csrf.as_str())].iter().chain(fields) {
            body.extend(
                format!("--BOUNDARY\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        let (name, bytes) = file.unwrap_or_default();
        body.extend(
            format!("--BOUNDARY\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n").bytes(),
        );
        body.extend_from_slice(b"Content-Type: application/octet-stream\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--BOUNDARY--\r\n");
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("content-type", "multipart/form-data; boundary=BOUNDARY"),
            ("sec-fetch-site", "same-origin"),
        ];
        ask(self.world, "POST", path, &headers, Some(body)).await
    }
}

/// Asks without following to where an answer leads.
#[allow(clippy::disallowed_methods, reason = "a browser is no part of the gateway")]
pub async fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Reply {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    let http = http.build().expect("a client");
    let mut request = http.request(method.parse().expect("a method"), format!("http://{}{path}", world.address));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.unwrap_or_default()).send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("a whole answer").to_vec();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Reply { status, headers, bytes, text, body: Value::Null }
}

/// Where an answer leads.
pub fn target(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text);
    reply.header("location").to_owned()
}

/// The reference number in the address of a message's page.
pub fn ref_no_of(target: &str) -> String {
    target.strip_prefix("/console/messages/").and_then(|rest| rest.get(..18)).expect("a message's page").to_owned()
}

/// How many messages the first client has.
pub async fn queued(world: &World) -> i64 {
    let counts = world.client.manage("GET", "/messages/counts", None).await;
    counts.body["data"].as_object().expect("counts").values().filter_map(Value::as_i64).sum()
}
