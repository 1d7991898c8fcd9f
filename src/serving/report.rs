//! The report of playback, as JSON with the keys of the contract (section 9), and as text.

use serde::Serialize;
use tradesim_replay::{ClientStatus, IntervalStats, Lateness, Report, Speed};
use tradesim_schemas::StreamSeq;
use tradesim_sources::FaultsReport;

use crate::{
    output::{grouped, say},
    report::SCHEMA_VERSION,
};

/// The maximum number of clients in the text; the JSON report has all of them.
const CLIENTS_LISTED: usize = 20;

/// The report of playback that has ended, and the signal that was received, if any.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) report: Report,
    pub(crate) signal: Option<i32>,
}

/// The report of `replay --json` and `serve --json`.
#[derive(Debug, Serialize)]
pub(crate) struct StreamReport {
    schema_version: u32,
    sent: u64,
    seconds: f64,
    /// Null for max.
    speed_wanted: Option<f64>,
    speed_achieved: Option<f64>,
    late_ms: LateMs,
    run: String,
    stream: String,
    /// The digest of everything that was played; null after a seek.
    digest: Option<String>,
    complete: bool,
    first_seq: StreamSeq,
    next_seq: StreamSeq,
    messages: Option<u64>,
    player_late_ms: LateMs,
    late: IntervalStats,
    shortened: IntervalStats,
    waited: IntervalStats,
    closed_slow: u64,
    clients_total: u64,
    clients: Vec<ClientStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<FaultsReport>,
}

/// Lateness. All values are null if nothing was sent on a schedule, so that the keys always exist.
#[derive(Clone, Copy, Debug, Serialize)]
struct LateMs {
    p50: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
}

impl From<Option<Lateness>> for LateMs {
    fn from(lateness: Option<Lateness>) -> LateMs {
        LateMs {
            p50: lateness.map(|late| late.p50),
            p99: lateness.map(|late| late.p99),
            p999: lateness.map(|late| late.p999),
            max: lateness.map(|late| late.max),
        }
    }
}

impl StreamReport {
    pub(crate) fn new(report: &Report) -> StreamReport {
        let status = &report.status;
        StreamReport {
            schema_version: SCHEMA_VERSION,
            sent: status.sent,
            seconds: status.seconds,
            speed_wanted: speed_wanted(report),
            speed_achieved: status.speed_achieved,
            late_ms: status.late_ms.into(),
            run: status.run.clone(),
            stream: status.stream.clone(),
            digest: report.digest.map(|digest| digest.to_string()),
            complete: report.complete,
            first_seq: report.first_seq,
            next_seq: status.seq,
            messages: status.messages,
            player_late_ms: report.player_late_ms.into(),
            late: report.late,
            shortened: report.shortened,
            waited: report.waited,
            closed_slow: report.closed_slow,
            clients_total: report.clients_total,
            clients: status.clients.clone(),
            faults: None,
        }
    }

    /// Adds the planted faults.
    pub(crate) fn with_faults(self, faults: Option<FaultsReport>) -> StreamReport {
        StreamReport { faults, ..self }
    }
}

/// Returns the speed at the end of playback; none for max.
fn speed_wanted(report: &Report) -> Option<f64> {
    report.status.speed.parse().ok().and_then(Speed::factor)
}

/// Prints the summary on standard error.
pub(crate) fn summarise(report: &Report) {
    for line in lines(report) {
        say(format_args!("{line}"));
    }
}

fn lines(report: &Report) -> Vec<String> {
    let status = &report.status;
    let mut lines = vec![format!(
        "{} {} messages in {:.2} s{}",
        if report.complete { "delivered" } else { "played" },
        grouped(status.sent),
        status.seconds,
        if report.complete { String::new() } else { format!(", stopped before seq {}", status.seq) }
    )];
    lines.push(speed(report));
    lines.extend(status.late_ms.map(|late| format!("lateness at the clients {}", percentiles(&late))));
    lines.extend(report.player_late_ms.map(|late| format!("lateness of the player {}", percentiles(&late))));
    let intervals = [
        ("late for more than 10 ms", report.late),
        ("idle time shortened", report.shortened),
        ("waited for slow clients", report.waited),
    ];
    for (what, IntervalStats { count, seconds, longest_seconds }) in intervals {
        if count > 0 {
            let times = if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) };
            lines.push(format!("{what}: {times}, {seconds:.2} s in total, {longest_seconds:.2} s at most"));
        }
    }
    lines.push(format!(
        "clients {}{}",
        grouped(report.clients_total),
        match report.closed_slow {
            0 => String::new(),
            slow => format!(", {} closed as too slow", grouped(slow)),
        }
    ));
    lines.extend(status.clients.iter().take(CLIENTS_LISTED).map(client));
    if status.clients.len() > CLIENTS_LISTED {
        lines.push(format!("  and {} more", grouped((status.clients.len() - CLIENTS_LISTED) as u64)));
    }
    lines.push(match report.digest {
        Some(digest) => format!("digest {digest}"),
        None => "no digest: playback jumped".to_owned(),
    });
    lines
}

fn speed(report: &Report) -> String {
    let status = &report.status;
    match (speed_wanted(report), status.speed_achieved) {
        (None, _) if status.seconds > 0.0 => {
            format!(
                "speed max: {} messages per second",
                grouped((status.sent as f64 / status.seconds) as u64)
            )
        }
        (Some(wanted), Some(achieved)) if achieved < wanted * 0.999 => format!(
            "speed {} requested, {achieved:.3}x achieved: {:.1} % too slow",
            status.speed,
            (1.0 - achieved / wanted) * 100.0
        ),
        (Some(_), Some(achieved)) => format!("speed {} requested, {achieved:.3}x achieved", status.speed),
        _ => format!("speed {} requested", status.speed),
    }
}

fn percentiles(late: &Lateness) -> String {
    let Lateness { p50, p99, p999, max } = late;
    format!("p50 {p50:.3} ms, p99 {p99:.3} ms, p99.9 {p999:.3} ms, max {max:.3} ms")
}

fn client(client: &ClientStatus) -> String {
    let ClientStatus { id, peer, start_seq, seq, sent, lag_messages, .. } = client;
    let end = match (client.delivered, client.closed) {
        (true, _) => "delivered".to_owned(),
        (false, Some(code)) => format!("closed with {code}"),
        (false, None) => format!("{} messages behind", grouped(*lag_messages)),
    };
    let late = client.late_ms.map(|late| format!(", p99 {:.3} ms late", late.p99)).unwrap_or_default();
    format!("  {id} {peer}: {} messages, seq {start_seq} to {seq}, {end}{late}", grouped(*sent))
}
