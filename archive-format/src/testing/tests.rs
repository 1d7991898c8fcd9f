//! Every hostile file is refused with its own error, or read correctly, and resealing finds every digest.

use super::*;
use crate::{Archive, Error, OpenOptions};

fn verify(archive: &Archive) -> Result<(), Error> {
    archive.verify_structure()?;
    archive.verify_content().map(drop)
}

#[test]
fn every_hostile_file_is_refused_for_its_own_reason_or_read() {
    let folder = tempfile::tempdir().unwrap();
    let files = hostile_files(folder.path()).unwrap();
    let mut wrong = Vec::new();
    for HostileFile { name, path, refusal, at_opening } in files {
        let opened = Archive::open(&path, OpenOptions::default());
        if opened.is_err() != at_opening {
            wrong.push(format!("{name}: opening gives {:?}", opened.map(drop)));
            continue;
        }
        let read = opened.and_then(|archive| verify(&archive));
        match (read, refusal) {
            (Ok(()), None) => {}
            (Err(error), Some(refusal)) if error.is_bad_data() && error.to_string().contains(refusal) => {}
            (result, _) => wrong.push(format!("{name}: {:?}", result.map_err(|error| error.to_string()))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_archive_comes_back_from_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let rows = crate::tests::any_rows(5, 3_000);
    let options =
        crate::WriterOptions { columns: crate::tests::ALL_COLUMNS, ..crate::tests::small_options() };
    crate::tests::write_rows(&path, &rows, options).unwrap();
    let file = Parts::take_apart(&std::fs::read(&path).unwrap()).seal();
    std::fs::write(&path, file).unwrap();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    verify(&archive).unwrap();
    assert_eq!(crate::tests::read_rows(&archive).unwrap(), rows);
}

#[test]
fn a_changed_file_is_sealed_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    crate::tests::write(&path, crate::sample::Sample::new(1).take(5_000), crate::tests::small_options())
        .unwrap();
    let mut file = std::fs::read(&path).unwrap();
    for at in (4..file.len() - 8).step_by(97) {
        let before = file.clone();
        file[at] ^= 0x41;
        let sealed = reseal(&mut file);
        std::fs::write(&path, &file).unwrap();
        if sealed {
            match Archive::open(&path, OpenOptions::default()).and_then(|archive| archive.verify_structure())
            {
                Ok(()) => {}
                Err(Error::Corrupt { .. } | Error::UnsupportedVersion { .. } | Error::TooLarge { .. }) => {}
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
        file = before;
    }
}
