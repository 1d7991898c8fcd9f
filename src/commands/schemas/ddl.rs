//! `schemas ddl`: prints table definitions for a SQL engine.

use tradesim_schemas::{
    EventType,
    ddl::{Places, definition},
};

use crate::{
    cli::SchemasDdl,
    exit::{Failure, Outcome},
    output::{MessageLines, Stdout, say},
    settings::{Key, Settings},
};

/// The archive of a definition, if none is named.
const ARCHIVE: &str = "recording.parquet";

pub(super) fn run(args: &SchemasDdl, mut settings: Settings) -> anyhow::Result<Outcome> {
    refuse_places_of_others(args)?;
    if let Some(servers) = &args.bootstrap_servers {
        settings.set_from_command_line(Key::BootstrapServers, servers);
    }
    if let Some(url) = &args.schema_registry_url {
        settings.set_from_command_line(Key::SchemaRegistryUrl, url);
    }
    let (servers, url) = (settings.bootstrap_servers()?, settings.schema_registry_url()?);
    let shown_url = Key::SchemaRegistryUrl.definition().shown(&url);
    if *shown_url != *url {
        say(format_args!(
            "the definitions omit the user, password and query of the registry URL: set them with the engine's own options"
        ));
    }
    let places = Places {
        bootstrap_servers: &servers,
        registry_url: &shown_url,
        topic_prefix: &args.prefix.topic_prefix,
        archive: args.archive.as_deref().unwrap_or(ARCHIVE),
    };
    let event_types = args.event_type.as_ref().map_or(EventType::ALL, std::slice::from_ref);
    let definitions: Vec<String> =
        event_types.iter().map(|event_type| definition(args.engine, *event_type, &places)).collect();
    let lines = MessageLines::of_stdout(false);
    let mut text = Vec::new();
    for line in definitions.join("\n").lines() {
        lines.push(line.as_bytes(), &mut text);
    }
    let mut out = Stdout::new();
    out.write(&text)?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Refuses an option that would have no effect: an archive for an engine that reads topics, and topics for one that does not.
fn refuse_places_of_others(args: &SchemasDdl) -> Result<(), Failure> {
    let topics = [
        ("--bootstrap-servers", args.bootstrap_servers.is_some()),
        ("--schema-registry-url", args.schema_registry_url.is_some()),
        ("--topic-prefix", !args.prefix.topic_prefix.is_empty()),
    ];
    let archive = [("--archive", args.archive.is_some())];
    let (others, reads): (&[_], _) = if args.engine.reads_topics() {
        (&archive, "topics, not archives")
    } else {
        (&topics, "archives, not topics")
    };
    match others.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Failure::usage(format!(
            "{name} cannot be used: the definitions for {} read {reads}",
            args.engine
        ))),
        None => Ok(()),
    }
}
