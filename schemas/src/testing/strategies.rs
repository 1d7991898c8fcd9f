//! Proptest strategies for events.

use proptest::prelude::*;

use crate::{
    AccountId, CorrelationId, Envelope, Event, Exchange, Interval, MarketData, OrderBook, OrderType, Price,
    Quantity, Symbol, Timestamp, Trade, TradeId, TradeStatus, TradeType, TraderId,
};

/// Any price, zero included. The shortest text of every second one has 2 or 3 decimals.
pub fn any_price() -> impl Strategy<Value = Price> {
    let units = prop_oneof![
        0i64..=Price::MAX.units(),
        (0i64..=99_999_999).prop_map(|cents| cents * 100),
        (0i64..=999_999).prop_map(|mills| mills * 10),
        0i64..20_000,
        Just(Price::MAX.units()),
    ];
    units.prop_map(|units| Price::from_units(units).expect("within the range"))
}

/// Any [`Symbol`]: mostly tickers, some with characters that JSON escapes or that take several bytes.
pub fn any_symbol() -> impl Strategy<Value = Symbol> {
    let text = prop_oneof![
        6 => "[A-Z]{1,5}",
        2 => "[A-Z]{1,4}[./][A-Z]",
        1 => "[\\x20-\\x7e]{1,10}",
        1 => "\\PC{1,3}",
    ];
    text.prop_filter_map("a symbol of at most 15 bytes", |text| Symbol::new(&text))
}

/// Any instant: mostly in the current decades, some in the whole range.
pub fn any_timestamp() -> impl Strategy<Value = Timestamp> {
    let micros = prop_oneof![
        4 => 1_700_000_000_000_000i64..1_900_000_000_000_000,
        1 => (1_700_000_000i64..1_900_000_000).prop_map(|second| second * 1_000_000),
        1 => Timestamp::MIN.micros()..=Timestamp::MAX.micros(),
    ];
    micros.prop_map(|micros| Timestamp::from_micros(micros).expect("within the range"))
}

fn any_quantity() -> impl Strategy<Value = Quantity> {
    let shares = prop_oneof![1u32..1_000, 1u32..=Quantity::MAX.get(), Just(Quantity::MAX.get())];
    shares.prop_map(|shares| Quantity::new(shares).expect("within the range"))
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    prop::sample::select(Exchange::ALL)
}

fn any_trade_id() -> impl Strategy<Value = TradeId> {
    any::<[u8; 16]>().prop_map(|mut bytes| {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        TradeId::from_bytes(bytes).expect("version and variant are set")
    })
}

/// Any trade.
pub fn any_trade() -> impl Strategy<Value = Trade> {
    let what = (
        any_trade_id(),
        any_symbol(),
        prop::sample::select(TradeType::ALL),
        prop::sample::select(OrderType::ALL),
        any_price(),
        any_quantity(),
    );
    let who = (
        any_timestamp(),
        any_exchange(),
        0..=TraderId::NUMBER_MAX,
        0..=AccountId::NUMBER_MAX,
        prop::sample::select(TradeStatus::ALL),
        any::<Option<u64>>(),
    );
    (what, who).prop_map(|(what, who)| Trade {
        trade_id: what.0,
        symbol: what.1,
        trade_type: what.2,
        order_type: what.3,
        price: what.4,
        quantity: what.5,
        timestamp: who.0,
        exchange: who.1,
        trader_id: TraderId::new(who.2).expect("within the range"),
        account_id: AccountId::new(who.3).expect("within the range"),
        status: who.4,
        correlation_id: who.5.map(CorrelationId),
    })
}

/// Any order book snapshot, crossed ones included.
pub fn any_order_book() -> impl Strategy<Value = OrderBook> {
    let prices = (any_price(), any_price(), any_price(), any_price());
    (any_symbol(), prices, any_quantity(), any_quantity(), any_timestamp(), any_exchange()).prop_map(
        |(symbol, prices, bid_size, ask_size, timestamp, exchange)| OrderBook {
            symbol,
            bid_price: prices.0,
            ask_price: prices.1,
            bid_size,
            ask_size,
            spread: prices.2,
            mid_price: prices.3,
            timestamp,
            exchange,
        },
    )
}

/// Any candle, including those whose low is above the high.
pub fn any_market_data() -> impl Strategy<Value = MarketData> {
    let prices = [(); 5].map(|()| any_price());
    let volume = prop_oneof![1u64..100_000, 1..=i64::MAX as u64, Just(i64::MAX as u64)];
    let rest = (any_timestamp(), prop::sample::select(Interval::ALL), any_exchange());
    (any_symbol(), prices, volume, rest).prop_map(|(symbol, [open, high, low, close, vwap], volume, rest)| {
        MarketData {
            symbol,
            open,
            high,
            low,
            close,
            volume,
            vwap,
            timestamp: rest.0,
            interval: rest.1,
            exchange: rest.2,
        }
    })
}

/// Any envelope with a valid structure, whether or not it follows the market rules.
pub fn any_envelope() -> impl Strategy<Value = Envelope> {
    let event = prop_oneof![
        any_trade().prop_map(Event::Trade),
        any_order_book().prop_map(Event::OrderBook),
        any_market_data().prop_map(Event::MarketData),
    ];
    (any_timestamp(), event).prop_map(|(timestamp, event)| Envelope { timestamp, event })
}

/// An envelope that also follows the market rules: prices above zero, no crossed book, ordered candles.
pub fn market_envelope() -> impl Strategy<Value = Envelope> {
    any_envelope().prop_filter_map("prices that can be put in order", |mut envelope| {
        match &mut envelope.event {
            Event::Trade(trade) => (trade.price.units() > 0).then_some(envelope),
            Event::OrderBook(book) => {
                let (bid, ask) = (book.bid_price.min(book.ask_price), book.bid_price.max(book.ask_price));
                if bid.units() == 0 || bid == ask {
                    return None;
                }
                (book.bid_price, book.ask_price) = (bid, ask);
                book.spread = ask.checked_sub(bid)?;
                book.mid_price = Price::mid(bid, ask);
                Some(envelope)
            }
            Event::MarketData(candle) => {
                let mut prices = [candle.open, candle.high, candle.low, candle.close, candle.vwap];
                prices.sort_unstable();
                if prices[0].units() == 0 {
                    return None;
                }
                [candle.low, candle.close, candle.vwap, candle.open, candle.high] = prices;
                Some(envelope)
            }
        }
    })
}
