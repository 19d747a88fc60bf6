//! Runs people's phones on the network: each phone has a task and an in-process connection to the server.
//!
//! [`Person`] is the handle for tests and the control API. Commands go over a bounded channel to the task (`actor.rs`),
//! which runs them on its state (`state.rs`), carries out the phone's actions, and reports to the checkers.

mod actor;
mod calls;
mod commands;
mod error;
mod linking;
mod newsletters;
mod passkey;
mod person;
mod sent;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::limits::{NUMBER_DIGITS_MAX, NUMBER_DIGITS_MIN, PEOPLE_MAX, PERSON_NAME_CHARACTERS_MAX, STOP_WAIT_SECONDS};
use crate::server::network::Network;

pub use calls::CallKind;
pub use error::RequestError;
pub use passkey::{Linking, PasskeyAttempt, PasskeyState, PasskeyStatus};
pub use person::{Person, address};
pub use sent::Sent;

/// Everybody who has a simulated phone. Clones share the same people.
#[derive(Clone)]
pub struct Phones {
    inner: Arc<Inner>,
}

struct Inner {
    network: Network,
    people: Mutex<BTreeMap<String, Person>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How others know a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    ByNumber,
    /// By LID only: the number is hidden from everybody.
    ByLid,
}

impl Phones {
    /// No people yet, on this network.
    pub fn new(network: Network) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Self { inner: Arc::new(Inner { network, people: Mutex::default(), tasks, stop }) }
    }

    /// Their network.
    pub fn network(&self) -> &Network {
        &self.inner.network
    }

    /// Creates a person with a phone, and waits until it is online and has uploaded its prekeys. The number is in
    /// digits with its country code.
    ///
    /// # Errors
    /// [`RequestError::Invalid`] for an invalid number or name; [`RequestError::Conflict`] if the number already has a
    /// phone, or there are too many people.
    pub async fn add(&self, number: &str, name: &str) -> Result<Person, RequestError> {
        self.add_as(number, name, Known::ByNumber).await
    }

    /// As [`Phones::add`], with a choice of how others know the person.
    ///
    /// # Errors
    /// As [`Phones::add`].
    pub async fn add_as(&self, number: &str, name: &str, known: Known) -> Result<Person, RequestError> {
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit())
            && !number.starts_with('0')
            && (NUMBER_DIGITS_MIN..=NUMBER_DIGITS_MAX).contains(&number.len());
        if !is_number {
            return Err(RequestError::Invalid(format!(
                "{number:?} is no phone number; give {NUMBER_DIGITS_MIN} to {NUMBER_DIGITS_MAX} digits with the country \
                 code and without +, such as 15550001"
            )));
        }
        if name.is_empty() || name.chars().count() > PERSON_NAME_CHARACTERS_MAX {
            return Err(RequestError::Invalid(format!(
                "the name is empty or too long; give 1 to {PERSON_NAME_CHARACTERS_MAX} characters"
            )));
        }
        let person = self.begin(number, name, known)?;
        person.is_ready().await?;
        Ok(person)
    }

    fn begin(&self, number: &str, name: &str, known: Known) -> Result<Person, RequestError> {
        let mut people = self.inner.people.lock();
        if people.contains_key(number) {
            return Err(RequestError::Conflict(format!("{number} has a phone already; use another number")));
        }
        if people.len() >= PEOPLE_MAX {
            return Err(RequestError::Conflict(format!("there are {PEOPLE_MAX} people, as many as there may be")));
        }
        if known == Known::ByLid {
            self.inner.network.register_person(number, name).hide_number();
        }
        let person = Person::begin(&self.inner.network, number, name, &self.inner.tasks, &self.inner.stop)?;
        people.insert(number.to_owned(), person.clone());
        Ok(person)
    }

    /// The person with this number.
    pub fn find(&self, number: &str) -> Option<Person> {
        self.inner.people.lock().get(number).cloned()
    }

    /// Everybody, by number.
    pub fn all(&self) -> Vec<Person> {
        self.inner.people.lock().values().cloned().collect()
    }

    /// Stops all phones, and waits for their tasks, with a timeout. Later commands fail.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        if clock::within(Duration::from_secs(STOP_WAIT_SECONDS), self.inner.tasks.wait()).await.is_none() {
            tracing::warn!("tasks of phones have not ended in time");
        }
    }
}
