use tradesim_replay::Kept;
use tradesim_schemas::{
    AccountId, ContentDigest, Envelope, Event, Exchange, OrderType, Price, Quantity, ReadOptions, Symbol,
    Timestamp, Trade, TradeId, TradeStatus, TradeType, TraderId, read,
};

use super::*;
use crate::FaultPlan;

/// Trades; every third one did not execute.
struct Trades(SourceInfo);

const MESSAGES: u64 = 12;

fn trade(seq: u64) -> Envelope {
    let timestamp = Timestamp::from_micros(1_771_425_000_000_000 + seq as i64).unwrap();
    let trade = Trade {
        trade_id: TradeId::parse(b"6ba7b810-9dad-41d1-80b4-00c04fd430c8").unwrap(),
        symbol: Symbol::new("AAPL").unwrap(),
        trade_type: TradeType::Buy,
        order_type: OrderType::Limit,
        price: Price::from_units(1_000_000).unwrap(),
        quantity: Quantity::new(1 + seq as u32).unwrap(),
        timestamp,
        exchange: Exchange::Nasdaq,
        trader_id: TraderId::parse(b"TRD-00042").unwrap(),
        account_id: AccountId::parse(b"ACC-0008").unwrap(),
        status: if seq.is_multiple_of(3) { TradeStatus::New } else { TradeStatus::Filled },
        correlation_id: None,
    };
    Envelope { timestamp, event: Event::Trade(trade) }
}

impl Source for Trades {
    fn info(&self) -> &SourceInfo {
        &self.0
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        Ok(Box::new(Reader(seq.get())))
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        Err(SourceError::InvalidPosition { position: time, reason: "by number only".to_owned() })
    }
}

/// Has blocks of five messages.
struct Reader(u64);

impl Feed for Reader {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        for seq in self.0..MESSAGES.min(self.0 + 5) {
            let envelope = trade(seq);
            let kind = Some((envelope.event.symbol(), envelope.event.event_type()));
            let meta = Meta { at: envelope.timestamp, kind, opcode: Opcode::Text };
            block.push(meta, |out| out.extend_from_slice(envelope.to_json().as_bytes()));
            block.state_event(&envelope.event, envelope.timestamp);
            self.0 += 1;
        }
        Ok(if self.0 < MESSAGES { Filled::More } else { Filled::End })
    }
}

fn block(plan: &str, keeps_events: bool) -> Block {
    let planted = plan.parse::<FaultPlan>().unwrap().resolve(MESSAGES).unwrap();
    let digest = Some(ContentDigest::of((0..MESSAGES).map(|seq| trade(seq).to_json())));
    let identity = "trades".to_owned();
    let symbols = vec![Symbol::new("AAPL").unwrap()];
    let info = SourceInfo { identity, messages: Some(MESSAGES), digest, symbols };
    let source = FaultySource::new(Arc::new(Trades(info)), Arc::new(planted));
    let mut builder = BlockBuilder::new(StreamSeq(0));
    builder.keep_events(keeps_events);
    let mut feed = source.open(StreamSeq(0)).unwrap();
    while feed.fill(&mut builder).unwrap() == Filled::More {}
    builder.take()
}

#[test]
fn events_are_kept_but_for_messages_that_a_fault_changed_or_swapped() {
    let plan = "[[fault]]\nkind = 'price'\nat = 2\n[[fault]]\nkind = 'schema-version'\nat = 3\n[[fault]]\nkind = 'duplicate'\nat = 4\n\
                [[fault]]\nkind = 'swap'\nat = 7\n[[fault]]\nkind = 'drop'\nat = 10\n";
    let kept = block(plan, true);
    assert_eq!(kept.messages() as u64, MESSAGES);
    for message in 0..kept.messages() {
        let seq = message as u64;
        match kept.kept(message) {
            Kept::Nothing => assert!([2, 3, 7, 8].contains(&seq), "{seq}"),
            Kept::NoCounterpart => assert!([0, 6, 9].contains(&seq), "{seq}"),
            Kept::Event { sent, recorded_at } => {
                assert!([1, 4, 5, 10, 11].contains(&seq), "{seq}");
                let text = read(kept.text(message), ReadOptions::default()).unwrap();
                assert_eq!(*sent, text.to_envelope().unwrap().event);
                assert_eq!(recorded_at, trade(seq).timestamp);
            }
        }
    }
    let without = block(plan, false);
    assert!((0..without.messages()).all(|message| matches!(without.kept(message), Kept::Nothing)));
}
