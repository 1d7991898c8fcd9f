//! `flash-crash`: all symbols fall within minutes, liquidity disappears, and most of the fall is won back.

use super::{
    SECOND,
    index::factor,
    kind::{Definition, EventKind, Parameter, Reach, Usual, Values},
    luld::quote_driven,
    scene::Scene,
    script::{Course, Goal, Leg},
};
use crate::universe::SymbolInfo;

/// The steps of the fall: a part of its time, the part of the decline at its end, order rate, spread and displayed size.
const FALL: [(f64, f64, f64, f64, f64); 4] = [
    (0.4, 0.2, 3.0, 2.0, 0.6),
    (0.7, 0.5, 5.0, 4.0, 0.3),
    (0.9, 0.8, 8.0, 7.0, 0.15),
    (1.0, 1.0, 10.0, 10.0, 0.1),
];
/// The steps of the recovery: a part of its time, the part of the recovery at its end, and the same again.
const BACK: [(f64, f64, f64, f64, f64); 5] = [
    (0.1, 0.35, 8.0, 8.0, 0.15),
    (0.3, 0.65, 5.0, 5.0, 0.25),
    (0.5, 0.82, 3.0, 3.0, 0.5),
    (0.75, 0.93, 2.0, 2.0, 0.7),
    (1.0, 1.0, 1.5, 1.3, 0.9),
];
/// The largest decline within five minutes, of any symbol, that stays within the price bands of tier 1: with the reference
/// price half-way, twice the band of 5 % less a margin.
const DECLINE_MAX: f64 = 0.07;

pub(super) const DEFINITION: Definition = Definition {
    name: "flash-crash",
    parameters: &[
        Parameter {
            name: "depth",
            values: Values::Number { min: 0.02, max: 0.065 },
            usual: Usual::Drawn(0.05, 0.06),
            help: "the decline of the index from where it is, as a fraction; level 1 of the circuit breaker is at 0.07",
        },
        Parameter {
            name: "fall",
            values: Values::Number { min: 240.0, max: 900.0 },
            usual: Usual::Fixed(300.0),
            help: "seconds from the start to the trough",
        },
        Parameter {
            name: "trough",
            values: Values::Number { min: 1.0, max: 60.0 },
            usual: Usual::Fixed(10.0),
            help: "seconds at the bottom",
        },
        Parameter {
            name: "recovery",
            values: Values::Number { min: 0.0, max: 1.0 },
            usual: Usual::Fixed(0.67),
            help: "fraction of the decline that is won back",
        },
        Parameter {
            name: "back",
            values: Values::Number { min: 300.0, max: 3_600.0 },
            usual: Usual::Fixed(1_200.0),
            help: "seconds that the recovery takes",
        },
    ],
    rule: "none of the market: the shape of 2010-05-06 (SEC and CFTC, report of 2010-10-01) at a depth, from the prices at its \
           start, below that of level 1 of the circuit breaker and within the price bands of the Limit Up-Limit Down Plan",
    reach: Reach::All,
    without: quote_driven,
    window: |scene| {
        let (open, close) = scene.core();
        (open + 900 * SECOND, close - length(scene) - 60 * SECOND)
    },
    usual: |scene| {
        let (open, close) = scene.core();
        (open + 5_400 * SECOND, close - 5_400 * SECOND)
    },
    fault: |scene| {
        let rate = scene.value("depth") * 300.0 / scene.value("fall").max(300.0);
        let most = DECLINE_MAX * scene.value("fall").max(300.0) / 300.0;
        (rate > DECLINE_MAX).then(|| format!("the fall would meet the price bands: use depth={most}"))
    },
    phases: |scene| {
        let trough = scene.at() + scene.micros("fall");
        let back = trough + scene.micros("trough");
        vec![("fall", scene.at()), ("trough", trough), ("back", back), ("end", back + scene.micros("back"))]
    },
    busy: |scene| scene.whole(),
    facts: |_| Vec::new(),
    legs,
};

fn length(scene: &Scene<'_>) -> i64 {
    scene.micros("fall") + scene.micros("trough") + scene.micros("back")
}

/// Returns the decline of a symbol that is left at the end of the event, as a fraction of the price before it; `None` for other
/// kinds.
pub(super) fn left(scene: &Scene<'_>, info: &SymbolInfo) -> Option<f64> {
    let is_crash = scene.event.kind() == EventKind::FlashCrash;
    is_crash.then(|| depth(scene, info) * (1.0 - scene.value("recovery")))
}

/// Returns the decline of a symbol.
fn depth(scene: &Scene<'_>, info: &SymbolInfo) -> f64 {
    scene.value("depth") * factor(scene.seed, &scene.id(), info, scene.universe)
}

fn legs(scene: &Scene<'_>, info: &SymbolInfo) -> Vec<Leg> {
    let depth = depth(scene, info);
    let phases = scene.phases();
    let [start, trough, back, end] = [0, 1, 2, 3].map(|index| phases[index].1);
    let mut legs = Vec::new();
    let mut steps = |from: i64, to: i64, table: &[(f64, f64, f64, f64, f64)], price: &dyn Fn(f64) -> f64| {
        let mut at = from;
        for &(time, part, rate, width, thickness) in table {
            let until = if time == 1.0 { to } else { from + ((to - from) as f64 * time) as i64 };
            let course = Course::Towards(Goal::OfStart(price(part)));
            legs.push(Leg { rate, width, depth: thickness, course, ..Leg::plain(at, until) });
            at = until;
        }
    };
    steps(start, trough, &FALL, &|part| 1.0 - depth * part);
    steps(trough, back, &[(1.0, 1.0, 10.0, 10.0, 0.1)], &|part| 1.0 - depth * part);
    steps(back, end, &BACK, &|part| 1.0 - depth * (1.0 - scene.value("recovery") * part));
    legs
}
