//! Arguments of `realism`.

use std::path::PathBuf;

use clap::Args;

use super::{ReadingArgs, common::SymbolNames, common::symbol_names};
use crate::parse;

/// Measure the statistics of a market against published ranges
#[derive(Debug, Args)]
#[command(after_help = "\
Measures recordings of any origin: simulated, captured or imported. Each row has a range with its source, and for most rows the \
value of a null: the same data with the property removed, which must be outside of the range (docs/REALISM.md). Core sessions \
are those of New York. Several files are pooled; each file has its own days. More days and symbols mean smaller errors.")]
pub(crate) struct Realism {
    /// The archives
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Only these symbols, for example AAPL,MSFT
    #[arg(long, value_name = "SYMBOLS", value_parser = symbol_names)]
    pub(crate) symbols: Option<SymbolNames>,
    /// Write a web page with the table and plots
    #[arg(long, value_name = "FILE.html", value_parser = html_file)]
    pub(crate) report: Option<PathBuf>,
    /// Exit with 3 if a value is outside of its range
    #[arg(long)]
    pub(crate) check: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

fn html_file(text: &str) -> Result<PathBuf, String> {
    let path = parse::local(PathBuf::from(text)).map_err(|error| error.to_string())?;
    let is_html = path.extension().is_some_and(|extension| extension == "html");
    is_html.then_some(path).ok_or_else(|| "expected a file name that ends in .html".to_owned())
}
