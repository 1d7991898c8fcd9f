//! `publish`: delivers an archive, or a share of a dataset, to Kafka. Each part has a server and a bridge of its own, in this
//! process.

mod part;
mod plan;
mod report;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::consts::SIGTERM;
use tradesim_replay::Speed;
use tradesim_schemas::Timestamp;

use crate::{
    cli::Publish,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    progress::{self, Stopwatch},
    random,
    settings::Settings,
    signals::Stop,
};

use self::{
    plan::{Part, Plan},
    report::{PartReport, PublishReport},
};

/// The interval at which the wait for the beginning checks for signals.
const WAIT_TICK: Duration = Duration::from_millis(20);

pub(crate) fn run(args: &Publish, settings: Settings) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals()?;
    let run = args.run.clone().map_or_else(random::run_name, Ok)?;
    let started = progress::now();
    let plan = Plan::new(args, &run)?;
    say(format_args!(
        "publishing {}, share {} ({} {}), at {}, run {run}",
        args.source.display(),
        args.shard,
        plan.parts().count(),
        if plan.parts().count() == 1 { "part" } else { "parts" },
        args.speed
    ));
    if args.speed == Speed::Max
        && let Some(at) = args.start_at
    {
        wait_until(at, &stop)?;
    }
    let stopwatch = Stopwatch::start();
    let mut parts = Vec::new();
    let mut failure = None;
    for day in &plan.days {
        let (reports, result) = deliver_day(args, &settings, day, &stop);
        parts.extend(reports);
        failure = result.err();
        if failure.is_some() || stop.number().is_some() {
            break;
        }
    }
    let report = PublishReport::new(args, &run, &plan, parts, started, stopwatch.elapsed().as_secs_f64());
    output::emit(args.json, &report, |_| Ok(()))?;
    say(format_args!(
        "{} of {} parts are delivered: {} messages in {:.1} s",
        report.complete_parts(),
        plan.parts().count(),
        grouped(report.received),
        report.seconds
    ));
    if let Some(error) = failure {
        return Err(error);
    }
    if report.ok {
        return Ok(if report.missing > 0 { Outcome::Difference } else { Outcome::Done });
    }
    Err(Failure::Interrupted { signal: stop.number().unwrap_or(SIGTERM) }.into())
}

/// Waits until the wall clock shows a time.
fn wait_until(at: Timestamp, stop: &Stop) -> Result<(), Failure> {
    loop {
        stop.check()?;
        let left = u64::try_from(at.micros().saturating_sub(progress::now().micros())).unwrap_or(0);
        if left == 0 {
            return Ok(());
        }
        thread::sleep(WAIT_TICK.min(Duration::from_micros(left)));
    }
}

/// Delivers the parts of a day at the same time. Where one fails, the others stop in an orderly way, because the process ends:
/// started again, it continues with all of them. Returns the reports of all parts that began, and the first failure.
fn deliver_day(
    args: &Publish,
    settings: &Settings,
    day: &[Part],
    stop: &Stop,
) -> (Vec<PartReport>, anyhow::Result<()>) {
    let has_failed = AtomicBool::new(false);
    let is_stopping = || stop.number().is_some() || has_failed.load(Ordering::Relaxed);
    let failure: Mutex<Option<anyhow::Error>> = Mutex::new(None);
    let fail = |error: anyhow::Error| {
        has_failed.store(true, Ordering::Relaxed);
        failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
    };
    let deliver = |(index, part): (usize, &Part)| {
        let delivered = part::deliver(args, settings.clone(), part, index, &is_stopping);
        match delivered {
            Ok((report, error)) => {
                if let Some(error) = error {
                    fail(error.context(part.file.clone()));
                }
                Some(report)
            }
            Err(error) => {
                fail(error.context(part.file.clone()));
                None
            }
        }
    };
    let reports = thread::scope(|scope| {
        let deliver = &deliver;
        let mut started = Vec::new();
        for entry in day.iter().enumerate() {
            let thread = thread::Builder::new().name(format!("part-{}", entry.0));
            match thread.spawn_scoped(scope, move || deliver(entry)) {
                Ok(handle) => started.push(handle),
                Err(error) => fail(anyhow::Error::new(error).context("cannot start a thread")),
            }
        }
        let join = |handle: thread::ScopedJoinHandle<'_, _>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        started.into_iter().filter_map(join).collect()
    });
    let failure = failure.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    (reports, failure.map_or(Ok(()), Err))
}
