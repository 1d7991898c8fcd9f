//! The rules that differ between market models.

use super::{
    Scope,
    report::{Findings, Rule},
};

/// When the book of a symbol is stated, apart from the snapshot before its first trade event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cadence {
    /// After every fifth trade event.
    EveryFifth,
    /// When it has changed.
    OnChange,
    /// The model is not known.
    Unknown,
}

/// The rules of one model.
#[derive(Clone, Copy, Debug)]
pub(super) struct ModelRules {
    pub(super) cadence: Cadence,
    /// An order is executed in several parts only at the microsecond of its NEW, and at one price.
    pub(super) parts_at_once: bool,
}

impl ModelRules {
    /// Returns the rules of a model, and reports those that cannot be checked because the model is not known.
    pub(super) fn of(model: Option<&str>, scope: &Scope, findings: &mut Findings) -> ModelRules {
        match model {
            Some("gbm/1") => ModelRules { cadence: Cadence::EveryFifth, parts_at_once: false },
            Some("stylized/1") => ModelRules { cadence: Cadence::OnChange, parts_at_once: true },
            _ => {
                if scope.trades && scope.order_books {
                    let reason = match model {
                        Some(name) => format!("the cadence of the model {name} is not known"),
                        None => "the model is not known".to_owned(),
                    };
                    findings.skipped(Rule::Cadence, reason);
                }
                ModelRules { cadence: Cadence::Unknown, parts_at_once: false }
            }
        }
    }
}
