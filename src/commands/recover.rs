//! `recover`: converts the journal of an interrupted capture into an archive.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tradesim_archive::{JournalReader, JournalWriter, NewFile};

use super::capture::{JOURNAL_SUFFIX, archive};
use crate::{
    cli::Recover,
    exit::{Failure, Outcome},
    output::{self, say},
    signals::Stop,
    sink::check_name,
};

pub(crate) fn run(args: &Recover) -> anyhow::Result<Outcome> {
    let journal = &args.journal;
    let output = match &args.output {
        Some(output) => output.clone(),
        None => archive_of(journal)?,
    };
    check_name(&output)?;
    let stop = Stop::on_signals()?;
    // fail on an invalid journal first, then on one that is in use
    drop(JournalReader::open(journal)?);
    let claim = JournalWriter::claim(journal)?;
    drop(NewFile::create(&output, args.force)?);
    let report = archive(journal, &output, args.force, args.threads, |_| Ok(stop.check()?))?;
    let torn = if report.torn_bytes > 0 { Some(JournalWriter::set_aside(journal)?) } else { None };
    if torn.is_none() {
        std::fs::remove_file(journal).with_context(|| format!("cannot remove {}", journal.display()))?;
    }
    drop(claim);
    report.summarise("recovered");
    if let Some(torn) = torn {
        say(format_args!("the journal is kept as {}", torn.display()));
    }
    output::emit(args.json, &report, |out| out.line(&report.digest.to_string()))?;
    Ok(Outcome::Done)
}

/// Returns the default output for a journal.
fn archive_of(journal: &Path) -> Result<PathBuf, Failure> {
    match journal.as_os_str().as_bytes().strip_suffix(JOURNAL_SUFFIX.as_bytes()) {
        Some(name) if !name.is_empty() => Ok(PathBuf::from(OsString::from_vec(name.to_vec()))),
        _ => Err(Failure::usage_hint(
            format!("cannot derive the name of the archive from {}", journal.display()),
            "use -o FILE",
        )),
    }
}
