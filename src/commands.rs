//! Runs commands: reads the settings, starts logging, and calls the module of the command.

pub(crate) mod bridge;
mod capture;
mod cat;
mod cluster;
mod completions;
mod config;
mod control;
mod dataset;
mod demo;
mod dev;
mod diff;
mod dlq;
mod export;
mod filter;
mod info;
mod labels;
pub(crate) mod load;
mod man;
mod merge;
mod plant;
mod publish;
mod realism;
pub(crate) mod record;
mod recover;
mod replay;
mod schemas;
mod serve;
mod tail;
mod topics;
mod verify;
pub(crate) mod verify_topic;
mod view;

use std::{borrow::Cow, ffi::OsString};

use clap::{
    Parser,
    error::{ContextKind, ContextValue},
};
use tradesim_client::url::shown_url;

use crate::{
    cli::{Cli, Command, ConfigCommand, DatasetCommand, GlobalArgs, LoadCommand},
    exit::{Failure, Outcome},
    output,
    settings::{Group, Key, Settings, Sources},
    signals, telemetry,
};

/// Runs the command given by the arguments.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<Outcome> {
    let cli = match Cli::try_parse_from(with_help_last(arguments)) {
        Ok(cli) => cli,
        Err(message) => return show(&without_secrets(message)),
    };
    let group = group(&cli.command);
    let settings = settings(&cli.global, group)?;
    signals::survive_size_limit()?;
    telemetry::start(&settings, group.unwrap_or(Group::Generator))?;
    match cli.command {
        Command::Record(args) => record::run(&args, settings),
        Command::Info(args) => info::run(&args),
        Command::Labels(args) => labels::run(&args),
        Command::Cat(args) => cat::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Realism(args) => realism::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Filter(args) => filter::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Plant(args) => plant::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Dataset(args) => dataset::run(&args, settings),
        Command::Replay(args) => replay::run(&args, settings),
        Command::View(args) => view::run(&args, settings),
        Command::Serve(args) => serve::run(&args, settings),
        Command::Tail(args) => tail::run(&args),
        Command::Capture(args) => capture::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Control(args) => control::run(&args),
        Command::Bridge(args) => bridge::run(&args, settings),
        Command::Publish(args) => publish::run(&args, settings),
        Command::VerifyTopic(args) => verify_topic::run(&args, settings),
        Command::Dlq(args) => dlq::run(&args, settings),
        Command::Topics(args) => topics::run(&args, settings),
        Command::Schemas(args) => schemas::run(&args, settings),
        Command::Cluster(args) => cluster::run(&args, settings),
        Command::Load(args) => load::run(&args, settings),
        Command::Demo(args) => demo::run(&args),
        Command::Dev(args) => dev::run(&args, settings),
        Command::Config(config) => match config.command {
            ConfigCommand::Show(args) => config::show(&args, &settings),
        },
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// Turns `tradesim help COMMAND…` into `tradesim COMMAND… --help`. A `help` subcommand would list every command a second time
/// in completions and manual pages.
fn with_help_last(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    if arguments.get(1).is_some_and(|first| first == "help") {
        arguments.remove(1);
        arguments.push("--help".into());
    }
    arguments
}

/// Returns the group of settings that a command uses. Commands without settings read neither the environment nor a `.env`
/// file, so nothing in those can stop them.
fn group(command: &Command) -> Option<Group> {
    Some(match command {
        Command::Dataset(dataset) if !matches!(dataset.command, DatasetCommand::Record(_)) => return None,
        Command::Load(load) if !matches!(load.command, LoadCommand::Run(_)) => return None,
        Command::Record(_)
        | Command::Dataset(_)
        | Command::Replay(_)
        | Command::Serve(_)
        | Command::Config(_) => Group::Generator,
        Command::Info(_)
        | Command::Labels(_)
        | Command::Cat(_)
        | Command::Verify(_)
        | Command::Realism(_)
        | Command::Diff(_)
        | Command::Filter(_)
        | Command::Merge(_)
        | Command::Plant(_)
        | Command::Export(_)
        | Command::Tail(_)
        | Command::Capture(_)
        | Command::Recover(_)
        | Command::Control(_)
        | Command::Completions(_)
        | Command::Demo(_)
        | Command::Man(_)
        | Command::View(_) => return None,
        Command::Bridge(_)
        | Command::Publish(_)
        | Command::VerifyTopic(_)
        | Command::Dlq(_)
        | Command::Topics(_)
        | Command::Schemas(_)
        | Command::Cluster(_)
        | Command::Load(_)
        | Command::Dev(_) => Group::Bridge,
    })
}

/// Returns the settings from all sources that a command reads, overridden by the global flags.
fn settings(global: &GlobalArgs, group: Option<Group>) -> Result<Settings, Failure> {
    let sources = if global.no_env || group.is_none() {
        Sources::none()
    } else {
        Sources::of_process(global.env_file.as_deref())?
    };
    for sentence in sources.unknown_names() {
        output::say(format_args!("warning: {sentence}"));
    }
    let mut settings = Settings::from_sources(&sources);
    if let Some(level) = global.log_level {
        settings.set_from_command_line(Key::LogLevel, level);
        settings.set_from_command_line(Key::BridgeLogLevel, level);
    }
    if let Some(format) = global.log_format {
        settings.set_from_command_line(Key::LogFormat, format);
        settings.set_from_command_line(Key::BridgeLogFormat, format);
    }
    Ok(settings)
}

/// Removes possible secrets from an invalid URL in an error message.
fn without_secrets(mut message: clap::Error) -> clap::Error {
    let text = |kind| match message.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let is_url = text(ContextKind::InvalidArg).is_some_and(|argument| argument.contains("<URL>"));
    let value = text(ContextKind::InvalidValue).filter(|value| is_url && value.contains(['@', '?']));
    if let Some(shown) = value.map(shown_url) {
        message.insert(ContextKind::InvalidValue, ContextValue::String(shown));
    }
    message
}

/// Prints help and version on standard output, and every other message of `clap` as a usage error.
fn show(message: &clap::Error) -> anyhow::Result<Outcome> {
    if message.use_stderr() {
        // the message repeats arguments, which may contain control characters
        let text = message.to_string();
        match output::safe_lines(&text) {
            Cow::Borrowed(_) => drop(message.print()),
            Cow::Owned(safe) => output::say_lines(&safe),
        }
        return Err(Failure::ShownUsage.into());
    }
    match message.print() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output"))
        }
        _ => Ok(Outcome::Done),
    }
}
