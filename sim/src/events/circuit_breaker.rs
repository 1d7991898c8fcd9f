//! `circuit-breaker`: all symbols fall, and the index reaches the levels of the market-wide circuit breaker one after the other.

use super::{
    SECOND,
    index::factor,
    kind::{Definition, Parameter, Reach, Usual, Values},
    luld::quote_driven,
    rules::{self, Halt},
    scene::Scene,
    script::{Course, Floor, Goal, Leg, reopening},
};
use crate::{
    rng::{Purpose, Stream},
    universe::SymbolInfo,
};

/// The distance of the index from the level just before and at the trigger, as a fraction of the previous close.
const BEFORE: f64 = 0.003;
const BEYOND: f64 = 0.001;
/// The longest time after a halt at which a symbol reopens: crosses are not simultaneous.
const REOPENINGS: i64 = 120 * SECOND;
/// The time after the last reopening in which prices partly recover.
const RECOVERY: i64 = 1_200 * SECOND;

pub(super) const DEFINITION: Definition = Definition {
    name: "circuit-breaker",
    parameters: &[
        Parameter {
            name: "level",
            values: Values::Count { min: 1, max: 3 },
            usual: Usual::Fixed(1.0),
            help: "the highest level that is reached; the lower ones are reached before it",
        },
        Parameter {
            name: "fall",
            values: Values::Number { min: 400.0, max: 3_600.0 },
            usual: Usual::Fixed(900.0),
            help: "seconds from the start to level 1",
        },
        Parameter {
            name: "between",
            values: Values::Number { min: 900.0, max: 3_600.0 },
            usual: Usual::Fixed(900.0),
            help: "seconds from a reopening to the next level",
        },
        Parameter {
            name: "rebound",
            values: Values::Number { min: 0.0, max: 1.0 },
            usual: Usual::Fixed(0.3),
            help: "fraction of the decline that is won back within 20 minutes after the last reopening",
        },
    ],
    rule: "NYSE Rule 7.12 (in force since 2013-04-08): a decline of the index by 7 or 13 % after 09:30:00 and up to and \
           including 15:25 (12:25 on an early close) halts all trading for 15 min, a decline by 20 % for the rest of the \
           day; each symbol reopens in one cross",
    reach: Reach::All,
    without: quote_driven,
    window: |scene| {
        let (open, close) = scene.core();
        let reached = stages(scene).last().map_or(0, |stage| stage.reached) - scene.at();
        let last = match scene.value("level") as usize {
            3 => close - SECOND,
            _ => rules::last_halt(scene.day),
        };
        (open + SECOND, last - reached)
    },
    usual: |scene| {
        let (open, _) = scene.core();
        (open + 600 * SECOND, open + 3_600 * SECOND)
    },
    fault: |_| None,
    phases: |scene| {
        let mut phases = vec![("fall", scene.at())];
        for stage in stages(scene) {
            match stage.halt {
                Halt::None => phases.push(("passed", stage.reached)),
                Halt::Until(reopen) => phases.extend([("halt", stage.reached), ("reopen", reopen)]),
                Halt::Day => phases.push(("halt", stage.reached)),
            }
        }
        phases.push(("end", end(scene)));
        phases
    },
    busy: |scene| scene.whole(),
    facts: |scene| {
        let declines: Vec<String> = (1..=scene.value("level") as usize)
            .map(|level| rules::decline(scene.day, level).to_string())
            .collect();
        vec![("declines", declines.join("/"))]
    },
    legs,
};

/// A level that is reached.
#[derive(Clone, Copy, Debug)]
struct Stage {
    level: usize,
    reached: i64,
    halt: Halt,
}

fn stages(scene: &Scene<'_>) -> Vec<Stage> {
    let mut from = scene.at();
    let mut length = scene.micros("fall");
    let level = |level| {
        let reached = from + length;
        let halt = rules::halt(scene.day, level, reached);
        let stage = Stage { level, reached, halt };
        from = match halt {
            Halt::Until(reopen) => reopen,
            Halt::None | Halt::Day => reached,
        };
        length = scene.micros("between");
        stage
    };
    (1..=scene.value("level") as usize).map(level).collect()
}

fn end(scene: &Scene<'_>) -> i64 {
    match stages(scene).last().map(|stage| stage.halt) {
        Some(Halt::Until(reopen)) => (reopen + RECOVERY).min(scene.core().1),
        _ => scene.end,
    }
}

fn legs(scene: &Scene<'_>, info: &SymbolInfo) -> Vec<Leg> {
    let factor = factor(scene.seed, &scene.id(), info, scene.universe);
    let at = |decline: f64| 1.0 - factor * decline;
    let base = info.base_price.units() as f64;
    let name = format!("{}/reopening/{}", scene.id(), info.symbol);
    let mut stream = Stream::new(scene.seed, Purpose::Planned, &name);
    let mut legs: Vec<Leg> = Vec::new();
    let mut from = scene.at();
    // the model's own returns do not reach a level before its instant, either
    let mut floor_from = scene.day.start().micros();
    let stages = stages(scene);
    for stage in &stages {
        let decline = rules::decline(scene.day, stage.level);
        let fall = Leg {
            rate: 4.0,
            width: 2.0,
            depth: 0.5,
            course: Course::Towards(Goal::OfBase(at(decline - BEFORE))),
            // while no symbol is below its share of the decline, the index is not below the level
            floor: Some(Floor {
                from: floor_from,
                to: stage.reached,
                units: (base * at(decline)) as i64 + 1,
            }),
            ..Leg::plain(from, stage.reached)
        };
        legs.push(fall);
        floor_from = stage.reached;
        let beyond = Some(Goal::OfBase(at(decline + BEYOND)));
        from = match stage.halt {
            Halt::None => {
                // nothing marks the level but the price, which passes it within a second
                let passed = stage.reached + SECOND;
                legs.push(Leg { jump: beyond, ..Leg::plain(stage.reached, passed) });
                passed
            }
            Halt::Until(reopen) => {
                // whole seconds, so that the cross of a symbol is easy to find
                let cross = reopen + i64::from(stream.below((REOPENINGS / SECOND) as u32)) * SECOND;
                legs.push(Leg { jump: beyond, ..Leg::halted(stage.reached, cross) });
                let until = cross + 240 * SECOND;
                legs.extend(reopening(cross, until, 0.02));
                until
            }
            Halt::Day => {
                legs.push(Leg { jump: beyond, ..Leg::halted(stage.reached, scene.end + 1) });
                return legs;
            }
        };
    }
    let decline = stages.last().map_or(0.0, |stage| rules::decline(scene.day, stage.level));
    let goal = Goal::OfBase(at(decline * (1.0 - scene.value("rebound"))));
    if end(scene) > from {
        legs.push(Leg {
            rate: 2.0,
            width: 1.2,
            course: Course::Towards(goal),
            ..Leg::plain(from, end(scene))
        });
    }
    legs
}
