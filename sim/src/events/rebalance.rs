//! `rebalance`: index funds trade at the closing price, so the closing cross is many times its usual size.

use super::{
    SECOND,
    kind::{Definition, Parameter, Reach, Usual, Values},
    scene::Scene,
    script::Leg,
};
use crate::{Model, universe::SymbolInfo};

/// The time after the close in which the cross takes place.
const CROSS: i64 = SECOND;

pub(super) const DEFINITION: Definition = Definition {
    name: "rebalance",
    parameters: &[
        Parameter {
            name: "share",
            values: Values::Number { min: 0.15, max: 0.6 },
            usual: Usual::Drawn(0.2, 0.35),
            help: "size of the closing cross as a fraction of the day's volume up to and including it",
        },
        Parameter {
            name: "activity",
            values: Values::Number { min: 1.0, max: 20.0 },
            usual: Usual::Fixed(4.0),
            help: "multiplier of the order rate from the start to the close",
        },
    ],
    rule: "none of the market: one closing cross of each symbol at one price, as on 2025-06-27 (Russell reconstitution: 2.5 bn \
           shares in one cross of Nasdaq)",
    reach: Reach::All,
    without: |model| match model {
        Model::Gbm => Some("it has no closing cross; use --model stylized"),
        Model::Stylized => None,
    },
    window: |scene| {
        let (_, close) = scene.core();
        (close - 1_800 * SECOND, close - 60 * SECOND)
    },
    usual: |scene| {
        let (_, close) = scene.core();
        (close - 600 * SECOND, close - 600 * SECOND)
    },
    fault: |_| None,
    phases: |scene| {
        let (_, close) = scene.core();
        vec![("imbalance", scene.at()), ("cross", close), ("end", close + CROSS)]
    },
    busy: |scene| scene.whole(),
    facts: |_| Vec::new(),
    legs,
};

fn legs(scene: &Scene<'_>, _: &SymbolInfo) -> Vec<Leg> {
    let (_, close) = scene.core();
    let share = Some(scene.value("share"));
    vec![
        Leg { rate: scene.value("activity"), ..Leg::plain(scene.at(), close) },
        Leg { closing_share: share, ..Leg::plain(close, close + CROSS) },
    ]
}
