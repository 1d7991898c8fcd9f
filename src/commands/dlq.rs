//! `dlq`: prints dead letters, or retries them.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use serde::Serialize;
use serde_json::Value;
use tradesim_bridge::{
    ProducerOptions,
    core::Topics,
    dlq::{DeadLetterRecord, DlqError, DlqOptions, Retry},
};
use tradesim_schemas::{ReadOptions, StreamSeq};

use crate::{
    cli::{Dlq, DlqCommand, DlqRetry, DlqShow, DlqTopic, KafkaArgs},
    exit::{Failure, Outcome},
    kafka,
    output::{self, Stdout, grouped, say},
    report::SCHEMA_VERSION,
    settings::{Key, Settings},
    signals::Stop,
};

/// The timeout for a request to the registry.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &Dlq, settings: Settings) -> anyhow::Result<Outcome> {
    match &args.command {
        DlqCommand::Show(args) => show(args, settings),
        DlqCommand::Retry(args) => retry(args, settings),
    }
}

fn options(topic: &DlqTopic, kafka: &KafkaArgs, settings: &mut Settings) -> anyhow::Result<DlqOptions> {
    if let Some(name) = &topic.dlq_topic {
        settings.set_from_command_line(Key::DlqTopic, name);
    }
    let name = settings.dlq_topic()?;
    let topics = Arc::new(Topics::new(&topic.prefix.topic_prefix, &name));
    Ok(DlqOptions { kafka: kafka::connection(kafka, settings)?, topics })
}

fn show(args: &DlqShow, mut settings: Settings) -> anyhow::Result<Outcome> {
    let options = options(&args.topic, &args.kafka, &mut settings)?;
    let stop = Stop::on_signals_within(Duration::from_secs(1))?;
    let mut out = Stdout::new();
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut broken = None;
    let is_stopping = || stop.number().is_some();
    if left > 0 {
        let result = options.show(&is_stopping, |letter| {
            let wanted = args.reason.as_deref();
            let is_wanted = wanted.is_none_or(|reason| {
                letter.original().is_ok_and(|original| original.verdict.reason == reason)
            });
            if !is_wanted {
                return true;
            }
            let line = if args.json { json_line(&letter) } else { Ok(line(&letter)) };
            let written = line.and_then(|line| out.write(line.as_bytes()));
            left -= 1;
            match written {
                Ok(()) => left > 0,
                Err(error) => {
                    broken = Some(error);
                    false
                }
            }
        });
        if let Err(error) = result {
            out.flush()?;
            stop.check()?;
            return Err(failure(error));
        }
    }
    broken.map_or(Ok(()), Err)?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Formats a dead letter for people.
fn line(letter: &DeadLetterRecord) -> String {
    let place = format!("{}/{}", letter.partition, letter.offset);
    let seq = letter.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let text = match letter.original() {
        Ok(original) => {
            let tries = original.verdict.retry_count;
            format!(
                "{} {place} seq {seq} {} {} ({} bytes, {tries} retries): {}",
                original.failed_at,
                original.key.as_deref().unwrap_or("-"),
                original.verdict.reason,
                original.cut_from.unwrap_or(original.value.len() as u64),
                original.verdict.error,
            )
        }
        Err(error) => format!("- {place} seq {seq} is not a dead letter of tradesim: {error}"),
    };
    output::safe(&text).into_owned() + "\n"
}

#[derive(Serialize)]
struct LetterReport<'a> {
    partition: i32,
    offset: i64,
    run: Option<&'a str>,
    seq: Option<StreamSeq>,
    /// The value of the record, or null if it is not JSON.
    letter: Option<Value>,
}

fn json_line(letter: &DeadLetterRecord) -> anyhow::Result<String> {
    let report = LetterReport {
        partition: letter.partition,
        offset: letter.offset,
        run: letter.run.as_deref(),
        seq: letter.seq,
        letter: serde_json::from_slice(&letter.value).ok(),
    };
    Ok(output::safe(&serde_json::to_string(&report)?).into_owned() + "\n")
}

#[derive(Debug, Serialize)]
struct RetryReport {
    schema_version: u32,
    /// Dead letters that were read.
    read: u64,
    /// Dead letters that are records now.
    produced: u64,
    /// Dead letters that are still refused, and are dead letters again.
    invalid: u64,
    /// Dead letters that were skipped because they reached the maximum number of retries.
    exhausted: u64,
    /// Dead letters that contain only the beginning of their message.
    cut: u64,
    /// Records that are not dead letters of tradesim.
    foreign: u64,
}

fn retry(args: &DlqRetry, mut settings: Settings) -> anyhow::Result<Outcome> {
    let options = options(&args.topic, &args.kafka, &mut settings)?;
    if let Some(tries) = args.max_tries {
        settings.set_from_command_line(Key::DlqMaxRetries, tries);
    }
    let max_tries = settings.dlq_max_retries()?;
    let registry = kafka::registry(&args.registry, &mut settings, REGISTRY_TIMEOUT)?;
    let stop = Stop::on_signals()?;
    let schema_ids = registry.schema_ids(options.topics.prefix()).map_err(kafka::registry_failure)?;
    let retry = Retry {
        producer: ProducerOptions::default(),
        schema_ids,
        rules: ReadOptions { strict: args.strict, ..ReadOptions::default() },
        max_tries,
        from_beginning: args.from_beginning,
    };
    let result = options.retry(&retry, &|| stop.number().is_some());
    let retried = match result {
        Ok(retried) => retried,
        Err(error) => {
            stop.check()?;
            return Err(failure(error));
        }
    };
    let report = RetryReport {
        schema_version: SCHEMA_VERSION,
        read: retried.read,
        produced: retried.produced,
        invalid: retried.invalid,
        exhausted: retried.exhausted,
        cut: retried.cut,
        foreign: retried.foreign,
    };
    say(format_args!(
        "{} dead letters: {} are records now, {} are still refused, {} were skipped after {max_tries} retries, {} contain only a part of their message",
        grouped(report.read),
        grouped(report.produced),
        grouped(report.invalid),
        grouped(report.exhausted),
        grouped(report.cut),
    ));
    output::emit(args.json, &report, |_| Ok(()))?;
    Ok(if retried.remaining() > 0 { Outcome::Difference } else { Outcome::Done })
}

fn failure(error: DlqError) -> anyhow::Error {
    let what = error.to_string();
    match error {
        DlqError::Connection(_) => Failure::Configuration { what, hint: None }.into(),
        DlqError::NoTopic { .. } => Failure::Configuration {
            what,
            hint: Some("`tradesim topics create` creates the topics".to_owned()),
        }
        .into(),
        DlqError::NoPosition { .. } | DlqError::OtherTopic { .. } => Failure::usage_hint(
            what,
            "--from-beginning retries every dead letter and starts a position; `tradesim dlq show` prints them",
        )
        .into(),
        DlqError::Unreachable { .. } => Failure::Unreachable { what, hint: None }.into(),
        error => anyhow!(error),
    }
}
