use std::collections::BTreeMap;

use proptest::prelude::*;
use tradesim_schemas::{ContentDigest, EventType, ReadOptions, read};

use super::{comparison::ShardComparison, *};
use crate::audit::{
    comparison::tests::topics::{MESSAGE_RUN, Record, Topics, messages, schema_id},
    record::Stream,
};

/// The runs of a dataset, and the topics after all of them were delivered.
struct Published {
    runs: Vec<(ShardRun, Vec<Vec<u8>>)>,
    topics: Topics,
}

/// Returns the symbol of a message.
fn symbol(text: &[u8]) -> Symbol {
    Symbol::new(read(text, ReadOptions::default()).unwrap().symbol()).unwrap()
}

impl Published {
    /// Two parts of one day, delivered at the same time: every fifth message is in the second one. Then one further day.
    fn new() -> Published {
        let all = messages(3_000);
        let is_second = |text: &Vec<u8>| symbol(text).as_str() < "F";
        let (second, first) = all.iter().cloned().partition::<Vec<_>, _>(|text| is_second(text));
        let named = |run: &str, messages: Vec<Vec<u8>>| {
            (ShardRun { run: run.to_owned(), messages: messages.len() as u64 }, messages)
        };
        let runs = vec![named("n.0", first), named("n.1", second), named("n.2", messages(1_500))];
        let mut topics = Topics::bridged(&all);
        let mut seqs = [0, 0];
        let mut of_message = BTreeMap::new();
        for (seq, text) in all.iter().enumerate() {
            let run = usize::from(is_second(text));
            of_message.insert(seq.to_string(), (run, seqs[run]));
            seqs[run] += 1;
        }
        for record in topics.records.iter_mut().flatten() {
            let (run, seq) = of_message[record.seq.as_ref().unwrap()];
            (record.run, record.seq) = (Some(format!("n.{run}")), Some(seq.to_string()));
        }
        let day = Topics::bridged(&runs[2].1);
        for (stream, records) in day.records.into_iter().enumerate() {
            topics.records[stream]
                .extend(records.into_iter().map(|record| Record { run: Some("n.2".to_owned()), ..record }));
        }
        Published { runs, topics }
    }

    fn audit(&self, index: u32, of: u32) -> ShardReport {
        let keys = ShardKeys { index, of, partitions: 12 };
        let is_mine =
            |stream: &Stream| stream.kind == TopicKind::DeadLetters || keys.has_partition(stream.partition);
        let (streams, records): (Vec<_>, Vec<_>) = self
            .topics
            .streams
            .iter()
            .cloned()
            .zip(&self.topics.records)
            .filter(|(stream, _)| is_mine(stream))
            .unzip();
        let runs: Vec<ShardRun> = self.runs.iter().map(|(run, _)| run.clone()).collect();
        let mut open = |run: usize, keys: ShardKeys| {
            let messages = self.runs[run].1.iter().cloned().enumerate();
            let mine =
                messages.filter(|(_, text)| keys.has(symbol(text).as_str().as_bytes())).collect::<Vec<_>>();
            Ok(Box::new(InMemory(mine.into_iter())) as Box<dyn RunMessages>)
        };
        let mut comparison = ShardComparison::new(streams.clone(), &runs, keys);
        for kind in EventType::ALL {
            comparison.learn_schema(schema_id(*kind), Some(kind.avro_schema()));
        }
        for (stream, records) in records.iter().enumerate() {
            if streams[stream].kind == TopicKind::DeadLetters {
                for (offset, record) in records.iter().enumerate() {
                    comparison.letter(stream, &record.borrowed(offset as i64));
                }
                comparison.ended(stream);
            }
        }
        let mut places = vec![0; streams.len()];
        while let Some(stream) = comparison.next_stream() {
            match records[stream].get(places[stream]) {
                Some(record) => {
                    let offset = places[stream] as i64;
                    comparison.record(stream, &record.borrowed(offset), &mut open).unwrap();
                    places[stream] += 1;
                }
                None => comparison.ended(stream),
            }
        }
        comparison.finish(&mut open).unwrap()
    }

    /// Returns the stream and the index of the record of a run's message.
    fn find(&self, run: &str, seq: usize) -> (usize, usize) {
        let is_it =
            |record: &Record| record.run.as_deref() == Some(run) && record.seq == Some(seq.to_string());
        let place =
            |(stream, records): (usize, &Vec<Record>)| Some((stream, records.iter().position(is_it)?));
        self.topics.records.iter().enumerate().find_map(place).unwrap()
    }
}

struct InMemory(std::vec::IntoIter<(usize, Vec<u8>)>);

impl RunMessages for InMemory {
    fn next_message(&mut self) -> Result<Option<ExpectedMessage>, Cause> {
        let Some((seq, message)) = self.0.next() else { return Ok(None) };
        let envelope = read(&message, ReadOptions::default()).unwrap().to_envelope().unwrap();
        Ok(Some(ExpectedMessage { seq: seq as u64, envelope }))
    }
}

/// Returns the counts of lost, duplicated, reordered, altered and foreign.
fn counts(report: &ShardReport) -> [u64; 5] {
    Fault::ALL.map(|fault| report.finding(fault).count)
}

#[test]
fn workers_read_each_record_once_and_unite_to_the_digests_of_all_symbols() {
    let published = Published::new();
    let records: usize = published.topics.records.iter().map(Vec::len).sum();
    for of in [1, 2, 5, 12, 15] {
        let reports: Vec<ShardReport> = (0..of).map(|index| published.audit(index, of)).collect();
        assert!(reports.iter().all(ShardReport::is_clean), "{reports:?}");
        assert_eq!(reports.iter().map(|report| report.records).sum::<u64>(), records as u64);
        let mut found = BTreeMap::new();
        for key in reports.iter().flat_map(|report| &report.keys) {
            let entry = (key.messages, key.bytes, key.digest.unwrap());
            assert_eq!(found.insert((key.run, key.symbol), entry), None, "each symbol once");
        }
        let mut expected: BTreeMap<_, Vec<&Vec<u8>>> = BTreeMap::new();
        for (run, (_, messages)) in published.runs.iter().enumerate() {
            for text in messages {
                expected.entry((run, symbol(text))).or_default().push(text);
            }
        }
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(key, texts)| {
                let bytes: usize = texts.iter().map(|text| text.len() + 4).sum();
                (key, (texts.len() as u64, bytes as u64, ContentDigest::of(texts)))
            })
            .collect();
        assert_eq!(found, expected);
    }
}

/// Audits topics with a fault in one run. Returns the report, and the runs and symbols without a digest.
fn with_fault(plant: impl FnOnce(&mut Published)) -> (ShardReport, Vec<(usize, String)>) {
    let mut published = Published::new();
    plant(&mut published);
    let report = published.audit(0, 1);
    let faulty = report.keys.iter().filter(|key| key.digest.is_none());
    let faulty = faulty.map(|key| (key.run, key.symbol.to_string())).collect();
    (report, faulty)
}

#[test]
fn each_fault_is_counted_and_costs_its_symbol_the_digest() {
    let victim = {
        let published = Published::new();
        let (stream, at) = published.find("n.0", 700);
        let key = published.topics.records[stream][at].key.clone().unwrap();
        vec![(0, String::from_utf8(key).unwrap())]
    };
    let (report, faulty) = with_fault(|published| {
        let (stream, at) = published.find("n.0", 700);
        published.topics.records[stream].remove(at);
    });
    assert_eq!((counts(&report), &faulty), ([1, 0, 0, 0, 0], &victim));
    let example = report.finding(Fault::Lost).examples[0].to_string();
    assert!(example.starts_with("seq 700: raw.") && example.contains("run n.0"), "{example}");

    let (report, faulty) = with_fault(|published| {
        let (stream, at) = published.find("n.0", 700);
        let again = published.topics.records[stream][at].clone();
        published.topics.records[stream].push(again);
    });
    assert_eq!((counts(&report), &faulty), ([0, 1, 0, 0, 0], &victim));

    let (report, faulty) = with_fault(|published| {
        let (stream, at) = published.find("n.0", 700);
        let record = published.topics.records[stream].remove(at);
        published.topics.records[stream].push(record);
    });
    let late = counts(&report);
    assert!(late == [0, 0, 1, 0, 0] || late == [0; 5], "{report:?}");
    assert_eq!(faulty.is_empty(), late == [0; 5]);

    let (report, faulty) = with_fault(|published| {
        let (stream, at) = published.find("n.0", 700);
        let emitted = published.topics.records[stream][at].emitted.as_mut().unwrap();
        *emitted = (emitted.parse::<i64>().unwrap() + 1).to_string();
    });
    assert_eq!((counts(&report), &faulty), ([0, 0, 0, 1, 0], &victim));

    let (report, faulty) = with_fault(|published| {
        let (stream, at) = published.find("n.0", 700);
        published.topics.records[stream][at].seq = Some("999999".to_owned());
    });
    assert_eq!((counts(&report), &faulty), ([1, 0, 0, 0, 1], &victim));

    // the record says that it is of the other part
    let (report, faulty) = with_fault(|published| {
        let (stream, at) = published.find("n.0", 700);
        published.topics.records[stream][at].run = Some("n.1".to_owned());
    });
    assert_eq!((counts(&report), &faulty), ([1, 0, 0, 1, 0], &victim));

    // another run, which is left alone
    let (report, faulty) = with_fault(|published| {
        let (stream, at) = published.find("n.0", 700);
        let record = published.topics.records[stream][at].clone();
        let other = Record { run: Some(MESSAGE_RUN.to_owned()), ..record.clone() };
        published.topics.records[stream].insert(at, other);
        published.topics.records[stream].push(Record { run: None, ..record });
    });
    assert_eq!((counts(&report), faulty.len(), report.other_runs), ([0, 0, 0, 0, 1], 0, 1));
}

#[test]
fn a_run_that_was_not_delivered_is_lost() {
    let (report, faulty) = with_fault(|published| {
        for records in &mut published.topics.records {
            records.retain(|record| record.run.as_deref() != Some("n.2"));
        }
    });
    assert_eq!(counts(&report), [1_500, 0, 0, 0, 0]);
    assert!(faulty.iter().all(|(run, _)| *run == 2), "{faulty:?}");
    assert_eq!(report.keys.iter().filter(|key| key.run == 2).count(), faulty.len());
    assert_eq!(report.finding(Fault::Lost).examples.len(), Finding::EXAMPLES_MAX);
}

#[test]
fn a_dead_letter_stands_for_its_message() {
    let dead_letter = |published: &mut Published, text: &[u8]| {
        let (stream, at) = published.find("n.2", 300);
        let record = published.topics.records[stream].remove(at);
        let mut bridged = Topics::bridged(&[text.to_vec()]);
        bridged.replace_by_dead_letter(0, text);
        let letters = bridged.records.len() - 3;
        let letter = bridged.records[letters..].iter().flatten().next().unwrap().clone();
        let letter = Record { run: record.run, seq: record.seq, ..letter };
        published.topics.records[letters].push(letter);
    };
    let text = Published::new().runs[2].1[300].clone();
    let (report, faulty) = with_fault(|published| dead_letter(published, &text));
    assert_eq!((counts(&report), faulty.len(), report.dead_lettered), ([0; 5], 0, 1), "{report:?}");
    // each worker finds the letters of its symbols, with a key or without
    let mut published = Published::new();
    dead_letter(&mut published, &text);
    for index in 0..5 {
        let report = published.audit(index, 5);
        assert_eq!(counts(&report), [0; 5], "{index}");
    }
    let other = Published::new().runs[2].1[301].clone();
    let (report, _) = with_fault(|published| dead_letter(published, &other));
    assert_eq!(counts(&report), [0, 0, 0, 1, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn records_of_different_keys_or_runs_may_be_in_any_order(
        swaps in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..60),
    ) {
        let mut published = Published::new();
        for (stream, at) in swaps {
            let stream = stream.index(36);
            let records = &mut published.topics.records[stream];
            if records.len() < 2 {
                continue;
            }
            let at = at.index(records.len() - 1);
            let of = |record: &Record| (record.key.clone(), record.run.clone());
            if of(&records[at]) != of(&records[at + 1]) {
                records.swap(at, at + 1);
            }
        }
        let report = published.audit(0, 1);
        prop_assert!(report.is_clean(), "{:?}", report);
    }
}
