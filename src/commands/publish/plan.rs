//! What is delivered, and when: the parts of each day of the process's share, on a schedule that is the same for all processes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::NaiveDate;
use tradesim_archive::Archive;
use tradesim_dataset::{Recipe, Root, Shard, Unit, open_unit};
use tradesim_replay::Speed;
use tradesim_schemas::Timestamp;
use tradesim_sim::session::{Closed, TradingDay, parse_date};

use crate::{
    cli::{Publish, ReadingArgs},
    exit::Failure,
    parse, source, storage,
};

/// The parts of a share.
#[derive(Debug)]
pub(super) struct Plan {
    /// The parts of each day, which are delivered at the same time.
    pub(super) days: Vec<Vec<Part>>,
}

/// An archive that is delivered as a run of its own.
#[derive(Debug)]
pub(super) struct Part {
    /// The name in reports.
    pub(super) file: String,
    pub(super) run: String,
    place: Place,
    /// The recorded time at position 0 and the instant at which it is due; `None` without a schedule of its own.
    pub(super) schedule: Option<(Timestamp, Timestamp)>,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Unit { root: Root, recipe: Arc<Recipe>, unit: Unit },
}

impl Plan {
    /// Reads what the source is, and plans the share of the process.
    ///
    /// # Errors
    /// Fails on a source that is neither an archive nor a dataset, and on options that do not fit it.
    pub(super) fn new(args: &Publish, run: &str) -> anyhow::Result<Plan> {
        if is_dataset(&args.source) { of_dataset(args, run) } else { of_archive(args, run) }
    }

    /// Returns all parts.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.days.iter().flatten()
    }
}

impl Part {
    /// Opens the archive.
    pub(super) fn open(&self, reading: ReadingArgs) -> anyhow::Result<Archive> {
        match &self.place {
            Place::File(path) => source::open(path, reading),
            Place::Unit { root, recipe, unit } => Ok(open_unit(root, recipe, unit)?),
        }
    }
}

/// Returns true for a folder, and for the URL of a prefix: that of an archive ends with `.parquet`.
fn is_dataset(source: &Path) -> bool {
    let is_archive = source.extension().is_some_and(|extension| extension == "parquet");
    source.is_dir() || (parse::is_url(source) && !is_archive)
}

fn of_archive(args: &Publish, run: &str) -> anyhow::Result<Plan> {
    // first, since a path that does not exist is no archive
    let archive = source::open(&args.source, args.reading)?;
    if args.shard != Shard::WHOLE {
        return Err(Failure::usage_hint(
            "--shard divides the parts of a dataset, and an archive has none",
            "`tradesim dataset record ROOT --parts P` records days in parts",
        )
        .into());
    }
    let schedule = args.start_at.and_then(|at| origin(&archive).map(|origin| (origin, at)));
    let part = Part {
        file: args.source.display().to_string(),
        run: run.to_owned(),
        place: Place::File(args.source.clone()),
        schedule,
    };
    Ok(Plan { days: vec![vec![part]] })
}

/// Returns the recorded time at which the schedule of an archive begins: that of the first message or, for one of several parts
/// of a day, the start of the session, which the parts have in common.
fn origin(archive: &Archive) -> Option<Timestamp> {
    let provenance = archive.metadata().provenance();
    let date = provenance.part.as_ref().and_then(|_| parse_date(provenance.date.as_deref()?));
    let session = date.and_then(|date| TradingDay::new(date, Closed::Allow).ok());
    session.map(|day| day.start()).or_else(|| source::range(archive.metadata()).map(|(first, _)| first))
}

fn of_dataset(args: &Publish, run: &str) -> anyhow::Result<Plan> {
    let root = storage::root(&args.source)?;
    let recipe = Arc::new(Recipe::read(&root)?);
    if args.shard != Shard::WHOLE && args.run.is_none() {
        return Err(Failure::usage("--shard needs --run: all processes deliver the same run").into());
    }
    if args.speed != Speed::Max && args.start_at.is_none() {
        return Err(Failure::usage_hint(
            "a dataset needs --start-at at a speed other than max",
            "the parts have one schedule, which a process that starts again has to find",
        )
        .into());
    }
    if args.tuning.transactional_id.is_some() {
        return Err(Failure::usage(
            "--transactional-id does not apply to a dataset: each part has a transactional id of its own",
        )
        .into());
    }
    let longest = recipe.units(Shard::WHOLE).map(|(_, unit)| unit.run_name(run, recipe.parts()));
    if let Some(name) = longest.max_by_key(String::len).filter(|name| !tradesim_protocol::is_name(name)) {
        return Err(Failure::usage_hint(
            format!("the run {name:?} of a part is too long"),
            "choose a shorter --run",
        )
        .into());
    }
    let starts = starts(&recipe);
    let mut days: Vec<Vec<Part>> = Vec::new();
    let mut last = None;
    for (_, unit) in recipe.units(args.shard) {
        let schedule = match (args.speed, args.start_at) {
            (Speed::Times(factor), Some(at)) => {
                starts.get(&(unit.date, unit.seed)).and_then(|&(origin, offset)| {
                    let offset = i64::try_from(factor.wall(offset).as_micros()).ok()?;
                    let begins = Timestamp::from_micros(at.micros().checked_add(offset)?)?;
                    Some((origin, begins))
                })
            }
            _ => None,
        };
        let part = Part {
            file: unit.archive_name(recipe.parts()),
            run: unit.run_name(run, recipe.parts()),
            place: Place::Unit { root: root.clone(), recipe: Arc::clone(&recipe), unit },
            schedule,
        };
        if last.replace((unit.date, unit.seed)) != Some((unit.date, unit.seed)) {
            days.push(Vec::new());
        }
        days.last_mut().expect("a day was added").push(part);
    }
    Ok(Plan { days })
}

/// Returns for each day its start, and the recorded time that is played before it: the sessions of the days before.
fn starts(recipe: &Recipe) -> BTreeMap<(NaiveDate, u64), (Timestamp, Duration)> {
    let mut starts = BTreeMap::new();
    let mut offset = Duration::ZERO;
    for day in recipe.days() {
        for &seed in recipe.seeds() {
            let unit = Unit { date: day.date(), seed, part: 0 };
            let end = day.day_end(recipe.options(&unit).market_hours);
            starts.insert((unit.date, seed), (day.start(), offset));
            let length = end.micros().saturating_sub(day.start().micros());
            offset = offset.saturating_add(Duration::from_micros(u64::try_from(length).unwrap_or(0)));
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use tradesim_dataset::MarketOptions;
    use tradesim_sim::Model;

    use super::*;

    #[test]
    fn days_follow_each_other_without_nights() {
        let day = |date: &str| TradingDay::new(date.parse().unwrap(), Closed::Refuse).unwrap();
        let options = MarketOptions {
            model: Model::default(),
            rate: 1,
            symbols: 6,
            market_hours: true,
            random_bursts: None,
            planned_bursts: Vec::new(),
            planned_events: Vec::new(),
        };
        // the second is an early close, which ends at 17:00
        let days = vec![day("2026-11-25"), day("2026-11-27"), day("2026-11-30")];
        let recipe = Recipe::new(days, vec![4, 3], 2, options).unwrap();
        let hours: Vec<_> = starts(&recipe)
            .into_iter()
            .map(|((date, seed), (origin, offset))| {
                assert_eq!(origin, day(&date.to_string()).start());
                (date.to_string(), seed, offset.as_secs() / 3_600)
            })
            .collect();
        let expected = [
            ("2026-11-25", 3, 0),
            ("2026-11-25", 4, 16),
            ("2026-11-27", 3, 32),
            ("2026-11-27", 4, 45),
            ("2026-11-30", 3, 58),
            ("2026-11-30", 4, 74),
        ];
        assert!(
            hours.iter().map(|(date, seed, hour)| (date.as_str(), *seed, *hour)).eq(expected),
            "{hours:?}"
        );
    }
}
