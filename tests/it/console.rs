//! Signing in to the console, and what protects who is signed in. [`Visitor`] is a browser without a script.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::json;
use wachat::settings::Hidden;

use crate::world::{PATIENCE, Time, World, stories};

/// The administrator's password in stories that do not begin with the printed one.
pub const PASSWORD: &str = "correct horse battery";

/// A person's browser: it keeps cookies, and follows where it is led.
pub struct Visitor {
    address: SocketAddr,
    http: reqwest::Client,
    pub cookies: BTreeMap<String, String>,
    /// The token of the last page's forms.
    csrf: String,
    pub language: &'static str,
}

/// A page, as a browser got it.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Where the browser is now.
    pub path: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether the page shows this text.
    pub fn shows(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// What stands between two texts, the first time that they stand there.
    pub fn between(&self, before: &str, after: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(before)?;
        rest.split_once(after).map(|(found, _)| found)
    }
}

impl Visitor {
    #[allow(clippy::disallowed_methods, reason = "a person's browser is no part of the gateway")]
    pub fn new(world: &World) -> Self {
        let builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let http = builder.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { address: world.address, http, cookies: BTreeMap::new(), csrf: String::new(), language: "en" }
    }

    /// The administrator's browser, signed in with [`PASSWORD`].
    pub async fn administrator(world: &World) -> Self {
        let mut visitor = Self::new(world);
        let seen = visitor.sign_in("admin", PASSWORD).await;
        assert_eq!((seen.status, seen.path.as_str()), (200, "/console"), "{}", seen.text);
        visitor
    }

    /// One request, led nowhere.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Seen {
        let mut request =
            self.http.request(method.parse().expect("a method"), format!("http://{}{path}", self.address));
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request = request.header("cookie", cookies.join("; ")).header("accept-language", self.language);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == "POST" {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for line in headers.get_all("set-cookie") {
            let (name, value) =
                line.to_str().expect("text").split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let text = response.text().await.expect("a whole answer");
        let seen = Seen { status, headers, text, path: path.to_owned() };
        if let Some(token) = seen.between("name=\"csrf\" value=\"", "\"") {
            self.csrf = token.to_owned();
        }
        seen
    }

    /// Looks at a page, and at the one it leads to.
    pub async fn get(&mut self, path: &str) -> Seen {
        let seen = self.ask("GET", path, &[], &[]).await;
        self.follow(seen).await
    }

    /// Sends a form of the page that was looked at last, and follows.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Seen {
        let csrf = self.csrf.clone();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(form);
        let seen = self.ask("POST", path, &[("sec-fetch-site", "same-origin")], &all).await;
        self.follow(seen).await
    }

    async fn follow(&mut self, mut seen: Seen) -> Seen {
        for _ in 0..5 {
            if seen.status != 303 {
                return seen;
            }
            let to = seen.header("location").to_owned();
            seen = self.ask("GET", &to, &[], &[]).await;
        }
        panic!("led in a circle: {seen:?}")
    }

    pub async fn sign_in(&mut self, userid: &str, password: &str) -> Seen {
        self.post("/console/sign-in", &[("userid", userid), ("password", password)]).await
    }

    /// Chooses a password; what the page says.
    pub async fn choose_password(&mut self, now: &str, new: &str) -> Seen {
        self.get("/console/password").await;
        self.post("/console/password", &[("now", now), ("new", new), ("again", new)]).await
    }

    /// Whether the browser is signed in.
    pub async fn is_in(&mut self) -> bool {
        self.ask("GET", "/console", &[], &[]).await.status == 200
    }
}

/// A gateway whose administrator has [`PASSWORD`].
pub async fn gateway(database: crate::world::Database) -> World {
    gateway_at(database, Time::Machine).await
}

pub async fn gateway_at(database: crate::world::Database, time: Time) -> World {
    World::with(database, time, |settings| settings.admin_password = Some(Hidden(PASSWORD.into()))).await
}

/// Adds a person with a password of his own choice.
pub async fn add_person(world: &World, client_id: i64, userid: &str, role: &str) -> (i64, Visitor) {
    let person = json!({"userid": userid, "role": role, "password": "given by another"});
    let reply = world.client.manage("POST", &format!("/clients/{client_id}/persons"), Some(person)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let mut visitor = Visitor::new(world);
    assert_eq!(visitor.sign_in(userid, "given by another").await.path, "/console/password");
    let seen = visitor.choose_password("given by another", PASSWORD).await;
    assert_eq!((seen.status, seen.path.as_str()), (200, "/console?done=password"), "{}", seen.text);
    (reply.body["data"]["id"].as_i64().expect("a number"), visitor)
}

stories! {
    async fn the_printed_password_is_good_for_choosing_another(database: Database) {
        let world = World::new(database).await;
        let printed = world.first_password.clone().expect("a first start");
        let mut visitor = Visitor::new(&world);
        assert_eq!(visitor.get("/console").await.path, "/console/sign-in?to=%2Fconsole");
        assert_eq!(visitor.sign_in("admin", &printed).await.path, "/console/password");
        for page in ["/console", "/console/account", "/console/api", "/console/nowhere"] {
            assert_eq!(visitor.get(page).await.path, "/console/password", "{page}");
        }
        let seen = visitor.choose_password("wrong wrong", PASSWORD).await;
        assert_eq!(seen.status, 422, "{}", seen.text);
        assert_eq!(visitor.choose_password(&printed, "short").await.status, 422);
        assert_eq!(visitor.choose_password(&printed, &printed).await.status, 422);
        assert_eq!(visitor.get("/console").await.path, "/console/password");
        let seen = visitor.choose_password(&printed, PASSWORD).await;
        assert_eq!(seen.path, "/console?done=password", "{}", seen.text);
        assert_eq!(Visitor::new(&world).sign_in("admin", &printed).await.status, 403);
        assert!(visitor.is_in().await);
        world.stop().await;
    }

    async fn who_is_unknown_is_told_what_a_wrong_password_is_told(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::new(&world);
        let wrong = visitor.sign_in("admin", "a wrong password").await;
        let unknown = visitor.sign_in("nobody", "a wrong password").await;
        assert_eq!((wrong.status, unknown.status), (403, 403));
        assert_eq!(wrong.text.replace("admin", "nobody"), unknown.text);
        assert!(!visitor.is_in().await && wrong.headers.get("set-cookie").is_none());
        world.stop().await;
    }

    async fn who_guesses_has_to_wait(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::new(&world);
        for _ in 0..5 {
            assert_eq!(visitor.sign_in("admin", "a wrong password").await.status, 403);
        }
        let seen = visitor.sign_in("admin", PASSWORD).await;
        assert_eq!((seen.status, visitor.is_in().await), (429, false), "{}", seen.text);
        let seconds = seen.headers["retry-after"].to_str().expect("text");
        assert!(seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0), "{seconds}");
        assert!(seen.shows(&format!("Too many attempts. Try again in {seconds} seconds.")), "{}", seen.text);
        assert_eq!(visitor.sign_in("somebody", "else entirely").await.status, 403);
        world.stop().await;
    }

    async fn a_wrong_current_password_is_named_first(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let seen = visitor.choose_password("a wrong password", "a wrong password").await;
        assert!(seen.shows("The current password is wrong."), "{}", seen.text);
        let seen = visitor.choose_password(PASSWORD, PASSWORD).await;
        assert!(seen.shows("must be different from the current one"), "{}", seen.text);
        world.stop().await;
    }

    async fn a_form_that_no_page_of_ours_sent_does_nothing(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let mut other = Visitor::administrator(&world).await;
        let (own, others) = (visitor.csrf.clone(), other.csrf.clone());
        let ours = [("sec-fetch-site", "same-origin")];
        let elsewhere = [("sec-fetch-site", "cross-site")];
        let neighbour = [("sec-fetch-site", "same-site")];
        let origin = [("origin", "https://elsewhere.example")];
        for (headers, token) in [
            (&ours[..], None),
            (&ours[..], Some("00")),
            (&ours[..], Some(others.as_str())),
            (&elsewhere[..], Some(own.as_str())),
            (&neighbour[..], Some(own.as_str())),
            (&origin[..], Some(own.as_str())),
            (&[], Some(own.as_str())),
        ] {
            let form: Vec<_> = token.map(|token| ("csrf", token)).into_iter().collect();
            let seen = visitor.ask("POST", "/console/sign-out", headers, &form).await;
            assert_eq!((seen.status, visitor.is_in().await), (403, true), "{headers:?} {token:?} {}", seen.text);
        }
        let form = [("userid", "admin"), ("password", PASSWORD)];
        let mut stranger = Visitor::new(&world);
        let seen = stranger.ask("POST", "/console/sign-in", &elsewhere, &form).await;
        assert_eq!((seen.status, stranger.is_in().await, other.is_in().await), (403, false, true));
        world.stop().await;
    }

    async fn signing_out_ends_what_the_cookie_was_good_for(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let kept = visitor.cookies.clone();
        let seen = visitor.post("/console/sign-out", &[]).await;
        assert_eq!((seen.path.as_str(), visitor.is_in().await), ("/console/sign-in", false));
        visitor.cookies = kept;
        assert!(!visitor.is_in().await, "a copy of the cookie is good for nothing");
        world.stop().await;
    }

    async fn another_password_ends_the_other_browsers(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let mut other = Visitor::administrator(&world).await;
        assert_eq!(visitor.choose_password(PASSWORD, "a fresh password").await.path, "/console?done=password");
        assert!(visitor.is_in().await && !other.is_in().await);
        world.stop().await;
    }

    async fn a_browser_can_be_signed_out_from_another(database: Database) {
        let world = gateway(database).await;
        let mut other = Visitor::administrator(&world).await;
        let mut visitor = Visitor::administrator(&world).await;
        let seen = visitor.get("/console/account").await;
        let id = seen.text.match_indices("/browsers/").map(|(at, _)| seen.text[at + 10..].split('/').next().expect("a number"));
        let first = id.min_by_key(|id| id.parse::<i64>().expect("a number")).expect("a browser").to_owned();
        let (_, mut stranger) = add_person(&world, 1, "ann", "owner").await;
        stranger.post(&format!("/console/account/browsers/{first}/end"), &[]).await;
        assert!(other.is_in().await, "another person's browser is not hers to end");
        visitor.post(&format!("/console/account/browsers/{first}/end"), &[]).await;
        assert!(visitor.is_in().await && !other.is_in().await);
        world.stop().await;
    }

    async fn who_is_disabled_is_out_at_once(database: Database) {
        let world = gateway(database).await;
        let (id, mut visitor) = add_person(&world, 1, "ann", "owner").await;
        assert!(visitor.is_in().await);
        world.client.manage("PATCH", &format!("/clients/1/persons/{id}"), Some(json!({"disabled": true}))).await;
        assert!(!visitor.is_in().await);
        assert_eq!(visitor.sign_in("ann", PASSWORD).await.status, 403);
        world.client.manage("PATCH", &format!("/clients/1/persons/{id}"), Some(json!({"disabled": false}))).await;
        assert!(!visitor.is_in().await, "being enabled signs nobody in");
        world.stop().await;
    }

    async fn who_is_away_for_twelve_hours_signs_in_again(database: Database) {
        let world = gateway_at(database, Time::Held).await;
        let mut visitor = Visitor::administrator(&world).await;
        for hours in [11, 11] {
            world.advance(Duration::from_secs(hours * 3_600)).await;
            assert!(visitor.is_in().await, "seen within twelve hours");
        }
        // What a page asks by itself keeps nobody signed in.
        world.advance(Duration::from_secs(11 * 3_600)).await;
        assert_eq!(visitor.ask("GET", "/console", &[("x-wachat-live", "1")], &[]).await.status, 200);
        world.advance(Duration::from_secs(2 * 3_600)).await;
        assert!(!visitor.is_in().await);
        world.stop().await;
    }

    async fn the_cookie_is_for_the_console_and_for_no_script(database: Database) {
        let form = [("userid", "admin"), ("password", PASSWORD)];
        for (url, is_secure) in [("http://127.0.0.1", false), ("https://wa.example", true)] {
            let world = World::with(database, Time::Machine, |settings| {
                settings.admin_password = Some(Hidden(PASSWORD.into()));
                settings.public_url = url.into();
            });
            let world = world.await;
            let seen = Visitor::new(&world).ask("POST", "/console/sign-in", &[("sec-fetch-site", "same-origin")], &form).await;
            let line = seen.header("set-cookie");
            // Over TLS a browser takes it from this host alone, which wants the whole of it.
            let (name, path) = if is_secure { ("__Host-wachat_session=", "; Path=/;") } else { ("wachat_session=", "; Path=/console;") };
            for flag in ["; HttpOnly", "; SameSite=Lax", path] {
                assert!(line.starts_with(name) && line.contains(flag), "{flag}: {line}");
            }
            assert_eq!(seen.header("strict-transport-security"), if is_secure { "max-age=31536000" } else { "" });
            assert_eq!(line.contains("; Secure"), is_secure, "{line}");
            world.stop().await;
        }
    }

    async fn every_answer_tells_the_browser_to_trust_nothing_from_elsewhere(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::administrator(&world).await;
        let mut stranger = Visitor::new(&world);
        for (path, status) in [
            ("/console", 200), ("/console/account", 200), ("/console/account/keys", 200), ("/console/api", 200),
            ("/console/password", 200), ("/console/nowhere", 404), ("/console/assets/console.js", 200),
            ("/console/sign-in", 200),
        ] {
            let seen = visitor.get(path).await;
            assert_eq!(seen.status, status, "{path}");
            let policy = seen.header("content-security-policy");
            assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{path}: {policy}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("x-frame-options", "DENY"),
                ("cross-origin-opener-policy", "same-origin"),
            ] {
                assert_eq!(seen.header(name), value, "{path}: {name}");
            }
            if !path.contains("assets") {
                assert_eq!(seen.header("cache-control"), "no-store", "{path}");
                assert!(!seen.shows(" style=") && !seen.shows(" onclick="), "{path} would break its own policy");
            }
        }
        let seen = stranger.ask("GET", "/console", &[], &[]).await;
        assert_eq!((seen.status, seen.header("x-frame-options"), seen.header("cache-control")), (303, "DENY", "no-store"));
        world.stop().await;
    }

    async fn nobody_is_led_elsewhere_by_an_address(database: Database) {
        let world = gateway(database).await;
        let ours = [("sec-fetch-site", "same-origin")];
        for (to, leads) in [
            ("/console/account", "/console/account"),
            ("https://elsewhere.example/console", "/console"),
            ("//elsewhere.example", "/console"),
            ("/consolation", "/console"),
            ("/console\\@elsewhere.example", "/console"),
        ] {
            let mut visitor = Visitor::new(&world);
            let form = [("userid", "admin"), ("password", PASSWORD), ("to", to)];
            let seen = visitor.ask("POST", "/console/sign-in", &ours, &form).await;
            assert_eq!((seen.status, seen.header("location")), (303, leads), "{to}");
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("back", to).finish();
            let seen = visitor.ask("GET", &format!("/console/language?to=id&{query}"), &[], &[]).await;
            assert_eq!((seen.status, seen.header("location")), (303, leads), "{to}");
        }
        world.stop().await;
    }

    async fn the_language_is_the_browsers_until_another_is_chosen(database: Database) {
        let world = gateway(database).await;
        let mut visitor = Visitor::new(&world);
        assert!(visitor.get("/console/sign-in").await.shows("<html lang=\"en\">"));
        visitor.language = "fr, id-ID;q=0.8, en;q=0.5";
        let seen = visitor.get("/console/sign-in").await;
        assert!(seen.shows("<html lang=\"id\">") && seen.shows("Kata sandi"), "{}", seen.text);
        let seen = visitor.get("/console/language?to=en&back=/console/sign-in").await;
        assert!(seen.path == "/console/sign-in" && seen.shows("<html lang=\"en\">"), "{}", seen.text);
        let seen = visitor.sign_in("admin", PASSWORD).await;
        assert!(seen.shows("<html lang=\"en\">") && seen.shows("Sign out"), "{}", seen.text);
        world.stop().await;
    }
}
