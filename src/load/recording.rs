//! The recording of a scenario: opens or records it, and checks its digest.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;
use tradesim_archive::Archive;
use tradesim_replay::{Source, SourceError, Speed};

use super::{paced::Paced, profile::Profile, scenario};
use crate::{
    cli::{FilterArgs, ReadingArgs, Record},
    commands::record,
    exit::Failure,
    filter::Filter,
    output::{grouped, say},
    scratch::Folder,
    settings::{Settings, Sources},
    source,
    streams::{ArchiveSource, Timestamps},
};

/// An open recording.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) path: PathBuf,
    pub(crate) about: About,
    archive: Archive,
}

/// The description of a recording in a report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct About {
    digest: String,
    messages: u64,
    generator_version: Option<String>,
    /// The flags of `record` in the scenario, if any.
    record: Option<String>,
}

impl About {
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn record(&self) -> Option<&str> {
        self.record.as_deref()
    }
}

/// The recording is not the one that the scenario specifies.
#[derive(Debug, thiserror::Error)]
#[error("the recording is not that of the scenario: {} has the digest {found}, expected {wanted}", path.display())]
pub(crate) struct Drift {
    path: PathBuf,
    found: String,
    wanted: String,
}

impl Recording {
    /// Opens the recording. If the file is missing, or the scenario names none, records it first.
    ///
    /// # Errors
    /// Fails with [`Drift`], on invalid flags of `record`, and on errors of recording and opening.
    pub(crate) fn find(wanted: &scenario::Recording, folder: &Folder) -> anyhow::Result<Recording> {
        let path = wanted.file.clone().unwrap_or_else(|| folder.path("recording.parquet"));
        if let Some(recipe) = &wanted.record
            && !path.exists()
        {
            make(recipe, &path)?;
        }
        let archive = source::open(&path, ReadingArgs::default())?;
        let metadata = archive.metadata();
        let found = metadata.digest().to_string();
        if let Some(wanted) = wanted.digest.as_ref().filter(|wanted| **wanted != found) {
            return Err(Drift { path, found, wanted: wanted.clone() }.into());
        }
        let about = About {
            digest: found,
            messages: metadata.counts().total(),
            generator_version: metadata.provenance().generator_version.clone(),
            record: wanted.record.as_ref().map(|recipe| recipe.text.clone()),
        };
        Ok(Recording { path, about, archive })
    }

    /// Returns the messages of the load, and the speed of the server.
    ///
    /// # Errors
    /// Fails if the load needs more messages than the recording has.
    pub(crate) fn paced(self, load: &scenario::Load) -> anyhow::Result<(Paced, Speed)> {
        let filter = Filter::of_archive(&FilterArgs::default(), self.archive.metadata())?;
        let source = ArchiveSource::new(self.archive, filter, Timestamps::Recorded);
        let messages = self.about.messages;
        let Some(speed) = load.speed else {
            let profile = Profile::new(&load.stages).ok_or_else(|| Failure::Configuration {
                what: "the stages of the scenario contain no messages".to_owned(),
                hint: None,
            })?;
            if profile.messages() > messages {
                let what = format!(
                    "the stages need {} messages, but the recording has {}",
                    grouped(profile.messages()),
                    grouped(messages)
                );
                let hint = "record a longer part of the day, or use a higher --rate".to_owned();
                return Err(Failure::Configuration { what, hint: Some(hint) }.into());
            }
            return Ok((Paced::new(source, profile.messages(), Some(profile)), Speed::REAL_TIME));
        };
        let messages = match (load.duration, speed.factor()) {
            (Some(duration), Some(factor)) => before(&source, duration.mul_f64(factor), messages)?,
            _ => messages,
        };
        Ok((Paced::new(source, messages, None), speed))
    }
}

/// Returns the number of messages within this time of the first one.
fn before(source: &ArchiveSource, recorded: Duration, messages: u64) -> anyhow::Result<u64> {
    let Some(first) = source.first()? else { return Ok(0) };
    let micros = i64::try_from(recorded.as_micros()).unwrap_or(i64::MAX);
    let end = first.micros().checked_add(micros).and_then(tradesim_schemas::Timestamp::from_micros);
    match end.map(|end| source.find(&end.to_string())) {
        None | Some(Err(SourceError::InvalidPosition { .. })) => Ok(messages),
        Some(found) => Ok(found?.get()),
    }
}

fn make(recipe: &scenario::Recipe, path: &Path) -> anyhow::Result<()> {
    say(format_args!("$ tradesim record {} -o {}", recipe.text, path.display()));
    let args = Record { output: Some(path.to_owned()), ..recipe.flags.clone() };
    // settings are ignored, so that a scenario makes the same recording everywhere
    record::archive(&args, Settings::from_sources(&Sources::none()))?;
    Ok(())
}
