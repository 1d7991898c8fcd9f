//! The recipe of a dataset: everything that determines its files.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tradesim_archive::{FormatVersion, WriterVersions};
use tradesim_schemas::{ByteHash, Symbol};
use tradesim_sim::{
    GENERATOR_VERSION, Model, SimulationOptions,
    session::{CALENDAR_VERSION, Closed, TradingDay, parse_date, tzdb_version},
    universe::Universe,
};

use crate::{
    DatasetError, MarketOptions, Root, Shard, Unit, canonical, files, options::OptionsDocument,
    ranges::ranges,
};

/// The version of the documents of a dataset.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The largest number of units of a dataset.
const UNITS_MAX: u64 = 1_000_000;

/// The definition of a dataset: dates, seeds, parts, and the options of the market. The same recipe always gives the same files.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    days: Vec<TradingDay>,
    seeds: Vec<u64>,
    options: MarketOptions,
    ranges: Vec<Vec<Symbol>>,
    document: Document,
    hash: ByteHash,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    generator_version: String,
    model: String,
    format_version: String,
    writer: WriterVersions,
    calendar_version: String,
    tzdb_version: String,
    closed_dates: bool,
    dates: Vec<String>,
    seeds: Vec<u64>,
    parts: u16,
    options: OptionsDocument,
    ranges: Vec<Vec<String>>,
}

impl Recipe {
    /// Creates the recipe of days, seeds and parts, each of which counts once.
    ///
    /// # Errors
    /// Returns an error if the options are out of range, or there are too many units or none.
    pub fn new(
        mut days: Vec<TradingDay>,
        mut seeds: Vec<u64>,
        parts: u16,
        options: MarketOptions,
    ) -> Result<Recipe, DatasetError> {
        days.sort_by_key(TradingDay::date);
        days.dedup();
        seeds.sort_unstable();
        seeds.dedup();
        let units = (days.len() as u64).saturating_mul(seeds.len() as u64).saturating_mul(u64::from(parts));
        let Some(&first) = days.first().filter(|_| (1..=UNITS_MAX).contains(&units)) else {
            return Err(match parts {
                0 => DatasetError::Parts { parts, symbols: usize::from(options.symbols) },
                _ => DatasetError::Units { units, limit: UNITS_MAX },
            });
        };
        for &day in &days {
            // the simulator knows what is valid, and is not started
            planned(&options, day, seeds[0])?.expected_orders()?;
            // what a plan leaves open differs between seeds
            for &seed in seeds[1..].iter().filter(|_| !options.planned_events.is_empty()) {
                planned(&options, day, seed)?;
            }
        }
        let universe = Universe::on(first.date()).heaviest(usize::from(options.symbols));
        let ranges = ranges(&universe, parts)?;
        let document = Document {
            schema_version: SCHEMA_VERSION,
            generator_version: GENERATOR_VERSION.to_owned(),
            model: options.model.name().to_owned(),
            format_version: FormatVersion::WITH_PARTS.to_string(),
            writer: WriterVersions::current(),
            calendar_version: CALENDAR_VERSION.to_owned(),
            tzdb_version: tzdb_version().to_owned(),
            closed_dates: days.iter().any(|day| day.closure().is_some()),
            dates: days.iter().map(|day| day.date().to_string()).collect(),
            seeds: seeds.clone(),
            parts,
            options: OptionsDocument::new(&options),
            ranges: ranges
                .iter()
                .map(|range| range.iter().map(|symbol| symbol.to_string()).collect())
                .collect(),
        };
        let hash = ByteHash::of(canonical::to_text(&document).as_bytes());
        Ok(Recipe { days, seeds, options, ranges, document, hash })
    }

    /// Reads the recipe of a dataset.
    ///
    /// # Errors
    /// Returns an error if the folder is not a dataset, or one of other versions.
    pub fn read(root: impl Into<Root>) -> Result<Recipe, DatasetError> {
        let root = &root.into();
        let path = root.join(files::RECIPE);
        let document = read_document(root)?;
        let ours = [
            ("schema_version", document.schema_version.to_string(), SCHEMA_VERSION.to_string()),
            ("generator_version", document.generator_version.clone(), GENERATOR_VERSION.to_owned()),
            ("calendar_version", document.calendar_version.clone(), CALENDAR_VERSION.to_owned()),
            ("tzdb_version", document.tzdb_version.clone(), tzdb_version().to_owned()),
        ];
        for (key, found, ours) in ours {
            if found != ours {
                return Err(DatasetError::OtherVersion { path, key, found, ours });
            }
        }
        let bad = |what: String| DatasetError::bad(&path, what);
        let model = Model::of_name(&document.model)
            .ok_or_else(|| bad(format!("this program has no model {:?}", document.model)))?;
        let options = document.options.options(model).map_err(|name| bad(format!("{name} is not valid")))?;
        let day = |text: &String| {
            let date = parse_date(text).ok_or_else(|| bad(format!("{text:?} is not a date")))?;
            let closed = if document.closed_dates { Closed::Allow } else { Closed::Refuse };
            TradingDay::new(date, closed).map_err(|error| bad(error.to_string()))
        };
        let days = document.dates.iter().map(day).collect::<Result<Vec<_>, _>>()?;
        let seeds = document.seeds.clone();
        let mut recipe = Recipe::new(days, seeds, document.parts, options)
            .map_err(|error| bad(format!("it is not a recipe: {error}")))?;
        // files of other versions of the libraries have the same digests
        let comparable = Document {
            writer: document.writer.clone(),
            format_version: document.format_version.clone(),
            ..recipe.document.clone()
        };
        if let Some(difference) = canonical::difference(&document, &comparable) {
            return Err(bad(format!("its parts do not follow from its options: {difference}")));
        }
        recipe.hash = ByteHash::of(canonical::to_text(&document).as_bytes());
        recipe.document = document;
        Ok(recipe)
    }

    /// Makes this the recipe of a folder. A folder that has it already is as it should be.
    ///
    /// # Errors
    /// Returns an error if the folder has another recipe, naming the first difference, or if it cannot be written.
    pub fn claim(&self, root: impl Into<Root>) -> Result<(), DatasetError> {
        let root = &root.into();
        root.create_folder(files::MARKERS)?;
        if root.write_new(files::RECIPE, &canonical::to_text(&self.document))? {
            return Ok(());
        }
        let there = read_document(root)?;
        match canonical::difference(&there, &self.document) {
            None => Ok(()),
            Some(difference) => Err(DatasetError::OtherRecipe { root: root.path().to_owned(), difference }),
        }
    }

    /// Returns the hash of the recipe's text.
    pub fn hash(&self) -> ByteHash {
        self.hash
    }

    /// Returns the days, in order.
    pub fn days(&self) -> &[TradingDay] {
        &self.days
    }

    /// Returns the seeds.
    pub fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    /// Returns the number of parts of a day.
    pub fn parts(&self) -> u16 {
        self.document.parts
    }

    /// Returns the symbols of each part.
    pub fn ranges(&self) -> &[Vec<Symbol>] {
        &self.ranges
    }

    /// Returns the number of units.
    pub fn unit_count(&self) -> u64 {
        self.days.len() as u64 * self.seeds.len() as u64 * self.ranges.len() as u64
    }

    /// Returns the units of a worker with their numbers, in the order of date, seed and part.
    pub fn units(&self, shard: Shard) -> impl Iterator<Item = (u64, Unit)> + '_ {
        let step = shard.of() as usize;
        (u64::from(shard.index())..self.unit_count()).step_by(step).map(|number| {
            let (parts, seeds) = (self.ranges.len() as u64, self.seeds.len() as u64);
            let unit = Unit {
                date: self.days[(number / parts / seeds) as usize].date(),
                seed: self.seeds[(number / parts % seeds) as usize],
                part: (number % parts) as u16,
            };
            (number, unit)
        })
    }

    /// Returns the units of one day.
    ///
    /// # Errors
    /// Returns an error if the dataset does not have this day.
    pub fn units_of(&self, date: NaiveDate, seed: u64) -> Result<Vec<Unit>, DatasetError> {
        let has = self.days.iter().any(|day| day.date() == date) && self.seeds.contains(&seed);
        if !has {
            return Err(DatasetError::NoDay { date, seed });
        }
        Ok((0..self.parts()).map(|part| Unit { date, seed, part }).collect())
    }

    /// Returns the options of a unit's day.
    ///
    /// # Panics
    /// Panics if the recipe does not have the date.
    pub fn options(&self, unit: &Unit) -> SimulationOptions {
        let day = self.days.iter().find(|day| day.date() == unit.date);
        let options = self.options.of_day(*day.expect("the unit is of this recipe"), unit.seed);
        options.expect("the plans of all days were checked")
    }
}

/// Returns the options of a day, with its planned events.
fn planned(options: &MarketOptions, day: TradingDay, seed: u64) -> Result<SimulationOptions, DatasetError> {
    options.of_day(day, seed).map_err(|source| DatasetError::Event { date: day.date(), seed, source })
}

fn read_document(root: &Root) -> Result<Document, DatasetError> {
    let path = root.join(files::RECIPE);
    let text = match root.read(files::RECIPE)? {
        Some(text) => text,
        None if root.store().is_some() || root.path().is_dir() => {
            return Err(DatasetError::NotDataset { root: root.path().to_owned() });
        }
        // says why there is none, such as a folder that does not exist
        None => files::read(&path)?,
    };
    canonical::from_text(&text).map_err(|what| DatasetError::bad(&path, what))
}
