//! The market models.

use std::fmt;

/// A market model. Its name with its version is in the metadata of a recording and in its identity, so ids derive from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// `gbm/1`: geometric Brownian motion, Poisson arrivals, independent symbols.
    #[default]
    Gbm,
    /// `stylized/1`: the statistical properties of real markets.
    Stylized,
}

impl Model {
    /// All models.
    pub const ALL: &[Model] = &[Model::Gbm, Model::Stylized];

    /// Returns the model's name without its version, as flags and settings contain it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Model::Gbm => "gbm",
            Model::Stylized => "stylized",
        }
    }

    /// Returns the model's name with its version, as metadata and identities contain it.
    pub const fn name(self) -> &'static str {
        match self {
            Model::Gbm => "gbm/1",
            Model::Stylized => "stylized/1",
        }
    }

    /// Returns the model with this name and version.
    pub fn of_name(name: &str) -> Option<Model> {
        Model::ALL.iter().copied().find(|model| model.name() == name)
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
