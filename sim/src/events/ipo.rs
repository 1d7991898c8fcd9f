//! `ipo`: nothing happens in a symbol until its first trade, which is a cross. Then volatility and activity decay.

use super::{
    SECOND,
    kind::{Definition, Parameter, Reach, Usual, Values},
    luld::quote_driven,
    scene::Scene,
    script::{Act, Goal, Leg},
};
use crate::universe::SymbolInfo;

/// The steps after the cross: the end of a step in seconds, and the part of the excess that is left in it.
const STEPS: [(i64, f64); 7] =
    [(120, 1.0), (300, 0.75), (600, 0.55), (1_200, 0.4), (2_400, 0.25), (4_800, 0.12), (7_200, 0.05)];
/// The time after the cross in which the market differs from a usual one.
const DECAY: i64 = STEPS[STEPS.len() - 1].0 * SECOND;
/// The widest spread after the cross, as a multiple of the usual one.
const WIDTH: f64 = 3.0;

pub(super) const DEFINITION: Definition = Definition {
    name: "ipo",
    parameters: &[
        Parameter {
            name: "move",
            values: Values::Number { min: -0.5, max: 2.0 },
            usual: Usual::Drawn(-0.2, 0.2),
            help: "first price relative to the offer price, as a fraction; the offer price is the price in the symbol table",
        },
        Parameter {
            name: "share",
            values: Values::Number { min: 0.01, max: 0.3 },
            usual: Usual::Drawn(0.05, 0.15),
            help: "size of the first cross as a fraction of the day's expected volume",
        },
        Parameter {
            name: "activity",
            values: Values::Number { min: 1.0, max: 50.0 },
            usual: Usual::Fixed(8.0),
            help: "multiplier of the order rate after the cross, which decays over two hours",
        },
        Parameter {
            name: "volatility",
            values: Values::Number { min: 1.0, max: 8.0 },
            usual: Usual::Fixed(4.0),
            help: "multiplier of the volatility after the cross, which decays over two hours",
        },
    ],
    rule: "Nasdaq Rule 4120(c) (79 FR 63981), for other listing markets an assumption: a security of an initial public offering \
           is halted until the cross that releases it, so it has no quote and no trade before; its first trade is one cross at \
           one price. The size of the cross, the move from the offer and the volatility are assumptions",
    reach: Reach::One,
    without: quote_driven,
    window: |scene| {
        let (open, close) = scene.core();
        (open + 600 * SECOND, close - DECAY - 600 * SECOND)
    },
    usual: |scene| {
        let (open, close) = scene.core();
        let from = open + 2_400 * SECOND;
        (from, (open + 10_800 * SECOND).min(close - DECAY - 600 * SECOND).max(from))
    },
    fault: |_| None,
    phases: |scene| {
        vec![("halt", scene.day.start().micros()), ("reopen", scene.at()), ("end", scene.at() + DECAY)]
    },
    busy: |scene| Some((scene.day.start().micros(), scene.at() + DECAY)),
    facts: |scene| vec![("offer", scene.info().base_price.to_string())],
    legs,
};

fn legs(scene: &Scene<'_>, _: &SymbolInfo) -> Vec<Leg> {
    let cross = scene.at();
    let (activity, volatility) = (scene.value("activity"), scene.value("volatility"));
    let mut legs = vec![Leg::halted(scene.day.start().micros(), cross)];
    let mut from = cross;
    for (seconds, left) in STEPS {
        let to = cross + seconds * SECOND;
        let excess = |most: f64| 1.0 + (most - 1.0) * left;
        legs.push(Leg {
            rate: excess(activity),
            width: excess(WIDTH),
            volatility: excess(volatility),
            ..Leg::plain(from, to)
        });
        from = to;
    }
    legs[1].jump = Some(Goal::OfBase(1.0 + scene.value("move")));
    legs[1].act = Act::Cross(scene.value("share"));
    legs
}
