//! Golden files: texts in the repository that tests compare with the output of the code. `UPDATE_GOLDEN=1` rewrites them.

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
    assert!(found == expected, "fixtures/{name} differs from the output: UPDATE_GOLDEN=1 rewrites it");
}
