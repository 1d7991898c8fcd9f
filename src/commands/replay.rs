//! `replay`: archives over WebSocket.

mod playlist;

use std::sync::Arc;

use signal_hook::consts::SIGTERM;
use tradesim_replay::{Options, Source};

use crate::{
    cli::Replay,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    progress,
    serving::{self, Served, Service, StreamReport},
    settings::{Group, Settings},
};

pub(crate) fn run(args: &Replay, mut settings: Settings) -> anyhow::Result<Outcome> {
    serving::apply_flags(&args.server, &mut settings);
    settings.check(Group::Generator).map_err(Failure::from)?;
    let options = Options {
        speed: args.speed,
        max_gap: args.max_gap,
        stay: args.stay,
        ..serving::options(&args.server)?
    };
    let run = options.run.clone();
    let playlist = playlist::open(args, progress::now())?;
    let source: Arc<dyn Source> = Arc::new(playlist);
    let messages = source.info().messages;
    let service = Service::bind(&settings, source, options)?;
    say(format_args!("replaying {} at {}", described(args, messages), args.speed));
    service.announce(&run);
    let served = service.run("replaying")?;
    if args.json {
        output::print_json(&StreamReport::new(&served.report))?;
    }
    serving::summarise(&served.report);
    outcome(&served, args.stay)
}

fn described(args: &Replay, messages: Option<u64>) -> String {
    let mut text = match args.files.as_slice() {
        [file] => file.display().to_string(),
        files => format!("{} files", files.len()),
    };
    if let Some(messages) = messages {
        text.push_str(&format!(", {} messages,", grouped(messages)));
    }
    match args.rounds {
        None => {}
        Some(None) => text.push_str(" for ever"),
        Some(Some(rounds)) => text.push_str(&format!(" {rounds} times")),
    }
    text
}

/// A stop by a signal is a failure where work was left; and a server that stays has no end but SIGTERM.
fn outcome(served: &Served, stay: bool) -> anyhow::Result<Outcome> {
    match served.signal {
        Some(SIGTERM) if stay => Ok(Outcome::Done),
        Some(signal) if !served.report.complete => Err(Failure::Interrupted { signal }.into()),
        _ => Ok(Outcome::Done),
    }
}
