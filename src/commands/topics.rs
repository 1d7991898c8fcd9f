//! `topics`: creates, checks and reads the topics of the bridge.

mod tail;

use std::collections::BTreeMap;

use serde::Serialize;
use tradesim_bridge::{
    admin::{Admin, Creation},
    topics::{Deviation, FoundTopic, REPLICAS, Topic, TopicOptions, deviations, topics},
};

use crate::{
    cli::{Topics, TopicsCommand, TopicsPlan},
    exit::Outcome,
    kafka,
    output::{self, Stdout, say},
    report::SCHEMA_VERSION,
    settings::Settings,
    signals,
};

#[derive(Serialize)]
struct TopicsReport {
    schema_version: u32,
    topics: Vec<TopicReport>,
    deviations: usize,
}

#[derive(Serialize)]
struct TopicReport {
    name: String,
    /// True if this command created it; null for `topics verify`.
    created: Option<bool>,
    partitions: u16,
    replicas: u16,
    min_isr: u16,
    deviations: Vec<Deviation>,
}

pub(crate) fn run(args: &Topics, settings: Settings) -> anyhow::Result<Outcome> {
    match &args.command {
        TopicsCommand::Create(args) => create(args, settings),
        TopicsCommand::Verify(args) => verify(&args.plan, settings),
        TopicsCommand::Tail(args) => tail::run(args, settings),
    }
}

fn create(args: &TopicsPlan, settings: Settings) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let (admin, topics) = prepared(args, settings)?;
    let (creations, found) = admin.create(&topics).map_err(kafka::admin_failure)?;
    let created = creations.into_iter().map(|creation| Some(creation == Creation::Created)).collect();
    compare(args, &topics, &found, created)
}

fn verify(args: &TopicsPlan, settings: Settings) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let (admin, topics) = prepared(args, settings)?;
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    let found = admin.topics(&names).map_err(kafka::admin_failure)?;
    let created = vec![None; topics.len()];
    compare(args, &topics, &found, created)
}

fn prepared(args: &TopicsPlan, mut settings: Settings) -> anyhow::Result<(Admin, Vec<Topic>)> {
    let connection = kafka::connection(&args.kafka, &mut settings)?;
    let options = kafka::topic_options(&args.names, &mut settings)?;
    warn_of_few_replicas(&options);
    let admin = Admin::new(&connection, args.answer.timeout).map_err(kafka::admin_failure)?;
    Ok((admin, topics(&options)))
}

fn warn_of_few_replicas(options: &TopicOptions) {
    if options.replicas < REPLICAS {
        let copies = if options.replicas == 1 { "1 copy" } else { "2 copies" };
        say(format_args!(
            "warning: {copies} of each partition instead of {REPLICAS}, with min ISR 1 instead of 2: losing one broker may lose records"
        ));
    }
}

/// Compares the topics with their expected configuration, and reports the result.
fn compare(
    args: &TopicsPlan,
    topics: &[Topic],
    found: &BTreeMap<String, FoundTopic>,
    created: Vec<Option<bool>>,
) -> anyhow::Result<Outcome> {
    let topics = topics.iter().zip(created).map(|(topic, created)| TopicReport {
        name: topic.name.clone(),
        created,
        partitions: topic.partitions,
        replicas: topic.replicas,
        min_isr: topic.min_isr(),
        deviations: deviations(topic, found.get(&topic.name)),
    });
    let topics: Vec<TopicReport> = topics.collect();
    let count = topics.iter().map(|topic| topic.deviations.len()).sum();
    let report = TopicsReport { schema_version: SCHEMA_VERSION, topics, deviations: count };
    output::emit(args.json, &report, |out| report.topics.iter().try_for_each(|topic| topic.write(out)))?;
    Ok(if count == 0 { Outcome::Done } else { Outcome::Difference })
}

impl TopicReport {
    fn write(&self, out: &mut Stdout) -> anyhow::Result<()> {
        let state = match (self.created, self.deviations.as_slice()) {
            (_, [deviation]) if deviation.property == "exists" => "missing",
            (_, [_, ..]) => "differs",
            (Some(true), []) => "created",
            (Some(false), []) => "exists",
            (None, []) => "ok",
        };
        let TopicReport { name, partitions, replicas, min_isr, .. } = self;
        out.line(&format!(
            "{state:<8} {name} (partitions {partitions}, replicas {replicas}, min ISR {min_isr})"
        ))?;
        let mut shown = self.deviations.iter().filter(|deviation| deviation.property != "exists");
        shown.try_for_each(|deviation| out.line(&format!("         {deviation}")))
    }
}
