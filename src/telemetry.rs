//! Logs and metrics, every name in one place. Neither ever carries a message's text, a key, a password or a
//! phone number.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

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
            let _ = metrics::set_global_recorder(recorder);
            describe();
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
}

/// Counts messages that were given up otherwise than by an attempt: expired, cancelled, or their gateway was removed.
pub fn count_aborted(messages: u64) {
    metrics::counter!(STATES, "state" => "A").increment(messages);
}
