//! A plan of faults, as it is written in TOML.

use std::{fs, path::Path, time::Duration};

use serde::Deserialize;

use crate::{exit::Failure, parse};

/// Messages of one plan that may be hit.
pub(super) const PLANTED_MAX: usize = 1_000_000;

/// What may go wrong, and where. A table with an array `fault`, so that a scenario can hold one as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultPlan {
    /// Decides what is drawn.
    #[serde(default)]
    pub(crate) seed: u64,
    #[serde(default, rename = "fault")]
    pub(crate) faults: Vec<Fault>,
}

/// One line of a plan: a kind, and the messages that it hits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// Seqs of the messages.
    #[serde(default)]
    pub(crate) at: Option<Places>,
    /// The share of the messages, drawn one by one.
    #[serde(default)]
    pub(crate) rate: Option<f64>,
    /// So many messages, drawn.
    #[serde(default)]
    pub(crate) count: Option<usize>,
    /// How long a stall or a drip lasts.
    #[serde(default, rename = "for", deserialize_with = "parse::optional_duration_of")]
    pub(crate) lasts: Option<Duration>,
    /// How much a drip lets through.
    #[serde(default)]
    pub(crate) bytes_per_second: Option<u32>,
}

/// One seq, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a seq or a list of them")]
pub(crate) enum Places {
    One(u64),
    Many(Vec<u64>),
}

impl Places {
    pub(super) fn seqs(&self) -> &[u64] {
        match self {
            Places::One(seq) => std::slice::from_ref(seq),
            Places::Many(seqs) => seqs,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The message is not sent.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It changes places with the one behind it.
    Swap,
    /// Some of its bytes are others: no UTF-8 any more, or no JSON.
    Corrupt,
    /// It states a version that nobody reads.
    SchemaVersion,
    /// It states an event type that there is not.
    EventType,
    /// A price is none.
    Price,
    /// It is larger than what is read.
    Oversize,
    /// Connections break before it.
    Disconnect,
    /// Nothing is sent for a while.
    Stall,
    /// Few bytes at a time are sent for a while.
    Drip,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Drop => "drop",
            Kind::Duplicate => "duplicate",
            Kind::Swap => "swap",
            Kind::Corrupt => "corrupt",
            Kind::SchemaVersion => "schema-version",
            Kind::EventType => "event-type",
            Kind::Price => "price",
            Kind::Oversize => "oversize",
            Kind::Disconnect => "disconnect",
            Kind::Stall => "stall",
            Kind::Drip => "drip",
        }
    }

    fn lasts(self) -> bool {
        matches!(self, Kind::Stall | Kind::Drip)
    }
}

impl FaultPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`Failure::Configuration`], with the key that is wrong.
    pub(crate) fn open(path: &Path) -> Result<FaultPlan, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| wrong(format!("the fault plan {} cannot be read: {error}", path.display())))?;
        FaultPlan::parse(&text).map_err(|what| wrong(format!("{}: {what}", path.display())))
    }

    pub(crate) fn parse(text: &str) -> Result<FaultPlan, String> {
        let plan: FaultPlan = parse::toml(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// Whether every fault says what its kind needs, and no more.
    ///
    /// # Errors
    /// A sentence that names the fault, counted from 1, and the key.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (index, fault) in self.faults.iter().enumerate() {
            fault.check().map_err(|what| format!("fault {} ({}): {what}", index + 1, fault.kind.name()))?;
        }
        Ok(())
    }
}

impl Fault {
    fn check(&self) -> Result<(), String> {
        let places =
            [self.at.is_some(), self.rate.is_some(), self.count.is_some()].iter().filter(|is| **is).count();
        if places != 1 {
            return Err("exactly one of `at`, `rate` and `count` says which messages it hits".to_owned());
        }
        if let Some(rate) = self.rate
            && !(rate > 0.0 && rate <= 1.0)
        {
            return Err(format!("`rate` is {rate}, and has to be above 0 and at most 1"));
        }
        let count = self.count.or(self.at.as_ref().map(|at| at.seqs().len()));
        if count.is_some_and(|count| count == 0 || count > PLANTED_MAX) {
            return Err(format!("it has to hit 1 to {PLANTED_MAX} messages"));
        }
        match self.lasts {
            None if self.kind.lasts() => return Err("`for` has to say how long it lasts".to_owned()),
            Some(_) if !self.kind.lasts() => return Err("`for` belongs to stall and drip".to_owned()),
            _ => {}
        }
        match self.bytes_per_second {
            None | Some(0) if self.kind == Kind::Drip => {
                Err("`bytes_per_second` has to be at least 1".to_owned())
            }
            Some(_) if self.kind != Kind::Drip => Err("`bytes_per_second` belongs to drip".to_owned()),
            _ => Ok(()),
        }
    }
}

pub(super) fn wrong(what: String) -> Failure {
    Failure::Configuration { what, hint: None }
}
