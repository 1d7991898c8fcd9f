//! The fair price of one symbol without the impact of its trades: factors and own news. It does not depend on the rate.

use std::sync::Arc;

use super::{
    common::{self, Common},
    leverage::Leverage,
    profile::{FINE_PER_STEP, Profile},
    weather::Weather,
};
use crate::{
    rng::{Purpose, Stream},
    universe::Sector,
};

/// The longest time in fine steps after which a symbol reacts to the factors, exclusive. As symbols react at different times,
/// their returns over seconds are less correlated than those over minutes (Epps 1979, Toth and Kertesz 2009).
const REACTION_MAX: u32 = 5;

/// The standard deviation of a trading day's return that comes from each source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loadings {
    pub(super) market: f64,
    pub(super) sector: f64,
    pub(super) news: f64,
}

/// The weather and the news of one symbol, step by step.
#[derive(Clone, Debug)]
pub(super) struct Path {
    common: Arc<Common>,
    sector: Sector,
    loadings: Loadings,
    own: Weather,
    leverage: Leverage,
    /// The generator of the news as it was at the start of the step, and after it.
    news_before: Stream,
    news: Stream,
    /// The normal numbers of the step.
    draws: [f64; FINE_PER_STEP],
    /// The number of fine steps after which the symbol reacts to the factors.
    reaction: usize,
    /// The current step.
    step: usize,
    /// The number of fine steps whose news has been heard.
    told: usize,
    /// The number of fine steps whose factor returns have been returned by [`Path::take_return`].
    taken: usize,
    /// The news that has not been returned yet.
    heard: f64,
    /// The sum of the normal numbers of this step that have been heard.
    pub(super) normals: f64,
    /// The scale of the news in a fine step.
    scale: f64,
    variance: f64,
    activity: f64,
}

impl Path {
    /// Creates the path of a symbol at the start of the day.
    pub(super) fn new(
        seed: u64,
        symbol: &str,
        sector: Sector,
        loadings: Loadings,
        common: Arc<Common>,
    ) -> Path {
        let mut news = Stream::new(seed, Purpose::News, symbol);
        let reaction = news.below(REACTION_MAX) as usize;
        let mut path = Path {
            common,
            sector,
            loadings,
            own: Weather::new(&common::SYMBOL, Stream::new(seed, Purpose::Weather, symbol)),
            leverage: Leverage::new(common::LEVERAGE_OWN),
            news_before: news.clone(),
            news,
            draws: [0.0; FINE_PER_STEP],
            reaction,
            step: 0,
            told: 0,
            taken: 0,
            heard: 0.0,
            normals: 0.0,
            scale: 0.0,
            variance: 1.0,
            activity: 1.0,
        };
        path.look();
        path
    }

    /// Enters the next step.
    pub(super) fn next_step(&mut self) {
        self.hear_until((self.step + 1) * FINE_PER_STEP);
        self.leverage.add(self.normals / (FINE_PER_STEP as f64).sqrt());
        self.normals = 0.0;
        self.step += 1;
        self.news_before = self.news.clone();
        if self.step < self.profile().grid.steps() {
            self.look();
        }
    }

    /// Looks at the weather of the current step.
    fn look(&mut self) {
        let common = &*self.common;
        let (profile, step) = (&common.profile, self.step);
        let (market, sector) = (&common.market, common.sector(self.sector));
        self.own.advance(profile.grid.start(step) as f64);
        self.variance =
            market.variance[step] * sector.variance[step] * self.own.variance() * self.leverage.variance();
        self.activity = market.activity[step] * sector.activity[step] * self.own.activity();
        self.draws = self.news.normals();
        self.scale =
            self.loadings.news * profile.volatility[step] * (self.variance * profile.fine_days(step)).sqrt();
    }

    /// Hears the news of this step before the end of a fine step.
    #[inline]
    fn hear_until(&mut self, fine: usize) {
        if fine <= self.told {
            return;
        }
        let start = self.step * FINE_PER_STEP;
        for normal in &self.draws[self.told - start..fine - start] {
            self.normals += normal;
            self.heard += self.scale * normal;
        }
        self.told = fine;
    }

    /// Returns the position of the news' generator as if each number were drawn when it is heard.
    pub(super) fn news_position(&self) -> u64 {
        let mut news = self.news_before.clone();
        (self.step * FINE_PER_STEP..self.told).for_each(|_| {
            news.word();
        });
        news.position()
    }

    /// Returns the return of the fair price since the last call. `at` is in microseconds after 04:00. It is in the current step, or
    /// in an earlier one if a planned event looks at the price before the next order.
    #[inline]
    pub(super) fn take_return(&mut self, at: i64) -> f64 {
        let fine = self.common.profile.grid.fine(at);
        if fine == self.taken {
            return 0.0;
        }
        self.hear_until(fine);
        let common = &*self.common;
        let (market, sector) = (&common.market.price, &common.sector(self.sector).price);
        let to = fine.saturating_sub(self.reaction);
        let from = self.taken.saturating_sub(self.reaction);
        let change = std::mem::take(&mut self.heard)
            + self.loadings.market * (market[to] - market[from])
            + self.loadings.sector * (sector[to] - sector[from]);
        self.taken = fine;
        change
    }

    /// Returns the profile of the day.
    #[inline]
    pub(super) fn profile(&self) -> &Profile {
        &self.common.profile
    }

    /// Returns what the symbols have in common.
    #[inline]
    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    /// Returns the current step.
    #[inline]
    pub(super) fn step(&self) -> usize {
        self.step
    }

    /// Returns the multiplier of the variance in the current step.
    #[inline]
    pub(super) fn variance(&self) -> f64 {
        self.variance
    }

    /// Returns the multiplier of the order rate in the current step.
    #[inline]
    pub(super) fn activity(&self) -> f64 {
        self.activity
    }

    /// Returns the raw state, for the state digest.
    pub(super) fn state(&self) -> impl Iterator<Item = u64> + use<> {
        let numbers = [self.heard, self.normals, self.variance, self.activity].map(f64::to_bits);
        let counts = [self.step as u64, self.taken as u64, self.leverage.state(), self.news_position()];
        numbers.into_iter().chain(counts).chain(self.own.state())
    }
}
