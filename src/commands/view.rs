//! `view`: the page of archives on a free port of this machine.

use std::sync::Arc;

use tradesim_replay::Options;

use super::replay::{self, playlist};
use crate::{
    cli::{TimestampsMode, View},
    exit::Outcome,
    output::Stdout,
    progress, random,
    serving::{self, Service},
    settings::{Key, Settings},
    signals::Stop,
};

pub(crate) fn run(args: &View, mut settings: Settings) -> anyhow::Result<Outcome> {
    settings.set_from_command_line(Key::WsPort, args.port);
    let options = Options {
        speed: args.speed,
        max_gap: args.max_gap,
        // whoever looks at the page starts playback there
        wait_clients: 0,
        start_paused: true,
        stay: true,
        ..Options::new(random::run_name()?)
    };
    let wanted = playlist::Wanted {
        files: &args.files,
        filter: &args.filter,
        reading: args.reading,
        pace: None,
        rounds: None,
        timestamps: TimestampsMode::Recorded,
    };
    let (playlist, _) = playlist::open(&wanted, progress::now())?;
    let source = Arc::new(playlist);
    let service = Service::bind(&settings, source, options, Stop::on_signals()?)?;
    let mut out = Stdout::new();
    out.line(&service.page_url())?;
    out.finish()?;
    let served = service.run("showing")?;
    serving::summarise(&served.report);
    replay::outcome(&served, true)
}
