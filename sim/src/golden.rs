//! Checked-in texts that tests compare with what the code gives; `UPDATE_GOLDEN=1` writes them anew.

use std::{env, fs, path::Path};

/// Compares a file of `fixtures/` with its expected content.
#[track_caller]
pub(crate) fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "fixtures/{name} differs from the code: UPDATE_GOLDEN=1 rewrites it");
}
