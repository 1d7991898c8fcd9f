//! Closing crosses: their share of a day's volume.

use tradesim_schemas::{Event, OrderType, TradeStatus};

use super::{Check, Incomplete, Place, Seen, State, number, phase};
use crate::{
    Label,
    audit::report::{Findings, Rule},
};

/// The largest difference of a share from the stated one.
const SLACK: f64 = 0.005;

/// The closing crosses of all symbols.
#[derive(Debug)]
struct Crosses {
    id: String,
    close: i64,
    end: i64,
    stated: f64,
    /// The shares of each symbol: executed until the close, of the largest execution after it, and of those in between.
    volumes: Vec<(u64, u64, u64)>,
}

pub(super) fn check(label: &Label, place: &Place<'_>) -> Option<Box<dyn Check + Send>> {
    if label.kind != "rebalance" {
        return None;
    }
    let made = || {
        Some(Crosses {
            id: label.id.clone(),
            close: phase(label, "cross").filter(|&at| at == place.day.core_close().micros())?,
            end: phase(label, "end")?,
            stated: number(label, "share")?,
            volumes: vec![(0, 0, 0); place.symbols.len()],
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |crosses| Box::new(crosses) as Box<dyn Check + Send>))
}

impl Check for Crosses {
    fn record(&mut self, seen: &Seen<'_>, _: &mut Findings) {
        let Event::Trade(trade) = seen.event else { return };
        let volume = self.volumes.get_mut(usize::from(seen.symbol));
        let Some((before, cross, between)) = volume.filter(|_| trade.status.is_execution()) else { return };
        let shares = u64::from(trade.quantity.get());
        if seen.at < self.close {
            *before += shares;
        } else if seen.at < self.end {
            let may_be_cross = (trade.order_type, trade.status) == (OrderType::Limit, TradeStatus::Filled);
            if may_be_cross && shares > *cross {
                *between += *cross;
                *cross = shares;
            } else if *cross == 0 {
                *between += shares;
            }
        }
    }

    fn finish(&mut self, state: &State, findings: &mut Findings) {
        for (info, &(before, cross, between)) in state.symbols.iter().zip(&self.volumes) {
            // a symbol with hardly any volume has no share to speak of
            if before < 1_000 {
                continue;
            }
            findings.checked(Rule::Planned);
            let share = cross as f64 / (before + between + cross) as f64;
            if (share - self.stated).abs() > SLACK {
                let (id, stated) = (&self.id, self.stated);
                findings.violated(Rule::Planned, || {
                    format!(
                        "the closing cross of {} is {share:.4} of its volume in {id}, stated {stated}",
                        info.symbol
                    )
                });
            }
        }
    }
}
