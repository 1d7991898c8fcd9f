//! The weather of a market: a product of components, each of which keeps a high or a low value for a random time.
//!
//! Source: the Poisson multifractal of Calvet and Fisher (2001, 2004) with binomial values. Components with mean lives from
//! seconds to hours make volatility cluster on all these scales.

use crate::rng::Stream;

/// The distribution of a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kind {
    /// The mean time between two draws of its value, in seconds.
    pub(super) mean_life: f64,
    /// The value that is drawn with probability `chance`.
    pub(super) high: f64,
    pub(super) chance: f64,
}

impl Kind {
    /// A component that is `high` or `2 − high` with equal probability.
    pub(super) const fn binomial(mean_life: f64, high: f64) -> Kind {
        Kind { mean_life, high, chance: 0.5 }
    }

    /// The other value: the mean is 1.
    fn low(&self) -> f64 {
        (1.0 - self.chance * self.high) / (1.0 - self.chance)
    }

    /// The mean of the activity that belongs to the values.
    fn mean_activity(&self) -> f64 {
        self.chance * activity(self.high) + (1.0 - self.chance) * activity(self.low())
    }
}

/// Returns the activity that belongs to a variance: its power 3/8, because quiet times have fewer orders, but not as many
/// fewer as they have less variance.
fn activity(variance: f64) -> f64 {
    let root = variance.sqrt().sqrt();
    root * root.sqrt()
}

/// A component in its present state.
#[derive(Clone, Debug)]
struct Component {
    kind: Kind,
    value: f64,
    /// The time of the next draw, in seconds after the start of the day.
    next: f64,
}

impl Component {
    fn draw(&mut self, stream: &mut Stream) {
        self.value = if stream.unit() < self.kind.chance { self.kind.high } else { self.kind.low() };
        self.next += stream.exponential() * self.kind.mean_life;
    }
}

/// The product of some components, which changes only when time advances.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    components: Vec<Component>,
    /// The earliest time at which a component changes.
    next: f64,
    /// One over the mean of the components' activity.
    scale: f64,
    variance: f64,
    activity: f64,
    stream: Stream,
}

impl Weather {
    /// Draws the weather at the start of a day.
    pub(super) fn new(kinds: &[Kind], mut stream: Stream) -> Weather {
        let component = |&kind: &Kind| {
            let mut component = Component { kind, value: 1.0, next: 0.0 };
            component.draw(&mut stream);
            component
        };
        let components: Vec<Component> = kinds.iter().map(component).collect();
        let scale = 1.0 / kinds.iter().map(Kind::mean_activity).product::<f64>();
        let mut weather = Weather { components, next: 0.0, scale, variance: 1.0, activity: 1.0, stream };
        weather.multiply();
        weather
    }

    /// Advances to a time in seconds after the start of the day.
    #[inline]
    pub(super) fn advance(&mut self, now: f64) {
        if self.next <= now {
            for component in &mut self.components {
                while component.next <= now {
                    component.draw(&mut self.stream);
                }
            }
            self.multiply();
        }
    }

    /// Returns the multiplier of the variance, with mean 1.
    #[inline]
    pub(super) fn variance(&self) -> f64 {
        self.variance
    }

    /// Returns the multiplier of the order rate, with mean 1.
    #[inline]
    pub(super) fn activity(&self) -> f64 {
        self.activity
    }

    fn multiply(&mut self) {
        self.next = self.components.iter().map(|component| component.next).fold(f64::INFINITY, f64::min);
        self.variance = self.components.iter().map(|component| component.value).product();
        self.activity = activity(self.variance) * self.scale;
    }

    /// Returns the raw state, for the state digest.
    pub(super) fn state(&self) -> [u64; 3] {
        [self.variance.to_bits(), self.next.to_bits(), self.stream.position()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn draws_have_known_answers() {
        let kinds = [Kind::binomial(60.0, 1.6), Kind { mean_life: 30.0, high: 16.0, chance: 0.012 }];
        let mut weather = Weather::new(&kinds, Stream::new(42, Purpose::Weather, "AAPL"));
        let first = weather.state();
        weather.advance(3_600.0);
        let last = weather.state();
        assert_eq!([first[0], first[1]], [4_608_571_788_401_659_643, 4_612_363_915_558_163_380]);
        assert_eq!([last[0], last[1]], [4_599_564_589_146_918_649, 4_660_198_494_641_337_671]);
    }

    #[test]
    fn variance_and_activity_have_mean_one() {
        let kinds = [
            Kind::binomial(15.0, 1.6),
            Kind::binomial(60.0, 1.6),
            Kind::binomial(240.0, 1.45),
            Kind { mean_life: 30.0, high: 16.0, chance: 0.012 },
        ];
        let mut weather = Weather::new(&kinds, Stream::new(5, Purpose::Weather, ""));
        let (mut variance, mut activity, steps) = (0.0, 0.0, 400_000);
        for step in 0..steps {
            weather.advance(5.0 * f64::from(step));
            variance += weather.variance();
            activity += weather.activity();
        }
        let (variance, activity) = (variance / f64::from(steps), activity / f64::from(steps));
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        assert!((activity - 1.0).abs() < 0.02, "{activity}");
    }
}
