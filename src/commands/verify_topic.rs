//! `verify-topic`: what Kafka holds of a run, against the archive that was bridged.

mod expected;
mod report;

use tradesim_bridge::audit::{self, AuditError, AuditOptions, TopicKind};
use tradesim_schemas::EventType;

use crate::{
    cli::VerifyTopic,
    exit::{Failure, Outcome},
    filter::Filter,
    kafka,
    output::{self, grouped, say},
    progress::Progress,
    settings::{Group, Key, Settings},
    signals, source,
};

pub(crate) use expected::{Expected, count};
pub(crate) use report::Report;

pub(crate) fn run(args: &VerifyTopic, mut settings: Settings) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    kafka::apply_flags(&args.kafka, &args.registry, &mut settings);
    if let Some(topic) = &args.dlq_topic {
        settings.set_from_command_line(Key::DlqTopic, topic);
    }
    settings.check(Group::Bridge).map_err(Failure::from)?;
    let connection = kafka::connection(&args.kafka, &settings)?;
    let registry = kafka::registry(&args.registry, args.answer.timeout, &settings)?;
    let archive = source::open(&args.archive, args.reading)?;
    let filter = Filter::of_archive(&args.filter, archive.metadata().provenance())?;
    let messages = count(&archive, &filter)?;
    let options = AuditOptions {
        topics: topics(&args.prefix.topic_prefix, &settings.dlq_topic().map_err(Failure::from)?),
        run: args.run.clone(),
        messages,
        patience: args.answer.timeout,
    };
    let mut expected = Expected::new(&archive, filter);
    let mut progress = Progress::new("verifying", messages);
    let audited = audit::verify(
        &connection,
        &registry,
        &options,
        &mut |out| Ok(expected.next_message(out)?),
        &mut |at| progress.at(at.messages, at.messages),
    );
    let seconds = progress.finish().as_secs_f64();
    let audited = audited.map_err(|error| failure(error, &args.prefix.topic_prefix))?;
    let report = Report::new(&args.archive, &audited, seconds);
    if args.json {
        output::print_json(&report)?;
    } else {
        report.print()?;
    }
    let rate = report.records as f64 / seconds.max(f64::MIN_POSITIVE);
    say(format_args!(
        "read {} records in {seconds:.2} s, {} a second",
        grouped(report.records),
        grouped(rate as u64)
    ));
    if audited.undecided_partitions > 0 {
        say(format_args!(
            "warning: in {} partitions a transaction is still open, and nothing behind its beginning was read",
            audited.undecided_partitions
        ));
    }
    Ok(if report.ok { Outcome::Done } else { Outcome::Difference })
}

/// The topics that hold messages.
pub(crate) fn topics(prefix: &str, dead_letters: &str) -> Vec<(TopicKind, String)> {
    let mut topics: Vec<_> = EventType::ALL
        .iter()
        .map(|kind| (TopicKind::Data(*kind), format!("{prefix}{}", kind.topic())))
        .collect();
    topics.push((TopicKind::DeadLetters, format!("{prefix}{dead_letters}")));
    topics
}

/// What an audit that could not be made means for the exit code.
pub(crate) fn failure(error: AuditError, prefix: &str) -> anyhow::Error {
    let unreachable = error.is_unreachable();
    match error {
        AuditError::MissingTopics { .. } => {
            let prefix = if prefix.is_empty() { String::new() } else { format!(" --topic-prefix {prefix}") };
            Failure::Configuration {
                what: error.to_string(),
                hint: Some(format!("`tradesim topics create{prefix}` makes what the bridge needs")),
            }
            .into()
        }
        AuditError::Connection(source) => kafka::connection_failure(source).into(),
        error if unreachable => {
            let error = anyhow::Error::new(error);
            Failure::Unreachable {
                what: format!("{error:#}"),
                hint: Some("are the brokers and the registry up? --timeout gives them more time".to_owned()),
            }
            .into()
        }
        error => error.into(),
    }
}
