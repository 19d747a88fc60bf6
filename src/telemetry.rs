//! Logs and metrics, every name in one place. Neither ever carries a message's text, a key, a password or a
//! phone number.

mod library;
mod logs;
mod outage;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::limits;
pub use logs::say_last;
pub use outage::Outage;

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
/// Labels `device` and `reason_code`.
pub const DEVICE_WAITING_FOR: &str = "wachat_device_messages_waiting_for";
/// Label `device`.
pub const DEVICE_OLDEST: &str = "wachat_device_oldest_waiting_seconds";
/// Labels `device` and `state`.
pub const DEVICE_STATE: &str = "wachat_device_state";
/// Label `device`.
pub const DEVICE_ONLINE: &str = "wachat_device_online";
/// Pushes that are not delivered yet, of all clients.
pub const PUSHES_WAITING: &str = "wachat_pushes_waiting";
/// Seconds since the push began to be tried that has waited longest; 0 when none waits.
pub const PUSH_OLDEST: &str = "wachat_push_oldest_age_seconds";
/// Push URLs that are paused.
pub const PUSH_URLS_PAUSED: &str = "wachat_push_urls_paused";
/// What is free on the disk of the data folder or of the database, whichever has less, and below how much nothing new is accepted.
pub const DISK_FREE: &str = "wachat_disk_free_bytes";
pub const DISK_FLOOR: &str = "wachat_disk_floor_bytes";
/// Always 1; the label `version` says which program this is.
pub const BUILD: &str = "wachat_build_info";
/// Label `task`: what ended unexpectedly and was started again.
pub const TASK_RESTARTS: &str = "wachat_task_restarts_total";
/// Label `why`: `failed` or `waiting`.
pub const LOG_LINES_LOST: &str = "wachat_log_lines_lost_total";
/// What a device's channel told and the database refused for good.
pub const EVENTS_REFUSED: &str = "wachat_device_events_refused_total";
/// The tasks that are supervised, as metrics name them.
pub const TASKS: [&str; 7] = ["dispatcher", "device", "push", "imports", "maintenance", "http", "store_writer"];
/// What stands for every device beyond the bound.
const OTHERS: &str = "others";

/// Starts logging to standard error. Where the filter is a level above debug, the client library's lines are left out: they name no
/// device and tell one event several times, of which the gateway says in a line of its own what it means for which device. Whoever logs is never held up by it and never fails: see `telemetry/logs.rs`.
///
/// # Errors
/// The filter that cannot be read, or that the machine gives no thread.
pub fn start_logs(filter: &str, json: bool) -> Result<(), String> {
    let is_brief = filter.trim().parse::<LevelFilter>().is_ok_and(|level| level < LevelFilter::DEBUG);
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("the log filter '{filter}': {error}"))?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let writer = logs::LogWriter::to_stderr().map_err(|error| format!("the log has no thread: {error}"))?;
    // The library would say that a line could not be written where that line could not be written, and panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(is_terminal).log_internal_errors(false);
    let lines = if json { lines.json().boxed() } else { lines.boxed() };
    let own = filter_fn(move |line| !is_brief || !library::wrote(line));
    // A second start (in tests) keeps the first one's logs.
    let started = tracing_subscriber::registry().with(lines).with(filter).with(own).try_init();
    if started.is_ok() {
        logs::log_panics();
    }
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
    metrics::describe_counter!(STATES, "Messages that reached a state");
    metrics::describe_counter!(RECEIVED, "Messages that came in");
    metrics::describe_counter!(PUSHES, "Tries to deliver to a Push URL, by outcome");
    metrics::describe_counter!(REQUESTS, "HTTP requests, by route and status");
    metrics::describe_gauge!(WAITING, "Messages that wait to leave");
    metrics::describe_gauge!(DEVICES, "Devices, by state");
    metrics::describe_counter!(DEVICE_STATES, "Messages of a device that reached a state");
    metrics::describe_counter!(DEVICE_RECEIVED, "Messages that came in by a device");
    metrics::describe_counter!(
        DEVICE_SLOWED,
        "Times that a device became slower because WhatsApp said that it was too much"
    );
    metrics::describe_gauge!(PUSHES_WAITING, "Pushes that are not delivered yet");
    metrics::describe_gauge!(PUSH_OLDEST, "Seconds since the oldest push that is not delivered began to be tried");
    metrics::describe_gauge!(PUSH_URLS_PAUSED, "Push URLs that are paused");
    metrics::describe_gauge!(DISK_FREE, "Bytes that are free on the disk of the data folder or the database");
    metrics::describe_gauge!(DISK_FLOOR, "Free bytes below which nothing new is accepted");
    metrics::describe_gauge!(BUILD, "1; the label says which version runs");
    metrics::describe_counter!(TASK_RESTARTS, "Tasks that ended unexpectedly and were started again");
    metrics::describe_counter!(LOG_LINES_LOST, "Log lines that could not be written, or waited too long to be");
    metrics::describe_counter!(EVENTS_REFUSED, "Events of devices that the database refused for good");
    for task in TASKS {
        metrics::counter!(TASK_RESTARTS, "task" => task).absolute(0);
    }
    for why in ["failed", "waiting"] {
        metrics::counter!(LOG_LINES_LOST, "why" => why).absolute(0);
    }
    metrics::counter!(EVENTS_REFUSED).absolute(0);
    metrics::describe_gauge!(DEVICE_WAITING, "Messages of a device that wait to leave");
    metrics::describe_gauge!(DEVICE_WAITING_FOR, "Messages of a device that wait to leave, by what they wait for");
    metrics::describe_gauge!(DEVICE_OLDEST, "Age of a device's oldest waiting message; 0 when none waits");
    metrics::describe_gauge!(DEVICE_STATE, "1 for the state that a device is in, else 0");
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
    for name in [WAITING, PUSHES_WAITING, PUSH_OLDEST, PUSH_URLS_PAUSED, DISK_FREE, DISK_FLOOR] {
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

/// Counts messages of a device, by its label, that have reached a state.
pub fn count_state(label: &str, letter: &'static str, messages: u64) {
    metrics::counter!(STATES, "state" => letter).increment(messages);
    metrics::counter!(DEVICE_STATES, "device" => label.to_owned(), "state" => letter).increment(messages);
}

/// Counts messages of a device that were given up otherwise than by an attempt: expired, cancelled, or the device was removed.
pub fn count_aborted(device_id: &str, messages: u64) {
    if messages > 0 {
        count_state(&device_label(device_id), "A", messages);
    }
}
