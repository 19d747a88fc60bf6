//! How a page keeps up: it is drawn again and again for its reader, and what has changed is sent to the browser, whose script
//! puts each part with an id where the old one stands.
//!
//! So that a page that keeps up is the page that is loaded, no part of a page is made twice.

use std::collections::{HashMap, VecDeque};
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
use tokio_util::sync::CancellationToken;
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
const QUIET_ROUNDS_MAX: u32 = 5;
/// A browser drops an event without data.
const NO_MORE: &str = "no more";

/// Room for pages that keep up. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    signed_in: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    followers: Arc<Mutex<Followers>>,
}

/// The pages that each person, and each shared page, has followed now, the oldest first; and how many there ever were.
#[derive(Default)]
struct Followers {
    places: HashMap<Follower, VecDeque<(u64, CancellationToken)>>,
    count: u64,
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
    place: Counted,
}

/// One page that somebody follows.
struct Counted {
    followers: Arc<Mutex<Followers>>,
    follower: Follower,
    number: u64,
    /// A newer page has its place.
    taken: CancellationToken,
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
    /// Room for a page of somebody who is signed in; `None` while there is none. Of enough pages the oldest gives its place up: a
    /// page that was closed is not known to be for a while.
    fn signed_in(&self, person_id: i64) -> Option<Room> {
        let permit = self.signed_in.clone().try_acquire_owned().ok()?;
        let place = Counted::new(&self.followers, Follower::Person(person_id), limits::LIVE_PAGES_OF_PERSON_MAX);
        Some(Room { _permit: permit, place })
    }

    /// The same for a shared page, by its address.
    pub fn shared(&self, page: &str) -> Option<Room> {
        let permit = self.shared.clone().try_acquire_owned().ok()?;
        let follower = Follower::Shared(KeyHash::of(page));
        let place = Counted::new(&self.followers, follower, limits::LIVE_FOLLOWERS_MAX);
        Some(Room { _permit: permit, place })
    }
}

impl Counted {
    fn new(followers: &Arc<Mutex<Followers>>, follower: Follower, max: usize) -> Self {
        let mut all = followers.lock().unwrap_or_else(PoisonError::into_inner);
        all.count += 1;
        let (number, taken) = (all.count, CancellationToken::new());
        let places = all.places.entry(follower.clone()).or_default();
        if places.len() >= max
            && let Some((_, oldest)) = places.pop_front()
        {
            oldest.cancel();
        }
        places.push_back((number, taken.clone()));
        drop(all);
        Self { followers: Arc::clone(followers), follower, number, taken }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = all.places.get_mut(&self.follower) {
            places.retain(|(number, _)| *number != self.number);
            if places.is_empty() {
                all.places.remove(&self.follower);
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
    room: Room,
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
        room,
    };
    Sse::new(events(followed)).into_response()
}

fn events(followed: Followed) -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
    unfold(followed, |mut followed| async move {
        if followed.is_over {
            return None;
        }
        let (console, taken) = (followed.console.clone(), followed.room.place.taken.clone());
        loop {
            let event = if taken.is_cancelled() { Some(followed.give_up()) } else { followed.look().await };
            if let Some(event) = event {
                return Some((Ok(event), followed));
            }
            let wait = console.api.clock.sleep(Duration::from_millis(limits::LIVE_MS));
            console.stop.run_until_cancelled(taken.run_until_cancelled(wait)).await?;
        }
    })
}

impl Followed {
    /// A newer page has its place: this one says that it keeps up no more.
    fn give_up(&mut self) -> Event {
        self.is_over = true;
        Event::default().event("crowded").data(NO_MORE)
    }

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
            return self.is_over.then(|| Event::default().event("gone").data(NO_MORE));
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
        let all: Vec<Room> = (0..1_000).filter_map(|page| rooms.shared(&page.to_string())).collect();
        assert_eq!(all.len(), limits::LIVE_SHARED_PAGES_MAX - limits::LIVE_FOLLOWERS_MAX);
        assert!(rooms.shared("/console/link/a").is_none());
        assert!(one.iter().all(|room| !room.place.taken.is_cancelled()), "whoever gets no room takes nobody's");
        let signed_in: Vec<Room> = (1..1_000).filter_map(|person| rooms.signed_in(person)).collect();
        assert_eq!(signed_in.len(), limits::LIVE_PAGES_MAX);
        drop((one, all, signed_in));
        assert!(rooms.shared("/console/link/a").is_some());
        assert!(rooms.followers.lock().unwrap().places.is_empty(), "what is followed no more is not remembered");
    }

    #[test]
    fn of_too_many_pages_the_oldest_gives_its_place_to_the_newest() {
        let rooms = Rooms::default();
        let shared: &dyn Fn() -> Option<Room> = &|| rooms.shared("/console/link/a");
        let of_person: &dyn Fn() -> Option<Room> = &|| rooms.signed_in(1);
        for (new, max) in [(shared, limits::LIVE_FOLLOWERS_MAX), (of_person, limits::LIVE_PAGES_OF_PERSON_MAX)] {
            let mut open: VecDeque<Room> = VecDeque::new();
            for _ in 0..100 {
                open.push_back(new().expect("room"));
                let taken = open.iter().filter(|room| room.place.taken.is_cancelled()).count();
                assert_eq!(taken, usize::from(open.len() > max));
                if open.len() > max {
                    assert!(open.pop_front().is_some_and(|oldest| oldest.place.taken.is_cancelled()));
                }
            }
            // Any page that is closed leaves its place to the next.
            open.remove(1);
            open.push_back(new().expect("room"));
            assert!(open.iter().all(|room| !room.place.taken.is_cancelled()));
        }
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
