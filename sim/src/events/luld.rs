//! `luld`: the price of a symbol runs to a price band, rests on it for a limit state of 15 seconds, and is halted for five
//! minutes.

use super::{
    SECOND,
    kind::{DIRECTION, Definition, Parameter, Reach, Usual, Values, sign},
    rules::{self, LIMIT_STATE, NO_REOPENING, PAUSE, REFERENCE_SPAN, Tier},
    scene::Scene,
    script::{Course, Goal, Leg, reopening},
};
use crate::{Model, universe::SymbolInfo};

pub(super) const DEFINITION: Definition = Definition {
    name: "luld",
    parameters: &[
        DIRECTION,
        Parameter {
            name: "run",
            values: Values::Number { min: 5.0, max: 30.0 },
            usual: Usual::Fixed(20.0),
            help: "seconds in which the price runs to the band; the reference price stands for 30",
        },
        Parameter {
            name: "move",
            values: Values::Number { min: -0.03, max: 0.03 },
            usual: Usual::Drawn(-0.01, 0.02),
            help: "how far beyond the band the symbol reopens, as a fraction; negative: back",
        },
        Parameter {
            name: "share",
            values: Values::Number { min: 0.001, max: 0.2 },
            usual: Usual::Drawn(0.02, 0.04),
            help: "size of the reopening cross as a fraction of the day's expected volume",
        },
        Parameter {
            name: "extensions",
            values: Values::Count { min: 0, max: 3 },
            usual: Usual::Fixed(0.0),
            help: "times that the halt is extended by five minutes",
        },
    ],
    rule: "Limit Up-Limit Down Plan: nothing executes outside the price bands around the reference price, the mean of the \
           executions in the five minutes before; a limit state of 15 s is followed by a trading pause of 5 min, extended by \
           5 min each time, and one reopening cross",
    reach: Reach::One,
    without: quote_driven,
    window: |scene| {
        let (open, close) = scene.core();
        (open + REFERENCE_SPAN, close - NO_REOPENING - halted(scene) - LIMIT_STATE - scene.micros("run"))
    },
    usual: |scene| {
        let (open, close) = scene.core();
        (open + 900 * SECOND, (close - 2_700 * SECOND).min(open + 18_000 * SECOND))
    },
    fault: |scene| {
        let limit = scene.at() + scene.micros("run");
        let points = |at| rules::band_points(scene.day, scene.info(), at);
        (points(scene.at()) != points(limit + LIMIT_STATE)).then(|| {
            let doubled = scene.core().1 - 1_500 * SECOND;
            format!("the bands are doubled from {}: begin then, or earlier", scene.clock(doubled))
        })
    },
    phases: |scene| {
        let limit = scene.at() + scene.micros("run");
        let halt = limit + LIMIT_STATE;
        let reopen = halt + halted(scene);
        let end = reopen + 300 * SECOND;
        vec![("run", scene.at()), ("limit", limit), ("halt", halt), ("reopen", reopen), ("end", end)]
    },
    busy: |scene| scene.whole(),
    facts: |scene| {
        let points = rules::band_points(scene.day, scene.info(), scene.at());
        vec![
            ("tier", Tier::of(scene.info()).number().to_string()),
            ("band", (points as f64 / 10_000.0).to_string()),
        ]
    },
    legs,
};

/// Returns the reason for which `gbm/1` has no events that rest on a quote.
pub(super) fn quote_driven(model: Model) -> Option<&'static str> {
    match model {
        Model::Gbm => Some(
            "its quotes move only after every fifth trade event and its open orders are filled at times drawn before, so \
             it can hold neither a limit state nor a halt; use --model stylized",
        ),
        Model::Stylized => None,
    }
}

/// Returns the length of the halt.
fn halted(scene: &Scene<'_>) -> i64 {
    PAUSE * (1 + scene.value("extensions") as i64)
}

fn legs(scene: &Scene<'_>, info: &SymbolInfo) -> Vec<Leg> {
    let sign = sign(scene);
    let points = Some(rules::band_points(scene.day, info, scene.at()));
    let phases = scene.phases();
    let [run, limit, halt, reopen, end] = [0, 1, 2, 3, 4].map(|index| phases[index].1);
    let mut legs = vec![
        Leg {
            rate: 10.0,
            band_points: points,
            course: Course::Towards(Goal::Band(sign, 1.0)),
            ..Leg::plain(run, limit)
        },
        Leg { rate: 5.0, band_points: points, course: Course::Pinned(sign), ..Leg::plain(limit, halt) },
        Leg::halted(halt, reopen),
    ];
    let mut reopened = reopening(reopen, end, scene.value("share"));
    reopened[0].jump = Some(Goal::OfHere(1.0 + sign * scene.value("move")));
    legs.extend(reopened);
    legs
}
