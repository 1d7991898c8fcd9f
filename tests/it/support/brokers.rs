//! The real cluster for tests, if there is one.

use std::io::Write;

use super::Folder;

/// A cluster given by the environment.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The value for `--bootstrap-servers`.
    pub(crate) brokers: String,
    /// The URL of the schema registry.
    pub(crate) registry: String,
}

/// Returns the real cluster of `TRADESIM_KAFKA` (brokers) and `TRADESIM_REGISTRY` (a URL). Without one the test is skipped with a
/// message; with `TRADESIM_REQUIRE_KAFKA=1` that is a failure.
pub(crate) fn cluster(test: &str) -> Option<Cluster> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(brokers) = variable("TRADESIM_KAFKA") {
        let registry = variable("TRADESIM_REGISTRY").unwrap_or("http://127.0.0.1:8081".to_owned());
        return Some(Cluster { brokers, registry });
    }
    let required = variable("TRADESIM_REQUIRE_KAFKA").is_some_and(|value| value == "1");
    assert!(!required, "{test}: no Kafka, and TRADESIM_REQUIRE_KAFKA=1 asks for it");
    // written directly, because the test harness captures the output of passing tests
    let _ = writeln!(
        std::io::stderr().lock(),
        "{test} skipped: no Kafka. `compose/native/cluster up` starts one; TRADESIM_KAFKA names its brokers, \
         TRADESIM_REGISTRY the schema registry's URL"
    );
    None
}

/// Returns a prefix for topics and subjects that is unique to the test, because it contains the random name of the folder.
pub(crate) fn prefix(folder: &Folder) -> String {
    let path = folder.path("name");
    let drawn = path.parent().and_then(|parent| parent.file_name()).unwrap().to_str().unwrap();
    format!("it{drawn}.")
}
