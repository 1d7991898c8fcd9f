//! `topics tail`: prints records as they arrive.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;
use tradesim_bridge::{
    admin::{Admin, AdminError},
    tail::{Begin, Tail, TailError, Tailed},
    topics::{POSITIONS, topics},
};

use crate::{
    cli::TopicsTail,
    exit::{Failure, Outcome},
    kafka,
    output::{Stdout, grouped, say},
    progress::Stopwatch,
    settings::Settings,
    signals,
};

/// The timeout for a read without records, and the time for which a record may be buffered.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

pub(super) fn run(args: &TopicsTail, mut settings: Settings) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let connection = kafka::connection(&args.kafka, &mut settings)?;
    let registry = kafka::registry(&args.registry, &mut settings, args.answer.timeout)?;
    let names = names(args, &mut settings)?;
    let admin = Admin::new(&connection, args.answer.timeout).map_err(kafka::admin_failure)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = admin.partitions(&names).map_err(kafka::admin_failure)?;
    let mut read = Vec::new();
    for name in names {
        let partitions = found.get(name).ok_or_else(|| {
            anyhow!("the topic {name} does not exist; `tradesim topics create` creates those of the bridge")
        })?;
        read.push((name, *partitions));
    }
    let begin = if args.from_beginning { Begin::Oldest } else { Begin::Newest };
    let mut tail = Tail::open(&connection, registry, &read, begin).map_err(failure)?;
    follow(args, &mut tail)
}

/// Prints records until one of the requested ends is reached.
fn follow(args: &TopicsTail, tail: &mut Tail) -> anyhow::Result<Outcome> {
    let stopwatch = Stopwatch::start();
    let mut out = Stdout::new();
    let mut printed = 0;
    let mut flushed_at = Duration::ZERO;
    let in_time = || args.time.is_none_or(|time| stopwatch.elapsed() < time);
    while in_time() && args.count.is_none_or(|count| printed < count) {
        match tail.next(READ_TIMEOUT).map_err(failure)? {
            Tailed::Record(record) => {
                if is_wanted(args, &record) {
                    out.line(&record.to_string())?;
                    printed += 1;
                }
            }
            Tailed::End if args.until_end => break,
            Tailed::End | Tailed::Nothing => {}
        }
        // prints the records of a slow topic soon, without a system call per record for a fast one
        if stopwatch.elapsed() - flushed_at >= READ_TIMEOUT {
            out.flush()?;
            flushed_at = stopwatch.elapsed();
        }
    }
    out.finish()?;
    say(format_args!("{} records", grouped(printed)));
    Ok(Outcome::Done)
}

fn is_wanted(args: &TopicsTail, record: &Value) -> bool {
    args.run.as_deref().is_none_or(|run| record["headers"]["tradesim-run"] == run)
}

/// Returns the topics to read, with their prefix.
fn names(args: &TopicsTail, settings: &mut Settings) -> Result<Vec<String>, Failure> {
    let options = kafka::topic_options(&args.names, settings)?;
    if args.topics.is_empty() {
        let positions = format!("{}{POSITIONS}", options.prefix);
        return Ok(topics(&options)
            .into_iter()
            .map(|topic| topic.name)
            .filter(|name| *name != positions)
            .collect());
    }
    let mut names: Vec<String> = args.topics.iter().map(|name| format!("{}{name}", options.prefix)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn failure(error: TailError) -> anyhow::Error {
    match error {
        TailError::Connection { source } => kafka::admin_failure(AdminError::Connection { source }),
        TailError::Schema { id, source } => {
            kafka::registry_failure(source).context(format!("schema {id} of a value is unavailable"))
        }
        error => anyhow!(error),
    }
}
