//! `news`: the price of a symbol jumps within seconds, and a crowd comes and goes.

use super::{
    SECOND,
    kind::{DIRECTION, Definition, Parameter, Reach, Usual, Values, sign},
    rules,
    scene::Scene,
    script::{Course, Goal, Leg},
};
use crate::universe::SymbolInfo;

/// The time after the jump until which activity is above the usual one.
const CROWD: i64 = 1_800 * SECOND;
/// The distance that a jump in the core session keeps from the price bands, in basis points: trades before it move the
/// reference price.
const MARGIN: i64 = 50;

pub(super) const DEFINITION: Definition = Definition {
    name: "news",
    parameters: &[
        DIRECTION,
        Parameter {
            name: "move",
            values: Values::Number { min: 0.005, max: 0.15 },
            usual: Usual::Drawn(0.02, 0.045),
            help: "the jump as a fraction of the price",
        },
        Parameter {
            name: "within",
            values: Values::Number { min: 0.5, max: 10.0 },
            usual: Usual::Fixed(2.0),
            help: "seconds that the jump takes",
        },
        Parameter {
            name: "activity",
            values: Values::Number { min: 2.0, max: 100.0 },
            usual: Usual::Fixed(30.0),
            help: "multiplier of the order rate at the jump, which decays as 1/t over 30 minutes",
        },
    ],
    rule: "none of the market: news without a halt. In the core session the jump stays within the price bands of the Limit \
           Up-Limit Down Plan",
    reach: Reach::One,
    without: |_| None,
    window: |scene| {
        let start = scene.day.start().micros();
        (start + 60 * SECOND, scene.end - CROWD - scene.micros("within") - SECOND)
    },
    usual: |scene| {
        let (open, close) = scene.core();
        (open + 900 * SECOND, close - 2_700 * SECOND)
    },
    fault: |scene| {
        let (open, close) = scene.core();
        let at = scene.at();
        if !(open..close).contains(&at) {
            return None;
        }
        let most = rules::band_points(scene.day, scene.info(), at) - MARGIN;
        let wanted = scene.value("move");
        (wanted * 10_000.0 > most as f64).then(|| {
            let most = most as f64 / 10_000.0;
            format!(
                "a jump of {wanted} in the core session would meet the price bands: use luld, or move={most}"
            )
        })
    },
    phases: |scene| {
        let settled = scene.at() + scene.micros("within");
        vec![("jump", scene.at()), ("settled", settled), ("end", settled + CROWD)]
    },
    busy: |scene| scene.whole(),
    facts: |_| Vec::new(),
    legs,
};

fn legs(scene: &Scene<'_>, _: &SymbolInfo) -> Vec<Leg> {
    let goal = Goal::OfStart(1.0 + sign(scene) * scene.value("move"));
    let activity = scene.value("activity");
    let settled = scene.at() + scene.micros("within");
    let mut legs = vec![Leg {
        rate: activity,
        width: 4.0,
        depth: 0.5,
        course: Course::Towards(goal),
        ..Leg::plain(scene.at(), settled)
    }];
    // 1/t in steps that double: each has the rate of its start
    let mut from = settled;
    let mut length = 14 * SECOND;
    while from < settled + CROWD {
        let to = (from + length).min(settled + CROWD);
        let passed = (from - settled) as f64 / (60 * SECOND) as f64;
        let rate = (activity / (1.0 + passed)).max(1.0);
        let width = 1.0 + 3.0 / (1.0 + passed);
        legs.push(Leg { rate, width, ..Leg::plain(from, to) });
        from = to;
        length *= 2;
    }
    legs
}
