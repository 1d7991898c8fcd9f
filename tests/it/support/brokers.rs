//! A real cluster for the tests that need one, if there is one.

use std::io::Write;

use super::Folder;

/// Brokers that the environment names.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// As `--bootstrap-servers` takes them.
    pub(crate) brokers: String,
    /// The schema registry's URL.
    pub(crate) registry: String,
}

/// The real cluster of `TRADESIM_KAFKA` (brokers) and `TRADESIM_REGISTRY` (a URL). Without one the test is skipped, and says so;
/// with `TRADESIM_REQUIRE_KAFKA=1` that is a failure.
pub(crate) fn cluster(test: &str) -> Option<Cluster> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(brokers) = variable("TRADESIM_KAFKA") {
        let registry = variable("TRADESIM_REGISTRY").unwrap_or("http://127.0.0.1:8081".to_owned());
        return Some(Cluster { brokers, registry });
    }
    let required = variable("TRADESIM_REQUIRE_KAFKA").is_some_and(|value| value == "1");
    assert!(!required, "{test}: no Kafka, and TRADESIM_REQUIRE_KAFKA=1 asks for it");
    // written past the harness, which keeps what a passing test prints to itself
    let _ = writeln!(
        std::io::stderr().lock(),
        "{test} skipped: no Kafka. `compose/native/cluster up` starts one; TRADESIM_KAFKA names its brokers, \
         TRADESIM_REGISTRY the schema registry's URL"
    );
    None
}

/// A prefix for topics and subjects that no other test has, of this run or another: it is drawn with the folder.
pub(crate) fn prefix(folder: &Folder) -> String {
    let path = folder.path("name");
    let drawn = path.parent().and_then(|parent| parent.file_name()).unwrap().to_str().unwrap();
    format!("it{drawn}.")
}
