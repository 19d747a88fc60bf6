//! Logs and metrics, every name in one place. Neither ever carries a message's text, a key, a password or a
//! phone number.

mod library;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::limits;

/// How our own names begin.
const PREFIX: &str = "wachat_";
pub const ACCEPTED: &str = "wachat_messages_accepted_total";
/// Label `state`: S, D, R or A.
pub const STATES: &str = "wachat_message_states_total";
pub const RECEIVED: &str = "wachat_messages_received_total";
/// Label `outcome`: done, again or failed.
pub const PUSHES: &str = "wachat_push_tries_total";
/// Labels `path` (the route, not the address asked for) and `status`.
pub const REQUESTS: &str = "wachat_http_requests_total";
pub const WAITING: &str = "wachat_messages_waiting";
/// Label `state`.
pub const DEVICES: &str = "wachat_devices";
/// Labels `device` and `state`: S, D, R or A.
pub const DEVICE_STATES: &str = "wachat_device_message_states_total";
/// Label `device`.
pub const DEVICE_RECEIVED: &str = "wachat_device_messages_received_total";
/// Label `device`.
pub const DEVICE_SLOWED: &str = "wachat_device_slowed_total";
/// Label `device`.
pub const DEVICE_WAITING: &str = "wachat_device_messages_waiting";
/// Label `device`.
pub const DEVICE_ONLINE: &str = "wachat_device_online";
/// Pushes that are not delivered yet, of all clients.
pub const PUSHES_WAITING: &str = "wachat_pushes_waiting";
/// Seconds since the push began to be tried that has waited longest; 0 when none waits.
pub const PUSH_OLDEST: &str = "wachat_push_oldest_age_seconds";
/// Push URLs that are paused.
pub const PUSH_URLS_PAUSED: &str = "wachat_push_urls_paused";
/// Always 1; the label `version` says which program this is.
pub const BUILD: &str = "wachat_build_info";
/// What stands for every device beyond the bound.
const OTHERS: &str = "others";

/// Starts logging to standard error.
///
/// # Errors
/// The filter that cannot be read.
pub fn start_logs(filter: &str, json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("the log filter '{filter}': {error}"))?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal);
    // A second start (in tests) keeps the first one's logs.
    let _ = if json { logs.json().try_init() } else { logs.try_init() };
    Ok(())
}

/// Starts the metrics of this process, or finds them started.
pub fn start_metrics() -> PrometheusHandle {
    static HANDLE: std::sync::OnceLock<PrometheusHandle> = std::sync::OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // Somebody else's recorder (in tests) stays; then ours counts nothing, which harms nobody.
            let _ = metrics::set_global_recorder(library::Exported(recorder));
            describe();
            begin();
            handle
        })
        .clone()
}

fn describe() {
    metrics::describe_counter!(ACCEPTED, "Messages that got a 201");
    metrics::describe_counter!(STATES, "Steps of messages, by the state reached");
    metrics::describe_counter!(RECEIVED, "Messages that came in");
    metrics::describe_counter!(PUSHES, "Tries to deliver to a Push URL, by outcome");
    metrics::describe_counter!(REQUESTS, "HTTP requests, by route and status");
    metrics::describe_gauge!(WAITING, "Messages that wait to leave");
    metrics::describe_gauge!(DEVICES, "Devices, by state");
    metrics::describe_counter!(DEVICE_STATES, "Steps of a device's messages, by the state reached");
    metrics::describe_counter!(DEVICE_RECEIVED, "Messages that came in by a device");
    metrics::describe_counter!(
        DEVICE_SLOWED,
        "Times that a device became slower because WhatsApp said that it was too much"
    );
    metrics::describe_gauge!(PUSHES_WAITING, "Pushes that are not delivered yet");
    metrics::describe_gauge!(PUSH_OLDEST, "Seconds since the oldest push that is not delivered began to be tried");
    metrics::describe_gauge!(PUSH_URLS_PAUSED, "Push URLs that are paused");
    metrics::describe_gauge!(BUILD, "1; the label says which version runs");
    metrics::describe_gauge!(DEVICE_WAITING, "Messages of a device that wait to leave");
    metrics::describe_gauge!(DEVICE_ONLINE, "1 while a device is connected and ready to send, else 0");
}

/// The states that messages are counted in.
const COUNTED_STATES: [&str; 4] = ["S", "D", "R", "A"];

/// Counts from zero: a counter that is not there yet raises no alarm.
fn begin() {
    for name in [ACCEPTED, RECEIVED] {
        metrics::counter!(name).increment(0);
    }
    for state in COUNTED_STATES {
        metrics::counter!(STATES, "state" => state).increment(0);
    }
    for outcome in ["done", "again", "failed"] {
        metrics::counter!(PUSHES, "outcome" => outcome).increment(0);
    }
    for name in [WAITING, PUSHES_WAITING, PUSH_OLDEST, PUSH_URLS_PAUSED] {
        metrics::gauge!(name).set(0.0);
    }
    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    library::begin();
}

/// Counts what a device does from zero.
pub fn begin_device(label: &str) {
    for state in COUNTED_STATES {
        metrics::counter!(DEVICE_STATES, "device" => label.to_owned(), "state" => state).increment(0);
    }
    for name in [DEVICE_RECEIVED, DEVICE_SLOWED] {
        metrics::counter!(name, "device" => label.to_owned()).increment(0);
    }
}

/// The label of a device: its id for the first that are asked for, one for all that come after, so that metrics do not grow
/// without end.
pub fn device_label(id: &str) -> String {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.contains(id) && known.len() >= limits::DEVICES_MEASURED_MAX {
        return OTHERS.to_owned();
    }
    known.insert(id.to_owned());
    id.to_owned()
}

/// Counts messages that were given up otherwise than by an attempt: expired, cancelled, or their gateway was removed.
pub fn count_aborted(messages: u64) {
    metrics::counter!(STATES, "state" => "A").increment(messages);
}
