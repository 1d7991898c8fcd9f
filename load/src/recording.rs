//! The recording of a scenario: its digest, its schedule, and the faults that are added to it.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tradesim_archive::{Archive, Cut, Filter};
use tradesim_replay::{Source, SourceError, Speed};
use tradesim_schemas::{TimeSpec, Timestamp};
use tradesim_sources::{ArchiveSource, FaultySource, Planted, Timestamps};

use crate::{
    error::Error,
    paced::Paced,
    profile::{Peak, Profile},
    report::Pace,
    scenario::{Load, Scenario},
};

/// The messages of a load, with their schedule.
pub struct Recording {
    pub(crate) about: About,
    pub(crate) source: Arc<dyn Source>,
    /// The start of the schedule, or `None` for the first message of the recording.
    pub(crate) start_at: Option<Timestamp>,
    pub(crate) speed: Speed,
    pub(crate) peak: Option<Peak>,
    pub(crate) planted: Option<Arc<Planted>>,
    pub(crate) pace: Pace,
}

/// The description of a recording in a report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Its digest.
    pub digest: String,
    /// The number of its messages.
    pub messages: u64,
    /// The version of the generator that made it, if it was simulated.
    pub generator_version: Option<String>,
    /// The flags of `record` in the scenario, if any.
    pub record: Option<String>,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("about", &self.about)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// Makes the load of a scenario from its archive, which may be a file or an object of a store.
    ///
    /// # Errors
    /// Fails with [`Error::OtherRecording`] if the digest differs from that of the scenario, and if the stages or the fault plan
    /// do not fit the recording.
    pub fn new(archive: Archive, scenario: &Scenario) -> Result<Recording, Error> {
        let metadata = archive.metadata();
        let found = metadata.digest().to_string();
        if let Some(wanted) = scenario.recording.digest.as_ref().filter(|wanted| **wanted != found) {
            return Err(Error::OtherRecording {
                path: archive.path().to_owned(),
                found,
                wanted: wanted.clone(),
            });
        }
        let about = About {
            digest: found,
            messages: metadata.counts().total(),
            generator_version: metadata.provenance().generator_version.clone(),
            record: scenario.recording.record.as_ref().map(|flags| flags.text.clone()),
        };
        let filter = Filter::for_archive(Cut::default(), metadata);
        let archive = ArchiveSource::new(archive, filter, Timestamps::Recorded);
        let Load { stages, speed, .. } = &scenario.load;
        let (messages, profile) = schedule(&archive, &scenario.load, about.messages)?;
        let pace = Pace { stages: stages.clone(), speed: speed.map(|speed| speed.to_string()), messages };
        let peak = profile.as_ref().and_then(Profile::peak);
        let start_at = profile.as_ref().and_then(|_| Timestamp::from_micros(0));
        let paced = Paced::new(archive, messages, profile);
        let planted =
            scenario.faults.as_ref().map(|plan| plan.resolve(messages).map(Arc::new)).transpose()?;
        let source: Arc<dyn Source> = match &planted {
            Some(planted) => Arc::new(FaultySource::new(Arc::new(paced), Arc::clone(planted))),
            None => Arc::new(paced),
        };
        let speed = speed.unwrap_or(Speed::REAL_TIME);
        Ok(Recording { about, source, start_at, speed, peak, planted, pace })
    }
}

/// Returns the number of messages of the load, and the profile of its stages, if it has any.
fn schedule(archive: &ArchiveSource, load: &Load, recorded: u64) -> Result<(u64, Option<Profile>), Error> {
    let Some(speed) = load.speed else {
        let profile = Profile::new(&load.stages).ok_or(Error::NoMessages)?;
        let needed = profile.messages();
        if needed > recorded {
            return Err(Error::TooFewMessages { needed, found: recorded });
        }
        return Ok((needed, Some(profile)));
    };
    match (load.duration, speed.factor()) {
        (Some(duration), Some(factor)) => Ok((before(archive, duration.mul_f64(factor), recorded)?, None)),
        _ => Ok((recorded, None)),
    }
}

/// Returns the number of messages within this time of the first one.
fn before(source: &ArchiveSource, recorded: Duration, messages: u64) -> Result<u64, Error> {
    let Some(first) = source.first()? else { return Ok(0) };
    let micros = i64::try_from(recorded.as_micros()).unwrap_or(i64::MAX);
    let end = first.micros().checked_add(micros).and_then(Timestamp::from_micros);
    match end.map(|end| source.find(TimeSpec::Instant(end))) {
        None | Some(Err(SourceError::InvalidPosition { .. })) => Ok(messages),
        Some(found) => Ok(found?.get()),
    }
}
