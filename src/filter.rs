//! The filters `--symbols`, `--events`, `--from`, `--to` and `--limit`, with the same meaning in every command.

use tradesim_archive::{Cut, Filter, Metadata};
use tradesim_schemas::{Symbol, TimeSpec, Timestamp};
use tradesim_sim::session::TradingDay;
use tradesim_sources::instant_in;

use crate::{
    cli::{CutArgs, FilterArgs},
    exit::Failure,
    parse,
};

/// Returns the filter of the command line for an archive.
///
/// # Errors
/// Fails on a symbol that is not in the archive, on exchange time if the archive has no date, and on an empty time range.
pub(crate) fn of_archive(args: &FilterArgs, metadata: &Metadata) -> Result<Filter, Failure> {
    let provenance = metadata.provenance();
    let symbols = args.symbols.as_ref().map_or(&[][..], |names| &names.0);
    let tables = || provenance.origins.iter().flat_map(|origin| &origin.symbols);
    // a capture has no symbol table, and may contain any symbol
    if tables().next().is_some() {
        let names: Vec<&str> = tables().map(|entry| entry.symbol.as_str()).collect();
        check_symbols(symbols, &names, "the archive")?;
    }
    let cut = cut(symbols.to_vec(), &args.cut, |time| Ok(instant_in(time, provenance)?))?;
    Ok(Filter::for_archive(cut, metadata))
}

/// Returns the filter of the command line for a new recording of `day`.
pub(crate) fn of_day(symbols: Vec<Symbol>, args: &CutArgs, day: &TradingDay) -> Result<Filter, Failure> {
    cut(symbols, args, |time| Ok(day.resolve(time))).map(Filter::new)
}

fn cut(
    symbols: Vec<Symbol>,
    args: &CutArgs,
    at: impl Fn(TimeSpec) -> Result<Timestamp, Failure>,
) -> Result<Cut, Failure> {
    let from = args.from.map(&at).transpose()?;
    let to = args.to.map(&at).transpose()?;
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(Failure::usage(format!("empty time range: {from} to {to}")));
    }
    Ok(Cut { from, to, symbols, events: args.events.clone(), limit: args.limit })
}

/// Refuses symbols that are not in `names`, with a suggestion.
pub(crate) fn check_symbols(symbols: &[Symbol], names: &[&str], place: &str) -> Result<(), Failure> {
    for symbol in symbols {
        let name = symbol.as_str();
        if !names.contains(&name) {
            let what = format!("{name} is not a symbol of {place}");
            return Err(match parse::nearest(name, names.iter().copied()) {
                Some(nearest) => Failure::usage_hint(what, format!("did you mean {nearest}?")),
                None => Failure::usage_hint(what, format!("valid symbols: {}", names.join(", "))),
            });
        }
    }
    Ok(())
}
