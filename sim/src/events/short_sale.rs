//! `short-sale`: a price falls by ten percent from the previous close, which switches the price test for short sales on. Orders
//! do not state whether they are short sales, so the label is all that the restriction adds.

use tradesim_schemas::Price;

use super::{
    SECOND,
    kind::{Definition, Parameter, Reach, Usual, Values},
    rules,
    scene::Scene,
    script::{Act, Course, Floor, Goal, Leg},
};
use crate::{
    Model,
    rng::{Purpose, Stream},
    session::Closed,
    trader::Trader,
    universe::SymbolInfo,
};

/// The distance of the price from the trigger just before and at it, as a fraction of the previous close.
const BEFORE: f64 = 0.003;
const BEYOND: f64 = 0.001;
/// The decline from the previous close that triggers the restriction (Rule 201), and by which the price falls.
pub(super) const DECLINE: f64 = 0.1 + BEYOND;
/// The size of the sale that triggers the restriction.
const SHARES: u32 = 300;
/// The steps after the trigger in which activity and spread become usual again: the end in seconds, order rate, spread.
const AFTER: [(i64, f64, f64); 3] = [(120, 4.0, 2.0), (300, 2.5, 1.5), (600, 1.5, 1.2)];
const SETTLED: i64 = AFTER[AFTER.len() - 1].0 * SECOND;

pub(super) const DEFINITION: Definition = Definition {
    name: "short-sale",
    parameters: &[Parameter {
        name: "fall",
        values: Values::Number { min: 900.0, max: 7_200.0 },
        usual: Usual::Fixed(1_800.0),
        help: "seconds from the start to the trigger",
    }],
    rule: "Rule 201 of Regulation SHO (17 CFR 242.201; 75 FR 11232, to be complied with since 2011-02-28): from a price that is \
           10 % or more below the previous close of the listing market, for the rest of that day and the following day, short sales \
           are not executed or displayed at or below the national best bid",
    reach: Reach::One,
    without: |model| match model {
        Model::Gbm => Some(
            "its quotes move only after every fifth trade event, so the instant of the trigger is not known beforehand; use \
             --model stylized",
        ),
        Model::Stylized => None,
    },
    window: |scene| {
        let (open, close) = scene.core();
        (open + 300 * SECOND, close - scene.micros("fall") - SETTLED - 60 * SECOND)
    },
    usual: |scene| {
        let (open, close) = scene.core();
        let from = open + 900 * SECOND;
        (from, (close - scene.micros("fall") - 2_700 * SECOND).max(from))
    },
    fault: |_| None,
    phases: |scene| vec![("fall", scene.at()), ("restricted", restricted(scene)), ("end", scene.end)],
    busy: |scene| Some((scene.at(), restricted(scene) + SETTLED)),
    facts: |scene| {
        let close = scene.info().base_price;
        let trigger = Price::from_units(rules::short_sale_trigger(close.units())).unwrap_or(close);
        let mut facts = vec![("close", close.to_string()), ("trigger", trigger.to_string())];
        // none at the end of the calendar
        facts.extend(scene.day.following(Closed::Refuse).ok().map(|day| ("until", day.date().to_string())));
        facts
    },
    legs,
};

fn restricted(scene: &Scene<'_>) -> i64 {
    scene.at() + scene.micros("fall")
}

fn legs(scene: &Scene<'_>, info: &SymbolInfo) -> Vec<Leg> {
    let close = info.base_price.units();
    let trigger = rules::short_sale_trigger(close) as f64 / close as f64;
    let mut stream = Stream::new(scene.seed, Purpose::Planned, &format!("{}/trader", scene.id()));
    let trader = Trader::draw(&mut stream);
    let at = restricted(scene);
    let mut legs = vec![Leg {
        rate: 3.0,
        width: 1.5,
        course: Course::Towards(Goal::OfBase(trigger + BEFORE)),
        // the model's own returns may not reach the trigger earlier, on no part of the day
        floor: Some(Floor {
            from: scene.day.start().micros(),
            to: at,
            units: rules::short_sale_trigger(close) + 1,
        }),
        ..Leg::plain(scene.at(), at)
    }];
    let mut from = at;
    for (seconds, rate, width) in AFTER {
        let to = at + seconds * SECOND;
        legs.push(Leg { rate, width, ..Leg::plain(from, to) });
        from = to;
    }
    legs[1].jump = Some(Goal::OfBase(trigger - BEYOND));
    legs[1].act = Act::Take(-1.0, SHARES, trader);
    legs
}
