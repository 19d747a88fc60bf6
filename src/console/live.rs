//! How a page keeps up: it is drawn again and again for its reader, and what has changed is sent to the browser, whose script
//! puts each part with an id where the old one stands.
//!
//! So that a page that keeps up is the page that is loaded, no part of a page is made twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use super::forms::Fields;
use super::visit::{Visit, cookies, own_path};
use super::{Console, router};
use crate::account::KeyHash;
use crate::limits;

/// The pages that keep up. What else a page of the console may give, such as an export, is not made every second.
const PAGES: [&[&str]; 11] = [
    &["console"],
    &["console", "devices"],
    &["console", "devices", "*"],
    &["console", "devices", "*", "link"],
    &["console", "inbox"],
    &["console", "inbox", "*", "*"],
    &["console", "messages"],
    &["console", "messages", "*"],
    &["console", "messages", "import"],
    &["console", "messages", "import", "*"],
    &["console", "push"],
];
/// Files are none, whatever they are called.
const FILES: [&str; 2] = [".csv", ".svg"];

/// Marks a request that no person made: it does not keep anybody signed in.
pub const HEADER: &str = "x-wachat-live";
/// A page that stays the same says so now and then: else nobody notices that the reader is gone.
const QUIET_ROUNDS_MAX: u32 = 15;

/// Room for pages that keep up. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    signed_in: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    /// How many pages each person, and each shared page, has followed now.
    followers: Arc<Mutex<HashMap<Follower, usize>>>,
}

/// For whom pages keep up.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Follower {
    Person(i64),
    /// Whoever looks at this shared page.
    Shared(KeyHash),
}

/// Where one page that keeps up has its room, until it is dropped.
pub struct Room {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

/// One page that somebody follows.
struct Counted {
    followers: Arc<Mutex<HashMap<Follower, usize>>>,
    follower: Follower,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            signed_in: Arc::new(Semaphore::new(limits::LIVE_PAGES_MAX)),
            shared: Arc::new(Semaphore::new(limits::LIVE_SHARED_PAGES_MAX)),
            followers: Arc::default(),
        }
    }
}

impl Rooms {
    /// Room for a page of somebody who is signed in; `None` while there is none, or the person follows enough pages.
    fn signed_in(&self, person_id: i64) -> Option<Room> {
        let counted = Counted::new(&self.followers, Follower::Person(person_id), limits::LIVE_PAGES_OF_PERSON_MAX)?;
        let permit = self.signed_in.clone().try_acquire_owned().ok()?;
        Some(Room { _permit: permit, _counted: counted })
    }

    /// Room for a shared page, by its address; `None` while there is none, or the page is followed too often.
    pub fn shared(&self, page: &str) -> Option<Room> {
        let permit = self.shared.clone().try_acquire_owned().ok()?;
        let follower = Follower::Shared(KeyHash::of(page));
        let counted = Counted::new(&self.followers, follower, limits::LIVE_FOLLOWERS_MAX)?;
        Some(Room { _permit: permit, _counted: counted })
    }
}

impl Counted {
    fn new(followers: &Arc<Mutex<HashMap<Follower, usize>>>, follower: Follower, max: usize) -> Option<Self> {
        let mut counts = followers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(follower.clone()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Self { followers: Arc::clone(followers), follower })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.follower) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.follower);
            }
        }
    }
}

/// A page that is followed.
struct Followed {
    console: Console,
    /// The console's own addresses, asked in this process.
    pages: Router,
    page: String,
    headers: HeaderMap,
    last: Option<KeyHash>,
    quiet_rounds: u32,
    is_over: bool,
    _room: Room,
}

/// `/console/live?of=/console/…`
pub async fn follow(
    State(console): State<Console>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    // Who is signed in is asked anew with every drawing.
    let person_id = visit.person().id;
    drop(visit);
    let page = own_path(Fields::read(query.unwrap_or_default().as_bytes()).text("of")).to_owned();
    if !keeps_up(&page) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let room = console.live.signed_in(person_id);
    follow_page(console, headers, page, room)
}

/// Whether the page at this address keeps up.
fn keeps_up(page: &str) -> bool {
    let path = page.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let is_it = |known: &[&str]| {
        known.len() == parts.len() && known.iter().zip(&parts).all(|(known, part)| *known == "*" || known == part)
    };
    PAGES.into_iter().any(is_it) && !FILES.iter().any(|ending| path.ends_with(ending))
}

/// Follows a page for whoever was found to be allowed to see it, where there is room.
pub fn follow_page(console: Console, headers: HeaderMap, page: String, room: Option<Room>) -> Response {
    let Some(room) = room else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")]).into_response();
    };
    let followed = Followed {
        pages: router(console.clone()),
        console,
        page,
        headers,
        last: None,
        quiet_rounds: 0,
        is_over: false,
        _room: room,
    };
    Sse::new(events(followed)).into_response()
}

fn events(followed: Followed) -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
    unfold(followed, |mut followed| async move {
        if followed.is_over {
            return None;
        }
        let console = followed.console.clone();
        loop {
            let event = followed.look().await;
            if let Some(event) = event {
                return Some((Ok(event), followed));
            }
            let wait = console.api.clock.sleep(Duration::from_millis(limits::LIVE_MS));
            console.stop.run_until_cancelled(wait).await?;
        }
    })
}

impl Followed {
    /// Draws the page; gives what to tell its reader.
    async fn look(&mut self) -> Option<Event> {
        let mut request = Request::builder().uri(&self.page).header(HEADER, "1");
        for cookie in cookies(&self.headers) {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(language) = self.headers.get(header::ACCEPT_LANGUAGE) {
            request = request.header(header::ACCEPT_LANGUAGE, language);
        }
        let request = request.body(Body::empty()).ok()?;
        let response = match self.pages.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.status() != StatusCode::OK {
            // Signed out, or what was looked at is gone: the browser loads the page and sees.
            self.is_over = !response.status().is_server_error();
            return self.is_over.then(|| Event::default().event("gone").data(""));
        }
        let bytes = axum::body::to_bytes(response.into_body(), limits::LIVE_PAGE_BYTES_MAX).await.ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let main = text.find("<main").and_then(|from| text.get(from..))?;
        let hash = KeyHash::of(main);
        self.quiet_rounds += 1;
        if self.last.as_ref() != Some(&hash) {
            let is_first = self.last.replace(hash).is_none();
            // What the browser loaded a moment ago may have changed since.
            self.quiet_rounds = 0;
            let event = Event::default().event(if is_first { "first" } else { "page" });
            return Some(event.data(main.replace('\r', "")));
        }
        if self.quiet_rounds >= QUIET_ROUNDS_MAX {
            self.quiet_rounds = 0;
            return Some(Event::default().comment("still here"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_pages_take_no_room_of_who_is_signed_in() {
        let rooms = Rooms::default();
        let one: Vec<Room> = (0..limits::LIVE_FOLLOWERS_MAX).filter_map(|_| rooms.shared("/console/link/a")).collect();
        assert_eq!(one.len(), limits::LIVE_FOLLOWERS_MAX);
        assert!(rooms.shared("/console/link/a").is_none());
        let all: Vec<Room> = (0..1_000).filter_map(|page| rooms.shared(&page.to_string())).collect();
        assert_eq!(all.len(), limits::LIVE_SHARED_PAGES_MAX - limits::LIVE_FOLLOWERS_MAX);
        let mine: Vec<Room> = (0..1_000).filter_map(|_| rooms.signed_in(1)).collect();
        assert_eq!(mine.len(), limits::LIVE_PAGES_OF_PERSON_MAX);
        let signed_in: Vec<Room> = (2..1_000).filter_map(|person| rooms.signed_in(person)).collect();
        assert_eq!(signed_in.len(), limits::LIVE_PAGES_MAX - limits::LIVE_PAGES_OF_PERSON_MAX);
        drop((one, all, mine, signed_in));
        assert!(rooms.shared("/console/link/a").is_some());
        assert!(rooms.followers.lock().unwrap().is_empty(), "what is followed no more is not remembered");
    }

    #[test]
    fn only_pages_that_keep_up_are_made_again_and_again() {
        for live in [
            "/console",
            "/console?done=saved",
            "/console/messages/32CB",
            "/console/messages/import/1",
            "/console/devices/1-1/link",
            "/console/inbox/1-1/628?before=3",
        ] {
            assert!(keeps_up(live), "{live}");
        }
        for other in [
            "/console/",
            "/console/live?of=/console",
            "/console/messages/export.csv",
            "/console/messages/import/1/refused.csv",
            "/console/inbox/1-1",
            "/console/inbox/1/2/3",
            "",
        ] {
            assert!(!keeps_up(other), "{other}");
        }
    }
}
