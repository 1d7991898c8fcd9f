//! The recorded burst of the opening that benches share.

use std::path::Path;

use tradesim_archive::{Archive, OpenOptions, Start};
use tradesim_schemas::{Envelope, Timestamp};

/// The start of the burst in the fixture: 09:45 in New York.
const BEGIN: &[u8] = b"2026-02-18T14:45:00.000000Z";

/// Returns the first messages of the burst.
pub(crate) fn burst(messages: usize) -> Vec<Envelope> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/opening-hour.parquet");
    let archive = Archive::open(&path, OpenOptions::default()).expect("the fixture is whole");
    let from = Timestamp::parse(BEGIN).expect("a timestamp");
    let mut envelopes = Vec::new();
    for batch in archive.batches(Start::Time(from)) {
        let batch = batch.expect("the fixture is whole");
        envelopes.extend(batch.records().iter().map(|record| record.envelope));
        if envelopes.len() >= messages {
            break;
        }
    }
    envelopes.truncate(messages);
    assert_eq!(envelopes.len(), messages);
    envelopes
}
