//! Which metrics of the client library are exported, and which log lines are its own. It counts for all linked accounts of the process together: sums and
//! durations are right for many accounts, a gauge that each account sets is not.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::PREFIX;

/// Counters that are exported, with the labels that they can have, so that they are there from the start.
///
/// Left out: `wa_connected`, a gauge that every account sets to its own state; `wachat_devices` says how many are online.
pub(super) const COUNTERS: &[(&str, &str, &[&str])] = &[
    ("wa_recv_total", "outcome", &["decrypted", "undecryptable"]),
    ("wa_send_total", "kind", &["dm", "group", "status", "newsletter"]),
    ("wa_retry_receipt_total", "reason", REASONS),
    ("wa_high_retry_total", "reason", REASONS),
    ("wa_retry_unknown_device_total", "sender_type", &["primary", "companion"]),
    ("wa_retry_refused_total", "", &[]),
    ("wa_base_key_collision_total", "", &[]),
    ("wa_session_record_quarantined_total", "", &[]),
    ("wa_iq_total", "result", &["ok", "timeout", "error"]),
    ("wa_reconnect_total", "", &[]),
    ("wa_stream_error_total", "", &[]),
    ("wa_connect_total", "outcome", &["ok", "fail"]),
    ("wa_appstate_sync_total", "outcome", &["ok", "deferred", "fail"]),
    ("wa_appstate_mutations_total", "", &[]),
    ("wa_identity_change_total", "", &[]),
    ("wa_prekey_upload_total", "outcome", &["ok", "fail"]),
];

/// Durations that are exported once something took time.
pub(super) const DURATIONS: &[&str] = &[
    "wa_iq_duration_seconds",
    "wa_connect_duration_seconds",
    "wa_decrypt_duration_seconds",
    "wa_send_duration_seconds",
    "wa_appstate_sync_duration_seconds",
];

const REASONS: &[&str] = &[
    "unknown",
    "no_session",
    "invalid_key",
    "invalid_key_id",
    "invalid_message",
    "invalid_signature",
    "future_message",
    "bad_mac",
    "invalid_session",
    "invalid_msg_key",
    "bad_broadcast_ephemeral",
    "unknown_companion",
    "adv_failure",
    "status_revoke_delay",
];

/// How the names of its modules begin.
const MODULES: [&str; 3] = ["whatsapp_rust", "wacore", "waproto"];

/// Whether a log line is the library's: by its module, since it chooses the targets of its lines freely.
pub(super) fn wrote(line: &tracing::Metadata<'_>) -> bool {
    let module = line.module_path().unwrap_or_else(|| line.target());
    MODULES.iter().any(|one| module.starts_with(one))
}

/// Whether a metric is exported: our own, and the library's that are right.
pub(super) fn is_exported(name: &str) -> bool {
    name.starts_with(PREFIX) || COUNTERS.iter().any(|(known, ..)| *known == name) || DURATIONS.contains(&name)
}

/// Counts the library's counters from zero.
pub(super) fn begin() {
    for (name, label, values) in COUNTERS {
        if values.is_empty() {
            metrics::counter!(*name).increment(0);
        }
        for value in *values {
            metrics::counter!(*name, *label => *value).increment(0);
        }
    }
}

/// A recorder that takes only what is exported.
pub(super) struct Exported<R>(pub(super) R);

impl<R: Recorder> Recorder for Exported<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        if is_exported(key.as_str()) {
            self.0.describe_counter(key, unit, description);
        }
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        if is_exported(key.as_str()) {
            self.0.describe_gauge(key, unit, description);
        }
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        if is_exported(key.as_str()) {
            self.0.describe_histogram(key, unit, description);
        }
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        if is_exported(key.name()) { self.0.register_counter(key, metadata) } else { Counter::noop() }
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        if is_exported(key.name()) { self.0.register_gauge(key, metadata) } else { Gauge::noop() }
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        if is_exported(key.name()) { self.0.register_histogram(key, metadata) } else { Histogram::noop() }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn what_each_account_sets_to_its_own_state_is_not_exported() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let text = metrics::with_local_recorder(&Exported(recorder), || {
            begin();
            metrics::gauge!("wa_connected").set(0.0);
            metrics::gauge!("wachat_devices", "state" => "online").set(2.0);
            metrics::counter!("wa_send_total", "kind" => "dm").increment(3);
            metrics::counter!("wa_something_new_total").increment(1);
            metrics::histogram!("wa_send_duration_seconds").record(0.5);
            handle.render()
        });
        for line in ["wachat_devices{state=\"online\"} 2", "wa_send_total{kind=\"dm\"} 3", "wa_reconnect_total 0"] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.contains("wa_retry_receipt_total{reason=\"bad_mac\"} 0"), "{text}");
        assert!(text.contains("wa_send_duration_seconds_count 1"), "{text}");
        assert!(!text.contains("wa_connected") && !text.contains("wa_something_new"), "{text}");
    }
}
