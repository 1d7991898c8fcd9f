//! `fat-finger`: a trader takes far too much at once. The price is at a band within a twentieth of a second, rests there for
//! less than the 15 seconds of a limit state, and comes back.

use super::{
    SECOND,
    kind::{DIRECTION, Definition, Parameter, Reach, Usual, Values, sign},
    luld::quote_driven,
    rules::{self, LIMIT_STATE, REFERENCE_SPAN},
    scene::Scene,
    script::{Act, Course, Goal, Leg},
};
use crate::{
    rng::{Purpose, Stream},
    trader::Trader,
    universe::SymbolInfo,
};

/// The number of orders into which the trader's router splits the mistake, and the time between two of them.
const ORDERS: i64 = 12;
const GAP: i64 = 4_000;

pub(super) const DEFINITION: Definition = Definition {
    name: "fat-finger",
    parameters: &[
        DIRECTION,
        Parameter {
            name: "size",
            values: Values::Count { min: 50, max: 2_000 },
            usual: Usual::Fixed(100.0),
            help: "the size of the mistake, as a multiple of a usual order of 100 shares",
        },
        Parameter {
            name: "rest",
            values: Values::Number { min: 0.5, max: 14.0 },
            usual: Usual::Drawn(1.0, 4.0),
            help: "seconds that the quote rests on the band, fewer than the 15 after which a halt begins",
        },
        Parameter {
            name: "back",
            values: Values::Number { min: 1.0, max: 60.0 },
            usual: Usual::Fixed(5.0),
            help: "seconds in which the price comes back",
        },
    ],
    rule: "Limit Up-Limit Down Plan: nothing executes outside the price bands around the reference price, the mean of the \
           executions in the five minutes before; a limit state of less than 15 s has no pause. Trades within the bands \
           stand (ERA2022-7, in force since 2022-10-01)",
    reach: Reach::One,
    without: quote_driven,
    window: |scene| {
        let (open, close) = scene.core();
        (open + REFERENCE_SPAN, close - length(scene) - SECOND)
    },
    usual: |scene| {
        let (open, close) = scene.core();
        (open + 900 * SECOND, close - 1_800 * SECOND)
    },
    fault: |scene| {
        let points = |at| rules::band_points(scene.day, scene.info(), at);
        (points(scene.at()) != points(scene.at() + length(scene))).then(|| {
            let doubled = scene.core().1 - 1_500 * SECOND;
            format!("the bands are doubled from {}: begin then, or earlier", scene.clock(doubled))
        })
    },
    phases: |scene| {
        let limit = scene.at() + (ORDERS - 1) * GAP;
        let back = limit + scene.micros("rest");
        vec![("sweep", scene.at()), ("limit", limit), ("back", back), ("end", back + scene.micros("back"))]
    },
    busy: |scene| scene.whole(),
    facts: |scene| {
        let points = rules::band_points(scene.day, scene.info(), scene.at());
        vec![
            ("band", (points as f64 / 10_000.0).to_string()),
            ("orders", ORDERS.to_string()),
            ("shares", (scene.value("size") as u64 * 100).to_string()),
            ("trader", trader(scene).id().to_string()),
        ]
    },
    legs,
};

const _: () = assert!(LIMIT_STATE == 15 * SECOND, "`rest` is shorter than a limit state");

fn length(scene: &Scene<'_>) -> i64 {
    (ORDERS - 1) * GAP + scene.micros("rest") + scene.micros("back")
}

fn trader(scene: &Scene<'_>) -> Trader {
    Trader::draw(&mut Stream::new(scene.seed, Purpose::Planned, &format!("{}/trader", scene.id())))
}

fn legs(scene: &Scene<'_>, info: &SymbolInfo) -> Vec<Leg> {
    let sign = sign(scene);
    let trader = trader(scene);
    let band_points = Some(rules::band_points(scene.day, info, scene.at()));
    let phases = scene.phases();
    let [start, limit, back, end] = [0, 1, 2, 3].map(|index| phases[index].1);
    let shares = scene.value("size") as u32 * 100;
    let take = |index: i64| {
        let each = shares / ORDERS as u32;
        let last = index == ORDERS - 1;
        Act::Take(sign, if last { shares - each * (ORDERS as u32 - 1) } else { each }, trader)
    };
    let mut legs: Vec<Leg> = (0..ORDERS - 1)
        .map(|index| Leg {
            band_points,
            // the first order takes what is there, each other one is a step nearer to the band
            jump: Some(Goal::Band(sign, index as f64 / (ORDERS - 1) as f64)),
            act: take(index),
            depth: 0.2,
            ..Leg::plain(start + index * GAP, start + (index + 1) * GAP)
        })
        .collect();
    // the last order meets the far side of the quote on the band, before it becomes the near side
    legs.push(Leg {
        band_points,
        jump: Some(Goal::Band(sign, 1.0)),
        act: take(ORDERS - 1),
        ..Leg::plain(limit, limit + GAP)
    });
    legs.push(Leg { rate: 5.0, band_points, course: Course::Pinned(sign), ..Leg::plain(limit + GAP, back) });
    legs.push(Leg {
        rate: 10.0,
        width: 2.0,
        band_points,
        course: Course::Towards(Goal::OfStart(1.0)),
        ..Leg::plain(back, end)
    });
    legs
}
