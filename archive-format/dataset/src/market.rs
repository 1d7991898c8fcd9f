//! What an archive of simulated events says about its market.

use tradesim_archive::{Label, LabelPhase, Origin, Provenance, SymbolEntry};
use tradesim_sim::{
    GENERATOR_VERSION, Simulation,
    session::{CALENDAR_VERSION, tzdb_version},
};

/// Returns the provenance of simulated events.
pub fn provenance(simulation: &Simulation) -> Provenance {
    let options = simulation.options();
    let symbols = simulation
        .universe()
        .symbols()
        .iter()
        .map(|info| SymbolEntry {
            symbol: info.symbol,
            name: info.name.to_owned(),
            exchange: info.exchange,
            sector: info.sector.to_string(),
            base_price: info.base_price,
            volatility: info.volatility,
            avg_daily_volume: info.avg_daily_volume,
            tick_size: info.tick_size,
            lot_size: info.lot_size,
            weight: info.weight,
        })
        .collect();
    let bursts = simulation
        .bursts()
        .iter()
        .map(|burst| tradesim_archive::Burst {
            from: burst.from,
            to: burst.to,
            multiplier: burst.multiplier,
            symbol: burst.symbol,
            planned: burst.planned,
        })
        .collect();
    let labels = options.labels().into_iter().map(label).collect();
    Provenance {
        labels,
        generator_version: Some(GENERATOR_VERSION.to_owned()),
        model: Some(options.model.name().to_owned()),
        seed: Some(options.seed),
        date: Some(options.day.date().to_string()),
        options: options.to_map(),
        origins: vec![Origin { identity: options.identity(), symbols }],
        bursts,
        calendar_version: Some(CALENDAR_VERSION.to_owned()),
        tzdb_version: Some(tzdb_version().to_owned()),
        ..Provenance::default()
    }
}

/// Returns a label in the form that an archive has.
fn label(label: tradesim_sim::Label) -> Label {
    let tradesim_sim::Label { id, kind, symbol, from, to, phases, parameters, rule } = label;
    let phases = phases.into_iter().map(|phase| LabelPhase { name: phase.name, at: phase.at }).collect();
    Label { id, kind, symbol, from, to, phases, parameters, rule }
}
