//! Writes the archives of a malicious writer to a folder, and prints one line per file: its name, and `read` or `refused`.
//! `.ci/budget` measures the time and memory of each command for them.

use std::{env, error::Error, path::PathBuf};

use tradesim_archive::testing::hostile_files;

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = env::args_os().nth(1).ok_or("usage: hostile_files FOLDER")?.into();
    for file in hostile_files(&folder)? {
        let verdict = if file.refusal.is_some() { "refused" } else { "read" };
        #[expect(clippy::print_stdout, reason = "this is a program")]
        {
            println!("{} {verdict}", file.name);
        }
    }
    Ok(())
}
