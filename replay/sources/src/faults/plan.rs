//! Fault plans in TOML.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::Deserialize;
use tradesim_archive::FAULTS_MAX;
use tradesim_schemas::text::grouped;

use crate::from_toml;

/// The maximum number of messages that a plan may affect.
pub(super) const PLANTED_MAX: usize = 1_000_000;

/// A fault plan: a table with an array `fault`, which can also be part of a scenario.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The seed of the selection.
    #[serde(default)]
    pub seed: u64,
    /// The entries.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
}

/// An entry of a plan: a kind, and the messages that it affects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// The sequence numbers of the messages.
    #[serde(default)]
    pub at: Option<Places>,
    /// The probability with which each message is selected.
    #[serde(default)]
    pub rate: Option<f64>,
    /// The number of messages to select.
    #[serde(default)]
    pub count: Option<usize>,
    /// The duration of a stall or a drip.
    #[serde(default, rename = "for", deserialize_with = "crate::optional_duration_of")]
    pub lasts: Option<Duration>,
    /// The rate of a drip.
    #[serde(default)]
    pub bytes_per_second: Option<u32>,
}

/// One sequence number or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a sequence number or a list")]
pub enum Places {
    /// One sequence number.
    One(u64),
    /// Several sequence numbers.
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

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The message is not sent.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is swapped with the next message.
    Swap,
    /// Some of its bytes are replaced, so that it is not UTF-8 or not JSON.
    Corrupt,
    /// Its schema version is not supported.
    SchemaVersion,
    /// Its event type does not exist.
    EventType,
    /// One of its prices is invalid.
    Price,
    /// It is larger than the size limit.
    Oversize,
    /// Connections are lost before it.
    Disconnect,
    /// Nothing is sent for a while.
    Stall,
    /// Data is sent slowly for a while.
    Drip,
    /// Clients of dialects lose their connection before it, and fail to authenticate when they come back.
    AuthFailed,
    /// Clients of dialects receive the error of too many connections before it, and are disconnected.
    ConnectionLimit,
    /// Clients of dialects receive the error of a slow client before it, and are disconnected.
    SlowClient,
}

impl FaultKind {
    /// Returns the name in plans and reports.
    pub const fn name(self) -> &'static str {
        match self {
            FaultKind::Drop => "drop",
            FaultKind::Duplicate => "duplicate",
            FaultKind::Swap => "swap",
            FaultKind::Corrupt => "corrupt",
            FaultKind::SchemaVersion => "schema-version",
            FaultKind::EventType => "event-type",
            FaultKind::Price => "price",
            FaultKind::Oversize => "oversize",
            FaultKind::Disconnect => "disconnect",
            FaultKind::Stall => "stall",
            FaultKind::Drip => "drip",
            FaultKind::AuthFailed => "auth-failed",
            FaultKind::ConnectionLimit => "connection-limit",
            FaultKind::SlowClient => "slow-client",
        }
    }

    fn lasts(self) -> bool {
        matches!(self, FaultKind::Stall | FaultKind::Drip)
    }
}

/// A fault plan cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultPlanError {
    /// The file cannot be read.
    #[error("cannot read the fault plan {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The content of a file is not a plan.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error in its content.
        error: Box<FaultPlanError>,
    },
    /// The text is not TOML, or has an unknown or invalid key.
    #[error("{0}")]
    Syntax(String),
    /// A fault is invalid, or does not fit the stream.
    #[error("fault {number} ({}): {reason}", kind.name())]
    Fault {
        /// The number of the fault in the plan, counted from 1.
        number: usize,
        /// Its kind.
        kind: FaultKind,
        /// The reason, with the key.
        reason: String,
    },
    /// An archive cannot contain a fault.
    #[error("fault {number} ({}) cannot be planted: {reason}", kind.name())]
    NotForArchives {
        /// The number of the fault in the plan, counted from 1.
        number: usize,
        /// Its kind.
        kind: FaultKind,
        /// The reason.
        reason: &'static str,
    },
    /// An archive cannot list so many faults.
    #[error("the plan affects {} messages, but an archive lists at most {} faults", grouped(*count), grouped(FAULTS_MAX as u64))]
    TooManyForArchives {
        /// The number of faults.
        count: u64,
    },
    /// The plan affects too many messages.
    #[error("the plan affects more than {PLANTED_MAX} messages")]
    TooMany,
}

/// Parses and checks a plan in TOML.
impl FromStr for FaultPlan {
    type Err = FaultPlanError;

    fn from_str(text: &str) -> Result<FaultPlan, FaultPlanError> {
        let plan: FaultPlan = from_toml(text).map_err(FaultPlanError::Syntax)?;
        plan.check()?;
        Ok(plan)
    }
}

impl FaultPlan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// Returns an error with the invalid key.
    pub fn open(path: &Path) -> Result<FaultPlan, FaultPlanError> {
        let at = || path.to_owned();
        let text = fs::read_to_string(path).map_err(|source| FaultPlanError::Read { path: at(), source })?;
        text.parse().map_err(|error| FaultPlanError::File { path: at(), error: Box::new(error) })
    }

    /// Checks that every fault has exactly the keys of its kind.
    ///
    /// # Errors
    /// Returns an error with the number of the fault, counted from 1, and the key.
    pub fn check(&self) -> Result<(), FaultPlanError> {
        for (index, fault) in self.faults.iter().enumerate() {
            fault.check().map_err(|reason| fault.error(index, reason))?;
        }
        Ok(())
    }
}

impl FaultPlan {
    /// Checks that an archive can contain the faults.
    ///
    /// # Errors
    /// Fails with [`FaultPlanError::NotForArchives`].
    pub fn check_for_archives(&self) -> Result<(), FaultPlanError> {
        for (index, fault) in self.faults.iter().enumerate() {
            let reason = match fault.kind {
                FaultKind::Disconnect
                | FaultKind::Stall
                | FaultKind::Drip
                | FaultKind::AuthFailed
                | FaultKind::ConnectionLimit
                | FaultKind::SlowClient => "it is a fault of the connection",
                FaultKind::Oversize => "an archive contains messages of at most 16 MiB",
                _ => continue,
            };
            return Err(FaultPlanError::NotForArchives { number: index + 1, kind: fault.kind, reason });
        }
        Ok(())
    }
}

impl Fault {
    /// Returns an error about this fault of a plan.
    pub(super) fn error(&self, index: usize, reason: impl Into<String>) -> FaultPlanError {
        FaultPlanError::Fault { number: index + 1, kind: self.kind, reason: reason.into() }
    }

    fn check(&self) -> Result<(), String> {
        let places =
            [self.at.is_some(), self.rate.is_some(), self.count.is_some()].iter().filter(|is| **is).count();
        if places != 1 {
            return Err("it needs exactly one of `at`, `rate` and `count`".to_owned());
        }
        if let Some(rate) = self.rate
            && !(rate > 0.0 && rate <= 1.0)
        {
            return Err(format!("`rate` is {rate}, but must be greater than 0 and at most 1"));
        }
        let count = self.count.or(self.at.as_ref().map(|at| at.seqs().len()));
        if count.is_some_and(|count| count == 0 || count > PLANTED_MAX) {
            return Err(format!("it must affect 1 to {PLANTED_MAX} messages"));
        }
        match self.lasts {
            None if self.kind.lasts() => return Err("`for` is missing: the duration of the fault".to_owned()),
            Some(_) if !self.kind.lasts() => return Err("`for` is only for stall and drip".to_owned()),
            _ => {}
        }
        match self.bytes_per_second {
            None | Some(0) if self.kind == FaultKind::Drip => {
                Err("`bytes_per_second` must be at least 1".to_owned())
            }
            Some(_) if self.kind != FaultKind::Drip => Err("`bytes_per_second` is only for drip".to_owned()),
            _ => Ok(()),
        }
    }
}
