//! One part: a server on loopback that plays its archive, and a bridge that is its client.

use std::sync::Arc;

use tradesim_archive::{Cut, Filter};
use tradesim_replay::{Background, OnSlow, Options, Steering};
use tradesim_sources::{ArchiveSource, Timestamps};

use super::{plan::Part, report::PartReport};
use crate::{
    cli::{Bridge, Publish},
    commands::bridge,
    exit::Failure,
    settings::{Key, Settings},
};

/// The size of the frames that the server holds for its only client, which is never disconnected as too slow. It is small, as a
/// process may have many parts.
const BUFFER_BYTES: usize = 8 << 20;

/// Delivers a part, beginning at its position. `index` is its number among the parts of the day. Returns its report, and the error
/// that ended it early.
///
/// # Errors
/// Fails if it cannot begin.
pub(super) fn deliver(
    args: &Publish,
    mut settings: Settings,
    part: &Part,
    index: usize,
    is_stopping: &dyn Fn() -> bool,
) -> anyhow::Result<(PartReport, Option<anyhow::Error>)> {
    let archive = part.open(args.reading)?;
    let filter = Filter::for_archive(Cut::default(), archive.metadata());
    let messages = archive.metadata().counts().total();
    let source = Arc::new(ArchiveSource::new(archive, filter, Timestamps::Recorded));
    let server = Background::start(source, options(args, part))?;
    if args.metrics_port.is_none() {
        settings.set_from_command_line(Key::MetricsEnabled, false);
    }
    let bridge = bridge_of(args, part, server.url(), metrics_port(args, index)?);
    let (report, ended) = match bridge::deliver(&bridge, settings, is_stopping) {
        Ok(delivered) => delivered,
        Err(error) => {
            // the reason is what the bridge reports
            let _ = server.stop();
            return Err(error);
        }
    };
    let served = server.stop();
    let late = served.as_ref().ok().and_then(|served| served.player_late_ms);
    let report = PartReport::new(&part.file, messages, &report, late);
    let error = match ended {
        Ok(_) => served.err().map(anyhow::Error::new),
        Err(error) => Some(bridge::failure(error)),
    };
    Ok((report, error))
}

/// Returns the options of the server: it has one client, the bridge, and accepts no commands.
fn options(args: &Publish, part: &Part) -> Options {
    Options {
        speed: args.speed,
        start_at: part.schedule.map(|(origin, _)| origin),
        begins: part.schedule.map(|(_, begins)| begins),
        on_slow: OnSlow::Wait,
        buffer_bytes: BUFFER_BYTES,
        page: false,
        steering: Steering::Off,
        // a bridge connects to learn what the stream is, and again once it knows its position: by then a small part has been sent whole
        stay: true,
        ..Options::new(&part.run)
    }
}

fn bridge_of(args: &Publish, part: &Part, url: String, metrics_port: Option<u16>) -> Bridge {
    Bridge {
        ws_uri: Some(url),
        delivery: args.delivery,
        until_end: true,
        run: Some(part.run.clone()),
        register_schemas: args.register_schemas,
        dlq_topic: args.dlq_topic.clone(),
        tuning: args.tuning.clone(),
        metrics_host: args.metrics_host.clone(),
        metrics_port,
        json: false,
        kafka: args.kafka.clone(),
        prefix: args.prefix.clone(),
        registry: args.registry.clone(),
        ..Bridge::default()
    }
}

/// Returns the port of the metrics of a part. Port 0 is a free one for each.
fn metrics_port(args: &Publish, index: usize) -> Result<Option<u16>, Failure> {
    let Some(first) = args.metrics_port.filter(|first| *first > 0) else { return Ok(args.metrics_port) };
    let port = u16::try_from(index).ok().and_then(|index| first.checked_add(index));
    match port {
        Some(port) => Ok(Some(port)),
        None => Err(Failure::usage(format!("--metrics-port {first} leaves no ports for all parts of a day"))),
    }
}
