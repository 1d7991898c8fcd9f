//! Reports for tests.

use std::path::Path;

use serde_json::{Value, json};

use super::{StoredFindings, StoredReport};
use crate::report::LoadReport;

/// Returns a report as JSON, with 20,000 measured messages.
pub(crate) fn json(name: &str) -> Value {
    json!({
        "schema_version": 1, "name": name, "about": "", "short": false, "complete": true, "ok": true, "version": "1.2.3",
        "recording": { "digest": "blake3:aa", "messages": 30_000, "generator_version": "3", "record": null },
        "load": { "stages": ["20s:1000"], "speed": null, "messages": 20_000 },
        "target": { "kind": "websocket", "clients": 1, "delivery": null, "embedded": false },
        "seconds": 20.1, "sent": 20_000, "delivered": 20_000, "lost": 0, "missing": null, "throughput": 1000.0,
        "latency_ms": { "count": 20_000, "mean": 2.0, "p50": 1.0, "p90": 2.0, "p99": 4.0, "p999": 8.0, "p9999": 16.0, "max": 32.0 },
        "late_ms": { "p50": 0.1, "p99": 0.2, "p999": 0.3, "max": 0.4 },
        "backlog_max": 10, "recovery_ms": 5.0, "drain_ms": null,
        "memory": { "max_bytes": 50_000_000, "growth_percent": 1.0 },
        "disconnects": 0, "digests": { "sent": "blake3:aa", "expected": "blake3:aa", "arrived": ["blake3:aa"] },
        "dead_lettered": null, "topics": null, "faults": null,
        "thresholds": [{ "threshold": "latency.p99 < 5ms", "value": 4.0, "shown": "4.00 ms", "ok": true }],
        "events": [], "samples": [{ "second": 0, "due": 1000, "sent": 1000, "delivered": 1000, "backlog": 0, "p50": 1.0, "p99": 4.0, "max": 5.0, "rss": 1 }],
        "distribution": [[0.5, 1.0], [0.99, 4.0]],
    })
}

/// Returns the report of [`json`].
pub(crate) fn report(name: &str) -> LoadReport<StoredFindings> {
    stored(&json(name)).report
}

/// Returns a report as if it was read from a file.
#[track_caller]
pub(super) fn stored(json: &Value) -> StoredReport {
    StoredReport::parse(Path::new("report.json"), json.to_string().as_bytes()).unwrap()
}
