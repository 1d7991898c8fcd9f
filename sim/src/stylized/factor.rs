//! The factors of a day: what all symbols, or those of a sector, have in common.

use super::{
    leverage::Leverage,
    profile::{FINE_PER_STEP, Profile},
    weather::{Kind, Weather},
};
use crate::rng::{Purpose, Stream};

/// A factor of one day: its weather in each step, and its price after each fine step.
///
/// It is a function of seed, date and name alone. Every process that simulates a symbol of the day creates it again.
#[derive(Debug, PartialEq)]
pub(super) struct Factor {
    /// The multiplier of the variance in each step, with leverage.
    pub(super) variance: Vec<f64>,
    /// The multiplier of the order rate in each step.
    pub(super) activity: Vec<f64>,
    /// The sum of the returns, before each fine step and at the end. A day's returns have variance 1 on average.
    pub(super) price: Vec<f64>,
}

impl Factor {
    /// Simulates the factor `name`. The variance of its returns is multiplied by that of `outer`, too.
    pub(super) fn new(
        seed: u64,
        name: &str,
        kinds: &[Kind],
        leverage: f64,
        profile: &Profile,
        outer: Option<&Factor>,
    ) -> Factor {
        let steps = profile.grid.steps();
        let mut weather = Weather::new(kinds, Stream::new(seed, Purpose::FactorWeather, name));
        let mut returns = Stream::new(seed, Purpose::FactorPrice, name);
        let mut leverage = Leverage::new(leverage);
        let (mut variance, mut activity) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
        let mut price = Vec::with_capacity(steps * FINE_PER_STEP + 1);
        let mut level = 0.0;
        price.push(level);
        for step in 0..steps {
            weather.advance(profile.grid.start(step) as f64);
            let own = weather.variance() * leverage.variance();
            variance.push(own);
            activity.push(weather.activity());
            let whole = own * outer.map_or(1.0, |outer| outer.variance[step]);
            let scale = profile.volatility[step] * (whole * profile.fine_days(step)).sqrt();
            let mut sum = 0.0;
            for normal in returns.normals::<FINE_PER_STEP>() {
                sum += normal;
                level += scale * normal;
                price.push(level);
            }
            leverage.add(sum / (FINE_PER_STEP as f64).sqrt());
        }
        Factor { variance, activity, price }
    }
}
