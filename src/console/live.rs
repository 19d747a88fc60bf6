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

/// Marks a request that no person made: it does not keep anybody signed in.
pub const HEADER: &str = "x-wachat-live";
/// A page that stays the same says so now and then: else nobody notices that the reader is gone.
const QUIET_ROUNDS_MAX: u32 = 15;

/// Room for pages that keep up. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    signed_in: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    /// How often each shared page is followed now.
    followers: Arc<Mutex<HashMap<KeyHash, usize>>>,
}

/// Where one page that keeps up has its room, until it is dropped.
pub struct Room {
    _permit: OwnedSemaphorePermit,
    /// Of a shared page.
    _counted: Option<Counted>,
}

/// One follower of a shared page.
struct Counted {
    followers: Arc<Mutex<HashMap<KeyHash, usize>>>,
    page: KeyHash,
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
    /// Room for a page of somebody who is signed in; `None` while there is none.
    fn signed_in(&self) -> Option<Room> {
        let permit = self.signed_in.clone().try_acquire_owned().ok()?;
        Some(Room { _permit: permit, _counted: None })
    }

    /// Room for a shared page, by its address; `None` while there is none, or the page is followed too often.
    pub fn shared(&self, page: &str) -> Option<Room> {
        let permit = self.shared.clone().try_acquire_owned().ok()?;
        let counted = Counted::new(&self.followers, KeyHash::of(page))?;
        Some(Room { _permit: permit, _counted: Some(counted) })
    }
}

impl Counted {
    fn new(followers: &Arc<Mutex<HashMap<KeyHash, usize>>>, page: KeyHash) -> Option<Self> {
        let mut counts = followers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(page.clone()).or_default();
        if *count >= limits::LIVE_FOLLOWERS_MAX {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Self { followers: Arc::clone(followers), page })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.page) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.page);
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
    drop(visit);
    let page = own_path(Fields::read(query.unwrap_or_default().as_bytes()).text("of")).to_owned();
    let room = console.live.signed_in();
    follow_page(console, headers, page, room)
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
        let bytes = axum::body::to_bytes(response.into_body(), limits::CONSOLE_ANSWER_BYTES_MAX).await.ok()?;
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
        let signed_in: Vec<Room> = (0..1_000).filter_map(|_| rooms.signed_in()).collect();
        assert_eq!(signed_in.len(), limits::LIVE_PAGES_MAX);
        drop((one, all));
        assert!(rooms.shared("/console/link/a").is_some());
        assert!(rooms.followers.lock().unwrap().is_empty(), "what is followed no more is not remembered");
    }
}
