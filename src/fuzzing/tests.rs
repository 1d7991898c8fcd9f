use std::{fs, path::Path};

#[test]
fn the_corpus_of_settings_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/settings");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        super::settings(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{}", folder.display());
}
