//! `split`: a symbol trades at the adjusted price from the first event of the day on. The archive of the day before is not
//! adjusted.

use tradesim_schemas::Price;

use super::{
    EventKind,
    kind::{Definition, Parameter, Reach, Usual, Values},
    plan::PlannedEvent,
    scene::Scene,
};
use crate::{
    session::{date_at, tick_size},
    universe::{SymbolInfo, Universe},
};

/// The adjusted prices between which a split is possible, in units of 0.0001: rules have other prices below $5, and no share of
/// the symbol table costs $10,000.
const PRICES: (i64, i64) = (50_000, 100_000_000);

pub(super) const DEFINITION: Definition = Definition {
    name: "split",
    parameters: &[
        Parameter {
            name: "ratio",
            values: Values::Count { min: 2, max: 50 },
            usual: Usual::Fixed(4.0),
            help: "new shares for each old one, or old shares for each new one in a reverse split",
        },
        Parameter {
            name: "form",
            values: Values::OneOf(&["forward", "reverse"]),
            usual: Usual::Fixed(0.0),
            help: "a forward split lowers the price, a reverse split raises it",
        },
    ],
    rule: "from the ex-date on, prices are the previous close divided by the ratio (forward) or multiplied by it (reverse), \
           rounded to cents; the archive of the day before is not adjusted. The tick follows the new price. The round lot stays: \
           it is assigned twice a year, by the average close of March or September (Rule 600 of Regulation NMS, UTP2025-10)",
    reach: Reach::One,
    without: |_| None,
    window: |scene| (scene.day.start().micros(), scene.day.start().micros()),
    usual: |scene| (scene.day.start().micros(), scene.day.start().micros()),
    fault: |scene| {
        let close = table_close(scene);
        let price = adjusted(close, scene.event);
        (!(PRICES.0..=PRICES.1).contains(&price.units())).then(|| {
            let (least, most) = (PRICES.0 / 10_000, PRICES.1 / 10_000);
            format!("{close} becomes {price}: use a ratio that leaves a price of ${least} to ${most}")
        })
    },
    phases: |scene| vec![("ex", scene.day.start().micros()), ("end", scene.end)],
    busy: |_| None,
    facts: |scene| {
        vec![("close", table_close(scene).to_string()), ("price", scene.info().base_price.to_string())]
    },
    legs: |_, _| Vec::new(),
};

/// Returns the close of the day before, which is the price in the symbol table.
fn table_close(scene: &Scene<'_>) -> Price {
    let table = Universe::on(scene.day.date());
    table.get(scene.info().symbol).expect("simulated symbols are in the table").base_price
}

fn is_reverse(event: &PlannedEvent) -> bool {
    event.values[1] != 0.0
}

/// Returns a price after a split, rounded to cents.
fn adjusted(close: Price, split: &PlannedEvent) -> Price {
    let (ratio, units) = (split.values[0] as i64, close.units());
    let price = if is_reverse(split) { units * ratio } else { (units + ratio * 50) / (ratio * 100) * 100 };
    Price::from_units(price).expect("a price of the table times 50 has twelve digits")
}

/// Returns the symbols of a day after its splits.
pub(crate) fn split(universe: Universe, events: &[PlannedEvent]) -> Universe {
    let of_symbol = |info: &SymbolInfo| {
        events.iter().find(|event| event.kind == EventKind::Split && event.symbol == Some(info.symbol))
    };
    universe.changed(|info| {
        let Some(event) = of_symbol(info) else { return };
        let ratio = event.values[0] as u64;
        info.base_price = adjusted(info.base_price, event);
        info.tick_size = tick_size(info.base_price, date_at(event.at));
        info.avg_daily_volume = if is_reverse(event) {
            (info.avg_daily_volume / ratio).max(1)
        } else {
            info.avg_daily_volume * ratio
        };
    })
}
