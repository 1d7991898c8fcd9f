//! `dev`: embedded brokers and an embedded registry, as processes of their own.

use anyhow::Context;
use signal_hook::consts::SIGTERM;
use tradesim_bridge::{
    dev::{DevBroker, DevRegistry},
    topics::{REPLICAS, topics},
};

use crate::{
    cli::{Dev, DevBrokerArgs, DevCommand, DevRegistryArgs, TopicNames},
    exit::{Failure, Outcome},
    kafka,
    output::{print_line, say},
    settings::Settings,
    signals::Stop,
};

pub(crate) fn run(args: &Dev, settings: Settings) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals()?;
    match &args.command {
        DevCommand::Broker(args) => broker(args, settings, stop),
        DevCommand::Registry(args) => registry(args, stop),
    }
}

fn broker(args: &DevBrokerArgs, mut settings: Settings, stop: Stop) -> anyhow::Result<Outcome> {
    let names =
        TopicNames { prefix: args.prefix.clone(), dlq_topic: args.dlq_topic.clone(), replicas: REPLICAS };
    let options = kafka::topic_options(&names, &mut settings)?;
    let topics: Vec<(String, u16)> =
        topics(&options).into_iter().map(|topic| (topic.name, topic.partitions)).collect();
    let broker = DevBroker::start(args.brokers, &topics).context("cannot start the brokers")?;
    say(format_args!("brokers in memory: they do not behave like a real cluster on failures (see --help)"));
    print_and_wait(broker.bootstrap_servers(), stop)
}

fn registry(args: &DevRegistryArgs, stop: Stop) -> anyhow::Result<Outcome> {
    let registry = DevRegistry::start(args.port)
        .with_context(|| format!("cannot listen on port {} (--port 0 picks a free port)", args.port))?;
    say(format_args!("schema registry in memory: registered schemas are lost at exit"));
    print_and_wait(&registry.url(), stop)
}

/// Prints the address and waits for a signal. SIGTERM is the normal end, every other signal an interruption.
fn print_and_wait(address: &str, stop: Stop) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // file descriptors for the wait come first: peers that read the address may use up all others
        let mut stopped = stop.awaited()?;
        print_line(format_args!("{address}"))?;
        stopped.came().await;
        anyhow::Ok(())
    })?;
    match stop.number() {
        None | Some(SIGTERM) => Ok(Outcome::Done),
        Some(signal) => Err(Failure::Interrupted { signal }.into()),
    }
}
