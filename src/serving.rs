//! Serving a stream: the server of `replay` and `serve`, with its options, messages and report.

mod access;
mod progress;
mod report;

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use anyhow::Context;
use tokio::runtime::Runtime;
use tradesim_dialects::{Access, by_name};
use tradesim_replay::{AtEnd, Command, Dialects, Handle, OnSlow, Options, Report, Server, Source};
use tradesim_schemas::StreamSeq;

use crate::{
    cli::{AtEndMode, OnSlowMode, ServerArgs},
    dialects::{self, Listings},
    exit::Failure,
    keys,
    output::say,
    random,
    settings::{Key, Settings},
    signals::Stop,
};
use progress::Watch;

pub(crate) use report::{Served, StreamReport, summarise};

/// Overrides settings with the flags of the server.
pub(crate) fn apply_flags(args: &ServerArgs, settings: &mut Settings) {
    if let Some(host) = &args.host {
        settings.set_from_command_line(Key::WsHost, host);
    }
    if let Some(port) = args.port {
        settings.set_from_command_line(Key::WsPort, port);
    }
}

/// Returns the options of the server; those without a flag have their defaults.
///
/// # Errors
/// Fails on flags that contradict each other, and if no name can be drawn for the run.
pub(crate) fn options(args: &ServerArgs, settings: &Settings) -> anyhow::Result<Options> {
    if let Some(wanted) = args.wait_clients.filter(|wanted| *wanted > args.max_clients) {
        let what = format!(
            "--wait-clients {wanted} would wait forever: --max-clients allows only {}",
            args.max_clients
        );
        return Err(Failure::usage(what).into());
    }
    let run = args.run.clone().map_or_else(random::run_name, Ok)?;
    let defaults = access::apply(args, settings, address(settings)?, Options::new(run))?;
    Ok(Options {
        wait_clients: args.wait_clients.unwrap_or(defaults.wait_clients),
        start_paused: args.start_paused,
        on_slow: match args.on_slow {
            OnSlowMode::Disconnect => OnSlow::Disconnect,
            OnSlowMode::Wait => OnSlow::Wait,
        },
        buffer_bytes: args.buffer,
        stall: args.stall,
        linger: args.linger,
        clients_max: args.max_clients,
        origins: args.allow_origin.clone(),
        dialects: dialects(args),
        page: !args.no_page,
        ..defaults
    })
}

/// Returns the dialects; the facts about the stream are added when it is opened.
fn dialects(args: &ServerArgs) -> Dialects {
    let defaults = Dialects::default();
    Dialects {
        enabled: args.dialects.as_ref().map_or(defaults.enabled, |names| names.0.clone()),
        ports: args
            .databento_port
            .into_iter()
            .filter_map(|port| Some((by_name("databento")?, port)))
            .collect(),
        access: Access { key: args.api_key.clone() },
        at_end: args.at_end.map(|mode| match mode {
            AtEndMode::Close => AtEnd::Close,
            AtEndMode::Hold => AtEnd::Hold,
        }),
        reference: None,
    }
}

/// Adds the facts about a stream to the options of its server.
pub(crate) fn with_reference(options: Options, source: &dyn Source, listings: Listings) -> Options {
    let reference = dialects::reference(&source.info().symbols, listings);
    let dialects = Dialects { reference: Some(Arc::new(reference)), ..options.dialects };
    Options { dialects, ..options }
}

/// A server that is listening and has not started playback.
#[derive(Debug)]
pub(crate) struct Service {
    runtime: Runtime,
    server: Server,
    stop: Stop,
    /// True if browsers receive the page.
    page: bool,
}

impl Service {
    /// Listens on the configured address. `stop` ends playback.
    ///
    /// # Errors
    /// Fails if the address cannot be listened on.
    pub(crate) fn bind(
        settings: &Settings,
        source: Arc<dyn Source>,
        options: Options,
        stop: Stop,
    ) -> anyhow::Result<Service> {
        let address = address(settings)?;
        let page = options.page;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the threads of the server")?;
        let server = {
            let _inside = runtime.enter();
            Server::bind(address, source, options)?
        };
        Ok(Service { runtime, server, stop, page })
    }

    /// Prints the URL, the run and the stream.
    pub(crate) fn announce(&self, run: &str) {
        let address = self.server.local_addr();
        say(format_args!("listening on ws://{address}"));
        for (dialect, address) in self.server.dialect_addrs() {
            say(format_args!("{} gateway on {address}", dialect.name));
        }
        if self.page {
            say(format_args!("page {}", self.page_url()));
        }
        if !address.ip().is_loopback() {
            say(format_args!("warning: other machines can connect to {address}; there is no authentication"));
        }
        say(format_args!("run {run}"));
        say(format_args!("stream {}", self.server.stream()));
    }

    /// Returns the URL of the page, as a browser on this machine requests it.
    pub(crate) fn page_url(&self) -> String {
        let mut address = self.server.local_addr();
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}/")
    }

    /// Returns a handle to control playback from any thread.
    pub(crate) fn steering(&self) -> Steering {
        Steering { handle: self.server.handle(), runtime: self.runtime.handle().clone() }
    }

    /// Plays to the end, or until a signal stops it. `what` is the text of progress messages.
    ///
    /// # Errors
    /// Returns errors of reading the source.
    pub(crate) fn run(self, what: &'static str) -> anyhow::Result<Served> {
        let Service { runtime, server, stop, .. } = self;
        let handle = server.handle();
        let report: Report = runtime.block_on(async {
            let mut awaited = stop.awaited()?;
            let stopper = handle.clone();
            tokio::spawn(async move {
                awaited.came().await;
                // fails only if playback has ended already
                let _ = stopper.command(Command::Stop).await;
            });
            let _keys = keys::start(handle.clone(), |line| say(format_args!("{line}")));
            let watch = Watch::start(what, handle);
            let report = server.run().await;
            watch.finish();
            anyhow::Ok(report?)
        })?;
        Ok(Served { report, signal: stop.number() })
    }
}

/// Controls playback from an ordinary thread.
#[derive(Clone, Debug)]
pub(crate) struct Steering {
    handle: Handle,
    runtime: tokio::runtime::Handle,
}

impl Steering {
    /// Returns the sequence number after the last played message.
    pub(crate) fn next_seq(&self) -> StreamSeq {
        self.handle.next_seq()
    }

    /// Ends playback, like a signal. Does nothing if it has ended already.
    pub(crate) fn stop(&self) {
        let _ = self.runtime.block_on(self.handle.command(Command::Stop));
    }
}

/// Returns the configured address. If a host name has several, the first IPv4 address wins, because every client tries IPv4.
fn address(settings: &Settings) -> anyhow::Result<SocketAddr> {
    let host = settings.host()?;
    let port = settings.port()?;
    let found: Vec<SocketAddr> = (host.as_str(), port)
        .to_socket_addrs()
        .with_context(|| format!("{host} is not an address of this machine"))?
        .collect();
    let chosen = found.iter().find(|address| address.is_ipv4()).or(found.first());
    chosen.copied().ok_or_else(|| anyhow::anyhow!("{host} has no address"))
}
