//! Archives that are objects of a store.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;

use super::*;
use crate::{Object, PendingRead, StoreAction, StoreError, StoreFailure};

/// The requests to an object in memory, and its planted faults.
#[derive(Debug, Default)]
struct Traffic {
    requests: Mutex<Vec<(u64, u64)>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    is_replaced: AtomicBool,
    /// The offset of a byte that is transferred wrong, plus one; 0 for none.
    wrong_byte: AtomicUsize,
}

#[derive(Debug)]
struct InMemory {
    bytes: Bytes,
    traffic: Arc<Traffic>,
}

struct Pending {
    result: Result<Bytes, StoreError>,
    traffic: Arc<Traffic>,
}

impl Object for InMemory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn begin(&self, offset: u64, len: u64) -> Box<dyn PendingRead> {
        let traffic = Arc::clone(&self.traffic);
        traffic.requests.lock().unwrap().push((offset, len));
        let now = traffic.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        traffic.most_under_way.fetch_max(now, Ordering::SeqCst);
        let mut bytes = self.bytes[offset as usize..(offset + len) as usize].to_vec();
        if let Some(wrong) = traffic.wrong_byte.load(Ordering::SeqCst).checked_sub(1)
            && let Some(byte) = wrong.checked_sub(offset as usize).and_then(|at| bytes.get_mut(at))
        {
            *byte ^= 1;
        }
        let result = if traffic.is_replaced.load(Ordering::SeqCst) {
            Err(StoreError::new("mem://day", StoreAction::Read, StoreFailure::Replaced, ""))
        } else {
            Ok(bytes.into())
        };
        Box::new(Pending { result, traffic })
    }
}

impl PendingRead for Pending {
    fn wait(mut self: Box<Self>) -> Result<Bytes, StoreError> {
        std::mem::replace(&mut self.result, Ok(Bytes::new()))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.traffic.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The archive as a file, the same one as an object, and what is asked of the object.
fn stored(rows: &[Row], options: WriterOptions) -> (Archive, Archive, Arc<Traffic>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write_rows(&path, rows, options).unwrap();
    let bytes = Bytes::from(std::fs::read(&path).unwrap());
    let file = Archive::open(&path, OpenOptions { mmap: false }).unwrap();
    let traffic = Arc::new(Traffic::default());
    let object = InMemory { bytes, traffic: Arc::clone(&traffic) };
    let archive = Archive::of_object("mem://day", Box::new(object)).unwrap();
    (file, archive, traffic)
}

fn many_groups() -> WriterOptions {
    WriterOptions { row_group_rows: 1_024, ..small_options() }
}

/// Rows whose row groups do not fit into what is read when the object is opened.
fn large() -> Vec<Row> {
    Sample::new(7).take(60_000).into_iter().map(Row::Event).collect()
}

#[test]
fn an_object_is_read_as_the_file_is() {
    let rows = any_rows(3, 9_000);
    let (file, object, _) = stored(&rows, WriterOptions { columns: ALL_COLUMNS, ..many_groups() });
    assert_eq!(read_rows(&object).unwrap(), read_rows(&file).unwrap());
    assert_eq!(object.verify_content().unwrap(), file.metadata().digest());
    object.verify_structure().unwrap();
    assert_eq!((object.bytes(), object.tail_hash()), (file.bytes(), file.tail_hash()));
    assert_eq!(object.path(), Path::new("mem://day"));
    assert!(object.is_remote() && !file.is_remote());
}

#[test]
fn opening_takes_two_requests_at_the_same_time() {
    let (_, object, traffic) = stored(&large(), many_groups());
    let requests = traffic.requests.lock().unwrap().clone();
    assert_eq!(requests, [(object.bytes() - (256 << 10), 256 << 10), (0, 4)]);
    assert_eq!(traffic.most_under_way.load(Ordering::SeqCst), 2);
}

#[test]
fn row_groups_are_requested_once_and_a_bounded_distance_ahead() {
    let (file, object, traffic) = stored(&large(), many_groups());
    let groups = object.metadata().row_groups().len();
    assert!(groups > 40, "{groups}");
    traffic.requests.lock().unwrap().clear();
    // a reader that stops early has not asked for much
    let mut batches = object.batches(Start::Beginning);
    batches.next().unwrap().unwrap();
    assert_eq!(traffic.requests.lock().unwrap().len(), 2);
    drop(batches);
    assert_eq!(traffic.under_way.load(Ordering::SeqCst), 0);
    traffic.requests.lock().unwrap().clear();
    assert_eq!(read(&object, Start::Beginning).unwrap(), read(&file, Start::Beginning).unwrap());
    // one that is used, and eight ahead
    assert_eq!(traffic.most_under_way.load(Ordering::SeqCst), 9);
    let mut asked = traffic.requests.lock().unwrap().clone();
    let all = asked.len();
    asked.dedup();
    assert_eq!(asked.len(), all, "no row group is transferred twice");
    assert!(all <= groups);
}

#[test]
fn a_replaced_object_is_an_error_and_the_end() {
    let (_, object, traffic) = stored(&large(), many_groups());
    let mut batches = object.batches(Start::Beginning);
    batches.next().unwrap().unwrap();
    traffic.is_replaced.store(true, Ordering::SeqCst);
    let rest: Vec<_> = batches.by_ref().collect();
    let Some(Err(error)) = rest.last() else { panic!("it was replaced") };
    assert!(error.is_bad_data());
    assert_eq!(
        error.to_string(),
        "cannot read mem://day: the object was replaced or deleted while it was read"
    );
    assert!(batches.next().is_none());
}

#[test]
fn bytes_that_were_transferred_wrong_are_not_parsed() {
    let (_, object, traffic) = stored(&large(), many_groups());
    let group = object.metadata().row_groups()[20];
    traffic.wrong_byte.store(group.offset as usize + 100, Ordering::SeqCst);
    let error = read(&object, Start::Beginning).unwrap_err();
    assert!(matches!(error, Error::DamagedRowGroup { row_group: 20, .. }), "{error}");
    // the tail, on opening
    let bytes = Bytes::from(vec![0; 10]);
    let object = InMemory { bytes, traffic: Arc::default() };
    let error = Archive::of_object("mem://day", Box::new(object)).unwrap_err();
    assert!(matches!(error, Error::NotParquet { .. }), "{error}");
    let object = InMemory { bytes: Bytes::new(), traffic: Arc::default() };
    let error = Archive::of_object("mem://day", Box::new(object)).unwrap_err();
    assert!(matches!(error, Error::NotParquet { .. }), "{error}");
}
