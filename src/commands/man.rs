//! `man`: prints or writes the manual pages, which have the same content as `--help`.

use std::{fs, path::Path};

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man as Page;

use crate::{
    cli::{Cli, Man},
    exit::{Failure, Outcome},
    output::Stdout,
};

pub(crate) fn run(args: &Man) -> anyhow::Result<Outcome> {
    match &args.output {
        Some(folder) => write_all(folder)?,
        None => {
            let mut page = Vec::new();
            Page::new(Cli::command()).render(&mut page)?;
            let mut out = Stdout::new();
            out.write(&page)?;
            out.finish()?;
        }
    }
    Ok(Outcome::Done)
}

fn write_all(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .map_err(|source| Failure::OutputUnwritable { path: folder.to_owned(), source })?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write the manual pages to {}", folder.display()))
}
