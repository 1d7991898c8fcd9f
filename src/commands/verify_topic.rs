//! `verify-topic`: compares the records of a run in Kafka with the archive that was bridged.

mod dataset;
mod expected;
mod report;

use tradesim_bridge::{
    audit::{self, AuditError, AuditOptions, TopicKind},
    connection::KafkaConnection,
    registry::Registry,
};
use tradesim_schemas::EventType;

use crate::{
    cli::VerifyTopic,
    exit::{Failure, Outcome},
    filter, kafka, output,
    progress::Progress,
    settings::{Group, Key, Settings},
    signals, source,
};

pub(crate) use report::VerifyTopicReport;

use expected::Expected;

pub(crate) fn run(args: &VerifyTopic, settings: Settings) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    if let Some(root) = &args.dataset.root {
        return dataset::run(args, root, settings);
    }
    let report = audit(args, settings)?;
    output::emit(args.json, &report, |out| report.write(out))?;
    report.say();
    Ok(if report.ok { Outcome::Done } else { Outcome::Difference })
}

/// Compares the topics with the archive.
pub(crate) fn audit(args: &VerifyTopic, mut settings: Settings) -> anyhow::Result<VerifyTopicReport> {
    let Some(path) = &args.archive else {
        return Err(Failure::usage("--archive or --dataset is needed").into());
    };
    let Peers { connection, registry, topics } = Peers::new(args, &mut settings)?;
    let archive = source::open(path, args.reading)?;
    let filter = filter::of_archive(&args.filter, archive.metadata())?;
    crate::report::explain_cut_times(&filter);
    let messages = expected::count(&archive, &filter)?;
    let options = AuditOptions { topics, run: args.run.clone(), messages, timeout: args.answer.timeout };
    let mut expected = Expected::new(&archive, filter);
    let mut progress = Progress::new("verifying", messages);
    let audited = audit::verify(
        &connection,
        &registry,
        &options,
        &mut |message| Ok(expected.next_message(message)?),
        &mut |at| progress.at(at.messages, at.messages),
    );
    let seconds = progress.finish().as_secs_f64();
    let audited = audited.map_err(|error| failure(error, &args.prefix.topic_prefix))?;
    Ok(VerifyTopicReport::new(path, &audited, seconds))
}

/// Where the records and schemas are read from.
struct Peers {
    connection: KafkaConnection,
    registry: Registry,
    topics: Vec<(TopicKind, String)>,
}

impl Peers {
    fn new(args: &VerifyTopic, settings: &mut Settings) -> anyhow::Result<Peers> {
        if let Some(topic) = &args.dlq_topic {
            settings.set_from_command_line(Key::DlqTopic, topic);
        }
        let connection = kafka::connection(&args.kafka, settings)?;
        let registry = kafka::registry(&args.registry, settings, args.answer.timeout)?;
        settings.check(Group::Bridge)?;
        let topics = topics(&args.prefix.topic_prefix, &settings.dlq_topic()?);
        Ok(Peers { connection, registry, topics })
    }
}

/// Returns the topics that contain messages.
fn topics(prefix: &str, dead_letters: &str) -> Vec<(TopicKind, String)> {
    let mut topics: Vec<_> = EventType::ALL
        .iter()
        .map(|kind| (TopicKind::Data(*kind), format!("{prefix}{}", kind.topic())))
        .collect();
    topics.push((TopicKind::DeadLetters, format!("{prefix}{dead_letters}")));
    topics
}

/// Maps an error of the audit to its exit code.
fn failure(error: AuditError, prefix: &str) -> anyhow::Error {
    let is_unreachable = error.is_unreachable();
    match error {
        AuditError::MissingTopics { .. } => {
            let prefix = if prefix.is_empty() { String::new() } else { format!(" --topic-prefix {prefix}") };
            let hint = format!("`tradesim topics create{prefix}` creates the topics of the bridge");
            Failure::Configuration { what: error.to_string(), hint: Some(hint) }.into()
        }
        AuditError::UnequalPartitions { .. } => Failure::Configuration {
            what: error.to_string(),
            hint: Some("`tradesim topics verify` names the deviations of the topics".to_owned()),
        }
        .into(),
        AuditError::Connection { source } => {
            Failure::Configuration { what: format!("{:#}", anyhow::Error::new(source)), hint: None }.into()
        }
        AuditError::Schema { source, .. } => kafka::registry_failure(source),
        error if is_unreachable => {
            let what = error.to_string();
            let hint = "check that the brokers are running; --bootstrap-servers selects others, --timeout allows more time";
            Failure::Unreachable { what, hint: Some(hint.to_owned()) }.into()
        }
        error => error.into(),
    }
}
