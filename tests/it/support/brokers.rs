//! A real cluster for the tests that need one.

use super::Folder;

/// A cluster given by the environment.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The value for `--bootstrap-servers`.
    pub(crate) brokers: String,
    /// The URL of the schema registry.
    pub(crate) registry: String,
}

/// Returns the cluster of `TRADESIM_KAFKA` (brokers) and `TRADESIM_REGISTRY` (a URL). A test that needs one is ignored unless it is
/// requested; requested without a cluster, it fails.
#[track_caller]
pub(crate) fn cluster() -> Cluster {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let brokers = variable("TRADESIM_KAFKA").expect(
        "TRADESIM_KAFKA names the brokers of a cluster: `compose/native/cluster up` starts one, `env` prints the variables, and \
         `.ci/kafka PYTHON tests` does both",
    );
    let registry = variable("TRADESIM_REGISTRY").unwrap_or("http://127.0.0.1:8081".to_owned());
    Cluster { brokers, registry }
}

/// Returns a prefix for topics and subjects that is unique to the test, because it contains the random name of the folder.
pub(crate) fn prefix(folder: &Folder) -> String {
    let path = folder.path("name");
    let drawn = path.parent().and_then(|parent| parent.file_name()).unwrap().to_str().unwrap();
    format!("it{drawn}.")
}
