//! The state that the player, the clients and the HTTP front end share.

use std::sync::{Arc, Mutex, MutexGuard};

use tradesim_dialects::Reference;
use tradesim_schemas::{ByteHash, DIGEST_PREFIX, StreamSeq};

use crate::{
    client_registry::ClientRegistry,
    clock::Clock,
    control::{DigestSent, Status},
    counts::Counts,
    known_symbols::KnownSymbols,
    lock::lock,
    metrics::Metrics,
    options::Options,
    outline::OutlineCache,
    player_handle::PlayerHandle,
    published::PublishedState,
    readers::Readers,
    ring::Ring,
    source::Source,
    state::States,
};

/// The version of the status layout.
const STATUS_VERSION: u32 = 1;

/// The parts of a server that the player, the clients and the HTTP front end share.
pub(crate) struct Hub {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) options: Options,
    pub(crate) stream: String,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) published: PublishedState,
    pub(crate) clients: ClientRegistry,
    pub(crate) player: Arc<PlayerHandle>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) known_symbols: KnownSymbols,
    /// Facts that the messages of dialects state beside the events.
    pub(crate) reference: Arc<Reference>,
    pub(crate) outline: OutlineCache,
    pub(crate) states: States,
    ring: Mutex<Ring>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("stream", &self.stream)
            .field("run", &self.options.run)
            .finish_non_exhaustive()
    }
}

impl Hub {
    pub(crate) fn new(source: Arc<dyn Source>, options: Options) -> Hub {
        let metrics = Arc::new(Metrics::new());
        metrics.set_speed_wanted(options.speed);
        let player = Arc::new(PlayerHandle::new());
        Hub {
            stream: stream_id(&source.info().identity, ""),
            clock: Clock::start(),
            published: PublishedState::new(options.speed),
            clients: ClientRegistry::new(Arc::clone(&metrics), Arc::clone(&player)),
            metrics,
            player,
            readers: Readers::new(),
            counts: Arc::new(Counts::new(Arc::clone(&source))),
            known_symbols: KnownSymbols::new(&source.info().symbols),
            reference: options.dialects.reference_of(&source.info().symbols),
            outline: OutlineCache::new(),
            states: States::new(),
            ring: Mutex::new(Ring::new(options.buffer_bytes, StreamSeq(0))),
            source,
            options,
        }
    }

    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.ring)
    }

    /// Returns the status; with the disconnected clients, for the report.
    pub(crate) fn status(&self, with_gone: bool) -> Status {
        let head = self.published.head();
        let view = self.published.view().clone();
        let (clients, late) = self.clients.statuses(with_gone, head, &self.ring, self.clock.now());
        let info = self.source.info();
        Status {
            schema_version: STATUS_VERSION,
            state: head.state,
            stream: self.stream.clone(),
            run: self.options.run.clone(),
            digest: info.digest.map(|digest| digest.to_string()),
            seq: head.seq,
            messages: info.messages,
            time: view.time.map(|time| time.to_string()),
            speed: view.speed.to_string(),
            speed_achieved: view.speed_achieved(),
            seconds: view.elapsed.as_secs_f64(),
            sent: head.sent,
            looped: view.looped,
            digest_sent: view
                .digest_so_far
                .map(|(messages, digest)| DigestSent { messages, digest: digest.to_string() }),
            control: self.options.steering.as_str().into(),
            late_ms: late.summary().or(view.lateness),
            clients,
        }
    }

    /// Returns the metrics page.
    pub(crate) fn metrics_page(&self) -> String {
        let head = self.published.head();
        let view = self.published.view().clone();
        self.metrics.set_state(head.state);
        self.metrics.seq.set(i64::try_from(head.seq.get()).unwrap_or(i64::MAX));
        self.metrics.set_speed_wanted(view.speed);
        self.metrics.set_speed_achieved(view.speed_achieved());
        self.metrics.page()
    }
}

/// Returns the id of a stream: 32 hex digits of a hash over everything that decides its messages.
pub(crate) fn stream_id(identity: &str, selection: &str) -> String {
    let text = format!("tradesim stream\n{identity}\n{selection}");
    let digest = ByteHash::of(text.as_bytes()).to_string();
    digest[DIGEST_PREFIX.len()..][..32].to_owned()
}
