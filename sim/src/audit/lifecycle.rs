//! The life of an order: the sequence of its events, its quantities, its ids and its limit.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use tradesim_schemas::{
    AccountId, CorrelationId, OrderRef, OrderType, Price, Record, Symbol, Timestamp, Trade, TradeId,
    TradeStatus, TradeType, TraderId,
};

use super::{
    Scope,
    report::{Findings, Rule},
};

/// The maximum number of orders that are tracked at the same time, so that input cannot exhaust memory.
const LIVE_ORDERS_MAX: usize = 1 << 20;
/// The maximum number of stored trade ids that are compared with each other.
const STORED_IDS_MAX: usize = 1 << 20;
/// The number of traders. Source: contract, section 2.
const TRADERS: u32 = 200;
/// The number of traders that share an account. Source: contract, section 2.
const TRADERS_OF_ACCOUNT: u32 = 5;
/// The maximum number of executions of one order. Source: contract, section 2.
const PARTS_MAX: u8 = 3;

/// The key that the events of one order share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    /// The symbol's index (16 bits) and the order number within the symbol (48 bits).
    Number(u64),
    Correlation(CorrelationId),
}

/// An order that has not ended yet.
#[derive(Clone, Copy, Debug)]
struct LiveOrder {
    symbol: Symbol,
    side: TradeType,
    order_type: OrderType,
    trader: TraderId,
    account: AccountId,
    correlation: Option<CorrelationId>,
    price: Price,
    quantity: u32,
    executed: u64,
    parts: u8,
    /// The price of the last execution.
    executed_at: Price,
    begun: Timestamp,
    last_event: u8,
}

/// The order numbers of a symbol, in streams that have them.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    first: Option<u64>,
    next: u64,
}

/// Tracks the orders of one origin.
#[derive(Debug)]
pub(super) struct Lifecycle {
    parts_at_once: bool,
    cut_start: bool,
    cut_end: bool,
    live: BTreeMap<Key, LiveOrder>,
    numbers: Vec<Numbers>,
    stored_ids: BTreeSet<TradeId>,
    stored_ids_over: bool,
    live_over: bool,
    begun_before: u64,
    untied: u64,
}

impl Lifecycle {
    pub(super) fn new(scope: &Scope, parts_at_once: bool) -> Lifecycle {
        Lifecycle {
            parts_at_once,
            cut_start: scope.from.is_some(),
            cut_end: scope.is_cut_at_end(),
            live: BTreeMap::new(),
            numbers: Vec::new(),
            stored_ids: BTreeSet::new(),
            stored_ids_over: false,
            live_over: false,
            begun_before: 0,
            untied: 0,
        }
    }

    pub(super) fn trade(&mut self, record: &Record, trade: &Trade, symbol: u16, findings: &mut Findings) {
        findings.checked(Rule::Ids);
        let (trader, account) = (trade.trader_id.number(), u32::from(trade.account_id.number()));
        if trader >= TRADERS || account != trader / TRADERS_OF_ACCOUNT {
            findings.violated(Rule::Ids, || {
                format!(
                    "{} has account {}: the market has 200 traders, five per account",
                    trade.trader_id, trade.account_id
                )
            });
        }
        let key = match (record.order, trade.correlation_id) {
            (Some(at), _) => Key::Number(u64::from(symbol) << 48 | at.order()),
            (None, correlation) => {
                self.stored_id(trade.trade_id, findings);
                match correlation {
                    Some(correlation) => Key::Correlation(correlation),
                    None => {
                        self.untied += 1;
                        return;
                    }
                }
            }
        };
        findings.checked(Rule::Lifecycle);
        if trade.price == Price::default() {
            findings.violated(Rule::Prices, || {
                format!("the {} of {} has price zero", trade.status, trade.symbol)
            });
        }
        if trade.status == TradeStatus::New {
            self.begin(key, record.order, trade, symbol, findings);
        } else {
            self.go_on(key, record.order, trade, symbol, findings);
        }
    }

    /// Reports the orders that did not end, and what could not be checked.
    pub(super) fn finish(self, findings: &mut Findings) {
        if self.cut_end {
            if !self.live.is_empty() {
                let count = self.live.len();
                findings.skipped(Rule::Lifecycle, format!("{count} orders that end after the cut"));
            }
        } else {
            for order in self.live.values() {
                findings.violated(Rule::Lifecycle, || {
                    format!("{} has not ended", describe(order.symbol, order.correlation))
                });
            }
        }
        if self.begun_before > 0 {
            let count = self.begun_before;
            findings.skipped(Rule::Lifecycle, format!("{count} events of orders that began before the cut"));
        }
        if self.untied > 0 {
            let count = self.untied;
            findings.skipped(Rule::Lifecycle, format!("{count} trades without a correlation id"));
        }
        if self.live_over {
            findings.skipped(
                Rule::Lifecycle,
                format!("orders beyond the first {LIVE_ORDERS_MAX} live at the same time"),
            );
        }
        if self.stored_ids_over {
            findings.skipped(Rule::Ids, format!("uniqueness of trade ids beyond the first {STORED_IDS_MAX}"));
        }
    }

    /// Checks a stored id for uniqueness. Ids that derive from order references are unique if the references are.
    fn stored_id(&mut self, id: TradeId, findings: &mut Findings) {
        if self.stored_ids.len() >= STORED_IDS_MAX {
            self.stored_ids_over = true;
        } else if !self.stored_ids.insert(id) {
            findings.violated(Rule::Ids, || format!("trade id {id} occurs twice"));
        }
    }

    fn begin(&mut self, key: Key, at: Option<OrderRef>, trade: &Trade, symbol: u16, findings: &mut Findings) {
        if let Some(at) = at {
            self.count_order(at, trade, symbol, findings);
        }
        let order = LiveOrder {
            symbol: trade.symbol,
            side: trade.trade_type,
            order_type: trade.order_type,
            trader: trade.trader_id,
            account: trade.account_id,
            correlation: trade.correlation_id,
            price: trade.price,
            quantity: trade.quantity.get(),
            executed: 0,
            parts: 0,
            executed_at: Price::default(),
            begun: trade.timestamp,
            last_event: 0,
        };
        let full = self.live.len() >= LIVE_ORDERS_MAX;
        match self.live.entry(key) {
            Entry::Occupied(_) => findings.violated(Rule::Lifecycle, || {
                format!("{} begins a second time", describe(trade.symbol, trade.correlation_id))
            }),
            Entry::Vacant(_) if full => self.live_over = true,
            Entry::Vacant(entry) => {
                entry.insert(order);
            }
        }
    }

    /// Checks that the order numbers of NEW events ascend by one. This finds a reused number although ended orders are not
    /// remembered.
    fn count_order(&mut self, at: OrderRef, trade: &Trade, symbol: u16, findings: &mut Findings) {
        let cut_start = self.cut_start;
        let numbers = self.numbers_of(symbol);
        let expected = match numbers.first {
            Some(_) => numbers.next,
            None if cut_start => at.order(),
            None => 0,
        };
        numbers.first.get_or_insert(at.order());
        numbers.next = at.order() + 1;
        if at.order() != expected {
            findings.violated(Rule::Ids, || {
                format!("{} begins order {}, expected order {expected}", trade.symbol, at.order())
            });
        }
        if at.event() != 0 {
            findings.violated(Rule::Ids, || format!("NEW is event {} of {}", at.event(), trade.symbol));
        }
    }

    fn go_on(&mut self, key: Key, at: Option<OrderRef>, trade: &Trade, symbol: u16, findings: &mut Findings) {
        let Entry::Occupied(mut entry) = self.live.entry(key) else {
            let first = self.numbers_of(symbol).first;
            let unseen = match at {
                Some(at) => first.is_none_or(|first| at.order() < first),
                None => true,
            };
            if self.live_over {
                // it may be one of the orders that are not tracked
            } else if self.cut_start && unseen {
                self.begun_before += 1;
            } else {
                findings.violated(Rule::Lifecycle, || {
                    let order = describe(trade.symbol, trade.correlation_id);
                    format!("{} of {order}, which has not begun or has ended", trade.status)
                });
            }
            return;
        };
        let order = entry.get_mut();
        check_identity(order, at, trade, findings);
        check_step(order, trade, findings);
        if self.parts_at_once && trade.status.is_execution() {
            check_parts(order, trade, findings);
        }
        if trade.status.is_terminal() {
            entry.remove();
        }
    }

    fn numbers_of(&mut self, symbol: u16) -> &mut Numbers {
        let index = usize::from(symbol);
        if index >= self.numbers.len() {
            self.numbers.resize(index + 1, Numbers::default());
        }
        &mut self.numbers[index]
    }
}

/// Checks that all events of an order share its fixed fields, and that their event numbers ascend by one.
fn check_identity(order: &mut LiveOrder, at: Option<OrderRef>, trade: &Trade, findings: &mut Findings) {
    let same = order.symbol == trade.symbol
        && order.side == trade.trade_type
        && order.order_type == trade.order_type
        && order.trader == trade.trader_id
        && order.account == trade.account_id
        && order.correlation == trade.correlation_id;
    if !same {
        findings.violated(Rule::Lifecycle, || {
            format!(
                "{} of {} differs from its NEW in symbol, side, type, trader, account or correlation id: \
                 {} {} {} {} {} instead of {} {} {} {} {}",
                trade.status,
                describe(trade.symbol, trade.correlation_id),
                trade.symbol,
                trade.trade_type,
                trade.order_type,
                trade.trader_id,
                trade.account_id,
                order.symbol,
                order.side,
                order.order_type,
                order.trader,
                order.account,
            )
        });
    }
    if let Some(at) = at {
        let expected = u16::from(order.last_event) + 1;
        if u16::from(at.event()) != expected {
            findings.violated(Rule::Ids, || {
                format!(
                    "event {} of order {} of {}, expected event {expected}",
                    at.event(),
                    at.order(),
                    trade.symbol
                )
            });
        }
        order.last_event = at.event();
    }
}

/// Checks that NEW is followed by FILLED, by one or two PARTIALLY_FILLED and then FILLED, by CANCELLED or by REJECTED.
fn check_step(order: &mut LiveOrder, trade: &Trade, findings: &mut Findings) {
    let quantity = trade.quantity.get();
    let market = order.order_type == OrderType::Market;
    let wrong = |text: &str| {
        let order = describe(trade.symbol, trade.correlation_id);
        format!("{} of {order}: {text}", trade.status)
    };
    if trade.status.is_execution() {
        order.executed += u64::from(quantity);
        order.parts = order.parts.saturating_add(1);
        check_limit(order, trade, findings);
    }
    match trade.status {
        TradeStatus::New => unreachable!("NEW begins an order"),
        TradeStatus::PartiallyFilled => {
            if market {
                findings.violated(Rule::Lifecycle, || wrong("a MARKET order must be filled in one piece"));
            }
            if order.parts >= PARTS_MAX {
                findings.violated(Rule::Lifecycle, || wrong("the third execution must be FILLED"));
            }
            if order.executed >= u64::from(order.quantity) {
                findings.violated(Rule::Lifecycle, || {
                    wrong(&format!(
                        "{} of {} shares are executed, so none are left",
                        order.executed, order.quantity
                    ))
                });
            }
            if order.quantity < 3 {
                findings.violated(Rule::Lifecycle, || {
                    wrong(&format!("an order of {} shares must not be split", order.quantity))
                });
            }
        }
        TradeStatus::Filled => {
            if market && trade.timestamp != order.begun {
                findings.violated(Rule::Lifecycle, || {
                    wrong("a MARKET order must be filled at the microsecond of its NEW")
                });
            }
            if order.executed != u64::from(order.quantity) {
                findings.violated(Rule::Lifecycle, || {
                    wrong(&format!("its executions sum to {}, not {}", order.executed, order.quantity))
                });
            }
        }
        TradeStatus::Cancelled | TradeStatus::Rejected => {
            if market && trade.status == TradeStatus::Cancelled {
                findings.violated(Rule::Lifecycle, || wrong("a MARKET order must be filled or rejected"));
            }
            if order.parts > 0 {
                findings.violated(Rule::Lifecycle, || wrong("the order was partially executed"));
            }
            if quantity != order.quantity {
                findings.violated(Rule::Lifecycle, || {
                    wrong(&format!("its quantity is {quantity}, not that of the order, {}", order.quantity))
                });
            }
        }
    }
}

/// Checks that the parts of an order are executed at the microsecond of its NEW and at one price. An order that rests is filled
/// whole.
fn check_parts(order: &mut LiveOrder, trade: &Trade, findings: &mut Findings) {
    let order_name = || describe(trade.symbol, trade.correlation_id);
    if order.parts > 1 && trade.price != order.executed_at {
        findings.violated(Rule::Prices, || {
            format!(
                "the parts of {} execute at {} and at {}, expected one price",
                order_name(),
                order.executed_at,
                trade.price
            )
        });
    }
    let is_part = order.parts > 1 || trade.status == TradeStatus::PartiallyFilled;
    if is_part && trade.timestamp != order.begun {
        findings.violated(Rule::Lifecycle, || {
            format!("{} of {}: an order that rests must be filled whole", trade.status, order_name())
        });
    }
    order.executed_at = trade.price;
}

/// Checks that no execution is worse than the order's limit. The price of a stop order counts as a limit. A MARKET order
/// has none.
fn check_limit(order: &LiveOrder, trade: &Trade, findings: &mut Findings) {
    if order.order_type == OrderType::Market {
        return;
    }
    let worse = match order.side {
        TradeType::Buy => trade.price > order.price,
        TradeType::Sell => trade.price < order.price,
    };
    if worse {
        findings.violated(Rule::Prices, || {
            format!(
                "{} {} of {} executes at {}, worse than its price of {}",
                order.order_type,
                order.side,
                describe(trade.symbol, trade.correlation_id),
                trade.price,
                order.price,
            )
        });
    }
}

fn describe(symbol: Symbol, correlation: Option<CorrelationId>) -> String {
    match correlation {
        Some(correlation) => format!("order {correlation} of {symbol}"),
        None => format!("an order of {symbol}"),
    }
}
