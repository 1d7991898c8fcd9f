//! Records, stored ids and captured frames come back as they went in.

use super::*;

#[test]
fn records_come_back_as_they_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let records = Sample::new(1).take(20_000);
    let summary = write(&path, records.clone(), small_options()).unwrap();
    assert_eq!(summary.counts.total(), 20_000);
    for mmap in [true, false] {
        let archive = Archive::open(&path, OpenOptions { mmap }).unwrap();
        assert_eq!(archive.metadata(), &summary.metadata);
        assert_eq!(archive.metadata().row_groups().len(), 10);
        assert_eq!(read(&archive, Start::Beginning).unwrap(), records);
        assert_eq!(archive.verify_content().unwrap(), summary.digest);
        archive.verify_structure().unwrap();
    }
}
