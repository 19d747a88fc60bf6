//! The HTTP API: turns a request into a checked command, and an answer into JSON or XML. It decides nothing else.
//!
//! A file a resource: what can be asked, its documentation, its handler. `key.rs` says who asks, `fields.rs` what a body
//! may hold, `answer.rs` and `problem.rs` how it is answered.

pub mod answer;
pub mod body;
mod bounds;
pub mod fields;
pub mod form;
pub mod gateway;
pub mod idempotency;
pub mod json;
pub mod key;
pub mod manage;
pub mod media;
pub mod media_link;
pub mod media_url;
pub mod message;
pub mod named;
pub mod openapi;
pub mod operations;
mod outlook;
pub mod parsing;
pub mod person;
mod places;
pub mod problem;
pub mod python;
pub mod queues;
pub mod rate;
pub mod recipient;
pub mod routes;
pub mod scrapes;
pub mod sender;
pub mod statistics;
pub mod status;
mod tallies;
pub mod turns;
pub mod upload;
mod urgency;
pub mod waiting;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::account::KeySecret;
use crate::bell::Bells;
use crate::clock::{Clock, Millis};
use crate::device::Device;
use crate::egress::Egress;
use crate::files::Files;
use crate::imports::Imports;
use crate::inbox::Inbox;
use crate::limits;
use crate::linking;
use crate::media::shelf::Links;
use crate::outbox::Outbox;
use crate::password::Passwords;
use crate::room::Room;
use crate::secrets::MasterKey;
use crate::settings::Settings;
use crate::store::Store;
use crate::supervisor::Supervisor;
use turns::Turns;

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

/// The parts of an [`Api`].
pub struct Parts {
    pub store: Store,
    pub outbox: Outbox,
    pub room: Room,
    pub inbox: Inbox,
    pub files: Files,
    pub imports: Imports,
    pub links: Links,
    pub linking: linking::Links,
    pub bells: Bells,
    pub clock: Clock,
    pub master_key: MasterKey,
    pub key_secret: KeySecret,
    /// What customers reach this gateway by, without a slash at its end.
    pub public_url: String,
    pub keys: key::Keys,
    pub gateways: gateway::Gateways,
    pub rate: rate::Rate,
    pub idempotency: idempotency::InFlight,
    pub statistics: statistics::Statistics,
    pub queues: queues::Queues,
    pub places: places::Places,
    pub egress: Egress,
    pub push_tests: Turns,
    pub searches: Turns,
    pub large_bodies: Turns,
    pub parsing: Turns,
    pub passwords: Passwords,
    pub supervisor: Supervisor,
    pub runner: Runner,
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
    pub scrapes: scrapes::Scrapes,
    pub audit_seen: manage::audit::Seen,
}

/// What an [`Api`] is built from.
pub struct Foundation {
    pub store: Store,
    pub room: Room,
    pub inbox: Inbox,
    pub files: Files,
    pub imports: Imports,
    pub egress: Egress,
    pub bells: Bells,
    pub clock: Clock,
    pub master_key: MasterKey,
    pub key_secret: KeySecret,
    pub supervisor: Supervisor,
    pub runner: Runner,
}

/// Who runs the devices, as far as this process knows by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// This process does, as the node of this name; others may run some of them.
    This(String),
    /// Others do, where they hold leases: this is a command beside them.
    Others,
    /// Nobody: no server has the embedded store.
    Nobody,
}

impl Runner {
    /// Whether some node runs a device. One that has missed two renewals of its lease is gone, or about to lose it.
    pub fn runs(&self, device: &Device, now: Millis) -> bool {
        let is_renewed = device.lease_until > now + limits::LEASE_MS - 2 * limits::LEASE_RENEWAL_MS;
        let is_taken = is_renewed || now - device.created_at < limits::LEASE_TAKEN_MS_MAX;
        match self {
            Self::This(node) => is_taken || device.lease_node.as_ref() == Some(node),
            Self::Others => is_taken,
            Self::Nobody => false,
        }
    }
}

impl Api {
    pub fn new(from: Foundation, settings: &Settings) -> Self {
        Self(Arc::new(Parts {
            outbox: Outbox::new(from.store.clone(), from.room.clone(), from.bells.clone()),
            links: Links::new(from.master_key.derive("media-links")),
            linking: linking::Links::new(from.store.clone(), &from.master_key, from.clock.clone()),
            public_url: settings.public_url.clone(),
            keys: key::Keys::default(),
            gateways: gateway::Gateways::default(),
            rate: rate::Rate::new(settings.requests_a_second()),
            idempotency: idempotency::InFlight::default(),
            statistics: statistics::Statistics::default(),
            queues: queues::Queues::default(),
            places: places::Places::default(),
            egress: from.egress,
            push_tests: Turns::new(limits::PUSH_TESTS_MAX, limits::PUSH_TESTS_OF_CLIENT_MAX, 0),
            searches: Turns::new(
                limits::SEARCHES_MAX,
                limits::SEARCHES_OF_CLIENT_MAX,
                limits::SEARCHES_OF_CLIENT_WAITING_MAX,
            ),
            large_bodies: Turns::new(
                Semaphore::MAX_PERMITS,
                limits::LARGE_BODIES_OF_CLIENT_MAX,
                limits::LARGE_BODIES_OF_CLIENT_WAITING_MAX,
            ),
            parsing: parsing::turns(),
            metrics: crate::telemetry::start_metrics(),
            scrapes: scrapes::Scrapes::new(settings),
            audit_seen: manage::audit::Seen::default(),
            passwords: Passwords::new(from.clock.clone()),
            supervisor: from.supervisor,
            runner: from.runner,
            store: from.store,
            room: from.room,
            inbox: from.inbox,
            files: from.files,
            imports: from.imports,
            bells: from.bells,
            clock: from.clock,
            master_key: from.master_key,
            key_secret: from.key_secret,
        }))
    }
}

impl std::ops::Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
